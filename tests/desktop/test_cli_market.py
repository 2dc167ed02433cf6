"""A run from the command line on the trader's own prices."""

import csv
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from tests.desktop.builders import bar_lines, bars_file, config_file, tradebench
from tests.postgres import Server
from tests.storage.market_tables import create_intraday, create_tables, day, fill


@pytest.fixture
def prices(postgres_server: Server) -> Iterator[str]:
    """The connection string of a database with the bars that the file of bars has."""
    name = postgres_server.create_database(postgres_server.template("market", create_tables))
    with psycopg.connect(postgres_server.dsn_of(name), autocommit=True) as connection:
        rows = [(row[1], day(row[0]), *row[2:]) for row in csv.reader(bar_lines())]
        fill(connection, "daily_prices", rows)
    yield postgres_server.dsn_of(name)
    postgres_server.drop_database(name)


def connected(capsys, monkeypatch, dsn: str) -> None:
    """Make a connection called Prices, for a login that needs no password."""
    parts = conninfo.conninfo_to_dict(dsn)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    done = tradebench(
        capsys, "connect", "add", "Prices", "--host", parts["host"], "--port", parts["port"],
        "--database", parts["dbname"], "--user", parts["user"], "--sslmode", "disable",
    )  # fmt: skip
    assert done.code == 0, done.err


def test_bars_from_a_database_and_from_a_file_give_the_same_run(
    prices: str, tmp_path: Path, capsys, monkeypatch
):
    connected(capsys, monkeypatch, prices)
    bars_file(tmp_path)
    won = {"currency": "KRW"}

    own = tradebench(
        capsys,
        "run",
        config_file(tmp_path, "Prices", data={"symbols": ["AAA"]}, account=won),
        "--json",
    )
    file = tradebench(capsys, "run", config_file(tmp_path, account=won), "--json")

    assert (own.code, file.code) == (0, 0), own.out
    assert own.payload["result_hash"] == file.payload["result_hash"]
    assert own.payload["trades"] > 0


def test_a_database_out_of_reach_is_told_by_its_exit_code(tmp_path: Path, capsys, monkeypatch):
    connected(capsys, monkeypatch, "host=127.0.0.1 port=1 dbname=nothing user=nobody")
    config = config_file(tmp_path, "Prices", data={"symbols": ["AAA"]}, account={"currency": "KRW"})

    done = tradebench(capsys, "run", config, "--json")

    assert done.code == 5
    assert "127.0.0.1" in done.payload["error"]["message"]


def test_one_minute_bars_of_the_database_decide_what_comes_first_in_a_day(
    prices: str, tmp_path: Path, capsys, monkeypatch
):
    connected(capsys, monkeypatch, prices)
    with psycopg.connect(prices, autocommit=True) as connection:
        create_intraday(connection)
        _, high, low, _ = (float(cell) for cell in bar_lines()[1].split(",")[2:6])
        fill(connection, "bars", minutes_of(high, low))
    sections = {
        "strategy": {"name": "buy_and_hold", "params": {}},
        "account": {"currency": "KRW"},
        "exits": {"stop_loss_pct": 0.3, "take_profit_pct": 1},  # both lie in the day of the entry
    }

    def reason(**execution: str) -> str:
        data = {"symbols": ["AAA"], "finer": "1m"}
        config = config_file(tmp_path, "Prices", data=data, execution=execution, **sections)
        run = tradebench(capsys, "run", config, "--json").payload
        listed = tradebench(capsys, "trades", run["run_id"], "--json").payload
        return str(listed["items"][0]["exit_reason"])

    assert [reason(intrabar=how) for how in ("pessimistic", "magnifier")] == ["stop", "target"]


def minutes_of(high: float, low: float) -> list[tuple[object, ...]]:
    """Return two minutes of the second day: up to its high, then down to its low."""
    at = (f"2020-01-02 01:0{minute}+00" for minute in range(2))
    middle = (high + low) / 2
    return [
        ("AAA", next(at), middle, high, middle, high, 5),
        ("AAA", next(at), high, high, low, low, 5),
    ]
