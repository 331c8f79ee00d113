"""Nights whose run is finished, through faults, kills and people, and whose finish is then taken back.

Law: told by what the service did, not by what the journal says. A task never runs at both places by our doing, nothing
is done that no preview named, nothing is done twice, a person's change is not overwritten, and `undo` restores.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.core.plan.plan import Dictionaries, Finish, FinishStep, FirstRun, Glob, StartTasks
from orchestrator.core.state.changes import ChangeLife, Changes, ChangeState
from orchestrator.core.undo.provenance import Asked
from orchestrator.emulator.service.ledger import Call
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import DictionaryList, DuplicateCreate, TaskSameState
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import Instance, World
from orchestrator.engine.finish_run import FinishWish, finish_run
from orchestrator.engine.runs import Runs
from orchestrator.engine.undo_run import UndoWish, undo_run
from tests.simulation.book import require
from tests.simulation.scenarios import (
    MOST_STARTS,
    PAUSE,
    Clock,
    Command,
    Night,
    decide,
    dusk,
    incarnation,
    overdue_for,
    progress_of,
)
from tests.simulation.working_hours import WorkingHours, unbound
from tests.simulation.worlds import Kill, Scenario

#: starts of one command, at most; the faults of a night end after half of them
MOST_GIVEN = 40
#: kills of one command, at most
MOST_KILLS = 3
#: share of nights in which a person starts or stops a task between two starts of the program
MEDDLED = 0.3
STEPS = (FinishStep.DICTIONARIES, FinishStep.TASKS)
_WRITES = (Operation.TASK_ACTION, Operation.DICTIONARY_CREATE, Operation.DICTIONARY_DELETE)
#: what may strike a write
STRIKES = (
    Kind.GATEWAY_TIMEOUT_AFTER, Kind.GATEWAY_TIMEOUT_BEFORE, Kind.RESET_AFTER_SEND, Kind.RESET_BEFORE_SEND,
    Kind.RESET_AFTER_SEND_NOT_EXECUTED, Kind.THROTTLED, Kind.GARBAGE_200, Kind.HTML_502_BEFORE, Kind.BAD_GATEWAY_AFTER,
)  # fmt: skip
ENTRIES = {"UNIT": "Unit", "UNIT/KG": "Kilogram", "UNIT/KG/GRAM": "Gram", "COLOUR": "Colour"}


@dataclass(slots=True)
class Finishing:
    """What a night knows beside the program: who did what to tasks, in the order of time."""

    night: Night
    draw: random.Random
    #: (instance, task) that a person has started or stopped
    touched: set[tuple[str, str]] = field(default_factory=set)
    #: position in the ledger -> (instance, task) -> whether it runs, of what people did just before that call
    people: dict[int, list[tuple[str, str, bool]]] = field(default_factory=dict)
    #: share of restarts before which a person does something
    chance: float = MEDDLED
    #: what a person does between two starts of the program
    meddles: Callable[["Finishing"], None] = field(default_factory=lambda: meddle_with_tasks)


def finishing_of(scenario: Scenario) -> Scenario:
    """The same night with tasks that run, entries that the target lacks, and a plan that finishes both."""
    draw = random.Random(scenario.seed ^ 0xF1A1)
    sources = {m.source for m in scenario.plan.migrations}
    instances = tuple(_filled(each, draw) if each.name in sources else each for each in scenario.world.instances)
    switches = replace(
        scenario.world.switches,
        task_same_state=draw.choice(list(TaskSameState)),
        stop_drains_seconds=draw.choice((0.0, 0.0, 20.0, 5000.0)),
        duplicate_create=draw.choice((DuplicateCreate.REFUSE, DuplicateCreate.SECOND)),
        dictionary_list=draw.choice(list(DictionaryList)),
    )
    world: World = replace(scenario.world, instances=instances, switches=switches)
    finish = Finish(Dictionaries.CREATE, tasks=StartTasks((Glob("*"),), FirstRun.REVIEWED))
    migrations = tuple(replace(each, finish=finish) for each in scenario.plan.migrations)
    plan = unbound(replace(scenario.plan, migrations=migrations))
    return replace(scenario, world=world, plan=plan, hours=WorkingHours())


def _filled(instance: Instance, draw: random.Random) -> Instance:
    tasks = tuple(replace(each, running=draw.random() < 0.6) for each in instance.tasks)
    return replace(instance, tasks=tasks, dictionaries={**instance.dictionaries, **ENTRIES})


def finish_night(drawn: Scenario, root: Path) -> Night:
    """A run, its finish to the end, and the undo of that; raises Broken where a promise does not hold."""
    night, clock = dusk(finishing_of(drawn))
    told = Finishing(night, random.Random(drawn.seed ^ 0xF1B2))
    before = tasks_running(night)
    if not moved(night, root, clock, told.draw):
        return night
    _strike(night, told.draw)
    calls = len(night.service.ledger.calls)
    given(told, root, clock, _finish, "finish")
    judge_calls(told, before, calls)
    judge_done(told)
    judge_copies(night)
    _strike(night, told.draw)
    given(told, root, clock, _undo, "undo of finish")
    judge_calls(told, before, calls)
    judge_undone(told, before)
    return night


async def _finish(runs: Runs) -> tuple[int, None]:
    finished = await finish_run(runs, runs.store.run_ids()[-1], FinishWish(STEPS, note="simulated"))
    return int(finished.code), None


async def _undo(runs: Runs) -> tuple[int, None]:
    undone = await undo_run(runs, runs.store.run_ids()[-1], UndoWish(Asked(steps=STEPS), note="simulated"))
    return int(undone.code), None


# --- the night -----------------------------------------------------------------------------------------------------


def moved(night: Night, root: Path, clock: Clock, draw: random.Random) -> bool:
    """Whether the run came to its end; only such a run is finished."""
    for start in range(MOST_STARTS):
        code, night.ended = incarnation(night, root, clock, None, start)
        night.codes.append(code)
        if code in {"0", "1"}:
            break
        clock.passed += PAUSE
        if code == "5":
            clock.passed += overdue_for(night, clock.now())
            decide(night, draw)
        elif start > MOST_STARTS // 2:
            night.api.strikes.clear()
            night.service.end_jobs()
    night.api.strikes.clear()
    return _all_ended(night)


def _all_ended(night: Night) -> bool:
    """A power cut may take a run's end with it, as long as nothing was forced to the disk behind it."""
    runs = [progress_of(night, each) for each in sorted(night.records)]
    return bool(runs) and all(each.ended is not None for each in runs)


