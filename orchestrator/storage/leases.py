"""Slots leased between the processes of one host: `slots.db`, one per home. Law: one live holder per slot, ever.

A lease ends by `release` or, where its holder has died, by time. Its epoch grows with every change of hands and never
goes back, so whoever was cut off can be told from whoever came after (fencing). A slot goes to the one who has waited
longest and still asks: a process that releases and asks again stands behind a live waiter.

A holder is a name that one process bears at a time: a run, whose own lease proves that nobody else conducts it. So what
its name held when a process begins is a dead predecessor's, and is inherited by the first `take`, without a wait.

The statements mean the same on PostgreSQL, which holds this table for a fleet. All processes of a home use one `ttl`
and one clock. A holder renews every `ttl`/4 or so; a waiter asks again at least every `ttl`/3, for a waiter that is not
heard of for `ttl` has given up. A holder that was frozen past its lease finds out before it asks for anything
(`confirm`). Only between that and the request is an instant left, in which ROMA's own rule decides: one of the two jobs
is refused with `ROMA.10012`, and waits as for somebody else's.
"""

import math
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.errors import LeaseLost, MemoryFailed

#: seconds a lease lives without being renewed
TTL = 15.0
#: part of it that must be left for anything to be asked for, and seconds within which a renewal confirms that
MARGIN, CONFIRMED = 0.1, 1.0

