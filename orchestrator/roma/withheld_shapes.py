"""Contents of data sources, secrets, AppCodes and members read as values (Finishing 2.3, Finishing 2.4, Finishing 2.9).

Law: the only place where a read looks at what people must not see; what it makes shows none of it.
"""

from collections.abc import Mapping

from orchestrator.core.model.withheld import AppCode, HeldConnection, HeldSecret, Member
from orchestrator.roma.limits import JSON_VALUES, TEXT_LENGTH
from orchestrator.roma.shapes import identifier, mapping, needed, text

#: fields of one content; the schema has 67 [S]
MOST_FIELDS = 200
#: levels of one content
_DEEPEST = 8


def connection(value: object) -> HeldConnection:
    """One data source; raises ValueError where its content is no object of bounded size."""
    found = mapping(value)
    content = found.get("content")
    rights = found.get("app_permission")
    return HeldConnection(
        id=identifier(found, "datasource_id"),
        name=needed(found, "datasource_name"),
        type=text(found.get("datasource_type")),
        app_id=text(found.get("app_id")),
        content=_bounded(content if isinstance(content, dict) else {}),
        description=text(found.get("description")),
        update_time=text(found.get("update_time")),
        custom_plugin_id=text(found.get("custom_plugin_id")),
        rights=tuple(text(each) for each in rights[:10]) if isinstance(rights, list) else (),
    )


def secret(value: object) -> HeldSecret:
    """An application's secret; raises ValueError where none is told."""
    return HeldSecret(needed(mapping(value), "secret"))


def app_code(value: object) -> AppCode:
    """One AppCode."""
    found = mapping(value)
    return AppCode(identifier(found, "id"), needed(found, "app_code"))


def members(value: object) -> tuple[Member, ...]:
    """Who may do something with an application, or could."""
    users = mapping(value).get("users")
    if not isinstance(users, list):
        raise ValueError("users is missing")
    return tuple(_member(each) for each in users[:JSON_VALUES])


def _member(value: object) -> Member:
    found = mapping(value)
    roles = found.get("roles")
    told = tuple(text(each).lower() for each in roles[:20]) if isinstance(roles, list) else ()
    return Member(identifier(found, "id"), needed(found, "name"), told)


def _bounded(content: Mapping[str, object], depth: int = 0) -> dict[str, object]:
    if len(content) > MOST_FIELDS or depth > _DEEPEST:
        raise ValueError("content is larger than any that is documented")
    return {str(name)[:TEXT_LENGTH]: _value(each, depth) for name, each in content.items()}


def _value(value: object, depth: int) -> object:
    match value:
        case dict():
            return _bounded(value, depth + 1)
        case list():
            if len(value) > MOST_FIELDS or depth > _DEEPEST:
                raise ValueError("content is larger than any that is documented")
            return [_value(each, depth + 1) for each in value]
        case str():
            return value if value.isascii() else value.encode("utf-8", "replace").decode()
        case _:
            return value
