"""Kills, signals, lost terminals and closed pipes: the same command finishes, and nothing else stops a run."""

import os
import pty
import shlex
import signal
import subprocess

import pytest

from orchestrator.emulator.faults import Kind, Operation
from orchestrator.emulator.switches import LockScope
from tests.e2e.conftest import Serve
from tests.e2e.stage import CATCHABLE, Desk, LocalRoma, PlanText, large_world, read_until, small_world

TENS = PlanText(settings={"batch_size": 10})


def _finishes(roma: LocalRoma, desk: Desk) -> None:
    """The same command brings everything, once."""
    again = desk.run("run", "plan.yaml", "--json")
    assert again.code == 0, again.both
    assert roma.held() == roma.everything()
    assert roma.twice() == {}
    assert roma.ledger.overlaps(LockScope.USER_ANY) == []
    assert roma.refused_beside_own() == []
    assert all(times == 1 for times in roma.ledger.downloads.values())


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("export-requested", marks=pytest.mark.proof),
        "package-stored",
        "import-requested",
        pytest.param("import-accepted", marks=pytest.mark.proof),
    ],
)
def test_kill_9_in_the_middle_and_the_same_command_brings_all_once(serve: Serve, desk: Desk, moment: str) -> None:
    roma = serve(large_world())
    desk.ready(roma)
    with desk.start("run", "plan.yaml") as program:
        read_until(program.stderr, moment)
        program.kill()
        program.communicate(timeout=10)
    assert "dead" in desk.run("status").out
    _finishes(roma, desk)
    assert roma.jobs("import") == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_the_first_signal_starts_nothing_new_and_says_how_to_resume(
    serve: Serve, desk: Desk, number: signal.Signals, code: int
) -> None:
    roma = serve(small_world(durations=CATCHABLE))
    desk.ready(roma, TENS)
    with desk.start("run", "plan.yaml") as program:
        read_until(program.stderr, "import-accepted")
        posts = roma.posts()
        program.send_signal(number)
        out, err = program.communicate(timeout=30)
    assert program.returncode == code, err
    assert roma.posts() <= posts + 1
    assert f"roma-migrate run {shlex.quote(str(desk.folder / 'plan.yaml'))}" in out
    _finishes(roma, desk)


def test_a_signal_during_a_download_lets_it_end(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.SLOW_DRIP, Operation.ARCHIVE, count=1024, seconds=0.05)
    with desk.start("run", "plan.yaml") as program:
        roma.until(lambda face: face.requests[Operation.ARCHIVE])
        program.terminate()
        _, err = program.communicate(timeout=30)
    assert program.returncode == 143, err
    assert "package-stored" in err
    _finishes(roma, desk)
    assert roma.jobs("export") == 1


def test_a_download_that_outlives_shutdown_grace_is_cut_and_exported_anew(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings={"shutdown_grace": "0s"}))
    roma.strike(Kind.SLOW_DRIP, Operation.ARCHIVE, count=64, seconds=0.2)
    with desk.start("run", "plan.yaml") as program:
        roma.until(lambda face: face.requests[Operation.ARCHIVE])
        program.terminate()
        _, err = program.communicate(timeout=10)
    assert program.returncode == 143, err
    assert "package-lost" in err
    _finishes(roma, desk)
    assert roma.jobs("export") == 2


def test_the_second_signal_leaves_now(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.SLOW_DRIP, Operation.ARCHIVE, count=16, seconds=0.5)
    with desk.start("run", "plan.yaml") as program:
        roma.until(lambda face: face.requests[Operation.ARCHIVE])
        program.send_signal(signal.SIGINT)
        read_until(program.stderr, "once more to leave at once")
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=5)
    assert program.returncode == 130
    _finishes(roma, desk)


def test_a_signal_before_anything_began_sends_nothing(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.DELAYED, Operation.APPS, seconds=20.0, times=0)
    with desk.start("run", "plan.yaml") as program:
        roma.until(lambda face: face.requests[Operation.APPS])
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=10)
    assert program.returncode == 130
    assert roma.posts() == 0
    assert [path.name for path in desk.home.glob("runs/*")] == ["20200101-000000-0000"]


def test_sighup_stops_nothing(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, TENS)
    with desk.start("run", "plan.yaml") as program:
        read_until(program.stderr, "export-accepted")
        program.send_signal(signal.SIGHUP)
        _, err = program.communicate(timeout=60)
    assert program.returncode == 0, err
    assert roma.held() == roma.everything()


@pytest.mark.parametrize("poisoned", [False, True], ids=["0", "1"])
def test_a_closed_pipe_stops_nothing_and_the_exit_code_is_the_runs(serve: Serve, desk: Desk, poisoned: bool) -> None:
    """As `roma-migrate run ... | head -1` does it, with both streams in the pipe."""
    roma = serve(small_world())
    desk.ready(roma, TENS)
    if poisoned:
        roma.strike(Kind.POISON_IMPORT, names=frozenset({roma.world.instance("dev").apps[1].name}))
    with desk.start("run", "plan.yaml", stderr=subprocess.STDOUT) as program:
        assert program.stdout is not None
        assert program.stdout.readline().startswith("home: ")
        program.stdout.close()
        assert program.wait(60) == poisoned
    assert ("done" in desk.run("status").out) is not poisoned


def test_a_dead_terminal_stops_nothing(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, TENS)
    front, back = pty.openpty()
    with desk.start("run", "plan.yaml", stdin=back, stdout=back, stderr=back) as program:
        os.close(back)
        assert os.read(front, 1) != b""
        roma.until(lambda face: face.requests[Operation.EXPORT])
        os.close(front)
        assert program.wait(60) == 0
    assert roma.held() == roma.everything()
