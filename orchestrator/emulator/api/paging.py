"""Pages of a list (API 1.9). Law: each API has its own default and maximum, told in one table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.emulator.protocol.errors import Layer, Refusal, invalid
from orchestrator.emulator.protocol.messages import Request
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.readings import Offset

_V = TypeVar("_V")


@dataclass(frozen=True, slots=True)
class Paging:
    """How one list is paged."""

    #: records of a page where `limit` is absent
    default: int
    #: a larger `limit` is cut to this
    maximum: int
    #: key of the records
    key: str
    #: the switch `offset` applies
    ambiguous: bool = False


_APIC = (20, 500)
PAGING = {
    Operation.APPS: Paging(10, 1000, "apps", ambiguous=True),
    Operation.TASKS: Paging(10, 999, "entities", ambiguous=True),
    Operation.DATASOURCES: Paging(10, 999, "entities", ambiguous=True),
    Operation.APIS: Paging(*_APIC, "apis"),
    Operation.GROUPS: Paging(*_APIC, "groups"),
    Operation.BINDINGS: Paging(*_APIC, "auths"),
    Operation.APP_CODES: Paging(*_APIC, "app_codes"),
    Operation.BOUND_APPS: Paging(*_APIC, "auths"),
    Operation.ENVS: Paging(*_APIC, "envs"),
    Operation.API_VERSIONS: Paging(*_APIC, "api_versions"),
    Operation.THROTTLES: Paging(*_APIC, "throttles"),
    Operation.BOUND_THROTTLES: Paging(*_APIC, "throttles"),
    Operation.ACLS: Paging(*_APIC, "acls"),
    Operation.BOUND_ACLS: Paging(*_APIC, "acls"),
    Operation.SIGNS: Paging(*_APIC, "signs"),
    Operation.BOUND_SIGNS: Paging(*_APIC, "bindings"),
    Operation.THROTTLE_APIS: Paging(*_APIC, "apis"),
    Operation.ACL_APIS: Paging(*_APIC, "apis"),
    Operation.SIGN_APIS: Paging(*_APIC, "bindings"),
    Operation.PLUGINS: Paging(*_APIC, "plugins"),
    Operation.PLUGIN_APIS: Paging(*_APIC, "apis"),
    Operation.ATTACHED_PLUGINS: Paging(*_APIC, "plugins"),
    Operation.FEATURES: Paging(*_APIC, "features"),
    Operation.CONFIGS: Paging(*_APIC, "configs"),
    Operation.BACKENDS: Paging(*_APIC, "apis"),
    Operation.TOPICS: Paging(1000, 1000, "topics"),
    Operation.TOPIC_ACCESS: Paging(100, 100, "policies"),
    Operation.PRODUCTS: Paging(10, 999, "items"),
    Operation.INSTANCES: Paging(10, 100, "instances"),
    Operation.DICTIONARIES: Paging(20, 500, "dictionaries"),
}


def page(
    operation: Operation, values: Sequence[_V], tell: Callable[[_V], str], request: Request, offset: Offset
) -> str:
    """One page as JSON: `total`, `size` and the records, each of which `tell` writes."""
    paging = PAGING[operation]
    limit = min(_number(operation, request, "limit", paging.default), paging.maximum)
    start = max(_number(operation, request, "offset", 0), 0)
    if limit < 1:
        raise _wrong(operation, "limit")
    if paging.ambiguous and offset is Offset.PAGE:
        start *= limit
    found = values[start : start + limit]
    return f'{{"total":{len(values)},"size":{len(found)},"{paging.key}":[{",".join(map(tell, found))}]}}'


def _number(operation: Operation, request: Request, name: str, default: int) -> int:
    text = request.param(name)
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise _wrong(operation, name) from error


def _wrong(operation: Operation, name: str) -> Refusal:
    """An unusable parameter, in the envelope of the list's layer (API 3.2, 3.3)."""
    if operation in {Operation.TASKS, Operation.DATASOURCES}:
        return Refusal(Layer.FDI, 400, "FDI.3033", f"Invalid parameter [{name}]")
    if operation in {Operation.APPS, Operation.INSTANCES, Operation.DICTIONARIES}:
        return invalid(f"Invalid parameter {name}.")
    if operation in {Operation.TOPICS, Operation.PRODUCTS}:
        layer = Layer.MQS if operation is Operation.TOPICS else Layer.LINK
        return Refusal(layer, 400, "SCB.00000000", "Bad Request")
    message = f"Invalid parameter value,parameterName:{name}. Please refer to the support documentation"
    return Refusal(Layer.APIC, 400, "APIG.2012", message)
