"""A world for each check in which it has something to say, and how a preview of it is had, in virtual time."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate

import anyio

from orchestrator.core.model.checks import Verdict
from orchestrator.core.model.instance_facts import Facts
from orchestrator.core.model.inventory import Inventory
from orchestrator.core.model.secrets import AccessKeySecret, PasswordSecret, Secret
from orchestrator.core.plan.plan import (
    AccessKey,
    ById,
    Glob,
    Instance,
    Migration,
    Mode,
    OfApps,
    Password,
    Plan,
    Settings,
    Target,
)
from orchestrator.core.plan.windows import Window
from orchestrator.core.preview.preview import Informed, Preview, preview
from orchestrator.core.scheduling.estimates import Estimates
from orchestrator.core.selection.only import Only
from orchestrator.core.selection.routes import EarlierImports
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.faults import Rule
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, Filling, empty_instance, fill
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import Visibility
from orchestrator.emulator.world.world import App, DataSource, Task, World, hex_id, make_id
from orchestrator.emulator.world.world import Instance as There
from orchestrator.engine.read_inventories import read_inventories
from orchestrator.engine.read_metadata import facts
from orchestrator.engine.runtime import Runtime
from orchestrator.roma import Roma
from orchestrator.roma.transport import Answer, WireRequest
from tests.builders.plans import SECRET
from tests.emulator.in_memory_client import BEGIN
from tests.simulation.virtual import inline, run_virtually
from tests.simulation.wiring import MemoryTransport

QUIET = {"app_route": False, "api_task": False}
ADDRESS = "http://127.0.0.1:1"


@dataclass(frozen=True)
class PreflightWorld:
    """A world, a plan for it, and what else a preview may know."""

    dev: There
    prod: There
    plan: Plan
    switches: Switches = field(default_factory=Switches)
    faults: tuple[Rule, ...] = ()
    #: seconds by which this host's clock is behind the service's
    behind: float = 0.0
    history: EarlierImports = field(default_factory=EarlierImports)
    #: temporary credentials of the source's user
    token: str = ""
    now: float = BEGIN


@dataclass(frozen=True)
class Told:
    """What a preview said, and what it asked."""

    preview: Preview
    requests: Sequence[WireRequest]
    inventories: Mapping[str, Inventory]
    facts: Mapping[str, Facts]

    @property
    def fired(self) -> dict[str, Verdict]:
        """Check -> its worst verdict, of those that are not ok."""
        found = [check for check in self.preview.checks if check.verdict is not Verdict.OK]
        return {check.id: check.verdict for check in sorted(found, key=lambda c: c.verdict.rank)}


def clean() -> PreflightWorld:
    """Four applications and six tasks that can go to an empty, equal instance."""
    filling = Filling(apps=4, tasks=6, unreleased_every=0, running_every=0, calls={})
    dev = replace(fill(empty_instance("dev"), filling, Switches()), features=QUIET)
    prod = replace(empty_instance("prod"), features=QUIET)
    plan = Plan(
        "p",
        {
            "d": AccessKey("d", SECRET, SECRET, user="acme/dev-migrator"),
            "p": Password("p", "prod-migrator", "acme", SECRET),
            "p2": Password("p2", "dev-migrator", "acme", SECRET),
        },
        {
            "dev": Instance("dev", ADDRESS, ADDRESS, dev.project_id, dev.id, ("d",)),
            "prod": Instance("prod", ADDRESS, ADDRESS, prod.project_id, prod.id, ("p",)),
        },
        Settings(reads_per_second=50.0),
        (Migration("m", "dev", (Target("prod"),), apps=(Glob("*"),), tasks=OfApps()),),
    )
    return PreflightWorld(dev, prod, plan)


@dataclass
class DatedAnswer:
    """An answer of the emulator with the Date header that a socket's server adds."""

    status: int
    headers: Mapping[str, str]
    inner: Answer

    async def read(self, limit: int) -> bytes:
        return await self.inner.read(limit)

    def chunks(self) -> AsyncIterator[bytes]:
        return self.inner.chunks()


