"""Passwords, in the operating system's keyring and nowhere else. The only module that talks to it.

What a keyring library calls a keyring may be a plain file, or a hole in which passwords vanish. So
only the real ones are accepted, by the name of their class; what was written is read back and
compared; and because a locked keyring can wait for ever for somebody to unlock it, each call has a
thread of its own and a deadline. Never call this from the thread that draws the window.

Whatever the keyring does, a password that was typed works until the program ends: it is kept in
memory, and asked for again next time.
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar, cast

import keyring
from keyring import errors

from storage.profiles import Profile
from storage.stopping import ShouldStop, never, taken

ACCEPTED: Final = frozenset(
    {
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.kwallet.DBusKeyringKWallet4",
        "keyring.backends.macOS.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
    }
)
CHAINER: Final = "keyring.backends.chainer.ChainerBackend"
DEADLINE_SECONDS: Final = 30.0
LONGEST: Final = 1_200  # characters: what Windows stores, with room to spare

T = TypeVar("T")


class KeyringState(StrEnum):
    """What came of a call to the keyring."""

    OK = "ok"  # the password was read, written or removed
    LOCKED = "locked"  # the keyring is locked: unlock it and try again
    ABSENT = "absent"  # this computer has no keyring that we trust
    DENIED = "denied"  # the keyring refused, or did not keep what it was given
    TIMEOUT = "timeout"  # the keyring did not answer
    MISSING_ENTRY = "missing_entry"  # the keyring works, and has no such password
    REFUSED = "refused"  # there is a password, and the server did not take it


@dataclass(frozen=True)
class Answer:
    """What the keyring said.

    Attributes:
        state: what came of it.
        password: the password, also where it comes from memory; never shown by ``repr``.
        detail: one sentence for the person, with what to do; empty when all is well.
        from_memory: the password was typed in this session and will be asked for again in the next.
    """

    state: KeyringState
    password: str | None = field(default=None, repr=False)
    detail: str = ""
    from_memory: bool = False


class Backend(Protocol):
    """The part of a keyring that we use."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return a password, or None."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""

    def delete_password(self, service: str, username: str) -> None:
        """Remove a password."""


class Credentials:
    """The passwords of connection profiles: one entry per server, database and user."""

    def __init__(
        self,
        find_backend: Callable[[], object] = keyring.get_keyring,
        *,
        accepted: frozenset[str] = ACCEPTED,
        deadline_s: float = DEADLINE_SECONDS,
    ) -> None:
        """Prepare; the keyring is first looked for when it is needed."""
        self._find_backend = find_backend
        self._accepted = accepted
        self._deadline_s = deadline_s
        self._memory: dict[tuple[str, str], str] = {}
        self._refused: dict[tuple[str, str], set[str]] = {}
        self._pending: threading.Thread | None = None
        self._lock = threading.Lock()

    def load(self, profile: Profile, should_stop: ShouldStop = never) -> Answer:
        """Return the password of a profile: the one typed in this session, or the keyring's.

        One that the server has refused is not given a second time: accounts are locked for that.

        Raises:
            Stopped: ``should_stop`` said so while the keyring was waited for.
        """
        entry = entry_of(profile)
        refused = self._refused.get(entry, set())
        if entry in self._memory:
            if self._memory[entry] in refused:
                return _answer(KeyringState.REFUSED)
            return Answer(KeyringState.OK, self._memory[entry], from_memory=True)

        def read(backend: Backend) -> Answer:
            password = backend.get_password(*entry)
            if password is None:
                return _answer(KeyringState.MISSING_ENTRY)
            if password in refused:
                return _answer(KeyringState.REFUSED)
            return Answer(KeyringState.OK, password)

        return self._ask(read, should_stop)

    def save(self, profile: Profile, password: str, should_stop: ShouldStop = never) -> Answer:
        """Keep a password in the keyring; where that fails, in memory until the program ends."""
        entry = entry_of(profile)
        self._memory[entry] = password
        if len(password) > LONGEST:
            return _answer(
                KeyringState.DENIED,
                f"the password is longer than the {LONGEST:,} characters that every keyring keeps",
            )

        def write(backend: Backend) -> Answer:
            backend.set_password(*entry, password)
            if backend.get_password(*entry) == password:
                return Answer(KeyringState.OK, password)
            with contextlib.suppress(errors.KeyringError):
                backend.delete_password(*entry)
            return _answer(KeyringState.DENIED, "it did not give back what it was given")

        answer = self._ask(write, should_stop)
        if answer.state is KeyringState.OK:
            self._memory.pop(entry, None)
        return answer

    def remember(self, profile: Profile, password: str) -> None:
        """Keep a password in memory alone, for people who do not want it stored."""
        self._memory[entry_of(profile)] = password

    def refuse(self, profile: Profile, password: str | None) -> None:
        """Note that the server did not take a password; it is not given out again in this session."""
        if password:
            self._refused.setdefault(entry_of(profile), set()).add(password)

    def accept(self, profile: Profile) -> None:
        """Note that the server lets this login in after all."""
        self._refused.pop(entry_of(profile), None)

    def delete(self, profile: Profile, should_stop: ShouldStop = never) -> Answer:
        """Remove the password from memory and keyring; removing what is not there is fine."""
        entry = entry_of(profile)
        self._memory.pop(entry, None)

        def remove(backend: Backend) -> Answer:
            if backend.get_password(*entry) is None:
                return _answer(KeyringState.MISSING_ENTRY)
            backend.delete_password(*entry)
            return Answer(KeyringState.OK)

        return self._ask(remove, should_stop)

    def check(self, should_stop: ShouldStop = never) -> Answer:
        """Say whether this computer has a keyring that we trust and that answers."""

        def look(backend: Backend) -> Answer:
            backend.get_password("Tradebench", "check")
            return Answer(KeyringState.OK)

        return self._ask(look, should_stop)

    def _ask(self, work: Callable[[Backend], Answer], should_stop: ShouldStop = never) -> Answer:
        """Run one call in a thread of its own, and turn whatever happens into an answer."""

        def call() -> Answer:
            backend = _trusted(self._find_backend(), self._accepted)
            return _answer(KeyringState.ABSENT) if backend is None else work(backend)

        def attempt(seconds: float) -> bool:
            return self._lock.acquire(timeout=seconds)

        if not taken(attempt, self._deadline_s, should_stop):
            return _answer(KeyringState.TIMEOUT)
        try:
            if self._pending is not None and self._pending.is_alive():
                return _answer(KeyringState.TIMEOUT)  # no second thread behind one that hangs
            outcome = _Outcome[Answer]()
            self._pending = threading.Thread(
                target=outcome.run, args=(call,), name="keyring", daemon=True
            )
            self._pending.start()
            if not taken(outcome.done.wait, self._deadline_s, should_stop):
                return _answer(KeyringState.TIMEOUT)
        finally:
            self._lock.release()
        return _failure(outcome.error) if outcome.value is None else outcome.value


