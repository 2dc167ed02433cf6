"""``demo``: a finished backtest on the bundled prices, two words after installing."""

from typing import Annotated, Final

import typer

from desktop.cli.options import AsJson

NAME: Final = "demo"


def command(
    as_json: AsJson = False,
    no_window: Annotated[
        bool, typer.Option("--no-window", help="Show the results here, and open no window.")
    ] = False,
) -> int:
    """Run a backtest on the bundled market data, in a window where one can open."""
    del no_window  # read in desktop.__main__: what is in here never opens a window
    from desktop.cli.output import console, emit, note
    from desktop.cli.run import CANCELLED, run_with_progress
    from desktop.cli.session import open_service

    with open_service() as service:
        from desktop.service.demo import demo_config

        if not as_json:
            note("A backtest on the bundled demo data: daily prices of five American companies.")
        stored = run_with_progress(service, demo_config())
        if as_json:
            from desktop.service.payloads import run_payload

            emit(run_payload(stored))
        else:
            from desktop.cli.report import report

            out = console()
            out.print(report(stored))
            short = stored.record.short_id
            out.print(
                f"Next: tradebench trades {short} · tradebench chart {short} · tradebench history"
            )
    return CANCELLED if stored.record.status == "cancelled" else 0
