"""`finish --step topics`: topics that did not travel are created, and what somebody has at the target stays."""

import json
from dataclasses import replace

import pytest

from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import Belonging, BelongingKind, World
from tests.cli.commands.test_finish import asks_for, document
from tests.cli.commands.test_finish_apis import asked, held, left
from tests.cli.conftest import QUICK, Invoke, Local

#: orders-web and stock-web have a topic; billing-web may read that of orders-web
FILLING = Filling(calls={}, unreleased_every=0, running_every=0, belongings_every=2, apis_per_app=0)
SWITCHES = Switches(import_keeps_topics=False)
WRITES = (Operation.TOPIC_CREATE, Operation.TOPIC_DELETE, Operation.TOPIC_ALLOW)
MINE, OTHER = "orders-web-topic", "stock-web-topic"


@pytest.fixture
def switches() -> Switches:
    return SWITCHES


@pytest.fixture
def world(switches: Switches) -> World:
    made = generate(3, 0, filling=FILLING, switches=switches, durations=QUICK)
    dev, prod = made.instances
    reads = (dev.app("billing-web").id, "sub")
    belongings = tuple(
        replace(each, others=(reads,), access="pub", retention=24, messages=3) if each.name == MINE else each
        for each in dev.belongings
    )
    return replace(made, instances=(replace(dev, belongings=belongings), prod))


@pytest.fixture
def moved(quick: Local, invoke: Invoke) -> Local:
    asks_for(quick, "topics: copy}, calls: {", settle_wait="2s")
    done = invoke("run", str(quick.plan))
    assert done.exit_code == 0, done.output
    return quick


def topics(local: Local) -> dict[str, Belonging]:
    return {each.name: each for each in held(local).belongings.all() if each.kind is BelongingKind.TOPIC}


def app(local: Local, name: str) -> str:
    return next(each.id for each in held(local).apps.all() if each.name == name)


def theirs(local: Local, name: str, owner: str = "orders-web", **more: object) -> Belonging:
    one = Belonging("theirs", BelongingKind.TOPIC, name, app(local, owner), description="theirs")
    held(local).belongings.put(replace(one, **more))  # type: ignore[arg-type] # fields by name
    return topics(local)[name]


def test_topics_that_did_not_travel_are_created_with_what_others_may_do(moved: Local, invoke: Invoke) -> None:
    assert topics(moved) == {}
    shown = " ".join(invoke("finish", "--step", "topics", "--dry-run").stdout.split())
    assert f"{MINE}@prod: not there -> there, partition 3, replication 3, retention_time 24" in shown
    assert f"{MINE} for billing-web@prod: not there -> there, may sub" in shown
    assert document(invoke, "--step", "topics")["counts"] == {"done": 3}
    mine = topics(moved)[MINE]
    assert (mine.app_id, mine.access, mine.retention) == (app(moved, "orders-web"), "pub", 24)
    assert mine.others == ((app(moved, "billing-web"), "sub"),)
    assert (set(topics(moved)), mine.messages) == ({MINE, OTHER}, 0)


def test_a_second_finish_finds_nothing_to_do(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "topics")
    before = len(asked(moved, *WRITES))
    assert document(invoke, "--step", "topics")["counts"] == {}
    assert len(asked(moved, *WRITES)) == before


@pytest.mark.parametrize("switches", [Switches(import_keeps_topics=True)])
def test_a_topic_that_travelled_stays_and_what_others_may_not_is_named(moved: Local, invoke: Invoke) -> None:
    told = document(invoke, "--step", "topics", code=1)
    assert left(told) == {f"{MINE} for billing-web": "it may use it (sub) at dev alone"}
    assert asked(moved, *WRITES) == []


def test_a_topic_of_that_name_is_left_as_it_is(moved: Local, invoke: Invoke) -> None:
    before = theirs(moved, MINE, "stock-web")
    told = document(invoke, "--step", "topics", code=1)
    assert left(told)[MINE] == "another application of prod has a topic of this name: it is left as it is"
    assert topics(moved)[MINE] == before


def test_a_topic_whose_name_the_service_does_not_tell_apart_is_named(moved: Local, invoke: Invoke) -> None:
    held(moved, "dev").belongings.put(
        replace(theirs(moved, "orders_web"), id="x", name="orders.web", app_id=dev_app(moved))
    )
    told = document(invoke, "--step", "topics", code=1)
    assert left(told)["orders.web"] == "prod has the topic orders_web, and . and _ do not tell topics apart"


def dev_app(local: Local) -> str:
    return next(each.id for each in held(local, "dev").apps.all() if each.name == "orders-web")


def test_who_has_not_moved_is_named(moved: Local, invoke: Invoke) -> None:
    dev = held(moved, "dev")
    stranger = replace(dev.apps.all()[0], id="stranger", name="stranger", key="k")
    dev.apps.put(stranger)
    mine = next(each for each in dev.belongings.all() if each.name == MINE)
    dev.belongings.put(replace(mine, others=(*mine.others, ("stranger", "all"))))
    told = document(invoke, "--step", "topics", code=1)
    assert left(told) == {f"{MINE} for stranger": "it may use it (all) at dev, but stranger has not moved to prod"}
    assert told["counts"] == {"done": 3}


def test_a_topic_that_somebody_creates_just_before_is_theirs(moved: Local, invoke: Invoke) -> None:
    moved.api.strikes.add(Rule(Kind.MEDDLED, frozenset({Operation.TOPIC_CREATE}), times=2))
    told = document(invoke, "--step", "topics", code=1)
    assert told["counts"] == {"different": 3}, told
    assert topics(moved)[MINE].description == "by somebody else"
    assert topics(moved)[MINE].others == ()
    done = invoke("undo", "--step", "topics", "--yes")
    assert done.exit_code == 0, done.output
    assert set(topics(moved)) == {MINE, OTHER}


def test_undo_deletes_what_it_created_but_for_topics_that_hold_messages(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "topics")
    held(moved).belongings.put(replace(topics(moved)[OTHER], messages=1))
    done = invoke("undo", "--step", "topics", "--yes")
    assert done.exit_code == 1, done.output
    assert "it holds messages, which would be lost with it" in " ".join(done.output.split())
    assert set(topics(moved)) == {OTHER}


def test_what_finish_has_created_does_not_count_as_having_travelled(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "topics")
    done = invoke("verify", "--strict")
    assert done.exit_code == 0, done.output
    (known,) = json.loads((moved.plan.parent / ".roma-migrate" / "dialect.json").read_text())["endpoints"].values()
    assert known["topic"]["travelled"] == 0


@pytest.mark.parametrize("switches", [replace(SWITCHES, topics_read=Told.MASKED)])
def test_topics_whose_names_are_masked_are_named(moved: Local, invoke: Invoke) -> None:
    told = document(invoke, "--step", "topics", code=1)
    assert set(left(told).values()) == {"the list of dev masks the names of topics"}
    assert asked(moved, *WRITES) == []


def test_a_missing_right_is_found_before_anything_is_asked_for(moved: Local, invoke: Invoke) -> None:
    owned = next(each for each in held(moved).apps.all() if each.name == "stock-web")
    held(moved).apps.put(replace(owned, owner="somebody"))
    told = document(invoke, "--step", "topics", code=1)
    assert "the role modify on application stock-web is missing" in left(told)[OTHER]
    assert set(topics(moved)) == {MINE}
