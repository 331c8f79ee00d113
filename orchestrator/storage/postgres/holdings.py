"""All leases of one process: plans and slots. Law: by the database's clock alone, and never believed past their end.

One thread renews everything that is held with one statement, a quarter of the `ttl` apart. How long it is ours is
counted here from the moment *before* that statement was sent, on the clock that goes on while this process is frozen
and the host sleeps: the database counts from later, so we stop first. What was lost once stays lost: whoever holds
these leases ends, and another start looks before it acts (promise 21).

The statements lock their rows in the order of the keys, so that two processes never wait for each other in a circle.
"""

import math
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import TypeVar

import psycopg

from orchestrator.errors import JournalUnreachable, LeaseLost, RomaMigrateError
from orchestrator.storage.boot_clock import seconds_since_boot
from orchestrator.storage.leases import Denied, Taken
from orchestrator.storage.postgres.database import ANSWER_TIME, PATIENCE, Connection, Database

T = TypeVar("T")

#: parts of the `ttl`: after which leases are renewed, and up to which the database is asked again when it is away
RENEWED, ASKED = 0.25, 0.8
#: part of the `ttl` that must be left for anything to be asked for
MARGIN = 0.1
#: seconds within which a renewal confirms what is about to be asked for
CONFIRMED = 1.0

_TTL = "SELECT value::double precision FROM meta WHERE name = 'ttl'"
_UNTIL = "clock_timestamp() + make_interval(secs => %(ttl)s)"
_TAKE = f"""
INSERT INTO lease AS l (key, holder, epoch, since, expires)
SELECT key, %(holder)s, 1, clock_timestamp(), {_UNTIL} FROM unnest(%(keys)s::text[]) AS key ORDER BY key
ON CONFLICT (key) DO UPDATE
    SET holder = excluded.holder, epoch = l.epoch + 1, since = clock_timestamp(), expires = {_UNTIL}
    WHERE l.expires <= clock_timestamp() OR l.holder = excluded.holder
RETURNING key, epoch
"""
_HELD_BY_OTHERS = """
SELECT key, holder, extract(epoch FROM since)::double precision FROM lease
WHERE key = ANY(%(keys)s) AND expires > clock_timestamp() AND holder <> %(holder)s ORDER BY key LIMIT 1
"""
_OUR_PLACE = """
SELECT extract(epoch FROM min(since))::double precision FROM waiter
WHERE holder = %(waiter)s AND key = ANY(%(keys)s) AND expires > clock_timestamp()
"""
_FIRST_WAITERS = """
SELECT DISTINCT ON (key) key, holder, extract(epoch FROM since)::double precision FROM waiter
WHERE key = ANY(%(keys)s) AND expires > clock_timestamp() ORDER BY key, since, holder
"""
#: our place in the queues of these keys counts in all of them, or two could block each other for good
_WAIT = f"""
WITH gone AS (DELETE FROM waiter WHERE expires <= clock_timestamp() AND holder <> %(waiter)s)
INSERT INTO waiter (key, holder, since, expires)
SELECT key, %(waiter)s, coalesce((SELECT min(since) FROM waiter WHERE holder = %(waiter)s AND key = ANY(%(keys)s)
    AND expires > clock_timestamp()), clock_timestamp()), {_UNTIL} FROM unnest(%(keys)s::text[]) AS key ORDER BY key
ON CONFLICT (key, holder) DO UPDATE SET since = excluded.since, expires = excluded.expires
"""
_WAIT_NO_MORE_FOR = "DELETE FROM waiter WHERE holder = %(waiter)s AND key = ANY(%(keys)s)"
_WAIT_NO_MORE = "DELETE FROM waiter WHERE holder = %(holder)s"
#: a run that works as a user holds a lease of its own: "user", the run's token, and the user
_USER = "user {token} {user}"
_SHARERS = """
SELECT substr(key, 23), count(*) FROM lease WHERE key LIKE 'user %%' AND expires > clock_timestamp() GROUP BY 1
"""
_FORGET_SHARERS = "DELETE FROM lease WHERE key LIKE 'user %' AND expires <= clock_timestamp()"
_MINE = """
SELECT l.key FROM lease AS l JOIN unnest(%(keys)s::text[], %(epochs)s::bigint[]) AS h (key, epoch)
    ON l.key = h.key AND l.epoch = h.epoch
"""
_RENEW = f"""
WITH mine AS ({_MINE} WHERE l.expires > clock_timestamp() ORDER BY l.key FOR UPDATE OF l)
UPDATE lease SET expires = {_UNTIL} FROM mine WHERE lease.key = mine.key RETURNING lease.key
"""
_RELEASE = f"""
WITH mine AS ({_MINE} ORDER BY l.key FOR UPDATE OF l)
UPDATE lease SET expires = '-infinity' FROM mine WHERE lease.key = mine.key
"""


