"""(c) Dead time and status calls a job, in virtual time: the polling policy against jobs it has to learn.

Model. A run has 25 jobs of one kind on one instance, of 100 assets but for one in five (20 to 99). A job takes
(20 + 0.7 n) s times a lognormal factor of the given sigma. Nothing is known at first. Dead time is the delay from a
job's end to the poll that sees it, summed over jobs 6 to 25 and divided by their summed durations. Progress is
`none`, `stuck` (0.01 for ever), `noisy` (true within 0.3) or `truthful`. The fixed beats are what scripts do.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from orchestrator.core.scheduling.estimates import Estimates, Observation
from orchestrator.core.scheduling.polling import LATEST, ProgressAccuracy, Report, Watch, aim, next_poll
from orchestrator.core.state.slots import JobKind

JOBS = 25
LEARNED_FROM = 5
SIGMAS = (0.25, 0.6)
PROGRESS = ("none", "stuck", "noisy", "truthful")

#: age -> seconds until the next poll
Beat = Callable[[float], float]


@dataclass(slots=True)
class Tally:
    """Sums over measured jobs."""

    dead: float = 0.0
    seconds: float = 0.0
    calls: int = 0
    jobs: int = 0

    def add(self, seconds: float, seen: float, calls: int) -> None:
        self.dead += seen - seconds
        self.seconds += seconds
        self.calls += calls
        self.jobs += 1

    def told(self) -> str:
        return f"{100 * self.dead / self.seconds:5.2f} % {self.calls / self.jobs:5.2f} calls"


def one_run(sigma: float, progress: str, draw: random.Random, tally: Tally) -> None:
    """Let the policy wait for the jobs of one run, learning as it goes."""
    estimates, truth = Estimates(), ProgressAccuracy()
    used = 0
    for number in range(JOBS):
        assets = 100 if draw.random() < 0.8 else draw.randint(20, 99)
        seconds = (20 + 0.7 * assets) * draw.lognormvariate(0, sigma)
        alike = estimates.alike("prod", JobKind.IMPORT, assets, LATEST)
        expected = estimates.predict("prod", JobKind.IMPORT, assets)
        watch = Watch(0.0, expected, error=truth.error, aim=aim(number, used), alike=alike)
        calls, reports = 0, watch.reports
        while True:
            age = watch.age + next_poll(watch)
            calls += 1
            if age >= seconds:
                break
            if progress != "none":
                reports = (*reports, Report(age, told(progress, age / seconds, draw)))
            watch = replace(watch, age=age, reports=reports)
        used += calls
        truth.compare(reports, age)
        estimates.observe(Observation("prod", JobKind.IMPORT, assets, age))
        if number >= LEARNED_FROM:
            tally.add(seconds, age, calls)


def told(progress: str, fraction: float, draw: random.Random) -> float:
    """What a service of this kind says of a job that is so far."""
    if progress == "stuck":
        return 0.01
    if progress == "noisy":
        return min(1.0, max(0.0, fraction + draw.uniform(-0.3, 0.3)))
    return fraction


def _beaten(sigma: float, beat: Beat, draw: random.Random, runs: int) -> Tally:
    tally = Tally()
    for _ in range(runs * (JOBS - LEARNED_FROM)):
        assets = 100 if draw.random() < 0.8 else draw.randint(20, 99)
        seconds, age, calls = (20 + 0.7 * assets) * draw.lognormvariate(0, sigma), 0.0, 0
        while age < seconds:
            age += beat(age)
            calls += 1
        tally.add(seconds, age, calls)
    return tally


def report(runs: int) -> list[str]:
    """The table."""
    lines = [
        f"(c) dead time and status calls a job, jobs 6 to {JOBS}, {runs} runs each",
        f"{'':24}" + "".join(f"{f'sigma {sigma}':>24}" for sigma in SIGMAS),
    ]
    for progress in PROGRESS:
        tallies = []
        for sigma in SIGMAS:
            tally, draw = Tally(), random.Random(f"{sigma} {progress}")
            for _ in range(runs):
                one_run(sigma, progress, draw, tally)
            tallies.append(tally)
        lines.append(f"{f'progress {progress}':24}" + "".join(f"{each.told():>24}" for each in tallies))
    beats: dict[str, Beat] = {"each 5 s": lambda _: 5.0, "15 % of age": lambda age: min(15.0, max(0.5, 0.15 * age))}
    for name, beat in beats.items():
        found = [_beaten(sigma, beat, random.Random(f"{sigma}"), runs) for sigma in SIGMAS]
        lines.append(f"{name:24}" + "".join(f"{each.told():>24}" for each in found))
    return lines
