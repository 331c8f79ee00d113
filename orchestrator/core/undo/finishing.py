"""What of a run's finishing is taken back, and what that leaves behind. Law: it goes first, in the reverse order.

Only what a request of ours did has an inverse here; what was found done, or done by a person, stays as it is.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.finish.planning import inverses
from orchestrator.core.model.change import Change, ChangeKind, Left
from orchestrator.core.model.inventory import Inventory
from orchestrator.core.plan.plan import FinishStep
from orchestrator.core.selection.only import Only
from orchestrator.core.state.changes import Changes
from orchestrator.core.undo.provenance import UndoPlan


def finishing_undo(finishing: Changes, only: Only, steps: Collection[FinishStep] = ()) -> UndoPlan:
    """The inverses of these steps' changes, or of all; what has none is left to a person."""
    done = [life.change for life in finishing.ours.values() if _chosen(life.change, only, steps)]
    made = inverses(done)
    back = {each.inverse_of for each in made}
    left = [
        Left(KINDS[each.kind].what, each.object, each.name, each.instance, f"nothing takes it back: {_done(each)}")
        for each in done
        if each.id not in back and KINDS[each.kind].leaves_a_trace
    ]
    return UndoPlan(made, tuple(left))


def as_taken_back(inventory: Inventory, back: Collection[Change]) -> Inventory:
    """What an instance will hold once these are done: tasks that they stop run no more."""
    stopped = {
        each.object for each in back if each.kind == ChangeKind.STOP_TASK and each.instance == inventory.instance
    }
    tasks = tuple(replace(each, running=False) if each.id in stopped else each for each in inventory.tasks)
    return replace(inventory, tasks=tasks)


def as_of_now(back: UndoPlan, inventories: Mapping[str, Inventory]) -> UndoPlan:
    """The same without what is gone with its application; each knows that application's update time before it."""
    held = [(each, inventories[each.instance].by_id.get(each.fact("app"))) for each in back.changes if each.fact("app")]
    gone = {each.id for each, app in held if app is None}
    times = {each.id: app.update_time for each, app in held if app is not None and each.fact("app updated")}
    found = tuple(_timed(each, times.get(each.id, "")) for each in back.changes if each.id not in gone)
    return replace(back, changes=found)


def _timed(change: Change, update_time: str) -> Change:
    facts = tuple((word, update_time if word == "app updated" else value) for word, value in change.facts)
    return replace(change, facts=facts) if update_time else change


def together(back: UndoPlan, rest: UndoPlan) -> UndoPlan:
    """Both, what was finished before what was moved; a task stays until its twin has been started again elsewhere.

    What belongs to an application that is removed goes with it.
    """
    going = {(each.instance, each.object) for each in rest.changes if each.kind == ChangeKind.REMOVE_APP}
    back = replace(back, changes=tuple(each for each in back.changes if (each.instance, each.fact("app")) not in going))
    first = max((each.wave for each in back.changes), default=-1) + 1
    twins: dict[tuple[str, str], list[str]] = {}
    for each in back.changes:
        twins.setdefault((each.fact("twin at"), each.fact("twin")), []).append(each.id)
    moved = tuple(
        replace(each, wave=each.wave + first, behind=(*each.behind, *twins.get((each.instance, each.object), ())))
        for each in rest.changes
    )
    return replace(rest, changes=(*back.changes, *moved), left=(*back.left, *rest.left))


def _chosen(change: Change, only: Only, steps: Collection[FinishStep]) -> bool:
    if steps and change.step not in steps:
        return False
    kind = "task" if KINDS[change.kind].what == "task" else "app"
    places = (change.instance, change.fact("twin at"))
    return any(only.allows_lane(change.migration, each) for each in places) and only.allows_asset(
        kind, change.fact("asset") or change.name
    )


def _done(change: Change) -> str:
    return f"{KINDS[change.kind].act} of a {KINDS[change.kind].what}"
