"""The command serves until it is told to stop."""

import io
import json
import os
import shlex
import signal
from pathlib import Path

import anyio
import pytest
import yaml
from aiohttp import ClientSession

from orchestrator.emulator import run_emulator
from orchestrator.emulator.command import environment, plan_text, readable
from orchestrator.emulator.server import Address
from orchestrator.emulator.world.generate import default_world, generate
from orchestrator.emulator.world.world import User, World
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.secrets import resolve


class Line(io.StringIO):
    """Tells when something was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.flushed = anyio.Event()

    def flush(self) -> None:
        self.flushed.set()


async def test_the_json_line_names_what_is_needed_and_a_signal_ends_it() -> None:
    out = Line()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(run_emulator, "127.0.0.1", 0, generate(2, 3), True, out, lambda text: "p.yaml")
            await out.flushed.wait()
            told = json.loads(out.getvalue())
            async with ClientSession() as http, http.get(f"{told['endpoint']}/_emulator/requests") as reply:
                assert reply.status == 200
            os.kill(os.getpid(), signal.SIGTERM)
    assert out.getvalue().count("\n") == 1
    assert [set(one) for one in told["instances"]] == [{"name", "project_id", "instance_id"}] * 2
    assert [set(one) for one in told["users"]] == [{"name", "domain", "ak", "sk", "password"}] * 2
    assert told["iam_endpoint"] == told["endpoint"]
    assert told["plan_file"] == "p.yaml"


def test_the_readable_block_holds_a_plan_to_paste_without_secrets() -> None:
    text = readable(default_world(), Address("127.0.0.1", 8080)).partition("# or this plan")[2].partition("\n")[2]
    plan = yaml.safe_load(text)
    assert set(plan) == {"version", "name", "credentials", "instances", "settings", "migrations"}
    assert plan["instances"]["prod"]["endpoint"] == "http://127.0.0.1:8080"
    assert plan["migrations"][0]["calls"]["shipping-web"] == ["orders-core"]
    assert not [user for user in default_world().users if user.sk in str(plan) or user.password in str(plan)]


ODD = User("Ann's 安", "acme: x", "AK0001", "sk-$'quoted'", "pa$$word")
ALONE = User("bob", "acme", "AK0002", "sk-0002", "password-2", security_token="token-0002")


@pytest.mark.parametrize(
    "world",
    [
        default_world(),
        generate(2, 3, users=(ODD, ALONE)),
        generate(2, 3, filled=("only",), empty=()),
        generate(2, 3, filled=("9 dev",), empty=("prod: x", "dr")),
    ],
)
def test_the_plan_of_any_world_is_whole_and_the_lines_to_export_are_what_it_needs(world: World, tmp_path: Path) -> None:
    address = Address("127.0.0.1", 8080)
    (tmp_path / "plan.yaml").write_text(plan_text(world, address), encoding="utf-8")
    plan = read_plan(tmp_path / "plan.yaml")
    assert {one.instance_id for one in plan.instances.values()} == {one.id for one in world.instances}
    exported = {name: str(value) for name, value in environment(world).items()}
    resolve(plan, list(plan.credentials), exported)
    lines = [line for line in readable(world, address).splitlines() if line.startswith("export ")]
    assert dict(word.split("=", 1) for line in lines for word in shlex.split(line)[1:]) == exported
