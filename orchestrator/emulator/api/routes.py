"""Which request asks for what (API 1). Law: one table; a path that is not in it exists nowhere."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from orchestrator.emulator.protocol.errors import Layer
from orchestrator.emulator.world.faults import Operation

_ROMA = r"/v2/(?P<project>[^/]+)/instances/(?P<instance>[^/]+)"
_FDI = r"/v2/(?P<project>[^/]+)/fdi/instances/(?P<instance>[^/]+)"
_MQS = r"/v2/(?P<project>[^/]+)/mqs/instances/(?P<instance>[^/]+)"
_LINK = r"/v2/(?P<project>[^/]+)/link/instances/(?P<instance>[^/]+)"
_APIC = r"/v2/(?P<project>[^/]+)/apic/instances/(?P<instance>[^/]+)"

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
        ("GET", rf"{_FDI}/datasources", Operation.DATASOURCES),
        ("GET", rf"{_FDI}/datasources/(?P<id>[^/]+)", Operation.DATASOURCE),
        ("PUT", rf"{_FDI}/datasources/(?P<id>[^/]+)", Operation.DATASOURCE_CHANGE),
        ("POST", rf"{_FDI}/datasources/(?P<id>[^/]+)/test-connect", Operation.TEST_CONNECT),
        ("POST", rf"{_FDI}/batch-operation/tasks", Operation.TASK_ACTION),
        ("GET", rf"{_APIC}/apis", Operation.APIS),
        ("GET", rf"{_APIC}/api-groups", Operation.GROUPS),
        ("GET", rf"{_APIC}/app-auths/binded-apis", Operation.BINDINGS),
        ("GET", rf"{_APIC}/livedata-apis", Operation.BACKENDS),
        ("GET", rf"{_MQS}/topics", Operation.TOPICS),
        ("GET", rf"{_LINK}/products", Operation.PRODUCTS),
        ("GET", rf"{_APIC}/envs", Operation.ENVS),
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

_FDI_OPERATIONS = frozenset(
    {
        Operation.TASKS,
        Operation.TASK,
        Operation.DATASOURCES,
        Operation.DATASOURCE,
        Operation.DATASOURCE_CHANGE,
        Operation.TEST_CONNECT,
        Operation.TASK_ACTION,
    }
)
_OTHERS = {Operation.DISPATCHES: Layer.DISPATCH, Operation.TOPICS: Layer.MQS, Operation.PRODUCTS: Layer.LINK}
_APIC_OPERATIONS = frozenset(
    {
        Operation.APIS,
        Operation.GROUPS,
        Operation.BINDINGS,
        Operation.BACKENDS,
        Operation.ENVS,
        Operation.FEATURES,
        Operation.CONFIGS,
        Operation.INSTANCE,
        Operation.APP_CODES,
        Operation.APP_CODE,
        Operation.APP_CODE_CREATE,
        Operation.APP_CODE_MAKE,
        Operation.APP_CODE_DELETE,
    }
)


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
    #: the application in whose part of the path the last one stands
    above: str = ""

    @property
    def layer(self) -> Layer:
        """Whose envelope a refusal has (API 1.7)."""
        if self.operation in _FDI_OPERATIONS:
            return Layer.FDI
        if self.operation in _OTHERS:
            return _OTHERS[self.operation]
        return Layer.APIC if self.operation in _APIC_OPERATIONS else Layer.ROMA


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
