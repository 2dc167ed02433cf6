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

MISSING_TIME: Final = int(np.iinfo(np.int64).min)
_LONGEST_NUMBER = 64
_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_ISO = (
    r"^(?P<y>[0-9]{4})[-/.]?(?P<m>[0-9]{2})[-/.]?(?P<d>[0-9]{2})"
    r"(?:[T ](?P<H>[0-9]{2}):?(?P<M>[0-9]{2})(?::?(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r" ?(?P<z>Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
_SLASHED = r"^(?P<a>[0-9]{1,2})/(?P<b>[0-9]{1,2})/(?P<y>[0-9]{4})$"
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


def numbers(values: Any) -> NDArray[np.float64]:
    """Return an Arrow array of text as floats; empty is NaN.

    Raises:
        BadValue: the first that is not a number.
    """
    text = pc.utf8_trim_whitespace(values)
    text = pc.if_else(pc.equal(text, ""), None, text)
    _refuse(pc.greater(pc.binary_length(text), _LONGEST_NUMBER), values, "a number")
    _refuse(pc.invert(pc.match_substring_regex(text, _NUMBER)), values, "a number")
    floats = pc.cast(text, pa.float64())
    _refuse(pc.is_inf(floats), values, "a number that a computer can hold")
    return np.array(floats.to_numpy(zero_copy_only=False), np.float64)


def instants(values: Any, *, whole_days: bool) -> NDArray[np.int64]:
    """Return an Arrow array of text as UTC nanoseconds; empty is `MISSING_TIME`.

    ISO dates and times, with or without a zone (without one: UTC), eight digits, seconds to
    nanoseconds since 1970, and dates like 12/31/2010 when the column leaves no doubt which part is
    the month. With ``whole_days`` the date as
    written counts, whatever the time or zone: a daily bar is labelled with its session.

    Raises:
        BadValue: the first that is none of these.
    """
    encoded = pc.dictionary_encode(pc.utf8_trim_whitespace(values))  # dates repeat; read each once
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    texts = encoded.dictionary
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    try:
        known = _instants(texts, whole_days)
    except BadValue as bad:
        rows = np.flatnonzero(codes == bad.row)
        raise BadValue(int(rows[0]), bad.text, bad.wanted) from None
    out = np.full(len(codes), MISSING_TIME, np.int64)
    filled = ~np.isnan(codes.astype(np.float64))
    out[filled] = known[codes[filled].astype(np.int64)]
    return out


def _instants(texts: Any, whole_days: bool) -> NDArray[np.int64]:
    out = np.full(len(texts), MISSING_TIME, np.int64)
    open_ = ~_mask(pc.equal(texts, ""))
    iso = pc.extract_regex(texts, _ISO)
    found = open_ & _mask(pc.is_valid(iso))
    if found.any():
        out[found] = _from_iso(
            iso.filter(pa.array(found)), texts.filter(pa.array(found)), whole_days
        )
        open_ &= ~found
    slashed = pc.extract_regex(texts, _SLASHED)
    found = open_ & _mask(pc.is_valid(slashed))
    if found.any():
        out[found] = _from_slashed(slashed.filter(pa.array(found)), texts, np.flatnonzero(found))
        open_ &= ~found
    for digits, unit in _EPOCH.items():
        found = open_ & _mask(pc.match_substring_regex(texts, f"^[0-9]{{{digits}}}$"))
        if found.any():
            out[found] = pc.cast(texts.filter(pa.array(found)), pa.int64()).to_numpy() * unit
            open_ &= ~found
    _refuse(pa.array(open_), texts, "a date or time such as 2010-12-31 or 2010-12-31T09:30:00Z")
    if whole_days:
        known = out != MISSING_TIME
        out[known] -= out[known] % 86_400_000_000_000
    return out


def _from_iso(parts: Any, texts: Any, whole_days: bool) -> NDArray[np.int64]:
    def part(name: str) -> NDArray[np.int64]:
        column = parts.field(name)
        plain = pc.if_else(pc.equal(column, ""), "0", column)
        numbers_: NDArray[np.int64] = pc.cast(plain, pa.int64()).to_numpy(zero_copy_only=False)
        return numbers_

    days = _days(part("y"), part("m"), part("d"), texts, np.arange(len(texts)))
    if whole_days:
        return days * 86_400_000_000_000
    hour, minute, second = part("H"), part("M"), part("S")
    _refuse(pa.array((hour > 23) | (minute > 59) | (second > 59)), texts, "a time of day")
    fraction = pc.cast(pc.utf8_rpad(parts.field("f"), 9, "0"), pa.int64()).to_numpy(
        zero_copy_only=False
    )
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second - _offsets(parts.field("z"))
    return np.asarray(seconds * 1_000_000_000 + fraction, np.int64)


def _offsets(zones: Any) -> NDArray[np.int64]:
    """Return seconds east of Greenwich."""
    out = np.zeros(len(zones), np.int64)
    for row, zone in enumerate(zones.to_pylist()):
        match = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", zone or "")
        if match:
            size = int(match.group(2)) * 3600 + int(match.group(3)) * 60
            out[row] = -size if match.group(1) == "-" else size
    return out


def _from_slashed(parts: Any, texts: Any, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    first, second, year = (
        pc.cast(parts.field(n), pa.int64()).to_numpy(zero_copy_only=False) for n in ("a", "b", "y")
    )
    if (first > 12).any() == (second > 12).any():
        row = int(rows[0])
        raise BadValue(row, str(texts[row]), "a date without doubt: write it as 2010-12-31")
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
        row = int(rows[np.flatnonzero(bad)[0]])
        raise BadValue(row, str(texts[row]), "a day of the calendar")
    return np.asarray(start + day - 1, np.int64)


def _mask(values: Any) -> NDArray[np.bool_]:
    filled = pc.fill_null(values, False)
    return np.asarray(filled.to_numpy(zero_copy_only=False), bool)


def _refuse(is_bad: Any, values: Any, wanted: str) -> None:
    bad = np.flatnonzero(_mask(is_bad))
    if len(bad):
        row = int(bad[0])
        raise BadValue(row, str(values[row]), wanted)
