"""An import that nothing ties to one identity is its who is free when it starts (promise 14)."""

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import Busy
from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import ErrorDetail
from tests.builders.decisions import answered, begun, decided, stored, woken
from tests.builders.plans import instance, plan
from tests.builders.runs import Run, app

ANYBODY = ("t", "u")
TWO = plan(instances=(instance("dev", "s"), instance("prod", *ANYBODY)))
AT_T, AT_U = "prod.example acme/t", "prod.example acme/u"


def shared(*names: str) -> tuple[Run, list[str]]:
    """Packages are stored, baselines taken; `t` is foreseen for all of them."""
    run = Run()
    found = [run.carries(app(name), owners=ANYBODY) for name in names]
    stored(run, *found)
    run.believe(*map(e.Looked, found))
    return run, found


def asked(todo: Scheduler, run: Run) -> list[tuple[str, str, str]]:
    """(delivery, who, slot) of the imports that begin."""
    return [
        (step.delivery, step.credentials, step.slot)
        for step in decided(todo, run) if isinstance(step, steps.RequestImport)
    ]  # fmt: skip


def test_each_free_identity_takes_one() -> None:
    run, (first, second, third) = shared("a", "b", "c")
    todo = woken(run, made=TWO)
    assert asked(todo, run) == [(first, "t", AT_T), (second, "u", AT_U)]
    answered(todo, run, second, e.ImportAccepted(second, "job"))
    decided(todo, run)
    answered(todo, run, second, e.Imported(second))
    assert asked(todo, run) == [(third, "u", AT_U)]
    assert [run.life(each).scheduled.owner for each in (first, second, third)] == ["t", "u", "u"]


def test_another_takes_it_while_somebody_elses_job_holds_the_slot_that_was_foreseen() -> None:
    run, (only,) = shared("a")
    todo = woken(run, made=TWO)
    assert asked(todo, run) == [(only, "t", AT_T)]
    todo.context.busy[AT_T] = Busy(run.at, run.at + 60.0)
    answered(todo, run, only, e.ImportRefused(only, ErrorDetail("busy")))
    assert begun(todo, run) == [("ListTarget", only)]
    answered(todo, run, only, e.Looked(only))
    assert asked(todo, run) == [(only, "u", AT_U)]


def test_another_takes_it_where_the_service_refuses_the_one_that_was_foreseen() -> None:
    run, (only,) = shared("a")
    todo = woken(run, made=TWO)
    todo.context.ends["t@prod"] = End(3, "ROMA.12001")
    assert asked(todo, run) == [(only, "u", AT_U)]


def test_another_takes_it_where_the_plan_has_lost_the_one_that_was_foreseen() -> None:
    run, (only,) = shared("a")
    todo = woken(run, made=plan(instances=(instance("dev", "s"), instance("prod", "u"))))
    assert asked(todo, run) == [(only, "u", AT_U)]


def test_two_free_slots_take_the_baselines_of_two_imports_side_by_side() -> None:
    run = Run()
    names = [run.carries(app(name), owners=ANYBODY) for name in "abc"]
    stored(run, *names)
    todo = woken(run, made=TWO)
    assert begun(todo, run) == [("ListTarget", names[0]), ("ListTarget", names[1])]
    answered(todo, run, names[0], e.Looked(names[0]))
    assert asked(todo, run) == [(names[0], "t", AT_T)]
    answered(todo, run, names[1], e.Looked(names[1]))
    assert asked(todo, run) == [(names[1], "u", AT_U)]


def test_who_has_asked_asks_again_where_the_answer_was_lost() -> None:
    run, (only, other) = shared("a", "b")
    run.believe(e.ImportRequested(only, "u", AT_U), e.ImportAnswerLost(only, ErrorDetail("timeout"), run.at + 90.0))
    todo = woken(run, made=TWO)
    assert asked(todo, run) == [(other, "t", AT_T)]
    run.later(100.0).believe(e.Looked(only), e.ImportMissing(only, "nothing of it is there"), e.Looked(only))
    assert asked(todo, run) == [(only, "u", AT_U)]
