"""Which request asks for what (API 1). Law: one table; a path that is not in it exists nowhere."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from orchestrator.emulator.protocol.errors import Layer
from orchestrator.emulator.world.operations import Operation

_ROMA = r"/v2/(?P<project>[^/]+)/instances/(?P<instance>[^/]+)"
_FDI = r"/v2/(?P<project>[^/]+)/fdi/instances/(?P<instance>[^/]+)"
_MQS = r"/v2/(?P<project>[^/]+)/mqs/instances/(?P<instance>[^/]+)"
_LINK = r"/v2/(?P<project>[^/]+)/link/instances/(?P<instance>[^/]+)"
_APIC = r"/v2/(?P<project>[^/]+)/apic/instances/(?P<instance>[^/]+)"


def _policies(kind: str, plural: str) -> tuple[tuple[str, str, Operation], ...]:
    """What can be asked of one kind of policy, each of which has the same paths (Finishing 2.8)."""
    return (
        ("GET", rf"{_APIC}/{plural}", Operation(plural)),
        ("POST", rf"{_APIC}/{plural}", Operation(f"{kind}-create")),
        ("DELETE", rf"{_APIC}/{plural}/(?P<id>[^/]+)", Operation(f"{kind}-delete")),
        ("POST", rf"{_APIC}/{kind}-bindings", Operation(f"{kind}-bind")),
        ("DELETE", rf"{_APIC}/{kind}-bindings/(?P<id>[^/]+)", Operation(f"{kind}-unbind")),
        ("GET", rf"{_APIC}/{kind}-bindings/binded-{plural}", Operation(f"bound-{plural}")),
        ("GET", rf"{_APIC}/{kind}-bindings/binded-apis", Operation(f"{kind}-apis")),
    )


_TABLE = tuple(
    (method, re.compile(pattern), operation)
    for method, pattern, operation in (
        ("POST", rf"{_ROMA}/assets/export", Operation.EXPORT),
        ("POST", rf"{_ROMA}/assets/import", Operation.IMPORT),
        ("POST", rf"{_ROMA}/assets/delete", Operation.DELETE),
        ("GET", rf"{_ROMA}/assets/jobs/(?P<id>[^/]+)", Operation.JOB),
        ("GET", rf"{_ROMA}/assets/archives/(?P<id>[^/]+)", Operation.ARCHIVE),
        ("GET", rf"{_ROMA}/apps", Operation.APPS),
        ("GET", rf"{_ROMA}/apps/(?P<id>[^/]+)", Operation.APP),
        ("GET", rf"{_ROMA}/apps/(?P<id>[^/]+)/secret", Operation.SECRET),
        ("PUT", rf"{_ROMA}/apps/(?P<id>[^/]+)/secret", Operation.SECRET_CHANGE),
        ("GET", rf"{_ROMA}/apps/(?P<id>[^/]+)/users", Operation.MEMBERS),
        ("GET", rf"{_ROMA}/apps/(?P<id>[^/]+)/candidates", Operation.CANDIDATES),
        ("PUT", rf"{_ROMA}/apps/(?P<id>[^/]+)/users", Operation.MEMBERS_CHANGE),
        ("GET", rf"{_APIC}/apps/(?P<above>[^/]+)/app-codes", Operation.APP_CODES),
        ("POST", rf"{_APIC}/apps/(?P<above>[^/]+)/app-codes", Operation.APP_CODE_CREATE),
        ("PUT", rf"{_APIC}/apps/(?P<above>[^/]+)/app-codes", Operation.APP_CODE_MAKE),
        ("GET", rf"{_APIC}/apps/(?P<above>[^/]+)/app-codes/(?P<id>[^/]+)", Operation.APP_CODE),
        ("DELETE", rf"{_APIC}/apps/(?P<above>[^/]+)/app-codes/(?P<id>[^/]+)", Operation.APP_CODE_DELETE),
        ("GET", rf"{_ROMA}/validate-apps", Operation.VALIDATE),
        ("GET", rf"{_ROMA}/dictionaries", Operation.DICTIONARIES),
        ("POST", rf"{_ROMA}/dictionaries", Operation.DICTIONARY_CREATE),
        ("GET", rf"{_ROMA}/dictionaries/(?P<id>[^/]+)", Operation.DICTIONARY),
        ("PUT", rf"{_ROMA}/dictionaries/(?P<id>[^/]+)", Operation.DICTIONARY_CHANGE),
        ("DELETE", rf"{_ROMA}/dictionaries/(?P<id>[^/]+)", Operation.DICTIONARY_DELETE),
        ("GET", rf"{_ROMA}/validate-dictionaries", Operation.DICTIONARY_VALIDATE),
        ("GET", rf"{_FDI}/tasks", Operation.TASKS),
        ("GET", rf"{_FDI}/tasks/(?P<id>[^/]+)", Operation.TASK),
        ("GET", rf"{_FDI}/tasks/(?P<id>[^/]+)/dispatches", Operation.DISPATCHES),
        ("POST", rf"{_FDI}/tasks/(?P<above>[^/]+)/dispatches", Operation.DISPATCH_CREATE),
        ("PUT", rf"{_FDI}/tasks/(?P<above>[^/]+)/dispatches/(?P<id>[^/]+)", Operation.DISPATCH_CHANGE),
        ("POST", rf"{_FDI}/tasks/(?P<above>[^/]+)/run", Operation.TASK_RUN),
        ("POST", rf"{_FDI}/tasks/(?P<above>[^/]+)/terminate", Operation.TASK_TERMINATE),
        ("GET", rf"{_FDI}/datasources", Operation.DATASOURCES),
        ("POST", rf"{_FDI}/datasources", Operation.DATASOURCE_CREATE),
        ("DELETE", rf"{_FDI}/datasources/(?P<id>[^/]+)", Operation.DATASOURCE_DELETE),
        ("GET", rf"{_FDI}/datasources/(?P<id>[^/]+)", Operation.DATASOURCE),
        ("PUT", rf"{_FDI}/datasources/(?P<id>[^/]+)", Operation.DATASOURCE_CHANGE),
        ("POST", rf"{_FDI}/datasources/(?P<id>[^/]+)/test-connect", Operation.TEST_CONNECT),
        ("POST", rf"{_FDI}/batch-operation/tasks", Operation.TASK_ACTION),
        ("GET", rf"{_APIC}/apis", Operation.APIS),
        ("POST", rf"{_APIC}/apis/publish", Operation.API_PUBLISH),
        ("POST", rf"{_APIC}/apis/action", Operation.API_ACTION),
        ("GET", rf"{_APIC}/apis/publish/(?P<id>[^/]+)", Operation.API_VERSIONS),
        ("PUT", rf"{_APIC}/apis/publish/(?P<id>[^/]+)", Operation.API_VERSION_CHANGE),
        ("GET", rf"{_APIC}/apis/runtime/(?P<id>[^/]+)", Operation.API_RUNTIME),
        ("GET", rf"{_APIC}/apis/(?P<id>[^/]+)", Operation.API),
        ("DELETE", rf"{_APIC}/apis/(?P<id>[^/]+)", Operation.API_DELETE),
        ("GET", rf"{_APIC}/apis/(?P<id>[^/]+)/attached-plugins", Operation.ATTACHED_PLUGINS),
        ("POST", rf"{_APIC}/openapi/export", Operation.API_EXPORT),
        ("POST", rf"{_APIC}/openapi/import", Operation.API_IMPORT),
        ("GET", rf"{_APIC}/api-groups", Operation.GROUPS),
        ("POST", rf"{_APIC}/api-groups", Operation.GROUP_CREATE),
        ("DELETE", rf"{_APIC}/api-groups/(?P<id>[^/]+)", Operation.GROUP_DELETE),
        ("POST", rf"{_APIC}/app-auths", Operation.AUTHORISE),
        ("DELETE", rf"{_APIC}/app-auths/(?P<id>[^/]+)", Operation.AUTHORISATION_CANCEL),
        ("GET", rf"{_APIC}/app-auths/binded-apis", Operation.BINDINGS),
        ("GET", rf"{_APIC}/app-auths/binded-apps", Operation.BOUND_APPS),
        *_policies("throttle", "throttles"),
        *_policies("acl", "acls"),
        *_policies("sign", "signs"),
        ("GET", rf"{_APIC}/plugins", Operation.PLUGINS),
        ("POST", rf"{_APIC}/plugins", Operation.PLUGIN_CREATE),
        ("DELETE", rf"{_APIC}/plugins/(?P<id>[^/]+)", Operation.PLUGIN_DELETE),
        ("GET", rf"{_APIC}/plugins/(?P<id>[^/]+)/attached-apis", Operation.PLUGIN_APIS),
        ("POST", rf"{_APIC}/plugins/(?P<above>[^/]+)/attach", Operation.PLUGIN_ATTACH),
        ("PUT", rf"{_APIC}/plugins/(?P<above>[^/]+)/detach", Operation.PLUGIN_DETACH),
        ("GET", rf"{_APIC}/livedata-apis", Operation.BACKENDS),
        ("GET", rf"{_MQS}/topics", Operation.TOPICS),
        ("POST", rf"{_MQS}/topics", Operation.TOPIC_CREATE),
        ("POST", rf"{_MQS}/topics/delete", Operation.TOPIC_DELETE),
        ("GET", rf"{_MQS}/topics/(?P<id>[^/]+)/accesspolicy", Operation.TOPIC_ACCESS),
        ("POST", rf"{_MQS}/topics/(?P<above>[^/]+)/access-policies/batch-add", Operation.TOPIC_ALLOW),
        ("GET", rf"{_MQS}/messages", Operation.TOPIC_MESSAGES),
        ("GET", rf"{_LINK}/products", Operation.PRODUCTS),
        ("GET", rf"{_LINK}/products/export", Operation.PRODUCT_EXPORT),
        ("POST", rf"{_LINK}/products/import", Operation.PRODUCT_IMPORT),
        ("DELETE", rf"{_LINK}/products/(?P<id>[^/]+)", Operation.PRODUCT_DELETE),
        ("GET", rf"{_LINK}/devices", Operation.DEVICES),
        ("GET", rf"{_APIC}/envs", Operation.ENVS),
        ("POST", rf"{_APIC}/envs", Operation.ENV_CREATE),
        ("DELETE", rf"{_APIC}/envs/(?P<id>[^/]+)", Operation.ENV_DELETE),
        ("GET", rf"{_APIC}/features", Operation.FEATURES),
        ("GET", rf"{_APIC}/project/configs", Operation.CONFIGS),
        ("GET", _APIC, Operation.INSTANCE),
        ("GET", r"/v2/(?P<project>[^/]+)/instances", Operation.INSTANCES),
        ("POST", r"/v3/auth/tokens", Operation.TOKEN),
        ("GET", r"/v3/projects", Operation.PROJECTS),
        ("PUT", r"/meta-data/latest/api/token", Operation.METADATA),
        ("GET", r"/openstack/latest/securitykey", Operation.METADATA),
        ("POST", r"/v3\.0/OS-AUTH/id-token/tokens", Operation.ID_TOKEN),
        ("POST", r"/v3\.0/OS-CREDENTIAL/securitytokens", Operation.KEY),
    )
)

#: operations whose refusals have an envelope of their own, whatever their path begins with (Finishing 1)
_DISPATCHES = frozenset({Operation.DISPATCHES, Operation.DISPATCH_CREATE, Operation.DISPATCH_CHANGE})
_FAMILIES = {_FDI: Layer.FDI, _MQS: Layer.MQS, _LINK: Layer.LINK, _APIC: Layer.APIC}
#: whose envelope the refusal of an operation has, by what its path begins with; all others have that of ROMA
_LAYERS = {
    operation: Layer.DISPATCH if operation in _DISPATCHES else layer
    for _, pattern, operation in _TABLE
    for family, layer in _FAMILIES.items()
    if pattern.pattern.startswith(family)
}


@dataclass(frozen=True, slots=True)
class Route:
    """What one request asks for, and of what."""

    operation: Operation
    #: "" where the path names none
    project_id: str = ""
    #: "" where the path names none
    instance_id: str = ""
    #: the last part of the path: a job, an archive, an asset
    id: str = ""
    #: the application, task, plugin or topic in whose part of the path the last one stands
    above: str = ""

    @property
    def layer(self) -> Layer:
        """Whose envelope a refusal has (API 1.7)."""
        return _LAYERS.get(self.operation, Layer.ROMA)


@lru_cache(maxsize=4096)
def route(method: str, path: str) -> Route:
    """What a request asks for; `Operation.UNKNOWN` where nothing is served."""
    for expected, pattern, operation in _TABLE:
        found = pattern.fullmatch(path.rstrip("/") or "/") if method == expected else None
        if found:
            parts = found.groupdict()
            ids = (unquote(parts.get(key) or "") for key in ("project", "instance", "id", "above"))
            return Route(operation, *ids)
    return Route(Operation.UNKNOWN)
