"""The item models: what a cell says in every role, in which order, and that Qt finds no fault with them."""

import datetime as dt
import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from desktop.models.compare import CompareModel, DifferencesModel, setting_text
from desktop.models.history import HistoryModel
from desktop.models.metrics import GROUPS, MetricsModel, stacked
from desktop.models.roles import ACCESSIBLE, ALIGNMENT, DISPLAY, FONT, FOREGROUND, RAW, TOOL_TIP
from desktop.models.trades import TradesModel
from desktop.service.comparing import Comparison, Difference, MetricRow
from desktop.tokens import tokens_for
from engine.metric_table import METRICS, Metric
from engine.types import Reason
from storage.records import RunSummary
from tests.builders import make_result

DARK = tokens_for("dark")
ASCENDING, DESCENDING = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
PROFIT, RETURN, EXIT_REASON = 8, 9, 11


def watched(model, qtbot):
    """Return a model that Qt checks at every change."""
    mode = QAbstractItemModelTester.FailureReportingMode.Fatal
    model.tester = QAbstractItemModelTester(model, mode)
    return model


def column(model, number, role=DISPLAY):
    return [model.index(row, number).data(role) for row in range(model.rowCount())]


def summary(number=0, **changes) -> RunSummary:
    run = RunSummary(
        run_id=f"00000000-0000-7000-8000-{number:012d}",
        short_id=f"{number:08d}",
        created_at=dt.datetime(2024, 5, 1, 12, 30, tzinfo=dt.UTC),
        name=None,
        strategy_name="sma_cross",
        instrument_symbol="AAPL",
        timeframe="1d",
        status="completed",
        progress=1.0,
        currency="USD",
        initial_capital=100_000.0,
        starred=False,
        tags=(),
        final_balance=110_000.0,
        total_return=0.1,
        sharpe_ratio=0.75,
        max_drawdown=-0.2,
        total_trades=57,
    )
    return replace(run, **changes)


def comparison(*values, better=(1,)) -> Comparison:
    runs = tuple(summary(i) for i in range(len(values)))
    row = MetricRow("total_return", "Total return", "percent", values, better)
    difference = Difference("strategy.params.fast", tuple(range(len(values))))
    return Comparison(runs, (row,), (difference,), ())


def test_every_trade_is_a_row_with_its_figures_formatted(qtbot: QtBot) -> None:
    result = make_result(n_bars=200, n_trades=30)
    model = watched(TradesModel(DARK), qtbot)

    model.set_result(result)

    assert model.rowCount() == 30
    assert model.index(0, 1).data() in result.symbols
    assert model.index(0, PROFIT).data(RAW) == pytest.approx(float(result.trades["pnl"][0]))
    assert model.index(0, RETURN).data().endswith(" %")


def test_figures_stand_right_and_words_left(qtbot: QtBot) -> None:
    model = TradesModel(DARK)
    model.set_result(make_result(n_trades=3))

    alignments = [model.index(0, c).data(ALIGNMENT) for c in (1, EXIT_REASON, PROFIT)]

    left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
    assert [bool(a & right) for a in alignments] == [False, False, True]
    assert [bool(a & left) for a in alignments] == [True, True, False]


def test_profit_and_loss_wear_the_colours_of_the_theme(qtbot: QtBot) -> None:
    result = make_result(n_trades=2)
    result.trades["pnl"] = [5.0, -5.0]
    model = TradesModel(DARK)
    model.set_result(result)

    inks = [colour.name() for colour in column(model, PROFIT, FOREGROUND)]
    model.set_tokens(tokens_for("light", "korea"))
    korean = [colour.name() for colour in column(model, PROFIT, FOREGROUND)]

    assert inks == [DARK.green, DARK.red]
    assert korean == [tokens_for("light").red, tokens_for("light").blue]


def test_a_cell_reads_as_a_sentence_to_those_who_do_not_see_it(qtbot: QtBot) -> None:
    model = TradesModel(DARK)
    model.set_result(make_result(n_trades=2))

    text = model.index(0, RETURN).data(ACCESSIBLE)

    assert text == f"Return: {model.index(0, RETURN).data()}"


def test_the_tooltip_of_a_trade_tells_why_it_began_and_ended(qtbot: QtBot) -> None:
    result = make_result(n_trades=2)
    result.trades["exit_reason"] = [Reason.STOP, Reason.SIGNAL]
    result.trades["ambiguous"] = [1, 0]
    model = TradesModel(DARK)
    model.set_result(result)

    first, second = column(model, 0, TOOL_TIP)

    assert first.splitlines()[1] == "Exit: stop"
    assert "assumption" in first
    assert second.splitlines()[1] == "Exit: cross below"


def test_sorting_is_by_value_and_keeps_equal_rows_in_order(qtbot: QtBot) -> None:
    result = make_result(n_trades=5)
    result.trades["pnl"] = [10.0, -2.0, 900.0, -2.0, 10.0]
    model = watched(TradesModel(DARK), qtbot)
    model.set_result(result)

    model.sort(PROFIT, ASCENDING)
    up = [model.item_at(row) for row in range(5)]
    model.sort(PROFIT, DESCENDING)
    down = [model.item_at(row) for row in range(5)]

    assert up == [1, 3, 0, 4, 2]
    assert down == [2, 0, 4, 1, 3]


