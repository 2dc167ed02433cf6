"""The search for passwords finds them in every form in which one gets written down."""

import base64
from pathlib import Path

import pytest

from tests.secrets import assert_no_secret, plant_in_database

SECRET = "pa$$ wörd/+1"


@pytest.mark.parametrize(
    "written",
    [
        SECRET.encode(),
        SECRET.encode("utf-16"),
        SECRET.encode().hex().upper().encode(),
        b"postgresql://me:pa%24%24%20w%C3%B6rd%2F%2B1@host/db",
        base64.b64encode(SECRET.encode()),
        base64.b64encode(b"x" + SECRET.encode() + b"yz"),
        base64.b64encode(b"me:" + SECRET.encode()),
        base64.urlsafe_b64encode(b"ab" + SECRET.encode() + b"c"),
    ],
)
def test_a_secret_is_found_in_every_form(tmp_path: Path, written: bytes) -> None:
    folder = tmp_path / "deep" / "down"
    folder.mkdir(parents=True)
    (folder / "log").write_bytes(b"before " + written + b" after")

    with pytest.raises(AssertionError, match="log"):
        assert_no_secret(tmp_path, SECRET)


def test_a_secret_is_found_inside_a_database(tmp_path: Path) -> None:
    plant_in_database(tmp_path / "runs.sqlite", f"connected with {SECRET}")

    with pytest.raises(AssertionError, match=r"runs\.sqlite"):
        assert_no_secret(tmp_path, SECRET)


def test_other_text_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("connected as trader to localhost:5432/market", encoding="utf-8")

    assert_no_secret(tmp_path, SECRET)