class _Outcome(Generic[T]):
    """What a thread leaves behind."""

    def __init__(self) -> None:
        self.value: T | None = None
        self.error: Exception | None = None
        self.done = threading.Event()

    def run(self, call: Callable[[], T]) -> None:
        try:
            self.value = call()
        except Exception as error:  # back ends raise whatever their platform raises
            self.error = error
        self.done.set()


def entry_of(profile: Profile) -> tuple[str, str]:
    """Return service and user of an entry, as the person sees them in the system's own tool."""
    return f"Tradebench {profile.server}", profile.user


def _trusted(backend: object, accepted: frozenset[str]) -> Backend | None:
    """Return the first keyring that we trust, looking inside a chain of several."""
    if _class_name(backend) == CHAINER:
        inside = cast(list[object], getattr(backend, "backends", []))
        return next((one for each in inside if (one := _trusted(each, accepted))), None)
    return cast(Backend, backend) if _class_name(backend) in accepted else None


def _class_name(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _failure(error: Exception | None) -> Answer:
    """Say what an exception of a back end means; its own text may quote what it was given."""
    match error:
        case errors.KeyringLocked():
            return _answer(KeyringState.LOCKED)
        case errors.InitError():  # the question to unlock or to create it was dismissed
            return _answer(KeyringState.LOCKED)
        case errors.NoKeyringError():
            return _answer(KeyringState.ABSENT)
        case _:
            return _answer(KeyringState.DENIED, f"it answered with {type(error).__name__}")


def _answer(state: KeyringState, reason: str = "") -> Answer:
    return Answer(state, detail=_DETAILS[state].format(reason=f" ({reason})" if reason else ""))


_ASKED = "the password is kept until the program ends, and asked for next time"
_DETAILS: Final = {
    KeyringState.OK: "",
    KeyringState.LOCKED: f"The keyring is locked. Unlock it and try again; meanwhile {_ASKED}.",
    KeyringState.ABSENT: f"This computer has no keyring that keeps passwords safely: {_ASKED}.",
    KeyringState.DENIED: f"The keyring did not keep the password{{reason}}: {_ASKED}.",
    KeyringState.TIMEOUT: f"The keyring does not answer; it may wait to be unlocked: {_ASKED}.",
    KeyringState.MISSING_ENTRY: "The keyring has no password for this login. Type it once.",
    KeyringState.REFUSED: "The server did not take the password that was known. Type the right one.",
}
