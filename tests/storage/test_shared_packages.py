"""Packages that every host reaches: there before they count as stored, and compared before they are used."""

import io
import os
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.errors import LeaseLost, MemoryFailed, OperatorError, PackageDamaged
from orchestrator.storage.disk import Disk
from orchestrator.storage.home import Home
from orchestrator.storage.shared_packages import SharedFolder, SharedVault, shared_vaults
from orchestrator.storage.sidecar import Stored
from orchestrator.storage.vault import Vault
from tests.builders.s3_service import BUCKET, S3Service, s3_service

RUN = "20270115-080000-abcd"


def package(text: str = "a") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr(zipfile.ZipInfo("asset.json", (2027, 1, 15, 8, 0, 0)), text * 1000)
    return held.getvalue()


@dataclass
class Hosts:
    """Hosts with disks of their own, and the folder that they share."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "shared"

    @property
    def there(self) -> list[str]:
        run = self.folder / RUN
        return sorted(path.name for path in run.iterdir()) if run.exists() else []

    def vault(self, host: str, must_hold: Callable[[], None] = lambda: None) -> SharedVault:
        return SharedVault(self.root / host, Disk(), RUN, SharedFolder(self.folder), must_hold)

    def store(self, host: str, batch: str = "b", content: bytes | None = None) -> Stored:
        vault = self.vault(host)
        content = package() if content is None else content
        incoming = vault.begin(batch, 1, "archive", len(content))
        incoming.write(content)
        stored = incoming.finish()
        vault.release(batch, 1)
        return stored


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    (tmp_path / "shared").mkdir()
    return Hosts(tmp_path)


def test_what_one_host_stored_another_uses(hosts: Hosts) -> None:
    stored = hosts.store("one")
    assert hosts.there == [f"{stored.sha256}.zip"]
    path = hosts.vault("two").open_path(stored.sha256, stored.size)
    assert path.read_bytes() == package()
    assert hosts.root / "two" in path.parents
    assert hosts.vault("two").verify(stored.sha256)


def test_whoever_stored_it_needs_the_shared_place_no_more(hosts: Hosts) -> None:
    stored = hosts.store("one")
    (hosts.folder / RUN / f"{stored.sha256}.zip").unlink()
    assert hosts.vault("one").open_path(stored.sha256, stored.size).read_bytes() == package()


class Away(SharedFolder):
    """A shared place that cannot be reached."""

    def put(self, run: str, name: str, path: Path) -> None:
        raise MemoryFailed("the shared folder is away")


def test_a_package_counts_as_stored_only_when_it_is_there(hosts: Hosts) -> None:
    """Where it cannot be put, the download is not over; the next process finds its bytes here and puts them there."""
    vault = SharedVault(hosts.root / "one", Disk(), RUN, Away(hosts.folder), lambda: None)
    incoming = vault.begin("b", 1, "archive", None)
    incoming.write(package())
    with pytest.raises(MemoryFailed, match="away"):
        incoming.finish()
    assert hosts.there == []
    stored = hosts.vault("one").adopt("b", 1)
    assert stored is not None
    assert hosts.there == [f"{stored.sha256}.zip"]


@pytest.mark.parametrize("damage", [b"", b"PK nothing of the kind"])
def test_what_is_not_what_was_stored_is_not_used(hosts: Hosts, damage: bytes) -> None:
    stored = hosts.store("one")
    (hosts.folder / RUN / f"{stored.sha256}.zip").write_bytes(damage)
    with pytest.raises(PackageDamaged, match="is not what was stored"):
        hosts.vault("two").open_path(stored.sha256, stored.size)
    assert [path for path in (hosts.root / "two").rglob("*") if path.is_file()] == []


def test_what_is_nowhere_is_told_as_gone(hosts: Hosts) -> None:
    stored = hosts.store("one")
    (hosts.folder / RUN / f"{stored.sha256}.zip").unlink()
    with pytest.raises(PackageDamaged, match="is gone"):
        hosts.vault("two").open_path(stored.sha256, stored.size)


def test_a_suspect_is_shared_too(hosts: Hosts) -> None:
    stored = hosts.store("one", content=b"no zip file")
    assert stored.check == "suspect"
    assert hosts.there == [f"b.1.{stored.sha256}.zip"]
    assert hosts.vault("two").open_path(stored.sha256, stored.size).read_bytes() == b"no zip file"


def test_what_is_dropped_is_dropped_there_too(hosts: Hosts) -> None:
    first, second = hosts.store("one", "b"), hosts.store("one", "c", package("c"))
    assert hosts.vault("one").drop(first.sha256)
    assert hosts.there == [f"{second.sha256}.zip"]


def test_orphans_are_swept_there_too_and_what_is_not_ours_stays(hosts: Hosts) -> None:
    kept, gone = hosts.store("one", "b"), hosts.store("one", "c", package("c"))
    suspect = hosts.store("one", "d", b"no zip file")
    stranger = hosts.folder / RUN / "notes.txt"
    stranger.write_text("mine")
    hosts.vault("one").sweep({kept.sha256, "d"})
    assert hosts.there == sorted([f"{kept.sha256}.zip", f"d.1.{suspect.sha256}.zip", "notes.txt"])
    hosts.vault("one").sweep(())
    assert hosts.there == ["notes.txt"]
    assert gone.sha256 not in "".join(hosts.there)


def test_whoever_lost_its_lease_removes_nothing_there(hosts: Hosts) -> None:
    """A process that was frozen tidies up in its own folder, and not in its successor's."""
    stored = hosts.store("one")

    def lost() -> None:
        raise LeaseLost("taken over")

    with pytest.raises(LeaseLost):
        hosts.vault("zombie", lost).sweep(())
    with pytest.raises(LeaseLost):
        hosts.vault("zombie", lost).drop(stored.sha256)
    assert hosts.there == [f"{stored.sha256}.zip"]


