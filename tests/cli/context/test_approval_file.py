"""Saved previews as files: private, whole, never overwritten, and refused in a sentence where they are not ours."""

import os
import stat
from pathlib import Path

import pytest

from orchestrator.cli.context.approval_file import max_age_of, must_be_free, read_signed, write_saved
from orchestrator.core.preview.approval import MAX_AGE, Saved
from orchestrator.errors import OperatorError

SAVED = Saved("p", 1.0, "olga", "CHG-1", "1", "7f3a-19c2", (), {}, (), (), "id")


def test_a_file_is_private_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "ok.json"
    os.umask(0o022)
    write_saved(path, SAVED)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_signed(path, None) == (SAVED, "")
    assert [each.name for each in tmp_path.iterdir()] == ["ok.json"]


def test_nothing_is_overwritten_not_even_a_dangling_link(tmp_path: Path) -> None:
    path, link = tmp_path / "ok.json", tmp_path / "link.json"
    path.write_text("kept")
    link.symlink_to(tmp_path / "nowhere")
    for taken in (path, link):
        with pytest.raises(OperatorError, match="exists already"):
            must_be_free(taken)
        with pytest.raises(OperatorError, match="exists already"):
            write_saved(taken, SAVED)
    assert path.read_text() == "kept"


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="there is no folder"):
        write_saved(tmp_path / "none" / "ok.json", SAVED)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a saved preview"),
        (b"\xff", "it is not UTF-8"),
        (b"{}", "not a saved preview"),
        (None, "no such file"),
    ],
)
def test_what_is_no_saved_preview_is_2_and_names_the_file(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "ok.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OperatorError, match=why) as caught:
        read_signed(path, None)
    assert str(path) in caught.value.message


def test_an_edited_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ok.json"
    write_saved(path, SAVED)
    path.write_text(path.read_text().replace("CHG-1", "CHG-2"))
    with pytest.raises(OperatorError, match="it was changed since it was saved"):
        read_signed(path, None)


def test_an_age_is_written_like_in_a_plan() -> None:
    assert (max_age_of(""), max_age_of("12h"), max_age_of("2d")) == (MAX_AGE, 43200.0, 172800.0)
    for word in ("2", "soon", "0s", "-1d"):
        with pytest.raises(OperatorError, match="is not a time"):
            max_age_of(word)
