"""Criteria as the rows of a form: what each shows, and the draft that an edit of one makes. Knows no widgets.

A draft is the plain data of a configuration file, in whatever state of being typed; it is judged by
the same model as the file. Rows are named by their path in it (``where.0.any.1``), as problems are.
"""

import copy
import json
import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import ValidationError

from engine.expressions import COLUMNS, INDICATORS, Expression

Draft = dict[str, Any]

OPERATORS: Final = (
    (">", ">"), (">=", "≥"), ("<", "<"), ("<=", "≤"), ("between", "between"), ("top", "in top"),
    ("bottom", "in bottom"), ("top_pct", "in top %"), ("bottom_pct", "in bottom %"),
)  # fmt: skip
_SIGNS: Final = {sign: op for op, sign in OPERATORS} | {"=>": ">=", "=<": "<="}
_AND: Final = re.compile(r"\s+and\s+|\s*\.\.\s*|\s+to\s+", flags=re.IGNORECASE)
_NEW_CONDITION: Final[Draft] = {"left": "close", "op": ">", "right": "sma(200)"}
STARTING_POINT: Final[Draft] = {
    "where": [dict(_NEW_CONDITION)],
    "rank_by": "roc(126)",
    "top": 3,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the form.

    Attributes:
        path: where it stands in the draft.
        depth: how many groups it is in.
        kind: a condition, or the head of a group whose members follow.
        left, op, value: of a condition, as texts.
        word: of a group: ``any`` or ``all``.
    """

    path: str
    depth: int
    kind: Literal["condition", "group"]
    left: str = ""
    op: str = ">"
    value: str = ""
    word: str = ""


def rows_of(draft: Draft) -> tuple[Row, ...]:
    """Return the rows of a draft from top to bottom; what is no criterion at all is left out."""
    return tuple(_rows(draft.get("where"), "where", 0))


def _rows(items: Any, path: str, depth: int) -> list[Row]:
    found: list[Row] = []
    for number, item in enumerate(items if isinstance(items, list | tuple) else ()):
        own = f"{path}.{number}"
        if not isinstance(item, dict):
            continue
        word = next((w for w in ("any", "all") if w in item), None)
        if word is not None:
            found.append(Row(own, depth, "group", word=word))
            found += _rows(item[word], f"{own}.{word}", depth + 1)
            continue
        op = _SIGNS.get(str(item.get("op", "")), str(item.get("op", "")))
        value = text_of(item.get("right"))
        if op == "between":
            value = " and ".join(t for t in (value, text_of(item.get("upto"))) if t)
        found.append(Row(own, depth, "condition", text_of(item.get("left")), op, value))
    return found


def text_of(value: Any) -> str:
    """Return an expression of a draft as people type it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return Expression.model_validate(value).text
    except ValidationError:
        return json.dumps(value, ensure_ascii=False)


def with_left(draft: Draft, path: str, text: str) -> Draft:
    """Return the draft with another left side of a condition."""
    return _changed(draft, path, {"left": text or None})


def with_operator(draft: Draft, path: str, op: str) -> Draft:
    """Return the draft with another comparison of a condition."""
    return _changed(draft, path, {"op": op} if op == "between" else {"op": op, "upto": None})


def with_value(draft: Draft, path: str, text: str) -> Draft:
    """Return the draft with another value of a condition; of ``between`` both, as ``30 and 70``."""
    if _at(draft, path).get("op") != "between":
        return _changed(draft, path, {"right": text or None})
    right, *upto = _AND.split(text, maxsplit=1)
    return _changed(draft, path, {"right": right or None, "upto": upto[0] if upto else None})


def with_word(draft: Draft, path: str, word: str) -> Draft:
    """Return the draft with a group that wants ``any`` or ``all`` of its members."""
    new = copy.deepcopy(draft)
    group = _at(new, path)
    members = group.pop("any", None) or group.pop("all", None) or []
    group.clear()
    group[word] = members
    return new


def with_setting(draft: Draft, name: str, value: Any) -> Draft:
    """Return the draft with another ranking, number or weight; None or "" clears it."""
    new = copy.deepcopy(draft)
    if value is None or value == "":
        new.pop(name, None)
    else:
        new[name] = value
    if name == "weigh_by" and value != "expression":
        new.pop("weight", None)
    return new


def with_condition(draft: Draft, group: Row | None = None) -> Draft:
    """Return the draft with one more condition, at the end of a group or of everything."""
    return _appended(draft, group, dict(_NEW_CONDITION))


def with_group(draft: Draft) -> Draft:
    """Return the draft with a group of one condition at its end."""
    return _appended(draft, None, {"any": [dict(_NEW_CONDITION)]})


def without(draft: Draft, path: str) -> Draft:
    """Return the draft without a row; a group goes with its members, and with its last one."""
    new = copy.deepcopy(draft)
    holder, _, number = path.rpartition(".")
    items = _at(new, holder)
    del items[int(number)]
    if not items and "." in holder:
        return without(new, holder.rpartition(".")[0])
    return new


def as_json(draft: Draft) -> str:
    """Return a draft as text that people can keep, send and change."""
    return json.dumps(draft, indent=2, ensure_ascii=False)


def from_json(text: str) -> Draft | None:
    """Return the draft that a text holds, or None while it holds none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def suggestions(fields: tuple[str, ...] = ("market_cap", "per", "pbr")) -> tuple[str, ...]:
    """Return what an expression may begin with: columns, indicators with usual bars, fields."""
    usual = {"rsi": 14, "atr": 14, "roc": 126, "volatility": 60, "highest": 252, "lowest": 252}
    indicators = (f"{name}({usual.get(name, 20)})" for name in INDICATORS)
    return (*COLUMNS, *indicators, *fields)


def _appended(draft: Draft, group: Row | None, item: Draft) -> Draft:
    new = copy.deepcopy(draft)
    if group is None:
        new.setdefault("where", []).append(item)
    else:
        _at(new, group.path)[group.word].append(item)
    return new


def _changed(draft: Draft, path: str, values: Draft) -> Draft:
    new = copy.deepcopy(draft)
    place = _at(new, path)
    for name, value in values.items():
        if value is None:
            place.pop(name, None)
        else:
            place[name] = value
    return new


def _at(draft: Draft, path: str) -> Any:
    place: Any = draft
    for part in path.split("."):
        place = place[int(part)] if isinstance(place, list) else place[part]
    return place
