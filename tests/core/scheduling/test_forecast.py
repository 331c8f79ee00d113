import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.scheduling.forecast import (
    EXPORT_READS,
    IMPORT_READS,
    Forecast,
    JobDuration,
    Planned,
    PlannedExport,
    PlannedImport,
    Timeline,
    forecast,
    play,
    tails_of,
)
from orchestrator.core.state.slots import JobKind


def exported(batch: str, seconds: float, *slots: str, position: float = 0.0) -> PlannedExport:
    return PlannedExport(batch, slots or ("s",), JobDuration(seconds, 0.25, 0.1, "export dev"), position)


def imported(
    batch: str, seconds: float, slot: str = "t", *, needs: tuple[str, ...] = (), migration: str = "m", after: str = ""
) -> PlannedImport:
    duration = JobDuration(seconds, 0.25, 0.1, "import")
    return PlannedImport(f"{batch}>{slot}", batch, (slot,), duration, needs, migration, (after,) if after else ())


def played(planned: Planned) -> Timeline:
    seconds = {each.subject: each.duration.median for each in planned.jobs}
    return play(planned, seconds, seconds)


def span(timeline: Timeline, subject: str) -> tuple[float, float]:
    return next((each.start, each.end) for each in timeline.spans if each.subject == subject)


def random_plan(seed: int) -> Planned:
    draw = random.Random(seed)
    exports: list[PlannedExport] = []
    imports: list[PlannedImport] = []
    for lane in range(draw.randint(1, 3)):
        for number in range(draw.randint(1, 6)):
            batch = f"{lane}.{number}"
            exports.append(exported(batch, draw.uniform(5, 50), f"s{lane % 2}", position=number))
            for target in draw.sample(("t", "u", "s0"), draw.randint(1, 2)):
                needs = (imports[-1].delivery,) if imports and draw.random() < 0.2 else ()
                imports.append(imported(batch, draw.uniform(5, 90), target, needs=needs, migration=f"m{lane}"))
    return Planned(tuple(exports), tuple(imports))


def test_an_empty_schedule_is_over_at_once() -> None:
    found = forecast(Planned((), ()))
    assert (found.timeline.end, found.busiest, found.savings) == (0.0, "", ())
    assert found.p90 < 1e-6


def test_a_batch_is_exported_and_then_imported() -> None:
    timeline = played(Planned((exported("b", 30),), (imported("b", 50),)))
    assert [(each.subject, each.kind, each.slot, each.start, each.end) for each in timeline.spans] == [
        ("b", JobKind.EXPORT, "s", 0.0, 30.0),
        ("b>t", JobKind.IMPORT, "t", 30.0, 80.0),
    ]
    assert timeline.busy() == {"s": 30.0, "t": 50.0}


def test_a_package_that_is_stored_already_is_imported_at_once() -> None:
    assert span(played(Planned((), (imported("b", 50),))), "b>t") == (0.0, 50.0)


def test_the_wait_for_what_an_import_needs_is_seen() -> None:
    exports = (exported("a", 10, position=1), exported("b", 60, position=2))
    timeline = played(Planned(exports, (imported("a", 20, needs=("b>t",)), imported("b", 40))))
    assert span(timeline, "a>t")[0] == span(timeline, "b>t")[1]


def test_a_migration_after_another_waits_for_all_its_imports() -> None:
    exports = (exported("a", 10), exported("b", 20), exported("c", 5))
    imports = (imported("a", 30, migration="first"), imported("b", 30, migration="first"))
    later = imported("c", 5, "u", migration="second", after="first")
    timeline = played(Planned(exports, (*imports, later)))
    assert span(timeline, "c>u")[0] == max(span(timeline, "a>t")[1], span(timeline, "b>t")[1])


def test_needs_in_a_circle_end_as_stuck_instead_of_for_ever() -> None:
    imports = (imported("a", 1, needs=("b>t",)), imported("b", 1, needs=("a>t",)))
    timeline = played(Planned((exported("a", 1), exported("b", 1)), imports))
    assert timeline.stuck == ("a>t", "b>t")


