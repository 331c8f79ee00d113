"""What the command line's tests share: a runner, a local ROMA Connect on a socket, runs in known states."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import anyio.from_thread
import pytest
from typer.testing import CliRunner, Result

from orchestrator.cli.app import build
from orchestrator.core.state import events as e
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.server import serve
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.options import Duration, Durations
from orchestrator.emulator.world.world import World
from orchestrator.engine.runtime import utc_now
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore, Store
from orchestrator.storage.stores import database_store

Invoke = Callable[..., Result]
QUICK = Durations(Duration(0.05), Duration(0.05), Duration(0.05))
ASSETS = (e.Asset("a1", "app", "orders"), e.Asset("a2", "app", "billing"), e.Asset("t1", "task", "flow", needs=("a1",)))


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs one command in an empty folder, as a program would be run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROMA_MIGRATE_HOME", raising=False)

    def run(*words: str) -> Result:
        return CliRunner().invoke(build(), list(words))

    return run


@dataclass(slots=True)
class Local:
    """A local ROMA Connect, and a plan for it."""

    url: str
    api: Api
    world: World
    plan: Path

    @property
    def posts(self) -> int:
        """Requests that ask for a job."""
        return sum(count for operation, count in self.api.requests.items() if operation.value in _JOBS)


_JOBS = ("export", "import", "delete")


@pytest.fixture
def world() -> World:
    """Six applications and twelve tasks at dev, nothing at prod; jobs take a blink."""
    return generate(6, 12, durations=QUICK)


@pytest.fixture
def local(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Local]:
    """A local ROMA Connect that serves `world`."""
    api = Api(Service(world, lambda: utc_now().timestamp()))
    with (
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(serve(api)) as address,
    ):
        plan = tmp_path / "plan.yaml"
        plan.write_text(plan_text(world, address.url), encoding="utf-8")
        dev, prod = world.users
        for name, value in {"T_AK": dev.ak, "T_SK": dev.sk, "T_PW": prod.password}.items():
            monkeypatch.setenv(name, value)
        yield Local(address.url, api, world, plan)


@pytest.fixture
def quick(local: Local, tmp_path: Path) -> Local:
    """The same, and a home that has learned how short these jobs are: a run polls soon."""
    home = Home(tmp_path / ".roma-migrate")
    home.make()
    teach(HomeStore(home))
    return local


def teach(store: Store) -> None:
    """A run of another plan, from which the store learns how short jobs are."""
    run = "20200101-000000-0000"
    store.create(run, "teacher", [e.RunBegan("teacher", "/teacher.yaml", "{}", "olga", "host-1", 7, "0.1.0")], 1.0)
    journal = store.journal(run, "test")
    for number in range(6):
        batch, began = f"b{number}", 10.0 + number
        into = e.DeliveryScheduled(f"{batch}@prod", batch, "m", "prod", "AddNew", "", False, "prod-migrator")
        journal.append([e.BatchScheduled(batch, "dev", ASSETS * 6, ("dev-migrator",), 0.0), into], began)
        journal.append([e.ExportRequested(batch, "dev-migrator", "s"), e.ExportAccepted(batch, "j")], began)
        journal.append([e.Exported(batch, "a")], began + 0.05)
        journal.append([e.DownloadRequested(batch), e.PackageStored(batch, "ab" * 32, 9, "crc")], began + 0.1)
        journal.append([e.Looked(into.delivery), e.ImportRequested(into.delivery, "prod-migrator", "s")], began + 0.1)
        journal.append([e.ImportAccepted(into.delivery, "j")], began + 0.2)
        journal.append([e.Imported(into.delivery)], began + 0.25)
    journal.append([e.RunEnded(0)], 20.0)
    journal.close()


def plan_text(world: World, url: str, apps: str = '"*"') -> str:
    lines = [
        "version: 1", "name: t", "credentials:",
        '  dev-migrator: {ak: "${env:T_AK}", sk: "${env:T_SK}"}',
        '  prod-migrator: {username: prod-migrator, domain: acme, password: "${env:T_PW}"}', "instances:",
    ]  # fmt: skip
    for one, user in zip(world.instances, ("dev-migrator", "prod-migrator"), strict=True):
        lines.append(
            f'  {one.name}: {{endpoint: "{url}", iam_endpoint: "{url}", project_id: {one.project_id}, '
            f"instance_id: {one.id}, credentials: {user}}}"
        )
    lines += ["settings: {reads_per_second: 500, writes_per_second: 100, settle_quiet: 1s}", "migrations:"]
    return "\n".join([*lines, f'  - {{name: all, source: dev, target: prod, apps: {apps}, tasks: "*"}}', ""])


@dataclass(slots=True)
class Past:
    """Writes runs into a home as a run would have."""

    home: Home
    at: float = 1_800_000_000.0
    kept: list[e.Event] = field(default_factory=list)

    def write(self, run: str, events: Sequence[e.Event], plan: str = "t", began: e.RunBegan | None = None) -> str:
        """A run of these events behind its beginning."""
        self.home.make()
        return self.keep(HomeStore(self.home), run, events, plan, began)

    def into(self, address: str, home: Path, run: str, events: Sequence[e.Event]) -> str:
        """The same in the database that `--journal` names."""
        Home(home).make()
        with closing(database_store(Home(home), address, os.environ, lambda secrets: None, print)) as store:
            return self.keep(store, run, events)

    def keep(
        self, store: Store, run: str, events: Sequence[e.Event], plan: str = "t", began: e.RunBegan | None = None
    ) -> str:
        """The same in any store."""
        began = began or e.RunBegan(plan, f"/plans/{plan}.yaml", "{}", "olga", "host-1", 7, "0.1.0", note="CHG-1")
        self.at += 1
        store.create(run, plan, [began], self.at)
        journal = store.journal(run, "test")
        for event in events:
            self.at += 1
            journal.append([event], self.at)
        journal.close()
        return run


SCHEDULED: tuple[e.Event, ...] = (
    e.SelectionMade("all", "dev", "prod", 3, ("x1",), (("x2", "aside", "its other application stays"),)),
    e.BatchScheduled("b1", "dev", ASSETS, ("dev-migrator",), 0.0),
    e.DeliveryScheduled("b1@prod", "b1", "all", "prod", "AddNew", "", False, "prod-migrator"),
)
STORED: tuple[e.Event, ...] = (
    e.ExportRequested("b1", "dev-migrator", "slot-1"),
    e.ExportRefused("b1", e.ErrorDetail("busy", "ROMA.10012", request_id="req-1")),
    e.ExportRequested("b1", "dev-migrator", "slot-1"),
    e.ExportAccepted("b1", "job-1"),
    e.Exported("b1", "archive-1"),
    e.DownloadRequested("b1"),
    e.PackageStored("b1", "ab" * 32, 1234, "crc"),
    e.Looked("b1@prod"),
)
HALF_THERE: tuple[e.Event, ...] = (
    *SCHEDULED,
    *STORED,
    e.ImportRequested("b1@prod", "prod-migrator", "slot-2"),
    e.ImportAnswerLost("b1@prod", e.ErrorDetail("dropped", message="the connection ended"), 1.0),
    e.Looked("b1@prod", (("a1", ("n1",)),)),
    e.ImportInDoubt("b1@prod", ("a1",)),
)
DONE: tuple[e.Event, ...] = (
    *SCHEDULED,
    *STORED,
    e.ImportRequested("b1@prod", "prod-migrator", "slot-2"),
    e.ImportAccepted("b1@prod", "job-2"),
    e.Imported("b1@prod"),
    e.Verified("b1@prod", ("a1", "a2", "t1")),
    e.RunEnded(0),
)


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(Home(tmp_path / ".roma-migrate"))


@pytest.fixture
def half_there(past: Past) -> str:
    """A run whose lost import turned out half there."""
    return past.write("20270101-000000-aaaa", HALF_THERE)


@pytest.fixture
def done(past: Past) -> str:
    """A run that brought everything."""
    return past.write("20270102-000000-bbbb", DONE)
