"""The hand on a run under way: pause and play, one bar or one trade further, another speed."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from desktop.theme.icons import icon
from desktop.tokens import Tokens
from desktop.views.elided import ElidedLabel
from engine.pacing import Pace, PaceMode

_FACTORS = (1.0, 10.0, 100.0, 1000.0, 10_000.0)
_ICON = 16
_SHORT_SECONDS = 0.1


class TransportBar(QWidget):
    """Buttons and the choice of speed; it holds no state of the run but what it was shown.

    Signals:
        play_requested(), pause_requested(): the first button, by what it shows.
        bar_requested(), trade_requested(): one step further.
        pace_chosen(Pace): another speed.
    """

    play_requested = Signal()
    pause_requested = Signal()
    bar_requested = Signal()
    trade_requested = Signal()
    pace_chosen = Signal(object)

    def __init__(self, tokens: Tokens, parent: QWidget | None = None) -> None:
        """Begin with a run that plays as fast as it can."""
        super().__init__(parent)
        self._tokens = tokens
        self._paused = False
        self.play = self._button("pause", self._on_play_clicked)
        self.bar = self._button("step-bar", self.bar_requested.emit)
        self.trade = self._button("step-trade", self.trade_requested.emit)
        self._describe(self.bar, self.tr("One bar further"))
        self._describe(self.trade, self.tr("To the next trade"))
        self.speed = QComboBox(self)
        self.speed.setProperty("dense", True)
        self.speed.setAccessibleName(self.tr("Speed of the run"))
        for pace in paces():
            self.speed.addItem(self._name_of(pace), pace)
        self.speed.activated.connect(self._on_speed_chosen)
        self._hint = ElidedLabel(self)
        self._hint.setProperty("role", "caption")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 4)
        row.setSpacing(4)
        for widget in (self.play, self.bar, self.trade, self.speed):
            row.addWidget(widget)
        row.addSpacing(4)
        row.addWidget(self._hint, 1)
        self.show_transport(paused=False, pace=Pace())

    def show_transport(self, *, paused: bool, pace: Pace) -> None:
        """Show how the run goes."""
        self._paused = paused
        self._describe(self.play, self.tr("Go on") if paused else self.tr("Pause"))
        self.play.setIcon(icon("run" if paused else "pause", self._tokens))
        found = self.speed.findData(pace)
        if found < 0:  # a configuration may ask for any factor
            self.speed.addItem(self._name_of(pace), pace)
            found = self.speed.count() - 1
        self.speed.setCurrentIndex(found)
        self._hint.setText(self._hint_of(pace))

    def set_tokens(self, tokens: Tokens) -> None:
        """Take other colours."""
        self._tokens = tokens
        for button, name in (
            (self.play, "run" if self._paused else "pause"),
            (self.bar, "step-bar"),
            (self.trade, "step-trade"),
        ):
            button.setIcon(icon(name, tokens))

    def _button(self, name: str, pressed: object) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon(name, self._tokens))
        button.setIconSize(QSize(_ICON, _ICON))
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(pressed)
        return button

    def _describe(self, button: QToolButton, text: str) -> None:
        button.setToolTip(text)
        button.setAccessibleName(text)

    def _name_of(self, pace: Pace) -> str:
        if pace.mode is PaceMode.ACCELERATED:
            return f"× {pace.factor:,.10g}"
        return self.tr("Real time") if pace.mode is PaceMode.REAL_TIME else self.tr("Full speed")

    def _hint_of(self, pace: Pace) -> str:
        if pace.mode is PaceMode.ACCELERATED:
            seconds = pace.session_seconds
            if seconds < _SHORT_SECONDS:
                return self.tr("{0} ms/day").format(f"{1000.0 * seconds:.3g}")
            return self.tr("{0} s/day").format(f"{seconds:.3g}")
        return ""

    def _on_play_clicked(self) -> None:
        (self.play_requested if self._paused else self.pause_requested).emit()

    def _on_speed_chosen(self, index: int) -> None:
        self.pace_chosen.emit(self.speed.itemData(index))


def paces() -> tuple[Pace, ...]:
    """Return the speeds on offer, fastest first."""
    accelerated = tuple(Pace(PaceMode.ACCELERATED, factor) for factor in reversed(_FACTORS))
    return (Pace(), *accelerated, Pace(PaceMode.REAL_TIME))
