"""Run and Stop, and how far a run is: percent, date, time left, trades so far, running equity."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from desktop import fmt
from desktop.messages import QT_TRANSLATE_NOOP
from desktop.presenters.run import RunState
from engine.result import BacktestProgress

_STAGES = {
    "compile": QT_TRANSLATE_NOOP("RunBar", "Compiling, once for this computer (up to a minute)"),
    "load": QT_TRANSLATE_NOOP("RunBar", "Loading bars"),
    "signals": QT_TRANSLATE_NOOP("RunBar", "Computing signals"),
    "simulate": QT_TRANSLATE_NOOP("RunBar", "Simulating"),
    "metrics": QT_TRANSLATE_NOOP("RunBar", "Computing metrics"),
    "save": QT_TRANSLATE_NOOP("RunBar", "Saving"),
    "done": QT_TRANSLATE_NOOP("RunBar", "Done"),
}
_STEPS = 1000


class RunBar(QWidget):
    """The foot of the set-up panel.

    Signals:
        run_requested(): Run was pressed.
        stop_requested(): Stop was pressed.
    """

    run_requested = Signal()
    stop_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        """Begin idle."""
        super().__init__(parent)
        self._state = RunState.IDLE
        self._transport: QWidget | None = None
        self._is_ready = False
        self.setProperty("role", "foot")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.button = QPushButton(self.tr("Run"), self)
        self.button.setProperty("primary", True)
        self.button.clicked.connect(self._on_button_clicked)
        self.progress = QProgressBar(self)
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Progress of the run"))
        self._headline = QLabel(self)
        self._figures = QLabel(self)
        self._figures.setProperty("role", "caption")
        self._reason = QLabel(self)
        self._reason.setProperty("role", "caption")
        self._reason.setWordWrap(True)
        layout = self._layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 12)
        layout.setSpacing(4)
        for widget in (self._headline, self.progress, self._figures, self._reason, self.button):
            layout.addWidget(widget)
        self.set_state(RunState.IDLE)

    def headline(self) -> str:
        """Return what stands above the bar."""
        return self._headline.text()

    def put_transport(self, transport: QWidget) -> None:
        """Take the hand on the run's speed; it is there while a run is."""
        self._transport = transport
        self._layout.insertWidget(self._layout.indexOf(self.button), transport)
        self._render()

    def set_ready(self, reasons: list[str]) -> None:
        """Say whether Run may be pressed: it may when there is no reason against it, else it says the reason."""
        self._is_ready = not reasons
        first = reasons[0] if reasons else ""
        more = self.tr(" and {0} more").format(len(reasons) - 1) if len(reasons) > 1 else ""
        self._reason.setText(self.tr("To mend: {0}").format(first) + more if reasons else "")
        self._render()

    def set_state(self, state: RunState) -> None:
        """Follow the run."""
        self._state = state
        if state is RunState.RUNNING:
            self.progress.setValue(0)
            self._headline.setText(self.tr("Preparing"))
            self._figures.setText(" ")
        elif state is RunState.STOPPING:
            self._headline.setText(self.tr("Stopping"))
        elif state is RunState.KEEPING:
            self._headline.setText(self.tr("Stopped; storing what there is"))
        self._render()

    def show_progress(self, progress: BacktestProgress) -> None:
        """Show how far the run is; what one that was told to stop still says is not shown any more."""
        if self._state is not RunState.RUNNING:
            return
        self.progress.setValue(max(self.progress.value(), round(progress.fraction * _STEPS)))
        stage = self.tr(_STAGES[progress.stage])
        if progress.stage == "compile":  # done elsewhere: how far it is nobody knows
            self._headline.setText(stage)
            return
        date = "" if progress.time_ns is None else f" · {fmt.date(progress.time_ns)}"
        self._headline.setText(f"{stage} · {progress.fraction:.0%}{date}")
        parts = []
        if progress.eta_seconds is not None and progress.stage == "simulate":
            left = progress.eta_seconds
            soon = self.tr("less than a second left")
            parts.append(
                soon if left < 1 else self.tr("{0} left").format(fmt.duration(round(left)))
            )
        if progress.equity is not None:
            count = fmt.count(progress.trades)
            one, many = self.tr("1 trade"), self.tr("{0} trades").format(count)
            parts.append(one if progress.trades == 1 else many)
            parts.append(self.tr("equity {0}").format(fmt.money(progress.equity)))
        self._figures.setText(" · ".join(parts) or " ")

    def _render(self) -> None:
        busy = self._state is not RunState.IDLE
        self.button.setText(self.tr("Stop") if busy else self.tr("Run"))
        self.button.setToolTip(
            self.tr("Stop this run (Ctrl+.)") if busy else self.tr("Run (Ctrl+R)")
        )
        self.button.setAccessibleName(self.button.text())
        if self.button.property("danger") != busy:
            self.button.setProperty("danger", busy)
            self.button.setProperty("primary", not busy)
            self.button.style().unpolish(self.button)
            self.button.style().polish(self.button)
        self.button.setEnabled(self._state is RunState.RUNNING or (not busy and self._is_ready))
        for widget in (self._headline, self.progress, self._figures):
            widget.setVisible(busy)
        if self._transport is not None:
            self._transport.setVisible(self._state is RunState.RUNNING)
        self._reason.setVisible(not busy and bool(self._reason.text()))

    def _on_button_clicked(self) -> None:
        if self._state is RunState.RUNNING:
            self.stop_requested.emit()
        else:
            self.run_requested.emit()