_VERSION = 1
#: seconds to wait for another process's transaction, each of which takes milliseconds
_BUSY_TIMEOUT = 10.0
#: before a change of mode that another process was in the way of is tried again, seconds
_BUSY_PAUSE = 0.02
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS lease (
        key TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch BIGINT NOT NULL,
        since DOUBLE PRECISION NOT NULL, expires DOUBLE PRECISION NOT NULL, note TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS waiter (
        key TEXT NOT NULL, holder TEXT NOT NULL,
        since DOUBLE PRECISION NOT NULL, expires DOUBLE PRECISION NOT NULL, PRIMARY KEY (key, holder))""",
)
# A clock that was set back would make a dead holder's lease last as long as the step; a live one renews in time.
_SHORTEN_LEASES = "UPDATE lease SET expires = :until WHERE expires > :too_far"
_SHORTEN_WAITERS = "UPDATE waiter SET expires = :until WHERE expires > :too_far"
_FORGET_DEAD_WAITERS = "DELETE FROM waiter WHERE expires <= :now"
_FIRST_WAITER = "SELECT holder, since FROM waiter WHERE key = :key ORDER BY since, holder LIMIT 1"
_TAKE = """INSERT INTO lease (key, holder, epoch, since, expires, note) VALUES (:key, :holder, 1, :now, :until, :note)
    ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, epoch = lease.epoch + 1, since = excluded.since,
        expires = excluded.expires, note = excluded.note
    WHERE lease.expires <= :now RETURNING epoch"""
_LEFT_BEHIND = "SELECT key, epoch FROM lease WHERE holder = :holder"
_INHERIT = """UPDATE lease SET epoch = epoch + 1, expires = :until, note = :note
    WHERE key = :key AND holder = :holder AND epoch = :epoch AND expires > :now RETURNING epoch"""
_RENEW = """UPDATE lease SET expires = :until WHERE key = :key AND holder = :holder AND epoch = :epoch
    RETURNING epoch"""
_RELEASE = "UPDATE lease SET expires = 0 WHERE key = :key AND holder = :holder AND epoch = :epoch"
_WHO_LIVE = "SELECT holder, since FROM lease WHERE key = :key AND expires > :now"
_WAITS_SINCE = "SELECT since FROM waiter WHERE key = :key AND holder = :holder"
_WAIT = """INSERT INTO waiter (key, holder, since, expires) VALUES (:key, :holder, :since, :until)
    ON CONFLICT (key, holder) DO UPDATE SET since = excluded.since, expires = excluded.expires"""
#: a process that works as a user holds a lease of its own
_AS = " as "
_USER = "works {holder}" + _AS + "{user}"
_FORGET_DEAD_SHARERS = "DELETE FROM lease WHERE key LIKE 'works % as %' AND expires <= :now"
_WORK_AS = "SELECT key FROM lease WHERE key LIKE 'works % as %' AND expires > :now"
_FORGET_WAITING = "DELETE FROM waiter WHERE key = :key AND holder = :holder"


@dataclass(frozen=True, slots=True)
class Taken:
    """All the slots asked for are ours."""

    #: slot key -> the epoch of our lease, which fences what we write
    epochs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Denied:
    """None of the slots asked for was taken; we now wait for all of them."""

    #: the first slot that cannot be had
    key: str
    #: who has it, or who is to have it next
    holder: str
    #: epoch seconds: since when it is held, or waited for
    since: float
    #: the slot is free, and kept for one who has waited longer than we
    queued: bool


@dataclass(frozen=True, slots=True)
class Asking:
    """Whoever keeps the slots has not answered yet: the same claim gets the answer a moment later."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One slot that we hold."""

    #: grows with every change of hands
    epoch: int
    #: epoch seconds
    expires: float


class Leases:
    """What one process holds and waits for. Any thread may call; MemoryFailed where the database fails.

    `holder` is the name of what this process alone conducts; whoever bore it before is dead, or fenced off by us. `now`
    is in epoch seconds; `note` is shown to people who ask who holds a slot.
    """

    def __init__(self, path: Path, holder: str, now: Callable[[], float], ttl: float = TTL, *, note: str = "") -> None:
        self._path = path
        self._holder = holder
        self._now = now
        self._ttl = ttl
        self._note = note
        self._lock = threading.RLock()
        self._held: dict[str, Lease] = {}
        #: user -> how many processes work as that one, as of the last renewal
        self._sharers: Mapping[str, int] = {}
        #: found lost by `take`, to be told by `renew`
        self._lost: set[str] = set()
        #: epoch seconds: when all of it was renewed
        self._renewed = -math.inf
        with self._spoken():
            self._database = _open(path)
            #: slot key -> epoch of what a dead predecessor of this name still held when we began
            self._left_behind: dict[str, int] = dict(self._database.execute(_LEFT_BEHIND, {"holder": holder}))

    def take(self, keys: Sequence[str]) -> Taken | Denied:
        """All of the slots or none, in one transaction. Those that we hold already count as taken, and are renewed."""
        with self._lock:
            taken = self._take_all(sorted(set(keys)), self._now())
            if isinstance(taken, Denied):
                return taken
            self._held |= taken
        return Taken(MappingProxyType({key: lease.epoch for key, lease in taken.items()}))

    def claim(self, keys: Sequence[str]) -> Taken | Denied | Asking:
        """The same: this table answers at once."""
        return self.take(keys)

    def renew(self) -> tuple[str, ...]:
        """Extend all that we hold; the slots that another has taken meanwhile, which we hold no more."""
        now = self._now()
        with self._lock:
            with self._transaction(now):
                kept = {key: lease for key, lease in self._held.items() if self._renew(key, lease, now)}
                live = self._database.execute(_WORK_AS, {"now": now}).fetchall()
                self._sharers = Counter(key.split(_AS, 1)[1] for (key,) in live)
            lost = self._lost | (self._held.keys() - kept.keys())
            self._held = {key: Lease(lease.epoch, now + self._ttl) for key, lease in kept.items()}
            self._lost = set()
            self._renewed = now
        return tuple(sorted(lost))

    @property
    def ttl(self) -> float:
        return self._ttl

    def must_hold(self) -> None:
        """Raises LeaseLost where a slot was taken by another; asks the table only where a lease is about to end."""
        with self._lock:
            soon = any(lease.expires - self._now() <= MARGIN * self._ttl for lease in self._held.values())
            if soon or self._lost:
                self._renewed = -math.inf
                self.confirm()

    def confirm(self) -> None:
        """The same, after all were renewed within the last second."""
        with self._lock:
            if abs(self._now() - self._renewed) <= CONFIRMED:
                return
            if lost := self.renew():
                raise LeaseLost(
                    f"this process stood still, and another has taken its place meanwhile: {', '.join(lost)}",
                    next_step="run the same command again: it looks before it acts",
                )

    def release(self, keys: Sequence[str]) -> None:
        """Give slots back at once; those that we do not hold are passed over."""
        with self._lock:
            with self._transaction(self._now()):
                for key in sorted(self._held.keys() & set(keys)):
                    self._execute(_RELEASE, key=key, holder=self._holder, epoch=self._held[key].epoch)
            for key in keys:
                self._held.pop(key, None)

    def give_back(self, keys: Sequence[str]) -> None:
        """The same."""
        self.release(keys)

    def share(self, users: Collection[str]) -> None:
        """From now on this process works as these users, until it closes: their rates are divided among all who do."""
        with self._transaction(self._now()):
            self._execute(_FORGET_DEAD_SHARERS, now=self._now())
        self.take([_USER.format(holder=self._holder, user=user) for user in users])
        self.renew()

    def sharers(self, user: str) -> int:
        """How many processes work as this user, as of the last renewal; at least 1."""
        return max(1, self._sharers.get(user, 1))

    def held(self) -> Mapping[str, Lease]:
        """What we took and, as far as we know, hold."""
        with self._lock:
            return MappingProxyType(dict(self._held))

    def close(self) -> None:
        """Give all back, wait for nothing, and close; twice is harmless."""
        try:
            with suppress(MemoryFailed):
                self.release(tuple(self._held))
                with self._transaction(self._now()):
                    self._execute("DELETE FROM waiter WHERE holder = :holder", holder=self._holder)
        finally:
            with self._lock:
                self._database.close()

    def _take_all(self, keys: Sequence[str], now: float) -> dict[str, Lease] | Denied:
        taken: dict[str, Lease] = {}
        with self._transaction(now):
            since = self._waiting_since(keys)
            self._execute("SAVEPOINT taking")
            for key in keys:
                denied = self._take(key, now, since, taken)
                if denied:
                    self._execute("ROLLBACK TO taking")
                    self._wait(keys, now, min(since, now))
                    return denied
            for key in taken:
                self._execute(_FORGET_WAITING, key=key, holder=self._holder)
        return taken

    # --- one slot, inside a transaction ------------------------------------------------------------------------------

    def _take(self, key: str, now: float, waiting_since: float, taken: dict[str, Lease]) -> Denied | None:
        until = now + self._ttl
        ours = self._held.get(key)
        if ours and self._renew(key, ours, now):
            taken[key] = Lease(ours.epoch, until)
            return None
        if ours:
            self._lost.add(key)
            del self._held[key]
        fields = {"key": key, "holder": self._holder, "now": now, "until": until, "note": self._note}
        inherited = self._execute(_INHERIT, **fields, epoch=self._left_behind.get(key, 0))
        if inherited:
            taken[key] = Lease(int(inherited[0]), until)
            return None
        first = self._execute(_FIRST_WAITER, key=key)
        if not first or first[0] == self._holder or (first[1], first[0]) > (waiting_since, self._holder):
            row = self._execute(_TAKE, **fields)
            if row:
                taken[key] = Lease(int(row[0]), until)
                return None
        who = self._execute(_WHO_LIVE, key=key, now=now)
        holder, since = who or first or ("", now)
        return Denied(key, str(holder), float(since), queued=not who)

    def _renew(self, key: str, lease: Lease, now: float) -> bool:
        fields = {"key": key, "holder": self._holder, "epoch": lease.epoch, "until": now + self._ttl}
        return self._execute(_RENEW, **fields) is not None

    def _waiting_since(self, keys: Sequence[str]) -> float:
        """Our best place in the queues of these slots; behind everybody where we do not wait yet.

        It counts in all of them: two that want the same slots then never block each other for good, one being first
        here and the other there.
        """
        rows = [self._execute(_WAITS_SINCE, key=key, holder=self._holder) for key in keys]
        return min((float(row[0]) for row in rows if row), default=math.inf)

    def _wait(self, keys: Sequence[str], now: float, since: float) -> None:
        for key in keys:
            if key not in self._held:
                self._execute(_WAIT, key=key, holder=self._holder, since=since, until=now + self._ttl)

    # --- the database ------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, now: float) -> Iterator[None]:
        """Alone among all processes; kept when the block ends, undone when it raises."""
        with self._lock, self._spoken():
            self._execute("BEGIN IMMEDIATE")
            try:
                far = {"until": now + self._ttl, "too_far": now + 2 * self._ttl}
                self._execute(_SHORTEN_LEASES, **far)
                self._execute(_SHORTEN_WAITERS, **far)
                self._execute(_FORGET_DEAD_WAITERS, now=now)
                yield
                self._execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._execute("ROLLBACK")
                raise

    def _execute(self, statement: str, **fields: object) -> tuple[Any, ...] | None:
        rows: list[tuple[Any, ...]] = self._database.execute(statement, fields).fetchall()
        return rows[0] if rows else None

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Every failure of the database as a sentence."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise MemoryFailed(
                f"the slots of this home cannot be leased: {self._path}: {error}",
                next_step=f"free space, or with no run live remove {self._path.name}, then run the same command again",
            ) from error


def slots_content() -> bytes:
    """The file of a database in which nothing is leased yet, so that it comes into being whole."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        for statement in (*_SCHEMA, f"PRAGMA user_version = {_VERSION}"):
            database.execute(statement)
        return database.serialize()


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The database's side files take its mode, so it must be right before the first write.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    try:
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    _write_ahead(database)
    database.execute("PRAGMA synchronous = NORMAL")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > _VERSION:
        raise sqlite3.DatabaseError(f"it was written by a later version of roma-migrate (format {version})")
    database.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA:
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {_VERSION}")
    database.execute("COMMIT")


def _write_ahead(database: sqlite3.Connection) -> None:
    """SQLite answers a change of mode at once where another process changes it too: its own patience is not asked."""
    patience = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= patience:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return
