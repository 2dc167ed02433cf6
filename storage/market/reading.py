"""Columns of a table as numbers, times and symbols; what is none of these is refused by file, line and column."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import BacktestValidationError
from engine.types import NS_PER_DAY
from storage.market.parsing import MISSING_TIME, BadValue, instants, numbers
from storage.market.source import Floats, Times
from storage.market.tables import refusal
from storage.stopping import ShouldStop, check

LONG_BARS: Final = ("1d", "1w", "1mo")


@dataclass(frozen=True)
class Reading:
    """One table on its way to bars; ``named`` is our name → the file's name."""

    file: Path
    table: pa.Table
    named: Mapping[str, str]
    timeframe: str
    is_text: bool
    should_stop: ShouldStop

    def column(self, ours: str) -> Any:
        """Return a column in one piece."""
        return self.table.column(self.named[ours]).combine_chunks()


def numbers_of(reading: Reading, ours: str) -> Floats:
    """Return a column as numbers; NaN where it is empty.

    Raises:
        BacktestValidationError: a value is no number.
    """
    column = reading.column(ours)
    check(reading.should_stop)
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return numbers(column, reading.should_stop)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            floats = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            return np.array(floats, np.float64)
    except BadValue as bad:
        raise _misread(reading, ours, bad) from bad
    raise refusal(reading.file, f" column {reading.named[ours]!r}", f"holds {kind}, not numbers")


def times_of(reading: Reading) -> Times:
    """Return the times of the column ``time``, joined with ``clock`` where there is one.

    Raises:
        BacktestValidationError: a value is no time.
    """
    name = reading.named["time"]
    column = reading.column("time")
    kind = column.type
    stop = reading.should_stop
    whole_days = reading.timeframe in LONG_BARS and "clock" not in reading.named
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            if "clock" in reading.named:
                clock = pc.cast(reading.column("clock"), kind)
                column = pc.binary_join_element_wise(column, clock, pa.scalar("T", kind))
            # Times within a day are kept for now: `_bars` tells a daily file from a finer one by
            # them.
            kept = instants(column, whole_days=False, should_stop=stop)
            if whole_days and _one_a_day(kept):
                return instants(column, whole_days=True, should_stop=stop)
            return kept
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            return _typed_times(column, whole_days)
        if pa.types.is_integer(kind):
            text = pc.cast(column, pa.string())
            return instants(text, whole_days=whole_days, should_stop=stop)
    except BadValue as bad:
        raise _misread(reading, "time", bad) from bad
    except pa.ArrowInvalid as error:
        raise refusal(
            reading.file, f" column {name!r}", f"holds an impossible time ({error})"
        ) from error
    raise refusal(reading.file, f" column {name!r}", f"holds {kind}, not dates or times")


def _typed_times(column: Any, whole_days: bool) -> Times:
    if whole_days and getattr(column.type, "tz", None):
        column = pc.local_timestamp(column)  # the session's date is the one on the wall
    zone = getattr(column.type, "tz", None)
    whole = pc.cast(pc.cast(column, pa.timestamp("ns", zone)), pa.int64())
    filled = pc.fill_null(whole, MISSING_TIME).to_numpy(zero_copy_only=False)
    return np.array(filled, np.int64)


def _one_a_day(times: Times) -> bool:
    """Whether all times are at the same time of day, as in a daily file with a zone."""
    known = times[times != MISSING_TIME]
    return len(np.unique(known % NS_PER_DAY)) <= 2  # two: daylight saving moves the hour


def texts_of(reading: Reading) -> Any:
    """Return the column ``symbol`` as an Arrow dictionary.

    Raises:
        BacktestValidationError: one is empty or longer than 255 characters.
    """
    text = pc.utf8_trim_whitespace(pc.cast(reading.column("symbol"), pa.string()))
    lengths = pc.fill_null(pc.binary_length(text), 0).to_numpy(zero_copy_only=False)
    bad = np.flatnonzero((lengths == 0) | (lengths > 255))
    if len(bad):
        shown = str(text[int(bad[0])] or "")[:40]
        wanted = "a symbol of 1 to 255 characters"
        raise _misread(reading, "symbol", BadValue(int(bad[0]), shown, wanted))
    return pc.dictionary_encode(text)


def _misread(reading: Reading, ours: str, bad: BadValue) -> BacktestValidationError:
    file, name = reading.file, reading.named[ours]
    shown = bad.text if len(bad.text) <= 40 else bad.text[:39] + "…"
    place = f" line {_line_of(file, bad.row)}" if reading.is_text else f" row {bad.row + 1}"
    return refusal(file, f"{place}, column {name!r}", f"{shown!r} is not {bad.wanted}")


def _line_of(file: Path, row: int) -> int:
    """Return the line of a row; the reader leaves out empty lines."""
    left = row + 1  # and the header
    with pa.input_stream(str(file), compression="detect") as stream:
        lines = stream.read().splitlines()
    for number, line in enumerate(lines, start=1):
        if line.strip(b"\r\n"):
            if left == 0:
                return number
            left -= 1
    return row + 2
