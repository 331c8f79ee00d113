"""Where packages lie on our disk. Law: an archive can be downloaded once (API 1.5), so no byte of it is lost by us.

The way of a package: space reserved - sidecar begun, synced - bytes written and hashed - synced - checked - sidecar
complete, synced - renamed, folders synced - journaled by the engine - `release`, which takes the sidecar away. After a
crash at any of these points `adopt` finds the whole package or none:

- A complete sidecar names the hash, and only a file with that hash is adopted, whichever of its two places it is in.
- Without one, the length must agree and the bytes must be known: by the CRC of every entry, or because this host has
  not been started anew since, for then every byte that was written is still there.

One vault serves one run, whose lease keeps other processes out. Its methods may be called from any thread; those on
one `Incoming` one at a time.
"""

import hashlib
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import MemoryFailed, PackageDamaged, SpaceReserved
from orchestrator.storage.disk import Disk, Handle
from orchestrator.storage.packagefiles import PackageFiles, key_of
from orchestrator.storage.sidecar import Begun, Complete, Stored
from orchestrator.storage.zipcheck import Check

#: bytes left free on the disk for the journal and the logs
MARGIN = 64 * 1024 * 1024
#: bytes of one package that are decompressed to check them
CHECKED_BYTES = 4 * 1024**3


class PackageIncomplete(Exception):
    """The stream ended before, or went past, the announced length; nothing of it is kept."""

    def __init__(self, expected: int | None, received: int) -> None:
        super().__init__(f"{received} bytes came of {'an unknown number' if expected is None else expected}")
        #: bytes announced, or None
        self.expected = expected
        #: bytes that came
        self.received = received