def test_a_tail_is_the_longest_chain_that_follows() -> None:
    imports = [imported("a", 1), imported("b", 10, needs=("a>t",)), imported("c", 5, needs=("a>t", "b>t"))]
    seconds = {each.delivery: each.duration.median for each in imports}
    assert tails_of(imports, seconds) == {"a>t": 15.0, "b>t": 5.0, "c>t": 0.0}


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_no_slot_holds_two_jobs_and_nothing_is_imported_before_it_is_stored(seed: int) -> None:
    planned = random_plan(seed)
    timeline = played(planned)
    assert {each.subject for each in timeline.spans} == {each.subject for each in planned.jobs}
    ends: dict[str, float] = {}
    for each in sorted(timeline.spans, key=lambda s: s.start):
        assert each.start >= ends.get(each.slot, 0.0)
        ends[each.slot] = each.end
    for delivery in planned.imports:
        begin = span(timeline, delivery.delivery)[0]
        for before in (delivery.batch, *delivery.needs):
            assert span(timeline, before)[1] <= begin


def test_no_slot_stands_idle_while_it_could_work() -> None:
    planned = Planned(
        tuple(exported(f"b{n}", 20 + n, position=n) for n in range(8)),
        tuple(imported(f"b{n}", 60 - n) for n in range(8)),
    )
    timeline = played(planned)
    assert timeline.end == pytest.approx(20 + sum(60 - n for n in range(8)))


def test_the_forecast_of_a_plan_is_the_same_each_time_and_p90_is_later_than_p50() -> None:
    planned = random_plan(5)
    first = forecast(planned)
    assert first == forecast(planned)
    assert first.timeline.end < first.p90
    assert first.p50 < first.p90


def test_dead_time_makes_a_forecast_longer() -> None:
    planned = random_plan(6)
    assert forecast(planned, 0.0).timeline.end < forecast(planned, 0.1).timeline.end


def bottleneck() -> Forecast:
    exports = tuple(exported(f"b{n}", 10, position=n) for n in range(10))
    return forecast(Planned(exports, tuple(imported(f"b{n}", 60) for n in range(10))))


def test_the_busiest_slot_and_what_a_second_identity_there_would_save_are_told() -> None:
    found = bottleneck()
    assert found.busiest == "t"
    assert [saving.slot for saving in found.savings] == ["t"]
    assert found.savings[0].seconds == pytest.approx(0.5 * found.timeline.end, rel=0.1)


def test_nine_in_ten_runs_end_before_p90() -> None:
    exports = tuple(exported(f"b{n}", 30, position=n) for n in range(6))
    planned = Planned(exports, tuple(imported(f"b{n}", 60) for n in range(6)))
    found, draw = forecast(planned, 0.0), random.Random(8)
    believed = {each.subject: each.duration.median for each in planned.jobs}
    ends = []
    for _ in range(200):
        kin = {name: draw.gauss(0, 0.1) for name in ("export dev", "import")}
        actual = {
            each.subject: each.duration.median * draw.lognormvariate(kin[each.duration.kin], 0.25)
            for each in planned.jobs
        }
        ends.append(play(planned, believed, actual).end)
    assert 0.8 <= sum(end <= found.p90 for end in ends) / 200 <= 0.98
    assert 0.35 <= sum(end <= found.p50 for end in ends) / 200 <= 0.65


def test_parallel_slots_share_the_exports() -> None:
    exports = tuple(exported(f"b{n}", 40, "s1", "s2", position=n) for n in range(6))
    timeline = played(Planned(exports, tuple(imported(f"b{n}", 1) for n in range(6))))
    assert timeline.busy()["s1"] == timeline.busy()["s2"] == 120.0
    assert timeline.end == 122.0


def asked_for(lanes: int, who: str = "m") -> Planned:
    """Lanes of their own slots in which one identity works: one batch each, jobs of 5 s."""
    duration = JobDuration(5.0)
    exports = tuple(PlannedExport(f"b{n}", (f"s{n}",), duration, askers=(who,)) for n in range(lanes))
    imports = tuple(PlannedImport(f"b{n}>t", f"b{n}", (f"t{n}",), duration, askers=(who,)) for n in range(lanes))
    return Planned(exports, imports)


def test_reads_that_many_lanes_share_make_the_run_longer_and_are_told_with_what_they_cost() -> None:
    least = (EXPORT_READS + IMPORT_READS) * 20
    found = forecast(replace(asked_for(20), reads=5.0), waste=0.0)
    assert found.timeline.end == pytest.approx(least / 5.0, rel=0.05)
    (bound,) = found.bound
    assert (bound.identity, bound.what, bound.lanes, bound.per_second) == ("m", "read", 20, 5.0)
    assert bound.seconds == pytest.approx(least / 5.0 - 10.0, rel=0.05)


def test_reads_that_suffice_cost_nothing() -> None:
    found = forecast(replace(asked_for(4), reads=5.0), waste=0.0)
    assert (found.timeline.end, found.bound) == (10.0, ())
