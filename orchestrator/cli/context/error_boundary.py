"""The one door through which an error reaches the operator. Law: sentences with `who` and `next`, never a traceback.

Anything that is not ours is a defect (70): its details go to a file that only the operator reads, without secrets.
"""

import os
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.model.escape import visible
from orchestrator.errors import PRECEDENCE, ExitCode, PlanInvalid, RomaMigrateError


def through(terminal: Terminal, work: Callable[[], int]) -> int:
    """Do the work; whatever goes wrong becomes a sentence and an exit code."""
    try:
        return int(work())
    except KeyboardInterrupt:
        terminal.say("interrupted")
        return int(ExitCode.INTERRUPTED)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(ExitCode.DEFECT)
    except BaseException as error:  # noqa: BLE001 - this is the door: nothing passes it as a traceback
        return _told(terminal, error)


def _told(terminal: Terminal, error: BaseException) -> int:
    if any(isinstance(each, KeyboardInterrupt) for each in leaves(error)):
        terminal.say("interrupted")
        return int(ExitCode.INTERRUPTED)
    worst = error_of(terminal, error)
    tell(terminal, worst)
    return int(worst.exit_code)


def error_of(terminal: Terminal, error: BaseException) -> RomaMigrateError:
    """What of an error counts first; the details of a defect are written, and it names their file."""
    found = [_as_ours(each) for each in leaves(error)]
    ours = [each for each in found if isinstance(each, RomaMigrateError)]
    strange = [each for each in found if not isinstance(each, RomaMigrateError)]
    worst = min(ours, key=_place, default=None)
    if worst is None or (strange and worst.exit_code is not ExitCode.MEMORY):
        return defect_of(terminal, strange[0])
    return worst


def code_of(error: BaseException) -> ExitCode:
    """The code with which `through` will leave because of it."""
    found = [_as_ours(each) for each in leaves(error)]
    if any(isinstance(each, KeyboardInterrupt) for each in found):
        return ExitCode.INTERRUPTED
    ours = [each for each in found if isinstance(each, RomaMigrateError)]
    worst = min(ours, key=_place, default=None)
    strange = len(ours) < len(found) and (worst is None or worst.exit_code is not ExitCode.MEMORY)
    return ExitCode.DEFECT if worst is None or strange else worst.exit_code


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, out of whatever groups they travelled in."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from leaves(each)
    else:
        yield error


def _place(error: RomaMigrateError) -> int:
    return PRECEDENCE.index(error.exit_code) if error.exit_code in PRECEDENCE else -1


def _as_ours(error: BaseException) -> BaseException:
    """A refused request that nobody awaited more closely is a sentence too; so is a full disk."""
    if type(error).__name__ == "RequestFailed":  # told by name: most commands start without the code behind it
        from orchestrator.core.model.failures import RequestFailed
        from orchestrator.core.model.retries import as_error

        return as_error(error) if isinstance(error, RequestFailed) else error
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        from orchestrator.errors import MemoryFailed

        return MemoryFailed(
            f"{error.filename}: {(error.strerror or 'failed').lower()}",
            next_step="make it readable and writable for this user, or choose another --home",
        )
    return error


def tell(terminal: Terminal, error: RomaMigrateError) -> None:
    """Say it: as words on stderr, and with `--json` also as the document."""
    following = filled(terminal, error.next_step)
    if terminal.common.json:
        problems = {"problems": list(error.problems)} if isinstance(error, PlanInvalid) else {}
        terminal.document(
            {"code": int(error.exit_code), "error": error.message, **problems, "who": error.who,
             "next": following}
        )  # fmt: skip
    lines = list(map(visible, error.lines))
    head = lines if isinstance(error, PlanInvalid) else [f"roma-migrate: {lines[0]}", *lines[1:]]
    words = [*head, f"who:  {error.who}"] + ([f"next: {following}"] if following else [])
    terminal.say(
        "\n".join(words), event="failed", code=int(error.exit_code), error=error.message, who=error.who,
        next=following,
    )  # fmt: skip


def filled(terminal: Terminal, text: str) -> str:
    """Real names in place of PLAN and RUN, so that what is told can be pasted."""
    if terminal.plan is not None:
        text = re.sub(r"\bPLAN\b", lambda _: shlex.quote(str(terminal.plan)), text)
    return re.sub(r"\bRUN\b", terminal.run, text) if terminal.run else text


def defect_of(terminal: Terminal, error: BaseException) -> RomaMigrateError:
    """A defect as a sentence that names the file with its details, which is written."""
    import traceback

    details = terminal.redactor.clean("".join(traceback.format_exception(error)))
    place = _written(terminal.home, details)
    return RomaMigrateError(
        f"a defect of roma-migrate itself: {type(error).__name__}. The journal is sound. Details: {place}",
        next_step="running the same command again is safe; send that file to the developers",
    )


def _written(home: Path | None, details: str) -> str:
    """The file with the details, 0600, in the home where there is one."""
    import tempfile

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for folder in (home, Path(tempfile.gettempdir())):
        if folder is None or not folder.is_dir():
            continue
        path = folder / f"defect-{stamp}-{os.getpid()}.txt"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(details)
        except OSError:
            continue
        return str(path)
    return "could not be written anywhere"
