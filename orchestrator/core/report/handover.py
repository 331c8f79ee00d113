"""The handover list in a plan's journals, so that it is told offline. Law: nothing is asked of a person for an asset
that did not arrive, and nothing that was asked is forgotten because a later run found nothing to do.

The list belongs to the plan: `of_run` says what one run left to people, `of_plan` folds all of a plan's runs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from orchestrator.core.model.change import Proves
from orchestrator.core.model.handover_item import LISTED, Action, Item, Standing, in_order
from orchestrator.core.report.outcome import AssetClass, AssetOutcome, asset_outcomes
from orchestrator.core.state.change_events import ChangesPlanned, ChangesSettled
from orchestrator.core.state.changes import Changes, ChangeState
from orchestrator.core.state.events import Entry, Event, HandoverDone, HandoverListed
from orchestrator.core.state.progress import Progress

#: classes of assets that will not be at the target unless somebody acts
_STAYED = frozenset({AssetClass.QUARANTINED, AssetClass.BLOCKED, AssetClass.NOT_OURS, AssetClass.HELD})
#: (target, kind, name at the source)
Place = tuple[str, str, str]
#: the same, once nobody goes on with the run
_STAYED_FOR_GOOD = _STAYED | {AssetClass.WAITING}


@dataclass(frozen=True, slots=True)
class RunHandover:
    """What one run left to people, and what its journal keeps of people's ticks."""

    run: str
    #: epoch seconds
    began_at: float
    items: tuple[Item, ...]
    #: (when, what was said)
    ticks: tuple[tuple[float, HandoverDone], ...] = ()


@dataclass(frozen=True)  # without slots, so that what is open is worked out once
class PlanHandover:
    """What all runs of a plan left to people, each item once."""

    #: running tasks first
    items: tuple[Item, ...] = ()
    #: item id -> the run that caused it, and whether it is done
    standings: dict[str, Standing] = field(default_factory=dict)

    @cached_property
    def open(self) -> tuple[Item, ...]:
        """What is still to be done."""
        return tuple(item for item in self.items if not self.standings[item.id].done)

    @property
    def risks(self) -> tuple[Item, ...]:
        """Of these, tasks that may process the same data twice: they still have to stop at their source."""
        return tuple(item for item in self.open if item.action == Action.STOP_TASK)


def concerns(event: Event) -> bool:
    """Whether `of_run` needs to hear of it; of the others the progress tells enough."""
    return isinstance(event, HandoverListed | HandoverDone | ChangesPlanned | ChangesSettled)


def of_run(run: str, entries: Sequence[Entry], progress: Progress) -> RunHandover:
    """One run's part; `progress` is the whole run believed, `entries` at least those that `concerns` tells of."""
    gone = taken_back(entries, progress)
    lines = [line for line in asset_outcomes(progress) if (line.target, line.kind, line.name) not in gone]
    done = _proved(progress.finishing)
    items = tuple(_without(item, done) for item in due(entries, lines, ended=progress.ended is not None, gone=gone))
    by_hand = tuple((entry.at, entry.event) for entry in entries if isinstance(entry.event, HandoverDone))
    return RunHandover(run, progress.began_at, items, (*by_hand, *_finished(items, done, progress)))


def _proved(finishing: Changes) -> dict[Proves, float]:
    """What `finish` was read to have done and no undo has taken back, and when.

    A part of an item is done when every change that it takes is; an item itself when one of its changes is.
    """
    done, open_ = dict(finishing.found), set()
    for life in (*finishing.settled.values(), *finishing.lives.values()):
        for proved in life.change.proves if life.state is not ChangeState.DONE else ():
            if not life.settled or life.settled_at >= finishing.found.get(proved, 0.0):
                open_.add(proved)
    for life in finishing.settled.values():
        for proved in life.change.proves if life.state is ChangeState.DONE else ():
            done[proved] = max(done.get(proved, 0.0), life.settled_at)
    return {proved: at for proved, at in done.items() if not (proved.in_part and proved in open_)}


def _without(item: Item, done: Mapping[Proves, float]) -> Item:
    """The same item, whose sentence lists no more what was proved of it."""
    head, behind, words = item.sentence.partition(LISTED)
    if item.action != Action.API_SETTINGS or not behind:
        return item
    left = (each for each in words.split(", ") if Proves(item.action, item.where, each, item.asset) not in done)
    return replace(item, sentence=f"{head}{behind}{', '.join(left)}")


