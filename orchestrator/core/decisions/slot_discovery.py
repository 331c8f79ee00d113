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
from orchestrator.core.state.subjects import Subject, SubjectKind

#: a job that is expected to end sooner is waited for: whether it still ran could not be seen, seconds
SOON = 2.0


def chance(s: SchedulerContext, slot: str, work: Work, now: float) -> Note | None:
    """The intent to ask for this job although one of ours runs in its slot; None where that would show nothing."""
    widening = s.progress.trials.next()
    running = s.occupants(slot)
    if widening is None or len(running) != 1 or s.board.loads[slot].busy_until - now < SOON:
        return None
    beside = _running(s, running[0])
    if beside is None:
        return None
    subject = s.progress.subject_of(work.subject)
    here, there = _place(s, beside), (work.kind, _instance_of(s, subject))
    if not _fits(s, widening, here, there):
        return None
    if _unclear(s, there[1], {running[0], subject}):
        return None
    both = here[0] is not there[0] and here[1] != there[1]
    return Note((e.WideningTried(widening.value, slot, work.subject, running[0].id, both),))


def asked_beside(s: SchedulerContext, step: steps.RequestExport | steps.RequestImport, trial: Trial) -> str:
    """The slot that the trial's job takes if the two are apart."""
    kind = JobKind.EXPORT if isinstance(step, steps.RequestExport) else JobKind.IMPORT
    apart = (*s.progress.trials.apart, trial.widening)
    return s.rule.slot(s.plan.instances[step.instance], step.credentials, kind, apart)


def trial_answer(s: SchedulerContext, trial: Trial) -> Answer:
    """What to do about a trial now."""
    own, other = s.progress.subject_of(trial.tried.subject), s.progress.subject_of(trial.tried.beside)
    beside = _running(s, other)
    match trial.reply:
        case Reply.AWAITED if beside is not None and _waits(s, own):
            return None
        case Reply.BUSY if _unclear(s, _instance_of(s, own), {own, other}):
            return _shown(trial, "open", "ROMA.10012, which another job of ours may have caused")
        case Reply.BUSY:
            return _shown(trial, "one", "ROMA.10012")
        case Reply.ACCEPTED if beside is not None:
            credentials = beside.credentials if isinstance(beside, Package) else beside.scheduled.owner
            _, instance = _place(s, beside)
            return steps.CheckBeside(trial.tried.widening, instance, credentials, beside.job)
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


def _unclear(s: SchedulerContext, instance: str, known: set[Subject]) -> bool:
    """Whether a refusal there may speak of a job of ours that is none of these: a lost import, or another user's."""
    if s.progress.unsure:
        return True
    taken = (subject for subjects in s.progress.occupied.values() for subject in subjects)
    return any(_instance_of(s, subject) == instance for subject in taken if subject not in known)


def _running(s: SchedulerContext, subject: Subject) -> Package | Delivery | None:
    """Its life, while a job of ours runs for it whose id we know."""
    match s.progress.life_of(subject):
        case Package(state=PackageState.EXPORTING) | Delivery(state=DeliveryState.IMPORTING) as life:
            return life
        case _:
            return None


def _waits(s: SchedulerContext, subject: Subject) -> bool:
    """Whether the trial's own job is still to be asked for, or its answer on the way."""
    match s.progress.life_of(subject):
        case Package(state=state):
            return state in {PackageState.PENDING, PackageState.DROPPED, PackageState.EXPORT_UNSURE}
        case Delivery(state=state):
            return state in {DeliveryState.WAITING, DeliveryState.IMPORT_UNSURE}
        case None:
            return False


def _place(s: SchedulerContext, life: Package | Delivery) -> tuple[JobKind, str]:
    if isinstance(life, Package):
        return JobKind.EXPORT, s.progress.batches[life.batch].source
    return JobKind.IMPORT, life.target


def _instance_of(s: SchedulerContext, subject: Subject) -> str:
    match subject.kind:
        case SubjectKind.DELIVERY:
            return s.progress.deliveries[subject.id].target
        case SubjectKind.PACKAGE:
            return s.progress.batches[subject.id].source
        case _:
            return s.progress.probes[subject.id].requested.instance
