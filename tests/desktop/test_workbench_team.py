"""The team's database in the window: a run made while the server is away waits here, and arrives there once."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel
from pytestqt.qtbot import QtBot

from desktop.actions import Command
from desktop.views.password_dialog import PasswordDialog
from storage.credentials import entry_of
from tests.desktop.workbench import Desk, at_work
from tests.postgres import Cluster
from tests.secrets import assert_no_secret
from tests.storage.servers import profile_of
from tests.storage.sync_worlds import runs_there, set_up

SECRET = "correct horse battery"
LOGIN = "team_member"


def share(desk: Desk, cluster: Cluster) -> None:
    """Keep a profile of the team's database, and let the window look."""
    desk.profiles.save(profile_of(cluster.dsn, name="Team", purpose="shared", read_only=False))
    desk.bench.health.look_again()
    desk.wait_for(lambda: desk.bench.door.is_idle)


def run(desk: Desk) -> str:
    desk.set_up()
    run_id = desk.run_to_end().run_id
    desk.wait_for(lambda: desk.bench.door.is_idle)
    return run_id


def team_light(desk: Desk) -> str:
    return desk.bench.window.status.light_text("shared")


def test_a_run_made_while_the_server_is_away_is_kept_and_arrives_once_when_it_is_back(
    desk: Desk, own_cluster: Cluster
) -> None:
    set_up(own_cluster.dsn)
    share(desk, own_cluster)
    own_cluster.stop()

    run_id = run(desk)
    assert desk.newest().status == "completed"
    assert "out of reach" in team_light(desk)
    assert "1 run waits" in team_light(desk)
    assert desk.bench.window.status.sync_text() == "1 waiting to be sent"

    own_cluster.start()
    desk.bench.actions[Command.SYNC_NOW].trigger()
    desk.bench.actions[Command.SYNC_NOW].trigger()
    desk.wait_for(lambda: "has every finished run" in team_light(desk))
    desk.wait_for(lambda: desk.bench.door.is_idle)
    desk.bench.health.sync_now()
    desk.wait_for(lambda: desk.bench.door.is_idle)

    assert runs_there(own_cluster.dsn) == [run_id]
    assert desk.bench.window.status.sync_text() == ""


def test_a_run_is_sent_in_the_background_as_soon_as_it_has_ended(
    desk: Desk, own_cluster: Cluster
) -> None:
    set_up(own_cluster.dsn)
    share(desk, own_cluster)

    run_id = run(desk)

    assert runs_there(own_cluster.dsn) == [run_id]
    assert "Team has every finished run" in team_light(desk)


def test_a_server_that_does_not_answer_does_not_hold_the_window_up(
    desk: Desk, own_cluster: Cluster
) -> None:
    set_up(own_cluster.dsn)
    share(desk, own_cluster)
    desk.set_up()

    with own_cluster.frozen():
        desk.press(Qt.Key.Key_R)
        desk.wait_for(lambda: not desk.bench.tasks.alive)
        assert desk.newest().status == "completed"
        desk.type_into("strategy.params.slow", "60")
        desk.press(Qt.Key.Key_R)
        desk.wait_for(lambda: not desk.bench.tasks.alive)
        assert [one.status for one in desk.runs()] == ["completed"] * 2


def test_a_restart_still_knows_what_waits(
    qtbot: QtBot, qapp: QApplication, own_cluster: Cluster
) -> None:
    with at_work(qtbot, qapp) as desk:
        run_id = run(desk)

    set_up(own_cluster.dsn)
    with at_work(qtbot, qapp) as desk:
        share(desk, own_cluster)
        desk.wait_for(lambda: "has every finished run" in team_light(desk))

    assert runs_there(own_cluster.dsn) == [run_id]


# the team's password


@pytest.fixture
def team(own_cluster: Cluster) -> Cluster:
    """A team's server that wants a password."""
    set_up(own_cluster.dsn)
    own_cluster.execute(f"CREATE ROLE {LOGIN} SUPERUSER LOGIN PASSWORD '{SECRET}'")
    return own_cluster


