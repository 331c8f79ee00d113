"""Kills, signals, lost terminals and closed pipes: the same command finishes, and nothing else stops a run."""

import json
import os
import pty
import shlex
import signal
import subprocess
from dataclasses import replace

import pytest

from orchestrator.cli.context.wiring import os_user
from orchestrator.core.state import events as e
from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.readings import LockScope
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, REPOSITORY, Desk, PlanText, Said, read_until
from tests.e2e.local_roma import PATIENCE, LocalRoma, large_world, small_world
from tests.emulator.ledgers import overlaps

TENS = PlanText(settings={"batch_size": 10})


#: loaded by the interpreter before the program: counts what the program does from when it hears signals, and sends one
_STRIKE = """
import atexit, os, signal, sys
instant, number = int(os.environ["T_INSTANT"]), int(os.environ["T_SIGNAL"])
if instant:  # whoever runs the tests under nohup has it ignored from the start
    signal.signal(number, signal.SIG_DFL)
count = 0

def happens(event, args):
    global count
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        return
    if not count:
        heavy = {"typer", "anyio", "asyncio", "yaml", "pydantic"} & sys.modules.keys()
        print("imported before:", *heavy, file=sys.stderr)
    count += 1
    if count == instant:
        os.kill(os.getpid(), number)

atexit.register(lambda: print("instants:", count, file=sys.stderr))
sys.addaudithook(happens)
"""


def _struck(desk: Desk, instant: int, number: int, *words: str) -> Said:
    """One command that gets a signal at its nth instant; 0 for none, only counting."""
    (desk.folder / "strike").mkdir(exist_ok=True)
    (desk.folder / "strike" / "sitecustomize.py").write_text(_STRIKE, encoding="utf-8")
    path = f"{REPOSITORY}{os.pathsep}{desk.folder / 'strike'}"
    aimed = {"PYTHONPATH": path, "T_INSTANT": str(instant), "T_SIGNAL": str(int(number))}
    return replace(desk, environment=desk.environment | aimed).run(*words)


def _instants(said: Said) -> int:
    assert said.code == 0, said.both
    return int(said.err.rpartition("instants: ")[2])


def _finishes(roma: LocalRoma, desk: Desk) -> None:
    """The same command brings everything, once."""
    again = desk.run("run", "plan.yaml", "--json")
    assert again.code == 0, again.both
    assert roma.held() == roma.everything()
    assert roma.twice() == {}
    assert overlaps(roma.ledger, LockScope.USER_ANY) == []
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
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, moment)
        program.kill()
        program.communicate(timeout=PATIENCE)
    assert "no process conducts it" in desk.run("status").out
    roma.ask(lambda api: api.strikes.clear())
    roma.release()
    _finishes(roma, desk)
    assert roma.jobs("import") == 3


def test_after_kill_9_the_next_request_does_not_wait_for_the_dead_processs_slot(serve: Serve, desk: Desk) -> None:
    """The dead process's lease of the slot has not ended: whoever goes on with its run inherits it."""
    roma = serve(small_world())
    desk.ready(roma, TENS)
    roma.hold(Operation.EXPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "export-accepted")
        program.kill()
        program.communicate(timeout=PATIENCE)
    roma.release()
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml") as program:
        roma.held_up(2)
        roma.until(lambda api: api.requests[Operation.EXPORT] >= 2)
        roma.release()
        program.communicate(timeout=PATIENCE)
    run = Home(desk.home).run_ids()[-1]
    kinds = [type(entry.event) for entry in HomeStore(Home(desk.home)).read(run)]
    rest = kinds[kinds.index(e.RunResumed) :]
    assert rest.index(e.ExportRequested) < rest.index(e.Imported), "it goes on exporting while the first is imported"
    _finishes(roma, desk)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_the_first_signal_starts_nothing_new_and_says_how_to_resume(
    serve: Serve, desk: Desk, number: signal.Signals, code: int
) -> None:
    roma = serve(small_world())
    desk.ready(roma, TENS)
    roma.hold(Operation.EXPORT, nth=2)
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "import-accepted")
        roma.held_up(2)
        posts = roma.posts()
        program.send_signal(number)
        out, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == code, err
    assert roma.posts() == posts
    roma.release()
    assert f"roma-migrate run {shlex.quote(str(desk.folder / 'plan.yaml'))}" in out
    (act,) = [each for each in desk.run("report", "--json").document["acts"] if each["act"] == "interrupt"]
    assert act["by"].startswith(f"{os_user()} on ")
    assert act["sentence"] == f"was conducting it when {number.name} interrupted it"
    _finishes(roma, desk)


def test_a_signal_during_a_download_lets_it_end(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.SLOW_DRIP, Operation.ARCHIVE, count=512, seconds=0.5)
    with desk.start("run", "plan.yaml", *LINES) as program:
        roma.until(lambda api: api.requests[Operation.ARCHIVE])
        program.terminate()
        _, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == 143, err
    assert "package-stored" in err
    _finishes(roma, desk)
    assert roma.jobs("export") == 1


