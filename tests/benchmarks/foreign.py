"""(j) Somebody else's job in the target's slot, each ten minutes, in virtual time: from its end to our request.

Model. One lane of 40 batches, as in (w), exports of 20 to 60 s, imports of 60 to 120 s times lognormal 0.3. Each 600 s
somebody of the same user begins an import at the target: 150 s times a lognormal factor of sigma 0.3; while a job of
ours runs it begins as that ends, before we can know. *late* is the time from its end to the acceptance of our next job
in that slot, where we had been refused meanwhile; *refused* counts those requests. *doubling* is the rule of before (2,
4, 8, 16, then 30 s) on the same jobs. The bound of *makespan* is the real load of the target's slot, theirs and ours.
"""

import asyncio
import random
import tempfile
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.jobs import JobType
from orchestrator.emulator.service.ledger import Ledger
from orchestrator.emulator.service.service import Caller
from orchestrator.storage.home import Home
from tests.benchmarks.assembly import BEGIN
from tests.benchmarks.whole import run_program
from tests.benchmarks.workload import TimedService, Workload, user_of
from tests.simulation.virtual import run_virtually

PLANS = 20
BATCHES = 40
EVERY, LENGTH, SIGMA = 600.0, 150.0, 0.3
#: seconds within which they take a slot that is free again
AT_ONCE = 0.25
FROM, TO = "east", "west"


class SharedService(TimedService):
    """Somebody else uses the target's slot too."""

    def somebody(self, draw: random.Random) -> None:
        """Let them come each ten minutes, for as long as time goes on."""
        them = Caller(user_of(TO), TO)

        def come(number: int) -> None:
            self.agenda.at(self.began + (number + 1.5) * EVERY, lambda: come(number + 1))
            begin(LENGTH * draw.lognormvariate(0, SIGMA))

        def begin(seconds: float) -> None:
            if not self.take_slot(them, JobType.IMPORT, seconds):
                self.agenda.at(self.agenda.time + AT_ONCE, lambda: begin(seconds))

        self.agenda.at(self.began + 0.5 * EVERY, lambda: come(0))


@dataclass(slots=True)
class _Found:
    late: list[float] = field(default_factory=list)
    doubling: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    makespan: list[float] = field(default_factory=list)

    def add(self, ledger: Ledger) -> None:
        """What one run's service saw at the target."""
        jobs = sorted((job for job in ledger.jobs.values() if job.instance == TO), key=lambda job: job.begin)
        ours = [job for job in jobs if not job.foreign]
        calls = [call for call in ledger.calls if call.instance == TO and call.outcome != "accepted"]
        for job, following in pairwise(jobs):
            tries = [call.time for call in calls if job.begin <= call.time < job.end]
            if not job.foreign or following.foreign or not tries:
                continue
            self.late.append(following.begin - job.end)
            self.refused.append(len(tries))
            self.doubling.append(_doubling(min(tries), job.end))
        within = [job for job in jobs if ours[0].begin <= job.begin < ours[-1].end]
        self.makespan.append((ours[-1].end - ours[0].begin) / sum(job.end - job.begin for job in within))


def _doubling(tried: float, end: float) -> float:
    """How late the rule of before would have been."""
    wait = 2.0
    while tried < end:
        tried, wait = tried + wait, min(2 * wait, 30.0)
    return tried - end


def _workload(seed: int) -> Workload:
    draw = random.Random(f"foreign {seed}")
    batches = [f"b{number:02}" for number in range(BATCHES)]
    actual = {batch: draw.uniform(20, 60) for batch in batches}
    actual |= {f"{batch}>{TO}": draw.uniform(60, 120) * draw.lognormvariate(0, SIGMA) for batch in batches}
    return Workload(dict.fromkeys(batches, FROM), dict.fromkeys(batches, 10), actual)


async def _one(seed: int, folder: Path, found: _Found) -> None:
    loop, workload = asyncio.get_running_loop(), _workload(seed)
    service = SharedService(workload, lambda: BEGIN + loop.time())
    service.somebody(random.Random(f"them {seed}"))
    home = Home(folder / "home")
    home.make()
    await run_program("foreign", workload, Api(service), home)
    found.add(service.ledger)


def report(plans: int) -> list[str]:
    """The table."""
    plans, found = min(plans, PLANS), _Found()
    for seed in range(plans):
        with tempfile.TemporaryDirectory() as folder:
            run_virtually(partial(_one, seed, Path(folder), found))
    return [
        f"(j) somebody else's job in the target's slot each {EVERY:.0f} s, {plans} runs, {len(found.late)} met",
        f"late, mean: {mean(found.late):.1f} s (target 5), worst {max(found.late):.1f} s; "
        f"refused requests for each: {mean(found.refused):.1f}",
        f"the rule of before (doubling) on the same jobs: {mean(found.doubling):.1f} s",
        f"makespan over the load of the target's slot: {mean(found.makespan):.3f}, worst {max(found.makespan):.3f} "
        "(target 1.05)",
    ]
