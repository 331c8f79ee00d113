"""Tasks that are stopped here and started there: which, in which order, and what forbids a start (promise 20)."""

from dataclasses import replace

import pytest

from orchestrator.core.finish.ground import Ground
from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.finish.looks import INVENTORY, Look, Seen, schedule
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.finish.planning import FinishPlan, finish_plan, inverses, missing_looks
from orchestrator.core.finish.tasks import RUNNING, STOPPED
from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.plan.plan import (
    Finish,
    FinishStep,
    FirstRun,
    Glob,
    Instance,
    Migration,
    Plan,
    Settings,
    StartTasks,
    Target,
)
from orchestrator.core.state.events import Asset

STEPS = (FinishStep.TASKS,)
APP = App("a", "orders", roles=("admin",))
HERE = Task("s1", "flow", "a", "a", running=True)
THERE = Task("t1", "flow", "a", "a")


def ground(
    first_run: FirstRun = FirstRun.REVIEWED, targets: tuple[str, ...] = ("prod",), running: bool = True
) -> Ground:
    how = StartTasks((Glob("*"),), first_run)
    moves = Migration("all", "dev", tuple(map(Target, targets)), finish=Finish(tasks=how))
    instances = {name: Instance(name, "https://x", "", "p", name, (f"at-{name}",)) for name in ("dev", *targets)}
    plan = Plan("p", {}, instances, Settings(), (moves,))
    asset = Asset("s1", "task", "flow", running=running)
    return Ground(plan, tuple(Pair("all", "dev", each, asset, "t1", "at-dev", f"at-{each}") for each in targets))


def seen(here: Task | None = HERE, there: Task | None = THERE, app: App = APP, **schedules: str) -> Seen:
    def inventory(name: str, task: Task | None) -> Inventory:
        return Inventory(name, (app,), (task,) if task is not None else ())

    return Seen(
        {
            ("dev", INVENTORY): inventory("dev", here),
            ("prod", INVENTORY): inventory("prod", there),
            ("dev", schedule("s1")): schedules.get("dev", "0 0 * * * ?"),
            ("prod", schedule("t1")): schedules.get("prod", "0 0 * * * ?"),
        }
    )


def planned(answers: Seen, on: Ground | None = None) -> FinishPlan:
    return finish_plan(on or ground(), STEPS, answers)


def why(told: FinishPlan) -> str:
    assert told.changes == ()
    (left,) = told.left
    return left.why


def test_a_pair_is_a_stop_and_behind_it_a_start() -> None:
    stop, start = planned(seen()).changes
    assert (stop.instance, stop.object, stop.before, stop.after) == ("dev", "s1", RUNNING, STOPPED)
    assert (start.instance, start.object, start.behind) == ("prod", "t1", (stop.id,))


def test_schedules_are_read_only_of_tasks_that_both_sides_hold() -> None:
    first = missing_looks(ground(), STEPS, Seen())
    assert set(first) == {Look("dev", INVENTORY), Look("prod", INVENTORY)}
    lists = Seen({key: value for key, value in seen().answers.items() if key[1] == INVENTORY})
    assert {each.read for each in missing_looks(ground(), STEPS, lists)} == {schedule("s1"), schedule("t1")}
    gone = Seen({**lists.answers, ("prod", INVENTORY): Inventory("prod", (), ())})
    assert missing_looks(ground(), STEPS, gone) == ()


@pytest.mark.parametrize(
    ("answers", "on", "told"),
    [
        (seen(), ground(FirstRun.ASK), "it would run for the first time at prod"),
        (seen(there=replace(THERE, running=True)), ground(), "it runs at dev and at prod"),
        (seen(there=None), ground(), "it is not at prod any more"),
        (seen(prod=""), ground(), "it has no schedule at prod; at dev: 0 0 * * * ?"),
        (seen(app=replace(APP, roles=("read",))), ground(), "the role modify on application orders is missing"),
    ],
)  # fmt: skip
def test_what_is_not_done_says_why(answers: Seen, on: Ground, told: str) -> None:
    assert told in why(planned(answers, on))


def test_a_task_that_has_run_at_the_target_needs_no_word_of_its_owner() -> None:
    ran = replace(THERE, execute_status="SUCCESS")
    assert len(planned(seen(there=ran), ground(FirstRun.ASK)).changes) == 2


def test_a_task_that_did_not_run_at_the_source_is_left_alone() -> None:
    assert planned(seen(), ground(running=False)) == FinishPlan(STEPS)


def test_a_task_with_two_targets_is_started_at_neither() -> None:
    told = planned(seen(), ground(targets=("prod", "dr")))
    assert told.changes == ()
    assert {each.why for each in told.left} == {
        f"it would run at {other} too: name one of them with --only @INSTANCE" for other in ("prod", "dr")
    }


@pytest.mark.parametrize(
    ("twin", "told"),
    [
        (replace(HERE, running=False), ""),
        (HERE, "its twin at dev is not stopped: it is running"),
        (
            replace(HERE, running=False, execute_status="RUNNING"),
            "its twin at dev is not stopped: it is ending its last run",
        ),
        (None, "its twin is not visible at dev, so that nothing shows that it is stopped"),
    ],
)  # fmt: skip
def test_a_start_rests_on_a_twin_that_is_read_stopped_right_before(twin: Task | None, told: str) -> None:
    start = planned(seen()).changes[1]
    assert KINDS[start.kind].hindrance(start, seen(here=twin)) == told


def test_the_way_back_is_a_stop_there_and_behind_it_a_start_here() -> None:
    stop, start = inverses(planned(seen()).changes)
    assert (stop.instance, stop.before, stop.after) == ("prod", RUNNING, STOPPED)
    assert (start.instance, start.before, start.after, start.behind) == ("dev", STOPPED, RUNNING, (stop.id,))
    assert (start.fact("twin at"), start.fact("twin")) == ("prod", "t1")
