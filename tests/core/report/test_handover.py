"""The handover list as a run keeps it, and what of it is due."""

from dataclasses import replace

from orchestrator.core.handover.items import MOST_AT_ONCE, handover, lines_of, listed
from orchestrator.core.model.handover_item import Item
from orchestrator.core.report.handover import due, kept
from orchestrator.core.report.outcome import AssetClass, AssetOutcome
from orchestrator.core.state.events import Entry, Event, HandoverListed, RunEnded
from tests.builders.inventories import PreviewCase, datasource, held_app, held_task, told

STAGE = PreviewCase(
    held={"dev": (held_app("web"), held_app("core"), held_task("load", "web", "core", running=True))},
    facts={"dev": told("dev", datasources=(datasource("db", "web"),)), "prod": told("prod")},
)
ITEMS = handover(lines_of(STAGE.preview().assets), STAGE.facts)
EVENTS: tuple[Event, ...] = (*listed(ITEMS), RunEnded(0))
ENTRIES = [Entry(number, 0.0, event) for number, event in enumerate(EVENTS, 1)]


def line(kind: str, name: str, kept_as: AssetClass, target: str = "prod") -> AssetOutcome:
    return AssetOutcome("m", target, "d", f"id-{name}", kind, name, kept_as)


ARRIVED = [line("app", "web", AssetClass.VERIFIED), line("app", "core", AssetClass.UNVERIFIED),
           line("task", "load", AssetClass.VERIFIED)]  # fmt: skip


def actions(items: tuple[Item, ...], name: str) -> set[str]:
    return {str(item.action) for item in items if item.asset == name}


def test_the_list_comes_back_whole_in_its_order() -> None:
    assert tuple(kept(entry.event for entry in ENTRIES)) == ITEMS
    assert due(ENTRIES, ARRIVED) == ITEMS


def test_a_long_list_is_kept_in_several_events() -> None:
    many = tuple(replace(ITEMS[0], id=str(number)) for number in range(MOST_AT_ONCE * 2 + 1))
    made = listed(many)
    assert [len(event.items) for event in made] == [MOST_AT_ONCE, MOST_AT_ONCE, 1]
    assert tuple(kept(made)) == many
    assert listed(()) == ()
    assert all(isinstance(event, HandoverListed) for event in made)


def test_a_task_that_was_set_aside_is_neither_stopped_nor_started() -> None:
    assert actions(due(ENTRIES, ARRIVED), "load") == {"stop-task", "start-task"}
    aside = [*ARRIVED[:2], line("task", "load", AssetClass.QUARANTINED)]
    assert actions(due(ENTRIES, aside), "load") == set()


def test_nothing_is_asked_for_an_application_that_is_blocked_and_the_others_stay() -> None:
    found = due(ENTRIES, [line("app", "web", AssetClass.BLOCKED), *ARRIVED[1:]])
    assert actions(found, "web") == set()
    assert actions(found, "core")
    assert actions(found, ""), "what concerns the instance stays"


def test_a_task_that_arrived_at_one_target_is_stopped_all_the_same() -> None:
    lines = [
        *ARRIVED[:2],
        line("task", "load", AssetClass.QUARANTINED),
        line("task", "load", AssetClass.VERIFIED, "dr"),
    ]
    assert actions(due(ENTRIES, lines), "load") == {"stop-task"}
