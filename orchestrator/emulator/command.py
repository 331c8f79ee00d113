"""What `roma-migrate emulator` does: serve a world until stopped. Law: SIGINT and SIGTERM end it cleanly."""

import json
import signal
import time
from typing import TextIO

import anyio

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.server import Address, serve
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.world import World


async def run_emulator(host: str, port: int, world: World, json_line: bool, out: TextIO) -> None:
    """Serves `world` on wall time until SIGINT or SIGTERM, then returns; port 0 takes a free one.

    First it prints where and for whom: one line of JSON, or a block with lines to paste. An address that cannot be
    taken raises OSError.
    """
    api = Api(Service(world, time.time))
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with serve(api, port, host) as address:
            out.write(f"{json.dumps(describe(world, address))}\n" if json_line else readable(world, address))
            out.flush()
            async for _ in signals:
                break


def describe(world: World, address: Address) -> Json:
    """Where the world is served and who may ask: these secrets open nothing but this emulator."""
    return {
        "endpoint": address.url,
        "iam_endpoint": address.url,
        "instances": [
            {"name": one.name, "project_id": one.project_id, "instance_id": one.id} for one in world.instances
        ],
        "users": [
            {"name": one.name, "domain": one.domain, "ak": one.ak, "sk": one.sk, "password": one.password}
            for one in world.users
        ],
    }


def readable(world: World, address: Address) -> str:
    """The same for people: what is there, lines for a shell, and the beginning of a plan."""
    lines = [f"ROMA Connect emulator at {address.url}; Ctrl-C ends it", ""]
    lines += [f"  {one.name}: {len(one.apps)} applications, {len(one.tasks)} tasks" for one in world.instances]
    lines += ["", "# for the shell that runs roma-migrate"]
    for user in world.users:
        name = _variable(user.name)
        lines += [f"export {name}_AK={user.ak} {name}_SK={user.sk} {name}_PASSWORD={user.password}"]
    return "\n".join([*lines, "", "# for a plan", *_plan(world, address)]) + "\n"


def _plan(world: World, address: Address) -> list[str]:
    lines = ["version: 1", "name: emulator", "credentials:"]
    for number, user in enumerate(world.users):
        name = _variable(user.name)
        secret = (
            f'ak: "${{env:{name}_AK}}", sk: "${{env:{name}_SK}}", user: {user.domain}/{user.name}'
            if number % 2 == 0
            else f'username: {user.name}, domain: {user.domain}, password: "${{env:{name}_PASSWORD}}"'
        )
        lines += [f"  {user.name}: {{{secret}}}"]
    lines += ["instances:"]
    for number, one in enumerate(world.instances):
        user = world.users[number % len(world.users)]
        lines += [
            f"  {one.name}:",
            f"    endpoint: {address.url}",
            f"    iam_endpoint: {address.url}",
            f"    project_id: {one.project_id}",
            f"    instance_id: {one.id}",
            f"    credentials: {user.name}",
        ]
    return lines + _migration(world)


def _migration(world: World) -> list[str]:
    if len(world.instances) < 2:
        return []
    source, target = world.instances[:2]
    names = {app.id: app.name for app in source.apps}
    lines = ["migrations:", "  - name: everything", f"    source: {source.name}", f"    target: {target.name}"]
    lines += ['    apps: "*"', '    tasks: "*"']
    calls = {app.name: ", ".join(names[x] for x in app.calls) for app in source.apps if app.calls}
    return lines + (["    calls:", *(f"      {name}: [{called}]" for name, called in calls.items())] if calls else [])


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")
