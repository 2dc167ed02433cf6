"""Trades as a CSV file: RFC 4180, UTF-8, whole or not at all, and safe to open in a spreadsheet.

Figures are written with all the digits that the database holds, instants as ISO 8601 in UTC.
``gross_pnl`` less ``commission`` less ``tax`` is ``net_pnl``; slippage is part of the prices
already and stands beside them for information. A text that a spreadsheet would take for a formula
is written with a leading apostrophe.
"""

import csv
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import BacktestError
from engine.result import BacktestResult
from engine.types import NS_PER_DAY, NS_PER_SECOND, Reason, Side
from storage.records import RunRecord

TRADE_COLUMNS: Final = (
    "run_id", "trade_no", "symbol", "side", "quantity",
    "entry_signal_time", "entry_time", "entry_price", "entry_reason",
    "exit_signal_time", "exit_time", "exit_price", "exit_reason",
    "bars_held", "days_held", "gross_pnl", "commission", "slippage", "tax", "net_pnl", "net_pnl_pct",
    "cum_pnl", "equity_after", "mfe", "mfe_pct", "mfe_bars", "mae", "mae_pct", "mae_bars",
    "currency", "ambiguous_bar", "tags",
)  # fmt: skip

Floats = NDArray[np.float64]

_UNITS: Final = 10_000
_FORMULA_START: Final = "=+-@\t\r\n＝＋－＠"
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def trade_rows(
    record: RunRecord, result: BacktestResult, chosen: NDArray[np.bool_] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Return one row of `TRADE_COLUMNS` per round trip, in the order of exit, as finished cells.

    It works by columns: a hundred thousand trades take a second, not a minute.

    Args:
        record: the run.
        result: its result, as loaded from the database.
        chosen: (n_trades,) which to return; cumulated figures count all of them.
    """
    trades = result.trades
    net, costs = _units(trades["pnl"]), (_units(trades["commission"]), _units(trades["tax"]))
    cumulated = np.cumsum(net)
    keep = slice(None) if chosen is None else chosen
    trades, net, cumulated = trades[keep], net[keep], cumulated[keep]
    commission, tax = costs[0][keep], costs[1][keep]
    symbols = [cell(name) for name in result.symbols]
    labels = [cell(name) for name in result.labels]
    exits = zip(trades["exit_reason"].tolist(), trades["exit_label"].tolist(), strict=True)
    entry_ns, exit_ns = (result.time_ns[trades[name]] for name in ("entry_bar", "exit_bar"))
    stake = trades["quantity"] * trades["entry_price"]
    columns = (
        repeat(record.run_id),
        trades["trade_no"].tolist(),
        [symbols[index] for index in trades["symbol"].tolist()],
        ["long" if side == Side.BUY else "short" for side in trades["side"].tolist()],
        _decimals(trades["quantity"], 8),
        _stamps(result.time_ns, trades["entry_signal_bar"]),
        _stamps(result.time_ns, trades["entry_bar"]),
        _decimals(trades["entry_price"], 8),
        [_label(labels, index) for index in trades["entry_label"].tolist()],
        _stamps(result.time_ns, trades["exit_signal_bar"]),
        _stamps(result.time_ns, trades["exit_bar"]),
        _decimals(trades["exit_price"], 8),
        [exit_words(labels, reason, label) for reason, label in exits],
        trades["bars_held"].tolist(),
        _decimals((exit_ns - entry_ns) / NS_PER_DAY),
        _decimals((net + commission + tax) / _UNITS),
        _decimals(commission / _UNITS),
        _decimals(trades["slippage"]),
        _decimals(tax / _UNITS),
        _decimals(net / _UNITS),
        _percents(net / _UNITS, stake),
        _decimals(cumulated / _UNITS),
        _decimals(result.curve.equity[trades["exit_bar"]]),
        _decimals(trades["mfe"]),
        _percents(trades["mfe"], stake),
        trades["mfe_bars"].tolist(),
        _decimals(trades["mae"]),
        _percents(trades["mae"], stake),
        trades["mae_bars"].tolist(),
        repeat(record.currency),
        ["yes" if flag else "no" for flag in trades["ambiguous"].tolist()],
        repeat(cell("; ".join(record.tags))),
    )
    return zip(*columns, strict=False)  # the repeated cells have no end of their own


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write finished cells so that the file is there complete or not at all; return the row count.

    Texts that may come from anywhere must have passed `cell`.

    Raises:
        BacktestError: the folder or the file can't be written.
    """
    target = path.expanduser()
    count = 0
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".part", dir=target.parent
        )
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        with open(handle, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\r\n")
            writer.writerow(columns)
            for row in rows:
                writer.writerow(row)
                count += 1
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException as error:
        with suppress(OSError):
            Path(name).unlink()
        if isinstance(error, OSError):
            raise _unwritable(target, error) from error
        raise
    return count


@lru_cache(maxsize=4096)
def cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; numbers stay numbers."""
    if text and text[0] in _FORMULA_START and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def exit_words(labels: Sequence[str], reason: int, label: int) -> str:
    """Return why a position ended: the strategy's own word for a signal, else the rule's name."""
    if reason == Reason.SIGNAL:
        return _label(labels, label) or "signal"
    return Reason(reason).name.lower()


def _units(money: Floats) -> NDArray[np.int64]:
    """Return money in ten-thousandths, the step in which the database holds it: sums are exact."""
    return np.rint(money * _UNITS).astype(np.int64)


def _decimals(values: Floats, places: int = 4) -> list[str]:
    """Return the decimals that the database holds: four places for money, eight for prices."""
    rounded = np.round(values, places) + 0.0  # + 0.0 takes the sign from a negative zero
    return [f"{value:.{places}f}" for value in rounded.tolist()]


def _percents(part: Floats, whole: Floats) -> list[str]:
    rates = np.divide(100 * part, whole, out=np.full(len(part), np.nan), where=whole != 0)
    return [f"{rate:.6f}" if rate == rate else "" for rate in (np.round(rates, 6) + 0.0).tolist()]


def _stamps(time_ns: NDArray[np.int64], bars: NDArray[np.int64]) -> list[str]:
    """Return ISO 8601 in UTC of bars; empty for -1."""
    moments = time_ns[np.maximum(bars, 0)]
    exact = np.asarray(moments.astype("datetime64[ns]"), np.dtype("datetime64[ns]"))
    if (moments % NS_PER_SECOND).any():
        texts = np.datetime_as_string(exact, unit="us", timezone="UTC")
    else:
        texts = np.datetime_as_string(exact, unit="s", timezone="UTC")
    return [str(text) for text in np.where(bars >= 0, texts, "").tolist()]


def _label(labels: Sequence[str], index: int) -> str:
    return labels[index] if 0 <= index < len(labels) else ""


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _unwritable(path: Path, error: OSError) -> BacktestError:
    return BacktestError(
        f"{path} can't be written: {error.strerror}",
        field=str(path),
        hint="choose a folder that exists and that you may write to",
    )
