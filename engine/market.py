"""The panel: bars of many symbols on one time axis, with what belongs to them.

A panel is immutable. Its columns are C-contiguous float64 arrays of shape ``(n_bars, n_symbols)``, symbols in
bytewise order, NaN where a symbol has no bar. `slice` shares memory; nothing is copied on the way to the kernels.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.types import ACTION_EVENT, NS_PER_DAY, TIMEFRAME_NS, EventKind

PRICE_COLUMNS = ("open", "high", "low", "close")
INSTRUMENT_COLUMNS = ("lot_size", "tick_size", "multiplier")
_HASHED = 1 << 20  # values a block


@dataclass(frozen=True)
class Benchmark:
    """A series to compare with, on the panel's axis.

    Attributes:
        name: what is shown.
        values: (n_bars,) the last value known at the close of each bar, NaN before the first.
        base: the last value before the panel's first bar; NaN when there is none.
        total_return: whether dividends are in it.
    """

    name: str
    values: NDArray[np.float64]
    base: float = float("nan")
    total_return: bool = False


class PanelArrays(NamedTuple):
    """The panel as compiled code sees it. Prices (n_bars, n_symbols); events sorted by bar, kind, symbol."""

    time_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    volume_known: NDArray[np.bool_]
    events: NDArray[np.void]
    members: NDArray[np.bool_]  # (n_bars, n_symbols), or (0, n_symbols) when unknown
    finer: NDArray[np.float64]  # (n_finer, 4, n_symbols) open, high, low, close of finer bars
    finer_first: NDArray[np.int64]  # (n_bars + 1,) where the finer bars of each bar begin, or (0,)
    half_spread: NDArray[np.float64]  # (n_bars, n_symbols), or (0, 0) where nothing is quoted


@dataclass(frozen=True)
class Panel:
    """Bars of all symbols of a run.

    Attributes:
        symbols: names in bytewise order.
        time_ns: (n_bars,) opens of the bars, UTC, strictly increasing.
        open, high, low, close: (n_bars, n_symbols) prices; NaN where the symbol has no bar.
        volume: (n_bars, n_symbols) shares; NaN where there is no bar or it is unknown, which limits nothing; so does
            infinity.
        timeframe: length of a bar, a key of ``engine.types.TIMEFRAME_NS``.
        adjustment: ``raw`` (as traded), ``split`` or ``total`` (dividends too).
        currency: ISO code.
        events: ``ACTION_EVENT`` rows on raw prices; after the last bar there are only delistings. What splits a symbol
            more than once before the open of one bar is one split: the open is in the shares after all of them.
        has_dividends: whether dividend data stands behind the events (none known is not none paid).
        membership_known: whether the universe is point in time.
        first_counted: bars before it are warm-up: nothing is decided, traded or counted in them.
        sessions: (n_sessions,) UTC midnights of an exchange calendar, or None when it is unknown.
        bars_per_year: N of the metrics where a calendar tells it, else None.
        benchmark: the series to compare with, or None.
        members: (n_bars, n_symbols) whether a symbol is in the universe at the close of a bar, or None when unknown.
        finer: finer bars of the same symbols inside these, which decide what comes first in a bar, or None.
        half_spread: (n_bars, n_symbols) half of what bid and ask are apart where a row is a quote: a buy meets the
            price plus it, a sell the price less it; None where nothing is quoted.
        lot_size, tick_size, multiplier: (n_symbols,) shares in a lot, least step of the price, money that one point is
            worth for one contract; None takes the configuration's.
        fields: further point-in-time columns, (n_bars, n_symbols) each.
        notices: what was noticed on loading, one sentence each ("sorted …").
        warnings: what makes a result doubtful, one sentence each.
        defects: count of bad bars dropped, by kind.
        labels: where the bars came from, for people ("DEMO", a path); not part of the content.
    """

    symbols: tuple[str, ...]
    time_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    timeframe: str = "1d"
    adjustment: str = "raw"
    currency: str = "USD"
    events: NDArray[np.void] = field(default_factory=lambda: np.empty(0, ACTION_EVENT))
    has_dividends: bool = False
    membership_known: bool = False
    first_counted: int = 0
    sessions: NDArray[np.int64] | None = None
    bars_per_year: float | None = None
    benchmark: Benchmark | None = None
    members: NDArray[np.bool_] | None = None
    finer: "Panel | None" = None
    lot_size: NDArray[np.float64] | None = None
    tick_size: NDArray[np.float64] | None = None
    multiplier: NDArray[np.float64] | None = None
    half_spread: NDArray[np.float64] | None = None
    fields: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    defects: dict[str, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the shape once and lock the arrays: whoever is handed a panel may rely on both."""
        n_bars, n_symbols = len(self.time_ns), len(self.symbols)
        if (
            tuple(sorted(self.symbols, key=str.encode)) != self.symbols
            or len(set(self.symbols)) != n_symbols
        ):
            raise ValueError("symbols must be unique and in bytewise order")
        if n_bars > 1 and not bool(np.all(self.time_ns[1:] > self.time_ns[:-1])):
            raise ValueError("time_ns must be strictly increasing")
        _lock(self.time_ns)
        for name in (*PRICE_COLUMNS, "volume"):
            column = getattr(self, name)
            if (
                column.shape != (n_bars, n_symbols)
                or column.dtype != np.float64
                or not column.flags.c_contiguous
            ):
                raise ValueError(
                    f"{name} must be C-contiguous float64 of shape {(n_bars, n_symbols)}"
                )
            _lock(column)
        self._check_additions()
        # What comes after the last bar has not happened, but for the delisting that ended a series with it.
        delisted = (self.events["kind"] == EventKind.DELISTING) & (self.events["bar"] == n_bars)
        happened = self.events[(self.events["bar"] < n_bars) | delisted]
        events = _one_split_a_bar(np.sort(happened, order=["bar", "kind", "symbol"]))
        _lock(events)
        object.__setattr__(self, "events", events)

    def _check_additions(self) -> None:
        if self.members is not None:
            if self.members.shape != self.close.shape or self.members.dtype != np.bool_:
                raise ValueError(f"members must be bool of shape {self.close.shape}")
            _lock(self.members)
        if self.half_spread is not None:
            half = self.half_spread
            right = half.shape == self.close.shape and half.dtype == np.float64
            if not right or not half.flags.c_contiguous:
                raise ValueError(
                    f"half_spread must be C-contiguous float64 of shape {self.close.shape}"
                )
            if bool((half < 0).any()):
                raise ValueError("half_spread must not be below 0")
            _lock(half)
        if self.finer is not None and self.finer.symbols != self.symbols:
            raise ValueError("finer bars must be of the same symbols")
        for name in INSTRUMENT_COLUMNS:
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != (self.n_symbols,) or values.dtype != np.float64:
                raise ValueError(f"{name} must be float64 of shape {(self.n_symbols,)}")
            if not bool(np.all(np.isfinite(values) & (values > 0))):
                raise ValueError(f"{name} must be above 0")
            _lock(values)

    @property
    def n_bars(self) -> int:
        """Rows of the axis, warm-up included."""
        return len(self.time_ns)

    @property
    def n_symbols(self) -> int:
        """Columns."""
        return len(self.symbols)

    def arrays(self) -> PanelArrays:
        """Return what the kernels take. A symbol whose volumes are all zero, blank or absent has unknown volume."""
        known = np.zeros(self.n_symbols, np.bool_)
        # Blockwise: a mask of the whole panel would double its memory.
        for row in range(0, self.n_bars, 65_536):
            known |= (self.volume[row : row + 65_536] > 0).any(axis=0)
            if known.all():
                break
        _lock(known)
        return PanelArrays(
            self.time_ns,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            known,
            self.events,
            _locked((0, self.n_symbols), np.bool_) if self.members is None else self.members,
            *self._finer_arrays(),
            _locked((0, 0), np.float64) if self.half_spread is None else self.half_spread,
        )

    def _finer_arrays(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Lay the finer bars that lie inside a bar one after the other, and say where each bar's begin."""
        finer = self.finer
        if finer is None:
            return np.empty((0, 4, self.n_symbols)), np.empty(0, np.int64)
        of_bar = np.searchsorted(self.time_ns, finer.time_ns, side="right") - 1
        end = self.time_ns + TIMEFRAME_NS.get(self.timeframe, NS_PER_DAY)
        inside = (of_bar >= 0) & (finer.time_ns < end[np.maximum(of_bar, 0)])
        prices = np.stack([finer.open, finer.high, finer.low, finer.close], axis=1)[inside]
        first = np.searchsorted(of_bar[inside], np.arange(self.n_bars + 1))
        return np.ascontiguousarray(prices), first.astype(np.int64)

    def slice(self, start: int, stop: int) -> "Panel":
        """Return bars ``[start, stop)``, sharing memory; events outside are left out."""
        until = (
            stop if stop < self.n_bars else self.n_bars + 1
        )  # what ends with the data ends with its last part
        events = self.events[(self.events["bar"] >= start) & (self.events["bar"] < until)].copy()
        events["bar"] -= start
        bench = self.benchmark
        if bench is not None:
            base = bench.values[start - 1] if start > 0 else bench.base
            bench = replace(bench, values=bench.values[start:stop], base=float(base))
        return replace(
            self,
            time_ns=self.time_ns[start:stop],
            open=self.open[start:stop],
            high=self.high[start:stop],
            low=self.low[start:stop],
            close=self.close[start:stop],
            volume=self.volume[start:stop],
            events=events,
            first_counted=max(0, min(self.first_counted, stop) - start),
            benchmark=bench,
            members=None if self.members is None else self.members[start:stop],
            half_spread=None if self.half_spread is None else self.half_spread[start:stop],
            fields={k: v[start:stop] for k, v in self.fields.items()},
        )

    def content_hash(self, look: Callable[[], object] | None = None) -> str:
        """Return the SHA-256 (64 hex) over what a simulation can see.

        Symbols, range with warm-up, prices, volumes, actions, fields, adjustment, currency, calendar and benchmark;
        not where the data came from, nor the order in which it came. ``look`` is called between blocks; what it
        raises ends the work.
        """
        known: str | None = self.__dict__.get("_content_hash")
        if known is not None:  # nothing in a panel ever changes, and a large one takes a while
            return known
        digest = _Digest(look)
        head = (
            self.timeframe,
            self.adjustment,
            self.currency,
            str(self.has_dividends),
            str(self.membership_known),
        )
        digest.put("head", "\x1f".join(head).encode())
        digest.put("symbols", "\x1f".join(self.symbols).encode())
        digest.put("counted", str(self.first_counted).encode())
        digest.put("time", self.time_ns.astype("<i8").tobytes())
        for name in (*PRICE_COLUMNS, "volume"):
            digest.put_values(name, getattr(self, name))
        for name in sorted(self.fields):
            digest.put_values(f"field {name}", self.fields[name])
        self._digest_rest(digest)
        object.__setattr__(self, "_content_hash", digest.hexdigest())
        return digest.hexdigest()

    def _digest_rest(self, digest: "_Digest") -> None:
        """Add what belongs to the bars."""
        for event in self.events:
            kind = EventKind(int(event["kind"])).name
            said = f"{event['bar']} {event['symbol']} {kind} {float(event['value'])!r}"
            digest.put("event", said.encode())
        if self.sessions is not None:
            digest.put("sessions", self.sessions.astype("<i8").tobytes())
        if self.members is not None:
            digest.put("members", np.packbits(self.members).tobytes())
        if self.half_spread is not None:
            digest.put("half spread", _canonical(self.half_spread))
        if self.finer is not None:
            digest.put("finer", self.finer.content_hash(digest.look).encode())
        for name in INSTRUMENT_COLUMNS:
            values = getattr(self, name)
            if values is not None:
                digest.put(name, _canonical(values))
        digest.put("per year", repr(self.bars_per_year).encode())
        bench = self.benchmark
        if bench is not None:
            said = f"{bench.name} {bench.base!r} {bench.total_return}"
            digest.put("benchmark", said.encode())
            digest.put_values("benchmark values", bench.values)


class _Digest:
    """A SHA-256 over labelled parts; ``look`` is called between blocks of large ones."""

    def __init__(self, look: Callable[[], object] | None) -> None:
        self.look = look
        self._hash = hashlib.sha256(b"tbdata1\n")

    def put(self, label: str, data: bytes) -> None:
        self._hash.update(f"{label}:{len(data)}\n".encode())
        self._hash.update(data)

    def put_values(self, label: str, values: NDArray[np.float64]) -> None:
        flat = values.reshape(-1)
        self._hash.update(f"{label}:{8 * len(flat)}\n".encode())
        # blockwise: a copy of it all would double its memory
        for start in range(0, len(flat), _HASHED):
            if self.look is not None:
                self.look()
            self._hash.update(_canonical(flat[start : start + _HASHED]))

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _one_split_a_bar(events: NDArray[np.void]) -> NDArray[np.void]:
    """Return sorted events with the splits of one symbol on one bar made into one, the product of their ratios."""
    same = np.ones(max(len(events) - 1, 0), np.bool_)
    for name in ("bar", "kind", "symbol"):
        same &= events[name][1:] == events[name][:-1]
    again = np.append(False, same & (events["kind"][1:] == EventKind.SPLIT))[: len(events)]
    if not again.any():
        return events
    kept = events[~again]
    first = np.flatnonzero(~again)
    for row, (start, stop) in enumerate(zip(first, [*first[1:], len(events)], strict=True)):
        if stop - start > 1:  # the smallest first: the order in which they came must not show
            kept["value"][row] = np.multiply.accumulate(np.sort(events["value"][start:stop]))[-1]
    return np.asarray(kept)


def common_axis(times: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return every instant of several series once, ascending.

    By sorting: ``np.unique`` counts by hashing, which takes ten times as long on a million bars that are in order,
    and holds Python's lock, and with it a window, all the while.
    """
    merged = np.sort(np.concatenate(list(times)), kind="stable")
    fresh = np.ones(len(merged), np.bool_)
    np.not_equal(merged[1:], merged[:-1], out=fresh[1:])
    return merged[fresh]


def _lock(array: NDArray[np.generic]) -> None:
    array.flags.writeable = False


def _locked(shape: tuple[int, int], dtype: type[np.generic] | type[float]) -> NDArray[Any]:
    """Return an empty column in place of one that is not there; locked like it, for compiled code asks for one type."""
    empty = np.empty(shape, dtype)
    _lock(empty)
    return empty


def _canonical(values: NDArray[np.float64]) -> bytes:
    """Return bytes in which every NaN and every zero is the same one."""
    clean = np.where(np.isnan(values), np.nan, values) + 0.0
    return clean.astype("<f8").tobytes()
