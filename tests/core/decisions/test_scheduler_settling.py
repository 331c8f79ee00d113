"""How the agenda settles an import whose answer was lost: quiet, proof, look, decision (promise 3)."""

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import MOST_LOST_PROBES, WaitUntil
from orchestrator.core.plan.plan import Scope
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import ErrorDetail
from orchestrator.core.state.lifecycle import DeliveryState
from tests.builders.decisions import answered, begun, decided, stored, woken
from tests.builders.runs import SAID, Run, app

FROM, INTO = "dev.example acme/s", "prod.example acme/t"


# --- settling (promise 3) ---


def lost(*, mode: str = "AddNew", on_partial: str = "ask", before: tuple[str, ...] = ()) -> tuple[Run, str]:
    """An import of a and b whose answer was lost, and whose quiet time is over."""
    run = Run()
    name = run.carries(app("a"), app("b"), mode=mode, on_partial=on_partial)
    stored(run, name)
    run.asks_import(name, tuple((each, (f"old-{each}",)) for each in before))
    run.believe(e.ImportAnswerLost(name, SAID, run.at + 90))
    return run.later(90), name


def there(*assets: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((each, (f"new-{each}",)) for each in assets)


def test_nothing_is_looked_at_before_the_quiet_time_is_over() -> None:
    run, name = lost()
    run.at -= 1.0
    todo = woken(run)
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 1.0)
    assert begun(todo, run.later(1.0)) == [("ListTarget", name)]


def test_without_a_proof_two_equal_looks_settle_wait_apart_are_believed() -> None:
    run, name = lost()
    todo = woken(run)
    begun(todo, run)
    answered(todo, run, name, e.Looked(name))
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 600.0)
    assert begun(todo, run.later(600.0)) == [("ListTarget", name)]
    answered(todo, run, name, e.Looked(name))
    assert begun(todo, run) == [("ListTarget", name)], "a new baseline before it is asked again"
    assert run.life(name).state is DeliveryState.WAITING


def test_a_lost_import_is_waited_for_as_long_as_imports_are_seen_to_take_there() -> None:
    run = Run()
    other = run.carries(app("other"))
    stored(run, other)
    asked_at = run.at
    run.imports(other)
    run.later(1000.0).believe(e.Imported(other), e.Verified(other, ("other",)))
    took = run.at - asked_at
    late = run.carries(app("late"))
    stored(run, late)
    run.asks_import(late)
    run.believe(e.ImportAnswerLost(late, SAID, run.at + 90))
    quiet = run.at + 90
    run.later(90).believe(e.Looked(late))
    todo = woken(run)
    assert ("ListTarget", late) not in begun(todo, run.later(quiet + 1.5 * took - run.at - 1.0))
    assert ("ListTarget", late) in begun(todo, run.later(200.0))


def test_a_look_that_differs_begins_the_proof_by_time_anew() -> None:
    run, name = lost()
    todo = woken(run)
    begun(todo, run)
    answered(todo, run, name, e.Looked(name))
    begun(todo, run)
    begun(todo, run.later(600.0))
    answered(todo, run, name, e.Looked(name, there("a")))
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 600.0)


BUSY = ErrorDetail("busy", "ROMA.10012", "a job runs")


def test_time_proves_nothing_while_the_service_says_that_a_job_runs_in_the_slot() -> None:
    run, name = lost()
    other = run.carries(app("other"))
    stored(run, other)
    run.believe(e.Looked(name), e.Looked(other))
    todo = woken(run)
    assert begun(todo, run) == [("RequestImport", other)]
    answered(todo, run.later(200.0), other, e.ImportRefused(other, BUSY, 9e9))
    assert begun(todo, run.later(599.0)) == [], "the job that runs there may be the lost one"
    assert begun(todo, run.later(1.0)) == [("ListTarget", name)]


def presumed_over() -> tuple[Run, str]:
    """A lost import that two equal looks have settled: it waits, and has its new baseline."""
    run, name = lost()
    run.believe(e.Looked(name), e.ImportMissing(name), e.Looked(name))
    return run, name


def test_what_time_alone_has_settled_is_unsure_again_where_the_slot_is_busy() -> None:
    run, name = presumed_over()
    todo = woken(run)
    assert begun(todo, run) == [("RequestImport", name)]
    answered(todo, run.later(1.0), name, e.ImportRefused(name, BUSY, 1.0))
    assert run.life(name).state is DeliveryState.IMPORT_UNSURE
    assert begun(todo, run) == [("ListTarget", name)]
    answered(todo, run, name, e.Looked(name))
    assert begun(todo, run.later(599.0)) == []
    assert begun(todo, run.later(1.0)) == [("ListTarget", name)]


