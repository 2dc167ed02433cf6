"""The account over time: one run with its benchmark, or several runs side by side."""

from PySide6.QtWidgets import QWidget

from desktop import fmt
from desktop.charts.canvas import Reading
from desktop.charts.chart import Chart
from desktop.charts.cursor import TimeCursor
from desktop.charts.data import Comparison, Curves
from desktop.charts.layers import Ink, Layer, LineLayer, Series, ends_of
from desktop.tokens import Tokens

BENCHMARK_DASH = (4.0, 3.0)
SERIES_DASHES: tuple[tuple[float, ...], ...] = ((), (6.0, 2.0))  # colours one to five, six to ten


def series_ink(index: int) -> Ink:
    """Return the colour of one of ten lines."""
    return lambda tokens: tokens.series[index % len(tokens.series)]


def comparison_lines(comparison: Comparison) -> list[LineLayer]:
    """Return lines that differ by colour, by their label, and from the sixth on by a dash."""
    parts = zip(comparison.names, comparison.pyramids, comparison.positions, strict=True)
    return [
        LineLayer(
            Series(pyramid, positions),
            series_ink(index),
            width=1.5,
            dash=SERIES_DASHES[index // 5 % 2],
            label=name,
        )
        for index, (name, pyramid, positions) in enumerate(parts)
    ]


def comparison_room(lines: int) -> float:
    """Return the pixels above the highest value that the read-out of so many lines needs."""
    return 30.0 + 17.0 * ((lines - 1) // 6)


def comparison_readings(
    lines: list[LineLayer], bar: int, tokens: Tokens, percent: bool
) -> list[Reading]:
    """Return each line's value at a bar."""
    write = fmt.percent if percent else fmt.money
    values = [line.series.at(bar) for line in lines]
    return [
        Reading(line.label, write(value), line.ink_of(tokens))
        for line, value in zip(lines, values, strict=True)
    ]


class EquityChart(Chart):
    """Equity in the accent, its benchmark dashed; or up to ten runs."""

    def __init__(
        self, tokens: Tokens, cursor: TimeCursor | None = None, parent: QWidget | None = None
    ) -> None:
        """Make an empty chart."""
        self._lines: list[LineLayer] = []
        self._benchmark: LineLayer | None = None
        self._curves: Curves | None = None
        self._percent = False
        self._shows_benchmark = True
        super().__init__("", tokens, cursor, parent)
        self.setAccessibleName(self.tr("Equity chart"))

    def set_curves(self, curves: Curves, name: str = "", benchmark_name: str = "") -> None:
        """Show one run.

        Args:
            curves: what `Curves.append` adds to later shows after `refresh`.
            name: label at the end of the equity line.
            benchmark_name: label at the end of the benchmark's.
        """
        self._percent = False
        self._curves = curves
        self.top_room = comparison_room(1)
        equity = LineLayer(
            Series(curves.equity), lambda t: t.accent, label=name or self.tr("Equity")
        )
        self._lines = [equity]
        self._benchmark = None
        layers: list[Layer] = [equity]
        if curves.benchmark is not None:
            self._benchmark = LineLayer(
                Series(curves.benchmark),
                lambda t: t.benchmark,
                width=1.0,
                dash=BENCHMARK_DASH,
                label=benchmark_name or self.tr("Benchmark"),
            )
            self._benchmark.visible = self._shows_benchmark
            layers.insert(0, self._benchmark)
        self.set_layers(layers, curves.base)

    def set_comparison(self, comparison: Comparison, percent: bool = True) -> None:
        """Show several runs, as fractions (percent) or as money."""
        self._percent = percent
        self._curves = self._benchmark = None
        self._lines = comparison_lines(comparison)
        self.top_room = comparison_room(len(self._lines))
        self.set_layers(list(self._lines), comparison.base)

    def set_benchmark_shown(self, shown: bool) -> None:
        """Show or hide the benchmark."""
        self._shows_benchmark = shown
        if self._benchmark is not None:
            self._benchmark.visible = shown
        self.refresh()

    @property
    def is_benchmark_shown(self) -> bool:
        """Whether a benchmark, if there is one, is drawn."""
        return self._shows_benchmark

    def on_command(self, name: str) -> None:
        """Follow the key of the benchmark."""
        if name == "benchmark":
            self.set_benchmark_shown(not self._shows_benchmark)

    def format_value(self, value: float, decimals: int) -> str:
        """Return money, or percent when runs are compared as fractions."""
        if self._percent:
            return f"{fmt.number(value * 100, max(0, decimals - 2))} %"
        return fmt.number(value, decimals)

    def tag_text(self, value: float) -> str:
        """Return the tag of a value: whole money, or percent to a tenth."""
        if self._percent:
            return self.format_value(value, 3)
        return fmt.number(value, 2 if abs(value) < 1000 else 0)

    def readings(self, bar: int) -> list[Reading]:
        """Return the day, equity and benchmark, or the value of every run."""
        day = Reading("", fmt.instant(int(self.base.time_ns[bar])))
        if self._curves is None:
            return [day, *comparison_readings(self._lines, bar, self.tokens, self._percent)]
        found = [day]
        for line in (self._lines[0], self._benchmark):
            if line is not None and line.visible:
                value = line.series.at(bar)
                found.append(Reading(line.label, fmt.money(value), line.ink_of(self.tokens)))
        return found

    def summary(self) -> str:
        """Return from where to where each line went."""
        if not len(self.base):
            return self.tr("The equity chart is empty.")
        span = (fmt.date(int(self.base.time_ns[0])), fmt.date(int(self.base.time_ns[-1])))
        text = self.tr("Equity from {0} to {1}.").format(*span)
        lines = [*self._lines, *([self._benchmark] if self._benchmark is not None else [])]
        return " ".join([text, *(self._sentence(line) for line in lines)])

    def _sentence(self, line: LineLayer) -> str:
        pyramid = line.series.pyramid
        ends, low, high = ends_of(pyramid.values), pyramid.lowest(), pyramid.highest()
        if ends is None or low is None or high is None:
            return self.tr("{0} has no values.").format(line.label)
        write = fmt.percent if self._percent else fmt.money
        words = [write(v) for v in (*ends, float(pyramid.values[low]), float(pyramid.values[high]))]
        return self.tr("{0} went from {1} to {2}, lowest {3}, highest {4}.").format(
            line.label, *words
        )
