"""Checks on the plan's windows. Law: a job is expected to take what nine in ten such jobs take at most (promise 19)."""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.model.counts import count
from orchestrator.core.plan.hours import Hours, hours_of
from orchestrator.core.plan.scalars import spelled
from orchestrator.core.plan.windows import Calendar, Levels, common
from orchestrator.core.preflight.context import PreflightContext
from orchestrator.core.scheduling.timetable import Predict
from orchestrator.core.state.slots import JobKind

_REMEDY = "give the plan a longer window, or a smaller batch_size"


@dataclass(frozen=True, slots=True)
class _Job:
    """One job, and the windows in which it may be asked for: one of these ways is enough."""

    kind: JobKind
    instance: str
    where: str
    assets: tuple[str, ...]
    ways: tuple[Levels, ...]


def window_too_short(context: PreflightContext) -> Iterator[Check]:
    """No job is asked for that would not end before its window closes, so each must have one that is long enough."""
    if context.predict is None:
        return
    calendar, told = Calendar(), set[tuple[JobKind, str, str]]()
    for job in _jobs(context, hours_of(context.plan)):
        key = (job.kind, job.where, job.instance)
        seconds = context.predict(job.instance, job.kind, len(job.assets)).p90
        if key not in told and all(calendar.first(way, context.now, seconds) is None for way in job.ways):
            told.add(key)
            sentence = _sentence(context, job, seconds, context.predict)
            yield Check("window-too-short", Verdict.BLOCKER, sentence, job.assets, _REMEDY, job.where)


def _jobs(context: PreflightContext, hours: Hours) -> Iterator[_Job]:
    """Those that any window binds; the largest first: one of a kind that is too long is told, and not each."""
    if not hours.bind:
        return
    held = {batch.batch: batch for batch in (*context.batches, *context.backups)}
    size = {name: len(batch.assets) for name, batch in held.items()}
    ways: dict[str, set[Levels]] = {name: set() for name in held}
    for each in sorted(context.deliveries, key=lambda each: -size[each.batch]):
        names = tuple(asset.name for asset in held[each.batch].assets)
        where = f"{each.migration}@{each.target}"
        yield _Job(JobKind.IMPORT, each.target, where, names, (hours.of_import(each.target, each.migration),))
        for name in (each.batch, *each.backups):
            ways[name].add(hours.of_export(held[name].source, each.migration))
    for name in sorted(held, key=lambda name: -size[name]):
        source, names = held[name].source, tuple(asset.name for asset in held[name].assets)
        if ways[name]:
            yield _Job(JobKind.EXPORT, source, f"@{source}", names, tuple(ways[name]))


def _sentence(context: PreflightContext, job: _Job, seconds: float, predict: Predict) -> str:
    now = context.now
    openings = (found for way in job.ways for found in common(way, now))
    longest = max((found.ends - max(found.begins, now) for found in openings), default=0.0)
    known = "learned" if predict(job.instance, job.kind, len(job.assets)).jobs else "guessed"
    takes = (
        f"the {job.kind.value} of {count(len(job.assets), 'asset')} at {job.instance} takes {_minutes(seconds)} at P90"
    )
    if not longest:
        return f"{takes} ({known}), and no window opens for it any more"
    return f"{takes} ({known}), and no window for it is longer than {_minutes(longest)}"


def _minutes(seconds: float) -> str:
    return spelled(float(round(seconds / 60) * 60)) if seconds >= 120 else spelled(float(round(seconds)))
