"""Nights whose run is taken back: at a random point of the run, through faults and kills, and once more afterwards.

Law: what was there before is there afterwards, and what the run made is gone or named.
"""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.core.plan.plan import Mode
from orchestrator.core.state.changes import ChangeState
from orchestrator.core.state.progress import Progress
from orchestrator.emulator.world.generate import Filling, fill
from orchestrator.emulator.world.world import App, Instance, Task
from orchestrator.engine.runs import Runs
from orchestrator.engine.undo_run import UndoWish, undo_run
from tests.simulation.book import Broken
from tests.simulation.scenarios import (
    MOST_STARTS,
    PAUSE,
    Clock,
    Night,
    decay_of,
    decide,
    dusk,
    incarnation,
    overdue_for,
    progress_of,
    rot_between,
)
from tests.simulation.working_hours import WorkingHours, unbound
from tests.simulation.worlds import Kill, Scenario

#: starts of the undo command, at most
MOST_UNDOS = 40
#: kills of an undo, at most
MOST_KILLS = 3
#: the part of nights in which a person changes something between the run and its undo
MEDDLED = 0.3


async def _undo(runs: Runs) -> tuple[int, None]:
    """Take the latest run back."""
    undone = await undo_run(runs, runs.store.run_ids()[-1], UndoWish(note="simulated"))
    return int(undone.code), None


def over_existing(scenario: Scenario) -> Scenario:
    """The same night with Merge into targets that hold many of the names already, with contents of their own."""
    draw = random.Random(scenario.seed ^ 0xBAC0)
    targets = sorted({target.instance for m in scenario.plan.migrations for target in m.targets})
    sources = {m.source for m in scenario.plan.migrations}
    (who, *_) = scenario.plan.instances[targets[0]].credentials
    owner = scenario.users[who].rpartition("/")[2]
    filling = Filling(draw.randint(1, 8), draw.randint(0, 12), calls={}, owner=owner, unreleased_every=0)
    instances = tuple(
        _marked(fill(each, filling, scenario.world.switches), draw) if each.name in targets else each
        for each in scenario.world.instances
    )
    migrations = tuple(
        replace(
            m,
            targets=tuple(replace(t, mode=Mode.MERGE, prefix=t.prefix if len(sources) > 1 else "") for t in m.targets),
        )
        for m in scenario.plan.migrations
    )
    return replace(
        scenario, world=replace(scenario.world, instances=instances), plan=replace(scenario.plan, migrations=migrations)
    )


def _marked(instance: Instance, draw: random.Random) -> Instance:
    """No content is as at the source, so that whoever overwrites it and does not restore it is seen."""
    apps = tuple(replace(app, revision=1000 + draw.randint(0, 99)) for app in instance.apps)
    ids = [app.id for app in apps]
    tasks = tuple(
        replace(task, revision=2000 + draw.randint(0, 99), source_app_id=draw.choice([task.source_app_id, *ids]))
        for task in instance.tasks
    )
    return replace(instance, apps=apps, tasks=tasks)


def undo_night(scenario: Scenario, root: Path, kills: tuple[Kill, ...] | None = None) -> Night:
    """A run, given up at a random point, and its undo to the end; raises Broken where a promise does not hold."""
    night, clock = dusk(replace(scenario, plan=unbound(scenario.plan), hours=WorkingHours()))
    draw = random.Random(scenario.seed ^ 0x0DD0)
    before = _held(night)
    _run_for_a_while(night, root, clock, draw)
    if not night.records:
        return night  # it was killed before it began
    left = list(_kills(draw) if kills is None else kills)
    touched = _person(night, draw) if draw.random() < MEDDLED else {}
    _give(night, root, clock, draw, left)
    _judge(night, before, touched)
    _second_undo(night, root, clock)
    return night


def _run_for_a_while(night: Night, root: Path, clock: Clock, draw: random.Random) -> None:
    """Up to a number of starts: unfinished, killed, undecided or ended as that leaves it."""
    kills = list(night.scenario.kills)
    decay = decay_of(night.scenario)
    for start in range(draw.randint(1, 4)):
        kill = kills.pop(0) if kills else None
        code, night.ended = incarnation(night, root, clock, kill, start)
        night.codes.append(code)
        clock.passed += draw.choice((1.0, 20.0, 500.0)) if code == "killed" else PAUSE
        if code == "killed":
            rot_between(night, root, clock, decay, power=kill is not None and kill.power)
        if code in {"0", "1"}:
            return
        if code == "5":
            clock.passed += overdue_for(night, clock.now())
            decide(night, draw)


def _person(night: Night, draw: random.Random) -> dict[str, int]:
    """Somebody changes one or two assets that the run is known to have brought; their ids and what they are then."""
    progress = progress_of(night, sorted(night.records)[-1])
    brought = sorted(
        (life.target, held)
        for life in progress.deliveries.values()
        if life.verified is not None
        for held in dict(life.verified.ids).values()
    )
    touched: dict[str, int] = {}
    for target, held in draw.sample(brought, min(len(brought), draw.randint(1, 2))):
        holding, now = night.service.holding(target), night.service.time
        if (app := holding.apps.get(held)) is not None:
            holding.apps.put(replace(app, update_time=now, revision=app.revision + 5000))
            touched[held] = app.revision + 5000
        elif (task := holding.tasks.get(held)) is not None:
            holding.tasks.put(replace(task, update_time=now, revision=task.revision + 5000))
            touched[held] = task.revision + 5000
    return touched


