"""The eight numbers that a trader looks for first, in one row.

They are placed by hand: with layouts of their own, each new figure of a run under way would lay out the whole window.
"""

from PySide6.QtCore import QEvent
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from desktop import fmt
from desktop.models.metrics import BY_NAME, metric_tip
from desktop.theme import font
from engine.result import BacktestResult

_SIZES = (1.0, 0.84, 0.7)  # of the key font; the largest that fits
_GAP, _WIDEST_GAP = 16, 56
_UNIT_GAP = 3


class _Number(QWidget):
    """A caption over a figure with its unit."""

    def __init__(self, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._caption = QLabel(caption, self)
        self._caption.setProperty("role", "caption")
        self._figure = QLabel(self)
        self._unit = QLabel(self)
        self._unit.setProperty("role", "caption")
        self.put(fmt.UNDEFINED)

    @property
    def text(self) -> str:
        """What is shown, with its unit."""
        return f"{self._figure.text()} {self._unit.text()}".strip()

    def put(self, text: str, tip: str = "", change: float = 0.0) -> None:
        figure, _, unit = text.partition(" ")
        self._figure.setText(figure)
        self._unit.setText(unit)
        self._unit.setVisible(bool(unit))
        self.setToolTip(tip)
        self.setAccessibleName(f"{self._caption.text()}: {text}")
        self.setAccessibleDescription(tip)
        word = "up" if change > 0 else "down" if change < 0 else ""
        word = "none" if text == fmt.UNDEFINED else word
        if self._figure.property("change") != word:
            self._figure.setProperty("change", word)
            self._figure.style().unpolish(self._figure)
            self._figure.style().polish(self._figure)

    def width_at(self, size: float) -> int:
        """Return the pixels that the number takes in a size of the key font."""
        metrics = QFontMetrics(font("key", strong=True, scale=size))
        unit = _UNIT_GAP + self._unit.sizeHint().width() if self._unit.text() else 0
        figure = metrics.horizontalAdvance(self._figure.text())
        return max(figure + unit, self._caption.sizeHint().width())

    def place(self, left: int, width: int, size: float) -> None:
        """Stand at a place of the row, in a size of the key font; the unit stands on the figure's line."""
        key = font("key", strong=True, scale=size)
        if self._figure.font() != key:
            self._figure.setFont(key)
        metrics, small = QFontMetrics(key), self._unit.fontMetrics()
        top, figure = (
            self._caption.sizeHint().height(),
            metrics.horizontalAdvance(self._figure.text()),
        )
        self.setGeometry(left, 0, width, top + metrics.height())
        self._caption.setGeometry(0, 0, width, top)
        self._figure.setGeometry(0, top, figure, metrics.height())
        base = top + metrics.ascent() - small.ascent()
        self._unit.setGeometry(figure + _UNIT_GAP, base, width - figure, small.height())


class KeyNumbers(QWidget):
    """Return, CAGR, Sharpe, drawdown, win rate, profit factor, trades, and how it stands to the benchmark."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Begin with dashes."""
        super().__init__(parent)
        self._numbers = {
            "total_return": _Number(self.tr("Total return"), self),
            "cagr": _Number(self.tr("CAGR"), self),
            "sharpe_ratio": _Number(self.tr("Sharpe ratio"), self),
            "max_drawdown": _Number(self.tr("Max drawdown"), self),
            "win_rate": _Number(self.tr("Win rate"), self),
            "profit_factor": _Number(self.tr("Profit factor"), self),
            "total_trades": _Number(self.tr("Trades"), self),
            "vs_benchmark": _Number(self.tr("vs benchmark"), self),
        }
        # The figures adapt to the width that there is; they ask for none.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._fit()

    def text_of(self, name: str) -> str:
        """Return what one of the numbers shows."""
        return self._numbers[name].text

    def clear(self) -> None:
        """Show dashes."""
        for number in self._numbers.values():
            number.put(fmt.UNDEFINED)
        self._fit()

    def show_result(self, result: BacktestResult) -> None:
        """Show the numbers of a run; a dash's tooltip says why it is one."""
        for name, number in self._numbers.items():
            if name != "vs_benchmark":
                self._show_metric(name, number, result)
        self._show_gap(self._numbers["vs_benchmark"], result)
        self._fit()

    def show_live(self, rate: float | None, fall: float, trades: int) -> None:
        """Show return, worst fall and closed trades of a run under way, as fractions; the rest is known at its end."""
        if rate is not None:
            self._numbers["total_return"].put(fmt.percent(rate, sign=True), "", rate)
        self._numbers["max_drawdown"].put(fmt.percent(fall))
        self._numbers["total_trades"].put(fmt.count(trades))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the largest figures that fit."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Make room for another font."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _show_metric(self, name: str, number: _Number, result: BacktestResult) -> None:
        metric, value = BY_NAME[name], result.metrics.get(name)
        tip = metric_tip(metric, result)
        if name == "total_return" and isinstance(value, int | float):
            number.put(fmt.percent(value, sign=True), tip, value)
        else:
            number.put(fmt.by_kind(value, metric.kind), tip)

    def _show_gap(self, number: _Number, result: BacktestResult) -> None:
        own, other = (result.metrics.get(name) for name in ("total_return", "benchmark_return"))
        benchmark = result.config.data.benchmark or self.tr("the benchmark")
        if isinstance(own, int | float) and isinstance(other, int | float):
            tip = self.tr("Total return − return of {name}, in percentage points").format(
                name=benchmark
            )
            number.put(fmt.percent(own - other, sign=True), tip, own - other)
        else:
            why = result.undefined.get("benchmark_return") or result.undefined.get("total_return")
            number.put(fmt.UNDEFINED, self.tr("Undefined here: {why}").format(why=why or "–"))

    def _fit(self) -> None:
        numbers = list(self._numbers.values())
        count = len(numbers) - 1
        body = font().pixelSize() / 13.0 if font().pixelSize() > 0 else 1.0
        for size in _SIZES:
            widths = [number.width_at(size * body) for number in numbers]
            if sum(widths) + count * _GAP <= self.width() or size == _SIZES[-1]:
                break
        gap = min(max((self.width() - sum(widths)) // count - 1, _GAP), _WIDEST_GAP)
        left = 0
        for number, width in zip(numbers, widths, strict=True):
            number.place(left, width, size * body)
            number.setVisible(left + width <= self.width())  # the metrics have those without room
            left += width + gap
        self.setFixedHeight(max(number.height() for number in numbers))
