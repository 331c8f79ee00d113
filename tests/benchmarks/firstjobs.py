"""(i) Dead time and status calls of a lane's second to fifth job from a cold home, in virtual time.

Model. A lane has five jobs of one kind on one instance, of 100 assets but for one in five (20 to 99); a job takes
(0.3 + 0.7 n / 100) times a duration drawn from a shape. Nothing is known at first, and the first job is not counted.
Dead time is the delay from a job's end to the poll that sees it, over the jobs' durations. Progress is uninformative
(`none`, `stuck` at 0.01, `noisy` within 0.3; all three together) or `truthful`.

Apart. The rule's constants (`core/scheduling/polling`) were fitted on `FIT` alone. The table reports on `REPORT`,
shapes that no constant was fitted on. `--fit` prints the others. Beside it stands what scripts do, a poll each 5 s.
"""

import random
import sys
from collections.abc import Callable, Mapping

from orchestrator.core.scheduling.estimates import Observation
from orchestrator.core.state.slots import JobKind
from orchestrator.engine.poll_timing import PollTiming
from tests.benchmarks.deadtime import Tally, told

JOBS = 5
UNINFORMATIVE = ("none", "stuck", "noisy")

#: seconds of a job of 100 assets
Shape = Callable[[random.Random], float]

FIT: Mapping[str, Shape] = {
    "lognormal 0.15": lambda draw: 60 * draw.lognormvariate(0, 0.15),
    "lognormal 0.3": lambda draw: 90 * draw.lognormvariate(0, 0.3),
    "lognormal 0.5": lambda draw: 20 * draw.lognormvariate(0, 0.5),
    "10 s or 40 s": lambda draw: draw.choice([10, 40]) * draw.lognormvariate(0, 0.1),
    "5 s, one in five 100 s": lambda draw: (100 if draw.random() < 0.2 else 5) * draw.lognormvariate(0, 0.15),
    "gamma 2": lambda draw: draw.gammavariate(2, 15) + 1,
    "uniform 15 to 45 s": lambda draw: draw.uniform(15, 45),
    "one in seven much longer": lambda draw: (
        30 * draw.lognormvariate(0, 0.2) * (draw.paretovariate(1.5) if draw.random() < 0.15 else 1)
    ),
}
REPORT: Mapping[str, Shape] = {
    "3 s or 25 s": lambda draw: draw.choice([3, 25]) * draw.lognormvariate(0, 0.1),
    "heavy tail (Pareto 1.5)": lambda draw: 30 * draw.paretovariate(1.5),
    "one in ten 4 to 10 times": lambda draw: (
        20 * draw.lognormvariate(0, 0.3) * (1 if draw.random() < 0.9 else draw.uniform(4, 10))
    ),
    "lognormal 0.6": lambda draw: 60 * draw.lognormvariate(0, 0.6),
    "8 s, 30 s or 90 s": lambda draw: draw.choice([8, 30, 90]) * draw.lognormvariate(0, 0.15),
}


def one_lane(shape: Shape, progress: str, draw: random.Random, tally: Tally, scripted: Tally) -> None:
    """Five jobs, each polled by the rule; `scripted` counts the same jobs polled each 5 s."""
    timing = PollTiming()
    for number in range(JOBS):
        assets = 100 if draw.random() < 0.8 else draw.randint(20, 99)
        seconds = shape(draw) * (0.3 + 0.7 * assets / 100)
        poller, calls = timing.poller("prod", JobKind.IMPORT, assets), 1
        age = poller.wait(0.0)
        while age < seconds:
            poller.polled(age, None if progress == "none" else told(progress, age / seconds, draw))
            age, calls = age + poller.wait(age), calls + 1
        poller.ended(age)
        timing.estimates.observe(Observation("prod", JobKind.IMPORT, assets, age))
        if number:
            tally.add(seconds, age, calls)
            beats = int(seconds / 5.0) + 1
            scripted.add(seconds, 5.0 * beats, beats)


def report(runs: int, shapes: Mapping[str, Shape] = REPORT) -> list[str]:
    """The table."""
    lines = [
        f"(i) dead time and status calls a job, jobs 2 to {JOBS} of a cold lane, {runs} lanes each",
        f"{'':26}{'uninformative':>24}{'truthful':>24}{'each 5 s':>24}",
    ]
    for name, shape in shapes.items():
        plain, true, scripted = Tally(), Tally(), Tally()
        for progress in (*UNINFORMATIVE, "truthful"):
            draw = random.Random(f"{name} {progress}")
            for _ in range(runs):
                one_lane(shape, progress, draw, true if progress == "truthful" else plain, scripted)
        lines.append(f"{name:26}" + "".join(f"{each.told():>24}" for each in (plain, true, scripted)))
    return lines


if __name__ == "__main__":
    print("\n".join(report(300, FIT if "--fit" in sys.argv else REPORT)))
