"""Starts and stops of tasks (Finishing 2.5): each of a lot succeeds or fails alone."""

from dataclasses import replace

import pytest

from orchestrator.emulator.protocol.messages import Json, Reply
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import TaskBatchOver, TaskSameState
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import World
from tests.emulator.api.test_changes import code, send
from tests.emulator.in_memory_client import SHORT, InMemoryClient


def _world(switches: Switches | None = None) -> World:
    return generate(4, 12, switches=switches, durations=SHORT, filling=Filling(running_every=0))


def client(switches: Switches | None = None, *faults: Rule) -> InMemoryClient:
    return InMemoryClient(replace(_world(switches), faults=faults))


def act(far: InMemoryClient, action: str, *numbers: int) -> Reply:
    """A start or stop of tasks of `dev` by their numbers."""
    tasks = far.world.instance("dev").tasks
    return listing(far, {"action_id": action, "list": [{"task_id": tasks[each].id} for each in numbers]})


def listing(far: InMemoryClient, body: Json) -> Reply:
    return send(far, "POST", "/batch-operation/tasks", body, "fdi")


def counts(reply: Reply) -> tuple[int, object, object]:
    return reply.status, reply.json["success_count"], reply.json["failure_count"]


def codes(reply: Reply) -> list[str]:
    failed = reply.json["failure"]
    assert isinstance(failed, list)
    return [each["error_code"] for each in failed]


def states(far: InMemoryClient) -> list[tuple[int, str]]:
    listed = far.get("/tasks", "fdi").json["entities"]
    assert isinstance(listed, list)
    return [(each["status"], each["execute_status"]) for each in listed]


def test_at_most_ten_tasks_are_named_at_once() -> None:
    refusing = client()
    assert counts(act(refusing, "start", *range(10))) == (200, 10, 0)
    assert code(act(refusing, "stop", *range(11))) == (400, "FDI.3002")
    assert len(refusing.service.ledger.calls[0].asset_ids) == 10
    assert [each.outcome for each in refusing.service.ledger.calls] == ["started", "FDI.3002"]
    cutting = client(Switches(task_batch_over=TaskBatchOver.CUT))
    assert counts(act(cutting, "start", *range(11))) == (200, 10, 0)
    assert counts(act(client(Switches(task_batch_limit=9999)), "start", *range(12))) == (200, 12, 0)


def test_a_lot_that_fails_in_part_is_a_200_and_each_failure_has_its_code() -> None:
    far = client(None, Rule(Kind.TASK_FAILS, names=frozenset({_world().instance("dev").tasks[1].name})))
    tasks = far.world.instance("dev").tasks
    holding = far.service.holding("dev")
    timed = next(each for each in tasks if each.task_type == "TIMING" and each not in tasks[:2])
    holding.tasks.put(replace(timed, cron=""))
    ids = [tasks[0].id, tasks[1].id, timed.id, "nothing"]
    told = listing(far, {"action_id": "start", "list": [{"task_id": each} for each in ids]})
    assert counts(told) == (200, 1, 3)
    assert codes(told) == ["FDI.3026", "FDI.3083", "FDI.3021"]
    assert [each.id for each in holding.tasks.all() if each.running] == [tasks[0].id]
    assert far.service.ledger.calls[-1].asset_ids == (tasks[0].id,)


def test_the_start_of_a_running_task_and_the_stop_of_a_stopped_one_are_a_switch() -> None:
    far, easy = client(), client(Switches(task_same_state=TaskSameState.SUCCESS))
    real_time = [each.task_type for each in far.world.instance("dev").tasks].index("REALTIME")
    timed = [each.task_type for each in far.world.instance("dev").tasks].index("TIMING")
    assert codes(act(far, "stop", real_time, timed)) == ["FDI.3019", "FDI.3020"]
    act(far, "start", timed)
    assert codes(act(far, "start", timed)) == ["FDI.3023"]
    assert counts(act(easy, "stop", timed)) == (200, 1, 0)


def test_a_stop_cuts_the_run_or_lets_it_drain() -> None:
    cut, drains = client(), client(Switches(stop_drains_seconds=30))
    for far in (cut, drains):
        act(far, "start", 0)
        assert states(far)[0] == (1, "RUNNING")
        act(far, "stop", 0)
    assert states(cut)[0] == (0, "UNSTARTED")
    assert states(drains)[0] == (0, "RUNNING")
    drains.now += 20
    act(drains, "start", 0)
    act(drains, "stop", 0)
    drains.now += 10
    assert states(drains)[0] == (0, "RUNNING")
    drains.now += 20
    assert states(drains)[0] == (0, "UNSTARTED")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"action_id": "start"}, "FDI.3150"),
        ({"action_id": "start", "list": []}, "FDI.3150"),
        ({"action_id": "start", "list": [{}]}, "FDI.3002"),
        ({"action_id": "start", "list": "all"}, "FDI.3002"),
        ({"action_id": "run", "list": [{"task_id": "x"}]}, "FDI.3002"),
    ],
)
def test_a_wrong_body_is_refused(body: Json, refusal: str) -> None:
    assert code(listing(client(), body)) == (400, refusal)


def test_the_first_start_without_a_position_copies_everything_and_later_ones_do_not() -> None:
    far = client()
    fresh, known = far.world.instance("dev").tasks[0], far.world.instance("dev").tasks[1]
    assert (fresh.position, bool(known.position)) == ("", True)
    for action in ("start", "stop", "start"):
        act(far, action, 0, 1)
    assert far.service.holding("dev").whole_copies == {fresh.id: 1}
