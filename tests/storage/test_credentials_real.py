"""The password in a real keyring daemon, on a D-Bus of the test's own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.secrets import assert_no_secret

pytestmark = pytest.mark.heavy

SECRET = "correct horse battery"
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
import secretstorage
from storage.credentials import Credentials
from storage.profiles import make_profile

profile = make_profile({"name": "M", "database": "market", "user": "trader"})
def state(answer):
    return [answer.state.value, answer.password == sys.argv[1]]
said = {
    "check": state(Credentials().check()),
    "empty": state(Credentials().load(profile)),
    "save": state(Credentials().save(profile, sys.argv[1])),
    "load": state(Credentials().load(profile)),
    "delete": state(Credentials().delete(profile)),
    "deleted": state(Credentials().load(profile)),
}
Credentials().save(profile, sys.argv[1])
bus = secretstorage.dbus_init()
secretstorage.get_default_collection(bus).lock()
said["locked"] = state(Credentials(deadline_s=5).load(profile))
bus.close()
print(json.dumps(said))
"""


def run_with_keyring(home: Path, *command: str) -> str:
    """Run a command on a new bus with an unlocked keyring in an empty home; return its output."""
    for program in ("dbus-run-session", "gnome-keyring-daemon"):
        assert shutil.which(program), f"install {program}: this test must not be left out"
    runtime = home / "runtime"
    runtime.mkdir(parents=True, mode=0o700)
    outside = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "PYTHON_KEYRING_BACKEND")
    environment = {key: value for key, value in os.environ.items() if key not in outside}
    environment |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(ROOT)}
    environment |= {"XDG_DATA_HOME": str(home / "data"), "XDG_CACHE_HOME": str(home / "cache")}
    unlock = "printf unlocking | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", f'{unlock} && exec "$@"', "sh", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_real_keyring_keeps_gives_and_removes_a_password(tmp_path: Path) -> None:
    output = run_with_keyring(tmp_path, sys.executable, "-c", PROGRAM, SECRET)

    assert json.loads(output) == {
        "check": ["ok", False],
        "empty": ["missing_entry", False],
        "save": ["ok", True],
        "load": ["ok", True],
        "delete": ["ok", False],
        "deleted": ["missing_entry", False],
        "locked": ["locked", False],
    }
    assert_no_secret(tmp_path, SECRET)
