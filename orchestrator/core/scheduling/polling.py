"""When to ask again whether a job has ended. Law: pure; few calls, spent where the job is likely to end.

Theory. A poll costs a call, a late one costs the slot's time. For a job that has not ended at age t and ends then with
hazard h(t), the cheapest rate of polls is proportional to sqrt(h(t)) (Keller's limit of the Barlow-Proschan inspection
problem): none while the end is unlikely, dense where it is due, sparse again in the tail. The factor follows from the
budget of calls a job. The distribution is the estimate's lognormal with a thin wide one mixed in, so that a job unlike
all others meets ever longer waits, not a storm.

Progress (API 1.4) is used only where it has been truthful: what earlier jobs of that instance reported is compared with
what was true in hindsight. Completion is never concluded from it (API 7, 6).
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, log, sqrt
from statistics import NormalDist

from orchestrator.core.scheduling.estimates import Prediction

#: status calls that a job's rate of polls is aimed at, and their average above which the aim is lowered; the contract
#: is 8, and the last poll before the end and wrong estimates cost some
AIM = 7.0
AVERAGE = 7.7
#: shortest wait between two polls, seconds
SHORTEST = 0.05
#: longest wait between two polls: seconds, or this share of the expected duration where that is more
LONGEST = 300.0
LONGEST_SHARE = 0.15
#: a job this far beyond its estimate, in spreads, waits at least this share of its age
FAR, FAR_SHARE = 3.0, 0.08
#: share of jobs that are unlike the others, and how much wider their spread is
UNLIKE = 0.03
WIDER = 1.0
#: jobs and reports that must have been compared before progress is believed, and how wrong they may be (fractions)
TRIED_JOBS = 2
TRIED_REPORTS = 3
TRUSTED_ERROR = 0.12
#: smallest error of progress that is assumed
LEAST_ERROR = 0.015
#: where progress is believed, a first report is asked for at this share of the expected duration
FIRST_REPORT = 0.5

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Report:
    """What one poll of a running job said."""

    #: age of the job, seconds
    age: float
    #: its progress, 0..1
    fraction: float


@dataclass(slots=True)
class ProgressAccuracy:
    """How truthful progress has been for one instance and kind of job."""

    _errors: deque[float] = field(default_factory=lambda: deque(maxlen=40))
    _jobs: int = 0

    def compare(self, reports: Iterable[Report], seconds: float) -> None:
        """Judge the reports of a job that took `seconds`, now that it has ended."""
        errors = [abs(report.fraction - report.age / seconds) for report in reports if 0 < report.age < seconds]
        self._errors.extend(errors)
        self._jobs += bool(errors)

    @property
    def error(self) -> float | None:
        """By how much, as a fraction, nine in ten reports are wrong at most; None where they are not believed."""
        if self._jobs < TRIED_JOBS or len(self._errors) < TRIED_REPORTS:
            return None
        ordered = sorted(self._errors)
        worst = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
        return max(worst, LEAST_ERROR) if worst <= TRUSTED_ERROR else None


@dataclass(frozen=True, slots=True)
class Watch:
    """Everything that is known of a job that runs."""

    #: seconds since it was accepted
    age: float
    expected: Prediction
    #: what polls said so far; polls without a progress leave none
    reports: tuple[Report, ...] = ()
    #: `ProgressAccuracy.error` of its instance and kind
    error: float | None = None
    #: status calls a job that are aimed at
    aim: float = AIM


def next_poll(watch: Watch) -> float:
    """Seconds until the next poll."""
    first = watch.expected
    density = watch.aim / (_need(round(first.spread, 2)) * sqrt(first.p50))
    middle, spread = _informed(watch)
    wait = _due(watch.age, middle, spread, density) - watch.age
    longest = max(LONGEST, LONGEST_SHARE * first.p50)
    if watch.error is not None and not watch.reports and watch.age < FIRST_REPORT * first.p50:
        longest = min(longest, FIRST_REPORT * first.p50 - watch.age)
    if log(max(watch.age, 1e-9) / middle) > FAR * max(spread, first.sigma):
        wait = max(wait, FAR_SHARE * watch.age)
    return max(SHORTEST, min(wait, longest))


def _informed(watch: Watch) -> tuple[float, float]:
    """(median, spread) of the duration, with the latest progress where it is believed."""
    middle, spread = watch.expected.p50, max(watch.expected.spread, 0.02)
    usable = [each for each in watch.reports if 0.05 < each.fraction <= 1.0 and each.age > 0]
    error = watch.error if watch.error is not None else _steady(usable)
    if error is None or not usable:
        return middle, spread
    last = usable[-1]
    doubt = error / last.fraction
    weight = spread**2 / (spread**2 + doubt**2)
    told = log(middle) + weight * (log(last.age / last.fraction) - log(middle))
    return exp(told), max(spread * sqrt(1.0 - weight), 0.01)


def _steady(usable: list[Report]) -> float | None:
    """What progress is worth within one job, before others vouch for it: reports that agree on the whole."""
    if len(usable) < 3:
        return None
    wholes = [each.age / each.fraction for each in usable[-3:]]
    return 2 * LEAST_ERROR if max(wholes) <= 1.05 * min(wholes) else None


def _due(age: float, middle: float, spread: float, density: float) -> float:
    """The age at which the rate of polls, summed from `age`, reaches one."""
    step = 0.25 * spread * middle
    before = age
    # Far before the end the rate is nothing: begin where the narrow part does.
    start = middle * exp(-3.5 * spread)
    total = _rate(0.5 * (before + start), middle, spread, density) * (start - before) if start > before else 0.0
    now = max(before, start)
    while total < 1.0:
        step = max(0.05 * now, 0.2 * spread * middle) if now > middle * exp(3 * spread) else 0.15 * spread * now
        rate = _rate(now + 0.5 * step, middle, spread, density)
        if total + rate * step >= 1.0:
            return now + (1.0 - total) / rate
        total += rate * step
        now += step
    return now


def _rate(age: float, middle: float, spread: float, density: float) -> float:
    dense, alive = _mixed(max(age, 1e-9), middle, spread)
    return density * sqrt(dense / alive) if alive > 1e-300 else density / sqrt(max(age, 1e-9))


def _mixed(age: float, middle: float, spread: float) -> tuple[float, float]:
    """(density, survival) at this age."""
    dense = alive = 0.0
    for share, width in ((1.0 - UNLIKE, spread), (UNLIKE, spread + WIDER)):
        score = log(age / middle) / width
        dense += share * _NORMAL.pdf(score) / (width * age)
        alive += share * (1.0 - _NORMAL.cdf(score))
    return dense, alive


@lru_cache(maxsize=512)
def _need(spread: float) -> float:
    """Integral of sqrt(density * survival) for a median of 1: expected polls a job per unit of their rate's factor."""
    spread = max(spread, 0.02)
    total, width = 0.0, 8.0 / 200
    for number in range(200):
        age = exp(spread * (-4.0 + width * (number + 0.5)))
        dense, alive = _mixed(age, 1.0, spread)
        total += sqrt(dense * alive) * age * spread * width
    return total


def aim(jobs: int, calls: int) -> float:
    """Status calls to aim at for the next job, when `jobs` jobs have used `calls`: an overdraft is paid back."""
    overdraft = calls - AVERAGE * jobs
    return max(0.7 * AIM, min(1.15 * AIM, AIM - 0.1 * overdraft))
