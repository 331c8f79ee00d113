"""Answers requests for lists, as text. Law: the text of an application or a task is written once, until it changes."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from orchestrator.emulator.api import belongings, serialize
from orchestrator.emulator.api.paging import page
from orchestrator.emulator.api.routes import Route
from orchestrator.emulator.protocol.errors import roma
from orchestrator.emulator.protocol.messages import Json, Request, json_text
from orchestrator.emulator.service import connections, credentials, dictionary, policies, publishing, topics
from orchestrator.emulator.service.instance_store import Holding, Looking
from orchestrator.emulator.service.service import Caller, Service
from orchestrator.emulator.world.finishing_readings import DictionaryList, WithoutLink
from orchestrator.emulator.world.gateway import PolicyKind
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import Api, App, DataSource, Task

#: the policies that a list tells, and those bound to an API
_POLICIES = {
    Operation.THROTTLES: PolicyKind.THROTTLE,
    Operation.ACLS: PolicyKind.ACL,
    Operation.SIGNS: PolicyKind.SIGN,
    Operation.PLUGINS: PolicyKind.PLUGIN,
}
_APIS_OF = {
    Operation.THROTTLE_APIS: PolicyKind.THROTTLE,
    Operation.ACL_APIS: PolicyKind.ACL,
    Operation.SIGN_APIS: PolicyKind.SIGN,
    Operation.PLUGIN_APIS: PolicyKind.PLUGIN,
}
_BOUND = {
    Operation.BOUND_THROTTLES: PolicyKind.THROTTLE,
    Operation.BOUND_ACLS: PolicyKind.ACL,
    Operation.BOUND_SIGNS: PolicyKind.SIGN,
    Operation.ATTACHED_PLUGINS: PolicyKind.PLUGIN,
}
_V = TypeVar("_V")


class Lists:
    """The lists of one service; it remembers the text of each application and task until that changes."""

    def __init__(self, service: Service) -> None:
        self._service = service
        #: by id, reader's name and whether it is an admin, since an application is told with the reader's roles
        self._apps: dict[tuple[str, str, bool], tuple[App, str]] = {}
        self._tasks: dict[str, tuple[Task, str]] = {}

    def told(self, caller: Caller, route: Route, request: Request) -> str:
        """One page of the list that is asked for, as JSON."""
        operation = route.operation
        match operation:
            case Operation.APPS:
                apps = self._matching_apps(caller, request)
                return self._page(operation, request, apps, lambda one: self._app(one, caller))
            case Operation.TASKS:
                tasks = _matching_tasks(self._service.tasks(caller), request)
                return self._page(operation, request, tasks, self._task)
            case _:
                return self._page(operation, request, self._records(caller, route, request), json_text)

    def _page(self, operation: Operation, request: Request, values: Sequence[_V], tell: Callable[[_V], str]) -> str:
        return page(operation, values, tell, request, self._service.world.switches.offset)

    def _records(self, caller: Caller, route: Route, request: Request) -> Sequence[Json]:
        """All records of a list that is short or rarely read."""
        operation = route.operation
        if operation in belongings.LISTS:
            return belongings.listed(self._service, caller, operation, request)
        if operation in {*_POLICIES, *_APIS_OF, *_BOUND}:
            return _policies(self._service.looking(caller), route, request)
        holding = self._service.holding(caller.instance)
        instance = holding.instance
        match operation:
            case Operation.DATASOURCES:
                sources = _matching_datasources(self._service.datasources(caller), request)
                switches = self._service.world.switches
                return [connections.told(one, holding, switches.datasource_secret_read) for one in sources]
            case Operation.APIS:
                return [serialize.api_json(one, holding) for one in self._matching_apis(caller, request)]
            case Operation.GROUPS:
                return [serialize.group_json(one, holding) for one in holding.groups.all()]
            case Operation.APP_CODES:
                return credentials.app_codes(self._service.looking(caller), route.above)
            case Operation.ENVS:
                return publishing.environments(self._service.looking(caller))
            case Operation.API_VERSIONS:
                return publishing.history(self._service.looking(caller), route.id, request.param("env_id"))
            case Operation.TOPIC_ACCESS:
                return topics.access(self._service.looking(caller), route.id)
            case Operation.FEATURES:
                return [serialize.feature_json(instance, name, on) for name, on in sorted(instance.features.items())]
            case Operation.CONFIGS:
                return [
                    serialize.config_json(instance, name, value) for name, value in sorted(instance.configs.items())
                ]
            case Operation.DICTIONARIES:
                return self._dictionary(holding, request)
            case _:
                raise roma("ROMA.1007", "Invalid request URL.", status=404)

    def _dictionary(self, holding: Holding, request: Request) -> list[Json]:
        """One level of it, or all, as the switch says (Finishing 2.1)."""
        parent = request.param("parent_code")
        if not holding.instance.link and self._service.world.switches.dictionary_without_link is WithoutLink.ERROR:
            raise dictionary.absent()
        flat = self._service.world.switches.dictionary_list is DictionaryList.FLAT and not parent
        code, name = request.param("code"), request.param("name")
        return [
            dictionary.told(each)
            for each in holding.dictionary.shown(self._service.time)
            if (flat or each.parent_code == parent) and code in each.code and name in each.name
        ]

    def _app(self, app: App, caller: Caller) -> str:
        key = (app.id, caller.user.name, caller.user.admin)
        known = self._apps.get(key)
        if known is None or known[0] is not app:
            told = belongings.key(self._service, app)
            known = self._apps[key] = (app, json_text(serialize.app_json(app, caller.user, told)))
        return known[1]

    def _task(self, task: Task) -> str:
        known = self._tasks.get(task.id)
        if known is None or known[0] is not task:
            known = self._tasks[task.id] = (task, json_text(serialize.task_json(task)))
        return known[1]

    def _matching_apps(self, caller: Caller, request: Request) -> list[App]:
        apps = self._service.apps(caller)
        owner, name, key = (request.param(each) for each in ("owner", "name", "key"))
        if not (owner or name or key):
            return apps
        return [
            app
            for app in apps
            if name in app.name
            and key in app.key
            and (not owner or (owner == "true") == (app.owner == caller.user.name))
        ]

    def _matching_apis(self, caller: Caller, request: Request) -> list[Api]:
        seen = {app.id for app in self._service.apps(caller)}
        app_id, name, env, group = (request.param(key) for key in ("roma_app_id", "name", "env_id", "group_id"))
        return [
            one
            for one in self._service.holding(caller.instance).apis.shown(self._service.time)
            if one.app_id in seen
            and app_id in {"", one.app_id}
            and group in {"", one.group_id}
            and name in one.name
            and (not env or one.published(env))
        ]


def _policies(at: Looking, route: Route, request: Request) -> list[Json]:
    if route.operation in _POLICIES:
        name, precise = request.param("name") or request.param("plugin_name"), bool(request.param("precise_search"))
        return policies.listed(at, _POLICIES[route.operation], name, precise)
    if route.operation in _APIS_OF:
        kind = _APIS_OF[route.operation]
        return policies.apis_of(at, kind, route.id or request.param(f"{kind}_id"))
    api_id = route.id or request.param("api_id")
    return policies.bound(at, _BOUND[route.operation], api_id, request.param("env_id"))


def _matching_tasks(tasks: list[Task], request: Request) -> list[Task]:
    name = request.param("task_name") or request.param("name")
    status, source, target = (request.param(key) for key in ("status", "source_app_id", "target_app_id"))
    datasource = request.param("datasource_id")
    if not (name or status or source or target or datasource):
        return tasks
    return [
        task
        for task in tasks
        if name in task.name
        and status in {"", "1" if task.running else "0"}
        and source in {"", task.source_app_id}
        and target in {"", task.target_app_id}
        and datasource in {"", task.source_datasource_id, task.target_datasource_id}
    ]


def _matching_datasources(sources: list[DataSource], request: Request) -> list[DataSource]:
    kind, app_id, name = (request.param(key) for key in ("datasource_type", "app_id", "name"))
    return [one for one in sources if kind in {"", one.type} and app_id in {"", one.app_id} and name in one.name]
