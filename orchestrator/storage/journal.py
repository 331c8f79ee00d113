"""The events of one run, append-only.

Law: what `append` returned for is on the disk; what does not match its chain is refused.

One SQLite file a run. The SQL is what PostgreSQL takes too (`run` is part of every key), and each write is fenced: it
lands only while the writer's epoch of the run's lease stands, so a process that was taken over cannot write.
A reader leaves no trace, neither in the file nor beside it, so that who only looks changes nothing (promise 6).
Each row's `chain` is the SHA-256 of the row before it and of its own content: a flipped byte is found, never believed.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.core.state.events import INTENTS, Entry, Event
from orchestrator.errors import JournalDamaged, LeaseLost, MemoryFailed
from orchestrator.storage.codec import from_text, to_text

#: version of the tables; a newer one is refused
SCHEMA = 1
#: how often a reader opens the file again that changed hands under its eyes
_TRIES = 5
#: seconds to wait for another process's transaction, each of which takes milliseconds
_PATIENCE = 10.0
_START = "0" * 64

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lease (key TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL DEFAULT 0, chain TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS event (
    run TEXT NOT NULL, seq BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    chain TEXT NOT NULL, PRIMARY KEY (run, seq));
CREATE TABLE IF NOT EXISTS inbox (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    answer TEXT);
"""
_APPEND = """
INSERT INTO event (run, seq, at, kind, body, chain)
SELECT ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM lease WHERE key = ? AND epoch = ?)
"""
_HEAD = "UPDATE lease SET seq = ?, chain = ? WHERE key = ? AND epoch = ?"
_TAKE = """
INSERT INTO lease (key, holder, epoch) VALUES (?, ?, 1)
ON CONFLICT (key) DO UPDATE SET holder = excluded.holder, epoch = lease.epoch + 1 RETURNING epoch
"""


class Journal(Protocol):
    """What the engine needs of a journal; PostgreSQL will serve the same."""

    def append(self, events: Sequence[Event], at: float) -> tuple[Entry, ...]:
        """All or none, on the disk when it returns; raises LeaseLost, MemoryFailed."""
        ...

    def read(self, after: int = 0) -> Iterator[Entry]:
        """In order; raises JournalDamaged."""
        ...

    def take_requests(self) -> list[tuple[int, Event]]:
        """What operators asked of a live run and nobody has answered."""
        ...

    def answer(self, request: int, text: str) -> None: ...

    def close(self) -> None: ...


class SqliteJournal:
    """A journal in one SQLite file, 0600. A reader (`holder=""`) takes no lease and cannot append."""

    def __init__(self, path: Path, run: str, holder: str = "") -> None:
        self.path, self.run = path, run
        self._key = f"run {run}"
        self._seq, self._chain = 0, _START
        self._epoch = 0
        #: how the files looked when a reader opened them
        self._seen: _Look | None = None
        if holder:
            with _as_sentences(path):
                self._db = _writer(path, create=True)
                with self._db:
                    self._epoch = self._db.execute(_TAKE, (self._key, holder)).fetchone()[0]
        else:
            self._db, self._seen = _reader(path)

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Every entry behind `after`, each checked against the chain from the first one on."""
        for left in reversed(range(_TRIES)):
            if self._overtaken():
                self._db.close()
                self._db, self._seen = _reader(self.path)
            try:
                for entry in self._checked(after):
                    yield entry
                    after = entry.seq
            except MemoryFailed:
                # A reader takes no lock: what looks damaged may be a run that began or ended meanwhile.
                if not left or not self._overtaken():
                    raise
            else:
                return

    def _overtaken(self) -> bool:
        """Whether somebody has written since this reader opened the files."""
        return self._seen is not None and self._seen != _look(self.path)

    def _checked(self, after: int) -> Iterator[Entry]:
        with _as_sentences(self.path):
            # The head first: a live writer may add rows behind it meanwhile, never before it.
            head = self._db.execute("SELECT seq, chain FROM lease WHERE key = ?", (self._key,)).fetchone() or (0, "")
            rows = self._db.execute(
                "SELECT seq, at, kind, body, chain FROM event WHERE run = ? ORDER BY seq", (self.run,)
            )
            seq, chain = 0, _START
            for row_seq, at, kind, body, row_chain in rows:
                if not (isinstance(at, float | int) and all(isinstance(x, str) for x in (kind, body, row_chain))):
                    raise self._damaged(seq + 1, "a field has another type")
                chain = _link(chain, row_seq, at, kind, body)
                if row_seq != seq + 1 or chain != row_chain or (row_seq == head[0] and chain != head[1]):
                    raise self._damaged(seq + 1, "the chain is broken")
                seq = row_seq
                if seq > after:
                    yield Entry(seq, at, self._event(seq, kind, body))
            if head[0] > seq:
                raise self._damaged(head[0], f"the journal ends at entry {seq}")
        self._seq, self._chain = seq, chain

    def _event(self, seq: int, kind: str, body: str) -> Event:
        try:
            return from_text(kind, body)
        except ValueError as error:
            raise self._damaged(seq, str(error)) from None

    def _damaged(self, seq: int, why: str) -> JournalDamaged:
        return JournalDamaged(
            f"{self.path}: entry {seq} is not what was written: {why}",
            next_step="restore the home directory from a backup; do not start this plan anew before that",
        )

    def append(self, events: Sequence[Event], at: float) -> tuple[Entry, ...]:
        """Write the events as one transaction; intents are forced to the disk whatever the power does."""
        full = any(isinstance(event, INTENTS) for event in events)
        entries: list[Entry] = []
        seq, chain = self._seq, self._chain
        with _as_sentences(self.path):
            self._db.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            with self._db:
                for event in events:
                    kind, body = to_text(event)
                    seq += 1
                    chain = _link(chain, seq, at, kind, body)
                    row = (self.run, seq, at, kind, body, chain, self._key, self._epoch)
                    if self._db.execute(_APPEND, row).rowcount != 1:
                        raise LeaseLost(f"{self.path}: another process has taken over this run")
                    entries.append(Entry(seq, at, event))
                self._db.execute(_HEAD, (seq, chain, self._key, self._epoch))
        self._seq, self._chain = seq, chain
        return tuple(entries)

    def ask(self, event: Event, at: float) -> int:
        """Leave an operator's request for the process that holds the run; a reader writes from here on."""
        kind, body = to_text(event)
        if self._seen is not None:
            self._db.close()
            with _as_sentences(self.path):
                self._db, self._seen = _writer(self.path, create=False), None
        with _as_sentences(self.path), self._db:
            row = (self.run, at, kind, body)
            cursor = self._db.execute("INSERT INTO inbox (run, at, kind, body) VALUES (?, ?, ?, ?)", row)
            return int(cursor.lastrowid or 0)

    def take_requests(self) -> list[tuple[int, Event]]:
        with _as_sentences(self.path):
            rows = self._db.execute(
                "SELECT id, kind, body FROM inbox WHERE run = ? AND answer IS NULL ORDER BY id", (self.run,)
            ).fetchall()
        return [(number, self._event(number, kind, body)) for number, kind, body in rows]

    def answer(self, request: int, text: str) -> None:
        with _as_sentences(self.path), self._db:
            self._db.execute("UPDATE inbox SET answer = ? WHERE id = ?", (text, request))

    def answered(self, request: int) -> str | None:
        """What the live run said to a request, or None so far."""
        with _as_sentences(self.path):
            row = self._db.execute("SELECT answer FROM inbox WHERE id = ?", (request,)).fetchone()
        return None if row is None else row[0]

    def close(self) -> None:
        self._db.close()


