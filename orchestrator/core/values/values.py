"""A values file, understood: the connections of one target's data sources. Law: no secret is in it, only references."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.core.plan.plan import SecretRef
from orchestrator.core.plan.problems import Place

#: one value of a connection; text, number and flag as the service wants them
Value = str | int | bool | SecretRef | tuple["Value", ...] | Mapping[str, "Value"]
#: the same with its secrets in place: it is only ever sent
Plain = str | int | bool | list["Plain"] | dict[str, "Plain"]


@dataclass(frozen=True, slots=True)
class Connection:
    """How one data source is reached (Finishing 2.4)."""

    #: its key in the file, which is the data source's name unless that is given
    key: str
    #: the data source's name at the target
    name: str
    type: str
    content: Mapping[str, Value]
    #: fields of the content that no table knows; they are sent as they stand here
    other_fields: Mapping[str, Value] = field(default_factory=dict)
    #: name of its application at the target, where two data sources have one name; else ""
    app: str = ""
    #: it need not be at the target: another plan brings it
    optional: bool = False

    @property
    def fields(self) -> Mapping[str, Value]:
        """The whole content."""
        return {**self.content, **self.other_fields}

    @property
    def referred(self) -> frozenset[str]:
        """Paths of the content whose values must not be told, such as `host` or `api_auth_detail.client_id`."""
        return frozenset(".".join(map(str, place)) for place, _ in _references(self.fields))


@dataclass(frozen=True, slots=True)
class Values:
    """What one target's data sources need."""

    #: by their keys
    connections: Mapping[str, Connection]


@dataclass(frozen=True, slots=True)
class Given:
    """A values file as it was read."""

    path: str
    values: Values
    #: key -> `FILE:LINE: datasources.KEY`, for sentences
    places: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Content:
    """The content of one data source with its secrets in place: it lives in memory alone, until it is sent."""

    entry: Connection
    plain: Mapping[str, Plain] = field(repr=False)


def references(values: Values) -> Mapping[Place, SecretRef]:
    """Every reference, by the place in the file at which it stands."""
    return {
        ("datasources", key, part, *place): found
        for key, one in values.connections.items()
        for part, fields in (("content", one.content), ("other_fields", one.other_fields))
        for place, found in _references(fields)
    }


def _references(value: Value) -> Iterator[tuple[Place, SecretRef]]:
    match value:
        case SecretRef():
            yield (), value
        case tuple():
            for position, each in enumerate(value):
                yield from (((position, *place), found) for place, found in _references(each))
        case Mapping():
            for name, each in value.items():
                yield from (((name, *place), found) for place, found in _references(each))
        case _:
            pass


def resolved(connection: Connection, secrets: Mapping[Place, str]) -> dict[str, Plain]:
    """The content to send; `secrets` is what the references of the file stand for, by place."""
    found: dict[str, Plain] = {}
    for part, fields in (("content", connection.content), ("other_fields", connection.other_fields)):
        at: Place = ("datasources", connection.key, part)
        found |= {name: _plain(value, (*at, name), secrets) for name, value in fields.items()}
    return found


def _plain(value: Value, at: Place, secrets: Mapping[Place, str]) -> Plain:
    match value:
        case SecretRef():
            return secrets[at]
        case tuple():
            return [_plain(each, (*at, position), secrets) for position, each in enumerate(value)]
        case Mapping():
            return {name: _plain(each, (*at, name), secrets) for name, each in value.items()}
        case _:
            return value
