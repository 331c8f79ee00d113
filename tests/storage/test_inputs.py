"""What an operator names is read whole, or refused; nothing is waited for without end."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.storage.inputs import read_input


def test_a_file_is_read_up_to_the_most_that_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 200_000)
    assert read_input(path, 300_000) == b"x" * 200_000
    assert read_input(path, 70_000) == b"x" * 70_000
    path.write_bytes(b"")
    assert read_input(path, 10) == b""


def test_a_pipe_is_read_while_somebody_writes_to_it() -> None:
    receiving, sending = os.pipe()

    def write() -> None:
        with os.fdopen(sending, "wb") as pipe:
            pipe.write(b"y" * 100_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert read_input(Path(f"/dev/fd/{receiving}"), 300_000) == b"y" * 100_000
    finally:
        writer.join()
        os.close(receiving)


def test_a_pipe_that_nobody_writes_to_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="nobody writes"):
        read_input(tmp_path / "pipe", 10)


def test_a_writer_that_says_nothing_is_waited_for_no_longer_than_the_patience() -> None:
    receiving, sending = os.pipe()
    with pytest.raises(OSError, match="nothing came"):
        read_input(Path(f"/dev/fd/{receiving}"), 10, patience=0.05)
    os.close(receiving)
    os.close(sending)


@pytest.mark.parametrize("lay", [Path.mkdir, lambda path: path.symlink_to("nowhere"), lambda path: None])
def test_what_cannot_be_read_is_an_error(tmp_path: Path, lay: Callable[[Path], object]) -> None:
    lay(tmp_path / "odd")
    with pytest.raises(OSError, match=r"directory|No such file"):
        read_input(tmp_path / "odd", 10)
