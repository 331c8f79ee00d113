"""What reads tell of connections, secrets and members. Law: no representation of these values shows a secret.

They live from the read to the write or the comparison that needs them, in memory alone (promise 16).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.core.model.connections import is_secret

#: every role of an application; `admin` implies all (Finishing 1.1)
ROLES = ("read", "access", "delete", "modify", "admin")


@dataclass(frozen=True, slots=True)
class HeldConnection:
    """A data source with its content (Finishing 2.4)."""

    id: str
    name: str
    type: str
    app_id: str
    content: Mapping[str, object] = field(repr=False)
    description: str = ""
    #: milliseconds, as text; "" where it is not told
    update_time: str = ""
    custom_plugin_id: str = ""
    #: what the reader may do with it: read, access, delete, modify; none where it is not told
    rights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldSecret:
    """The secret of an application (Finishing 2.3)."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppCode:
    """One AppCode of an application (Finishing 2.9)."""

    id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A user who may do something with an application, or could become one (Finishing 2.3)."""

    id: str
    name: str
    roles: tuple[str, ...] = ()

    @property
    def expanded(self) -> tuple[str, ...]:
        """Its roles as the service understands them: `admin` is all of them, and whoever has one may read."""
        held = set(ROLES if "admin" in self.roles else self.roles) | ({"read"} if self.roles else set())
        return tuple(role for role in ROLES if role in held)


def is_masked(text: str) -> bool:
    """Whether a service shows asterisks in place of a value: then the value is not known."""
    return "***" in text or (bool(text) and set(text) == {"*"})


def flat(content: Mapping[str, object], above: str = "") -> Iterator[tuple[str, str, bool]]:
    """(path such as `api_auth_detail.password`, value as text, whether it is a secret) of a whole content."""
    for name, value in content.items():
        yield from _flat(f"{above}{name}", name, value)


def _flat(path: str, name: str, value: object) -> Iterator[tuple[str, str, bool]]:
    match value:
        case Mapping():
            yield from flat(value, f"{path}.")
        case list() | tuple():
            for position, each in enumerate(value):
                yield from _flat(f"{path}.{position}", name, each)
        case _:
            text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            yield path, text, is_secret(name) or path.startswith("connector_params.")


def secrets_in(answer: object) -> Iterator[str]:
    """What of an answer nobody may read in any words."""
    match answer:
        case HeldSecret(text=text) | AppCode(text=text):
            if not is_masked(text):
                yield text
        case HeldConnection(content=content):
            yield from (value for _, value, secret in flat(content) if secret and value and not is_masked(value))
        case tuple():
            for each in answer:
                yield from secrets_in(each)
        case _:
            pass


def deep(flattened: Mapping[str, object]) -> dict[str, object]:
    """A content from its paths: the inverse of `flat`."""
    tree: dict[str, object] = {}
    for path, value in flattened.items():
        *above, last = path.split(".")
        at = tree
        for part in above:
            inner = at.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError("a field is a value and a mapping")
            at = inner
        at[last] = value
    return {name: _lists(value) for name, value in tree.items()}


def _lists(value: object) -> object:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(each) for key, each in value.items()}
