"""The run being set up: a draft of plain values, its problems beside their fields, and the configuration it makes.

The draft is the same nested data that a configuration file holds, so a field is named by its dotted path
(``costs.commission_pct``) here, in the file and in every message.
"""

import copy
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from desktop.presenters.criteria_rows import STARTING_POINT
from engine.config import SCREENING, BacktestConfig, check_dates, parse_config, unusual
from engine.errors import BacktestError, BacktestValidationError, Problem
from engine.strategies import registry
from engine.strategies.registry import ParameterInfo
from storage.saved import parse_reference
from storage.strategies import is_file_name

DEMO: dict[str, Any] = {
    "strategy": {"name": "sma_cross", "params": {}},
    "data": {"source": "demo", "symbols": ["AAPL"], "benchmark": "EQUAL5"},
    "account": {"initial_capital": 100_000.0},
}


@dataclass(frozen=True)
class FileFacts:
    """What is known of a strategy file: its parameters, what it does, or why it can't be run as it is."""

    parameters: tuple[ParameterInfo, ...] = ()
    summary: str = ""
    problem: Problem | None = None


@dataclass(frozen=True)
class SetupState:
    """What the form shows.

    Attributes:
        values: the draft, nested like a configuration file.
        parameters: the chosen strategy's parameters; empty when it is unknown.
        problems: by dotted path; a problem of the whole section stands under the section's name.
        warnings: sentences that do not stop a run.
        config: the configuration, or None while there is a problem.
    """

    values: dict[str, Any]
    parameters: tuple[ParameterInfo, ...]
    problems: dict[str, Problem] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    config: BacktestConfig | None = None

    @property
    def strategy_name(self) -> str:
        """What the strategy is called; criteria are ``screening``."""
        return _strategy_name(self.values)

    @property
    def criteria(self) -> dict[str, Any] | None:
        """The draft of criteria while screening is chosen, else None."""
        section = self.values.get("strategy", {})
        return section.get("criteria") or {} if self.strategy_name == SCREENING else None


class SetupPresenter(QObject):
    """Keeps the draft and judges it after every change.

    Signals:
        changed(SetupState): the draft or its problems changed.
    """

    changed = Signal(object)

    def __init__(self, today: Callable[[], dt.date], parent: QObject | None = None) -> None:
        """Begin with the demo."""
        super().__init__(parent)
        self._today = today
        self._values = copy.deepcopy(DEMO)
        self._files: dict[str, FileFacts] = {}
        self.state = self._judged()

    def set_facts(self, name: str, facts: "FileFacts") -> None:
        """Take what was found out about a strategy file."""
        self._files[name] = facts
        self._publish()

    def load(self, values: dict[str, Any]) -> None:
        """Take a whole draft, as read from a configuration file or a stored run."""
        self._values = copy.deepcopy(values)
        self._publish()

    def set_value(self, path: str, value: Any) -> None:
        """Set one field by its dotted path; None or an empty text clears it to its default."""
        *sections, name = path.split(".")
        place = self._values
        for section in sections:
            place = place.setdefault(section, {})
        if value is None or value == "" or value == []:
            place.pop(name, None)
        else:
            place[name] = value
        if path == "data.symbols":
            # the form has one field for both: what is typed there counts
            place.pop("universe", None)
        self._publish()

    def set_strategy(self, name: str) -> None:
        """Choose a strategy; parameters of the one before go, since their names mean nothing to it."""
        if _strategy_name(self._values) != name:
            chosen: dict[str, Any] = {"name": name, "params": {}}
            if name == SCREENING:
                chosen = {"criteria": copy.deepcopy(STARTING_POINT)}
            self._values["strategy"] = chosen
            self._publish()

    def set_criteria(self, criteria: dict[str, Any]) -> None:
        """Replace the draft of criteria."""
        self._values["strategy"] = {"criteria": copy.deepcopy(criteria)}
        self._publish()

    def add_problem(self, problem: Problem) -> None:
        """Show what a run refused (a symbol that is not there) beside its field until the draft changes."""
        self.state = SetupState(
            self.state.values,
            self.state.parameters,
            {**self.state.problems, problem.field: problem},
            self.state.warnings,
            self.state.config,
        )
        self.changed.emit(self.state)

    def _publish(self) -> None:
        self.state = self._judged()
        self.changed.emit(self.state)

    def _judged(self) -> SetupState:
        values = copy.deepcopy(self._values)
        found: list[Problem] = []
        config: BacktestConfig | None = None
        parameters: tuple[ParameterInfo, ...] = ()
        try:
            config = parse_config(values)
            check_dates(config, self._today())
        except BacktestValidationError as error:
            found += error.problems
        try:
            name = _strategy_name(values)
            if name == SCREENING or parse_reference(name):
                return self._state(values, (), found, config)
            if is_file_name(name):
                facts = self._files.get(name, FileFacts())
                found += [facts.problem] if facts.problem is not None else []
                return self._state(values, facts.parameters, found, config)
            strategy = registry.get(name)
            parameters = tuple(registry.describe(strategy))
            strategy.make(values.get("strategy", {}).get("params", {}))
        except BacktestValidationError as error:
            found += error.problems
        except BacktestError as error:
            found.append(Problem("strategy.name", error.message, error.hint))
        return self._state(values, parameters, found, config)

    def _state(
        self,
        values: dict[str, Any],
        parameters: tuple[ParameterInfo, ...],
        found: list[Problem],
        config: BacktestConfig | None,
    ) -> SetupState:
        problems = {problem.field: problem for problem in reversed(found)}
        return SetupState(
            values,
            parameters,
            problems,
            tuple(unusual(config, self._today())) if config else (),
            None if problems else config,
        )


def _strategy_name(values: dict[str, Any]) -> str:
    section = values.get("strategy", {})
    return str(section.get("name", SCREENING if "criteria" in section else ""))