def _finished(
    items: Sequence[Item], done: Mapping[Proves, float], progress: Progress
) -> Iterator[tuple[float, HandoverDone]]:
    """Items that `finish` was read to have done, and that no undo has opened again."""
    began = progress.finishing.began
    for item in items:
        at = done.get(Proves(item.action, item.where, item.subject, item.asset))
        if at is not None and began is not None:
            yield (
                at,
                HandoverDone(item.id, began.by, began.host, began.version, "done by finish, and proved by reading"),
            )


def of_plan(runs: Iterable[RunHandover]) -> PlanHandover:
    """Fold a plan's runs and people's ticks in the order of time. A run that brings an asset again opens it again."""
    found: dict[str, Item] = {}
    standings: dict[str, Standing] = {}
    moments: list[tuple[float, RunHandover | HandoverDone]] = []
    for run in runs:
        moments += [(run.began_at, run), *run.ticks]
    for at, what in sorted(moments, key=lambda moment: moment[0]):
        match what:
            case RunHandover():
                found |= {item.id: item for item in what.items}
                standings |= {
                    item.id: Standing(what.run) for item in what.items if _opens(item, standings.get(item.id))
                }
            case HandoverDone() if what.item in standings:
                standings[what.item] = _ticked(standings[what.item], what, at)
            case HandoverDone():
                pass  # what it belongs to did not arrive after all
    return PlanHandover(in_order(found.values()), standings)


def _ticked(stands: Standing, said: HandoverDone, at: float) -> Standing:
    return replace(stands, done=True, by=f"{said.by} on {said.host}", at=at, note=said.note)


def _opens(item: Item, stands: Standing | None) -> bool:
    """Whether a run that lists this item makes it due: what was done for the instance need not be done once more."""
    return stands is None or (bool(stands.done) and item.action != Action.INSTANCE)


def kept(events: Iterable[Event]) -> Iterator[Item]:
    """The items that these events keep, in their order."""
    for event in events:
        if isinstance(event, HandoverListed):
            yield from event.items


def taken_back(entries: Iterable[Entry], progress: Progress) -> frozenset[Place]:
    """What an undo of this run was seen to remove from its targets."""
    arrived: dict[tuple[str, str], Place] = {}
    for life in progress.deliveries.values():
        held = dict(life.verified.ids) if life.verified is not None else {}
        for asset in progress.assets_of(life.batch):
            arrived[life.target, held.get(asset.id, "")] = (life.target, asset.kind, asset.name)
    objects: dict[str, tuple[str, str]] = {}
    gone: set[Place] = set()
    for entry in entries:
        match entry.event:
            case ChangesPlanned(changes=changes):
                objects |= {each.id: (each.instance, each.object) for each in changes if each.by_job}
            case ChangesSettled(done=done):
                gone |= {arrived[objects[name]] for name in done if objects.get(name) in arrived}
            case _:
                pass
    return frozenset(gone)


def due(
    entries: Iterable[Entry],
    lines: Iterable[AssetOutcome],
    ended: bool = False,
    gone: frozenset[Place] = frozenset(),
) -> tuple[Item, ...]:
    """What a run leaves to people: its list without the assets that were set aside everywhere they should go.

    A task that did not arrive must not be stopped at its source. `lines` are the run's assets
    (`core.report.outcome.asset_outcomes`); of a run that has `ended`, what still waits will not arrive either.
    `gone` arrived once, and an undo has removed it.
    """
    left = _STAYED_FOR_GOOD if ended else _STAYED
    stayed: set[Place] = set(gone)
    arrived: set[tuple[str, str]] = set()
    for line in lines:
        if line.kept_as in left:
            stayed.add((line.target, line.kind, line.name))
        else:
            arrived.add((line.kind, line.name))
    if not arrived:
        return ()
    return tuple(item for item in kept(entry.event for entry in entries) if not _idle(item, stayed, arrived))


def _idle(item: Item, stayed: set[Place], arrived: set[tuple[str, str]]) -> bool:
    if item.action == Action.STOP_TASK:
        return (item.kind, item.asset) not in arrived
    return (item.where, item.kind, item.asset) in stayed
