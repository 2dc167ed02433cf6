"""``tradebench --self-test``: one backtest through every part of the program, in seconds and without a display.

Run, save, close, open again, load, hash anew, draw, export, read back: each step says one line, the first that fails
ends it with code 1. It works in a home of its own unless `TRADEBENCH_HOME` names one, and is how a bundle shows that
nothing was left out of it.
"""

import csv
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from engine.market import Panel
    from storage.records import StoredRun

WIDTH: Final = 1200
HEIGHT: Final = 800
_LEAST_COLOURS: Final = 16
_LEAST_INK: Final = 0.005  # share of pixels that are not the most frequent colour
_BANDS: Final = 4

Say = Callable[[str], None]


class SelfTestFailed(Exception):
    """A step did not give what it must."""


@dataclass
class _Run:
    """What steps hand on."""

    folder: Path
    stored: "StoredRun | None" = None
    panel: "Panel | None" = None

    @property
    def loaded(self) -> "StoredRun":
        if self.stored is None:
            raise SelfTestFailed("there is no run")
        return self.stored


def self_test(say: Say) -> int:
    """Do all steps, say one line for each, and return the exit code."""
    from desktop.service.kernel_cache import prepare

    began = time.perf_counter()
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    prepare()  # before the home changes: what is compiled here serves the program, too
    with ExitStack() as stack:
        run = _Run(_home(stack))
        for name, step in _STEPS:
            at = time.perf_counter()
            try:
                found = step(run)
            except Exception as error:
                say(f"FAILED  {name}: {_words(error)}")
                return 1
            say(f"ok      {name}: {found} ({time.perf_counter() - at:.1f} s)")
    say(f"self-test passed in {time.perf_counter() - began:.1f} s")
    return 0


def check_picture(image: "QImage") -> str:
    """Refuse a picture that is empty, in whole or in one of its horizontal bands; return what it has.

    Raises:
        SelfTestFailed: it has too few colours, or a band of one colour.
    """
    pixels = _pixels(image)
    colours, counts = np.unique(pixels, return_counts=True)
    if len(colours) < _LEAST_COLOURS:
        raise SelfTestFailed(
            f"the picture has {len(colours)} colours, {_LEAST_COLOURS} or more are right"
        )
    paper = colours[counts.argmax()]
    for number, band in enumerate(np.array_split(pixels, _BANDS), 1):
        if float((band != paper).mean()) < _LEAST_INK:
            raise SelfTestFailed(f"band {number} of {_BANDS} of the picture is empty")
    share = float((pixels != paper).mean())
    return f"{image.width()} x {image.height()}, {len(colours)} colours, {share:.0%} drawn on"


def check_export(file: Path, run: "StoredRun") -> str:
    """Refuse a trade file whose profits do not add up to the run's; return what it has.

    Profits of closed trades and what open positions stand at make the profit of the run, to half of the last digit that
    is kept per trade.

    Raises:
        SelfTestFailed: rows or money are missing.
    """
    result = run.result
    if result is None:
        raise SelfTestFailed("the run has no result")
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if len(rows) != len(result.trades) or not rows:
        raise SelfTestFailed(f"{len(rows)} rows for {len(result.trades)} trades")
    closed = sum((Decimal(row["net_pnl"]) for row in rows), Decimal(0))
    still_open = Decimal(sum(position.pnl for position in result.open_positions))
    told = Decimal(float(result.metrics["final_pnl"] or 0.0))
    slack = Decimal("0.00005") * (len(rows) + len(result.open_positions) + 1)
    if abs(closed + still_open - told) > slack:
        raise SelfTestFailed(
            f"the trades add up to {closed + still_open:.4f}, the run made {told:.4f}"
        )
    return f"{len(rows)} trades add up to {closed:,.2f}, with open positions {told:,.2f}"


