"""A store whose journals, leases and requests lie in PostgreSQL, and whose packages and logs lie in a home.

Law: a plan is held by a lease, so a process that dies holds it for as long as that lives, and no longer.
"""

import json
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from orchestrator.core.state.events import Entry, Event
from orchestrator.errors import HeldElsewhere, LeaseLost, RomaMigrateError
from orchestrator.storage.chain import BEGIN, Head, Row
from orchestrator.storage.codec import rows_behind, to_text
from orchestrator.storage.deadman import Deadman
from orchestrator.storage.disk import Disk
from orchestrator.storage.home import Home, JournalPlace
from orchestrator.storage.leases import Asking, Denied, Taken
from orchestrator.storage.locks import Holder
from orchestrator.storage.placing import remove_folder
from orchestrator.storage.postgres.database import Connection, Database
from orchestrator.storage.postgres.holdings import CONFIRMED, MARGIN, Holdings
from orchestrator.storage.postgres.journal import (
    ALL_HELD,
    HELD,
    ROWS,
    PostgresJournal,
    columns,
    entry_in_run,
    fence,
    head_of,
    rows_of,
)
from orchestrator.storage.postgres.schema import must_be_the_same, must_fit
from orchestrator.storage.shared_packages import local_vaults
from orchestrator.storage.store import Journal, SlotLeases
from orchestrator.storage.vault import Vault

if TYPE_CHECKING:
    from orchestrator.core.report.brief import Brief
    from orchestrator.core.report.ended_run import EndedRun

#: looks at a plan's lease within one `ttl`, to see whether its holder renews it
_LOOKS = 40
#: seconds that an event loop may be kept waiting for a slot: a database nearby answers in a tenth of that
INSTANT = 0.02
_CREATE = f"""
WITH {HELD}, born AS (
    INSERT INTO run (id, plan, epoch, seq, chain)
    SELECT %(run)s, %(plan)s, 0, %(seq)s, %(chain)s WHERE {ALL_HELD}
    ON CONFLICT (id) DO NOTHING RETURNING id)
INSERT INTO event (run, seq, epoch, at, kind, body, chain)
SELECT born.id, e.seq, 0, e.at, e.kind, e.body, e.chain FROM born, {ROWS}
"""
_HOLDER = "SELECT holder, epoch, expires FROM lease WHERE key = %s AND expires > clock_timestamp()"


