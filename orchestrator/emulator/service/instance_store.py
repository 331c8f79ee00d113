"""What one instance holds now. Law: the only mutable picture of assets; a write may show later than it happens."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from orchestrator.emulator.service.timers import Timers
from orchestrator.emulator.world.gateway import RELEASE, Authorisation, Binding, Environment, Policy
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import Visibility
from orchestrator.emulator.world.world import (
    Api,
    App,
    AppCode,
    Belonging,
    DataSource,
    DictionaryEntry,
    Group,
    Instance,
    Task,
    User,
    hex_id,
)

#: codes of entries that the service itself made (Finishing 2.1)
_SYSTEM = frozenset({"DEVICE_TYPE"})


#: in the order in which the service tells them
ALL_ROLES = ("read", "access", "delete", "modify", "admin")


class _Item(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


_I = TypeVar("_I", bound=_Item)


class Shelf(Generic[_I]):
    """Values of one kind by id and by name."""

    def __init__(self, values: Iterable[_I]) -> None:
        self._values = {value.id: value for value in values}
        self._names = {value.name: value.id for value in self._values.values()}
        #: id -> (time from which the truth shows, what shows until then)
        self._lagging: dict[str, tuple[float, _I | None]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, value_id: str) -> bool:
        return value_id in self._values

    def get(self, value_id: str) -> _I | None:
        """The value as it is, shown or not."""
        return self._values.get(value_id)

    def named(self, name: str) -> _I | None:
        """The value of that name as it is, shown or not."""
        return self._values.get(self._names.get(name, ""))

    def all(self) -> tuple[_I, ...]:
        """Every value as it is."""
        return tuple(self._values.values())

    def put(self, value: _I, shown_from: float = 0.0) -> None:
        """A new value or a new version; until `shown_from` what was there before is shown."""
        before = self._values.get(value.id)
        if shown_from > 0.0:
            self._lagging[value.id] = (shown_from, before)
        if before is not None:
            self._names.pop(before.name, None)
        self._values[value.id] = value
        self._names[value.name] = value.id

    def remove(self, value_id: str, shown_until: float = 0.0) -> None:
        """The value is gone; it is shown until `shown_until`."""
        before = self._values.pop(value_id, None)
        if before is None:
            return
        if self._names.get(before.name) == value_id:
            del self._names[before.name]
        if shown_until > 0.0:
            self._lagging[value_id] = (shown_until, before)

    def shown(self, now: float) -> list[_I]:
        """What a reader sees at `now`."""
        if not self._lagging:
            return list(self._values.values())
        self._lagging = {key: entry for key, entry in self._lagging.items() if entry[0] > now}
        found = [value for key, value in self._values.items() if key not in self._lagging]
        return found + [value for _, value in self._lagging.values() if value is not None]


@dataclass(slots=True)
class Holding:
    """One instance: what it is, and what it holds now."""

    instance: Instance
    apps: Shelf[App]
    tasks: Shelf[Task]
    datasources: Shelf[DataSource]
    apis: Shelf[Api]
    groups: Shelf[Group]
    belongings: Shelf[Belonging]
    dictionary: Shelf[DictionaryEntry]
    app_codes: Shelf[AppCode]
    environments: Shelf[Environment]
    policies: Shelf[Policy]
    bindings: Shelf[Binding]
    authorisations: Shelf[Authorisation]
    #: task id -> starts without a position, each of which sends all that the source ever had (Finishing 2.5)
    whole_copies: Counter[str] = field(default_factory=Counter)
    #: how many ids `new_id` gave
    made: int = 0

    def new_id(self, kind: str) -> str:
        """An id that nothing else here has."""
        self.made += 1
        return hex_id(kind, self.instance.name, "made", self.made)

    def authorise_calls(self, app_id: str) -> None:
        """Applications may call what they call, where one of the two is this one (Finishing 2.8)."""
        pairs = [
            (app.id, api.id)
            for app in self.apps.all()
            if app.calls and (app.id == app_id or app_id in app.calls)
            for api in self.apis.all()
            if api.app_id in app.calls and api.released
        ]
        for pair in pairs:
            self.authorisations.put(Authorisation(hex_id("auth", *pair), *pair))

    def remove_api(self, api_id: str, shown_until: float = 0.0) -> None:
        """An API is gone, with what hangs on it (Finishing 2.6)."""
        self.apis.remove(api_id, shown_until)
        self.unbind(api_id)
        for one in [each for each in self.authorisations.all() if each.api_id == api_id]:
            self.authorisations.remove(one.id)

    def unbind(self, api_id: str, env_id: str = "") -> None:
        """No policy is bound to an API, in one environment or in any."""
        for one in [each for each in self.bindings.all() if each.api_id == api_id and env_id in {"", each.env_id}]:
            self.bindings.remove(one.id)


@dataclass(frozen=True, slots=True)
class Looking:
    """Who looks at one instance, and when."""

    holding: Holding
    user: User
    switches: Switches
    #: epoch seconds
    now: float
    #: everybody there is, in every account
    users: tuple[User, ...]
    #: what happens later
    agenda: Timers


def holding_of(instance: Instance) -> Holding:
    """What an instance holds at the start."""
    holding = Holding(
        instance,
        Shelf(instance.apps),
        Shelf(instance.tasks),
        Shelf(instance.datasources),
        Shelf(instance.apis),
        Shelf(instance.groups),
        Shelf(instance.belongings),
        Shelf(_entry(path, name) for path, name in sorted(instance.dictionaries.items()) if instance.link),
        Shelf(()),
        Shelf((Environment(RELEASE, "RELEASE"), *instance.environments)),
        Shelf(instance.policies),
        Shelf(instance.bindings),
        Shelf(()),
    )
    for app in instance.apps:
        if app.calls:
            holding.authorise_calls(app.id)
    return holding


def _entry(path: str, name: str) -> DictionaryEntry:
    """An entry that was there from the start; `path` is its code, behind those of its parents and slashes."""
    above, _, code = path.rpartition("/")
    parent = above.rpartition("/")[2]
    return DictionaryEntry(hex_id("dictionary", path), code, name, parent, system=code in _SYSTEM)


def roles_of(app: App, user: User) -> tuple[str, ...]:
    """What a user may do with an application that it sees (Finishing 1.1)."""
    if app.owner == user.name or user.admin:
        return ALL_ROLES
    return dict(app.members).get(user.name, ("read", "access"))


def sees_app(app: App, user: User, visibility: Visibility) -> bool:
    """Whether a user sees an application (API 1.8)."""
    return visibility is Visibility.ALL or user.admin or user.name == app.owner or user.name in dict(app.members)


def sees_task(task: Task, user: User, holding: Holding, visibility: Visibility) -> bool:
    """Whether a user sees a task: its own, or one of an application it sees."""
    if visibility is Visibility.ALL or user.admin or user.name == task.owner:
        return True
    apps = (holding.apps.get(app_id) for app_id in (task.source_app_id, task.target_app_id))
    return any(app is not None and sees_app(app, user, visibility) for app in apps)


def sees_datasource(one: DataSource, user: User, holding: Holding, visibility: Visibility) -> bool:
    """Whether a user sees a data source: one of an application it sees."""
    app = holding.apps.get(one.app_id)
    return app is None or sees_app(app, user, visibility)
