"""How a lost import is settled (promise 3): quiet, then proof that it does not run, or time, then a look.

Law: never a blind repetition. What the plan says of slots decides what may be asked for; it proves nothing.
"""

from orchestrator.core.decisions import splitting, steps, target_evidence
from orchestrator.core.decisions.context import MOST_LOST_PROBES, Answer, Later, Note, SchedulerContext, Want
from orchestrator.core.decisions.permission import hold_of
from orchestrator.core.plan.plan import OnPartial
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import Delivery, Probe, ProbeState
from orchestrator.core.state.slots import JobKind
from orchestrator.core.state.subjects import Subject

#: a lost import may take so many times as long as the longest that was seen at its target
_LONGER = 1.5


def settle(s: SchedulerContext, life: Delivery, now: float) -> Answer:
    if not life.quiet_until:
        return None
    if now < life.quiet_until:
        return Later(life.quiet_until)
    if s.ended(life.target, life.scheduled.owner) or life.slot in s.ends:
        return None
    if life.look is None:
        return steps.ListTarget(life.id, life.target, life.scheduled.owner)
    if life.idle_at:
        return settle_by_proof(s, life, now)
    asks = can_probe(s, life) and (s.progress.trials.kinds_exclude or not life.free_at)
    if asks and hold_of(s, Subject.delivery(life.id), now) is None:
        return Want((life.slot,))
    return settle_by_time(s, life, now)


def settle_by_proof(s: SchedulerContext, life: Delivery, now: float) -> Answer:
    look = steps.ListTarget(life.id, life.target, life.scheduled.owner)
    if life.look is None or life.look_asked_at < life.idle_at:
        return look  # one that was on its way when the proof came may show what was there before
    verdict = target_evidence.judge(life, s.ids_of(life), life.look)
    sure_at = life.idle_at + s.lag_of(life.target)
    if isinstance(verdict, target_evidence.Done) or life.look_asked_at >= sure_at:
        return Note(conclude(s, life, verdict))
    return Later(sure_at) if now < sure_at else look


def settle_by_time(s: SchedulerContext, life: Delivery, now: float) -> Answer:
    """Two equal looks `settle_wait` apart, with no word in between that a job runs in the slot.

    A long job shows nothing until it ends: where its answer was lost, a busy slot is the only trace of it. So it is
    waited for as long as imports were seen to take at this target, and half as long again, also beyond `settle_wait`.
    """
    due = max(life.first_looked_at, life.busy_at) + s.settings.settle_wait
    if took := s.progress.seen.imports_took[life.target]:
        due = max(due, life.quiet_until + _LONGER * took + s.lag_of(life.target))
    if life.free_at:
        due = max(due, life.free_at + s.lag_of(life.target))
    if now < due:
        return Later(due)
    if life.look is None or life.look_asked_at < due:
        return steps.ListTarget(life.id, life.target, life.scheduled.owner)
    return Note(conclude(s, life, target_evidence.judge(life, s.ids_of(life), life.look)))


def conclude(s: SchedulerContext, life: Delivery, verdict: target_evidence.Verdict) -> tuple[e.Event, ...]:
    match verdict:
        case target_evidence.Done():
            return (e.ImportFound(life.id),)
        case target_evidence.Again(reason=reason):
            return (e.ImportMissing(life.id, reason),)
        case target_evidence.Taken():
            return (e.ImportMissing(life.id, "its names are judged again before the next request"),)
        case target_evidence.Half(landed=landed, rest=rest):
            if life.scheduled.on_partial == OnPartial.REST.value:
                return splitting.split(
                    s.progress, life,
                    [splitting.Part(landed, "landed"), splitting.Part(rest, "waiting")], "landed",
                )  # fmt: skip
            return (e.ImportInDoubt(life.id, landed),)


def can_probe(s: SchedulerContext, life: Delivery) -> bool:
    """Whether an export of what we see there asks the service for a word: does a job run? (promise 3b)

    Where kinds of jobs were shown to exclude each other, its acceptance is the proof. Elsewhere it answers for the
    readings by which they do, and time must show the rest. An import that waits in the slot goes first and proves more.
    """
    same = s.slot(life.target, life.scheduled.owner, JobKind.EXPORT) == life.slot
    seen = life.look is not None and bool(life.look.sample)
    return same and seen and s.progress.lost_probes[life.slot] < MOST_LOST_PROBES


def probe_answer(s: SchedulerContext, probe: Probe, now: float) -> Answer:
    asked = probe.requested
    match probe.state:
        case ProbeState.ASKED:
            if not probe.quiet_until or now < probe.quiet_until:
                return Later(probe.quiet_until) if probe.quiet_until else None
            return Note((e.ProbeEnded(asked.slot, "lost"),))
        case ProbeState.RUNNING:
            return steps.AwaitProbe(asked.slot, asked.instance, asked.credentials, probe.job, probe.since)
        case ProbeState.OVER:
            return None


def probe_candidate(s: SchedulerContext, life: Delivery, now: float) -> steps.Step | Later | None:
    if life.look is None or not life.look.sample:
        return None
    probe = s.progress.probes.get(life.slot)
    if probe is not None and (probe.state is not ProbeState.OVER or now < probe.not_before):
        return Later(probe.not_before) if now < probe.not_before else None
    kind, _, asset = life.look.sample.partition(":")
    app, task = (asset, "") if kind == "app" else ("", asset)
    return steps.RequestProbe(life.slot, life.target, life.scheduled.owner, app, task)
