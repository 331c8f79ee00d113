"""`python -m tests.chaos [KILLS]`: random kills of real processes, then a table. Law: a failing seed prints itself."""

import argparse
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.nights import Tally, night

#: kills that one night takes at most
PER_NIGHT = 5


def chaos(kills: int, seed: int, workers: int) -> Tally:
    """Nights until at least so many kills have fallen."""
    tally = Tally()
    with ThreadPoolExecutor(workers) as pool:
        while tally.kills.total() < kills and not tally.failed:
            each_takes = min(PER_NIGHT, -(-(kills - tally.kills.total()) // workers))
            seeds = range(seed + tally.nights, seed + tally.nights + workers)
            for each in pool.map(night, seeds, [each_takes] * workers):
                tally.add(each)
    return tally


def table(title: str, counted: Counter[str]) -> str:
    """Counts, the most frequent first."""
    lines = [f"  {name:34} {count:6}" for name, count in counted.most_common()]
    return "\n".join([f"{title:36} {counted.total():6}", *lines])


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    asked.add_argument("kills", nargs="?", type=int, default=200)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--workers", type=int, default=2)
    wanted = asked.parse_args()
    tally = chaos(wanted.kills, wanted.seed, wanted.workers)
    for title, counted in (
        ("kills", tally.kills), ("the last event before a kill", tally.hit),
        ("faults that struck", tally.faults), ("exit codes", tally.codes),
        ("nights by how the service locks", tally.scopes),
    ):  # fmt: skip
        print(table(title, counted))
    for seed, what in tally.failed:
        print(f"FAILED: python -m tests.chaos {PER_NIGHT} --seed {seed} --workers 1\n{what}")
    verdict = "FAILED" if tally.failed else "nothing twice, nothing lost, no orphan"
    print(f"{tally.nights} nights, {tally.kills.total()} kills: {verdict}")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
