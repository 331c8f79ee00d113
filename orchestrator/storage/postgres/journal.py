"""The events of one run in PostgreSQL, append-only. Law: what `append` returned for is committed.

An append is one statement: what this process holds is locked and counted, the head is advanced where it is still the
one that we know, under our epoch, and only then is anything inserted. Where no row comes back, or no answer, the head
tells whether it landed.
"""

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.core.state.events import Entry, Event
from orchestrator.errors import JournalDamaged, LeaseLost, MemoryFailed
from orchestrator.storage.chain import BEGIN, ChainBroken, Head, Row, checked
from orchestrator.storage.codec import entry_in, event_in, rows_behind
from orchestrator.storage.postgres.database import Connection, Database
from orchestrator.storage.postgres.holdings import Holdings

#: rows that are read at once
_PAGE = 2000
#: what this process holds, locked against whoever would take it, until this statement is committed
HELD = """held AS (
    SELECT l.key FROM lease AS l JOIN unnest(%(keys)s::text[], %(epochs)s::bigint[]) AS h (key, epoch)
        ON l.key = h.key AND l.epoch = h.epoch
    WHERE l.expires > clock_timestamp() ORDER BY l.key FOR SHARE OF l)"""
ALL_HELD = "(SELECT count(*) FROM held) = cardinality(%(keys)s::text[])"
ROWS = """unnest(%(seqs)s::bigint[], %(ats)s::double precision[], %(kinds)s::text[], %(bodies)s::text[],
    %(chains)s::text[]) AS e (seq, at, kind, body, chain)"""
_APPEND = f"""
WITH {HELD}, head AS (
    UPDATE run SET seq = %(seq)s, chain = %(chain)s
    WHERE id = %(run)s AND epoch = %(epoch)s AND seq = %(was)s AND chain = %(was_chain)s AND {ALL_HELD}
    RETURNING id, epoch)
INSERT INTO event (run, seq, epoch, at, kind, body, chain)
SELECT head.id, e.seq, head.epoch, e.at, e.kind, e.body, e.chain FROM head, {ROWS}
"""
_TAKE = f"""
WITH {HELD}
UPDATE run SET epoch = epoch + 1 WHERE id = %(run)s AND {ALL_HELD} RETURNING epoch, seq, chain
"""
_HEAD = "SELECT epoch, seq, chain FROM run WHERE id = %s"
_PAGE_OF = "SELECT seq, at, kind, body, chain FROM event WHERE run = %s AND seq > %s ORDER BY seq LIMIT %s"
_RESTORE = "restore the database from a backup; do not start this plan anew before that"


def columns(rows: Sequence[Row]) -> dict[str, object]:
    """The rows as arrays, one a column."""
    return {
        "seqs": [row.seq for row in rows], "ats": [row.at for row in rows], "kinds": [row.kind for row in rows],
        "bodies": [row.body for row in rows], "chains": [row.chain for row in rows],
    }  # fmt: skip


class PostgresJournal:
    """A run's journal, written by this process alone; whoever wrote before can write no more. It must exist."""

    def __init__(self, database: Database, run: str, holdings: Holdings) -> None:
        self._database, self.run, self._holdings = database, run, holdings
        found = holdings.fenced(database, lambda db, fence: db.execute(_TAKE, {"run": run, **fence}).fetchone())
        if found is None:
            head_of(database, run)
            raise LeaseLost(f"run {run}: another process has taken over the plan")
        self._epoch, self._head = int(found[0]), Head(int(found[1]), str(found[2]))
        for _ in rows_of(database, run, self._head):
            pass  # it is read before it is handed out

    def read(self, after: int = 0) -> Iterator[Entry]:
        for row, _head in rows_of(self._database, self.run, self._head):
            if row.seq > after:
                yield entry_in_run(self.run, row)

    def append(self, events: Sequence[Event], at: float) -> tuple[Entry, ...]:
        rows, head = rows_behind(self._head, events, at)
        given = {
            "run": self.run, "epoch": self._epoch, "was": self._head.seq, "was_chain": self._head.chain,
            "seq": head.seq, "chain": head.chain, **columns(rows),
        }  # fmt: skip

        def landed(db: Connection, fence: Mapping[str, object]) -> Head | None:
            if db.execute(_APPEND, {**given, **fence}).rowcount == len(rows):
                return head
            # The answer to an earlier try was lost, or somebody has taken over: the head tells which.
            there = db.execute(_HEAD, (self.run,)).fetchone()
            return head if there == (self._epoch, head.seq, head.chain) else None

        if self._holdings.fenced(self._database, landed) is None:
            raise LeaseLost(f"run {self.run}: another process has taken over this run, or may have")
        self._head = head
        return tuple(Entry(row.seq, at, event) for row, event in zip(rows, events, strict=True))

    def take_requests(self) -> list[tuple[int, Event]]:
        sql = "SELECT id, kind, body FROM inbox WHERE run = %s AND answer IS NULL ORDER BY id"
        rows = self._holdings.under(self._database, lambda db: db.execute(sql, (self.run,)).fetchall())
        return [
            (int(number), event_in(f"run {self.run}", f"request {number}", kind, body, _RESTORE))
            for number, kind, body in rows
        ]

    def answer(self, request: int, text: str) -> None:
        sql = "UPDATE inbox SET answer = %s WHERE id = %s"
        self._holdings.under(self._database, lambda db: db.execute(sql, (text, request)))

    def close(self) -> None:
        """The connection is the store's."""


def head_of(database: Database, run: str) -> Head:
    """How far a run's journal has come; raises MemoryFailed where there is none."""
    found = database.ask(lambda db: db.execute(_HEAD, (run,)).fetchone())
    if found is None:
        raise MemoryFailed(f"run {run}: there is no journal", next_step="roma-migrate runs")
    return Head(int(found[1]), str(found[2]))


def rows_of(database: Database, run: str, reached: Head, behind: Head = BEGIN) -> Iterator[tuple[Row, Head]]:
    """Every row behind a head, checked, each with the head behind it; raises JournalDamaged."""
    try:
        yield from checked(_pages(database, run, behind.seq), [reached] if reached.seq else [], behind)
    except ChainBroken as broken:
        raise JournalDamaged(f"run {run} in {database.address.shown}: {broken}", next_step=_RESTORE) from None


def _pages(database: Database, run: str, after: int) -> Iterator[Row]:
    while True:
        given = (run, after, _PAGE)
        rows = [Row(*row) for row in database.ask(lambda db, given=given: db.execute(_PAGE_OF, given).fetchall())]  # type: ignore[misc]  # a default argument has no type to infer
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1].seq


def entry_in_run(run: str, row: Row) -> Entry:
    """What a row says; raises JournalDamaged and MemoryFailed, which name the run."""
    return entry_in(f"run {run}", row, _RESTORE)
