"""Strategy files to begin with: they work as they are, and their comments say what to change."""

import re
from pathlib import Path
from typing import Final

from engine.errors import BacktestError, BacktestValidationError, Problem
from storage import paths

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_HEAD: Final = '''"""{title}: say in one line what it does."""

from typing import ClassVar

{imports}from pydantic import Field

from engine.kernels.indicators import {indicator}
from engine.market import Panel
from engine.strategies.protocol import {base_imports}


class {cls}Parameters(Parameters):
    """What can be set. The form, the checks and the optimiser's ranges follow from each declaration."""

'''
_SIGNALS: Final = '''    bars: int = Field(20, ge=2, le=500, title="Bars", description="Closes in the average")


class {cls}(SignalStrategy):
    """Why it should work, and when it should not."""

    name: ClassVar[str] = "{name}"
    title: ClassVar[str] = "{title}"
    summary: ClassVar[str] = "Long while the close is above its average."
    Params: ClassVar[type[Parameters]] = {cls}Parameters

    def warmup_bars(self) -> int:
        """How many bars before the start date the indicators need."""
        return int(self.params.bars)

    def signals(self, panel: Panel) -> Signals:
        """Decide for all bars at once; panel.close and its like are arrays (bars, symbols), NaN where no bar is.

        What is said for a bar may use that bar and earlier ones, never later ones: the program asks again on data that
        end earlier and refuses what changes.
        """
        average = rolling_mean_nb(panel.close, self.params.bars, 0)
        above = panel.close > average
        below = panel.close < average
        return Signals(enter_long=above, exit_long=below)
'''
_TARGETS: Final = '''    lookback: int = Field(120, ge=2, le=1000, title="Lookback", description="Bars of the rise")
    top_n: int = Field(3, ge=1, le=500, title="Hold the top", description="Symbols to hold")


class {cls}(TargetStrategy):
    """Why it should work, and when it should not."""

    name: ClassVar[str] = "{name}"
    title: ClassVar[str] = "{title}"
    summary: ClassVar[str] = "Holds what has risen most, in equal parts."
    Params: ClassVar[type[Parameters]] = {cls}Parameters

    def warmup_bars(self) -> int:
        """How many bars before the start date the indicators need."""
        return int(self.params.lookback)

    def weights(self, panel: Panel, bars: np.ndarray) -> np.ndarray:
        """Say which weights to hold from the close of each of these bars on: (len(bars), symbols).

        A row of NaN says that it is too early. Only the bar itself and earlier ones may be used.
        """
        rise = change_nb(panel.close, self.params.lookback)[bars]
        weights = np.full(rise.shape, np.nan)
        for row, values in enumerate(rise):
            known = np.flatnonzero(~np.isnan(values))
            if len(known):
                best = known[np.argsort(-values[known], kind="stable")][: self.params.top_n]
                weights[row] = 0.0
                weights[row, best] = 1.0 / len(best)
        return weights
'''

