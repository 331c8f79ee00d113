"""Many nights in a row: `python -m tests.simulation.soak --seeds 2000`.

Law: a failing seed prints itself and how to replay it. With `--log FILE` each finished chunk of seeds is one JSON line
of that file, and the same command given again lives only through the seeds that the file lacks, so that a long soak
can be stopped, or killed, and go on. Chunks lie on a fixed grid, so that parts never count a seed twice.
"""

import argparse
import json
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.emulator.world.faults import Kind
from tests.simulation.scenarios import live, vault_root
from tests.simulation.worlds import FINISHING, scenario

#: seeds that one worker process takes at a time
CHUNK = 20
#: seeds within which each kind of fault must be reached; worker processes are renewed after as many
BLOCK = 2000
DAY = 86400.0


@dataclass(slots=True)
class Tally:
    """What some nights came to."""

    #: the first of them
    first: int = 0
    seeds: int = 0
    #: virtual seconds
    seconds: float = 0.0
    #: seconds that the worker process took
    spent: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    #: (seed, what broke)
    failed: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.seeds += other.seeds
        self.seconds += other.seconds
        self.spent += other.spent
        self.faults += other.faults
        self.events += other.events
        self.codes += other.codes
        self.failed += other.failed

    def as_line(self) -> str:
        """One line of a log."""
        return json.dumps({name: getattr(self, name) for name in self.__dataclass_fields__}) + "\n"


