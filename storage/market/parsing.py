"""Text to numbers and instants, by a strict grammar: what is not plainly one is refused.

`float` would take ``1_000``, ``nan``, ``١٢`` and ``infinity``; a price file that holds those is
damaged, and a guess would end up in a result.
"""

import re
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from storage.stopping import ShouldStop, check, never

MISSING_TIME: Final = int(np.iinfo(np.int64).min)
_LONGEST_NUMBER = 64
_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_ISO = (
    r"^(?P<y>[0-9]{4})[-/.]?(?P<m>[0-9]{2})[-/.]?(?P<d>[0-9]{2})"
    r"(?:[T ](?P<H>[0-9]{2}):?(?P<M>[0-9]{2})(?::?(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r" ?(?P<z>Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
_SLASHED = r"^(?P<a>[0-9]{1,2})/(?P<b>[0-9]{1,2})/(?P<y>[0-9]{4})$"
_BLOCK = 16_384  # texts that are read before somebody may stop it
_EPOCH = {10: 1_000_000_000, 13: 1_000_000, 16: 1_000, 19: 1}  # digits → nanoseconds a unit


class BadValue(Exception):
    """A value that cannot be read.

    Attributes:
        row: its index.
        text: what stands there.
        wanted: what should.
    """

    def __init__(self, row: int, text: str, wanted: str) -> None:
        """Keep where and what."""
        super().__init__(f"row {row}: {text!r} is not {wanted}")
        self.row = row
        self.text = text
        self.wanted = wanted


def numbers(values: Any, should_stop: ShouldStop = never) -> NDArray[np.float64]:
    """Return an Arrow array of text as floats; empty is NaN.

    Raises:
        BadValue: the first that is not a number.
        Stopped: ``should_stop`` said so.
    """
    out = np.empty(len(values), np.float64)
    for start in range(0, len(values), _BLOCK):
        check(should_stop)
        block = values[start : start + _BLOCK]
        text = pc.utf8_trim_whitespace(block)
        text = pc.if_else(pc.equal(text, ""), None, text)
        too_long = pc.greater(pc.binary_length(text), _LONGEST_NUMBER)
        _refuse(too_long, block, "a number", start)
        _refuse(pc.invert(pc.match_substring_regex(text, _NUMBER)), block, "a number", start)
        floats = pc.cast(text, pa.float64())
        _refuse(pc.is_inf(floats), block, "a number that a computer can hold", start)
        out[start : start + _BLOCK] = floats.to_numpy(zero_copy_only=False)
    return out


def instants(
    values: Any, *, whole_days: bool, should_stop: ShouldStop = never
) -> NDArray[np.int64]:
    """Return an Arrow array of text as UTC nanoseconds; empty is `MISSING_TIME`.

    ISO dates and times, with or without a zone (without one: UTC), eight digits, seconds to
    nanoseconds since 1970, and dates like 12/31/2010 when the column leaves no doubt which part is
    the month. With ``whole_days`` the date as
    written counts, whatever the time or zone: a daily bar is labelled with its session.

    Raises:
        BadValue: the first that is none of these.
        Stopped: ``should_stop`` said so.
    """
    out = np.full(len(values), MISSING_TIME, np.int64)
    open_ = np.zeros(len(values), np.bool_)
    for start in range(0, len(values), _BLOCK):
        check(should_stop)
        rows = slice(start, start + _BLOCK)
        # dates repeat: each is read once a block
        encoded = pc.dictionary_encode(pc.utf8_trim_whitespace(values[rows]))
        texts = encoded.dictionary
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        known = np.full(
            len(texts) + 1, MISSING_TIME, np.int64
        )  # the last is of rows without a text
        left = np.append(~_mask(pc.equal(texts, "")), False)
        try:
            _read_block(texts, known[:-1], left[:-1], whole_days)
        except BadValue as bad:
            row = start + int(np.flatnonzero(codes == bad.row)[0])
            raise BadValue(row, bad.text, bad.wanted) from None
        out[rows], open_[rows] = known[codes], left[codes]
    _read_slashed(values, out, open_)
    if whole_days:
        dated = out != MISSING_TIME
        out[dated] -= out[dated] % 86_400_000_000_000
    return out


def _read_slashed(values: Any, out: NDArray[np.int64], open_: NDArray[np.bool_]) -> None:
    """Read what is left: all of it together, for only the whole column tells which part is the month."""
    rows = np.flatnonzero(open_)
    texts = pc.utf8_trim_whitespace(values.take(pa.array(rows)))
    slashed = pc.extract_regex(texts, _SLASHED)
    found = _mask(pc.is_valid(slashed))
    if found.any():
        chosen = pa.array(found)
        out[rows[found]] = _from_slashed(slashed.filter(chosen), texts.filter(chosen), rows[found])
    if not found.all():
        at = int(np.flatnonzero(~found)[0])
        wanted = "a date or time such as 2010-12-31 or 2010-12-31T09:30:00Z"
        raise BadValue(int(rows[at]), str(texts[at]), wanted)


def _read_block(
    texts: Any, out: NDArray[np.int64], open_: NDArray[np.bool_], whole_days: bool
) -> None:
    """Read ISO and counted times into ``out``, and close what was read."""
    iso = pc.extract_regex(texts, _ISO)
    found = open_ & _mask(pc.is_valid(iso))
    if found.any():
        chosen = pa.array(found)
        rows = np.flatnonzero(found)
        out[found] = _from_iso(iso.filter(chosen), texts.filter(chosen), rows, whole_days)
        open_ &= ~found
    for digits, unit in _EPOCH.items():
        found = open_ & _mask(pc.match_substring_regex(texts, f"^[0-9]{{{digits}}}$"))
        if found.any():
            out[found] = pc.cast(texts.filter(pa.array(found)), pa.int64()).to_numpy() * unit
            open_ &= ~found


def _from_iso(
    parts: Any, texts: Any, rows: NDArray[np.intp], whole_days: bool
) -> NDArray[np.int64]:
    def part(name: str) -> NDArray[np.int64]:
        column = parts.field(name)
        plain = pc.if_else(pc.equal(column, ""), "0", column)
        numbers_: NDArray[np.int64] = pc.cast(plain, pa.int64()).to_numpy(zero_copy_only=False)
        return numbers_

    days = _days(part("y"), part("m"), part("d"), texts, rows)
    if whole_days:
        return days * 86_400_000_000_000
    hour, minute, second = part("H"), part("M"), part("S")
    bad = np.flatnonzero((hour > 23) | (minute > 59) | (second > 59))
    if len(bad):
        raise BadValue(int(rows[bad[0]]), str(texts[int(bad[0])]), "a time of day")
    fraction = pc.cast(pc.utf8_rpad(parts.field("f"), 9, "0"), pa.int64()).to_numpy(
        zero_copy_only=False
    )
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second - _offsets(parts.field("z"))
    return np.asarray(seconds * 1_000_000_000 + fraction, np.int64)


def _offsets(zones: Any) -> NDArray[np.int64]:
    """Return seconds east of Greenwich."""
    encoded = pc.dictionary_encode(pc.fill_null(zones, ""))  # a file has one zone, or two
    sizes = np.array([_offset(zone) for zone in encoded.dictionary.to_pylist()], np.int64)
    codes: NDArray[np.int64] = encoded.indices.to_numpy(zero_copy_only=False)
    return np.asarray(sizes[codes], np.int64)


def _offset(zone: str) -> int:
    match = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", zone)
    if match is None:
        return 0
    size = int(match.group(2)) * 3600 + int(match.group(3)) * 60
    return -size if match.group(1) == "-" else size


def _from_slashed(parts: Any, texts: Any, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    first, second, year = (
        pc.cast(parts.field(n), pa.int64()).to_numpy(zero_copy_only=False) for n in ("a", "b", "y")
    )
    if (first > 12).any() == (second > 12).any():
        raise BadValue(int(rows[0]), str(texts[0]), "a date without doubt: write it as 2010-12-31")
    month, day = (second, first) if (first > 12).any() else (first, second)
    return _days(year, month, day, texts, rows) * 86_400_000_000_000


def _days(
    year: NDArray[np.int64],
    month: NDArray[np.int64],
    day: NDArray[np.int64],
    texts: Any,
    rows: NDArray[np.intp],
) -> NDArray[np.int64]:
    months = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
    start = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    length = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - start
    bad = (month < 1) | (month > 12) | (day < 1) | (day > length) | (year < 1700) | (year > 2200)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise BadValue(int(rows[at]), str(texts[at]), "a day of the calendar")
    return np.asarray(start + day - 1, np.int64)


def _mask(values: Any) -> NDArray[np.bool_]:
    filled = pc.fill_null(values, False)
    return np.asarray(filled.to_numpy(zero_copy_only=False), bool)


def _refuse(is_bad: Any, values: Any, wanted: str, first: int = 0) -> None:
    bad = np.flatnonzero(_mask(is_bad))
    if len(bad):
        row = int(bad[0])
        raise BadValue(first + row, str(values[row]), wanted)
