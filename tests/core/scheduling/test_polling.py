import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.scheduling.estimates import Prediction
from orchestrator.core.scheduling.polling import (
    AIM,
    AVERAGE,
    LONGEST,
    SHORTEST,
    TRUSTED_ERROR,
    ProgressAccuracy,
    Report,
    Watch,
    aim,
    next_poll,
)

KNOWN = Prediction(90.0, 0.25, 0.1, 20)


def polls(watch: Watch, seconds: float, progress: float | None = None) -> tuple[int, float]:
    """(status calls, seconds too late) of a job that takes so long; progress is true but for this factor."""
    calls = 0
    while watch.age < seconds:
        watch = replace(watch, age=watch.age + next_poll(watch))
        calls += 1
        if progress is not None:
            told = Report(watch.age, min(1.0, progress * watch.age / seconds))
            watch = replace(watch, reports=(*watch.reports, told))
    return calls, watch.age - seconds


def truth_of(*fractions: float) -> float | None:
    truth = ProgressAccuracy()
    for _ in range(3):
        truth.compare([Report(50.0, each) for each in fractions], 100.0)
    return truth.error


def test_a_job_is_left_alone_until_its_end_is_likely() -> None:
    assert 40.0 < next_poll(Watch(0.0, KNOWN)) < 75.0


def test_polls_are_densest_where_the_end_is_due() -> None:
    at = [next_poll(Watch(age, KNOWN)) for age in (0.0, 60.0, 110.0)]
    assert at[0] > at[1] > at[2]


def test_a_job_unlike_all_others_meets_ever_longer_waits() -> None:
    waits = [next_poll(Watch(age, KNOWN)) for age in (300.0, 900.0, 2700.0)]
    assert waits[0] < waits[1] < waits[2]
    calls, late = polls(Watch(0.0, KNOWN), 900.0)
    assert calls < 60
    assert late < 0.1 * 900.0


def test_a_job_of_which_nothing_is_known_is_asked_about_soon_and_then_less_often() -> None:
    unknown = Prediction(90.0, 0.4, 1.0)
    assert next_poll(Watch(0.0, unknown)) < 30.0
    assert polls(Watch(0.0, unknown), 3.0)[1] < 25.0


def test_tiny_jobs_are_not_polled_without_pause() -> None:
    assert next_poll(Watch(0.1, Prediction(0.2, 0.2, 0.05, 20))) == SHORTEST


def test_a_job_of_hours_is_still_looked_at() -> None:
    assert next_poll(Watch(0.0, Prediction(1800.0, 0.2, 0.1, 20))) == LONGEST
    assert next_poll(Watch(0.0, Prediction(20000.0, 0.2, 0.1, 20))) == 3000.0


@given(
    st.floats(0, 1e6),
    st.floats(0.01, 1e5),
    st.floats(0.0, 2.0),
    st.floats(0.0, 1.5),
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1)), max_size=4),
    st.none() | st.floats(0.015, 0.12),
    st.integers(0, 30),
    st.lists(st.floats(SHORTEST, 1e5), max_size=12),
)
def test_every_wait_is_finite_and_within_its_bounds(
    age: float,
    p50: float,
    sigma: float,
    doubt: float,
    told: list[tuple[float, float]],
    error: float | None,
    jobs: int,
    alike: list[float],
) -> None:
    reports = tuple(Report(at, fraction) for at, fraction in told)
    wait = next_poll(Watch(age, Prediction(p50, sigma, doubt, jobs), reports, error, alike=tuple(alike)))
    assert SHORTEST <= wait <= max(LONGEST, 0.15 * p50)


def test_progress_is_not_believed_before_it_has_been_compared() -> None:
    truth = ProgressAccuracy()
    assert truth.error is None
    truth.compare([Report(30.0, 0.3), Report(60.0, 0.6), Report(80.0, 0.8)], 100.0)
    assert truth.error is None
    truth.compare([Report(30.0, 0.3)], 100.0)
    assert truth.error is not None


def test_true_progress_is_believed_and_stuck_or_noisy_progress_is_not() -> None:
    assert truth_of(0.5, 0.51) is not None
    assert truth_of(0.01) is None
    assert truth_of(0.3, 0.5, 0.75) is None
    assert truth_of(1.0) is None


def test_a_service_that_begins_to_lie_is_found_out() -> None:
    truth = ProgressAccuracy()
    for _ in range(10):
        truth.compare([Report(50.0, 0.5)], 100.0)
    believed = truth.error
    for _ in range(3):
        truth.compare([Report(50.0, 0.01)], 100.0)
    assert believed is not None
    assert believed < TRUSTED_ERROR
    assert truth.error is None


def test_where_progress_is_believed_a_first_report_is_asked_for_early() -> None:
    assert next_poll(Watch(0.0, KNOWN, error=0.02)) == pytest.approx(45.0)


def test_believed_progress_saves_calls_and_dead_time() -> None:
    plain, helped = (
        [polls(Watch(0.0, KNOWN, error=error), seconds, 1.0) for seconds in (60.0, 90.0, 140.0, 200.0)]
        for error in (None, 0.02)
    )
    assert sum(calls for calls, _ in helped) < sum(calls for calls, _ in plain)
    assert sum(late for _, late in helped) < sum(late for _, late in plain)


def test_an_end_that_progress_promises_is_never_taken_for_granted() -> None:
    watch = Watch(80.0, KNOWN, (Report(80.0, 1.0),), 0.02)
    assert next_poll(watch) < 5.0


def test_an_overdraft_of_calls_is_paid_back_and_thrift_may_be_spent() -> None:
    assert aim(0, 0) == AIM
    assert aim(10, 120) < AIM
    assert AIM < aim(10, 40) <= 1.15 * AIM
    assert aim(10, 1000) == pytest.approx(0.7 * AIM)


@pytest.mark.parametrize("sigma", [0.25, 0.6])
def test_the_budget_of_eight_calls_holds_on_average_where_the_estimate_is_right(sigma: float) -> None:
    draw, jobs, used, late, total = random.Random(3), 300, 0, 0.0, 0.0
    for number in range(jobs):
        seconds = 90 * draw.lognormvariate(0, sigma)
        calls, delay = polls(Watch(0.0, Prediction(90.0, sigma, 0.05, 20), aim=aim(number, used)), seconds)
        used, late, total = used + calls, late + delay, total + seconds
    assert used / jobs <= AVERAGE + 0.1
    assert late / total <= (0.04 if sigma < 0.5 else 0.07)
