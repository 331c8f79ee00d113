"""A schedule played out: durations, slots, what waits for what, what is guessed."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from orchestrator.core.plan.hours import Hours
from orchestrator.core.plan.plan import Scope, Settings
from orchestrator.core.plan.windows import Window
from orchestrator.core.scheduling.estimates import Estimates, Observation, Prediction
from orchestrator.core.scheduling.forecast import forecast
from orchestrator.core.scheduling.timetable import (
    LEAST_LEFT,
    Predict,
    Timetable,
    basis_of,
    needs_of,
    planned_left,
    predicted,
    timetable,
)
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind, SlotRule
from tests.builders.inventories import PreviewCase
from tests.builders.plans import migration

SIGMA, DOUBT = 0.1, 0.05


def knowing(export: float, import_: float, jobs: int = 9) -> Predict:
    def predict(instance: str, kind: JobKind, assets: int) -> Prediction:
        return Prediction(export if kind is JobKind.EXPORT else import_, SIGMA, DOUBT, jobs)

    return predict


def batch(name: str, *assets: str, exporters: tuple[str, ...] = ("c",)) -> e.BatchScheduled:
    held = tuple(e.Asset(each, "app", each) for each in assets or (name,))
    return e.BatchScheduled(name, "dev", held, exporters, float(name[1:]))


def into(name: str, needs: tuple[str, ...] = (), after: tuple[str, ...] = (), **more: str) -> e.DeliveryScheduled:
    migration, prefix = more.get("migration", "m"), more.get("prefix", "")
    where = (f"{name}@prod{prefix}", name, migration, "prod", "AddNew", prefix, False, more.get("owner", "c"))
    return e.DeliveryScheduled(*where, needs, after)


def told(
    batches: Sequence[e.BatchScheduled],
    deliveries: Sequence[e.DeliveryScheduled],
    predict: Predict | None = None,
    scope: Scope = Scope.USER_INSTANCE,
) -> Timetable:
    case = PreviewCase(settings=Settings(writes_per_second=1.0, reads_per_second=1000.0))
    rule = SlotRule(scope, {"c": "u", "d": "v"})
    return timetable(case.plan, rule, predict or knowing(20.0, 60.0), batches, deliveries)


def test_an_export_overlaps_an_import_where_their_slots_differ() -> None:
    found = told([batch("b1"), batch("b2")], [into("b1"), into("b2")])
    assert found.spans["b1"].start == 0
    assert found.spans["b2"].start == pytest.approx(found.spans["b1"].end)
    assert found.spans["b1@prod"].start == pytest.approx(found.spans["b1"].end)
    assert found.p50 == pytest.approx(20 + 60 + 60, rel=0.15)
    assert found.p50 < found.p90
    assert "uuid-prod" in found.busiest
    assert found.busy == pytest.approx(120, rel=0.1)


def test_one_slot_for_both_sides_takes_turns() -> None:
    found = told([batch("b1")], [into("b1")], scope=Scope.USER)
    assert len(found.slots) == 1
    (worked,) = found.slots.values()
    assert [str(way) for way in worked] == ["exports of c at dev", "imports of c at prod"]


def test_an_import_waits_for_what_it_needs_under_the_same_prefix() -> None:
    batches = {each.batch: each for each in (batch("b1", "core"), batch("b2", "web"))}
    plain, other = into("b1"), into("b1", prefix="x_")
    assert needs_of(batches, [plain, into("b2", needs=("core", "elsewhere"))])["b2@prod"] == ("b1@prod",)
    assert needs_of(batches, [other, into("b2", needs=("core",))])["b2@prod"] == ()
    found = told(list(batches.values()), [plain, into("b2", needs=("core",))], knowing(60.0, 20.0))
    assert found.spans["b2@prod"].start >= found.spans["b1@prod"].end


def test_an_import_waits_for_the_migration_it_is_after() -> None:
    found = told([batch("b1"), batch("b2")], [into("b1", migration="first"), into("b2", after=("first",))])
    assert found.spans["b2@prod"].start >= found.spans["b1@prod"].end


def test_what_nobody_can_export_has_no_time() -> None:
    found = told([batch("b1"), batch("b2", exporters=())], [into("b1"), into("b2")])
    assert set(found.spans) == {"b1", "b1@prod"}


def test_a_schedule_of_nothing_is_over_at_once() -> None:
    found = told([], [])
    assert (found.spans, found.p50, found.p90, found.busiest, found.known) == ({}, 0.0, 0.0, "", 0)


def test_what_no_earlier_job_tells_is_said_to_be_guessed() -> None:
    found = told([batch("b1")], [into("b1")], knowing(20.0, 60.0, jobs=0))
    assert (found.known, found.guessed) == (0, ("exports at dev", "imports at prod"))
    assert told([batch("b1")], [into("b1")]).known == 18


def test_many_short_jobs_keep_to_the_rate_of_writes() -> None:
    few = told([batch("b1")], [into("b1")], knowing(0.1, 0.1))
    assert few.p50 < 1
    names = [f"b{number}" for number in range(1, 11)]
    many = told([batch(name) for name in names], [into(name) for name in names], knowing(0.1, 0.1))
    assert many.p50 == pytest.approx(17, rel=0.05), "twenty writes, one a second after the first three"


def test_a_rate_that_binds_is_told_with_what_it_costs_and_one_that_does_not_is_not() -> None:
    names = [f"b{number}" for number in range(1, 11)]
    batches, deliveries = [batch(name) for name in names], [into(name) for name in names]
    (bound,) = told(batches, deliveries, knowing(0.1, 0.1)).bound
    assert (bound.identity, bound.what, bound.per_second) == ("c", "write", 1.0)
    assert bound.seconds == pytest.approx(16, rel=0.1)
    assert told(batches, deliveries, knowing(20.0, 60.0)).bound == ()


def test_a_second_identity_is_weighed_for_the_busiest_slot() -> None:
    names = [f"b{number}" for number in range(1, 9)]
    found = told([batch(name) for name in names], [into(name) for name in names])
    assert found.shorter[0].slot == found.busiest
    assert found.shorter[0].beside == "c at prod"
    assert found.shorter[0].seconds > 100


def lived(*events: Event) -> Progress:
    """A run of two batches, a second between two events."""
    progress = Progress()
    begun = (e.RunBegan("p", "p.yaml", "{}", "me", "h", 1, "0"), batch("b1"), batch("b2"), into("b1"), into("b2"))
    for seq, event in enumerate((*begun, *events), 1):
        progress.apply(Entry(seq, float(seq), event))
    return progress


def left(progress: Progress, now: float) -> dict[str, float]:
    """Subject -> seconds that its job still takes."""
    case = PreviewCase(settings=Settings(writes_per_second=1.0, reads_per_second=1000.0))
    basis = basis_of(case.plan, SlotRule(Scope.USER, {"c": "u"}), knowing(20.0, 60.0))
    planned = planned_left(basis, progress, now)
    return {each.subject: each.duration.median for each in planned.jobs}


EXPORTED: tuple[Event, ...] = (e.ExportRequested("b1", "c", "s"), e.ExportAccepted("b1", "j"), e.Exported("b1", "a"))
STORED: tuple[Event, ...] = (*EXPORTED, e.DownloadRequested("b1"), e.PackageStored("b1", "ff", 1, "crc"))
ASKED: tuple[Event, ...] = (e.Looked("b1@prod"), e.ImportRequested("b1@prod", "c", "s"))


def test_what_is_left_shrinks_with_what_is_done_and_what_runs() -> None:
    assert left(lived(), 5.0) == {"b1": 20.0, "b2": 20.0, "b1@prod": 60.0, "b2@prod": 60.0}
    assert left(lived(*EXPORTED[:2]), 7.0 + 8.0) == {"b1": 12.0, "b2": 20.0, "b1@prod": 60.0, "b2@prod": 60.0}
    assert left(lived(*STORED), 10.0) == {"b2": 20.0, "b1@prod": 60.0, "b2@prod": 60.0}
    importing = lived(*STORED, *ASKED, e.ImportAccepted("b1@prod", "j2"))
    assert left(importing, 13.0 + 15.0) == {"b2": 20.0, "b1@prod": 45.0, "b2@prod": 60.0}
    assert left(importing, 1000.0)["b1@prod"] == 60.0 * LEAST_LEFT
    landed = lived(*STORED, *ASKED, e.ImportAccepted("b1@prod", "j2"), e.Imported("b1@prod"))
    assert left(landed, 14.0) == {"b2": 20.0, "b2@prod": 60.0}


def test_nothing_is_left_for_a_target_that_the_breaker_stopped() -> None:
    assert left(lived(e.TargetStopped("prod", e.ErrorDetail("job"))), 6.0) == {}


def test_what_is_journaled_of_a_timetable_says_when_each_job_was_expected_and_where() -> None:
    found = told([batch("b1"), batch("b2")], [into("b1"), into("b2")])
    kept = predicted(found)
    assert {each.subject: (each.starts, each.ends) for each in kept.jobs} == {
        name: (round(span.start, 2), round(span.end, 2)) for name, span in found.spans.items()
    }
    assert (kept.p50, kept.p90) == (round(found.p50, 2), round(found.p90, 2))
    assert kept.rates == (e.WriteRate("c", 1.0),)
    slots = {(kind, instance): slot for kind, instance, _, slot in kept.slots}
    assert slots["import", "prod"] == next(each.slot for each in kept.jobs if each.subject == "b1@prod")
    assert {(each.instance, each.kind) for each in kept.durations} == {
        ("dev", "export"), ("prod", "import"), ("prod", "delete"),
    }  # fmt: skip


def test_estimates_that_rest_on_a_journaled_prediction_predict_the_same_for_every_size() -> None:
    known = Estimates()
    for assets, seconds in ((10, 12.0), (100, 61.0), (50, 33.0)):
        known.observe(Observation("prod", JobKind.IMPORT, assets, seconds))
    kept = predicted(told([batch("b1")], [into("b1")], known.predict))
    again = Estimates.resting_on(kept.durations)
    for assets in (1, 37, 100):
        assert again.predict("prod", JobKind.IMPORT, assets).p90 == pytest.approx(
            known.predict("prod", JobKind.IMPORT, assets).p90
        )
    assert again.predict("prod", JobKind.IMPORT, 1).jobs == 3
    again.observe(Observation("prod", JobKind.IMPORT, 100, 600.0))
    assert again.predict("prod", JobKind.IMPORT, 100).p50 > known.predict("prod", JobKind.IMPORT, 100).p50


# --- windows -------------------------------------------------------------------------------------------------------


def window(opens: float, closes: float) -> Window:
    """From and to so many seconds after the epoch, at which these timetables begin."""
    begins, ends = (datetime.fromtimestamp(1e9 + at, UTC).replace(tzinfo=None).isoformat() for at in (opens, closes))
    return Window(begins, ends, "UTC")


def told_under(*windows: Window, export_ahead: bool = False) -> Timetable:
    moves = migration(export_ahead=export_ahead)
    case = PreviewCase((moves,), settings=Settings(writes_per_second=1.0, reads_per_second=1000.0), windows=windows)
    rule = SlotRule(Scope.USER_INSTANCE, {"c": "u"})
    return timetable(case.plan, rule, knowing(20.0, 60.0), [batch("b1"), batch("b2")], [into("b1"), into("b2")], 1e9)


def test_jobs_begin_where_a_window_is_open_and_long_enough() -> None:
    # An import takes 69 s at P90: the second one has no room in what is left of the first window.
    found = told_under(window(100, 220), window(1000, 2000)).spans
    assert found["b1"].start == pytest.approx(100)
    assert found["b1@prod"].start == pytest.approx(found["b1"].end)
    assert found["b2@prod"].start == pytest.approx(1000)


def test_the_end_that_is_predicted_counts_the_hours_in_which_nothing_may_begin() -> None:
    found = told_under(window(100, 220), window(1000, 2000))
    assert 1000 < found.p50 < 1200


def test_exports_ahead_do_not_wait_for_the_plans_window() -> None:
    found = told_under(window(100, 2000), export_ahead=True).spans
    assert found["b1"].start == 0
    assert found["b1@prod"].start == pytest.approx(100)


def test_what_no_window_is_long_enough_for_never_begins() -> None:
    assert set(told_under(window(100, 150)).spans) == {"b1", "b2"}


def test_what_is_left_of_a_run_waits_for_its_windows_too() -> None:
    progress = Progress()
    hours = Hours(plan=(window(100, 2000),))
    begun: tuple[Event, ...] = (e.RunBegan("p", "p", "{}", "me", "h", 1, "0", hours=hours), batch("b1"), into("b1"))
    for seq, event in enumerate(begun):
        progress.apply(Entry(seq + 1, 1e9, event))
    case = PreviewCase()
    basis = basis_of(case.plan, SlotRule(Scope.USER_INSTANCE, {"c": "u"}), knowing(20.0, 60.0))
    left = forecast(planned_left(basis, progress, 1e9))
    assert left.timeline.spans[0].start == pytest.approx(100)
