"""How numbers, dates and durations look, for the window and the command line alike.

Thousands separators, fixed decimals by kind (money 2, percent 2, ratio 2, price by tick), a true
minus sign, and an en dash for what is undefined. Nothing else in the program formats a number for a
person to read; what machines read (JSON, CSV) is never formatted.
"""

import datetime as dt
import math
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

UNDEFINED: Final = "–"
MINUS: Final = "−"

_WIDE: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)  # the largest float has 309 digits

Number = int | float | Decimal
Value = Number | str | None


def is_defined(value: object) -> bool:
    """Tell whether there is a finite number (or any text) to show."""
    if value is None or value == "":
        return False
    if isinstance(value, Decimal):
        return value.is_finite()
    return not isinstance(value, float) or math.isfinite(value)


def _exact(value: Number) -> Decimal:
    """Return the shortest decimal that stands for a float: people expect 2.675 to round to 2.68."""
    return Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)


def number(value: Number | None, decimals: int = 2, *, sign: bool = False) -> str:
    """Format with thousands separators and fixed decimals.

    Args:
        value: what to show; None, NaN and infinity are undefined.
        decimals: digits after the point.
        sign: put a plus before positive values.

    Returns:
        ``1,234.50`` or ``−0.07``; what rounds to zero has no sign.
    """
    if value is None or not is_defined(value):
        return UNDEFINED
    rounded = _WIDE.quantize(_exact(value), Decimal(1).scaleb(-decimals))
    text = f"{abs(rounded):,f}"
    if rounded < 0:
        return MINUS + text
    return f"+{text}" if sign and rounded > 0 else text


def money(value: Number | None, currency: str = "", *, sign: bool = False) -> str:
    """Format an amount with two decimals, and its currency when given: ``1,234.50 USD``."""
    text = number(value, 2, sign=sign)
    return f"{text} {currency}" if currency and text != UNDEFINED else text


def percent(fraction: Number | None, *, sign: bool = False) -> str:
    """Format a fraction as percent with two decimals: 0.1234 is ``12.34 %``."""
    if fraction is None or not is_defined(fraction):
        return UNDEFINED
    return f"{number(_exact(fraction).scaleb(2, _WIDE), 2, sign=sign)} %"


def ratio(value: Number | None) -> str:
    """Format a ratio with two decimals."""
    return number(value, 2)


def count(value: Number | None) -> str:
    """Format a whole number."""
    return number(value, 0)


def decimals_of(tick: Number) -> int:
    """Return how many decimals a price step needs: 0.01 needs 2, 0.25 needs 2, 5 needs 0."""
    exponent = Decimal(str(tick)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def price(value: Number | None, tick: Number = 0.01) -> str:
    """Format a price with the decimals of its tick, two at least."""
    return number(value, max(2, decimals_of(tick)))


def quantity(value: Number | None) -> str:
    """Format shares: no decimals for whole ones, up to eight otherwise, without trailing zeros."""
    if value is None or not is_defined(value):
        return UNDEFINED
    text = number(value, 8)
    return text.rstrip("0").rstrip(".")


def days(value: Number | None) -> str:
    """Format a span in days: ``12 d``, ``3.5 d``."""
    if value is None or not is_defined(value):
        return UNDEFINED
    text = number(value, 1)
    return f"{text.removesuffix('.0')} d"


def duration(seconds: float | None) -> str:
    """Format a span of time: ``850 ms``, ``3.2 s`` (``3 s`` of whole seconds), ``2 min 05 s``, ``1 h 03 min``."""
    if seconds is None or not is_defined(seconds):
        return UNDEFINED
    if seconds < 0.9995:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds} s" if isinstance(seconds, int) else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def instant_of_ns(time_ns: int) -> dt.datetime:
    """Return the UTC instant of nanoseconds since 1970, to the microsecond below."""
    seconds, rest = divmod(int(time_ns), 1_000_000_000)
    return dt.datetime.fromtimestamp(seconds, dt.UTC) + dt.timedelta(microseconds=rest // 1000)


def date(value: dt.date | dt.datetime | int | None) -> str:
    """Format the day of a date, an instant, or nanoseconds since 1970: ``2013-05-17``."""
    if value is None:
        return UNDEFINED
    if isinstance(value, int):
        value = instant_of_ns(value)
    return value.strftime("%Y-%m-%d")


def instant(value: dt.datetime | int | None) -> str:
    """Format an instant in UTC to the minute; a midnight, as of daily bars, is its day alone."""
    if value is None:
        return UNDEFINED
    moment = instant_of_ns(value) if isinstance(value, int) else value.astimezone(dt.UTC)
    if (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return moment.strftime("%Y-%m-%d")
    return moment.strftime("%Y-%m-%d %H:%M")


def iso_instant(value: dt.datetime | int | None) -> str:
    """Return ISO 8601 in UTC for machines: ``2013-05-17T00:00:00Z``; empty for None."""
    if value is None:
        return ""
    moment = instant_of_ns(value) if isinstance(value, int) else value.astimezone(dt.UTC)
    return moment.isoformat().replace("+00:00", "Z")


def by_kind(value: Value, kind: str, currency: str = "") -> str:
    """Format a metric by its kind: money, percent, ratio, count, days, bars; texts stay."""
    if value is None or not is_defined(value):
        return UNDEFINED
    if isinstance(value, str):
        return value
    match kind:
        case "money":
            return money(value, currency)
        case "percent" | "rate" | "fraction":
            return percent(value)
        case "count" | "integer":
            return count(value)
        case "days":
            return days(value)
        case "bars":
            return number(value, 1).removesuffix(".0")
        case _:
            return ratio(value)
