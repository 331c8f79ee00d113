"""One run's damage stops neither other runs, nor other plans, nor what only looks; its own plan it stops."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.errors import ExitCode
from orchestrator.storage.home import Home, head_path
from orchestrator.storage.store import HomeStore
from tests.cli.conftest import DONE, Local, Past

Invoke = Callable[..., Result]
OLD = "20260101-000000-dead"


def garbled(home: Home, run: str) -> None:
    """No database any more, though most of its bytes are there."""
    content = bytearray(home.journal(run).read_bytes())
    content[:100] = bytes(100)
    home.journal(run).write_bytes(content)


def emptied(home: Home, run: str) -> None:
    home.journal(run).write_bytes(b"")


def cut(home: Home, run: str) -> None:
    content = home.journal(run).read_bytes()
    home.journal(run).write_bytes(content[: len(content) // 2])


def removed(home: Home, run: str) -> None:
    for path in home.run_path(run).glob("journal.db*"):
        if path != head_path(home.journal(run)):
            path.unlink()


DAMAGES = {each.__name__: each for each in (garbled, emptied, cut, removed)}


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest) -> Callable[[Home, str], None]:
    return DAMAGES[request.param]


@pytest.mark.parametrize("earlier", [False, True], ids=["with its plan's name", "of an earlier version"])
def test_a_damaged_run_stops_no_other_plan(
    invoke: Invoke, quick: Local, past: Past, damage: Callable[[Home, str], None], earlier: bool
) -> None:
    past.write(OLD, DONE, plan="other")
    damage(past.home, OLD)
    if earlier:
        past.home.plan_of(OLD).unlink()
        head_path(past.home.journal(OLD)).unlink()
    done = invoke("run", str(quick.plan))
    assert done.exit_code == ExitCode.DONE, done.output
    for looks in (("status",), ("status", "t"), ("report", "t"), ("handover", "t"), ("preview", str(quick.plan))):
        assert invoke(*looks).exit_code == ExitCode.DONE, looks
    listed = invoke("runs")
    assert "/plan.yaml" in listed.stdout
    assert earlier or listed.exit_code == ExitCode.MEMORY


def test_a_run_that_nothing_attributes_is_told_to_whoever_runs_a_plan(invoke: Invoke, quick: Local, past: Past) -> None:
    past.write(OLD, DONE, plan="other")
    emptied(past.home, OLD)
    past.home.plan_of(OLD).unlink()
    told = invoke("run", str(quick.plan))
    assert told.exit_code == ExitCode.DONE
    assert f"run {OLD} is damaged, and nothing tells of which plan it is" in told.stderr


def test_the_plan_of_a_garbled_run_is_read_from_what_is_left_of_it(past: Past) -> None:
    past.write(OLD, DONE, plan="other")
    garbled(past.home, OLD)
    past.home.plan_of(OLD).unlink()
    assert HomeStore(past.home).plan_of(OLD) == "other"


def test_its_own_plan_is_not_begun_anew_beside_it(
    invoke: Invoke, quick: Local, past: Past, damage: Callable[[Home, str], None]
) -> None:
    past.write(OLD, DONE, plan="t")
    damage(past.home, OLD)
    told = invoke("run", str(quick.plan))
    assert told.exit_code == ExitCode.MEMORY, told.output
    assert quick.posts == 0
    assert "restore the home directory from a backup" in told.stderr


def test_other_runs_of_its_plan_are_told_and_what_is_not_known_of_it_too(
    invoke: Invoke, past: Any, done: str, damage: Callable[[Home, str], None]
) -> None:
    past.write(OLD, DONE, plan="t")
    damage(past.home, OLD)
    for looks in (("status", done), ("report", done), ("handover", done)):
        told = invoke(*looks)
        assert told.exit_code == ExitCode.DONE, told.output
        if looks[0] != "status":
            assert f"run {OLD} cannot be read, and what it left to people is not told" in told.stderr
    assert invoke("status", OLD).exit_code == ExitCode.MEMORY
