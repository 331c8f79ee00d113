"""The home directory: where runs, their packages and logs lie. Law: 0700, files 0600, one process a plan.

HOME/.gitignore            "*"
HOME/slots.db              slots leased between the processes of this host
HOME/plans/NAME.lock       held by the process that runs this plan
HOME/runs/RUN/journal.db   the events
HOME/runs/RUN/run.log      what was said
HOME/runs/RUN/packages/    the vault
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import HeldElsewhere, MemoryFailed, OperatorError

#: the home's name where neither `--home` nor the environment names one
DEFAULT_NAME = ".roma-migrate"
#: tries to take a plan's lock, and seconds between them
_TRIES, _BETWEEN = 5, 0.05
_FLEETING = ("tmpfs", "overlay", "ramfs")


@dataclass(frozen=True, slots=True)
class Home:
    """One home directory; only `make` creates it."""

    path: Path

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def slots(self) -> Path:
        return self.path / "slots.db"

    def run_path(self, run: str) -> Path:
        return self.runs / run

    def journal(self, run: str) -> Path:
        return self.runs / run / "journal.db"

    def log(self, run: str) -> Path:
        return self.runs / run / "run.log"

    def vault(self, run: str) -> Path:
        return self.runs / run / "packages"

    def exists(self) -> bool:
        return self.path.is_dir()

    def make(self) -> None:
        """Create what is missing of it."""
        try:
            for folder in (self.path, self.runs, self.path / "plans"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignore = self.path / ".gitignore"
            if not ignore.exists():
                write_private(ignore, "*\n")
        except OSError as error:
            raise MemoryFailed(
                f"{self.path}: cannot be created: {error.strerror}", next_step="choose another --home"
            ) from None

    def make_run(self, run: str) -> Path:
        path = self.run_path(run)
        try:
            path.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise MemoryFailed(
                f"{path}: cannot be created: {error.strerror}", next_step="choose another --home"
            ) from None
        return path

    def run_ids(self) -> list[str]:
        """Every run, oldest first: their ids sort by time."""
        if not self.runs.is_dir():
            return []
        return sorted(path.name for path in self.runs.iterdir() if (path / "journal.db").is_file())

    def fleeting(self) -> str:
        """The kind of file system, where it is one that a restart forgets; else ""."""
        kind = _file_system(self.path)
        return kind if kind in _FLEETING else ""


def write_private(path: Path, text: str) -> None:
    """A file that only its owner reads, written whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def find_home(given: Path | None, environ: Mapping[str, str], plan: Path | None, here: Path) -> Home:
    """`--home`, `ROMA_MIGRATE_HOME`, beside the plan file, else here or in the nearest parent."""
    if given is not None:
        return Home(given.absolute())
    if named := environ.get("ROMA_MIGRATE_HOME"):
        return Home(Path(named).absolute())
    if plan is not None:
        return Home(plan.absolute().parent / DEFAULT_NAME)
    for folder in (here, *here.parents):
        if (folder / DEFAULT_NAME).is_dir():
            return Home(folder / DEFAULT_NAME)
    return Home(here / DEFAULT_NAME)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a plan's run."""

    host: str
    pid: int
    #: ISO time with offset
    since: str


@contextmanager
def hold_plan(home: Home, plan: str, holder: Holder) -> Iterator[None]:
    """Hold this plan's run in this process; raises HeldElsewhere. The kernel lets go when the process dies."""
    path = home.path / "plans" / f"{plan}.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if not _locked(handle):
            raise HeldElsewhere(
                f"plan {plan} is run by {_told(who_holds(home, plan))}", next_step="roma-migrate status"
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"host": holder.host, "pid": holder.pid, "since": holder.since}).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Take the lock; `who_holds` of another process may be in the way for an instant."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_BETWEEN)
        else:
            return True
    return False


def _told(holder: Holder | None) -> str:
    return f"process {holder.pid} on {holder.host} since {holder.since}" if holder else "another process"


def who_holds(home: Home, plan: str) -> Holder | None:
    """The process that holds this plan's run now, or None; disturbs nobody."""
    path = home.path / "plans" / f"{plan}.lock"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _parse_holder(os.pread(handle, 4096, 0))
        return None
    finally:
        os.close(handle)


def _parse_holder(content: bytes) -> Holder:
    try:
        read = json.loads(content)
        return Holder(str(read["host"]), int(read["pid"]), str(read["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder("this host", 0, "a moment ago")


def pick_run(ids: list[str], beginning: str) -> str:
    """The run whose id this is, or begins with; raises OperatorError."""
    found = [run for run in ids if run.startswith(beginning)]
    if len(found) == 1 or beginning in found:
        return beginning if beginning in found else found[0]
    if not found:
        raise OperatorError(f"there is no run {beginning!r} in this home", next_step="roma-migrate runs")
    raise OperatorError(
        f"{beginning!r} begins {len(found)} runs: {', '.join(found[:5])}", next_step="write more of the id"
    )


def _file_system(path: Path) -> str:
    """The file system's kind by the longest mount point above the path (Linux; "" elsewhere)."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    real = str(path.resolve())
    best, kind = "", ""
    for line in mounts:
        parts = line.split(" ")
        point = parts[1] if len(parts) > 2 else ""
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, parts[2]
    return kind
