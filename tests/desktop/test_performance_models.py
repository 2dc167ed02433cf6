"""Tables of statistics for Qt: what each cell says, why it is empty, and that its text can be read."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from desktop.models.months import TOTAL, MonthsModel, tint
from desktop.models.roles import ACCESSIBLE, BACKGROUND, DISPLAY, FOREGROUND, RAW, TOOL_TIP
from desktop.models.statistics import (
    STACK,
    SYMBOL_COLUMNS,
    YEAR_COLUMNS,
    FallsModel,
    SidesModel,
    StatisticsModel,
)
from desktop.tokens import contrast, tokens_for
from engine.statistics.calendar import PERIOD_COLUMNS, YearOfReturns, by_period
from engine.statistics.falls import deepest_falls
from engine.statistics.symbols import by_symbol
from engine.statistics.trade_columns import TRADE_COLUMNS
from engine.statistics.trades import by_side
from engine.types import NS_PER_DAY
from tests.engine.results import SYMBOLS, crossing, idle

DARK = tokens_for("dark")
ACROSS = Qt.Orientation.Horizontal
BROKE = "equity fell to zero or below"
YEARS = (
    YearOfReturns(2009, (None, 0.05, -0.2, *[0.0] * 9), -0.16, {1: "no bar"}),
    YearOfReturns(
        2010, (None,) * 12, None, dict.fromkeys(range(1, 12), "no bar") | {12: BROKE, 0: BROKE}
    ),
)


def watched(model, qtbot):
    """Return a model that Qt checks at every change."""
    model.tester = QAbstractItemModelTester(
        model, QAbstractItemModelTester.FailureReportingMode.Fatal
    )
    return model


def heads(model):
    return [model.headerData(c, ACROSS) for c in range(model.columnCount())]


def row_of(model, row, role=DISPLAY):
    return [model.index(row, column).data(role) for column in range(model.columnCount())]


@pytest.fixture
def months(qtbot: QtBot) -> MonthsModel:
    model = watched(MonthsModel(DARK), qtbot)
    model.set_years(YEARS)
    return model


def test_a_year_has_its_months_and_itself_in_percent(months):
    assert heads(months)[:3] == ["in %", "Jan", "Feb"]
    assert heads(months)[-1] == "Year"
    assert row_of(months, 0)[:5] == ["2009", "", "+5.0", "−20.0", "0.0"]
    assert row_of(months, 0)[TOTAL] == "−16.0"
    assert row_of(months, 0, RAW)[2] == 0.05


def test_a_month_without_a_return_says_why(months):
    assert months.index(0, 1).data(TOOL_TIP) == "2009-01: no return, no bar"
    assert months.index(1, 12).data() == "–"
    assert months.index(1, TOTAL).data(ACCESSIBLE) == (
        "2010: no return, equity fell to zero or below"
    )
    assert months.index(0, 3).data(TOOL_TIP) == "2009-03: −20.00 %"


def test_the_ground_tells_how_much_and_none_is_for_nothing(months):
    grounds = row_of(months, 0, BACKGROUND)

    assert grounds[1] is None
    assert grounds[4] is None
    assert grounds[3] == QColor(tint(DARK, -1.0))
    assert grounds[2] == QColor(tint(DARK, 0.25))


def test_other_colours_are_taken_at_once(months, qtbot):
    with qtbot.waitSignal(months.dataChanged):
        months.set_tokens(tokens_for("light"))

    assert months.index(0, 3).data(BACKGROUND) == QColor(tint(tokens_for("light"), -1.0))


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("convention", ["west", "korea", "china"])
def test_a_figure_can_be_read_on_the_strongest_ground(scheme, convention):
    tokens = tokens_for(scheme, convention)

    worst = min(contrast(tokens.text, tint(tokens, share)) for share in np.linspace(-1, 1, 41))

    assert worst >= 4.5


def test_years_show_their_figures_with_money_in_its_currency(qtbot):
    table = by_period(crossing(), "year")
    model = watched(StatisticsModel(DARK), qtbot)

    model.set_table(table, YEAR_COLUMNS, "USD")

    assert heads(model)[:4] == ["Year", "Return", "Benchmark return", "Profit, USD"]
    assert [model.index(r, 0).data() for r in range(model.rowCount())] == [row.key for row in table]
    assert set(YEAR_COLUMNS) <= {column.name for column in PERIOD_COLUMNS}


def test_an_undefined_figure_is_a_dash_with_its_reason(qtbot):
    model = watched(StatisticsModel(DARK), qtbot)
    model.set_table(by_period(idle(), "year"), YEAR_COLUMNS, "USD")
    sharpe = YEAR_COLUMNS.index("sharpe_ratio") + 1

    cell = model.index(0, sharpe)

    assert cell.data() == "–"
    assert cell.data(TOOL_TIP).endswith("Undefined here: the returns do not vary")
    assert model.index(0, 0).data(TOOL_TIP) == "2020"


def test_symbols_sort_by_a_figure_and_undefined_ones_come_last(qtbot):
    model = watched(StatisticsModel(DARK), qtbot)
    model.set_table(by_symbol(crossing()), SYMBOL_COLUMNS, "USD")
    wins = SYMBOL_COLUMNS.index("win_rate") + 1

    model.sort(wins, Qt.SortOrder.DescendingOrder)

    order = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert order[-1] == "Z"
    assert sorted(order) == list(SYMBOLS)
    assert model.index(model.rowCount() - 1, wins).data(TOOL_TIP).endswith("no closed trades")


@pytest.mark.parametrize("stacks", [1, 2, 3])
def test_sides_hold_every_statistic_once_in_any_number_of_stacks(qtbot, stacks):
    model = watched(SidesModel(DARK), qtbot)
    model.set_table(by_side(crossing()), "USD")

    model.set_stacks(stacks)

    assert heads(model) == ["Closed trades", "All", "Long", "Short"] * stacks
    cells = [row_of(model, row)[::STACK] for row in range(model.rowCount())]
    titles = [title.removesuffix(", USD") for row in cells for title in row if title]
    assert sorted(titles) == sorted(column.title for column in TRADE_COLUMNS)


def test_only_gains_and_losses_of_sides_are_coloured(qtbot):
    model = watched(SidesModel(DARK), qtbot)
    model.set_table(by_side(crossing()), "USD")
    names = [column.name for column in TRADE_COLUMNS]
    profit, rate = names.index("net_profit"), names.index("win_rate")

    value = by_side(crossing()).row("long").values["net_profit"]
    assert model.index(profit, 2).data(FOREGROUND) == QColor(DARK.of_change(value))
    assert model.index(rate, 2).data(FOREGROUND) is None
    assert model.index(rate, 2).data(TOOL_TIP).startswith("Win rate")


def test_falls_are_listed_deepest_first(qtbot):
    times = np.array([1, 2, 3, 6, 7, 8, 9], np.int64) * NS_PER_DAY
    falls = deepest_falls(times, np.array([110.0, 99, 110, 120, 90, 100, 110]), 100.0)
    model = watched(FallsModel(DARK), qtbot)

    model.set_falls(falls, "USD")

    assert row_of(model, 0) == [
        "1", "−25.00 %", "30.00", "1970-01-07", "1970-01-08", "not yet", "1 d", "–", "3 d",
    ]  # fmt: skip
    assert row_of(model, 1)[5:] == ["1970-01-04", "1 d", "1 d", "2 d"]
    assert heads(model)[2] == "Lost, USD"


def test_without_a_run_every_table_is_empty(qtbot):
    models = [
        watched(kind(DARK), qtbot)
        for kind in (MonthsModel, SidesModel, StatisticsModel, FallsModel)
    ]
    months, sides, table, falls = models
    months.set_years(())
    sides.set_table(None)
    table.set_table(None)
    falls.set_falls(())

    assert [model.rowCount() for model in models] == [0, 0, 0, 0]
