"""Which data source of a target each entry of a values file means. Law: every mistake at once, with file and line."""

from collections.abc import Mapping, Sequence

from orchestrator.core.finish.looks import INVENTORY, SOURCES, Seen, values_of
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import DataSource, Inventory
from orchestrator.core.plan.problems import did_you_mean, listed, quoted
from orchestrator.core.values.values import Connection
from orchestrator.errors import PlanInvalid


def entries_of(target: str, path: str, seen: Seen) -> Mapping[str, Connection] | Unread:
    """Data source -> its entry, or why the target's data sources are not known; raises PlanInvalid."""
    given, sources, inventory = (
        seen.get(target, values_of(path)), seen.get(target, SOURCES), seen.get(target, INVENTORY),
    )  # fmt: skip
    for told in (given, sources, inventory):
        if isinstance(told, Unread):
            return Unread(f"the data sources of {target} could not be read: {told.why}")
    if isinstance(given, Unread) or isinstance(sources, Unread) or not isinstance(inventory, Inventory):
        return Unread("")
    found: dict[str, Connection] = {}
    problems: list[str] = []
    for key, entry in given.values.connections.items():
        meant = _meant(entry, sources, inventory)
        why = _wrong(entry, meant, target, sources)
        if why:
            problems.append(f"{given.places[key]}: {why}")
        elif meant:
            found[meant[0].id] = entry
    if problems:
        raise PlanInvalid(problems, f"correct {path}; nothing was sent")
    return found


def _meant(entry: Connection, sources: Sequence[DataSource], inventory: Inventory) -> list[DataSource]:
    names = inventory.app_names
    return [
        each for each in sources if each.name == entry.name and (not entry.app or names.get(each.app_id) == entry.app)
    ]


def _wrong(entry: Connection, meant: Sequence[DataSource], target: str, sources: Sequence[DataSource]) -> str:
    if not meant:
        if entry.optional:
            return ""
        of = f" of application {quoted(entry.app)}" if entry.app else ""
        names = sorted({each.name for each in sources})
        hint = did_you_mean(entry.name, names) or f", which has {listed(names)}"
        return (
            f"{target} has no data source {quoted(entry.name)}{of}{hint}; write optional: true where another plan "
            "brings it"
        )
    if len(meant) > 1:
        return f"{target} has {len(meant)} data sources of this name: write app: and the name of the application"
    if meant[0].type and meant[0].type != entry.type:
        return f"at {target} this data source is of type {quoted(meant[0].type)}, and {entry.type} stands here"
    return ""
