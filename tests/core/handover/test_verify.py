"""Ticks: only what was seen is done."""

from dataclasses import replace

from orchestrator.core.handover.items import Now, Verification, handover
from orchestrator.core.handover.verify import provable, verified, with_reads
from orchestrator.core.model.handover_item import Action, Standing
from orchestrator.core.model.instance_facts import Facts, Unread
from orchestrator.core.model.inventory import Api, DictionaryEntry, Inventory, Task
from orchestrator.core.plan.plan import Target
from tests.builders.inventories import PreviewCase, api, held_app, held_task, told
from tests.builders.plans import migration

LOAD = held_task("load", "web", running=True)
STAGE = PreviewCase(
    (migration(target=Target("prod", prefix="x_")),),
    {"dev": (held_app("web"), LOAD)},
    {
        "dev": told(
            "dev",
            apis=(api("lost", "web", released=False),),
            dictionaries=(DictionaryEntry("DE", "Germany", "COUNTRY"),),
            features={"cors": True},
        ),
        "prod": told("prod", features={"cors": False}),
    },
)
ITEMS = handover(STAGE.preview().assets, STAGE.facts)


def ticks(now: Now) -> dict[str, Verification]:
    return {each.item.action: each for each in verified(ITEMS, now)}


def seen(at_dev: Task, *at_prod: Task, facts: Facts | None = None) -> Now:
    here = Inventory("dev", (), (at_dev,))
    there = Inventory("prod", (replace(held_app("x_web"), id="new"),), at_prod)
    return Now({"dev": here, "prod": there}, {"prod": facts} if facts is not None else {})


def test_nothing_is_ticked_by_silence() -> None:
    assert not any(each.done for each in verified(ITEMS, Now()))


def test_a_stopped_task_ticks_its_stop_and_a_running_one_its_start() -> None:
    begun = replace(LOAD, id="other", name="x_load")
    found = ticks(seen(replace(LOAD, running=False), begun))
    assert found[Action.STOP_TASK].done
    assert found[Action.START_TASK].done
    found = ticks(seen(LOAD, replace(begun, running=False)))
    assert not found[Action.STOP_TASK].done
    assert found[Action.STOP_TASK].why == "it runs at dev"
    assert not found[Action.START_TASK].done


def test_a_task_that_is_gone_from_the_source_is_not_taken_as_stopped() -> None:
    found = ticks(seen(replace(LOAD, id="somebody-elses")))
    assert not found[Action.STOP_TASK].done
    assert "not visible" in found[Action.STOP_TASK].why


def published(released: bool) -> Now:
    made = Api("new-api", "lost", "new", "GET", "/lost", released=released)
    return seen(LOAD, facts=told("prod", apis=(made,)))


def test_an_api_is_ticked_when_it_is_published_in_its_application() -> None:
    assert ticks(published(True))[Action.PUBLISH_API].done
    assert not ticks(published(False))[Action.PUBLISH_API].done
    elsewhere = seen(LOAD, facts=told("prod", apis=(api("lost", "other"),)))
    assert ticks(elsewhere)[Action.PUBLISH_API].why == "prod has no such API"


def test_dictionary_and_feature_are_ticked_when_they_are_equal() -> None:
    equal = told("prod", dictionaries=(DictionaryEntry("DE", "Germany", "COUNTRY"),), features={"cors": True})
    found = ticks(seen(LOAD, facts=equal))
    assert found[Action.DICTIONARY].done
    assert found[Action.FEATURE].done
    other = told("prod", dictionaries=(DictionaryEntry("DE", "Allemagne", "COUNTRY"),), features={"cors": False})
    found = ticks(seen(LOAD, facts=other))
    assert not found[Action.DICTIONARY].done
    assert found[Action.FEATURE].why == "it is off"


def test_an_unread_part_is_named_with_its_reason() -> None:
    unread = told("prod", dictionaries=Unread("refused"), features=Unread("refused"), apis=Unread("refused"))
    found = ticks(seen(LOAD, facts=unread))
    for action in (Action.DICTIONARY, Action.FEATURE, Action.PUBLISH_API):
        assert not found[action].done
        assert "refused" in found[action].why


def test_what_no_read_can_prove_is_never_ticked() -> None:
    full = seen(replace(LOAD, running=False), facts=told("prod"))
    open_ = [each for each in verified(ITEMS, full) if not each.item.check]
    assert open_
    assert not any(each.done for each in open_)
    assert {item.action for item in provable(ITEMS)} == {
        Action.STOP_TASK, Action.START_TASK, Action.PUBLISH_API, Action.DICTIONARY, Action.FEATURE,
    }  # fmt: skip


def test_a_read_that_shows_the_opposite_outweighs_a_tick_by_hand_and_silence_does_not() -> None:
    by_hand = {item.id: Standing("run-1", True, by="olga") for item in ITEMS}
    known = with_reads(by_hand, verified(ITEMS, seen(LOAD)))
    stop, secret = (next(i for i in ITEMS if i.action == each) for each in (Action.STOP_TASK, Action.SECRET))
    assert (known[stop.id].done, known[stop.id].seen) == (False, "it runs at dev")
    assert known[secret.id].done
    assert all(each.done for each in with_reads(by_hand, verified(ITEMS, Now())).values())
