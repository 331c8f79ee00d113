"""The vault's folders and files, each act durable or undone by a later look. Law: a name tells what a file is.

incoming/BATCH.ATTEMPT.json       the sidecar: what was asked for, then what was stored
incoming/BATCH.ATTEMPT.part       the bytes on their way
packages/SHA256.zip               whole, synced, checked
suspects/BATCH.ATTEMPT.SHA256.zip whole, but not a sound zip file: kept to be shown, imported only on an operator's word
"""

import hashlib
import re
from collections.abc import Collection
from pathlib import Path

from orchestrator.storage.disk import Disk
from orchestrator.storage.sidecar import LONGEST, Sidecar, Stored, decode, encode
from orchestrator.storage.zipcheck import Check, check_zip

_CHUNK = 256 * 1024
_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_INCOMING = re.compile(r"(?P<key>[^.]+\.\d+)\.(part|json|json\.new)")
_PACKAGE = re.compile(r"(?P<sha256>[0-9a-f]{64})\.zip")
_SUSPECT = re.compile(r"(?P<batch>[^.]+)\.(?P<attempt>\d+)\.(?P<sha256>[0-9a-f]{64})\.zip")


def key_of(batch: str, attempt: int) -> str:
    """What files of one attempt are named by. ValueError for what would not be a plain file name."""
    if not _BATCH.fullmatch(batch) or attempt < 0:
        raise ValueError(f"not a batch and its attempt: {batch!r}, {attempt}")
    return f"{batch}.{attempt}"


class PackageFiles:
    """Everything the vault does to its folders. Raises MemoryFailed where the disk fails."""

    def __init__(self, root: Path, disk: Disk, checked_bytes: int) -> None:
        #: where all writing and reading goes through
        self.disk = disk
        self._incoming = root / "incoming"
        self._packages = root / "packages"
        self._suspects = root / "suspects"
        self._checked_bytes = checked_bytes

    def make_folders(self) -> None:
        """The three folders, for their owner alone."""
        for folder in (self._incoming, self._packages, self._suspects):
            self.disk.make_folder(folder)

    # --- names -------------------------------------------------------------------------------------------------------

    def part(self, key: str) -> Path:
        """Where the bytes of one attempt arrive."""
        return self._incoming / f"{key}.part"

    def package(self, sha256: str) -> Path:
        """Where a package lies. ValueError for what is no hash."""
        name = f"{sha256}.zip"
        if not _PACKAGE.fullmatch(name):
            raise ValueError(f"not a SHA-256 in hex: {sha256!r}")
        return self._packages / name

    def place_of(self, key: str, stored: Stored) -> Path:
        """Where what was stored belongs: among the packages or the suspects."""
        if stored.check == "suspect":
            return self._suspects / f"{key}.{stored.sha256}.zip"
        return self.package(stored.sha256)

    def find(self, sha256: str) -> Path:
        """Where the file with this hash lies, as package or as suspect; where a package would lie if there is none."""
        package = self.package(sha256)
        if self.disk.size(package) is None:
            for name in self.disk.names(self._suspects):
                if (match := _SUSPECT.fullmatch(name)) and match["sha256"] == sha256:
                    return self._suspects / name
        return package

    def suspects_of(self, batch: str) -> tuple[Path, ...]:
        """In the order of the batch's attempts."""
        found = [match for name in self.disk.names(self._suspects) if (match := _SUSPECT.fullmatch(name))]
        ours = sorted((int(match["attempt"]), match.string) for match in found if match["batch"] == batch)
        return tuple(self._suspects / name for _attempt, name in ours)

    # --- acts --------------------------------------------------------------------------------------------------------

    def place(self, key: str, stored: Stored) -> None:
        """Move synced bytes from `part` to where they belong, durably."""
        final = self.place_of(key, stored)
        self.disk.rename(self.part(key), final)
        self.sync_places(final)

    def sync_places(self, final: Path) -> None:
        """Make a move into the folder of `final` durable."""
        self.disk.sync_folder(final.parent)
        self.disk.sync_folder(self._incoming)

    def sync(self, path: Path) -> None:
        """Make an existing file's bytes durable."""
        with self.disk.reading(path) as source:
            self.disk.sync(source.handle)

    def check(self, path: Path) -> Check:
        """Judge a file as a zip."""
        with self.disk.reading(path) as source:
            return check_zip(source, self._checked_bytes)

    def digest(self, path: Path) -> str:
        """The SHA-256 of a file's bytes as they are read now, in hex."""
        digest, offset = hashlib.sha256(), 0
        with self.disk.reading(path) as source:
            while piece := source.read(offset, _CHUNK):
                digest.update(piece)
                offset += len(piece)
        return digest.hexdigest()

    def holds(self, path: Path, stored: Stored) -> bool:
        """Whether exactly the stored bytes lie there."""
        return self.disk.size(path) == stored.size and self.digest(path) == stored.sha256

    def write_sidecar(self, key: str, sidecar: Sidecar) -> None:
        """Replace the sidecar in one instant, durably."""
        fresh = self._fresh_sidecar(key)
        self.disk.unlink(fresh)
        handle = self.disk.create(fresh)
        try:
            self.disk.write(handle, encode(sidecar))
            self.disk.sync(handle)
        finally:
            self.disk.close(handle)
        self.disk.rename(fresh, self._sidecar(key))
        self.disk.sync_folder(self._incoming)

    def read_sidecar(self, key: str) -> Sidecar | None:
        """The sidecar, or None where there is none that can be understood."""
        path = self._sidecar(key)
        if self.disk.size(path) is None:
            return None
        with self.disk.reading(path) as source:
            return decode(source.read(0, LONGEST))

    def clear(self, key: str) -> None:
        """Remove what one attempt left among the incoming."""
        # The bytes go first: without them a sidecar promises nothing, and without it they would be nobody's.
        for path in (self.part(key), self._fresh_sidecar(key), self._sidecar(key)):
            self.disk.unlink(path)

    def remove(self, sha256: str) -> None:
        """Remove what has this hash, as package and as suspect."""
        self.disk.unlink(self.package(sha256))
        for name in self.disk.names(self._suspects):
            if (match := _SUSPECT.fullmatch(name)) and match["sha256"] == sha256:
                self.disk.unlink(self._suspects / name)

    def sweep(self, kept: Collection[str]) -> tuple[str, ...]:
        """Remove every file of ours of which neither the hash nor the key is kept, nor a suspect's batch."""
        removed = []
        for folder, form in ((self._incoming, _INCOMING), (self._packages, _PACKAGE), (self._suspects, _SUSPECT)):
            for name in self.disk.names(folder):
                match = form.fullmatch(name)
                if match and _names_of(match).isdisjoint(kept) and self.disk.unlink(folder / name):
                    removed.append(f"{folder.name}/{name}")
        return tuple(removed)

    def _sidecar(self, key: str) -> Path:
        return self._incoming / f"{key}.json"

    def _fresh_sidecar(self, key: str) -> Path:
        return self._incoming / f"{key}.json.new"


def _names_of(match: re.Match[str]) -> set[str]:
    """What a file may be kept by: its key, its hash, or either; a suspect by its batch too."""
    parts = match.groupdict()
    if "batch" in parts:
        return {f"{parts['batch']}.{parts['attempt']}", parts["sha256"], parts["batch"]}
    return set(parts.values())
