"""What a home holds: nothing that nobody refers to, and nothing that changes because somebody looked."""

import shutil
from collections.abc import Callable

import pytest

from orchestrator.core.state import events as e
from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.operations import Operation
from orchestrator.errors import ExitCode
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, Desk, PlanText, read_until
from tests.e2e.local_roma import PATIENCE, small_world

TENS = {"batch_size": 10}


def packages(desk: Desk) -> list[str]:
    """Everything that lies in a vault, whole or half."""
    return sorted(path.name for path in desk.home.glob("runs/*/packages/*/*"))


def test_a_suspect_package_goes_with_the_sound_one_that_followed(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings=TENS))
    roma.strike(Kind.TRUNCATED_WITHOUT_LENGTH, Operation.ARCHIVE, count=256)
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    assert roma.struck(Kind.TRUNCATED_WITHOUT_LENGTH) == 1
    assert roma.jobs("export") == 4, "three batches, one of them twice"
    assert packages(desk) == []


def test_both_suspects_stay_while_nobody_has_decided_and_go_when_it_is_over(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.TRUNCATED_WITHOUT_LENGTH, Operation.ARCHIVE, count=256, times=2)
    for _ in range(2):  # the second is a resume, which sweeps
        said = desk.run("run", "plan.yaml")
        assert said.code == 5, said.both
        assert [name.split(".")[1] for name in packages(desk)] == ["1", "2"]
    (undecided,) = desk.run("resolve", "--json").document["undecided"]
    assert desk.run("resolve", "t", undecided["subject"], "--as", "absent", "--reason", "mended").code == 0
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    assert packages(desk) == []


def test_packages_of_an_ended_run_go_when_their_time_has_passed_and_a_run_opens_the_home(
    serve: Serve, desk: Desk
) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings={**TENS, "keep_packages": "30d"}))
    assert desk.run("run", "plan.yaml").code == 0
    first = desk.run("runs", "--json").document["runs"][-1]["run"]
    kept = packages(desk)
    assert len(kept) == 3
    said = desk.run("run", "plan.yaml", *LINES)
    assert said.code == 0, said.both
    assert packages(desk) == kept, "their time has not passed"
    assert "packages-dropped" not in said.err

    desk.ready(roma, PlanText(settings=TENS))
    said = desk.run("run", "plan.yaml", *LINES)
    assert said.code == 0, said.both
    assert packages(desk) == []
    assert said.err.count("packages-dropped") == 1
    entries = list(HomeStore(Home(desk.home)).read(first))
    assert sum(isinstance(entry.event, e.PackageDropped) for entry in entries) == 3
    assert "done" in desk.run("status", first).out
    assert "packages-dropped" not in desk.run("run", "plan.yaml").err


def _ended(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world()))
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both


def _killed(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "package-stored")
        program.kill()
        program.communicate(timeout=PATIENCE)
    assert list(desk.home.glob("runs/*/journal.db-wal")), "a dead run's last entries lie beside its journal"


@pytest.mark.parametrize("left", [_ended, _killed], ids=["ended", "killed"])
def test_looking_changes_nothing_in_a_home(serve: Serve, desk: Desk, left: Callable[[Serve, Desk], None]) -> None:
    left(serve, desk)
    folders = [desk.home, *(path for path in desk.home.rglob("*") if path.is_dir())]
    before = desk.files(), [(path, path.stat().st_mtime_ns) for path in folders]
    for words in (("preview", "plan.yaml"), ("status",), ("report",), ("runs",), ("handover",), ("resolve",)):
        assert desk.run(*words).code in {0, 1}, words
        assert (desk.files(), [(path, path.stat().st_mtime_ns) for path in folders]) == before, words


def test_a_home_that_is_removed_under_a_live_run_ends_it_at_the_next_write(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings=TENS))
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "import-accepted")
        roma.held_up()
        # In one instant, as the program may remove files of its own meanwhile.
        shutil.rmtree(desk.home.rename(desk.folder / "removed"), ignore_errors=True)
        posts = roma.posts()
        roma.release()
        _, said = program.communicate(timeout=PATIENCE)
    assert program.returncode == ExitCode.MEMORY, said
    assert "the journal was removed or replaced while the run was live" in said
    assert "jobs that were asked for may still run" in said
    assert "whoever runs this host, now" in said
    assert "find out who removed it and restore the home directory" in said
    assert "Traceback" not in said
    assert roma.posts() <= posts + 1, "an export that was under way may have been asked for"
    assert not list(desk.home.rglob("journal.db*")), "nothing is made in its place"