def test_after_an_accepted_import_a_busy_slot_is_somebody_elses() -> None:
    run, name = presumed_over()
    run.imports(name)
    run.believe(e.ImportFailed(name, (), SAID), e.Quarantined(name, SAID), e.Retried(name))
    run.asks_import(name)
    run.believe(e.ImportRefused(name, BUSY, 1.0))
    assert run.life(name).state is DeliveryState.WAITING


def test_what_an_idle_proof_has_settled_waits_for_a_busy_slot_like_anything_else() -> None:
    run, name = lost()
    run.believe(e.Looked(name))
    other = run.carries(app("other"))
    run.stores(other)
    run.imports(other)
    run.believe(e.Imported(other), e.Looked(name), e.ImportMissing(name))
    run.asks_import(name)
    run.believe(e.ImportRefused(name, BUSY, 1.0))
    assert run.life(name).state is DeliveryState.WAITING


def test_parts_of_what_time_alone_has_settled_are_presumed_too() -> None:
    run, name = lost(on_partial="import-rest")
    run.splits(name, ("a", "landed"), ("b", "waiting"), why="landed")
    (rest,) = [each for each in run.progress.deliveries.values() if each.state is DeliveryState.WAITING]
    assert rest.presumed


def test_parts_of_what_the_operator_decided_after_a_proof_by_time_are_presumed_too() -> None:
    run, name = lost()
    run.believe(e.Looked(name, there("a")), e.ImportInDoubt(name, ("a",)))
    run.splits(name, ("a", "landed"), ("b", "waiting"), why="resolved")
    assert [each.presumed for each in run.progress.deliveries.values() if each.state is DeliveryState.WAITING] == [True]


def test_what_the_operator_says_is_absent_is_not_presumed() -> None:
    run, name = lost()
    run.believe(e.Looked(name, there("a")), e.ImportInDoubt(name, ("a",)))
    run.believe(e.Resolved(name, "absent", "looked", "op", "host"))
    assert not run.life(name).presumed


def test_an_unsure_import_stays_unsure_where_its_slot_was_given_up() -> None:
    run, name = lost()
    todo = woken(run)
    begun(todo, run)
    answered(todo, run, name, e.Looked(name))
    begun(todo, run)
    todo.context.ends[INTO] = End(8, "somebody else's job has held the slot")
    assert begun(todo, run.later(600.0)) == []
    assert run.life(name).state is DeliveryState.IMPORT_UNSURE


def kinds_exclude(run: Run) -> Run:
    """`auto` has shown that a job of one kind excludes one of another."""
    run.believe(e.WideningTried("kind", INTO, "d1", "b2"), e.WideningShown("kind", "one"))
    return run


def test_where_kinds_exclude_each_other_an_accepted_probe_proves() -> None:
    run, name = lost()
    todo = woken(kinds_exclude(run))
    begun(todo, run)
    answered(todo, run, name, e.Looked(name, sample="app:seen"))
    (step,) = decided(todo, run)
    assert step == steps.RequestProbe(INTO, "prod", "t", app="seen")
    run.later(1.0)
    answered(todo, run, INTO, e.ProbeAccepted(INTO, "job"))
    assert ("ListTarget", name) in begun(todo, run)
    answered(todo, run.later(1.0), name, e.Looked(name, there("a", "b"), sample="app:seen"))
    begun(todo, run)
    assert run.life(name).state is DeliveryState.IMPORTED


def test_where_kinds_may_have_slots_of_their_own_a_probe_asks_for_a_word_and_time_decides() -> None:
    run, name = lost()
    todo = woken(run)
    begun(todo, run)
    answered(todo, run, name, e.Looked(name, sample="app:seen"))
    seen_at = run.at
    assert begun(todo, run) == [("RequestProbe", INTO)]
    answered(todo, run.later(1.0), INTO, e.ProbeAccepted(INTO, "job"))
    assert begun(todo, run) == [("AwaitProbe", INTO)]
    assert todo.ready(run.at) == WaitUntil(seen_at + 600.0)
    assert run.life(name).state is DeliveryState.IMPORT_UNSURE
    assert ("ListTarget", name) in begun(todo, run.later(599.0))


def test_a_look_that_was_on_its_way_when_the_proof_came_is_not_believed() -> None:
    run, name = lost()
    other = run.carries(app("other"))
    stored(run, other)
    run.believe(e.Looked(name), e.Looked(other))
    asked_at = run.at
    run.later(1.0).believe(e.ImportRequested(other, "t", INTO), e.ImportAccepted(other, "job"))
    todo = woken(run)
    begun(todo, run)
    answered(todo, run.later(2.0), name, e.Looked(name, there("a", "b"), asked_at=asked_at))
    assert begun(todo, run) == [("ListTarget", name)]
    assert run.life(name).state is DeliveryState.IMPORT_UNSURE
    answered(todo, run.later(2.0), name, e.Looked(name, there("a", "b"), asked_at=run.at - 2.0))
    begun(todo, run)
    assert run.life(name).state is DeliveryState.IMPORTED


