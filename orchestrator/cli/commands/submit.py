"""`submit`: hands a plan to a fleet. Law: rows first; once they are committed, it is submitted, whatever comes then."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anyio

from orchestrator.cli.context.engine import EngineFound, engine_of
from orchestrator.cli.context.error_boundary import leaves
from orchestrator.cli.context.find_run import store_for
from orchestrator.cli.context.telling import read_plan_or_tell
from orchestrator.cli.context.wiring import known_users, real_runtime
from orchestrator.cli.output.tables import table
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.model.counts import count
from orchestrator.core.state.submissions import Submission, SubmittedComponent
from orchestrator.engine.components import submit as submit_rows
from orchestrator.errors import EngineUnreachable, ExitCode, OperatorError
from orchestrator.fleet.worker import begin
from orchestrator.storage.planfile import plan_text
from orchestrator.storage.store import LocalStore
from orchestrator.storage.submissions import Submissions

#: components that the submitter starts itself, and at the same time; workers start the rest
_MOST, _AT_ONCE = 1_000, 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks of a submission."""

    engine: str = ""


def submit(terminal: Terminal, path: Path, wanted: Wanted) -> int:
    """Submit it, and start its components where an engine is named; raises HeldElsewhere, OperatorError."""
    terminal.plan = path
    # Workers of other hosts look for what the plan names beside it by its whole path.
    plan = replace(read_plan_or_tell(terminal, path), path=str(path.absolute()))
    engine = engine_of(terminal, wanted.engine)
    store = store_for(terminal, path)
    _must_be_a_database(store)
    if engine is not None:
        engine.way(store.submissions, _unheard)  # refused before anything is written where the extra is missing
    note = terminal.redactor.clean(terminal.common.note)
    runtime = real_runtime(_unheard)
    text = plan_text(path)
    submission, components = submit_rows(store, plan, text, known_users(plan), runtime, note)
    started = anyio.run(_start, terminal, store.submissions, engine, components) if engine is not None else 0
    _tell(terminal, store, submission, components, started)
    return int(ExitCode.DONE)


def _unheard(event: str, **fields: object) -> None:
    """A submitter has no log: what it must tell it says itself."""


def _must_be_a_database(store: LocalStore) -> None:
    if not store.address:
        raise OperatorError(
            "a plan is submitted to the database that keeps a fleet's journals, and none is named",
            next_step="name it: --journal postgresql://..., or ROMA_MIGRATE_JOURNAL",
        )


async def _start(
    terminal: Terminal, submissions: Submissions, engine: EngineFound, components: Sequence[SubmittedComponent]
) -> int:
    """How many were started; an engine that is away costs nothing but time."""
    started = 0
    try:
        reached = await engine.way(submissions, _unheard)()
        for part in range(0, min(len(components), _MOST), _AT_ONCE):
            some = components[part : part + _AT_ONCE]
            async with anyio.create_task_group() as tasks:
                for each in some:
                    tasks.start_soon(begin, reached, each)
            started += len(some)
    except* EngineUnreachable as away:
        why = next(str(each) for each in leaves(away))
        terminal.warn(f"{why}; it is submitted all the same, and the workers start it")
    return started


def _tell(
    terminal: Terminal, store: LocalStore, submission: Submission, components: Sequence[SubmittedComponent],
    started: int,
) -> None:  # fmt: skip
    groups = {each.group for each in components}
    working = {each.group for each in store.submissions.workers() if each.unseen <= store.submissions.ttl}
    if terminal.common.json:
        terminal.document({
            "code": 0, "submission": submission.id, "plan": submission.plan, "started": started,
            "components": [
                {"id": each.id, "group": each.group, "migrations": list(each.migrations)} for each in components
            ],
        })  # fmt: skip
    else:
        rows = [[each.id, each.group or "any", each.name] for each in components]
        terminal.result(
            f"plan {submission.plan} is submitted as {submission.id}: {count(len(components), 'component')}, "
            f"{started} started\n{table(['component', 'group', 'migrations'], rows)}\n"
            f"next: roma-migrate status {submission.id}"
        )
    if missing := sorted(groups - working - {""}):
        what = f"no worker of group {', '.join(missing)} is there now: what is of that group waits for one"
        terminal.warn(what)
    elif not working:
        terminal.warn("no worker is there now: what was submitted waits for one")
