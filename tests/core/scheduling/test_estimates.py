import random
from math import exp, log

import pytest

from orchestrator.core.scheduling.estimates import EACH, GUESS, Estimates, JobTimes, Observation, Prediction
from orchestrator.core.state import events as e
from orchestrator.core.state.slots import JobKind


def seen(seconds: float, assets: int = 100, instance: str = "prod", kind: JobKind = JobKind.IMPORT) -> Observation:
    return Observation(instance, kind, assets, seconds)


def learned(*observations: Observation) -> Estimates:
    estimates = Estimates()
    for each in observations:
        estimates.observe(each)
    return estimates


def test_before_anything_is_known_a_guess_is_made_that_grows_with_the_assets_and_admits_its_doubt() -> None:
    full, one = (Estimates().predict("prod", JobKind.IMPORT, count) for count in (100, 1))
    assert full.p50 == GUESS[JobKind.IMPORT]
    assert one.p50 < full.p50
    assert (full.jobs, full.p90 / full.p50 > 3) == (0, True)


def test_five_equal_jobs_settle_the_level() -> None:
    found = learned(*[seen(12.0)] * 5).predict("prod", JobKind.IMPORT, 100)
    assert found.p50 == pytest.approx(12.0, rel=0.05)
    assert found.jobs == 5
    assert found.doubt < 0.2


def test_one_wild_job_among_ten_moves_the_estimate_by_less_than_a_sixth() -> None:
    steady = [seen(60.0 * factor) for factor in (0.9, 0.95, 1.0, 1.0, 1.05, 1.1, 0.97, 1.03, 1.0)]
    with_wild = learned(*steady, seen(3600.0)).predict("prod", JobKind.IMPORT, 100)
    assert with_wild.p50 == pytest.approx(60.0, rel=1 / 6)


def test_time_as_a_function_of_the_asset_count_is_learned() -> None:
    draw = random.Random(2)
    jobs = [seen((5 + 1.0 * n) * draw.lognormvariate(0, 0.1), n) for n in (100, 100, 20, 100, 50, 10, 80, 100, 30, 100)]
    estimates = learned(*jobs)
    for count in (10, 50, 100):
        assert estimates.predict("prod", JobKind.IMPORT, count).p50 == pytest.approx(5 + count, rel=0.3)


def test_a_duration_that_does_not_depend_on_the_count_is_learned_too() -> None:
    estimates = learned(*[seen(40.0, n) for n in (100, 100, 10, 30, 100, 20, 60, 100)])
    assert estimates.predict("prod", JobKind.IMPORT, 10).p50 == pytest.approx(40.0, rel=0.25)


def test_kinds_and_instances_are_told_apart() -> None:
    estimates = learned(*[seen(10.0, kind=JobKind.EXPORT)] * 6, *[seen(90.0)] * 6, *[seen(30.0, instance="dr")] * 6)
    assert estimates.predict("prod", JobKind.EXPORT, 100).p50 == pytest.approx(10.0, rel=0.1)
    assert estimates.predict("prod", JobKind.IMPORT, 100).p50 == pytest.approx(90.0, rel=0.1)
    assert estimates.predict("dr", JobKind.IMPORT, 100).p50 == pytest.approx(30.0, rel=0.1)


def test_an_unknown_instance_is_expected_to_be_like_the_others() -> None:
    estimates = learned(*[seen(8.0)] * 6)
    assert estimates.predict("prod", JobKind.IMPORT, 100).p50 == pytest.approx(8.0, rel=0.1)
    assert estimates.predict("new", JobKind.IMPORT, 100).p50 == pytest.approx(8.0, rel=0.1)
    assert estimates.predict("new", JobKind.IMPORT, 100).doubt >= 0.5


