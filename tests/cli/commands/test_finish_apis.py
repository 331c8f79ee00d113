"""`finish --step apis`: drafts arrive in their group, publications are as at the source, and drafts stay drafts."""

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.gateway import RELEASE, Environment
from orchestrator.emulator.world.generate import TEST, Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import Api, Group, World, publish
from tests.cli.commands.test_finish import asks_for, document
from tests.cli.conftest import QUICK, Invoke, Local

BOTH = "apis: {unpublished: import, publish: as-at-source}"
THERE = "env-of-the-target"
#: billing-web and shipping-web have a draft, stock-web one in RELEASE and TEST, payments-web one in TEST alone
FILLING = Filling(calls={}, unreleased_every=2, tested_every=3, running_every=0)
DRAFTS = {"billing-web-api-1", "shipping-web-api-1"}


@pytest.fixture
def world() -> World:
    return generate(6, 0, filling=FILLING, durations=QUICK)


def moved_by(quick: Local, invoke: Invoke, finish: str = BOTH, prefix: str = "") -> Local:
    """All of it is at prod, which has an environment TEST of its own."""
    asks_for(quick, f'{finish}}}, prefix: "{prefix}", calls: {{', settle_wait="2s")
    assert invoke("run", str(quick.plan)).exit_code in {0, 1}
    held(quick).environments.put(Environment(THERE, "TEST"))
    return quick


@pytest.fixture
def moved(quick: Local, invoke: Invoke) -> Local:
    return moved_by(quick, invoke)


def held(local: Local, instance: str = "prod") -> Holding:
    return local.api.service.holding(instance)


def api(local: Local, name: str, instance: str = "prod") -> Api:
    return next(each for each in held(local, instance).apis.all() if each.name == name)


def published(local: Local) -> dict[str, set[str]]:
    """Name -> environments of each API at prod."""
    return {
        each.name: {one.env_id for one in each.publications if one.online} for each in held(local).apis.all()
    }  # fmt: skip


def asked(local: Local, *operations: Operation) -> list[str]:
    """What took effect of these, by whomever."""
    words = {each.value for each in operations}
    return [f"{each.operation} {each.outcome}" for each in local.api.service.ledger.calls if each.operation in words]


def left(told: Any) -> dict[str, str]:
    return {each["name"]: each["why"] for each in told["left"]}


def test_drafts_arrive_in_their_group_and_publications_are_as_at_the_source(moved: Local, invoke: Invoke) -> None:
    told = document(invoke, "--step", "apis")
    assert told["counts"] == {"done": 5}, told
    there = published(moved)
    assert len(there) == 12
    assert {name for name, where in there.items() if not where} == DRAFTS
    assert there["stock-web-api-1"] == {RELEASE, THERE}
    assert there["payments-web-api-1"] == {THERE}
    for name in (*DRAFTS, "payments-web-api-1"):
        source, target = api(moved, name, "dev"), api(moved, name)
        group = held(moved).groups.get(target.group_id)
        assert (target.method, target.path, target.address) == (source.method, source.path, source.address)
        assert group is not None
        assert (group.name, group.app_id) == (f"{name.removesuffix('-api-1')}-group", target.app_id)


def test_a_second_finish_finds_nothing_to_do(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "apis")
    before = asked(moved, *Operation)
    assert document(invoke, "--step", "apis")["counts"] == {}
    assert [each for each in asked(moved, *Operation)[len(before) :] if "export" not in each] == []


def test_a_dry_run_tells_each_row_and_asks_for_nothing(moved: Local, invoke: Invoke) -> None:
    told = invoke("finish", "--step", "apis", "--dry-run")
    text = " ".join(told.stdout.split())
    assert told.exit_code == 0, told.output
    assert "5 changes" in text
    assert "GET /billing-web/v1 in billing-web-group@prod" in text
    assert "GET /stock-web/v1 in stock-web-group in TEST@prod: publication offline -> published" in text
    assert "internal:8080" not in text
    assert asked(moved, Operation.API_IMPORT, Operation.API_ACTION, Operation.API_EXPORT) == []