def _home(stack: ExitStack) -> Path:
    """Return the folder to work in: the home that the environment names, or one that is gone afterwards."""
    from storage.paths import HOME_VARIABLE, data_dir

    if os.environ.get(HOME_VARIABLE):
        return data_dir()
    folder = Path(tempfile.mkdtemp(prefix="tradebench-self-test-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    stack.callback(os.environ.pop, HOME_VARIABLE, None)
    os.environ[HOME_VARIABLE] = str(folder)
    return folder


def _load_parts(_run: _Run) -> str:
    """Load what is otherwise first met with a server, a keyring or a calendar."""
    import psycopg

    from desktop.display import why_no_window
    from storage import calendars
    from storage.credentials import Credentials
    from storage.opening import known_revisions

    if reason := why_no_window():
        raise SelfTestFailed(reason)
    keyring = Credentials(deadline_s=5.0).check().state
    return (
        f"{len(calendars.names())} calendars, {len(known_revisions())} database steps, "
        f"psycopg {psycopg.__version__} ({psycopg.pq.__impl__}), keyring {keyring.value}"
    )


def _simulate(run: _Run) -> str:
    from desktop.service.demo import demo_config
    from desktop.service.facade import Service

    panels: list[Panel] = []
    with Service.open() as service:
        run.stored = service.execute(service.submit(demo_config()), on_panel=panels.append)
    run.panel = panels[0]
    result = run.stored.result
    if result is None or run.stored.record.status != "completed":
        raise SelfTestFailed(f"the run is {run.stored.record.status}")
    return f"{len(result.time_ns):,} bars, {len(result.trades)} trades, saved as {run.stored.record.short_id}"


def _load_again(run: _Run) -> str:
    from desktop.service.facade import Service
    from engine.result import hash_result

    with Service.open() as service:
        loaded = service.load(run.loaded.record.run_id)
        stored_hash = service.store.recompute_hash(loaded.record.run_id)
    result, before = loaded.result, run.loaded.result
    if result is None or before is None:
        raise SelfTestFailed("the run came back without its result")
    anew = hash_result(result.fills, result.time_ns, result.curve.equity)
    if not anew == stored_hash == before.result_hash == loaded.record.result_hash:
        raise SelfTestFailed(f"the result was {before.result_hash}, it is {anew} now")
    run.stored = loaded
    return f"the same result, {anew[:12]}"


def _draw(run: _Run) -> str:
    from PySide6.QtGui import QImage

    from desktop.app import make_application
    from desktop.charts.stack import ChartStack
    from desktop.presenters.state import view_of
    from desktop.theme import apply_theme
    from desktop.views.run_charts import charts_of

    app = make_application()
    theme = apply_theme(app, "light")
    view = view_of(run.loaded, run.panel)
    if view is None:
        raise SelfTestFailed("there is nothing to draw")
    drawn = charts_of(view)
    stack = ChartStack(theme.tokens)
    stack.resize(WIDTH, HEIGHT)
    stack.show_curves(drawn.curves, view.title, "benchmark")
    if drawn.prices is None:
        raise SelfTestFailed("the prices of the run are missing")
    stack.show_prices(drawn.prices, drawn.trades, view.result.symbols[drawn.symbol])
    file = run.folder / "self-test.png"
    saved = stack.grab().save(str(file))
    stack.deleteLater()
    if not saved:
        raise SelfTestFailed(f"{file} can't be written")
    found = check_picture(QImage(str(file)))
    file.unlink()
    return found


def _export(run: _Run) -> str:
    from desktop.service.facade import Service

    file = run.folder / "self-test.csv"
    with Service.open() as service:
        service.export_trades_csv(run.loaded.record.run_id, file)
    found = check_export(file, run.loaded)
    file.unlink()
    return found


def _pixels(image: "QImage") -> NDArray[np.uint32]:
    from PySide6.QtGui import QImage

    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    if plain.isNull():
        return np.zeros((1, 1), np.uint32)
    rows = np.frombuffer(plain.constBits(), np.uint32)
    return rows.reshape(plain.height(), plain.bytesPerLine() // 4)[:, : plain.width()]


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, SelfTestFailed) else f"{type(error).__name__}: {error}"


_STEPS: Final[tuple[tuple[str, Callable[[_Run], str]], ...]] = (
    ("parts", _load_parts),
    ("run", _simulate),
    ("reload", _load_again),
    ("chart", _draw),
    ("export", _export),
)
