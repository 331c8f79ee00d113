"""What an operator sees of a night, as text: the program and the service in virtual time, the same each time.

Law: every line comes from the program's own renderers, fed by a run that was really lived.
"""

import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path

from typer.testing import CliRunner

from orchestrator.cli.app import build
from orchestrator.cli.output.lane_status import LaneStatuses
from orchestrator.cli.output.progress_bars import left_of
from orchestrator.cli.output.progress_board import Left, Screen, board
from orchestrator.cli.output.times import local
from orchestrator.cli.render.preview_json import Identity, Shown
from orchestrator.cli.render.preview_text import preview_text
from orchestrator.cli.render.summary import Names, closing_text
from orchestrator.core.preview.identity import places_of
from orchestrator.core.report.handover import of_plan, of_run
from orchestrator.core.scheduling.timetable import basis_of, planned_left
from orchestrator.core.selection.only import Only
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.core.state.lifecycle import DeliveryState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import SlotRule
from orchestrator.emulator.world.worldfile import load_world
from orchestrator.engine.runs import Runs, Wish
from orchestrator.roma.transport import Answer, Transport, WireRequest
from orchestrator.storage.home import Home
from orchestrator.storage.planfile import read_plan
from tests.engine.rig import EngineRig
from tests.simulation.virtual import run_virtually
from tests.simulation.wiring import MemoryTransport

#: columns and lines of a terminal
SIZES = ((80, 24), (120, 40))
#: seconds after an entry at which the board is looked at: nothing else happens before
GLANCE = 4.0
FILE = "plan.yaml"
USERS = """
users:
  - {name: dev-migrator, domain: acme, ak: AK1, sk: sk-1, password: password-of-dev-migrator, admin: true}
  - {name: prod-migrator, domain: acme, ak: AK2, sk: sk-2, password: password-of-prod-migrator, admin: true}
"""
PLAN = """
version: 1
name: {name}
credentials:
  dev-migrator: {{username: dev-migrator, domain: acme, password: "${{env:DEV_PASSWORD}}"}}
  prod-migrator: {{username: prod-migrator, domain: acme, password: "${{env:PROD_PASSWORD}}"}}
instances:
  dev: {{region: cn-north-4, project_id: {0[project]}, instance_id: {0[id]}, credentials: dev-migrator}}
  prod: {{region: cn-east-3, project_id: {1[project]}, instance_id: {1[id]}, credentials: prod-migrator}}
settings: {{reads_per_second: 200, writes_per_second: 20}}
migrations:
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A world and a plan for it."""

    #: YAML of an emulator's world, without its users
    world: str
    plan: str
    #: YAML of the migrations
    migrations: str
    #: whether the board is looked at behind this entry
    glance: Callable[[Progress, Entry], bool] = field(default=lambda progress, entry: False)


class _Rig(EngineRig):
    """A service whose answers carry the time, as a real one's do."""

    def transport(self, ca_file: str, proxy: str) -> Transport:
        return _Dated(MemoryTransport(self.api, lambda request: None), self.wall)


@dataclass(frozen=True, slots=True)
class _Dated:
    within: MemoryTransport
    wall: Callable[[], datetime]

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncIterator[Answer]:
        async with self.within.send(request) as answer:
            assert isinstance(answer.headers, dict)
            answer.headers["date"] = format_datetime(self.wall(), usegmt=True)
            yield answer

    async def aclose(self) -> None:
        await self.within.aclose()


@dataclass(slots=True)
class Seen:
    """The screens of one night; a size is the key of each board."""

    boards: dict[tuple[int, int], str] = field(default_factory=dict)
    closing: str = ""
    report: str = ""
    code: int = 0


@contextmanager
def desk(folder: Path, width: int) -> Iterator[None]:
    """An operator's folder, in UTC, with a terminal of that many columns."""
    before, kept = Path.cwd(), {name: os.environ.get(name) for name in ("TZ", "COLUMNS", "ROMA_MIGRATE_HOME")}
    os.environ |= {"TZ": "UTC", "COLUMNS": str(width)}
    os.environ.pop("ROMA_MIGRATE_HOME", None)
    time.tzset()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        for name, value in kept.items():
            os.environ.pop(name, None)
            os.environ |= {name: value} if value is not None else {}
        time.tzset()


def previewed(scene: Scene, folder: Path, width: int) -> str:
    """`roma-migrate preview plan.yaml`."""

    async def main() -> str:
        rig = _rig(scene, folder)
        draft = await rig.runs().admission.preview(Only(), ())
        users = {name: f"acme/{name}" for name in rig.plan.credentials}
        identity = Identity(FILE, rig.plan.digest, local(rig.now()), places_of(rig.plan, draft.facts, users))
        code = 4 if draft.blockers else 0
        return preview_text(Shown(rig.plan.name, FILE, draft, code, identity=identity), everything=False)

    with desk(folder, width):
        return run_virtually(main, 1)


