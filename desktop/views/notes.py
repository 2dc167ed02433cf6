"""What a reader of a result has to know beside its figures: warnings, what was noticed about the data, what is open."""

from collections.abc import Mapping

import numpy as np
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from desktop import fmt
from engine.result import BacktestResult
from engine.types import OrderReason, OrderStatus


class NotesPanel(QPlainTextEdit):
    """One note a line; can be read, selected and copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Begin empty."""
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setProperty("role", "notes")
        self.setAccessibleName(self.tr("Notes"))

    def show_result(
        self, result: BacktestResult | None, refusals: Mapping[OrderReason, int] | None = None
    ) -> int:
        """Show the notes of a run, or none; return how many there are. ``refusals`` saves the look at every order."""
        notes = [] if result is None else self._notes(result, refusals)
        self.setPlainText("\n".join(notes) if notes else self.tr("Nothing to note."))
        return len(notes)

    def _notes(
        self, result: BacktestResult, refusals: Mapping[OrderReason, int] | None
    ) -> list[str]:
        dropped = [
            self.tr("Bad bars dropped: {n} ({kind})").format(n=fmt.count(n), kind=kind)
            for kind, n in result.defects.items()
        ]
        return [
            *result.warnings,
            *result.notices,
            *dropped,
            *self._open(result),
            *self._orders(refusals_of(result) if refusals is None else refusals),
        ]

    def _open(self, result: BacktestResult) -> list[str]:
        currency = result.config.account.currency
        return [
            self.tr("Open at the end: {quantity} {symbol} since {day}, {profit} so far").format(
                quantity=fmt.quantity(position.quantity),
                symbol=position.symbol,
                day=fmt.date(position.entry_time_ns),
                profit=fmt.money(position.pnl, currency, sign=True),
            )
            for position in result.open_positions
        ]

    def _orders(self, refusals: Mapping[OrderReason, int]) -> list[str]:
        words = {
            OrderReason.NO_CASH: self.tr("there was not enough cash"),
            OrderReason.BELOW_ONE_LOT: self.tr("the size was less than one lot"),
        }
        text = self.tr("Orders refused because {why}: {n}")
        return [
            text.format(why=words[reason], n=fmt.count(count))
            for reason, count in refusals.items()
            if count
        ]


def refusals_of(result: BacktestResult) -> dict[OrderReason, int]:
    """Count the orders refused for each reason that is told; looks at every order, on any thread."""
    status, why = result.orders["status"], result.orders["reason"]
    refused = status == int(OrderStatus.REFUSED)
    told = (OrderReason.NO_CASH, OrderReason.BELOW_ONE_LOT)
    return {reason: int(np.count_nonzero(refused & (why == int(reason)))) for reason in told}
