"""What the program needs to run, out of the lock. Law: nothing is resolved anew; what is not locked is told.

The closure is taken in the environment that runs this: its Python, its platform.
"""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
PROGRAM = "roma-migrate"
#: what a site may want beside the program; `dev` is for those who change it
EXTRAS = ("notify", "otel", "fleet")


def blocks(text: str) -> dict[str, str]:
    """Each locked package with its version, marker and hashes, as the lock writes it."""
    found = re.split(r"(?m)^(?=[A-Za-z0-9])", text)
    return {canonicalize_name(re.split(r"[=\[; ]", block, maxsplit=1)[0]): block for block in found if block.strip()}


def needed(name: str = PROGRAM, extras: Iterable[str] = EXTRAS) -> dict[str, set[str]]:
    """Each package that a package needs here, itself among them, with those that it needs by itself."""
    found: dict[str, set[str]] = {}
    waiting = [(canonicalize_name(name), frozenset(extras))]
    asked: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        each = waiting.pop()
        if each in asked:
            continue
        asked.add(each)
        below = [(canonicalize_name(one.name), frozenset(one.extras)) for one in _direct(*each)]
        found.setdefault(each[0], set()).update(one for one, _ in below)
        waiting += below
    return found


def _direct(name: str, extras: Iterable[str]) -> Iterator[Requirement]:
    try:
        told = requires(name) or []
    except PackageNotFoundError:
        raise SystemExit(f"{name} is needed and not installed here: make install") from None
    for each in map(Requirement, told):
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield each


def lock() -> str:
    """The part of the lock that the program needs here, with its hashes."""
    held = blocks((REPOSITORY / "requirements.txt").read_text(encoding="utf-8"))
    names = sorted(set(needed()) - {PROGRAM})
    if missing := [name for name in names if name not in held]:
        raise SystemExit(f"not locked: {', '.join(missing)}: make lock")
    return "".join(held[name] for name in names)