class PostgresStore:
    """The runs of one database, for one process and one home."""

    def __init__(
        self,
        database: Database,
        home: Home,
        id_: str = "",
        arm: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`arm` as in `Holdings`."""
        self.home = home
        #: the database's own name
        self.id = id_
        self._database = database
        self._disk = Disk()
        self.vaults = local_vaults(home, self._disk)
        self.options: tuple[str, ...] = ()
        # Of its own: a renewal never waits for an append.
        self.holdings = Holdings(database.beside(), arm=arm)

    @property
    def address(self) -> str:
        return self._database.address.written

    # --- looking -----------------------------------------------------------------------------------------------------

    def run_ids(self) -> list[str]:
        return [str(row[0]) for row in self._rows("SELECT id FROM run ORDER BY id")]

    def plan_of(self, run: str) -> str:
        head_of(self._database, run)
        return str(self._rows("SELECT plan FROM run WHERE id = %s", run)[0][0])

    def read(self, run: str) -> Iterator[Entry]:
        for row, _head in rows_of(self._database, run, head_of(self._database, run)):
            yield entry_in_run(run, row)

    def ended(self, run: str) -> "EndedRun | None":
        """None, as for a brief."""
        return None

    def brief(self, run: str) -> "Brief | None":
        """None: whatever a command needs of a run it folds from the database."""
        return None

    def keep_brief(self, run: str, brief: "Brief") -> None:
        """Nothing is kept beside the journals."""

    def kept(self, run: str) -> list[tuple[Row, Entry]]:
        reached = head_of(self._database, run)
        return [(row, entry_in_run(run, row)) for row, _head in rows_of(self._database, run, reached)]

    @contextmanager
    def followed(self, run: str) -> Iterator[Callable[[], Iterator[Entry]]]:
        told = BEGIN

        def news() -> Iterator[Entry]:
            nonlocal told
            for row, head in rows_of(self._database, run, head_of(self._database, run), told):
                entry = entry_in_run(run, row)
                told = head
                yield entry

        yield news

    def answered(self, run: str, request: int) -> str | None:
        rows = self._rows("SELECT answer FROM inbox WHERE run = %s AND id = %s", run, request)
        return rows[0][0] if rows else None

    def holder(self, plan: str) -> Holder | None:
        rows = self._rows(_HOLDER, _lease_of(plan))
        return _parse_holder(rows[0][0]) if rows else None

    # --- writing -----------------------------------------------------------------------------------------------------

    @contextmanager
    def hold(self, plan: str, holder: Holder) -> Iterator[None]:
        key = _lease_of(plan)
        told = {"host": holder.host, "pid": holder.pid, "since": holder.since, "token": secrets.token_hex(8)}
        name = json.dumps(told)
        self._take(key, plan, name)
        try:
            self._database.ask(lambda db: must_be_the_same(db, self._database.address))
            yield
        finally:
            self.holdings.release([key])

    def _take(self, key: str, plan: str, name: str) -> None:
        """Whoever renews it lives; whoever does not is waited for, until its lease has ended."""
        seen, looks = None, 0
        try:
            while isinstance(self.holdings.take([key], name), Denied):
                rows = self._rows(_HOLDER, key)
                if rows and seen is not None and rows[0] != seen:
                    holder = _parse_holder(rows[0][0])
                    told = f"process {holder.pid} on {holder.host} since {holder.since}"
                    raise HeldElsewhere(f"plan {plan} is run by {told}", next_step="roma-migrate status")
                seen, looks = rows[0] if rows else seen, looks + 1
                if rows and looks == _LOOKS // 2:
                    holder = _parse_holder(rows[0][0])
                    told = f"process {holder.pid} on {holder.host} holds plan {plan} and renews that no more"
                    self._database.say(f"{told}: it is taken over within {self.holdings.ttl / 2:.0f} s")
                time.sleep(self.holdings.ttl / _LOOKS)
        except HeldElsewhere:
            self.holdings.wait_no_more(name)
            raise

    def create(self, run: str, plan: str, events: Sequence[Event], at: float) -> bool:
        rows, head = rows_behind(BEGIN, events, at)
        given = {
            "run": run, "plan": plan, "seq": head.seq, "chain": head.chain, **columns(rows),
            **fence(self.holdings.epochs),
        }  # fmt: skip
        written = self.holdings.under(self._database, lambda db: db.execute(_CREATE, given).rowcount)
        found = self._rows("SELECT seq, chain FROM run WHERE id = %s", run)
        if not found:
            raise LeaseLost(f"run {run}: another process has taken over the plan before it began")
        self.home.keep_journal_place(JournalPlace(self.id, self._database.address.shown))
        # The answer to an earlier try may have been lost: then it is ours, to the last entry.
        return written == len(rows) or Head(*found[0]) == head

    def journal(self, run: str, holder: str) -> Journal:
        journal = PostgresJournal(self._database, run, self.holdings)
        self._disk.make_folder(self.home.run_path(run))
        return journal

    def forget(self, run: str) -> None:
        given = {"run": run, **fence(self.holdings.epochs)}
        sql = f"WITH {HELD} DELETE FROM run WHERE id = %(run)s AND {ALL_HELD}"
        self.holdings.under(self._database, lambda db: db.execute(sql, given))
        if self._disk.exists(self.home.run_path(run)):
            remove_folder(self._disk, self.home.run_path(run))

    def ask(self, run: str, event: Event, at: float) -> int:
        head_of(self._database, run)
        kind, body = to_text(event)
        sql = "INSERT INTO inbox (run, at, kind, body) VALUES (%s, %s, %s, %s) RETURNING id"
        return int(self._rows(sql, run, at, kind, body)[0][0])

    def vault(self, run: str) -> Vault:
        return self.vaults(run)

    def leases(self, holder: str) -> SlotLeases:
        return RunLeases(self.holdings, holder)

    def close(self) -> None:
        """Give back what is held, and end the connections."""
        with suppress(RomaMigrateError):  # it ends by itself
            self.holdings.close()
        self._database.close()

    def _rows(self, sql: str, *given: object) -> list[tuple[Any, ...]]:
        return self._database.ask(lambda db: db.execute(sql, given).fetchall())


def opened(database: Database, home: Home) -> PostgresStore:
    """The store of this process, which ends with its leases; raises OperatorError, JournalUnreachable."""

    def looked(db: Connection) -> str:
        must_fit(db, database.address)
        return str((db.execute("SELECT value FROM meta WHERE name = 'id'").fetchone() or ("",))[0])

    try:
        return PostgresStore(database, home, database.ask(looked), Deadman().arm)
    except BaseException:
        database.close()
        raise


class RunLeases:
    """The slots of what this process conducts, among everything that it holds.

    What an event loop asks is asked of the database by a thread, one question after the other, and it waits no longer
    than an instant for the answer. What was had by then and nobody came back for is given back at the next renewal.
    """

    def __init__(self, holdings: Holdings, holder: str) -> None:
        self._holdings, self._holder = holdings, holder
        self._held: set[str] = set()
        self._thread = ThreadPoolExecutor(1, "slots")
        #: claims that are on their way, or answered and not heard
        self._claims: dict[tuple[str, ...], Future[Taken | Denied]] = {}
        #: those of them that a renewal has already met
        self._old: set[tuple[str, ...]] = set()

    def take(self, keys: Sequence[str]) -> Taken | Denied:
        return self._had(self._holdings.take(keys, self._holder))

    def claim(self, keys: Sequence[str]) -> Taken | Denied | Asking:
        self._holdings.must_hold()
        name = tuple(sorted(keys))
        if name not in self._claims:
            self._claims[name] = self._thread.submit(self._holdings.take, name, self._holder)
        try:
            answer = self._claims[name].result(INSTANT)
        except TimeoutError:
            self._old.discard(name)
            return Asking()
        except BaseException:
            del self._claims[name]
            raise
        del self._claims[name]
        return self._had(answer)

    def _had(self, answer: Taken | Denied) -> Taken | Denied:
        if isinstance(answer, Taken):
            self._held.update(answer.epochs)
        return answer

    def renew(self) -> tuple[str, ...]:
        """A thread does that; raises LeaseLost where it could not."""
        self._holdings.must_hold()
        for name in [each for each in self._old if each in self._claims and self._claims[each].done()]:
            answer = self._claims.pop(name).result()
            if isinstance(answer, Taken):
                self._holdings.release([key for key in name if key not in self._held])
        self._old = set(self._claims)
        return ()

    def must_hold(self) -> None:
        self._holdings.must_hold(MARGIN * self._holdings.ttl)

    def confirm(self) -> None:
        self._holdings.renew_if_older(CONFIRMED)
        self.must_hold()

    def release(self, keys: Sequence[str]) -> None:
        self._held.difference_update(keys)
        self._holdings.release(keys)

    def give_back(self, keys: Sequence[str]) -> None:
        self._held.difference_update(keys)
        self._thread.submit(self._holdings.release, tuple(keys))

    def share(self, users: Collection[str]) -> None:
        self._held.update(self._holdings.share(users))

    def sharers(self, user: str) -> int:
        return self._holdings.sharers(user)

    def close(self) -> None:
        """Give everything back, also what was claimed meanwhile."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._holdings.release([*self._held, *(key for name in self._claims for key in name)])
        self._holdings.wait_no_more(self._holder)


def _lease_of(plan: str) -> str:
    return f"plan {plan}"


def _parse_holder(text: str) -> Holder:
    read = json.loads(text)
    return Holder(str(read["host"]), int(read["pid"]), str(read["since"]))
