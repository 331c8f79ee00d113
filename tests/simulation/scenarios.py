"""One bad night: a scenario run to its end through kills, faults and an operator's decisions.

Law: same seed, same trace.
"""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from orchestrator.core.preview.preview import Preview
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.core.state.folding import folded
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.service import Service
from orchestrator.engine.resolutions import Operators
from orchestrator.engine.runs import Ended, Runs, Wish
from orchestrator.engine.runtime import Runtime, SteadyClock
from orchestrator.errors import ExitCode, RomaMigrateError
from orchestrator.roma import Roma
from orchestrator.roma.transport import Transport
from orchestrator.storage.chain import Row
from orchestrator.storage.store import Store
from tests.emulator.ledgers import created
from tests.simulation import rot, second_day
from tests.simulation.book import require
from tests.simulation.memory import Killed, Life, MemoryStore, Record, entries_of
from tests.simulation.virtual import VirtualLoop, inline
from tests.simulation.watch import Watch
from tests.simulation.wiring import MemoryTransport
from tests.simulation.working_hours import DUSK, Word
from tests.simulation.worlds import Kill, Scenario, scenario

#: how often the same command is given again before the night counts as endless
MOST_STARTS = 40
#: nobody asks anything of a simulated run while it lives: seconds between two looks
NEVER = 3600.0
#: the same where people give orders
BEAT = 5.0
#: virtual seconds between the end of one command and the next
PAUSE = 60.0


class Keeps(Protocol):
    """What keeps a night's runs: a store for each incarnation, which shares what is kept with the others."""

    def __call__(self, root: Path, records: dict[str, Record], life: Life, heard: Callable[[Entry], None]) -> Store: ...


#: what one process is asked to do: its exit code, and how the run ended where it was one
Command = Callable[[Runs], Coroutine[Any, Any, tuple[int, Ended | None]]]


