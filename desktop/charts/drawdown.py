"""How far the account was below its highest point so far."""

import numpy as np
from PySide6.QtWidgets import QWidget

from desktop import fmt
from desktop.charts.canvas import Reading
from desktop.charts.chart import Chart
from desktop.charts.cursor import TimeCursor
from desktop.charts.data import Comparison, Curves
from desktop.charts.equity import comparison_lines, comparison_readings, comparison_room
from desktop.charts.layers import AreaLayer, LineLayer, Series
from desktop.tokens import Tokens


class DrawdownChart(Chart):
    """The drawdown of one run, filled under its line; or those of several, as lines. Zero is always in sight."""

    def __init__(
        self, tokens: Tokens, cursor: TimeCursor | None = None, parent: QWidget | None = None
    ) -> None:
        """Make an empty chart."""
        self._lines: list[LineLayer] = []
        self._compares = False
        super().__init__("", tokens, cursor, parent)
        self._grid.base = 0.0
        self.setAccessibleName(self.tr("Drawdown chart"))

    def set_curves(self, curves: Curves) -> None:
        """Show one run."""
        self._compares = False
        self.top_room = comparison_room(1)
        area = AreaLayer(Series(curves.drawdown), lambda t: t.down, width=1.0)
        self._lines = [area]
        self.set_layers([area], curves.base)

    def set_comparison(self, comparison: Comparison) -> None:
        """Show several runs; values are fractions, zero or negative."""
        self._compares = True
        self._lines = comparison_lines(comparison)
        for line in self._lines:
            line.names_end = False  # they are named above, where the lines are further apart
        self.top_room = comparison_room(len(self._lines))
        self.set_layers(list(self._lines), comparison.base)

    def framed(self, low: float, high: float) -> tuple[float, float]:
        """Return the values in sight and zero; a drawdown of nothing still gets a percent of room."""
        return float(np.fmin(low, -0.01)), 0.0

    def format_value(self, value: float, decimals: int) -> str:
        """Return percent; nothing above zero, where no drawdown can be."""
        if value > 1e-12:
            return ""
        return f"{fmt.number(value * 100, max(0, decimals - 2))} %"

    def tag_text(self, value: float) -> str:
        """Return percent to a tenth."""
        return self.format_value(min(value, 0.0), 3)

    def readings(self, bar: int) -> list[Reading]:
        """Return the drawdown at a bar, or that of every run."""
        if self._compares:
            return comparison_readings(self._lines, bar, self.tokens, percent=True)
        value = self._lines[0].series.at(bar) if self._lines else float("nan")
        return [Reading(self.tr("Drawdown"), fmt.percent(value), self.tokens.of_change(value))]

    def summary(self) -> str:
        """Return the deepest drawdown of each line, and when it was."""
        if not len(self.base):
            return self.tr("The drawdown chart is empty.")
        return " ".join(self._sentence(line) for line in self._lines)

    def _sentence(self, line: LineLayer) -> str:
        values, worst = line.series.pyramid.values, line.series.pyramid.lowest()
        name = line.label or self.tr("The account")
        if worst is None or values[worst] >= 0:
            return self.tr("{0} was never below its highest point.").format(name)
        bar = worst if line.series.positions is None else int(line.series.positions[worst])
        return self.tr("{0} was {1} from its highest point on {2}, the deepest drawdown.").format(
            name, fmt.percent(float(values[worst])), fmt.date(int(self.base.time_ns[bar]))
        )
