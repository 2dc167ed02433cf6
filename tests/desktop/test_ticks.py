"""Runs on ticks from the command line and in the window."""

import json
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo
from pytestqt.qtbot import QtBot

from desktop.presenters.result import open_run
from desktop.service.facade import Service
from desktop.theme import Theme
from desktop.views.result_view import ResultView
from desktop.views.run_charts import charts_of
from tests.desktop.builders import tradebench
from tests.desktop.windows import finished
from tests.postgres import Server
from tests.storage.market_tables import fill
from tests.storage.test_ticks import create_ticks

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

MINUTES = 120


def rows() -> list[tuple[Any, ...]]:
    """Return two ticks a minute of two symbols: a trade, and a quote of unknown size half a minute later."""
    found: list[tuple[Any, ...]] = []
    for minute in range(MINUTES):
        at = f"2026-01-05T{9 + minute // 60:02}:{minute % 60:02}"
        for code, level in (("AAA", 100.0), ("BBB", 50.0)):
            price = level + (minute % 20 if minute % 40 < 20 else 20 - minute % 20) / 10
            found.append((code, f"{at}:00Z", price, 100.0, None, None, None, None))
            found.append((code, f"{at}:30Z", None, None, price - 0.1, price + 0.1, None, None))
    return found


def ticks_file(folder: Path) -> Path:
    lines = ["code,ts,price,size,bid,ask,bid_size,ask_size"]
    lines += [",".join("" if value is None else str(value) for value in row) for row in rows()]
    file = folder / "ticks.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def run_file(folder: Path, source: str, **data: Any) -> Path:
    config = {
        "strategy": {"name": "sma_cross", "params": {"fast": 2, "slow": 5}},
        "data": {"source": source, "timeframe": "tick", "decide_on": "1m", "calendar": "none"}
        | data,
    }
    file = folder / "run.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


@pytest.fixture
def prices(postgres_server: Server) -> Iterator[str]:
    """The connection string of a database with the ticks of the file."""
    with postgres_server.database_from("ticks", create_ticks) as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            fill(connection, "ticks", rows())
        yield dsn


def test_ticks_of_a_database_and_of_a_file_give_the_same_run(
    prices: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = conninfo.conninfo_to_dict(prices)
    monkeypatch.setattr(sys, "stdin", StringIO())
    added = tradebench(
        capsys, "connect", "add", "Ticks", "--host", parts["host"], "--port", parts["port"],
        "--database", parts["dbname"], "--user", parts["user"], "--sslmode", "disable",
    )  # fmt: skip
    won = "--set", "account.currency=KRW"

    own = tradebench(capsys, "run", run_file(tmp_path, "Ticks"), *won, "--json")
    file = run_file(tmp_path, str(ticks_file(tmp_path)))
    other = tradebench(capsys, "run", file, *won, "--json")

    assert (added.code, own.code, other.code) == (0, 0, 0), own.out
    assert own.payload["result_hash"] == other.payload["result_hash"]
    assert own.payload["trades"] > 3


def test_a_finished_run_on_ticks_shows_prices_trades_and_every_reading(
    qtbot: QtBot, service: Service, theme: Theme, tmp_path: Path
) -> None:
    source = str(ticks_file(tmp_path))
    done = finished(
        service,
        strategy={"name": "sma_cross", "params": {"fast": 2, "slow": 5}},
        data={"source": source, "timeframe": "tick", "decide_on": "1m"},
    )
    view = ResultView(theme.tokens)
    qtbot.addWidget(view)
    view.resize(960, 620)
    view.show()

    run = open_run(service, done.record.run_id, charts_of)
    view.show_run(run)
    price = view.charts.price

    assert len(run.result.time_ns) == 4 * MINUTES
    assert view.tabs.tabText(0) == f"Trades ({len(run.result.trades)})"
    assert price.message == ""
    price.on_command("next-trade")
    assert price.selected_trade is not None
    for bar in range(len(run.result.time_ns)):
        assert price.readings(bar)
    price.show_range(0.0, 12.0)
    assert not price.grab().toImage().isNull()
    price.show_range(0.0, float(len(run.result.time_ns)))
    assert not view.grab().toImage().isNull()
