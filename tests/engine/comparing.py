"""What differs between figures and what they should be."""

from typing import Any

import pytest


def differing(
    found: dict[str, Any], expected: dict[str, Any], rel: float, abs_: float
) -> dict[str, Any]:
    """Return what is not as expected within the tolerances, as name: (found, expected)."""
    return {
        name: (found[name], value)
        for name, value in expected.items()
        if found[name]
        != (pytest.approx(value, rel=rel, abs=abs_) if isinstance(value, float) else value)
    }
