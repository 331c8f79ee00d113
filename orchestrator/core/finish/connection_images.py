"""How the connection of a data source looks in an image. Law: no secret is in it, and nothing that a reference gave.

A field is its path, such as `api_auth_detail.user_name`. In place of what must not be told stands `new, digest ...`,
or `hidden` where the service shows asterisks. Where a secret is not shown, a later update time stands for it: then the
test of the connection is what proves it (Finishing 2.4).
"""

from collections.abc import Callable, Mapping

from orchestrator.core.model.change import Change, Image
from orchestrator.core.model.connections import FIELDS, FieldKind
from orchestrator.core.model.withheld import HeldConnection, deep, flat, is_masked
from orchestrator.core.values.values import Content

Digest = Callable[[str], str]

#: words for what is no field of the content
_TYPE, _DESCRIPTION = "(type)", "(description)"
_SECRET, _HIDDEN = "new, digest ", "hidden"
#: digits of a digest that an image holds: as many as 64 bits
_DIGITS = 16


def wanted_image(held: HeldConnection, given: Content, digest: Digest) -> Image:
    """A data source once the content of the file is entered; its description stays."""
    return _image(_fields(given, digest), held)


def digest_of(given: Content, digest: Digest) -> str:
    """The same for the same content, its secrets among it."""
    return digest(repr(sorted(_fields(given, digest).items())))[:_DIGITS]


def image_of(held: HeldConnection, entered: Image, digest: Digest, is_entered: Callable[[Image], bool]) -> Image:
    """A data source as it was read.

    `entered` is how it looks with its secrets. Where the service does not show one, `is_entered` says of what may be
    told whether it is there.
    """
    kept = {path: value for path, value in entered if _is_secret(value)}
    told = {
        path: _told(value, digest) if secret or path in kept else value for path, value, secret in flat(held.content)
    }
    unseen = {path: value for path, value in kept.items() if told.get(path, "") in ("", _HIDDEN)}
    read = _image(told, held)
    return _image({**told, **unseen}, held) if unseen and is_entered(public(read)) else read


def public(image: Image) -> Image:
    """What of it may be told."""
    return tuple((path, value) for path, value in image if not _is_secret(value))


def only_secrets_differ(change: Change) -> bool:
    """Whether what may be told is the same in both images."""
    return public(change.before) == public(change.after)


def _fields(given: Content, digest: Digest) -> dict[str, str]:
    referred, content = given.entry.referred, given.plain
    return {
        path: _told(value, digest) if secret or path in referred else value for path, value, secret in flat(content)
    }


def restorable(image: Image) -> bool:
    """Whether a content can be put back: no secret stood in it, as in one that an import has just made."""
    return not any(_is_secret(value) for _, value in image)


def restored(image: Image) -> dict[str, object]:
    """The content that such an image stands for, typed as the service has it."""
    return deep({path: _typed(path, value) for path, value in image if path not in (_TYPE, _DESCRIPTION)})


def description_of(image: Image) -> str:
    """What the data source is said to be."""
    return dict(image).get(_DESCRIPTION, "")


def _image(told: Mapping[str, str], held: HeldConnection) -> Image:
    """What is empty is not there: whether a service shows an empty field is its own business."""
    fields = {**told, _TYPE: held.type, _DESCRIPTION: held.description}
    return tuple((path, fields[path]) for path in sorted(fields) if fields[path])


def _told(value: str, digest: Digest) -> str:
    if not value:
        return ""
    return _HIDDEN if is_masked(value) else f"{_SECRET}{digest(value)[:_DIGITS]}"


def _is_secret(value: str) -> bool:
    return value.startswith(_SECRET) or value == _HIDDEN


def _typed(path: str, value: str) -> object:
    kind = FIELDS.get(path)
    if kind is FieldKind.FLAG:
        return value == "true"
    return int(value) if kind is FieldKind.WHOLE and value.isdecimal() else value
