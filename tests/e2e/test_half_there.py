"""A lost import that turns out half there waits for the operator's word, and each word does what it says."""

import json
from typing import Any

import pytest

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, FailedImport
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, PlanText, read_until
from tests.e2e.local_roma import PATIENCE, LocalRoma, small_world

#: a failed import leaves what came before the poison
HALF = Switches(failed_import=FailedImport.FIRST_N, add_new_on_existing=AddNewOnExisting.FAILS)


def _half_there(serve: Serve, desk: Desk) -> LocalRoma:
    """The one import lands by half and its answer is lost; the cause is mended afterwards."""
    roma = serve(small_world(switches=HALF))
    desk.ready(roma)
    _poisoned(roma)
    said = desk.run("run", "plan.yaml")
    assert said.code == 5, said.both
    assert "roma-migrate resolve" in said.out
    roma.ask(lambda api: api.strikes.clear())
    assert 0 < len(roma.held()) < 30
    assert roma.jobs("import") == 1
    return roma


def _poisoned(roma: LocalRoma) -> None:
    poison = frozenset({roma.world.instance("dev").tasks[10].name})
    roma.strike(Kind.POISON_IMPORT, instance="prod", names=poison)
    roma.strike(Kind.RESET_AFTER_SEND, Operation.IMPORT, instance="prod")


def _undecided(desk: Desk) -> dict[str, Any]:
    said = desk.run("resolve", "--json")
    assert said.code == 5, said.both
    (found,) = said.document["undecided"]
    return dict(found)


def _decide(desk: Desk, word: str) -> None:
    said = desk.run("resolve", "t", "--as", word, "--reason", "I have looked")
    assert said.code == 0, said.both


def test_without_a_word_resolve_tells_what_is_there_and_where_each_choice_leads(serve: Serve, desk: Desk) -> None:
    roma = _half_there(serve, desk)
    found = _undecided(desk)
    assert {f"{name}" for name in found["landed"]} == {name.partition(" ")[2] for name in roma.held()}
    assert len(found["landed"]) + len(found["rest"]) == 30
    assert set(found["choices"]) == {"imported", "absent", "partial", "quarantine"}
    posts = roma.posts()
    again = desk.run("run", "plan.yaml")
    assert again.code == 5, again.both
    assert roma.posts() == posts
    told = desk.run("resolve", "t", "--as", "partial")
    assert told.code == 2
    assert "--reason" in told.err


def test_partial_brings_the_rest(serve: Serve, desk: Desk) -> None:
    roma = _half_there(serve, desk)
    there = roma.held()
    _decide(desk, "partial")
    said = desk.run("run", "plan.yaml", "--json")
    assert said.code == 0, said.both
    assert roma.held() == roma.everything()
    assert roma.jobs("import") == 2
    assert len(list(roma.ledger.jobs.values())[-1].asset_ids) == 30 - len(there)


def test_absent_asks_again_for_what_is_not_there(serve: Serve, desk: Desk) -> None:
    roma = _half_there(serve, desk)
    _decide(desk, "absent")
    said = desk.run("run", "plan.yaml", "--json")
    assert said.code == 0, said.both
    assert roma.held() == roma.everything()
    assert roma.twice() == {}


def test_imported_is_believed_and_then_verified(serve: Serve, desk: Desk) -> None:
    """Verification waits for a service that shows its writes late, so the rest comes by another hand here."""
    roma = _half_there(serve, desk)
    by_hand = 'name: all, source: dev, target: prod, apps: "*", tasks: "*", mode: Merge'
    elsewhere = Desk(desk.folder / "elsewhere")
    elsewhere.ready(roma, PlanText(name="by-hand", migrations=(by_hand,)))
    other = elsewhere.run("run", "plan.yaml")
    assert other.code == 0, other.both
    _decide(desk, "imported")
    said = desk.run("run", "plan.yaml", "--json")
    assert said.code == 0, said.both
    assert said.document["counts"]["verified"] == 30
    assert roma.jobs("import") == 2


@pytest.mark.proof
@pytest.mark.timeout(400)
def test_imported_that_is_not_true_is_found_missing(serve: Serve, desk: Desk) -> None:
    """Verification waits two minutes for a service that shows its writes late."""
    roma = _half_there(serve, desk)
    there = roma.held()
    _decide(desk, "imported")
    said = desk.run("run", "plan.yaml", "--json", patience=200.0)
    assert said.code == 1, said.both
    assert said.document["counts"]["missing or different"] == 30 - len(there)
    assert roma.jobs("import") == 1


def test_quarantine_sets_all_of_it_aside(serve: Serve, desk: Desk) -> None:
    roma = _half_there(serve, desk)
    there = roma.held()
    _decide(desk, "quarantine")
    said = desk.run("run", "plan.yaml", "--json")
    assert said.code == 1, said.both
    assert said.document["counts"]["quarantined"] == 30
    assert "I have looked" in desk.run("report").out
    assert roma.held() == there


def test_a_live_run_takes_the_word_while_other_lanes_go_on(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(empty=("prod", "dr"), switches=HALF))
    moves = tuple(f'name: to-{x}, source: dev, target: {x}, apps: "*", tasks: "*"' for x in ("prod", "dr"))
    desk.ready(roma, PlanText(migrations=moves, users={"dev": "at-dev", "dr": "at-dev"}))
    _poisoned(roma)
    roma.hold(Operation.IMPORT, instance="dr")  # the other lane, in a slot of its own
    with desk.start("run", "plan.yaml", "--json") as program:
        read_until(program.stderr, "import-in-doubt")
        roma.held_up()
        roma.ask(lambda api: api.strikes.clear())
        told = desk.run("resolve", "t", "--as", "partial", "--reason", "I have looked")
        assert told.code == 0, told.both
        assert program.poll() is None
        roma.release()
        out, err = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0, err
    assert json.loads(out)["counts"]["verified"] == 60
    assert roma.held("prod") == roma.held("dr") == roma.everything()
    assert roma.twice("prod") == {}


def test_what_is_decided_is_journaled_with_who_and_why(serve: Serve, desk: Desk) -> None:
    _half_there(serve, desk)
    _decide(desk, "quarantine")
    report = desk.run("report", "--json").document
    assert "I have looked" in json.dumps(report)
    again = desk.run("resolve", "t", "--as", "absent", "--reason", "no")
    assert again.code == 2
    assert "undecided is nothing" in again.err


def test_an_undo_waits_for_the_word_and_then_takes_back_all_that_landed(serve: Serve, desk: Desk) -> None:
    roma = _half_there(serve, desk)
    held = roma.held()
    refused = desk.run("undo", "t", "--yes")
    assert refused.code == 5, refused.both
    assert "roma-migrate resolve" in refused.out
    assert roma.held() == held
    assert _undecided(desk)["landed"], "the run has not ended"
    _decide(desk, "partial")
    undone = desk.run("undo", "t", "--yes")
    assert undone.code == 0, undone.both
    assert not roma.held()


def test_a_word_on_a_run_that_was_ended_before_promises_nothing(serve: Serve, desk: Desk) -> None:
    roma = _half_there(serve, desk)
    desk.run("run", "plan.yaml", "--abandon")
    said = desk.run("resolve", "t", "--as", "partial", "--reason", "I have looked")
    assert "the run has ended before: nothing more of it is brought or verified" in said.out
    assert "next: roma-migrate report" in said.err
    undone = desk.run("undo", "t", "--yes")
    assert undone.code == 1, "what is there and was never compared is not called gone"
    assert "its id at the target is not known" in " ".join(undone.out.split())
    assert "everything that the run made is gone" not in undone.out
    assert roma.held()
