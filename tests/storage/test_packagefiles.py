"""Names of the vault's files, and that a file is where its name says. The acts are shown in test_vault."""

from pathlib import Path

import pytest

from orchestrator.storage.disk import Disk
from orchestrator.storage.packagefiles import PackageFiles, key_of
from orchestrator.storage.sidecar import Begun, Stored

HASH = "ab" * 32


def files_at(root: Path) -> PackageFiles:
    files = PackageFiles(root, Disk(), 1 << 20)
    files.make_folders()
    return files


@pytest.mark.parametrize(("batch", "attempt"), [("", 1), ("a.b", 1), ("a/b", 1), ("-a", 1), ("a\n", 1), ("a", -1)])
def test_only_plain_names_make_a_key(batch: str, attempt: int) -> None:
    with pytest.raises(ValueError, match="not a batch"):
        key_of(batch, attempt)


def test_suspects_and_packages_lie_apart(tmp_path: Path) -> None:
    files = files_at(tmp_path)

    assert files.place_of("b.1", Stored(HASH, 1, "crc", "")) == tmp_path / "packages" / f"{HASH}.zip"
    assert files.place_of("b.1", Stored(HASH, 1, "structure", "")) == tmp_path / "packages" / f"{HASH}.zip"
    assert files.place_of("b.1", Stored(HASH, 1, "suspect", "")) == tmp_path / "suspects" / f"b.1.{HASH}.zip"


def test_a_sidecar_replaces_the_one_before_and_a_leftover_does_not_hinder(tmp_path: Path) -> None:
    files = files_at(tmp_path)
    (tmp_path / "incoming" / "b.1.json.new").write_bytes(b"left by a crash")
    for length in (1, 2):
        files.write_sidecar("b.1", Begun("b", 1, "archive", length, "boot"))

    assert files.read_sidecar("b.1") == Begun("b", 1, "archive", 2, "boot")
    assert files.read_sidecar("b.2") is None
    files.clear("b.1")
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_sidecar_too_long_to_be_ours_is_none(tmp_path: Path) -> None:
    files = files_at(tmp_path)
    files.write_sidecar("b.1", Begun("b", 1, "x" * 100_000, None, ""))

    assert files.read_sidecar("b.1") is None


def test_holding_means_the_same_size_and_bytes(tmp_path: Path) -> None:
    files = files_at(tmp_path)
    path = files.part("b.1")
    path.write_bytes(b"bytes")
    held = Stored(files.digest(path), 5, "crc", "")

    assert files.holds(path, held)
    path.write_bytes(b"other")
    assert not files.holds(path, held)
    path.unlink()
    assert not files.holds(path, held)