def test_undefined_values_come_last_in_both_directions(qtbot: QtBot) -> None:
    result = make_result(n_trades=3)
    result.trades["pnl_rate"] = [np.nan, 0.1, -0.1]
    model = TradesModel(DARK)
    model.set_result(result)

    model.sort(RETURN, ASCENDING)
    up = [model.item_at(row) for row in range(3)]
    model.sort(RETURN, DESCENDING)
    down = [model.item_at(row) for row in range(3)]

    assert up == [2, 1, 0]
    assert down == [1, 2, 0]


def test_a_selected_trade_stays_the_same_trade_when_the_order_changes(qtbot: QtBot) -> None:
    model = watched(TradesModel(DARK), qtbot)
    model.set_result(make_result(n_trades=40))
    kept = QPersistentModelIndex(model.index(7, PROFIT))

    model.sort(PROFIT, DESCENDING)

    assert model.item_at(kept.row()) == 7
    assert model.row_of(7) == kept.row()


def test_exit_reasons_sort_as_words(qtbot: QtBot) -> None:
    result = make_result(n_trades=3)
    result.trades["exit_reason"] = [Reason.TARGET, Reason.SIGNAL, Reason.STOP]
    model = TradesModel(DARK)
    model.set_result(result)

    model.sort(EXIT_REASON, ASCENDING)

    assert column(model, EXIT_REASON) == ["cross below", "stop", "target"]


def test_a_new_run_is_sorted_as_the_one_before_was(qtbot: QtBot) -> None:
    model = watched(TradesModel(DARK), qtbot)
    model.set_result(make_result(n_trades=5))
    model.sort(PROFIT, DESCENDING)

    model.set_result(make_result(n_trades=25))

    profits = column(model, PROFIT, RAW)
    assert profits == sorted(profits, reverse=True)


def test_a_hundred_thousand_trades_sort_in_a_tenth_of_a_second(qtbot: QtBot) -> None:
    model = TradesModel(DARK)
    model.set_result(make_result(n_bars=50_000, n_trades=100_000))
    fastest = float("inf")

    for _ in range(3):
        start = time.perf_counter()
        model.sort(PROFIT, DESCENDING)
        fastest = min(fastest, time.perf_counter() - start)

    assert fastest < 0.1


def test_every_metric_of_the_catalogue_is_in_one_group() -> None:
    grouped = [name for _, names in GROUPS for name in names]

    assert sorted(grouped) == sorted(metric.name for metric in METRICS)


@pytest.mark.parametrize("count", range(1, len(GROUPS) + 1))
def test_groups_stay_whole_however_many_stacks_there_are(count: int) -> None:
    flat = [entry for stack in stacked(count) for entry in stack if entry != ""]

    assert len(stacked(count)) <= count
    assert flat == [entry for stack in stacked(1) for entry in stack if entry != ""]
    assert all(isinstance(stack[0], str) for stack in stacked(count))


def test_an_undefined_metric_is_a_dash_whose_tooltip_says_why(qtbot: QtBot) -> None:
    model = watched(MetricsModel(DARK), qtbot)
    model.set_result(make_result())
    row = next(r for r in range(model.rowCount()) if _name(model.entry(r, 0)) == "beta")

    text, tip = model.index(row, 1).data(), model.index(row, 1).data(TOOL_TIP)

    assert text == "–"
    assert "Undefined here: there is no benchmark" in tip
    assert "covariance" in tip


def test_more_room_sets_the_metrics_in_more_stacks(qtbot: QtBot) -> None:
    model = watched(MetricsModel(DARK), qtbot)
    model.set_result(make_result())
    tall = model.rowCount()

    model.set_stacks(4)

    assert model.columnCount() == 8
    assert model.rowCount() < tall


def test_only_metrics_can_be_selected_not_headings(qtbot: QtBot) -> None:
    model = MetricsModel(DARK)
    model.set_result(make_result())

    heading, metric = model.index(0, 0), model.index(1, 0)

    assert not model.flags(heading) & Qt.ItemFlag.ItemIsSelectable
    assert model.flags(metric) & Qt.ItemFlag.ItemIsSelectable


def test_the_history_asks_for_a_page_once_until_it_has_come(qtbot: QtBot) -> None:
    model = watched(HistoryModel(DARK, str), qtbot)
    model.replace([summary(1)], has_more=False)
    wanted = []
    model.more_wanted.connect(lambda: wanted.append(1))
    model.replace([summary(1)], has_more=True)

    while model.canFetchMore():
        model.fetchMore()
    asked = len(wanted)
    model.append([summary(2)], has_more=True)

    assert asked == 1
    assert model.rowCount() == 2
    assert len(wanted) <= 2


