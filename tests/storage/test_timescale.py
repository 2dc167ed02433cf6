"""Prices read from PostgreSQL are those that SQL shows, in one query, and reading can be stopped."""

import datetime as dt
import decimal
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.types import NS_PER_DAY
from storage.errors import BacktestStorageError, DatabaseConnectionError, Stopped
from storage.market.bulk import load_series
from storage.market.mapping import IndexTable, MarketMapping, PriceTable
from storage.market.source import RawBars
from storage.market.timescale import (
    list_indexes,
    list_symbols,
    load_index,
    open_source,
    start_with_warmup,
)
from tests.postgres import Cluster, Server
from tests.shared import shared_path
from tests.storage.market_tables import bar, create_tables, day, fill
from tests.storage.servers import profile_of

Connection = psycopg.Connection[Any]


@pytest.fixture
def market_dsn(postgres_server: Server) -> Iterator[str]:
    """The connection string of a database with the default tables, empty."""
    with postgres_server.database_from("market", create_tables) as dsn:
        yield dsn


@pytest.fixture
def market(market_dsn: str) -> Iterator[Connection]:
    """A connection to it."""
    with psycopg.connect(market_dsn, autocommit=True) as connection:
        yield connection


def dates_of(bars: RawBars) -> list[str]:
    return [str(day) for day in bars.time_ns.astype("M8[ns]").astype("M8[D]")]


def rows_of(bars: RawBars) -> list[tuple[float, ...]]:
    """Return the bars as rows, NaN as None so that rows compare."""
    assert bars.volume is not None
    columns = (bars.time_ns, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return [
        tuple(None if math.isnan(value) else float(value) for value in row)  # type: ignore[misc]
        for row in zip(*columns, strict=True)
    ]


def by_plain_sql(connection: Connection, symbol: str) -> list[tuple[float, ...]]:
    found = connection.execute(
        "SELECT extract(epoch FROM date)::bigint * 1000000000, open_price::float8,"
        " high_price::float8, low_price::float8, close_price::float8, volume::float8"
        " FROM daily_prices WHERE code = %s ORDER BY date",
        [symbol],
    ).fetchall()
    return [tuple(None if v is None else float(v) for v in row) for row in found]  # type: ignore[misc]


PRICES = st.none() | st.decimals(0, 10**9, places=8, allow_nan=False)
ROWS = st.dictionaries(
    st.tuples(
        st.sampled_from(["005930", "000660", "가나", "a'b\"c\\", "%s; --"]),
        st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)),
    ),
    st.tuples(PRICES, PRICES, PRICES, PRICES, st.none() | st.integers(0, 2**53)),
    max_size=40,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS)
def test_what_is_read_is_what_sql_shows(
    market: Connection, rows: dict[tuple[str, dt.date], tuple[Any, ...]]
) -> None:
    market.execute("TRUNCATE daily_prices")
    fill(market, "daily_prices", [(*key, *values) for key, values in rows.items()])

    loaded = load_series(market)

    assert sorted(loaded) == sorted({code for code, _ in rows})
    assert {code: rows_of(bars) for code, bars in loaded.items()} == {
        code: by_plain_sql(market, code) for code in loaded
    }


def test_a_range_takes_both_its_ends_and_a_symbol_without_bars_drops_nobody(
    market: Connection,
) -> None:
    days = ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"]
    fill(market, "daily_prices", [bar(code, date) for code in "AB" for date in days])

    loaded = load_series(market, ["A", "missing"], day("2020-01-02"), day("2020-01-03"))

    assert {code: dates_of(bars) for code, bars in loaded.items()} == {"A": days[1:3]}


def test_columns_are_contiguous_and_in_the_order_of_time(market: Connection) -> None:
    fill(
        market,
        "daily_prices",
        [bar("A", "2020-01-03"), bar("A", "1999-12-31"), bar("A", "2000-01-01")],
    )

    bars = load_series(market)["A"]

    assert dates_of(bars) == ["1999-12-31", "2000-01-01", "2020-01-03"]
    assert bars.close.flags.c_contiguous
    assert bars.close.dtype == np.float64
    assert bars.close.base is None


