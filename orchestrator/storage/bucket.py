"""Packages in a bucket that speaks S3, such as one of OBS. Law: who asks and where is in the environment alone.

obstore comes with the extra `fleet` and reads the usual variables: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Only `storage.shared_packages` knows this module, when a bucket is named.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from orchestrator.errors import MemoryFailed, OperatorError
from orchestrator.storage.disk import Disk

#: bytes of a package that are in memory at once
_PIECE = 4 * 1024 * 1024
#: seconds for one request, and in which failed ones are repeated
_TIMEOUT, _PATIENCE = 60, timedelta(seconds=30)
#: obstore says it in the interpreter's own words, and once had its own
_MISSING = (FileNotFoundError, NotFoundError)
_WITHIN: Any = {"max_retries": 5, "retry_timeout": _PATIENCE}


class Bucket:
    """Files under `s3://BUCKET/PREFIX`, told apart by run and name."""

    def __init__(self, address: str, disk: Disk, plain_http: bool) -> None:
        """`plain_http` for a service on this machine alone. Raises OperatorError where the address is none."""
        self._address, self._disk = address.rstrip("/"), disk
        client: Any = {"timeout": f"{_TIMEOUT}s", "allow_http": plain_http}
        try:
            self._store = S3Store.from_url(self._address, client_options=client, retry_config=_WITHIN)
        except (BaseError, ValueError) as error:
            raise OperatorError(f"--packages {self._address}: {_first_line(error)}") from None

    def names(self, run: str) -> tuple[str, ...]:
        with self._spoken():
            found = [each["path"] for page in obstore.list(self._store, prefix=run) for each in page]
        return tuple(sorted(path.rpartition("/")[2] for path in found))

    def put(self, run: str, name: str, path: Path) -> None:
        with self._spoken():
            with suppress(*_MISSING):
                if obstore.head(self._store, f"{run}/{name}")["size"] == self._disk.size(path):
                    return
            obstore.put(self._store, f"{run}/{name}", path, chunk_size=_PIECE)

    def fetch(self, run: str, name: str, into: Path) -> None:
        self._disk.unlink(into)
        handle = self._disk.create(into)
        try:
            with self._spoken():
                for piece in obstore.get(self._store, f"{run}/{name}").stream(min_chunk_size=_PIECE):
                    self._disk.write(handle, bytes(piece))
            self._disk.sync(handle)
        finally:
            self._disk.close(handle)

    def remove(self, run: str, name: str) -> None:
        with self._spoken(), suppress(*_MISSING):
            obstore.delete(self._store, f"{run}/{name}")

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Every failure as a sentence; the service's own words may hold a signature, and are not repeated."""
        try:
            yield
        except (PermissionDeniedError, UnauthenticatedError):
            raise MemoryFailed(
                f"{self._address} refuses us",
                next_step="check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and the bucket's policy",
            ) from None
        except _MISSING:
            raise MemoryFailed(f"{self._address}: there is no such bucket or object") from None
        except BaseError:
            raise MemoryFailed(
                f"{self._address} cannot be reached",
                next_step="check AWS_ENDPOINT_URL and the network, then run the same command again",
            ) from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
