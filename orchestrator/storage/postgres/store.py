"""A store whose journals, leases and requests lie in PostgreSQL, and whose packages and logs lie in a home.

Law: a plan is held by a lease, so a process that dies holds it for as long as that lives, and no longer. Of a fleet's
component a process has a store of its own kind, in which the plan is this component alone.
"""

import json
import math
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.submissions import SubmittedComponent
from orchestrator.errors import HeldElsewhere, LeaseLost, RomaMigrateError
from orchestrator.storage.briefs import BriefHead, to_bytes
from orchestrator.storage.briefs import head_of as head_of_brief
from orchestrator.storage.chain import BEGIN, Head, Row
from orchestrator.storage.codec import rows_behind, to_text
from orchestrator.storage.deadman import Deadman
from orchestrator.storage.disk import Disk
from orchestrator.storage.home import Home, JournalPlace
from orchestrator.storage.leases import Denied
from orchestrator.storage.locks import Holder
from orchestrator.storage.placing import remove_folder
from orchestrator.storage.postgres.database import Connection, Database
from orchestrator.storage.postgres.holdings import Holdings
from orchestrator.storage.postgres.journal import (
    ALL_HELD,
    HELD,
    ROWS,
    PostgresJournal,
    columns,
    entry_in_run,
    head_of,
    rows_of,
)
from orchestrator.storage.postgres.run_leases import RunLeases
from orchestrator.storage.postgres.schema import must_be_the_same, must_fit
from orchestrator.storage.postgres.submissions import PostgresSubmissions, component_lease, parse_holder, plan_lease
from orchestrator.storage.shared_packages import local_vaults
from orchestrator.storage.store import Journal, SlotLeases
from orchestrator.storage.vault import Vault

if TYPE_CHECKING:
    from orchestrator.core.report.brief import Brief
    from orchestrator.core.report.ended_run import EndedRun

#: looks at a plan's lease within one `ttl`, to see whether its holder renews it
_LOOKS = 40
_CREATE = f"""
WITH {HELD}, born AS (
    INSERT INTO run (id, plan, component, epoch, seq, chain)
    SELECT %(run)s, %(plan)s, %(component)s, 0, %(seq)s, %(chain)s WHERE {ALL_HELD}
    ON CONFLICT (id) DO NOTHING RETURNING id)
INSERT INTO event (run, seq, epoch, at, kind, body, chain)
SELECT born.id, e.seq, 0, e.at, e.kind, e.body, e.chain FROM born, {ROWS}
"""
_HOLDER = "SELECT holder, epoch, expires FROM lease WHERE key = %s AND expires > clock_timestamp()"
#: without the runs of the same submission's other components: these share nothing with it
_APART = """FROM run AS r LEFT JOIN component AS c ON c.id = r.component
    WHERE (c.submission IS DISTINCT FROM %s OR c.id = %s)"""
#: Whoever conducts or takes back an earlier component holds all of its leases: they are ours meanwhile.
_CLEARED = """SELECT r.id FROM run AS r JOIN component AS c ON c.id = r.component
    WHERE c.id = %s OR (c.plan = %s AND c.submission <> %s AND c.state = 'done' AND c.keys <@ %s::text[])
    ORDER BY r.id"""
_BRIEF = """SELECT b.line, b.body FROM brief AS b JOIN run AS r ON r.id = b.run AND r.seq = b.seq AND r.chain = b.chain
    WHERE b.run = %s"""
_ENDED = """SELECT b.run, b.line FROM brief AS b JOIN run AS r ON r.id = b.run AND r.seq = b.seq AND r.chain = b.chain
    WHERE b.run = ANY(%s)"""
