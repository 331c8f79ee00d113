"""Briefs of ended runs: believed only while the journal is as it was, and made anew where they are lost."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.cli.context.plan_runs import left_by_plan
from orchestrator.cli.output.terminal import Common, Terminal
from orchestrator.core.model.handover_item import Item
from orchestrator.core.report.brief import Brief, brief_of
from orchestrator.core.report.handover import PlanHandover
from orchestrator.core.report.outcome import outcome
from orchestrator.core.state import change_events as c
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.core.state.folding import folded
from orchestrator.engine.past_runs import carried, history, keep_briefs, runs_of
from orchestrator.errors import MemoryFailed
from orchestrator.storage.briefs import head_of, to_bytes
from orchestrator.storage.home import Home, head_path
from orchestrator.storage.store import HomeStore
from tests.cli.conftest import DONE, HALF_THERE, Past

RUN, LATER = "20270101-000000-aaaa", "20270102-000000-bbbb"


@pytest.fixture
def past(tmp_path: Path) -> Past:
    found = Past(Home(tmp_path / ".roma-migrate"))
    found.write(RUN, DONE)
    return found


def kept(past: Past) -> HomeStore:
    """The home after a run has begun in it."""
    store = HomeStore(past.home)
    keep_briefs(store, runs_of(store, "t"))
    return store


class Unread(HomeStore):
    """The same home; whoever opens a journal fails."""

    def read(self, run: str) -> Iterator[Entry]:
        raise AssertionError(f"{run} was read")


def test_what_is_kept_is_what_the_journal_tells(past: Past) -> None:
    store = HomeStore(past.home)
    before = runs_of(store, "t")
    told, brought = carried(before), history(before)
    assert store.brief(RUN) is None
    keep_briefs(store, before)
    unread = Unread(past.home)
    after = runs_of(unread, "t")
    assert (carried(after), history(after)) == (told, brought)
    assert [list(each.stored()) for each in after] == [list(each.stored()) for each in before]
    assert brought.imported, "something was brought"
    assert not after[0].unfinished


def test_each_brief_comes_back_as_it_was(past: Past) -> None:
    entries = list(HomeStore(past.home).read(RUN))
    progress = folded(iter(entries))
    brief = brief_of(RUN, entries, progress, outcome(progress, {}))
    assert brief is not None
    for kept in (brief, replace(brief, ended=replace(brief.ended, plan="订单"))):
        line, _, body = to_bytes(kept, "state").partition(b"\n")
        assert head_of(line).ended == kept.ended
        assert head_of(line).brief(body) == kept


@pytest.mark.parametrize("place", range(0, 600, 7))
def test_a_flipped_bit_of_a_brief_is_never_believed(past: Past, place: int) -> None:
    store = kept(past)
    whole = store.brief(RUN)
    assert whole is not None
    path = past.home.brief(RUN)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 4
    path.write_bytes(content)
    another = HomeStore(past.home)
    assert another.brief(RUN) is None
    assert another.ended(RUN) in (None, whole.ended)
    assert another.plan_of(RUN) == "t"


def appended(home: Home) -> None:
    journal = HomeStore(home).journal(RUN, "x")
    journal.append([e.PackageDropped("b1")], 1.0)
    journal.close()


def rotten(home: Home) -> None:
    content = bytearray(home.journal(RUN).read_bytes())
    content[len(content) // 2] ^= 1
    home.journal(RUN).write_bytes(content)


def without_head(home: Home) -> None:
    head_path(home.journal(RUN)).unlink()


CHANGES: dict[str, Callable[[Home], None]] = {
    "an entry more": appended, "a bit flipped": rotten, "its head lost": without_head,
    "put back from a copy": lambda home: os.utime(home.journal(RUN), (1.0, 1.0)),
    "removed": lambda home: home.journal(RUN).unlink(),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_brief_is_not_believed_once_the_journal_has_changed(past: Past, change: str) -> None:
    store = kept(past)
    assert store.brief(RUN) is not None
    CHANGES[change](past.home)
    assert store.brief(RUN) is None
    assert store.ended(RUN) is None


def test_a_damaged_journal_is_found_although_a_brief_was_kept(past: Past) -> None:
    store = kept(past)
    past.home.journal(RUN).write_bytes(b"no database")
    with pytest.raises(MemoryFailed):
        runs_of(store, "t")


def test_a_list_of_ended_runs_believes_no_journal(past: Past) -> None:
    kept(past)
    command = [sys.executable, "-X", "importtime", "-m", "orchestrator", "runs", "--home", str(past.home.path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert RUN in said.stdout
    imported = {line.rpartition("|")[2].strip() for line in said.stderr.splitlines()}
    assert "orchestrator.cli.commands.runs" in imported
    assert not {"orchestrator.core.state.events", "orchestrator.storage.journal", "sqlite3"} & imported


# --- what is left to people ----------------------------------------------------------------------------------------

SECRET, START = (
    Item(name, action, "orders", kind, "olga", "Do it.", "prod")
    for name, action, kind in (("1" * 10, "new-secret", "app"), ("2" * 10, "start-task", "task"))
)


def listing(past: Past) -> HomeStore:
    """Two ended runs of one plan, which left the same to people, and what somebody ticked of it."""
    for run in (LATER, "20270103-000000-cccc"):
        past.write(run, (e.HandoverListed((SECRET, START)), *DONE))
    ticked(past, LATER, SECRET)
    return kept(past)


def ticked(past: Past, run: str, item: Item) -> None:
    journal = HomeStore(past.home).journal(run, "x")
    past.at += 1.0
    journal.append([e.HandoverDone(item.id, "olga", "host", "1", "CHG-2")], past.at)
    journal.close()


def left(store: HomeStore) -> PlanHandover:
    return left_by_plan(Terminal(Common()), store, "t")


def test_what_runs_left_to_people_is_told_without_their_journals(past: Past) -> None:
    store = listing(past)
    told = left(Unread(past.home))
    assert {item.id for item in told.items} == {SECRET.id, START.id}
    for run in store.run_ids():
        past.home.brief(run).unlink()
    assert left(store) == told


def test_what_is_ticked_later_is_told_although_briefs_were_kept(past: Past) -> None:
    store = listing(past)
    assert START in left(store).open
    ticked(past, "20270103-000000-cccc", START)
    assert START not in left(store).open


def test_nothing_is_kept_of_what_may_change_by_itself(past: Past) -> None:
    past.write(LATER, HALF_THERE)
    undone = past.write("20270103-000000-cccc", (*DONE, c.UndoBegan("olga", "host", 1, "0")))
    store = kept(past)
    assert [store.brief(run) is not None for run in (RUN, LATER, undone)] == [True, False, False]
    assert [each.unfinished for each in runs_of(store, "t")] == [False, True, False]


def test_a_disk_that_refuses_it_stops_nothing(past: Past) -> None:
    past.home.brief(RUN).mkdir()
    store = kept(past)
    assert store.brief(RUN) is None
    assert history(runs_of(store, "t")).imported


def test_another_form_is_not_read(past: Past) -> None:
    store = kept(past)
    line, _, _ = past.home.brief(RUN).read_bytes().partition(b"\n")
    with pytest.raises(ValueError, match="not of this form"):
        head_of(_of_form(line, 1))
    assert isinstance(store.brief(RUN), Brief)


def _of_form(line: bytes, form: int) -> bytes:
    told = json.loads(line.rpartition(b" ")[0])
    head = json.dumps([form, *told[1:]])
    return f"{head} {hashlib.sha256(head.encode()).hexdigest()[:32]}".encode()
