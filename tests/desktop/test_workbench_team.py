"""The team's database in the window: a run made while the server is away waits here, and arrives there once."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.actions import Command
from tests.desktop.workbench import Desk, at_work
from tests.postgres import Cluster
from tests.storage.servers import profile_of
from tests.storage.sync_worlds import runs_there, set_up


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
