"""``run``: one backtest from a configuration file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from desktop.cli.options import AsJson

if TYPE_CHECKING:
    from desktop.service.facade import Service
    from engine.config import BacktestConfig
    from storage.records import StoredRun

NAME: Final = "run"
CANCELLED: Final = 130


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration, TOML or JSON.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a setting: --set costs.commission_pct=0.2"
        ),
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Agree to run the strategy file in its present version.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Run a backtest and keep it."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service
    from desktop.cli.trusting import agree_to

    with open_service() as service:
        from desktop.service.configfile import load_config

        config = load_config(file, overrides or ())
        agree_to(config.strategy.name, trust=trust)
        stored = run_with_progress(service, config, config_path=str(file.resolve()))
        if as_json:
            from desktop.service.payloads import run_payload

            emit(run_payload(stored))
        else:
            from desktop.cli.report import report

            out = console()
            out.print(report(stored))
            short = stored.record.short_id
            out.print(f"Next: tradebench trades {short} · tradebench chart {short}", style="dim")
    return CANCELLED if stored.record.status == "cancelled" else 0


def run_with_progress(
    service: "Service", config: "BacktestConfig", *, config_path: str | None = None
) -> "StoredRun":
    """Submit and execute, with a bar where somebody is watching and Ctrl-C as a stop."""
    from desktop.cli.progress import progress_bar, stop_on_interrupt
    from desktop.service.kernel_cache import is_filled, prepare

    run_id = service.submit(config, config_path=config_path)
    compiles = not is_filled(prepare())
    with progress_bar(compiles=compiles) as on_progress, stop_on_interrupt() as should_stop:
        return service.execute(run_id, on_progress, should_stop)
