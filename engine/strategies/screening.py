"""Screening: hold what meets declared criteria, ranked, counted and weighed anew at each rebalancing."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from engine.config import problems_of
from engine.criteria import Criteria
from engine.errors import BacktestValidationError
from engine.expressions import Expression
from engine.market import Panel
from engine.screening import weights_of
from engine.strategies.protocol import Floats, Parameters, TargetStrategy

CRITERIA_PATH = "strategy.criteria"


def _ten_strongest() -> Criteria:
    return Criteria(rank_by=Expression(what="roc", bars=126), top=10)


class ScreeningParameters(Parameters):
    """The criteria are the one parameter."""

    criteria: Criteria = Field(
        default_factory=_ten_strongest,
        title="Criteria",
        description="What qualifies, in which order, how many, with what weight",
    )


class Screening(TargetStrategy):
    """Criteria as a strategy; see `engine.screening` for what they mean."""

    name: ClassVar[str] = "screening"
    title: ClassVar[str] = "Screening"
    summary: ClassVar[str] = (
        "Holds the symbols that meet your criteria, and chooses anew each period."
    )
    Params: ClassVar[type[Parameters]] = ScreeningParameters

    @classmethod
    def make(cls, values: dict[str, Any]) -> "Screening":
        """Build the strategy from plain values: ``{"criteria": {…}}``.

        Raises:
            BacktestValidationError: one problem per criterion, under ``strategy.criteria.<path>``.
        """
        given = values.get("criteria")
        if given is None:
            return cls(ScreeningParameters())
        try:
            return cls.of(Criteria.model_validate(given))
        except ValidationError as error:
            raise BacktestValidationError(problems_of(error, prefix=CRITERIA_PATH)) from error

    @classmethod
    def of(cls, criteria: Criteria) -> "Screening":
        """Build the strategy of criteria that were validated before."""
        return cls(ScreeningParameters(criteria=criteria))

    def warmup_bars(self) -> int:
        """Return what the longest look back needs."""
        return int(self.params.criteria.warmup_bars)

    def weights(self, panel: Panel, bars: NDArray[np.int64]) -> Floats:
        """Return the weights of what qualifies at each bar; NaN rows until something is known."""
        return weights_of(self.params.criteria, panel, bars)
