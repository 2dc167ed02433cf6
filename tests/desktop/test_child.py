"""Strategy files in a process of their own: an honest one runs as if it were ours, a hostile one fails and is gone."""

import os
import re
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from desktop.service import kernel_cache
from desktop.service.child import frames, limits, parcels
from desktop.service.child.limits import Limits
from desktop.service.child.process import Child, ChildError
from desktop.service.child.proxy import (
    UntrustedError,
    end_children,
    strategy_from,
    trusted_strategy,
)
from engine.config import DataConfig
from engine.errors import BacktestValidationError
from engine.market import Panel
from engine.strategies.registry import describe
from storage.errors import Stopped
from storage.market.catalog import load_panel
from tests.desktop.ownfiles import HONEST, signals_file

pytestmark = pytest.mark.needs_posix
SHORT = Limits(memory_bytes=2 << 30, answer_seconds=6.0, output_bytes=1 << 20)


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


def ask(path: Path, panel: Panel, bounds: Limits = SHORT, **more):
    with Child(path, bounds) as child:
        question = {"task": "signals", "params": {}, "cuts": 0, "patience": 0.0}
        return child.ask(question, None, panel, **more)


def test_an_honest_file_says_what_it_would_say_in_here(tmp_path, panel):
    strategy = strategy_from(signals_file(tmp_path), {"bars": 7})

    said = strategy.signals(panel)

    average = panel.close[:7].mean(axis=0)
    assert said.enter_long.shape == panel.close.shape
    assert said.enter_long[6].tolist() == (panel.close[6] > average).tolist()
    assert not said.enter_long[:6].any()
    assert (strategy.name, strategy.warmup_bars(), strategy.form) == ("own", 7, "signals")
    assert strategy.cuts_asked == 20


def test_its_declared_parameters_make_a_form_like_ours(tmp_path):
    (info,) = describe(type(strategy_from(signals_file(tmp_path), {})))

    assert (info.name, info.title, info.kind, info.default) == ("bars", "Bars", "int", 10)
    assert (info.minimum, info.maximum, info.step) == (2, 100, 1.0)


def test_a_parameter_out_of_range_is_refused_under_its_name(tmp_path):
    with pytest.raises(BacktestValidationError) as refused:
        strategy_from(signals_file(tmp_path), {"bars": 1})

    assert refused.value.field == "strategy.params.bars"


def test_a_version_that_nobody_agreed_to_is_not_run(tmp_path):
    path = signals_file(tmp_path, head=f"open({str(tmp_path / 'ran')!r}, 'w')")
    path.write_text(path.read_text() + "\n# another version\n")

    with pytest.raises(UntrustedError, match="has not been run before in this version"):
        trusted_strategy(path, {})

    assert not (tmp_path / "ran").exists()


def test_a_changed_file_is_run_as_it_is_now(tmp_path):
    first = strategy_from(signals_file(tmp_path), {})
    second = strategy_from(signals_file(tmp_path, head="# changed\n"), {})

    assert first.source_hash() != second.source_hash()


PANDAS = """
frame = pd.DataFrame(panel.close, columns=panel.symbols)
average = frame.rolling(self.params.bars).mean()
return Signals(enter_long=(frame > average)[list(reversed(panel.symbols))], exit_long=frame < average)
"""


def test_pandas_is_taken_and_its_columns_are_put_in_order(tmp_path, panel):
    plain = strategy_from(signals_file(tmp_path), {}).signals(panel)
    pandas = strategy_from(signals_file(tmp_path, PANDAS, name="p.py"), {}).signals(panel)

    assert plain.enter_long.tobytes() == pandas.enter_long.tobytes()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 1", "signals() returned int"),
        ("return Signals(enter_long=panel.close[:5] > 1)", "enter_long has shape (5, 2)"),
        ("return Signals(enter_long=panel.close)", "and type float64"),
        ("x = 1\nreturn x / 0", "own.py, line"),
        ("return undefined_name", "NameError"),
        ("panel.close[0] = 1.0\nreturn Signals()", "read-only"),
    ],
)
def test_what_is_no_answer_is_told_with_file_line_and_reason(tmp_path, panel, body, words):
    with pytest.raises(BacktestValidationError) as told:
        ask(signals_file(tmp_path, body), panel)

    assert words in str(told.value)


def test_the_line_and_its_text_are_named(tmp_path, panel):
    path = signals_file(tmp_path, "y = panel.close\nreturn y.no_such_thing")

    with pytest.raises(BacktestValidationError) as told:
        ask(path, panel)

    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "no_such" in text)
    assert f"own.py, line {line}: AttributeError" in str(told.value)
    assert "in `return y.no_such_thing`" in str(told.value)
    assert "Traceback" in "".join(told.value.__notes__)


