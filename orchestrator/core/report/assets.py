"""Every asset of a run with its batch, its name at the target and what became of it, and what was set aside.

Law: folded from the progress alone; a name that the service has not shown is told with its other reading.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.report.outcome import AssetOutcome
from orchestrator.core.state.events import SelectionMade
from orchestrator.core.state.progress import Progress

#: (migration, target, asset id) -> id and name at the target, of what an earlier run brought there
Held = Mapping[tuple[str, str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AssetLine:
    """One asset at one target."""

    outcome: AssetOutcome
    source: str
    #: of its batch, from 1; 0 where it travelled in none
    number: int
    #: names at the target, the likeliest first; more than one where the service has not shown how it reads `prefix`
    names: tuple[str, ...]
    #: its id at the target, "" where no read has told it
    target_id: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """Tasks that touch what one migration takes to one target, and that it does not take, for one reason."""

    migration: str
    target: str
    #: the migration of the same run that brings them there; "" where none does: only these are left out
    carried_by: str
    why: str
    #: (asset id, name)
    assets: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PrefixReading:
    """What the service showed of `prefix` at one target (API 7, 12)."""

    target: str
    prefix: str
    #: "app" or "task"
    kind: str
    renamed: bool


def asset_lines(progress: Progress, outcomes: Iterable[AssetOutcome]) -> tuple[AssetLine, ...]:
    """Every asset, by the number of its batch; what was skipped comes last."""
    sources = {(each.migration, each.target): each.source for each in progress.selections}
    held = {
        (each.migration, each.target, asset): (there, name)
        for each in progress.skipped
        for asset, there, name in each.held
    }
    lines = (_line(progress, sources.get((o.migration, o.target), ""), held, o) for o in outcomes)
    return tuple(sorted(lines, key=lambda line: (not line.number, line.number, line.outcome.kind, line.outcome.name)))


def _line(progress: Progress, source: str, held: Held, outcome: AssetOutcome) -> AssetLine:
    life = progress.deliveries.get(outcome.delivery)
    if life is None:
        there, name = held.get((outcome.migration, outcome.target, outcome.asset), ("", ""))
        return AssetLine(outcome, source, 0, (name,) if name else (), there)
    ids = dict(life.verified.ids) if life.verified is not None else {}
    names = progress.names_of(life, outcome.kind, outcome.name)
    return AssetLine(outcome, source, progress.numbers[life.batch], names, ids.get(outcome.asset, ""))


def set_aside(progress: Progress) -> tuple[SetAside, ...]:
    """What touches a selection and is not in it, grouped: first what another migration carries, then what none does."""
    carriers = _carriers(progress)
    return tuple(group for each in progress.selections for group in _groups(each, carriers))


def _carriers(progress: Progress) -> dict[tuple[str, str, str], str]:
    """(source, target, asset id) -> the migration that brings it there."""
    sources = {(each.migration, each.target): each.source for each in progress.selections}
    found = {
        (sources.get((each.migration, each.target), ""), each.target, asset.id): each.migration
        for each in progress.skipped
        for asset in each.assets
    }
    for life in progress.deliveries.values():
        for asset in progress.assets_of(life.batch):
            found[progress.source_of(life), life.target, asset.id] = life.scheduled.migration
    return found


def _groups(made: SelectionMade, carriers: dict[tuple[str, str, str], str]) -> Sequence[SetAside]:
    held: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for asset, name, why in made.left_out:
        carrier = carriers.get((made.source, made.target, asset), "")
        held.setdefault((carrier, "" if carrier else why), []).append((asset, name))
    ordered = sorted(held.items(), key=lambda group: (not group[0][0], group[0]))
    return [SetAside(made.migration, made.target, carrier, why, tuple(assets)) for (carrier, why), assets in ordered]


def prefix_readings(progress: Progress) -> tuple[PrefixReading, ...]:
    """What was learned of the names that a prefix makes."""
    places = {life.scheduled.place: life.scheduled for life in progress.deliveries.values() if life.scheduled.prefix}
    return tuple(
        PrefixReading(places[place].target, places[place].prefix, kind, renamed)
        for (place, kind), renamed in sorted(progress.seen.renames.items())
        if place in places
    )