_KEEP_BRIEF = """INSERT INTO brief (run, seq, chain, line, body)
    SELECT id, seq, chain, %s, %s FROM run WHERE id = %s AND seq = %s
    ON CONFLICT (run) DO UPDATE
        SET seq = excluded.seq, chain = excluded.chain, line = excluded.line, body = excluded.body"""


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
        self.submissions = PostgresSubmissions(database, self.holdings, id_)

    @property
    def component(self) -> str:
        """The component that this process conducts, or "" where it conducts whole plans."""
        return ""

    @property
    def address(self) -> str:
        return self._database.address.written

    # --- looking -----------------------------------------------------------------------------------------------------

    def run_ids(self) -> list[str]:
        return self._ids("SELECT id FROM run ORDER BY id")

    def plan_of(self, run: str) -> str:
        rows = self._rows("SELECT plan FROM run WHERE id = %s", run)
        if not rows:
            head_of(self._database, run)  # tells that there is none
        return str(rows[0][0])

    def read(self, run: str) -> Iterator[Entry]:
        for row, _head in rows_of(self._database, run, head_of(self._database, run)):
            yield entry_in_run(run, row)

    def ended(self, run: str) -> "EndedRun | None":
        return self.all_ended([run]).get(run)

    def all_ended(self, runs: Sequence[str]) -> "Mapping[str, EndedRun]":
        found = {}
        for run, line in self._rows(_ENDED, list(runs)):
            with suppress(ValueError, TypeError):  # of another version
                found[str(run)] = head_of_brief(bytes(line)).ended
        return found

    def component_of(self, run: str) -> str:
        rows = self._rows("SELECT component FROM run WHERE id = %s", run)
        return str(rows[0][0] or "") if rows else ""

    def runs_of(self, plan: str) -> list[str]:
        return self._ids("SELECT id FROM run WHERE plan = %s ORDER BY id", plan)

    def own_runs(self, plan: str) -> list[str]:
        return self._ids("SELECT id FROM run WHERE plan = %s AND component IS NULL ORDER BY id", plan)

    def cleared_runs(self, plan: str) -> list[str]:
        return self.own_runs(plan)

    def scope_of(self, run: str) -> "PostgresStore":
        component = self.component_of(run)
        return self.of_component(self.submissions.component(component)) if component else self

    def of_component(self, component: SubmittedComponent) -> "ComponentStore":
        """The same runs, for the process that conducts this component."""
        return ComponentStore(self, component)

    def brief(self, run: str) -> "Brief | None":
        head, body = self._brief(run)
        try:
            return head.brief(body) if head is not None else None
        except ValueError:  # of another version
            return None

    def _brief(self, run: str) -> tuple[BriefHead | None, bytes]:
        """The brief's first line, where the journal is as it was when that was made, and what follows it."""
        rows = self._rows(_BRIEF, run)
        try:
            return (head_of_brief(bytes(rows[0][0])), bytes(rows[0][1])) if rows else (None, b"")
        except (ValueError, TypeError):  # of another version
            return None, b""

    def keep_brief(self, run: str, brief: "Brief") -> None:
        with suppress(RomaMigrateError):  # where it is refused, the journal is folded again
            line, _, body = to_bytes(brief, "").partition(b"\n")
            self._database.ask(lambda db: db.execute(_KEEP_BRIEF, (line, body, run, brief.entries)))

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
        return self._holder(plan_lease(plan))

    def _holder(self, key: str) -> Holder | None:
        rows = self._rows(_HOLDER, key)
        return parse_holder(rows[0][0]) if rows else None

    # --- writing -----------------------------------------------------------------------------------------------------

    @contextmanager
    def hold(self, plan: str, holder: Holder) -> Iterator[None]:
        key, name = plan_lease(plan), named(holder)
        self._take(key, plan, name)
        try:
            self._database.ask(lambda db: must_be_the_same(db, self._database.address))
            self.submissions.must_be_over(plan)
            yield
        finally:
            self.holdings.release([key])

    def _take(self, key: str, plan: str, name: str) -> None:
        """Whoever renews it lives; whoever does not is waited for, until its lease has ended."""
        seen, since = None, math.inf
        try:
            while isinstance(self.holdings.take([key], name), Denied):
                rows = self._rows(_HOLDER, key)
                if rows and seen is not None and rows[0] != seen:
                    holder = parse_holder(rows[0][0])
                    told = f"process {holder.pid} on {holder.host} since {holder.since}"
                    raise HeldElsewhere(f"plan {plan} is run by {told}", next_step="roma-migrate status")
                if rows and seen is None:
                    seen, since = rows[0], time.monotonic()
                if rows and time.monotonic() - since >= self.holdings.ttl / 2:
                    since = math.inf  # it is said once
                    holder = parse_holder(rows[0][0])
                    told = f"process {holder.pid} on {holder.host} holds plan {plan} and renews that no more"
                    self._database.say(f"{told}: it is taken over within {self.holdings.ttl / 2:.0f} s")
                time.sleep(self.holdings.ttl / _LOOKS)
        except HeldElsewhere:
            self.holdings.wait_no_more(name)
            raise

    def create(self, run: str, plan: str, events: Sequence[Event], at: float) -> bool:
        rows, head = rows_behind(BEGIN, events, at)
        given = {
            "run": run, "plan": plan, "component": self.component or None, "seq": head.seq, "chain": head.chain,
            **columns(rows),
        }  # fmt: skip
        written = self._fenced(_CREATE, given)
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
        self._fenced(f"WITH {HELD} DELETE FROM run WHERE id = %(run)s AND {ALL_HELD}", {"run": run})
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

    def _ids(self, sql: str, *given: object) -> list[str]:
        return [str(row[0]) for row in self._rows(sql, *given)]

    def _fenced(self, sql: str, given: Mapping[str, object]) -> int:
        """How many rows it wrote while everything that is held was ours."""
        return (
            self.holdings.fenced(self._database, lambda db, fence: db.execute(sql, {**given, **fence}).rowcount or None)
            or 0
        )

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


