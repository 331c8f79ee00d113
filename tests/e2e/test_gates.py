"""Gates, pauses and stops with the installed program: the word is given by another process (promise 18)."""

import subprocess

from orchestrator.cli.context.wiring import os_user
from orchestrator.emulator.world.operations import Operation
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, Desk, PlanText, read_until
from tests.e2e.local_roma import PATIENCE, LocalRoma, small_world

ALL = 'name: all, source: dev, target: prod, apps: "*", tasks: "*"'
GATED = PlanText(settings={"batch_size": 10}, migrations=(f"{ALL}, gate: imports",))
TENS = PlanText(settings={"batch_size": 10})


def _ends(program: "subprocess.Popen[str]", roma: LocalRoma) -> str:
    out, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0, err
    assert roma.held() == roma.everything()
    assert roma.twice() == {}
    return out


def test_a_gate_holds_every_import_until_another_process_opens_it(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, GATED)
    with desk.start("run", "plan.yaml", *LINES) as program:
        said = read_until(program.stderr, "gate-reached")
        assert said.count('"event":"gate-reached"') + said.count('"event": "gate-reached"') == 1
        assert (roma.jobs("export"), roma.jobs("import")) == (3, 0)
        status = desk.run("status")
        assert "waiting for a person" in status.out.splitlines()[0] + status.out.splitlines()[1]
        assert "continue --gate imports" in status.out
        assert "the run goes on by itself after" in status.out
        assert desk.run("status", "--json").document["course"] == "waiting for a person"
        assert "waits for a person" in desk.run("runs").out
        told = desk.run("continue", "--gate", "imports", "--note", "go, CHG-1")
        assert told.code == 0, told.both
        assert "recorded" in told.out
        _ends(program, roma)
    (act,) = [each for each in desk.run("report", "--json").document["acts"] if each["act"] == "continue"]
    assert act["by"].startswith(f"{os_user()} on ")
    assert (act["subject"], act["why"]) == ("imports", "go, CHG-1")
    assert desk.run("continue", "--gate", "imports").code == 2


def test_a_gate_that_nobody_opens_is_10_and_stays_so_until_the_word_is_given(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings={"batch_size": 10, "gate_timeout": "0s"}, migrations=GATED.migrations))
    ended = desk.run("run", "plan.yaml", "--json")
    assert ended.code == 10, ended.both
    assert ended.document["codes"] == [10]
    assert "continue --gate imports" in ended.document["next"]
    due = desk.run("run", "plan.yaml", "--resume", "--if-due", "--json")
    assert (due.code, due.document["due"]) == (0, False)
    assert "which needs a person" in due.document["why"]
    assert roma.jobs("import") == 0
    assert desk.run("continue", "--gate", "imports").code == 0
    assert desk.run("run", "plan.yaml", "--resume", "--if-due").code == 0
    assert roma.held() == roma.everything()


def test_a_pause_lets_the_running_job_end_and_holds_the_next(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, TENS)
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "import-accepted")
        roma.held_up()
        told = desk.run("pause", "--note", "the database is being restarted", "--json")
        assert (told.code, told.document["recorded"], told.document["live"]) == (0, True, True), told.both
        roma.release()
        read_until(program.stderr, "verified")
        assert roma.jobs("import") == 1
        status = desk.run("status").out
        assert "has paused it" in status
        assert "the database is being restarted" in status
        assert desk.run("pause").code == 2
        assert desk.run("continue").code == 0
        _ends(program, roma)
    acts = [each["act"] for each in desk.run("report", "--json").document["acts"]]
    assert acts == ["begin", "pause", "continue"]


def test_a_stop_ends_the_run_with_10_until_it_is_continued(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, TENS)
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "import-accepted")
        roma.held_up()
        assert desk.run("stop", "--note", "CHG-9").code == 0
        roma.release()
        out, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == 10, err
    assert "who:  whoever gives the word" in out
    assert roma.jobs("import") == 1
    again = desk.run("run", "plan.yaml")
    assert again.code == 10, again.both
    assert "stopped by" in again.out
    assert roma.jobs("import") == 1
    assert desk.run("stop").code == 2
    assert desk.run("continue").code == 0
    assert desk.run("run", "plan.yaml").code == 0
    assert roma.held() == roma.everything()
    assert roma.twice() == {}


def test_orders_for_a_run_that_has_ended_are_refused(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, TENS)
    assert desk.run("run", "plan.yaml").code == 0
    for word in ("pause", "stop", "continue"):
        told = desk.run(word)
        assert told.code == 2
        assert "this run has ended" in told.out
