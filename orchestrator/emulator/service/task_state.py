"""Starts and stops of tasks (Finishing 2.5). Law: each task of a lot succeeds or fails alone, and that is a 200."""

from dataclasses import replace
from functools import partial

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.instance_store import Holding, sees_task
from orchestrator.emulator.world.finishing_readings import TaskBatchOver, TaskSameState
from orchestrator.emulator.world.world import Task

_RUNNING = {"start": True, "stop": False}
_MOST_TOLD = 64


def act(asked: Change) -> Done:
    """Starts or stops the tasks of the body; refused for none, and for more than the limit (Finishing 5, 7)."""
    running = _RUNNING.get(str(asked.body.get("action_id")))
    if running is None:
        raise asked.wrong("action_id must be start or stop.")
    good: list[Json] = []
    bad: list[Json] = []
    for task_id in _ids(asked):
        task = asked.holding.tasks.get(task_id)
        if task is None or not sees_task(task, asked.user, asked.holding, asked.switches.visibility):
            bad.append(_failed(task_id, "", "FDI.3021", "The task does not exist."))
        elif reason := _why_not(asked, task, running):
            bad.append(_failed(task_id, task.name, *reason))
        else:
            _set(asked, task, running)
            good.append({"task_id": task_id, "task_name": task.name})
    told: Json = {"success_count": len(good), "failure_count": len(bad), "success": good, "failure": bad}
    return Done(200, told, "started" if running else "stopped", tuple(str(each["task_id"]) for each in good))


def _ids(asked: Change) -> list[str]:
    listed = asked.body.get("list")
    if not listed:
        raise Refusal(Layer.FDI, 400, "FDI.3150", "The task list is empty.")
    if not isinstance(listed, list) or not all(isinstance(each, dict) and each.get("task_id") for each in listed):
        raise asked.wrong("An element of list has no task_id.")
    limit = asked.switches.task_batch_limit
    if len(listed) > limit and asked.switches.task_batch_over is TaskBatchOver.REFUSE:
        raise asked.wrong(f"list has more than {limit} tasks.")
    return [str(each["task_id"]) for each in listed[:limit]]


def _why_not(asked: Change, task: Task, running: bool) -> tuple[str, str] | None:
    """Code and message of what keeps one task as it is."""
    if {task.id, task.name} & asked.twist.poison.names:
        return ("FDI.3026", "Failed to start the task.") if running else ("FDI.3027", "Failed to stop the task.")
    if task.running is running and asked.switches.task_same_state is TaskSameState.FAILURE:
        if running:
            return "FDI.3023", "The task is running."
        return ("FDI.3019" if task.task_type == "REALTIME" else "FDI.3020"), "Failed to stop the task."
    if running and task.task_type == "TIMING" and not task.cron:
        return "FDI.3083", "The scheduled task has no schedule."
    return None


def _set(asked: Change, task: Task, running: bool) -> None:
    drains, until = asked.switches.stop_drains_seconds, 0.0
    if not running:
        until = asked.now + drains if task.running and drains > 0 else task.draining_until
    position = task.position
    if running and not position:
        asked.holding.whole_copies[task.id] += 1
        position = str(round(asked.now * 1000))
    after = replace(task, running=running, draining_until=until, position=position)
    asked.holding.tasks.put(after, asked.shown_from)
    if until > asked.now:
        asked.at.agenda.at(until, partial(_drained, asked.holding, task.id, until))


def _drained(holding: Holding, task_id: str, until: float) -> None:
    """The run that was in progress as the task was stopped has ended."""
    task = holding.tasks.get(task_id)
    if task is not None and task.draining_until == until:
        holding.tasks.put(replace(task, draining_until=0.0))


def _failed(task_id: str, name: str, code: str, message: str) -> Json:
    return {"task_id": task_id, "task_name": name, "error_code": code, "error_msg": message[:_MOST_TOLD]}
