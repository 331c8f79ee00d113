"""The events of one run in one SQLite file, append-only.

Law: what `append` returned for is on the disk; what does not match its chain is refused.

A journal comes into being whole, with its first entries (`journal_content`, placed by `storage.store`). One process
writes: `SqliteJournal` takes the run's lease and reads every entry before it hands itself out, and each write is fenced
by the lease's epoch and by the head of the chain, so a process that was taken over cannot write. The SQL is what
PostgreSQL takes too (`run` is part of every key).
A reader leaves no trace, neither in the file nor beside it, so that who only looks changes nothing (promise 6).
The head of the chain is kept in a second place as well (`storage.headfile`): a log that lost its end is found.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.core.state.events import Entry, Event
from orchestrator.errors import JournalDamaged, LeaseLost, MemoryFailed
from orchestrator.storage.chain import BEGIN, ChainBroken, Head, Row, checked
from orchestrator.storage.codec import NEWER, entry_in, event_in, rows_behind, to_text
from orchestrator.storage.disk import Disk
from orchestrator.storage.headfile import HeadFile, heads
from orchestrator.storage.heads import must_be_forced
from orchestrator.storage.home import head_path

#: version of the tables; a newer one is refused
SCHEMA = 1
#: how often a reader opens the file again that changed hands under its eyes
_TRIES = 5
#: seconds to wait for another process's transaction, each of which takes milliseconds
_PATIENCE = 10.0
#: where a database's header says that it has a write-ahead log, and the word for it
_MODE_AT, _WRITE_AHEAD = 18, b"\x02\x02"

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE lease (key TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL DEFAULT 0, chain TEXT NOT NULL DEFAULT '');
CREATE TABLE event (
    run TEXT NOT NULL, seq BIGINT NOT NULL, at DOUBLE PRECISION NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    chain TEXT NOT NULL, PRIMARY KEY (run, seq));
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    answer TEXT);
"""
_INSERT = "INSERT INTO event (run, seq, at, kind, body, chain) VALUES (?, ?, ?, ?, ?, ?)"
_ADVANCE = "UPDATE lease SET seq = ?, chain = ? WHERE key = ? AND epoch = ? AND seq = ? AND chain = ?"
_TAKE = """
INSERT INTO lease (key, holder, epoch, seq, chain) VALUES (?, ?, 1, ?, ?)
ON CONFLICT (key) DO UPDATE
    SET holder = excluded.holder, epoch = lease.epoch + 1, seq = excluded.seq, chain = excluded.chain
RETURNING epoch
"""
_ROWS = "SELECT seq, at, kind, body, chain FROM event WHERE run = ? AND seq > ? ORDER BY seq"
_HEAD = "SELECT seq, chain FROM lease WHERE key = ?"
_RESTORE = "restore the home directory from a backup; do not start this plan anew before that"