class Vault:
    """All packages of one run. Raises MemoryFailed where the disk fails, and ValueError for a bad batch id or hash."""

    def __init__(self, root: Path, disk: Disk, *, margin: int = MARGIN, checked_bytes: int = CHECKED_BYTES) -> None:
        self._files = PackageFiles(root, disk, checked_bytes)
        self._root = root
        self._margin = margin
        self._lock = threading.Lock()
        #: key -> bytes still to come
        self._reserved: dict[str, int] = {}
        #: their sum, which each export asks for
        self._promised = 0
        #: key -> sha256 ("" while the bytes come) of what this object has received and the engine has not released
        self._fresh: dict[str, str] = {}

    def reserve(self, batch: str, attempt: int, bytes_: int) -> None:
        """Keep space for one package, before its export is asked for.

        MemoryFailed when there is not enough; SpaceReserved when others on their way have taken it.
        """
        key = key_of(batch, attempt)
        with self._lock:
            self._require(bytes_, self._promised - self._reserved.get(key, 0))
            self._hold(key, bytes_)

    def release(self, batch: str, attempt: int) -> None:
        """End one attempt: its reservation, its sidecar and leftovers go, a stored package stays.

        Only after the engine has journaled how it ended: before that, a crash would find nothing to adopt.
        """
        key = key_of(batch, attempt)
        self._files.clear(key)
        self._forget(key)

    def begin(self, batch: str, attempt: int, archive_id: str, length: int | None) -> "Incoming":
        """Open a place for one archive's bytes, `length` of them if the service announced it."""
        key, files = key_of(batch, attempt), self._files
        files.make_folders()
        files.clear(key)
        begun = Begun(batch, attempt, archive_id, length, files.disk.boot())
        files.write_sidecar(key, begun)
        handle = files.disk.create(files.part(key))
        with self._lock:
            self._fresh[key] = ""
        return Incoming(self, files, begun, handle)

    def adopt(self, batch: str, attempt: int) -> Stored | None:
        """After a crash: the package if all its bytes are here, now in its place; else None, and no leftover."""
        key = key_of(batch, attempt)
        match self._files.read_sidecar(key):
            case Complete(Begun(batch=named, attempt=number), stored) if (named, number) == (batch, attempt):
                found = self._adopt_complete(key, stored)
            case Begun(batch=named, attempt=number) as begun if (named, number) == (batch, attempt):
                found = self._adopt_begun(key, begun)
            case _:
                found = None
        if found is None:
            self._files.clear(key)
            return None
        with self._lock:
            self._fresh[key] = found.sha256
        return found

    def open_path(self, sha256: str, size: int) -> Path:
        """Where a package lies, to be uploaded. PackageDamaged if it is gone or has another size.

        A suspect is asked for only where an operator has decided that it is good enough.
        """
        path = self._files.find(sha256)
        found = self._files.disk.size(path)
        if found == size:
            return path
        what = "is gone" if found is None else f"has {found} bytes instead of {size}"
        raise PackageDamaged(f"the package {path} {what}", next_step="look at the disk's health; it is exported again")

    def verify(self, sha256: str) -> bool:
        """Whether a package is there and every byte of it is as it was stored. Reads it whole."""
        path = self._files.package(sha256)
        return self._files.disk.size(path) is not None and self._files.digest(path) == sha256

    def suspects(self, batch: str) -> tuple[Path, ...]:
        """The suspect packages kept of one batch, in the order of its attempts."""
        return self._files.suspects_of(batch)

    def drop(self, sha256: str) -> bool:
        """Remove what has this hash, as package and as suspect, and say whether that was done; twice is harmless.

        The caller knows that no batch in the journal refers to it. An attempt that was stored with the same bytes and
        is not released yet is not in the journal either: its package stays, and goes when its own batch drops it.
        """
        with self._lock:
            if sha256 in self._fresh.values():
                return False
        self._files.remove(sha256)
        return True

    def sweep(self, keep: Collection[str]) -> tuple[str, ...]:
        """Remove orphans and name them: all that is not named in `keep`, by SHA-256 or as "BATCH.ATTEMPT".

        A batch that is named keeps its suspects of all attempts, and nothing else.

        What this object received and the engine has not released stays too, and so do files that are not ours.
        """
        with self._lock:
            kept = {*keep, *self._fresh, *self._fresh.values()}
        return self._files.sweep(kept)

    # --- for Incoming ------------------------------------------------------------------------------------------------

    def _spend(self, key: str, count: int) -> None:
        """Move `count` bytes from the reservation to the disk; past it, only while the margin stays free."""
        with self._lock:
            left = self._reserved.get(key, 0) - count
            self._hold(key, max(left, 0))
            if left < 0:
                self._require(count, self._promised)

    def _settle(self, begun: Begun, sha256: str, size: int, check: Check) -> Stored:
        """From here on a failure leaves all in place: the bytes are synced, and `adopt` goes on."""
        key = key_of(begun.batch, begun.attempt)
        stored = Stored(sha256, size, check.verdict, check.reason)
        self._files.write_sidecar(key, Complete(begun, stored))
        with self._lock:
            # Before the package appears: from its first instant neither `sweep` nor `drop` may take it.
            self._hold(key, 0)
            self._fresh[key] = sha256
        self._files.place(key, stored)
        return stored

    def _discard(self, key: str) -> None:
        """Best effort: an error is on its way already, and `sweep` removes what stays."""
        self._forget(key)
        with suppress(MemoryFailed):
            self._files.clear(key)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _adopt_complete(self, key: str, stored: Stored) -> Stored | None:
        # Equal hashes are equal bytes: the check that was made of them still holds, and they were synced before it.
        final, part = self._files.place_of(key, stored), self._files.part(key)
        if self._files.holds(final, stored):
            self._files.sync_places(final)
            return stored
        if self._files.holds(part, stored):
            self._files.place(key, stored)
            return stored
        return None

    def _adopt_begun(self, key: str, begun: Begun) -> Stored | None:
        part = self._files.part(key)
        size = self._files.disk.size(part)
        if not size or begun.length not in {None, size}:
            return None
        check = self._files.check(part)
        if not self._believable(begun, check):
            return None
        self._files.sync(part)
        return self._settle(begun, self._files.digest(part), size, check)

    def _believable(self, begun: Begun, check: Check) -> bool:
        """Whether an unfinished file of a possible length holds all the bytes that came."""
        if check.verdict == "crc":
            return True
        same_boot = begun.boot != "" and begun.boot == self._files.disk.boot()
        return same_boot and (check.verdict == "structure" or begun.length is not None)

    def _forget(self, key: str) -> None:
        with self._lock:
            self._hold(key, 0)
            self._fresh.pop(key, None)

    def _hold(self, key: str, bytes_: int) -> None:
        self._promised += bytes_ - self._reserved.pop(key, 0)
        if bytes_:
            self._reserved[key] = bytes_

    @staticmethod
    def must_have_room(root: Path, disk: Disk, bytes_: int) -> None:
        """Raises MemoryFailed where not even one package of so many bytes would find room; touches nothing."""
        Vault(root, disk)._require(bytes_, 0)

    def _require(self, bytes_: int, others: int) -> None:
        free = self._files.disk.free(self._root)
        if free - others < bytes_ + self._margin:
            kind = SpaceReserved if free >= bytes_ + self._margin else MemoryFailed
            raise kind(
                f"the disk under {self._root} has {_shown(free)} free, {_shown(others)} of it reserved for packages on "
                f"their way: {_shown(bytes_)} more would leave less than {_shown(self._margin)}",
                next_step="free space there, then run the same command again",
            )


