"""What a run learns of durations, and so when it asks again: it listens, advises, and forgets nothing it was told."""

import pytest

from orchestrator.core.scheduling.estimates import GUESS
from orchestrator.core.scheduling.polling import LONGEST, SHORTEST
from orchestrator.core.state import events as e
from orchestrator.core.state.slots import JobKind
from orchestrator.engine.poll_timing import Poller, PollTiming
from tests.builders.runs import Run, app


def exported_in(seconds: float, jobs: int = 6) -> Run:
    """A run in which each export took so long."""
    run = Run()
    for number in range(jobs):
        batch = run.life(run.carries(app(f"a{number}"))).batch
        run.exports(batch)
        run.later(seconds).believe(e.Exported(batch, "arch"))
    return run


def times(poller: Poller, until: float) -> list[float]:
    """Ages at which a job is polled that runs so long, without a word of its progress."""
    polled: list[float] = []
    age = poller.wait(0.0)
    while age < until:
        poller.polled(age, None)
        polled.append(age)
        age += poller.wait(age)
    poller.ended(age)
    return [*polled, age]


def test_before_anything_is_known_the_guess_is_told() -> None:
    found = PollTiming().predict("dev", JobKind.EXPORT, 100)
    assert found.p50 == pytest.approx(GUESS[JobKind.EXPORT])
    assert found.jobs == 0


def test_what_is_believed_in_the_live_run_teaches_and_so_does_an_earlier_run() -> None:
    entries = exported_in(300.0).entries
    live, later = PollTiming(), PollTiming()
    for entry in entries:
        live.hear(entry)
    later.learn(entries)
    assert live.predict("dev", JobKind.EXPORT, 1) == later.predict("dev", JobKind.EXPORT, 1)
    assert 200.0 < live.predict("dev", JobKind.EXPORT, 1).p50 < 350.0
    assert live.predict("dev", JobKind.EXPORT, 1).jobs == 6


def test_an_earlier_run_that_broke_off_in_a_job_teaches_nothing_of_the_next_one() -> None:
    run = exported_in(100.0, 1)
    batch = run.life(run.carries(app("cut"))).batch
    run.exports(batch)
    poll_timing = PollTiming()
    poll_timing.learn(run.entries)
    run.later(100_000.0).believe(e.RunResumed("op", "host", 2, "0"), e.Exported(batch, "arch"))
    for entry in run.entries[-2:]:
        poll_timing.hear(entry)
    assert poll_timing.predict("dev", JobKind.EXPORT, 1).jobs == 1


def test_a_batch_without_assets_is_predicted_like_one_asset() -> None:
    assert PollTiming().predict("dev", JobKind.IMPORT, 0) == PollTiming().predict("dev", JobKind.IMPORT, 1)


@pytest.mark.parametrize("seconds", [1.0, 40.0, 90.0, 600.0, 20_000.0])
def test_a_job_is_polled_neither_hastily_nor_rarely_however_long_it_takes(seconds: float) -> None:
    ages = times(PollTiming().poller("dev", JobKind.EXPORT, 100), seconds)
    gaps = [after - before for before, after in zip([0.0, *ages], ages, strict=False)]
    assert min(gaps) >= SHORTEST
    assert max(gaps) <= max(LONGEST, 0.1 * seconds)


def test_a_known_duration_is_met_with_few_calls_and_little_delay() -> None:
    poll_timing = PollTiming()
    poll_timing.learn(exported_in(120.0, 20).entries)
    late = []
    calls = 0
    for _ in range(10):
        ages = times(poll_timing.poller("dev", JobKind.EXPORT, 1), 120.0)
        calls += len(ages)
        late.append(ages[-1] - 120.0)
    assert calls / 10 <= 10.0
    assert sum(late) / 10 <= 12.0


def test_progress_is_used_once_it_has_been_truthful() -> None:
    poll_timing = PollTiming()
    for _ in range(4):
        poller = poll_timing.poller("dev", JobKind.EXPORT, 100)
        for age in (100.0, 200.0, 300.0):
            poller.polled(age, age / 400.0)
        poller.ended(400.0)
    told = poll_timing.poller("dev", JobKind.EXPORT, 100)
    told.polled(100.0, 0.25)
    untold = poll_timing.poller("dev", JobKind.EXPORT, 100)
    untold.polled(100.0, None)
    assert told.wait(100.0) > untold.wait(100.0), "the end is due at 400 s, which only progress tells"


def test_a_process_that_goes_on_with_a_run_learns_from_the_jobs_that_it_sees() -> None:
    run = Run()
    batch = run.life(run.carries(app("a"))).batch
    run.exports(batch)
    timing = PollTiming()
    timing.follow(run.entries)
    run.later(500).believe(e.Exported(batch, "arch"))
    timing.hear(run.entries[-1])
    assert timing.predict("dev", JobKind.EXPORT, 1).jobs == 1
