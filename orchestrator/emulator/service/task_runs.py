"""Schedules of tasks, and single runs (Finishing 2.5). Law: a run without a position sends all the source ever had."""

import re
from collections.abc import Mapping
from dataclasses import replace

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.instance_store import Looking, sees_task
from orchestrator.emulator.world.world import Task, hex_id

_CRON = re.compile(r".{8,255}")
_PERIODS: Mapping[str, str] = {
    "MIN": "0 0/{0} * * * ?",
    "HOUR": "0 0 0/{0} * * ?",
    "DAY": "0 0 2 1/{0} * ?",
    "WEEK": "0 0 2 ? * {0}",
    "MON": "0 0 2 {0} * ?",
}


def create_schedule(asked: Change) -> Done:
    """A schedule for a task that has none."""
    task = scheduled(asked.at, asked.above)
    if task.cron:
        raise Refusal(Layer.DISPATCH, 400, "FDI.3002", "The task has a schedule.")
    return _scheduled(asked, task, 201)


def change_schedule(asked: Change) -> Done:
    """Another schedule for a task."""
    task = scheduled(asked.at, asked.above)
    if not task.cron or asked.id != dispatch_id(task):
        raise Refusal(Layer.DISPATCH, 404, "FDI.3083", "The scheduled task has no schedule.")
    return _scheduled(asked, task, 200)


def run(asked: Change) -> Done:
    """One run, now; the task stays stopped or started."""
    task = _task(asked)
    if not task.position:
        asked.holding.whole_copies[task.id] += 1
        asked.holding.tasks.put(replace(task, position=str(round(asked.now * 1000))), asked.shown_from)
    return Done(200)


def terminate(asked: Change) -> Done:
    """The run in progress ends; the task stays stopped or started."""
    task = _task(asked)
    asked.holding.tasks.put(replace(task, draining_until=0.0), asked.shown_from)
    return Done(200, {"message": "The task is stopped."})


def dispatch_id(task: Task) -> str:
    """The id of a task's schedule."""
    return hex_id("dispatch", task.id)


def scheduled(at: Looking, task_id: str) -> Task:
    """A task as its schedule's operations know it; raises Refusal."""
    task = at.holding.tasks.get(task_id)
    if task is None or not sees_task(task, at.user, at.holding, at.switches.visibility):
        raise Refusal(Layer.DISPATCH, 404, "FDI.3180", "The task is not in the project.")
    return task


def told(task: Task, cron: str) -> Json:
    """A schedule as it is read."""
    return {
        "dispatch_id": dispatch_id(task),
        "task_id": task.id,
        "start_datetime": round(task.create_time * 1000),
        "period": "DAY",
        "dispatch_interval": 1,
        "created_date": round(task.create_time * 1000),
        "last_modified_date": round(task.update_time * 1000),
        "remark": "runs each night",
        "use_quartz_cron": True,
        "cron": cron,
    }


def _scheduled(asked: Change, task: Task, status: int) -> Done:
    if asked.body.get("use_quartz_cron"):
        cron = asked.text("cron", _CRON)
    else:
        period = asked.word("period", _PERIODS)
        cron = _PERIODS[period].format(asked.number("dispatch_interval", 1, 59, 1))
    after = replace(task, cron=cron, update_time=asked.now)
    asked.holding.tasks.put(after, asked.shown_from)
    return Done(status, told(after, cron) | {"period": str(asked.body.get("period") or "DAY")})


def _task(asked: Change) -> Task:
    task = asked.holding.tasks.get(asked.above)
    if task is None or not sees_task(task, asked.user, asked.holding, asked.switches.visibility):
        raise Refusal(Layer.FDI, 404, "FDI.3081", "The task does not exist.")
    return task
