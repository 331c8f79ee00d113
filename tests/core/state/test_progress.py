"""The events folded: who occupies what, who waits for whom, what a resume and an outage change."""

import pytest

from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.core.state.lifecycle import DeliveryState, IllegalMove, ProbeState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.subjects import Subject
from tests.builders.runs import DAWN, SAID, Run, app, task

FROM, INTO = "dev.example acme/s", "prod.example acme/t"


def occupants(run: Run) -> dict[str, set[Subject]]:
    return {slot: held for slot, held in run.progress.occupied.items() if held}


def test_an_export_occupies_its_slot_from_the_intent_to_the_jobs_end() -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    run.believe(e.ExportRequested(batch, "s", FROM))
    assert occupants(run) == {FROM: {Subject.package(batch)}}
    run.believe(e.ExportAccepted(batch, "job"))
    assert occupants(run) == {FROM: {Subject.package(batch)}}
    touched = run.believe(e.Exported(batch, "arch"))
    assert occupants(run) == {}
    assert touched.slots == {FROM}


def test_an_import_occupies_its_slot_until_its_outcome_is_known() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    run.asks_import(name)
    run.believe(e.ImportAnswerLost(name, SAID, run.at + 90))
    assert occupants(run) == {INTO: {Subject.delivery(name)}}
    run.believe(e.ImportFound(name))
    assert occupants(run) == {}


def test_an_overdue_job_keeps_its_slot_until_the_operator_has_decided() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    run.imports(name)
    run.believe(e.ImportOverdue(name, "job"))
    assert occupants(run) == {INTO: {Subject.delivery(name)}}
    run.believe(e.Resolved(name, "absent", "seen", "ann", "host"))
    assert occupants(run) == {}


def test_a_refused_request_frees_the_slot() -> None:
    run = Run()
    name = run.carries(app("a"))
    batch = run.stores(name)
    run.asks_import(name)
    run.believe(e.ImportRefused(name, SAID))
    run.believe(e.PackageDamaged(batch, SAID), e.ExportRequested(batch, "s", FROM), e.ExportRefused(batch, SAID))
    assert occupants(run) == {}


def test_a_probe_occupies_its_slot_until_it_has_ended() -> None:
    run = Run()
    run.believe(e.ProbeRequested(INTO, "prod", "t", app="x"), e.ProbeAccepted(INTO, "job"))
    assert occupants(run) == {INTO: {Subject.probe(INTO)}}
    assert run.progress.probes[INTO].state is ProbeState.RUNNING
    run.believe(e.ProbeEnded(INTO, "SUCCEEDED"))
    assert occupants(run) == {}


def test_what_has_landed_wakes_what_waits_for_it() -> None:
    run = Run()
    first = run.carries(app("a"))
    second = run.carries(task("t", "a"))
    run.stores(first)
    run.imports(first)
    touched = run.believe(e.Imported(first))
    assert Subject.delivery(second) in touched.subjects
    assert run.progress.fate["prod~", "dev", "a"] is True


def test_what_is_set_aside_wakes_what_waits_for_it_and_a_retry_takes_that_back() -> None:
    run = Run()
    first = run.carries(app("a"))
    second = run.carries(task("t", "a"))
    run.stores(first)
    run.fails(first)
    touched = run.believe(e.Quarantined(first, SAID))
    assert Subject.delivery(second) in touched.subjects
    assert run.progress.fate["prod~", "dev", "a"] is False
    touched = run.believe(e.Retried(first))
    assert ("prod~", "dev", "a") not in run.progress.fate
    assert Subject.delivery(second) in touched.subjects


def test_fates_at_one_target_say_nothing_of_another_or_of_another_prefix() -> None:
    run = Run()
    there = run.carries(app("a"))
    run.carries(app("a"), target="dr", owner="t")
    run.carries(app("a"), prefix="x_")
    run.stores(there)
    run.lands(there)
    assert run.progress.fate == {("prod~", "dev", "a"): True}


def test_a_split_hands_its_assets_to_its_parts() -> None:
    run = Run()
    whole = run.carries(app("a"), app("b"), app("c"))
    waiting = run.carries(task("t", "a", "b"))
    run.stores(whole)
    run.fails(whole)
    touched = run.splits(whole, ("a", "landed"), ("b", "quarantined"), ("c", "waiting"))
    fates = {key[2]: fate for key, fate in run.progress.fate.items()}
    assert fates == {"a": True, "b": False}
    assert run.life(whole).state is DeliveryState.SPLIT
    assert {each.state for each in run.progress.deliveries.values() if each.parent == whole} == {
        DeliveryState.IMPORTED, DeliveryState.QUARANTINED, DeliveryState.WAITING,
    }  # fmt: skip
    assert Subject.delivery(waiting) in touched.subjects
    assert whole not in run.progress.open


