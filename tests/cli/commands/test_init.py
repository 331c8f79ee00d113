"""`init`: the plan it writes validates, and nothing is overwritten."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.cli.commands.init import Seen, _Place, plan_text
from orchestrator.core.model.inventory import InstanceSummary
from orchestrator.storage.planfile import read_plan

Invoke = Callable[..., Result]
PLACE = _Place("cn-north-4", "https://roma.cn-north-4.myhuaweicloud.com", "https://iam.example.com", "p1")


@pytest.mark.parametrize(
    "names", [("dev", "prod"), ("dev",), ("生产", "生产"), ("a b", "a-b", "9: {x}"), ("target",), ("no", "yes")]
)
def test_whatever_the_instances_are_called_the_plan_validates(names: tuple[str, ...], tmp_path: Path) -> None:
    found = tuple(Seen("p1", InstanceSummary(f"id-{n}", name, "Running", "basic")) for n, name in enumerate(names))
    (tmp_path / "plan.yaml").write_text(plan_text(PLACE, found), encoding="utf-8")
    plan = read_plan(tmp_path / "plan.yaml")
    assert len(plan.instances) == max(2, len(names))
    assert {f"id-{n}" for n in range(len(names))} <= {one.instance_id for one in plan.instances.values()}


def test_it_asks_the_service_and_writes_what_it_finds(
    invoke: Invoke, local: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = local.world.users[0]
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", dev.ak)
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", dev.sk)
    monkeypatch.setenv("HUAWEICLOUD_SDK_PROJECT_ID", local.world.instances[0].project_id)
    monkeypatch.setenv("HUAWEICLOUD_SDK_REGION_ROMA_CN_NORTH_4", local.url)
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", local.url)
    told = invoke("init", "--region", "cn-north-4", "--out", "first.yaml")
    assert told.exit_code == 0, told.output
    assert "dev" in read_plan(tmp_path / "first.yaml").instances
    assert dev.sk not in (tmp_path / "first.yaml").read_text()
    again = invoke("init", "--region", "cn-north-4", "--out", "first.yaml")
    assert again.exit_code == 2
    assert "overwrites nothing" in again.stderr


def test_it_needs_a_region_and_knows_one_profile(invoke: Invoke) -> None:
    assert "--region is missing" in invoke("init").stderr
    assert invoke("init", "--profile", "other", "--region", "r").exit_code == 2


@pytest.fixture
def keyed(local: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The official SDK's variables hold a key; nothing names a region or a project."""
    for name in ("PROJECT_ID", "REGION_ROMA_CN_NORTH_4", "IAM_ENDPOINT"):
        monkeypatch.delenv(f"HUAWEICLOUD_SDK_{name}", raising=False)
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", local.world.users[0].ak)
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", local.world.users[0].sk)
    return local


def test_an_endpoint_in_place_of_a_region_gives_a_plan_that_runs(invoke: Invoke, keyed: Any, tmp_path: Path) -> None:
    told = invoke("init", "--endpoint", keyed.url, "--out", "first.yaml")
    assert told.exit_code == 0, told.output
    plan = read_plan(tmp_path / "first.yaml")
    assert {(one.project_id, one.instance_id) for one in plan.instances.values()} == {
        (one.project_id, one.id) for one in keyed.world.instances
    }
    assert {(one.endpoint, one.iam_endpoint) for one in plan.instances.values()} == {(keyed.url, keyed.url)}
    assert plan.settings.reads_per_second == 200
    previewed = invoke("preview", "first.yaml")
    assert previewed.exit_code == 0, previewed.output


def test_an_endpoint_is_an_address_and_plain_http_is_for_this_machine(invoke: Invoke) -> None:
    assert (
        "plain http is allowed on this machine only" in invoke("init", "--endpoint", "http://roma.example.com").stderr
    )
    assert "is no address" in invoke("init", "--endpoint", "roma.example.com").stderr
    told = invoke("init", "--region", "r", "--iam-endpoint", "https://iam.example.com")
    assert (told.exit_code, "goes with --endpoint" in told.stderr) == (2, True)
