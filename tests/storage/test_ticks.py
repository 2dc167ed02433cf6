"""Ticks from a database and from files: what is read, what a run on them fills at, what is told of what is wrong."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.config import BacktestConfig, DataConfig, parse_config
from engine.errors import BacktestNotFoundError, BacktestValidationError
from engine.market import Panel
from engine.simulate import run_backtest
from engine.strategies.protocol import Strategy
from engine.strategies.registry import get
from engine.types import NS_PER_DAY, NS_PER_SECOND
from storage.errors import BacktestStorageError, Stopped
from storage.market.catalog import load_panel
from storage.market.mapping import MarketMapping, TickTable
from storage.market.timescale import open_source
from tests.postgres import Server
from tests.storage.market_tables import create_tables, fill
from tests.storage.servers import profile_of

Connection = psycopg.Connection[Any]
Row = tuple[str, str, float | None, float | None, float | None, float | None]
FIRST = 20_455 * NS_PER_DAY  # 2026-01-02
SECOND = NS_PER_SECOND
# code, time, price, size, bid, ask
DAY: list[Row] = [
    ("A", "2026-01-02 09:00:00Z", 10.0, 100.0, None, None),
    ("A", "2026-01-02 09:00:30Z", 10.5, 100.0, None, None),
    ("A", "2026-01-02 09:01:00Z", None, None, 10.4, 10.6),
    ("A", "2026-01-02 09:01:20Z", 10.6, 50.0, None, None),
    ("A", "2026-01-02 09:02:00.000250Z", None, None, 10.25, 10.75),
    ("A", "2026-01-02 09:02:30Z", 9.0, 10.0, None, None),
    ("A", "2026-01-02 09:03:00Z", None, None, 8.5, 9.5),
]


def create_ticks(connection: Connection) -> None:
    """Make the default tables and that of ticks, without rows."""
    create_tables(connection)
    connection.execute(
        "CREATE TABLE ticks (code text, ts timestamptz, price numeric, size numeric,"
        " bid numeric, ask numeric, bid_size numeric, ask_size numeric)"
    )


@pytest.fixture
def dsn(postgres_server: Server) -> Iterator[str]:
    """The connection string of a database with a table of ticks, empty."""
    with postgres_server.database_from("ticks", create_ticks) as dsn:
        yield dsn


@pytest.fixture
def database(dsn: str) -> Iterator[Connection]:
    """A connection to it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def put(connection: Connection, rows: list[Row]) -> None:
    fill(connection, "ticks", [(*row, None, None) for row in rows])


def load(
    dsn: str,
    warmup: int = 0,
    mapping: MarketMapping | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    **data: Any,
) -> Panel:
    """Load ticks of a database, of no calendar unless it is said."""
    given = {"source": "Test", "timeframe": "tick", "calendar": "none", **data}
    source = open_source(
        profile_of(dsn), None, mapping or MarketMapping(currency="USD"), should_stop=should_stop
    )
    return load_panel(
        DataConfig.model_validate(given),
        warmup,
        account_currency="USD",
        database=lambda *_: source,
        should_stop=should_stop,
    )


def load_file(path: Path, **data: Any) -> Panel:
    return load_panel(DataConfig.model_validate({"source": str(path), "timeframe": "tick", **data}))


def csv_of(folder: Path, rows: list[Row], name: str = "ticks.csv") -> Path:
    lines = ["code,ts,price,size,bid,ask"]
    lines += [",".join("" if value is None else str(value) for value in row) for row in rows]
    file = folder / name
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def config_of(strategy: str, params: dict[str, Any], **data: Any) -> BacktestConfig:
    return parse_config(
        {
            "strategy": {"name": strategy, "params": params},
            "data": {"timeframe": "tick", **data},
            "costs": {"commission_pct": 0.0, "slippage_bps": 0.0},
            "sizing": {"method": "fixed_quantity", "value": 10},
        }
    )


def fills_of(panel: Panel, config: BacktestConfig, strategy: Strategy) -> list[tuple[Any, ...]]:
    result = run_backtest(config, panel, strategy, clock=lambda: 0.0)
    return [(int(f["time_ns"]), int(f["side"]), float(f["price"])) for f in result.fills]


def test_ticks_are_loaded_in_order_quotes_at_their_middle(dsn: str, database: Connection) -> None:
    put(database, DAY[::-1])

    panel = load(dsn)

    seconds = [0, 30, 60, 80, 120, 150, 180]
    at = [FIRST + (9 * 3600 + s) * SECOND for s in seconds]
    at[4] += 250_000
    assert panel.timeframe == "tick"
    assert panel.time_ns.tolist() == at
    assert panel.close[:, 0].tolist() == pytest.approx([10.0, 10.5, 10.5, 10.6, 10.5, 9.0, 9.0])
    assert panel.half_spread is not None
    assert panel.half_spread[:, 0].tolist() == pytest.approx([0, 0, 0.1, 0, 0.25, 0, 0.5])
    assert panel.volume[:, 0].tolist() == [100, 100, np.inf, 50, np.inf, 10, np.inf]


