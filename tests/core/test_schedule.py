"""What the agenda begins, what it decides by itself, what it waits for, and when it is finished."""

from dataclasses import replace

import pytest

from orchestrator.core import events as e
from orchestrator.core import steps
from orchestrator.core.events import Words
from orchestrator.core.lifecycle import DeliveryState, PackageState
from orchestrator.core.plan import KeepPackages, Scope, Settings
from orchestrator.core.schedule import (
    BASELINE_AGE,
    MOST_AHEAD,
    MOST_LOSSES,
    Agenda,
    Busy,
    End,
    Finished,
    Note,
    Silence,
    WaitUntil,
)
from tests.builders import REASON, SAID, Run, agenda, answered, app, decided, instance, plan, task

FROM, INTO = "dev.example acme/s", "prod.example acme/t"


def woken(run: Run, **more: object) -> Agenda:
    """The agenda of a process that has just read the journal."""
    todo = agenda(run, **more)  # type: ignore[arg-type] # named as in agenda
    run.progress.wake_all()
    return todo


def begun(todo: Agenda, run: Run) -> list[tuple[str, str]]:
    return [(type(step).__name__, step.subject) for step in decided(todo, run)]


def stored(run: Run, *names: str) -> None:
    for name in names:
        run.stores(name)


# --- one delivery, from its export to its verification ---


def test_a_delivery_goes_through_all_its_steps_one_at_a_time() -> None:
    run = Run()
    name = run.carries(app("a"))
    batch, todo = run.life(name).batch, woken(run)
    assert begun(todo, run) == [("RequestExport", batch)]
    assert isinstance(run.entries[-1].event, e.ExportRequested)
    for event, step in (
        (e.ExportAccepted(batch, "job"), ("AwaitExport", batch)),
        (e.Exported(batch, "arch"), ("Download", batch)),
        (e.PackageStored(batch, "sha", 1, "crc"), ("Look", name)),
        (e.Looked(name), ("RequestImport", name)),
        (e.ImportAccepted(name, "job"), ("AwaitImport", name)),
        (e.Imported(name), ("Verify", name)),
        (e.Verified(name, ("a",)), ("DropPackage", batch)),
    ):
        subject = batch if hasattr(event, "batch") else name
        answered(todo, run, subject, event)
        assert begun(todo, run) == [step]
    answered(todo, run, batch, e.PackageDropped(batch))
    assert todo.ready(run.at) == Finished()


def test_a_running_step_is_waited_for_and_never_begun_twice() -> None:
    run = Run()
    run.carries(app("a"))
    todo = woken(run)
    assert len(begun(todo, run)) == 1
    run.progress.wake_all()
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(float("inf"))


def test_a_run_without_deliveries_is_finished() -> None:
    assert agenda(Run()).ready(0.0) == Finished()


def of(event: e.Event, batch: str) -> e.Event:
    return replace(event, batch=batch)  # type: ignore[arg-type] # each has a batch


@pytest.mark.parametrize(
    ("events", "step"),
    [
        ((e.ExportAccepted("B", "job"),), "AwaitExport"),
        ((e.ExportAccepted("B", "job"), e.Exported("B", "a")), "Download"),
        ((e.ExportAccepted("B", "job"), e.Exported("B", "a"), e.DownloadRequested("B")), "Adopt"),
    ],
)
def test_a_resume_goes_on_where_the_journal_ends(events: tuple[e.Event, ...], step: str) -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    run.believe(e.ExportRequested(batch, "s", FROM), *(of(event, batch) for event in events))
    run.believe(e.RunResumed("op", "host", 2, "0"))
    assert begun(woken(run), run) == [(step, batch)]


def test_a_resume_polls_a_running_import_by_its_journaled_job() -> None:
    run = Run()
    name = run.carries(app("a"))
    stored(run, name)
    run.imports(name)
    run.later(100).believe(e.RunResumed("op", "host", 2, "0"))
    (step,) = decided(woken(run), run)
    assert isinstance(step, steps.AwaitImport)
    assert (step.job, step.began) == (f"job-{name}", run.at - 100)


