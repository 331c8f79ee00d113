"""Digests stand for secrets under a key that only one home has."""

from pathlib import Path

import pytest

from orchestrator.errors import MemoryFailed
from orchestrator.storage.home import Home
from orchestrator.storage.homekey import digesting


def made(path: Path) -> Home:
    home = Home(path)
    home.make()
    return home


def test_a_home_has_one_key_for_its_life_and_no_other_home_has_it(tmp_path: Path) -> None:
    one, other = made(tmp_path / "one"), made(tmp_path / "other")
    digest = digesting(one)
    assert digest("s3cret") == digest("s3cret") == digesting(one)("s3cret")
    assert digest("s3cret") != digest("s3cret2")
    assert digest("s3cret") != digesting(other)("s3cret")
    assert len(digest("s3cret")) == 32


def test_the_key_is_for_its_owner_alone_and_made_only_when_it_is_needed(tmp_path: Path) -> None:
    home = made(tmp_path / "home")
    digest = digesting(home)
    assert not (home.path / "digest.key").exists()
    digest("s3cret")
    assert (home.path / "digest.key").stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_our_memory_that_failed(tmp_path: Path) -> None:
    home = made(tmp_path / "home")
    (home.path / "digest.key").write_bytes(b"short")
    with pytest.raises(MemoryFailed, match="is damaged: it holds 5 bytes and not 32"):
        digesting(home)("s3cret")
