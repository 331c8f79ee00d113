"""Packages survive every failure of the disk and a crash at every instant, whole or not at all."""

import errno
import hashlib
import io
import os
import random
import stat
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from orchestrator.errors import MemoryFailed, PackageDamaged, SpaceReserved
from orchestrator.storage.disk import Disk, Handle, Operation
from orchestrator.storage.sidecar import Stored
from orchestrator.storage.vault import Incoming, PackageIncomplete, Vault

T = TypeVar("T")

NOISE = random.Random(7).randbytes(4000)
MIB = 1024 * 1024


class Crash(BaseException):
    """The process dies here."""


@dataclass
class FaultyDisk(Disk):
    """A real disk that fails or dies where it is told to, and can forget what was never synced."""

    #: the n-th operation (from 1) at which the process dies, 0 = never, and whether before or after it is done
    crash_at: int = 0
    crash_after: bool = False
    #: the n-th use (from 1) of an operation fails with this errno; kept failing from then on if `for_good`
    fail: tuple[Operation, int, int] | None = None
    for_good: bool = False
    #: bytes taken at once, and bytes told but not taken
    most_at_once: int = 1 << 30
    swallowed: int = 0
    space: int = 1 << 40
    boot_id: str = "boot-1"
    done: int = 0
    used: dict[Operation, int] = field(default_factory=dict)
    open_numbers: set[int] = field(default_factory=set)
    #: files with bytes that were written and not synced since
    unsynced: set[Path] = field(default_factory=set)
    #: names made since their folder was synced: where, from where, and what had the name before
    loose_names: list[tuple[Path, Path | None, bytes | None]] = field(default_factory=list)

    def perform(self, operation: Operation, path: Path, act: Callable[[], T]) -> T:
        self.done += 1
        self.used[operation] = self.used.get(operation, 0) + 1
        if self.done == self.crash_at and not self.crash_after:
            raise Crash
        self._fail(operation)
        result = act()
        if operation in {Operation.CREATE, Operation.OPEN} and isinstance(result, int):
            self.open_numbers.add(result)
        if operation is Operation.WRITE:
            self.unsynced.add(path)
        if operation is Operation.SYNC:
            self.unsynced.discard(path)
        if operation is Operation.CREATE:
            self.loose_names.append((path, None, None))
        if operation is Operation.SYNC_FOLDER:
            self.loose_names = [name for name in self.loose_names if name[0].parent != path]
        if self.done == self.crash_at:
            raise Crash
        return result

    def _fail(self, operation: Operation) -> None:
        if self.fail and self.fail[0] is operation:
            count = self.used[operation]
            if count == self.fail[1] or (self.for_good and count > self.fail[1]):
                raise OSError(self.fail[2], os.strerror(self.fail[2]))

    def put(self, number: int, data: memoryview) -> int:
        if self.swallowed:
            lost, self.swallowed = self.swallowed, 0
            return super().put(number, data[:-lost]) + lost
        return super().put(number, data[: self.most_at_once])

    def rename(self, old: Path, new: Path) -> None:
        before = new.read_bytes() if new.exists() else None
        try:
            super().rename(old, new)
        finally:
            # Also when the process died after it.
            if not old.exists() and new.exists():
                self.loose_names.append((new, old, before))
                if old in self.unsynced:
                    self.unsynced = self.unsynced - {old} | {new}

    def close(self, handle: Handle) -> None:
        self.open_numbers.discard(handle.number)
        super().close(handle)

    def boot(self) -> str:
        return self.boot_id

    def free(self, path: Path) -> int:
        super().free(path)
        return self.space

    def after_crash(self, *, power_lost: bool = False) -> "FaultyDisk":
        """The disk as the next process finds it. Without power, what was never synced is zeros, names are undone."""
        for number in self.open_numbers:
            os.close(number)
        self.open_numbers.clear()
        if power_lost:
            for path in self.unsynced:
                if path.exists():
                    path.write_bytes(bytes(path.stat().st_size))
            for path, old, before in reversed(self.loose_names):
                undo(path, old, before)
        return FaultyDisk(boot_id=self.boot_id + "+1" if power_lost else self.boot_id)


