"""Schedules of tasks and single runs; data sources created and deleted (Finishing 2.4, 2.5)."""

import pytest

from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.world import Task
from tests.emulator.api.test_changes import calls, code, send
from tests.emulator.in_memory_client import SHORT, InMemoryClient

NIGHTLY: Json = {"use_quartz_cron": True, "cron": "0 0 3 * * ?"}


def client() -> InMemoryClient:
    return InMemoryClient(generate(2, 4, durations=SHORT))


def task(far: InMemoryClient, scheduled: bool) -> Task:
    return next(one for one in far.world.instance("dev").tasks if bool(one.cron) is scheduled)


def test_a_task_without_a_schedule_gets_one_and_one_with_a_schedule_another() -> None:
    far = client()
    bare, timed = task(far, scheduled=False), task(far, scheduled=True)
    made = send(far, "POST", f"/tasks/{bare.id}/dispatches", NIGHTLY, "fdi")
    assert (made.status, made.json["cron"]) == (201, "0 0 3 * * ?")
    assert send(far, "POST", f"/tasks/{timed.id}/dispatches", NIGHTLY, "fdi").status == 400
    dispatch = far.get(f"/tasks/{timed.id}/dispatches", "fdi").json["dispatch_id"]
    hourly: Json = {"period": "HOUR", "dispatch_interval": 2}
    changed = send(far, "PUT", f"/tasks/{timed.id}/dispatches/{dispatch}", hourly, "fdi").json
    assert (changed["cron"], changed["period"]) == ("0 0 0/2 * * ?", "HOUR")
    assert far.get(f"/tasks/{timed.id}/dispatches", "fdi").json["cron"] == "0 0 0/2 * * ?"


def test_a_schedule_that_is_not_there_is_refused_in_an_envelope_of_its_own() -> None:
    far = client()
    bare = task(far, scheduled=False)
    refused = send(far, "PUT", f"/tasks/{bare.id}/dispatches/none", NIGHTLY, "fdi")
    reason = refused.json["reason"]
    assert isinstance(reason, dict)
    assert (refused.status, reason["error_code"]) == (404, "FDI.3083")


def test_one_run_without_a_position_sends_all_the_source_ever_had_and_leaves_the_task_stopped() -> None:
    far = client()
    one = next(each for each in far.world.instance("dev").tasks if not each.position)
    for _ in range(2):
        assert send(far, "POST", f"/tasks/{one.id}/run", kind="fdi").status == 200
    holding = far.service.holding("dev")
    stored = holding.tasks.get(one.id)
    assert stored is not None
    assert (holding.whole_copies[one.id], stored.running) == (1, one.running)
    assert code(send(far, "POST", "/tasks/none/run", kind="fdi")) == (404, "FDI.3081")
    assert calls(far) == [("task-run", "accepted")] * 2 + [("task-run", "FDI.3081")]


def source(far: InMemoryClient, name: str) -> Json:
    content = {"host": "db", "password": "new"}
    app_id = far.world.instance("dev").apps[0].id
    return {"datasource_name": name, "datasource_type": "MYSQL", "app_id": app_id, "content": content}


def test_a_data_source_is_created_under_a_free_name_and_deleted_where_no_task_uses_it() -> None:
    far = client()
    used = far.world.instance("dev").datasources[0]
    made = send(far, "POST", "/datasources", source(far, "new"), "fdi")
    assert made.status == 201
    assert code(send(far, "POST", "/datasources", source(far, used.name), "fdi")) == (400, "FDI.3002")
    assert send(far, "DELETE", f"/datasources/{made.json['datasource_id']}", kind="fdi").status == 200
    assert code(send(far, "DELETE", f"/datasources/{used.id}", kind="fdi")) == (400, "FDI.3002")


@pytest.mark.parametrize("missing", ["datasource_name", "datasource_type", "app_id", "content"])
def test_a_data_source_without_what_is_mandatory_is_not_created(missing: str) -> None:
    far = client()
    body = {key: each for key, each in source(far, "new").items() if key != missing}
    assert code(send(far, "POST", "/datasources", body, "fdi")) == (400, "FDI.3002")
