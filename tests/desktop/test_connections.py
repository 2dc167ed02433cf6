"""Connections by mouse and keyboard: test, save, run on the trader's own database, and no password on the disk."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialogButtonBox, QLineEdit
from pytestqt.qtbot import QtBot

from desktop.presenters.run import RunState
from desktop.views.connection_dialog import ConnectionDialog
from desktop.views.password_dialog import PasswordDialog
from storage.credentials import entry_of
from storage.profiles import Profile, ProfileStore
from tests.desktop.workbench import Desk
from tests.postgres import Server, free_port
from tests.secrets import assert_no_secret
from tests.storage.market_tables import create_tables, day, fill
from tests.storage.servers import profile_of

SECRET = "correct horse battery"
LOGIN = "window_trader"


def fill_market(connection: psycopg.Connection) -> None:
    """Make the default tables with 300 days of one share and of the index."""
    create_tables(connection)
    days = [
        str(day("2020-01-01").fromordinal(day("2020-01-01").toordinal() + n)) for n in range(300)
    ]
    closes = [100 + 20 * ((n // 25) % 2) + n % 25 for n in range(300)]
    fill(
        connection,
        "daily_prices",
        [
            ("005930", when, close, close + 1, close - 1, close, 1000)
            for when, close in zip(days, closes, strict=True)
        ],
    )
    fill(
        connection,
        "index_daily_prices",
        [("KOSPI", when, 2000 + n) for n, when in enumerate(days)],
    )


@pytest.fixture
def market(postgres_server: Server) -> Iterator[Profile]:
    """The profile of a database of prices, for a login that may only read it."""
    name = postgres_server.create_database(postgres_server.template("window", fill_market))
    dsn = postgres_server.dsn_of(name)
    postgres_server.execute(f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{SECRET}'")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {LOGIN}")
    yield profile_of(dsn, name="Prices", user=LOGIN)
    postgres_server.drop_database(name)
    postgres_server.execute(f"DROP ROLE {LOGIN}")


def opened(desk: Desk) -> ConnectionDialog:
    dialog = desk.bench.open_connections()
    desk.qtbot.addWidget(dialog)
    desk.wait_for(lambda: desk.bench.door.is_idle)
    return dialog


def fill_in(desk: Desk, dialog: ConnectionDialog, profile: Profile, password: str) -> None:
    """Type a profile into the dialog."""
    values = profile.model_dump()
    for name, editor in dialog.fields.items():
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(values[name]))
        else:
            retype(desk.qtbot, editor, "" if values[name] is None else str(values[name]))
    retype(desk.qtbot, dialog.password, password)


def retype(qtbot: QtBot, line: QLineEdit, text: str) -> None:
    line.selectAll()
    qtbot.keyClick(line, Qt.Key.Key_Delete)
    qtbot.keyClicks(line, text)


def outcome(desk: Desk, dialog: ConnectionDialog) -> str:
    desk.wait_for(lambda: desk.bench.door.is_idle)
    return dialog.outcome.text()


def set_up_on(desk: Desk, source: str = "Prices") -> None:
    desk.set_up(
        data={"source": source, "symbols": ["005930"], "benchmark": "KOSPI"},
        account={"currency": "KRW"},
    )


def asked(desk: Desk) -> PasswordDialog:
    """Press Run and return the question for a password."""
    desk.press(Qt.Key.Key_R)
    desk.wait_for(lambda: bool(desk.bench.window.findChildren(PasswordDialog)))
    (dialog,) = desk.bench.window.findChildren(PasswordDialog)
    return dialog


def test_the_test_says_what_it_found(desk: Desk, market: Profile) -> None:
    dialog = opened(desk)
    fill_in(desk, dialog, market, SECRET)

    desk.click(dialog.test)
    said = outcome(desk, dialog)

    assert "Connected to PostgreSQL" in said
    assert "no TimescaleDB" in said or "TimescaleDB 2" in said
    assert "public.daily_prices: found" in said
    assert "public.index_daily_prices: found" in said


def test_without_a_connection_the_dialog_says_what_to_do(desk: Desk) -> None:
    dialog = opened(desk)

    assert dialog._empty.words.startswith("No connections yet")
    assert dialog._left.currentWidget() is dialog._empty
    assert dialog.fields["name"].hasFocus()


@pytest.mark.parametrize(
    ("changes", "password", "said"),
    [
        ({}, "wrong " + SECRET, "password"),
        ({"host": "nowhere.invalid"}, SECRET, "nowhere.invalid"),
        ({"port": free_port()}, SECRET, "127.0.0.1"),
        ({"database": "nothing_here"}, SECRET, "nothing_here"),
    ],
    ids=["password", "host", "port", "database"],
)
def test_the_test_names_the_stage_that_failed(
    desk: Desk, market: Profile, changes: dict[str, object], password: str, said: str
) -> None:
    dialog = opened(desk)
    fill_in(desk, dialog, market.model_copy(update=changes), password)

    desk.click(dialog.test)

    assert said in outcome(desk, dialog)
    assert dialog.outcome.property("role") == "error"
    assert dialog.test.isEnabled()


def test_a_field_that_is_wrong_says_so_and_nothing_is_saved(desk: Desk, market: Profile) -> None:
    dialog = opened(desk)
    fill_in(desk, dialog, market, SECRET)
    retype(desk.qtbot, dialog.fields["port"], "many")

    desk.click(dialog.save)
    outcome(desk, dialog)

    assert dialog.problem("port")
    assert desk.profiles.all() == ()


def test_saving_puts_the_password_into_the_keyring_and_nowhere_else(
    desk: Desk, market: Profile, tmp_path: Path
) -> None:
    dialog = opened(desk)
    fill_in(desk, dialog, market, SECRET)

    desk.click(dialog.save)
    said = outcome(desk, dialog)

    assert said == "Saved. The password is in the system's keyring."
    assert dialog.password.text() == ""
    assert list(desk.keyring.entries.values()) == [SECRET]
    assert ProfileStore().get("Prices") == market
    assert_no_secret(tmp_path, SECRET)


def test_a_run_on_the_database_shows_prices_and_benchmark(
    desk: Desk, market: Profile, tmp_path: Path
) -> None:
    dialog = opened(desk)
    fill_in(desk, dialog, market, SECRET)
    desk.click(dialog.save)
    outcome(desk, dialog)
    dialog.close()
    set_up_on(desk)

    desk.press(Qt.Key.Key_R)
    desk.wait_idle()

    stored = desk.bench.service.load(desk.newest().run_id)
    assert stored.record.status == "completed"
    assert stored.result is not None
    assert len(stored.result.time_ns) == 300
    assert len(stored.result.trades) > 0
    assert stored.result.benchmark is not None
    assert stored.result.metrics["benchmark_return"] == pytest.approx(2299 / 2000 - 1)
    assert desk.bench.window.result.charts.price.message == ""
    assert_no_secret(tmp_path, SECRET)


def test_a_password_that_nobody_keeps_is_asked_for_once_a_session(
    desk: Desk, market: Profile, tmp_path: Path
) -> None:
    desk.profiles.save(market)
    set_up_on(desk)

    dialog = asked(desk)
    assert desk.bench.run.state is RunState.IDLE
    desk.qtbot.keyClicks(dialog.password, SECRET)
    desk.qtbot.keyClick(dialog.password, Qt.Key.Key_Return)
    desk.wait_for(lambda: len(desk.runs()) == 1)
    desk.wait_idle()
    desk.press(Qt.Key.Key_R)
    desk.wait_for(lambda: len(desk.runs()) == 2)
    desk.wait_idle()

    assert [run.status for run in desk.runs()] == ["completed"] * 2
    assert desk.keyring.entries == {}
    assert_no_secret(tmp_path, SECRET)


def test_without_the_password_the_run_is_not_started_and_it_says_why(
    desk: Desk, market: Profile
) -> None:
    desk.profiles.save(market)
    set_up_on(desk)

    dialog = asked(desk)
    cancel = dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel)
    desk.click(cancel)

    desk.wait_for(lambda: bool(desk.message()))
    assert desk.message() == f"Not run: Prices needs the password of {LOGIN}."
    assert desk.runs() == ()
    assert desk.can_run()


def test_the_source_of_finer_bars_is_asked_for_its_password_too(
    desk: Desk, market: Profile
) -> None:
    other = market.model_copy(update={"name": "Minutes", "user": "minute_trader"})
    desk.profiles.save(market)
    desk.profiles.save(other)
    desk.set_up(
        data={"source": "Prices", "symbols": ["005930"], "finer": "1m", "finer_source": "Minutes"},
        execution={"intrabar": "magnifier"},
        account={"currency": "KRW"},
    )

    first = asked(desk)
    desk.qtbot.keyClicks(first.password, SECRET)
    desk.click(first.run)
    asking = desk.bench.passwords
    desk.wait_for(lambda: asking._waiting is not None and asking._waiting[1].name == "Minutes")
    desk.wait_for(lambda: len(desk.bench.window.findChildren(PasswordDialog)) == 1)
    (second,) = desk.bench.window.findChildren(PasswordDialog)
    desk.click(second.buttons.button(QDialogButtonBox.StandardButton.Cancel))
    desk.wait_for(lambda: bool(desk.message()))

    assert desk.message() == "Not run: Minutes needs the password of minute_trader."
    assert desk.runs() == ()
    assert desk.can_run()


def test_a_wrong_password_is_asked_for_again(desk: Desk, market: Profile) -> None:
    desk.profiles.save(market)
    set_up_on(desk)

    dialog = asked(desk)
    desk.qtbot.keyClicks(dialog.password, "wrong " + SECRET)
    desk.click(dialog.run)
    desk.wait_for(lambda: len(desk.runs()) == 1)
    desk.wait_idle()
    assert desk.newest().status == "failed"

    dialog = asked(desk)
    desk.qtbot.keyClicks(dialog.password, SECRET)
    desk.click(dialog.run)
    desk.wait_for(lambda: len(desk.runs()) == 2)
    desk.wait_idle()
    assert desk.newest().status == "completed"


def test_a_wrong_password_in_the_keyring_is_tried_once_and_then_asked_for(
    desk: Desk, market: Profile
) -> None:
    desk.profiles.save(market)
    desk.keyring.entries[entry_of(market)] = "wrong " + SECRET
    set_up_on(desk)

    desk.bench.start_run()
    desk.wait_for(lambda: len(desk.runs()) == 1)
    desk.wait_idle()
    assert desk.newest().status == "failed"
    dialog = asked(desk)
    desk.qtbot.keyClicks(dialog.password, SECRET)
    desk.click(dialog.run)
    desk.wait_for(lambda: len(desk.runs()) == 2)
    desk.wait_idle()

    assert desk.newest().status == "completed"


def test_run_pressed_twice_asks_once(desk: Desk, market: Profile) -> None:
    desk.profiles.save(market)
    set_up_on(desk)

    desk.bench.start_run()
    desk.bench.start_run()
    desk.wait_for(lambda: desk.bench.door.is_idle)

    assert len(desk.bench.window.findChildren(PasswordDialog)) == 1


def test_removing_a_profile_removes_its_password(desk: Desk, market: Profile) -> None:
    dialog = opened(desk)
    fill_in(desk, dialog, market, SECRET)
    desk.click(dialog.save)
    outcome(desk, dialog)

    dialog.list.setCurrentRow(0)
    desk.click(dialog.remove)
    outcome(desk, dialog)

    assert desk.profiles.all() == ()
    assert desk.keyring.entries == {}
    assert dialog.list.count() == 0