@dataclass(slots=True)
class Night:
    """What came of it."""

    scenario: Scenario
    service: Service
    api: Api
    watch: Watch
    records: dict[str, Record]
    keeps: Keeps = MemoryStore
    #: exit codes of the commands given, kills included as "killed"
    codes: list[str] = field(default_factory=list)
    ended: Ended | None = None
    #: virtual seconds
    seconds: float = 0.0
    #: journal writes and remote calls at which the program could have died
    points: int = 0
    #: what people have not said yet
    words: list[Word] = field(default_factory=list)
    #: run -> the rows that were folded last, and what they came to
    folded: dict[str, tuple[list[Row], Progress]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.words = list(self.scenario.hours.words)

    @property
    def trace(self) -> str:
        """Every event of every run, as text."""
        return "\n".join(
            f"{row.at:.6f} {row.kind} {row.body}" for run in sorted(self.records) for row in self.records[run].rows
        )


class Clock:
    """One time line over several loops, each of which starts at 0."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.loop: VirtualLoop | None = None

    def now(self) -> float:
        return DUSK + self.passed + (self.loop.time() if self.loop is not None else 0.0)


def live(scenario: Scenario, root: Path, keeps: Keeps = MemoryStore) -> Night:
    """Give the command until the run has ended, through every kill; raises what the watch finds wrong.

    Only what is kept in memory rots.
    """
    night, clock = dusk(scenario, keeps)
    draw = random.Random(scenario.seed ^ 0x5EED)
    people = random.Random(f"{scenario.seed}/people")
    kills = list(scenario.kills)
    decay = decay_of(scenario)
    for start in range(MOST_STARTS):
        kill = kills.pop(0) if kills else None
        code, ended = incarnation(night, root, clock, kill, start, _command(night, start))
        night.codes.append(code)
        if code == "killed":
            clock.passed += draw.choice((1.0, 20.0, 500.0))
            if keeps is MemoryStore:
                rot_between(night, root, clock, decay, power=kill is not None and kill.power)
            continue
        night.ended = ended
        if code in {"0", "1"}:
            break
        await_the_next_start(night, clock, code, ended, people)
        if code == "5":
            clock.passed += overdue_for(night, clock.now())
            decide(night, draw)
    night.seconds = clock.now() - DUSK
    night.watch.at_dawn(night)
    if night.codes[-1] == "0":
        _second_day(night, root, clock)
    return night


def dusk(scenario: Scenario, keeps: Keeps = MemoryStore) -> tuple[Night, Clock]:
    """A night in which nothing has happened yet."""
    clock = Clock()
    service = Service(scenario.world, clock.now, scenario.seed)
    watch = Watch(scenario, service, lambda: shown_by(scenario, clock))
    return Night(scenario, service, Api(service, scenario.seed), watch, {}, keeps), clock


def shown_by(scenario: Scenario, clock: Clock) -> float:
    """What the wall clock of our host shows now, epoch seconds."""
    return clock.now() + scenario.stepped(clock.now() - DUSK)


def await_the_next_start(night: Night, clock: Clock, code: str, ended: Ended | None, people: random.Random) -> None:
    """As a scheduler and a person would: 8 is started again in its time, 10 behind the person's word."""
    clock.passed += PAUSE
    if code == "8" and ended is not None:
        clock.passed += max(0.0, ended.outcome.not_before - shown_by(night.scenario, clock))
    if code == "10" and ended is not None:
        clock.passed += people.uniform(0, 5000)
        give(night, "imports" if ended.outcome.word else "continue", clock.now())


def give(night: Night, order: str, at: float) -> None:
    """A person's word on a run that nobody conducts; what does not fit is refused, and nothing happens."""
    if not night.records:
        return
    run = sorted(night.records)[-1]
    events, _ = Operators().answer(progress_of(night, run), order_of(order))
    if events:
        with _operator(night) as store:
            store.journal(run, "operator").append(events, max(at, night.records[run].rows[-1].at))


@contextmanager
def _operator(night: Night) -> Iterator[Store]:
    """The store of a person's command, which is over when the block ends."""
    life = Life()
    yield night.keeps(Path("."), night.records, life, night.watch.heard)
    life.dead = True


def order_of(order: str) -> e.RunPaused | e.RunStopped | e.RunContinued:
    match order:
        case "pause":
            return e.RunPaused("op", "host", "sim")
        case "stop":
            return e.RunStopped("op", "host", "sim")
        case _:
            return e.RunContinued("op", "host", "sim", gate="" if order == "continue" else order)


def _second_day(night: Night, root: Path, clock: Clock) -> None:
    """The same command again, with nothing changed and no fault: it ends 0, and selects what the first run did.

    Under AddNew nothing is asked for. In a new home the preview selects the same, and all that stands against it is
    that the target holds what the first run brought.
    """
    points, calls = night.points, len(night.service.ledger.calls)
    night.api.strikes.clear()
    night.watch.next_run()
    first = sorted(night.records)[-1]
    code, ended = "", None
    people = random.Random(f"{night.scenario.seed}/second day")
    for start in range(MOST_STARTS, MOST_STARTS + MOST_STARTS):
        await_the_next_start(night, clock, code, ended, people)
        code, ended = incarnation(night, root, clock, None, start)
        if code in {"0", "1"}:
            break
    asked = len(night.service.ledger.calls) - calls
    second_day.judge(progress_of(night, first), code, ended, asked)
    second_day.judge_new_home(progress_of(night, first), _previewed(night, root, clock))
    night.points = points


def _previewed(night: Night, root: Path, clock: Clock) -> Preview:
    """What a process with a new home sees."""
    loop = _begun(night, clock, MOST_STARTS - 1)
    store = MemoryStore(root, {}, Life(), night.watch.heard)
    try:
        return loop.run_until_complete(_runs(night, clock, store, Life(), MOST_STARTS - 1).preview(Wish(), ()))
    finally:
        clock.loop = None
        _bury(loop)


def _begun(night: Night, clock: Clock, start: int) -> VirtualLoop:
    """The loop of one process; the clock goes on with it."""
    loop = VirtualLoop(night.scenario.seed * 1000 + start)
    clock.loop = loop
    asyncio.set_event_loop(loop)
    return loop


def _runs(night: Night, clock: Clock, store: Store, life: Life, start: int) -> Runs:
    """One process's hold on the plan."""
    scenario = night.scenario
    draw = random.Random(scenario.seed * 1000 + start)

    def transport(ca_file: str, proxy: str) -> Transport:
        return MemoryTransport(night.api, lambda request: life.at(f"send {request.method}"))

    def wall() -> datetime:
        return datetime.fromtimestamp(clock.now(), UTC)

    def shown() -> datetime:
        return datetime.fromtimestamp(shown_by(scenario, clock), UTC)

    runtime = Runtime(
        SteadyClock(shown, clock.now), draw.random, transport, inline, lambda event, **fields: None, "op", "host",
        start, "sim", BEAT if scenario.hours.words else NEVER, clock=shown,
    )  # fmt: skip
    roma = Roma(scenario.plan.settings, scenario.secrets, wall=wall, draw=draw.random, transport=transport)
    return Runs(scenario.plan, store, roma, scenario.users, runtime)


async def _run(runs: Runs) -> tuple[int, Ended | None]:
    ended = await runs.run(Wish(retry=False))
    return int(ended.outcome.code), ended


def _command(night: Night, start: int) -> Command:
    """`run`, for the first commands of some nights with `--until`."""
    lasts = night.scenario.hours.until
    if start >= len(lasts):
        return _run

    async def until(runs: Runs) -> tuple[int, Ended | None]:
        ended = await runs.run(Wish(until=runs.runtime.now() + runs.runtime.wall_ahead() + lasts[start]))
        return int(ended.outcome.code), ended

    return until


def incarnation(
    night: Night, root: Path, clock: Clock, kill: Kill | None, start: int, command: Command = _run
) -> tuple[str, Ended | None]:
    """One process from its start to its exit, or to its death."""
    life = Life()
    store = night.keeps(root, night.records, life, night.watch.heard)
    loop = _begun(night, clock, start)
    runs = _runs(night, clock, store, life, start)
    if start < MOST_STARTS:
        _hear_people(night, loop, clock, store)
    task = loop.create_task(command(runs))
    life.hook = _counting(night, life, kill.point if kill is not None else 0)
    if kill is not None and kill.at < float("inf"):
        loop.call_later(kill.at, _stop, loop, life)
    try:
        code, ended = loop.run_until_complete(task)
        return str(code), ended
    except RomaMigrateError as error:
        if life.dead:
            return "killed", None
        if error.exit_code in {ExitCode.DEFECT, ExitCode.BLOCKED, ExitCode.USAGE}:
            raise
        return str(int(error.exit_code)), None
    except BaseException:
        if not life.dead:
            raise
        _cut_power(night, kill is not None and kill.power)
        return "killed", None
    finally:
        life.dead = True
        clock.passed += loop.time()
        clock.loop = None
        _bury(loop)


def _hear_people(night: Night, loop: VirtualLoop, clock: Clock, store: Store) -> None:
    """Each word comes in its time: to the process that lives then, or, between two, to the journal of the run."""
    for word in night.words:
        if word.at > clock.passed:
            loop.call_later(word.at - clock.passed, _ask, night, store, word, clock)
        else:
            give(night, word.order, clock.now())
    night.words = [word for word in night.words if word.at > clock.passed]


def _ask(night: Night, store: Store, word: Word, clock: Clock) -> None:
    """As `pause`, `continue` and `stop` do of a live run."""
    if night.records and word in night.words:
        night.words.remove(word)
        store.ask(sorted(night.records)[-1], order_of(word.order), clock.now())


def _counting(night: Night, life: Life, last: int) -> Callable[[str], None]:
    """Counts the points of this incarnation, and dies at the `last`-th; 0 = never."""
    left = last

    def hook(where: str) -> None:
        nonlocal left
        left -= 1
        night.points += 1
        if not left:
            life.kill(where)

    return hook


def _stop(loop: VirtualLoop, life: Life) -> None:
    life.dead = True
    loop.stop()


def _bury(loop: VirtualLoop) -> None:
    """Let the dead incarnation's tasks unwind against a disk and a journal that refuse them."""
    loop.set_exception_handler(lambda loop, context: None)
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        with _quietly():
            loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))
    loop.close()
    asyncio.set_event_loop(None)


