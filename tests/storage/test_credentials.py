"""Passwords go to a real keyring or stay in memory, whatever the keyring does."""

import importlib
import threading
from collections.abc import Callable, Iterator

import pytest
from keyring import errors
from keyring.backend import KeyringBackend

from storage.credentials import ACCEPTED, LONGEST, Answer, Credentials, KeyringState, entry_of
from storage.profiles import Profile, make_profile

SECRET = "correct horse battery"


class Memory:
    """A keyring that works."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise errors.PasswordDeleteError("not found")
        del self.entries[service, username]


class Raising:
    """A keyring that answers every call with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error

    def set_password(self, service: str, username: str, password: str) -> None:
        raise self.error

    def delete_password(self, service: str, username: str) -> None:
        raise self.error


class Hanging(Memory):
    """A keyring that waits for somebody to unlock it."""

    def __init__(self) -> None:
        super().__init__()
        self.unlocked = threading.Event()
        self.calls = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.calls += 1
        self.unlocked.wait(20)
        return super().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.calls += 1
        self.unlocked.wait(20)
        super().set_password(service, username, password)


class Null(Memory):
    """A keyring that forgets: what the library calls the null back end does this."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class Garbling(Memory):
    """A keyring that cuts what it is given."""

    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password[:5])


class Chain:
    """Several keyrings behind one another."""

    def __init__(self, *backends: object) -> None:
        self.backends = backends


Chain.__module__, Chain.__qualname__ = "keyring.backends.chainer", "ChainerBackend"


def trusting(backend: object, deadline_s: float = 5.0) -> Credentials:
    """Credentials over a double whose class is taken for a real keyring's."""
    kinds = (Memory, Raising, Hanging, Null, Garbling)
    accepted = frozenset(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
    return Credentials(lambda: backend, accepted=accepted, deadline_s=deadline_s)


def profile(**values: object) -> Profile:
    return make_profile({"name": "M", "database": "market", "user": "trader", **values})


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    backend = Hanging()
    yield backend
    backend.unlocked.set()


def test_a_saved_password_comes_back_from_the_keyring() -> None:
    backend = Memory()
    trusting(backend).save(profile(), SECRET)

    answer = trusting(backend).load(profile())

    assert (answer.state, answer.password, answer.from_memory) == (KeyringState.OK, SECRET, False)
    assert backend.entries == {("Tradebench localhost:5432/market", "trader"): SECRET}


def test_server_database_and_user_each_have_an_entry_of_their_own() -> None:
    others: list[dict[str, object]] = [
        {},
        {"host": "b"},
        {"port": 1},
        {"database": "b"},
        {"user": "b"},
    ]

    entries = {entry_of(profile(**values)) for values in others}

    assert len(entries) == len(others)
    assert entry_of(profile(name="Other", colour="#000000")) == entry_of(profile())


def test_a_removed_password_is_missing() -> None:
    credentials = trusting(Memory())
    credentials.save(profile(), SECRET)

    assert credentials.delete(profile()).state is KeyringState.OK
    assert credentials.load(profile()).state is KeyringState.MISSING_ENTRY
    assert credentials.delete(profile()).state is KeyringState.MISSING_ENTRY


def test_an_entry_that_vanished_is_asked_for() -> None:
    backend = Memory()
    credentials = trusting(backend)
    credentials.save(profile(), SECRET)
    backend.entries.clear()

    answer = credentials.load(profile())

    assert answer.state is KeyringState.MISSING_ENTRY
    assert "Type it once" in answer.detail


FAILURES = [
    pytest.param(lambda: Raising(errors.KeyringLocked("x")), KeyringState.LOCKED, id="locked"),
    pytest.param(
        lambda: Raising(errors.InitError("Prompt dismissed")), KeyringState.LOCKED, id="dismissed"
    ),
    pytest.param(lambda: Raising(errors.NoKeyringError("x")), KeyringState.ABSENT, id="absent"),
    pytest.param(lambda: Raising(errors.PasswordSetError("x")), KeyringState.DENIED, id="denied"),
    pytest.param(lambda: Raising(OSError("D-Bus fell over")), KeyringState.DENIED, id="broken"),
    pytest.param(Null, KeyringState.DENIED, id="null"),
    pytest.param(Garbling, KeyringState.DENIED, id="garbling"),
]


@pytest.mark.parametrize(("make", "state"), FAILURES)
def test_a_password_works_for_the_session_whatever_the_keyring_does(
    make: Callable[[], object], state: KeyringState
) -> None:
    backend = make()
    credentials = trusting(backend)

    saved = credentials.save(profile(), SECRET)
    loaded = credentials.load(profile())

    assert saved.state is state
    assert "asked for next time" in saved.detail
    assert (loaded.state, loaded.password, loaded.from_memory) == (KeyringState.OK, SECRET, True)
    assert trusting(backend).load(profile()).password is None


@pytest.mark.parametrize(("make", "state"), FAILURES[:5])
def test_a_failure_to_read_or_remove_is_told_by_its_state(
    make: Callable[[], object], state: KeyringState
) -> None:
    credentials = trusting(make())

    assert credentials.load(profile()).state is state
    assert credentials.check().state is state
    assert credentials.delete(profile()).state is state


def test_what_a_keyring_garbled_is_not_left_in_it() -> None:
    backend = Garbling()

    trusting(backend).save(profile(), SECRET)

    assert backend.entries == {}


def test_a_keyring_that_hangs_is_given_up_on_and_not_asked_again_meanwhile(
    hanging: Hanging,
) -> None:
    credentials = trusting(hanging, deadline_s=0.05)

    states = [credentials.load(profile()).state for _ in range(3)]

    assert states == [KeyringState.TIMEOUT] * 3
    assert hanging.calls == 1
    assert credentials.save(profile(), SECRET).state is KeyringState.TIMEOUT
    assert credentials.load(profile()).password == SECRET


def test_a_password_too_long_for_some_keyrings_is_kept_in_memory_alone() -> None:
    backend = Memory()
    credentials = trusting(backend)

    answer = credentials.save(profile(), "x" * (LONGEST + 1))

    assert answer.state is KeyringState.DENIED
    assert "1,200" in answer.detail
    assert backend.entries == {}


@pytest.mark.parametrize("backend", [Memory(), Null(), Chain(Memory(), Null()), Chain()])
def test_a_keyring_that_is_not_on_the_list_is_none(backend: object) -> None:
    credentials = Credentials(lambda: backend)

    assert credentials.save(profile(), SECRET).state is KeyringState.ABSENT
    assert credentials.check().state is KeyringState.ABSENT
    assert getattr(backend, "entries", {}) == {}


def test_in_a_chain_only_the_trusted_keyring_gets_the_password() -> None:
    plain, real = type("Plaintext", (Memory,), {})(), Memory()

    trusting(Chain(plain, real)).save(profile(), SECRET)

    assert plain.entries == {}
    assert list(real.entries.values()) == [SECRET]


def test_the_list_names_classes_that_the_library_has() -> None:
    parts = [name.rpartition(".") for name in ACCEPTED]

    classes = [getattr(importlib.import_module(module), name) for module, _, name in parts]

    assert all(issubclass(found, KeyringBackend) for found in classes)


def test_a_password_is_not_in_what_is_printed_of_an_answer() -> None:
    assert SECRET not in repr(Answer(KeyringState.OK, SECRET))


def test_a_remembered_password_is_never_stored() -> None:
    backend = Memory()
    credentials = trusting(backend)

    credentials.remember(profile(), SECRET)

    assert credentials.load(profile()).from_memory
    assert backend.entries == {}


@pytest.mark.parametrize("keep", [Credentials.remember, Credentials.save])
def test_a_password_that_the_server_refused_is_not_given_out_again(
    keep: Callable[[Credentials, Profile, str], object],
) -> None:
    credentials = trusting(Memory())
    keep(credentials, profile(), "wrong " + SECRET)

    credentials.refuse(profile(), credentials.load(profile()).password)
    refused = credentials.load(profile())
    keep(credentials, profile(), "wrong " + SECRET)
    again = credentials.load(profile())
    keep(credentials, profile(), SECRET)
    right = credentials.load(profile())

    assert (refused.state, refused.password) == (KeyringState.REFUSED, None)
    assert "Type the right one" in refused.detail
    assert again == refused
    assert (right.state, right.password) == (KeyringState.OK, SECRET)


def test_a_login_that_works_after_all_gives_its_password_back() -> None:
    credentials = trusting(Memory())
    credentials.remember(profile(), SECRET)
    credentials.refuse(profile(), SECRET)

    credentials.accept(profile())

    assert credentials.load(profile()).password == SECRET


def test_a_new_password_replaces_one_that_was_only_remembered() -> None:
    backend = Memory()
    credentials = trusting(backend)
    credentials.remember(profile(), "old password")

    credentials.save(profile(), SECRET)

    assert credentials.load(profile()) == Answer(KeyringState.OK, SECRET)
