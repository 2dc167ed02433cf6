"""Connection profiles keep everything but the password."""

import stat
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BacktestNotFoundError, BacktestValidationError
from storage.profiles import Profile, ProfileStore, from_dsn, make_profile
from tests.secrets import assert_no_secret

SECRET = "correct horse battery"


def profile(name: Any = "Market", **values: Any) -> Profile:
    return make_profile({"name": name, "database": "market", "user": "trader", **values})


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    store = ProfileStore(tmp_path / "profiles.toml")
    saved = profile(
        "시세 서버", host="db.example", port=6432, colour="#aa3300", sslrootcert="/ca.pem"
    )

    store.save(saved)

    assert store.get("시세 서버") == saved
    assert ProfileStore(tmp_path / "profiles.toml").all() == (saved,)


def test_encryption_with_proof_is_the_default() -> None:
    assert profile().sslmode == "verify-full"
    assert profile().is_verified


def test_saving_twice_is_the_same_as_once(tmp_path: Path) -> None:
    store = ProfileStore(tmp_path / "profiles.toml")
    store.save(profile())
    once = store.path.read_text(encoding="utf-8")

    store.save(profile())

    assert store.path.read_text(encoding="utf-8") == once


def test_a_comment_in_the_file_survives_a_change(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text('# mine\n[Old]\ndatabase = "a"\nuser = "b"\n', encoding="utf-8")

    ProfileStore(path).save(profile("New"))

    assert path.read_text(encoding="utf-8").startswith("# mine\n[Old]")


def test_a_deleted_profile_is_gone_and_the_others_stay(tmp_path: Path) -> None:
    store = ProfileStore(tmp_path / "profiles.toml")
    store.save(profile("A"))
    store.save(profile("B"))

    store.delete("A")

    assert [p.name for p in store.all()] == ["B"]
    with pytest.raises(BacktestNotFoundError, match="'A'"):
        store.delete("A")


@pytest.mark.needs_posix
def test_the_file_is_for_its_owner_alone_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    store = ProfileStore(tmp_path / "profiles.toml")

    store.save(profile())

    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [store.path]


def test_a_password_in_the_file_is_refused_without_repeating_it(tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(f'[M]\ndatabase="a"\nuser="b"\npassword="{SECRET}"\n', encoding="utf-8")

    with pytest.raises(BacktestValidationError, match="keyring") as caught:
        ProfileStore(path).all()

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "[M] password" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"hots": "x"}, "hots"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"sslmode": "prefer"}, "sslmode"),
        ({"name": "demo"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": ""}, "name"),
        ({"host": "db\nevil"}, "host"),
        ({"user": "tr\u202eader"}, "user"),
        ({"colour": "red"}, "colour"),
        ({"purpose": "both"}, "purpose"),
        ({"sslmode": "require", "sslrootcert": "/ca.pem"}, ""),
    ],
)
def test_what_cannot_be_is_refused_by_name(values: dict[str, object], field: str) -> None:
    with pytest.raises(BacktestValidationError) as caught:
        profile(**values)

    assert caught.value.problems[0].field == field


@pytest.mark.parametrize("text", ["[A\n", "a = 1\n", "[A]\nuser = 1\ndatabase='x'\n"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(BacktestValidationError, match=r"profiles\.toml"):
        ProfileStore(path).all()


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://trader:s%40cret+pw@db.example:6432/market?sslmode=verify-ca&sslrootcert=/ca.pem",
        "postgresql+psycopg://trader:s%40cret+pw@db.example:6432/market"
        "?sslmode=verify-ca&sslrootcert=/ca.pem",
        "host=db.example port=6432 dbname=market user=trader password='s@cret+pw' sslmode=verify-ca"
        " sslrootcert=/ca.pem",
    ],
)
def test_a_connection_string_is_split_from_its_password(text: str) -> None:
    found, password = from_dsn(text, name="M")

    assert password == "s@cret+pw"
    assert found == profile(
        "M", host="db.example", port=6432, sslmode="verify-ca", sslrootcert="/ca.pem"
    )


def test_a_connection_string_cannot_weaken_encryption_silently() -> None:
    found, _ = from_dsn("postgresql://u@h/d?sslmode=prefer", name="M")

    assert found.sslmode == "verify-full"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:topsecretpw@h/d?nonsense=1",
        "nonsense topsecretpw",
        "passfile=/x dbname=d user=u",
    ],
)
def test_a_connection_string_that_is_not_understood_is_refused_without_repeating_it(
    text: str,
) -> None:
    with pytest.raises(BacktestValidationError) as caught:
        from_dsn(text, name="M")

    assert "topsecretpw" not in "".join(traceback.format_exception(caught.value))


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=30))
def test_a_password_survives_a_connection_string_and_never_reaches_a_profile(password: str) -> None:
    found, got = from_dsn(f"postgresql://u:{quote(password, safe='')}@host.example/d", name="M")

    assert got == password
    assert found == profile("M", host="host.example", database="d", user="u")


def test_no_password_is_written_on_the_way_from_connection_string_to_file(tmp_path: Path) -> None:
    found, _ = from_dsn(f"postgresql://u:{SECRET.replace(' ', '%20')}@h/d", name="M")

    ProfileStore(tmp_path / "profiles.toml").save(found)

    assert_no_secret(tmp_path, SECRET)
