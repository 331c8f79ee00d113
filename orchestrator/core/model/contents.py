"""What travels with an instance's assets, as words that two sides can compare. Law: as far as the facts tell."""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.model.instance_facts import Facts, Unread, read_or
from orchestrator.core.model.inventory import Api, App, Task


@dataclass(frozen=True, slots=True)
class Contents:
    """What an instance's assets hold that travels with them (API 2.4): words such as `datasource:NAME`."""

    #: application -> the words of its data sources, and of its APIs in RELEASE
    held: Mapping[str, tuple[str, ...]]
    #: data source -> its word
    datasources: Mapping[str, str]
    #: what a word begins with -> why such words could not be read
    unread: Mapping[str, str]

    @classmethod
    def of(cls, facts: Facts) -> "Contents":
        """As far as the facts tell."""
        found: dict[str, set[str]] = {}
        datasources = {each.id: f"datasource:{each.name}" for each in read_or(facts.datasources, ())}
        for source in read_or(facts.datasources, ()):
            found.setdefault(source.app_id, set()).add(datasources[source.id])
        for api in read_or(facts.apis, ()):
            if api.released:
                found.setdefault(api.app_id, set()).add(f"api:{path_of(api)}")
        reads = {"datasource": facts.datasources, "api": facts.apis}
        unread = {what: read.why for what, read in reads.items() if isinstance(read, Unread)}
        return cls({app: tuple(sorted(words)) for app, words in found.items() if app}, datasources, unread)

    def of_asset(self, asset: App | Task) -> tuple[str, ...]:
        """Its words; a task's are the data sources at its ends, where the list of tasks tells them (API 1.8)."""
        if isinstance(asset, App):
            return self.held.get(asset.id, ())
        return tuple(sorted({self.datasources[each] for each in asset.datasource_ids if each in self.datasources}))


def path_of(api: Api) -> str:
    """`GET /orders`, what a path conflict is about."""
    return f"{api.method} {api.path}".strip()