def _link(before: str, seq: int, at: float, kind: str, body: str) -> str:
    return hashlib.sha256(f"{before}\n{seq}\n{at!r}\n{kind}\n{body}".encode()).hexdigest()


def _writer(path: Path, *, create: bool) -> sqlite3.Connection:
    if create:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    db = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
    with _closed_on_failure(db):
        db.execute("PRAGMA journal_mode = WAL")
        if create:
            db.executescript(_TABLES)
            db.execute("INSERT INTO meta VALUES ('schema', ?) ON CONFLICT (name) DO NOTHING", (str(SCHEMA),))
            db.commit()
        _must_be_ours(db, path)
    return db


@dataclass(frozen=True, slots=True)
class _Look:
    """What tells that another process has begun, ended or written."""

    #: SQLite's files beside the journal: what was committed and not yet moved into it, and the index of that
    wal: bool
    shm: bool
    #: bytes, and nanoseconds of the last change
    size: int
    changed: int

    @property
    def mode(self) -> str:
        """How to open it so that nothing changes on the disk."""
        if not self.wal:
            return "?mode=ro&immutable=1"
        # Without the index SQLite must write one: it then tidies up as the last one that leaves.
        return "?mode=ro&readonly_shm=1" if self.shm else "?mode=rw"


def _look(path: Path) -> _Look:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise MemoryFailed(f"{path}: there is no journal", next_step="roma-migrate runs") from None
    wal, shm = (path.with_name(path.name + end).exists() for end in ("-wal", "-shm"))
    return _Look(wal, shm, found.st_size, found.st_mtime_ns)


def _reader(path: Path, tries: int = _TRIES) -> tuple[sqlite3.Connection, _Look]:
    """A connection that leaves no trace, and how the files looked when it was made."""
    seen = _look(path)
    try:
        return _read_only(path, seen.mode), seen
    except MemoryFailed:
        if not tries or _look(path) == seen:
            raise
    return _reader(path, tries - 1)


def _read_only(path: Path, mode: str) -> sqlite3.Connection:
    with _as_sentences(path):
        db = sqlite3.connect(f"{path.absolute().as_uri()}{mode}", uri=True, timeout=_PATIENCE, check_same_thread=False)
        with _closed_on_failure(db):
            _must_be_ours(db, path)
    return db


@contextmanager
def _closed_on_failure(db: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        db.close()
        raise


def _must_be_ours(db: sqlite3.Connection, path: Path) -> None:
    row = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
    if row is None or row[0] != str(SCHEMA):
        raise MemoryFailed(f"{path}: written by another version of roma-migrate (tables {row and row[0]})")


@contextmanager
def _as_sentences(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise JournalDamaged(
            f"{path}: is damaged: a text is not UTF-8", next_step="restore the home directory from a backup"
        ) from None
    except sqlite3.DatabaseError as error:
        full = "disk is full" in str(error) or "disk I/O" in str(error)
        if full or isinstance(error, sqlite3.OperationalError):
            raise MemoryFailed(
                f"{path}: cannot be written or read: {error}",
                next_step="free disk space or mend the disk, then run again",
            ) from None
        raise JournalDamaged(
            f"{path}: is damaged: {error}", next_step="restore the home directory from a backup"
        ) from None


def read_all(path: Path, run: str) -> list[Entry]:
    """Every entry of a run, by a reader that takes no lease; a live run is not disturbed."""
    with closing(SqliteJournal(path, run)) as journal:
        return list(journal.read())