def test_new_runs_on_top_leave_the_rows_below_in_place(qtbot: QtBot) -> None:
    model = watched(HistoryModel(DARK, str), qtbot)
    model.replace([summary(2), summary(1)], has_more=False)
    kept = QPersistentModelIndex(model.index(1, 0))

    model.replace([summary(3), summary(2), summary(1)], has_more=False)

    assert kept.row() == 2
    assert [run.run_id[-1] for run in model.runs] == ["3", "2", "1"]


def test_other_runs_replace_the_rows(qtbot: QtBot) -> None:
    model = watched(HistoryModel(DARK, str), qtbot)
    model.replace([summary(2), summary(1)], has_more=False)

    model.replace([summary(1)], has_more=False)

    assert [run.run_id[-1] for run in model.runs] == ["1"]


def test_a_run_that_came_in_two_pages_is_listed_once(qtbot: QtBot) -> None:
    model = watched(HistoryModel(DARK, str), qtbot)
    model.replace([summary(2), summary(1)], has_more=True)

    model.append([summary(1), summary(0)], has_more=False)

    assert [run.run_id[-1] for run in model.runs] == ["2", "1", "0"]


def test_status_is_a_word_and_a_colour(qtbot: QtBot) -> None:
    runs = [
        summary(3, status="running", progress=0.43),
        summary(2, status="failed"),
        summary(1, status="cancelled"),
    ]
    model = HistoryModel(DARK, str)
    model.replace(runs, has_more=False)

    assert column(model, 7) == ["Running 43 %", "Failed", "Stopped"]
    assert [c.name() for c in column(model, 7, FOREGROUND)] == [DARK.accent, DARK.red, DARK.warn]


def test_figures_of_a_run_without_result_are_dashes(qtbot: QtBot) -> None:
    none = {"total_return": None, "sharpe_ratio": None, "max_drawdown": None, "total_trades": None}
    model = HistoryModel(DARK, str)
    model.replace([summary(1, status="failed", **none)], has_more=False)

    assert [model.index(0, c).data() for c in (3, 4, 5, 6)] == ["–"] * 4


def test_the_best_value_is_bold_and_says_so(qtbot: QtBot) -> None:
    model = watched(CompareModel(DARK), qtbot)

    model.set_comparison(comparison(0.1, 0.3, 0.2), ("one", "two", "three"))

    assert [model.index(0, c).data() for c in (1, 2, 3)] == ["10.00 %", "30.00 %", "20.00 %"]
    assert [model.index(0, c).data(FONT) is not None for c in (1, 2, 3)] == [False, True, False]
    assert model.index(0, 2).data(ACCESSIBLE) == "Total return, two: 30.00 %, best"
    assert model.index(0, 1).data(ACCESSIBLE) == "Total return, one: 10.00 %"


def test_a_run_is_named_in_the_colour_of_its_line(qtbot: QtBot) -> None:
    model = CompareModel(DARK)
    model.set_comparison(comparison(0.1, 0.3), ("one", "two"))

    names = [model.headerData(c, Qt.Orientation.Horizontal) for c in (0, 1, 2)]
    ink = model.headerData(2, Qt.Orientation.Horizontal, FOREGROUND)

    assert names == ["Metric", "one", "two"]
    assert ink.name() == DARK.series[1]


def test_settings_that_differ_stand_side_by_side(qtbot: QtBot) -> None:
    model = watched(DifferencesModel(DARK), qtbot)

    model.set_comparison(comparison(0.1, 0.3), ("one", "two"))

    cells = [model.index(0, c).data() for c in (0, 1, 2)]
    assert cells == ["Strategy · fast", "0", "1"]
    assert model.index(0, 0).data(TOOL_TIP) == "strategy.params.fast"


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("strategy.name", "sma_cross", "SMA crossover"),
        ("strategy.name", "my_own", "my_own"),
        ("data.dataset_hash", "0123456789abcdef", "01234567"),
        ("data.dataset_hash", None, "–"),
        ("data.symbols", ["AAPL", "IBM"], "AAPL, IBM"),
        ("execution.allow_short", False, "no"),
        ("data.start", None, "–"),
    ],
)
def test_a_setting_reads_as_people_write_it(key: str, value: object, text: str) -> None:
    assert setting_text(key, value) == text


def test_a_shared_currency_stands_with_the_metric_and_different_ones_with_each_figure(
    qtbot: QtBot,
) -> None:
    row = MetricRow("final_balance", "Final balance", "money", (1000.0, 2000.0), (1,))
    dollars = (summary(0), summary(1))
    mixed = (summary(0), summary(1, currency="KRW"))
    model = CompareModel(DARK)

    model.set_comparison(Comparison(dollars, (row,), (), ()), ("one", "two"))
    shared = [model.index(0, c).data() for c in (0, 1, 2)]
    model.set_comparison(Comparison(mixed, (row,), (), ()), ("one", "two"))
    apart = [model.index(0, c).data() for c in (0, 1, 2)]

    assert shared == ["Final balance, USD", "1,000.00", "2,000.00"]
    assert apart == ["Final balance", "1,000.00 USD", "2,000.00 KRW"]


def _name(entry: Metric | str | None) -> str:
    return entry.name if isinstance(entry, Metric) else ""
