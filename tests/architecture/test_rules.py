"""The drawing of the program holds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture import code_rules, import_rules, repository_rules
from tests.architecture.tree import ROOT

RULES = (*import_rules.RULES, *code_rules.RULES, *repository_rules.RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Callable[[Path], Iterator[str]]) -> None:
    findings = list(rule(ROOT))

    assert not findings, "\n".join([rule.__doc__ or "", *findings])