# --- one job per slot (promise 2) ---


def test_only_one_job_runs_in_a_slot() -> None:
    run = Run()
    names = [run.carries(app(each)) for each in "abc"]
    stored(run, *names)
    todo = woken(run)
    for name in names:
        run.believe(e.Looked(name))
    assert [kind for kind, _ in begun(todo, run)] == ["RequestImport"]
    assert todo.ready(run.at) == WaitUntil(float("inf"))


@pytest.mark.parametrize(
    ("scope", "jobs"),
    [
        (Scope.USER, 1),
        (Scope.AUTO, 1),
        (Scope.USER_TYPE, 2),
        (Scope.INSTANCE, 2),
        (Scope.USER_INSTANCE_TYPE, 3),
    ],
)
def test_how_many_jobs_run_at_once_follows_the_rule_of_the_plan(scope: Scope, jobs: int) -> None:
    hub = plan(instances=(instance("dev", "s", host="hub"), instance("prod", "s", host="hub")))
    run = Run()
    leaving = run.carries(app("out"), source="dev", target="prod", owner="s", position=1.0)
    back = run.carries(app("back"), source="prod", target="dev", owner="s", position=2.0)
    landing = run.carries(app("in"), source="dev", target="prod", owner="s", position=3.0)
    stored(run, landing)
    run.believe(e.Looked(landing))
    todo = woken(run, made=hub, scope=scope)
    asked = [step for step in decided(todo, run) if isinstance(step, steps.ASKING)]
    assert len(asked) == jobs
    assert len({step.slot for step in asked}) == len(asked)
    assert {leaving, back, landing} == run.progress.open


def test_several_users_of_a_source_export_side_by_side() -> None:
    run = Run()
    for each in "abc":
        run.carries(app(each), exporters=("s", "u"))
    todo = woken(run, made=plan(instances=(instance("dev", "s", "u"), instance("prod", "t"))))
    first = decided(todo, run)
    for step in first:
        answered(todo, run, step.subject, e.ExportAccepted(step.subject, "job"))
    more = decided(todo, run)
    asked = [step for step in (*first, *more) if isinstance(step, steps.RequestExport)]
    assert {(step.credentials, step.slot) for step in asked} == {("s", FROM), ("u", "dev.example acme/u")}


def test_only_who_sees_all_its_assets_exports_a_batch() -> None:
    run = Run()
    run.carries(app("a"), exporters=("u",))
    todo = woken(run, made=plan(instances=(instance("dev", "s", "u"), instance("prod", "t"))))
    (step,) = decided(todo, run)
    assert isinstance(step, steps.RequestExport)
    assert step.credentials == "u"


def test_an_overdue_job_keeps_its_slot_and_other_slots_go_on() -> None:
    run = Run()
    stuck, behind = run.carries(app("a")), run.carries(app("b"))
    elsewhere = run.carries(app("c"), target="dr")
    stored(run, stuck, behind, elsewhere)
    run.imports(stuck)
    run.believe(e.ImportOverdue(stuck, "job"), e.Looked(behind), e.Looked(elsewhere))
    assert begun(woken(run), run) == [("RequestImport", elsewhere)]


def test_a_slot_that_another_process_holds_is_asked_for_again() -> None:
    run = Run()
    run.carries(app("a"))
    todo = woken(run)
    todo.claim = lambda slot: 1.0
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 1.0)
    todo.claim = lambda slot: 0.0
    run.later(1.0)
    assert [kind for kind, _ in begun(todo, run)] == ["RequestExport"]


def test_where_one_slot_exports_and_imports_imports_go_first() -> None:
    both = plan(instances=(instance("dev", "s", host="hub"), instance("prod", "s", host="hub")))
    run = Run()
    run.carries(app("first"), owner="s", position=1.0)
    landing = run.carries(app("second"), owner="s", position=2.0)
    stored(run, landing)
    run.believe(e.Looked(landing))
    assert begun(woken(run, made=both), run) == [("RequestImport", landing)]


