"""Keeps what an operator decides about a run. Law: a live run is asked, a dead one's journal is written under its lock.

Who acts is this process's account, on this host, with this version: `Runtime` knows them.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from orchestrator.cli.context.find_run import Found
from orchestrator.cli.output.times import local
from orchestrator.core.state.events import HandoverDone, Resolved, RunContinued, RunPaused, RunStopped
from orchestrator.core.state.folding import folded
from orchestrator.core.state.progress import Progress
from orchestrator.engine.resolutions import Operators
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import OperatorError
from orchestrator.storage.locks import Holder

#: what can be kept
OperatorAct = Resolved | HandoverDone | RunPaused | RunStopped | RunContinued
#: seconds to wait for a live run's answer, and between two looks for it
PATIENCE = 10.0
EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an act."""

    answer: str
    #: whether it stands in the journal now, or waits for the live run
    recorded: bool
    #: whether a live run was asked
    live: bool


def keep(found: Found, progress: Progress, acts: Sequence[OperatorAct], me: Runtime) -> Kept:
    """Journal these acts in the run's journal; raises HeldElsewhere where another run of the plan is conducted."""
    live = found.holder(progress) is not None
    answers = _ask(found, acts, me.now()) if live else _write(found, progress, acts, me)
    return Kept("\n".join(answers), all("recorded" in each for each in answers), live)


def _ask(found: Found, acts: Sequence[OperatorAct], now: float) -> list[str]:
    """Leave the requests for the live run and wait for its answers."""
    store, run = found.store, found.run
    late = f"recorded as a request; the live run has not answered within {PATIENCE:.0f} s: see roma-migrate status"
    numbers = [store.ask(run, act, now) for act in acts]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answers = [store.answered(run, number) for number in numbers]
        if all(answer is not None for answer in answers):
            return [answer or "" for answer in answers]
        time.sleep(EVERY)
    return [store.answered(run, number) or late for number in numbers]


def _write(found: Found, progress: Progress, acts: Sequence[OperatorAct], me: Runtime) -> list[str]:
    """Nobody conducts the run: hold its plan and write the acts ourselves."""
    if progress.began is None:
        raise OperatorError(f"run {found.run} never began")
    store = found.store.scope_of(found.run)
    with (
        store.hold(progress.began.plan, Holder(me.host, me.pid, local(me.now()))),
        closing(store.journal(found.run, f"{me.host} {me.pid} operator")) as journal,
    ):
        # Between our look and the lock somebody may have gone on: what counts is what stands now.
        progress = folded(journal.read())
        answers = []
        for act in acts:
            events, answer = Operators().answer(progress, act)
            for entry in journal.append(tuple(events), me.now()) if events else ():
                progress.apply(entry)
            answers.append(answer)
        return answers