class Holdings:
    """What this process holds. Any thread may call; only what asks the database may take long."""

    def __init__(
        self,
        database: Database,
        passed: Callable[[], float] = seconds_since_boot,
        arm: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`arm` ends this process so many seconds later unless it is called again (`storage.deadman`)."""
        self._database = database
        self._passed = passed
        self._arm = arm
        #: over the fields below, and never while the database is asked
        self._lock = threading.Lock()
        self._ttl = 0.0
        #: key -> epoch
        self._epochs: dict[str, int] = {}
        #: key -> the name under which it is held
        self._names: dict[str, str] = {}
        #: since boot: when all of it was renewed, and until when it is ours
        self._renewed = self._until = 0.0
        #: user -> how many processes work as that one, as of the last renewal
        self._sharers: Mapping[str, int] = {}
        #: why it is lost, or ""
        self._lost = ""
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    @property
    def ttl(self) -> float:
        """Seconds that a lease lives without being renewed, as the database says for all processes."""
        if not self._ttl:
            self._ttl = self._database.ask(lambda db: float((db.execute(_TTL).fetchone() or (20.0,))[0]))
        return self._ttl

    @property
    def epochs(self) -> Mapping[str, int]:
        """What is held now, and under which epoch: the fence of everything that is written."""
        with self._lock:
            return MappingProxyType(dict(self._epochs))

    def remaining(self) -> float:
        """Seconds until another may take what we hold; without end where nothing is held."""
        with self._lock:
            return self._remaining()

    def patience(self) -> float:
        """Seconds that the database may still be away before what is held counts as lost; raises LeaseLost."""
        self.must_hold()
        with self._lock:
            return self._remaining() - (1 - ASKED) * self._ttl if self._epochs else PATIENCE

    def must_hold(self, for_seconds: float = 0.0) -> None:
        """Raises LeaseLost where something of it is lost, or another may take it within so many seconds."""
        with self._lock:
            if self._remaining() <= for_seconds:
                self._lose("was not renewed in time: this process, its host or the way to the database stood still")
            if self._lost:
                raise LeaseLost(self._lost, next_step="run the same command again: it looks before it acts")

    def under(self, database: Database, work: Callable[[Connection], T]) -> T:
        """What the database answers, asked for as long as what is held lasts; raises LeaseLost where it is away longer.

        Where nothing is held it is away, and nothing more: JournalUnreachable.
        """
        try:
            return database.ask(work, self.patience)
        except JournalUnreachable as error:
            with self._lock:
                if not self._epochs:
                    raise
                self._lose(f"cannot be renewed: {error.message}")
            self.must_hold()
            raise

    def fenced(self, database: Database, work: Callable[[Connection, Mapping[str, object]], T | None]) -> T | None:
        """What `work` writes under everything that is held; None where it wrote nothing, since something is not ours.

        It is asked again where another thread gave a lease back meanwhile: that one is not lost.
        """

        def written(db: Connection) -> T | None:
            while True:
                held = self.epochs
                answer = work(db, {"keys": list(held), "epochs": list(held.values())})
                if answer is not None or held == self.epochs:
                    return answer

        return self.under(database, written)

    def take(self, keys: Sequence[str], holder: str, waiter: str = "") -> Taken | Denied:
        """All of them or none; those that we hold under this name count as taken, and what it held is inherited.

        Who waits does so under the same name, or as `waiter`, where another process may come back for it.
        """
        self.must_hold()
        held = self.epochs
        if ours := self._held_otherwise(keys, holder):
            return ours
        new = sorted(set(keys) - held.keys())
        if new:
            given = {"keys": new, "holder": holder, "waiter": waiter or holder, "ttl": self.ttl}

            def taken(db: Connection) -> tuple[float, dict[str, int] | Denied]:
                return self._passed(), _take(db, new, given)

            before, answer = self.under(self._database, taken)
            if isinstance(answer, Denied):
                return answer
            with self._lock:
                if not self._epochs:
                    self._renewed_at(before)
                self._epochs |= answer
                self._names |= dict.fromkeys(answer, holder)
                held = {**held, **answer}
            self._keep()
        return Taken(MappingProxyType({key: held[key] for key in keys}))

    def _held_otherwise(self, keys: Sequence[str], holder: str) -> Denied | None:
        """What this process holds for somebody else of its own."""
        with self._lock:
            others = [key for key in sorted(keys) if key in self._epochs and self._names[key] != holder]
            return Denied(others[0], self._names[others[0]], 0.0, queued=False) if others else None

    def release(self, keys: Sequence[str]) -> None:
        """Give them back at once; those that we do not hold are passed over."""
        with self._lock:
            mine = {key: self._epochs.pop(key) for key in sorted(set(keys)) if key in self._epochs}
            for key in mine:
                del self._names[key]
            lost = bool(self._lost)
            if mine and not self._epochs and not lost:
                self._arm(math.inf)
        if mine and not lost:
            given = {"keys": list(mine), "epochs": list(mine.values())}
            with suppress(JournalUnreachable):  # they end by themselves
                self._database.ask(lambda db: db.execute(_RELEASE, given), _no_patience)

    def wait_no_more(self, holder: str) -> None:
        """Nobody stands behind this name any longer."""
        with suppress(JournalUnreachable):  # it is forgotten by itself
            self._database.ask(lambda db: db.execute(_WAIT_NO_MORE, {"holder": holder}), _no_patience)

    def share(self, users: Collection[str], token: str) -> list[str]:
        """Work as these users, once for each `token` of 16 digits; the leases that say so."""
        keys = [_USER.format(token=token, user=user) for user in sorted(users)]
        self.take(keys, token)

        def counted(db: Connection) -> dict[str, int]:
            db.execute(_FORGET_SHARERS)
            return _sharers(db)

        self._sharers = self.under(self._database, counted)
        return keys

    def sharers(self, user: str) -> int:
        """How many processes work as this user, as of the last renewal; at least 1."""
        return max(1, self._sharers.get(user, 1))

    def renew(self) -> None:
        """Extend everything now; raises LeaseLost."""
        self.must_hold()
        asked = dict(self.epochs)
        if not asked:
            return
        given = {"keys": list(asked), "epochs": list(asked.values()), "ttl": self._ttl}

        def renewed(db: Connection) -> tuple[float, set[str], dict[str, int]]:
            return self._passed(), {row[0] for row in db.execute(_RENEW, given).fetchall()}, _sharers(db)

        before, kept, self._sharers = self.under(self._database, renewed)
        with self._lock:
            gone = sorted(key for key in asked.keys() - kept if self._epochs.get(key) == asked[key])
            if gone:
                self._lose(f"was taken over by another process, or had ended: {', '.join(gone)}")
            elif self._epochs:
                self._renewed_at(before)
        self.must_hold()

    def renew_if_older(self, seconds: float) -> None:
        """The same, unless it was done a moment ago."""
        with self._lock:
            old = bool(self._epochs) and self._passed() - self._renewed > seconds
        if old:
            self.renew()

    def close(self) -> None:
        """End the thread, give everything back, and end the connection."""
        self._ended.set()
        try:
            self.release(tuple(self.epochs))
        finally:
            if self._thread is not None:
                self._thread.join(ANSWER_TIME)
            self._database.close()

    def _renewed_at(self, before: float) -> None:
        self._renewed, self._until = before, before + self._ttl
        self._arm(self._until - self._passed())

    def _remaining(self) -> float:
        if self._lost:
            return 0.0
        return self._until - self._passed() if self._epochs else float("inf")

    def _lose(self, why: str) -> None:
        self._lost = self._lost or f"the lease of this process {why}; it writes nothing more and asks for nothing more"

    # --- the thread --------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew_again, name="leases", daemon=True)
                self._thread.start()

    def _renew_again(self) -> None:
        while not self._ended.wait(RENEWED * self._ttl):
            try:
                self.renew()
            except RomaMigrateError:
                return  # it is noted: whoever asks next is told


def _sharers(db: Connection) -> dict[str, int]:
    return {str(user): int(number) for user, number in db.execute(_SHARERS, ()).fetchall()}


def _no_patience() -> float:
    return 0.0


def _take(db: Connection, keys: Sequence[str], given: Mapping[str, object]) -> dict[str, int] | Denied:
    """The new epochs, or who is in the way, behind whom we now wait."""
    first = _first_before_us(db, given)
    if first is None:
        with db.transaction() as taking:
            taken = {str(key): int(epoch) for key, epoch in db.execute(_TAKE, given).fetchall()}
            if len(taken) == len(keys):
                db.execute(_WAIT_NO_MORE_FOR, given)
                return taken
            raise psycopg.Rollback(taking)
    held = db.execute(_HELD_BY_OTHERS, given).fetchone()
    db.execute(_WAIT, given)
    key, holder, since = held or first or (keys[0], "", 0.0)
    return Denied(str(key), str(holder), float(since), queued=held is None)


def _first_before_us(db: Connection, given: Mapping[str, object]) -> tuple[str, str, float] | None:
    """Who has waited longer than we for one of these keys, and still asks."""
    since = db.execute(_OUR_PLACE, given).fetchone()
    ours = (float(since[0]), str(given["waiter"])) if since and since[0] is not None else (float("inf"), "")
    for key, holder, theirs in db.execute(_FIRST_WAITERS, given).fetchall():
        if holder != given["waiter"] and (theirs, holder) < ours:
            return key, holder, theirs
    return None
