"""`demo`: a whole migration on this machine, against a local ROMA Connect. Law: it leaves nothing behind."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import anyio.from_thread

import orchestrator
from orchestrator.cli.conducting import conduct
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.model.counts import count
from orchestrator.core.plan.plan import AccessKey, Password, Plan, SecretRef, SecretSource
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.server import Address, serve
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.generate import default_world
from orchestrator.emulator.world.world import User, World
from orchestrator.engine.runs import Wish
from orchestrator.engine.runtime import utc_now
from orchestrator.storage.home import Home
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.store import HomeStore


def demo(terminal: Terminal, path: Path | None, keep: bool) -> int:
    """Serve the default world, fit the plan's addresses to it, run the plan."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # to leave at once would leave our folder behind
    file = path or _demo_plan()
    terminal.plan = file
    plan = read_plan(file)
    world = fitted(default_world(), plan)
    for name, value in _secrets(plan, world).items():
        os.environ[name] = value
    with _home(terminal, keep) as home, _served(world) as address:
        for one in world.instances:
            told = f"{count(len(one.apps), 'application')}, {count(len(one.tasks), 'task')}"
            terminal.say(
                f"local ROMA Connect at {address.url}: {one.name} holds {told}", event="emulator", name=one.name
            )
        gone = terminal.common.home is None and not keep
        wish = Wish(note=terminal.common.note or "demo")
        following = "roma-migrate demo --keep\nkeeps the home, so that its run can be looked into" if gone else ""
        code = conduct(terminal, _addressed(plan, address), HomeStore(home), wish, following)
        if gone:
            terminal.say("the demo's home and its log are removed now; --keep keeps them")
        return code


def _demo_plan() -> Path:
    """Of the folder or the clone that we stand in, else the one that came with the program."""
    here, ours = Path("plans/demo.yaml"), Path(orchestrator.__file__).parent
    found = (here, ours.parent / here, ours / here)
    return next((path for path in found if path.is_file()), found[-1])


def fitted(world: World, plan: Plan) -> World:
    """The world under the ids and the domain that the plan names, so that its text is true."""
    instances = [
        replace(one, id=plan.instances[one.name].instance_id, project_id=plan.instances[one.name].project_id)
        if one.name in plan.instances
        else one
        for one in world.instances
    ]
    domains = {held.username: held.domain for held in plan.credentials.values() if isinstance(held, Password)}
    users = [replace(user, domain=domains.get(user.name, user.domain)) for user in world.users]
    return replace(world, instances=tuple(instances), users=tuple(users))


def _secrets(plan: Plan, world: World) -> dict[str, str]:
    """The environment that the plan's references need; these secrets open nothing but this emulator."""
    users = {user.name: user for user in world.users}
    found: dict[str, str] = {}
    for name, held in plan.credentials.items():
        match held:
            case AccessKey(ak=ak, sk=sk) if name in users:
                found |= _named(ak, users[name].ak) | _named(sk, users[name].sk)
            case Password(username=username, password=password) if username in users:
                found |= _named(password, _password(users[username]))
            case _:
                pass
    return found


def _named(reference: SecretRef, value: str) -> dict[str, str]:
    return {reference.name: value} if reference.source is SecretSource.ENV else {}


def _password(user: User) -> str:
    return user.password


def _addressed(plan: Plan, address: Address) -> Plan:
    instances = {
        name: replace(one, endpoint=address.url, iam_endpoint=address.url) for name, one in plan.instances.items()
    }
    return replace(plan, instances=instances)


@contextmanager
def _home(terminal: Terminal, keep: bool) -> Iterator[Home]:
    """The home that was asked for, or a fresh one that goes with the demo."""
    if terminal.common.home is not None:
        terminal.name_home(terminal.common.home.absolute())
        yield Home(terminal.common.home.absolute())
        return
    folder = Path(tempfile.mkdtemp(prefix="roma-migrate-demo-"))
    try:
        terminal.name_home(folder)
        yield Home(folder)
    finally:
        if not keep:
            terminal.home = None
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _served(world: World) -> Iterator[Address]:
    """The emulator on a loop of its own, so that the run's may be busy."""
    with ExitStack() as stack:
        portal = stack.enter_context(anyio.from_thread.start_blocking_portal("asyncio"))
        api = Api(Service(world, lambda: utc_now().timestamp()))
        yield stack.enter_context(portal.wrap_async_context_manager(serve(api)))