def test_a_download_that_outlives_shutdown_grace_is_cut_and_exported_anew(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings={"shutdown_grace": "0s"}))
    roma.strike(Kind.SLOW_DRIP, Operation.ARCHIVE, count=64, seconds=0.2)
    with desk.start("run", "plan.yaml", *LINES) as program:
        roma.until(lambda api: api.requests[Operation.ARCHIVE])
        program.terminate()
        _, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == 143, err
    assert "package-lost" in err
    _finishes(roma, desk)
    assert roma.jobs("export") == 2


def test_the_second_signal_leaves_now(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.SLOW_DRIP, Operation.ARCHIVE, count=16, seconds=0.5)
    with desk.start("run", "plan.yaml", *LINES) as program:
        roma.until(lambda api: api.requests[Operation.ARCHIVE])
        program.send_signal(signal.SIGINT)
        read_until(program.stderr, "once more to leave at once")
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=PATIENCE)
    assert program.returncode == 130
    _finishes(roma, desk)


def test_a_signal_before_anything_began_sends_nothing(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.DELAYED, Operation.APPS, seconds=PATIENCE, times=0)
    with desk.start("run", "plan.yaml") as program:
        roma.until(lambda api: api.requests[Operation.APPS])
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=PATIENCE)
    assert program.returncode == 130
    assert roma.posts() == 0
    assert [path.name for path in desk.home.glob("runs/*")] == ["20200101-000000-0000"]


@pytest.mark.timeout(500)  # a dozen commands, one after the other
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"])
def test_a_signal_at_any_instant_ends_in_a_sentence_and_an_honest_code(
    serve: Serve, desk: Desk, number: signal.Signals, code: int
) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    quiet = _struck(desk, 0, number, "preview", "plan.yaml")
    assert "imported before:\n" in quiet.err
    count = _instants(quiet)
    for instant in (1, count // 8, count // 3, count // 2, count * 9 // 10):
        early = _struck(desk, instant, number, "run", "plan.yaml")
        assert early.code == code, early.both
        assert "interrupted" in early.both
        assert "Traceback" not in early.both
    assert roma.posts() == 0
    _finishes(roma, desk)
    count = _instants(_struck(desk, 0, number, "run", "plan.yaml"))  # nothing is left: each further run is alike
    for instant in (count - 120, count - 60, count - 20):
        late = _struck(desk, instant, number, "run", "plan.yaml")
        assert late.code in {0, code}, late.both
        assert "Traceback" not in late.both
    assert roma.held() == roma.everything()


def test_a_lost_terminal_does_not_stop_a_run_that_is_starting(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    said = _struck(desk, 1, signal.SIGHUP, "run", "plan.yaml")
    assert said.code == 0, said.both
    assert _struck(desk, 1, signal.SIGHUP, "preview", "plan.yaml").code == 129


def test_a_preview_behind_a_kill_shows_what_run_goes_on_with_and_no_collision(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "import-accepted")
        program.kill()
    roma.release()
    assert roma.held() == roma.everything(), "our own import has landed"
    shown = desk.run("preview", "plan.yaml")
    assert shown.code == 0, shown.both
    assert "what is left of run 2" in shown.out
    assert "name-collision" not in shown.both
    assert desk.run("run", "plan.yaml").code == 0
    assert roma.jobs("import") == 1


def test_an_interrupted_start_is_a_json_document_too(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world()))
    said = _struck(desk, 1, signal.SIGTERM, "run", "plan.yaml", "--json")
    assert said.code == 143
    assert said.document["code"] == 143
    assert said.document["next"] == "run the same command again"
    (line,) = [json.loads(each) for each in said.err.splitlines() if each.startswith("{")]
    assert (line["event"], line["code"]) == ("failed", 143)
    assert "roma-migrate:" not in said.err


def test_a_second_signal_leaves_with_a_json_document_too(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.SLOW_JOB, Operation.EXPORT, seconds=3600)
    with desk.start("run", "plan.yaml", "--json") as program:
        read_until(program.stderr, "export-accepted")
        program.send_signal(signal.SIGINT)
        read_until(program.stderr, "once more to leave at once")
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == 130
    assert json.loads(out)["error"] == "leaving at once; the journal is sound"
    assert json.loads(err.splitlines()[-1])["event"] == "failed"


def test_sighup_stops_nothing(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, TENS)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "export-accepted")
        program.send_signal(signal.SIGHUP)
        _, err = program.communicate(timeout=PATIENCE)
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
        assert program.wait(PATIENCE) == poisoned
    assert ("done" in desk.run("status").out) is not poisoned


def test_a_dead_terminal_stops_nothing(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, TENS)
    front, back = pty.openpty()
    with desk.start("run", "plan.yaml", stdin=back, stdout=back, stderr=back) as program:
        os.close(back)
        assert os.read(front, 1) != b""
        roma.until(lambda api: api.requests[Operation.EXPORT])
        os.close(front)
        assert program.wait(PATIENCE) == 0
    assert roma.held() == roma.everything()
