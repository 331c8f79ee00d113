"""Files and folders that come into being whole. Law: a name leads to all that belongs to it, or to nothing.

What is made lies aside, under a name that begins with a dot, until it is on the disk; then it is renamed. What a
process left aside when it died is no one's: it is overwritten or swept by whoever comes next.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import MemoryFailed
from orchestrator.storage.disk import Disk

_ASIDE = ".new-"


def place(disk: Disk, path: Path, content: bytes) -> None:
    """A file, 0600, over whatever has its name; only one process at a time may place it."""
    aside = path.with_name(_ASIDE + path.name)
    disk.unlink(aside)
    _write(disk, aside, content)
    disk.rename(aside, path)
    disk.sync_folder(path.parent)


def place_folder(disk: Disk, path: Path, files: Mapping[str, bytes]) -> None:
    """A folder, 0700, with these files; its name must be free, and only one process at a time may place it."""
    aside = path.with_name(_ASIDE + path.name)
    disk.make_folder(aside)
    for name, content in files.items():
        _write(disk, aside / name, content)
    disk.sync_folder(aside)
    disk.rename(aside, path)
    disk.sync_folder(path.parent)


def remove_folder(disk: Disk, path: Path) -> None:
    """A folder with all that is in it: gone at once by its name, swept by whoever comes next where this one dies."""
    aside = path.with_name(_ASIDE + path.name)
    disk.rename(path, aside)
    disk.sync_folder(path.parent)
    _remove(disk, aside)


def sweep_aside(disk: Disk, folder: Path) -> None:
    """Remove what dead processes left aside in a folder; what the disk refuses to remove stays, and harms nobody."""
    for name in disk.names(folder):
        if name.startswith(_ASIDE):
            with suppress(MemoryFailed):
                _remove(disk, folder / name)


def _write(disk: Disk, path: Path, content: bytes) -> None:
    handle = disk.create(path)
    try:
        disk.write(handle, content)
        disk.sync(handle)
    finally:
        disk.close(handle)


def _remove(disk: Disk, path: Path) -> None:
    if path.is_symlink() or not path.is_dir():  # what a link leads to is not ours
        disk.unlink(path)
        return
    for name in disk.names(path):
        _remove(disk, path / name)
    disk.remove_folder(path)