def test_a_part_needs_what_its_own_assets_need() -> None:
    run = Run()
    base = run.carries(app("base"))
    whole = run.carries(task("t1", "base"), task("t2", "elsewhere"))
    run.stores(whole)
    run.stores(base)
    run.lands(base)
    run.fails(whole)
    run.splits(whole, ("t1", "waiting"), ("t2", "waiting"))
    assert run.life("batch-t1@prod").scheduled.needs == ("base",)
    assert run.life("batch-t2@prod").scheduled.needs == (), "what nobody carries was there before"


def test_parts_inherit_the_lineage_that_proves_what_they_brought() -> None:
    run = Run()
    whole = run.carries(app("a"), app("b"))
    run.stores(whole)
    run.asks_import(whole, (("a", ("old",)),))
    run.believe(e.ImportAccepted(whole, "job"), e.ImportFailed(whole, (), SAID))
    run.splits(whole, ("a", "waiting"), ("b", "waiting"), why="halves")
    part, parent = run.life("batch-a@prod"), run.life(whole)
    assert (part.baseline, part.attempt, part.asked_at) == (parent.baseline, 1, parent.asked_at)
    assert part.halved


def test_migrations_that_come_after_are_woken_when_the_last_delivery_is_final() -> None:
    run = Run()
    first, second = run.carries(app("a"), migration="common"), run.carries(app("b"), migration="common")
    later = run.carries(app("c"), after=("common",))
    for name in (first, second):
        run.stores(name)
    run.lands(first)
    run.believe(e.ImportRequested(second, "t", INTO), e.ImportAccepted(second, "j"), e.Imported(second))
    assert run.progress.open_of["common"] == {second}
    touched = run.believe(e.Verified(second, ("b",)))
    assert Subject.delivery(later) in touched.subjects
    assert not run.progress.open_of["common"]


def test_packages_ahead_are_counted_per_target_until_their_import_is_asked() -> None:
    run = Run()
    names = [run.carries(app(each)) for each in "abc"]
    run.exports(run.life(names[0]).batch)
    run.stores(names[1])
    assert run.progress.ahead["prod"] == set(names[:2])
    run.asks_import(names[1])
    assert run.progress.ahead["prod"] == {names[0]}
    run.believe(e.ExportVanished(run.life(names[0]).batch, SAID))
    assert not run.progress.ahead["prod"]


# --- another process ---


def test_what_a_dead_process_asked_is_quiet_from_the_resume_on() -> None:
    run = Run()
    name, other = run.carries(app("a")), run.carries(app("b"))
    run.stores(name)
    run.asks_import(name)
    batch = run.life(other).batch
    run.believe(e.ExportRequested(batch, "s", FROM), e.ProbeRequested(INTO, "prod", "t", app="x"))
    run.later(1000.0).believe(e.RunResumed("op", "host", 2, "1", settle_quiet=30.0))
    until = run.at + 30.0
    assert run.life(name).quiet_until == run.progress.packages[batch].quiet_until == until
    assert run.progress.probes[INTO].quiet_until == until


def test_a_resume_begins_a_quiet_time_anew_for_only_the_wall_clock_tells_what_has_passed() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.loses(name)
    quiet = run.life(name).quiet_until
    run.later(50.0).believe(e.RunResumed("op", "host", 2, "1"))
    assert run.life(name).quiet_until == quiet + 50.0


def test_a_resume_forgets_the_looks_of_an_import_that_was_being_asked_for() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.stores(name)
    run.asks_import(name)
    run.later(5.0).believe(e.RunResumed("op", "host", 2, "0"))
    assert run.life(name).look is None
    assert run.life(name).baseline == e.Looked(name)


def test_a_run_that_is_resumed_has_not_ended() -> None:
    run = Run()
    run.believe(e.RunBegan("p", "f", "{}", "op", "h", 1, "0"), e.RunEnded(1))
    assert run.progress.ended is not None
    run.believe(e.RunResumed("op", "h", 2, "0"))
    assert run.progress.ended is None


