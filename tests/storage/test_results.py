"""A result comes back from the rows as it was, to the last digit that is kept."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from engine.metric_table import METRICS as CATALOGUE
from engine.result import BacktestResult, hash_result
from engine.types import ACTION_EVENT, FILL, NS_PER_DAY, EventKind, Reason
from storage import curves
from storage.columns import decimal_floats, decimal_texts, decimal_whole
from storage.errors import BacktestStorageError, CorruptDatabaseError
from storage.runs import RunStore
from storage.schema import METRICS
from storage.snapshots import Snapshots, snapshots_of
from storage.stored_columns import canonical
from tests.builders import days, make_config, make_dataset, make_panel, make_result, make_strategy

FIGURES = st.floats(-1e9, 1e9, allow_nan=False)


def saved(
    path: Path, result: BacktestResult, snapshots: Snapshots | None = None
) -> tuple[RunStore, str]:
    """Store a result on `make_panel`, and leave the store open."""
    panel = make_panel()
    store = RunStore.open(path / "runs.sqlite")
    run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
    store.mark_running(run_id)
    store.finish(run_id, result, snapshots or snapshots_of(result, panel), make_dataset(panel))
    return store, run_id


def test_the_columns_are_the_metrics_of_the_engine() -> None:
    assert tuple(metric.name for metric in CATALOGUE) == METRICS


@pytest.mark.parametrize("rows", ["fills", "orders", "trades"])
def test_rows_come_back_as_they_were(tmp_path: Path, rows: str) -> None:
    result = make_result()

    store, run_id = saved(tmp_path, result)
    stored = store.load(run_id).result
    store.close()

    before, after = getattr(result, rows), getattr(stored, rows)
    assert before.dtype == after.dtype
    for name in before.dtype.names:
        np.testing.assert_allclose(
            after[name], before[name], rtol=1e-12, atol=5.0001e-5, err_msg=name
        )


def test_the_rest_of_a_result_comes_back_as_it_was(tmp_path: Path) -> None:
    values = np.linspace(100, 110, 60)
    values[:3] = np.nan
    result = replace(make_result(), benchmark=values)

    store, run_id = saved(tmp_path, result)
    stored = store.load(run_id).result
    store.close()

    assert stored is not None
    same = (
        "status", "symbols", "open_positions", "labels", "metrics", "undefined", "marks",
        "warnings", "notices", "defects", "bars_per_year", "timeframe", "dataset_hash",
        "result_hash", "versions", "duration_seconds", "data_labels",
    )  # fmt: skip
    assert {n: getattr(stored, n) for n in same} == {n: getattr(result, n) for n in same}
    np.testing.assert_array_equal(stored.time_ns, result.time_ns)
    np.testing.assert_array_equal(stored.drawdown, result.drawdown)
    np.testing.assert_array_equal(stored.curve.equity, np.rint(result.curve.equity * 1e4) / 1e4)
    np.testing.assert_allclose(stored.curve.cash, result.curve.cash, atol=5.0001e-5)
    np.testing.assert_allclose(stored.benchmark, values, atol=5.0001e-5)


def test_the_result_hash_follows_from_what_is_stored(tmp_path: Path) -> None:
    result = make_result(60, 400)

    store, run_id = saved(tmp_path, result)
    recomputed = store.recompute_hash(run_id)
    store.close()

    assert recomputed == result.result_hash


@given(
    prices=npst.arrays(np.float64, 6, elements=st.floats(1e-8, 1e6)),
    costs=npst.arrays(np.float64, (2, 6), elements=st.floats(0, 1e6)),
    quantities=npst.arrays(np.float64, 6, elements=st.floats(1e-8, 1e8)),
    equity=npst.arrays(np.float64, 60, elements=FIGURES),
)
def test_the_hash_follows_from_stored_digits_whatever_the_figures(
    prices: np.ndarray, costs: np.ndarray, quantities: np.ndarray, equity: np.ndarray
) -> None:
    from storage.loading import stored_hash
    from storage.rows import rows_of
    from storage.schema import backtest_fills

    result = make_result(60, 3)
    fills = result.fills.copy()
    fills["price"], fills["quantity"] = prices, quantities
    fills["commission"], fills["tax"] = costs
    result = replace(result, fills=fills)
    columns = rows_of(result, Snapshots(np.empty(0, np.int64), (), ()))[backtest_fills]

    whole = np.rint(equity * 1e4).astype(np.int64)

    assert stored_hash(columns, result.symbols, result.time_ns, whole) == hash_result(
        fills, result.time_ns, equity
    )


@given(st.lists(FIGURES, min_size=1, max_size=30), st.sampled_from([4, 8]))
def test_decimals_are_exact_canonical_and_rounded_half_to_even(
    values: list[float], scale: int
) -> None:
    floats = np.array(values)

    texts = decimal_texts(floats, scale)

    whole = np.rint(floats * 10.0**scale)
    assert [Decimal(t) for t in texts] == [Decimal(int(w)).scaleb(-scale) for w in whole]
    assert {len(t.partition(".")[2]) for t in texts} == {scale}
    assert [t for t in texts if t.startswith("-") and float(t) == 0] == []
    assert decimal_whole(texts, scale).tolist() == whole.tolist()
    assert decimal_floats(texts).tolist() == [float(t) for t in texts]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e15])
def test_what_has_no_exact_decimal_is_refused(value: float) -> None:
    with pytest.raises(BacktestStorageError, match="exactly"):
        decimal_texts(np.array([1.0, value]), 8)


def test_a_database_with_a_changed_figure_is_noticed(tmp_path: Path) -> None:
    store, run_id = saved(tmp_path, make_result())
    with store._database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE backtest_trades SET pnl = '1000000.0000' WHERE trade_no = 3"
        )

    with pytest.raises(CorruptDatabaseError, match="not those that were stored"):
        store.load(run_id)
    store.close()


def test_a_damaged_curve_is_noticed(tmp_path: Path) -> None:
    store, run_id = saved(tmp_path, make_result())
    with store._database.write() as connection:
        connection.exec_driver_sql("UPDATE artifacts SET content = zeroblob(100)")

    with pytest.raises(CorruptDatabaseError, match="damaged"):
        store.curve(run_id)
    store.close()


def test_a_curve_beyond_what_is_exact_is_refused() -> None:
    result = make_result()
    result.curve.cash[3] = 1e16

    with pytest.raises(BacktestStorageError, match="cash"):
        curves.pack(result)


def test_a_run_without_trades_is_stored_too(tmp_path: Path) -> None:
    result = make_result(60, 0)

    store, run_id = saved(tmp_path, result)
    stored = store.load(run_id).result
    page = store.trades(run_id)
    store.close()

    assert stored is not None and len(stored.trades) == len(stored.fills) == 0
    assert (page.items, page.total, page.next_offset) == ((), 0, None)


def test_trades_come_in_pages_with_an_exact_total(tmp_path: Path) -> None:
    result = make_result(60, 30)
    store, run_id = saved(tmp_path, result)
    exits = result.time_ns[result.trades["exit_bar"]]

    pages = [store.trades(run_id, limit=12, offset=o) for o in (0, 12, 24)]
    of_one = store.trades(run_id, symbol="AAA", limit=None)
    late = store.trades(run_id, exit_from_ns=int(exits[10]), exit_to_ns=int(exits[20]), limit=None)
    store.close()

    assert [t.trade_no for p in pages for t in p.items] == list(range(1, 31))
    assert [(p.total, p.next_offset) for p in pages] == [(30, 12), (30, 24), (30, None)]
    assert len(of_one.items) == of_one.total == int((result.trades["symbol"] == 0).sum())
    assert late.total == int(((exits >= exits[10]) & (exits <= exits[20])).sum())


def test_a_trade_says_why_it_began_and_ended(tmp_path: Path) -> None:
    result = make_result()
    result.trades["exit_reason"][4] = Reason.STOP
    store, run_id = saved(tmp_path, result)

    items = store.trades(run_id).items
    store.close()

    assert {t.entry_reason for t in items} == {"cross above"}
    assert [t.exit_reason for t in items[3:6]] == ["cross below", "stop", "cross below"]


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (-1, 0), (5, -1)])
def test_an_impossible_page_is_refused(tmp_path: Path, limit: int, offset: int) -> None:
    from engine.errors import BacktestValidationError

    store, run_id = saved(tmp_path, make_result())

    with pytest.raises(BacktestValidationError, match="page"):
        store.trades(run_id, limit=limit, offset=offset)
    store.close()


def test_money_and_prices_are_text_of_fixed_places_never_floats(tmp_path: Path) -> None:
    store, _ = saved(tmp_path, make_result())

    with store._database.read() as connection:
        kinds = connection.exec_driver_sql(
            "SELECT DISTINCT typeof(f.price), typeof(f.quantity), typeof(f.total_cost), "
            "typeof(s.cash), typeof(m.final_balance), typeof(r.initial_capital) "
            "FROM backtest_fills f, backtest_snapshots s, backtest_metrics m, backtest_runs r"
        ).all()
        shadow = connection.exec_driver_sql(
            "SELECT final_balance, final_balance_real FROM backtest_metrics"
        ).one()
    store.close()

    assert [tuple(row) for row in kinds] == [("text",) * 6]
    assert float(shadow[0]) == shadow[1]


def fills(*rows: tuple[int, int, int, float]) -> np.ndarray:
    """Return fills of (bar, symbol, side, quantity)."""
    out = np.zeros(len(rows), FILL)
    for name, values in zip(
        ("bar", "symbol", "side", "quantity"), zip(*rows, strict=True), strict=True
    ):
        out[name] = values
    return out


def test_snapshots_are_what_was_held_after_the_last_bar_of_each_day() -> None:
    panel = make_panel(4)
    result = replace(
        make_result(panel=panel),
        fills=fills((0, 0, 1, 10.0), (1, 1, -1, 4.0), (2, 0, -1, 10.0)),
    )

    snapshots = snapshots_of(result, panel)

    assert snapshots.positions == (
        {"AAA": 10.0},
        {"AAA": 10.0, "BBB": -4.0},
        {"BBB": -4.0},
        {"BBB": -4.0},
    )
    assert snapshots.values[1] == {
        "AAA": round(10 * panel.close[1, 0], 4),
        "BBB": round(-4 * panel.close[1, 1], 4),
    }


def test_a_split_changes_what_is_held_before_the_fills_of_its_bar() -> None:
    event = np.array([(3, 0, EventKind.SPLIT, 3.0)], ACTION_EVENT)
    panel = make_panel(6, events=event, first_counted=1)
    result = replace(
        make_result(panel=panel), fills=fills((0, 0, 1, 2.5), (2, 0, -1, 0.5), (2, 0, -1, 7.0))
    )

    snapshots = snapshots_of(result, panel)

    assert snapshots.positions == ({"AAA": 2.5}, {"AAA": 2.5}, {}, {}, {})


def test_intraday_bars_have_one_snapshot_a_day() -> None:
    panel = make_panel(48)
    panel = replace(panel, time_ns=days(1)[0] + np.arange(48) * (NS_PER_DAY // 24), timeframe="1h")
    result = replace(make_result(panel=panel), fills=fills((30, 0, 1, 1.0)))

    snapshots = snapshots_of(result, panel)

    assert snapshots.bar.tolist() == [23, 47]
    assert snapshots.positions == ({}, {"AAA": 1.0})


def test_a_missing_bar_is_valued_at_the_last_known_close() -> None:
    panel = make_panel(4)
    columns = {n: getattr(panel, n).copy() for n in ("open", "high", "low", "close", "volume")}
    for column in columns.values():
        column[2:, 0] = np.nan
    panel = replace(panel, **columns)
    result = replace(make_result(panel=panel), fills=fills((1, 0, 1, 2.0)))

    snapshots = snapshots_of(result, panel)

    assert snapshots.values[3] == {"AAA": round(2 * panel.close[1, 0], 4)}


def test_ten_thousand_trades_are_saved_in_seconds_at_most(tmp_path: Path) -> None:
    import time

    panel = make_panel(2520)
    result = make_result(panel=panel, n_trades=10_000)
    snapshots, dataset = snapshots_of(result, panel), make_dataset(panel)
    with RunStore.open(tmp_path / "runs.sqlite") as store:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
        store.mark_running(run_id)

        began = time.process_time()
        store.finish(run_id, result, snapshots, dataset)
        took = time.process_time() - began

        assert store.recompute_hash(run_id) == result.result_hash
    assert took < 10


@given(
    st.lists(
        st.one_of(
            st.text(max_size=5), st.integers(), st.booleans(), st.none(), st.floats(), st.just("")
        ),
        max_size=6,
    )
    | st.lists(st.text(max_size=4))
    | st.lists(st.integers())
    | st.lists(st.floats())
    | st.lists(st.sampled_from(['a"b', "a\\b", "plain", '","', "é", "\n", "", "null"]))
)
def test_the_quick_way_to_write_a_column_gives_the_same_text(values: list[Any]) -> None:
    wanted = json.dumps(values, separators=(",", ":")).encode()

    assert canonical(values) == wanted
    assert canonical(tuple(values)) == wanted
