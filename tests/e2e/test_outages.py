"""A service that is away is waited for, told of once, and given up in good time."""

import json
import subprocess

import pytest

from orchestrator.emulator.world.operations import Operation
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, Desk, PlanText, read_until
from tests.e2e.local_roma import PATIENCE, LocalRoma, small_world

TENS = {"batch_size": 10}


def _away(roma: LocalRoma, desk: Desk, seconds: float) -> str:
    """Runs a plan whose service closes its door in the middle for that long; returns what was said."""
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        said = read_until(program.stderr, "import-accepted")
        roma.close()
        said += read_until(program.stderr, "outage-began")
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(seconds)
        roma.release()
        roma.open()
        _, rest = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0, said + rest
    return said + rest


def _once(roma: LocalRoma, said: str) -> None:
    assert said.count("outage-began") == said.count("outage-ended") == 1, said
    assert roma.held() == roma.everything()
    assert roma.twice() == {}
    assert (roma.jobs("export"), roma.jobs("import")) == (3, 3)


def test_a_service_away_in_the_middle_is_waited_for_and_told_of_once(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings=TENS))
    _once(roma, _away(roma, desk, 1.0))


@pytest.mark.proof
def test_a_service_away_for_20_seconds_is_waited_for_and_told_of_once(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings=TENS))
    _once(roma, _away(roma, desk, 20.0))


@pytest.mark.proof
def test_a_service_away_for_longer_than_outage_timeout_ends_9_and_the_same_command_finishes(
    serve: Serve, desk: Desk
) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings={**TENS, "outage_timeout": "1s"}))
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "import-accepted")
        roma.close()
        out, err = program.communicate(timeout=PATIENCE)
    roma.release()
    assert program.returncode == 9, err
    assert "has given no usable answer for" in out
    assert "next:" in out
    roma.open()
    again = desk.run("run", "plan.yaml")
    assert again.code == 0, again.both
    assert roma.held() == roma.everything()
    assert roma.twice() == {}


def test_a_host_that_refuses_from_the_beginning_is_named_at_once_with_the_cause(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.close()
    with desk.start("preview", "plan.yaml", "--json") as program:
        line = json.loads(read_until(program.stderr, "no-answer").splitlines()[-1])
        program.kill()
    where = f"127.0.0.1:{roma.port}"
    assert (line["host"], line["cause"]) == (where, f"cannot connect to {where}: connection refused")
    assert line["until"].endswith("Z")
    assert f"{line['cause']}; tried again until " in line["text"]


@pytest.mark.proof
def test_a_dead_endpoint_ends_9_within_about_a_minute(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.close()
    said = desk.run("run", "plan.yaml", patience=90.0)
    assert said.code == 9, said.both
    assert "next:" in said.err
    assert [path.name for path in desk.home.glob("runs/*")] == ["20200101-000000-0000"]
