"""Strategies that the person saved: criteria, parameters or a file under a name, each state a version of its own.

They live in the table of strategies beside those that runs recorded, and are told from them by what
``params`` holds: the whole ``[strategy]`` section. A version never changes; what is saved under a
name that is taken becomes the next patch, or is the version that it equals.
"""

import datetime as dt
import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from engine.errors import BacktestValidationError, Problem
from storage.connect import LocalDatabase
from storage.errors import DuplicateRecordError, RecordNotFoundError
from storage.reading import now
from storage.schema import backtest_runs, strategies
from storage.writing import free_version, new_id

FIRST_VERSION: Final = "1.0.0"
_SECTION: Final = "strategy"
_FIELD: Final = "strategy.name"
_REFERENCE: Final = re.compile(r"(?P<name>.+)@(?P<version>\d+\.\d+\.\d+)")


@dataclass(frozen=True, slots=True)
class SavedStrategy:
    """One version of a saved strategy.

    Attributes:
        name, version: what a configuration says as ``name@version``.
        kind: ``signals`` or ``targets``.
        section: the ``[strategy]`` section: ``name`` and ``params``, or ``criteria``.
        source_text: of a file its code, of criteria the criteria as JSON.
        source_hash: 64 hex, over section and source.
        created_at: when it was saved.
        runs: how many runs use it.
    """

    name: str
    version: str
    kind: str
    section: dict[str, Any]
    source_text: str
    source_hash: str
    created_at: dt.datetime
    runs: int

    @property
    def reference(self) -> str:
        """What a configuration says."""
        return f"{self.name}@{self.version}"

    @property
    def params(self) -> dict[str, Any]:
        """What its row holds, as a run that uses it hands it in."""
        return {_SECTION: self.section}


def parse_reference(text: str) -> tuple[str, str] | None:
    """Return name and version of ``name@1.0.2``, or None when it is not written so."""
    match = _REFERENCE.fullmatch(text)
    return (match["name"], match["version"]) if match else None


def save_strategy(
    database: LocalDatabase, name: str, kind: str, section: dict[str, Any], source_text: str
) -> tuple[SavedStrategy, bool]:
    """Keep a strategy under a name; return it, and whether that made a new version.

    The first version is 1.0.0; a change of the section or the source makes the next patch.

    Raises:
        BacktestValidationError: the name cannot be one.
    """
    name = _checked_name(name)
    source_hash = _hash_of(section, source_text)
    with database.write() as connection:
        known = [s for s in _read(connection, name) if s.source_hash == source_hash]
        if known:
            return known[-1], False
        taken = set(
            connection.execute(
                sa.select(strategies.c.version).where(strategies.c.name == name)
            ).scalars()
        )
        version, at = free_version(_latest(taken), taken), now()
        connection.execute(
            sa.insert(strategies).values(
                id=new_id(),
                name=name,
                version=version,
                kind=kind,
                params={_SECTION: section},
                source_text=source_text,
                source_hash=source_hash,
                created_at=at,
                updated_at=at,
            )
        )
        saved = SavedStrategy(name, version, kind, section, source_text, source_hash, at, 0)
    return saved, True


def saved_strategies(database: LocalDatabase) -> tuple[SavedStrategy, ...]:
    """Return all versions of all saved strategies, by name and then version."""
    with database.read() as connection:
        return tuple(_read(connection))


def saved_strategy(database: LocalDatabase, reference: str) -> SavedStrategy:
    """Return the version that ``name@version`` means, or the latest of a plain ``name``.

    Raises:
        RecordNotFoundError: there is none; names the versions there are.
    """
    name, version = parse_reference(reference) or (reference, None)
    with database.read() as connection:
        found = _read(connection, unicodedata.normalize("NFC", name))
        if not found:
            names = sorted({saved.name for saved in _read(connection)}, key=str.encode)
    if not found:
        there = f"saved are {', '.join(names)}" if names else "`tradebench strategy save` keeps one"
        raise RecordNotFoundError(f"There is no saved strategy {name!r}", field=_FIELD, hint=there)
    fitting = [saved for saved in found if version in (None, saved.version)]
    if not fitting:
        versions = ", ".join(saved.version for saved in found)
        raise RecordNotFoundError(
            f"{name} has no version {version}",
            field=_FIELD,
            hint=f"there are the versions {versions}",
        )
    return fitting[-1]


def delete_strategy(database: LocalDatabase, reference: str) -> SavedStrategy:
    """Forget one version that no run uses; return what it was.

    Raises:
        BacktestValidationError: no version is named.
        RecordNotFoundError: there is no such version.
        DuplicateRecordError: runs use it.
    """
    if parse_reference(reference) is None:
        raise BacktestValidationError(
            Problem("strategy", f"{reference!r} names no version", "write name@version")
        )
    saved = saved_strategy(database, reference)
    with database.write() as connection:
        used = _read(connection, saved.name, saved.version)[0].runs
        if used:
            raise DuplicateRecordError(
                f"{saved.reference} is used by {used} run{'s' if used > 1 else ''}",
                hint="delete those runs first",
            )
        connection.execute(
            sa.delete(strategies).where(
                strategies.c.name == saved.name, strategies.c.version == saved.version
            )
        )
    return saved


def _read(
    connection: sa.Connection, name: str | None = None, version: str | None = None
) -> list[SavedStrategy]:
    column = strategies.c
    used = (
        sa.select(sa.func.count())
        .select_from(backtest_runs)
        .where(backtest_runs.c.strategy_id == column.id)
        .scalar_subquery()
    )
    statement = sa.select(strategies, used.label("runs"))
    if name is not None:
        statement = statement.where(column.name == name)
    if version is not None:
        statement = statement.where(column.version == version)
    rows = connection.execute(statement).mappings()
    found = [
        SavedStrategy(
            row["name"],
            row["version"],
            row["kind"],
            row["params"][_SECTION],
            row["source_text"],
            row["source_hash"],
            row["created_at"],
            row["runs"],
        )
        for row in rows
        if isinstance(row["params"].get(_SECTION), dict)
    ]
    return sorted(found, key=lambda s: (s.name.encode(), _numbers(s.version)))


def _latest(taken: set[str]) -> str:
    """Return the greatest version there is, whose next patch is free, or the first of all."""
    numbered = [version for version in taken if parse_reference(f"-@{version}")]
    return max(numbered, key=_numbers, default=FIRST_VERSION)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _hash_of(section: dict[str, Any], source_text: str) -> str:
    plain = json.dumps(section, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"tbsaved1\n" + plain.encode() + b"\n" + source_text.encode()).hexdigest()


def _checked_name(name: str) -> str:
    plain = unicodedata.normalize("NFC", name).strip()
    good = 1 <= len(plain) <= 255 and all(c.isalnum() or c in " _-.()" for c in plain)
    if not good or plain.endswith(".py"):
        raise BacktestValidationError(
            Problem(
                "name",
                f"{name!r} cannot be the name of a strategy",
                "1 to 255 letters, digits, spaces and _-.(), not ending in .py",
            )
        )
    return plain
