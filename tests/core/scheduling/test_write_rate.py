"""How many writes a second are sent: set by the plan, or as many as the service was seen to take."""

from dataclasses import replace

import pytest

from orchestrator.core.plan.plan import Instance, Plan, Settings
from orchestrator.core.scheduling.write_rate import (
    CAUTION,
    FIRST,
    LEAST,
    RAISED_AFTER,
    STEP,
    AdaptiveRate,
    LearnedRate,
    LearnedRates,
    rate_of,
    rates_of,
)
from orchestrator.core.state import events as e
from tests.builders.plans import credentials, migration


def raises(rate: AdaptiveRate, writes: int) -> list[float]:
    """The rates to which it rises while so many writes are held back and taken."""
    return [round(rate.per_second, 3) for _ in range(writes) if rate.taken()]


def test_it_rises_by_a_step_after_some_writes_that_were_taken_and_never_beyond_its_most() -> None:
    rate = AdaptiveRate(FIRST, 0.4)
    assert raises(rate, RAISED_AFTER - 1) == []
    assert raises(rate, 1) == [round(FIRST + STEP, 3)]
    assert raises(rate, 100) == [0.34, 0.4]


def test_a_refusal_halves_it_and_what_was_refused_is_tried_again_only_after_many_writes() -> None:
    rate = AdaptiveRate(0.34, 1.0)
    assert rate.throttled()
    assert (rate.per_second, rate.refused) == (0.17, 0.34)
    assert raises(rate, RAISED_AFTER) == [0.255]
    assert raises(rate, RAISED_AFTER * CAUTION - 1) == []
    assert raises(rate, 1) == [0.34]
    assert raises(rate, RAISED_AFTER) == [0.425]  # it is taken now, so nothing holds it back any more


def test_it_never_falls_to_nothing() -> None:
    rate = AdaptiveRate(FIRST, 1.0)
    for _ in range(20):
        rate.throttled()
    assert rate.per_second == LEAST
    low = AdaptiveRate(0.01, 1.0)
    low.throttled()
    assert low.per_second == 0.01


def test_a_rate_that_the_plan_sets_stays_as_it_is() -> None:
    rate = AdaptiveRate.of(rate_of(Settings(writes_per_second=0.05), "m", ["cn-north-4"], {"cn-north-4": TAKES}))
    assert raises(rate, 1000) == []
    assert not rate.throttled()
    assert rate.per_second == 0.05


TAKES = LearnedRate(0.6, 0.68, 1000.0)


@pytest.mark.parametrize(
    ("learned", "start"),
    [(LearnedRate(0.6, 0.0, 1.0), 0.45), (LearnedRate(0.2, 0.0, 1.0), FIRST), (LearnedRate(0.08, 0.17, 1.0), 0.08)],
)
def test_the_next_run_begins_below_what_was_learned_but_not_lower_than_it_must(
    learned: LearnedRate, start: float
) -> None:
    found = rate_of(Settings(), "m", ["cn-north-4"], {"cn-north-4": learned})
    assert found.per_second == pytest.approx(start)
    assert found.refused == learned.refused


def test_the_plan_bounds_what_was_learned_and_the_default_too() -> None:
    settings = Settings(most_writes_per_second=0.1)
    assert rate_of(settings, "m", ["cn-north-4"], {"cn-north-4": TAKES}).per_second == 0.1
    assert rate_of(settings, "m", ["cn-north-4"]).per_second == 0.1


def test_who_works_in_two_regions_begins_with_what_the_more_careful_one_allows() -> None:
    one = Instance("dev", "https://roma.a-1.myhuaweicloud.com", "", "p", "i", ("m",), "a-1")
    instances = {"dev": one, "prod": replace(one, name="prod", region="b-1", credentials=("m", "n"))}
    plan = Plan("orders", credentials("m", "n"), instances, Settings(), (migration(),), "plan.yaml")
    found = rates_of(plan, {"a-1": TAKES, "b-1": replace(TAKES, per_second=0.3)})
    assert {name: each.region for name, each in found.items()} == {"m": "b-1", "n": "b-1"}
    assert rates_of(plan, {"a-1": TAKES})["m"].per_second == FIRST


def entry(event: e.Event, at: float) -> e.Entry:
    return e.Entry(1, at, event)


def test_a_journal_tells_what_was_taken_and_not_what_was_tried_last() -> None:
    rates = LearnedRates()
    rates.hear(entry(e.WriteRateLearned("r", "m", 0.255, 0.17), 5.0))
    assert rates.by_region["r"] == LearnedRate(0.17, 0.0, 5.0)
    rates.hear(entry(e.WriteRateLearned("r", "m", 0.1275, 0.255, 0.255), 6.0))
    assert rates.by_region["r"] == LearnedRate(0.1275, 0.255, 6.0)


def test_what_a_run_knew_goes_on_where_it_learned_nothing_but_not_over_what_is_newer() -> None:
    known = rate_of(Settings(), "m", ["r"], {"r": TAKES})
    rates = LearnedRates()
    rates.hear(entry(e.SchedulePredicted(1.0, 2.0, rates=(known, e.WriteRate("n", FIRST, 1.0))), 2000.0))
    assert rates.by_region == {"r": TAKES}
    rates.hear(entry(e.WriteRateLearned("r", "m", 0.4, 0.8, 0.8), 3000.0))
    rates.hear(entry(e.SchedulePredicted(1.0, 2.0, rates=(known,)), 4000.0))
    assert rates.by_region["r"].per_second == 0.4
