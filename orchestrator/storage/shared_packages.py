"""Packages where every host reaches them, beside the vault on each host's own disk.

Law: a package is there before the journal says that it is stored, under the hash of its bytes; what is fetched is
compared with that hash. A name that is there already holds the same bytes.
"""

import os
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from orchestrator.core.plan.containers import is_loopback
from orchestrator.errors import MemoryFailed, OperatorError, PackageDamaged
from orchestrator.storage.disk import Disk
from orchestrator.storage.home import Home
from orchestrator.storage.packagefiles import key_of
from orchestrator.storage.sidecar import Begun, Stored
from orchestrator.storage.vault import Vault
from orchestrator.storage.zipcheck import Check

_PIECE = 256 * 1024
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,62}(/[A-Za-z0-9._-]+)*/?")
#: of one run: a package, or a suspect of one batch and attempt, each with its hash
_NAME = re.compile(r"(?:(?P<batch>[^./]+)\.(?P<attempt>\d+)\.)?(?P<sha256>[0-9a-f]{64})\.zip")


class SharedPackages(Protocol):
    """A place for whole files, told apart by run and name. Raises MemoryFailed where it cannot be reached."""

    def names(self, run: str) -> tuple[str, ...]: ...

    def put(self, run: str, name: str, path: Path) -> None:
        """Whole and durable when it returns, or not there."""
        ...

    def fetch(self, run: str, name: str, into: Path) -> None: ...

    def remove(self, run: str, name: str) -> None: ...


class SharedFolder:
    """A folder that all hosts mount."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self._root, self._disk = root, disk or Disk()

    def names(self, run: str) -> tuple[str, ...]:
        return self._disk.names(self._root / run)

    def put(self, run: str, name: str, path: Path) -> None:
        folder = self._root / run
        if self._disk.size(folder / name) == self._disk.size(path):
            return
        self._disk.make_folder(folder)
        # Of its own name: another host may put the same bytes at the same moment.
        fresh = folder / f".{secrets.token_hex(8)}.new"
        try:
            self._copy(path, fresh)
            self._disk.rename(fresh, folder / name)
        except BaseException:
            with suppress(MemoryFailed):
                self._disk.unlink(fresh)
            raise
        self._disk.sync_folder(folder)

    def fetch(self, run: str, name: str, into: Path) -> None:
        self._copy(self._root / run / name, into)

    def remove(self, run: str, name: str) -> None:
        self._disk.unlink(self._root / run / name)

    def _copy(self, source: Path, into: Path) -> None:
        self._disk.unlink(into)
        handle = self._disk.create(into)
        try:
            with self._disk.reading(source) as reading:
                offset = 0
                while piece := reading.read(offset, _PIECE):
                    self._disk.write(handle, piece)
                    offset += len(piece)
            self._disk.sync(handle)
        finally:
            self._disk.close(handle)


class SharedVault(Vault):
    """One run's packages on this host, whose whole files lie in a shared place too."""

    def __init__(self, root: Path, disk: Disk, run: str, shared: SharedPackages, must_hold: Callable[[], None]) -> None:
        """`must_hold` raises LeaseLost: whoever lost its lease removes nothing that its successor needs."""
        super().__init__(root, disk)
        self._run, self._shared, self._must_hold = run, shared, must_hold

    def adopt(self, batch: str, attempt: int) -> Stored | None:
        found = super().adopt(batch, attempt)
        if found is not None:
            self._share(key_of(batch, attempt), found)
        return found

    def open_path(self, sha256: str, size: int) -> Path:
        if self._files.disk.size(self._files.find(sha256)) is None:
            self._fetch(sha256, size)
        return super().open_path(sha256, size)

    def drop(self, sha256: str) -> bool:
        dropped = super().drop(sha256)
        if dropped:
            self._remove(name for name in self._shared.names(self._run) if _hash_of(name) == sha256)
        return dropped

    def sweep(self, keep: Collection[str]) -> tuple[str, ...]:
        swept = super().sweep(keep)
        with self._lock:
            kept = {*keep, *self._fresh.values()}
        self._remove(name for name in self._shared.names(self._run) if not _is_kept(name, kept))
        return swept

    def _settle(self, begun: Begun, sha256: str, size: int, check: Check) -> Stored:
        stored = super()._settle(begun, sha256, size, check)
        self._share(key_of(begun.batch, begun.attempt), stored)
        return stored

    def _share(self, key: str, stored: Stored) -> None:
        path = self._files.place_of(key, stored)
        self._shared.put(self._run, path.name, path)

    def _fetch(self, sha256: str, size: int) -> None:
        """Bring it here; PackageDamaged where it is not there, or not what was stored: it is exported again then."""
        name = next((each for each in self._shared.names(self._run) if _hash_of(each) == sha256), None)
        if name is None:
            return  # told as gone
        self._files.make_folders()
        self._require(size, self._promised)
        part = self._files.part(key_of(f"fetched-{sha256}", 0))
        try:
            self._shared.fetch(self._run, name, part)
        except MemoryFailed as error:
            raise PackageDamaged(f"the package {name} cannot be fetched: {error.message}") from None
        if self._files.digest(part) != sha256:
            self._files.disk.unlink(part)
            raise PackageDamaged(
                f"the shared package {name} of run {self._run} is not what was stored",
                next_step="look at the health of where it lies; it is exported again",
            )
        self._files.disk.rename(part, self._files.package(sha256))
        self._files.sync_places(self._files.package(sha256))

    def _remove(self, names: Iterable[str]) -> None:
        for name in list(names):
            self._must_hold()
            self._shared.remove(self._run, name)


