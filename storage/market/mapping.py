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
class IntradayTable:
    """A table of one-minute bars, one row per symbol and instant at which a bar opens; it may be missing."""

    table: str = "bars"
    code: str = "code"
    time: str = "ts"
    open: str = "open"
    high: str = "high"
    low: str = "low"
    close: str = "close"
    volume: str = "volume"


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
class InstrumentTable:
    """A table of companies, one row per company; only ``code`` must be there."""

    table: str = "instruments"
    code: str = "code"
    name: str = "name"
    market: str = "market"
    calendar: str = "calendar"
    currency: str = "currency"
    lot_size: str = "lot_size"
    tick_size: str = "tick_size"
    multiplier: str = "multiplier"
    listed_on: str = "listed_on"
    delisted_on: str = "delisted_on"
    delisting_return: str = "delisting_return"


@dataclass(frozen=True)
class MemberTable:
    """A table of memberships; ``valid_to`` is the first day outside, NULL while it lasts."""

    table: str = "index_members"
    index_name: str = "index_name"
    code: str = "code"
    valid_from: str = "valid_from"
    valid_to: str = "valid_to"


@dataclass(frozen=True)
class ActionTable:
    """A table of splits (new shares per old) and dividends (money per share)."""

    table: str = "corporate_actions"
    code: str = "code"
    ex_date: str = "ex_date"
    kind: str = "kind"
    value: str = "value"


@dataclass(frozen=True)
class FieldTable:
    """A table of what was published of a company, by date; every column of numbers is a field."""

    table: str = "stock_info"
    code: str = "code"
    date: str = "as_of_date"


@dataclass(frozen=True)
class TickTable:
    """A table of single trades and quotes; ``ts`` is a timestamptz, numbers any kind of number.

    A row with ``price`` is a trade, one with ``bid`` and ``ask`` a quote, one with all three both. The columns of
    quotes may be missing.
    """

    table: str = "ticks"
    code: str = "code"
    ts: str = "ts"
    price: str = "price"
    size: str = "size"
    bid: str = "bid"
    ask: str = "ask"
    bid_size: str = "bid_size"
    ask_size: str = "ask_size"

    @property
    def optional(self) -> tuple[str, ...]:
        """The columns that may be missing."""
        return (self.bid, self.ask, self.bid_size, self.ask_size)


@dataclass(frozen=True)
class MarketMapping:
    """Where a database keeps what we read.

    Attributes:
        schema: the schema of all tables.
        prices: daily bars.
        intraday: one-minute bars; a database without the table has none.
        indexes: benchmark series; a database without the table has none.
        instruments, members, actions, fields: companies, memberships, corporate actions and published
            figures; each may be missing.
        ticks: single trades and quotes; may be missing.
        currency: of all prices.
        calendar: of the exchange, "" when it is not known.
        adjustment: ``raw``, ``split`` or ``total``: what has been worked into the prices.
    """

    schema: str = "public"
    prices: PriceTable = field(default_factory=PriceTable)
    intraday: IntradayTable = field(default_factory=IntradayTable)
    indexes: IndexTable = field(default_factory=IndexTable)
    instruments: InstrumentTable = field(default_factory=InstrumentTable)
    members: MemberTable = field(default_factory=MemberTable)
    actions: ActionTable = field(default_factory=ActionTable)
    fields: FieldTable = field(default_factory=FieldTable)
    ticks: TickTable = field(default_factory=TickTable)
    currency: str = "KRW"
    calendar: str = "XKRX"
    adjustment: str = "raw"


DEFAULT_MAPPING = MarketMapping()