def test_the_next_baseline_is_taken_while_a_job_runs() -> None:
    run = Run()
    running, following = run.carries(app("a")), run.carries(app("b"))
    stored(run, running, following)
    run.imports(running)
    todo = woken(run)
    assert begun(todo, run) == [("AwaitImport", running), ("Look", following)]
    answered(todo, run, following, e.Looked(following))
    answered(todo, run, running, e.Imported(running))
    assert ("RequestImport", following) in begun(todo, run)


def test_an_old_baseline_is_taken_again_before_the_import_is_asked_for() -> None:
    run = Run()
    name = run.carries(app("a"))
    stored(run, name)
    run.believe(e.Looked(name))
    run.later(BASELINE_AGE + 1)
    assert begun(woken(run), run) == [("Look", name)]


# --- somebody else's job, throttling ---


def test_somebody_elses_job_is_waited_for_and_the_slot_asked_again() -> None:
    run = Run()
    name = run.carries(app("a"))
    todo = woken(run)
    batch = run.life(name).batch
    assert begun(todo, run) == [("RequestExport", batch)]
    todo.busy[FROM] = Busy(run.at, run.at + 7.0)
    answered(todo, run, batch, e.ExportRefused(batch, Words("busy")))
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 7.0)
    assert begun(todo, run.later(7.0)) == [("RequestExport", batch)]


def test_a_throttled_batch_waits_alone_and_the_next_one_goes() -> None:
    run = Run()
    first, second = (run.life(run.carries(app(each))).batch for each in "ab")
    todo = woken(run)
    assert begun(todo, run) == [("RequestExport", first)]
    answered(todo, run, first, e.ExportRefused(first, Words("throttled"), wait=30.0))
    assert begun(todo, run) == [("RequestExport", second)]


def test_a_slot_that_was_given_up_starts_nothing_and_the_others_do() -> None:
    run = Run()
    run.carries(app("a"))
    there = run.carries(app("b"))
    stored(run, there)
    todo = woken(run)
    todo.ends[FROM] = End(8, "busy_timeout")
    assert begun(todo, run) == [("Look", there)]


# --- order (promise 8) ---


def test_what_needs_an_asset_waits_until_it_has_landed() -> None:
    run = Run()
    base, caller = run.carries(app("base")), run.carries(app("caller", "base"))
    stored(run, base, caller)
    todo = woken(run)
    assert begun(todo, run) == [("Look", base)]
    answered(todo, run, base, e.Looked(base))
    begun(todo, run)
    answered(todo, run, base, e.ImportAccepted(base, "job"))
    begun(todo, run)
    answered(todo, run, base, e.Imported(base))
    assert ("Look", caller) in begun(todo, run)


def test_a_migration_that_comes_after_waits_until_the_other_is_final_and_not_only_landed() -> None:
    run = Run()
    first = run.carries(app("a"), migration="common")
    later = run.carries(app("b"), after=("common",))
    stored(run, first, later)
    run.imports(first)
    run.believe(e.Imported(first))
    todo = woken(run)
    assert begun(todo, run) == [("Verify", first)]
    answered(todo, run, first, e.Verified(first, ("a",)))
    assert ("Look", later) in begun(todo, run)


def test_an_export_does_not_wait_for_what_its_import_waits_for() -> None:
    run = Run()
    run.carries(app("a"), migration="common", target="dr")
    later = run.carries(app("b"), after=("common",), source="prod", target="dr", exporters=("t",))
    assert ("RequestExport", run.life(later).batch) in begun(woken(run), run)


def test_what_needs_a_dead_asset_is_blocked_and_never_exported() -> None:
    run = Run()
    base, lost = run.carries(app("base")), run.carries(task("t", "base"))
    stored(run, base)
    run.fails(base)
    run.believe(e.Looked(base))
    todo = woken(run)
    begun(todo, run)
    assert run.life(base).state is DeliveryState.QUARANTINED
    assert (run.life(lost).state, run.life(lost).by) == (DeliveryState.BLOCKED, "base")
    assert run.progress.packages[run.life(lost).batch].attempt == 0


