"""An operator's desk: a folder with a plan and a home, and the installed program in processes of their own.

Law: patches nothing, never sleeps.
"""

import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from orchestrator.core.state import events as e
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER
from orchestrator.emulator.world.world import User
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.e2e.local_roma import LocalRoma

PROGRAM = (sys.executable, "-m", "orchestrator")
REPOSITORY = Path(__file__).parents[2]
#: the log as JSON lines, in which each event has its name: what `read_until` waits for does not change with a sentence
LINES = ("--log-format", "json")
#: a local service needs no sparing, and what is lost on loopback is lost at once
SETTINGS: Mapping[str, object] = {
    "reads_per_second": 1000, "writes_per_second": 200, "settle_quiet": "1s", "settle_wait": "1s",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one document of `--json`."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def both(self) -> str:
        return f"{self.out}\n{self.err}"


@dataclass(slots=True)
class Desk:
    """A folder with a plan, a home and an environment: where an operator types commands."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / ".roma-migrate"

    def plan(self, roma: LocalRoma, text: "PlanText | None" = None, file: str = "plan.yaml") -> Path:
        """Write a plan for the service, and its users' secrets into the environment."""
        self.folder.mkdir(exist_ok=True)
        self.environment |= secrets_of(*roma.world.users)
        return (text or PlanText()).write(self.folder / file, roma)

    def ready(self, roma: LocalRoma, text: "PlanText | None" = None, file: str = "plan.yaml") -> Path:
        """The same, at a home whose earlier run has shown that jobs are short here: they are polled soon."""
        if not self.home.exists():
            self.folder.mkdir(exist_ok=True)
            earlier(Home(self.home), [one.name for one in roma.world.instances if one.name != "dev"])
        return self.plan(roma, text, file)

    def start(self, *words: str, **pipes: int | IO[Any]) -> "subprocess.Popen[str]":
        """The program in the background; leave its `with` block only when it has ended."""
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **pipes}
        return subprocess.Popen(
            [*PROGRAM, *words],
            env=self.environment_of_programs(),
            cwd=self.folder,
            text=True,
            errors="replace",
            **streams,
        )

    def run(self, *words: str, patience: float = 150.0) -> Said:
        """One command from its start to its end."""
        told = subprocess.run(
            [*PROGRAM, *words], env=self.environment_of_programs(), cwd=self.folder, text=True, errors="replace",
            capture_output=True, check=False, timeout=patience, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Said(told.returncode, told.stdout, told.stderr)

    def on_terminal(
        self, *words: str, term: str = "xterm-256color", size: tuple[int, int] = (80, 24)
    ) -> tuple[int, str]:
        """One command with a terminal of its own for everything it says; its code, and what the terminal got."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (size[1], size[0]))
        environment = self.environment_of_programs() | {"TERM": term}
        environment.pop("COLUMNS", None)
        program = subprocess.Popen(
            [*PROGRAM, *words], env=environment, cwd=self.folder, stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        said = bytearray()
        with program, suppress(OSError):  # a terminal that nobody holds any more cannot be read
            while part := os.read(ours, 65536):
                said += part
        os.close(ours)
        return program.returncode, said.decode()

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Every file of the home: when it was written, and what it holds."""
        found = [path for path in sorted(self.home.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.home)): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}

    def environment_of_programs(self) -> dict[str, str]:
        """What the programs of this desk find in their environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ROMA_MIGRATE", "COV_"))}
        return kept | {"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"} | self.environment


def earlier(home: Home, targets: Sequence[str], run: str = "20200101-000000-0000") -> None:
    """A finished run of a plan of that name, whose jobs took next to nothing."""
    home.make()
    at = 1_577_836_800.0
    store = HomeStore(home)
    store.create(run, "earlier", [e.RunBegan("earlier", "/plans/earlier.yaml", "{}", "op", "host", 1, "0")], at)
    journal = store.journal(run, "earlier")
    for number in range(6):
        for event in _quick_jobs(f"b{number}", targets):
            at += 0.02
            journal.append([event], at)
    journal.append([e.RunEnded(0)], at)
    journal.close()


def _quick_jobs(batch: str, targets: Sequence[str]) -> Iterator[e.Event]:
    """One batch's way from `dev` to each target."""
    yield e.BatchScheduled(batch, "dev", (e.Asset(f"a-{batch}", "app", f"app-{batch}"),), ("at-dev",), 0.0)
    for target in targets:
        yield e.DeliveryScheduled(f"{batch}@{target}", batch, "m", target, "AddNew", "", False, "at-prod")
    yield e.ExportRequested(batch, "at-dev", "slot")
    yield e.ExportAccepted(batch, f"export-{batch}")
    yield e.Exported(batch, f"archive-{batch}")
    yield e.DownloadRequested(batch)
    yield e.PackageStored(batch, "ab" * 32, 1, "crc")
    for target in targets:
        yield e.Looked(f"{batch}@{target}")
        yield e.ImportRequested(f"{batch}@{target}", "at-prod", "slot")
        yield e.ImportAccepted(f"{batch}@{target}", f"import-{batch}-{target}")
        yield e.Imported(f"{batch}@{target}")
        yield e.Verified(f"{batch}@{target}", (f"a-{batch}",))