def journal_content(run: str, events: Sequence[Event], at: float) -> tuple[bytes, Head]:
    """The file of a journal that holds these entries, and the head behind them."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_TABLES)
        db.execute("INSERT INTO meta VALUES ('schema', ?)", (str(SCHEMA),))
        rows, head = rows_behind(Head(), events, at)
        db.executemany(_INSERT, [_fields(run, row) for row in rows])
        db.execute("INSERT INTO lease VALUES (?, '', 0, ?, ?)", (_key(run), head.seq, head.chain))
        db.commit()
        content = bytearray(db.serialize())
    # It has its log from the start: a change of mode later would be one more moment at which to die.
    content[_MODE_AT : _MODE_AT + 2] = _WRITE_AHEAD
    return bytes(content), head


def _fields(run: str, row: Row) -> tuple[str, int, float, str, str, str]:
    return run, row.seq, row.at, row.kind, row.body, row.chain


def _key(run: str) -> str:
    return f"run {run}"


class SqliteJournal:
    """A run's journal, written by this process alone; whoever wrote before can write no more. It must exist."""

    def __init__(self, path: Path, run: str, holder: str, disk: Disk | None = None) -> None:
        disk = disk or Disk()
        self.path, self.run = path, run
        self._key, self._boot = _key(run), disk.boot()
        self._file = _identity(path)
        with _as_sentences(path):
            self._db = _writer(path)
            with _closed_on_failure(self._db):
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    # Before anything is written: what the log has lost must not be covered up.
                    self._head = _last(self._db, self.path, run, self._boot)
                    fields = (self._key, holder, self._head.seq, self._head.chain)
                    self._epoch = self._db.execute(_TAKE, fields).fetchone()[0]
                self._noted = HeadFile(head_path(path), disk, self._head)

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Every entry behind `after`, each checked against the chain from the first one on."""
        for row, _head in _chain(self._db, self.path, self.run, self._boot):
            if row.seq > after:
                yield _entry(self.path, row)

    def append(self, events: Sequence[Event], at: float) -> tuple[Entry, ...]:
        """Write the events as one transaction; intents are forced to the disk whatever the power does."""
        forced = must_be_forced(events)
        rows, head = rows_behind(self._head, events, at)
        self._must_be_there()
        with _as_sentences(self.path):
            self._db.execute(f"PRAGMA synchronous = {'FULL' if forced else 'NORMAL'}")
            with self._db:
                fence = (head.seq, head.chain, self._key, self._epoch, self._head.seq, self._head.chain)
                if self._db.execute(_ADVANCE, fence).rowcount != 1:
                    raise LeaseLost(f"{self.path}: another process has taken over this run")
                self._db.executemany(_INSERT, [_fields(self.run, row) for row in rows])
        self._head = head
        self._noted.note(head, forced=forced)
        return tuple(Entry(row.seq, at, event) for row, event in zip(rows, events, strict=True))

    def _must_be_there(self) -> None:
        """SQLite writes on into a file that was removed, as if nothing had happened."""
        with suppress(MemoryFailed):
            if _identity(self.path) == self._file:
                return
        raise MemoryFailed(
            f"{self.path}: the journal was removed or replaced while the run was live; nothing more is started, and "
            "jobs that were asked for may still run",
            next_step="find out who removed it and restore the home directory; without it, wait for the jobs to end "
            "and look at the targets before this plan is run anew",
        )

    def take_requests(self) -> list[tuple[int, Event]]:
        with _as_sentences(self.path):
            rows = self._db.execute(
                "SELECT id, kind, body FROM inbox WHERE run = ? AND answer IS NULL ORDER BY id", (self.run,)
            ).fetchall()
        return [
            (number, event_in(str(self.path), f"request {number}", kind, body, _RESTORE)) for number, kind, body in rows
        ]

    def answer(self, request: int, text: str) -> None:
        with _as_sentences(self.path), self._db:
            self._db.execute("UPDATE inbox SET answer = ? WHERE id = ?", (text, request))

    def close(self) -> None:
        self._noted.close()
        self._db.close()


class JournalReader:
    """Reads a run's journal: takes no lease and leaves no trace. It may be live."""

    def __init__(self, path: Path, run: str, disk: Disk | None = None) -> None:
        self.path, self.run, self._boot = path, run, (disk or Disk()).boot()
        #: how the files looked when they were opened
        self._db, self._seen = _reader(path)
        #: how far `news` has come
        self._told = BEGIN

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Every entry behind `after`, each checked against the chain from the first one on."""
        return (entry for _row, entry in self.kept(after))

    def kept(self, after: int = 0) -> Iterator[tuple[Row, Entry]]:
        """The same, each with the row that keeps it and its place in the chain."""
        for row, _head in self._behind(BEGIN):
            if row.seq > after:
                yield row, _entry(self.path, row)

    def news(self) -> Iterator[Entry]:
        """Every entry since the last call, checked against the chain from where that one ended."""
        for row, head in self._behind(self._told):
            entry = _entry(self.path, row)
            self._told = head
            yield entry

    def _behind(self, told: Head) -> Iterator[tuple[Row, Head]]:
        """Every row behind a head."""
        for left in reversed(range(_TRIES)):
            if self._overtaken():
                self._db.close()
                self._db, self._seen = _reader(self.path)
            try:
                for row, head in _chain(self._db, self.path, self.run, self._boot, told):
                    yield row, head
                    told = head
            except MemoryFailed:
                # A reader takes no lock: what looks damaged may be a run that began or ended meanwhile.
                if not left or not self._overtaken():
                    raise
            else:
                return

    def _overtaken(self) -> bool:
        """Whether somebody has written since the files were opened."""
        return self._seen != _look(self.path)

    def answered(self, request: int) -> str | None:
        """What the live run said to a request, or None so far."""
        with _as_sentences(self.path):
            row = self._db.execute("SELECT answer FROM inbox WHERE id = ?", (request,)).fetchone()
        return None if row is None else row[0]

    def close(self) -> None:
        self._db.close()


def ask(path: Path, run: str, event: Event, at: float) -> int:
    """Leave an operator's request for the process that holds the run; answers its number."""
    kind, body = to_text(event)
    with _as_sentences(path), closing(_writer(path)) as db, db:
        cursor = db.execute("INSERT INTO inbox (run, at, kind, body) VALUES (?, ?, ?, ?)", (run, at, kind, body))
        return int(cursor.lastrowid or 0)