@pytest.mark.parametrize("sigma", [0.25, 0.6])
def test_the_spread_from_job_to_job_is_learned_and_nine_in_ten_stay_under_p90(sigma: float) -> None:
    draw = random.Random(7)
    estimates = Estimates()
    under = 0
    for number in range(400):
        seconds = 60 * draw.lognormvariate(0, sigma)
        if number >= 20:
            under += seconds <= estimates.predict("prod", JobKind.IMPORT, 100).p90
        estimates.observe(seen(seconds))
    assert estimates.predict("prod", JobKind.IMPORT, 100).sigma == pytest.approx(sigma, rel=0.35)
    assert 0.85 <= under / 380 <= 0.95


def test_the_latest_jobs_count_when_a_service_becomes_slower() -> None:
    estimates = learned(*[seen(20.0)] * 100, *[seen(60.0)] * 60)
    assert estimates.predict("prod", JobKind.IMPORT, 100).p50 == pytest.approx(60.0, rel=0.1)


def test_the_version_tells_when_estimates_have_changed_and_seldom_does_in_a_long_run() -> None:
    estimates = learned(*[seen(20.0)] * EACH)
    assert estimates.version == EACH
    for _ in range(800):
        estimates.observe(seen(20.0))
    assert estimates.version == EACH + 100


def test_a_prediction_is_lognormal() -> None:
    found = Prediction(60.0, 0.3, 0.4)
    assert found.spread == pytest.approx(0.5)
    assert log(found.p90 / 60.0) == pytest.approx(1.2816 * 0.5, rel=1e-3)
    assert Prediction(60.0, 0.0, 0.0).p90 == 60.0 * exp(0.0)


# --- what a journal teaches ---------------------------------------------------------------------------------------


def heard(*told: tuple[float, e.Event]) -> list[Observation]:
    times = JobTimes()
    found = (times.hear(e.Entry(number, at, event)) for number, (at, event) in enumerate(told))
    return [each for each in found if each is not None]


def scheduled(count: int = 3) -> tuple[tuple[float, e.Event], ...]:
    assets = tuple(e.Asset(str(n), "app", str(n)) for n in range(count))
    batch = e.BatchScheduled("b", "dev", assets, ("d",), 0.0)
    return (0.0, batch), (0.0, e.DeliveryScheduled("b>prod", "b", "m", "prod", "AddNew", "", False, "p"))


def test_jobs_that_ended_well_are_read_from_a_journal() -> None:
    told = heard(
        *scheduled(),
        (10.0, e.ExportAccepted("b", "j1")),
        (40.0, e.Exported("b", "archive")),
        (50.0, e.ImportAccepted("b>prod", "j2")),
        (57.0, e.Imported("b>prod")),
    )
    assert told == [
        Observation("dev", JobKind.EXPORT, 3, 30.0),
        Observation("prod", JobKind.IMPORT, 3, 7.0),
    ]


def test_a_failed_job_teaches_nothing_and_the_next_one_counts_from_its_own_beginning() -> None:
    told = heard(
        *scheduled(),
        (10.0, e.ExportAccepted("b", "j1")),
        (40.0, e.ExportVanished("b", e.ErrorDetail("job"))),
        (50.0, e.ExportAccepted("b", "j2")),
        (55.0, e.Exported("b", "archive")),
    )
    assert [each.seconds for each in told] == [5.0]


def test_a_job_over_which_the_process_died_teaches_nothing() -> None:
    told = heard(
        *scheduled(),
        (10.0, e.ExportAccepted("b", "j1")),
        (900.0, e.RunResumed("me", "host", 1, "0")),
        (901.0, e.Exported("b", "archive")),
    )
    assert told == []


def test_the_part_of_a_split_delivery_teaches_at_its_target() -> None:
    half = e.BatchScheduled("half", "dev", (e.Asset("1", "app", "1"),), ("d",), 0.5)
    told = heard(
        *scheduled(),
        (5.0, half),
        (5.0, e.Split("b>prod", (e.Child("half>prod", "half", ("1",), "waiting"),), "halves")),
        (6.0, e.ImportAccepted("half>prod", "j")),
        (8.0, e.Imported("half>prod")),
    )
    assert told == [Observation("prod", JobKind.IMPORT, 1, 2.0)]
