"""The team's database as window and command line see it: send what waits, and say how it stands.

`SyncService.sync_once` is called in the background: by a timer and after each run. It never raises
for what a server does. After a failure to connect it waits, longer each time, before it tries
again; a login that was refused it does not try again until there is another password.
"""

import dataclasses
import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from desktop import logs
from engine.errors import BacktestError, BacktestValidationError, Problem
from storage.credentials import Credentials
from storage.errors import Stopped
from storage.postgres import Connector, OnRefused
from storage.postgres_errors import ConnectionFailure
from storage.profiles import Profile, ProfileStore
from storage.reading import now
from storage.runs import RunStore
from storage.stopping import ShouldStop, never
from storage.sync import outbox
from storage.sync.backoff import pause_seconds
from storage.sync.outbox import Held
from storage.sync.session import End, SyncReport, push_pending
from storage.sync.verdict import Verdict, is_defect

State = Literal["none", "ok", "offline", "needs_password", "blocked"]
PasswordOf = Callable[[Profile], str | None]

_STATE_OF: Final[dict[End, State]] = {
    "done": "ok",
    "offline": "offline",
    "needs_password": "needs_password",
    "blocked": "blocked",
    "stopped": "ok",
}


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """How the team's database stands.

    Attributes:
        state: ``none``: there is no team's database; ``ok``: it takes what waits; ``offline``: out
            of reach since ``since``, tried again by itself; ``needs_password``; ``blocked``:
            somebody has to change something.
        profile: name of the connection profile, or None.
        waiting: runs that still have to go.
        failed: runs that were set aside.
        last_success: when the last run arrived there.
        last_error: one sentence; empty without one.
        since: since when the state is not ``ok``, or None.
    """

    state: State
    profile: str | None
    waiting: int
    failed: int
    last_success: dt.datetime | None
    last_error: str
    since: dt.datetime | None = None

    @property
    def sentence(self) -> str:
        """What the light of the team's database says."""
        name = self.profile or "The team's database"
        wait = f"{self.waiting} {'run waits' if self.waiting == 1 else 'runs wait'}"
        since = f" since {self.since.astimezone():%H:%M}" if self.since is not None else ""
        done = f"{wait} to be sent to {name}" if self.waiting else f"{name} has every finished run"
        said = {
            "none": "No team database yet: finished runs stay on this computer",
            "ok": done,
            "offline": f"{name} is out of reach{since}; {wait} and will be sent when it is back",
            "needs_password": f"{name} wants a password; {wait}",
            "blocked": f"{self.last_error}; {wait}",
        }[self.state]
        aside = f"; {self.failed} not accepted: tradebench sync status" if self.failed else ""
        return said + aside

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``sync status --json`` prints."""
        return {
            "state": self.state,
            "profile": self.profile,
            "waiting": self.waiting,
            "failed": self.failed,
            "last_success": None if self.last_success is None else self.last_success.isoformat(),
            "last_error": self.last_error or None,
        }


class SyncService:
    """Brings finished runs to the team's database; every method may be called from any thread."""

    def __init__(
        self,
        store: RunStore,
        profiles: ProfileStore,
        password_of: PasswordOf,
        *,
        profile_name: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_refused: OnRefused | None = None,
    ) -> None:
        """Take the local database, the profiles, who knows passwords, and which profile to use.

        Without a name it is the only profile whose purpose is ``shared``. ``on_refused`` is told of a password that the
        server does not take.
        """
        self._store = store
        self._profiles = profiles
        self._password_of = password_of
        self._profile_name = profile_name
        self._clock = clock
        self._under_way = threading.Lock()
        self._failures = 0
        self._not_before = 0.0
        self._on_refused = on_refused
        self._refused: tuple[Profile, object] | None = None
        self._last: SyncReport | None = None
        self._since: dt.datetime | None = None

    @classmethod
    def over(
        cls,
        store: RunStore,
        profiles: ProfileStore,
        credentials: Credentials,
        should_stop: ShouldStop = never,
    ) -> Self:
        """Return the service whose passwords are those of ``credentials``; stopped, no keyring is waited for."""

        def password_of(profile: Profile) -> str | None:
            return credentials.load(profile, should_stop).password

        return cls(store, profiles, password_of, on_refused=credentials.refuse)

    @property
    def login_wanted(self) -> Profile | None:
        """The profile whose server wants a password, or another one than was tried last; None when none does."""
        last = self._last
        if last is None or self._refused is None or last.end != "needs_password":
            return None
        errors = [outcome.error for outcome in last.outcomes]
        wants = any(isinstance(e, ConnectionFailure) and e.wants_password for e in errors)
        return self._refused[0] if wants else None

    @property
    def local_path(self) -> Path:
        """The file of the local database, where every run is kept first."""
        return self._store.database.path

    def sync_once(self, *, force: bool = False, should_stop: ShouldStop = never) -> SyncReport:
        """Send what is due; a second call while one is under way returns at once.

        Args:
            force: try now, whatever failed before; for a person who asks for it.
            should_stop: asked while it works.

        Raises:
            BacktestValidationError: it is not clear which profile is meant, or it is read-only.
            BacktestStorageError: the local database cannot be used.
        """
        profile = team_profile(self._profiles, self._profile_name)
        if profile is None or not self._under_way.acquire(blocking=False):
            return self._nothing_done()
        try:
            if force and self.login_wanted is None:
                self._refused = (
                    None  # what was in the way may be mended; a wrong password stays wrong
                )
            elif not force and self._clock() < self._not_before:
                return self._nothing_done()
            return self._sync(profile, force, should_stop)
        except Stopped:
            return dataclasses.replace(self._nothing_done(), end="stopped")
        finally:
            self._under_way.release()

    def status(self) -> SyncStatus:
        """Return how it stands, from what is known here; asks no server.

        Raises:
            BacktestStorageError: the local database cannot be used.
        """
        counts = outbox.counts(self._store.database)
        try:
            profile = team_profile(self._profiles, self._profile_name)
        except BacktestError as error:
            return SyncStatus(
                "blocked", None, counts.waiting, counts.held, counts.last_sent, error.message
            )
        last = self._last
        state: State = "none"
        if profile is not None:
            state = "ok" if last is None else _STATE_OF[last.end]
        return SyncStatus(
            state=state,
            profile=None if profile is None else profile.name,
            waiting=counts.waiting,
            failed=counts.held,
            last_success=counts.last_sent,
            last_error="" if last is None else last.last_error,
            since=self._since,
        )

    def held(self) -> tuple[Held, ...]:
        """Return the runs that were set aside, and why."""
        return outbox.held(self._store.database)

    def release_held(self) -> int:
        """Put the runs that were set aside back in line; return how many."""
        return outbox.release_held(self._store.database)

    def _sync(self, profile: Profile, force: bool, should_stop: ShouldStop) -> SyncReport:
        if not force and outbox.next_due(self._store.database, after=0, at=now()) is None:
            report = self._nothing_done()
            if self._last is None or self._last.end == "done":
                self._last = report
            return report
        password = self._password_of(profile)
        if self._refused is not None and self._refused == (profile, password):
            return self._nothing_done()
        report = push_pending(
            self._store,
            Connector(profile, password, should_stop=should_stop, on_refused=self._on_refused),
            force=force,
            should_stop=should_stop,
        )
        self._learn(report, profile, password)
        return report

    def _learn(self, report: SyncReport, profile: Profile, password: str | None) -> None:
        """Remember what the next call must know: the pause, and a login that was refused."""
        _log(report)
        self._last = report
        self._refused = (profile, password) if report.end == "needs_password" else None
        if report.end in ("offline", "blocked"):
            self._failures += 1
            self._not_before = self._clock() + pause_seconds(self._failures)
        elif report.end == "done":
            self._failures, self._not_before = 0, 0.0
        if report.end in ("done", "stopped"):
            self._since = None
        elif self._since is None:
            self._since = now()

    def _nothing_done(self) -> SyncReport:
        counts = outbox.counts(self._store.database)
        last = self._last
        return SyncReport(
            end="done" if last is None else last.end,
            sent=0,
            waiting=counts.waiting,
            failed=counts.held,
            last_error="" if last is None else last.last_error,
            outcomes=(),
        )


