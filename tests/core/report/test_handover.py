"""The handover list as a run keeps it, and what of it is due."""

from dataclasses import replace

from orchestrator.core.handover.items import MOST_AT_ONCE, handover, listed
from orchestrator.core.model.handover_item import Action, Item
from orchestrator.core.report.handover import PlanHandover, RunHandover, due, kept, of_plan
from orchestrator.core.report.outcome import AssetClass, AssetOutcome
from orchestrator.core.state.events import Entry, Event, HandoverDone, HandoverListed, RunEnded
from tests.builders.inventories import PreviewCase, datasource, held_app, held_task, told

STAGE = PreviewCase(
    held={"dev": (held_app("web"), held_app("core"), held_task("load", "web", "core", running=True))},
    facts={"dev": told("dev", datasources=(datasource("db", "web"),)), "prod": told("prod")},
)
ITEMS = handover(STAGE.preview().assets, STAGE.facts)
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


def test_of_a_run_that_has_ended_what_still_waits_leaves_nothing_to_people() -> None:
    waiting = [line("app", "web", AssetClass.WAITING), *ARRIVED[1:]]
    assert actions(due(ENTRIES, waiting), "web")
    assert not actions(due(ENTRIES, waiting, ended=True), "web")


# --- all runs of a plan ---------------------------------------------------------------------------------------------


def run_of(number: int, *items: Item, done: tuple[tuple[float, str], ...] = ()) -> RunHandover:
    ticks = tuple((at, HandoverDone(item, "olga", "h", "0", "by hand")) for at, item in done)
    return RunHandover(f"run-{number}", number * 100.0, items, ticks)


def standing(folded: PlanHandover, item: Item) -> tuple[str, bool]:
    stands = folded.standings[item.id]
    return stands.run, bool(stands.done)


def test_an_empty_run_adds_nothing_and_takes_nothing_away() -> None:
    folded = of_plan([run_of(1, *ITEMS), run_of(2)])
    assert folded.items == ITEMS == folded.open
    assert {stands.run for stands in folded.standings.values()} == {"run-1"}
    assert [item.action for item in folded.risks] == [Action.STOP_TASK]


def test_each_item_is_told_once_with_the_run_that_caused_it() -> None:
    first, *others = ITEMS
    folded = of_plan([run_of(1, first), run_of(2, *ITEMS)])
    assert folded.items == ITEMS
    assert standing(folded, first) == ("run-1", False)
    assert {standing(folded, each) for each in others} == {("run-2", False)}


def test_a_tick_by_hand_stands_in_whichever_journal_it_was_kept() -> None:
    item = ITEMS[-1]
    folded = of_plan([run_of(1, *ITEMS), run_of(2, done=((250.0, item.id), (260.0, "unknown")))])
    stands = folded.standings[item.id]
    assert (stands.done, stands.by, stands.at, stands.note) == (True, "olga on h", 250.0, "by hand")
    assert item not in folded.open
    assert len(folded.open) == len(ITEMS) - 1


def test_an_asset_that_is_brought_again_opens_its_items_again_once() -> None:
    (told,) = (item for item in ITEMS if item.action == Action.SECRET and item.asset == "web")
    ticked = run_of(1, *ITEMS, done=((150.0, told.id),))
    assert standing(of_plan([ticked, run_of(2)]), told) == ("run-1", True)
    assert standing(of_plan([ticked, run_of(2, told), run_of(3)]), told) == ("run-2", False)
    again = run_of(2, told, done=((250.0, told.id),))
    assert standing(of_plan([ticked, again, run_of(3)]), told) == ("run-2", True)


def test_what_was_done_for_the_instance_stands_however_often_a_run_lists_it() -> None:
    (params,) = (item for item in ITEMS if item.action == Action.INSTANCE)
    ticked = run_of(1, params, done=((150.0, params.id),))
    assert standing(of_plan([ticked, run_of(2, params)]), params) == ("run-1", True)