def test_an_api_goes_to_the_application_as_it_is_called_behind_a_prefix(quick: Local, invoke: Invoke) -> None:
    moved_by(quick, invoke, prefix="x_")
    document(invoke, "--step", "apis")
    for name in DRAFTS:
        app = held(quick).apps.get(api(quick, name).app_id)
        assert app is not None
        assert app.name == f"x_{name.removesuffix('-api-1')}"


def test_a_group_that_is_not_there_is_created_first(moved: Local, invoke: Invoke) -> None:
    dev = held(moved, "dev")
    dev.groups.put(Group("second", "second-group", api(moved, "billing-web-api-1", "dev").app_id))
    dev.apis.put(replace(api(moved, "billing-web-api-1", "dev"), group_id="second"))
    told = document(invoke, "--step", "apis")
    assert told["counts"] == {"done": 6}
    group = held(moved).groups.get(api(moved, "billing-web-api-1").group_id)
    assert group is not None
    assert group.name == "second-group"
    assert asked(moved, Operation.GROUP_CREATE) == ["api-group-create accepted"]


def test_only_publications_are_made_where_drafts_are_not_asked_for(quick: Local, invoke: Invoke) -> None:
    moved_by(quick, invoke, finish="apis: {publish: as-at-source}")
    assert document(invoke, "--step", "apis")["counts"] == {"done": 1}
    assert set(published(quick)) & DRAFTS == set()


def environments(local: Local) -> dict[str, str]:
    """Name -> remark at prod."""
    return {each.name: each.remark for each in held(local).environments.all()}


def test_an_environment_that_the_target_lacks_is_created_before_what_is_published_in_it(
    moved: Local, invoke: Invoke
) -> None:
    held(moved).environments.remove(THERE)
    here = next(each for each in held(moved, "dev").environments.all() if each.name == "TEST")
    held(moved, "dev").environments.put(replace(here, remark="before release"))
    text = " ".join(invoke("finish", "--step", "apis", "--dry-run").stdout.split())
    assert (
        "creation of 1 environment: TEST@prod: not there -> there, remark before release (as at the source, by roma-"
        in text
    )
    assert document(invoke, "--step", "apis")["counts"] == {"done": 6}
    assert environments(moved) == {"RELEASE": "", "TEST": "before release (as at the source, by roma-migrate)"}
    (test,) = (each.id for each in held(moved).environments.all() if each.name == "TEST")
    assert {name for name, where in published(moved).items() if test in where} == {
        "stock-web-api-1",
        "payments-web-api-1",
    }
    done = invoke("undo", "--step", "apis", "--yes")
    assert done.exit_code == 0, done.output
    assert environments(moved) == {"RELEASE": ""}


def test_an_environment_that_somebody_creates_just_before_is_theirs(moved: Local, invoke: Invoke) -> None:
    held(moved).environments.remove(THERE)
    moved.api.strikes.add(Rule(Kind.MEDDLED, frozenset({Operation.ENV_CREATE})))
    told = document(invoke, "--step", "apis", code=1)
    assert told["counts"] == {"done": 3, "different": 3}, told
    assert environments(moved)["TEST"] == "by somebody else"
    assert document(invoke, "--step", "apis")["counts"] == {"done": 2}, "the next finish uses it"
    done = invoke("undo", "--step", "apis", "--yes")
    assert done.exit_code == 0, done.output
    assert environments(moved)["TEST"] == "by somebody else"


def test_an_environment_in_which_somebody_has_published_since_stays(moved: Local, invoke: Invoke) -> None:
    held(moved).environments.remove(THERE)
    document(invoke, "--step", "apis")
    (test,) = (each.id for each in held(moved).environments.all() if each.name == "TEST")
    held(moved).apis.put(publish(api(moved, "orders-web-api-1"), test))
    done = invoke("undo", "--step", "apis", "--yes")
    assert done.exit_code == 1, done.output
    assert "the API orders-web-api-1 is published in it" in " ".join(done.output.split())
    assert "TEST" in environments(moved)


def test_what_somebody_edited_at_the_target_is_not_released(moved: Local, invoke: Invoke) -> None:
    mine = api(moved, "stock-web-api-1")
    held(moved).apis.put(replace(mine, remark="a draft of somebody"))
    told = document(invoke, "--step", "apis", code=1)
    why = left(told)["GET /stock-web/v1 in stock-web-group in TEST"]
    assert why == "its remark is a draft of somebody at prod and empty where it is in force"
    assert published(moved)["stock-web-api-1"] == {RELEASE}


