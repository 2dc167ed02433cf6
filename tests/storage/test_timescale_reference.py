"""A database says of companies, members, actions and figures what files beside bars would say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from engine.config import DataConfig
from engine.market import Panel
from storage.market.catalog import load_panel
from storage.market.mapping import FieldTable, MarketMapping
from storage.market.timescale import open_source
from storage.market.timescale_reference import read_reference
from tests.postgres import Server
from tests.storage.folders import folder_of, panel_of, weekdays
from tests.storage.market_tables import bar, create_tables, fill
from tests.storage.servers import profile_of

DAYS = [str(day) for day in weekdays(8)]
CLOSES: dict[str, list[float | None]] = {
    "A": [20, 20, 10, 10, 10, 10, 10, 10],
    "B": [10, 10, 10, None, 50, 50, 50, 50],
    "C": [10.0] * 8,
}
INSTRUMENTS = (
    "code,market,currency,lot_size,listed_on,delisted_on,delisting_return",
    f"B,KOSPI,KRW,1,2000-01-03,{DAYS[2]},-0.25",
    f"B,KOSPI,KRW,1,{DAYS[4]},,",
    "A,KOSPI,KRW,10,2000-01-03,,",
    "C,KOSPI,KRW,1,2000-01-03,,",
)
MEMBERS = ("index_name,code,valid_from,valid_to", "K3,A,,", f"K3,B,,{DAYS[5]}", f"K3,C,{DAYS[3]},")
ACTIONS = ("code,ex_date,kind,value", f"A,{DAYS[2]},split,2", f"C,{DAYS[1]},dividend,0.5")
FIGURES = (
    "code,as_of_date,market_cap,per",
    f"A,{DAYS[1]},100,8",
    f"A,{DAYS[4]},120,",
    "C,2023-12-29,5,2",
)
TABLES = """
CREATE TABLE instruments (code text, market text, currency text, lot_size numeric, listed_on date,
  delisted_on date, delisting_return numeric);
CREATE TABLE index_members (index_name text, code text, valid_from date, valid_to date);
CREATE TABLE corporate_actions (code text, ex_date date, kind text, value numeric);
CREATE TABLE stock_info (code text, as_of_date date, market_cap numeric, per numeric, sector text);
"""


@pytest.fixture
def market_dsn(postgres_server: Server) -> Iterator[str]:
    """A database with prices, and nothing beside them yet."""
    name = postgres_server.create_database(postgres_server.template("market", create_tables))
    dsn = postgres_server.dsn_of(name)
    with psycopg.connect(dsn) as connection:
        bars = [
            bar(code, str(day), close)
            for code, closes in CLOSES.items()
            for day, close in zip(weekdays(8), closes, strict=True)
            if close is not None
        ]
        fill(connection, "daily_prices", bars)
    yield dsn
    postgres_server.drop_database(name)


def put(dsn: str) -> None:
    """Fill the optional tables with what the lines say."""
    with psycopg.connect(dsn) as connection:
        connection.execute(TABLES)
        for table, lines in (
            ("instruments", INSTRUMENTS),
            ("index_members", MEMBERS),
            ("corporate_actions", ACTIONS),
            ("stock_info", FIGURES),
        ):
            names, *rows = (line.split(",") for line in lines)
            places = ", ".join(["%s"] * len(names))
            for row in rows:
                values: list[Any] = [value or None for value in row]
                connection.execute(
                    f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})",  # noqa: S608
                    values,
                )
        connection.execute("INSERT INTO corporate_actions VALUES ('A', 'infinity', 'split', 2)")
        connection.execute("INSERT INTO corporate_actions VALUES ('A', '2024-01-10', 'split', 0)")
        connection.execute("INSERT INTO corporate_actions VALUES ('A', '2024-01-10', 'merger', 1)")
        connection.execute("INSERT INTO stock_info VALUES ('A', '2024-01-10', 'NaN', NULL, 'x')")


def loaded(dsn: str, mapping: MarketMapping | None = None, **data: Any) -> Panel:
    source = open_source(profile_of(dsn), None, mapping or MarketMapping())
    config = DataConfig.model_validate({"source": "Test", "symbols": ["A", "B", "C"], **data})
    return load_panel(config, account_currency="KRW", database=lambda *_: source)


def test_a_database_and_files_that_say_the_same_make_the_same_panel(
    market_dsn: str, tmp_path: Path
) -> None:
    put(market_dsn)
    folder = folder_of(
        tmp_path,
        CLOSES,
        instruments=INSTRUMENTS,
        members=MEMBERS,
        corporate_actions=ACTIONS,
        stock_info=FIGURES,
    )
    asked: dict[str, Any] = {"symbols": (), "universe": "K3", "benchmark": "K3"}

    of_database = loaded(market_dsn, **asked)

    of_files = panel_of(folder, universe="K3", benchmark="K3")
    assert of_database.symbols == of_files.symbols == ("A", "B", "B~2024", "C")
    assert of_database.members is not None
    np.testing.assert_array_equal(of_database.members, of_files.members)
    np.testing.assert_array_equal(of_database.events, of_files.events)
    np.testing.assert_array_equal(of_database.sessions, of_files.sessions)
    np.testing.assert_array_equal(of_database.lot_size, of_files.lot_size)
    assert of_database.fields.keys() == of_files.fields.keys() == {"market_cap", "per"}
    for name, values in of_files.fields.items():
        np.testing.assert_array_equal(of_database.fields[name], values)
    assert of_database.benchmark is not None
    assert of_files.benchmark is not None
    np.testing.assert_array_equal(of_database.benchmark.values, of_files.benchmark.values)
    assert of_database.has_dividends
    assert of_database.membership_known


def test_without_the_tables_nothing_is_known_and_nothing_fails(market_dsn: str) -> None:
    panel = loaded(market_dsn)

    assert panel.symbols == ("A", "B", "C")
    assert panel.members is None
    assert not panel.membership_known
    assert not panel.has_dividends
    assert len(panel.events) == 0
    assert panel.fields == {}
    assert panel.sessions is not None  # the default mapping is of Korean prices


def test_figures_of_another_name_are_found_by_the_mapping(market_dsn: str) -> None:
    put(market_dsn)
    with psycopg.connect(market_dsn) as connection:
        connection.execute('ALTER TABLE stock_info RENAME TO "Figures"')
        connection.execute('ALTER TABLE "Figures" RENAME as_of_date TO day')

    panel = loaded(market_dsn, MarketMapping(fields=FieldTable(table="Figures", date="day")))

    assert sorted(panel.fields) == ["market_cap", "per"]


def test_only_columns_of_numbers_are_fields(market_dsn: str) -> None:
    put(market_dsn)
    with psycopg.connect(market_dsn, autocommit=True) as connection:
        found = read_reference(connection, MarketMapping())

    assert found.field_names == ("market_cap", "per")
    assert found.index_names == ("K3",)
