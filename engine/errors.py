"""What can go wrong in a way the person can mend. Anything else that is raised is a defect of the program.

Every message says what is wrong, where, and what to do. Each kind has its exit code on the command line and its
dialog in the window.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend.

    Attributes:
        field: dotted path of the setting (``costs.commission_pct``) or place in the data (``AAPL row 17``).
        message: what is wrong, the offending value included.
        hint: what is allowed, or what to do; may be empty.
    """

    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Return one line: where, what, what to do."""
        text = f"{self.field}: {self.message}" if self.field else self.message
        return f"{text} ({self.hint})" if self.hint else text


class BacktestError(Exception):
    """A failure the person is told about in one sentence, without a traceback."""

    kind = "error"
    exit_code = 1

    def __init__(self, message: str, *, field: str = "", hint: str = "", run_id: str = "") -> None:
        """Keep the parts that the command line and the window show apart."""
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint
        self.run_id = run_id


class BacktestValidationError(BacktestError):
    """A configuration or data that cannot be simulated; carries every problem found."""

    kind = "validation"
    exit_code = 2

    def __init__(self, problems: "Problem | list[Problem]") -> None:
        """Take one problem or all of them; the first gives the message."""
        self.problems = [problems] if isinstance(problems, Problem) else list(problems)
        first = self.problems[0]
        super().__init__("\n".join(map(str, self.problems)), field=first.field, hint=first.hint)


class BacktestNotFoundError(BacktestError):
    """Something named does not exist: a strategy, a symbol, a file, a run."""

    kind = "not_found"
    exit_code = 3
