"""The command serves until it is told to stop."""

import io
import json
import os
import signal

import anyio
import yaml
from aiohttp import ClientSession

from orchestrator.emulator import run_emulator
from orchestrator.emulator.command import readable
from orchestrator.emulator.server import Address
from orchestrator.emulator.world.generate import default_world, generate


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
            group.start_soon(run_emulator, "127.0.0.1", 0, generate(2, 3), True, out)
            await out.flushed.wait()
            told = json.loads(out.getvalue())
            async with ClientSession() as http, http.get(f"{told['endpoint']}/_emulator/requests") as reply:
                assert reply.status == 200
            os.kill(os.getpid(), signal.SIGTERM)
    assert out.getvalue().count("\n") == 1
    assert [set(one) for one in told["instances"]] == [{"name", "project_id", "instance_id"}] * 2
    assert [set(one) for one in told["users"]] == [{"name", "domain", "ak", "sk", "password"}] * 2
    assert told["iam_endpoint"] == told["endpoint"]


def test_the_readable_block_holds_a_plan_to_paste_without_secrets() -> None:
    text = readable(default_world(), Address("127.0.0.1", 8080))
    plan = yaml.safe_load(text.partition("# for a plan\n")[2])
    assert set(plan) == {"version", "name", "credentials", "instances", "migrations"}
    assert plan["instances"]["prod"]["endpoint"] == "http://127.0.0.1:8080"
    assert plan["migrations"][0]["calls"]["shipping-web"] == ["orders-core"]
    assert not [user for user in default_world().users if user.sk in str(plan) or user.password in str(plan)]
