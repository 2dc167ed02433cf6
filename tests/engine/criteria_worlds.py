"""Criteria and panels to judge, drawn at random: every form of expression, nested groups, holes, splits, members."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from engine.criteria import Criteria
from engine.expressions import INDICATORS, Expression
from engine.market import Panel
from engine.types import ACTION_EVENT, NS_PER_DAY, EventKind

FIELDS = ("market_cap", "per")
_WITH_COLUMN = tuple(name for name, info in INDICATORS.items() if info.of is not None)


@st.composite
def atoms(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a column, an indicator or a field."""
    kind = draw(st.sampled_from(["column", "indicator", "field"]))
    if kind == "field":
        return {"field": draw(st.sampled_from(FIELDS))}
    skip = draw(st.sampled_from([0, 0, 0, 1, 2]))
    if kind == "column":
        return {
            "what": draw(st.sampled_from(["open", "high", "low", "close", "volume"])),
            "skip": skip,
        }
    name = draw(st.sampled_from(sorted(INDICATORS)))
    record: dict[str, Any] = {"what": name, "bars": draw(st.integers(2, 4)), "skip": skip}
    if name in _WITH_COLUMN and draw(st.booleans()):
        of_prices = INDICATORS[name].unit == "percent"
        record["of"] = draw(st.sampled_from(["open", "low"] if of_prices else ["open", "volume"]))
    return record


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    """Draw an expression that is not a number."""
    record = draw(atoms())
    if draw(st.integers(0, 3)) == 0:
        record["times"] = draw(st.sampled_from([0.5, 1.01, -2.0]))
    if draw(st.integers(0, 3)) == 0:
        record["over"] = draw(atoms())
    return Expression.model_validate(record)


operands = st.one_of(expressions(), st.floats(-5, 120, allow_nan=False).map(lambda n: round(n, 2)))
_compared = st.sampled_from([">", ">=", "<", "<=", "≥", "≤"])


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw one condition."""
    left = draw(expressions())
    match draw(st.sampled_from(["compare", "compare", "between", "rank", "percent"])):
        case "compare":
            return {"left": left, "op": draw(_compared), "right": draw(operands)}
        case "between":
            return {"left": left, "op": "between", "right": draw(operands), "upto": draw(operands)}
        case "rank":
            op = draw(st.sampled_from(["top", "bottom"]))
            return {"left": left, "op": op, "right": draw(st.integers(1, 4))}
        case _:
            op = draw(st.sampled_from(["top_pct", "bottom_pct"]))
            return {"left": left, "op": op, "right": draw(st.sampled_from([10, 25, 33.3, 50, 100]))}


def _groups(inside: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda word, members: {word: members},
        st.sampled_from(["all", "any"]),
        st.lists(inside, min_size=1, max_size=3),
    )


criterions = st.recursive(conditions(), _groups, max_leaves=5)


@st.composite
def criteria(draw: st.DrawFn) -> Criteria:
    """Draw whole criteria."""
    values: dict[str, Any] = {"where": draw(st.lists(criterions, min_size=1, max_size=3))}
    if draw(st.booleans()):
        values |= {"rank_by": draw(expressions()), "top": draw(st.integers(1, 3))}
        values["order"] = draw(st.sampled_from(["descending", "ascending"]))
    weigh_by = draw(st.sampled_from(["equal", "expression", "market_cap", "inverse_volatility"]))
    values |= {"weigh_by": weigh_by, "volatility_bars": draw(st.integers(2, 4))}
    if weigh_by == "expression":
        values["weight"] = draw(expressions())
    if draw(st.booleans()):
        values["max_weight_pct"] = draw(st.sampled_from([10.0, 40.0, 100.0]))
    return Criteria.model_validate(values)


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Draw a panel with holes, ties, a split, fields that come late, and members that change."""
    n_bars, n_symbols = draw(st.integers(1, 14)), draw(st.integers(1, 5))
    shape = (n_bars, n_symbols)

    def matrix(cell: st.SearchStrategy[float]) -> np.ndarray:
        size = n_bars * n_symbols
        return np.array(draw(st.lists(cell, min_size=size, max_size=size)), np.float64).reshape(
            shape
        )

    price = st.integers(80, 120).map(lambda n: n / 10)
    close = matrix(st.one_of(price, price, price, st.just(10.0), st.just(float("nan"))))
    known = st.one_of(st.integers(1, 5).map(float), st.just(float("nan")), st.just(0.0))
    split = (
        draw(st.integers(0, n_bars - 1)),
        0,
        EventKind.SPLIT,
        draw(st.sampled_from([2.0, 1 / 3])),
    )
    members = None
    if draw(st.booleans()):
        members = matrix(st.integers(0, 1).map(float)).astype(np.bool_)
    volume = matrix(st.sampled_from([np.nan, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))
    return Panel(
        symbols=tuple("ABCDE"[:n_symbols]),
        time_ns=np.arange(n_bars, dtype=np.int64) * NS_PER_DAY,
        open=close.copy(),
        high=close * 1.01,
        low=close * 0.98,
        close=close,
        volume=np.where(np.isnan(close), np.nan, volume),
        events=np.array([split], ACTION_EVENT),
        fields={name: matrix(known) for name in FIELDS},
        members=members,
    )