def test_a_copy_that_was_cut_leaves_no_name(hosts: Hosts) -> None:
    class Full(Disk):
        def put(self, number: int, data: memoryview) -> int:
            raise OSError(28, "No space left on device")

    source = hosts.root / "package.zip"
    source.write_bytes(package())
    with pytest.raises(MemoryFailed):
        SharedFolder(hosts.folder, Full()).put(RUN, "x.zip", source)
    assert hosts.there == []


def test_a_place_that_is_no_folder_is_refused_before_anything_is_done(hosts: Hosts) -> None:
    for place in (str(hosts.root / "not-mounted"), "ftp://bucket/prefix", "s3://", "s3://Bad_Bucket/x"):
        with pytest.raises(OperatorError, match="--packages"):
            shared_vaults(Home(hosts.root / "home"), place, lambda: None, {})
    with pytest.raises(OperatorError, match="for this machine alone"):
        shared_vaults(
            Home(hosts.root / "home"), "s3://bucket", lambda: None, {"AWS_ENDPOINT_URL": "http://obs.example"}
        )


# --- in a bucket ---


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Service]:
    with s3_service() as service:
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        yield service


def vault_over(hosts: Hosts, host: str) -> Vault:
    return shared_vaults(Home(hosts.root / host), f"s3://{BUCKET}/lab", lambda: None, os.environ)(RUN)


def stored_in(vault: Vault, content: bytes) -> Stored:
    incoming = vault.begin("b", 1, "archive", len(content))
    incoming.write(content)
    stored = incoming.finish()
    vault.release("b", 1)
    return stored


def test_a_bucket_keeps_what_one_host_stored_for_another(hosts: Hosts, bucket: S3Service) -> None:
    stored = stored_in(vault_over(hosts, "one"), package())
    assert bucket.objects == {f"lab/{RUN}/{stored.sha256}.zip": package()}
    assert vault_over(hosts, "two").open_path(stored.sha256, stored.size).read_bytes() == package()
    assert vault_over(hosts, "two").drop(stored.sha256)
    assert bucket.objects == {}
    assert (bucket.signed, bucket.asked > 3) == (bucket.asked, True)


def test_a_large_package_is_sent_in_parts(hosts: Hosts, bucket: S3Service) -> None:
    content = random.Random(7).randbytes(13 * 1024 * 1024)
    stored = stored_in(vault_over(hosts, "one"), content)
    (kept,) = bucket.objects.values()
    assert kept == content
    assert bucket.parts == {}
    assert vault_over(hosts, "two").open_path(stored.sha256, stored.size).stat().st_size == len(content)


def test_a_bucket_that_holds_something_else_is_not_believed(hosts: Hosts, bucket: S3Service) -> None:
    stored = stored_in(vault_over(hosts, "one"), package())
    bucket.objects[f"lab/{RUN}/{stored.sha256}.zip"] = b"PK nothing of the kind"
    with pytest.raises(PackageDamaged, match="is not what was stored"):
        vault_over(hosts, "two").open_path(stored.sha256, stored.size)


def test_a_bucket_that_refuses_is_told_without_a_secret(hosts: Hosts, bucket: S3Service) -> None:
    bucket.refuses = 403
    with pytest.raises(MemoryFailed, match="refuses us") as refused:
        stored_in(vault_over(hosts, "one"), package())
    assert "hidden-secret-key" not in f"{refused.value!r}{refused.value.next_step}"
    bucket.refuses = 0
    assert vault_over(hosts, "one").adopt("b", 1) is not None
    assert len(bucket.objects) == 1