def test_a_run_that_decides_at_bars_fills_at_the_next_ask_and_bid(
    dsn: str, database: Connection
) -> None:
    put(database, DAY)
    params = {"fast": 1, "slow": 2}
    config = config_of("sma_cross", params, decide_on="1m")

    fills = fills_of(load(dsn, decide_on="1m"), config, get("sma_cross").make(params))

    # closes of the minutes: 10.5, 10.6, 9.0; long once 10.6 is above the mean of the two, out at 9.0
    nine = FIRST + 9 * 3600 * SECOND
    assert fills == [
        (nine + 120 * SECOND + 250_000, 1, 10.75),
        (nine + 180 * SECOND, -1, 8.5),
    ]


def test_a_run_that_sees_every_tick_fills_at_the_next_one(dsn: str, database: Connection) -> None:
    put(database, DAY)
    config = config_of("buy_and_hold", {})

    fills = fills_of(load(dsn), config, get("buy_and_hold").make({}))

    assert fills == [(FIRST + (9 * 3600 + 30) * SECOND, 1, 10.5)]


def test_a_file_and_a_table_of_the_same_ticks_are_the_same_data(
    dsn: str, database: Connection, tmp_path: Path
) -> None:
    put(database, DAY)

    own, file = load(dsn), load_file(csv_of(tmp_path, DAY))

    assert file.content_hash() == own.content_hash()


def test_a_folder_of_parquet_files_has_a_symbol_a_file(tmp_path: Path) -> None:
    stamps = np.array([0, 1, 2], "M8[s]").astype("M8[ns]")
    for name, price in (("X", 10.0), ("Y", 20.0)):
        table = pa.table({"timestamp": stamps, "price": [price] * 3, "qty": [1, 2, 3]})
        pq.write_table(table, tmp_path / f"{name}.parquet")

    panel = load_file(tmp_path)

    assert panel.symbols == ("X", "Y")
    assert panel.n_bars == 6
    assert np.nansum(panel.volume, axis=0).tolist() == [6.0, 6.0]
    assert panel.half_spread is None


def test_a_row_with_price_and_quote_is_the_quote_and_then_the_trade(tmp_path: Path) -> None:
    rows: list[Row] = [
        ("A", "2026-01-02T09:00:00Z", 10.0, 5.0, 9.9, 10.1),
        ("A", "2026-01-02T09:00:01Z", 10.1, 5.0, None, None),
    ]

    panel = load_file(csv_of(tmp_path, rows))

    assert np.diff(panel.time_ns).tolist() == [1, SECOND - 1]
    assert panel.half_spread is not None
    assert panel.half_spread[:, 0].tolist() == pytest.approx([0.1, 0.0, 0.0])
    assert panel.volume[:, 0].tolist() == [np.inf, 5.0, 5.0]


def test_of_one_instant_quotes_come_before_trades_whatever_the_order_of_the_rows(
    dsn: str, database: Connection
) -> None:
    at = "2026-01-02 09:00:00Z"
    rows: list[Row] = [
        ("A", at, 10.2, 1.0, None, None),
        ("A", at, 10.0, 1.0, None, None),
        ("A", at, None, None, 9.8, 10.0),
    ]
    put(database, rows)
    once = load(dsn).content_hash()
    database.execute("TRUNCATE ticks")
    put(database, rows[::-1])

    panel = load(dsn)

    assert panel.content_hash() == once
    assert panel.close[:, 0].tolist() == pytest.approx([9.9, 10.0, 10.2])


def two_days() -> list[Row]:
    """Ten ticks a day, one each six seconds of nine o'clock."""
    return [
        ("A", f"2026-01-0{day} 09:00:{second:02}Z", 10.0 + day, 1.0, None, None)
        for day in (2, 3, 4)
        for second in range(0, 60, 6)
    ]


@pytest.mark.parametrize(("warmup", "rows"), [(0, 0), (3, 3), (12, 12), (99, 20)])
def test_warm_up_is_so_many_ticks_before_the_start(
    dsn: str, database: Connection, tmp_path: Path, warmup: int, rows: int
) -> None:
    put(database, two_days())
    chosen = {"start": dt.date(2026, 1, 4), "end": dt.date(2026, 1, 4)}

    panel = load(dsn, warmup, **chosen)

    assert (panel.first_counted, panel.n_bars) == (rows, rows + 10)
    data = DataConfig.model_validate(
        {"source": str(csv_of(tmp_path, two_days())), "timeframe": "tick", **chosen}
    )
    assert load_panel(data, warmup).first_counted == rows


@pytest.mark.parametrize(("warmup", "rows"), [(0, 0), (1, 10), (2, 20), (9, 20)])
def test_warm_up_is_so_many_bars_before_the_start_when_bars_are_decided_on(
    dsn: str, database: Connection, tmp_path: Path, warmup: int, rows: int
) -> None:
    put(database, two_days())
    chosen = {"start": dt.date(2026, 1, 4), "decide_on": "1m"}

    panel = load(dsn, warmup, **chosen)

    assert (panel.first_counted, panel.n_bars) == (rows, rows + 10)
    data = DataConfig.model_validate(
        {"source": str(csv_of(tmp_path, two_days())), "timeframe": "tick", **chosen}
    )
    assert load_panel(data, warmup).first_counted == rows


