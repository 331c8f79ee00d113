"""`schedule`: files that let a scheduler start a plan by itself. Law: talks to nobody, and installs nothing."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator import __version__
from orchestrator.cli.context.find_run import journal_of
from orchestrator.cli.context.output_file import must_be_writable, write_output
from orchestrator.cli.context.schedulers import FLEETS, Kind
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.schedules import ALWAYS, Addresses, Job, ReadyFile, When, read_when, ready_files
from orchestrator.core.model.counts import count
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.fleet.engine_address import parse_engine_address
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.stores import must_be_an_address

_USUAL_PROGRAM = "/usr/local/bin/roma-migrate"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks of `schedule`."""

    kind: Kind
    at: str
    timezone: str
    image: str = ""
    #: a folder to write the files into, in place of printing them
    out: Path | None = None
    #: the engine of a fleet
    engine: str = ""


def schedule(terminal: Terminal, path: Path, wanted: Wanted) -> int:
    """Print the files, or write them into a folder."""
    terminal.plan = path
    when = _when(wanted)
    plan = read_plan(path)
    if not str(path.absolute()).isprintable():
        raise OperatorError("the plan's path holds a line break or another character that no schedule can hold")
    job = Job(
        plan, when, _as_named(path), str(path.absolute()), path.read_text(encoding="utf-8"), _program(),
        _home(terminal), wanted.image or f"roma-migrate:{__version__}", *_fleet(terminal, wanted),
    )  # fmt: skip
    files = ready_files(wanted.kind, job)
    if wanted.kind not in FLEETS and (terminal.common.journal or terminal.common.packages):
        terminal.warn("the files do not name --journal and --packages: put ROMA_MIGRATE_JOURNAL and "
                      "ROMA_MIGRATE_PACKAGES into the environment that they set")  # fmt: skip
    if wanted.out is not None:
        _write(terminal, wanted.out, files)
    elif terminal.common.json:
        terminal.document({"files": [{"place": each.place, "text": each.text} for each in files]})
    else:
        terminal.result("\n".join(_shown(each) for each in files).rstrip("\n"))
    return int(ExitCode.DONE)


def _when(wanted: Wanted) -> When:
    """The time that a scheduler needs, and workers do not."""
    if wanted.kind in FLEETS:
        if wanted.at or wanted.timezone:
            raise OperatorError(f"--as {wanted.kind} keeps workers, which are there always: it goes without --at")
        return ALWAYS
    if not wanted.at or not wanted.timezone:
        raise OperatorError(
            f"--as {wanted.kind} needs the time: --at and --timezone",
            next_step=f'roma-migrate schedule PLAN --as {wanted.kind} --at "Sat 02:00" --timezone Asia/Shanghai',
        )
    return read_when(wanted.at, wanted.timezone)


def _fleet(terminal: Terminal, wanted: Wanted) -> tuple[Addresses, bool]:
    """Where workers meet: as the command line or the environment say, else an example that a person must change."""
    if wanted.kind not in FLEETS:
        return Addresses(), False
    engine = wanted.engine or os.environ.get("ROMA_MIGRATE_ENGINE", "")
    packages = terminal.common.packages or os.environ.get("ROMA_MIGRATE_PACKAGES", "")
    journal = journal_of(terminal)
    if journal:
        must_be_an_address(journal)  # a password in the open would stand in the files
    if engine:
        parse_engine_address(engine)
    given = {"journal": journal, "engine": engine, "packages": packages}
    if missing := [f"--{name}" for name, value in given.items() if not value]:
        terminal.warn(f"the files hold an example where {', '.join(missing)} was not given: put your own there")
    return Addresses(**{name: value for name, value in given.items() if value}), True


def _shown(file: ReadyFile) -> str:
    return f"# ===== {file.place}\n{file.text}"


def _write(terminal: Terminal, folder: Path, files: Sequence[ReadyFile]) -> None:
    """Under their own names; nothing is overwritten, and where one cannot be written none is."""
    if not folder.is_dir():
        raise OperatorError(
            f"--out: there is no folder {folder}", next_step="create it, then run the same command again"
        )
    paths = [folder / Path(each.place).name for each in files]
    for path in paths:
        must_be_writable(path, "--out", None)
    for path, each in zip(paths, files, strict=True):
        write_output(path, each.text.encode(), "--out")
    if terminal.common.json:
        terminal.document({"files": [{"place": e.place, "path": str(p)} for p, e in zip(paths, files, strict=True)]})
        return
    told = [f"{path}  ->  {each.place}" for path, each in zip(paths, files, strict=True)]
    terminal.result("\n".join([f"{count(len(files), 'file')} written; where each belongs:", *told]))


def _as_named(path: Path) -> str:
    """Within its repository, as pipelines see it: as it was named, or from the nearest folder that holds .git."""
    whole = path.absolute()
    for folder in whole.parents:
        if (folder / ".git").exists():
            return whole.relative_to(folder).as_posix()
    return path.name if path.is_absolute() else path.as_posix()


def _program() -> str:
    """This program as it is installed: what the scheduler of this host would start."""
    called = Path(sys.argv[0])
    if called.name == "roma-migrate" and called.is_file():
        return str(called.absolute())
    return shutil.which("roma-migrate") or _USUAL_PROGRAM


def _home(terminal: Terminal) -> str:
    """Where somebody said that runs are kept; "" leaves it to what is usual for the scheduler."""
    if terminal.common.home is not None:
        return str(terminal.common.home.absolute())
    named = os.environ.get("ROMA_MIGRATE_HOME", "")
    return str(Path(named).absolute()) if named else ""


def kind_of(word: str) -> Kind:
    """The scheduler of that name; raises OperatorError."""
    if word not in set(Kind):
        raise OperatorError(f"--as: {word!r} is none of {', '.join(Kind)}")
    return Kind(word)