def test_exports_in_the_frozen_order() -> None:
    run = Run()
    late, early = run.carries(app("late"), position=2.0), run.carries(app("early"), position=1.0)
    assert begun(woken(run), run) == [("RequestExport", run.life(early).batch)]
    assert late in run.progress.open


# --- how far exports run ahead ---


def test_exports_stop_running_ahead_of_a_target_that_waits_and_go_on_when_it_moves() -> None:
    run = Run()
    base = run.carries(app("base"), position=0.0)
    rest = [run.carries(app(f"x{n}", "base"), position=1.0 + n) for n in range(MOST_AHEAD + 3)]
    run.stores(base)
    run.imports(base)
    todo = woken(run)
    exported = 0
    for _ in range(20):
        for step in decided(todo, run):
            exported += _exported(todo, run, step)
    assert exported == MOST_AHEAD
    answered(todo, run, base, e.Imported(base))
    assert any(isinstance(step, steps.RequestExport) for step in decided(todo, run)), "what can land now may go"
    assert len(rest) > MOST_AHEAD


def _exported(todo: Agenda, run: Run, step: steps.Step) -> int:
    """Answer an export's steps well; 1 where a package was stored."""
    match step:
        case steps.RequestExport(subject=batch):
            answered(todo, run, batch, e.ExportAccepted(batch, "job"))
        case steps.AwaitExport(subject=batch):
            answered(todo, run, batch, e.Exported(batch, "arch"))
        case steps.Download(subject=batch):
            answered(todo, run, batch, e.PackageStored(batch, f"sha-{batch}", 1, "crc"))
            return 1
        case _:
            pass
    return 0


# --- packages (promise 4) ---


def test_a_package_lost_three_times_counts_as_a_failed_export() -> None:
    run = Run()
    name = run.carries(app("a"))
    batch = run.life(name).batch
    for _ in range(MOST_LOSSES):
        run.exports(batch)
        run.believe(e.Exported(batch, "arch"), e.PackageLost(batch, Words("dropped", message="cut")))
    begun(woken(run), run)
    assert run.progress.packages[batch].state is PackageState.FAILED
    assert run.life(name).state is DeliveryState.QUARANTINED
    assert "lost 3 times" in str(run.life(name).words)


def test_one_crash_in_a_download_is_forgiven_and_a_second_burns_the_archive() -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    run.exports(batch)
    run.believe(e.Exported(batch, "arch"), e.DownloadRequested(batch), e.DownloadCut(batch))
    todo = woken(run)
    assert begun(todo, run) == [("Download", batch)]
    answered(todo, run, batch, e.DownloadCut(batch))
    assert begun(todo, run) == [("RequestExport", batch)]
    assert run.progress.packages[batch].losses == 1


def test_a_lost_export_is_asked_again_when_it_has_been_quiet() -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    run.believe(e.ExportRequested(batch, "s", FROM), e.ExportAnswerLost(batch, SAID, run.at + 90))
    todo = woken(run)
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 90)
    assert begun(todo, run.later(90)) == [("RequestExport", batch)]


def test_a_package_serves_all_its_targets_before_it_is_dropped() -> None:
    run = Run()
    one, other = run.carries(app("a")), run.carries(app("a"), target="dr")
    batch = run.stores(one)
    run.lands(one)
    todo = woken(run)
    assert begun(todo, run) == [("Look", other)]
    run.believe(e.Looked(other), e.ImportRequested(other, "t", "x"), e.ImportAccepted(other, "j"), e.Imported(other))
    todo.finish(other)
    begun(todo, run)
    answered(todo, run, other, e.Verified(other, ("a",)))
    assert begun(todo, run) == [("DropPackage", batch)]


