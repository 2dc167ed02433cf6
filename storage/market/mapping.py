"""Whose table is whose column: the names under which a database keeps prices, as data.

The default is the layout that traders' databases of Korean daily prices have; a database with other
names is described by another `MarketMapping`, and nothing else changes.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class PriceTable:
    """A table of daily bars, one row per symbol and date.

    ``code`` is text, ``date`` a date, prices and volume any kind of number.
    """

    table: str = "daily_prices"
    code: str = "code"
    date: str = "date"
    open: str = "open_price"
    high: str = "high_price"
    low: str = "low_price"
    close: str = "close_price"
    volume: str = "volume"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return (self.code, self.date, self.open, self.high, self.low, self.close, self.volume)


@dataclass(frozen=True)
class IndexTable:
    """A table of index closes, one row per index and date."""

    table: str = "index_daily_prices"
    name: str = "index_name"
    date: str = "date"
    value: str = "close_value"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return (self.name, self.date, self.value)


@dataclass(frozen=True)
class MarketMapping:
    """Where a database keeps what we read.

    Attributes:
        schema: the schema of all tables.
        prices: daily bars.
        indexes: benchmark series; a database without the table has none.
        currency: of all prices.
        calendar: of the exchange, "" when it is not known.
        adjustment: ``raw``, ``split`` or ``total``: what has been worked into the prices.
    """

    schema: str = "public"
    prices: PriceTable = field(default_factory=PriceTable)
    indexes: IndexTable = field(default_factory=IndexTable)
    currency: str = "KRW"
    calendar: str = "XKRX"
    adjustment: str = "raw"


DEFAULT_MAPPING = MarketMapping()