def test_outages_are_counted_only_where_they_overlap() -> None:
    run = Run()
    run.later(100).believe(e.OutageBegan("h", SAID))
    run.later(50).believe(e.OutageEnded("h", 50.0))
    run.later(50).believe(e.OutageBegan("h", SAID))
    assert run.progress.outages.seconds("h", DAWN, DAWN + 210) == 60.0
    assert run.progress.outages.seconds("h", DAWN + 120, DAWN + 200) == 30.0
    assert run.progress.outages.seconds("other", DAWN, DAWN + 210) == 0.0


def test_the_reading_of_the_prefix_that_the_service_showed_is_used_from_then_on_at_that_place_alone() -> None:
    run = Run()
    first, second, elsewhere = (
        run.carries(app(each), target=target, prefix="x_")
        for each, target in (("a", "prod"), ("b", "prod"), ("c", "dr"))
    )
    run.stores(first)
    run.imports(first)
    assert run.progress.names_of(run.life(second), "app", "b") == ("x_b", "b")
    run.believe(e.Imported(first), e.Verified(first, ("a",), renamed=(("app", True),)))
    assert run.progress.names_of(run.life(second), "app", "b") == ("x_b",)
    assert run.progress.names_of(run.life(second), "task", "t") == ("t", "x_t")
    assert run.progress.names_of(run.life(elsewhere), "app", "c") == ("x_c", "c")


def test_a_service_that_shows_both_readings_leaves_both() -> None:
    run = Run()
    name = run.carries(app("a"), app("b"), prefix="x_")
    run.stores(name)
    run.imports(name)
    run.believe(e.Imported(name), e.Verified(name, ("a", "b"), renamed=(("app", False), ("app", True))))
    assert run.progress.names_of(run.life(name), "app", "a") == ("x_a", "a")


@pytest.mark.parametrize("event", [e.Imported("nobody"), e.ExportLost("nobody"), e.Retried("nobody")])
def test_an_event_about_nobody_is_refused(event: e.Event) -> None:
    with pytest.raises((IllegalMove, LookupError)):
        Run().believe(event)


def test_a_batch_that_two_migrations_share_is_scheduled_once() -> None:
    run = Run()
    run.carries(app("a"))
    run.believe(e.BatchScheduled(run.life(next(iter(run.progress.deliveries))).batch, "dev", (app("a"),), ("z",), 9.0))
    assert [each.exporters for each in run.progress.batches.values()] == [("s",)]


def test_everything_open_deserves_a_look_after_a_replay() -> None:
    run = Run()
    settled, waiting = run.carries(app("a")), run.carries(app("b"))
    batch = run.stores(settled)
    run.lands(settled)
    run.believe(e.PackageDropped(batch))
    subjects = run.progress.everything().subjects
    assert subjects >= {Subject.delivery(waiting), Subject.package(run.life(waiting).batch)}
    assert Subject.delivery(settled) not in subjects


def test_a_probe_that_a_dead_process_asked_deserves_a_look_after_a_replay() -> None:
    run = Run()
    run.believe(e.ProbeRequested(INTO, "prod", "t", app="x"))
    assert Subject.probe(INTO) in run.progress.everything().subjects


def test_the_same_events_give_the_same_progress() -> None:
    run = Run()
    name = run.carries(app("a"), task("t", "a"))
    run.stores(name)
    run.lands(name)
    again = Run()
    for entry in run.entries:
        again.progress.apply(entry)
    assert again.progress.deliveries == run.progress.deliveries
    assert again.progress.packages == run.progress.packages
    assert (again.progress.seq, again.progress.at, again.progress.fate) == (
        run.progress.seq, run.progress.at, run.progress.fate,
    )  # fmt: skip


def test_the_largest_package_of_each_source_is_remembered() -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    run.exports(batch)
    run.believe(e.Exported(batch, "arch"), e.DownloadRequested(batch), e.PackageStored(batch, "sha", 7_000, "crc"))
    run.stores(run.carries(app("b")))
    assert run.progress.seen.largest == {"dev": 7_000}


def test_batches_are_numbered_as_they_are_scheduled_and_backups_are_not() -> None:
    progress = Progress()
    asset = app("a")
    for seq, event in enumerate((
        e.BatchScheduled("b", "dev", (asset,), ("s",), 1.0), e.BatchScheduled("k", "prod", (asset,), ("t",), 2.0, True),
        e.BatchScheduled("b", "dev", (asset,), ("s",), 1.0), e.BatchScheduled("c", "dev", (asset,), ("s",), 1.5),
    ), 1):  # fmt: skip
        progress.apply(Entry(seq, DAWN, event))
    assert progress.numbers == {"b": 1, "c": 2}
