"""(n) What a batch costs in instances that hold much: requests, processor time, writes to the journal.

Model. One lane between two instances that hold HELD applications and tasks each (the quotas of API 2.2, then ten times
as many, which no instance holds today); BATCHES batches of TASKS tasks each move, between applications that are there.
Lists are in the order in which assets were made. Two slots, jobs of 20 s and 30 s with truthful progress; the real
engine, client, core, journal and vault in virtual time, the emulator in the same process, without a socket; what it
computes is measured and subtracted. All of a run that moves half as many batches is subtracted, so that what is read
once is not counted. *Forced* is an append whose entries are on the disk before it returns: two calls of fsync, one for
SQLite's log, one for the head beside it. Processor time is the least of TIMES, because other processes only ever add.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.core.plan.plan import Glob, Scope, Settings, Waiver
from orchestrator.core.state.events import Entry, Event
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.readings import LockScope
from orchestrator.emulator.world.world import Quotas, World
from orchestrator.engine.runs import Wish
from orchestrator.engine.runtime import collect_rarely
from orchestrator.roma.transport import WireRequest
from orchestrator.storage.heads import must_be_forced
from orchestrator.storage.home import Home
from orchestrator.storage.journal import SqliteJournal
from orchestrator.storage.store import HomeStore
from tests.benchmarks.assembly import assemble, plan_of
from tests.simulation.virtual import run_virtually

HELD = ((100, 1_000), (909, 9_091))
BATCHES, TASKS, TIMES = 40, 20, 3
#: ten times the quotas
_AGREED = Waiver("quota-headroom", (), "no instance holds so much today")
#: a file system in memory, where Linux has one
_MEMORY = Path("/dev/shm")


@dataclass(slots=True)
class Spent:
    """What one run took."""

    requests: Counter[str] = field(default_factory=Counter)
    appends: int = 0
    forced: int = 0
    bytes: int = 0
    #: processor seconds of the orchestrator
    seconds: float = 0.0


class CountedJournal(SqliteJournal):
    """A journal that counts what is appended."""

    spent: Spent

    def append(self, events: Sequence[Event], at: float) -> tuple[Entry, ...]:
        self.spent.appends += 1
        self.spent.forced += must_be_forced(events)
        return super().append(events, at)


class CountedStore(HomeStore):
    """A home whose journals count."""

    spent: Spent

    def journal(self, run: str, holder: str) -> SqliteJournal:
        journal = CountedJournal(self.home.journal(run), run, holder, self._disk)
        journal.spent = self.spent
        return journal


def world_of(held: tuple[int, int], moving: int) -> World:
    """Both ends hold the same, but for the tasks that move."""
    apps, tasks = held
    world = generate(
        apps, tasks, filled=("dev0000", "prod0000"), empty=(),
        filling=Filling(calls={}, datasources_per_app=1, apis_per_app=0, running_every=0, belongings_every=0),
        switches=Switches(lock_scope=LockScope.USER_INSTANCE_ANY),
        durations=Durations(Duration(20.0, 0.5, 0.3), Duration(30.0, 0.5, 0.3), Duration(1.0)),
    )  # fmt: skip
    source, target = world.instances
    quotas = Quotas(10_000, 100_000, 100_000)
    moved = tuple(replace(each, name=f"moving-{n:05}") for n, each in enumerate(source.tasks[:moving]))
    source = replace(source, tasks=(*moved, *source.tasks[moving:]))
    return replace(world, instances=(source, replace(target, tasks=target.tasks[moving:], quotas=quotas)))


def spent_on(held: tuple[int, int], batches: int) -> Spent:
    """One run, to its end."""
    collect_rarely()
    spent, moving = Spent(), batches * TASKS
    world = world_of(held, moving)
    settings = Settings(batch_size=TASKS, one_job_per=Scope.USER_INSTANCE, reads_per_second=1e5, writes_per_second=1e5)
    plan = plan_of(world, 1, settings)
    moves = replace(plan.migrations[0], apps=(), tasks=(Glob("moving-*"),), waive=(_AGREED,))
    plan = replace(plan, migrations=(moves,))

    async def run(folder: Path) -> float:
        runs, api = assemble(plan, world, folder, lambda request: spent.requests.update([_sort(request)]))
        store = CountedStore(Home(folder / "home"))
        store.spent = spent
        ended = await replace(runs, store=store).run(Wish())
        if ended.outcome.code != 0:
            raise AssertionError(ended.outcome)
        spent.bytes = store.home.journal(ended.run).stat().st_size
        return api.seconds

    with _folder() as folder:
        before = time.process_time()
        theirs = run_virtually(lambda: run(Path(folder)))
        spent.seconds = time.process_time() - before - theirs
    return spent


def _folder() -> AbstractContextManager[str]:
    return tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)


def _sort(request: WireRequest) -> str:
    """`GET tasks`, `GET jobs`, `POST import`."""
    path = request.url.partition("?")[0].split("/")
    place = path[-2] if path[-2] in ("jobs", "archives") else path[-1]
    return f"{request.method} {place}"


def report(_plans: int) -> list[str]:
    """The table."""
    lines = [f"(n) a batch of {TASKS} tasks in one lane, jobs of 20 s and 30 s"]
    seconds: list[float] = []
    for held in HELD:
        many, few = spent_on(held, BATCHES), spent_on(held, BATCHES // 2)
        requests = {sort: n / (BATCHES / 2) for sort, n in (many.requests - few.requests).most_common()}
        seconds.append(min(_seconds(held) for _ in range(TIMES)))
        told = ", ".join(f"{sort} {n:.1f}" for sort, n in requests.items() if n >= 0.05)
        lines += [
            f"    {sum(held):6,} assets an instance: requests = {sum(requests.values()):.1f} ({told})",
            f"           forced appends = {_each(many.forced, few.forced):.1f}, all = "
            f"{_each(many.appends, few.appends):.1f}; journal = {_each(many.bytes, few.bytes) / 1000:.1f} kB",
        ]
    lines.append(f"    processor time, {sum(HELD[1]):,} assets over {sum(HELD[0]):,} = {seconds[1] / seconds[0]:.2f}")
    lines.append(f"    the same in milliseconds on this machine = {seconds[0] * 1000:.0f}, {seconds[1] * 1000:.0f}")
    return lines


def _each(many: float, few: float) -> float:
    return (many - few) / (BATCHES / 2)


def _seconds(held: tuple[int, int]) -> float:
    """Processor seconds of a batch."""
    return _each(spent_on(held, BATCHES).seconds, spent_on(held, BATCHES // 2).seconds)
