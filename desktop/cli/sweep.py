"""``sweep``: every combination of a strategy's parameters; what was found is shown, listed, run, removed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from desktop.cli.options import AsJson

if TYPE_CHECKING:
    from desktop.cli.tables import Column
    from desktop.service.sweeping import Found, Prepared, Sweeps
    from engine.sweeps.run import SweepProgress
    from storage.sweeps import SweepRecord

CANCELLED: Final = 130

_HELP: Final = ("-h", "--help")
_SHOWN: Final = (
    "total_return",
    "sharpe_ratio",
    "max_drawdown",
    "total_trades",
    "win_rate",
    "profit_factor",
)


class _FileOrCommand(TyperGroup):
    """Takes ``sweep FILE`` for ``sweep start FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in _HELP:
            args = ["start", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_FileOrCommand,
    no_args_is_help=True,
    help="Try every combination of a strategy's parameters: tradebench sweep FILE.",
)

SweepId = Annotated[str, typer.Argument(metavar="ID", help="A sweep's id, or the beginning of it.")]
Top = Annotated[int, typer.Option("--top", help="How many of the best to show, 1 to 1000.")]
Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", help="Also write all combinations to a file."),
]


@app.command("start")
def start(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A configuration with a [sweep] section.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting: --set sweep.threads=2"),
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="ID", help="Go on with a sweep.")
    ] = None,
    top: Top = 20,
    csv: Csv = None,
    as_json: AsJson = False,
) -> int:
    """Try every combination and keep what is found, also when it is stopped."""
    from desktop.cli.output import note
    from desktop.cli.session import open_service

    if (file is None) == (resume is None):
        raise typer.BadParameter("give a FILE, or --resume ID")
    with open_service() as service:
        from desktop.cli.progress import stop_on_interrupt
        from desktop.service.kernel_cache import is_filled, prepare

        sweeps = service.sweeps()
        if not is_filled(prepare()):
            note("Compiling the simulation kernels, once for this computer …")
        prepared = _prepared(sweeps, file, overrides or [], resume)
        note(_announcement(prepared))
        with _progress_bar() as show, stop_on_interrupt() as should_stop:
            record = sweeps.run(prepared, show, should_stop)
        _tell(sweeps, record, top, csv, as_json=as_json)
    return CANCELLED if record.status == "partial" else 0


@app.command("show")
def show(sweep_id: SweepId, top: Top = 20, csv: Csv = None, as_json: AsJson = False) -> None:
    """Show the best combinations of a sweep, finished or not."""
    from desktop.cli.session import open_service

    with open_service() as service:
        sweeps = service.sweeps()
        _tell(sweeps, sweeps.get(sweep_id), top, csv, as_json=as_json)


@app.command("run")
def run(
    sweep_id: SweepId,
    number: Annotated[int, typer.Argument(metavar="N", help="The number of a combination.")],
    as_json: AsJson = False,
) -> int:
    """Run one combination in full and keep it as a run."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        from desktop.cli.progress import progress_bar, stop_on_interrupt

        with progress_bar(compiles=False) as show_run, stop_on_interrupt() as should_stop:
            stored = service.sweeps().run_one(sweep_id, number, show_run, should_stop)
        if as_json:
            from desktop.service.payloads import run_payload

            emit(run_payload(stored))
        else:
            from desktop.cli.report import report

            console().print(report(stored))
    return CANCELLED if stored.record.status == "cancelled" else 0


@app.command("list")
def all_sweeps(as_json: AsJson = False) -> None:
    """List the sweeps of this computer, newest first."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service
    from desktop.cli.tables import Column, print_table

    with open_service() as service:
        found = service.sweeps().all()
    if as_json:
        emit({"items": [_head(record) for record in found], "total": len(found)})
        return
    if not found:
        console().print("No sweeps yet. Begin one: tradebench sweep FILE")
        return
    heads = [_head(record) for record in found]
    print_table(
        console(),
        [
            Column("Sweep", [record.short_id for record in found]),
            Column("Begun (UTC)", [head["created_at"][:16].replace("T", " ") for head in heads]),
            Column("Strategy", [head["strategy"] for head in heads]),
            Column("Combinations", [f"{head['combinations']:,}" for head in heads], "right"),
            Column("Status", [head["status"] for head in heads]),
        ],
    )