def _strike(night: Night, draw: random.Random) -> None:
    """Faults of writes, each with a small chance or a few times."""
    for operation in _WRITES:
        for kind in draw.sample(STRIKES, draw.randint(0, 3)):
            night.api.strikes.add(Rule(kind, frozenset({operation}), nth=draw.randint(1, 4), times=draw.randint(1, 3)))
    if draw.random() < 0.3:
        names = [each.name for one in night.scenario.world.instances for each in one.tasks]
        chosen = frozenset(draw.sample(names, min(len(names), 2)))
        night.api.strikes.add(Rule(Kind.TASK_FAILS, frozenset({Operation.TASK_ACTION}), names=chosen, times=2))


def given(told: Finishing, root: Path, clock: Clock, command: Command, word: str) -> None:
    """The command, as often as it takes, with kills and a person's acts in between."""
    night, draw = told.night, told.draw
    kills = [Kill(point=draw.randint(1, 80), power=draw.random() < 0.3) for _ in range(draw.randint(0, MOST_KILLS))]
    first = MOST_STARTS + len(night.codes) * MOST_GIVEN
    for start in range(MOST_GIVEN):
        if not _all_ended(night):
            incarnation(night, root, clock, None, first + start)
        kill = kills.pop(0) if kills else None
        code, _ = incarnation(night, root, clock, kill, first + start, command)
        night.codes.append(f"{word} {code}")
        if code in {"0", "1"}:
            return
        clock.passed += draw.choice((1.0, 20.0, 500.0)) if code == "killed" else PAUSE
        if draw.random() < told.chance:
            told.meddles(told)
        if start > MOST_GIVEN // 2:
            night.api.strikes.clear()
    require(False, f"liveness: the {word} does not end: {night.codes}")


def meddle_with_tasks(told: Finishing) -> None:
    """Somebody starts or stops a task by hand, while no process lives."""
    night = told.night
    night.service.advance()
    held = [(each.name, task) for each in night.scenario.world.instances
            for task in night.service.holding(each.name).tasks.all()]  # fmt: skip
    if not held:
        return
    instance, task = told.draw.choice(sorted(held, key=lambda each: (each[0], each[1].id)))
    night.service.holding(instance).tasks.put(replace(task, running=not task.running))
    told.touched.add((instance, task.id))
    place = len(night.service.ledger.calls)
    told.people.setdefault(place, []).append((instance, task.id, not task.running))


# --- what must hold ------------------------------------------------------------------------------------------------


def tasks_running(night: Night) -> dict[tuple[str, str], bool]:
    """(instance, task) -> whether it runs."""
    night.service.advance()
    names = [each.name for each in night.scenario.world.instances]
    return {(name, each.id): each.running for name in names for each in night.service.holding(name).tasks.all()}