class Incoming:
    """One archive on its way in. After `finish`, `abort` or an error it takes nothing more (ValueError)."""

    def __init__(self, vault: Vault, files: PackageFiles, begun: Begun, handle: Handle) -> None:
        self._vault = vault
        self._files = files
        self._begun = begun
        self._key = key_of(begun.batch, begun.attempt)
        self._handle = handle
        self._open = True
        self._digest = hashlib.sha256()
        self._received = 0

    @property
    def received(self) -> int:
        """Bytes written so far."""
        return self._received

    def write(self, chunk: bytes) -> None:
        """The next bytes. MemoryFailed (disk) and PackageIncomplete (more than announced) leave nothing behind."""
        self._require_open()
        try:
            self._vault._spend(self._key, len(chunk))
            self._files.disk.write(self._handle, chunk)
        except MemoryFailed:
            self._discard()
            raise
        self._digest.update(chunk)
        self._received += len(chunk)
        if self._begun.length is not None and self._received > self._begun.length:
            self._discard()
            raise PackageIncomplete(self._begun.length, self._received)

    def finish(self) -> Stored:
        """The stream has ended by itself: sync, check and place the package.

        PackageIncomplete when the length is wrong: nothing is kept. MemoryFailed when the disk fails: what was synced
        before stays, and the next start adopts it.
        """
        self._require_open()
        if not self._received or self._begun.length not in {None, self._received}:
            self._discard()
            raise PackageIncomplete(self._begun.length, self._received)
        self._sync()
        return self._settle(self._files.check(self._handle.path))

    def abort(self, reason: str, *, keep: bool = False) -> None:
        """The stream was cut: keep nothing, or the bytes as a suspect because of `reason`. Twice is harmless."""
        if not self._open:
            return
        if not keep or not self._received:
            self._discard()
            return
        self._sync()
        self._settle(Check("suspect", reason))

    def _settle(self, check: Check) -> Stored:
        return self._vault._settle(self._begun, self._digest.hexdigest(), self._received, check)

    def _sync(self) -> None:
        """After a failed sync nobody knows which bytes are on the medium, so none are kept."""
        try:
            self._files.disk.sync(self._handle)
            self._require_size()
        except MemoryFailed:
            self._discard()
            raise
        self._close()

    def _require_size(self) -> None:
        path = self._handle.path
        found = self._files.disk.size(path)
        if found != self._received:
            raise MemoryFailed(
                f"{self._received} bytes were written to {path}, and {found or 0} are there: the disk fails",
                next_step="look at the disk's health, then run the same command again",
            )

    def _close(self) -> None:
        self._open = False
        self._files.disk.close(self._handle)

    def _discard(self) -> None:
        self._close()
        self._vault._discard(self._key)

    def _require_open(self) -> None:
        if not self._open:
            raise ValueError(f"the package {self._key} was finished or given up before")


def _shown(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"