def _kills(draw: random.Random) -> list[Kill]:
    points = (draw.randint(1, 60) for _ in range(draw.randint(0, MOST_KILLS)))
    return [Kill(point=point, power=draw.random() < 0.3) for point in points]


def _give(night: Night, root: Path, clock: Clock, draw: random.Random, kills: list[Kill]) -> None:
    """The undo, as often as it takes."""
    decay = decay_of(night.scenario)
    for start in range(MOST_UNDOS):
        kill = kills.pop(0) if kills else None
        code, _ = incarnation(night, root, clock, kill, MOST_STARTS + start, _undo)
        night.codes.append(f"undo {code}")
        if code in {"0", "1"}:
            return
        clock.passed += draw.choice((1.0, 20.0, 500.0)) if code == "killed" else PAUSE
        if code == "killed":
            rot_between(night, root, clock, decay, power=kill is not None and kill.power, command=_undo)
        if code == "5":
            clock.passed += overdue_for(night, clock.now())
            decide(night, draw)
        elif start > MOST_UNDOS // 2:
            night.api.strikes.clear()  # every fault ends some time, and so does every job
            night.service.end_jobs()
    raise Broken(f"liveness: the undo does not end: {night.codes}")


#: target -> id -> what it is: name, revision and links
Held = dict[str, dict[str, tuple[object, ...]]]


def _held(night: Night) -> Held:
    """What is really there."""
    night.service.advance()
    targets = {t.instance for m in night.scenario.plan.migrations for t in m.targets}
    found: Held = {}
    for name in targets:
        holding = night.service.holding(name)
        values: list[Any] = [*holding.apps.all(), *holding.tasks.all()]
        found[name] = {each.id: _content(each) for each in values}
    return found


def _content(each: App | Task) -> tuple[object, ...]:
    if isinstance(each, App):
        return each.name, each.revision, each.key, each.owner, each.calls
    ends = (each.source_app_id, each.target_app_id, each.source_datasource_id, each.target_datasource_id)
    return each.name, each.revision, each.owner, ends


def _judge(night: Night, before: Held, touched: dict[str, int]) -> None:
    progress = progress_of(night, sorted(night.records)[-1])
    after = _held(night)
    made = {each.id for each in night.service.ledger.landed if each.action == "created"}
    for target, held in before.items():
        gone = sorted(set(held) - set(after[target]))
        _require(not gone, f"promise 17: {gone} of {target} existed before the run, and are gone")
    for removed in night.service.ledger.removed:
        if removed.kind in {"app", "task"}:
            _require(removed.id in made, f"promise 17: {removed.name} was removed, and the run did not make it")
    kept = {each: content for held in after.values() for each, content in held.items()}
    lost = sorted(each for each, revision in touched.items() if each not in kept or kept[each][1] != revision)
    _require(not lost, f"promise 17: {lost} were changed by a person, and what they had become is gone")
    size = night.scenario.plan.settings.batch_size
    for call in night.service.ledger.calls:
        if call.operation == "delete":
            _require(len(call.asset_ids) <= size, f"promise 1: a deletion of {len(call.asset_ids)} assets")
    _all_named(progress, before, after)
    _all_restored(progress, before, after)


def _all_restored(progress: Progress, before: Held, after: Held) -> None:
    """What was there before is as it was, or it is named."""
    named = {each[1] for each in progress.changes.left}
    lives = progress.changes.lives.values()
    undone = {life.change.object for life in lives if life.state is not ChangeState.DONE}
    for target, held in before.items():
        other = {each for each, content in held.items() if after[target].get(each) != content}
        _require(other <= named | undone, f"promise 17: {sorted(other - named - undone)} of {target} are not as before")
        done = {life.change.object for life in lives if life.change.instance == target and life.change.restores}
        wrong = sorted((other & done) - undone)
        _require(not wrong, f"promise 16: {wrong} of {target} are said to be restored, and are not as before")


def _all_named(progress: Progress, before: Held, after: Held) -> None:
    """What the run made and is still there is named, with a reason; where the code is 0 nothing is."""
    changes = progress.changes
    named = {each[1] for each in changes.left} | {
        life.change.object for life in changes.lives.values() if life.state is not ChangeState.DONE
    }
    landed = {
        each for life in progress.deliveries.values() if life.state in {"imported", "verified"}
        for ids in (dict(life.verified.ids).values() if life.verified else [])
        for each in [ids]
    }  # fmt: skip
    for target, held in after.items():
        rest = {each for each in held if each not in before[target] and each in landed}
        _require(rest <= named, f"promise 17: {sorted(rest - named)} of {target} are left and not named")
    for life in changes.lives.values():
        if life.state is ChangeState.DONE and not life.change.restores:
            _require(
                life.change.object not in after[life.change.instance],
                f"promise 16: {life.change.name} is said to be removed and is there",
            )
    if changes.ended is not None and changes.ended.code == 0:
        _require(not named, f"code 0 with {sorted(named)} left")


def _second_undo(night: Night, root: Path, clock: Clock) -> None:
    """Nothing is asked for again, whatever the first one left."""
    night.api.strikes.clear()
    calls = len(night.service.ledger.calls)
    left = progress_of(night, sorted(night.records)[-1]).changes
    refused = any(life.state is ChangeState.REFUSED for life in left.lives.values())
    clock.passed += PAUSE
    code, _ = incarnation(night, root, clock, None, MOST_STARTS + MOST_UNDOS, _undo)
    asked = night.service.ledger.calls[calls:]
    _require(code in {"0", "1"}, f"a second undo ends with {code}")
    if not refused:
        _require(not asked, f"a second undo asks for {[each.operation for each in asked]}")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)