class Dated:
    """The emulator's face without a socket, telling its time."""

    def __init__(self, api: Api, clock: Callable[[], float], heard: Callable[[WireRequest], None]) -> None:
        self._inner = MemoryTransport(api, heard)
        self._clock = clock

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncIterator[Answer]:
        async with self._inner.send(request) as answer:
            headers = {**answer.headers, "date": formatdate(self._clock(), usegmt=True)}
            yield DatedAnswer(answer.status, headers, answer)

    async def aclose(self) -> None:
        """Nothing to close."""


def secrets_of(case: PreflightWorld) -> dict[str, Secret]:
    """What the plan's references stand for."""
    return {
        "d": AccessKeySecret(DEV_USER.ak, DEV_USER.sk, case.token),
        "p": PasswordSecret("prod-migrator", "acme", PROD_USER.password),
        "p2": PasswordSecret("dev-migrator", "acme", DEV_USER.password),
    }


def told(case: PreflightWorld) -> Told:
    """Read and judge, in virtual time, over the client and the emulator."""
    return run_virtually(lambda: _told(case))


async def _told(case: PreflightWorld) -> Told:
    users = (replace(DEV_USER, security_token=case.token), replace(PROD_USER, admin=False))
    world = World((case.dev, case.prod), users, case.switches, faults=case.faults)

    def clock() -> float:
        return case.now + anyio.current_time()

    requests: list[WireRequest] = []
    api = Api(Service(world, clock, 1))
    secrets = secrets_of(case)

    def wall() -> datetime:
        return datetime.fromtimestamp(clock() - case.behind, UTC)

    def transport(ca: str, proxy: str) -> Dated:
        return Dated(api, clock, requests.append)

    runtime = Runtime(wall, lambda: 0.5, transport, inline, lambda event, **kw: None, "me", "h", 1, "0")
    roma = Roma(case.plan.settings, secrets, wall=wall, draw=runtime.draw, transport=transport)
    readers = {
        (name, one): roma.reader(instance, one)
        for name, instance in case.plan.instances.items()
        for one in instance.credentials
    }
    inventories = await read_inventories(case.plan, readers)
    read = await facts(case.plan, readers, inventories, runtime)
    draft = preview(
        case.plan, inventories, case.history, Only(), Informed(read, runtime.now(), predict=Estimates().predict)
    )
    return Told(draft, requests, inventories, read)


def lane(case: PreflightWorld, **changes: object) -> PreflightWorld:
    """The case with its only migration changed."""
    migration = replace(case.plan.migrations[0], **changes)  # type: ignore[arg-type] # named as in Migration
    return replace(case, plan=replace(case.plan, migrations=(migration,)))


def at_prod(case: PreflightWorld, **changes: object) -> PreflightWorld:
    return replace(case, prod=replace(case.prod, **changes))  # type: ignore[arg-type] # named as in Instance


def at_dev(case: PreflightWorld, **changes: object) -> PreflightWorld:
    return replace(case, dev=replace(case.dev, **changes))  # type: ignore[arg-type] # named as in Instance


def to(case: PreflightWorld, **changes: object) -> PreflightWorld:
    """The case with its only target changed."""
    target = replace(case.plan.migrations[0].targets[0], **changes)  # type: ignore[arg-type] # named as in Target
    return lane(case, targets=(target,))


def with_instance(case: PreflightWorld, name: str, **changes: object) -> PreflightWorld:
    instance = replace(case.plan.instances[name], **changes)  # type: ignore[arg-type] # named as in Instance
    return replace(case, plan=replace(case.plan, instances={**case.plan.instances, name: instance}))


def other_app(name: str, key: str = "key-other") -> App:
    return App(make_id("prod", name), name, key, "s", PROD_USER.name)


def name_collision() -> PreflightWorld:
    case = clean()
    return at_prod(case, apps=(other_app("orders-web"),))


def app_key_collision() -> PreflightWorld:
    case = clean()
    return at_prod(case, apps=(other_app("another", case.dev.apps[0].key),))


