"""A tiny language that says which combinations are wanted: ``fast < slow and slow - fast >= 5``.

Names are parameters. There are numbers, texts in quotes, ``true`` and ``false``; arithmetic with
``+ - * / // %``, comparison with ``< <= > >= == !=`` (chained, too), ``and``, ``or``, ``not`` and
parentheses. Nothing is ever executed as code: the text is parsed, every node is held against a list
of what is allowed, and the tree is computed over arrays, so that a million combinations take
milliseconds.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BacktestValidationError, Problem

Kind = Literal["number", "text", "truth"]
Columns = Mapping[str, NDArray[Any]]
Compute = Callable[[Columns], Any]

MOST_CHARACTERS: Final = 500
MOST_NODES: Final = 100

_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
}
_COMPARISON: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_EQUALITY: Final = (ast.Eq, ast.NotEq)
_WORDS: Final = {"true": True, "false": False}
_HINT: Final = "write something like fast < slow"


@dataclass(frozen=True)
class Constraint:
    """One condition.

    Attributes:
        text: as written.
        names: the parameters it speaks of.
    """

    text: str
    names: frozenset[str]
    _compute: Compute

    def holds(self, columns: Columns) -> NDArray[np.bool_]:
        """Return where it holds; columns are float64, texts or truths, all (n,).

        What has no value (a division by zero) holds nowhere.
        """
        with np.errstate(all="ignore"):
            found = self._compute(columns)
        n = len(next(iter(columns.values()))) if columns else 1
        return np.broadcast_to(np.asarray(found, np.bool_), (n,))


def parse_constraint(text: str, kinds: Mapping[str, Kind], field: str) -> Constraint:
    """Parse a condition over parameters of known kinds.

    Raises
    ------
    BacktestValidationError
        Naming ``field`` and what is not understood.
    """
    if len(text) > MOST_CHARACTERS:
        raise _bad(field, f"it has {len(text)} characters, at most {MOST_CHARACTERS} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise _bad(field, f"{text!r} can't be read: {what}") from error
    nodes = list(ast.walk(tree))
    if len(nodes) > MOST_NODES:
        raise _bad(field, f"{text!r} is too long", "split it into several constraints")
    reader = _Reader(text, kinds, field)
    kind, compute = reader.read(tree)
    if kind != "truth":
        raise reader.bad(f"{text!r} is a {kind}, not a condition")
    return Constraint(text, frozenset(reader.names), compute)


class _Reader:
    """Turns a tree into a function over columns, node by node, and refuses what is not allowed."""

    def __init__(self, text: str, kinds: Mapping[str, Kind], field: str) -> None:
        self._text = text
        self._kinds = kinds
        self._field = field
        self.names: set[str] = set()

    def bad(self, message: str, hint: str = _HINT) -> BacktestValidationError:
        return _bad(self._field, message, hint)

    def read(self, node: ast.expr) -> tuple[Kind, Compute]:
        match node:
            case ast.Name(id=name):
                return self._name(name)
            case ast.Constant(value=value):
                return self._constant(value)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return "number", self._binary(_ARITHMETIC[type(op)], left, right)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=inner):
                plain = self._of(inner, "number")
                sign = -1.0 if isinstance(op, ast.USub) else 1.0
                return "number", lambda columns: sign * plain(columns)
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                truth = self._of(inner, "truth")
                return "truth", lambda columns: np.logical_not(truth(columns))
            case ast.BoolOp(op=op, values=values):
                return "truth", self._all_or_any(isinstance(op, ast.And), values)
            case ast.Compare(left=left, ops=ops, comparators=rights):
                return "truth", self._comparison(left, ops, rights)
        part = ast.get_source_segment(self._text.strip(), node) or type(node).__name__
        raise self.bad(f"{part!r} is not allowed in {self._text!r}", _allowed())

    def _of(self, node: ast.expr, wanted: Kind) -> Compute:
        kind, compute = self.read(node)
        if kind != wanted:
            part = ast.get_source_segment(self._text.strip(), node)
            raise self.bad(f"{part!r} is a {kind} where a {wanted} is wanted")
        return compute

    def _name(self, name: str) -> tuple[Kind, Compute]:
        if name.lower() in _WORDS and name not in self._kinds:
            return self._constant(_WORDS[name.lower()])
        if name not in self._kinds:
            known = ", ".join(self._kinds)
            raise self.bad(f"{name!r} in {self._text!r} is no parameter", f"there are {known}")
        self.names.add(name)
        return self._kinds[name], lambda columns: columns[name]

    def _constant(self, value: Any) -> tuple[Kind, Compute]:
        if isinstance(value, bool):
            return "truth", lambda columns: value
        if isinstance(value, int | float) and abs(value) < 1e15:
            number = float(value)
            return "number", lambda columns: number
        if isinstance(value, str):
            return "text", lambda columns: value
        raise self.bad(f"{str(value)[:30]!r} is not allowed in {self._text!r}", _allowed())

    def _binary(
        self, operation: Callable[[Any, Any], Any], left: ast.expr, right: ast.expr
    ) -> Compute:
        a, b = self._of(left, "number"), self._of(right, "number")
        return lambda columns: operation(a(columns), b(columns))

    def _all_or_any(self, every: bool, values: list[ast.expr]) -> Compute:
        parts = [self._of(value, "truth") for value in values]
        join = np.logical_and if every else np.logical_or

        def compute(columns: Columns) -> Any:
            found = parts[0](columns)
            for part in parts[1:]:
                found = join(found, part(columns))
            return found

        return compute

    def _comparison(self, left: ast.expr, ops: list[ast.cmpop], rights: list[ast.expr]) -> Compute:
        sides = [self.read(node) for node in (left, *rights)]
        for op, (first, _), (second, _) in zip(ops, sides, sides[1:], strict=False):
            if type(op) not in _COMPARISON:
                raise self.bad(f"this comparison is not allowed in {self._text!r}", _allowed())
            if first != second:
                raise self.bad(f"a {first} is compared with a {second} in {self._text!r}")
            if first != "number" and not isinstance(op, _EQUALITY):
                raise self.bad(f"a {first} is only equal or not equal, in {self._text!r}")

        def compute(columns: Columns) -> Any:
            values = [value(columns) for _, value in sides]
            found: Any = True
            for op, a, b in zip(ops, values, values[1:], strict=False):
                found = np.logical_and(found, _COMPARISON[type(op)](a, b))
            return found

        return compute


def _allowed() -> str:
    return (
        "allowed are parameters, numbers, quoted texts, + - * / // %, < <= > >= == !=, and, or, not"
    )


def _bad(field: str, message: str, hint: str = _HINT) -> BacktestValidationError:
    return BacktestValidationError(Problem(field, message, hint))
