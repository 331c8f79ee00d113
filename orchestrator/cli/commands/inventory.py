"""`inventory`: what one instance holds, for people and for spreadsheets. Law: reads only."""

from pathlib import Path

import anyio

from orchestrator.cli.context.wiring import Assembled, assemble
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.tables import UNLIMITED, table
from orchestrator.cli.output.terminal import Sheet, Terminal
from orchestrator.core.model.counts import count
from orchestrator.core.model.escape import in_csv
from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.plan.plan import Plan
from orchestrator.engine.read_inventories import read_inventories
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.planfile import read_plan

HEAD = ("kind", "name", "id", "owner", "links", "updated", "running")


def inventory(terminal: Terminal, path: Path, instance: str, sheet: Sheet) -> int:
    """List applications and tasks, as the union over the instance's credentials."""
    terminal.plan = path
    plan = read_plan(path)
    if instance not in plan.instances:
        raise OperatorError(f"the plan has no instance {instance!r}; it has {', '.join(sorted(plan.instances))}")
    if sheet and terminal.common.json:
        raise OperatorError("--csv and --json exclude each other")
    assembled = assemble(plan, terminal.redactor, Log(terminal, lambda: utc_now().timestamp()).say, (instance,))
    found = anyio.run(_survey, plan, instance, assembled)
    rows = [*(_app_row(app) for app in found.apps), *(_task_row(task, found) for task in found.tasks)]
    if terminal.common.json:
        terminal.document({"instance": instance, "assets": [_json(asset, found) for asset in found.assets]})
    elif sheet:
        terminal.table(in_csv(HEAD, rows, "\r\n" if sheet is Sheet.EXCEL else "\n"), sheet)
    else:
        terminal.result(table(HEAD, rows, indent="", fit=UNLIMITED))
        terminal.say(f"{instance}: {count(len(found.apps), 'application')}, {count(len(found.tasks), 'task')}")
    return int(ExitCode.DONE)


async def _survey(plan: Plan, instance: str, assembled: Assembled) -> Inventory:
    where = plan.instances[instance]
    readers = {(instance, name): assembled.roma.reader(where, name) for name in where.credentials}
    try:
        return (await read_inventories(plan, readers))[instance]
    finally:
        with anyio.CancelScope(shield=True):
            await assembled.roma.aclose()


def _app_row(app: App) -> list[str]:
    return ["app", app.name, app.id, app.owner, "", app.update_time, ""]


def _task_row(task: Task, found: Inventory) -> list[str]:
    links = " -> ".join(_links(task, found))
    return ["task", task.name, task.id, task.owner, links, task.update_time, "running" if task.running else "stopped"]


def _links(task: Task, found: Inventory) -> list[str]:
    """The applications at its two ends, by name where these credentials see them."""
    names = {app.id: app.name for app in found.apps}
    return [names.get(app, app) for app in (task.source_app_id, task.target_app_id) if app]


def _json(asset: App | Task, found: Inventory) -> dict[str, object]:
    common: dict[str, object] = {
        "id": asset.id, "name": asset.name, "owner": asset.owner, "updated": asset.update_time or None,
        "seen_by": list(found.seen_by.get(asset.id, ())),
    }  # fmt: skip
    match asset:
        case App():
            return {"kind": "app", **common}
        case Task():
            ends = {"source_app_id": asset.source_app_id or None, "target_app_id": asset.target_app_id or None}
            return {"kind": "task", **common, **ends, "links": _links(asset, found), "running": asset.running}