def test_a_range_ends_with_its_last_day(dsn: str, database: Connection) -> None:
    put(database, two_days())

    panel = load(dsn, end=dt.date(2026, 1, 2))

    assert panel.n_bars == 10


def test_a_table_without_quotes_and_with_other_names_is_read_by_its_mapping(
    dsn: str, database: Connection
) -> None:
    database.execute('CREATE TABLE "Trades" (ric text, "when" timestamptz, px float4, vol bigint)')
    database.execute(
        "INSERT INTO \"Trades\" VALUES ('A', '2026-01-02 09:00Z', 10.5, 3),"
        " ('A', '2026-01-02 09:01Z', 11.5, NULL), ('A', 'infinity', 1, 1), (NULL, now(), 1, 1)"
    )
    names = TickTable(table="Trades", code="ric", ts="when", price="px", size="vol")
    mapping = MarketMapping(ticks=names, currency="USD")

    panel = load(dsn, mapping=mapping, on_bad_bars="drop")

    assert panel.close[:, 0].tolist() == [10.5, 11.5]
    assert panel.volume[:, 0].tolist() == [3.0, np.inf]
    assert panel.half_spread is None
    assert panel.defects == {"missing_time": 1}


def test_a_database_without_ticks_says_so(postgres_server: Server) -> None:
    name = postgres_server.create_database(postgres_server.template("market", create_tables))

    with pytest.raises(BacktestStorageError, match=r"no table public\.ticks of ticks"):
        load(postgres_server.dsn_of(name))

    postgres_server.drop_database(name)


def test_a_table_that_lacks_a_column_names_it(dsn: str, database: Connection) -> None:
    database.execute("ALTER TABLE ticks DROP COLUMN size")

    with pytest.raises(BacktestStorageError, match=r"public\.ticks has no column size"):
        load(dsn)


def test_reading_ticks_can_be_stopped(dsn: str, database: Connection) -> None:
    put(database, DAY)

    with pytest.raises(Stopped):
        load(dsn, should_stop=lambda: True)


def test_bad_ticks_are_refused_by_row_or_dropped_and_counted(tmp_path: Path) -> None:
    rows: list[Row] = [*DAY, ("A", "2026-01-02 09:05:00Z", -1.0, 1.0, None, None)]
    rows += [("A", "2026-01-02 09:06:00Z", None, None, 9.0, None)]
    rows += [("A", "2026-01-02 09:07:00Z", None, None, 9.0, 8.0)]
    file = csv_of(tmp_path, rows)

    with pytest.raises(BacktestValidationError, match=r"ticks\.csv: A tick 9.*neither a trade nor"):
        load_file(file)

    panel = load_file(file, on_bad_bars="drop")

    assert panel.n_bars == len(DAY)
    assert panel.defects == {"no_trade_or_quote": 1, "price_not_positive": 1, "crossed_quote": 1}


def test_ticks_out_of_order_are_sorted_and_it_is_told(tmp_path: Path) -> None:
    panel = load_file(csv_of(tmp_path, DAY[::-1]))

    assert panel.content_hash() == load_file(csv_of(tmp_path, DAY)).content_hash()
    assert panel.notices == ("A: the ticks were not in the order of time and have been sorted",)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"source": "local"}, "data.source: ticks are not imported"),
        ({"source": "demo"}, "demo data has daily bars, not tick"),
        ({"benchmark": "A"}, "compared with a series of closes, which 'A' is not"),
    ],
)
def test_what_has_no_ticks_says_so(tmp_path: Path, data: dict[str, Any], words: str) -> None:
    file = csv_of(tmp_path, DAY)

    with pytest.raises(BacktestValidationError, match=words):
        load_panel(DataConfig.model_validate({"source": str(file), "timeframe": "tick", **data}))


def test_a_file_that_has_neither_prices_nor_quotes_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text("ts,bid\n2026-01-02,1\n", encoding="utf-8")

    with pytest.raises(BacktestValidationError, match="no column for price, and none for bid and"):
        load_file(file)


def test_a_symbol_that_is_not_there_is_named(dsn: str, database: Connection) -> None:
    put(database, DAY)

    with pytest.raises(BacktestNotFoundError, match="no symbol 'B'"):
        load(dsn, symbols=["B"])


def test_an_index_is_known_to_ticks_once_its_day_is_over(dsn: str, database: Connection) -> None:
    put(database, two_days())
    fill(
        database,
        "index_daily_prices",
        [("KOSPI", dt.date(2026, 1, day), 100 + day) for day in (1, 2, 3, 4)],
    )

    panel = load(dsn, benchmark="KOSPI")

    assert panel.benchmark is not None
    assert sorted(set(panel.benchmark.values.tolist())) == [101.0, 102.0, 103.0]
    assert panel.benchmark.values[0] == 101.0