def test_a_draft_at_the_source_is_not_what_is_published_there(moved: Local, invoke: Invoke) -> None:
    """The package carried what the source says now; TEST has what it said then."""
    held(moved, "dev").apis.put(replace(api(moved, "stock-web-api-1", "dev"), remark="a later draft"))
    assert document(invoke, "--step", "apis")["counts"] == {"done": 5}
    assert api(moved, "stock-web-api-1").published(THERE) is not None


def test_an_effect_that_shows_late_is_waited_for_and_not_asked_for_again(moved: Local, invoke: Invoke) -> None:
    for operation in (Operation.API_IMPORT, Operation.API_ACTION):
        moved.api.strikes.add(Rule(Kind.READ_AFTER_WRITE_LAG, frozenset({operation}), seconds=1.0))
    assert document(invoke, "--step", "apis")["counts"] == {"done": 5}
    assert len(asked(moved, Operation.API_IMPORT, Operation.API_ACTION)) == 5


def test_somebody_elses_api_at_the_same_place_is_left_alone(moved: Local, invoke: Invoke) -> None:
    moved.api.strikes.add(Rule(Kind.MEDDLED, frozenset({Operation.API_IMPORT})))
    told = document(invoke, "--step", "apis", code=1)
    assert told["counts"]["different"] == 1
    meddled = [each for each in held(moved).apis.all() if each.address == "somebody.else:1"]
    assert len(meddled) == 1
    assert meddled[0].publications == ()


def test_one_api_that_the_target_refuses_is_named_and_the_others_arrive(moved: Local, invoke: Invoke) -> None:
    moved.api.strikes.add(Rule(Kind.API_FAILS, names=frozenset({"billing-web-api-1"})))
    told = document(invoke, "--step", "apis", code=1)
    assert told["counts"] == {"done": 4, "refused": 1}
    assert "APIG.2000" in str(told)
    assert "shipping-web-api-1" in published(moved)


def test_a_missing_right_is_found_before_anything_is_asked_for(moved: Local, invoke: Invoke) -> None:
    app = next(each for each in held(moved).apps.all() if each.name == "billing-web")
    held(moved).apps.put(replace(app, owner="somebody"))
    told = document(invoke, "--step", "apis", code=1)
    assert (
        "the role modify on application billing-web is missing"
        in left(told)["GET /billing-web/v1 in billing-web-group"]
    )
    assert len(asked(moved, Operation.API_IMPORT)) == 2


def test_no_address_of_a_back_end_is_in_what_is_kept(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "apis")
    kept = [each.read_bytes() for each in (moved.plan.parent / ".roma-migrate").rglob("*") if each.is_file()]
    assert kept
    assert not any(b"internal:8080" in each for each in kept)


@pytest.mark.proof  # the run's verification waits two minutes for what does not show
def test_apis_that_arrive_unpublished_are_published_in_release(quick: Local, invoke: Invoke) -> None:
    object.__setattr__(quick.api.service.world, "switches", Switches(import_publishes=False))
    moved_by(quick, invoke)
    told = document(invoke, "--step", "apis")
    assert told["counts"] == {"done": 5 + 9}
    assert sum(RELEASE in where for where in published(quick).values()) == 9
    assert TEST not in {env for where in published(quick).values() for env in where}


def test_undo_takes_apis_offline_and_deletes_what_it_imported(moved: Local, invoke: Invoke) -> None:
    before = published(moved)
    groups = {each.name for each in held(moved).groups.all()}
    document(invoke, "--step", "apis")
    done = invoke("undo", "--step", "apis", "--yes")
    assert done.exit_code == 0, done.output
    assert (published(moved), {each.name for each in held(moved).groups.all()}) == (before, groups)


def test_the_handover_list_shrinks_by_what_was_imported(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "apis")
    listed = invoke("handover", "--json")
    items = [each for each in json.loads(listed.stdout)["items"] if each["action"] == "publish-api"]
    assert {each["asset"] for each in items} == {"billing-web", "shipping-web", "payments-web"}
    assert all(each["done"] for each in items), items