def test_numbers_that_are_none_and_days_without_end_are_marked(market: Connection) -> None:
    market.execute(
        "INSERT INTO daily_prices VALUES ('A', '-infinity', 1, 1, 1, 1, NULL),"
        " ('A', '2020-01-01', 'NaN', NULL, 'Infinity', 1, 0), ('A', 'infinity', 1, 1, 1, 1, 1)"
    )

    bars = load_series(market)["A"]

    no_time = np.iinfo(np.int64).min
    assert bars.time_ns.tolist() == [no_time, 18_262 * NS_PER_DAY, no_time]
    assert bars.volume is not None
    assert np.isnan([bars.volume[0], bars.open[1], bars.high[1]]).all()
    assert bars.low[1] == np.inf


@pytest.mark.parametrize("kind", ["double precision", "real", "integer", "numeric(12,2)"])
def test_any_kind_of_number_and_a_timestamp_can_be_mapped(market: Connection, kind: str) -> None:
    market.execute('CREATE SCHEMA "my data"')
    market.execute(
        f'CREATE TABLE "my data"."Prices" (s char(6), d timestamptz, o {kind}, h {kind},'
        f' l {kind}, "c%" {kind}, v {kind})'
    )
    market.execute("""INSERT INTO "my data"."Prices" VALUES ('AB', '2020-01-02Z', 1, 4, 1, 3, 5)""")
    names = PriceTable("Prices", "s", "d", "o", "h", "l", "c%", "v")

    loaded = load_series(market, ["AB"], mapping=MarketMapping("my data", names))

    assert rows_of(loaded["AB"]) == [(18_263 * NS_PER_DAY, 1, 4, 1, 3, 5)]


def test_a_load_is_one_query_and_with_progress_two(market: Connection) -> None:
    fill(market, "daily_prices", [bar(code, "2020-01-01") for code in ("A", "B", "C")])
    asked: list[str] = []
    seen: list[tuple[int, int]] = []
    spied: Any = _Spy(market, asked)

    load_series(spied)
    load_series(spied, on_rows=lambda done, total: seen.append((done, total)))

    assert [text.split()[0] for text in asked] == ["SET", "COPY", "SET", "SELECT", "COPY"]
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


class _Spy:
    """A connection or cursor that writes down what is executed and copied."""

    def __init__(self, target: Any, asked: list[str]) -> None:
        self._target, self._asked = target, asked

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if name == "cursor":
            return lambda *a, **k: _Spy(found(*a, **k), self._asked)
        if name in ("execute", "copy"):
            return lambda query, *a, **k: self._noted(found, query, *a, **k)
        return found

    def _noted(self, call: Callable[..., Any], query: Any, *rest: Any, **named: Any) -> Any:
        self._asked.append(query if isinstance(query, str) else query.as_string(None))
        return call(query, *rest, **named)

    def __enter__(self) -> "_Spy":
        self._target.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._target.__exit__(*details)


