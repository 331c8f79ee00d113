"""What lies beside a package on its way into the vault. Law: it says what was asked for, and then what was stored.

A sidecar is replaced in one instant, never changed, and one that cannot be understood counts as none: then nothing
is adopted, and the batch is exported again.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, cast, get_args

from orchestrator.storage.zipcheck import Verdict

_VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: bytes; a longer sidecar is not ours
LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """A package that lies in the vault, synced and checked."""

    #: of all its bytes, in hex: its name in the vault
    sha256: str
    #: bytes
    size: int
    #: see `zipcheck.Verdict`; a suspect one is kept apart and never imported
    check: Verdict
    #: the check's sentence
    reason: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A download that was begun."""

    batch: str
    #: which export of this batch, from 1
    attempt: int
    #: ROMA's handle, for messages
    archive_id: str
    #: bytes that the service announced, or None where it did not (API 1.5)
    length: int | None
    #: `Disk.boot` at its beginning
    boot: str


@dataclass(frozen=True, slots=True)
class Complete:
    """A download whose bytes were whole, synced and checked; the file may not have reached its place yet."""

    begun: Begun
    stored: Stored


Sidecar = Begun | Complete


def encode(sidecar: Sidecar) -> bytes:
    """One JSON document."""
    document = (
        {"begun": asdict(sidecar.begun), "stored": asdict(sidecar.stored)}
        if isinstance(sidecar, Complete)
        else {"begun": asdict(sidecar)}
    )
    return json.dumps({"version": _VERSION, **document}, sort_keys=True).encode()


def decode(data: bytes) -> Sidecar | None:
    """What `encode` wrote, or None for anything else."""
    try:
        document = json.loads(data)
        if document["version"] != _VERSION:
            return None
        begun = _begun(document["begun"])
        return Complete(begun, _stored(document["stored"])) if "stored" in document else begun
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _begun(fields: dict[str, Any]) -> Begun:
    length = fields["length"]
    return Begun(
        batch=_text(fields["batch"]),
        attempt=_number(fields["attempt"]),
        archive_id=_text(fields["archive_id"]),
        length=None if length is None else _number(length),
        boot=_text(fields["boot"]),
    )


def _stored(fields: dict[str, Any]) -> Stored:
    sha256, check = _text(fields["sha256"]), fields["check"]
    if not _SHA256.fullmatch(sha256) or check not in get_args(Verdict):
        raise ValueError
    return Stored(sha256, _number(fields["size"]), cast(Verdict, check), _text(fields["reason"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value
