"""Screening criteria evaluated: from a panel and the closes of some bars to the weights to hold.

Everything is decided from what is known at a close: bars up to it, the members of the universe on
that day, fields as they were last published. A value that is not known (no bar, not enough bars,
never published, divided by zero) qualifies for nothing. Equal values rank by the bytewise order of
the symbols; equal means within 1e-12 of each other, so that rounding decides nothing.

Prices stand in the shares of the deciding bar: ``close`` is the close as traded, and an average
over a split counts the earlier bars in today's shares. No later split can change it.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.adjust import Column, split_adjusted, split_factor
from engine.criteria import Criteria, Criterion
from engine.errors import BacktestValidationError, Problem
from engine.expressions import INDICATORS, Expression
from engine.kernels.indicators import (
    RELATIVE_TIE,
    above,
    change_nb,
    rolling_extreme_nb,
    rolling_mean_nb,
    rsi_nb,
)
from engine.kernels.smoothing import atr_nb, deviation_nb, ema_nb, lagged_nb
from engine.market import Panel

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]

# Periods a year of bars that have a usual number of them; finer bars keep the deviation of one bar.
_A_YEAR: Final = {"1d": 252.0, "1w": 52.0, "1mo": 12.0}
_PERCENT_SLACK: Final = 1e-9  # 10 % of 650 symbols are 65, however the product was rounded


class Verdict(NamedTuple):
    """What is known of a condition, each (n_rows, n_symbols): it holds, or it does not."""

    yes: Mask
    no: Mask


class Screen:
    """The values that criteria look at, at the closes of some bars, each computed once.

    Parameters
    ----------
    panel : bars up to the last of ``bars`` at least; later ones are not looked at
    bars : (n_rows,) rows of the panel, ascending
    """

    def __init__(self, panel: Panel, bars: Ints) -> None:
        """Take the part of the panel that is known at the last of the bars."""
        self._bars = bars
        self._panel = panel.slice(0, int(bars[-1]) + 1 if len(bars) else 0)
        self._factor = split_factor(self._panel)
        self._values: dict[Expression, Floats] = {}
        there = ~np.isnan(self._panel.close[bars])
        members = self._panel.members
        self.here: Mask = there if members is None else there & members[bars]

    def values(self, expression: Expression) -> Floats:
        """Return (n_rows, n_symbols) values; NaN where they are not known."""
        known = self._values.get(expression)
        if known is None:
            known = self._computed(expression)
            self._values[expression] = known
        return known

    def _computed(self, expression: Expression) -> Floats:
        if expression.number is not None:
            return np.full(self.here.shape, expression.number)
        with np.errstate(all="ignore"):
            values = self._plain(expression) * expression.times
            if expression.over is not None:
                values = values / self.values(expression.over)
        return np.where(np.isfinite(values), values, np.nan)

    def _plain(self, expression: Expression) -> Floats:
        panel = self._panel
        if expression.field is not None:
            return np.asarray(panel.fields[expression.field][self._bars], np.float64)
        assert expression.what is not None, "an expression is one of three"
        skip, info = expression.skip, INDICATORS.get(expression.what)
        if info is None and skip == 0:
            return np.asarray(getattr(panel, expression.what)[self._bars], np.float64)
        values: Floats = self._indicator(expression)
        if skip:
            values = lagged_nb(values, skip)
        values = values[self._bars]
        shares = expression.what in ("volume", "volume_mean") or expression.column == "volume"
        ratio = info is not None and info.unit in ("percent", "money")
        if self._factor is None or ratio:
            return values
        factor = self._factor[self._bars]
        return values * factor if shares else values / factor

    def _indicator(self, expression: Expression) -> Floats:
        """Return an indicator over all bars, prices in shares of the first bar."""
        panel, bars = self._panel, expression.bars or 0

        def own(name: Column) -> Floats:
            return split_adjusted(panel, name)

        of = expression.column
        match expression.what:
            case "sma":
                return rolling_mean_nb(own(of), bars, 0)
            case "ema":
                return ema_nb(own(of), bars)
            case "rsi":
                return rsi_nb(own("close"), bars)
            case "atr":
                return atr_nb(own("high"), own("low"), own("close"), bars)
            case "roc":
                return 100.0 * change_nb(own(of), bars)
            case "volatility":
                a_year: Floats = (
                    deviation_nb(own(of), bars) * _A_YEAR.get(panel.timeframe, 1.0) ** 0.5
                )
                return 100.0 * a_year
            case "highest":
                return rolling_extreme_nb(own(of), bars, 0, 1)
            case "lowest":
                return rolling_extreme_nb(own(of), bars, 0, -1)
            case "volume_mean":
                return rolling_mean_nb(own("volume"), bars, 0)
            case "dollar_volume":
                return rolling_mean_nb(panel.close * panel.volume, bars, 0)
            case column:
                assert column is not None, "an expression is one of three"
                return own(column)


def weights_of(criteria: Criteria, panel: Panel, bars: Ints) -> Floats:
    """Return the weights that criteria give at the closes of bars.

    Parameters
    ----------
    criteria : what qualifies, in which order, how many, weighed by what
    panel : bars, members and fields
    bars : (n_rows,) rows of the panel, ascending

    Returns
    -------
    (n_rows, n_symbols) weights, 0 for what is not held. Their sum is 1, or less where
    ``max_weight_pct`` cuts. A row is NaN while nothing is known of any symbol: not enough bars yet,
    a field not published yet.

    Raises
    ------
    BacktestValidationError
        The panel does not have a field that is asked for; named by the path of the expression.
    """
    refuse_unknown_fields(criteria, panel)
    screen = Screen(panel, bars)
    verdict = judged(criteria, screen)
    score = screen.here if criteria.rank_by is None else ~np.isnan(screen.values(criteria.rank_by))
    measure = _measure(criteria, screen)
    qualified = verdict.yes & score & (measure > 0.0)
    decided = (verdict.no & screen.here) | qualified
    chosen = qualified
    if criteria.rank_by is not None and criteria.top is not None:
        values = screen.values(criteria.rank_by)
        descending = criteria.order == "descending"
        chosen = qualified & (places(values, qualified, descending) < criteria.top)
    held = np.where(chosen, measure, 0.0)
    # One after the other, in the order of the symbols: the sum must not depend on the processor.
    total = np.cumsum(held, axis=1)[:, -1:] if held.shape[1] else held
    weights: Floats = held / np.where(total > 0.0, total, 1.0)
    if criteria.max_weight_pct is not None:
        weights = np.minimum(weights, criteria.max_weight_pct / 100.0)
    weights[~decided.any(axis=1)] = np.nan
    return weights


def refuse_unknown_fields(criteria: Criteria, panel: Panel) -> None:
    """Refuse criteria over fields that the data do not have.

    Raises
    ------
    BacktestValidationError
        One problem per expression, under ``strategy.criteria.<path>``.
    """
    problems = []
    for path, expression in criteria.expressions():
        for name in sorted(expression.fields - set(panel.fields)):
            there = ", ".join(sorted(panel.fields)) or "none"
            problems.append(
                Problem(
                    f"strategy.criteria.{path}",
                    f"the data have no field {name!r}",
                    f"fields of this source: {there}",
                )
            )
    if problems:
        raise BacktestValidationError(problems)


def _measure(criteria: Criteria, screen: Screen) -> Floats:
    """Return what the weights are proportional to; NaN where it is not known."""
    expression = criteria.weight_expression
    if expression is None:
        return screen.here.astype(np.float64)
    values = screen.values(expression)
    if criteria.weigh_by != "inverse_volatility":
        return values
    with np.errstate(all="ignore"):
        inverse = 1.0 / values
    return np.where(np.isfinite(inverse), inverse, np.nan)


def judged(criteria: Criteria, screen: Screen) -> Verdict:
    """Return where all of ``where`` hold, and where one is known not to; of members with a bar."""
    found = _all([_judge(criterion, screen) for criterion in criteria.where], screen.here)
    return Verdict(found.yes & screen.here, found.no & screen.here)


def _judge(criterion: Criterion, screen: Screen) -> Verdict:
    if criterion.all is not None:
        return _all([_judge(member, screen) for member in criterion.all], screen.here)
    if criterion.any is not None:
        parts = [_judge(member, screen) for member in criterion.any]
        return Verdict(
            np.logical_or.reduce([part.yes for part in parts]),
            np.logical_and.reduce([part.no for part in parts]),
        )
    assert criterion.left is not None, "checked by the model"
    assert criterion.right is not None, "checked by the model"
    left = screen.values(criterion.left)
    if criterion.op in ("top", "bottom", "top_pct", "bottom_pct"):
        return _ranked(criterion, left, screen.here)
    right = screen.values(criterion.right)
    if criterion.op == "between":
        assert criterion.upto is not None, "checked by the model"
        upto = screen.values(criterion.upto)
        return _all([_at_least(left, right), _at_least(upto, left)], screen.here)
    return _COMPARISONS[str(criterion.op)](left, right)


def _all(parts: list[Verdict], here: Mask) -> Verdict:
    """Return where all hold, and where one does not: an unknown one hides neither."""
    if not parts:
        return Verdict(here, np.zeros_like(here))
    return Verdict(
        np.logical_and.reduce([part.yes for part in parts]),
        np.logical_or.reduce([part.no for part in parts]),
    )


def _greater(left: Floats, right: Floats) -> Verdict:
    known = ~(np.isnan(left) | np.isnan(right))
    yes = above(left, right)
    return Verdict(yes, known & ~yes)


def _at_least(left: Floats, right: Floats) -> Verdict:
    less = _greater(right, left)
    return Verdict(less.no, less.yes)


_COMPARISONS: Final[dict[str, Callable[[Floats, Floats], Verdict]]] = {
    ">": _greater,
    ">=": _at_least,
    "<": lambda left, right: _greater(right, left),
    "<=": lambda left, right: _at_least(right, left),
}


def _ranked(criterion: Criterion, values: Floats, here: Mask) -> Verdict:
    """Return which of the members whose value is known are among the first so many."""
    assert criterion.op is not None, "checked by the model"
    assert criterion.right is not None, "checked by the model"
    size = float(criterion.right.number or 0.0)
    known = here & ~np.isnan(values)
    if criterion.op.endswith("_pct"):
        count = np.count_nonzero(known, axis=1)[:, np.newaxis]
        size = np.ceil(count * size / 100.0 - _PERCENT_SLACK)
    yes = known & (places(values, known, criterion.op.startswith("top")) < size)
    return Verdict(yes, known & ~yes)


def places(values: Floats, eligible: Mask, descending: bool) -> Ints:
    """Return the place of each symbol in its row, from 0; those not eligible come last.

    Values within 1e-12 of the one before them in order are equal to it; equals stand in the order
    of the symbols.

    Parameters
    ----------
    values : (n_rows, n_symbols)
    eligible : (n_rows, n_symbols); their values are not NaN
    descending : whether the greatest comes first
    """
    key = np.where(eligible, -values if descending else values, np.inf)
    by_value = np.argsort(key, axis=1, kind="stable")
    ordered = np.take_along_axis(key, by_value, axis=1)
    with np.errstate(invalid="ignore"):
        gap = ordered[:, 1:] - ordered[:, :-1]
        apart = gap > RELATIVE_TIE * np.maximum(np.abs(ordered[:, 1:]), np.abs(ordered[:, :-1]))
    # an infinite key is the end of the eligible ones, whatever its distance
    apart |= np.isinf(ordered[:, 1:]) & ~np.isinf(ordered[:, :-1])
    group = np.zeros(key.shape, np.int64)
    np.cumsum(apart, axis=1, out=group[:, 1:])
    order = np.take_along_axis(by_value, np.lexsort((by_value, group), axis=1), axis=1)
    place = np.empty(key.shape, np.int64)
    np.put_along_axis(place, order, np.arange(key.shape[1])[np.newaxis, :], axis=1)
    return place
