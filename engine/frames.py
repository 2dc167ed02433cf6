"""Results as pandas frames, and frames as a panel: the only pandas in the engine.

For people who script. All times are UTC; rates are fractions; money is in the account's currency.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import BacktestValidationError, Problem
from engine.market import Panel, common_axis
from engine.result import BacktestResult
from engine.types import Reason

_COLUMNS = ("open", "high", "low", "close", "volume")


def trades_frame(result: BacktestResult) -> pd.DataFrame:
    """Return the closed trades, one row a round trip, by number.

    ``side`` is long or short; ``entry_signal`` and ``exit_signal`` name the strategy's signals
    (empty when there is none behind the fill), ``exit_reason`` says why the exit happened. Signal
    times are those of the deciding bars.
    """
    rows = result.trades
    symbols, labels = np.array(result.symbols, object), np.array(result.labels or ("",), object)
    columns: dict[str, Any] = {
        "symbol": symbols[rows["symbol"]],
        "side": np.where(rows["side"] > 0, "long", "short"),
        "position_no": rows["position_no"],
        "quantity": rows["quantity"],
        "entry_signal_time": _times_of(result.time_ns, rows["entry_signal_bar"]),
        "entry_time": _times_of(result.time_ns, rows["entry_bar"]),
        "entry_price": rows["entry_price"],
        "entry_signal": labels[rows["entry_label"]],
        "exit_signal_time": _times_of(result.time_ns, rows["exit_signal_bar"]),
        "exit_time": _times_of(result.time_ns, rows["exit_bar"]),
        "exit_price": rows["exit_price"],
        "exit_signal": labels[rows["exit_label"]],
        "exit_reason": _reasons_of(rows["exit_reason"]),
    }
    plain = ("commission", "tax", "slippage", "dividends", "pnl", "pnl_rate", "bars_held")
    columns |= {name: rows[name] for name in (*plain, "mae", "mae_bars", "mfe", "mfe_bars")}
    columns["ambiguous"] = rows["ambiguous"] != 0
    return pd.DataFrame(columns, index=pd.Index(rows["trade_no"], name="trade_no"))


def fills_frame(result: BacktestResult) -> pd.DataFrame:
    """Return the executions in their order, by the time of their bar; ``at``: its open or close."""
    rows = result.fills
    columns: dict[str, Any] = {
        "symbol": np.array(result.symbols, object)[rows["symbol"]],
        "side": np.where(rows["side"] > 0, "buy", "sell"),
        "at": np.array(["open", "inside", "close"])[rows["phase"]],
        "reason": _reasons_of(rows["reason"]),
    }
    columns |= {name: rows[name] for name in ("quantity", "price", "commission", "tax", "slippage")}
    return pd.DataFrame(columns, index=_time_index(rows["time_ns"]))


def equity_frame(result: BacktestResult) -> pd.DataFrame:
    """Return the account after each bar: equity, cash, drawdown, number of positions.

    Where there is a benchmark it is the last column, scaled to the initial capital.
    """
    columns: dict[str, Any] = {
        "equity": result.curve.equity,
        "cash": result.curve.cash,
        "drawdown": result.drawdown,
        "positions": result.curve.positions,
    }
    if result.benchmark is not None:
        columns["benchmark"] = result.benchmark
    return pd.DataFrame(columns, index=_time_index(result.time_ns))


def panel_from_frames(frames: Mapping[str, pd.DataFrame], **more: Any) -> Panel:
    """Build a panel from one frame of bars per symbol.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        Columns open, high, low, close and, where known, volume, in any case; a DatetimeIndex of the
        opens of the bars, in UTC where it names no zone. The axis is the union of all of them.
    more
        Further fields of the `Panel` (``timeframe``, ``adjustment``, ``currency`` …).

    Raises
    ------
    BacktestValidationError
        Naming each symbol whose frame has no times, repeats one, lacks a column or holds what is no
        number.
    """
    problems: list[Problem] = []
    tables = {symbol: _table_of(symbol, frames[symbol], problems) for symbol in frames}
    if not frames:
        problems.append(Problem("data", "no frame was given", "give at least one symbol"))
    if problems:
        raise BacktestValidationError(problems)
    symbols = tuple(sorted(tables, key=str.encode))
    axis = common_axis(tables[symbol][0] for symbol in symbols)
    columns = np.full((len(_COLUMNS), len(axis), len(symbols)), np.nan)
    for place, symbol in enumerate(symbols):
        times, values = tables[symbol]
        columns[:, np.searchsorted(axis, times), place] = values
    return Panel(symbols, axis, *columns, **more)


def _table_of(
    symbol: str, frame: pd.DataFrame, problems: list[Problem]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return times (n,) and columns (5, n) of a symbol; add what is wrong to ``problems``."""
    nothing = np.empty(0, np.int64), np.empty((len(_COLUMNS), 0))
    index = frame.index
    if not isinstance(index, pd.DatetimeIndex) or index.hasnans:
        problems.append(
            Problem(symbol, "the frame has no index of times", "set a DatetimeIndex without gaps")
        )
        return nothing
    if not index.is_unique:
        first = index[index.duplicated()][0]
        problems.append(Problem(symbol, f"the time {first} is there twice", "keep one row a time"))
        return nothing
    found = {str(name).lower(): name for name in frame.columns}
    missing = [name for name in _COLUMNS[:4] if name not in found]
    if missing:
        problems.append(
            Problem(
                symbol, f"no column {', '.join(missing)}", f"there are {', '.join(found) or 'none'}"
            )
        )
        return nothing
    try:
        values = np.array(
            [frame[found[c]] if c in found else np.full(len(frame), np.nan) for c in _COLUMNS],
            float,
        )
    except (TypeError, ValueError) as error:
        problems.append(
            Problem(symbol, f"a value is not a number: {error}", "prices and volumes are numbers")
        )
        return nothing
    utc = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    return utc.as_unit("ns").asi8, values


def _times_of(time_ns: NDArray[np.int64], bars: NDArray[np.int64]) -> pd.DatetimeIndex:
    """Return the opens of the bars; NaT for -1."""
    never = np.iinfo(np.int64).min
    return _time_index(np.where(bars >= 0, time_ns[np.maximum(bars, 0)], never), name=None)


def _time_index(time_ns: NDArray[np.int64], name: str | None = "time") -> pd.DatetimeIndex:
    return pd.DatetimeIndex(time_ns.astype("datetime64[ns]"), tz="UTC", name=name)


def _reasons_of(codes: NDArray[np.int8]) -> NDArray[np.object_]:
    return np.array([reason.name.lower() for reason in Reason], object)[codes]
