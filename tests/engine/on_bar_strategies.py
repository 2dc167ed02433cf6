"""on_bar strategies for tests: one that says everything there is to say, and some that say it wrong."""

from typing import Any, ClassVar

import numpy as np

from engine.strategies.protocol import Floats, OnBarStrategy, Parameters


class Everything(OnBarStrategy):
    """Says something else at every bar and symbol, by a number that it reckons from both."""

    name: ClassVar[str] = "everything"
    State: ClassVar[dict[str, type]] = {"draw": int, "asked": int}
    labels: ClassVar[tuple[str, ...]] = ("first", "second")

    def inputs(self, panel: Any) -> dict[str, Floats]:
        return {"seed": np.arange(panel.close.size, dtype=float).reshape(panel.close.shape)}

    @staticmethod
    def on_bar(ctx: Any, state: Any, params: Any) -> None:
        for symbol in range(ctx.n_symbols):
            own = state[symbol]
            own.asked += 1
            own.draw = (own.draw * 1103515245 + 12345 + int(ctx.inputs(symbol).seed)) % 2147483648
            what = (own.draw // 65536) % 17
            price = ctx.last(symbol)
            if not price > 0.0:
                continue
            if what == 0:
                ctx.buy(symbol, shares=3)
            elif what == 1:
                ctx.buy(symbol, percent=20, limit=price * 0.98, stop_loss_rate=0.03, day=True)
            elif what == 2:
                ctx.buy(symbol, cash=300, stop=price * 1.01, take_profit_rate=0.04, label=1)
            elif what == 3:
                ctx.buy(symbol, stop=price * 1.01, limit=price * 1.02, trail_rate=0.02)
            elif what == 4:
                ctx.buy(
                    symbol, risk=1, stop_loss=price * 0.9, take_profit=price * 1.1, at_open=True
                )
            elif what == 5:
                ctx.buy(symbol, shares=2, trail_amount=price * 0.03, at_close=True, label=0)
            elif what == 6:
                ctx.sell(symbol, shares=2)
            elif what == 7:
                ctx.sell(symbol, percent=10, limit=price * 1.01, stop_loss_rate=0.02)
            elif what == 8:
                ctx.target(symbol, weight=0.3)
            elif what == 9:
                ctx.target(symbol, shares=-2, label=1)
            elif what == 10:
                ctx.exit(symbol)
            elif what == 11:
                ctx.exit(symbol, limit=price * 1.02)
            elif what == 12:
                ctx.exit(symbol, stop=price * 0.98)
            elif what == 13:
                ctx.exit(symbol, trail_rate=0.02)
            elif what == 14 and ctx.waiting(symbol) > 0:
                ctx.cancel(symbol)
            elif what == 15 and ctx.position(symbol) > 0.0 and price > ctx.entry(symbol):
                ctx.exit(symbol, at_close=True)
            elif what == 16 and ctx.equity > ctx.cash and ctx.close(symbol) > ctx.close(symbol, 1):
                ctx.target(symbol, percent=0)


class Peeping(OnBarStrategy):
    """Counts what it can find of later bars, by whatever way there is into its arrays."""

    name: ClassVar[str] = "peeping"
    State: ClassVar[dict[str, type]] = {"found": int, "past": int}

    def inputs(self, panel: Any) -> dict[str, Floats]:
        return {"close": panel.close}

    @staticmethod
    def on_bar(ctx: Any, state: Any, params: Any) -> None:
        own = state[0]
        seen = ctx.look.seen
        for bar in range(len(seen.close)):
            known = not np.isnan(seen.close[bar, 0])
            for column in (seen.open, seen.high, seen.low, seen.volume):
                known = known or not np.isnan(column[bar, 0])
            known = known or not np.isnan(seen.inputs[bar, 0].close)
            if known and bar > ctx.bar:
                own.found += 1
            own.past += known and bar <= ctx.bar
        if not np.isnan(ctx.close(0, -1)) or len(ctx.closes(0, 1000)) > ctx.bar + 1:
            own.found += 1


class WrongParameters(Parameters):
    """Which mistake it makes."""

    what: int = 0


class Wrong(OnBarStrategy):
    """Gives orders that are none, and reads behind the end of what it remembers."""

    name: ClassVar[str] = "wrong"
    State: ClassVar[dict[str, type]] = {"n": int}
    Params: ClassVar[type[Parameters]] = WrongParameters

    @staticmethod
    def on_bar(ctx: Any, state: Any, params: Any) -> None:
        if ctx.bar < 2:
            return
        if params.what == 0:
            ctx.buy(1, shares=np.nan)
        elif params.what == 1:
            ctx.sell(0, shares=1, limit=-5.0)
        elif params.what == 2:
            ctx.buy(9, shares=1)
        elif params.what == 3:
            ctx.buy(0, shares=-1)
        elif params.what == 4:
            for _ in range(1000):
                ctx.buy(0, shares=1)
        elif params.what == 5:
            ctx.close(9)
        elif params.what == 6:
            raise ValueError("the moon is full")
        elif params.what == 7:
            state[7].n = 1


class Unknown(OnBarStrategy):
    """Asks for what there is not."""

    name: ClassVar[str] = "unknown"

    @staticmethod
    def on_bar(ctx: Any, state: Any, params: Any) -> None:
        ctx.borrow(0)


class Twice(OnBarStrategy):
    """Says its size in two ways."""

    name: ClassVar[str] = "twice"

    @staticmethod
    def on_bar(ctx: Any, state: Any, params: Any) -> None:
        ctx.buy(0, shares=1, cash=2)
