"""The person's own strategy files on the command line: written, checked, agreed to once, run, refused as cheats."""

import json

import pytest

from desktop.cli.app import run_cli
from desktop.service.child.proxy import end_children
from desktop.service.facade import Service
from storage import paths
from tests.desktop.ownfiles import signals_file

pytestmark = pytest.mark.needs_posix


@pytest.fixture(autouse=True)
def children():
    yield
    end_children()


def told(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def run_file(tmp_path, strategy, *more: str) -> int:
    config = tmp_path / "run.toml"
    config.write_text(
        f'[strategy]\nname = "{strategy}"\n[data]\nsymbols = ["AAPL"]\nstart = 2008-01-02\n'
    )
    return run_cli(["run", str(config), "--json", *more])


@pytest.mark.parametrize("form", ["signals", "targets", "on_bar"])
def test_a_new_file_works_as_it_is(capsys, form):
    assert run_cli(["strategy", "new", "my_idea", "--form", form]) == 0
    path = paths.strategies_dir() / "my_idea.py"
    capsys.readouterr()

    code = run_cli(["strategy", "check", str(path), "--trust", "--json"])

    found = told(capsys)
    assert code == 0
    assert (found["name"], found["title"], found["form"]) == ("my_idea", "My idea", form)
    assert (found["look_ahead"], found["warmup"]) == ("", "")
    assert found["cuts"] == 20


def test_nothing_is_written_over_and_a_bad_name_is_refused(capsys):
    run_cli(["strategy", "new", "mine"])

    codes = [run_cli(["strategy", "new", "mine"]), run_cli(["strategy", "new", "../evil"])]

    assert codes == [1, 2]
    assert "There is a file" in capsys.readouterr().err


def test_a_version_is_agreed_to_once_and_a_change_asks_again(tmp_path, capsys):
    path = signals_file(tmp_path)
    path.write_text(path.read_text() + "# not agreed to\n")

    codes = [run_file(tmp_path, path)]
    refused = told(capsys)
    codes += [run_file(tmp_path, path, "--trust"), run_file(tmp_path, path)]
    capsys.readouterr()
    path.write_text(path.read_text() + "# changed\n")
    codes.append(run_file(tmp_path, path))

    assert codes == [2, 0, 0, 2]
    assert refused["error"]["kind"] == "untrusted"
    assert "--trust" in refused["error"]["hint"]


def test_a_run_of_a_file_is_like_that_of_a_built_in_strategy(tmp_path, capsys):
    path = signals_file(
        tmp_path,
        "fast, slow = moving(panel.close, 10), moving(panel.close, 20)\n"
        "return Signals(enter_long=fast > slow, exit_long=fast < slow)",
    )
    path.write_text(path.read_text().replace("return self.params.bars", "return 20"))
    assert run_file(tmp_path, path, "--trust") == 0
    own = told(capsys)
    assert run_file(tmp_path, "sma_cross") == 0
    ours = told(capsys)

    assert own["metrics"]["total_trades"] == ours["metrics"]["total_trades"]
    assert own["metrics"]["final_balance"] == ours["metrics"]["final_balance"]


def test_look_ahead_fails_the_run_and_names_bar_and_symbol(tmp_path, capsys):
    path = signals_file(
        tmp_path, "n = np.roll(panel.close, -1, axis=0)\nreturn Signals(enter_long=n > panel.close)"
    )

    code = run_file(tmp_path, path)

    error = told(capsys)["error"]
    assert code == 2
    assert "Look-ahead: enter_long of AAPL at 20" in error["message"]
    with Service.open() as service:
        (run,) = service.history().items
        assert run.status == "failed"


def test_check_is_thorough_when_asked_and_names_what_it_found(tmp_path, capsys):
    honest, cheat = (
        signals_file(tmp_path),
        signals_file(
            tmp_path,
            "late = (panel.time_ns > panel.time_ns[-40])[:, None]\n"
            "n = np.roll(panel.close, -1, axis=0)\n"
            "return Signals(enter_long=(n > panel.close) & late)",
            name="cheat.py",
        ),
    )

    codes = [run_cli(["strategy", "check", str(honest), "--thorough", "--json"])]
    all_bars = told(capsys)
    codes.append(run_cli(["strategy", "check", str(cheat), "--thorough", "--json"]))

    assert codes == [0, 4]
    assert all_bars["cuts"] == all_bars["bars"] - 1
    assert "Look-ahead" in told(capsys)["look_ahead"]


def test_a_warm_up_that_is_too_short_is_told(tmp_path, capsys):
    path = signals_file(
        tmp_path,
        "m = pd.DataFrame(panel.close).ewm(span=200, adjust=False).mean().to_numpy()\n"
        "return Signals(enter_long=panel.close > m)",
    )

    code = run_cli(["strategy", "check", str(path), "--json"])

    assert code == 4
    assert "the declared 10 bars are too few" in told(capsys)["warmup"]


def test_the_list_has_built_in_own_and_saved(tmp_path, capsys):
    run_cli(["strategy", "new", "mine"])
    (paths.strategies_dir() / "broken.py").write_text("def (")
    capsys.readouterr()

    assert run_cli(["strategy", "list", "--json"]) == 0

    items = told(capsys)["items"]
    assert {"built in", "file"} <= {item["kind"] for item in items}
    own = {item["title"]: item["summary"] for item in items if item["kind"] == "file"}
    assert own["mine"] == "not run before in this version"
    assert "SyntaxError" in own["broken"]
