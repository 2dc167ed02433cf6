"""The door to storage: what waits behind it does not keep the window from living."""

import time
from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from desktop.tasks.aio import Door
from tests.desktop.million import Heartbeat
from tests.desktop.workbench import Desk

LIVELY_MS = 50.0


def test_the_window_lives_while_storage_takes_a_second(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, figure: Callable[[str], None]
) -> None:
    store = desk.bench.service.store
    read = store.list

    def slow(*args: object, **kwargs: object) -> object:
        time.sleep(1.0)
        return read(*args, **kwargs)

    monkeypatch.setattr(store, "list", slow)
    begun = time.monotonic()
    with Heartbeat() as heart:
        desk.bench.history.refresh()
        desk.wait_for(lambda: desk.bench.door.is_idle)

    figure(f"largest gap while storage took a second: {heart.largest_gap_ms:.1f} ms")
    assert time.monotonic() - begun >= 1.0
    assert len(heart.beats) > 50
    assert heart.largest_gap_ms < 10 * LIVELY_MS


def test_calls_run_beside_each_other(qtbot: QtBot, door: Door) -> None:
    async def wait() -> None:
        await door.call(time.sleep, 0.4)

    begun = time.monotonic()
    for _ in range(3):
        door.start(wait())
    qtbot.waitUntil(lambda: door.is_idle, timeout=5000)

    assert 0.4 <= time.monotonic() - begun < 1.1


def test_what_nobody_catches_is_told(qtbot: QtBot, door: Door) -> None:
    error = ValueError("planted")

    def fail() -> None:
        raise error

    async def ask() -> None:
        await door.call(fail)

    with qtbot.waitSignal(door.failed, timeout=5000) as told:
        door.start(ask())

    assert told.args == [error]
    assert door.is_idle


def test_a_result_comes_back_to_who_awaits_it(qtbot: QtBot, door: Door) -> None:
    found: list[int] = []

    async def ask() -> None:
        found.append((await door.call(divmod, 17, 5))[1])

    door.start(ask())
    qtbot.waitUntil(lambda: door.is_idle, timeout=5000)

    assert found == [2]