def _twins(night: Night) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """Each task and the same one elsewhere, both ways."""
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for landed in night.service.ledger.landed:
        if landed.kind == "task":
            one, other = (landed.source_instance, landed.source_id), (landed.instance, landed.id)
            found.setdefault(one, set()).add(other)
            found.setdefault(other, set()).add(one)
    return found


def _acts(told: Finishing, first: int) -> Iterator[tuple[int, Call]]:
    calls = told.night.service.ledger.calls
    return ((place, call) for place, call in enumerate(calls) if place >= first)


def judge_calls(told: Finishing, before: dict[tuple[str, str], bool], first: int) -> None:
    """In the order of time: no task is started while its twin runs, none twice, and nothing that was not named."""
    night, twins = told.night, _twins(told.night)
    state, created = dict(before), Counter[tuple[str, str]]()
    named = _named(night)
    for place, call in _acts(told, first):
        for instance, task, runs in told.people.get(place, ()):
            state[instance, task] = runs
        if call.operation == Operation.TASK_ACTION.value and call.outcome in {"started", "stopped"}:
            starts = call.outcome == "started"
            for task in call.asset_ids:
                _judge_act(told, state, (call.instance, task), starts, twins.get((call.instance, task), set()))
                require(
                    (call.instance, task) in named, f"{task}@{call.instance} was {call.outcome}, and no plan named it"
                )
        if call.operation == Operation.DICTIONARY_CREATE.value and call.outcome == "accepted":
            created[call.instance, "entries"] += 1
    for instance in {each.name for each in night.scenario.world.instances}:
        codes = Counter(each.code for each in night.service.holding(instance).dictionary.all())
        require(max(codes.values(), default=0) <= 1, f"promise 16: an entry was created twice at {instance}: {codes}")


def _judge_act(
    told: Finishing,
    state: dict[tuple[str, str], bool],
    task: tuple[str, str],
    starts: bool,
    twins: set[tuple[str, str]],
) -> None:
    if starts:
        running = [each for each in twins if state.get(each)]
        require(not running, f"promise 20: {task} was started while {running} ran")
    twice = state.get(task, False) is starts and task not in told.touched
    # A task whose last run went on may be asked to stop once more: that changes nothing.
    require(not (twice and starts), f"promise 16: {task} was started twice in a row")
    state[task] = starts


def _named(night: Night) -> set[tuple[str, str]]:
    """(instance, object) of every change that a finish or an undo has planned."""
    found: set[tuple[str, str]] = set()
    for run in night.records:
        progress = progress_of(night, run)
        for held in (progress.finishing, progress.changes):
            lives = (*held.lives.values(), *held.settled.values(), *held.ours.values())
            found |= {(life.change.instance, life.change.object) for life in lives}
    return found


def _lives(night: Night) -> Changes:
    return progress_of(night, sorted(night.records)[-1]).finishing


def judge_done(told: Finishing) -> None:
    """What is said to be done is so, unless a person has touched it; code 0 means that everything is."""
    night = told.night
    held, state = _lives(night), tasks_running(night)
    for life in held.lives.values():
        if life.state is not ChangeState.DONE:
            continue
        place = life.change.instance, life.change.object
        wanted = dict(life.change.after).get("state")
        if wanted is not None and place not in told.touched:
            require(state.get(place) is (wanted == "running"), f"promise 16: {life.change.id} is said to be done")
        if life.change.kind == "create-entry":
            codes = {each.code for each in night.service.holding(place[0]).dictionary.all()}
            require(place[1] in codes, f"promise 16: {life.change.id} is said to be done")
    if held.ended is not None and held.ended.code == 0:
        require(all(map(_is_done, held.lives.values())), "code 0 with something left")


def _is_done(life: ChangeLife) -> bool:
    return life.state is ChangeState.DONE


def judge_copies(night: Night) -> None:
    """A first run copies everything: each target's task has had at most one."""
    for one in night.scenario.world.instances:
        copies = night.service.holding(one.name).whole_copies
        require(max(copies.values(), default=0) <= 1, f"{one.name}: {copies} first runs")


def judge_undone(told: Finishing, before: dict[tuple[str, str], bool]) -> None:
    """Every task of a source runs as before, or is named, or a person has touched it; our entries are gone."""
    night = told.night
    progress = progress_of(night, sorted(night.records)[-1])
    named = {
        (life.change.instance, life.change.object)
        for held in (progress.changes, progress.finishing)
        for life in (*held.lives.values(), *held.settled.values())
        if life.state is not ChangeState.DONE
    }
    twins = _twins(night)
    after = tasks_running(night)
    for place, ran in before.items():
        touched = place in told.touched or bool(twins.get(place, set()) & told.touched)
        if not touched and place not in named and not (twins.get(place, set()) & named):
            require(after.get(place) is ran, f"undo: {place} ran: {ran}, and now: {after.get(place)}")