def join(desk: Desk, team: Cluster, password: str | None = None) -> None:
    """Keep the team's profile, and a password for it in the keyring."""
    profile = profile_of(team.dsn, name="Team", purpose="shared", read_only=False, user=LOGIN)
    desk.profiles.save(profile)
    if password is not None:
        desk.keyring.entries[entry_of(profile)] = password


def questions(desk: Desk) -> list[PasswordDialog]:
    return [d for d in desk.bench.window.findChildren(PasswordDialog) if d.isVisible()]


def question(desk: Desk) -> PasswordDialog:
    desk.wait_for(lambda: len(questions(desk)) == 1)
    return questions(desk)[0]


def refusals(team: Cluster) -> int:
    return team.log_text().count(f'authentication failed for user "{LOGIN}"')


def test_a_password_that_is_missing_is_asked_for_and_the_run_arrives(
    desk: Desk, team: Cluster, tmp_path: Path
) -> None:
    join(desk, team)
    run_id = run(desk)

    dialog = question(desk)
    assert not dialog.isModal()
    assert desk.can_run()  # the window behind stays usable
    assert dialog.run.text() == "Send"
    desk.qtbot.keyClicks(dialog.password, SECRET)
    desk.qtbot.keyClick(dialog.password, Qt.Key.Key_Return)
    desk.wait_for(lambda: "has every finished run" in team_light(desk))

    assert runs_there(team.dsn) == [run_id]
    assert questions(desk) == []
    assert refusals(team) == 0
    assert desk.keyring.entries == {}
    assert_no_secret(tmp_path, SECRET)


def test_not_now_holds_until_the_person_asks_to_send(desk: Desk, team: Cluster) -> None:
    join(desk, team)
    run(desk)

    desk.click(question(desk).buttons.button(QDialogButtonBox.StandardButton.Cancel))
    desk.wait_for(lambda: "until Team has a password" in desk.message())
    run(desk)
    desk.bench.health.sync()
    desk.wait_idle()
    assert questions(desk) == []
    assert "wants a password; 2 runs wait" in team_light(desk)

    desk.bench.actions[Command.SYNC_NOW].trigger()
    dialog = question(desk)
    desk.qtbot.keyClicks(dialog.password, SECRET)
    desk.click(dialog.run)
    desk.wait_for(lambda: "has every finished run" in team_light(desk))

    assert len(runs_there(team.dsn)) == 2


def test_a_wrong_password_is_tried_once_and_then_asked_for(desk: Desk, team: Cluster) -> None:
    join(desk, team, "wrong " + SECRET)
    run_id = run(desk)

    dialog = question(desk)
    assert refusals(team) == 1
    assert "did not take the password" in dialog.findChild(QLabel, "reason").text()
    desk.bench.actions[Command.SYNC_NOW].trigger()
    desk.bench.health.sync()
    desk.wait_idle()
    desk.bench.start_run()  # the keyboard is in the question
    desk.wait_for(lambda: len(desk.runs()) == 2)
    desk.wait_idle()
    assert len(questions(desk)) == 1
    assert refusals(team) == 1

    desk.qtbot.keyClicks(dialog.password, "wrong " + SECRET)
    desk.click(dialog.run)
    desk.wait_idle()
    assert refusals(team) == 1  # the same wrong one is not sent a second time
    dialog = question(desk)
    desk.qtbot.keyClicks(dialog.password, SECRET)
    desk.click(dialog.run)
    desk.wait_for(lambda: "has every finished run" in team_light(desk))

    assert run_id in runs_there(team.dsn)
    assert refusals(team) == 1


def test_a_server_that_wants_no_password_asks_nobody(desk: Desk, own_cluster: Cluster) -> None:
    set_up(own_cluster.dsn)
    share(desk, own_cluster)

    run_id = run(desk)

    assert questions(desk) == []
    assert runs_there(own_cluster.dsn) == [run_id]
