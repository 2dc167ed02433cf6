"""What to tell when an on_bar strategy goes wrong: the line of its file, the day, and what was wrong there."""

import linecache
import re
import traceback
from collections.abc import Callable
from typing import Final

import numpy as np
from numba.core.errors import NumbaError

from engine.errors import BacktestError, BacktestValidationError, Problem
from engine.kernels.on_bar import Own
from engine.kernels.verbs import (
    NEGATIVE,
    NO_NUMBER,
    NO_SYMBOL,
    PROBLEM,
    SYMBOL,
    TOO_MANY,
    VERB,
)
from engine.market import Panel
from engine.types import NS_PER_DAY, Action

_WRONG: Final = {
    TOO_MANY: "gave more orders than one bar may have",
    NO_SYMBOL: "names a symbol that there is not",
    NO_NUMBER: "has a size or a price that is no positive number",
    NEGATIVE: "has a negative size",
}
_VERBS: Final = {
    Action.BUY: "buy",
    Action.SELL: "sell",
    Action.EXIT_LONG: "exit",
    Action.EXIT_SHORT: "exit",
    Action.TARGET: "target",
    Action.CANCEL: "cancel",
}


def said_wrong(own: Own, panel: Panel, bar: int) -> BacktestError:
    """Return what to tell about an order that is none."""
    notes = own.notes.tolist()
    symbol = notes[SYMBOL]
    known = panel.symbols[symbol] if 0 <= symbol < panel.n_symbols else f"number {symbol}"
    return bad(
        f"ctx.{_VERBS.get(notes[VERB], 'order')} of {known} at the close of {day_of(panel, bar)} "
        f"{_WRONG.get(notes[PROBLEM], 'is no order')}",
        "look at what it was reckoned from: NaN where a symbol has no bar is the usual reason",
    )


def raised(error: Exception, on_bar: Callable[..., None], panel: Panel, bar: int) -> BacktestError:
    """Return what to tell when a strategy's loop raised: the line, and what was wrong with it or happened there."""
    file = on_bar.__code__.co_filename
    if isinstance(error, BacktestError):
        return error
    if isinstance(error, NumbaError):
        return _not_compiled(error, file)
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    lines = [f for f in own if f.name == on_bar.__name__]
    place = f"{_name_of(file)}, line {lines[-1].lineno}" if lines else _name_of(file)
    source = f" in `{lines[-1].line}`" if lines and lines[-1].line else ""
    return bad(
        f"{place}: {type(error).__name__}: {error}{source} at the close of {day_of(panel, bar)}",
        "the strategy's own code raised this; mend it there",
    )


def day_of(panel: Panel, bar: int) -> str:
    """Return when a bar opens: its date, with the time within the day where bars are shorter."""
    time_ns = int(panel.time_ns[min(bar, panel.n_bars - 1)])
    unit = "M8[D]" if time_ns % NS_PER_DAY == 0 else "M8[s]"
    return str(np.datetime64(time_ns, "ns").astype(unit))


# What Numba says that means something to the author of a strategy; all else of its report is about itself.
_TELLING: Final = (
    r"ctx\.\w+: .*",
    r"Unknown attribute.*",
    r"Untyped global name.*",
    r".*is not defined.*",
    r"Use of unsupported.*",
    r"Unsupported .*",
    r".*unexpected keyword.*",
    r"missing a required.*",
    r"too many positional.*",
    r"Cannot unify.*",
    r"No implementation of function.*",
    r"Invalid use of.*",
    r"Cannot determine Numba type.*",
)


def _not_compiled(error: NumbaError, file: str) -> BacktestError:
    """Say what Numba does not understand, and the line of the strategy that it names first."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    name = _name_of(file)
    lines = re.findall(rf'{re.escape(name)}", line (\d+)', text)
    place = f"{name}, line {lines[0]}" if lines else name
    source = f" in `{linecache.getline(file, int(lines[0])).strip()}`" if lines else ""
    told = (re.search(pattern, text) for pattern in _TELLING)
    what = next((found.group().strip() for found in told if found), "Numba can't compile this")
    return bad(
        f"{place}: {_shortened(what)}{source}",
        "on_bar is compiled by Numba: numbers, arrays and loops, what ctx offers, and helpers with @njit",
    )


def _shortened(what: str) -> str:
    """Call the context ``ctx``: its full type fills a page."""
    found = what.find("Context(")
    return what[:200] if found < 0 else f"{what[:found].replace(' of type ', ' of ')}ctx"


def bad(message: str, hint: str) -> BacktestValidationError:
    """Return a problem of the strategy."""
    return BacktestValidationError(Problem("strategy", message, hint))


def _name_of(file: str) -> str:
    return file.replace("\\", "/").rsplit("/", 1)[-1]
