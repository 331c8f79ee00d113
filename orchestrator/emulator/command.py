"""What `roma-migrate emulator` does: serve a world until stopped. Law: SIGINT and SIGTERM end it cleanly."""

import json
import re
import shlex
import signal
import time
from collections.abc import Callable, Sequence
from typing import TextIO

import anyio

from orchestrator.core.model.counts import count
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.server import Address, serve
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.world import User, World

#: a local service needs no sparing, and what is lost on the way to it is lost at once
SETTINGS = "{reads_per_second: 200, writes_per_second: 20, settle_quiet: 2s, settle_wait: 10s, busy_timeout: 5m}"


async def run_emulator(
    host: str, port: int, world: World, json_line: bool, out: TextIO, write_plan: Callable[[str], str]
) -> None:
    """Serves `world` on wall time until SIGINT or SIGTERM, then returns; port 0 takes a free one.

    First it prints where and for whom: one line of JSON, or a block with lines to paste. `write_plan` gets the text of
    a plan for it and says where it lies, "" where nowhere. An address that cannot be taken raises OSError.
    """
    api = Api(Service(world, time.time))
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with serve(api, port, host) as address:
            plan = write_plan(plan_text(world, address))
            told = json.dumps(describe(world, address, plan)) + "\n" if json_line else readable(world, address, plan)
            out.write(told)
            out.flush()
            async for _ in signals:
                break


def describe(world: World, address: Address, plan: str = "") -> Json:
    """Where the world is served and who may ask: these secrets open nothing but this emulator."""
    return {
        "endpoint": address.url,
        "iam_endpoint": address.url,
        "plan_file": plan,
        "environment": environment(world),
        "instances": [
            {"name": one.name, "project_id": one.project_id, "instance_id": one.id} for one in world.instances
        ],
        "users": [
            {"name": one.name, "domain": one.domain, "ak": one.ak, "sk": one.sk, "password": one.password}
            for one in world.users
        ],
    }


def environment(world: World) -> Json:
    """The variables that the plan's references name, and those of the official SDK, by which `init` asks."""
    found: Json = {}
    for number, user in enumerate(world.users):
        name = _variable(number, user)
        found |= {f"{name}_AK": user.ak, f"{name}_SK": user.sk, f"{name}_PASSWORD": user.password}
        found |= {f"{name}_TOKEN": user.security_token} if user.security_token else {}
    first = world.users[0]
    return found | {"HUAWEICLOUD_SDK_AK": first.ak, "HUAWEICLOUD_SDK_SK": first.sk}


def readable(world: World, address: Address, plan: str = "") -> str:
    """The same for people: what is there, lines for a shell, and a plan or where it lies."""
    lines = [f"ROMA Connect emulator at {address.url}; Ctrl-C ends it", ""]
    lines += [
        f"  {one.name}: {count(len(one.apps), 'application')}, {count(len(one.tasks), 'task')}"
        for one in world.instances
    ]
    lines += ["", "# for the shell that runs roma-migrate"]
    lines += [f"export {name}={shlex.quote(str(value))}" for name, value in environment(world).items()]
    if plan:
        lines += ["", "# the plan is written; to see what it would do:", f"roma-migrate preview {shlex.quote(plan)}"]
        return "\n".join(lines) + "\n"
    lines += ["", "# a first plan from what it finds:", f"roma-migrate init --endpoint {address.url}"]
    return "\n".join([*lines, "", "# or this plan (--write-plan FILE writes it)"]) + "\n" + plan_text(world, address)


def plan_text(world: World, address: Address) -> str:
    """A whole plan for the world that is served there; its secrets are references to the environment."""
    lines = ["version: 1", "name: emulator", "credentials:"]
    names = [_credentials(number, user) for number, user in enumerate(world.users)]
    lines += [
        f"  {name}: {{{_secret(at, user)}}}" for at, (name, user) in enumerate(zip(names, world.users, strict=True))
    ]
    lines += ["instances:"]
    instances = [_safe(one.name, f"instance-{number}") for number, one in enumerate(world.instances, 1)]
    for number, (name, one) in enumerate(zip(instances, world.instances, strict=True)):
        lines += [
            f"  {name}:",
            f"    endpoint: {address.url}",
            f"    iam_endpoint: {address.url}",
            f"    project_id: {json.dumps(one.project_id)}",
            f"    instance_id: {json.dumps(one.id)}",
            f"    credentials: {names[number % len(names)]}",
        ]
    return "\n".join([*lines, f"settings: {SETTINGS}", *_migration(world, instances)]) + "\n"


def _secret(number: int, user: User) -> str:
    """A key for every other user and a password for the rest, so that both ways can be seen."""
    name = _variable(number, user)
    if number % 2 and not user.security_token:
        told = {"username": user.name, "domain": user.domain, "password": f"${{env:{name}_PASSWORD}}"}
    else:
        told = {"ak": f"${{env:{name}_AK}}", "sk": f"${{env:{name}_SK}}", "user": f"{user.domain}/{user.name}"}
        told |= {"security_token": f"${{env:{name}_TOKEN}}"} if user.security_token else {}
    return ", ".join(f"{key}: {json.dumps(value)}" for key, value in told.items())


def _migration(world: World, instances: Sequence[str]) -> list[str]:
    """From the first instance to the second; to itself, under a prefix, where it is alone."""
    source = world.instances[0]
    names = {app.id: app.name for app in source.apps}
    lines = ["migrations:", "  - name: everything", f"    source: {instances[0]}", f"    target: {instances[:2][-1]}"]
    lines += ['    prefix: "copy_"'] if len(instances) == 1 else []
    lines += ['    apps: "*"', '    tasks: "*"']
    calls = {app.name: ", ".join(names[x] for x in app.calls) for app in source.apps if app.calls}
    return lines + (["    calls:", *(f"      {name}: [{called}]" for name, called in calls.items())] if calls else [])


def _credentials(number: int, user: User) -> str:
    return _safe(user.name, f"user-{number + 1}")


def _variable(number: int, user: User) -> str:
    return _credentials(number, user).upper().replace("-", "_")


def _safe(name: str, otherwise: str) -> str:
    """A name that may stand in a plan and, in capitals, in the environment."""
    return name if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,40}", name) else otherwise
