"""The home directory: where runs, their packages and logs lie. Law: 0700, files 0600, nobody else's.

HOME/.gitignore                 "*"
HOME/home.lock                  held for an instant by the process that makes something in the home
HOME/journal                    names the database that keeps the journals, where one does
HOME/digest.key                 under which digests stand for secrets; no other home has it
HOME/slots.db                   slots leased between the processes of this host
HOME/dialect.json               what was seen of services where nothing is documented
HOME/plans/NAME.lock            held by the process that runs this plan
HOME/plans/NAME.end             how the last process of this plan ended, while none runs it
HOME/runs/RUN/plan              the plan's name, so that a damaged journal concerns that plan alone
HOME/runs/RUN/journal.db        the events
HOME/runs/RUN/journal.db-head   how far they had come
HOME/runs/RUN/run.log           what was said
HOME/runs/RUN/packages/         the vault
HOME/runs/RUN/told              how it ended has been told
HOME/runs/RUN/brief             what later commands need of it; made anew where it is lost
"""

import json
import os
import pwd
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import MemoryFailed, OperatorError
from orchestrator.storage.disk import Disk
from orchestrator.storage.locks import held_briefly
from orchestrator.storage.placing import place

#: the home's name where neither `--home` nor the environment names one
DEFAULT_NAME = ".roma-migrate"
#: permissions of group and others
_OTHERS = 0o077
_FLEETING = ("tmpfs", "overlay", "ramfs")


def head_path(journal: Path) -> Path:
    """Where the head of a journal is kept beside it."""
    return journal.with_name(journal.name + "-head")


@dataclass(frozen=True, slots=True)
class LastEnd:
    """How the last process that conducted a plan ended."""

    code: int
    #: epoch seconds: with code 8, when to start again; else 0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """The database that keeps a home's journals."""

    #: its own, so that it is known again under another address
    id: str
    #: its address, without a secret
    shown: str


@dataclass(frozen=True, slots=True)
class Home:
    """One home directory; only `make` creates it."""

    path: Path

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def lock(self) -> Path:
        return self.path / "home.lock"

    @property
    def slots(self) -> Path:
        return self.path / "slots.db"

    @property
    def dialect(self) -> Path:
        return self.path / "dialect.json"

    def run_path(self, run: str) -> Path:
        return self.runs / run

    def journal(self, run: str) -> Path:
        return self.runs / run / "journal.db"

    def log(self, run: str) -> Path:
        return self.runs / run / "run.log"

    def forget_log(self, run: str) -> None:
        """Remove what was said in a run."""
        Disk().unlink(self.log(run))

    def vault(self, run: str) -> Path:
        return self.runs / run / "packages"

    def plan_of(self, run: str) -> Path:
        return self.runs / run / "plan"

    def brief(self, run: str) -> Path:
        return self.runs / run / "brief"

    def end_is_told(self, run: str) -> bool:
        """Whether somebody was told how this run ended."""
        return (self.runs / run / "told").exists()

    def tell_end(self, run: str) -> None:
        """How it ended has been told; where that cannot be kept, it is told once more."""
        with suppress(MemoryFailed):
            place(Disk(), self.runs / run / "told", b"")

    def last_end(self, plan: str) -> LastEnd | None:
        """How this plan's last process ended; None where it was killed, none ran, or nothing readable tells."""
        try:
            kept = json.loads((self.path / "plans" / f"{plan}.end").read_text(encoding="utf-8"))
            return LastEnd(int(kept["code"]), float(kept["not_before"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_end(self, plan: str, end: LastEnd | None) -> None:
        """Keep how this plan's process ended, or, as it begins, that none has; the plan is held by the caller.

        Only a scheduler asks for it: where it cannot be kept, the next start is not held back.
        """
        path = self.path / "plans" / f"{plan}.end"
        with suppress(MemoryFailed, OSError):
            path.unlink(missing_ok=True)
            if end is not None:
                told = json.dumps({"code": end.code, "not_before": end.not_before})
                place(Disk(), path, told.encode())

    def journal_place(self) -> JournalPlace | None:
        """The database that keeps this home's journals, or None where it keeps them itself."""
        try:
            kept = json.loads((self.path / "journal").read_text(encoding="utf-8"))
            return JournalPlace(str(kept["id"]), str(kept["address"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise MemoryFailed(
                f"{self.path / 'journal'} cannot be read: it names the database that keeps this home's journals",
                next_step="restore it from a backup, or remove it and name that database with --journal",
            ) from None

    def keep_journal_place(self, kept: JournalPlace) -> None:
        """From now on its journals are there."""
        if self.journal_place() == kept:
            return
        with held_briefly(self.lock):  # a worker begins several runs at the same moment
            place(Disk(), self.path / "journal", json.dumps({"id": kept.id, "address": kept.shown}).encode())

    def lock_of(self, plan: str) -> Path:
        return self.path / "plans" / f"{plan}.lock"

    def exists(self) -> bool:
        return self.path.is_dir()

    @property
    def _folders(self) -> tuple[Path, ...]:
        return self.path, self.runs, self.path / "plans"

    def must_be_ours(self) -> None:
        """Raises OperatorError where it is another user's, MemoryFailed where a folder of it leads elsewhere."""
        if not self.exists():
            return
        owner = self.path.stat().st_uid
        if owner != os.geteuid():
            raise OperatorError(
                f"the home {self.path} belongs to {_user(owner)} and not to you, {_user(os.geteuid())}",
                next_step=f"run the command as {_user(owner)}, or name a folder of your own: --home DIR",
            )
        for folder in self._folders[1:]:
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                raise MemoryFailed(
                    f"{folder} is {'a link' if folder.is_symlink() else 'no folder'}; in a home it is a folder",
                    next_step="find out who put it there, put the folder back, then run the same command again",
                )

    def exposed(self) -> str:
        """What is open to others, in words; "" where nothing is."""
        found = [(folder, stat.S_IMODE(folder.stat().st_mode)) for folder in self._folders if folder.is_dir()]
        return ", ".join(f"{folder} (mode {mode:04o})" for folder, mode in found if mode & _OTHERS)

    def make(self, disk: Disk | None = None) -> str:
        """Create what is missing of it, and close it to others; what was open to them, in words, or ""."""
        disk = disk or Disk()
        self.must_be_ours()
        exposed = self.exposed()
        try:
            for folder in self._folders:
                disk.make_folder(folder)
                disk.close_to_others(folder)
            ignore = self.path / ".gitignore"
            if not disk.exists(ignore):
                with held_briefly(self.lock):
                    place(disk, ignore, b"*\n")
        except MemoryFailed as error:
            raise MemoryFailed(
                f"the home {self.path} cannot be created: {error.message}",
                next_step=f"{error.next_step}; or choose another --home",
            ) from None
        return exposed

    def run_ids(self) -> list[str]:
        """Every run, oldest first: their ids sort by time."""
        if not self.runs.is_dir():
            return []
        return sorted(path.name for path in self.runs.iterdir() if _is_run(path))

    def fleeting(self) -> str:
        """The kind of file system, where it is one that a restart forgets; else ""."""
        kind = _file_system(self.path)
        return kind if kind in _FLEETING else ""


def _is_run(path: Path) -> bool:
    """A folder in which a run began, be it that its journal was removed since."""
    began = any((path / name).is_file() for name in ("journal.db", "plan"))
    return began and not path.name.startswith(".") and not path.is_symlink()


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


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
