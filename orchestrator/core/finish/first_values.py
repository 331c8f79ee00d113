"""A first values file for what a run brought to one target, from what its source shows. Law: no secret is in it.

Reads: the data sources of the run's applications at their source, each with its content, in memory alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.core.finish.ground import Ground
from orchestrator.core.finish.looks import INVENTORY, SOURCES, Look, Seen, connection
from orchestrator.core.finish.of_apps import name_there, who
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import DataSource
from orchestrator.core.values.template import EMPTY, Shown, template
from orchestrator.errors import OperatorError


@dataclass(frozen=True, slots=True)
class FirstValues:
    """A values file, and what is still to be written into it."""

    target: str
    text: str
    #: data sources in it
    sources: int

    @property
    def empty(self) -> int:
        """References that name nothing yet."""
        return sum(f'"{EMPTY}"' in line for line in self.text.splitlines() if not line.startswith("#"))


def first_looks(ground: Ground, seen: Seen) -> Iterator[Look]:
    """What is to be read for it; asked again with the answers until it names nothing new."""
    for pair in ground.chosen("app"):
        lists = Look(pair.target, INVENTORY), Look(pair.source, INVENTORY), Look(pair.source, SOURCES)
        yield from lists
        if all(seen.holds(each) for each in lists):
            for source in _sources(pair, seen):
                yield Look(pair.source, connection(source.id), who(pair, pair.source, seen))


def first_values(run: str, ground: Ground, seen: Seen) -> FirstValues:
    """The file; raises OperatorError where the run has several targets, or its source shows no data sources."""
    pairs = ground.chosen("app")
    targets = list(dict.fromkeys(pair.target for pair in pairs))
    if len(targets) != 1:
        told = f"the run brought applications to {', '.join(targets)}" if targets else "the run brought no application"
        raise OperatorError(
            f"{told}: a values file is of one target", next_step="name it: finish RUN --only @INSTANCE --template FILE"
        )
    for pair in pairs:
        if isinstance(found := seen.get(pair.source, SOURCES), Unread):
            raise OperatorError(f"the data sources of {pair.source} could not be read: {found.why}")
    shown = tuple(each for pair in pairs for each in _shown(pair, seen))
    return FirstValues(targets[0], template(run, targets[0], shown), len(shown))


def _shown(pair: Pair, seen: Seen) -> Iterator[Shown]:
    for source in _sources(pair, seen):
        held = seen.get(pair.source, connection(source.id))
        app = name_there(pair, seen)
        if isinstance(held, Unread):
            yield Shown(source.name, source.type, app, {}, held.why)
        else:
            yield Shown(held.name, held.type, app, held.content)


def _sources(pair: Pair, seen: Seen) -> list[DataSource]:
    """Data sources of the application at the source."""
    sources = seen.get(pair.source, SOURCES)
    return [] if isinstance(sources, Unread) else [each for each in sources if each.app_id == pair.asset.id]