@contextmanager
def _quietly() -> Iterator[None]:
    try:
        yield
    except (Killed, RuntimeError):
        return


def _cut_power(night: Night, power: bool) -> None:
    """After a power cut only what was fully synced is sure; some of the rest may have made it."""
    if not power:
        return
    for record in night.records.values():
        sure = [record.forced, *(commit for commit in record.commits if commit > record.forced)]
        keep = random.Random(night.scenario.seed).choice(sure)
        places = random.Random(f"{night.scenario.seed}/heads {len(record.rows)}")
        record.lose_power(keep, [places.random() < 0.5 for _ in range(2)])
    night.watch.forget(entry for run in sorted(night.records) for entry in entries_of(night.records[run]))


def decay_of(scenario: Scenario) -> random.Random:
    """What decides where the journal rots."""
    return random.Random(f"{scenario.seed}/rot")


def rot_between(
    night: Night, root: Path, clock: Clock, decay: random.Random, *, power: bool, command: Command = _run
) -> None:
    """Now and then the latest run's journal rots after a death: the same command ends 7, and nothing else happens.

    Then its operator restores what was, and the night goes on as if there had been no rot.
    """
    if not night.records or not rot.rots(decay):
        return
    record = night.records[sorted(night.records)[-1]]
    was, points, passed = list(record.rows), night.points, clock.passed
    told = rot.spoil(record, decay, power=power)
    spoiled = list(record.rows)
    code, _ = incarnation(night, root, clock, None, MOST_STARTS * 10 + len(night.codes), command)
    require(code == str(int(ExitCode.MEMORY)), f"promise 5: a journal was believed after {told}: the end is {code}")
    require((points, spoiled) == (night.points, record.rows), f"promise 5: after {told} something was asked or written")
    night.codes.append(code)
    record.rows, clock.passed = was, passed


