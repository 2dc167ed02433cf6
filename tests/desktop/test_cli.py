"""The command line from a file of prices to a kept result, and the shapes that other programs rely on."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from desktop.cli.output import show_error
from desktop.cli.tables import Column, print_table
from engine.errors import BacktestNotFoundError
from tests.desktop.builders import Outcome, bar_lines, bars_file, config_file, tradebench

METRIC_NAMES = {
    "total_return", "cagr", "volatility", "sharpe_ratio", "sortino_ratio", "max_drawdown",
    "max_drawdown_date", "max_drawdown_duration", "calmar_ratio", "total_trades", "winning_trades",
    "losing_trades", "breakeven_trades", "win_rate", "profit_factor", "profit_loss_ratio", "avg_win",
    "avg_loss", "expectancy", "avg_holding_period", "beta", "alpha", "information_ratio",
    "benchmark_return", "exposure", "turnover", "var_95", "cvar_95", "sqn", "kelly", "ulcer_index",
    "tail_ratio", "recovery_factor", "skew", "kurtosis", "final_balance", "final_pnl",
}  # fmt: skip

RUN_KEYS = {
    "schema_version", "run_id", "status", "result_hash", "dataset_hash", "metrics", "undefined", "trades",
    "open_positions", "warnings", "duration_seconds", "partial", "marks", "notices", "defects",
    "error_message", "name", "strategy", "strategy_version", "params", "instrument", "symbols",
    "timeframe", "start", "end", "currency", "initial_capital", "benchmark", "bars_per_year",
    "engine_version", "created_at", "completed_at", "tags", "notes", "config",
}  # fmt: skip


@pytest.fixture
def finished(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Outcome:
    """One finished run on a small file."""
    bars_file(tmp_path)
    return tradebench(capsys, "run", config_file(tmp_path), "--json")


def test_a_run_is_printed_kept_and_shown_again_the_same(finished, capsys):
    run = finished.payload

    shown = tradebench(capsys, "show", run["run_id"], "--json").payload

    assert finished.code == 0
    assert run["status"] == "completed"
    assert run["trades"] > 3
    assert shown == run


def test_the_shape_of_a_run_is_frozen(finished):
    run = finished.payload

    assert set(run) == RUN_KEYS
    assert run["schema_version"] == 1
    assert set(run["metrics"]) >= METRIC_NAMES
    assert len(run["result_hash"]) == len(run["dataset_hash"]) == 64
    assert {name for name, value in run["metrics"].items() if value is None} == set(
        run["undefined"]
    )


def test_an_open_position_is_listed_with_its_mark(tmp_path, capsys):
    bars_file(tmp_path)
    file = config_file(tmp_path, strategy={"name": "buy_and_hold", "params": {}})

    run = tradebench(capsys, "run", file, "--json").payload

    (position,) = run["open_positions"]
    assert set(position) == {
        "symbol", "quantity", "entry_time", "entry_price", "mark", "value", "pnl", "stale",
    }  # fmt: skip
    assert position["symbol"] == "AAA"
    assert run["trades"] == 0


def test_the_same_run_twice_has_the_same_hashes_and_another_id(finished, tmp_path, capsys):
    again = tradebench(capsys, "run", tmp_path / "run.json", "--json").payload

    assert again["result_hash"] == finished.payload["result_hash"]
    assert again["dataset_hash"] == finished.payload["dataset_hash"]
    assert again["run_id"] != finished.payload["run_id"]


def test_an_override_changes_the_run_and_its_snapshot(finished, tmp_path, capsys):
    arguments = ("run", tmp_path / "run.json", "--set", "costs.commission_pct=1.5", "--json")

    dear = tradebench(capsys, *arguments).payload

    assert dear["config"]["costs"]["commission_pct"] == 1.5
    assert dear["metrics"]["final_balance"] < finished.payload["metrics"]["final_balance"]


def test_history_is_newest_first_and_pages_through_everything(finished, tmp_path, capsys):
    second = tradebench(capsys, "run", tmp_path / "run.json", "--json").payload

    first_page = tradebench(capsys, "history", "--limit", 1, "--json").payload
    cursor = first_page["next_cursor"]
    second_page = tradebench(capsys, "history", "--limit", 1, "--cursor", cursor, "--json").payload

    assert set(first_page) == {"schema_version", "items", "next_cursor", "total"}
    assert [item["run_id"] for item in first_page["items"]] == [second["run_id"]]
    assert [item["run_id"] for item in second_page["items"]] == [finished.payload["run_id"]]
    assert first_page["total"] == 2
    assert second_page["next_cursor"] is None
    assert set(first_page["items"][0]) == {
        "run_id", "created_at", "name", "strategy", "instrument", "timeframe", "status", "progress",
        "currency", "initial_capital", "final_balance", "total_return", "sharpe_ratio", "max_drawdown",
        "total_trades", "starred", "tags",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (("--strategy", "sma_cross"), 1),
        (("--strategy", "rsi_reversion"), 0),
        (("--instrument", "AAA"), 1),
        (("--instrument", "ZZZ"), 0),
        (("--status", "success"), 1),
        (("--status", "failed"), 0),
        (("--sort", "return"), 1),
        (("--sort", "sharpe"), 1),
    ],
)
def test_history_filters_and_sorts(finished, capsys, options, count):
    page = tradebench(capsys, "history", *options, "--json").payload

    assert page["total"] == count
    assert len(page["items"]) == count


def test_history_on_paper_has_the_columns_and_the_count(finished, capsys):
    text = tradebench(capsys, "history").out

    for word in ("Run", "Date", "Strategy", "Symbol", "Return", "Sharpe", "Status", "1 of 1"):
        assert word in text
    assert finished.payload["run_id"][:8] in text


def test_an_empty_history_says_what_to_do(capsys):
    outcome = tradebench(capsys, "history")

    assert outcome.code == 0
    assert "tradebench demo" in outcome.out


def test_ids_accept_unique_beginnings(finished, capsys):
    run_id = finished.payload["run_id"]

    shown = tradebench(capsys, "show", run_id[:8], "--json").payload

    assert shown["run_id"] == run_id


def test_trades_page_by_offset_and_filter_by_symbol_and_day(finished, capsys):
    run_id, total = finished.payload["run_id"], finished.payload["trades"]

    page = tradebench(capsys, "trades", run_id, "--limit", 2, "--json").payload
    rest = tradebench(capsys, "trades", run_id, "--offset", page["next_cursor"], "--json").payload
    other = tradebench(capsys, "trades", run_id, "--symbol", "ZZZ", "--json").payload
    day = page["items"][1]["exit_time"][:10]
    one_day = tradebench(capsys, "trades", run_id, "--from", day, "--to", day, "--json").payload

    assert page["total"] == total
    assert [t["trade_no"] for t in page["items"] + rest["items"]] == list(range(1, total + 1))
    assert other["total"] == 0
    assert [t["trade_no"] for t in one_day["items"]] == [2]


def test_the_csv_holds_every_trade_and_reconciles_with_the_metrics(finished, tmp_path, capsys):
    run, file = finished.payload, tmp_path / "trades.csv"

    outcome = tradebench(capsys, "trades", run["run_id"], "--csv", file)

    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert outcome.code == 0
    assert len(rows) == run["trades"] == run["metrics"]["total_trades"]
    net = sum(Decimal(row["net_pnl"]) for row in rows)
    assert net == Decimal(rows[-1]["cum_pnl"])
    open_pnl = sum(Decimal(str(p["pnl"])) for p in run["open_positions"])
    assert abs(net + open_pnl - Decimal(str(run["metrics"]["final_pnl"]))) < Decimal("0.01")
    for row in rows:
        parts = (row["gross_pnl"], row["commission"], row["tax"])
        gross, commission, tax = (Decimal(part) for part in parts)
        assert gross - commission - tax == Decimal(row["net_pnl"])
        assert row["entry_time"].endswith("T00:00:00Z")


def test_a_filtered_csv_keeps_the_running_total_of_all_trades(finished, tmp_path, capsys):
    run_id = finished.payload["run_id"]
    day = tradebench(capsys, "trades", run_id, "--json").payload["items"][1]["exit_time"][:10]
    whole, part = tmp_path / "all.csv", tmp_path / "part.csv"

    tradebench(capsys, "trades", run_id, "--csv", whole)
    tradebench(capsys, "trades", run_id, "--csv", part, "--from", day, "--to", day)

    lines = whole.read_text(encoding="utf-8").splitlines()
    assert part.read_text(encoding="utf-8").splitlines() == [lines[0], lines[2]]


def test_a_chart_is_data_with_peaks_kept(finished, capsys):
    run_id = finished.payload["run_id"]

    whole = tradebench(capsys, "chart", run_id, "--json").payload
    thin = tradebench(capsys, "chart", run_id, "--points", 20, "--json").payload

    assert set(whole) == {
        "schema_version", "run_id", "status", "currency", "initial_capital", "points_total", "equity",
        "drawdown", "benchmark_name", "benchmark", "monthly_returns",
    }  # fmt: skip
    assert len(whole["equity"]) == whole["points_total"] == 260
    assert len(thin["equity"]) <= 20
    deepest = min(point["drawdown"] for point in whole["drawdown"])
    assert min(point["drawdown"] for point in thin["drawdown"]) == deepest
    assert deepest == pytest.approx(finished.payload["metrics"]["max_drawdown"])
    assert whole["equity"][-1]["equity"] == finished.payload["metrics"]["final_balance"]


def test_a_chart_on_paper_shows_curves_and_months(finished, capsys):
    text = tradebench(capsys, "chart", finished.payload["run_id"]).out

    for word in ("Equity", "Drawdown", "2020", "Jan"):
        assert word in text
    assert "█" in text


def test_comparing_marks_the_best_and_says_what_differs(finished, tmp_path, capsys):
    arguments = ("run", tmp_path / "run.json", "--set", "costs.commission_pct=2", "--json")
    dear = tradebench(capsys, *arguments).payload
    ids = (finished.payload["run_id"], dear["run_id"])

    comparison = tradebench(capsys, "compare", *ids, "--json").payload
    text = tradebench(capsys, "compare", *ids).out

    assert comparison["best"]["total_return"] == [ids[0]]
    assert comparison["differences"] == [
        {"key": "costs.commission_pct", "values": {ids[0]: 0.1, ids[1]: 2.0}}
    ]
    assert comparison["cautions"] == []
    assert "★" in text
    assert "costs.commission_pct" in text


def test_comparing_runs_of_different_data_warns(finished, tmp_path, capsys):
    bars_file(tmp_path, bar_lines(days=200))
    other = tradebench(capsys, "run", tmp_path / "run.json", "--json").payload
    ids = (finished.payload["run_id"], other["run_id"])

    comparison = tradebench(capsys, "compare", *ids, "--json").payload

    assert "different dates" in comparison["cautions"][0]
    assert "data.dataset_hash" in {d["key"] for d in comparison["differences"]}


def test_stopping_what_has_ended_changes_nothing_and_says_so(finished, capsys):
    run_id = finished.payload["run_id"]

    outcome = tradebench(capsys, "stop", run_id)

    assert outcome.code == 0
    assert "completed already" in outcome.out
    assert tradebench(capsys, "show", run_id, "--json").payload["status"] == "completed"


def test_the_report_on_paper_has_figures_marks_and_the_next_step(tmp_path, capsys):
    bars_file(tmp_path)

    outcome = tradebench(capsys, "run", config_file(tmp_path))

    for word in ("Sharpe", "price return", "Equity", "completed", "Next: tradebench trades"):
        assert word in outcome.out
    assert "\x1b[" not in outcome.out


def test_show_on_paper_has_the_settings(finished, capsys):
    text = tradebench(capsys, "show", finished.payload["run_id"]).out

    for word in ("costs.commission_pct", "fast", finished.payload["run_id"]):
        assert word in text


def test_the_schema_describes_the_file_and_each_strategy(capsys):
    config = tradebench(capsys, "schema").payload
    params = tradebench(capsys, "schema", "--strategy", "sma_cross").payload

    assert {"strategy", "data", "costs", "execution"} <= set(config["properties"])
    assert {"fast", "slow"} <= set(params["properties"])


def test_the_demo_needs_nothing_and_tells_where_its_data_is_from(capsys):
    outcome = tradebench(capsys, "demo")

    assert outcome.code == 0
    for word in ("DEMO", "EQUAL5", "Sharpe", "█", "tradebench trades"):
        assert word in outcome.out


def test_what_can_be_checked_is_well_on_a_new_computer(capsys):
    outcome = tradebench(capsys, "doctor", "--json")

    assert outcome.code == 0
    assert outcome.payload["ok"] is True
    assert {part["name"] for part in outcome.payload["parts"]} == {
        "database", "market data", "kernels", "disk",
    }  # fmt: skip


def test_the_log_tells_the_life_of_a_run(finished, tmp_path):
    text = (tmp_path / "home" / "log" / "tradebench.log").read_text(encoding="utf-8")

    assert text.index("backtest_created") < text.index("backtest_completed")
    assert text.count(finished.payload["run_id"]) == 2


def a_table(width: int) -> str:
    out = Console(file=io.StringIO(), width=width, color_system=None)
    columns = [
        Column("Run", ["01a1fd84-c"]),
        Column("Quantity", ["1,234,567"], "right", spare=1),
        Column("Why out", ["fast below slow"], spare=2),
    ]

    print_table(out, columns)

    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_a_table_with_room_shows_every_column():
    text = a_table(80)

    for word in ("01a1fd84-c", "1,234,567", "fast below slow"):
        assert word in text
    assert "No room" not in text


def test_a_table_without_room_names_what_it_leaves_out_and_cuts_nothing():
    text = a_table(32)

    assert "01a1fd84-c" in text
    assert "1,234,567" in text
    assert "fast" not in text
    assert "No room here for: Why out" in text
    assert "…" not in text


def test_the_cursor_of_a_page_stands_on_one_line(finished, tmp_path, capsys, monkeypatch):
    tradebench(capsys, "run", config_file(tmp_path, account={"initial_capital": 20000}), "--json")
    monkeypatch.setenv("COLUMNS", "60")

    cursor = tradebench(capsys, "history", "--limit", 1, "--json").payload["next_cursor"]
    text = tradebench(capsys, "history", "--limit", 1).out

    assert f"tradebench history --cursor {cursor}" in text.splitlines()


def test_money_of_different_accounts_has_no_best(finished, tmp_path, capsys):
    other = config_file(tmp_path, account={"initial_capital": 20000}, sizing={"value": 50})
    richer = tradebench(capsys, "run", other, "--json").payload

    ids = (finished.payload["run_id"], richer["run_id"])
    best = tradebench(capsys, "compare", *ids, "--json").payload["best"]

    assert "total_return" in best
    assert "final_balance" not in best


def test_a_report_says_how_many_symbols_were_traded(tmp_path, capsys):
    bars_file(tmp_path, bar_lines("AAA") + bar_lines("BBB", phase=1.0))
    file = config_file(tmp_path, data={"symbols": ["AAA", "BBB"]})

    text = tradebench(capsys, "run", file).out

    assert "AAA +1" in text


def test_reading_a_cancelled_run_does_not_call_it_failed(finished, capsys):
    run_id = finished.payload["run_id"]

    error = BacktestNotFoundError("The run is cancelled", run_id=run_id)
    show_error(error, as_json=False)

    assert "failed" not in capsys.readouterr().err
