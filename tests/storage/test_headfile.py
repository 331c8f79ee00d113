"""How far a journal had come: what rot takes is found, what a power cut may take is not mistaken for it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, Event
from orchestrator.errors import JournalDamaged, MemoryFailed
from orchestrator.storage.disk import Disk
from orchestrator.storage.heads import first_content
from orchestrator.storage.home import head_path
from orchestrator.storage.journal import SqliteJournal, journal_content
from orchestrator.storage.placing import place
from tests.builders.journals import read_all

RUN = "20270115-080000-abcd"
FIRST: tuple[Event, ...] = (e.RunBegan("orders", "/plans/orders.yaml", "{}", "ann", "host", 1, "0"),)
INTENT: tuple[Event, ...] = (e.ExportRequested("b", "s", "slot"),)
OUTCOME: tuple[Event, ...] = (e.ExportAccepted("b", "job"),)
FILES = ("journal.db", "journal.db-wal", "journal.db-head")


class OtherBoot(Disk):
    """The host was started anew meanwhile."""

    def boot(self) -> str:
        return "another"


def born(folder: Path) -> Path:
    path = folder / "journal.db"
    content, head = journal_content(RUN, FIRST, 1.0)
    place(Disk(), path, content)
    place(Disk(), head_path(path), first_content(head, Disk().boot()))
    return path


def copied(path: Path, to: Path, names: tuple[str, ...] = FILES) -> Path:
    """The files as a process leaves them that is killed now."""
    to.mkdir(exist_ok=True)
    for name in names:
        shutil.copyfile(path.with_name(name), to / name)
    return to / path.name


@pytest.fixture(scope="module")
def dead(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal whose process was killed: all but its first entry stands in the log alone."""
    path = born(tmp_path_factory.mktemp("live"))
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        for number in range(12):
            journal.append(INTENT if number % 3 == 0 else OUTCOME, 2.0 + number)
        return copied(path, tmp_path_factory.mktemp("dead"))


def changed(dead: Path, change: Callable[[bytearray], None], scratch: Path) -> Path:
    path = copied(dead, scratch)
    log = bytearray(path.with_name("journal.db-wal").read_bytes())
    change(log)
    path.with_name("journal.db-wal").write_bytes(log)
    return path


def found_or_whole(path: Path, wanted: list[Entry]) -> bool:
    """Whether the damage was found; else everything must be there."""
    try:
        assert read_all(path, RUN) == wanted
    except MemoryFailed:
        # Nor does the next process that would write believe it.
        with pytest.raises(MemoryFailed):
            SqliteJournal(path, RUN, "next")
        return True
    return False


def test_a_killed_process_loses_nothing(dead: Path, tmp_path: Path) -> None:
    path = copied(dead, tmp_path)
    assert len(read_all(path, RUN)) == 13


def test_a_bit_that_flips_anywhere_in_the_log_is_found_or_harmless(dead: Path, tmp_path: Path) -> None:
    wanted = read_all(copied(dead, tmp_path / "wanted"), RUN)
    size = dead.with_name("journal.db-wal").stat().st_size
    found = 0
    for number, place_ in enumerate(range(0, size, max(1, size // 150))):

        def flip(log: bytearray, place_: int = place_, bit: int = number % 8) -> None:
            log[place_] ^= 1 << bit

        found += found_or_whole(changed(dead, flip, tmp_path / "torn"), wanted)
        shutil.rmtree(tmp_path / "torn")
    assert found > 100, "SQLite ends the log at the first frame that it cannot verify"


def test_a_log_that_is_cut_at_any_length_is_found(dead: Path, tmp_path: Path) -> None:
    wanted = read_all(copied(dead, tmp_path / "wanted"), RUN)
    size = dead.with_name("journal.db-wal").stat().st_size
    for length in (*range(0, size, max(1, size // 60)), size - 1):

        def cut(log: bytearray, length: int = length) -> None:
            del log[length:]

        assert found_or_whole(changed(dead, cut, tmp_path / "torn"), wanted), length
        shutil.rmtree(tmp_path / "torn")


@settings(max_examples=25)
@given(steps=st.lists(st.booleans(), min_size=1, max_size=8), place_=st.integers(0, 7))
def test_what_a_power_cut_may_take_is_not_mistaken_for_rot(
    tmp_path_factory: pytest.TempPathFactory, steps: list[bool], place_: int
) -> None:
    """The head as it stood at any later moment, the journal as it was at its last forced entry."""
    folder = tmp_path_factory.mktemp("cut")
    path = born(folder)
    sure = 0
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        copied(path, folder / "sure")
        for number, forced in enumerate(steps):
            journal.append(INTENT if forced else OUTCOME, 2.0 + number)
            if forced:
                copied(path, folder / "sure")
                sure = number + 1
            if number == place_:
                break
        copied(path, folder / "sure", ("journal.db-head",))
    with closing(SqliteJournal(folder / "sure" / "journal.db", RUN, "next", OtherBoot())) as journal:
        assert len(list(journal.read())) == 1 + sure
        journal.append(INTENT, 99.0)


def test_entries_that_were_forced_are_missed_after_a_power_cut_too(tmp_path: Path) -> None:
    path = born(tmp_path)
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        copied(path, tmp_path / "behind")
        journal.append(INTENT, 2.0)
        copied(path, tmp_path / "behind", ("journal.db-head",))
    with pytest.raises(JournalDamaged, match="ends at entry 1"):
        SqliteJournal(tmp_path / "behind" / "journal.db", RUN, "next", OtherBoot())


def places(path: Path) -> Iterator[tuple[int, bytes]]:
    content = head_path(path).read_bytes()
    for begin in (0, 512):
        torn = bytearray(content)
        torn[begin : begin + 512] = bytes(512)
        yield begin, bytes(torn)


def test_a_head_that_was_cut_while_it_was_written_leaves_the_one_before(dead: Path, tmp_path: Path) -> None:
    for begin, torn in places(dead):
        path = copied(dead, tmp_path / str(begin))
        head_path(path).write_bytes(torn)
        assert len(read_all(path, RUN)) == 13


def test_a_head_that_cannot_be_read_at_all_is_told(dead: Path, tmp_path: Path) -> None:
    path = copied(dead, tmp_path)
    head_path(path).write_bytes(bytes(1024))
    with pytest.raises(JournalDamaged, match=r"journal\.db-head"):
        read_all(path, RUN)


def test_a_journal_of_an_earlier_version_is_given_a_head_by_the_next_that_writes(dead: Path, tmp_path: Path) -> None:
    path = copied(dead, tmp_path)
    head_path(path).unlink()
    assert len(read_all(path, RUN)) == 13
    with closing(SqliteJournal(path, RUN, "next")) as journal:
        journal.append(INTENT, 99.0)
        copied(path, tmp_path / "torn")
    (tmp_path / "torn" / "journal.db-wal").write_bytes(b"")
    with pytest.raises(JournalDamaged):
        read_all(tmp_path / "torn" / "journal.db", RUN)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_journal_that_is_removed_under_a_live_run_is_missed_at_the_next_write(tmp_path: Path, replaced: bool) -> None:
    path = born(tmp_path)
    with closing(SqliteJournal(path, RUN, "me")) as journal:
        journal.append(INTENT, 2.0)
        for each in tmp_path.iterdir():
            each.unlink()
        if replaced:
            born(tmp_path)
        with pytest.raises(MemoryFailed, match="removed or replaced") as caught:
            journal.append(OUTCOME, 3.0)
        assert "jobs" in caught.value.next_step
