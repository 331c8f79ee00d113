"""One database and the way to it. Law: every question has an end, and every failure is a sentence.

A connection that was lost is made again, and the question is asked again, as long as whoever asks has patience: so each
piece of work that is handed in may be done twice. No answer is waited for longer than ANSWER_TIME, be it that a proxy
in between keeps the connection open and says nothing.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

from orchestrator.errors import JournalDamaged, JournalUnreachable, MemoryFailed, OperatorError, RomaMigrateError
from orchestrator.storage.postgres.address import Address

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

#: where the tables lie
SCHEMA = "roma_migrate"
#: seconds for one answer; an append must be told to have failed well before its lease ends
ANSWER_TIME = 8.0
#: seconds for a connection, and between two tries
_CONNECT_TIME, _PAUSE = 5, 0.25
#: seconds that the database may be away while nothing is held: a restart takes fewer
PATIENCE = 16.0
#: the oldest PostgreSQL that is known to do what is asked of it here
_OLDEST = 130000
#: A process that was frozen in the middle must not stand in the way of the one that takes over.
_SETTINGS = {
    "search_path": SCHEMA,
    "statement_timeout": f"{ANSWER_TIME:.0f}s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "10s",
    "synchronous_commit": "on",
    "TimeZone": "UTC",
}
_UPGRADE = "roma-migrate journal upgrade --journal ADDRESS"


class Database:
    """One connection, made when it is first needed. Any thread may ask; they wait for each other."""

    def __init__(self, address: Address, password: str, say: Callable[[str], None] = lambda text: None) -> None:
        self.address = address
        #: told when something is waited for
        self.say = say
        self._password = password
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._closed = False

    def beside(self) -> "Database":
        """A further connection to the same database."""
        return Database(self.address, self._password, self.say)

    def ask(self, work: Callable[[Connection], T], left: Callable[[], float] | None = None) -> T:
        """What `work` answers; it is done again while the database is away and `left` tells of seconds.

        Raises JournalUnreachable where it stays away, OperatorError, MemoryFailed, JournalDamaged.
        """
        left = left or _from_now(PATIENCE)
        away = False
        while True:
            try:
                with self._lock:
                    return work(self._connected())
            except psycopg.Error as error:
                self.drop()
                if not _may_pass(error) or left() <= 0:
                    raise told(self.address, error) from None
                if not away:
                    self.say(f"{told(self.address, error).message}; it is asked again for {left():.0f} s")
                away = True
            time.sleep(min(_PAUSE, max(left(), 0.0)))

    def drop(self) -> None:
        """Give the connection up; the next question makes another."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.close()

    def close(self) -> None:
        """Give it up for good: a thread that asks later opens nothing any more, it is told JournalUnreachable."""
        with self._lock:
            self._closed = True
            self.drop()

    def _connected(self) -> Connection:
        if self._closed:
            raise JournalUnreachable(f"the way to {self.address.shown} was closed by this process itself")
        if self._connection is None or self._connection.closed:
            connection = self._opened()
            try:
                self._must_be_fit(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _opened(self) -> Connection:
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        given: dict[str, Any] = {"password": self._password} if self._password else {}
        if "target_session_attrs" not in self.address.uri:
            given["target_session_attrs"] = "read-write"
        return _Bounded.connect(
            self.address.uri, autocommit=True, prepare_threshold=None, options=settings, connect_timeout=_CONNECT_TIME,
            application_name="roma-migrate", tcp_user_timeout=10_000, keepalives_idle=5, keepalives_interval=2,
            keepalives_count=3, **given,
        )  # fmt: skip

    def _must_be_fit(self, connection: Connection) -> None:
        """Raises OperatorError for what is no PostgreSQL, or has a pooler before it that changes hands in between."""
        version, process = connection.execute("SELECT version(), pg_backend_pid()").fetchone() or ("", 0)
        if not version.startswith("PostgreSQL ") or "gauss" in version.lower():
            raise OperatorError(
                f"{self.address.shown} is no PostgreSQL but {version.partition(' on ')[0][:80]!r}, which lacks what "
                "the leases and the fenced append rest on",
                next_step="keep the journal in a PostgreSQL of version 13 or later, or in the home: without --journal",
            )
        if connection.info.server_version < _OLDEST:
            raise OperatorError(
                f"{self.address.shown} is {version.partition(' on ')[0]}; the journal needs PostgreSQL 13 or later"
            )
        if connection.info.backend_pid != process and self._changes_hands(process):
            raise OperatorError(
                f"{self.address.shown}: a pooler stands before the database and lends each transaction another "
                "connection, so that the timeouts which keep a frozen process out of the way do not hold",
                next_step="name the database itself, or the pooler's port for sessions (pool_mode = session)",
            )

    def _changes_hands(self, process: int) -> bool:
        """Whether a second connection gets the very backend that ours has not left: a pooler by transactions."""
        with self._opened() as other:
            row = other.execute("SELECT pg_backend_pid()").fetchone()
        return row == (process,)


class _Bounded(psycopg.Connection[tuple[Any, ...]]):
    """A connection on which no answer is waited for without end."""

    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        return super().wait(_until(gen, time.monotonic() + ANSWER_TIME), *args, **kwargs)


def _until(gen: PQGen[T], end: float) -> PQGen[T]:
    """psycopg looks up from its waiting ten times a second: each look passes here."""
    try:
        waits_for = next(gen)
        while True:
            ready = yield waits_for
            if time.monotonic() > end:
                raise psycopg.OperationalError(f"no answer within {ANSWER_TIME:.0f} s")
            waits_for = gen.send(ready)
    except StopIteration as done:
        answer: T = done.value
        return answer


def _from_now(seconds: float) -> Callable[[], float]:
    until = time.monotonic() + seconds
    return lambda: until - time.monotonic()


def _may_pass(error: psycopg.Error) -> bool:
    """Whether the same question may be answered a moment later."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not _refused(error)


def _refused(error: psycopg.Error) -> bool:
    """Authentication, authorization, or a database that is not there; libpq tells these of a connection in words."""
    state = error.sqlstate or ""
    words = str(error)
    by_words = "authentication failed" in words or "no pg_hba.conf entry" in words or "no password supplied" in words
    missing = "does not exist" in words and ('database "' in words or 'role "' in words)
    return state.startswith("28") or state in {"3D000", "42501"} or (not state and (by_words or missing))


def told(address: Address, error: psycopg.Error) -> RomaMigrateError:
    """What a failure of the database means, as a sentence of ours."""
    why = (str(error).strip().splitlines() or [type(error).__name__])[0]
    state = error.sqlstate or ""
    if _refused(error):
        return OperatorError(
            f"the journal's database {address.shown} refuses us: {why}",
            next_step="check the user, its password and its rights, then run the same command again",
        )
    if state in {"42P01", "3F000", "42703"}:
        return OperatorError(f"{address.shown} holds no journals of this version yet", next_step=_UPGRADE)
    if state == "53100":
        return MemoryFailed(f"{address.shown}: the database's disk is full", next_step="free space there, then go on")
    if state in {"XX001", "XX002"}:
        return JournalDamaged(f"{address.shown}: the database is damaged: {why}", next_step="restore it from a backup")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return JournalUnreachable(
            f"the journal's database {address.shown} cannot be reached: {why}",
            next_step="check the address, the network and the database, then run the same command again",
        )
    return MemoryFailed(f"{address.shown}: cannot be written or read: {why}")
