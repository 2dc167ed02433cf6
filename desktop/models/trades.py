"""The trades of a run as a table: one row a round trip, sorted by any column."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from desktop import fmt
from desktop.models.columns import Column, ColumnsModel
from desktop.models.roles import DISPLAY, TOOL_TIP, Index
from desktop.service.export import exit_words
from desktop.tokens import Tokens
from engine.result import BacktestResult
from engine.types import Side

_FINE_BELOW = 10.0  # prices below it are shown with four decimals
_SAMPLE = 1000  # prices looked at to tell which


@dataclass(frozen=True)
class TradeArrays:
    """What the table needs beyond the trades themselves, (n_trades,) each; costs a look at every trade.

    Attributes:
        entered, left: instants of entry and exit.
        costs: commission and tax.
        words, reason: the different exit reasons in alphabetical order, and which of them each trade has.
        most: the largest magnitude of each column of figures, by the field's name.
    """

    entered: NDArray[np.int64]
    left: NDArray[np.int64]
    costs: NDArray[np.float64]
    words: list[str]
    reason: NDArray[np.int64]
    most: dict[str, float]

    @classmethod
    def of(cls, result: BacktestResult) -> Self:
        """Look at every trade; may be called on any thread."""
        trades, time_ns = result.trades, result.time_ns
        costs = trades["commission"] + trades["tax"]
        figures = {name: trades[name] for name in ("quantity", "entry_price", "pnl", "mae", "mfe")}
        return cls(
            time_ns[trades["entry_bar"]],
            time_ns[trades["exit_bar"]],
            costs,
            *_exits(result),
            {
                name: float(np.max(np.abs(values), initial=1000.0))
                for name, values in (figures | {"costs": costs}).items()
            },
        )


class TradesModel(ColumnsModel):
    """Round trips in the order of exit, until sorted otherwise."""

    def __init__(self, tokens: Tokens, parent: QObject | None = None) -> None:
        """Begin without trades."""
        super().__init__(tokens, parent)
        self._result: BacktestResult | None = None

    def set_result(self, result: BacktestResult | None, arrays: TradeArrays | None = None) -> None:
        """Show the trades of a run, or none; ``arrays`` saves the look at every trade here."""
        self._result = result
        if result is None:
            self.set_columns([], 0)
            return
        arrays = arrays or TradeArrays.of(result)
        columns = [
            *self._identity(result),
            *self._prices(result, arrays),
            *self._outcome(result, arrays),
        ]
        self.set_columns(columns, len(result.trades))

    def data(self, index: Index, role: int = DISPLAY) -> object:
        """Return what a cell has to say in a role."""
        if role == TOOL_TIP and index.isValid():
            return self._story(self.item_at(index.row()))
        return super().data(index, role)

    def _identity(self, result: BacktestResult) -> list[Column]:
        trades, names = result.trades, result.symbols
        sides = {int(Side.BUY): self.tr("Long"), int(Side.SELL): self.tr("Short")}
        number, symbol, side = trades["trade_no"], trades["symbol"], trades["side"]
        widest = max(names, key=len, default="")
        return [
            Column(self.tr("No."), number, lambda i: fmt.count(int(number[i])), "100,000"),
            Column(self.tr("Symbol"), symbol, lambda i: names[symbol[i]], widest, is_figure=False),
            Column(self.tr("Side"), side, lambda i: sides[int(side[i])], sides[1], is_figure=False),
        ]

    def _prices(self, result: BacktestResult, arrays: TradeArrays) -> list[Column]:
        trades, entered, left = result.trades, arrays.entered, arrays.left
        bought, sold = trades["entry_price"], trades["exit_price"]
        quantity = trades["quantity"]
        tick = _tick_of(bought)
        when = "2000-00-00" if result.timeframe in ("1d", "1w", "1mo") else "2000-00-00 00:00"
        widest = fmt.price(arrays.most["entry_price"], tick)
        most = fmt.quantity(round(arrays.most["quantity"]))
        return [
            Column(self.tr("Entry"), entered, lambda i: fmt.instant(int(entered[i])), when),
            Column(
                self.tr("Entry price"), bought, lambda i: fmt.price(float(bought[i]), tick), widest
            ),
            Column(self.tr("Exit"), left, lambda i: fmt.instant(int(left[i])), when),
            Column(self.tr("Exit price"), sold, lambda i: fmt.price(float(sold[i]), tick), widest),
            Column(self.tr("Quantity"), quantity, lambda i: fmt.quantity(float(quantity[i])), most),
        ]

    def _outcome(self, result: BacktestResult, arrays: TradeArrays) -> list[Column]:
        trades, currency = result.trades, result.config.account.currency
        rate, bars = trades["pnl_rate"], trades["bars_held"]
        words, rank, most = arrays.words, arrays.reason, arrays.most
        return [
            self._money(
                self.tr("Profit, {currency}").format(currency=currency),
                trades["pnl"],
                most["pnl"],
                self.tr("After commission, tax and slippage, with dividends"),
                is_change=True,
            ),
            Column(
                self.tr("Return"),
                rate,
                lambda i: fmt.percent(float(rate[i]), sign=True),
                "+1,000.00 %",
                self.tr("Profit / value at entry"),
                is_change=True,
            ),
            Column(self.tr("Bars"), bars, lambda i: fmt.count(int(bars[i])), "1,000"),
            Column(
                self.tr("Exit reason"),
                rank,
                lambda i: words[rank[i]],
                max(words, key=len, default=""),
                is_figure=False,
            ),
            self._money(
                self.tr("Costs"),
                arrays.costs,
                most["costs"],
                self.tr("Commission and tax, of entry and exit"),
            ),
            self._money(
                self.tr("MAE"),
                trades["mae"],
                most["mae"],
                self.tr("Worst it stood while it was open, in money"),
            ),
            self._money(
                self.tr("MFE"),
                trades["mfe"],
                most["mfe"],
                self.tr("Best it stood while it was open, in money"),
            ),
        ]

    def _money(
        self,
        title: str,
        values: NDArray[np.float64],
        most: float,
        hint: str,
        *,
        is_change: bool = False,
    ) -> Column:
        return Column(
            title,
            values,
            lambda i: fmt.money(float(values[i]), sign=is_change),
            fmt.money(-most),
            hint,
            is_change=is_change,
        )

    def _story(self, item: int) -> str:
        """Return what a trade was decided by, in two or three lines."""
        assert self._result is not None, "there are rows"
        result, trade = self._result, self._result.trades[item]
        lines = [
            self.tr("Entry: {why}").format(
                why=_word(result.labels, int(trade["entry_label"])) or fmt.UNDEFINED
            ),
            self.tr("Exit: {why}").format(why=_exit_of(result, item)),
        ]
        decided = int(trade["entry_signal_bar"])
        if decided >= 0:
            day = fmt.instant(int(result.time_ns[decided]))
            lines[0] += self.tr(", decided {day}").format(day=day)
        if trade["ambiguous"]:
            lines.append(self.tr("What happened first inside a bar is an assumption here"))
        return "\n".join(lines)


def _exits(result: BacktestResult) -> tuple[list[str], NDArray[np.int64]]:
    """Return the different exit reasons in alphabetical order, and which of them each trade has."""
    trades, kinds = result.trades, len(result.labels) + 1  # a label may be missing: -1
    codes = trades["exit_reason"].astype(np.int64) * kinds + trades["exit_label"] + 1
    present = np.flatnonzero(np.bincount(codes))
    found = [
        exit_words(result.labels, int(code) // kinds, int(code) % kinds - 1) for code in present
    ]
    words = sorted(set(found))
    places = np.zeros(int(present[-1]) + 1 if len(present) else 0, np.int64)
    places[present] = [words.index(word) for word in found]
    return words, places[codes]


def _exit_of(result: BacktestResult, item: int) -> str:
    trade = result.trades[item]
    return exit_words(result.labels, int(trade["exit_reason"]), int(trade["exit_label"]))


def _word(labels: tuple[str, ...], index: int) -> str:
    return labels[index] if 0 <= index < len(labels) else ""


def _tick_of(prices: NDArray[np.float64]) -> float:
    """Return a step that shows enough of the prices: a hundredth, or a ten-thousandth of small ones."""
    some = prices[:: max(1, len(prices) // _SAMPLE)]
    return 0.0001 if len(some) and float(np.median(some)) < _FINE_BELOW else 0.01