def test_packages_are_kept_where_the_plan_says_so() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    run.lands(name)
    assert begun(woken(run, made=plan(Settings(keep_packages=KeepPackages(float("inf"))))), run) == []
    aged = woken(run.later(100.0), made=plan(Settings(keep_packages=KeepPackages(60.0))))
    assert [kind for kind, _ in begun(aged, run)] == ["DropPackage"]


def test_a_job_may_run_until_its_deadline_and_outages_move_that() -> None:
    run = Run()
    name = run.carries(app("a"))
    stored(run, name)
    run.imports(name)
    asked = run.at
    run.later(10).believe(e.OutageBegan("prod.example", SAID))
    run.later(50).believe(e.OutageEnded("prod.example", 50.0))
    (step,) = decided(woken(run, made=plan(Settings(job_timeout=1000.0))), run)
    assert isinstance(step, steps.AwaitImport)
    assert step.deadline == asked + 1050.0


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
    assert begun(todo, run.later(1.0)) == [("Look", name)]


def test_without_a_proof_two_equal_looks_settle_wait_apart_are_believed() -> None:
    run, name = lost()
    todo = woken(run)
    begun(todo, run)
    answered(todo, run, name, e.Looked(name))
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 600.0)
    assert begun(todo, run.later(600.0)) == [("Look", name)]
    answered(todo, run, name, e.Looked(name))
    assert begun(todo, run) == [("Look", name)], "a new baseline before it is asked again"
    assert run.life(name).state is DeliveryState.WAITING


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


def test_a_probe_is_asked_for_where_something_can_be_seen_and_its_acceptance_proves() -> None:
    run, name = lost()
    todo = woken(run)
    begun(todo, run)
    answered(todo, run, name, e.Looked(name, sample="app:seen"))
    (step,) = decided(todo, run)
    assert step == steps.RequestProbe(INTO, "prod", "t", INTO, app="seen")
    run.later(1.0)
    answered(todo, run, INTO, e.ProbeAccepted(INTO, "job"))
    assert ("Look", name) in begun(todo, run)
    answered(todo, run, name, e.Looked(name, there("a", "b"), sample="app:seen"))
    begun(todo, run)
    assert run.life(name).state is DeliveryState.IMPORTED


def test_absence_is_believed_only_a_while_after_the_idle_proof() -> None:
    run, name = lost()
    todo = woken(run)
    begun(todo, run)
    answered(todo, run, name, e.Looked(name, sample="task:seen"))
    begun(todo, run.later(1.0))
    answered(todo, run, INTO, e.ProbeAccepted(INTO, "job"))
    begun(todo, run)
    answered(todo, run, name, e.Looked(name))
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 30.0)
    assert begun(todo, run.later(30.0)) == [("Look", name)]


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


# --- the breaker (promise 7) ---


def test_two_halves_with_the_same_error_and_no_named_asset_stop_the_target() -> None:
    run = Run()
    whole = run.carries(*(app(each) for each in "abcd"))
    behind = run.carries(app("behind"))
    elsewhere = run.carries(app("c"), target="dr")
    stored(run, whole, behind, elsewhere)
    run.fails(whole)
    run.believe(e.Looked(whole))
    begun(woken(run), run)
    halves = [each.id for each in run.progress.deliveries.values() if each.parent == whole]
    assert len(halves) == 2
    for half in halves:
        run.stores(half)
        run.fails(half)
    begun(woken(run), run)
    assert run.progress.is_stopped("prod", "import")
    found = [each for each in begun(woken(run), run) if each[0] != "DropPackage"]
    assert all(subject in {elsewhere, run.life(elsewhere).batch} for _, subject in found), "only other targets go on"
    assert run.life(behind).state is DeliveryState.WAITING


@pytest.mark.parametrize(("failed", "stops"), [(2, False), (3, True)])
def test_three_batches_of_one_target_with_the_same_error_stop_it(failed: int, stops: bool) -> None:
    run = Run()
    for number in range(failed):
        name = run.carries(app(f"a{number}"))
        stored(run, name)
        run.fails(name, REASON)
    begun(woken(run), run)
    assert run.progress.is_stopped("prod", "import") is stops


