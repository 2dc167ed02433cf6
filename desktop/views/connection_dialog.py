"""Connections: the profiles on the left, one of them on the right, Test and Save below."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop import fmt
from desktop.presenters.connections import NEW_PROFILE, ConnectionsPresenter, ConnectionsState
from desktop.views.empty import StateView
from storage.connection_report import ConnectionReport
from storage.profiles import Profile

_SSL_MODES = ("verify-full", "verify-ca", "require", "disable")


class ConnectionDialog(QDialog):
    """Edits connection profiles over a `ConnectionsPresenter`; stays open, blocks nothing."""

    def __init__(self, presenter: ConnectionsPresenter, parent: QWidget | None = None) -> None:
        """Build the dialog and read the profiles."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("Connections"))
        self.resize(720, 480)
        self._presenter = presenter
        self.list = QListWidget(self)
        self.list.setAccessibleName(self.tr("Connection profiles"))
        self.list.currentTextChanged.connect(self._on_profile_chosen)
        self._empty = StateView(self, calm=True)
        self._empty.show_empty(self.tr("No connections yet"))
        self._left = QStackedWidget(self)
        self._left.setFixedWidth(200)
        self._left.addWidget(self._empty)
        self._left.addWidget(self.list)
        self.fields: dict[str, QLineEdit | QComboBox] = {}
        self._problems: dict[str, QLabel] = {}
        self.password = QLineEdit(self)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setAccessibleName(self.tr("Password"))
        self.password.setPlaceholderText(self.tr("the one in the keyring"))
        self.keep = QCheckBox(self.tr("Keep in the system's keyring"), self)
        self.keep.setChecked(True)
        self.outcome = QLabel(self)
        self.outcome.setWordWrap(True)
        self.outcome.setTextFormat(Qt.TextFormat.PlainText)
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.outcome.setAccessibleName(self.tr("What happened"))
        self.new = QPushButton(self.tr("New"), self)
        self.remove = QPushButton(self.tr("Remove"), self)
        self.test = QPushButton(self.tr("Test"), self)
        self.save = QPushButton(self.tr("Save"), self)
        self.save.setProperty("primary", True)
        self.save.setDefault(True)
        self._lay_out()
        self.new.clicked.connect(self._on_new_clicked)
        self.remove.clicked.connect(self._on_remove_clicked)
        self.test.clicked.connect(self._on_test_clicked)
        self.save.clicked.connect(self._on_save_clicked)
        presenter.changed.connect(self.show_state)
        self._fill(NEW_PROFILE)
        self.fields["name"].setFocus()
        presenter.load()

    def show_state(self, state: ConnectionsState) -> None:
        """Show profiles, problems and what happened."""
        names = [profile.name for profile in state.profiles]
        if names != [self.list.item(i).text() for i in range(self.list.count())]:
            self.list.blockSignals(True)
            self.list.clear()
            self.list.addItems(names)
            self.list.blockSignals(False)
        self._left.setCurrentWidget(self.list if names else self._empty)
        problems = {problem.field: problem for problem in state.problems}
        for name, label in self._problems.items():
            problem = problems.get(name)
            label.setText("" if problem is None else problem.message)
            label.setVisible(problem is not None)
        loose = [str(p) for p in state.problems if p.field not in self._problems]
        lines = [*loose, state.message, *(_lines(state.report) if state.report else [])]
        self.outcome.setText("\n".join(line for line in lines if line))
        level = "bad" if problems or (state.report and not state.report.is_ok) else ""
        self.outcome.setProperty("role", "error" if level else "caption")
        self.outcome.style().unpolish(self.outcome)
        self.outcome.style().polish(self.outcome)
        for button in (self.test, self.save, self.remove):
            button.setEnabled(not state.busy)

    def values(self) -> dict[str, Any]:
        """Return what is typed, as plain values of a profile."""
        found: dict[str, Any] = {}
        for name, editor in self.fields.items():
            if isinstance(editor, QComboBox):
                found[name] = editor.currentData()
            else:
                text = editor.text().strip()
                found[name] = (
                    int(text) if name == "port" and text.isascii() and text.isdigit() else text
                )
        return found

    def problem(self, field: str) -> str:
        """Return what is shown to be wrong with a field."""
        return self._problems[field].text()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        purpose = QComboBox(self)
        purpose.addItem(self.tr("Prices (read only)"), "market")
        purpose.addItem(self.tr("The team's runs"), "shared")
        modes = QComboBox(self)
        for mode in _SSL_MODES:
            modes.addItem(mode, mode)
        rows: tuple[tuple[str, str, QLineEdit | QComboBox], ...] = (
            ("name", self.tr("Name"), QLineEdit(self)),
            ("purpose", self.tr("Used for"), purpose),
            ("host", self.tr("Server"), QLineEdit(self)),
            ("port", self.tr("Port"), QLineEdit(self)),
            ("database", self.tr("Database"), QLineEdit(self)),
            ("user", self.tr("User"), QLineEdit(self)),
            ("sslmode", self.tr("Encryption"), modes),
            ("sslrootcert", self.tr("CA file"), QLineEdit(self)),
        )
        for name, label, editor in rows:
            editor.setAccessibleName(label)
            problem = QLabel(self)
            problem.setProperty("role", "error")
            problem.setWordWrap(True)
            problem.hide()
            box = QVBoxLayout()
            box.setSpacing(2)
            box.addWidget(editor)
            box.addWidget(problem)
            form.addRow(label, box)
            self.fields[name] = editor
            self._problems[name] = problem
        form.addRow(self.tr("Password"), self.password)
        form.addRow("", self.keep)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.test)
        buttons.addStretch(1)
        buttons.addWidget(self.remove)
        buttons.addWidget(self.save)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addLayout(form)
        right.addWidget(self.outcome, 1, Qt.AlignmentFlag.AlignTop)
        right.addLayout(buttons)
        left = QVBoxLayout()
        left.addWidget(self._left, 1)
        left.addWidget(self.new)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.setSpacing(12)
        layout.addLayout(left)
        layout.addLayout(right, 1)

    def _fill(self, values: dict[str, Any]) -> None:
        for name, editor in self.fields.items():
            value = values.get(name)
            if isinstance(editor, QComboBox):
                editor.setCurrentIndex(max(editor.findData(value), 0))
            else:
                editor.setText("" if value is None else str(value))
        self.password.clear()

    def _on_profile_chosen(self, name: str) -> None:
        found: Profile | None = next(
            (p for p in self._presenter.state.profiles if p.name == name), None
        )
        if found is not None:
            self._fill(found.model_dump())

    def _on_new_clicked(self) -> None:
        self.list.setCurrentRow(-1)
        self._fill(NEW_PROFILE)
        self.fields["name"].setFocus()

    def _on_remove_clicked(self) -> None:
        item = self.list.currentItem()
        if item is not None:
            self._presenter.delete(item.text())

    def _on_test_clicked(self) -> None:
        self._presenter.test(self.values(), self.password.text())

    def _on_save_clicked(self) -> None:
        self._presenter.save(self.values(), self.password.text(), self.keep.isChecked())
        self.password.clear()


def _lines(report: ConnectionReport) -> list[str]:
    """Return a report as lines: what failed and what to do, or what was found."""
    if not report.is_ok:
        return [report.message, report.remedy]
    extension = f"TimescaleDB {report.timescaledb}" if report.timescaledb else "no TimescaleDB"
    latency = "" if report.latency_ms is None else f" · {fmt.number(report.latency_ms, 1)} ms"
    lines = [report.message, f"PostgreSQL {report.server_version} · {extension}{latency}"]
    for table in report.tables:
        rows = "" if table.rows is None else f", about {fmt.count(table.rows)} rows"
        state = "found" if table.is_usable else "not readable" if table.exists else "not there"
        lines.append(f"{table.schema}.{table.table}: {state}{rows}")
    return lines
