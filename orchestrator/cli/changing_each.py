"""How `finish` and `undo` go through the runs that are meant: shown, saved, approved and carried out one by one.

Law: what was approved as one is begun as one. Before anything is asked for, each run is looked at again, and where one
is not what was approved, nothing is begun. What has been carried out under the same approval is not looked at again, so
that the same command goes on after a kill, also on another host, where the first one did not reach every instance.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from orchestrator.cli.changing import Changing, changing, whole_plan
from orchestrator.cli.context.approval_file import content_of, must_be_free, understood, write_new
from orchestrator.cli.context.find_run import Found, Submitted, find_meant
from orchestrator.cli.context.measuring import Monitoring, monitors
from orchestrator.cli.context.observers import Observer, Observers
from orchestrator.cli.context.wiring import real_runtime
from orchestrator.cli.each_run import Part, Row, Told, attempt, close, each_run, in_short, parts_of
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import utc
from orchestrator.cli.render.summary import Names
from orchestrator.core.finish.saved import MOST, Preview, SavedChanges, from_json, submission_to_json, to_json
from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.submissions import SubmittedComponent
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import ExitCode, OperatorError, PreflightBlocked

#: option -> its words
Words = Mapping[str, tuple[str, ...]]
_NOT_SAVED = in_short(ExitCode.DONE, "no part of what was saved and approved: nothing is done of it")


@dataclass(frozen=True, slots=True)
class Shown:
    """What would be done of one run."""

    preview: Preview
    #: for programs
    document: Mapping[str, object]
    #: for people
    text: str
    #: the same in some words
    verdict: str

    @property
    def nothing(self) -> bool:
        """Nothing is to be done; a component without a run is ended, so that no worker begins it."""
        return not self.preview.changes and bool(self.preview.run)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a person has agreed to of one run; both empty where nobody had to."""

    digest: str = ""
    #: id of the saved preview
    approved: str = ""


