"""What an import would do, decided before anything lands.

Law: judging changes nothing; `orchestrator.emulator.service.apply` does.

The rules are those of API 8, each ambiguity a switch.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from orchestrator.emulator.protocol.errors import (
    DATASOURCE_EXISTS,
    DEPENDENCY_ABSENT,
    KEY_EXISTS,
    NAME_EXISTS,
    PATH_CONFLICT,
    POISON,
    QUOTA_EXCEEDED,
)
from orchestrator.emulator.service.instance_store import Holding, sees_app
from orchestrator.emulator.service.packages import Manifest
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, AppKey, MergeSemantics, PrefixRenames, SecondArrival
from orchestrator.emulator.world.world import (
    Api,
    App,
    Belonging,
    BelongingKind,
    DataSource,
    Task,
    User,
    make_id,
    publish,
    task_id,
)


class ImportType(StrEnum):
    """The query parameter `type` (API 1.3)."""

    ADD_NEW = "AddNew"
    MERGE = "Merge"


@dataclass(frozen=True, slots=True)
class Options:
    """How an import was asked for (API 1.3)."""

    type: ImportType = ImportType.ADD_NEW
    prefix: str = ""
    datasource_overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Poison:
    """Assets that a fault makes fail."""

    #: names or ids at the source
    names: frozenset[str] = frozenset()
    #: whether the job says which
    named: bool = True


@dataclass(frozen=True, slots=True)
class Reason:
    """One failure cause of a job (API 1.4)."""

    #: application or task
    resource_type: str
    resource_name: str
    error_code: str
    error_msg: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One asset that would land, with what comes along."""

    value: App | Task
    source_id: str
    #: the name it was to have, before a suffix made it free
    wanted: str
    #: the value replaces one of the same id
    updates: bool
    datasources: tuple[DataSource, ...] = ()
    apis: tuple[Api, ...] = ()
    belongings: tuple[Belonging, ...] = ()
    #: it may call here what it called at the source
    authorised: bool = False


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do."""

    #: sound assets in the order of the package
    arrivals: tuple[Arrival, ...]
    #: none where all is well, or where a fault keeps silent
    reasons: tuple[Reason, ...]
    #: at least one asset failed
    failed: bool
    #: how many arrivals stand before the first failed asset
    before_failure: int


class _Refused(Exception):
    """One asset fails; "" as code: it is not named."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Setting:
    """Where, how and by whom a package is imported."""

    holding: Holding
    options: Options
    user: User
    switches: Switches
    #: epoch seconds of the job's begin
    now: float
    job_id: str
    poison: Poison = field(default_factory=Poison)


def judge(manifest: Manifest, setting: Setting) -> ImportPlan:
    """What importing this package would do, asset by asset, applications first."""
    return _Judge(manifest, setting).judge()


