"""on_bar files: the whole simulation runs in a child, and is the one that would have run in here."""

import contextlib
import threading
import time
from pathlib import Path

import psutil
import pytest

from desktop.service.checking import check_file
from desktop.service.child.process import ChildError
from desktop.service.child.proxy import LookAheadError, end_children, strategy_from
from engine.checkpoint import Keeper
from engine.config import BacktestConfig, DataConfig
from engine.errors import BacktestValidationError
from engine.market import Panel
from engine.simulate import run_backtest
from engine.strategies.protocol import OnBarStrategy
from engine.types import ORDER
from storage.errors import Stopped
from storage.market.catalog import load_panel
from storage.strategies import load_file
from tests.desktop.ownfiles import on_bar_file, trusted
from tests.engine.both import rows_of
from tests.engine.test_checkpoint import IDENTITY

pytestmark = pytest.mark.needs_posix


@pytest.fixture(autouse=True)
def no_child_left():
    """End what a test began, and find nothing of it afterwards."""
    yield
    end_children()
    left = [
        p for p in psutil.Process().children(recursive=True) if "--strategy-child" in p.cmdline()
    ]
    assert left == []


@pytest.fixture(scope="module")
def panel() -> Panel:
    return load_panel(DataConfig(symbols=("AAPL", "IBM")), warmup_bars=0)


CONFIG = BacktestConfig.model_validate({"strategy": {"name": "own"}, "sizing": {"value": 10}})


def run(path: Path, panel: Panel, params=None, **more):
    strategy = strategy_from(path, params or {})
    strategy.should_stop = more.get("should_stop", lambda: False)
    return run_backtest(CONFIG, panel, strategy, clock=time.monotonic, **more)


def test_a_run_in_the_child_is_the_run_in_here(tmp_path, panel):
    path = on_bar_file(tmp_path)
    told = []

    there = run(path, panel, {"most": 2}, on_progress=told.append)

    strategy = load_file(path, OnBarStrategy).make({"most": 2})
    here = run_backtest(CONFIG, panel, strategy, clock=time.monotonic)
    assert there.result_hash == here.result_hash
    names = ORDER.names or ()
    assert rows_of(there.orders, names) == rows_of(here.orders, names)
    assert len(there.trades) == len(here.trades) > 50
    assert there.metrics == here.metrics
    assert there.labels == ("", "buy", "sell", "exit", "target", "dip")
    bars = [one.bars_done for one in told if one.stage == "simulate"]
    assert bars == sorted(bars)
    assert bars[-1] == panel.n_bars


def test_a_run_that_was_cut_off_goes_on_in_another_child_to_the_same_bits(tmp_path, panel):
    path = on_bar_file(tmp_path)
    kept: list[bytes] = []
    whole = run(path, panel, keeper=Keeper(IDENTITY, kept.append, seconds=0.0))
    bars: list[int] = []

    resumed = run(
        path,
        panel,
        keeper=Keeper(IDENTITY, kept.append, found=kept[len(kept) // 2]),
        on_progress=lambda told: bars.append(told.bars_done),
    )

    assert len(kept) > 2
    assert next(bar for bar in bars if bar) > 512  # the first chunk was not run again
    assert resumed.result_hash == whole.result_hash
    assert len(whole.trades) > 50


def test_its_form_and_labels_are_known_on_this_side(tmp_path):
    strategy = strategy_from(on_bar_file(tmp_path), {})

    assert (strategy.form, strategy.labels) == ("on_bar", ("dip",))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "ctx.buy(symbol, shares=np.nan)",
            "ctx.buy of AAPL at the close of 20.* no positive number",
        ),
        ("raise ValueError('no')", r"own.py, line \d+: ValueError: no in `raise ValueError"),
        ("state[99].n += 1", "own.py.*: IndexError: .* at the close of 20"),
        (
            "ctx.borrow(symbol)",
            r"own.py, line \d+: Unknown attribute 'borrow' of ctx in `ctx.borrow",
        ),
        ("ctx.buy(symbol, cash=x)", r"own.py, line \d+: .*name.* 'x'"),
    ],
)
def test_what_is_wrong_with_it_is_told_with_line_or_date(tmp_path, panel, body, words):
    with pytest.raises(BacktestValidationError, match=words):
        run(on_bar_file(tmp_path, body), panel)


