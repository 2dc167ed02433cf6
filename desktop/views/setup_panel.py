"""The run set-up: strategy, its parameters, data, account, costs, execution, sizing; Run at the bottom."""

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from desktop.presenters.fields import Section, parameter_field
from desktop.presenters.form import SECTIONS
from desktop.presenters.setup import SetupPresenter, SetupState
from desktop.presenters.strategies import SavedState, StrategiesPresenter
from desktop.views.criteria_editor import CriteriaEditor
from desktop.views.field_editor import FieldEditor
from desktop.views.field_grid import FieldGrid
from desktop.views.run_bar import RunBar
from desktop.views.strategy_picker import SaveBar, StrategyPicker
from engine.errors import Problem
from engine.strategies import registry

_PADDING = 12
_OPEN, _CLOSED = "▾", "▸"


class _Fold(QWidget):
    """Fields under a heading that folds."""

    def __init__(self, section: Section, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QCoreApplication.translate("SetupPanel", section.title)
        # Not a QToolButton: that sets its text in the middle, off the edge of the fields.
        self._head = QPushButton(self)
        self._head.setFlat(True)
        self._title = title
        self._head.setAccessibleName(title)
        self._head.setProperty("role", "fold")
        self._head.setCheckable(True)
        self._body = QWidget(self)
        self.fields = FieldGrid()
        self.fields.setContentsMargins(0, 4, 0, 4)
        self._body.setLayout(self.fields)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._head, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._body)
        self._head.toggled.connect(self.unfold)
        self.unfold(section.open)

    def unfold(self, open_: bool) -> None:
        self._head.blockSignals(True)
        self._head.setChecked(open_)
        self._head.blockSignals(False)
        self._head.setText(f"{_OPEN if open_ else _CLOSED}  {self._title}")
        self._body.setVisible(open_)


