"""Where the APIs of a moved application are at the target, or will be (Finishing 2.6). Law: pure.

A group's name at the target is known from the APIs that travelled in it; where none did, it is the source's, with what
the import put before the application's name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.core.finish.api_looks import APIS, ENVIRONMENTS, GROUPS
from orchestrator.core.finish.ground import Ground
from orchestrator.core.finish.looks import INVENTORY, Look, Seen
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.gateway import RELEASE, Environment, Place
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import Api, ApiGroup, App, Inventory


@dataclass(frozen=True, slots=True)
class Moved:
    """One moved application: both sides of it, as read."""

    pair: Pair
    #: who reads at the source, and who writes at the target
    reader: str
    writer: str
    #: the application at the target, by its list
    app: App
    here: tuple[Api, ...]
    there: tuple[Api, ...]
    groups: Mapping[str, ApiGroup]
    #: environments of both sides by id
    environments: tuple[Mapping[str, Environment], Mapping[str, Environment]]

    def group(self, api: Api) -> str:
        """The name at the target of the group of an API of the source."""
        known = {(each.method, each.path): each.group for each in self.there}
        for other in self.here:
            if other.group_id == api.group_id and (other.method, other.path) in known:
                return known[other.method, other.path]
        own = self.pair.asset.name
        before = self.app.name.removesuffix(own) if self.app.name.endswith(own) else ""
        return before + api.group

    def place(self, api: Api) -> Place:
        """Where an API of the source is, or will be."""
        return Place(self.app.id, self.group(api), api.method, api.path)

    def twin(self, api: Api) -> Api | None:
        """The API at the target that stands for one of the source."""
        place = self.place(api)
        return next((each for each in self.there if (each.group, each.method, each.path) == place[1:]), None)

    def env_there(self, env: str) -> str:
        """The id at the target of an environment of the source, "" where the target has none of that name."""
        if env == RELEASE:
            return RELEASE
        here, there = self.environments
        wanted = here.get(env)
        return next((key for key, each in there.items() if wanted is not None and each.name == wanted.name), "")

    def env_name(self, env: str) -> str:
        """Its name."""
        here = self.environments[0].get(env)
        return "RELEASE" if env == RELEASE else here.name if here is not None else env


def looks(ground: Ground, pairs: tuple[Pair, ...]) -> Iterator[Look]:
    """What `moved` needs of these applications."""
    for pair in pairs:
        reader, writer = identities(ground, pair)
        yield Look(pair.target, INVENTORY)
        yield Look(pair.target, GROUPS, writer)
        for instance, who in ((pair.source, reader), (pair.target, writer)):
            yield Look(instance, ENVIRONMENTS, who)
            yield Look(instance, APIS, who)


def identities(ground: Ground, pair: Pair) -> tuple[str, str]:
    """Who reads at the source and who writes at the target: who exported and who imported (promise 14)."""
    plan = ground.plan
    return (
        pair.exporter or plan.instances[pair.source].credentials[0],
        pair.owner or plan.instances[pair.target].credentials[0],
    )


def moved(ground: Ground, pair: Pair, seen: Seen) -> Moved | Unread:
    """One application with the APIs of both sides, or why they could not be read."""
    inventory = seen.get(pair.target, INVENTORY)
    here, there = seen.get(pair.source, APIS), seen.get(pair.target, APIS)
    groups = seen.get(pair.target, GROUPS)
    known = seen.get(pair.source, ENVIRONMENTS), seen.get(pair.target, ENVIRONMENTS)
    for answer in (inventory, here, there, groups, *known):
        if isinstance(answer, Unread):
            return answer
    app = _app(inventory, pair.there)
    if app is None:
        return Unread(f"the application is not at {pair.target} any more, or not visible there")
    names = (_by_id(known[0]), _by_id(known[1]))
    held = {} if isinstance(groups, Unread) else {each.name: each for each in groups}
    own = _of(here, pair.asset.id), _of(there, pair.there)
    return Moved(pair, *identities(ground, pair), app, *own, held, names)


def _of(apis: tuple[Api, ...] | Unread, app: str) -> tuple[Api, ...]:
    return () if isinstance(apis, Unread) else tuple(each for each in apis if each.app_id == app)


def _app(inventory: Inventory | Unread, app: str) -> App | None:
    apps = () if isinstance(inventory, Unread) else inventory.apps
    return next((each for each in apps if each.id == app), None)


def _by_id(found: tuple[Environment, ...] | Unread) -> dict[str, Environment]:
    return {} if isinstance(found, Unread) else {each.id: each for each in found}
