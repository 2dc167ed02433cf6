"""Tables of CSV and Parquet files, and their columns as numbers, times and texts, read strictly.

A CSV is read as text and turned into values by `storage.market.parsing`; a failure names the file,
the line and the column.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from engine.errors import BacktestValidationError, Problem
from engine.types import NS_PER_DAY
from storage.market.parsing import MISSING_TIME, BadValue, instants, numbers
from storage.market.source import Floats, Times

TEXT_ENDINGS: Final = (".csv", ".txt", ".csv.gz")
PARQUET_ENDINGS: Final = (".parquet", ".pq")
LONG_BARS: Final = ("1d", "1w", "1mo")
_MOST_COLUMNS = 256


def read_table(file: Path) -> tuple[pa.Table, bool]:
    """Return the table of a file, text columns of a CSV unread, and whether it is a CSV."""
    try:
        if file.stat().st_size == 0:
            raise bad_file(file, "", "the file is empty (0 bytes)")
        if file.name.lower().endswith(PARQUET_ENDINGS):
            return pq.ParquetFile(file).read(), False
        return _read_csv(file), True
    except pa.ArrowInvalid as error:
        raise bad_file(file, *_told(str(error))) from error
    except OSError as error:
        raise bad_file(file, "", f"cannot be read ({error.strerror or error})") from error


def _told(text: str) -> tuple[str, str, str]:
    """Translate Arrow's finding: place, message, hint."""
    expected = re.search(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)", text)
    if expected:
        place = f" line {expected.group(1)}" if expected.group(1) else ""
        return place, f"{expected.group(3)} columns instead of {expected.group(2)}", ""
    if "UTF8" in text or "utf8" in text:
        return "", "is not UTF-8 text", "save it as UTF-8"
    if "straddl" in text:
        return "", "a line is longer than a million characters", "this is not a file of bars"
    if "Parquet" in text or "magic" in text or "footer" in text:
        return "", "is not a Parquet file, or is damaged", ""
    return "", f"cannot be read ({text.splitlines()[0][:120]})", ""


def _read_csv(file: Path) -> pa.Table:
    compressed = file.name.lower().endswith(".gz")
    with pa.input_stream(str(file), compression="gzip" if compressed else None) as stream:
        head = stream.read(65_536)
    first = head.split(b"\n", 1)[0].decode("utf-8-sig", errors="replace")
    if "\x00" in first:
        raise bad_file(file, " line 1", "is not UTF-8 text", "save it as UTF-8")
    delimiter = max((",", ";", "\t"), key=first.count)
    names = [name.strip().strip('"') for name in first.rstrip("\r").split(delimiter)]
    if len(names) > _MOST_COLUMNS:
        raise bad_file(file, " line 1", f"{len(names)} columns; at most {_MOST_COLUMNS} are read")
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise bad_file(file, " line 1", f"two columns are called {sorted(repeated)[0]!r}")
    return pcsv.read_csv(
        file,
        read_options=pcsv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
        parse_options=pcsv.ParseOptions(delimiter=delimiter),
        convert_options=pcsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def bad_file(file: Path, place: str, message: str, hint: str = "") -> BacktestValidationError:
    """Return the refusal of a file, or of a place in it."""
    return BacktestValidationError(Problem(f"{file}{place}", message, hint))


def numbers_of(file: Path, table: pa.Table, name: str, is_text: bool) -> Floats:
    """Return a column as numbers; NaN where it is empty.

    Raises:
        BacktestValidationError: a value is no number.
    """
    column = table.column(name).combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    kind = column.type
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return numbers(column)
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            floats = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
            return np.array(floats, np.float64)
    except BadValue as bad:
        raise _misread(file, name, bad, is_text) from bad
    raise bad_file(file, f" column {name!r}", f"holds {kind}, not numbers")


def times_of(
    file: Path, table: pa.Table, named: Mapping[str, str], timeframe: str, is_text: bool
) -> Times:
    """Return the times of the column that ``named`` calls ``time``, joined with ``clock`` if there is one.

    Raises:
        BacktestValidationError: a value is no time.
    """
    column = table.column(named["time"]).combine_chunks()
    kind = column.type
    whole_days = timeframe in LONG_BARS and "clock" not in named
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            if "clock" in named:
                clock = pc.cast(table.column(named["clock"]).combine_chunks(), kind)
                column = pc.binary_join_element_wise(column, clock, pa.scalar("T", kind))
            # Times within a day are kept for now: `_bars` tells a daily file from a finer one by
            # them.
            kept = instants(column, whole_days=False)
            return instants(column, whole_days=True) if whole_days and _one_a_day(kept) else kept
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            if whole_days and getattr(kind, "tz", None):
                column = pc.local_timestamp(column)  # the session's date is the one on the wall
                kind = column.type
            whole = pc.cast(
                pc.cast(column, pa.timestamp("ns", getattr(kind, "tz", None))), pa.int64()
            )
            filled = pc.fill_null(whole, MISSING_TIME).to_numpy(zero_copy_only=False)
            return np.array(filled, np.int64)
        if pa.types.is_integer(kind):
            return instants(pc.cast(column, pa.string()), whole_days=whole_days)
    except BadValue as bad:
        raise _misread(file, named["time"], bad, is_text) from bad
    except pa.ArrowInvalid as error:
        raise bad_file(
            file, f" column {named['time']!r}", f"holds an impossible time ({error})"
        ) from error
    raise bad_file(file, f" column {named['time']!r}", f"holds {kind}, not dates or times")


def _one_a_day(times: Times) -> bool:
    """Whether all times are at the same time of day, as in a daily file with a zone."""
    known = times[times != MISSING_TIME]
    return len(np.unique(known % NS_PER_DAY)) <= 2  # two: daylight saving moves the hour


def texts_of(file: Path, column: Any, name: str, is_text: bool) -> Any:
    """Return a column of symbols as an Arrow dictionary.

    Raises:
        BacktestValidationError: one is empty or longer than 255 characters.
    """
    text = pc.utf8_trim_whitespace(pc.cast(column.combine_chunks(), pa.string()))
    lengths = pc.fill_null(pc.binary_length(text), 0).to_numpy(zero_copy_only=False)
    bad = np.flatnonzero((lengths == 0) | (lengths > 255))
    if len(bad):
        shown = str(text[int(bad[0])] or "")[:40]
        raise _misread(
            file, name, BadValue(int(bad[0]), shown, "a symbol of 1 to 255 characters"), is_text
        )
    return pc.dictionary_encode(text)


def _misread(file: Path, name: str, bad: BadValue, is_text: bool) -> BacktestValidationError:
    shown = bad.text if len(bad.text) <= 40 else bad.text[:39] + "…"
    place = f" line {_line_of(file, bad.row)}" if is_text else f" row {bad.row + 1}"
    return bad_file(file, f"{place}, column {name!r}", f"{shown!r} is not {bad.wanted}")


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
