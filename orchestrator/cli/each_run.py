"""What a command does for each run that is meant: one, or those of a submission. Law: one refusal stops no other run.

A submission is a list of runs, one for each component. What stands against one of them is told in its row, and the
others go on, because components share nothing; the gravest code is that of all. Of a single run whatever is refused is
raised, as for every command.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.cli.context.error_boundary import error_of, filled
from orchestrator.cli.context.find_run import Found, Submitted
from orchestrator.cli.output.tables import commands, table, wrapped
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.summary import Names
from orchestrator.core.state.submissions import SubmittedComponent, gravest_of
from orchestrator.errors import ExitCode, JournalUnreachable, LeaseLost, RomaMigrateError
from orchestrator.storage.store import LocalStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """One run that is meant; of a submission a component, which may have none yet."""

    store: LocalStore
    #: "" where the component has none
    run: str
    component: SubmittedComponent | None = None

    @property
    def id(self) -> str:
        """The component's, else the run's."""
        return self.component.id if self.component is not None else self.run

    @property
    def found(self) -> Found:
        """Its run; only where it has one."""
        return Found(self.store, self.run)

    def names(self, plan: str, file: str) -> Names:
        """The real names in commands that follow: of a component those of its submission, which means all of them."""
        named = self.component.submission if self.component is not None else self.run
        return Names(named, plan, file, self.store.home.path, self.store.options)


@dataclass(frozen=True, slots=True)
class Told:
    """What a command has to say of one run."""

    code: ExitCode
    #: for programs
    document: Mapping[str, object]
    #: for people
    text: str
    #: the same in some words
    verdict: str
    #: who acts, and what comes next
    who: str = "nobody"
    following: str = ""
    #: it could not be looked at, or not be begun
    failed: bool = False
    #: a signal came meanwhile: nothing more is begun
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A run, and what was said of it."""

    part: Part
    told: Told


def in_short(code: ExitCode, text: str) -> Told:
    """Of a run of which there is no more to say."""
    return Told(code, {"changes": [], "left": []}, text, text)


def parts_of(meant: Found | Submitted) -> tuple[Part, ...]:
    """The run itself, or every component in the plan's order."""
    if isinstance(meant, Found):
        return (Part(meant.store, meant.run),)
    return tuple(Part(meant.store, each.run, each) for each in meant.components())


def each_run(terminal: Terminal, parts: Sequence[Part], act: Callable[[Part], Told]) -> list[Row]:
    """Do it for each, told to people as soon as it is done; a signal leaves what has not begun."""
    rows: list[Row] = []
    for part in parts:
        stopped = next((row.told.code for row in rows if row.told.stopped), None)
        rows.append(Row(part, attempt(terminal, part, act) if stopped is None else _left(stopped)))
        _tell(terminal, rows[-1])
    return rows


def attempt(terminal: Terminal, part: Part, act: Callable[[Part], T]) -> T | Told:
    """What the act answers; of a component, what stands against it."""
    if part.component is None:
        terminal.run = part.run
        return act(part)
    terminal.run = part.component.submission
    try:
        return act(part)
    except Exception as error:
        found = error_of(terminal, error)
        if isinstance(found, JournalUnreachable | LeaseLost):
            raise  # no other component could be had either, and whoever lost a lease asks for nothing more
        return _refused(terminal, found)


def _tell(terminal: Terminal, row: Row) -> None:
    """Under the name of its component; of a single run `close` tells it."""
    if row.part.component is not None and not terminal.common.json:
        terminal.result(f"{_name(row.part.component)}:\n{row.told.text}\n")


def close(
    terminal: Terminal, meant: Found | Submitted, rows: Sequence[Row], head: Mapping[str, object],
    step: tuple[str, str] = ("", ""),
) -> int:  # fmt: skip
    """Tell what all came to, and answer with the gravest code.

    `head` is what a document says before its components; `step` is who acts and what comes next where nothing stands
    against any run of many, else the rows tell it.
    """
    if isinstance(meant, Found):
        return _close_one(terminal, rows[0].told)
    code = gravest_of(row.told.code for row in rows)
    who, following = step if step[0] and code is ExitCode.DONE else _step_of(rows, code)
    if terminal.common.json:
        told = {"submission": meant.id, "plan": meant.plan, **head, "code": int(code)}
        terminal.document({**told, "components": [_document(row) for row in rows], "who": who, "next": following})
    else:
        lines = [_table(rows)] if rows else []
        terminal.result("\n".join([*lines, wrapped("who:  ", who), commands("next: ", following)]))
    return int(code)


def _step_of(rows: Sequence[Row], code: ExitCode) -> tuple[str, str]:
    """Of those with the gravest code the first that needs a person."""
    gravest = sorted((row.told for row in rows if row.told.code is code), key=lambda told: told.who == "nobody")
    return (gravest[0].who, gravest[0].following) if gravest else ("nobody", "")


def _close_one(terminal: Terminal, told: Told) -> int:
    if terminal.common.json:
        terminal.document({**told.document, "code": int(told.code), "who": told.who, "next": told.following})
    else:
        terminal.result("\n".join([told.text, wrapped("who:  ", told.who), commands("next: ", told.following)]))
    return int(told.code)


def _refused(terminal: Terminal, error: RomaMigrateError) -> Told:
    following = filled(terminal, error.next_step)
    words = [wrapped("", line) for line in error.lines]
    text = "\n".join([*words, *([commands("next: ", following)] if following else [])])
    return Told(error.exit_code, {"error": error.message}, text, error.message, error.who, following, failed=True)


def _left(code: ExitCode) -> Told:
    text = "not begun: a signal came before"
    return Told(code, {"error": text}, text, text, failed=True, stopped=True)


def _name(component: SubmittedComponent) -> str:
    run = f", run {component.run}" if component.run else ""
    return f"component {component.id} ({component.name}{run})"


def _table(rows: Sequence[Row]) -> str:
    cells = [
        [row.part.id, row.part.component.name if row.part.component else "", str(int(row.told.code)), row.told.verdict]
        for row in rows
    ]
    return table(["component", "migrations", "code", ""], cells)


def _document(row: Row) -> dict[str, object]:
    component = row.part.component
    head = {"component": row.part.id, "migrations": list(component.migrations) if component is not None else []}
    last = {"code": int(row.told.code), "verdict": row.told.verdict, "who": row.told.who, "next": row.told.following}
    return {**head, "run": row.part.run or None, **row.told.document, **last}