def _hash_of(name: str) -> str:
    found = _NAME.fullmatch(name)
    return found["sha256"] if found else ""


def _is_kept(name: str, kept: Collection[str]) -> bool:
    """As the vault keeps its own; what is not ours by its name is left alone."""
    found = _NAME.fullmatch(name)
    if found is None:
        return True
    by = {found["sha256"]}
    if found["batch"]:
        by |= {found["batch"], f"{found['batch']}.{found['attempt']}"}
    return not by.isdisjoint(kept)


#: run -> its vault
Vaults = Callable[[str], Vault]


def local_vaults(home: Home, disk: Disk) -> Vaults:
    """Packages on this host alone."""
    return lambda run: Vault(home.vault(run), disk)


def shared_vaults(home: Home, place: str, must_hold: Callable[[], None], environ: Mapping[str, str]) -> Vaults:
    """Packages in the shared place that `--packages` names; raises OperatorError."""
    disk = Disk()
    shared = _bucket(place, disk, environ) if "://" in place else _folder(place, disk)
    return lambda run: SharedVault(home.vault(run), disk, run, shared, must_hold)


def _folder(place: str, disk: Disk) -> SharedFolder:
    root = Path(place).absolute()
    if not root.is_dir() or not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        raise OperatorError(
            f"--packages: {root} is no folder that may be written here",
            next_step="mount it and make it writable for this user, then run the same command again",
        )
    return SharedFolder(root, disk)


def _bucket(place: str, disk: Disk, environ: Mapping[str, str]) -> SharedPackages:
    if not _BUCKET.fullmatch(place):
        raise OperatorError("--packages takes a folder that all hosts mount, or s3://BUCKET/PREFIX")
    near = urlsplit(environ.get("AWS_ENDPOINT_URL", ""))
    plain = near.scheme == "http"
    if plain and not is_loopback(near.hostname or ""):
        raise OperatorError("--packages: AWS_ENDPOINT_URL is plain http://, which is for this machine alone")
    try:
        from orchestrator.storage.bucket import Bucket
    except ImportError as error:
        raise OperatorError(
            f"--packages needs a package that is not installed here: {error.name}",
            next_step="pip install 'roma-migrate[fleet]'",
        ) from None
    return Bucket(place, disk, plain)