def test_a_syntax_error_is_told_by_its_line(tmp_path):
    with pytest.raises(BacktestValidationError, match=r"own\.py:\d+: SyntaxError"):
        strategy_from(signals_file(tmp_path, "return (("), {})


HOSTILE = {
    "an endless loop that ignores signals": (
        "for s in (signal.SIGTERM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)\n"
        "while True:\n    try:\n        time.sleep(0.1)\n    except BaseException: pass",
        "did not answer within 6 seconds",
    ),
    "memory without bound": (
        "held = []\nwhile True: held.append(np.empty(10_000_000))",
        "MemoryError",
    ),
    "one huge array": ("return np.ones(int(25e9))", "MemoryError"),
    "recursion without end": (
        "def f(n): return f(n + 1)\nreturn f(0)",
        "RecursionError",
    ),
    "a segmentation fault": ("os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
    "an exit that looks like success": ("os._exit(0)", "without an answer (exit code 0)"),
    "an exit": ("sys.exit(3)", "SystemExit"),
    "a flood of output": (
        "while True: print('x' * 100_000)",
        "printed without end",
    ),
    "a huge file": (
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nopen('f', 'wb').write(bytes(60 << 20))",
        "File too large",
    ),
    "processes that have children": (
        "while True:\n    if os.fork() == 0: time.sleep(60)\n    time.sleep(0.05)",
        "did not answer",
    ),
    "a frame of its own making": (
        "os.write(1, b'x' * 100)\nos._exit(0)",
        "without an answer",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_fails_with_a_reason_and_is_gone(tmp_path, panel, case):
    body, words = HOSTILE[case]
    memory = psutil.Process().memory_info().rss

    with pytest.raises((ChildError, BacktestValidationError), match=re.escape(words)):
        ask(signals_file(tmp_path, body), panel)

    assert psutil.Process().memory_info().rss - memory < 20 << 20
    assert [p.name() for p in psutil.process_iter(["name"]) if _is_of(p, tmp_path)] == []


def _is_of(process: psutil.Process, folder: Path) -> bool:
    try:
        return "--strategy-child" in process.cmdline() and process.ppid() == os.getpid()
    except psutil.Error:
        return False


def test_a_child_that_is_asked_to_stop_is_gone_at_once(tmp_path, panel, figure):
    asked: list[float] = []
    stop = threading.Event()
    timer = threading.Timer(1.5, lambda: (asked.append(time.monotonic()), stop.set()))
    timer.start()

    with pytest.raises(Stopped):
        ask(signals_file(tmp_path, "while True: pass"), panel, should_stop=stop.is_set)

    took = time.monotonic() - asked[0]
    timer.join()
    figure(f"a busy child was ended in {took:.3f} s, goal 0.2 s")
    assert took < 2.0


def test_it_has_neither_our_environment_nor_our_home(tmp_path, panel, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "s3cret-of-the-test")
    body = "raise RuntimeError(repr(sorted(os.environ)) + os.environ['HOME'] + os.getcwd())"

    with pytest.raises(BacktestValidationError) as told:
        ask(signals_file(tmp_path, body), panel)

    assert "PGPASSWORD" not in str(told.value)
    assert "DBUS_SESSION_BUS_ADDRESS" not in str(told.value)
    assert "tradebench-child-" in str(told.value)


def test_what_it_prints_is_no_answer_but_told_when_it_dies(tmp_path, panel):
    body = "print('the last words')\nos._exit(1)"

    with pytest.raises(ChildError, match="It printed last: the last words"):
        ask(signals_file(tmp_path, body), panel)


def test_a_panel_arrives_as_it_was_and_cannot_be_written(tmp_path, panel):
    parcels.write_panel(panel, tmp_path / "panel")

    there = parcels.read_panel(tmp_path / "panel")

    assert there.content_hash() == panel.content_hash()
    with pytest.raises(ValueError, match="read-only"):
        there.close[0, 0] = 1.0


@pytest.mark.parametrize("at", [0, 8, 45, -1])
def test_a_damaged_frame_is_no_frame(tmp_path, at):
    file = tmp_path / "frame"
    with file.open("wb") as stream:
        frames.send(stream, frames.pack({"ok": True}))
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)

    with file.open("rb") as stream, pytest.raises((frames.FrameError, MemoryError, EOFError)):
        frames.receive(stream)


def test_what_holds_a_child_is_known_by_name():
    assert limits.barrier() in ("limits", "bubblewrap")


CHEATS = {
    "a shift to the left": "n = np.roll(panel.close, -1, axis=0)\nreturn Signals(enter_long=n > panel.close)",
    "a centred window": "m = pd.DataFrame(panel.close).rolling(5, center=True).mean().to_numpy()\n"
    "return Signals(enter_long=panel.close > m)",
    "normalising by the whole": "return Signals(enter_long=panel.close > panel.close.mean(axis=0))",
    "a fit on everything": "x = np.arange(panel.n_bars)\n"
    "l = np.stack([np.polyval(np.polyfit(x, c, 1), x) for c in panel.close.T], axis=1)\n"
    "return Signals(enter_long=panel.close > l)",
    "filling backwards": "w = panel.close.copy(); w[::3] = np.nan\n"
    "return Signals(enter_long=pd.DataFrame(w).bfill().to_numpy() > panel.open)",
    "the highest high to come": "h = pd.DataFrame(panel.high[::-1]).rolling(5).max().to_numpy()[::-1]\n"
    "return Signals(enter_long=h > 1.05 * panel.close)",
    "the last price": "return Signals(enter_long=panel.close < panel.close[-1])",
    "the month's end from its start": "m = panel.time_ns.astype('M8[ns]').astype('M8[M]').astype(int)\n"
    "e = pd.DataFrame(panel.close).groupby(m).transform('last').to_numpy()\n"
    "return Signals(enter_long=e > panel.close)",
    "ranks over time": "return Signals(enter_long=pd.DataFrame(panel.close).rank(pct=True).to_numpy() < 0.3)",
    "an exit that knows": "n = np.roll(panel.close, -2, axis=0)\n"
    "return Signals(enter_long=panel.close > 0, exit_long=n < panel.close)",
}
HONEST_ONES = {
    "averages": HONEST.strip("\n").replace("        ", ""),
    "a shift to the right": "p = np.vstack([panel.close[:1], panel.close[:-1]])\n"
    "return Signals(enter_long=panel.close > p)",
    "a running mean of all so far": "m = pd.DataFrame(panel.close).expanding().mean().to_numpy()\n"
    "return Signals(enter_long=panel.close > m)",
    "an exponential average": "m = pd.DataFrame(panel.close).ewm(span=9).mean().to_numpy()\n"
    "return Signals(enter_long=panel.close > m)",
    "filling forwards": "w = panel.close.copy(); w[::3] = np.nan\n"
    "return Signals(enter_long=pd.DataFrame(w).ffill().to_numpy() > panel.open)",
    "the highest high so far": "h = np.maximum.accumulate(panel.high, axis=0)\n"
    "return Signals(exit_long=panel.close > 0.99 * h)",
    "the weekday": "d = (panel.time_ns // 86_400_000_000_000 + 3) % 7\n"
    "return Signals(enter_long=np.repeat((d == 0)[:, None], panel.n_symbols, 1))",
    "volume": "m = moving(panel.volume, 20)\nreturn Signals(enter_long=panel.volume > 2 * m)",
    "ranks across symbols": "return Signals(enter_long=pd.DataFrame(panel.close).rank(axis=1).to_numpy() > 1)",
    "nothing": "return Signals()",
}


@pytest.mark.parametrize("case", CHEATS)
def test_a_cheat_is_found_and_named(tmp_path, panel, case):
    strategy = strategy_from(signals_file(tmp_path, CHEATS[case]), {})

    with pytest.raises(BacktestValidationError, match=r"Look-ahead: \w+ of (AAPL|IBM) at \d{4}-"):
        strategy.signals(panel)


@pytest.mark.parametrize("case", HONEST_ONES)
def test_an_honest_strategy_gives_no_alarm(tmp_path, panel, case):
    strategy = strategy_from(signals_file(tmp_path, HONEST_ONES[case]), {})

    strategy.signals(panel)

    assert strategy.cuts_asked == 20


def test_what_a_child_compiles_is_found_by_no_other_file(tmp_path, monkeypatch):
    shared = tmp_path / "kernels"
    (shared / "place").mkdir(parents=True)
    (shared / "place" / "trade.nbi").write_bytes(b"compiled")
    monkeypatch.setenv(kernel_cache.VARIABLE, str(shared))
    one, other = "1" * 64, "2" * 64

    folders = [kernel_cache.prepare_for(digest) for digest in (one, other, one)]

    assert folders[0] == folders[2] != folders[1]
    assert shared not in folders
    link = folders[0] / "place" / "trade.nbi"
    assert link.is_symlink()
    assert link.read_bytes() == b"compiled"
    link.unlink()
    link.write_bytes(b"mine")
    assert kernel_cache.prepare_for(one) == folders[0]
    assert link.read_bytes() == b"mine"
    assert (folders[1] / "place" / "trade.nbi").read_bytes() == b"compiled"


def test_the_program_as_one_folder_is_in_sight_wherever_it_lies(monkeypatch):
    monkeypatch.setattr(limits, "barrier", lambda: "bubblewrap")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/tmp/somewhere/tradebench")

    said = limits.behind_barrier(["program"], [], [])

    place = said.index("/tmp/somewhere")
    assert said[place - 1] == "--ro-bind"
    assert place > said.index("/tmp")  # shown after its folder was hidden