class SetupPanel(QWidget):
    """The form over a `SetupPresenter`.

    Signals:
        run_requested(): Run was pressed and the draft is free of problems.
        stop_requested(): Stop was pressed.
    """

    run_requested = Signal()
    stop_requested = Signal()

    def __init__(
        self,
        presenter: SetupPresenter,
        strategies: StrategiesPresenter,
        parent: QWidget | None = None,
    ) -> None:
        """Build the form and show the presenter's draft."""
        super().__init__(parent)
        self._presenter = presenter
        self.setProperty("role", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._editors: dict[str, FieldEditor] = {}
        self._folds: dict[str, _Fold] = {}
        self._notes: dict[str, QLabel] = {}
        self._parameters: tuple[registry.ParameterInfo, ...] = ()
        self._parameter_box = FieldGrid()
        self.strategy = StrategyPicker(self)
        self.strategy.currentIndexChanged.connect(self._on_strategy_changed)
        self.save_bar = SaveBar(self)
        self.save_bar.save_requested.connect(
            lambda name: strategies.save(presenter.state.values.get("strategy", {}), name)
        )
        strategies.changed.connect(self._show_saved)
        strategies.saved.connect(presenter.set_strategy)
        self.criteria = CriteriaEditor(self)
        self.criteria.edited.connect(presenter.set_criteria)
        self._summary = QLabel(self)
        self._summary.setProperty("role", "caption")
        self._summary.setTextFormat(Qt.TextFormat.PlainText)
        self._summary.setWordWrap(True)
        self._messages = QLabel(self)
        self._messages.setTextFormat(Qt.TextFormat.PlainText)
        self._messages.setProperty("role", "warn")
        self._messages.setWordWrap(True)
        self.run_bar = RunBar(self)
        self.run_bar.run_requested.connect(self.run_requested)
        self.run_bar.stop_requested.connect(self.stop_requested)
        self._lay_out()
        presenter.changed.connect(self.show_state)
        self.show_state(presenter.state)

    def show_state(self, state: SetupState) -> None:
        """Show the draft, its problems and warnings."""
        self.strategy.choose(state.strategy_name)
        self._summary.setText(self.strategy.summary(state.strategy_name))
        if state.parameters != self._parameters:
            self._show_parameters(state.parameters)
        for path, editor in self._editors.items():
            editor.set_value(_value_at(state.values, path))
            problem = state.problems.get(path)
            editor.set_problem("" if problem is None else _sentence(problem))
        for path in state.problems:
            fold = self._folds.get(path.split(".")[0])
            if fold is not None:
                fold.unfold(True)
        self._show_criteria(state)
        here = {*self._editors, *(self.criteria.paths() if state.criteria is not None else ())}
        self._show_loose([p for path, p in state.problems.items() if path not in here])
        self._messages.setText("\n".join(state.warnings))
        self._messages.setVisible(bool(state.warnings))
        self.run_bar.set_ready([self._reason(path, p) for path, p in state.problems.items()])

    def _show_saved(self, saved: SavedState) -> None:
        self.strategy.show_saved(saved)
        self.save_bar.show_saved(saved)
        self._summary.setText(self.strategy.summary(self._presenter.state.strategy_name))

    def show_summary(self, name: str, summary: str) -> None:
        """Take what a strategy file says that it does."""
        self.strategy.set_summary(name, summary)
        self._summary.setText(self.strategy.summary(self._presenter.state.strategy_name))

    def _show_criteria(self, state: SetupState) -> None:
        self.criteria.setVisible(state.criteria is not None)
        if state.criteria is not None:
            told = {path: _sentence(problem) for path, problem in state.problems.items()}
            self.criteria.show_draft(state.criteria, told)

    def _reason(self, path: str, problem: Problem) -> str:
        """Return a problem by the label of its field, or whole where there is no field."""
        editor = self._editors.get(path)
        if editor is not None:
            return editor.title
        return self.criteria.title(path) or problem.message

    def note(self, section: str) -> str:
        """Return what is wrong with a section as a whole; empty when nothing is."""
        return self._notes[section].text()

    def editor(self, path: str) -> FieldEditor:
        """Return the editor of a field by its dotted path."""
        return self._editors[path]

    def go_to(self, path: str) -> None:
        """Put the keyboard into a field that has to be mended, if there is one of that path."""
        editor = self._editors.get(path)
        if editor is not None:
            editor.editor.setFocus(Qt.FocusReason.OtherFocusReason)
            if isinstance(editor.editor, QLineEdit):
                editor.editor.selectAll()

    def run_button(self) -> QPushButton:
        """Return the primary button."""
        return self.run_bar.button

    def _lay_out(self) -> None:
        form = QWidget(self)
        form.setProperty("role", "panel")
        self._fields = fields = QVBoxLayout(form)
        fields.setContentsMargins(_PADDING, _PADDING, _PADDING, _PADDING)
        fields.setSpacing(8)
        heading = QLabel(self.tr("Strategy"), form)
        heading.setProperty("role", "heading")
        heading.setBuddy(self.strategy)
        fields.addWidget(heading)
        fields.addWidget(self.strategy)
        fields.addWidget(self._summary)
        fields.addLayout(self._parameter_box)
        fields.addWidget(self.criteria)
        fields.addWidget(self.save_bar)
        fields.addWidget(self._note_of("strategy", form))
        for section in SECTIONS:
            fold = _Fold(section, form)
            self._folds[section.name] = fold
            for field in section.fields:
                editor = FieldEditor(field, fold)
                editor.edited.connect(self._presenter.set_value)
                self._editors[field.path] = editor
                fold.fields.add(editor)
            fields.addWidget(fold)
            fields.addWidget(self._note_of(section.name, form))
        fields.addWidget(self._messages)
        fields.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setAccessibleName(self.tr("Run set-up"))
        scroll.setWidget(form)
        scroll.verticalScrollBar().rangeChanged.connect(self._on_scroll_range_changed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.run_bar)

    def _note_of(self, section: str, parent: QWidget) -> QLabel:
        """Make the line below a section for what is wrong with no single field of it."""
        note = QLabel(parent)
        note.setProperty("role", "error")
        note.setTextFormat(Qt.TextFormat.PlainText)
        note.setWordWrap(True)
        note.hide()
        self._notes[section] = note
        return note

    def _show_loose(self, problems: list[Problem]) -> None:
        """Show problems that no single field has below their sections, those of no section below the first."""
        lines: dict[str, list[str]] = {section: [] for section in self._notes}
        for problem in problems:
            section = problem.field.split(".")[0]
            is_whole = problem.field in (section, "strategy.name", "strategy.params")
            known = section if section in lines else "strategy"
            lines[known].append(_sentence(problem) if is_whole else str(problem))
        for section, note in self._notes.items():
            note.setText("\n".join(lines[section]))
            note.setVisible(bool(lines[section]))

    def _show_parameters(self, parameters: tuple[registry.ParameterInfo, ...]) -> None:
        for info in self._parameters:
            old = self._editors.pop(f"strategy.params.{info.name}")
            self._parameter_box.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._parameter_box.forget()
        self._parameters = parameters
        before: QWidget = self.strategy
        for info in parameters:
            field = parameter_field(info)
            editor = FieldEditor(field, self)
            editor.edited.connect(self._presenter.set_value)
            self._editors[field.path] = editor
            self._parameter_box.add(editor)
            QWidget.setTabOrder(before, editor.editor)
            before = editor.editor

    def _on_scroll_range_changed(self, _least: int, most: int) -> None:
        """Let the scroll bar stand in the padding: fields end where the button below them does."""
        right = 0 if most > 0 else _PADDING
        self._fields.setContentsMargins(_PADDING, _PADDING, right, _PADDING)

    def _on_strategy_changed(self, _index: int) -> None:
        self._presenter.set_strategy(str(self.strategy.currentData()))


def _sentence(problem: Problem) -> str:
    return f"{problem.message} – {problem.hint}" if problem.hint else problem.message


def _value_at(values: dict[str, object], path: str) -> object:
    place: object = values
    for part in path.split("."):
        place = place.get(part) if isinstance(place, dict) else None
    return place
