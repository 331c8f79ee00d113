"""One process holds a plan, everybody may look who does, and what lies in a lock's place is never waited for."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.errors import ExitCode, HeldElsewhere, MemoryFailed
from orchestrator.storage.locks import Holder, held_briefly, held_plan, who_holds

ME = Holder("this-host", 4711, "2027-01-15T08:00:00+00:00")


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "orders.lock"


_HOLD = """
import sys
from pathlib import Path
from orchestrator.storage.locks import Holder, held_plan
with held_plan(Path(sys.argv[1]), "orders", Holder("far", 99, "then")):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Holds the plan until its input ends."""
    argv = [sys.executable, "-c", _HOLD, str(lock)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()


def test_a_second_process_is_told_who_holds_the_plan_and_since_when(lock: Path) -> None:
    with another_process(lock):
        assert who_holds(lock) == Holder("far", 99, "then")
        with (
            pytest.raises(HeldElsewhere, match="process 99 on far since then") as caught,
            held_plan(lock, "orders", ME),
        ):
            pass
        assert caught.value.exit_code is ExitCode.HELD
        assert who_holds(lock) == Holder("far", 99, "then"), "the first is undisturbed"
    assert who_holds(lock) is None


def test_a_killed_process_holds_nothing(lock: Path) -> None:
    with another_process(lock) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        assert who_holds(lock) is None
        with held_plan(lock, "orders", ME):
            assert who_holds(lock) == ME


def test_plans_do_not_hold_each_other(lock: Path) -> None:
    with held_plan(lock, "orders", ME), held_plan(lock.with_name("billing.lock"), "billing", ME):
        assert who_holds(lock.with_name("billing.lock")) == ME


def test_the_lock_is_let_go_when_the_command_fails(lock: Path) -> None:
    with pytest.raises(ValueError, match="broken"), held_plan(lock, "orders", ME):
        raise ValueError("broken")
    assert who_holds(lock) is None


def test_nobody_holds_a_plan_that_never_ran(lock: Path) -> None:
    assert who_holds(lock) is None
    assert not lock.exists()


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"host": "h"}', '{"host": "h", "pid": "x", "since": "s"}'])
def test_a_holder_that_has_not_written_its_name_yet_is_still_a_holder(lock: Path, content: str) -> None:
    with held_plan(lock, "orders", ME):
        lock.write_text(content)
        held = who_holds(lock)
        assert held is not None
        assert held.pid == 0


def test_the_lock_file_is_for_its_owner_alone(lock: Path) -> None:
    with held_plan(lock, "orders", ME):
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_a_reader_that_looks_who_holds_a_plan_does_not_keep_it_from_being_held(lock: Path) -> None:
    with held_plan(lock, "orders", ME):
        pass
    looking = os.open(lock, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    leaves = threading.Timer(0.03, os.close, [looking])
    leaves.start()
    with held_plan(lock, "orders", ME):
        assert who_holds(lock) == ME
    leaves.join()


@pytest.mark.parametrize("lay", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_what_is_no_lock_is_neither_waited_for_nor_followed(lock: Path, lay: Callable[[Path], object]) -> None:
    lay(lock)
    with pytest.raises(MemoryFailed, match=r"orders\.lock"):
        who_holds(lock)
    with pytest.raises(MemoryFailed, match=r"orders\.lock"), held_plan(lock, "orders", ME):
        pass
    with pytest.raises(MemoryFailed, match=r"orders\.lock"), held_briefly(lock):
        pass
    assert not lock.with_name("elsewhere").exists()


def test_processes_that_make_something_take_turns(lock: Path) -> None:
    inside: list[str] = []

    def make(name: str) -> None:
        with held_briefly(lock):
            inside.append(f"{name} in")
            inside.append(f"{name} out")

    threads = [threading.Thread(target=make, args=(str(number),)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [f"{each.split()[0]} out" for each in inside[::2]] == inside[1::2]
