"""Which dictionary entries of a source its targets lack. Law: they travel in no package, so that a person sets them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.model.instance_facts import Facts, Unread, entries_amiss
from orchestrator.core.state.events import SelectionMade


@dataclass(frozen=True, slots=True)
class EntryDifference:
    """One entry that is missing at a target, or has another name there."""

    source: str
    target: str
    #: codes from the top down as far as they are known, such as COUNTRY/DE
    entry: str
    name: str
    #: "" where it is missing
    name_there: str

    @property
    def sentence(self) -> str:
        """`COUNTRY/DE (Germany) of dev is missing at prod`."""
        told = f"is called {self.name_there} at {self.target}" if self.name_there else f"is missing at {self.target}"
        return f"{self.entry} ({self.name}) of {self.source} {told}"


def entry_differences(selections: Sequence[SelectionMade], facts: Mapping[str, Facts]) -> tuple[EntryDifference, ...]:
    """Of every source and target of a run, in the order of its migrations."""
    ways = dict.fromkeys((each.source, each.target) for each in selections)
    return tuple(found for source, target in ways for found in _between(facts[source], facts[target]))


def _between(source: Facts, target: Facts) -> Iterator[EntryDifference]:
    for entry, there in entries_amiss(source, target):
        path = f"{entry.parent_code}/{entry.code}" if entry.parent_code else entry.code
        yield EntryDifference(source.instance, target.instance, path, entry.name, there)


def unread_dictionaries(facts: Mapping[str, Facts]) -> dict[str, str]:
    """Instance -> why its dictionary could not be read."""
    return {name: each.dictionaries.why for name, each in facts.items() if isinstance(each.dictionaries, Unread)}