def test_three_batches_with_three_errors_stop_nothing() -> None:
    run = Run()
    for number in range(3):
        name = run.carries(app(f"a{number}"))
        stored(run, name)
        run.fails(name, words=Words("job", f"ROMA.{number}"))
    begun(woken(run), run)
    assert not run.progress.is_stopped("prod", "import")


def test_failed_exports_stop_a_source_and_its_batches_stay_waiting() -> None:
    run = Run()
    names = [run.carries(app(f"a{number}")) for number in range(4)]
    for name in names[:3]:
        batch = run.life(name).batch
        run.exports(batch)
        run.believe(e.ExportFailed(batch, (), SAID))
    assert isinstance(woken(run).ready(run.at), Note)
    run.believe(e.TargetStopped("dev", SAID, "export"))
    todo = woken(run)
    assert begun(todo, run) == []
    assert {run.life(name).state for name in names} == {DeliveryState.WAITING}
    assert todo.ready(run.at) == Finished()


def test_a_reopened_target_tries_one_batch_first() -> None:
    run = Run()
    first, second = run.carries(app("a")), run.carries(app("b"), owner="u")
    stored(run, first, second)
    run.believe(e.TargetStopped("prod", SAID), e.TargetReopened("prod"), e.Looked(first), e.Looked(second))
    two = plan(instances=(instance("dev", "s"), instance("prod", "t", "u")))
    todo = woken(run, made=two)
    assert begun(todo, run) == [("RequestImport", first)]


def test_a_reopened_target_stops_again_at_the_first_failure() -> None:
    run = Run()
    first, second = run.carries(app("a")), run.carries(app("b"))
    stored(run, first, second)
    run.believe(e.TargetStopped("prod", SAID), e.TargetReopened("prod"))
    run.fails(first)
    begun(woken(run), run)
    assert run.progress.is_stopped("prod", "import")
    assert run.life(second).state is DeliveryState.WAITING


# --- outages (promise 9) ---


def test_a_silent_service_is_asked_by_one_step_at_a_time_and_others_go_on() -> None:
    run = Run()
    for each in "ab":
        stored(run, run.carries(app(each)))
    elsewhere = run.carries(app("c"), target="dr")
    stored(run, elsewhere)
    todo = woken(run)
    todo.silent["prod.example"] = Silence(run.at, run.at + 10.0)
    assert begun(todo, run) == [("Look", elsewhere)]
    assert [kind for kind, _ in begun(todo, run.later(10.0))] == ["Look"], "one asks whether it is back"


def test_a_service_that_was_given_up_is_not_asked_again_and_the_rest_goes_on() -> None:
    run = Run()
    stored(run, run.carries(app("a")))
    elsewhere = run.carries(app("c"), target="dr")
    stored(run, elsewhere)
    todo = woken(run)
    todo.ends["prod.example"] = End(9, "silent")
    assert begun(todo, run) == [("Look", elsewhere)]


def test_nothing_is_exported_for_a_target_that_refuses_us() -> None:
    run = Run()
    run.carries(app("a"))
    todo = woken(run)
    todo.ends["t@prod"] = End(3, "denied")
    assert begun(todo, run) == []
    assert todo.ready(run.at) == Finished()


# --- stopping ---


def test_stopping_starts_no_job_no_look_and_no_poll() -> None:
    run = Run()
    run.carries(app("a"))
    looking, running = run.carries(app("b")), run.carries(app("c"), target="dr")
    stored(run, looking, running)
    run.imports(running)
    todo = woken(run)
    todo.stopping = True
    assert begun(todo, run) == []
    assert todo.ready(run.at) == Finished()


def test_stopping_keeps_an_archive_that_can_be_had_only_once() -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    run.exports(batch)
    run.believe(e.Exported(batch, "arch"))
    todo = woken(run)
    todo.stopping = True
    assert begun(todo, run) == [("Download", batch)]
