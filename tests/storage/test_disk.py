"""The real disk, and every way in which it may fail."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from orchestrator.errors import ExitCode, MemoryFailed
from orchestrator.storage.disk import Disk, Operation

T = TypeVar("T")


class FailingDisk(Disk):
    """Fails one operation always."""

    def __init__(self, operation: Operation, number: int) -> None:
        self.operation = operation
        self.number = number

    def perform(self, operation: Operation, path: Path, act: Callable[[], T]) -> T:
        if operation is self.operation:
            raise OSError(self.number, os.strerror(self.number))
        return act()


class MiserlyDisk(Disk):
    """Takes at most so many bytes at once, as a disk that is nearly full does."""

    def __init__(self, most: int) -> None:
        self.most = most

    def put(self, number: int, data: memoryview) -> int:
        return super().put(number, data[: self.most])


def write_file(disk: Disk, path: Path, data: bytes) -> None:
    handle = disk.create(path)
    try:
        disk.write(handle, data)
        disk.sync(handle)
    finally:
        disk.close(handle)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    disk = Disk()
    disk.make_folder(tmp_path / "a" / "b")
    write_file(disk, tmp_path / "a" / "b" / "f", b"x")

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b" / "f").stat().st_mode) == 0o600


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o750)

    Disk().make_folder(tmp_path / "a")

    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750


def test_a_new_file_never_replaces_one_nor_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    for name in ("there", "link"):
        with pytest.raises(MemoryFailed):
            Disk().create(tmp_path / name)

    assert (tmp_path / "there").read_bytes() == b"precious"
    assert not (tmp_path / "elsewhere").exists()


def test_a_link_is_neither_read_nor_measured(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "secret")

    assert Disk().size(tmp_path / "link") is None
    with pytest.raises(MemoryFailed), Disk().reading(tmp_path / "link"):
        pass


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(MemoryFailed), Disk().reading(tmp_path / "pipe"):
        pass


def test_short_writes_are_followed_by_the_rest(tmp_path: Path) -> None:
    write_file(MiserlyDisk(3), tmp_path / "f", b"0123456789")

    assert (tmp_path / "f").read_bytes() == b"0123456789"


def test_a_disk_that_takes_nothing_is_an_error_and_no_endless_loop(tmp_path: Path) -> None:
    with pytest.raises(MemoryFailed):
        write_file(MiserlyDisk(0), tmp_path / "f", b"0123456789")


def test_reading_goes_to_any_offset_and_ends_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")

    with Disk().reading(tmp_path / "f") as source:
        assert source.size == 10
        assert source.read(2, 3) == b"234"
        assert source.read(8, 100) == b"89"
        assert source.read(50, 1) == b""


def test_what_is_not_there_is_told_without_an_error(tmp_path: Path) -> None:
    disk = Disk()

    assert disk.size(tmp_path / "none") is None
    assert disk.size(tmp_path) is None
    assert disk.names(tmp_path / "none") == ()
    assert disk.unlink(tmp_path / "none") is False
    assert disk.free(tmp_path / "none" / "deeper") > 0


def test_a_rename_replaces_in_one_instant(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"new bytes")
    (tmp_path / "new").write_bytes(b"old bytes")

    Disk().rename(tmp_path / "old", tmp_path / "new")

    assert Disk().names(tmp_path) == ("new",)
    assert (tmp_path / "new").read_bytes() == b"new bytes"


def test_the_boot_is_the_same_until_the_host_starts_anew() -> None:
    assert Disk().boot() == Disk().boot()


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        (Operation.MAKE_FOLDER, lambda disk, path: disk.make_folder(path / "new")),
        (Operation.CREATE, lambda disk, path: disk.create(path / "new")),
        (Operation.WRITE, lambda disk, path: write_file(disk, path / "new", b"x")),
        (Operation.SYNC, lambda disk, path: write_file(disk, path / "new", b"x")),
        (Operation.SYNC_FOLDER, lambda disk, path: disk.sync_folder(path)),
        (Operation.RENAME, lambda disk, path: disk.rename(path / "f", path / "new")),
        (Operation.UNLINK, lambda disk, path: disk.unlink(path / "f")),
        (Operation.LIST, lambda disk, path: disk.names(path)),
        (Operation.STAT, lambda disk, path: disk.size(path / "f")),
        (Operation.OPEN, lambda disk, path: disk.reading(path / "f").__enter__()),
        (Operation.READ, lambda disk, path: disk.reading(path / "f").__enter__().read(0, 1)),
        (Operation.FREE, lambda disk, path: disk.free(path)),
    ],
)
def test_every_operation_fails_as_a_sentence_with_a_cure(
    tmp_path: Path, operation: Operation, act: Callable[[Disk, Path], object]
) -> None:
    (tmp_path / "f").write_bytes(b"x")

    with pytest.raises(MemoryFailed) as caught:
        act(FailingDisk(operation, errno.ENOSPC), tmp_path)

    assert caught.value.exit_code is ExitCode.MEMORY
    assert str(tmp_path) in caught.value.message
    assert f"cannot {operation}" in caught.value.message
    assert "free space" in caught.value.next_step


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EIO, "the disk fails"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "does not allow"),
        (errno.ENAMETOOLONG, "name too long"),
    ],
)
def test_each_cause_has_its_words(tmp_path: Path, number: int, words: str) -> None:
    with pytest.raises(MemoryFailed) as caught:
        FailingDisk(Operation.SYNC_FOLDER, number).sync_folder(tmp_path)

    assert words in caught.value.message.lower()
    assert caught.value.next_step


def test_a_folder_whose_name_a_file_has_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")

    with pytest.raises(MemoryFailed):
        Disk().make_folder(tmp_path / "f" / "g")