def overdue_for(night: Night, now: float) -> float:
    """Seconds that an honest operator waits before he decides: no job runs then that is overdue or may be lost."""
    progress = progress_of(night, sorted(night.records)[-1])
    night.service.advance()
    lives: list[Delivery | Package] = [*progress.deliveries.values(), *progress.packages.values()]
    jobs = night.service.ledger.jobs
    undecided = {life.target for life in progress.deliveries.values() if life.state is DeliveryState.UNDECIDED}
    ends = [jobs[life.job].end for life in lives if life.overdue]
    ends += [job.end for job in jobs.values() if job.type == "import" and job.instance in undecided]
    ends = [end if end < float("inf") else now + 5_000.0 for end in ends]  # nothing here runs longer
    return max(0.0, max(ends, default=now) - now + 1.0)


def decide(night: Night, draw: random.Random) -> None:
    """An operator looks at the target and says what is true of each undecided outcome."""
    run = sorted(night.records)[-1]
    progress = progress_of(night, run)
    for life in list(progress.deliveries.values()):
        if life.state is DeliveryState.UNDECIDED:
            there = {x.source_id for x in created(night.service.ledger, life.target)}
            ids = [asset.id for asset in progress.assets_of(life.batch)]
            held = sum(each in there for each in ids)
            outcome = "imported" if held == len(ids) else "absent" if not held else "partial"
            if life.overdue:
                outcome = "job-ended"
            elif outcome == "partial" and not life.landed:
                outcome = draw.choice(("absent", "quarantine"))
            _record(run, progress, e.Resolved(life.id, outcome, "looked", "op", "host"), night)
    for package in list(progress.packages.values()):
        if package.state is PackageState.UNDECIDED:
            outcome = "job-ended" if package.overdue else draw.choice(("absent", "quarantine"))
            _record(run, progress, e.Resolved(package.batch, outcome, "looked", "op", "host"), night)


def _record(run: str, progress: Progress, request: e.Resolved, night: Night) -> None:
    events, answer = Operators().answer(progress, request)
    assert events, answer
    with _operator(night) as store:
        for entry in store.journal(run, "operator").append(events, night.records[run].rows[-1].at):
            progress.apply(entry)


def progress_of(night: Night, run: str) -> Progress:
    """A run's progress from its record alone, folded anew where the record is another than the last time."""
    rows = night.records[run].rows
    known, progress = night.folded.get(run, ([], None))
    if progress is None or known != rows:
        store = MemoryStore(Path("."), night.records, Life(), lambda entry: None)
        progress = folded(store.read(run))
        night.folded[run] = list(rows), progress
    return progress


@contextmanager
def vault_root() -> Iterator[Path]:
    """A folder in memory where there is one."""
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    path = Path(tempfile.mkdtemp(prefix="night-", dir=base))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def broken_nights(lived: Callable[[Scenario, Path], object], seeds: Iterable[int]) -> list[str]:
    """What went wrong in the nights of these seeds: every seed is lived through and told, not only the first."""
    wrong = []
    for seed in seeds:
        with vault_root() as root:
            try:
                lived(scenario(seed), root)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told with its seed
                wrong.append(f"seed {seed}: {error!r}")
    return wrong