def renamed_task(case: PreflightWorld, name: str) -> PreflightWorld:
    tasks = (replace(case.dev.tasks[0], name=name), *case.dev.tasks[1:])
    return at_dev(case, tasks=tasks)


def task_name_rules() -> PreflightWorld:
    return renamed_task(clean(), "x" * 101)


def renamed_app(case: PreflightWorld, name: str) -> PreflightWorld:
    return at_dev(case, apps=(replace(case.dev.apps[0], name=name), *case.dev.apps[1:]))


def app_name_rules() -> PreflightWorld:
    return renamed_app(clean(), "orders-" + "x" * 60)


def prefix_rules() -> PreflightWorld:
    return lane(to(clean(), prefix="-dr "), exclude_tasks=(Glob("*"),))


def quota_headroom() -> PreflightWorld:
    return at_prod(clean(), apps=tuple(other_app(f"old-{n}", f"k{n}") for n in range(97)))


def instance_features() -> PreflightWorld:
    return at_prod(clean(), features={**QUIET, "multi_auth": True})


def instance_version() -> PreflightWorld:
    return at_prod(clean(), version="2.7.0")


def instance_status() -> PreflightWorld:
    return at_prod(clean(), status="Freezing")


def maintenance_window() -> PreflightWorld:
    return replace(clean(), now=BEGIN + 14.5 * 3600)


def window_too_short() -> PreflightWorld:
    case = clean()
    return replace(case, plan=replace(case.plan, windows=(Window("Sat 02:00", "Sat 02:01", "UTC"),)))


def same_instance() -> PreflightWorld:
    case = clean()
    dev = case.plan.instances["dev"]
    return with_instance(case, "prod", project_id=dev.project_id, instance_id=dev.instance_id)


def dictionaries() -> PreflightWorld:
    return at_prod(clean(), dictionaries={"COUNTRY": "Country", "CURRENCY": "Money"})


def datasource_id_collision() -> PreflightWorld:
    case = clean()
    taken = case.dev.datasources[0]
    return at_prod(case, datasources=(DataSource(taken.id, "mine", "MYSQL", ""),))


def unpublished_apis() -> PreflightWorld:
    case = clean()
    return at_dev(case, apis=(replace(case.dev.apis[0], publications=()), *case.dev.apis[1:]))


def functiongraph_backends() -> PreflightWorld:
    case = clean()
    return at_dev(case, apis=(replace(case.dev.apis[0], backend_type="FUNCTION"), *case.dev.apis[1:]))


def api_path_conflicts() -> PreflightWorld:
    case = clean()
    api = replace(case.dev.apis[0], id=make_id("twin"), app_id=case.dev.apps[1].id)
    return at_prod(at_dev(case, apis=(*case.dev.apis, api)), features={**QUIET, "app_route": True})


def task_apps_missing() -> PreflightWorld:
    case = clean()
    task = case.dev.tasks[0]
    return lane(case, apps=(), tasks=(Glob(task.name),))


def left_out() -> PreflightWorld:
    case = clean()
    stray = Task(hex_id("stray"), "orders-stray", case.dev.apps[0].id, make_id("unseen"), "", "", DEV_USER.name)
    return at_dev(case, tasks=(*case.dev.tasks, stray))


def undeclared_calls() -> PreflightWorld:
    case = clean()
    on = {**QUIET, "api_task": True}
    return at_prod(at_dev(case, features=on), features=on)


def dependency_cycle() -> PreflightWorld:
    return lane(clean(), calls=(("orders-web", ("billing-web",)), ("billing-web", ("orders-web",))))


def missing_assets() -> PreflightWorld:
    return lane(clean(), apps=(Glob("*"), ById("nobody")))


def running_tasks() -> PreflightWorld:
    case = clean()
    return at_dev(case, tasks=(replace(case.dev.tasks[0], running=True), *case.dev.tasks[1:]))