class _Judge:
    """One judgement: what was decided for earlier assets decides later ones."""

    def __init__(self, manifest: Manifest, setting: Setting) -> None:
        self.manifest = manifest
        self.at = setting
        self.holding = setting.holding
        self.merge = setting.options.type is ImportType.MERGE
        #: source id -> id at the target, of applications that land or are there
        self.app_ids: dict[str, str] = {}
        #: source id -> id at the target
        self.datasource_ids: dict[str, str] = {}
        self.names: set[str] = set()
        self.created = {"app": 0, "task": 0, "datasource": 0}
        self.arrivals: list[Arrival] = []
        self.reasons: list[Reason] = []
        self.failures = 0
        self.before_failure = -1

    def judge(self) -> ImportPlan:
        for app in self.manifest.apps:
            self._try(app)
        for task in self.manifest.tasks:
            self._try(task)
        before = self.before_failure if self.failures else len(self.arrivals)
        return ImportPlan(tuple(self.arrivals), tuple(self.reasons), self.failures > 0, before)

    def _try(self, asset: App | Task) -> None:
        try:
            self._poisoned(asset)
            if isinstance(asset, App):
                self._app(asset)
            else:
                self._task(asset)
        except _Refused as refused:
            if not self.failures:
                self.before_failure = len(self.arrivals)
            self.failures += 1
            if refused.code:
                kind = "application" if isinstance(asset, App) else "task"
                self.reasons.append(Reason(kind, asset.name, refused.code, str(refused)))

    def _poisoned(self, asset: App | Task) -> None:
        if {asset.id, asset.name} & self.at.poison.names:
            raise _Refused(POISON if self.at.poison.named else "", "The asset cannot be imported.")

    def _app(self, app: App) -> None:
        wanted = renamed = self._name(app.name, PrefixRenames.APPS)
        existing = self.holding.apps.named(renamed)
        taken = existing is not None or f"app/{renamed}" in self.names
        if taken and not self.merge:
            if self.at.switches.add_new_on_existing is AddNewOnExisting.IGNORED and existing is not None:
                self.app_ids[app.id] = existing.id
                return
            renamed = self._other_name(renamed, "app")
            existing = None
        if existing is not None and not sees_app(existing, self.at.user, self.at.switches.visibility):
            raise _Refused("ROMA.12001", "You do not have the permissions required to operate the application.")
        value = self._new_app(app, renamed) if existing is None else self._merged_app(app, existing)
        self._api_paths(app, value.id)
        datasources = self._datasources([x for x in self.manifest.datasources if x.app_id == app.id], value.id)
        self.app_ids[app.id] = value.id
        self.names.add(f"app/{renamed}")
        if existing is not None and self.at.switches.merge_semantics is MergeSemantics.SKIP:
            return
        self.created["app"] += existing is None
        self.arrivals.append(
            Arrival(
                value, app.id, wanted, existing is not None, datasources, self._apis(app, value.id),
                self._belongings(app, value.id), self.at.switches.import_keeps_authorisations,
            )
        )  # fmt: skip

    def _new_app(self, app: App, name: str) -> App:
        if len(self.holding.apps) + self.created["app"] >= self.holding.instance.quotas.apps:
            raise _Refused(QUOTA_EXCEEDED, "The quota of applications is used up.")
        new_id = make_id(self.holding.instance.name, self.at.job_id, "app", app.id)
        # A renamed application is a second one beside its origin, so its key, unique in the instance, is new as well.
        key = app.key
        if self.at.switches.app_key is AppKey.NEW or name != app.name:
            key = f"key-{new_id[:8]}{new_id[-8:]}"
        elif any(one.key == key for one in self.holding.apps.all()):
            raise _Refused(KEY_EXISTS, "The application key exists.")
        return App(
            new_id, name, key, f"secret-{new_id[-12:]}{new_id[:8]}", self.at.user.name,
            calls=self._calls(app), create_time=self.at.now, update_time=self.at.now, source_id=app.id,
            revision=app.revision,
        )  # fmt: skip

    def _merged_app(self, app: App, existing: App) -> App:
        return replace(existing, calls=self._calls(app), update_time=self.at.now, revision=app.revision)

    def _calls(self, app: App) -> tuple[str, ...]:
        """Ids at the target of the called applications; each must be there before this job (API 2.3)."""
        found = []
        for called in app.calls:
            there = self._at_target(called)
            if not there and self.at.switches.calls_within_package:
                there = self.app_ids.get(called, "")
            if not there:
                name = self.manifest.app_names.get(called, called)
                raise _Refused(DEPENDENCY_ABSENT, f"The called application {name} does not exist.")
            found.append(there)
        return tuple(found)

    def _at_target(self, source_id: str) -> str:
        """Id of the application that stands for a source application at the target and that the user sees, or ""."""
        name = self.manifest.app_names.get(source_id, "")
        for candidate in (self.at.options.prefix + name, name):
            app = self.holding.apps.named(candidate)
            if app is not None and sees_app(app, self.at.user, self.at.switches.visibility):
                return app.id
        return ""

    def _api_paths(self, app: App, target_id: str) -> None:
        """Paths that conflict across applications fail where `app_route` differs (API 2.3)."""
        if self.manifest.features.get("app_route") == self.holding.instance.features.get("app_route"):
            return
        elsewhere = {(x.method, x.path) for x in self.holding.apis.all() if x.app_id != target_id}
        elsewhere |= {(x.method, x.path) for x in self.manifest.apis if x.app_id != app.id}
        if any((x.method, x.path) in elsewhere for x in self.manifest.apis if x.app_id == app.id):
            raise _Refused(PATH_CONFLICT, "The path of an API conflicts with another one.")

    def _apis(self, app: App, target_id: str) -> tuple[Api, ...]:
        group = make_id(self.holding.instance.name, "group", target_id)
        arriving = (
            replace(one, id=make_id(self.holding.instance.name, target_id, one.name), app_id=target_id, group_id=group)
            for one in self.manifest.apis
            if one.app_id == app.id
        )
        return tuple(publish(one) if self.at.switches.import_publishes else one for one in arriving)

    def _belongings(self, app: App, target_id: str) -> tuple[Belonging, ...]:
        """Those that travel by the switches; a name that is taken stays with its owner."""
        switches, name = self.at.switches, self.holding.instance.name
        kept = {
            BelongingKind.TOPIC: switches.import_keeps_topics,
            BelongingKind.PRODUCT: switches.import_keeps_products,
            BelongingKind.BACKEND: switches.import_keeps_backends,
        }
        taken = {(one.kind, one.name) for one in self.holding.belongings.all()}
        return tuple(
            replace(
                one, id=make_id(name, target_id, one.kind, one.name), app_id=target_id, others=(), messages=0, devices=0
            )
            for one in self.manifest.belongings
            if one.app_id == app.id and kept[one.kind] and (one.kind, one.name) not in taken
        )

    def _task(self, task: Task) -> None:
        wanted = renamed = self._name(task.name, PrefixRenames.TASKS)
        existing = self.holding.tasks.named(renamed)
        if (existing is not None or f"task/{renamed}" in self.names) and not self.merge:
            if self.at.switches.add_new_on_existing is AddNewOnExisting.IGNORED:
                return
            renamed = self._other_name(renamed, "task")
            existing = None
        if existing is None and len(self.holding.tasks) + self.created["task"] >= self.holding.instance.quotas.tasks:
            raise _Refused(QUOTA_EXCEEDED, "The quota of tasks is used up.")
        source_app, target_app = self._task_app(task.source_app_id), self._task_app(task.target_app_id)
        used = (task.source_datasource_id, task.target_datasource_id)
        datasources = self._datasources([x for x in self.manifest.datasources if x.id in used], "")
        links = (source_app, target_app, self._link(used[0]), self._link(used[1]))
        value = self._linked(task, renamed, existing, links)
        self.names.add(f"task/{renamed}")
        if existing is not None and self.at.switches.merge_semantics is MergeSemantics.SKIP:
            return
        self.created["task"] += existing is None
        self.arrivals.append(Arrival(value, task.id, wanted, existing is not None, datasources))

    def _linked(self, task: Task, name: str, existing: Task | None, links: tuple[str, str, str, str]) -> Task:
        if existing is None:
            new_id = task_id(self.at.switches, self.holding.instance.name, self.at.job_id, "task", task.id)
            existing = Task(
                new_id, name, "", "", "", "", self.at.user.name, task_type=task.task_type,
                create_time=self.at.now, source_id=task.id,
            )  # fmt: skip
        source_app, target_app, source, target = links
        return replace(
            existing,
            source_app_id=source_app,
            target_app_id=target_app,
            source_datasource_id=source,
            target_datasource_id=target,
            update_time=self.at.now,
            revision=task.revision,
            cron=task.cron if self.at.switches.import_keeps_dispatch else existing.cron,
            position=task.position if self.at.switches.import_keeps_position else existing.position,
        )

    def _task_app(self, source_id: str) -> str:
        if not source_id:
            return ""
        if source_id in self.app_ids:
            return self.app_ids[source_id]
        if any(app.id == source_id for app in self.manifest.apps):
            # Its application failed in this very package and is named itself; naming the task would hide the cause.
            raise _Refused("", "its application failed")
        there = self._at_target(source_id)
        if not there:
            name = self.manifest.app_names.get(source_id, source_id)
            raise _Refused(DEPENDENCY_ABSENT, f"The application {name} does not exist.")
        return there

    def _link(self, source_id: str) -> str:
        """Id at the target of a data source, "" where none came."""
        if source_id in self.datasource_ids:
            return self.datasource_ids[source_id]
        return source_id if source_id in self.holding.datasources else ""

    def _datasources(self, carried: list[DataSource], app_id: str) -> tuple[DataSource, ...]:
        """What arrives of the carried data sources; an equal id without Merge fails (API 2.3)."""
        arriving = []
        for one in carried:
            if one.id in self.datasource_ids:
                continue
            existing = self.holding.datasources.get(one.id)
            if existing is None and self.merge:
                existing = self.holding.datasources.named(one.name)
            if existing is None:
                arriving.append(self._new_datasource(one, app_id))
            elif self._replaces(existing):
                value = replace(one, id=existing.id, name=existing.name, app_id=app_id or existing.app_id)
                arriving.append(replace(value, update_time=self.at.now))
            self.datasource_ids[one.id] = existing.id if existing else one.id
        return tuple(arriving)

    def _replaces(self, existing: DataSource) -> bool:
        if self.merge:
            return self.at.options.datasource_overwrite
        second = existing.origin == self.manifest.source_instance
        if second and self.at.switches.datasource_second_arrival is SecondArrival.ACCEPTED:
            return False
        raise _Refused(DATASOURCE_EXISTS, f"The data source {existing.name} exists.")

    def _new_datasource(self, one: DataSource, app_id: str) -> DataSource:
        if len(self.holding.datasources) + self.created["datasource"] >= self.holding.instance.quotas.datasources:
            raise _Refused(QUOTA_EXCEEDED, "The quota of data sources is used up.")
        self.created["datasource"] += 1
        owner = app_id or self.app_ids.get(one.app_id) or self._at_target(one.app_id)
        return replace(one, app_id=owner, update_time=self.at.now)

    def _name(self, name: str, what: PrefixRenames) -> str:
        renames = self.at.switches.prefix_renames in {what, PrefixRenames.BOTH}
        return self.at.options.prefix + name if renames else name

    def _other_name(self, name: str, kind: str) -> str:
        if self.at.switches.add_new_on_existing is not AddNewOnExisting.SUFFIX:
            raise _Refused(NAME_EXISTS, "The name exists.")
        shelf = self.holding.apps if kind == "app" else self.holding.tasks
        number = 1
        while shelf.named(f"{name}_{number}") is not None or f"{kind}/{name}_{number}" in self.names:
            number += 1
        return f"{name}_{number}"
