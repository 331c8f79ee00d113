"""What the agenda begins, what it decides by itself, what it waits for, and when it is finished."""

from dataclasses import replace

import pytest

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import BASELINE_AGE, MOST_AHEAD, Busy, Finished, WaitUntil
from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.decisions.target_evidence import READ_LAG
from orchestrator.core.plan.plan import Scope
from orchestrator.core.scheduling.policy import ALWAYS_AHEAD
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import ErrorDetail
from orchestrator.core.state.lifecycle import DeliveryState, PackageState
from tests.builders.decisions import answer_well, answered, begun, decided, scheduler, stored, woken
from tests.builders.plans import instance, plan
from tests.builders.runs import Run, app, task

FROM, INTO = "dev.example acme/s", "prod.example acme/t"


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
        (e.PackageStored(batch, "sha", 1, "crc"), ("ListTarget", name)),
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
    todo.touch_all()
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(float("inf"))


def test_a_run_without_deliveries_is_finished() -> None:
    assert scheduler(Run()).ready(0.0) == Finished()


def of(event: e.Event, batch: str) -> e.Event:
    return replace(event, batch=batch)  # type: ignore[arg-type] # each has a batch


@pytest.mark.parametrize(
    ("events", "step"),
    [
        ((e.ExportAccepted("B", "job"),), "AwaitExport"),
        ((e.ExportAccepted("B", "job"), e.Exported("B", "a")), "Download"),
        ((e.ExportAccepted("B", "job"), e.Exported("B", "a"), e.DownloadRequested("B")), "RecoverDownload"),
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
        answered(todo, run, step.subject.id, e.ExportAccepted(step.subject.id, "job"))
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


@pytest.mark.parametrize(
    ("others", "goes"),
    [
        ((app("one"), app("two")), "RequestExport"),
        ((app("one", "base"), app("two", "one")), "RequestImport"),
    ],
)
def test_where_one_slot_exports_and_imports_what_keeps_others_waiting_longest_goes_first(
    others: tuple[e.Asset, ...], goes: str
) -> None:
    both = plan(instances=(instance("dev", "s", host="hub"), instance("prod", "s", host="hub")))
    run = Run()
    run.carries(app("not exported"), owner="s")
    stored(run, *(run.carries(each, owner="s") for each in (app("base"), *others)))
    run.believe(*(e.Looked(name) for name in sorted(run.progress.open)))
    assert [kind for kind, _ in begun(woken(run, made=both), run)] == [goes]


def test_the_next_baseline_is_taken_while_a_job_runs() -> None:
    run = Run()
    running, following = run.carries(app("a")), run.carries(app("b"))
    stored(run, running, following)
    run.imports(running)
    todo = woken(run)
    assert begun(todo, run) == [("AwaitImport", running), ("ListTarget", following)]
    answered(todo, run, following, e.Looked(following))
    answered(todo, run, running, e.Imported(running))
    assert ("RequestImport", following) in begun(todo, run)


def test_an_old_baseline_is_taken_again_before_the_import_is_asked_for() -> None:
    run = Run()
    name = run.carries(app("a"))
    stored(run, name)
    run.believe(e.Looked(name))
    run.later(BASELINE_AGE + 1)
    assert begun(woken(run), run) == [("ListTarget", name)]


# --- somebody else's job, throttling ---


def test_somebody_elses_job_is_waited_for_and_the_slot_asked_again() -> None:
    run = Run()
    name = run.carries(app("a"))
    todo = woken(run)
    batch = run.life(name).batch
    assert begun(todo, run) == [("RequestExport", batch)]
    todo.context.busy[FROM] = Busy(run.at, run.at + 7.0)
    answered(todo, run, batch, e.ExportRefused(batch, ErrorDetail("busy")))
    assert begun(todo, run) == []
    assert todo.ready(run.at) == WaitUntil(run.at + 7.0)
    assert begun(todo, run.later(7.0)) == [("RequestExport", batch)]


def test_a_throttled_batch_waits_alone_and_the_next_one_goes() -> None:
    run = Run()
    batches = {run.life(run.carries(app(each))).batch for each in "ab"}
    todo = woken(run)
    ((_, first),) = begun(todo, run)
    (second,) = batches - {first}
    answered(todo, run, first, e.ExportRefused(first, ErrorDetail("throttled"), wait=30.0))
    assert begun(todo, run) == [("RequestExport", second)]


def test_a_slot_that_was_given_up_starts_nothing_and_the_others_do() -> None:
    run = Run()
    run.carries(app("a"))
    there = run.carries(app("b"))
    stored(run, there)
    todo = woken(run)
    todo.context.ends[FROM] = End(8, "busy_timeout")
    assert begun(todo, run) == [("ListTarget", there)]


# --- order (promise 8) ---


def test_what_needs_an_asset_waits_until_it_has_landed() -> None:
    run = Run()
    base, caller = run.carries(app("base")), run.carries(app("caller", "base"))
    stored(run, base, caller)
    todo = woken(run)
    assert begun(todo, run) == [("ListTarget", base)]
    answered(todo, run, base, e.Looked(base))
    begun(todo, run)
    answered(todo, run, base, e.ImportAccepted(base, "job"))
    begun(todo, run)
    answered(todo, run, base, e.Imported(base))
    assert ("ListTarget", caller) in begun(todo, run)


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
    assert ("ListTarget", later) in begun(todo, run)


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
    run.later(READ_LAG).believe(e.Looked(base))
    todo = woken(run)
    begun(todo, run)
    assert run.life(base).state is DeliveryState.QUARANTINED
    assert (run.life(lost).state, run.life(lost).by) == (DeliveryState.BLOCKED, "base")
    assert run.progress.packages[run.life(lost).batch].attempt == 0


def test_what_other_imports_wait_for_is_exported_first() -> None:
    run = Run()
    run.carries(app("alone"), position=1.0)
    base = run.carries(app("base"), position=2.0)
    run.carries(app("caller", "base"), position=3.0)
    assert begun(woken(run), run) == [("RequestExport", run.life(base).batch)]


def test_what_is_expected_to_be_exported_soonest_is_exported_first_so_that_imports_begin() -> None:
    run = Run()
    run.carries(*(app(f"a{n}") for n in range(60)), position=1.0)
    small = run.carries(app("small"), position=2.0)
    todo = woken(run)
    todo.context.expect = lambda instance, kind, assets: assets * (1.0 if instance == "dev" else 2.0)
    assert begun(todo, run) == [("RequestExport", run.life(small).batch)]


# --- how far exports run ahead ---


def ran_ahead(batches: int) -> tuple[Run, Scheduler, str, int]:
    """So many batches wait for one import that does not end; answers how many packages were stored meanwhile."""
    run = Run()
    base = run.carries(app("base"), position=0.0)
    for number in range(batches):
        run.carries(app(f"x{number}", "base"), position=1.0 + number)
    run.stores(base)
    run.imports(base)
    todo = woken(run)
    for _ in range(3 * batches + 3):
        for step in decided(todo, run):
            if step.subject.id != base:
                answer_well(todo, run, step)
    stored_now = [life for life in run.progress.packages.values() if life.state is PackageState.STORED]
    return run, todo, base, len(stored_now) - 1


def test_packages_stored_ahead_of_a_slow_target_are_bounded_by_the_disk() -> None:
    assert ran_ahead(40)[-1] == MOST_AHEAD


def test_exports_pause_while_the_stock_of_every_target_outlasts_what_is_left_to_export() -> None:
    assert ALWAYS_AHEAD < ran_ahead(MOST_AHEAD + 3)[-1] < MOST_AHEAD


def test_no_export_pauses_for_a_target_that_stands_idle() -> None:
    run = Run()
    base = run.life(run.carries(app("base"), position=0.0)).batch
    for number in range(MOST_AHEAD + 3):
        run.carries(app(f"x{number}", "base"), position=1.0 + number)
    run.believe(e.ExportRequested(base, "s", FROM), e.ExportRefused(base, ErrorDetail("throttled"), wait=1e6))
    todo = woken(run)
    for _ in range(100):
        for step in decided(todo, run):
            answer_well(todo, run, step)
    assert [life.state for life in run.progress.packages.values()].count(PackageState.STORED) == MOST_AHEAD


def test_exports_go_on_when_the_target_moves() -> None:
    run, todo, base, _ = ran_ahead(40)
    answered(todo, run, base, e.Imported(base))
    assert not any(isinstance(step, steps.RequestExport) for step in decided(todo, run)), "the disk is as full"
    (looking,) = [step.delivery for step in todo.context.active.values() if isinstance(step, steps.ListTarget)]
    answered(todo, run, looking, e.Looked(looking))
    assert {type(step) for step in decided(todo, run)} == {steps.RequestImport, steps.RequestExport, steps.ListTarget}
