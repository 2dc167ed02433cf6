"""Which symbols a run is about: those that are named, an index through time, or everything a source has.

With a table of members a universe is what it was on each day: symbols that left or vanished are in
it, and only while they were members. With a table of companies "all" is what was listed on each
day. Without either, who belonged when is not known, and the panel says so.
"""

import datetime as dt
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.config import DataConfig
from engine.errors import BacktestNotFoundError, BacktestValidationError, Problem
from engine.types import NS_PER_DAY
from storage.market.lives import Life, listed, lives_of, members_of
from storage.market.reference import NOTHING, Membership, Reference, ReferencedSource
from storage.market.source import MarketSource, SymbolInfo, Times

_NAMED = 8  # how many of many are named in a sentence


@dataclass(frozen=True)
class Selection:
    """What was asked for, found in a source.

    Attributes:
        symbols: wanted, in bytewise order.
        lives: of these and all others of the source, by symbol.
        infos: what the source has of each code.
        reference: what it knows beside bars.
        memberships: of the index that is the universe; None for other universes.
        is_listing: whether the universe is everything that was listed on each day.
        missing: members that the source has no bars of.
        adjustment: ``raw``, ``split`` or ``total``: what is worked into the prices.
    """

    symbols: tuple[str, ...]
    lives: Mapping[str, Life]
    infos: Mapping[str, SymbolInfo]
    reference: Reference
    memberships: tuple[Membership, ...] | None = None
    is_listing: bool = False
    missing: tuple[str, ...] = ()
    adjustment: str = "raw"

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the wanted symbols, each once."""
        return tuple(dict.fromkeys(self.lives[symbol].code for symbol in self.symbols))

    @property
    def is_known(self) -> bool:
        """Whether it is known who belonged to the universe on each day, and all of them are there."""
        return (self.memberships is not None or self.is_listing) and not self.missing

    def members(self, symbols: Sequence[str], axis: Times) -> NDArray[np.bool_] | None:
        """Return who belonged on the day of each bar, (n_bars, n_symbols), or None if not known."""
        if self.memberships is not None:
            return members_of(self.lives, symbols, self.memberships, axis)
        return listed(self.lives, symbols, axis) if self.is_listing else None

    def currency(self, symbol: str) -> str:
        """Return in what a symbol is quoted."""
        life = self.lives[symbol]
        own = life.instrument.currency if life.instrument else ""
        return own or self.infos[life.code].currency

    def warnings(self, universe: str | None) -> tuple[str, ...]:
        """Return what is worth a warning: members without bars."""
        if not self.missing:
            return ()
        shown = ", ".join(self.missing[:_NAMED]) + (
            f" and {len(self.missing) - _NAMED} more" if len(self.missing) > _NAMED else ""
        )
        return (
            f"Survivorship: {len(self.missing)} members of {universe} have no bars in this source "
            f"({shown}); what became of them is missing",
        )


def select(source: MarketSource, data: DataConfig) -> Selection:
    """Return what a configuration asks a source for.

    Raises:
        BacktestNotFoundError: there is no such symbol or universe.
        BacktestValidationError: the source has nothing, or prices of different adjustment.
    """
    chosen = _chosen(source, data)
    found = sorted({chosen.infos[code].adjustment for code in chosen.codes})
    if data.adjustment is None and len(found) > 1:
        raise BacktestValidationError(
            Problem(
                "data.adjustment",
                f"the prices of these symbols are adjusted differently: {', '.join(found)}",
                "choose symbols of one kind",
            )
        )
    return replace(chosen, adjustment=data.adjustment or found[0])


def _chosen(source: MarketSource, data: DataConfig) -> Selection:
    infos = {info.symbol: info for info in source.symbols()}
    if not infos:
        raise BacktestValidationError(
            Problem(
                "data.source",
                f"{data.source!r} has no bars of {data.timeframe}",
                "`tradebench data import PATH` brings some, `tradebench data list` lists them",
            )
        )
    reference = reference_of(source)
    lives = lives_of(infos, reference)
    if data.universe and data.universe in reference.index_names:
        return _index(data, lives, infos, reference)
    if data.symbols:
        for symbol in data.symbols:
            if symbol not in lives:
                raise unknown("symbol", symbol, tuple(lives), "data.symbols")
        return Selection(data.symbols, lives, infos, reference)
    if data.universe and data.universe != "all":
        members = source.universe(data.universe)
        if members is None:
            known = (*source.universes(), *reference.index_names)
            raise unknown("universe", data.universe, known, "data.universe")
        return Selection(members, lives, infos, reference)
    companies = reference.instruments
    whole = companies is not None and all(code in companies for code in infos)
    return Selection(tuple(lives), lives, infos, reference, is_listing=whole)


def reference_of(source: MarketSource) -> Reference:
    """Return what a source knows beside bars."""
    return source.reference() if isinstance(source, ReferencedSource) else NOTHING


def _index(
    data: DataConfig,
    lives: Mapping[str, Life],
    infos: Mapping[str, SymbolInfo],
    reference: Reference,
) -> Selection:
    mine = tuple(
        m
        for m in reference.memberships or ()
        if m.index_name == data.universe and _touches(m, data.start, data.end)
    )
    wanted = _spanned(lives, mine)
    missing = tuple(sorted({m.code for m in mine} - set(infos), key=str.encode))
    if not wanted:
        raise BacktestValidationError(
            Problem(
                "data.universe",
                f"{data.universe} has no member with bars from {data.start or 'the first day'} "
                f"to {data.end or 'the last'}",
                "choose other dates, or a source that has its members",
            )
        )
    symbols = tuple(sorted(wanted, key=str.encode))
    return Selection(symbols, lives, infos, reference, mine, missing=missing)


def _spanned(lives: Mapping[str, Life], memberships: Sequence[Membership]) -> set[str]:
    by_code: dict[str, list[Membership]] = {}
    for one in memberships:
        by_code.setdefault(one.code, []).append(one)
    return {
        symbol
        for symbol, life in lives.items()
        if any(life.spans(one) for one in by_code.get(life.code, ()))
    }


def _touches(membership: Membership, start: dt.date | None, end: dt.date | None) -> bool:
    gone = membership.valid_to is not None and start and membership.valid_to <= midnight(start)
    later = membership.valid_from is not None and end and membership.valid_from > midnight(end)
    return not (gone or later)


def unknown(what: str, name: str, known: Sequence[str], field: str) -> BacktestNotFoundError:
    """Return the refusal of a name that is not there, with those that are near or all there are."""
    folded = {k.casefold(): k for k in known}
    near = [folded[m] for m in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]
    shown = ", ".join(known[:_NAMED]) + (
        f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    )
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {shown}"
    return BacktestNotFoundError(f"There is no {what} {name!r}", field=field, hint=hint)


def midnight(day: dt.date) -> int:
    """Return the UTC midnight of a day in nanoseconds."""
    return (day - dt.date(1970, 1, 1)).days * NS_PER_DAY