def team_profile(profiles: ProfileStore, name: str | None = None) -> Profile | None:
    """Return the profile of the team's database: the one named, or the only one; None without any.

    Raises:
        BacktestNotFoundError: there is no profile of this name.
        BacktestValidationError: it is not for sharing, there are several, or it is read-only.
    """
    if name is not None:
        profile = profiles.get(name)
    else:
        shared = [one for one in profiles.all() if one.purpose == "shared"]
        if not shared:
            return None
        if len(shared) > 1:
            names = ", ".join(one.name for one in shared)
            problem = f"{len(shared)} connections are for sharing: {names}"
            raise BacktestValidationError(Problem("profile", problem, "choose one of them"))
        profile = shared[0]
    if profile.purpose != "shared":
        problem = f"{profile.name!r} is for market data, not for sharing runs"
        hint = 'choose one whose purpose is "shared"'
        raise BacktestValidationError(Problem("profile", problem, hint))
    if profile.read_only:
        problem = f"{profile.name!r} is marked read-only, so no run can be written to it"
        raise BacktestValidationError(Problem("profile", problem, "set read_only = false in it"))
    return profile


def _log(report: SyncReport) -> None:
    """Note what happened; of a defect also where."""
    log = logs.get("sync")
    for outcome in report.outcomes:
        if outcome.error is None:
            log.info("run_shared", run_id=outcome.run_id)
        elif outcome.run_id is None:
            log.warning("team_unreachable", end=report.end, error=outcome.reason)
        else:
            event = "run_not_accepted" if outcome.verdict is Verdict.NEVER else "run_not_shared"
            trace = outcome.error if is_defect(outcome.error) else None
            log.warning(event, run_id=outcome.run_id, error=outcome.reason, exc_info=trace)