def undo(path: Path, old: Path | None, before: bytes | None) -> None:
    if not path.exists():
        return
    if old is None:
        path.unlink()
    else:
        path.replace(old)
    if before is not None:
        path.write_bytes(before)


def make(text: bytes = NOISE, *, encrypted: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets.json", text)
    data = bytearray(out.getvalue())
    if encrypted:
        data[6] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


PLAIN = make()
ENCRYPTED = make(encrypted=True)
BROKEN = PLAIN[:60] + bytes([PLAIN[60] ^ 1]) + PLAIN[61:]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(incoming: Incoming, data: bytes) -> None:
    for at in range(0, len(data), 1000):
        incoming.write(data[at : at + 1000])


def hand_over(incoming: Incoming, data: bytes) -> Stored:
    write(incoming, data)
    return incoming.finish()


def store(vault: Vault, data: bytes, batch: str = "b1", attempt: int = 1, *, told: bool = True) -> Stored:
    return hand_over(vault.begin(batch, attempt, "archive-1", len(data) if told else None), data)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    disk = FaultyDisk()
    yield disk
    disk.after_crash()


# --- the ordinary way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [True, False])
def test_a_package_is_stored_under_its_hash(tmp_path: Path, told: bool) -> None:
    vault = Vault(tmp_path, Disk())
    stored = store(vault, PLAIN, told=told)
    vault.release("b1", 1)

    assert (stored.sha256, stored.size, stored.check) == (sha(PLAIN), len(PLAIN), "crc")
    assert vault.open_path(stored.sha256, stored.size).read_bytes() == PLAIN
    assert vault.verify(stored.sha256)
    assert files(tmp_path) == [f"packages/{sha(PLAIN)}.zip"]


def test_everything_is_for_its_owner_alone(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault", Disk())
    store(vault, PLAIN)
    vault.begin("b2", 1, "archive-2", None).abort("the stream was cut")

    for path in [tmp_path / "vault", *(tmp_path / "vault").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_package_whose_content_cannot_be_read_is_fine(tmp_path: Path) -> None:
    stored = store(Vault(tmp_path, Disk()), ENCRYPTED)

    assert stored.check == "structure"
    assert "encrypted" in stored.reason
    assert (tmp_path / "packages" / f"{sha(ENCRYPTED)}.zip").exists()


def test_suspect_packages_are_kept_apart_one_for_each_attempt(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    first = store(vault, BROKEN, attempt=1)
    store(vault, BROKEN, attempt=2)

    assert first.check == "suspect"
    assert first.reason
    assert [path.read_bytes() for path in vault.suspects("b1")] == [BROKEN, BROKEN]
    assert vault.suspects("b") == ()


def test_a_suspect_is_found_by_its_hash_where_an_operator_says_that_it_is_good_enough(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    suspect = store(vault, BROKEN)

    assert vault.open_path(suspect.sha256, suspect.size) == vault.suspects("b1")[0]
    store(vault, PLAIN, "b2")
    assert vault.open_path(sha(PLAIN), len(PLAIN)).parent.name == "packages"


def test_suspects_are_listed_in_the_order_of_attempts(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    for attempt in (2, 10, 1):
        store(vault, BROKEN, attempt=attempt)

    assert [path.name.split(".")[1] for path in vault.suspects("b1")] == ["1", "2", "10"]


def test_a_cut_stream_leaves_nothing_or_a_suspect_as_told(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    for attempt, keep in ((1, False), (2, True)):
        incoming = vault.begin("b1", attempt, "archive-1", None)
        write(incoming, PLAIN)
        incoming.abort("the connection was reset", keep=keep)
        incoming.abort("twice is harmless", keep=keep)

    assert files(tmp_path) == ["incoming/b1.2.json", f"suspects/b1.2.{sha(PLAIN)}.zip"]
    assert Vault(tmp_path, Disk()).adopt("b1", 2) == Stored(
        sha(PLAIN), len(PLAIN), "suspect", "the connection was reset"
    )


@pytest.mark.parametrize("announced", [len(PLAIN) + 1, len(PLAIN) - 1, 0])
def test_a_wrong_length_is_a_lost_package(tmp_path: Path, announced: int) -> None:
    vault = Vault(tmp_path, Disk())
    incoming = vault.begin("b1", 1, "archive-1", announced)

    with pytest.raises(PackageIncomplete, match=f"of {announced}"):
        hand_over(incoming, PLAIN)

    assert files(tmp_path) == []
    assert vault.adopt("b1", 1) is None


@pytest.mark.parametrize("length", [None, 0])
def test_a_stream_without_a_byte_is_a_lost_package(tmp_path: Path, length: int | None) -> None:
    incoming = Vault(tmp_path, Disk()).begin("b1", 1, "archive-1", length)

    with pytest.raises(PackageIncomplete):
        incoming.finish()

    assert files(tmp_path) == []


def test_a_truncated_stream_of_unknown_length_is_suspect(tmp_path: Path) -> None:
    assert store(Vault(tmp_path, Disk()), PLAIN[:-30], told=False).check == "suspect"


def test_what_was_finished_takes_nothing_more(tmp_path: Path) -> None:
    incoming = Vault(tmp_path, Disk()).begin("b1", 1, "archive-1", None)
    write(incoming, PLAIN)
    assert incoming.received == len(PLAIN)
    incoming.finish()

    with pytest.raises(ValueError, match="finished"):
        incoming.write(b"x")
    with pytest.raises(ValueError, match="finished"):
        incoming.finish()


@pytest.mark.parametrize("batch", ["", "../b1", "a/b", "a.b", ".b", "x" * 200])
def test_a_batch_that_is_no_plain_name_is_refused(tmp_path: Path, batch: str) -> None:
    vault = Vault(tmp_path, Disk())

    with pytest.raises(ValueError, match="not a batch"):
        vault.begin(batch, 1, "archive-1", None)
    with pytest.raises(ValueError, match="not a SHA-256"):
        vault.open_path("../../etc/passwd", 1)


def test_a_second_beginning_starts_from_nothing(tmp_path: Path, disk: FaultyDisk) -> None:
    Vault(tmp_path, disk).begin("b1", 1, "archive-1", None).write(b"old bytes")

    assert store(Vault(tmp_path, Disk()), PLAIN).sha256 == sha(PLAIN)


def test_memory_stays_flat_while_a_large_package_moves(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("large", NOISE * 8000)
    data = out.getbuffer()
    vault = Vault(tmp_path, Disk())

    tracemalloc.start()
    incoming = vault.begin("b1", 1, "archive-1", len(data))
    for at in range(0, len(data), 65536):
        incoming.write(bytes(data[at : at + 65536]))
    stored = incoming.finish()
    assert vault.verify(stored.sha256)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert stored.size > 30 * MIB
    assert peak < 4 * MIB


# --- space -----------------------------------------------------------------------------------------------------------


def test_whether_one_package_would_find_room_is_told_without_touching_anything(tmp_path: Path) -> None:
    Vault.must_have_room(tmp_path / "none", FaultyDisk(space=80 * MIB), 16 * MIB)
    with pytest.raises(MemoryFailed, match="79 MiB free"):
        Vault.must_have_room(tmp_path / "none", FaultyDisk(space=79 * MIB), 16 * MIB)
    assert list(tmp_path.iterdir()) == []


def test_space_is_refused_while_others_have_reserved_it(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "none" / "yet", FaultyDisk(space=300 * MIB), margin=64 * MIB)
    vault.reserve("b1", 1, 200 * MIB)

    with pytest.raises(SpaceReserved) as caught:
        vault.reserve("b2", 1, 100 * MIB)
    assert "300 MiB free, 200 MiB of it reserved" in caught.value.message
    assert "free space" in caught.value.next_step

    vault.reserve("b1", 1, 100 * MIB)
    vault.reserve("b2", 1, 100 * MIB)
    vault.release("b1", 1)
    vault.reserve("b3", 1, 100 * MIB)
    assert not (tmp_path / "none").exists()


def test_written_bytes_are_not_counted_twice(tmp_path: Path) -> None:
    disk = FaultyDisk(space=2000)
    vault = Vault(tmp_path, disk, margin=0)
    vault.reserve("b1", 1, 1500)
    incoming = vault.begin("b1", 1, "archive-1", None)
    incoming.write(bytes(1000))
    disk.space -= 1000

    vault.reserve("b2", 1, 500)
    incoming.abort("enough")


def test_a_stored_package_gives_its_reservation_back(tmp_path: Path) -> None:
    vault = Vault(tmp_path, FaultyDisk(space=20_000), margin=0)
    vault.reserve("b1", 1, 20_000)
    store(vault, PLAIN)

    vault.reserve("b2", 1, 20_000)


def test_a_stream_past_its_reservation_may_not_use_up_the_margin(tmp_path: Path) -> None:
    disk = FaultyDisk(space=10_000)
    vault = Vault(tmp_path, disk, margin=2000)
    vault.reserve("b1", 1, 1000)
    incoming = vault.begin("b1", 1, "archive-1", None)
    incoming.write(bytes(3000))
    disk.space = 2500

    with pytest.raises(MemoryFailed):
        incoming.write(bytes(600))
    assert files(tmp_path) == []


# --- a failing disk --------------------------------------------------------------------------------------------------


def test_short_writes_are_completed(tmp_path: Path) -> None:
    stored = store(Vault(tmp_path, FaultyDisk(most_at_once=7)), PLAIN)

    assert (stored.sha256, stored.check) == (sha(PLAIN), "crc")


def test_bytes_that_the_disk_swallowed_are_noticed(tmp_path: Path) -> None:
    disk = FaultyDisk()
    vault = Vault(tmp_path, disk)
    incoming = vault.begin("b1", 1, "archive-1", None)
    disk.swallowed = 3
    write(incoming, PLAIN)

    with pytest.raises(MemoryFailed, match="were written"):
        incoming.finish()
    assert files(tmp_path) == []


@pytest.mark.parametrize("number", range(1, 8))
def test_a_full_disk_says_so_and_never_leaves_a_wrong_package(tmp_path: Path, number: int) -> None:
    with pytest.raises(MemoryFailed, match="full"):
        store(Vault(tmp_path, FaultyDisk(fail=(Operation.WRITE, number, errno.ENOSPC))), PLAIN)

    assert_whole_or_nothing(tmp_path, FaultyDisk(), PLAIN)


def test_a_disk_that_is_full_at_the_very_end_loses_no_package(tmp_path: Path) -> None:
    # The writes: a sidecar, five pieces, and the complete sidecar.
    with pytest.raises(MemoryFailed, match="full"):
        store(Vault(tmp_path, FaultyDisk(fail=(Operation.WRITE, 7, errno.ENOSPC))), PLAIN)

    assert Vault(tmp_path, FaultyDisk()).adopt("b1", 1) == Stored(
        sha(PLAIN), len(PLAIN), "crc", "the CRC of every entry is right: 1 entry, 4,000 bytes"
    )


def test_after_a_failed_sync_no_byte_is_believed(tmp_path: Path) -> None:
    with pytest.raises(MemoryFailed, match="the disk fails"):
        store(Vault(tmp_path, FaultyDisk(fail=(Operation.SYNC, 2, errno.EIO))), PLAIN)

    assert files(tmp_path) == []


@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.parametrize("operation", list(Operation))
def test_whatever_fails_is_a_sentence_and_the_package_whole_or_gone(
    tmp_path: Path, operation: Operation, for_good: bool
) -> None:
    for number in range(1, 12):
        root = tmp_path / f"{number}"
        disk = FaultyDisk(fail=(operation, number, errno.EIO), for_good=for_good)
        with suppress(MemoryFailed):
            store(Vault(root, disk), PLAIN)
        assert disk.open_numbers == set()
        assert_whole_or_nothing(root, disk.after_crash(), PLAIN)


# --- crashes ---------------------------------------------------------------------------------------------------------


def assert_whole_or_nothing(root: Path, disk: FaultyDisk, data: bytes) -> Stored | None:
    vault = Vault(root, disk)
    stored = vault.adopt("b1", 1)
    if stored is not None:
        assert (stored.sha256, stored.size) == (sha(data), len(data))
        where = vault.suspects("b1")[0] if stored.check == "suspect" else vault.open_path(stored.sha256, stored.size)
        assert where.read_bytes() == data
        assert Vault(root, FaultyDisk(boot_id=disk.boot_id)).adopt("b1", 1) == stored
        vault.release("b1", 1)
    after = Vault(root, FaultyDisk())
    after.sweep([stored.sha256] if stored else [])
    assert len(files(root)) == (1 if stored else 0)
    after.sweep([])
    assert files(root) == []
    return stored


def crash(root: Path, data: bytes, told: bool, disk: FaultyDisk) -> bool:
    """Whether all bytes were handed over before the process died."""
    handed = False
    try:
        incoming = Vault(root, disk).begin("b1", 1, "archive-1", len(data) if told else None)
        write(incoming, data)
        handed = True
        incoming.finish()
    except Crash:
        return handed
    raise AssertionError("it did not crash")


def operations(root: Path, data: bytes) -> int:
    disk = FaultyDisk()
    store(Vault(root, disk), data)
    return disk.done


@pytest.mark.parametrize("power_lost", [False, True])
@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("data", [PLAIN, ENCRYPTED, BROKEN], ids=["plain", "encrypted", "broken"])
def test_after_a_crash_at_any_instant_the_package_is_whole_or_gone(
    tmp_path: Path, data: bytes, told: bool, power_lost: bool
) -> None:
    kept = 0
    for number in range(1, operations(tmp_path / "count", data) + 1):
        for after in (False, True):
            root = tmp_path / f"{number}-{after}"
            disk = FaultyDisk(crash_at=number, crash_after=after)
            handed = crash(root, data, told, disk)
            found = assert_whole_or_nothing(root, disk.after_crash(power_lost=power_lost), data)
            kept += found is not None
            # The archive is burned: what came must not be lost by us, but for what nobody can judge.
            if handed and not power_lost and (told or data != BROKEN):
                assert found is not None
    assert kept


@pytest.mark.parametrize("data", [PLAIN, ENCRYPTED, BROKEN], ids=["plain", "encrypted", "broken"])
def test_what_was_told_to_be_stored_outlives_a_power_cut(tmp_path: Path, data: bytes) -> None:
    disk = FaultyDisk()
    stored = store(Vault(tmp_path, disk), data)

    assert assert_whole_or_nothing(tmp_path, disk.after_crash(power_lost=True), data) == stored


def test_what_was_adopted_outlives_a_power_cut(tmp_path: Path) -> None:
    for number in range(1, operations(tmp_path / "count", PLAIN) + 1):
        root = tmp_path / f"{number}"
        disk = FaultyDisk(crash_at=number)
        crash(root, PLAIN, True, disk)
        again = disk.after_crash()
        # What the dead process had not made durable is still in the air.
        again.unsynced, again.loose_names = disk.unsynced, disk.loose_names
        stored = Vault(root, again).adopt("b1", 1)
        last = again.after_crash(power_lost=True)
        if stored:
            assert assert_whole_or_nothing(root, last, PLAIN) == stored


def test_a_released_package_outlives_a_power_cut(tmp_path: Path) -> None:
    disk = FaultyDisk()
    vault = Vault(tmp_path, disk)
    stored = store(vault, PLAIN)
    vault.release("b1", 1)

    assert Vault(tmp_path, disk.after_crash(power_lost=True)).verify(stored.sha256)


def crashed_after_placing(root: Path) -> FaultyDisk:
    """The package has its name, and no folder was synced since. The first two renames are those of sidecars."""

    class Dying(FaultyDisk):
        def rename(self, old: Path, new: Path) -> None:
            super().rename(old, new)
            if self.used[Operation.RENAME] == 3:
                raise Crash

    disk = Dying()
    crash(root, PLAIN, True, disk)
    return disk


def test_a_package_adopted_in_its_place_and_released_outlives_a_power_cut(tmp_path: Path) -> None:
    disk = crashed_after_placing(tmp_path)
    again = disk.after_crash()
    again.loose_names = disk.loose_names
    vault = Vault(tmp_path, again)
    stored = vault.adopt("b1", 1)
    assert stored
    vault.release("b1", 1)

    assert Vault(tmp_path, again.after_crash(power_lost=True)).verify(stored.sha256)


def test_a_package_is_not_moved_before_its_complete_sidecar_is_durable(tmp_path: Path) -> None:
    disk = crashed_after_placing(tmp_path)
    disk.loose_names = [name for name in disk.loose_names if name[0].parent.name == "incoming"]

    assert assert_whole_or_nothing(tmp_path, disk.after_crash(power_lost=True), PLAIN) is not None


def test_a_complete_sidecar_is_not_believed_about_other_bytes(tmp_path: Path) -> None:
    disk = FaultyDisk(fail=(Operation.RENAME, 3, errno.EIO))
    with pytest.raises(MemoryFailed):
        store(Vault(tmp_path, disk), PLAIN)
    (tmp_path / "incoming" / "b1.1.part").write_bytes(BROKEN)

    assert Vault(tmp_path, Disk()).adopt("b1", 1) is None
    assert files(tmp_path) == []


def test_a_crash_while_adopting_changes_nothing(tmp_path: Path) -> None:
    total = operations(tmp_path / "count", PLAIN)
    for number in range(total - 12, total + 1):
        for second in range(1, 40):
            root = tmp_path / f"{number}-{second}"
            disk = FaultyDisk(crash_at=number)
            crash(root, PLAIN, True, disk)
            again = disk.after_crash()
            again.crash_at, again.crash_after = second, second % 2 == 0
            with suppress(Crash):
                Vault(root, again).adopt("b1", 1)
            assert assert_whole_or_nothing(root, again.after_crash(), PLAIN) is not None
            if again.done < second:
                break


def test_encrypted_bytes_that_were_never_synced_are_not_believed_after_a_power_cut(tmp_path: Path) -> None:
    disk = FaultyDisk()
    write(Vault(tmp_path, disk).begin("b1", 1, "archive-1", len(ENCRYPTED)), ENCRYPTED)
    after = disk.after_crash()
    after.boot_id = "boot-2"

    assert Vault(tmp_path, after).adopt("b1", 1) is None
    assert files(tmp_path) == []


def test_a_host_that_does_not_tell_its_boot_believes_only_checked_bytes(tmp_path: Path) -> None:
    for batch, data in (("plain", PLAIN), ("encrypted", ENCRYPTED)):
        disk = FaultyDisk(boot_id="")
        write(Vault(tmp_path, disk).begin(batch, 1, "archive-1", len(data)), data)
        disk.after_crash()
    vault = Vault(tmp_path, FaultyDisk(boot_id=""))

    assert vault.adopt("plain", 1) is not None
    assert vault.adopt("encrypted", 1) is None


def test_nothing_is_adopted_for_another_batch_or_attempt(tmp_path: Path) -> None:
    store(Vault(tmp_path, Disk()), PLAIN)
    for name in ("b2.1.json", "b1.2.json"):
        (tmp_path / "incoming" / name).write_bytes((tmp_path / "incoming" / "b1.1.json").read_bytes())
    vault = Vault(tmp_path, Disk())

    assert vault.adopt("b2", 1) is None
    assert vault.adopt("b1", 2) is None
    assert vault.adopt("never", 1) is None
    assert vault.adopt("b1", 1) is not None


def test_a_package_that_changed_after_it_was_placed_is_not_adopted(tmp_path: Path) -> None:
    stored = store(Vault(tmp_path, Disk()), PLAIN)
    (tmp_path / "packages" / f"{stored.sha256}.zip").write_bytes(BROKEN)

    assert Vault(tmp_path, Disk()).adopt("b1", 1) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"version": 1, "begun": {}}', b"[" * 60_000, b"\xff"])
def test_a_sidecar_that_cannot_be_understood_counts_as_none(tmp_path: Path, text: bytes) -> None:
    store(Vault(tmp_path, Disk()), PLAIN)
    (tmp_path / "incoming" / "b1.1.json").write_bytes(text)

    assert Vault(tmp_path, Disk()).adopt("b1", 1) is None
    assert files(tmp_path / "incoming") == []


# --- damage, dropping, sweeping --------------------------------------------------------------------------------------


def test_a_package_that_is_gone_or_shorter_is_damaged(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    stored = store(vault, PLAIN)
    path = vault.open_path(stored.sha256, stored.size)

    path.write_bytes(PLAIN[:-1])
    with pytest.raises(PackageDamaged, match="instead of"):
        vault.open_path(stored.sha256, stored.size)
    path.unlink()
    with pytest.raises(PackageDamaged, match="is gone"):
        vault.open_path(stored.sha256, stored.size)
    assert not vault.verify(stored.sha256)


def test_one_changed_byte_is_found_by_reading_it_all(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    stored = store(vault, PLAIN)
    vault.open_path(stored.sha256, stored.size).write_bytes(BROKEN)

    assert vault.open_path(stored.sha256, stored.size).exists()
    assert not vault.verify(stored.sha256)


def test_a_damaged_package_is_healed_by_the_same_bytes_of_another_batch(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    stored = store(vault, PLAIN)
    vault.open_path(stored.sha256, stored.size).write_bytes(BROKEN)
    store(vault, PLAIN, "b2")

    assert vault.verify(stored.sha256)


def test_dropping_removes_packages_and_suspects_and_twice_is_harmless(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    for batch, data in (("b1", PLAIN), ("b2", BROKEN)):
        store(vault, data, batch)
        vault.release(batch, 1)

    for data in (PLAIN, BROKEN, PLAIN):
        assert vault.drop(sha(data))
    assert files(tmp_path) == []


def test_a_package_is_not_dropped_from_under_a_batch_that_just_stored_the_same_bytes(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    store(vault, PLAIN, "b1")
    vault.release("b1", 1)
    store(vault, PLAIN, "b2")

    assert not vault.drop(sha(PLAIN))
    assert vault.verify(sha(PLAIN))
    vault.release("b2", 1)
    assert vault.drop(sha(PLAIN))


def test_sweeping_removes_orphans_and_names_them(tmp_path: Path, disk: FaultyDisk) -> None:
    vault = Vault(tmp_path, disk)
    kept = store(vault, PLAIN, "kept")
    store(vault, ENCRYPTED, "orphan")
    for batch in ("shown", "unshown"):
        store(vault, BROKEN, batch)
    vault.begin("dead", 1, "archive-1", None)
    vault.begin("alive", 1, "archive-1", None)
    (tmp_path / "packages" / "readme").write_text("an operator's own note")
    for batch in ("kept", "shown", "orphan", "unshown"):
        Vault(tmp_path, Disk()).release(batch, 1)

    removed = Vault(tmp_path, Disk()).sweep([kept.sha256, "alive.1", "shown.1"])

    assert removed == (
        "incoming/dead.1.json",
        "incoming/dead.1.part",
        f"packages/{sha(ENCRYPTED)}.zip",
        f"suspects/unshown.1.{sha(BROKEN)}.zip",
    )
    assert files(tmp_path) == [
        "incoming/alive.1.json",
        "incoming/alive.1.part",
        f"packages/{kept.sha256}.zip",
        "packages/readme",
        f"suspects/shown.1.{sha(BROKEN)}.zip",
    ]


def test_a_batch_that_is_named_keeps_its_suspects_and_nothing_else(tmp_path: Path) -> None:
    vault = Vault(tmp_path, Disk())
    store(vault, BROKEN, "b1", attempt=1)
    store(vault, BROKEN[:-1], "b1", attempt=2)
    store(vault, BROKEN, "b2")
    store(vault, PLAIN, "b1", attempt=3)
    vault.begin("b1", 4, "archive-4", None)

    Vault(tmp_path, Disk()).sweep(["b1"])

    assert files(tmp_path) == [f"suspects/b1.1.{sha(BROKEN)}.zip", f"suspects/b1.2.{sha(BROKEN[:-1])}.zip"]


def test_sweeping_spares_what_is_arriving_and_what_is_not_released(tmp_path: Path, disk: FaultyDisk) -> None:
    vault = Vault(tmp_path, disk)
    store(vault, PLAIN, "b1")
    vault.begin("b2", 1, "archive-2", None)

    assert vault.sweep([]) == ()
    vault.release("b1", 1)
    assert vault.sweep([]) == (f"packages/{sha(PLAIN)}.zip",)


def test_looking_at_a_vault_that_is_not_there_makes_none(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault", Disk())

    assert vault.sweep([]) == ()
    assert vault.adopt("b1", 1) is None
    assert vault.suspects("b1") == ()
    vault.release("b1", 1)
    assert vault.drop("0" * 64)
    assert not (tmp_path / "vault").exists()


# --- any order of all that -------------------------------------------------------------------------------------------


class VaultMachine(RuleBasedStateMachine):
    """Attempts of two batches, crashes and power cuts in any order, against what the journal would believe."""

    root: Path

    def __init__(self) -> None:
        super().__init__()
        self.disk = FaultyDisk()
        self.vault = Vault(self.root, self.disk)
        self.arriving: dict[str, tuple[Incoming, bytes, int]] = {}
        self.unknown: dict[str, bytes] = {}
        self.journal: dict[str, str] = {}

    batches = st.sampled_from(["b1", "b2"])

    @precondition(lambda self: len(self.arriving) < 2)
    @rule(batch=batches, data=st.sampled_from([PLAIN, ENCRYPTED]), told=st.booleans())
    def begin(self, batch: str, data: bytes, told: bool) -> None:
        if batch in self.arriving or batch in self.journal or batch in self.unknown:
            return
        incoming = self.vault.begin(batch, 1, "archive-1", len(data) if told else None)
        self.arriving[batch] = (incoming, data, 0)

    @rule(batch=batches, count=st.integers(1, 5000))
    def write(self, batch: str, count: int) -> None:
        if batch in self.arriving:
            incoming, data, at = self.arriving[batch]
            incoming.write(data[at : at + count])
            self.arriving[batch] = (incoming, data, min(at + count, len(data)))

    @rule(batch=batches, crash_in=st.integers(0, 25))
    def finish(self, batch: str, crash_in: int) -> None:
        if batch not in self.arriving or self.arriving[batch][2] < len(self.arriving[batch][1]):
            return
        incoming, data, _at = self.arriving.pop(batch)
        self.disk.crash_at = self.disk.done + crash_in if crash_in else 0
        try:
            stored = incoming.finish()
        except Crash:
            self.unknown[batch] = data
            self.restart(power_lost=False)
            return
        self.disk.crash_at = 0
        assert stored.sha256 == sha(data)
        self.settle(batch, stored.sha256)

    @rule(power_lost=st.booleans())
    def restart(self, power_lost: bool) -> None:
        self.unknown |= {batch: data for batch, (_incoming, data, _at) in self.arriving.items()}
        self.arriving = {}
        self.disk = self.disk.after_crash(power_lost=power_lost)
        self.vault = Vault(self.root, self.disk)
        for batch, data in self.unknown.items():
            stored = self.vault.adopt(batch, 1)
            assert stored is None or stored.sha256 == sha(data)
            if stored:
                self.settle(batch, stored.sha256)
        self.unknown = {}
        self.vault.sweep(list(self.journal.values()))
        assert files(self.root) == sorted({f"packages/{held}.zip" for held in self.journal.values()})

    @rule(batch=batches)
    def drop(self, batch: str) -> None:
        held = self.journal.pop(batch, None)
        if held and held not in self.journal.values():
            assert self.vault.drop(held)

    def settle(self, batch: str, held: str) -> None:
        self.journal[batch] = held
        self.vault.release(batch, 1)

    @invariant()
    def what_the_journal_believes_is_there(self) -> None:
        for held in self.journal.values():
            assert self.vault.verify(held)

    def teardown(self) -> None:
        self.disk.after_crash()


def test_no_order_of_events_loses_or_changes_a_package(tmp_path_factory: pytest.TempPathFactory) -> None:
    class Machine(VaultMachine):
        def __init__(self) -> None:
            self.root = tmp_path_factory.mktemp("vault")
            super().__init__()

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        ),
    )  # type: ignore[no-untyped-call, unused-ignore]  # hypothesis does not type this function
