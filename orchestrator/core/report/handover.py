"""The handover list in a run's journal, so that it is told offline. Law: nothing is asked of a person for an asset
that did not arrive.
"""

from collections.abc import Iterable, Iterator

from orchestrator.core.model.handover_item import Action, Item
from orchestrator.core.report.outcome import AssetClass, AssetOutcome
from orchestrator.core.state.events import Entry, Event, HandoverListed

#: classes of assets that will not be at the target unless somebody acts
_STAYED = frozenset({AssetClass.QUARANTINED, AssetClass.BLOCKED, AssetClass.HELD})


def kept(events: Iterable[Event]) -> Iterator[Item]:
    """The items that these events keep, in their order."""
    for event in events:
        if isinstance(event, HandoverListed):
            yield from event.items


def due(entries: Iterable[Entry], lines: Iterable[AssetOutcome]) -> tuple[Item, ...]:
    """What a run leaves to people: its list without the assets that were set aside everywhere they should go.

    A task that did not arrive must not be stopped at its source. `lines` are the run's assets (`core.outcome.lines`).
    """
    stayed: set[tuple[str, str, str]] = set()
    arrived: set[tuple[str, str]] = set()
    for line in lines:
        if line.kept_as in _STAYED:
            stayed.add((line.target, line.kind, line.name))
        else:
            arrived.add((line.kind, line.name))
    return tuple(item for item in kept(entry.event for entry in entries) if not _idle(item, stayed, arrived))


def _idle(item: Item, stayed: set[tuple[str, str, str]], arrived: set[tuple[str, str]]) -> bool:
    if item.action == Action.STOP_TASK:
        return (item.kind, item.asset) not in arrived
    return (item.where, item.kind, item.asset) in stayed