def test_the_list_of_symbols_says_from_when_to_when(market: Connection) -> None:
    fill(
        market,
        "daily_prices",
        [bar("b", "2020-01-01"), bar("A", "2020-01-05"), bar("A", "2020-01-02")],
    )

    found = list_symbols(market, origin="Mine")

    days = [
        (info.symbol, info.n_bars, info.first_ns // NS_PER_DAY, info.last_ns // NS_PER_DAY)
        for info in found
    ]
    assert days == [("A", 2, 18_263, 18_266), ("b", 1, 18_262, 18_262)]
    assert {(info.timeframe, info.currency, info.origin) for info in found} == {
        ("1d", "KRW", "Mine")
    }


def test_an_index_is_read_in_order_and_an_unknown_one_is_none(market: Connection) -> None:
    rows = [("KOSPI", day("2020-01-03"), 2176.46), ("KOSPI", day("2020-01-02"), 2175.17)]
    fill(market, "index_daily_prices", [*rows, ("KOSDAQ", day("2020-01-02"), None)])

    series = load_index(market, "KOSPI")

    assert series is not None
    assert series[0].tolist() == [18_263 * NS_PER_DAY, 18_264 * NS_PER_DAY]
    assert series[1].tolist() == [2175.17, 2176.46]
    assert list_indexes(market) == ("KOSDAQ", "KOSPI")
    assert load_index(market, "KOSDAQ") is None
    assert load_index(market, "x' OR '1'='1") is None


def test_a_database_without_indexes_has_none(market: Connection) -> None:
    assert list_indexes(market, mapping=MarketMapping(indexes=IndexTable("nowhere"))) == ()


def test_warm_up_reaches_back_far_enough_for_every_symbol(market: Connection) -> None:
    dates = [f"2020-01-{number:02}" for number in range(1, 11)]
    fill(market, "daily_prices", [bar("A", date) for date in dates])
    fill(market, "daily_prices", [bar("B", date) for date in dates[::2]])

    start = start_with_warmup(market, ["A", "B"], day("2020-01-10"), 3)

    assert start == day("2020-01-05")
    assert start_with_warmup(market, ["A"], day("2020-01-10"), 99) == day("2020-01-01")
    assert start_with_warmup(market, ["none"], day("2020-01-10"), 3) == day("2020-01-10")


@pytest.mark.parametrize(
    "evil", ["'; DROP TABLE daily_prices; --", "A') OR true --", "\0", "\\'", "%(x)s"]
)
def test_a_hostile_symbol_finds_nothing_and_breaks_nothing(market: Connection, evil: str) -> None:
    fill(market, "daily_prices", [bar("A", "2020-01-01")])

    loaded = load_series(market, [evil, "A"])

    assert list(loaded) == ["A"]
    assert start_with_warmup(market, [evil], day("2020-01-01"), 3) == day("2020-01-01")
    assert load_index(market, evil) is None


def test_a_missing_table_or_column_is_told(market: Connection) -> None:
    with pytest.raises(BacktestStorageError, match="nowhere"):
        load_series(market, mapping=MarketMapping(prices=PriceTable("nowhere")))
    with pytest.raises(BacktestStorageError, match="last_price"):
        load_series(market, mapping=MarketMapping(prices=PriceTable(close="last_price")))


def test_a_source_reads_and_cannot_write(market: Connection, market_dsn: str) -> None:
    fill(market, "daily_prices", [bar("A", f"2020-01-0{number}", number) for number in range(1, 6)])
    fill(market, "index_daily_prices", [("KOSPI", day("2020-01-02"), 2175)])
    source = open_source(profile_of(market_dsn, read_only=False), None)

    loaded = source.bars(["A"], day("2020-01-04"), warmup_bars=2)

    assert loaded["A"].close.tolist() == [2, 3, 4, 5]
    assert source.bars(["A"])["A"].close.tolist() == [1, 2, 3, 4, 5]
    assert source.universe("all") == ("A",)
    assert source.universe("other") is None
    assert source.series_names() == ("KOSPI",)
    assert source.series("KOSPI") is not None
    assert source.series("SPY") is None
    with source._connection() as connection, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("DELETE FROM public.daily_prices")
    source.close()


def test_a_profile_of_shared_runs_is_no_source_of_prices(market_dsn: str) -> None:
    with pytest.raises(BacktestStorageError, match="for shared runs"):
        open_source(profile_of(market_dsn, purpose="shared"), None)


def test_a_connection_that_the_server_ended_is_replaced(
    market: Connection, market_dsn: str
) -> None:
    fill(market, "daily_prices", [bar("A", "2020-01-01")])
    source = open_source(profile_of(market_dsn), None)
    source.bars(["A"])
    market.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    again = source.bars(["A"])
    source.close()

    assert list(again) == ["A"]


def test_a_server_that_comes_back_is_used_again(own_cluster: Cluster) -> None:
    own_cluster.execute("CREATE DATABASE market")
    dsn = own_cluster.dsn_of("market")
    with psycopg.connect(dsn) as connection:
        create_tables(connection)
        fill(connection, "daily_prices", [bar("A", "2020-01-01")])
    source = open_source(profile_of(dsn), None)
    source.bars(["A"])
    own_cluster.stop()

    with pytest.raises(DatabaseConnectionError):
        source.bars(["A"])
    own_cluster.start()
    again = source.bars(["A"])
    source.close()

    assert list(again) == ["A"]


def slow_table(connection: Connection, rows: int = 30) -> MarketMapping:
    """Make a view that takes a second a row."""
    fill(connection, "daily_prices", [bar(f"S{number:02}", "2020-01-01") for number in range(rows)])
    connection.execute(
        "CREATE VIEW slow AS SELECT p.*, pg_sleep(1)::text AS waited FROM daily_prices p"
    )
    connection.execute(
        "CREATE VIEW slower AS SELECT code, date, open_price, high_price, low_price, close_price,"
        " volume + length(waited) AS volume FROM slow"
    )
    return MarketMapping(prices=PriceTable("slower"))


def stopping_after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def test_stopping_takes_less_than_half_a_second_and_leaves_the_connection_usable(
    market: Connection,
) -> None:
    mapping = slow_table(market)
    began = time.monotonic()

    with pytest.raises(Stopped):
        load_series(market, mapping=mapping, should_stop=stopping_after(0.3))
    took = time.monotonic() - began

    assert took < 0.3 + 0.5
    assert market.execute("SELECT count(*) FROM daily_prices").fetchone() == (30,)
    assert "query guard" not in {thread.name for thread in threading.enumerate()}


def test_stopping_is_soon_even_where_the_server_is_frozen(own_cluster: Cluster) -> None:
    with psycopg.connect(own_cluster.dsn, autocommit=True) as connection:
        create_tables(connection)
        began = time.monotonic()

        with own_cluster.frozen(), pytest.raises(Stopped):
            load_series(connection, should_stop=stopping_after(0.2))
        took = time.monotonic() - began

    assert took < 0.2 + 0.5 + 0.3


@pytest.mark.needs_shared
def test_real_prices_arrive_as_they_are(market: Connection) -> None:
    table = pq.ParquetFile(shared_path("data", "kr_rltrader", "ohlcv_daily.parquet")).read()
    columns = [table.column(name).to_pylist() for name in table.column_names]
    fill(
        market,
        "daily_prices",
        (
            (code, date.date(), *(decimal.Decimal(repr(price)) for price in prices), int(volume))
            for code, date, *prices, volume in zip(*columns, strict=True)
        ),
    )

    loaded = load_series(market)

    samsung = loaded["005930"]
    own = table.filter(np.array(columns[0]) == "005930").sort_by("date")
    assert sum(len(bars.time_ns) for bars in loaded.values()) == table.num_rows == 75_942
    assert np.array_equal(samsung.close, own.column("close").to_numpy())
    assert np.array_equal(
        samsung.time_ns, own.column("date").to_numpy().astype("M8[ns]").view(np.int64)
    )
    assert samsung.close[-1] == 2_450_000


@pytest.mark.heavy
def test_millions_of_rows_are_read_in_seconds(
    market: Connection, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    market.execute(
        "INSERT INTO daily_prices SELECT lpad(s::text, 6, '0'), d::date, 1000 + s, 1200 + s, 900 + s,"
        " 1000 + s + random()::numeric(6, 2), 1000 * s"
        " FROM generate_series('2014-01-01'::date, '2020-07-27'::date, '1 day') d,"
        " generate_series(1, 1000) s"
    )
    market.execute("VACUUM ANALYZE daily_prices")
    began, busy = time.perf_counter(), time.process_time()

    loaded = load_series(market)

    took, busy = time.perf_counter() - began, time.process_time() - busy
    with capsys.disabled():
        request.config.get_terminal_writer().line(
            f"\n2,400,000 rows: {took:.2f} s, of which {busy:.2f} s of this program's processor time"
        )
    assert sum(len(bars.time_ns) for bars in loaded.values()) == 2_400_000
    assert took < 150
    assert busy < 5
