"""Tasks: stopped at the source, then started at the target (Finishing 2.5). Law: a pair runs at one place (promise 20).

Reads: the lists of both instances, and the schedules of both tasks. Writes: lots of at most 10 to stop, one at a time
to start. Proof: *stopped for good* is a stopped schedule and no run in progress, read twice; *running* is read once. A
task is started only while its twin is read stopped for good. Inverse: the opposite act; what was sent stays sent.
Right: `modify` on an application of the task.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.core.finish.ground import Ground, Rows, Way
from orchestrator.core.finish.kind import Kind, lacks, turned
from orchestrator.core.finish.looks import INVENTORY, Look, Seen, schedule
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.change import Change, ChangeKind, Image, Left, Proves, change_id
from orchestrator.core.model.handover_item import Action
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import Inventory, Task
from orchestrator.core.model.writes import ActOnTasks, Write
from orchestrator.core.plan.plan import Finish, FinishStep, FirstRun, Glob, Selector, StartTasks
from orchestrator.core.selection.selection import matches

#: tasks in one request (Finishing 2.5)
MOST_TASKS = 10
#: `execute_status` while a run is in progress (API 1.8)
_IN_PROGRESS = ("RUNNING", "WAITING")
#: `execute_status` of a task that never ran
_NEVER_RAN = ("", "UNSTARTED")
RUNNING: Image = (("state", "running"),)
STOPPED: Image = (("state", "stopped"),)
#: stopped, and its last run goes on
ENDING: Image = (("state", "ending its last run"),)


class _Act(Kind):
    """What starting and stopping have in common."""

    what = "task"

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, INVENTORY),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        inventory = seen.get(change.instance, INVENTORY)
        return inventory if isinstance(inventory, Unread) else state_of(_task(inventory, change.object))

    def right(self, change: Change, seen: Seen) -> str:
        inventory = seen.get(change.instance, INVENTORY)
        task = _task(inventory, change.object) if isinstance(inventory, Inventory) else None
        if task is None or isinstance(inventory, Unread):
            return ""
        missing = [lacks(app, "modify") for app in inventory.apps if app.id in task.app_ids]
        return missing[0] if missing and all(missing) else ""


class StopTask(_Act):
    """Stop a task; what runs may go on to its end."""

    kind, act, done = ChangeKind.STOP_TASK, "stop", "stopped"
    wave = 12
    lot = MOST_TASKS
    reads = 2

    def underway(self, change: Change, image: Image) -> bool:
        return image == ENDING

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return ActOnTasks("stop", tuple(each.object for each in changes))

    def inverse(self, change: Change) -> Change | None:
        return _opposite(change, ChangeKind.START_TASK)


class StartTask(_Act):
    """Start a task whose twin is stopped."""

    kind, act, done = ChangeKind.START_TASK, "start", "started"
    wave = 13

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.fact("twin at"), INVENTORY),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        where, twin = change.fact("twin at"), change.fact("twin")
        inventory = seen.get(where, INVENTORY)
        if isinstance(inventory, Unread):
            return f"whether its twin at {where} is stopped cannot be read: {inventory.why}"
        task = _task(inventory, twin)
        if task is None:
            return f"its twin is not visible at {where}, so that nothing shows that it is stopped"
        state = dict(state_of(task))["state"]
        return "" if state_of(task) == STOPPED else f"its twin at {where} is not stopped: it is {state}"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return ActOnTasks("start", tuple(each.object for each in changes))

    def inverse(self, change: Change) -> Change | None:
        return _opposite(change, ChangeKind.STOP_TASK)


class TasksStep:
    """`finish: tasks`: those that ran at the source when the run first saw them."""

    name = FinishStep.TASKS

    def wanted(self, finish: Finish) -> bool:
        return finish.tasks is not None

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        for pair, _ in _named(ground):
            yield Look(pair.source, INVENTORY)
            yield Look(pair.target, INVENTORY)
            at_source, at_target = _both(pair, seen)
            if at_source is not None and at_target is not None:
                yield Look(pair.source, schedule(pair.asset.id), _who(pair, pair.source, seen))
                yield Look(pair.target, schedule(pair.there), _who(pair, pair.target, seen))

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        pairs = list(_named(ground))
        places: dict[tuple[str, str], list[str]] = {}
        for pair, _ in pairs:
            places.setdefault((pair.source, pair.asset.id), []).append(pair.target)
        rows = _unmatched(ground)
        for pair, how in pairs:
            others = [each for each in places[pair.source, pair.asset.id] if each != pair.target]
            why = f"it would run at {others[0]} too: name one of them with --only @INSTANCE" if others else ""
            rows += _left(pair, why) if why else _row(pair, how, seen)
        return rows


def state_of(task: Task | None) -> Image:
    """What a list shows of it; () where it does not show it."""
    if task is None:
        return ()
    if task.running:
        return RUNNING
    return ENDING if task.execute_status.upper() in _IN_PROGRESS else STOPPED


def _named(ground: Ground) -> Iterator[tuple[Pair, StartTasks]]:
    """Pairs that ran at the source when first seen, and that the plan names."""
    for pair in ground.chosen("task"):
        how = ground.finish[pair.migration].tasks
        if how is not None and pair.asset.running and any(matches(each, pair.asset) for each in how.start):
            yield pair, how


def _unmatched(ground: Ground) -> Rows:
    """Words of `start` that no task of the run bears, running or not: a slip, which would leave its task unstarted."""
    left: list[Left] = []
    for way in ground.ways():
        how = ground.finish[way.migration].tasks
        pairs = (p for p in ground.pairs if p.kind == "task" and Way(p.migration, p.source, p.target) == way)
        moved = [each.asset for each in pairs]
        words = how.start if how is not None and moved else ()
        none = [each for each in words if not any(matches(each, asset) for asset in moved)]
        left += [
            Left("task", "", _word(each), way.target, "start names it, and no such task was moved") for each in none
        ]
    return Rows(left=tuple(left))


def _word(selector: Selector) -> str:
    return selector.pattern if isinstance(selector, Glob) else selector.id


def _row(pair: Pair, how: StartTasks, seen: Seen) -> Rows:
    """The stop and the start of one pair, or why it is left."""
    for instance in (pair.source, pair.target):
        if isinstance(answer := seen.get(instance, INVENTORY), Unread):
            return _left(pair, f"the tasks of {instance} could not be read: {answer.why}")
    at_source, at_target = _both(pair, seen)
    if at_source is None or at_target is None:
        gone = pair.source if at_source is None else pair.target
        return _left(pair, f"it is not at {gone} any more, or not visible there")
    if at_target.running:
        both = f"it runs at {pair.source} and at {pair.target}: stop one of them by hand"
        return _left(pair, both) if at_source.running else Rows(already=1)
    first = at_target.execute_status.upper() in _NEVER_RAN
    why = _first_run(pair, how) if first else ""
    why = why or _without_schedule(pair, seen)
    return _left(pair, why) if why else _changes(pair, (at_source, at_target), first, seen)


def _first_run(pair: Pair, how: StartTasks) -> str:
    if how.first_run is FirstRun.REVIEWED:
        return ""
    return (
        f"it would run for the first time at {pair.target}, and that may copy all that its source ever had: "
        "look at it, then write first_run: reviewed"
    )


def _without_schedule(pair: Pair, seen: Seen) -> str:
    """The service refuses to start a scheduled task without a schedule, FDI.3083 (Finishing 2.5)."""
    here, there = seen.get(pair.source, schedule(pair.asset.id)), seen.get(pair.target, schedule(pair.there))
    return f"it has no schedule at {pair.target}; at {pair.source}: {here}" if here and not there else ""


def _changes(pair: Pair, tasks: tuple[Task, Task], first: bool, seen: Seen) -> Rows:
    at_source, at_target = tasks
    stop = Change(
        change_id(ChangeKind.STOP_TASK, pair.source, at_source.id), ChangeKind.STOP_TASK.value, pair.source,
        at_source.id, at_source.name, _who(pair, pair.source, seen), state_of(at_source), STOPPED, StopTask.wave,
        pair.migration, step=FinishStep.TASKS.value,
        facts=(("twin at", pair.target), ("twin", at_target.id)), proves=(_stopped(pair),),
    )  # fmt: skip
    stops = (stop,) if stop.before != STOPPED else ()
    told = seen.get(pair.target, schedule(pair.there))
    facts = (
        ("twin at", pair.source), ("twin", at_source.id),
        ("schedule", f"unknown: {told.why}" if isinstance(told, Unread) else told or "none"),
        ("first run", "yes: it may copy all that its source ever had" if first else "no"),
    )  # fmt: skip
    start = Change(
        change_id(ChangeKind.START_TASK, pair.target, at_target.id), ChangeKind.START_TASK.value, pair.target,
        at_target.id, at_target.name, _who(pair, pair.target, seen), STOPPED, RUNNING, StartTask.wave, pair.migration,
        behind=tuple(each.id for each in stops), step=FinishStep.TASKS.value, facts=facts,
        proves=(_stopped(pair), Proves(Action.START_TASK, pair.target, pair.asset.id, pair.asset.name)),
    )  # fmt: skip
    # Where only one of both has its right, neither is done: a task that is stopped and not started runs nowhere.
    why = StopTask().right(stop, seen) or StartTask().right(start, seen)
    return _left(pair, why) if why else Rows((*stops, start))


def _stopped(pair: Pair) -> Proves:
    """The start too rests on a twin that was read stopped."""
    return Proves(Action.STOP_TASK, pair.source, pair.asset.id, pair.asset.name)


def _opposite(change: Change, kind: ChangeKind) -> Change:
    """Whatever a stop was planned for, its task is running again after its inverse."""
    return replace(turned(change, kind), after=RUNNING if kind is ChangeKind.START_TASK else STOPPED)


def _both(pair: Pair, seen: Seen) -> tuple[Task | None, Task | None]:
    here, there = seen.get(pair.source, INVENTORY), seen.get(pair.target, INVENTORY)
    return (
        _task(here, pair.asset.id) if isinstance(here, Inventory) else None,
        _task(there, pair.there) if isinstance(there, Inventory) else None,
    )


def _who(pair: Pair, instance: str, seen: Seen) -> str:
    """Credentials that see the task there: who moved it, else the first that does."""
    inventory = seen.get(instance, INVENTORY)
    task, mover = (pair.asset.id, pair.exporter) if instance == pair.source else (pair.there, pair.owner)
    sees = inventory.seen_by.get(task, ()) if isinstance(inventory, Inventory) else ()
    return mover if mover in sees or not sees else sees[0]


def _left(pair: Pair, why: str) -> Rows:
    return Rows(left=(Left("task", pair.there, pair.asset.name, pair.target, why),))


def _task(inventory: Inventory, task_id: str) -> Task | None:
    held = inventory.by_id.get(task_id)
    return held if isinstance(held, Task) else None
