"""What an operator sees of a run: a board on a terminal that can go back over a line, lines elsewhere."""

import signal

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.operations import Operation
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, PlanText, read_until
from tests.e2e.local_roma import small_world


def test_a_terminal_gets_a_board_and_a_dumb_one_gets_lines(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world()))
    code, said = desk.on_terminal("run", "plan.yaml", term="dumb")
    assert code == 0, said
    assert "\x1b" not in said
    assert "all@prod" in said
    assert "all@prod: 30 of 30 assets at the target: 30 verified" in said


def test_a_board_is_drawn_and_left_behind_full(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world()))
    code, said = desk.on_terminal("run", "plan.yaml")
    assert code == 0, said
    assert "30/30 assets" in said
    assert "elapsed" in said


def test_a_table_in_a_pipe_is_never_cut(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    plan = desk.ready(roma)
    name = "the-migration-of-everything-that-the-orders-department-owns"
    plan.write_text(plan.read_text().replace("name: all,", f"name: {name},"))
    assert f"{name}@prod" in desk.run("preview", "plan.yaml").out
    _, said = desk.on_terminal("preview", "plan.yaml")
    assert f"{name}@prod  " not in said
    assert "the-migrat" in said


def test_a_report_is_wrapped_on_a_terminal_and_never_in_a_pipe(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world()))
    assert desk.run("run", "plan.yaml").code == 0
    _, said = desk.on_terminal("report")
    prose = [line.rstrip("\r") for line in said.split("\n") if line.startswith(("- ", "  "))]
    assert prose
    # A path is never cut: a line that ends in one may be longer.
    assert all(len(line) <= 80 or line.split()[-1].startswith(str(desk.folder)) for line in prose)
    assert any(line.startswith("- prod: instance ") and len(line) > 80 for line in desk.run("report").out.splitlines())


def test_status_remembers_why_a_run_died(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings={"outage_timeout": "1s"}))
    with desk.start("run", "plan.yaml", "--no-progress") as program:
        read_until(program.stderr, "export of batch 1")
        roma.close()
        program.communicate(timeout=60)
    assert program.returncode == 9
    told = " ".join(desk.run("status").out.split())
    assert "its process ended at 2" in told
    assert "with code 9: " in told
    assert desk.run("status", "--json").document["last_words"]["code"] == 9


def test_an_empty_run_says_skipped_and_not_verified(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world()))
    assert desk.run("run", "plan.yaml").code == 0
    again = desk.run("run", "plan.yaml")
    assert "all@prod: 30 of 30 assets at the target: 30 skipped" in again.err


def test_a_look_that_is_interrupted_needs_no_advice(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.SLOW_JOB, Operation.EXPORT, seconds=3600)
    with desk.start("run", "plan.yaml", "--no-progress") as program:
        read_until(program.stderr, "export of batch 1")
        with desk.start("status", "--watch") as watch:
            read_until(watch.stdout, "next: ")
            watch.send_signal(signal.SIGTERM)
            _, said = watch.communicate(timeout=30)
        assert watch.returncode == 143
        assert said.endswith("roma-migrate: interrupted\n")
        program.kill()
