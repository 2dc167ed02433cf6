"""A run that the program's end cut off is taken up where it stood, and ends in the same bits."""

import json
import os
import subprocess
import sys

import pytest

from desktop.cli.app import run_cli
from desktop.service.facade import Service
from engine.config import parse_config
from engine.pacing import Transport
from storage import paths
from storage.checkpoints import Checkpoints
from tests.architecture.tree import ROOT

CONFIG = {
    "strategy": {"name": "sma_cross", "params": {"fast": 10, "slow": 30}},
    "data": {"source": "demo", "symbols": ["AAPL"]},
    # some 3,300 sessions in four seconds
    "pacing": {"mode": "accelerated", "acceleration_factor": 86.4 * 830},
}
# Runs at a walk, says how far it is, and is killed by whoever reads that.
RUNNER = """
import json, sys
from desktop.service import keeping
from desktop.service.facade import Service
from engine.config import parse_config

keeping.CHECKPOINT_SECONDS = 0.0
with Service.open() as service:
    run_id = service.submit(parse_config(json.loads(sys.argv[1])))
    print(run_id, flush=True)
    service.execute(run_id, lambda progress: print(progress.bars_done, flush=True))
"""


def killed_run() -> str:
    """Start a run in another process, kill it with -9 in the middle, and return its id."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, json.dumps(CONFIG)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        while int(process.stdout.readline()) < 1000:
            pass
        process.kill()
    return run_id


def whole_run(service: Service) -> str:
    """Run the same without a cut and return its hash."""
    run_id = service.submit(parse_config({**CONFIG, "pacing": {}}))
    result = service.execute(run_id).result
    assert result is not None
    return result.result_hash


@pytest.mark.needs_posix
def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_bits():
    run_id = killed_run()

    with Service.open() as service:
        found = [run.run_id for run in service.interrupted()]
        seen: list[int] = []
        resumed = service.execute(
            run_id,
            lambda p: seen.append(p.bars_done) if p.stage == "simulate" else None,
            transport=Transport(),
        )
        expected = whole_run(service)

    assert found == [run_id]
    assert resumed.record.status == "completed"
    assert resumed.result is not None
    assert resumed.result.result_hash == expected
    assert seen[0] >= 1000
    assert not Checkpoints().has(run_id)


@pytest.mark.needs_posix
def test_the_command_lists_resumes_and_refuses_what_was_not_interrupted(capsys):
    run_id = killed_run()

    codes = [run_cli(["resume", "--json"])]
    listed = json.loads(capsys.readouterr().out)
    codes.append(run_cli(["resume", run_id[:13], "--json"]))
    resumed = json.loads(capsys.readouterr().out)
    codes.append(run_cli(["resume", run_id]))

    assert codes == [0, 0, 1]
    assert listed["items"] == [{"run_id": run_id, "can_resume": True}]
    assert resumed["status"] == "completed"
    assert "was not interrupted: it is completed" in capsys.readouterr().err


@pytest.mark.needs_posix
def test_a_damaged_checkpoint_leaves_the_run_interrupted_and_it_can_be_restarted(capsys):
    run_id = killed_run()
    file = paths.data_dir() / "checkpoints" / f"{run_id}.tbckpt"
    file.write_bytes(file.read_bytes()[:-100])

    refused = run_cli(["resume", run_id])
    told = capsys.readouterr().err
    restarted = run_cli(["resume", run_id, "--restart", "--json"])
    fresh = json.loads(capsys.readouterr().out)

    assert (refused, restarted) == (1, 0)
    assert "damaged" in told
    assert fresh["run_id"] != run_id
    assert fresh["status"] == "completed"
    assert run_cli(["resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == []


@pytest.mark.needs_posix
def test_a_discarded_run_goes_to_the_trash_with_its_checkpoint(capsys):
    run_id = killed_run()

    code = run_cli(["resume", run_id, "--discard"])

    assert code == 0
    assert "trash" in capsys.readouterr().out
    assert not Checkpoints().has(run_id)
    with Service.open() as service:
        assert service.interrupted() == []
