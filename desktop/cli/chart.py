"""``chart``: the equity and drawdown of a run as lines of text, or as data for other programs."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from desktop.cli.options import AsJson, RunId

if TYPE_CHECKING:
    from rich.table import Table

    from desktop.service.charting import ChartData

NAME: Final = "chart"
_AROUND_LINE: Final = 12 + 2 + 18  # title, gap and figure beside a curve


def command(
    run_id: RunId,
    points: Annotated[
        int, typer.Option("--points", help="At most so many points a curve; peaks are kept.")
    ] = 1000,
    partial: Annotated[bool, typer.Option("--partial", help="Also of a cancelled run.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the equity, drawdown and monthly returns of a run."""
    from desktop.cli.output import console, emit
    from desktop.cli.session import open_service

    with open_service() as service:
        chart = service.chart(run_id, points, partial=partial)
    if as_json:
        emit(chart.as_json())
        return
    from desktop import fmt
    from desktop.cli.sparkline import sparkline

    out = console()
    first, last = fmt.date(int(chart.equity.time_ns[0])), fmt.date(int(chart.equity.time_ns[-1]))
    if chart.status == "cancelled":
        out.print("Partial: the run was cancelled before its end.", style="yellow")
    out.print(f"{first} to {last}, {chart.points_total:,} bars")
    curves = [("Equity", chart.equity.values), ("Drawdown", chart.drawdown.values)]
    if chart.benchmark is not None:
        curves.append((chart.benchmark_name or "Benchmark", chart.benchmark.values))
    for title, values in curves:
        shown = (
            fmt.percent(float(values.min()))
            if title == "Drawdown"
            else fmt.money(float(values[-1]))
        )
        line = sparkline(values, max(10, min(60, out.width - _AROUND_LINE)))
        out.print(f"{title:<12.12}{line}  {shown}")
    out.print(_months(chart))


def _months(chart: "ChartData") -> "Table":
    """Return the months of each year in one row, percent."""
    from rich import box
    from rich.table import Table

    from desktop import fmt
    from desktop.cli.report import signed

    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=0,  # thirteen columns fit into 80 characters
        title="Monthly returns, %",
        title_justify="left",
    )
    table.add_column("Year")
    for name in (
        "Jan",
        "Feb",
        "Mar",
        "Apr",
        "May",
        "Jun",
        "Jul",
        "Aug",
        "Sep",
        "Oct",
        "Nov",
        "Dec",
    ):
        table.add_column(name, justify="right")
    by_month = {(m.year, m.month): m.rate for m in chart.monthly_returns}
    for year in sorted({m.year for m in chart.monthly_returns}):
        rates = [by_month.get((year, month)) for month in range(1, 13)]
        cells = ["" if rate is None else signed(rate, fmt.number(100 * rate, 1)) for rate in rates]
        table.add_row(str(year), *cells)
    return table