def test_absence_is_believed_only_a_while_after_the_idle_proof() -> None:
    run, name = lost()
    todo = woken(kinds_exclude(run))
    begun(todo, run)
    answered(todo, run, name, e.Looked(name, sample="task:seen"))
    begun(todo, run.later(1.0))
    answered(todo, run, INTO, e.ProbeAccepted(INTO, "job"))
    begun(todo, run)
    answered(todo, run.later(1.0), name, e.Looked(name))
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 29.0)
    assert begun(todo, run.later(29.0)) == [("ListTarget", name)]


def test_another_waiting_import_in_the_slot_goes_before_a_probe() -> None:
    run, name = lost()
    other = run.carries(app("other"))
    stored(run, other)
    run.believe(e.Looked(name, sample="app:seen"), e.Looked(other))
    assert begun(woken(run), run) == [("RequestImport", other)]


def test_a_probe_proves_nothing_where_exports_have_a_slot_of_their_own() -> None:
    run, name = lost()
    run.believe(e.Looked(name, sample="app:seen"))
    todo = woken(run, scope=Scope.USER_TYPE)
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 600.0)


def settled(run: Run, name: str, *present: str) -> None:
    """Two equal looks, `settle_wait` apart."""
    run.believe(e.Looked(name, there(*present)))
    run.later(600.0).believe(e.Looked(name, there(*present)))
    begun(woken(run), run)


def test_half_of_it_there_is_for_the_operator() -> None:
    run, name = lost()
    settled(run, name, "a")
    assert (run.life(name).state, run.life(name).landed) == (DeliveryState.UNDECIDED, ("a",))


def test_half_of_it_there_is_kept_and_the_rest_brought_where_the_plan_says_so() -> None:
    run, name = lost(on_partial="rest")
    settled(run, name, "a")
    assert run.life(name).state is DeliveryState.SPLIT
    assert {each.state for each in run.progress.deliveries.values() if each.parent} == {
        DeliveryState.IMPORTED, DeliveryState.WAITING,
    }  # fmt: skip


def test_under_merge_presence_of_what_was_there_proves_nothing_and_it_is_asked_again() -> None:
    run, name = lost(mode="Merge", before=("a",))
    run.believe(e.Looked(name, (("a", ("old-a",)), *there("b"))))
    run.later(600.0).believe(e.Looked(name, (("a", ("old-a",)), *there("b"))))
    begun(woken(run), run)
    assert run.life(name).state is DeliveryState.WAITING


def test_a_name_that_somebody_else_holds_is_set_aside_before_it_is_asked_for() -> None:
    run = Run()
    name = run.carries(app("a"), app("b"))
    stored(run, name)
    run.believe(e.Looked(name, (("a", ("theirs",)),), taken=("a",)))
    begun(woken(run), run)
    assert run.life(name).state is DeliveryState.SPLIT
    (aside,) = [each for each in run.progress.deliveries.values() if each.state is DeliveryState.QUARANTINED]
    assert aside.words is not None
    assert aside.words.kind == "name-taken"


def test_a_single_asset_whose_name_is_taken_is_set_aside() -> None:
    run = Run()
    name = run.carries(app("a"))
    stored(run, name)
    run.believe(e.Looked(name, (("a", ("theirs",)),), taken=("a",)))
    begun(woken(run), run)
    assert run.life(name).state is DeliveryState.QUARANTINED


def test_after_a_crash_an_unsure_import_is_looked_at_anew() -> None:
    run = Run()
    name = run.carries(app("a"))
    stored(run, name)
    run.asks_import(name)
    run.later(5).believe(e.RunResumed("op", "host", 2, "0"))
    assert begun(woken(run.later(91.0)), run) == [("ListTarget", name)], (
        "the baseline is no look at what was asked since"
    )
    assert run.life(name).state is DeliveryState.IMPORT_UNSURE


def test_what_was_there_before_anything_was_asked_is_never_believed_to_be_ours() -> None:
    run = Run()
    name = run.carries(app("a"))
    stored(run, name)
    run.believe(e.Looked(name))
    run.later(400.0).believe(e.Looked(name, there("a"), ("a",)))
    begun(woken(run), run)
    assert run.life(name).state is DeliveryState.QUARANTINED


def test_probes_that_are_refused_for_good_have_a_bound_and_the_proof_is_by_time_then() -> None:
    run, name = lost()
    todo, probes = woken(run), 0
    for _ in range(100):
        for step in decided(todo, run):
            if isinstance(step, steps.RequestProbe):
                probes += 1
                answered(todo, run, step.slot, e.ProbeRefused(step.slot, ErrorDetail("invalid", "ROMA.1"), 5.0))
            elif isinstance(step, steps.ListTarget):
                answered(todo, run, name, e.Looked(name, sample="app:gone"))
        run.later(10.0)
    assert probes == MOST_LOST_PROBES
    assert "ImportMissing" in [type(entry.event).__name__ for entry in run.entries]
