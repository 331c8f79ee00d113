"""The key of a home, under which digests stand for secrets (promise 16). Law: it never leaves the home.

Whoever holds a journal, a report or a saved preview without this file learns nothing of a secret from its digest, not
even whether it is one of a list of likely ones.
"""

import hmac
import os
from collections.abc import Callable
from hashlib import sha256

from orchestrator.errors import MemoryFailed
from orchestrator.storage.disk import Disk
from orchestrator.storage.home import Home
from orchestrator.storage.locks import held_briefly
from orchestrator.storage.placing import place

#: bytes
_SIZE = 32
#: digits of a digest
_DIGITS = 32


def digesting(home: Home) -> Callable[[str], str]:
    """Of a secret, 32 hex digits; the key is made when it is needed first. Raises MemoryFailed where it is damaged."""
    key: list[bytes] = []

    def digest(text: str) -> str:
        if not key:
            key.append(_key(home))
        return hmac.new(key[0], text.encode("utf-8", "replace"), sha256).hexdigest()[:_DIGITS]

    return digest


def _key(home: Home) -> bytes:
    path = home.path / "digest.key"
    with held_briefly(home.lock):
        if not path.exists():
            place(Disk(), path, os.urandom(_SIZE))
        try:
            found = path.read_bytes()
        except OSError as error:
            raise MemoryFailed(f"{path} cannot be read: {(error.strerror or 'failed').lower()}") from None
    if len(found) != _SIZE:
        raise MemoryFailed(
            f"{path} is damaged: it holds {len(found)} bytes and not {_SIZE}",
            next_step="restore it from a backup; without it, digests of secrets in this home mean nothing any more: "
            "remove it, and begin finish again",
        )
    return found
