"""Commands behind `${command:...}`: no shell, a bounded time, and nothing of what they print but the secret itself."""

import fcntl
import os
import sys
import time
from pathlib import Path

import pytest

from orchestrator.storage.commands import CommandFailed, output_of

#: seconds that a command which hangs is given here
SOON = 1.5


def printed(tmp_path: Path, text: str, patience: float = 20.0, most: int = 100) -> bytes:
    return output_of([sys.executable, "-c", text], tmp_path, os.environ, most, patience)


def test_what_it_prints_is_the_secret_and_what_it_complains_of_is_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert printed(tmp_path, "import sys; print('SESAME'); sys.stderr.write('SESAME')") == b"SESAME\n"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        "while True: pass",
        "import os, time; os.close(1); time.sleep(600)",
        "print('SESAME', flush=True)\nwhile True: pass",
    ],
    ids=["says nothing", "closes its output and stays", "says the secret and stays"],
)
def test_one_that_hangs_is_stopped_in_its_time_and_gives_nothing(text: str, tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(CommandFailed, match=r"did not end within 1\.5 s and was stopped") as caught:
        printed(tmp_path, text, SOON)
    assert time.monotonic() - begun < 10 * SOON
    assert "SESAME" not in str(caught.value)


@pytest.mark.timeout(30)  # a child that lives on is waited for until then
def test_what_a_hanging_one_has_started_ends_with_it(tmp_path: Path) -> None:
    """The child holds the lock of a file for as long as it lives, and the output open."""
    held = f"f = open({str(tmp_path / 'lock')!r}, 'w'); fcntl.flock(f, 2)"
    child = f"import fcntl, time; {held}; print(1, flush=True); time.sleep(600)"
    with pytest.raises(CommandFailed, match="did not end"):
        printed(tmp_path, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])", SOON)
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # waits for the child's end, which is on its way


def test_one_that_fails_is_told_by_its_code_alone(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="ended with code 3; run it by hand") as caught:
        printed(tmp_path, "import sys; print('SESAME'); sys.exit(3)")
    assert "SESAME" not in str(caught.value)
    with pytest.raises(CommandFailed, match="ended with signal 9"):
        printed(tmp_path, "import os; os.kill(os.getpid(), 9)")


def test_one_that_prints_without_end_is_not_read_without_end(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="prints too much"):
        printed(tmp_path, "while True: print('SESAME' * 1000)")


def test_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="cannot be started: no such file"):
        output_of(["./nowhere"], tmp_path, {}, 100)


def test_it_has_no_terminal_to_ask_on(tmp_path: Path) -> None:
    assert printed(tmp_path, "import sys; print(repr(sys.stdin.read()))") == b"''\n"
