"""Screening by plain Python: a cell at a time, every indicator from its definition. None is "not known"."""

import copy
import math
from typing import Any

from engine.criteria import Criteria, Criterion
from engine.expressions import Expression
from engine.market import Panel
from engine.types import EventKind
from tests.naive import indicators

Value = float | None


class Cell:
    """A symbol of a panel at the close of one bar; it sees its own bars up to there and nothing else."""

    def __init__(self, panel: Panel, bar: int, symbol: int) -> None:
        """Copy out what is known."""
        self.panel, self.bar, self.symbol = panel, bar, symbol
        self.own = [b for b in range(bar + 1) if not math.isnan(panel.close[b, symbol])]
        is_member = panel.members is None or bool(panel.members[bar, symbol])
        self.here = is_member and bool(self.own) and self.own[-1] == bar

    def column(self, name: str) -> list[float]:
        """Return own values in shares of the deciding bar."""
        return [
            float(getattr(self.panel, name)[b, self.symbol]) * self._scale(b, name)
            for b in self.own
        ]

    def known_volumes(self) -> "Cell":
        """Return a cell that sees only the bars whose volume is not blank: volumes are of these."""
        sight = copy.copy(self)
        sight.own = [b for b in self.own if not math.isnan(self.panel.volume[b, self.symbol])]
        return sight

    def _scale(self, since: int, name: str) -> float:
        scale = 1.0
        for event in self.panel.events:
            is_own = event["kind"] == EventKind.SPLIT and event["symbol"] == self.symbol
            if is_own and since < event["bar"] <= self.bar and self.panel.adjustment == "raw":
                scale *= float(event["value"])
        return scale if name == "volume" else 1.0 / scale

    def value(self, expression: Expression) -> Value:
        """Return the value of an expression, or None."""
        if expression.number is not None:
            return expression.number
        value = self._plain(expression)
        if value is None:
            return None
        value *= expression.times
        if expression.over is not None:
            below = self.value(expression.over)
            if below is None or below == 0.0:
                return None
            value /= below
        return value if math.isfinite(value) else None

    def _plain(self, expression: Expression) -> Value:
        if expression.field is not None:
            known = float(self.panel.fields[expression.field][self.bar, self.symbol])
            return None if math.isnan(known) else known
        of_volume = "volume" in str(expression.what) or expression.column == "volume"
        sight = self.known_volumes() if of_volume else self
        if not sight.own or sight.own[-1] != self.bar:
            return None
        answers = sight._series(expression)
        at = len(answers) - 1 - expression.skip
        return answers[at] if at >= 0 else None

    def _series(self, expression: Expression) -> list[Value]:
        bars, of = expression.bars or 0, self.column(expression.column)
        match expression.what:
            case "sma":
                return indicators.rolling_mean(of, bars, 0)
            case "ema":
                return indicators.ema(of, bars)
            case "rsi":
                return indicators.rsi(self.column("close"), bars)
            case "atr":
                high, low, close = (self.column(name) for name in ("high", "low", "close"))
                return indicators.atr(high, low, close, bars)
            case "roc":
                return [None if c is None else 100 * c for c in indicators.change(of, bars)]
            case "volatility":
                year = math.sqrt({"1d": 252, "1w": 52, "1mo": 12}.get(self.panel.timeframe, 1))
                return [
                    None if d is None else 100 * year * d for d in indicators.deviation(of, bars)
                ]
            case "highest":
                return indicators.rolling_extreme(of, bars, 0, 1)
            case "lowest":
                return indicators.rolling_extreme(of, bars, 0, -1)
            case "volume_mean":
                return indicators.rolling_mean(self.column("volume"), bars, 0)
            case "dollar_volume":
                close, volume = self.column("close"), self.column("volume")
                return indicators.rolling_mean(
                    [c * v for c, v in zip(close, volume, strict=True)], bars, 0
                )
            case name:
                return list(self.column(str(name)))


def _greater(left: float, right: float) -> bool:
    return left - right > 1e-12 * max(abs(left), abs(right))


def _compare(op: str, left: Value, right: Value) -> bool | None:
    if left is None or right is None:
        return None
    match op:
        case ">":
            return _greater(left, right)
        case "<":
            return _greater(right, left)
        case ">=":
            return not _greater(right, left)
        case _:
            return not _greater(left, right)


def _and(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _or(answers: list[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers else False


def order_of(values: dict[int, float], descending: bool) -> list[int]:
    """Return symbols, the best first; a value within 1e-12 of the one before it is equal to it."""
    by_value = sorted(values, key=lambda s: (-values[s] if descending else values[s], s))
    runs: list[list[int]] = []
    for symbol in by_value:
        if runs:
            last, own = values[runs[-1][-1]], values[symbol]
            if not _greater(last, own) and not _greater(own, last):
                runs[-1].append(symbol)
                continue
        runs.append([symbol])
    # the last of a run is compared by value, its members are then put in the order of their names
    return [symbol for run in runs for symbol in sorted(run)]


def _holds(criterion: Criterion, row: list[Cell], symbol: int) -> bool | None:
    if criterion.all is not None:
        return _and([_holds(member, row, symbol) for member in criterion.all])
    if criterion.any is not None:
        return _or([_holds(member, row, symbol) for member in criterion.any])
    cell, op, left, right = row[symbol], str(criterion.op), criterion.left, criterion.right
    assert left is not None
    assert right is not None
    if op == "between":
        assert criterion.upto is not None
        value = cell.value(left)
        return _and(
            [
                _compare(">=", value, cell.value(right)),
                _compare("<=", value, cell.value(criterion.upto)),
            ]
        )
    if op in (">", ">=", "<", "<="):
        return _compare(op, cell.value(left), cell.value(right))
    ranked = {s: v for s, c in enumerate(row) if c.here and (v := c.value(left)) is not None}
    if symbol not in ranked:
        return None
    size = right.number or 0
    if op.endswith("_pct"):
        size = math.ceil(len(ranked) * size / 100 - 1e-9)
    return order_of(ranked, op.startswith("top")).index(symbol) < size


def weights(criteria: Criteria, panel: Panel, bar: int) -> list[float] | None:
    """Return the weights at the close of a bar, or None while nothing is known."""
    row = [Cell(panel, bar, symbol) for symbol in range(panel.n_symbols)]
    measures: dict[int, float] = {}
    scores: dict[int, float] = {}
    decided = False
    for symbol, cell in enumerate(row):
        if not cell.here:
            continue
        holds = _and([_holds(criterion, row, symbol) for criterion in criteria.where])
        score = 0.0 if criteria.rank_by is None else cell.value(criteria.rank_by)
        measure = _measure(criteria, cell)
        if holds and score is not None and measure is not None and measure > 0:
            scores[symbol], measures[symbol] = score, measure
        decided = decided or holds is False or symbol in scores
    if not decided:
        return None
    chosen = order_of(scores, criteria.order == "descending")
    if criteria.rank_by is not None and criteria.top is not None:
        chosen = chosen[: criteria.top]
    total = math.fsum(measures[symbol] for symbol in chosen)
    most = math.inf if criteria.max_weight_pct is None else criteria.max_weight_pct / 100
    return [min(measures[s] / total, most) if s in chosen else 0.0 for s in range(len(row))]


def _measure(criteria: Criteria, cell: Cell) -> Value:
    expression: Any = criteria.weight_expression
    if expression is None:
        return 1.0
    value = cell.value(expression)
    if criteria.weigh_by != "inverse_volatility" or value is None:
        return value
    return 1.0 / value if value and math.isfinite(1.0 / value) else None