def lived(scene: Scene, folder: Path, width: int = 80) -> Seen:
    """`roma-migrate run plan.yaml` to its end, then `roma-migrate report`."""
    seen = Seen()

    async def main() -> None:
        rig = _rig(scene, folder)
        rig.home = Home(folder / ".roma-migrate")
        rig.home.make()
        runs = rig.runs()
        entries: list[Entry] = []
        statuses: list[LaneStatuses] = []

        def announce(run: str, resumed: bool, progress: Progress) -> None:
            statuses.append(LaneStatuses.of(progress, runs.predict))

        def listen(progress: Progress, entry: Entry) -> None:
            entries.append(entry)
            if not statuses:
                return
            statuses[0].take(progress, entry)
            if not seen.boards and scene.glance(progress, entry):
                seen.boards |= _boards(rig, runs, progress, statuses[0])

        runs.announce, runs.listen = announce, listen
        ended = await runs.run(Wish())
        names = Names(ended.run, rig.plan.name, FILE, rig.home.path)
        left = of_plan([of_run(ended.run, entries, ended.progress)])
        seen.closing = closing_text(
            ended.progress, ended.outcome, names, f".roma-migrate/runs/{ended.run}/run.log", left
        )
        seen.code = int(ended.outcome.code)

    with desk(folder, width):
        run_virtually(main, 1)
        told = CliRunner().invoke(build(), ["report"])
        assert told.exit_code == 0, told.output
        seen.report = told.stdout.rstrip("\n")
    return seen


def _rig(scene: Scene, folder: Path) -> EngineRig:
    world = load_world(USERS + scene.world)
    where = [{"project": each.project_id, "id": each.id} for each in world.instances]
    (folder / FILE).write_text(PLAN.format(*where, name=scene.plan) + scene.migrations, encoding="utf-8")
    return _Rig(world, read_plan(Path(FILE)))


def _boards(rig: EngineRig, runs: Runs, progress: Progress, statuses: LaneStatuses) -> dict[tuple[int, int], str]:
    """As a terminal of each size draws it a moment later."""
    now, model = rig.now() + GLANCE, runs.predict
    if model is None:
        raise AssertionError("durations are known before a run is announced")
    rule = SlotRule(rig.plan.settings.one_job_per, dict(runs.users))
    left: Left = left_of(planned_left(basis_of(rig.plan, rule, model), progress, rig.now()), rig.now())
    return {
        (width, height): "\n".join(board(statuses, Screen(width - 3, height, now, progress.began_at, left)))
        for width, height in SIZES
    }


# --- nights ----------------------------------------------------------------------------------------------------------

_KINDS = ("orders", "billing", "stock", "customers", "shipping", "pricing")


def _teams(apps: list[str]) -> str:
    """A migration for each team, with three applications each."""
    lines = (
        f"  - {{name: {_KINDS[n % 6]}-services-of-team-{n:02}, source: dev, target: prod, "
        f"apps: [{', '.join(apps[3 * n : 3 * n + 3])}]}}"
        for n in range(len(apps) // 3)
    )
    return "\n".join([*lines, ""])


def _apps(world: str) -> list[str]:
    return [app.name for app in load_world(USERS + world).instances[0].apps]


def _at_work(verified: int, quarantined: int = 0) -> Callable[[Progress, Entry], bool]:
    """A package was just stored beside an import, and so many deliveries are verified and quarantined."""

    def glance(progress: Progress, entry: Entry) -> bool:
        found = Counter(life.state for life in progress.deliveries.values())
        enough = found[DeliveryState.VERIFIED] >= verified and found[DeliveryState.QUARANTINED] >= quarantined
        return enough and isinstance(entry.event, e.PackageStored) and found[DeliveryState.IMPORTING] > 0

    return glance


_DEV = "{name: dev, generate: {apps: 90, tasks: 900, calls: {}, owner: dev-migrator}}"
_FULL = f"instances: [{_DEV}, {{name: prod, generate: {{apps: 4, tasks: 0, calls: {{}}, owner: prod-migrator}}}}]"
_FAILED = f"""
durations: {{export: {{base: 20, per_asset: 0.4}}, import: {{base: 30, per_asset: 0.6}}}}
instances: [{_DEV}, {{name: prod}}]
faults:
  - {{kind: poison-import, names: [stock-core]}}
  - {{kind: poison-import, names: [hr-web]}}
"""


def thirty_teams_blocked() -> Scene:
    """Thirty migrations, of which two meet names that are taken: 45 findings."""
    return Scene(_FULL, "thirty-teams", _teams(_apps(_FULL)))


def thirty_teams_failed() -> Scene:
    """The same into an empty instance, with two applications that it refuses."""
    return Scene(_FAILED, "thirty-teams", _teams(_apps(_FAILED)), _at_work(8, 1))


_SMALL = """
durations: {export: {base: 20, per_asset: 0.4}, import: {base: 30, per_asset: 0.6}}
instances:
  - {name: dev, generate: {apps: 24, tasks: 90, owner: dev-migrator}}
  - {name: prod}
faults:
  - {kind: poison-import, names: [hr-web]}
"""


def two_teams() -> Scene:
    """A small plan for the README: what others call goes first, one application is refused."""
    moves = """
  - {name: common, source: dev, target: prod, apps: ["billing-*", "stock-*"]}
  - name: teams
    source: dev
    target: prod
    apps: "*"
    exclude: {apps: ["billing-*", "stock-*"]}
    after: [common]
    calls: {shipping-web: [orders-core], returns-web: [orders-core]}
"""
    return Scene(_SMALL, "orders-to-prod", moves, _at_work(1))
