"""What reads say of a change before its request and after it (promise 16)."""

from dataclasses import replace

import pytest

from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.finish.looks import INVENTORY, Seen
from orchestrator.core.finish.lots import Behind, Wait, next_lot
from orchestrator.core.finish.proof import MOST_ATTEMPTS, after_writing, before_writing
from orchestrator.core.model.change import Change, ChangeKind
from orchestrator.core.model.inventory import Inventory, Task
from orchestrator.core.state.change_events import ChangesSettled
from orchestrator.core.state.changes import ChangeLife, ChangeState

STOP = Change(
    "stop-task:dev:s1", ChangeKind.STOP_TASK.value, "dev", "s1", "flow", "at-dev",
    (("state", "running"),), (("state", "stopped"),),
)  # fmt: skip
START = Change(
    "start-task:prod:t1", ChangeKind.START_TASK.value, "prod", "t1", "flow", "at-prod",
    (("state", "stopped"),), (("state", "running"),), behind=(STOP.id,), facts=(("twin at", "dev"), ("twin", "s1")),
)  # fmt: skip
ASKED = ChangeLife(STOP, ChangeState.UNSURE, attempts=1, ended=True)
SILENCES = KINDS[STOP.kind].most_silences
RUNS, STOPPED, ENDING = (True, ""), (False, ""), (False, "RUNNING")


def seen(state: tuple[bool, str] | None, there: tuple[bool, str] = STOPPED) -> Seen:
    def inventory(name: str, task: str, found: tuple[bool, str] | None) -> Inventory:
        held = () if found is None else (Task(task, "flow", running=found[0], execute_status=found[1]),)
        return Inventory(name, (), held)

    return Seen(
        {("dev", INVENTORY): inventory("dev", "s1", state), ("prod", INVENTORY): inventory("prod", "t1", there)}
    )


def before(state: tuple[bool, str] | None) -> ChangesSettled:
    life = ChangeLife(STOP)
    return before_writing([life], {STOP.id: life}, seen(state))


def after(life: ChangeLife, state: tuple[bool, str], late: bool = False, overdue: str = "") -> ChangesSettled:
    return after_writing([life], seen(state), late, overdue)


def test_what_is_as_before_is_asked_for_and_what_is_as_after_is_done() -> None:
    assert before(RUNS) == ChangesSettled()
    assert before(STOPPED) == ChangesSettled(done=(STOP.id,))


def test_what_is_gone_is_left_alone() -> None:
    assert before(None).different == ((STOP.id, "it was changed after the preview: it is not there"),)


@pytest.mark.parametrize("state", [ChangeState.REFUSED, ChangeState.DIFFERENT])
def test_what_comes_behind_something_that_was_not_done_is_left_alone(state: ChangeState) -> None:
    lives = {STOP.id: ChangeLife(STOP, state, why="it is busy"), START.id: ChangeLife(START)}
    told = before_writing([lives[START.id]], lives, seen(STOPPED))
    assert told.different == ((START.id, "flow at dev was not done: it is busy"),)


def test_a_success_has_its_time_to_show_and_a_lost_answer_is_believed_by_what_is_read() -> None:
    assert after(ASKED, RUNS) == ChangesSettled()
    assert after(ASKED, RUNS, late=True) == ChangesSettled(open=(STOP.id,))
    lost = replace(ASKED, ended=False)
    assert after(lost, RUNS) == ChangesSettled(open=(STOP.id,))
    assert after(lost, STOPPED) == ChangesSettled(done=(STOP.id,))


def test_the_last_success_too_has_its_time_to_show() -> None:
    tried = replace(ASKED, attempts=MOST_ATTEMPTS)
    assert after(tried, RUNS) == ChangesSettled()
    assert after(tried, RUNS, late=True).refused[0][0] == STOP.id


def test_a_request_that_is_never_answered_is_given_up() -> None:
    silent = replace(ASKED, ended=False, attempts=SILENCES, why="504")
    assert after(silent, RUNS).refused == ((STOP.id, f"no usable answer {SILENCES} times in a row: 504"),)


def test_what_is_under_way_is_waited_for_until_its_time_is_over() -> None:
    assert after(ASKED, ENDING) == ChangesSettled()
    told = after(ASKED, ENDING, overdue="600 s after it was asked for (settle_wait)")
    assert told.refused == ((STOP.id, "it is ending its last run, 600 s after it was asked for (settle_wait)"),)


def test_a_lot_waits_for_what_comes_before_elsewhere_and_for_its_moment() -> None:
    lives = {STOP.id: ChangeLife(STOP), START.id: ChangeLife(START)}
    assert next_lot([lives[START.id]], lives, lambda change: 1, 0.0) == Behind(frozenset({"dev"}))
    lives[STOP.id] = replace(lives[STOP.id], state=ChangeState.DONE)
    assert next_lot([lives[START.id]], lives, lambda change: 1, 0.0) == [lives[START.id]]
    later = replace(lives[START.id], not_before=9.0)
    assert next_lot([later], {**lives, START.id: later}, lambda change: 1, 0.0) == Wait(9.0)


def test_a_lot_holds_no_more_than_its_kind_allows_and_half_of_what_was_refused_as_a_whole() -> None:
    lives = [ChangeLife(replace(STOP, id=f"stop-task:dev:{n}", object=str(n))) for n in range(25)]
    every = {life.change.id: life for life in lives}
    assert next_lot(lives, every, lambda change: 10, 0.0) == lives[:10]
    failed = [replace(life, failed=True, together=10) for life in lives[:10]]
    assert next_lot(failed, {life.change.id: life for life in failed}, lambda change: 10, 0.0) == failed[:5]
