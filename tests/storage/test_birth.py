"""What a home holds comes into being whole: whenever a process dies at it, or the disk is full, nobody is harmed."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from orchestrator.core.state import events as e
from orchestrator.core.state.events import Event
from orchestrator.engine.past_runs import runs_of
from orchestrator.errors import ExitCode, MemoryFailed
from orchestrator.storage.disk import Disk, Operation
from orchestrator.storage.home import Home
from orchestrator.storage.leases import Taken
from orchestrator.storage.store import HomeStore

T = TypeVar("T")
RUN, NEXT = "20270115-080000-abcd", "20270115-090000-abcd"


class Died(BaseException):
    """The process is gone."""


@dataclass
class FailingDisk(Disk):
    """Fails at the n-th touch of the disk, before it or after it, and at every later one."""

    left: int
    fails: Callable[[], BaseException]
    after: bool = False

    def perform(self, operation: Operation, path: Path, act: Callable[[], T]) -> T:
        self.left -= 1
        if self.left > 0:
            return act()
        if self.after and not self.left:
            act()
        raise self.fails()


def began(plan: str) -> tuple[Event, ...]:
    return (
        e.RunBegan(plan, f"/plans/{plan}.yaml", "{}", "ann", "host", 1, "0"),
        e.SelectionMade("m", "dev", "prod", 1),
    )


def begin(home: Home, disk: Disk, plan: str = "orders", run: str = RUN) -> None:
    """All that comes into being before a run's first request."""
    home.make(disk)
    store = HomeStore(home, disk, lambda: 1.0)
    with closing(store.leases(run)) as leases:
        assert isinstance(leases.take(["slot"]), Taken)
    assert store.create(run, plan, began(plan), 1.0)


def failed(home: Home, disk: FailingDisk) -> BaseException | None:
    """What kept the run from being begun."""
    try:
        begin(home, disk)
    except (Died, MemoryFailed) as error:
        return error
    return None


def nobody_is_harmed(home: Home) -> None:
    """The run is there whole or not at all; another plan begins one; nothing is left aside."""
    store = HomeStore(home)
    for run in store.run_ids():
        assert [entry.event for entry in store.read(run)] == [*began("orders")]
        assert store.plan_of(run) == "orders"
        with closing(store.journal(run, "heir")) as journal:
            journal.append([e.RunInterrupted("SIGTERM")], 2.0)
    begin(home, Disk(), "billing", NEXT)
    assert [past.run for past in runs_of(store, "billing")] == [NEXT]
    assert not [path for path in home.path.rglob(".new-*") if path.parent == home.runs]


@pytest.mark.parametrize("after", [False, True])
def test_a_process_may_die_at_every_touch_of_the_disk(tmp_path: Path, after: bool) -> None:
    point = 1
    while failed(Home(tmp_path / str(point)), FailingDisk(point, Died, after)):
        nobody_is_harmed(Home(tmp_path / str(point)))
        point += 1
    assert point > 40, "each file and folder is made, written, synced, named and its folder synced"


def test_a_disk_that_is_full_from_any_moment_on_is_a_sentence(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    point = 1
    while error := failed(Home(tmp_path / str(point)), FailingDisk(point, lambda: full)):
        assert isinstance(error, MemoryFailed)
        assert (error.exit_code, "full" in error.message) == (ExitCode.MEMORY, True)
        assert error.next_step
        nobody_is_harmed(Home(tmp_path / str(point)))
        point += 1
    assert point > 40


_BEGIN = """
import sys
from contextlib import closing
from pathlib import Path
from orchestrator.engine.past_runs import learned, runs_of
from orchestrator.storage.home import Home
from orchestrator.storage.locks import Holder
from orchestrator.storage.store import HomeStore
from tests.storage.test_birth import began
folder, plan = Path(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
for number in range(12):
    home = Home(folder / str(number))
    home.make()
    store = HomeStore(home)
    with store.hold(plan, Holder("host", 1, "now")):
        assert runs_of(store, plan) == []
        assert store.create(f"20270115-080000-{plan}", plan, began(plan), 1.0)
        with closing(store.journal(f"20270115-080000-{plan}", plan)) as journal, closing(store.leases(plan)) as leases:
            learned(store)
            leases.take([plan])
"""


def test_eight_plans_begin_in_one_instant_in_one_home(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", _BEGIN, str(tmp_path)]
    plans = [f"plan{number}" for number in range(8)]
    processes = [
        subprocess.Popen(
            [*argv, plan], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for plan in plans
    ]
    for each in processes:
        assert each.stdout is not None
        each.stdout.readline()
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    ends = [(each.communicate(timeout=120)[1], each.returncode) for each in processes]
    assert ends == [("", 0)] * 8
    for number in range(12):
        store = HomeStore(Home(tmp_path / str(number)))
        assert sorted(store.plan_of(run) for run in store.run_ids()) == plans


# --- one run's damage concerns its own plan alone ---


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A run of each of two plans."""
    home = Home(tmp_path / "home")
    begin(home, Disk(), "orders", RUN)
    begin(home, Disk(), "billing", NEXT)
    return home


@pytest.mark.parametrize("content", [b"", b"no database at all\n" * 300, b"SQLite format 3\x00" + bytes(5000)])
def test_a_damaged_run_stops_its_own_plan_and_no_other(home: Home, content: bytes) -> None:
    home.journal(RUN).write_bytes(content)
    store = HomeStore(home)
    assert (store.plan_of(RUN), store.plan_of(NEXT)) == ("orders", "billing")
    assert [past.run for past in runs_of(store, "billing")] == [NEXT]
    with pytest.raises(MemoryFailed):
        runs_of(store, "orders")


def test_a_plans_name_that_was_damaged_is_known_from_the_journal(home: Home) -> None:
    home.plan_of(RUN).write_text("other\n")
    assert HomeStore(home).plan_of(RUN) == "orders"


def test_a_damaged_run_of_an_earlier_version_stops_no_other_plan(home: Home) -> None:
    home.plan_of(RUN).unlink()
    home.journal(RUN).write_bytes(b"no database at all\n" * 300)
    assert [past.run for past in runs_of(HomeStore(home), "billing")] == [NEXT]


def test_a_shell_that_an_earlier_version_left_when_it_was_killed_never_began(home: Home) -> None:
    shell = home.run_path("20270115-070000-abcd")
    shell.mkdir()
    (shell / "journal.db").touch()
    store = HomeStore(home)
    assert store.plan_of(shell.name) == ""
    assert list(store.read(shell.name)) == []
    assert [past.run for past in runs_of(store, "orders")] == [RUN]


def test_a_run_that_is_a_link_is_not_followed(home: Home, tmp_path: Path) -> None:
    shutil.move(home.run_path(RUN), tmp_path / "elsewhere")
    home.run_path(RUN).symlink_to(tmp_path / "elsewhere")
    assert home.run_ids() == [NEXT]
