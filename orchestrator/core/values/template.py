"""A first values file from what a source shows. Law: no secret of the source is in it, an empty reference stands there.

What is written reads back, but for the empty references, which `validate` names one by one with their lines.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.core.model.connections import LOGIN_FIELDS, PAIRS, TYPES, WHERE, is_secret
from orchestrator.core.values.fields import open_password

#: what stands for a secret
EMPTY = "${env:}"
#: levels of a content that are written
_DEEPEST = 8
#: fields of one level that are written
_MOST = 200
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-")
_NULLS = frozenset(("null", "Null", "NULL"))


@dataclass(frozen=True, slots=True)
class Shown:
    """One data source, as its instance shows it."""

    name: str
    type: str
    #: the application's name at the target
    app: str
    content: Mapping[str, object]
    #: why its content could not be read, "" where it was
    unread: str = ""


def template(run: str, target: str, shown: Iterable[Shown]) -> str:
    """The text of a values file for these data sources."""
    sources = sorted(shown, key=lambda each: (each.name, each.app))
    names = [each.name for each in sources]
    lines = [
        f"# Values of {_word(target)} for run {_word(run)}: how its data sources are reached there.",
        "#",
        "# Every field is as the source shows it; addresses marked so may be others in the target's network.",
        f'# A secret is a reference: complete each "{EMPTY}" to "${{env:NAME}}", "${{file:PATH}}" or',
        '# "${command:PROGRAM ARGUMENTS}". Then: roma-migrate validate --values FILE',
        "version: 1",
        "datasources:" if sources else "datasources: {}",
    ]
    for each in sources:
        lines += _source(each, names.count(each.name) > 1)
    return "\n".join(lines) + "\n"


def _source(one: Shown, ambiguous: bool) -> Iterator[str]:
    key = f"{one.name} of {one.app}" if ambiguous else one.name
    yield f"  {_word(key)}:"
    yield f"    type: {_word(one.type)}"
    if ambiguous:
        yield f"    name: {_word(one.name)}"
        yield f"    app: {_word(one.app)}"
    if one.unread:
        yield f"    # its content could not be read: {_plain_words(one.unread)}"
    known = TYPES[one.type].fields if one.type in TYPES else {}
    content = _with_pairs({name: value for name, value in one.content.items() if name in known})
    others = {name: value for name, value in one.content.items() if name not in known}
    yield from _mapping("content", content, 4)
    if _written(others):
        yield from _mapping("other_fields", others, 4)


def _with_pairs(content: Mapping[str, object]) -> Mapping[str, object]:
    """A secret that the source leaves out, though it shows the account, has its line too."""
    missing = {secret: "" for account, secret in PAIRS if content.get(account) and secret not in content}
    return {**content, **missing}


def _mapping(name: str, value: Mapping[str, object], indent: int) -> Iterator[str]:
    told = [line for key, each in list(value.items())[:_MOST] for line in _field(key, each, indent + 2)]
    if all(line.lstrip().startswith("#") for line in told):
        yield f"{' ' * indent}{_word(name)}: {{}}"
    else:
        yield f"{' ' * indent}{_word(name)}:"
    yield from told


def _field(name: str, value: object, indent: int) -> Iterator[str]:
    blank = " " * indent
    match value:
        case Mapping() if indent < 2 * _DEEPEST and _written(value):
            inner = _with_pairs(value) if value.keys() & LOGIN_FIELDS.keys() else value
            yield from _mapping(name, inner, indent)
        case list() if indent < 2 * _DEEPEST and value:
            yield f"{blank}{_word(name)}:"
            for each in value[:_MOST]:
                yield from _item(name, each, indent + 2)
        case Mapping() | list() | None:
            yield f"{blank}# {_word(name)} is empty at the source"
        case _ if is_secret(name) or (isinstance(value, str) and open_password(value)):
            yield f'{blank}{_word(name)}: "{EMPTY}"'
        case "":
            yield f"{blank}# {_word(name)} is empty at the source"
        case _:
            note = "  # as at the source" if name in WHERE or name == "port" else ""
            yield f"{blank}{_word(name)}: {_scalar(value)}{note}"


def _item(name: str, value: object, indent: int) -> Iterator[str]:
    if isinstance(value, Mapping) and _written(value):
        lines = [line for key, each in list(value.items())[:_MOST] for line in _field(key, each, indent + 2)]
        yield f"{' ' * indent}-"
        yield from lines
    elif is_secret(name):
        yield f'{" " * indent}- "{EMPTY}"'
    elif isinstance(value, str | int | float):
        yield f"{' ' * indent}- {_scalar(value)}"


def _written(value: Mapping[str, object]) -> bool:
    """Whether a line of it will hold something."""
    return any(is_secret(name) or each not in ("", None, {}, []) for name, each in value.items())


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else _word(str(value))


def _word(text: str) -> str:
    """The text as a scalar that reads back as itself: in double quotes where anything in it could mean more."""
    if text and _PLAIN.issuperset(text) and text[0] not in "-./" and text not in _NULLS:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _plain_words(text: str) -> str:
    """Words of the service on the line of a comment."""
    return "".join(sign if sign.isprintable() else " " for sign in text)[:200]


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    point = ord(sign)
    if 0xD800 <= point < 0xE000:  # half of a pair stands for nothing
        return "\\uFFFD"
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
