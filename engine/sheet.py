"""Named figures, each with a value or the reason why it has none.

What is undefined is empty and says so; it is never 0 for want of something better, never NaN or
infinity. Metrics and statistics are put together on such sheets.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where values and reasons are collected.

    Attributes
    ----------
    values : dict
        By name; None where undefined.
    undefined : dict
        The reason, by the name of each value that is None.
    """

    values: dict[str, Value] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: float | int | str) -> None:
        """Set a value; one that is no finite number becomes a reason."""
        if isinstance(value, float) and not math.isfinite(value):
            self.skip("the value is too large to be stated", name)
        else:
            self.values[name] = value

    def skip(self, reason: str, *names: str) -> None:
        """Say why the named values do not exist."""
        for name in names:
            self.values[name] = None
            self.undefined[name] = reason

    def divide(self, name: str, part: float, whole: float, reason: str) -> None:
        """Put ``part / whole``, or the reason when there is nothing to divide by."""
        if whole == 0.0:
            self.skip(reason, name)
        else:
            self.put(name, part / whole)

    def ordered(self, names: Iterable[str]) -> dict[str, Value]:
        """Return the named values in the order of the names."""
        return {name: self.values[name] for name in names}