def visibility() -> PreflightWorld:
    """A task's application is at the target, and only the other credentials there see it."""
    case = clean()
    kept = other_app("stock-web", "k1")
    hidden = replace(kept, owner=DEV_USER.name)
    stays = next(app for app in case.dev.apps if app.name == "stock-web")
    moves = next(t for t in case.dev.tasks if stays.id in (t.source_app_id, t.target_app_id))
    apps = tuple(Glob(app.name) for app in case.dev.apps if app.id != stays.id)
    case = replace(at_prod(case, apps=(hidden,)), switches=Switches(visibility=Visibility.OWNER))
    case = with_instance(case, "prod", credentials=("p", "p2"))
    return to(lane(case, apps=apps, tasks=(Glob(moves.name), Glob("*"))), owner="p")


def app_permission() -> PreflightWorld:
    """Merge over an application of somebody else's: it is seen, and may not be changed. It is not undoable either."""
    case = to(clean(), mode=Mode.MERGE)
    return at_prod(case, apps=(replace(other_app("orders-web"), owner=DEV_USER.name),))


def credentials() -> PreflightWorld:
    case = replace(clean(), token="temporary")
    temporary = AccessKey("d", SECRET, SECRET, security_token=SECRET, user="acme/dev-migrator")
    return replace(case, plan=replace(case.plan, credentials={**case.plan.credentials, "d": temporary}))


def clock_skew() -> PreflightWorld:
    return replace(clean(), behind=300.0)


def package_size() -> PreflightWorld:
    return with_instance(clean(), "prod", credentials=("d",))


def not_undoable() -> PreflightWorld:
    case = to(clean(), mode=Mode.MERGE)
    return at_prod(case, apps=(other_app("orders-web"),))


#: check -> its world, and the verdict expected there
WORLDS: Mapping[str, tuple[Callable[[], PreflightWorld], Verdict]] = {
    "name-collision": (name_collision, Verdict.BLOCKER),
    "app-key-collision": (app_key_collision, Verdict.BLOCKER),
    "task-name-rules": (task_name_rules, Verdict.BLOCKER),
    "app-name-rules": (app_name_rules, Verdict.WARNING),
    "prefix-rules": (prefix_rules, Verdict.BLOCKER),
    "quota-headroom": (quota_headroom, Verdict.BLOCKER),
    "instance-features": (instance_features, Verdict.WARNING),
    "instance-version": (instance_version, Verdict.WARNING),
    "instance-status": (instance_status, Verdict.BLOCKER),
    "maintenance-window": (maintenance_window, Verdict.WARNING),
    "window-too-short": (window_too_short, Verdict.BLOCKER),
    "same-instance": (same_instance, Verdict.BLOCKER),
    "dictionaries": (dictionaries, Verdict.WARNING),
    "datasource-id-collision": (datasource_id_collision, Verdict.BLOCKER),
    "unpublished-apis": (unpublished_apis, Verdict.WARNING),
    "functiongraph-backends": (functiongraph_backends, Verdict.WARNING),
    "api-path-conflicts": (api_path_conflicts, Verdict.BLOCKER),
    "task-apps-missing": (task_apps_missing, Verdict.BLOCKER),
    "left-out": (left_out, Verdict.WARNING),
    "undeclared-calls": (undeclared_calls, Verdict.NOT_CHECKED),
    "dependency-cycle": (dependency_cycle, Verdict.BLOCKER),
    "missing-assets": (missing_assets, Verdict.BLOCKER),
    "running-tasks": (running_tasks, Verdict.WARNING),
    "visibility": (visibility, Verdict.BLOCKER),
    "app-permission": (app_permission, Verdict.WARNING),
    "credentials": (credentials, Verdict.WARNING),
    "clock-skew": (clock_skew, Verdict.WARNING),
    "package-size": (package_size, Verdict.NOT_CHECKED),
    "not-undoable": (not_undoable, Verdict.WARNING),
}
#: what cannot fire alone: Merge over an application always overwrites it
COMPANIONS = {"app-permission": {"not-undoable"}}
