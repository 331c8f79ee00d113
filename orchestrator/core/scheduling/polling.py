"""When to ask again whether a job has ended. Law: pure; few calls, spent where the job is likely to end.

Theory. A poll costs a call, a late one costs the slot's time. For a job that has not ended at age t and ends then with
hazard h(t), the cheapest rate of polls is proportional to sqrt(h(t)) (Keller's limit of the Barlow-Proschan inspection
problem): none while the end is unlikely, dense where it is due, sparse again in the tail. The factor follows from the
budget of calls a job.

The distribution has three parts: the estimate's lognormal; a wide one about it, for a job unlike all others, whose
share is large while few jobs are known, because one or two durations prove nothing; and a narrow one about each of the
latest durations, so that jobs of two sorts (3 s and 25 s) are looked for at both. Shares and widths were fitted on
eight shapes of durations; `tests/benchmarks/firstjobs.py` reports on others.

Progress (API 1.4) is used only where it has been truthful: what earlier jobs of that instance reported is compared with
what was true in hindsight, or three reports of one job agree. Completion is never concluded from it (API 7, 6).
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from math import erfc, exp, inf, log, pi, sqrt

from orchestrator.core.scheduling.estimates import Prediction

#: status calls that a job's rate of polls is aimed at, and their average above which the aim is lowered; the contract
#: is 8, and the last poll before the end and wrong estimates cost some
AIM = 8.5
AVERAGE = 7.7
#: shortest wait between two polls, seconds
SHORTEST = 0.05
#: longest wait between two polls: seconds, or this share of the expected duration where that is more
LONGEST = 300.0
LONGEST_SHARE = 0.15
#: a job this far beyond its estimate, in spreads, waits at least this share of its age
FAR, FAR_SHARE = 3.0, 0.08
#: share of jobs that are unlike the others: 1 / (jobs known + 2), but at least this; how much wider their spread is
UNLIKE, UNLIKE_JOBS = 0.03, 2.0
WIDER = 0.9
#: the latest durations that are looked for, the spread about each, and their share of the jobs that are alike
LATEST, LATEST_SPREAD, LATEST_SHARE = 12, 0.15, 0.3
#: below this number of known jobs, a job is looked at early, at this share of what is expected, and no wait is longer
#: than this multiple of its age
CAREFUL, EARLY, GROWTH = 5, 0.1, 1.5
#: where nothing of the kind was seen before: longest first wait in seconds, then this share of the job's age
FIRST_POLL, FIRST_SHARE = 1.0, 0.35
#: where progress tells when the end is due, this share of the calls is enough
TOLD_AIM = 0.75
#: jobs and reports that must have been compared before progress is believed, and how wrong they may be (fractions)
TRIED_JOBS = 2
TRIED_REPORTS = 3
TRUSTED_ERROR = 0.12
#: smallest error of progress that is assumed
LEAST_ERROR = 0.015
#: where progress is believed, a first report is asked for at this share of the expected duration
FIRST_REPORT = 0.5

#: points of a table of expected polls, and how far it reaches beyond its parts, in their spreads
_POINTS, _BELOW, _ABOVE = 90, 3.2, 3.5
_ROOT = sqrt(2.0 * pi)

#: (share, median in seconds, spread of the logarithm)
Part = tuple[float, float, float]


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
    #: seconds that the latest jobs like it took, at most LATEST, each scaled to its number of assets
    alike: tuple[float, ...] = ()


def next_poll(watch: Watch) -> float:
    """Seconds until the next poll."""
    expected = watch.expected
    longest = max(LONGEST, LONGEST_SHARE * expected.p50)
    if not expected.jobs:  # whatever its progress says: an outage beside it is to be seen as well
        longest = min(longest, max(FIRST_POLL, FIRST_SHARE * watch.age))
    told = _told(watch)
    if told is not None:
        wait = _due(_around(*told), TOLD_AIM * watch.aim, watch.age)
    else:
        wait = _due(_untold(watch), watch.aim, watch.age)
        longest = min(longest, _patience(watch))
    middle, spread = told or (expected.p50, expected.sigma)
    if watch.age > middle * exp(FAR * max(spread, expected.sigma)):
        wait = max(wait, FAR_SHARE * watch.age)
    return max(SHORTEST, min(wait, longest))


def _patience(watch: Watch) -> float:
    """Longest wait, in seconds, while nothing tells when the end is due."""
    p50, jobs = watch.expected.p50, watch.expected.jobs
    careful = inf
    if 0 < jobs < CAREFUL:
        careful = GROWTH * watch.age if watch.age else EARLY * p50
    if watch.error is None or watch.reports or watch.age >= FIRST_REPORT * p50:
        return careful
    return min(careful, FIRST_REPORT * p50 - watch.age)


def _told(watch: Watch) -> tuple[float, float] | None:
    """(median, spread) of the duration by the latest progress, where it is believed."""
    usable = [each for each in watch.reports if 0.05 < each.fraction <= 1.0 and each.age > 0]
    error = watch.error if watch.error is not None else _steady(usable)
    if error is None or not usable:
        return None
    last, spread = usable[-1], watch.expected.spread + 1.0
    doubt = error / last.fraction
    weight = spread**2 / (spread**2 + doubt**2)
    p50 = log(watch.expected.p50)
    told = exp(p50 + weight * (log(last.age / last.fraction) - p50))
    return max(told, SHORTEST), max(0.7 * doubt, 0.01)


def _steady(usable: list[Report]) -> float | None:
    """What progress is worth within one job, before others vouch for it: reports that agree on the whole."""
    if len(usable) < 3:
        return None
    wholes = [each.age / each.fraction for each in usable[-3:]]
    return 2 * LEAST_ERROR if max(wholes) <= 1.05 * min(wholes) else None


def _around(middle: float, spread: float) -> tuple[Part, ...]:
    return (1.0 - UNLIKE, middle, spread), (UNLIKE, middle, spread + WIDER)


def _untold(watch: Watch) -> tuple[Part, ...]:
    """The parts of the distribution that earlier jobs give."""
    expected, latest = watch.expected, watch.alike
    unlike = max(UNLIKE, 1.0 / (expected.jobs + UNLIKE_JOBS))
    near = (1.0 - unlike) * LATEST_SHARE if latest else 0.0
    return (
        (1.0 - unlike - near, expected.p50, max(expected.spread, 0.02)),
        (unlike, expected.p50, expected.spread + WIDER),
        *((near / len(latest), seconds, LATEST_SPREAD) for seconds in latest),
    )


def _due(parts: tuple[Part, ...], calls: float, age: float) -> float:
    """Seconds until the rate of polls, summed from this age, reaches one."""
    table = _expected_polls(parts)
    wanted = table.until(age) + 1.0 / calls
    if wanted >= table.summed[-1]:
        return FIRST_SHARE * max(age, exp(table.begins))
    return table.age_of(wanted) - age


@dataclass(frozen=True, slots=True)
class _ExpectedPolls:
    """A table over the logarithm of the age: polls until then, for one call a job."""

    #: logarithms: of the first age, in seconds, and from point to point
    begins: float
    step: float
    summed: tuple[float, ...]

    def until(self, age: float) -> float:
        """Polls until this age."""
        place = (log(age) - self.begins) / self.step if age > 0 else 0.0
        if place <= 0.0:
            return 0.0
        before = int(place)
        if before >= len(self.summed) - 1:
            return self.summed[-1]
        return self.summed[before] + (place - before) * (self.summed[before + 1] - self.summed[before])

    def age_of(self, polls: float) -> float:
        """The age, in seconds, until which there are so many polls: fewer than the table's last."""
        before = bisect_right(self.summed, polls) - 1
        part = (polls - self.summed[before]) / (self.summed[before + 1] - self.summed[before])
        return exp(self.begins + self.step * (before + part))


