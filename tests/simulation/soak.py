"""Many nights in a row: `python -m tests.simulation.soak --seeds 2000`.

Law: a failing seed prints itself and how to replay it.
"""

import argparse
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from orchestrator.emulator.faults import Kind
from tests.simulation.nights import live, vault_root
from tests.simulation.worlds import scenario

#: seeds that one worker process takes at a time
CHUNK = 20


@dataclass(slots=True)
class Tally:
    """What some nights came to."""

    seeds: int = 0
    #: virtual seconds
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    #: (seed, what broke)
    failed: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.seeds += other.seeds
        self.seconds += other.seconds
        self.faults += other.faults
        self.events += other.events
        self.codes += other.codes
        self.failed += other.failed


def nights(seeds: range) -> Tally:
    """Live through these seeds, whatever breaks."""
    tally = Tally()
    for seed in seeds:
        tally.seeds += 1
        try:
            with vault_root() as root:
                night = live(scenario(seed), root)
        except Exception as error:  # noqa: BLE001 - every failure is told with its seed
            tally.failed.append((seed, f"{type(error).__name__}: {error}"[:500]))
            continue
        tally.seconds += night.seconds
        tally.faults.update({kind.value: count for kind, count in night.face.strikes.counts.items() if count})
        tally.events.update(night.watch.events)
        tally.codes.update(night.codes)
    return tally


def soak(first: int, count: int, workers: int, tell: bool = True) -> Tally:
    """Nights in several processes; prints as they come."""
    whole = Tally()
    begun = time.monotonic()
    chunks = [range(at, min(at + CHUNK, first + count)) for at in range(first, first + count, CHUNK)]
    with ProcessPoolExecutor(workers, max_tasks_per_child=25) as pool:
        for tally in pool.map(nights, chunks):
            whole.add(tally)
            for seed, what in tally.failed:
                print(
                    f"seed {seed} failed: {what}\n  replay: python -m tests.simulation.soak --replay {seed}", flush=True
                )
            if tell and whole.seeds % 1000 < CHUNK:
                spent = time.monotonic() - begun
                print(f"{whole.seeds} seeds, {spent:.0f} s, {len(whole.failed)} failed", flush=True)
    return whole


def first_failure(seeds: range) -> int:
    """Until a promise breaks; 1 where one did, 0 where none."""
    for seed in seeds:
        tally = nights(range(seed, seed + 1))
        if tally.failed:
            print(f"seed {seed} failed: {tally.failed[0][1]}")
            return 1
    return 0


def replay(seed: int) -> int:
    """One night, told whole."""
    drawn = scenario(seed)
    print(drawn.described())
    try:
        with vault_root() as root:
            night = live(drawn, root)
    except Exception:  # noqa: BLE001 - the reader wants the whole story
        traceback.print_exc()
        return 1
    print(night.trace)
    print(f"codes {night.codes}, {night.seconds:.0f} virtual seconds")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--replay", type=int)
    parser.add_argument("--first-failure", action="store_true", help="stop at the first seed that fails")
    asked = parser.parse_args()
    if asked.replay is not None:
        return replay(asked.replay)
    if asked.first_failure:
        return first_failure(range(asked.first, asked.first + asked.seeds))
    begun = time.monotonic()
    tally = soak(asked.first, asked.seeds, asked.workers)
    spent = time.monotonic() - begun
    unreached = [kind.value for kind in Kind if not tally.faults[kind.value]]
    days, speed = tally.seconds / 86400, tally.seconds / spent
    print(f"{tally.seeds} seeds in {spent:.0f} s: {days:.1f} virtual days, {speed:.0f} x real time")
    print(f"exit codes: {dict(tally.codes.most_common())}")
    print("faults reached: " + ", ".join(f"{kind} {count}" for kind, count in tally.faults.most_common()))
    print(f"fault kinds never reached: {', '.join(unreached) or 'none'}")
    print("events: " + ", ".join(f"{kind} {count}" for kind, count in tally.events.most_common()))
    print(f"failed: {len(tally.failed)}")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
