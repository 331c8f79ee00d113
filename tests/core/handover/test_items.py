"""The handover list: what people must do, for whom, and in which order."""

from orchestrator.core.handover.items import by_owner, handover
from orchestrator.core.model.handover_item import Action, Item
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import DictionaryEntry
from orchestrator.core.plan.plan import Mode, Target
from tests.builders.inventories import PreviewCase, api, datasource, held_app, held_task, told
from tests.builders.plans import migration

HELD = {
    "dev": (
        held_app("web"),
        held_app("core", owner="bob"),
        held_task("load", "core", "web", running=True),
        held_task("still", "web"),
    ),
}
FACTS = {
    "dev": told(
        "dev",
        datasources=(datasource("db", "web"),),
        apis=(api("a", "web"), api("lost", "web", released=False), api("f", "core", backend="FUNCTION")),
        dictionaries=(DictionaryEntry("COUNTRY", "Country"),),
        features={"cors": True, "same": False},
    ),
    "prod": told("prod", features={"cors": False}),
}


def items(case: PreviewCase | None = None) -> tuple[Item, ...]:
    case = case or PreviewCase(held=HELD, facts=FACTS)
    return handover(case.preview().assets, case.facts)


def of(found: tuple[Item, ...], action: Action) -> list[tuple[str, str, str]]:
    return [(item.asset, item.owner, item.where) for item in found if item.action is action]


def test_running_tasks_come_first_and_must_stop_at_the_source() -> None:
    first = items()[0]
    assert (first.action, first.asset, first.where, first.owner) == (Action.STOP_TASK, "load", "dev", "bob")
    assert items()[-1].action is Action.START_TASK


def test_a_task_that_did_not_run_needs_nobody() -> None:
    assert not [item for item in items() if item.asset == "still"]


def test_each_application_gets_what_the_guide_names() -> None:
    found = items()
    for action in (Action.SECRET, Action.AUTHORISE, Action.OUTSIDE, Action.API_SETTINGS):
        assert of(found, action) == [("core", "bob", "prod"), ("web", "ann", "prod")]
    assert of(found, Action.DATASOURCE) == [("web", "ann", "prod")]
    assert of(found, Action.PUBLISH_API) == [("web", "ann", "prod")]
    assert of(found, Action.FUNCTION) == [("core", "bob", "prod")]


def test_what_concerns_the_instance_is_told_once() -> None:
    found = items()
    for action in (Action.DICTIONARY, Action.FEATURE, Action.INSTANCE, Action.DEVICES):
        assert of(found, action) == [("", "", "prod")]


def test_an_application_that_merge_overwrites_keeps_its_secret() -> None:
    merged = migration(target=Target("prod", Mode.MERGE))
    found = items(PreviewCase((merged,), {**HELD, "prod": (held_app("web"),)}, FACTS))
    assert of(found, Action.SECRET) == [("core", "bob", "prod")]


def test_one_stop_serves_two_targets_and_each_target_has_its_start() -> None:
    both = (migration(), migration("n", target=Target("prod", prefix="x_")))
    found = items(PreviewCase(both, HELD, FACTS))
    assert len(of(found, Action.STOP_TASK)) == 1
    assert len(of(found, Action.START_TASK)) == 2


def test_lists_that_could_not_be_read_leave_a_reminder() -> None:
    facts = {"dev": told("dev", datasources=Unread("no"), apis=Unread("no")), "prod": told("prod")}
    found = items(PreviewCase(held=HELD, facts=facts))
    for action in (Action.DATASOURCE, Action.API_SETTINGS):
        assert of(found, action) == [("core", "bob", "prod"), ("web", "ann", "prod")]


def test_ids_are_short_and_stable_and_unlike() -> None:
    found = items()
    assert [item.id for item in found] == [item.id for item in items()]
    assert len({item.id for item in found}) == len(found)
    assert {len(item.id) for item in found} == {10}


def test_what_does_not_arrive_needs_no_hands() -> None:
    refused = PreviewCase(held={**HELD, "prod": (held_app("web", "other"),)}, facts=FACTS)
    assert of(items(refused), Action.SECRET) == [("core", "bob", "prod")]


def test_owners_find_their_own_items() -> None:
    found = by_owner(items())
    assert list(found) == ["ann", "bob", ""]
    assert sum(map(len, found.values())) == len(items())
