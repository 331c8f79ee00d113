"""What is tried once more travels in as few batches as it takes, and nothing of it waits for itself."""

from orchestrator.core.selection.retries import retries
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import DeliveryState
from tests.builders.runs import SAID, Run, app, task

POISON = app("poison")
NEED_IT = tuple(task(f"t{number:02}", "poison") for number in range(30))


def set_aside(*others: e.Asset) -> tuple[Run, str]:
    """One batch was asked for: its poison was named, all that needs it is blocked, each asset a delivery of its own."""
    run = Run()
    whole = run.carries(POISON, *NEED_IT, *others)
    run.stores(whole)
    run.asks_import(whole, [("t00", ("theirs",))])
    run.believe(e.ImportAccepted(whole, "j"), e.ImportFailed(whole, (), SAID))
    blocked = [(each.id, "blocked") for each in NEED_IT]
    run.splits(whole, ("poison", "quarantined"), *blocked, *((each.id, "landed") for each in others))
    return run, whole


def test_a_mended_poison_and_all_that_needs_it_are_one_batch_again() -> None:
    run, whole = set_aside()
    run.believe(*retries(run.progress, 100))
    waiting = [life for life in run.progress.deliveries.values() if life.state is DeliveryState.WAITING]
    assert [life.id for life in waiting] == [whole]
    assert run.progress.open == {whole}
    assert len(run.progress.assets_of(waiting[0].batch)) == 31


def test_the_baseline_of_what_was_asked_for_is_kept() -> None:
    run, whole = set_aside()
    run.believe(*retries(run.progress, 100))
    assert run.life(whole).attempt == 1
    run.believe(e.Looked(whole, (("t00", ("theirs",)), ("t01", ("ours",)))))
    assert run.life(whole).baseline is not None
    assert run.life(whole).baseline.seen == {"t00": ("theirs",)}  # type: ignore[union-attr] # asserted above


def test_what_was_never_asked_for_takes_its_baseline_when_it_is_looked_at() -> None:
    run, _ = set_aside()
    late = run.carries(task("late", "poison"))
    run.believe(e.Blocked(late, "poison"))
    run.believe(*retries(run.progress, 100))
    (life,) = [run.life(name) for name in run.progress.open]
    assert life.unlooked == ("late",)
    run.believe(e.Looked(life.id, (("late", ("theirs",)), ("t01", ("ours",)))))
    life = run.life(life.id)
    assert life.baseline is not None
    assert life.baseline.seen == {"t00": ("theirs",), "late": ("theirs",)}
    run.believe(e.ImportRequested(life.id, "t", "slot"))
    assert run.life(life.id).unlooked == ()


def test_no_batch_is_larger_than_the_plan_allows_and_called_ones_go_first() -> None:
    run = Run()
    callers = [app(f"web{number}", "core") for number in range(4)]
    core = run.carries(app("core"))
    for each in callers:
        run.believe(e.Blocked(run.carries(each), "core"))
    run.believe(e.Quarantined(core, SAID))
    run.believe(*retries(run.progress, 3))
    lives = [run.life(name) for name in run.progress.open]
    assert sorted(len(run.progress.assets_of(life.batch)) for life in lives) == [1, 1, 3]
    (first,) = [life for life in lives if not life.scheduled.needs]
    assert run.progress.assets_of(first.batch)[0].id == "core"


def test_a_poison_that_was_never_named_is_tried_alone() -> None:
    run = Run()
    whole = run.carries(POISON, *NEED_IT)
    run.stores(whole)
    run.fails(whole)
    run.splits(whole, ("poison", "waiting"), *((each.id, "waiting") for each in NEED_IT), why="halves")
    run.believe(e.Quarantined("batch-poison@prod", SAID))
    run.believe(*(e.Blocked(f"batch-{each.id}@prod", "poison") for each in NEED_IT))
    run.believe(*retries(run.progress, 100))
    sizes = sorted(len(run.progress.assets_of(run.life(name).batch)) for name in run.progress.open)
    assert sizes == [1, 30]


def test_what_would_wait_for_itself_stays_apart() -> None:
    run = Run()
    between = run.carries(app("between", "dead"))
    dead, caller = run.carries(app("dead")), run.carries(app("caller", "between"))
    run.believe(e.TargetStopped("prod", SAID))
    run.stores(dead)
    run.fails(dead)
    run.believe(e.Blocked(caller, "dead"))
    run.believe(*retries(run.progress, 100))
    assert {between, dead, caller} <= run.progress.open
    assert not any(isinstance(entry.event, e.Regrouped) for entry in run.entries)


def test_a_kept_package_of_what_was_mended_is_exported_anew() -> None:
    run = Run()
    name = run.carries(POISON)
    batch = run.stores(name)
    run.fails(name)
    run.believe(e.Quarantined(name, SAID))
    assert retries(run.progress, 100) == [e.PackageStale(batch, ()), e.Retried(name)]
