"""A fleet on this machine: a plan of many components, workers as processes of their own, and who supervises them.

Law: patches nothing, never sleeps. Each component moves one instance into another one, with users of its own, so that
the service's ledger tells component by component what was asked and what arrived.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from orchestrator.emulator.world.generate import Filling, empty_instance, fill
from orchestrator.emulator.world.options import Durations, Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, LockScope
from orchestrator.emulator.world.world import User, World
from tests.builders.postgres_server import PASSWORD, PostgresServer
from tests.e2e.desk import LINES, PROGRAM, SETTINGS, Desk, key_of, password_of, secrets_of
from tests.e2e.local_roma import BLINK, LocalRoma
from tests.e2e.scraping import get, samples
from tests.emulator.ledgers import overlaps

#: seconds after which a fleet counts as stuck
PATIENCE = 120.0
_LOOK = 0.05


def user(name: str) -> User:
    return User(name, "acme", f"AK{name.upper():0<18}", f"sk-{name:0<36}", f"password-of-{name}")


def world_of_pairs(
    pairs: int, *, first: int = 1, apps: int = 2, tasks: int = 4, durations: Durations = BLINK, **how: Any
) -> World:
    """`src1` .. `srcN` are filled, `dst1` .. `dstN` are empty; each has a user of its own.

    A name that is taken gets a suffix there: an import that is executed twice doubles what it brings, and is seen.
    """
    switches = Switches(add_new_on_existing=AddNewOnExisting.SUFFIX)
    numbers = range(first, first + pairs)
    fillings = {
        n: Filling(apps, tasks, calls={}, unreleased_every=0, running_every=0, owner=f"src{n}") for n in numbers
    }
    return World(
        instances=(
            *(fill(empty_instance(f"src{n}"), fillings[n], switches) for n in numbers),
            *(empty_instance(f"dst{n}") for n in numbers),
        ),
        users=tuple(user(f"{side}{n}") for side in ("src", "dst") for n in numbers),
        switches=switches, durations=durations, **how,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """The text of a plan over such a world."""

    name: str = "fleet"
    #: numbers of source and target, one component each unless they share one
    moves: Sequence[tuple[int, int]] = ((1, 1),)
    #: number of an instance -> group of workers; others have none
    groups: Mapping[int, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    #: further keys of each migration
    further: str = ""

    @classmethod
    def of_pairs(cls, pairs: int, **how: Any) -> "FleetPlan":
        """`src1` to `dst1`, `src2` to `dst2`, ..."""
        return cls(moves=tuple((n, n) for n in range(1, pairs + 1)), **how)

    def write(self, path: Path, *services: LocalRoma) -> Path:
        """The plan file for the services that hold its instances."""
        known = {one.name: (roma.url, one) for roma in services for one in roma.world.instances}
        users = {one.name: one for roma in services for one in roma.world.users}
        named = dict.fromkeys(name for one, other in self.moves for name in (f"src{one}", f"dst{other}"))
        lines = ["version: 1", f"name: {self.name}", "credentials:"]
        lines += [
            f"  {name}: {key_of(users[name]) if name.startswith('src') else password_of(users[name])}" for name in named
        ]
        lines += ["instances:"]
        for name in named:
            number = int(name[3:])
            group = f", group: {self.groups[number]}" if number in self.groups else ""
            url, one = known[name]
            lines += [
                f"  {name}: {{endpoint: {url}, iam_endpoint: {url}, project_id: {one.project_id}, "
                f"instance_id: {one.id}, credentials: {name}{group}}}"
            ]
        settings = {**SETTINGS, **self.settings}
        lines += ["settings: {" + ", ".join(f"{key}: {value}" for key, value in settings.items()) + "}", "migrations:"]
        more = f", {self.further}" if self.further else ""
        lines += [
            f'  - {{name: m{one}-{other}, source: src{one}, target: dst{other}, apps: "*", tasks: "*"{more}}}'
            for one, other in self.moves
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


@dataclass
class WorkerProcess:
    """One worker and what it said."""

    process: "subprocess.Popen[str]"
    said: Path
    group: str

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def agent(self) -> str:
        """What stands in the User-Agent of its requests, and of nobody else's."""
        return f"-{self.pid}-"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Unless it has just ended by itself."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)

    def drain(self) -> int:
        """Ask it to leave in good order; its code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def numbers(self) -> dict[str, float]:
        """What is scraped of it, each with its labels; it was started with `--metrics-port`."""
        said = next(line for line in self.text().splitlines() if '"event": "metrics"' in line)
        return samples(get(json.loads(said)["url"]))

    def text(self) -> str:
        return self.said.read_text(encoding="utf-8", errors="replace")


class ComponentLease(NamedTuple):
    """Who conducts a component, or did so last; times in epoch seconds of the database."""

    component: str
    pid: int
    since: float
    until: float
    #: it has not ended
    stands: bool


@dataclass
class Fleet:
    """A desk, its database and its engine."""

    desk: Desk
    server: PostgresServer
    engine: str
    database: str
    #: the port at which workers find the database; 0: the server's own
    port: int = 0
    workers: list[WorkerProcess] = field(default_factory=list)

    @classmethod
    def at(cls, desk: Desk, server: PostgresServer, engine: str, ttl: float = 20.0) -> "Fleet":
        fleet = cls(desk, server, engine, server.database())
        desk.environment |= {"T_JOURNAL": PASSWORD}
        made = desk.run("journal", "upgrade", *fleet.journal)
        assert made.code == 0, made.both
        fleet.sql("UPDATE meta SET value = %s WHERE name = 'ttl'", str(ttl))
        return fleet

    @property
    def journal(self) -> tuple[str, str]:
        address = f"postgresql://roma:${{env:T_JOURNAL}}@127.0.0.1:{self.port or self.server.port}/{self.database}"
        return "--journal", address

    def plan(
        self, roma: LocalRoma, plan: FleetPlan, file: str = "plan.yaml", *, also: Sequence[LocalRoma] = ()
    ) -> Path:
        """Write it for these services, and their users' secrets into the environment."""
        self.desk.folder.mkdir(exist_ok=True)
        self.desk.environment |= secrets_of(*(user for each in (roma, *also) for user in each.world.users))
        return plan.write(self.desk.folder / file, roma, *also)

    def submit(self, file: str = "plan.yaml", *, engine: bool = True, more: Sequence[str] = ()) -> str:
        """The submission's id."""
        words = ("--engine", self.engine) if engine else ()
        said = self.desk.run("submit", file, *self.journal, *words, *more, "--json")
        assert said.code == 0, said.both
        return str(said.document["submission"])

    def worker(
        self, group: str, at_once: int = 4, *, engine: str = "", before: Sequence[str] = (), more: Sequence[str] = ()
    ) -> WorkerProcess:
        """One more worker, with a home of its own, as on a host of its own; `before` is what its command runs under."""
        number = len(self.workers)
        said = self.desk.folder / f"worker-{number}.log"
        words = [
            *before, *PROGRAM, "worker", "--group", group, "--at-once", str(at_once), *self.journal,
            "--engine", engine or self.engine, "--home", str(self.desk.folder / f"home-{number}"), *LINES,
            *more,
        ]  # fmt: skip
        with open(said, "w", encoding="utf-8") as file:
            process = subprocess.Popen(
                words, env=self.desk.environment_of_programs(), cwd=self.desk.folder, text=True, stdout=file,
                stderr=file, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        made = WorkerProcess(process, said, group)
        self.workers.append(made)
        return made

    def end(self) -> None:
        """Kill whatever still runs."""
        for each in self.workers:
            each.kill()

    def sql(self, statement: str, *given: object) -> list[tuple[Any, ...]]:
        uri = self.server.uri(self.database)
        with psycopg.connect(uri, password=PASSWORD, options="-c search_path=roma_migrate") as connection:
            cursor = connection.execute(statement.encode(), given or None)
            return cursor.fetchall() if cursor.description else []

    def components(self) -> dict[str, tuple[str, int | None]]:
        """Id -> state and code."""
        return {row[0]: (row[1], row[2]) for row in self.sql("SELECT id, state, code FROM component")}

    def leases(self) -> list[ComponentLease]:
        """Of every component that was ever conducted; those that were given back ended long ago."""
        sql = """SELECT key, holder, extract(epoch FROM since), extract(epoch FROM expires), expires > clock_timestamp()
            FROM lease WHERE key LIKE 'component %'"""
        return [
            ComponentLease(key.split()[1], int(json.loads(holder)["pid"]), float(since), float(until), stands)
            for key, holder, since, until, stands in self.sql(sql)
        ]

    def holders(self) -> dict[str, int]:
        """Component -> the process that conducts it now."""
        return {each.component: each.pid for each in self.leases() if each.stands}

    def conducted_by(self, pid: int) -> list[str]:
        """Components that this process holds now."""
        return sorted(component for component, holder in self.holders().items() if holder == pid)

    def leased_until(self, pid: int) -> float:
        """Epoch seconds until which this process holds components; read it before another takes them over."""
        return max(each.until for each in self.leases() if each.pid == pid)

    def until(self, holds: Callable[[], object], patience: float = PATIENCE) -> None:
        """Return as soon as it holds; what never comes fails the test, with what the workers said."""
        until = time.monotonic() + patience
        while not holds():
            if time.monotonic() > until:
                said = "\n".join(f"--- {each.said.name}\n{each.text()[-3000:]}" for each in self.workers)
                raise AssertionError(f"it never came: {self.components()}\n{said}")
            time.sleep(_LOOK)

    def parked_with(self, code: int) -> bool:
        """Whether every component waits for a person with that code."""
        return all(each == ("parked", code) for each in self.components().values())

    def until_over(self, patience: float = PATIENCE) -> None:
        """Every component is done."""
        self.until(lambda: all(state == "done" for state, _ in self.components().values()), patience)


@contextmanager
def fleet_at(desk: Desk, server: PostgresServer, engine: str, ttl: float = 20.0) -> Iterator[Fleet]:
    fleet = Fleet.at(desk, server, engine, ttl)
    try:
        yield fleet
    finally:
        fleet.end()


def arrived_once(roma: LocalRoma, plan: FleetPlan) -> None:
    """Nothing twice, nothing lost, and never two jobs in one slot, of what this service holds of the plan."""
    here = {one.name for one in roma.world.instances}
    for one, other in plan.moves:
        if f"dst{other}" not in here:
            continue
        source = roma.world.instance(f"src{one}")
        expected = {f"app {x.name}": 1 for x in source.apps} | {f"task {x.name}": 1 for x in source.tasks}
        assert roma.held(f"dst{other}") == expected, f"dst{other}"
        assert roma.twice(f"dst{other}") == {}
    assert roma.ask(lambda api: overlaps(api.service.ledger, LockScope.USER_ANY)) == []


class Supervisor:
    """What systemd does with `Restart=always` and `RestartPreventExitStatus=2 7`."""

    def __init__(self, fleet: Fleet, groups: Sequence[str], at_once: int = 4) -> None:
        self._fleet, self._at_once = fleet, at_once
        self._ended = threading.Event()
        self.standing = [fleet.worker(group, at_once) for group in groups]
        #: codes with which workers ended, oldest first
        self.codes: list[int] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK):
            for place, each in enumerate(self.standing):
                code = each.process.poll()
                if code is None:
                    continue
                self.codes.append(code)
                if code not in {2, 7}:
                    self.standing[place] = self._fleet.worker(each.group, self._at_once)

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
