"""What an on_bar strategy is given as ``ctx``: the past of the market, its own positions, and the verbs of orders.

This class is the description, for people, for editors (annotate ``ctx: Context``) and for the type checker. What runs
is compiled, in `engine.kernels.context` and `engine.kernels.verbs`. Symbols are numbers from 0 to ``n_symbols - 1``, in
bytewise order of their names.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Context(Protocol):
    """One bar, at its close.

    Attributes:
        n_symbols: how many symbols there are.
        bar: number of this bar; warm-up bars count, too.
        time_ns: its open, UTC nanoseconds since 1970.
        cash: what is in the account.
        equity: cash and positions at the closes of this bar.
    """

    n_symbols: int
    bar: int
    time_ns: int
    cash: float
    equity: float

    def open(self, symbol: int, ago: int = 0) -> float:
        """Return the open of this bar, or of that so many bars ago; NaN where there was none."""
        ...

    def high(self, symbol: int, ago: int = 0) -> float:
        """Return a high."""
        ...

    def low(self, symbol: int, ago: int = 0) -> float:
        """Return a low."""
        ...

    def close(self, symbol: int, ago: int = 0) -> float:
        """Return a close."""
        ...

    def volume(self, symbol: int, ago: int = 0) -> float:
        """Return a volume."""
        ...

    def closes(self, symbol: int, count: int) -> NDArray[np.float64]:
        """Return the last so many closes, this bar's last; fewer at the beginning."""
        ...

    def highs(self, symbol: int, count: int) -> NDArray[np.float64]:
        """Return the last so many highs."""
        ...

    def lows(self, symbol: int, count: int) -> NDArray[np.float64]:
        """Return the last so many lows."""
        ...

    def volumes(self, symbol: int, count: int) -> NDArray[np.float64]:
        """Return the last so many volumes."""
        ...

    def last(self, symbol: int) -> float:
        """Return the last known close, also when this bar has none; NaN before the first."""
        ...

    def inputs(self, symbol: int) -> Any:
        """Return the record of what `OnBarStrategy.inputs` computed for this bar."""
        ...

    def position(self, symbol: int) -> float:
        """Return the quantity held, negative when short."""
        ...

    def entry(self, symbol: int) -> float:
        """Return the average price of the open position; NaN when there is none."""
        ...

    def waiting(self, symbol: int) -> int:
        """Return how many orders of its own wait; exits that wait for a price don't count."""
        ...

    def buy(
        self,
        symbol: int,
        *,
        shares: float = ...,
        cash: float = ...,
        percent: float = ...,
        risk: float = ...,
        limit: float = ...,
        stop: float = ...,
        stop_loss: float = ...,
        take_profit: float = ...,
        stop_loss_rate: float = ...,
        take_profit_rate: float = ...,
        trail_rate: float = ...,
        trail_amount: float = ...,
        at_open: bool = False,
        at_close: bool = False,
        day: bool = False,
        label: int = -1,
    ) -> None:
        """Give an order to buy, whatever is held.

        Size: one of ``shares``, ``cash``, ``percent`` of equity, ``risk`` (percent of equity lost at the stop); none
        takes what the configuration says. ``limit``, ``stop``: prices; both make a stop-limit, none is the market, as
        ``fill_at`` says, or the next ``at_open`` or ``at_close``. The rest is a bracket that ends what the order has
        opened: ``stop_loss`` and ``take_profit`` are prices, ``*_rate`` fractions of the base, ``trail_*`` a stop that
        follows. ``day``: ends with the next session.
        """
        ...

    def sell(
        self,
        symbol: int,
        *,
        shares: float = ...,
        cash: float = ...,
        percent: float = ...,
        risk: float = ...,
        limit: float = ...,
        stop: float = ...,
        stop_loss: float = ...,
        take_profit: float = ...,
        stop_loss_rate: float = ...,
        take_profit_rate: float = ...,
        trail_rate: float = ...,
        trail_amount: float = ...,
        at_open: bool = False,
        at_close: bool = False,
        day: bool = False,
        label: int = -1,
    ) -> None:
        """Give an order to sell, whatever is held: it opens a short when nothing is. Words as for `buy`."""
        ...

    def target(
        self,
        symbol: int,
        *,
        weight: float = ...,
        percent: float = ...,
        shares: float = ...,
        cash: float = ...,
        label: int = -1,
    ) -> None:
        """Trade the difference to a wanted position: a ``weight`` of equity (1 is all), percent, shares or money."""
        ...

    def exit(
        self,
        symbol: int,
        *,
        limit: float = ...,
        stop: float = ...,
        trail_rate: float = ...,
        trail_amount: float = ...,
        at_open: bool = False,
        at_close: bool = False,
        label: int = -1,
    ) -> None:
        """End the position, if there is one; a later exit of the same kind takes the place of this one."""
        ...

    def cancel(self, symbol: int) -> None:
        """Withdraw all orders of one's own that wait; the exits of brackets, and forced ones, stay."""
        ...
