"""Finer bars decide what comes first inside a bar, whether they come from files or from a database."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from engine.config import DataConfig, parse_config
from engine.errors import BacktestError, BacktestValidationError
from engine.market import Panel
from engine.simulate import run_backtest
from engine.strategies.registry import get
from engine.types import Reason
from storage.market.catalog import load_panel
from storage.market.intraday import merged
from storage.market.source import RawBars
from storage.market.timescale import open_source
from tests.postgres import Server
from tests.storage.market_tables import create_intraday, create_tables, fill
from tests.storage.servers import profile_of

HEAD = "time,symbol,open,high,low,close,volume"
# The second day reaches 106 and 94 from 100: a target of 5 % and a stop of 5 % are both in it.
DAYS = [(100, 101, 99, 100), (100, 106, 94, 100), (100, 101, 99, 100), (100, 101, 99, 100)]
UP_FIRST = [(100, 103, 100, 103), (103, 106, 103, 104), (104, 104, 94, 96), (96, 100, 96, 100)]
DOWN_FIRST = [(100, 100, 94, 96), (96, 99, 95, 98), (98, 106, 98, 104), (104, 104, 100, 100)]
Rows = list[tuple[Any, ...]]


def days(*symbols: str) -> Rows:
    first = dt.date(2024, 1, 2)
    return [
        (first + dt.timedelta(days=i), symbol, *prices, 10)
        for symbol in symbols
        for i, prices in enumerate(DAYS)
    ]


def minutes(symbol: str, day: int, prices: list[tuple[int, ...]], apart: int = 1) -> Rows:
    begin = dt.datetime(2024, 1, 2, 1, tzinfo=dt.UTC) + dt.timedelta(days=day)
    return [
        (begin + dt.timedelta(minutes=apart * i), symbol, *row, 10) for i, row in enumerate(prices)
    ]


def file_of(file: Path, rows: Rows) -> str:
    lines = (",".join(str(value) for value in row) for row in rows)
    file.write_text("\n".join((HEAD, *lines)) + "\n", encoding="utf-8")
    return str(file)


def exits_of(panel: Panel, intrabar: str) -> dict[str, tuple[int, int]]:
    """Run a bracket of 5 % either way and return bar and reason of the exit by symbol."""
    config = parse_config(
        {
            "strategy": {"name": "buy_and_hold"},
            "execution": {"intrabar": intrabar},
            "exits": {"stop_loss_pct": 5, "take_profit_pct": 5},
            "costs": {"commission_pct": 0, "slippage_bps": 0},
        }
    )
    result = run_backtest(config, panel, get("buy_and_hold").make({}), clock=lambda: 0.0)
    return {
        panel.symbols[trade["symbol"]]: (int(trade["exit_bar"]), int(trade["exit_reason"]))
        for trade in result.trades
    }


def files(tmp_path: Path, minute_rows: Rows, **data: Any) -> Panel:
    return load_panel(
        DataConfig.model_validate(
            {
                "source": file_of(tmp_path / "days.csv", days("A", "B")),
                "finer": "1m",
                "finer_source": file_of(tmp_path / "minutes.csv", minute_rows),
                **data,
            }
        ),
        magnify=True,
    )


def test_of_stop_and_target_in_one_bar_the_one_that_finer_bars_meet_first_ends_the_position(
    tmp_path: Path,
) -> None:
    panel = files(tmp_path, [*minutes("A", 1, UP_FIRST), *minutes("B", 1, DOWN_FIRST)])

    decided, assumed = exits_of(panel, "magnifier"), exits_of(panel, "pessimistic")

    assert decided == {"A": (1, Reason.TARGET), "B": (1, Reason.STOP)}
    assert assumed == {"A": (1, Reason.STOP), "B": (1, Reason.STOP)}
    assert panel.warnings == ()


def test_bars_without_finer_ones_are_pessimistic_and_that_is_said(tmp_path: Path) -> None:
    panel = files(tmp_path, minutes("B", 1, UP_FIRST))

    assert exits_of(panel, "magnifier") == {"A": (1, Reason.STOP), "B": (1, Reason.TARGET)}
    assert [notice for notice in panel.notices if "1m" in notice] == [
        "A has 1m bars in 0 of 4 bars; the others are taken pessimistically",
        "B has 1m bars in 1 of 4 bars; the others are taken pessimistically",
    ]


def test_finer_bars_outside_the_range_of_their_bar_are_warned_of(tmp_path: Path) -> None:
    halved = [tuple(price / 2 for price in row) for row in UP_FIRST]

    panel = files(tmp_path, [*minutes("A", 1, halved), *minutes("B", 1, UP_FIRST)])

    assert [warning.split(":")[0] for warning in panel.warnings] == [
        "The 1m bars of A leave the range of the bar they are in 1 times"
    ]


def test_finer_bars_of_other_dates_and_between_the_bars_are_left_out(tmp_path: Path) -> None:
    rows = [*minutes("A", 0, UP_FIRST), *minutes("A", 1, UP_FIRST), *minutes("A", 9, UP_FIRST)]

    panel = files(tmp_path, rows, start=dt.date(2024, 1, 3))

    assert panel.finer is not None
    assert set(panel.finer.time_ns // 86_400_000_000_000 - 19_724) == {1}


def test_what_is_missing_is_said_with_the_key_that_brings_it(tmp_path: Path) -> None:
    source = file_of(tmp_path / "days.csv", days("A"))
    late = file_of(tmp_path / "late.csv", minutes("A", 9, UP_FIRST))

    def refusal(**data: Any) -> str:
        with pytest.raises(BacktestError) as caught:
            load_panel(DataConfig.model_validate({"source": source, **data}), magnify=True)
        return str(caught.value)

    assert "data.finer: is not set" in refusal()
    assert "data.finer_source: is not set" in refusal(finer="1m")
    assert "no source 'nowhere'" in refusal(finer="1m", finer_source="nowhere")
    assert "has no 1m bars of what is asked for from 2024-01-02 to 2024-01-05" in refusal(
        finer="1m", finer_source=late
    )
    assert "data.finer: the demo data has daily bars, not 1m" in refusal(source="demo", finer="1m")
    assert "1m bars of A row 1" in refusal(
        finer="1m", finer_source=file_of(tmp_path / "bad.csv", minutes("A", 1, [(1, 0, 1, 1)]))
    )


def test_finer_bars_are_finer_and_a_configuration_without_them_keeps_its_text() -> None:
    with pytest.raises(BacktestValidationError, match="1d are not finer than 1d"):
        parse_config({"strategy": {"name": "x"}, "data": {"finer": "1d"}})

    text = parse_config({"strategy": {"name": "x"}}).canonical_json()
    said = parse_config({"strategy": {"name": "x"}, "data": {"finer": "1m"}}).canonical_json()

    assert "finer" not in text
    assert '"finer":"1m"' in said


@pytest.fixture
def market_dsn(postgres_server: Server) -> Iterator[str]:
    """A database of days, and of no minutes yet."""
    name = postgres_server.create_database(postgres_server.template("market", create_tables))
    with psycopg.connect(postgres_server.dsn_of(name), autocommit=True) as connection:
        fill(connection, "daily_prices", [(row[1], row[0], *row[2:]) for row in days("A", "B")])
    yield postgres_server.dsn_of(name)
    postgres_server.drop_database(name)


def from_database(dsn: str, **data: Any) -> Panel:
    config = DataConfig.model_validate({"source": "Test", "symbols": ["A", "B"], **data})
    source = open_source(profile_of(dsn), None)
    return load_panel(config, database=lambda *_: source, magnify=True)


def put_minutes(dsn: str, rows: Rows) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        create_intraday(connection)
        fill(connection, "bars", [(row[1], row[0], *row[2:]) for row in rows])


def test_a_database_and_files_give_the_same_finer_bars(market_dsn: str, tmp_path: Path) -> None:
    rows = [*minutes("A", 1, UP_FIRST), *minutes("B", 2, DOWN_FIRST), *minutes("C", 1, UP_FIRST)]
    put_minutes(market_dsn, [*rows, *minutes("A", 40, UP_FIRST), *minutes("A", -1, UP_FIRST)])

    own, other = from_database(market_dsn, finer="1m"), files(tmp_path, rows)

    assert own.finer is not None and other.finer is not None
    for name in ("time_ns", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(own.finer, name), getattr(other.finer, name))
    assert exits_of(own, "magnifier")["A"] == (1, Reason.TARGET)


def test_longer_finer_bars_are_made_of_minutes(market_dsn: str) -> None:
    put_minutes(market_dsn, minutes("A", 1, [*UP_FIRST, *DOWN_FIRST], apart=2))

    finer = from_database(market_dsn, finer="5m").finer

    assert finer is not None
    bars = np.stack([finer.open, finer.high, finer.low, finer.close, finer.volume])[:, :, 0].T
    assert bars.tolist() == [
        [100, 106, 94, 96, 30],
        [96, 100, 94, 96, 20],
        [96, 106, 95, 100, 30],
    ]
    assert np.isnan(finer.close[:, 1]).all()


def test_a_database_without_minutes_says_so(market_dsn: str) -> None:
    with pytest.raises(BacktestValidationError, match="Test has no 1m bars"):
        from_database(market_dsn, finer="1m")


def test_a_price_that_is_missing_in_a_minute_is_missing_in_the_longer_bar() -> None:
    one = np.ones(3)
    high = np.array([1.0, np.nan, 1.0])
    times = np.array([0, 60, 300]) * 1_000_000_000

    bars = merged(RawBars(times, one, high, one, one, None), "5m")

    np.testing.assert_array_equal(bars.high, [np.nan, 1.0])
    assert bars.time_ns.tolist() == [0, 300_000_000_000]
