"""`submit`: hands a plan to a fleet. Law: rows first; once they are committed, it is submitted, whatever comes then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio

from orchestrator.cli.context.approval_file import Gated
from orchestrator.cli.context.engine import EngineFound, engine_of
from orchestrator.cli.context.error_boundary import leaves
from orchestrator.cli.context.find_run import store_for
from orchestrator.cli.context.telling import read_plan_or_tell
from orchestrator.cli.context.wiring import known_users, real_runtime
from orchestrator.cli.output.tables import table, wrapped
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.submission import approved_json, approved_told
from orchestrator.core.model.checks import some
from orchestrator.core.model.counts import count
from orchestrator.core.plan.plan import Plan
from orchestrator.core.state.submissions import SubmittedComponent
from orchestrator.engine.components import Handed, HandedOver
from orchestrator.engine.components import submit as submit_rows
from orchestrator.errors import EngineUnreachable, ExitCode, OperatorError
from orchestrator.fleet.engine import Word
from orchestrator.fleet.worker import begin, say_to
from orchestrator.storage.planfile import plan_text
from orchestrator.storage.store import LocalStore
from orchestrator.storage.submissions import Submissions

#: components that the submitter starts itself, and at the same time; workers start the rest
_MOST, _AT_ONCE = 1_000, 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks of a submission."""

    engine: str = ""
    gated: Gated = field(default_factory=Gated)
    #: give up first what is left of an earlier submission, where it never began
    abandon: bool = False


def submit(terminal: Terminal, path: Path, wanted: Wanted) -> int:
    """Submit it, and start its components where an engine is named.

    Raises HeldElsewhere, OperatorError, and PreflightBlocked where the saved preview does not fit.
    """
    terminal.plan = path
    # Workers of other hosts look for what the plan names beside it by its whole path.
    plan = replace(read_plan_or_tell(terminal, path), path=str(path.absolute()))
    approval = wanted.gated.approval()
    engine = engine_of(terminal, wanted.engine)
    store = store_for(terminal, path)
    _must_be_a_database(store)
    if engine is not None:
        engine.way(store.submissions, _unheard)  # refused before anything is written where the extra is missing
    note = terminal.redactor.clean(terminal.common.note)
    handed = Handed(plan, plan_text(path), note, approval, wanted.abandon)
    made = submit_rows(store, handed, known_users(plan), real_runtime(_unheard))
    started = anyio.run(_start, terminal, store.submissions, engine, made) if engine is not None else 0
    _tell(terminal, store, plan, made, started)
    return int(ExitCode.DONE)


def _unheard(event: str, **fields: object) -> None:
    """A submitter has no log: what it must tell it says itself."""


def _must_be_a_database(store: LocalStore) -> None:
    if not store.address:
        raise OperatorError(
            "a plan is submitted to the database that keeps a fleet's journals, and none is named",
            next_step="name it: --journal postgresql://..., or ROMA_MIGRATE_JOURNAL",
        )


async def _start(terminal: Terminal, submissions: Submissions, engine: EngineFound, made: HandedOver) -> int:
    """How many were started; an engine that is away costs nothing but time."""
    started, components = 0, made.components
    try:
        reached = await engine.way(submissions, _unheard)()
        for part in range(0, min(len(components), _MOST), _AT_ONCE):
            together = components[part : part + _AT_ONCE]
            async with anyio.create_task_group() as tasks:
                for each in together:
                    tasks.start_soon(begin, reached, each)
            started += len(together)
        # They wait there for a person's word, and find in their rows that they are over.
        await say_to(reached, made.given_up, Word.CONTINUE)
    except* EngineUnreachable as away:
        why = next(str(each) for each in leaves(away))
        terminal.warn(f"{why}; it is submitted all the same, and the workers start it")
    return started


def _tell(terminal: Terminal, store: LocalStore, plan: Plan, made: HandedOver, started: int) -> None:
    submission, components = made.submission, made.components
    handed = {name for each in components for name in each.migrations}
    left_out = [each.name for each in plan.migrations if each.name not in handed]
    if terminal.common.json:
        terminal.document({
            "code": 0, "submission": submission.id, "plan": submission.plan, "started": started,
            "components": [
                {"id": each.id, "group": each.group, "migrations": list(each.migrations)} for each in components
            ],
            "approved": approved_json(submission.approved), "left_out": left_out,
            "given_up": [each.id for each in made.given_up],
        })  # fmt: skip
    else:
        terminal.result("\n".join(_lines(made, left_out, started)))
    _warn_of_workers(terminal, store.submissions, components)


def _lines(made: HandedOver, left_out: Sequence[str], started: int) -> Iterator[str]:
    submission, components = made.submission, made.components
    yield (
        f"plan {submission.plan} is submitted as {submission.id}: {count(len(components), 'component')}, "
        f"{started} started"
    )
    if submission.approved is not None:
        yield wrapped("", f"they carry out {approved_told(submission.approved)}, and nothing else")
    if left_out:
        yield wrapped("", f"nothing was approved of, and not submitted: {some(left_out)}")
    if made.given_up:
        yield wrapped("", f"given up before it began: {some([each.id for each in made.given_up])}")
    rows = [[each.id, each.group or "any", each.name] for each in components]
    yield table(["component", "group", "migrations"], rows)
    yield f"next: roma-migrate status {submission.id}"


def _warn_of_workers(terminal: Terminal, submissions: Submissions, components: Sequence[SubmittedComponent]) -> None:
    groups = {each.group for each in components}
    working = {each.group for each in submissions.workers() if each.unseen <= submissions.ttl}
    if missing := sorted(groups - working - {""}):
        what = f"no worker of group {', '.join(missing)} is there now: what is of that group waits for one"
        terminal.warn(what)
    elif not working:
        terminal.warn("no worker is there now: what was submitted waits for one")