class ComponentStore(PostgresStore):
    """What a process that conducts one component has of a store: holding the plan is holding this component."""

    def __init__(self, whole: PostgresStore, component: SubmittedComponent) -> None:
        self.home, self.id, self.vaults, self.options = whole.home, whole.id, whole.vaults, whole.options
        self.holdings, self.submissions = whole.holdings, whole.submissions
        self._database, self._disk = whole._database, whole._disk
        self._conducts = component

    @property
    def component(self) -> str:
        return self._conducts.id

    def run_ids(self) -> list[str]:
        return self._ids(f"SELECT r.id {_APART} ORDER BY r.id", self._conducts.submission, self.component)

    def runs_of(self, plan: str) -> list[str]:
        given = (self._conducts.submission, self.component, plan)
        return self._ids(f"SELECT r.id {_APART} AND r.plan = %s ORDER BY r.id", *given)

    def own_runs(self, plan: str) -> list[str]:
        return self._ids("SELECT id FROM run WHERE component = %s ORDER BY id", self.component)

    def cleared_runs(self, plan: str) -> list[str]:
        return self._ids(_CLEARED, self.component, plan, self._conducts.submission, list(self._conducts.keys))

    def holder(self, plan: str) -> Holder | None:
        return self._holder(component_lease(self._conducts.id))

    @contextmanager
    def hold(self, plan: str, holder: Holder) -> Iterator[None]:
        """All of its leases in one statement, or none: whoever holds one of them is told, and is not waited for."""
        with self.submissions.held(self._conducts, named(holder)):
            self._database.ask(lambda db: must_be_the_same(db, self._database.address))
            yield

    def leases(self, holder: str) -> SlotLeases:
        return RunLeases(self.holdings, holder, self._conducts.keys)

    def close(self) -> None:
        """The connections are those of the whole store."""


def named(holder: Holder) -> str:
    """A holder as leases name it: no two processes, and no two holds of one, bear the same name."""
    told = {"host": holder.host, "pid": holder.pid, "since": holder.since, "token": secrets.token_hex(8)}
    return json.dumps(told)
