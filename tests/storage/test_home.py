"""The home: private, one process a plan, found where an operator expects it."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.errors import ExitCode, HeldElsewhere, MemoryFailed, OperatorError
from orchestrator.storage.home import (
    DEFAULT_NAME,
    Holder,
    Home,
    find_home,
    hold_plan,
    pick_run,
    who_holds,
    write_private,
)

ME = Holder("this-host", 4711, "2027-01-15T08:00:00+00:00")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    return home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- what lies in it ---


def test_a_home_is_for_its_owner_alone_and_hidden_from_version_control(home: Home) -> None:
    home.make_run("r1")
    for folder in (home.path, home.runs, home.path / "plans", home.run_path("r1")):
        assert mode(folder) == 0o700
    assert (home.path / ".gitignore").read_text() == "*\n"
    assert mode(home.path / ".gitignore") == 0o600


def test_making_it_again_changes_nothing(home: Home) -> None:
    (home.path / ".gitignore").write_text("mine\n")
    home.make()
    assert (home.path / ".gitignore").read_text() == "mine\n"


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MemoryFailed, match="cannot be created") as caught:
        Home(tmp_path / "file" / "home").make()
    assert "--home" in caught.value.next_step


def test_the_same_run_is_not_made_twice(home: Home) -> None:
    home.make_run("r1")
    with pytest.raises(MemoryFailed):
        home.make_run("r1")


def test_runs_are_those_with_a_journal_oldest_first(home: Home) -> None:
    for run in ("20270102-1", "20270101-9", "20270103-5"):
        home.make_run(run)
    for run in ("20270102-1", "20270101-9"):
        home.journal(run).touch()
    assert home.run_ids() == ["20270101-9", "20270102-1"]


def test_a_home_that_does_not_exist_has_no_runs_and_is_not_created(tmp_path: Path) -> None:
    home = Home(tmp_path / "none")
    assert (home.run_ids(), home.exists()) == ([], False)
    assert list(tmp_path.iterdir()) == []


def test_each_run_has_its_own_journal_log_and_vault(home: Home) -> None:
    paths = {home.journal("r"), home.log("r"), home.vault("r")}
    assert {path.parent for path in paths} == {home.run_path("r")}
    assert len(paths) == 3


def test_a_private_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_private(path, "one")
    write_private(path, "two")
    assert (path.read_text(), mode(path)) == ("two", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_private_file_never_follows_a_link_that_somebody_laid(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".x.{os.getpid()}").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic"):
        write_private(tmp_path / "x", "text")
    assert victim.read_text() == "precious"


def test_a_file_system_that_a_restart_forgets_is_told(home: Home, tmp_path: Path) -> None:
    assert home.fleeting() in {"", "tmpfs", "overlay", "ramfs"}
    if Path("/dev/shm").is_dir():
        assert Home(Path("/dev/shm/no-such-home")).fleeting() == "tmpfs"


# --- where it is ---


@pytest.mark.parametrize(
    ("given", "environ", "plan", "found"),
    [
        ("given", "named", "plans/x.yaml", "given"),
        (None, "named", "plans/x.yaml", "named"),
        (None, "", "plans/x.yaml", f"plans/{DEFAULT_NAME}"),
        (None, "", None, f"here/{DEFAULT_NAME}"),
    ],
)
def test_the_option_goes_before_the_environment_before_the_plans_folder(
    tmp_path: Path, given: str | None, environ: str, plan: str | None, found: str
) -> None:
    home = find_home(
        tmp_path / given if given else None,
        {"ROMA_MIGRATE_HOME": str(tmp_path / environ)} if environ else {},
        tmp_path / plan if plan else None,
        tmp_path / "here",
    )
    assert home.path == tmp_path / found


def test_without_a_plan_the_nearest_parents_home_is_taken(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / DEFAULT_NAME).mkdir()
    (tmp_path / "a" / DEFAULT_NAME).mkdir()
    assert find_home(None, {}, None, deep).path == tmp_path / "a" / DEFAULT_NAME


# --- one process a plan ---

_HOLD = """
import sys
from pathlib import Path
from orchestrator.storage.home import Holder, Home, hold_plan
with hold_plan(Home(Path(sys.argv[1])), "orders", Holder("far", 99, "then")):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Holds the plan until its input ends."""
    argv = [sys.executable, "-c", _HOLD, str(home.path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()


def test_a_second_process_is_told_who_holds_the_plan_and_since_when(home: Home) -> None:
    with another_process(home):
        assert who_holds(home, "orders") == Holder("far", 99, "then")
        with (
            pytest.raises(HeldElsewhere, match="process 99 on far since then") as caught,
            hold_plan(home, "orders", ME),
        ):
            pass
        assert caught.value.exit_code is ExitCode.HELD
        assert who_holds(home, "orders") == Holder("far", 99, "then"), "the first is undisturbed"
    assert who_holds(home, "orders") is None


def test_a_killed_process_holds_nothing(home: Home) -> None:
    with another_process(home) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        assert who_holds(home, "orders") is None
        with hold_plan(home, "orders", ME):
            assert who_holds(home, "orders") == ME


def test_plans_do_not_hold_each_other(home: Home) -> None:
    with hold_plan(home, "orders", ME), hold_plan(home, "billing", ME):
        assert who_holds(home, "billing") == ME


def test_the_lock_is_let_go_when_the_command_fails(home: Home) -> None:
    with pytest.raises(ValueError, match="broken"), hold_plan(home, "orders", ME):
        raise ValueError("broken")
    assert who_holds(home, "orders") is None


def test_nobody_holds_a_plan_that_never_ran(home: Home) -> None:
    assert who_holds(home, "orders") is None
    assert not (home.path / "plans" / "orders.lock").exists()


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"host": "h"}', '{"host": "h", "pid": "x", "since": "s"}'])
def test_a_holder_that_has_not_written_its_name_yet_is_still_a_holder(home: Home, content: str) -> None:
    with hold_plan(home, "orders", ME):
        (home.path / "plans" / "orders.lock").write_text(content)
        held = who_holds(home, "orders")
        assert held is not None
        assert held.pid == 0


def test_the_lock_file_is_for_its_owner_alone(home: Home) -> None:
    with hold_plan(home, "orders", ME):
        assert mode(home.path / "plans" / "orders.lock") == 0o600


def test_a_reader_that_looks_who_holds_a_plan_does_not_keep_it_from_being_held(home: Home) -> None:
    with hold_plan(home, "orders", ME):
        pass
    looking = os.open(home.path / "plans" / "orders.lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    leaves = threading.Timer(0.03, os.close, [looking])
    leaves.start()
    with hold_plan(home, "orders", ME):
        assert who_holds(home, "orders") == ME
    leaves.join()


# --- which run ---

RUNS = ["20270101-080000-aaaa", "20270101-080000-aabb", "20270102-080000-cccc", "20270102"]


@pytest.mark.parametrize(
    ("beginning", "run"),
    [("20270101-080000-aab", RUNS[1]), (RUNS[0], RUNS[0]), ("20270102", "20270102"), ("20270102-", RUNS[2])],
)
def test_a_run_is_known_by_its_id_or_a_unique_beginning(beginning: str, run: str) -> None:
    assert pick_run(RUNS, beginning) == run


def test_a_beginning_of_several_runs_names_them() -> None:
    with pytest.raises(OperatorError, match=r"begins 2 runs: .*aaaa, .*aabb"):
        pick_run(RUNS, "20270101")


def test_a_run_that_does_not_exist_is_told() -> None:
    with pytest.raises(OperatorError, match="there is no run 'x'"):
        pick_run(RUNS, "x")
