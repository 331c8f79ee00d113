"""The address of the workers' engine. Law: what is secret in it is a reference; one in the open is never repeated."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.core.plan.plan import SecretRef
from orchestrator.core.plan.scalars import reference_of
from orchestrator.errors import OperatorError
from orchestrator.storage.secrets import resolve_reference

#: bytes of an address at most
_LONGEST = 4096
_SHAPE = re.compile(r"((?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})/([\w.-]+)(?:\?(.*))?", re.DOTALL)
#: keys behind the question mark whose values are references
_SECRET = ("api_key", "ca", "cert", "key")
_KEYS = ("tls", "server_name", *_SECRET)
_EXAMPLE = "temporal.example.com:7233/migrations?tls=on&api_key=${env:ENGINE_KEY}"
_WRITE = (
    f"write it like HOST:7233/NAMESPACE, or {_EXAMPLE} (in single quotes, so that the shell leaves it alone); behind "
    "the question mark: tls=on, server_name=NAME, and as references api_key, ca, cert, key"
)


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where the engine is; nothing of it is a secret."""

    #: host:port
    target: str
    namespace: str
    tls: bool = False
    server_name: str = ""
    #: api_key, ca, cert, key: what each stands for is read when it is needed
    references: Mapping[str, SecretRef] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """For people."""
        return f"{self.target}/{self.namespace}"

    def secrets(self, environ: Mapping[str, str], folder: Path) -> dict[str, str]:
        """What its references stand for, by key; raises OperatorError."""
        return {
            key: resolve_reference(f"--engine: {key}", reference, environ, folder)
            for key, reference in self.references.items()
        }


def parse_engine_address(text: str) -> EngineAddress:
    """Raises OperatorError."""
    found = _SHAPE.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise OperatorError("--engine is no address of a Temporal server", next_step=_WRITE)
    target, namespace, rest = found.groups()
    if not 0 < int(target.rpartition(":")[2]) < 65536:
        raise OperatorError("--engine: a port is a number from 1 to 65535", next_step=_WRITE)
    given = dict(_pairs(rest or ""))
    references = {key: _reference(key, given[key]) for key in _SECRET if key in given}
    if ("cert" in references) is not ("key" in references):
        raise OperatorError("--engine: cert and key go together", next_step=_WRITE)
    if (tls := given.get("tls", "on" if references else "off")) not in {"on", "off"}:
        raise OperatorError("--engine: tls is on or off", next_step=_WRITE)
    if references and tls == "off":
        raise OperatorError("--engine: without TLS everyone on the way could read its key", next_step=_WRITE)
    return EngineAddress(target, namespace, tls == "on", given.get("server_name", ""), references)


def _pairs(rest: str) -> list[tuple[str, str]]:
    pairs = [(key, value) for key, _, value in (each.partition("=") for each in rest.split("&") if each)]
    for number, (key, _value) in enumerate(pairs):
        if key not in _KEYS or key in (earlier for earlier, _ in pairs[:number]):
            # The key itself may be a secret in the wrong place.
            raise OperatorError("--engine: a setting behind the question mark is unknown or twice", next_step=_WRITE)
    return pairs


def _reference(key: str, text: str) -> SecretRef:
    reference = reference_of(text)
    if reference is None:
        raise OperatorError(
            f"--engine: {key} stands in it in the open (not shown); put it into an environment variable or a file",
            next_step=_WRITE,
        )
    return reference
