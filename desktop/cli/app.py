"""The table of commands, and the one place where a failure becomes an exit code.

Before it: `desktop.__main__` has set the environment. After it: a command in this folder, then the
service.

Exit codes: 0 done, 1 the run failed, 2 bad input, 3 not found, 4 differs, 5 not available, 6 quota,
130 cancelled. A defect of the program is code 1, too, with its traceback in the log and not
on the screen.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from desktop.cli import (
    chart,
    compare,
    connect,
    data,
    db,
    demo,
    doctor,
    history,
    resume,
    run,
    schema,
    show,
    stop,
    strategy,
    sweep,
    sync,
    trades,
)
from desktop.cli.output import console, show_error
from desktop.service.child import end_all
from engine.errors import BacktestError, BacktestValidationError, Problem

CANCELLED: Final = 130

app = typer.Typer(
    name="tradebench",
    help="Backtest trading strategies on your own computer.",
    epilog="First steps: tradebench demo · tradebench history · tradebench show ID. "
    "Alone, tradebench opens the window; tradebench --self-test tries every part of the program.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(value: bool) -> None:
    if value:
        from desktop.service.versions import app_version

        console().print(f"tradebench {app_version()}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Backtest trading strategies on your own computer."""


for module in (demo, run, history, show, trades, chart, compare, stop, resume, doctor, schema):
    app.command(module.NAME)(module.command)
for group, name in (
    (data, "data"),
    (strategy, "strategy"),
    (connect, "connect"),
    (db, "db"),
    (sweep, "sweep"),
    (sync, "sync"),
):
    app.add_typer(group.app, name=name)

# newer typer brings its own copy of click: the base of usage errors is found from a public name
_ClickException: type[Any] = typer.BadParameter.__mro__[2]


def run_cli(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing is raised."""
    as_json = "--json" in argv
    try:
        result = typer.main.get_command(app).main(
            args=list(argv), prog_name="tradebench", standalone_mode=False
        )
    except BacktestError as error:
        show_error(error, as_json=as_json)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        console(stderr=True).print("Cancelled.")
        return CANCELLED
    except BrokenPipeError:
        # the reader (head, less) has seen enough; Python must not complain when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except _ClickException as error:
        return _usage_error(error, as_json=as_json)
    except Exception as error:
        return _defect(error, as_json=as_json)
    finally:
        end_all()
    return result if isinstance(result, int) else 0


def _usage_error(error: Any, *, as_json: bool) -> int:
    message: str = error.format_message()
    if not message:  # the help was shown in place of a missing command
        return 2
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "tradebench"
    problem = Problem("", message, f"see {path} --help")
    show_error(BacktestValidationError(problem), as_json=as_json)
    return 2


def _defect(error: Exception, *, as_json: bool) -> int:
    """Keep the traceback for the report; tell the person where it is."""
    from desktop import logs
    from storage.paths import log_dir

    try:
        where = str(logs.configure(log_dir()))
    except OSError:
        where = ""
    logs.get("cli").error("defect", error=type(error).__name__, exc_info=error)
    told = BacktestError(
        f"A defect of Tradebench: {type(error).__name__}: {logs.redact_text(str(error))}",
        hint=f"please report it with the end of {where}" if where else "please report it",
    )
    told.kind = "internal"
    show_error(told, as_json=as_json)
    return told.exit_code