def from_line(line: str) -> Tally | None:
    """A line of a log; none where a stop tore it."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    counted = {name: Counter(told[name]) for name in ("faults", "events", "codes")}
    failed = [(int(seed), str(what)) for seed, what in told["failed"]]
    return Tally(told["first"], told["seeds"], told["seconds"], told["spent"], failed=failed, **counted)


@dataclass(slots=True)
class Whole:
    """Every tally so far: one sum, and which kinds of fault each block of seeds reached."""

    sum: Tally = field(default_factory=Tally)
    #: places in the grid of chunks that were lived through
    done: set[int] = field(default_factory=set)
    reached: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    lived: Counter[int] = field(default_factory=Counter)

    def add(self, tally: Tally) -> None:
        """Counts a chunk once, however many logs tell of it."""
        place = tally.first // CHUNK
        if place in self.done:
            return
        self.done.add(place)
        self.sum.add(tally)
        self.reached[tally.first // BLOCK] |= {kind for kind, count in tally.faults.items() if count}
        self.lived[tally.first // BLOCK] += tally.seeds

    def read(self, log: Path) -> None:
        """What a log holds."""
        with log.open(encoding="utf-8") as lines:
            for line in lines:
                tally = from_line(line)
                if tally is not None:
                    self.add(tally)

    def told(self) -> str:
        """The summary."""
        whole = self.sum
        kinds = [kind.value for kind in Kind if kind not in FINISHING]
        never = [kind for kind in kinds if not whole.faults[kind]]
        days, speed = whole.seconds / DAY, whole.seconds / (whole.spent or 1.0)
        return "\n".join(
            (
                f"seeds: {whole.seeds}",
                f"simulated time: {days:.1f} days ({days / 365.25:.2f} years)",
                f"speed: {speed:.0f} x real time per worker, {whole.spent:.0f} s of worker time",
                f"exit codes: {_counts(whole.codes)}",
                f"events: {_counts(whole.events)}",
                f"faults: {whole.faults.total()} of {len(kinds) - len(never)} kinds: {_counts(whole.faults)}",
                f"kinds never reached: {', '.join(never) or 'none'}",
                f"each kind reached at least once per {BLOCK} seeds: {self._each_kind(kinds)}",
                f"failed: {len(whole.failed)}",
                *(_told(seed, what) for seed, what in sorted(whole.failed)),
            )
        )

    def _each_kind(self, kinds: list[str]) -> str:
        """Judged for whole blocks alone: part of one says nothing."""
        blocks = [block for block in sorted(self.lived) if self.lived[block] == BLOCK]
        lacking = {block: [kind for kind in kinds if kind not in self.reached[block]] for block in blocks}
        bad = [f"{block * BLOCK} to {(block + 1) * BLOCK - 1} lack {', '.join(x)}" for block, x in lacking.items() if x]
        if bad:
            return "no: " + "; ".join(bad)
        return f"yes, in each of {len(blocks)} blocks" if blocks else "not judged, no block is whole"


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common())


def _told(seed: int, what: str) -> str:
    return f"seed {seed} failed: {what}\n  replay: python -m tests.simulation.soak --replay {seed}"


def nights(seeds: range) -> Tally:
    """Live through these seeds, whatever breaks."""
    tally, begun = Tally(seeds.start), time.monotonic()
    for seed in seeds:
        tally.seeds += 1
        try:
            with vault_root() as root:
                night = live(scenario(seed), root)
        except Exception as error:  # noqa: BLE001 - every failure is told with its seed
            tally.failed.append((seed, f"{type(error).__name__}: {error}"[:500]))
            continue
        tally.seconds += night.seconds
        tally.faults.update({kind.value: count for kind, count in night.api.strikes.counts.items() if count})
        tally.events.update(night.watch.events)
        tally.codes.update(night.codes)
    tally.spent = time.monotonic() - begun
    return tally


def chunks_of(first: int, count: int) -> list[range]:
    """The seeds in pieces that end at multiples of `CHUNK`."""
    ends = [*range((first // CHUNK + 1) * CHUNK, first + count, CHUNK), first + count]
    return [range(begin, end) for begin, end in zip([first, *ends[:-1]], ends, strict=True)]


def soak(chunks: list[range], workers: int, until: float, done: Callable[[Tally], None]) -> int | None:
    """Nights in several processes; the first seed that was not begun when the time was over, none where all were.

    `until` is by the monotonic clock; chunks that are begun are always finished.
    """
    blocks: dict[int, list[range]] = defaultdict(list)
    for chunk in chunks:
        blocks[chunk.start // BLOCK].append(chunk)
    for block in blocks.values():
        with ProcessPoolExecutor(workers) as pool:
            left = _block(pool, block, workers, until, done)
        if left is not None:
            return left.start
    return None


def _block(
    pool: ProcessPoolExecutor, chunks: list[range], workers: int, until: float, done: Callable[[Tally], None]
) -> range | None:
    running: set[Future[Tally]] = set()
    for place, chunk in enumerate(chunks):
        if time.monotonic() >= until:
            _gather(running, 0, done)
            return chunks[place]
        running.add(pool.submit(nights, chunk))
        _gather(running, workers, done)
    _gather(running, 0, done)
    return None


def _gather(running: set[Future[Tally]], most: int, done: Callable[[Tally], None]) -> None:
    """Wait until at most so many run."""
    while len(running) > most:
        ended, _ = wait(running, return_when=FIRST_COMPLETED)
        running -= ended
        for one in ended:
            done(one.result())


@contextmanager
def _writer(log: Path | None) -> Iterator[Callable[[Tally], None]]:
    if log is None:
        yield lambda tally: None
        return
    torn = log.exists() and log.read_bytes()[-1:] not in (b"", b"\n")
    with log.open("a", encoding="utf-8") as file:
        file.write("\n" if torn else "")

        def write(tally: Tally) -> None:
            file.write(tally.as_line())
            file.flush()

        yield write


def _soaked(first: int, count: int, workers: int, log: Path | None, budget: float) -> int:
    whole, begun = Whole(), time.monotonic()
    if log is not None and log.exists():
        whole.read(log)
        print(f"{whole.sum.seeds} seeds stand in {log} already", flush=True)
    chunks = [chunk for chunk in chunks_of(first, count) if chunk.start // CHUNK not in whole.done]
    with _writer(log) as write:

        def done(tally: Tally) -> None:
            write(tally)
            whole.add(tally)
            for seed, what in tally.failed:
                print(_told(seed, what), flush=True)
            if not whole.sum.seeds % (BLOCK // 2):
                spent = time.monotonic() - begun
                print(f"{whole.sum.seeds} seeds, {spent:.0f} s, {len(whole.sum.failed)} failed", flush=True)

        left = soak(chunks, workers, begun + budget, done)
    print(whole.told())
    if left is not None:
        again = "the same command" if log is not None else f"--first {left} --seeds {first + count - left}"
        print(f"stopped by --budget; go on at seed {left}: {again}")
    return 1 if whole.sum.failed else 0


def summed(logs: list[Path]) -> int:
    """One summary of several logs; 1 where a seed failed."""
    whole = Whole()
    for log in logs:
        whole.read(log)
    print(whole.told())
    return 1 if whole.sum.failed else 0


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
    parser.add_argument(
        "--log", type=Path, help="append one JSON line per finished chunk; seeds in it are not repeated"
    )
    parser.add_argument("--budget", type=float, default=float("inf"), help="begin nothing new after so many seconds")
    parser.add_argument("--summary", type=Path, nargs="+", metavar="LOG", help="print one summary of these logs")
    parser.add_argument("--replay", type=int)
    parser.add_argument("--first-failure", action="store_true", help="stop at the first seed that fails")
    asked = parser.parse_args()
    if asked.replay is not None:
        return replay(asked.replay)
    if asked.summary is not None:
        return summed(asked.summary)
    if asked.first_failure:
        return first_failure(range(asked.first, asked.first + asked.seeds))
    return _soaked(asked.first, asked.seeds, asked.workers, asked.log, asked.budget)


if __name__ == "__main__":
    sys.exit(main())