def test_an_input_that_looks_ahead_fails_the_run_and_is_named(tmp_path, panel):
    path = on_bar_file(tmp_path, inputs='{"later": np.roll(panel.close, -1, axis=0)}')

    with pytest.raises(LookAheadError, match=r"later of AAPL at 20.* changes when later bars"):
        run(path, panel)


def test_prices_put_aside_by_inputs_do_not_reach_the_compiled_code(tmp_path, panel):
    path = on_bar_file(
        tmp_path,
        "if HELD[min(ctx.bar + 1, 3000), symbol] > ctx.close(symbol):\n    ctx.buy(symbol, shares=1)",
        inputs="globals().update(HELD=panel.close) or {}",
    )

    with pytest.raises(BacktestValidationError, match="changed the global HELD"):
        run(path, panel)


ENDLESS = "while ctx.bar > 1000:\n    state[symbol].n += 1"


def test_an_endless_loop_is_stopped_at_once(tmp_path, panel):
    asked = threading.Event()
    path = on_bar_file(tmp_path, ENDLESS)
    strategy = strategy_from(path, {})
    seen = []

    def on_progress(progress):
        if progress.stage == "simulate":
            seen.append(progress.bars_done)
            threading.Timer(0.3, lambda: (seen.append(time.monotonic()), asked.set())).start()

    strategy.should_stop = asked.is_set
    with pytest.raises(Stopped):
        run_backtest(CONFIG, panel, strategy, clock=time.monotonic, on_progress=on_progress)

    assert time.monotonic() - seen[-1] < 1.0
    assert seen[0] == 512


def test_a_stop_between_chunks_keeps_what_there_is(tmp_path, panel):
    strategy = strategy_from(on_bar_file(tmp_path), {})
    asked = threading.Event()
    strategy.should_stop = asked.is_set

    result = run_backtest(
        CONFIG,
        panel,
        strategy,
        clock=time.monotonic,
        on_progress=lambda progress: asked.set() if progress.bars_done else None,
        should_stop=asked.is_set,
    )

    assert result.status == "cancelled"
    assert len(result.time_ns) == 512
    assert len(result.orders) > 0


def test_a_child_that_dies_in_the_middle_fails_the_run(tmp_path, panel):
    path = on_bar_file(tmp_path)
    strategy = strategy_from(path, {})

    def kill(progress):
        if progress.bars_done:
            for process in strategy_children():
                process.kill()

    with pytest.raises(ChildError, match="ended by SIGKILL"):
        run_backtest(CONFIG, panel, strategy, clock=time.monotonic, on_progress=kill)


def strategy_children():
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            if "--strategy-child" in process.cmdline():
                found.append(process)
    return found


def test_what_a_child_makes_up_is_no_result(tmp_path, panel):
    path = on_bar_file(tmp_path)
    path.write_text(
        path.read_text()
        + "\nfrom desktop.service.child import simulating\n"
        + "simulating.FarRun.answer = lambda self, *asked: ({'ok': True}, {'state': np.zeros(3)})\n"
    )

    with pytest.raises(ChildError, match="answered what is no result"):
        run(path, panel)


def test_arrays_of_the_file_are_no_way_around_what_is_shown(tmp_path, panel):
    path = on_bar_file(
        tmp_path,
        "if FOUND[ctx.bar + 1] > ctx.close(symbol):\n    ctx.buy(symbol, shares=1)",
        inputs="FOUND.__setitem__(slice(0, len(panel.close)), panel.close[:, 0]) or {}",
    )
    trusted(path, path.read_text().replace("class OwnP", "FOUND = np.zeros(5000)\nclass OwnP"))

    with pytest.raises(BacktestValidationError, match="on_bar uses FOUND, which is a ndarray"):
        run(path, panel)


def test_check_compiles_and_runs_it(tmp_path):
    found = check_file(on_bar_file(tmp_path, inputs='{"close": panel.close}'))

    assert (found.look_ahead, found.form, found.cuts) == ("", "on_bar", 20)
    with pytest.raises(BacktestValidationError, match="Unknown attribute 'borrow'"):
        check_file(on_bar_file(tmp_path, "ctx.borrow(symbol)", name="bad.py"))
