"""`one_job_per: auto`: when to ask for a real job beside another of ours, and what the answer shows (promise 2).

Law: once per run and per widening, in the order kind, instance; what was not seen changes nothing.

A job of another kind at another instance shows only that a user's jobs do not all share one slot. Where each instance
is only a source or only a target, that is all that the kind is needed for; where one is both, the kind is tried there.
"""

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.context import Answer, Note, SchedulerContext
from orchestrator.core.scheduling.policy import Work
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.slot_trials import Reply, Trial
from orchestrator.core.state.slots import JobKind, Widening

#: a job that is expected to end sooner is waited for: whether it still ran could not be seen, seconds
SOON = 2.0
#: how a trial is named among subjects
_SUBJECT = "widening "


def subject_of(trial: Trial) -> str:
    """The trial as a subject of the agenda."""
    return _SUBJECT + trial.tried.widening


def chance(s: SchedulerContext, slot: str, work: Work, now: float) -> Note | None:
    """The intent to ask for this job although one of ours runs in its slot; None where that would show nothing."""
    widening = s.progress.trials.next()
    running = s.occupants(slot)
    if widening is None or len(running) != 1 or s.ledger.loads[slot].busy_until - now < SOON:
        return None
    beside = _running(s, running[0])
    if beside is None:
        return None
    here, there = _place(s, beside), (work.kind, _instance_of(s, work.subject))
    if not _fits(s, widening, here, there):
        return None
    if _unclear(s, there[1], {running[0], work.subject}):
        return None
    both = here[0] is not there[0] and here[1] != there[1]
    return Note((e.WideningTried(widening.value, slot, work.subject, running[0], both),))


def asked_beside(s: SchedulerContext, step: steps.RequestExport | steps.RequestImport, trial: Trial) -> str:
    """The slot that the trial's job takes if the two are apart."""
    kind = JobKind.EXPORT if isinstance(step, steps.RequestExport) else JobKind.IMPORT
    apart = (*s.progress.trials.apart, trial.widening)
    return s.rule.slot(s.plan.instances[step.instance], step.credentials, kind, apart)


def trial_answer(s: SchedulerContext, trial: Trial) -> Answer:
    """What to do about a trial now."""
    beside = _running(s, trial.tried.beside)
    match trial.reply:
        case Reply.AWAITED if beside is not None and _waits(s, trial.tried.subject):
            return None
        case Reply.BUSY if _unclear(s, _instance_of(s, trial.tried.subject), {trial.tried.beside, trial.tried.subject}):
            return _shown(trial, "open", "ROMA.10012, which another job of ours may have caused")
        case Reply.BUSY:
            return _shown(trial, "one", "ROMA.10012")
        case Reply.ACCEPTED if beside is not None:
            credentials = beside.credentials if isinstance(beside, Package) else beside.scheduled.owner
            _, instance = _place(s, beside)
            return steps.CheckBeside(subject_of(trial), instance, credentials, beside.job, trial.tried.widening)
        case Reply.HIDDEN:
            return _shown(trial, "open", "its answer showed nothing")
        case _:
            return _shown(trial, "open", "the job beside it had ended, or it could no longer be asked for")


def _shown(trial: Trial, shown: str, reason: str) -> Note:
    return Note((e.WideningShown(trial.tried.widening, shown, reason),))


def _fits(s: SchedulerContext, widening: Widening, here: tuple[JobKind, str], there: tuple[JobKind, str]) -> bool:
    if widening is Widening.INSTANCE:
        return here[0] is there[0] and here[1] != there[1]
    sources = {batch.source for batch in s.progress.batches.values()}
    targets = {life.target for life in s.progress.deliveries.values()}
    one_way = not {here[1], there[1]} & sources & targets
    return here[0] is not there[0] and (here[1] == there[1] or one_way)


def _unclear(s: SchedulerContext, instance: str, known: set[str]) -> bool:
    """Whether a refusal there may speak of a job of ours that is none of these: a lost import, or another user's."""
    if s.progress.unsure:
        return True
    taken = (subject for subjects in s.progress.occupied.values() for subject in subjects)
    return any(_instance_of(s, subject) == instance for subject in taken if subject not in known)


def _running(s: SchedulerContext, subject: str) -> Package | Delivery | None:
    """Its life, while a job of ours runs for it whose id we know."""
    package, delivery = s.progress.packages.get(subject), s.progress.deliveries.get(subject)
    if package is not None and package.state is PackageState.EXPORTING:
        return package
    return delivery if delivery is not None and delivery.state is DeliveryState.IMPORTING else None


def _waits(s: SchedulerContext, subject: str) -> bool:
    """Whether the trial's own job is still to be asked for, or its answer on the way."""
    package, delivery = s.progress.packages.get(subject), s.progress.deliveries.get(subject)
    if package is not None:
        return package.state in {PackageState.PENDING, PackageState.DROPPED, PackageState.EXPORT_UNSURE}
    return delivery is not None and delivery.state in {DeliveryState.WAITING, DeliveryState.IMPORT_UNSURE}


def _place(s: SchedulerContext, life: Package | Delivery) -> tuple[JobKind, str]:
    if isinstance(life, Package):
        return JobKind.EXPORT, s.progress.batches[life.batch].source
    return JobKind.IMPORT, life.target


def _instance_of(s: SchedulerContext, subject: str) -> str:
    if subject in s.progress.deliveries:
        return s.progress.deliveries[subject].target
    if subject in s.progress.batches:
        return s.progress.batches[subject].source
    return s.progress.probes[subject.removeprefix("probe ")].requested.instance
