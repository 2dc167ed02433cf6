"""What a run came to, as a person reads it: marks, figures in groups, the curve, cautions."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from desktop import fmt
from desktop.cli.sparkline import sparkline
from engine.metric_table import METRICS, Metric
from engine.result import BacktestResult
from storage.records import RunRecord, StoredRun

STATUS_STYLE: Final = {
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "interrupted": "yellow",
    "running": "cyan",
}

_MARKS: Final = {
    "optimistic": "fills at the close that gave the signal: better than real trading allows",
    "price return": "dividends are not counted, neither for the strategy nor for its benchmark",
    "survivorship": "symbols that vanished may be missing: returns may look better than they were",
}

_WIDTH: Final = 32  # of a curve, so that its line fits into 80 columns
_COLOURED: Final = ("total_return", "final_pnl", "cagr")

_GROUPS: Final = {
    "Return": (
        "final_balance final_pnl total_return cagr benchmark_return alpha beta exposure turnover"
    ),
    "Risk": (
        "volatility max_drawdown max_drawdown_peak_date max_drawdown_date"
        " max_drawdown_recovery_date max_drawdown_duration ulcer_index var_95 cvar_95"
        " skew kurtosis"
    ),
    "Reward for risk": (
        "sharpe_ratio sortino_ratio calmar_ratio information_ratio recovery_factor tail_ratio sqn"
        " kelly"
    ),
    "Trades": (
        "total_trades winning_trades losing_trades breakeven_trades win_rate profit_factor"
        " profit_loss_ratio avg_win avg_loss expectancy avg_holding_period"
        " avg_holding_bars"
    ),
}


def signed(value: float | None, text: str) -> Text:
    """Return a text in the colour of gain or loss."""
    if value is None or value == 0:
        return Text(text)
    return Text(text, style="green" if value > 0 else "red")


def report(stored: StoredRun, *, settings: bool = False) -> Group:
    """Return the whole report of a run; without a result it says why there is none."""
    record, result = stored.record, stored.result
    parts: list[RenderableType] = [head(record)]
    if result is None:
        parts.append(_without_result(record))
    else:
        parts += [
            *marks(record, result),
            Text(),
            _metrics(record),
            *_curves(result),
            *_cautions(result),
        ]
    if settings:
        parts += [Text(), _settings(record)]
    return Group(*parts)


def head(record: RunRecord) -> Text:
    """Return which run it is, in two lines."""
    text = Text.assemble((record.name or record.strategy_name, "bold"), f"  {_traded(record)}")
    if record.start_ns is not None:
        text.append(f"  {fmt.date(record.start_ns)} to {fmt.date(record.end_ns)}")
    text.append(f"  {record.timeframe}\n")
    text.append(f"Run {record.short_id}  ")
    text.append(record.status, style=STATUS_STYLE.get(record.status, ""))
    if record.execution_duration_seconds is not None:
        text.append(f" in {fmt.duration(record.execution_duration_seconds)}", style="dim")
    return text


def _traded(record: RunRecord) -> str:
    """Return the universe, or the first symbol and how many more there are."""
    more = len(record.symbols) - 1
    if more < 1 or record.instrument_symbol not in record.symbols:
        return record.instrument_symbol
    return f"{record.instrument_symbol} +{more}"


def marks(record: RunRecord, result: BacktestResult) -> Iterator[Text]:
    """Yield what a reader must know before any figure."""
    for label in result.data_labels:
        yield Text.assemble(("Data: ", "dim"), (label, "yellow" if label == "DEMO" else ""))
    if record.partial:
        yield Text("Partial: the run was cancelled before its end.", style="yellow")
    told = " ".join(result.warnings).lower()
    for mark in (mark for mark in result.marks if mark not in told):
        yield Text.assemble(
            (mark, "yellow"), (f": {_MARKS[mark]}" if mark in _MARKS else "", "dim")
        )


def _metrics(record: RunRecord) -> Columns:
    """Return the groups side by side; a metric that no group names stands under "More"."""
    known = {info.name: info for info in METRICS}
    groups = {title: names.split() for title, names in _GROUPS.items()}
    grouped = {name for names in groups.values() for name in names}
    groups["More"] = [name for name in known if name not in grouped]
    tables = []
    for title, names in groups.items():
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column(title, no_wrap=True)
        table.add_column("", justify="right", no_wrap=True)
        for name in names:
            table.add_row(known[name].title, _figure(record, known[name]))
        if names:
            tables.append(table)
    return Columns(tables, padding=(1, 4))


def _figure(record: RunRecord, info: Metric) -> Text:
    value = record.metrics.get(info.name)
    text = fmt.by_kind(value, info.kind, record.currency)
    if info.name in _COLOURED and isinstance(value, int | float):
        return signed(value, text)
    return Text(text)


def _curves(result: BacktestResult) -> Iterator[RenderableType]:
    """Yield equity and benchmark under each other: shape, last value, deepest fall."""
    if not len(result.time_ns):
        return
    table = Table.grid(padding=(0, 2))
    table.add_row(
        "Equity",
        Text(sparkline(result.curve.equity, _WIDTH), "cyan"),
        *_end(result.curve.equity, result.drawdown),
    )
    if result.benchmark is not None:
        name = Text(result.config.data.benchmark or "Benchmark", no_wrap=True, overflow="ellipsis")
        falls = result.benchmark / np.fmax.accumulate(result.benchmark) - 1
        line = Text(sparkline(result.benchmark, _WIDTH), "magenta")
        table.add_row(name, line, *_end(result.benchmark, falls))
    yield from (Text(), table)


def _end(values: NDArray[np.float64], falls: NDArray[np.float64]) -> tuple[str, Text]:
    fall = fmt.percent(float(np.nanmin(falls)) if np.isfinite(falls).any() else None)
    return fmt.money(float(values[-1])), Text.assemble(("deepest fall ", "dim"), fall)


def _cautions(result: BacktestResult) -> Iterator[Text]:
    for text in result.warnings:
        yield Text(f"! {text}", style="yellow")
    for text in result.notices:
        yield Text(f"· {text}", style="dim")
    for kind, count in result.defects.items():
        yield Text(f"· {count} bars dropped: {kind}", style="dim")
    for position in result.open_positions:
        yield Text(
            f"· still open: {fmt.quantity(position.quantity)} {position.symbol}"
            f" at {fmt.price(position.mark)}",
            style="dim",
        )


def _without_result(record: RunRecord) -> Text:
    if record.error_message:
        return Text(record.error_message, style="red")
    return Text("There are no results.", style="dim")


def _settings(record: RunRecord) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("Setting", no_wrap=True)
    table.add_column("")
    params = record.strategy_snapshot.get("params", {})
    rows = {
        "strategy": record.strategy_name,
        **{f"  {key}": value for key, value in params.items()},
    }
    config = record.config.model_dump(mode="json", exclude={"name", "strategy"}, exclude_none=True)
    for section, values in config.items():
        rows |= {
            f"{section}.{key}": value for key, value in values.items() if value not in ([], {})
        }
    rows |= {
        "run id": record.run_id,
        "result hash": record.result_hash,
        "data hash": record.dataset_hash,
    }
    for key, value in rows.items():
        table.add_row(key, Text(", ".join(value) if isinstance(value, list) else str(value)))
    return table
