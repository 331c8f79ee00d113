"""The journal: what was appended is read, what was tampered with is refused, and one process alone can write."""

import hashlib
import pickle
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.core.state import events as e
from orchestrator.core.state.events import Event
from orchestrator.errors import ExitCode, JournalDamaged, LeaseLost, MemoryFailed
from orchestrator.storage.disk import Disk
from orchestrator.storage.heads import first_content
from orchestrator.storage.home import head_path
from orchestrator.storage.journal import JournalReader, SqliteJournal, ask, journal_content
from orchestrator.storage.placing import place
from tests.builders.journals import read_all

RUN = "20270115-080000-abcd"
FIRST: tuple[Event, ...] = (e.ExportRequested("b", "s", "slot"), e.ExportAccepted("b", "job"))
SECOND: tuple[Event, ...] = (e.Exported("b", "arch"),)
THIRD: tuple[Event, ...] = (e.DownloadRequested("b"), e.PackageStored("b", "sha-of-it", 3, "crc"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal in which nothing stands yet."""
    path = tmp_path / "journal.db"
    born(path, ())
    return path


def born(path: Path, events: tuple[Event, ...], at: float = 99.0) -> None:
    """A journal that comes into being with these entries, and its head beside it."""
    content, head = journal_content(RUN, events, at)
    place(Disk(), path, content)
    place(Disk(), head_path(path), first_content(head, Disk().boot()))


@pytest.fixture
def written(path: Path) -> Path:
    """A closed journal of five entries."""
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        for at, events in enumerate((FIRST, SECOND, THIRD), 100):
            journal.append(events, float(at))
    return path


def statements(path: Path, *texts: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for text in texts:
            db.execute(text)
        db.commit()


def events_of(path: Path) -> list[Event]:
    return [entry.event for entry in read_all(path, RUN)]


# --- writing and reading ---


def test_what_was_appended_is_read_in_order_with_its_time(written: Path) -> None:
    entries = read_all(written, RUN)
    assert [entry.event for entry in entries] == [*FIRST, *SECOND, *THIRD]
    assert [(entry.seq, entry.at) for entry in entries] == [(1, 100.0), (2, 100.0), (3, 101.0), (4, 102.0), (5, 102.0)]


def test_append_answers_the_entries_as_they_will_be_read(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        assert [*journal.append(FIRST, 1.5), *journal.append(SECOND, 2.5)] == read_all(path, RUN)


def test_a_reader_may_begin_behind_an_entry(written: Path) -> None:
    with closing(JournalReader(written, RUN)) as reader:
        assert [entry.seq for entry in reader.read(after=3)] == [4, 5]


def test_a_journal_goes_on_where_it_ended_whether_its_writer_reads_it_or_not(written: Path) -> None:
    with closing(SqliteJournal(written, RUN, "next")) as journal:
        (entry,) = journal.append((e.PackageDropped("b"),), 200.0)
    assert entry.seq == 6
    assert len(read_all(written, RUN)) == 6


def test_nothing_of_several_events_is_written_where_one_cannot_be(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        journal.append(FIRST, 1.0)
        with pytest.raises(KeyError):
            journal.append((*SECOND, e.ErrorDetail("no event")), 2.0)  # type: ignore[arg-type] # the point of the test
        assert len(read_all(path, RUN)) == 2
        journal.append(SECOND, 3.0)
    assert events_of(path) == [*FIRST, *SECOND]


def test_a_reader_follows_a_writer_that_is_writing(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal, closing(JournalReader(path, RUN)) as reader:
        journal.append(FIRST, 1.0)
        begun = reader.read()
        assert next(begun).seq == 1
        journal.append(SECOND, 2.0)
        assert [entry.seq for entry in begun] == [2], "the entries of one reading are of one moment"
        assert [entry.seq for entry in reader.read(after=2)] == [3]


# --- a reader leaves no trace ---


def snapshot(path: Path) -> list[tuple[str, int, int, bytes]]:
    """Each file beside the journal, and the folder itself: name, size, time of the last change, content."""
    found = [(each.name, each.stat(), each.read_bytes()) for each in sorted(path.parent.iterdir())]
    told = [(name, stat.st_size, stat.st_mtime_ns, content) for name, stat, content in found]
    return [*told, (".", 0, path.parent.stat().st_mtime_ns, b"")]


def die_with(path: Path, events: tuple[Event, ...]) -> None:
    """A process that writes and is killed: its last entries lie beside the journal."""
    text = (
        "import os, pickle, sys; from pathlib import Path; from orchestrator.storage.journal import SqliteJournal;"
        "journal = SqliteJournal(Path(sys.argv[1]), sys.argv[2], 'dead');"
        "journal.append(pickle.loads(bytes.fromhex(sys.argv[3])), 200.0); os.kill(os.getpid(), 9)"
    )
    told = subprocess.run([sys.executable, "-c", text, str(path), RUN, pickle.dumps(events).hex()], check=False)
    assert told.returncode == -signal.SIGKILL


def test_reading_a_closed_journal_changes_nothing(written: Path) -> None:
    before = snapshot(written)
    assert len(read_all(written, RUN)) == 5
    assert snapshot(written) == before


def test_reading_a_dead_runs_journal_finds_its_last_entries_and_changes_nothing(written: Path) -> None:
    die_with(written, FIRST)
    before = snapshot(written)
    assert [name for name, *_ in before] == ["journal.db", "journal.db-head", "journal.db-shm", "journal.db-wal", "."]
    assert events_of(written) == [*FIRST, *SECOND, *THIRD, *FIRST]
    assert snapshot(written) == before


def test_a_dead_runs_journal_is_read_where_its_index_is_gone(written: Path) -> None:
    die_with(written, FIRST)
    written.with_name("journal.db-shm").unlink()
    assert events_of(written) == [*FIRST, *SECOND, *THIRD, *FIRST]


def test_a_reader_of_a_live_run_sees_what_is_appended_meanwhile(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        journal.append(FIRST, 1.0)
        with closing(JournalReader(path, RUN)) as reader:
            assert len(list(reader.read())) == 2
            journal.append(SECOND, 2.0)
            assert [entry.event for entry in reader.read(after=2)] == [*SECOND]


def test_a_reader_that_a_run_overtakes_reads_on_from_the_changed_file(written: Path) -> None:
    """It has opened a closed journal for good; then a run writes much, ends, and leaves the file changed."""
    with closing(JournalReader(written, RUN)) as reader:
        entries = reader.read()
        assert next(entries).seq == 1
        with closing(SqliteJournal(written, RUN, "next")) as journal:
            for at in range(300):
                journal.append(THIRD * 5, 300.0 + at)
        assert [entry.seq for entry in entries][:4] == [2, 3, 4, 5]
        assert len(list(reader.read())) == 5 + 300 * 10


def test_a_journal_on_a_medium_that_cannot_be_written_is_read(written: Path) -> None:
    written.parent.chmod(0o500)
    try:
        assert len(read_all(written, RUN)) == 5
    finally:
        written.parent.chmod(0o700)


def test_the_journal_and_what_lies_beside_it_are_for_the_owner_alone(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        journal.append(FIRST, 1.0)
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert "journal.db-wal" in modes
    assert set(modes.values()) == {0o600}


# --- one writer ---


def test_a_second_writer_takes_over_and_the_first_can_write_no_more(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "first")) as first:
        first.append(FIRST, 1.0)
        with closing(SqliteJournal(path, RUN, "second")) as second:
            with pytest.raises(LeaseLost) as caught:
                first.append(SECOND, 2.0)
            assert caught.value.exit_code is ExitCode.LEASE_LOST
            second.append(SECOND, 3.0)
            with pytest.raises(LeaseLost):
                first.append(THIRD, 4.0)
    assert events_of(path) == [*FIRST, *SECOND]


# --- damage ---


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE event SET body = replace(body, 'arch', 'card') WHERE seq = 3",
        "UPDATE event SET kind = 'ExportLost' WHERE seq = 3",
        "UPDATE event SET at = at + 1 WHERE seq = 3",
        "UPDATE event SET chain = 'x' WHERE seq = 5",
        "UPDATE event SET seq = 9 WHERE seq = 3",
        "UPDATE event SET run = 'other' WHERE seq = 3",
        "DELETE FROM event WHERE seq = 3",
        "DELETE FROM event WHERE seq = 1",
        "DELETE FROM event WHERE seq = 5",
        "DELETE FROM event WHERE seq > 1",
        "DELETE FROM event",
        "UPDATE lease SET seq = 4",
        "UPDATE lease SET seq = 6",
        "UPDATE lease SET chain = 'x'",
        "UPDATE event SET body = x'ff' WHERE seq = 3",
        "UPDATE event SET at = NULL WHERE seq = 3",
        "UPDATE event SET at = 'noon' WHERE seq = 3",
        "UPDATE event SET body = (SELECT body FROM event WHERE seq = 2) WHERE seq = 3",
    ],
)
def test_a_changed_moved_or_missing_entry_is_refused(written: Path, text: str) -> None:
    statements(
        written, "CREATE TABLE loose AS SELECT * FROM event", "DROP TABLE event", "ALTER TABLE loose RENAME TO event"
    )
    statements(written, text)
    with pytest.raises(JournalDamaged) as caught:
        read_all(written, RUN)
    assert caught.value.exit_code is ExitCode.MEMORY
    assert "backup" in caught.value.next_step


def test_the_last_entries_cannot_be_cut_off_unseen_even_where_the_rest_is_whole(written: Path) -> None:
    statements(written, "DELETE FROM event WHERE seq > 3")
    with pytest.raises(JournalDamaged, match="the journal ends at entry 3"):
        read_all(written, RUN)


def test_a_reader_that_began_before_a_write_is_not_troubled_by_it(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal, closing(JournalReader(path, RUN)) as reader:
        journal.append(FIRST, 1.0)
        reading = reader.read()
        assert next(reading).event == FIRST[0]
        journal.append(SECOND, 2.0)
        assert [entry.event for entry in reading][:1] == [FIRST[1]]


def test_a_writer_that_takes_over_goes_on_from_the_head(written: Path) -> None:
    with closing(SqliteJournal(written, RUN, "other")) as journal:
        assert len(list(journal.read())) == 5
        journal.append((e.PackageDropped("b"),), 200.0)
    assert len(events_of(written)) == 6


def test_an_entry_with_a_true_chain_and_no_known_form_is_refused(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        journal.append(FIRST, 1.0)
        journal.append((e.Exported("b", "arch"),), 2.0)
    with closing(sqlite3.connect(path)) as db:
        (chain,) = db.execute("SELECT chain FROM event WHERE seq = 2").fetchone()
        forged = hashlib.sha256(f"{chain}\n3\n2.0\nFutureEvent\n{{}}".encode()).hexdigest()
        db.execute("UPDATE event SET kind = 'FutureEvent', body = '{}', chain = ? WHERE seq = 3", (forged,))
        db.execute("UPDATE lease SET chain = ?", (forged,))
        db.commit()
    head_path(path).unlink()
    with pytest.raises(MemoryFailed, match="a newer roma-migrate wrote it") as caught:
        read_all(path, RUN)
    assert not isinstance(caught.value, JournalDamaged)
    assert (caught.value.exit_code, "the version that wrote it" in caught.value.next_step) == (ExitCode.MEMORY, True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_in_the_text_of_any_entry_is_never_believed(written: Path, place: int, bit: int) -> None:
    content = written.read_bytes()
    wanted = read_all(written, RUN)
    places = list(_texts(content, [b'{"batch"', b"ExportRequested", b"PackageStored"], 60))
    damaged = bytearray(content)
    damaged[places[place % len(places)]] ^= 1 << bit
    torn = written.with_name("torn.db")
    torn.write_bytes(damaged)
    try:
        found = read_all(torn, RUN)
    except MemoryFailed:
        return
    assert found == wanted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_in_the_file_is_never_believed(written: Path, place: float, bit: int) -> None:
    wanted = read_all(written, RUN)
    damaged = bytearray(written.read_bytes())
    damaged[int(place * len(damaged))] ^= 1 << bit
    torn = written.with_name("torn.db")
    for beside in ("-wal", "-shm"):
        torn.with_name(torn.name + beside).unlink(missing_ok=True)
    torn.write_bytes(damaged)
    with suppress(MemoryFailed):
        assert read_all(torn, RUN) == wanted


def _texts(content: bytes, words: list[bytes], length: int) -> Iterator[int]:
    for word in words:
        at = content.find(word)
        while at >= 0:
            yield from range(at, min(at + length, len(content)))
            at = content.find(word, at + 1)


@pytest.mark.parametrize("seed", range(8))
def test_a_torn_file_never_invents_an_entry(written: Path, seed: int) -> None:
    content = written.read_bytes()
    wanted = read_all(written, RUN)
    written.write_bytes(content[: random.Random(seed).randrange(len(content))])
    try:
        found = read_all(written, RUN)
    except MemoryFailed:
        return
    assert found == wanted[: len(found)]


def test_a_file_that_is_no_database_is_refused_in_a_sentence(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough to look like one" * 100)
    with pytest.raises(JournalDamaged, match=r"journal\.db"):
        read_all(path, RUN)


@pytest.mark.parametrize("version", ["2", "99", "0", "one"])
def test_tables_of_another_version_are_refused(written: Path, version: str) -> None:
    with closing(sqlite3.connect(written)) as db:
        db.execute("UPDATE meta SET value = ?", (version,))
        db.commit()
    for opened in (JournalReader, lambda path, run: SqliteJournal(path, run, "me")):
        with pytest.raises(MemoryFailed, match="another version"):
            opened(written, RUN)


@pytest.mark.parametrize("opened", [JournalReader, lambda path, run: SqliteJournal(path, run, "me")])
def test_a_missing_journal_is_told_and_not_created(tmp_path: Path, opened: Callable[[Path, str], object]) -> None:
    with pytest.raises(MemoryFailed, match="there is no journal"):
        opened(tmp_path / "journal.db", RUN)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_the_journal_as_it_was(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        journal.append(FIRST, 1.0)
        journal._db.execute("PRAGMA max_page_count = 1")
        big = e.Quarantined("d", e.ErrorDetail("job", message="x" * 1_000_000))
        with pytest.raises(MemoryFailed, match="full") as caught:
            journal.append((big,), 2.0)
        assert "disk" in caught.value.next_step
        journal._db.execute("PRAGMA max_page_count = 1000000")
        journal.append(SECOND, 3.0)
    assert events_of(path) == [*FIRST, *SECOND]


# --- the inbox ---


def test_an_operators_request_waits_for_the_process_that_holds_the_run(path: Path) -> None:
    request = e.Resolved("d", "absent", "seen", "ann", "host")
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        assert journal.take_requests() == []
        number = ask(path, RUN, request, 5.0)
        with closing(JournalReader(path, RUN)) as operator:
            assert operator.answered(number) is None
            assert journal.take_requests() == [(number, request)]
            journal.answer(number, "recorded")
            assert operator.answered(number) == "recorded"
            assert operator.answered(number + 1) is None
        assert journal.take_requests() == []


def test_requests_are_answered_in_order_and_are_no_entries(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        numbers = [ask(path, RUN, e.Resolved("d", word, "", "ann", "h"), 1.0) for word in ("absent", "imported")]
        assert [number for number, _ in journal.take_requests()] == numbers
        assert list(journal.read()) == []


def test_a_request_to_another_run_is_not_ours(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        ask(path, "other", e.Resolved("d", "absent", "", "ann", "h"), 1.0)
        assert journal.take_requests() == []


# --- followed ------------------------------------------------------------------------------------------------------


def test_news_are_what_was_written_since_the_last_call(path: Path) -> None:
    with closing(SqliteJournal(path, RUN, "me")) as journal, closing(JournalReader(path, RUN)) as reader:
        assert list(reader.news()) == []
        journal.append(FIRST, 100.0)
        assert [entry.event for entry in reader.news()] == list(FIRST)
        assert list(reader.news()) == []
        journal.append(SECOND, 101.0)
        assert [entry.seq for entry in reader.news()] == [3]
    assert list(reader.news()) == []


def test_news_go_on_where_one_process_left_and_another_takes_over(written: Path) -> None:
    with closing(JournalReader(written, RUN)) as reader:
        assert len(list(reader.news())) == 5
        with closing(SqliteJournal(written, RUN, "another")) as journal:
            journal.append(FIRST, 110.0)
            assert [entry.seq for entry in reader.news()] == [6, 7]


def test_news_that_do_not_continue_the_chain_are_refused(written: Path) -> None:
    with closing(JournalReader(written, RUN)) as reader:
        assert len(list(reader.news())) == 5
        with closing(SqliteJournal(written, RUN, "another")) as journal:
            journal.append(FIRST, 110.0)
        statements(written, "UPDATE event SET at = 111 WHERE seq = 7")
        with pytest.raises(JournalDamaged, match="entry 7"):
            list(reader.news())