def secrets_of(*users: User) -> dict[str, str]:
    """The environment that `plan_text` refers to."""
    found: dict[str, str] = {}
    for user in users:
        name = variable(user)
        found |= {f"{name}_AK": user.ak, f"{name}_SK": user.sk, f"{name}_PW": user.password}
    return found


def variable(user: User) -> str:
    return user.name.upper().replace("-", "_")


def key_of(user: User) -> str:
    """Credentials that sign."""
    name = variable(user)
    return f'{{ak: "${{env:{name}_AK}}", sk: "${{env:{name}_SK}}", user: {user.domain}/{user.name}}}'


def password_of(user: User) -> str:
    """Credentials that ask IAM for tokens."""
    return f'{{username: {user.name}, domain: {user.domain}, password: "${{env:{variable(user)}_PW}}"}}'


@dataclass(frozen=True, slots=True)
class PlanText:
    """The text of a plan for a local service."""

    name: str = "t"
    #: credentials -> their mapping as text
    credentials: Mapping[str, str] = field(
        default_factory=lambda: {"at-dev": key_of(DEV_USER), "at-prod": password_of(PROD_USER)}
    )
    #: instance -> credentials; others take `at-prod`
    users: Mapping[str, str] = field(default_factory=lambda: {"dev": "at-dev"})
    settings: Mapping[str, object] = field(default_factory=dict)
    #: each one's keys as text
    migrations: tuple[str, ...] = ('name: all, source: dev, target: prod, apps: "*", tasks: "*"',)

    def write(self, path: Path, roma: LocalRoma) -> Path:
        """The plan file for a service that listens."""
        lines = ["version: 1", f"name: {self.name}", "credentials:"]
        lines += [f"  {name}: {held}" for name, held in self.credentials.items()]
        lines += ["instances:"]
        for one in roma.world.instances:
            held = self.users.get(one.name, "at-prod")
            lines += [
                f"  {one.name}: {{endpoint: {roma.url}, iam_endpoint: {roma.url}, project_id: {one.project_id}, "
                f"instance_id: {one.id}, credentials: {held}}}"
            ]
        settings = {**SETTINGS, **self.settings}
        lines += ["settings: {" + ", ".join(f"{key}: {value}" for key, value in settings.items()) + "}", "migrations:"]
        lines += [f"  - {{{each}}}" for each in self.migrations]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def read_until(stream: IO[str] | None, words: str) -> str:
    """Everything a program says up to the line with these words; fails when it ends before."""
    assert stream is not None
    seen = []
    for line in stream:
        seen.append(line)
        if words in line:
            return "".join(seen)
    raise AssertionError(f"the program ended before it said {words!r}:\n{''.join(seen)}")
