"""One run on screen: figures, linked charts and tables, growing curves, and every state without a result."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from desktop.presenters.result import ResultPresenter, open_run, prices_of
from desktop.presenters.run import Failure
from desktop.presenters.state import RunView
from desktop.service.facade import Service
from desktop.tasks.aio import Door
from desktop.theme import Theme
from desktop.tokens import tokens_for
from desktop.views.key_numbers import KeyNumbers
from desktop.views.result_view import ResultView
from desktop.views.run_charts import LiveCharts, RunCharts, charts_of
from engine.result import BacktestResult, LiveCurve
from storage.runs import RunStore
from tests.builders import days, make_config, make_result, make_strategy
from tests.desktop.windows import awaited, failed, finished

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")

MANY = {"source": "demo", "symbols": ["AAPL", "IBM", "MSFT"], "benchmark": "EQUAL5"}


def on_screen(qtbot: QtBot, theme: Theme, width: int = 960, height: int = 620) -> ResultView:
    view = ResultView(theme.tokens)
    qtbot.addWidget(view)
    view.resize(width, height)
    view.show()
    return view


def demo_view(service: Service, **sections: object) -> RunView:
    return open_run(service, finished(service, **sections).record.run_id, charts_of)


def click_trade(qtbot: QtBot, view: ResultView, row: int) -> None:
    spot = view.trades.table.visualRect(view.trades.model.index(row, 1)).center()
    qtbot.mouseClick(view.trades.table.viewport(), Qt.MouseButton.LeftButton, pos=spot)


def key_texts(result: BacktestResult, qtbot: QtBot) -> dict[str, str]:
    numbers = KeyNumbers()
    qtbot.addWidget(numbers)
    numbers.show_result(result)
    names = ("total_return", "sharpe_ratio", "total_trades", "vs_benchmark")
    return {name: numbers.text_of(name) for name in names}


def test_a_run_is_shown_with_its_verdict_badges_and_numbers(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view, run = on_screen(qtbot, theme), demo_view(service)

    view.show_run(run)

    assert view.run_id == run.run_id
    assert view.header.title.text() == "SMA crossover"
    assert view.header.verdict.text().startswith("Gained ")
    assert "DEMO" in view.header.badges
    assert view.numbers.text_of("total_trades") == str(len(run.result.trades))
    assert view.tabs.tabText(0) == f"Trades ({len(run.result.trades)})"
    assert len(view.charts.equity.base) == len(run.result.time_ns)
    assert view.charts.price.message == ""


def test_an_undefined_key_number_is_a_dash_with_its_reason(qtbot: QtBot) -> None:
    result = make_result()
    metrics = {**result.metrics, "sharpe_ratio": None, "benchmark_return": None}
    reasons = {"sharpe_ratio": "the returns do not vary", "benchmark_return": "no benchmark"}

    texts = key_texts(replace(result, metrics=metrics, undefined=reasons), qtbot)

    assert texts["sharpe_ratio"] == "–"
    assert texts["vs_benchmark"] == "–"
    assert texts["total_trades"] == "12"


def test_the_gap_to_the_benchmark_is_in_points(qtbot: QtBot) -> None:
    result = make_result()
    metrics = {**result.metrics, "total_return": 0.25, "benchmark_return": 0.40}

    texts = key_texts(replace(result, metrics=metrics), qtbot)

    assert texts["total_return"] == "+25.00 %"
    assert texts["vs_benchmark"] == "−15.00 %"


def test_a_click_on_a_row_takes_the_charts_to_the_trade(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view, run = on_screen(qtbot, theme), demo_view(service)
    view.show_run(run)
    whole = view.charts.price.x_range

    with awaited(qtbot, view.trade_selected) as told:
        click_trade(qtbot, view, 1)

    start, stop = view.charts.price.x_range
    trade = run.result.trades[1]
    assert told.args == [1]
    assert view.charts.price.selected_trade == 1
    assert stop - start < whole[1] - whole[0]
    assert start <= trade["entry_bar"] <= trade["exit_bar"] <= stop
    assert view.charts.equity.x_range == (start, stop)


def test_a_marker_on_the_chart_selects_its_row(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view = on_screen(qtbot, theme)
    view.show_run(demo_view(service))
    view.tabs.setCurrentIndex(1)
    view.trades.table.sortByColumn(8, Qt.SortOrder.DescendingOrder)

    view.charts.price.setFocus()
    qtbot.keyClick(view.charts.price, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)

    trade = view.charts.price.selected_trade
    assert trade is not None
    assert view.tabs.currentWidget() is view.trades
    assert [view.trades.model.item_at(row) for row in view.trades.table.selected_rows()] == [trade]


def test_prices_are_those_of_the_symbol_with_most_trades_until_another_is_chosen(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view, run = on_screen(qtbot, theme), demo_view(service, data=MANY)
    counts = np.bincount(run.result.trades["symbol"], minlength=3)

    view.show_run(run)
    first = view.symbols.currentIndex()
    other = (first + 1) % 3
    view.symbols.setCurrentIndex(other)

    assert counts[first] == counts.max()
    assert view.symbols.isVisible()
    assert view.charts.price.summary().startswith(run.result.symbols[other])


def test_a_trade_of_another_symbol_brings_its_prices(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view, run = on_screen(qtbot, theme), demo_view(service, data=MANY)
    view.show_run(run)
    shown = view.symbols.currentIndex()
    foreign = int(np.flatnonzero(run.result.trades["symbol"] != shown)[0])

    view.show_trade(foreign)

    assert view.symbols.currentIndex() == run.result.trades["symbol"][foreign]
    assert view.charts.price.selected_trade == foreign


def test_a_run_on_one_symbol_offers_no_choice(qtbot: QtBot, service: Service, theme: Theme) -> None:
    view = on_screen(qtbot, theme)

    view.show_run(demo_view(service))

    assert not view.symbols.isVisible()


def test_without_prices_the_pane_says_why_and_trades_still_move_the_charts(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view, run = on_screen(qtbot, theme), demo_view(service)
    view.show_run(replace(run, panel=None, panel_error="The file is gone.", drawn=None))
    view.charts.equity.show_range(0, 100)

    view.show_trade(len(run.result.trades) - 1)

    start, stop = view.charts.equity.x_range
    assert view.charts.price.message == "The file is gone."
    assert start <= run.result.trades[-1]["entry_bar"] <= stop


def test_prices_that_have_changed_since_are_not_shown(service: Service) -> None:
    run = finished(service).record

    same, _ = prices_of(service, run)
    panel, why = prices_of(service, replace(run, dataset_hash="0" * 64))

    assert same is not None
    assert panel is None
    assert "have changed" in why


def test_prices_that_are_gone_say_so(service: Service) -> None:
    run = finished(service).record
    data = run.config.data.model_copy(update={"source": "gone.csv"})

    panel, why = prices_of(
        service, replace(run, config=run.config.model_copy(update={"data": data}))
    )

    assert panel is None
    assert "gone.csv" in why


def test_curves_grow_while_the_run_is_under_way(qtbot: QtBot, theme: Theme) -> None:
    view = on_screen(qtbot, theme)
    time_ns, equity = days(300), np.linspace(100_000.0, 130_000.0, 300)
    view.begin_live(300, 100_000.0, "SMA crossover")

    grow = LiveCharts(100_000.0)
    view.append_live(grow(LiveCurve(time_ns[:100], equity[:100])))
    early = len(view.charts.equity.base)
    view.append_live(grow(LiveCurve(time_ns[:250], equity[:250])))

    assert (early, len(view.charts.equity.base)) == (100, 250)
    assert view.charts.equity.x_range[1] >= 299
    assert view.numbers.text_of("total_return") == "+24.98 %"
    assert view.numbers.text_of("sharpe_ratio") == "–"
    assert view.header.title.text() == "SMA crossover"
    assert view.run_id == ""


def test_a_finished_run_takes_the_place_of_its_live_curves(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view, run = on_screen(qtbot, theme), demo_view(service)
    view.begin_live(len(run.result.time_ns), 100_000.0)
    some = LiveCurve(run.result.time_ns[:50], run.result.curve.equity[:50])
    view.append_live(LiveCharts(100_000.0)(some))

    view.show_run(run)

    assert len(view.charts.equity.base) == len(run.result.time_ns)
    assert view.trades.model.rowCount() == len(run.result.trades)


def test_nothing_of_an_earlier_run_is_left_when_the_next_one_is_on_its_way(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view = on_screen(qtbot, theme)
    view.show_run(demo_view(service))

    view.show_loading("RSI reversion")

    assert view.run_id == ""
    assert view.trades.model.rowCount() == 0
    assert view.state.isVisible()
    assert view.state.words == "Opening RSI reversion…"


def test_each_state_says_what_is_the_matter(qtbot: QtBot, theme: Theme) -> None:
    view = on_screen(qtbot, theme)
    empty = view.state.words

    view.show_failure(Failure("There is no symbol 'NOPE'", hint="there are AAPL and IBM"))

    assert empty.startswith("No run is shown")
    assert view.state.words.splitlines() == [
        "This run has no result",
        "There is no symbol 'NOPE'",
        "There are AAPL and IBM",
    ]


def test_light_and_dark_change_while_a_run_is_shown(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view = on_screen(qtbot, theme)
    view.show_run(demo_view(service))

    view.set_tokens(tokens_for("light"))

    assert view.charts.equity.tokens.scheme == "light"
    profit = view.trades.model.index(0, 8).data(Qt.ItemDataRole.ForegroundRole)
    assert profit.name() in (tokens_for("light").up, tokens_for("light").down)


@pytest.mark.parametrize("width", [640, 964, 2200])
def test_the_key_numbers_fit_whatever_the_width(
    qtbot: QtBot, service: Service, theme: Theme, width: int
) -> None:
    view = on_screen(qtbot, theme, width)

    view.show_run(demo_view(service))
    qtbot.wait(20)

    assert view.width() == width
    shown = [label for label in view.numbers.findChildren(QLabel) if label.isVisible()]
    assert max(label.mapTo(view, label.rect().topRight()).x() for label in shown) <= width
    assert len([label for label in shown if label.property("role") == "caption"]) >= 6


def test_opening_brings_the_run_with_its_prices(qtbot: QtBot, service: Service, door: Door) -> None:
    run = finished(service).record
    presenter = ResultPresenter(service, door, charts_of)

    with awaited(qtbot, presenter.opened) as told:
        presenter.open(run.run_id)

    view = told.args[0]
    assert view.run_id == run.run_id
    assert view.panel is not None
    assert view.panel.n_bars == len(view.result.time_ns)
    assert isinstance(view.drawn, RunCharts)


def test_only_the_run_asked_for_last_is_opened(qtbot: QtBot, service: Service, door: Door) -> None:
    first = finished(service).record
    second = finished(service, strategy={"name": "buy_and_hold", "params": {}}).record
    presenter = ResultPresenter(service, door)
    opened: list[str] = []
    presenter.opened.connect(lambda view: opened.append(view.run_id))

    presenter.open(first.run_id)
    presenter.open(second.run_id)
    qtbot.waitUntil(lambda: door.is_idle, timeout=10_000)

    assert opened == [second.run_id]


def test_a_run_that_is_forgotten_is_not_opened(qtbot: QtBot, service: Service, door: Door) -> None:
    run = finished(service).record
    presenter = ResultPresenter(service, door)
    opened: list[object] = []
    presenter.opened.connect(opened.append)

    presenter.open(run.run_id)
    presenter.forget()
    qtbot.waitUntil(lambda: door.is_idle, timeout=10_000)

    assert opened == []


def test_a_failed_run_opens_with_its_error(qtbot: QtBot, service: Service, door: Door) -> None:
    run_id = failed(service)
    presenter = ResultPresenter(service, door)

    with awaited(qtbot, presenter.failed) as told:
        presenter.open(run_id)

    failure = told.args[0]
    assert "NOPE" in failure.message
    assert failure.hint
    assert failure.run_id == run_id


def test_a_run_under_way_says_that_it_is(qtbot: QtBot, service: Service, door: Door) -> None:
    with RunStore.open() as store:
        run_id = store.submit(make_config(), make_strategy(), engine_version="0.1.0")
    presenter = ResultPresenter(service, door)

    with awaited(qtbot, presenter.failed) as told:
        presenter.open(run_id)

    assert told.args[0].message == "The run is still under way"


def test_a_run_that_is_gone_says_so(qtbot: QtBot, service: Service, door: Door) -> None:
    presenter = ResultPresenter(service, door)

    with awaited(qtbot, presenter.failed) as told:
        presenter.open("00000000")

    assert "00000000" in told.args[0].message


def test_a_long_title_is_cut_and_whole_in_its_tooltip(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view, run = on_screen(qtbot, theme, 640), demo_view(service)
    title = "Moving averages of twenty and fifty days on everything that trades " * 3
    least = view.minimumSizeHint().width()

    view.show_run(replace(run, title=title))
    qtbot.wait(20)

    assert view.header.title.is_cut
    assert view.header.title.toolTip() == title
    assert view.width() == 640
    assert view.minimumSizeHint().width() == least


def test_showing_another_run_moves_nothing_but_its_own_panels(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view, run = on_screen(qtbot, theme), demo_view(service)
    view.show_run(run)
    qtbot.wait(50)
    before = [part.geometry() for part in (view.header, view.numbers, view.charts, view.tabs)]

    view.show_run(replace(run, title="Another", badges=(), verdict=""))
    qtbot.wait(50)

    after = [part.geometry() for part in (view.header, view.numbers, view.charts, view.tabs)]
    assert after == before


def test_refused_orders_are_noted_with_their_reason(
    qtbot: QtBot, service: Service, theme: Theme
) -> None:
    view = on_screen(qtbot, theme)
    run = demo_view(service, account={"initial_capital": 10})

    view.show_run(run)

    refused = sum(run.drawn.refusals.values())
    assert refused > 0
    assert f"less than one lot: {refused}" in view.notes.toPlainText()