_ON_BAR: Final = '''"""{title}: say in one line what it does."""

from typing import Any, ClassVar

from pydantic import Field

from engine.kernels.indicators import rolling_mean_nb
from engine.market import Panel
from engine.strategies.context import Context
from engine.strategies.protocol import Floats, OnBarStrategy, Parameters


class {cls}Parameters(Parameters):
    """What can be set. The form, the checks and the optimiser's ranges follow from each declaration."""

    bars: int = Field(20, ge=2, le=500, title="Bars", description="Closes in the average")
    most: int = Field(3, ge=1, le=20, title="Most", description="Most purchases before it leaves")
    size_pct: float = Field(
        20.0, gt=0, le=100, title="Size", description="Percent of equity in a purchase"
    )


class {cls}(OnBarStrategy):
    """Why it should work, and when it should not."""

    name: ClassVar[str] = "{name}"
    title: ClassVar[str] = "{title}"
    summary: ClassVar[str] = "Buys again and again below its average, and leaves above it."
    Params: ClassVar[type[Parameters]] = {cls}Parameters

    # What it remembers of each symbol from bar to bar: float, int or bool, 0 at the beginning.
    State: ClassVar[dict[str, type]] = {{"bought": int, "last": float}}

    # Names of its orders in the trade list: label=0 is the first.
    labels: ClassVar[tuple[str, ...]] = ("dip", "recovery")

    def warmup_bars(self) -> int:
        """How many bars before the start date the indicators need."""
        return int(self.params.bars)

    def inputs(self, panel: Panel) -> dict[str, Floats]:
        """What is computed for all bars at once, as arrays (bars, symbols): on_bar is shown the present bar's."""
        return {{"average": rolling_mean_nb(panel.close, self.params.bars, 0)}}

    @staticmethod
    def on_bar(ctx: Context, state: Any, params: Any) -> None:
        """Decide at the close of one bar. Numba compiles this: numbers, arrays and loops; helpers need @njit.

        ctx.close(symbol), ctx.close(symbol, 1) for the bar before, ctx.closes(symbol, 20) for the last twenty;
        open, high, low and volume likewise; ctx.position(symbol), ctx.entry(symbol), ctx.waiting(symbol), ctx.cash,
        ctx.equity. ctx.buy, ctx.sell: shares=, cash=, percent= or risk=; limit=, stop=; stop_loss=, take_profit=,
        stop_loss_rate=, take_profit_rate=, trail_rate=, trail_amount=. ctx.target(symbol, weight=), ctx.exit(symbol),
        ctx.cancel(symbol). All of it is described in engine.strategies.context.
        """
        for symbol in range(ctx.n_symbols):
            own = state[symbol]
            close, average = ctx.close(symbol), ctx.inputs(symbol).average
            if ctx.waiting(symbol) > 0 or not close > 0.0:
                continue  # an order is on its way, or the symbol has no bar
            if ctx.position(symbol) > 0.0 and close > average:
                ctx.exit(symbol, label=1)
                own.bought = 0
            elif close < average and own.bought < params.most:
                if own.bought == 0 or close < own.last:
                    ctx.buy(symbol, percent=params.size_pct / ctx.n_symbols, label=0)
                    own.bought, own.last = own.bought + 1, close
'''


def template(name: str, form: str) -> str:
    """Return the text of a strategy file.

    Raises:
        BacktestValidationError: the name is none.
    """
    if not _NAME.fullmatch(name):
        raise BacktestValidationError(
            Problem(
                "name", f"{name!r} is not allowed", "small letters, digits and _, a letter first"
            )
        )
    words = name.replace("_", " ").strip()
    cls = "".join(part.capitalize() for part in name.split("_"))
    if form == "on_bar":
        return _ON_BAR.format(name=name, title=words.capitalize(), cls=cls)
    targets = form == "targets"
    text = _HEAD + (_TARGETS if targets else _SIGNALS)
    return text.format(
        name=name,
        title=words.capitalize(),
        cls=cls,
        imports="import numpy as np\n" if targets else "",
        indicator="change_nb" if targets else "rolling_mean_nb",
        base_imports="Parameters, TargetStrategy"
        if targets
        else "Parameters, Signals, SignalStrategy",
    )


def write_template(name: str, form: str, folder: Path | None = None) -> Path:
    """Write a strategy file into a folder (the person's strategies by default) and return where.

    Raises:
        BacktestValidationError: the name is none.
        BacktestError: there is such a file already, or it can't be written.
    """
    text = template(name, form)
    path = (folder or paths.strategies_dir()) / f"{name}.py"
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise BacktestError(
            f"There is a file {path} already", field="name", hint="choose another name"
        ) from None
    except OSError as error:
        raise BacktestError(
            f"{path} can't be written ({error.strerror})",
            field="folder",
            hint="choose another folder",
        ) from error
    return path