def never_began(path: Path) -> bool:
    """Whether a sound database holds no entry, and perhaps no table: an earlier version was killed that early."""
    mode = _look(path).mode
    with suppress(sqlite3.DatabaseError), closing(_connected(path, mode)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return "event" not in tables or db.execute("SELECT 1 FROM event LIMIT 1").fetchone() is None
    return False


# --- entries -------------------------------------------------------------------------------------------------------


def _chain(db: sqlite3.Connection, path: Path, run: str, boot: str, behind: Head = BEGIN) -> Iterator[tuple[Row, Head]]:
    """Every row that a run has behind a head, checked; raises JournalDamaged."""
    try:
        with _as_sentences(path):
            # The heads first: a live writer may add rows behind them meanwhile, never before them.
            reached = heads(head_path(path), boot)
            found = db.execute(_HEAD, (_key(run),)).fetchone()
            if found is not None and not (isinstance(found[0], int) and isinstance(found[1], str)):
                raise ChainBroken(0, "its head has another type")
            if found is not None and found[0]:
                reached.append(Head(*found))
            yield from checked((Row(*row) for row in db.execute(_ROWS, (run, behind.seq))), reached, behind)
    except ChainBroken as broken:
        raise JournalDamaged(f"{path}: {broken}", next_step=_RESTORE) from None


def _last(db: sqlite3.Connection, path: Path, run: str, boot: str) -> Head:
    """The head of a journal that is whole."""
    last = Head()
    for _row, head in _chain(db, path, run, boot):
        last = head
    return last


def _entry(path: Path, row: Row) -> Entry:
    """What a row says; raises JournalDamaged and MemoryFailed, which name `path`."""
    return entry_in(str(path), row, _RESTORE)


# --- connections ---------------------------------------------------------------------------------------------------


def _identity(path: Path) -> tuple[int, int]:
    """Which file has this name now."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        raise MemoryFailed(f"{path}: there is no journal", next_step="roma-migrate runs") from None
    return found.st_dev, found.st_ino


def _writer(path: Path) -> sqlite3.Connection:
    _look(path)
    db = _connected(path, "?mode=rw")
    with _closed_on_failure(db):
        db.execute("PRAGMA journal_mode = WAL")
        _must_be_ours(db, path)
    return db


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}{mode}"
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE, check_same_thread=False)


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
        if head_path(path).exists():
            raise JournalDamaged(f"{path}: the journal of this run was removed", next_step=_RESTORE) from None
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
        db = _connected(path, mode)
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
        raise MemoryFailed(
            f"{path}: written by another version of roma-migrate (tables {row and row[0]}, this one has {SCHEMA})",
            next_step=NEWER,
        )


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
        ours = not str(error).startswith("no such ")  # an empty file is a sound database without a table
        if full or (ours and isinstance(error, sqlite3.OperationalError)):
            raise MemoryFailed(
                f"{path}: cannot be written or read: {error}",
                next_step="free disk space or mend the disk, then run again",
            ) from None
        raise JournalDamaged(
            f"{path}: is damaged: {error}", next_step="restore the home directory from a backup"
        ) from None