@app.command("remove")
def remove(sweep_id: SweepId) -> None:
    """Delete a sweep; the runs made of it stay."""
    from desktop.cli.output import console
    from desktop.cli.session import open_service

    with open_service() as service:
        sweeps = service.sweeps()
        full = sweeps.get(sweep_id).sweep_id
        sweeps.remove(full)
    console().print(f"Removed sweep {full}")


def _prepared(
    sweeps: "Sweeps", file: Path | None, overrides: list[str], resume: str | None
) -> "Prepared":
    from desktop.service.configfile import load_sweep
    from engine.sweeps.spec import parse_sweep

    if resume is not None:
        if overrides:
            raise typer.BadParameter("--set changes a new sweep, not one that was begun")
        return sweeps.prepare_rest(resume)
    assert file is not None, "checked by the caller"
    config, section = load_sweep(file, overrides)
    return sweeps.prepare(config, parse_sweep(section), config_path=str(file.resolve()))


def _announcement(prepared: "Prepared") -> str:
    from desktop import fmt

    expected = prepared.estimate
    threads = "1 thread" if expected.threads == 1 else f"{expected.threads} threads"
    return (
        f"{expected.combinations:,} combinations, about {fmt.duration(expected.seconds)} on {threads};"
        f" {_megabytes(expected.memory_bytes)} of memory, {_megabytes(prepared.disk_bytes)} on disk"
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


@contextmanager
def _progress_bar() -> Iterator[Callable[["SweepProgress"], None]]:
    """Give a callback that draws how far it is, how fast, and the best so far, on standard error."""
    import sys

    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    from desktop import fmt
    from desktop.cli.output import console

    if not sys.stderr.isatty():
        yield lambda _progress: None
        return
    bar = Progress(
        TextColumn("Sweeping"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[words]}"),
        console=console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("sweep", total=1.0, words="")

        def show_sweep(progress: "SweepProgress") -> None:
            words = f"{progress.done:,} of {progress.total:,}"
            if progress.eta_seconds is not None:
                words += f"  {fmt.duration(progress.eta_seconds)} left"
            if progress.best is not None:
                words += f"  best {progress.best:.3g}"
            bar.update(task, completed=progress.fraction, words=words)

        yield show_sweep


def _tell(
    sweeps: "Sweeps", record: "SweepRecord", top: int, csv: Path | None, *, as_json: bool
) -> None:
    from desktop.cli.output import console, emit, note
    from desktop.cli.tables import print_table

    best = sweeps.top(record, top)
    done, refused = sweeps.counts(record)
    if csv is not None:
        note(f"{sweeps.export_csv(record, csv):,} lines in {csv}")
    if as_json:
        items = [_item(found) for found in best]
        emit({**_head(record), "done": done, "refused": refused, "items": items})
        return
    out = console()
    print_table(out, _columns(record, best))
    words = (
        f"Sweep {record.short_id}: {done:,} of {record.header.facts['combinations']:,} combinations"
    )
    out.print(f"{words}, {refused:,} of them not taken by the strategy" if refused else words)
    if record.status == "partial":
        out.print(
            f"Stopped; what is done is kept. Go on: tradebench sweep --resume {record.short_id}"
        )
    elif best:
        out.print(f"Next: tradebench sweep run {record.short_id} {best[0].number}", style="dim")


def _columns(record: "SweepRecord", best: "list[Found]") -> "list[Column]":
    from desktop import fmt
    from desktop.cli.tables import Column
    from engine.metric_table import METRICS

    known = {metric.name: metric for metric in METRICS}
    objective = record.header.facts["sweep"]["objective"]
    names = [objective, *(name for name in _SHOWN if name != objective)]
    columns = [Column("N", [f"{found.number}" for found in best], "right")]
    columns += [
        Column(name, [f"{found.params[name]}" for found in best], "right")
        for name in (best[0].params if best else ())
    ]
    for spare, name in enumerate(names):
        cells = [fmt.by_kind(found.figures[name], known[name].kind) for found in best]
        columns.append(Column(known[name].title, cells, "right", spare))
    return columns


def _head(record: "SweepRecord") -> dict[str, Any]:
    facts = record.header.facts
    return {
        "sweep_id": record.sweep_id,
        "status": record.status,
        "created_at": record.header.created_at,
        "strategy": facts["config"]["strategy"]["name"],
        "combinations": facts["combinations"],
        "objective": facts["sweep"]["objective"],
    }


def _item(found: "Found") -> dict[str, Any]:
    return {
        "number": found.number,
        "params": found.params,
        "metrics": found.figures,
        "refused": found.refused,
    }