class Act(Protocol):
    """What `finish` or `undo` does of one run."""

    command: str
    #: what was asked, as a saved preview holds it
    words: Words

    def must_fit(self, plan: Plan) -> None:
        """Raises OperatorError where the plan asks for nothing of what is named."""
        ...

    def ordered(self, parts: Sequence[Part]) -> Sequence[Part]:
        """The runs in the order in which they are gone through."""
        ...

    def apart(self, part: Part) -> Told | None:
        """What there is to say of a component of which nothing can be done now; None where something can."""
        ...

    def preview(self, made: Changing, asked: Words) -> Shown: ...

    def carry(self, made: Changing, asked: Words, agreed: Agreed, observing: Observer) -> Told: ...

    def over(self, made: Changing, approved: str) -> Told | None:
        """How it ended under this approval; None where it has not."""
        ...

    def goes_on(self, made: Changing) -> bool:
        """Whether it has begun and not ended: what was agreed to stands in the journal."""
        ...

    def following(self, names: Names, saved: Path | None, nothing: bool) -> str:
        """What comes after a preview; where nothing is to be done, what people look at then."""
        ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How the command line wants it."""

    dry_run: bool = False
    save: Path | None = None
    saved: SavedChanges | None = None
    monitoring: Monitoring = field(default_factory=Monitoring)
    #: a person who must agree first, once everything is shown
    person: "Person | None" = None


class Person(Protocol):
    """Somebody at a terminal."""

    def must_be_there(self) -> None:
        """Raises OperatorError where nobody can be asked."""
        ...

    def must_agree(self) -> None:
        """Raises OperatorError where the answer is no."""
        ...


def read_saved(command: str, asked: Sequence[str], path: Path | None) -> SavedChanges | None:
    """The saved preview, where one is to be carried out; `asked` are the options that it holds."""
    if path is None:
        return None
    return understood(path, content_of(path, MOST), f"a saved {command}", lambda text: from_json(command, asked, text))


def change_each(terminal: Terminal, word: str | None, act: Act, manner: Manner) -> int:
    """Show it, or carry it out; the gravest code of all runs that are meant."""
    _must_be_savable(act.command, manner)
    saved = manner.saved
    meant = find_meant(terminal, word if word is not None or saved is None else saved.of)
    terminal.run = named = meant.id if isinstance(meant, Submitted) else meant.run
    if saved is not None and saved.of != named:
        raise OperatorError(f"the saved {act.command} is of {saved.of}, not of {named}")
    plan = whole_plan(terminal, act.command, meant)
    act.must_fit(plan)
    parts = _touched(parts_of(meant), plan, act.words["only"])
    each = _Each(terminal, meant, plan, act, manner)
    return each.show(act.ordered(parts)) if manner.dry_run else each.carry(act.ordered(parts))


def _must_be_savable(command: str, manner: Manner) -> None:
    """`--save` goes with `--dry-run`, and writes over nothing."""
    if manner.save is None:
        return
    if not manner.dry_run:
        raise OperatorError("--save goes with --dry-run", next_step=f"roma-migrate {command} RUN --dry-run --save FILE")
    must_be_free(manner.save)


def _touched(parts: Sequence[Part], plan: Plan, words: Sequence[str]) -> list[Part]:
    """Those of which `--only` lets anything through: the instances of the others need not even be reached."""
    only = parse_only(words, plan) if words else Only()

    def lets(component: SubmittedComponent) -> bool:
        own = [each for each in plan.migrations if each.name in component.migrations]
        return any(only.allows_lane(each.name, target.instance) for each in own for target in each.targets)

    return [each for each in parts if each.component is None or lets(each.component)]


@dataclass(slots=True)
class _Each:
    """One command over all the runs that it means."""

    terminal: Terminal
    meant: Found | Submitted
    plan: Plan
    act: Act
    manner: Manner
    #: run or component -> what was shown of it
    shown: dict[str, Shown] = field(default_factory=dict)

    # --- to look at, and to save -----------------------------------------------------------------------------------

    def show(self, parts: Sequence[Part]) -> int:
        """What would be done of each, saved where that is wanted."""
        rows = each_run(self.terminal, parts, self._previewed)
        saved = self._save(self.manner.save, rows) if self.manner.save is not None else None
        nothing = all(shown.nothing for shown in self.shown.values())
        names = Part(self.meant.store, self._named).names(self.plan.name, self.plan.path)
        step = "nobody", self.act.following(names, saved, nothing)
        return close(self.terminal, self.meant, rows, {"dry_run": True}, step)

    @property
    def _named(self) -> str:
        return self.meant.id if isinstance(self.meant, Submitted) else self.meant.run

    def _previewed(self, part: Part) -> Told:
        if (told := self.act.apart(part)) is not None:
            return told
        with self._made(part) as made:
            shown = self.shown[part.id] = self.act.preview(made, self._words(part))
        head = {"run": part.run or None, "plan": self.plan.name, "dry_run": True}
        following = self.act.following(made.names, self.manner.save, shown.nothing)
        return Told(ExitCode.DONE, {**head, **shown.document}, shown.text, shown.verdict, following=following)

    def _save(self, path: Path, rows: Sequence[Row]) -> Path | None:
        """Keep it, with who saved it and when: all of it, or nothing."""
        if failed := [row.part.id for row in rows if row.told.failed]:
            self.terminal.warn(f"nothing was saved: {', '.join(failed)} could not be looked at")
            return None
        if not self.shown:
            self.terminal.warn("nothing was saved: there is nothing that could be approved")
            return None
        runtime = real_runtime(lambda event, **fields: None)
        about = {"saved_by": f"{runtime.user} on {runtime.host}", "saved": utc(runtime.now()) or ""}
        held = {id_: shown.preview for id_, shown in self.shown.items()}
        if isinstance(self.meant, Submitted):
            write_new(path, submission_to_json(self.act.command, self.meant.id, held, about))
        else:
            write_new(path, to_json(self.act.command, held[self.meant.run], about))
        return path

    # --- to carry out ----------------------------------------------------------------------------------------------

    def carry(self, parts: Sequence[Part]) -> int:
        """Once a person has agreed, where one must."""
        known = self._approved(parts, self.manner.saved) if self.manner.saved is not None else self._confirmed(parts)
        with self._observed() as observing:
            rows = each_run(self.terminal, parts, lambda part: known.get(part.id) or self._carried(part, observing))
            code = close(self.terminal, self.meant, rows, {"dry_run": False})
            observing.left(code)
        return code

    def _carried(self, part: Part, observing: Observer) -> Told:
        if (told := self.act.apart(part)) is not None:
            return told
        saved, agreed = self.manner.saved, Agreed()
        if saved is not None:
            agreed = Agreed(saved.runs[part.id].digest, saved.id)
        elif part.id in self.shown:
            agreed = Agreed(self.shown[part.id].preview.digest)
        with self._made(part) as made:
            return self.act.carry(made, self._words(part), agreed, observing)

    def _approved(self, parts: Sequence[Part], saved: SavedChanges) -> Mapping[str, Told]:
        """What is said of those that are not begun now; raises PreflightBlocked before any is.

        Of a single run the engine itself compares.
        """
        if isinstance(self.meant, Found):
            return {}
        known: dict[str, Told] = {each.id: _NOT_SAVED for each in parts if each.id not in saved.runs}
        differ: list[str] = []
        over = 0
        for part in (each for each in parts if each.id in saved.runs):
            found = attempt(self.terminal, part, lambda part: self._compared(part, saved))
            if isinstance(found, Told):
                known[part.id], over = found, over + (not found.failed)
            elif not found:
                differ.append(part.id)
        again = f"roma-migrate {self.act.command} {self.meant.id} --dry-run --save FILE"
        if differ:
            raise PreflightBlocked(
                f"what would be done is not what was approved of {', '.join(differ)}; nothing was begun",
                next_step=f"look at it again, and save it again: {again}",
            )
        if over == len(saved.runs):
            raise PreflightBlocked(
                f"all of this saved {self.act.command} has been carried out", next_step=f"look at what is left: {again}"
            )
        return known

    def _compared(self, part: Part, saved: SavedChanges) -> Told | bool:
        """How it ended under this approval, or whether it still is what was approved."""
        approved = saved.runs[part.id]
        if (told := self.act.apart(part)) is not None:
            return replace(told, failed=True)
        with self._made(part) as made:
            if part.run == approved.run and part.run:
                if (over := self.act.over(made, saved.id)) is not None:
                    return over
                if self.act.goes_on(made):
                    return True
            shown = self.act.preview(made, self._words(part))
        return (shown.preview.run, shown.preview.digest) == (approved.run, approved.digest)

    def _confirmed(self, parts: Sequence[Part]) -> Mapping[str, Told]:
        """What is said of those of which nothing can be begun; raises OperatorError where a person says no."""
        person = self.manner.person
        if person is None:
            return {}
        person.must_be_there()
        rows = each_run(self.terminal, parts, self._previewed)
        if isinstance(self.meant, Found):
            self.terminal.result(rows[0].told.text)
        if not all(shown.nothing for shown in self.shown.values()):
            person.must_agree()
        return {row.part.id: row.told for row in rows if row.part.id not in self.shown}

    def _words(self, part: Part) -> Words:
        saved = self.manner.saved
        return saved.runs[part.id].asked if saved is not None else self.act.words

    @contextmanager
    def _made(self, part: Part) -> Iterator[Changing]:
        made = changing(self.terminal, self.act.command, part, self.plan)
        try:
            yield made
        finally:
            made.log.close()

    @contextmanager
    def _observed(self) -> Iterator[Observer]:
        """Monitors watch all of it as one."""
        watching = monitors(self.terminal, self.plan, self.meant.store, self.manner.monitoring, self.act.command)
        observers, log = Observers(watching), Log(self.terminal, lambda: utc_now().timestamp())
        observers.attached(log.say)
        try:
            yield observers
        except BaseException as error:
            observers.failed(error)
            raise
        finally:
            observers.close()
            log.close()
