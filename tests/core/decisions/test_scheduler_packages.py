"""What the agenda does about packages: lost, cut, kept, dropped, and how long a job may run (promise 4)."""

from orchestrator.core.decisions.context import MOST_LOSSES, WaitUntil
from orchestrator.core.plan.plan import KeepPackages, Settings
from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail
from orchestrator.core.state.lifecycle import DeliveryState, PackageState
from tests.builders.decisions import answered, begun, woken
from tests.builders.plans import plan
from tests.builders.runs import SAID, Run, app

FROM, INTO = "dev.example acme/s", "prod.example acme/t"


# --- packages (promise 4) ---


def test_a_package_lost_three_times_counts_as_a_failed_export() -> None:
    run = Run()
    name = run.carries(app("a"))
    batch = run.life(name).batch
    for _ in range(MOST_LOSSES):
        run.exports(batch)
        run.believe(e.Exported(batch, "arch"), e.PackageLost(batch, ErrorDetail("dropped", message="cut")))
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
    assert begun(todo, run) == [("ListTarget", other)]
    answered(
        todo, run, other,
        e.Looked(other), e.ImportRequested(other, "t", "x"), e.ImportAccepted(other, "j"), e.Imported(other),
    )  # fmt: skip
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


def test_a_retry_exports_anew_what_was_dropped() -> None:
    run = Run()
    name = run.carries(app("a"))
    batch = run.stores(name)
    run.fails(name)
    run.believe(e.Quarantined(name, SAID), e.PackageDropped(batch), e.RunEnded(1))
    run.believe(e.RunResumed("op", "host", 2, "0"), e.Retried(name))
    assert begun(woken(run), run) == [("RequestExport", batch)]


def test_a_package_that_fails_while_its_delivery_looks_is_taken_up_when_the_look_is_over() -> None:
    run = Run()
    name = run.carries(app("a"))
    batch = run.stores(name)
    todo = woken(run)
    assert begun(todo, run) == [("ListTarget", name)]
    run.believe(e.PackageDamaged(batch, SAID), e.ExportRequested(batch, "s", FROM), e.ExportFailed(batch, (), SAID))
    assert begun(todo, run) == []
    answered(todo, run, name, e.Looked(name))
    begun(todo, run)
    assert run.life(name).state is DeliveryState.QUARANTINED
