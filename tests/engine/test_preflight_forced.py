"""What preflight says comes true: clean worlds run whole, and a run forced past a blocker fails where it was told."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from orchestrator.core.model.checks import Verdict
from orchestrator.core.plan.plan import Waiver
from orchestrator.core.report.outcome import AssetClass, asset_outcomes
from orchestrator.core.selection.routes import EarlierImports
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER
from orchestrator.emulator.world.world import World
from orchestrator.engine.runs import Ended, Runs, Wish
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import ExitCode, PreflightBlocked
from orchestrator.roma import Roma
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.emulator.ledgers import created
from tests.engine.preflight_worlds import WORLDS, Dated, PreflightWorld, clean, lane, secrets_of, told
from tests.simulation.virtual import inline, run_virtually

#: blockers that the emulator enforces -> the assets that fail at least
ENFORCED = {
    "name-collision": {"orders-web"},
    "app-key-collision": {"orders-web"},
    "datasource-id-collision": {"orders-web"},
    "api-path-conflicts": {"orders-web", "billing-web"},
    "task-apps-missing": {"orders-web-to-billing-web-daily-0001"},
    "quota-headroom": set[str](),
}
BAD = {AssetClass.QUARANTINED, AssetClass.BLOCKED}


def run(case: PreflightWorld, root: Path) -> tuple[Ended, Service]:
    return run_virtually(lambda: _run(case, root))


async def _run(case: PreflightWorld, root: Path) -> tuple[Ended, Service]:
    def clock() -> float:
        return case.now + anyio.current_time()

    def wall() -> datetime:
        return datetime.fromtimestamp(clock(), UTC)

    service = Service(World((case.dev, case.prod), (DEV_USER, PROD_USER), case.switches), clock, 1)
    api = Api(service)

    def transport(ca: str, proxy: str) -> Dated:
        return Dated(api, clock, lambda request: None)

    runtime = Runtime(wall, lambda: 0.5, transport, inline, lambda event, **fields: None, "me", "here", 1, "0")
    roma = Roma(case.plan.settings, secrets_of(case), wall=wall, draw=runtime.draw, transport=transport)
    home = Home(root / "home")
    home.make()
    users = {"d": "acme/dev-migrator", "p": "acme/prod-migrator", "p2": "acme/dev-migrator"}
    return await Runs(case.plan, HomeStore(home), roma, users, runtime).run(Wish()), service


def forced(check: str) -> PreflightWorld:
    build, _ = WORLDS[check]
    case = build()
    settings = replace(case.plan.settings, writes_per_second=50.0)
    case = replace(case, plan=replace(case.plan, settings=settings), history=EarlierImports())
    return lane(case, waive=(Waiver(check, (), "forced, to see"),))


def test_a_world_in_which_nothing_fires_is_migrated_whole(tmp_path: Path) -> None:
    assert told(clean()).fired == {}
    ended, service = run(clean(), tmp_path)
    assert ended.outcome.code is ExitCode.DONE
    assert len(created(service.ledger, "prod", "app")) == 4


@pytest.mark.parametrize("check", ["name-collision", "app-key-collision", "task-apps-missing", "dependency-cycle"])
def test_a_blocker_stops_the_run_before_anything_is_sent(check: str, tmp_path: Path) -> None:
    build, verdict = WORLDS[check]
    assert verdict is Verdict.BLOCKER
    with pytest.raises(PreflightBlocked, match=check) as blocked:
        run(build(), tmp_path)
    assert blocked.value.exit_code is ExitCode.BLOCKED
    assert not list((tmp_path / "home").glob("runs/*"))


@pytest.mark.parametrize("check", ENFORCED)
def test_a_run_that_is_forced_past_a_blocker_fails_as_predicted(check: str, tmp_path: Path) -> None:
    assert told(forced(check)).fired == {check: Verdict.WAIVED}
    ended, _ = run(forced(check), tmp_path)
    failed = {line.name for line in asset_outcomes(ended.progress) if line.kept_as in BAD}
    assert ended.outcome.code is ExitCode.INCOMPLETE
    assert failed
    assert ENFORCED[check] <= failed