@lru_cache(maxsize=512)
def _expected_polls(parts: tuple[Part, ...]) -> _ExpectedPolls:
    begins = min(log(middle) - _BELOW * spread for _, middle, spread in parts)
    ends = max(log(middle) + _ABOVE * spread for _, middle, spread in parts)
    step = (ends - begins) / _POINTS
    rates, calls = [], 0.0
    for point in range(_POINTS):
        at = begins + (point + 0.5) * step
        dense = alive = 0.0
        for share, middle, spread in parts:
            score = (at - log(middle)) / spread
            dense += share * exp(-0.5 * score * score) / (spread * _ROOT)
            alive += 0.5 * share * erfc(score / sqrt(2.0))
        # sqrt(density of the age) d(age), with the age's logarithm as the variable
        rates.append(sqrt(dense * exp(at) / max(alive, 1e-9)) * step)
        calls += sqrt(dense * exp(at) * alive) * step
    return _ExpectedPolls(begins, step, tuple(accumulate((rate / calls for rate in rates), initial=0.0)))


def aim(jobs: int, calls: int) -> float:
    """Status calls to aim at for the next job, when `jobs` jobs have used `calls`: an overdraft is paid back."""
    overdraft = calls - AVERAGE * jobs
    return max(0.7 * AIM, min(1.15 * AIM, AIM - 0.1 * overdraft))
