"""The history of runs as a table that asks for more when its end comes into sight.

The order is the database's: a page continues after the last run of the one before. The model only holds what has
arrived and says that it wants more; somebody else fetches.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QObject, Qt, Signal
from PySide6.QtGui import QColor

from desktop import fmt
from desktop.models.roles import (
    ACCESSIBLE,
    ALIGNMENT,
    DISPLAY,
    FOREGROUND,
    LEFT,
    NOWHERE,
    RAW,
    RIGHT,
    SAMPLE,
    TOOL_TIP,
    Index,
)
from desktop.tokens import Tokens
from storage.records import RunSort, RunSummary


@dataclass(frozen=True)
class _Column:
    title: str
    sample: str
    text: Callable[[RunSummary], str]
    raw: Callable[[RunSummary], Any]
    is_figure: bool = False
    sort: RunSort | None = None


RETURN: Final = 3
STATUS: Final = 7


class HistoryModel(QAbstractTableModel):
    """One row a run, in the order of the database.

    Signals:
        more_wanted(): the end of what has arrived is in sight, and there is more.
    """

    more_wanted = Signal()

    def __init__(
        self, tokens: Tokens, title_of: Callable[[str], str], parent: QObject | None = None
    ) -> None:
        """Begin empty; ``title_of`` tells what people call a strategy."""
        super().__init__(parent)
        self._tokens = tokens
        self._columns = self._make_columns(title_of)
        self._words = {
            "queued": self.tr("Queued"),
            "running": self.tr("Running"),
            "paused": self.tr("Paused"),
            "completed": self.tr("Completed"),
            "failed": self.tr("Failed"),
            "cancelled": self.tr("Stopped"),
            "interrupted": self.tr("Interrupted"),
        }
        self._runs: list[RunSummary] = []
        self._has_more = False
        self._asked = False

    @property
    def runs(self) -> Sequence[RunSummary]:
        """What has arrived."""
        return tuple(self._runs)

    def run_at(self, row: int) -> RunSummary:
        """Return the run of a row."""
        return self._runs[row]

    def row_of(self, run_id: str) -> int:
        """Return the row of a run; -1 when it has not arrived."""
        ids = [run.run_id for run in self._runs]
        return ids.index(run_id) if run_id in ids else -1

    def sort_of(self, column: int) -> RunSort | None:
        """Return what the database can sort by for a column."""
        return self._columns[column].sort

    def column_of(self, sort: RunSort) -> int:
        """Return the column that shows what the database sorted by."""
        return next(i for i, column in enumerate(self._columns) if column.sort == sort)

    def replace(self, runs: Sequence[RunSummary], has_more: bool) -> None:
        """Show the first page anew: as changed cells and added rows on top where that is all that happened."""
        self._has_more, self._asked = has_more, False
        ids, before = [r.run_id for r in runs], [r.run_id for r in self._runs]
        added = len(ids) - len(before)
        if added < 0 or not before or ids[added:] != before:
            self.beginResetModel()
            self._runs = list(runs)
            self.endResetModel()
            return
        if added:
            self.beginInsertRows(NOWHERE, 0, added - 1)
            self._runs = [*runs[:added], *self._runs]
            self.endInsertRows()
        self._runs = list(runs)
        self.dataChanged.emit(
            self.index(added, 0), self.index(len(ids) - 1, len(self._columns) - 1)
        )

    def append(self, runs: Sequence[RunSummary], has_more: bool) -> None:
        """Add a page at the end."""
        self._has_more, self._asked = has_more, False
        known = {run.run_id for run in self._runs}
        new = [run for run in runs if run.run_id not in known]
        if new:
            start = len(self._runs)
            self.beginInsertRows(NOWHERE, start, start + len(new) - 1)
            self._runs += new
            self.endInsertRows()

    def give_up(self) -> None:
        """Let a page be asked for again after one that did not arrive."""
        self._asked = False

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self._tokens = tokens
        if self._runs:
            last = self.index(len(self._runs) - 1, len(self._columns) - 1)
            self.dataChanged.emit(self.index(0, 0), last, [FOREGROUND])

    def status_words(self) -> dict[str, str]:
        """Return what each status is called."""
        return dict(self._words)

    def status_text(self, run: RunSummary) -> str:
        """Return the word for how a run stands, with how far it is while it is under way."""
        word = self._words[run.status]
        under_way = run.status in ("running", "paused") and run.progress > 0
        return f"{word} {fmt.number(run.progress * 100, 0)} %" if under_way else word

    def rowCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(self._columns)

    def canFetchMore(self, parent: Index = NOWHERE) -> bool:
        """Tell whether there is more that was not asked for."""
        return not parent.isValid() and self._has_more and not self._asked

    def fetchMore(self, parent: Index = NOWHERE) -> None:
        """Ask for the next page, once."""
        if self.canFetchMore(parent):
            self._asked = True
            self.more_wanted.emit()

    def data(self, index: Index, role: int = DISPLAY) -> Any:
        """Return what a cell has to say in a role."""
        if not index.isValid():
            return None
        run, column = self._runs[index.row()], self._columns[index.column()]
        if role in (DISPLAY, TOOL_TIP):
            return column.text(run) or None
        if role == ALIGNMENT:
            return RIGHT if column.is_figure else LEFT
        if role == FOREGROUND:
            return self._ink(run, index.column())
        if role == RAW:
            return column.raw(run)
        if role == ACCESSIBLE:
            return f"{column.title}: {column.text(run)}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = DISPLAY) -> Any:
        """Return what a header has to say in a role."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self._columns):
            return None
        column = self._columns[section]
        if role == DISPLAY:
            return column.title
        if role == ALIGNMENT:
            return RIGHT if column.is_figure else LEFT
        if role == SAMPLE:
            return column.sample
        if role == TOOL_TIP and column.sort is not None:
            return self.tr("Click to sort by this")
        return None

    def _ink(self, run: RunSummary, column: int) -> QColor | None:
        tokens = self._tokens
        if column == RETURN:
            return QColor(tokens.of_change(run.total_return or 0.0))
        if column == STATUS:
            colours = {
                "running": tokens.accent,
                "failed": tokens.red,
                "cancelled": tokens.warn,
                "interrupted": tokens.warn,
            }
            return QColor(colours.get(run.status, tokens.muted))
        return None

    def _make_columns(self, title_of: Callable[[str], str]) -> tuple[_Column, ...]:
        return (*self._identity(title_of), *self._figures(), *self._state())

    def _identity(self, title_of: Callable[[str], str]) -> tuple[_Column, ...]:
        return (
            _Column(
                self.tr("Date"),
                "2000-00-00 00:00",
                lambda run: _when(run.created_at),
                lambda run: run.created_at.isoformat(),
                sort="date",
            ),
            _Column(
                self.tr("Strategy"),
                "Moving-average crossover",
                lambda run: title_of(run.strategy_name),
                lambda run: run.strategy_name,
            ),
            _Column(
                self.tr("Symbols"),
                "AAPL, GOOG, IBM, MSFT",
                lambda run: run.instrument_symbol,
                lambda run: run.instrument_symbol,
            ),
        )

    def _figures(self) -> tuple[_Column, ...]:
        return (
            _Column(
                self.tr("Return"),
                "+10,000.00 %",
                lambda run: fmt.percent(run.total_return, sign=True),
                lambda run: run.total_return,
                is_figure=True,
                sort="return",
            ),
            _Column(
                self.tr("Sharpe"),
                "−10.00 ↓",
                lambda run: fmt.ratio(run.sharpe_ratio),
                lambda run: run.sharpe_ratio,
                is_figure=True,
                sort="sharpe",
            ),
            _Column(
                self.tr("Max drawdown"),
                "−100.00 %",
                lambda run: fmt.percent(run.max_drawdown),
                lambda run: run.max_drawdown,
                is_figure=True,
            ),
            _Column(
                self.tr("Trades"),
                "100,000",
                lambda run: fmt.count(run.total_trades),
                lambda run: run.total_trades,
                is_figure=True,
            ),
        )

    def _state(self) -> tuple[_Column, ...]:
        return (
            _Column(self.tr("Status"), "Interrupted", self.status_text, lambda run: run.status),
            _Column(self.tr("Name"), "", lambda run: run.name or "", lambda run: run.name or ""),
        )


def _when(moment: dt.datetime) -> str:
    """Return an instant of the computer on its own clock."""
    return fmt.instant(moment.astimezone().replace(tzinfo=dt.UTC))
