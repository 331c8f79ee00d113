"""One event, believed of one life: what is known of it afterwards.

Law: where it leads stands in the tables of `lifecycle`; nothing here looks at another life.
"""

from dataclasses import replace

from orchestrator.core.model.error_detail import NOT_OURS
from orchestrator.core.model.failures import Failure
from orchestrator.core.model.inventory import moment_of
from orchestrator.core.model.retries import LONGEST_RETRY_AFTER
from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail, Event
from orchestrator.core.state.lifecycle import (
    DELIVERY_EXCEPTIONS,
    DELIVERY_MOVES,
    PACKAGE_EXCEPTIONS,
    PACKAGE_MOVES,
    PRESUMED,
    PROBE_MOVES,
    Delivery,
    DeliveryState,
    Heard,
    IllegalMove,
    Package,
    PackageState,
    Probe,
    ProbeState,
)

P = PackageState
D = DeliveryState

#: the refusal that is bounded by count (`core.model.retries`); others are bounded by time
NOT_CREATED = Failure.NOT_CREATED.value
#: the longest wait that a refusal asks for (`core.model.retries`), seconds
LONGEST_WAIT = LONGEST_RETRY_AFTER + 1.0


def move_package(life: Package, event: Event, at: float) -> Package:
    """The package after `event`; raises IllegalMove."""
    word = _word_of(life, event)
    state = PACKAGE_EXCEPTIONS.get((life.state, type(event), word)) or PACKAGE_MOVES.get((life.state, type(event)))
    if state is None:
        raise IllegalMove(f"batch {life.batch} is {life.state}: {type(event).__name__} cannot follow")
    life = replace(life, since=at if state is not life.state else life.since, state=state)
    match event:
        case e.ExportRequested(credentials=credentials, slot=slot):
            return replace(
                life,
                credentials=credentials,
                slot=slot,
                asked_at=at,
                attempt=life.attempt + 1,
                job="",
                archive="",
                cuts=0,
                quiet_until=0.0,
                overdue=False,
            )
        case e.ExportAccepted(job=job):
            return replace(life, job=job, refusals=0, silences=0, quiet_until=0.0)
        case e.ExportRefused(words=words, wait=wait):
            return replace(
                life, words=words, not_before=at + wait, refusals=life.refusals + 1 if words.kind == NOT_CREATED else 0
            )
        case e.ExportAnswerLost(words=words, quiet_until=quiet):
            return replace(life, words=words, quiet_until=quiet, silences=life.silences + 1)
        case e.Exported(archive=archive):
            return replace(life, archive=archive)
        case e.ExportFailed(reasons=reasons, words=words):
            return replace(life, reasons=reasons, words=words)
        case e.DownloadRefused(words=words, wait=wait):
            return replace(life, words=words, not_before=at + wait)
        case e.DownloadCut():
            return replace(life, cuts=life.cuts + 1)
        case e.PackageStored(sha256=sha256, size=size, check=check):
            life = replace(life, sha256=sha256, size=size, check=check)
            if state is P.STORED:
                return replace(life, not_before=0.0)
            return replace(life, suspects=life.suspects + 1)
        case e.ExportVanished(words=words) | e.PackageLost(words=words) | e.PackageDamaged(words=words):
            return replace(life, words=words, losses=life.losses + 1, sha256="", size=0)
        case e.ExportOverdue():
            return replace(life, overdue=True)
        case e.Resolved() if state is P.PENDING:
            return replace(life, overdue=False, suspects=0, losses=0)
        case e.Resolved():
            return replace(life, overdue=False)
        case e.Regrouped():
            return Package(life.batch, since=at, attempt=life.attempt)
        case e.PackageStale() | e.PackageDropped() | e.Retried():
            return replace(life, losses=0, refusals=0, silences=0, suspects=0, not_before=0.0, sha256="", reasons=())
        case _:
            return life


def _word_of(life: Package | Delivery, event: Event) -> str:
    """What decides beside the state and the event's name, "" where nothing does."""
    if isinstance(event, e.Resolved):
        return event.outcome
    if isinstance(life, Delivery):
        return PRESUMED if life.presumed else ""
    if isinstance(event, e.PackageStored) and event.check == "suspect":
        return "suspect again" if life.suspects else "suspect"
    return ""


def move_delivery(life: Delivery, event: Event, at: float) -> Delivery:
    """The delivery after `event`; raises IllegalMove."""
    word = _word_of(life, event)
    state = DELIVERY_EXCEPTIONS.get((life.state, type(event), word)) or DELIVERY_MOVES.get((life.state, type(event)))
    if state is None:
        raise IllegalMove(f"delivery {life.id} is {life.state}: {type(event).__name__} cannot follow")
    landed_at = at if state is D.IMPORTED and life.state is not state else life.landed_at
    life = replace(life, since=at if state is not life.state else life.since, state=state, landed_at=landed_at)
    match event:
        case e.Looked():
            return _looked(life, event, at)
        case e.ImportRequested(credentials=credentials, slot=slot):
            life = replace(
                life, scheduled=replace(life.scheduled, owner=credentials), slot=slot, asked_at=at,
                attempt=life.attempt + 1, job="", quiet_until=0.0, overdue=False, unlooked=(), unwatched=False,
                gap=(0.0, 0.0), over_at=0.0,
            )  # fmt: skip
            return without_looks(life)
        case e.ImportAccepted(job=job):
            return owned(replace(life, job=job, refusals=0, silences=0, quiet_until=0.0, presumed=False))
        case e.ImportRefused(words=words, wait=wait):
            refusals = life.refusals + 1 if words.kind == NOT_CREATED else 0
            return without_looks(replace(life, words=words, not_before=at + wait, refusals=refusals))
        case e.ImportAnswerLost(words=words, quiet_until=quiet) | e.ImportVanished(words=words, quiet_until=quiet):
            return owned(without_looks(replace(life, words=words, quiet_until=quiet, silences=life.silences + 1)))
        case e.ImportMissing():
            return without_looks(replace(life, presumed=not life.idle_at))
        case e.Imported(reasons=reasons, end_time=end):
            return replace(life, reasons=reasons, over_at=moment_of(end) or 0.0)
        case e.ImportFailed(reasons=reasons, words=words):
            return without_looks(replace(life, reasons=reasons, words=words))
        case e.ImportOverdue():
            return replace(life, overdue=True)
        case e.ImportInDoubt(landed=landed):
            return replace(life, landed=landed, presumed=not life.idle_at)
        case e.Quarantined(words=words):
            return replace(life, words=words)
        case e.Blocked(by=by):
            return replace(life, by=by)
        case e.Verified() | e.BackupsChosen():
            return _known(life, event)
        case e.Retried():
            if life.words is not None and life.words.kind == NOT_OURS:
                life = replace(life, baseline=None, attempt=0)  # what is there was there before this try
            return without_looks(replace(life, refusals=0, silences=0, not_before=0.0, by="", words=None, reasons=()))
        case e.Resolved():
            return _resolved(life, event, at)
        case _:
            return life


def _known(life: Delivery, event: e.Verified | e.BackupsChosen) -> Delivery:
    """What is known of a delivery now; no move."""
    if isinstance(event, e.Verified):
        return replace(life, verified=event)
    return replace(life, scheduled=replace(life.scheduled, backups=event.backups))


def _looked(life: Delivery, event: e.Looked, at: float) -> Delivery:
    """A look before anything was asked is the baseline; later ones are judged against it."""
    baseline = event if life.baseline is None or not life.attempt else life.baseline
    if life.unlooked and baseline is life.baseline:
        seen = {**baseline.seen, **{asset: event.seen.get(asset, ()) for asset in life.unlooked}}
        times = tuple({**dict(event.times), **dict(baseline.times)}.items())
        baseline = replace(baseline, present=tuple((asset, ids) for asset, ids in seen.items() if ids), times=times)
    life = replace(life, look=event, look_asked_at=event.asked_at or at, looked_at=at, baseline=baseline)
    first = life.first_look
    if life.state is D.IMPORT_UNSURE and (first is None or first.present != event.present):
        return replace(life, first_look=event, first_looked_at=at)
    return life


def _resolved(life: Delivery, event: e.Resolved, at: float) -> Delivery:
    quiet = at + event.settle_quiet if event.outcome == "job-ended" else life.quiet_until
    words = ErrorDetail("operator", message=event.reason)
    if event.outcome == "partial":
        return replace(life, words=words)  # the split follows, and its parts inherit what is presumed and was seen
    return without_looks(replace(life, words=words, overdue=False, quiet_until=quiet, presumed=False))


def owned(life: Delivery) -> Delivery:
    """Who asked for it keeps it: what it created, or may have created, is his."""
    return replace(life, scheduled=replace(life.scheduled, owners=())) if life.scheduled.owners else life


def without_looks(life: Delivery) -> Delivery:
    """What was seen so far says nothing of what was asked since."""
    return replace(
        life, look=None, look_asked_at=0.0, looked_at=0.0, first_look=None, first_looked_at=0.0, idle_at=0.0,
        free_at=0.0,
    )  # fmt: skip


def resumed_package(life: Package, at: float, quiet: float, back: float) -> Package:
    """The package as another process takes it up; `back` (0 or less): how far the clock stands behind the journal.

    Between two processes only the wall clock tells the time, and it may have been stepped: what is to be waited for is
    waited for anew, and no more.
    """
    life = replace(life, since=life.since + back, not_before=min(life.not_before, at + LONGEST_WAIT))
    return replace(life, quiet_until=at + quiet) if life.state is P.EXPORT_UNSURE else life


def resumed_delivery(life: Delivery, at: float, quiet: float, earlier: float) -> Delivery:
    """The delivery as another process takes it up; see `resumed_package`. What was seen is looked at anew.

    `earlier` is when the process before told something last.
    """
    back = min(at - earlier, 0.0)
    life = replace(life, since=life.since + back, not_before=min(life.not_before, at + LONGEST_WAIT))
    if life.state is not D.WAITING or life.unwatched:
        life = replace(life, unwatched=True, gap=((life.gap[0] or earlier) + back, at))
    match life.state:
        case D.IMPORT_UNSURE:
            return owned(without_looks(replace(life, quiet_until=at + quiet, busy_at=min(life.busy_at, at))))
        case D.WAITING:
            return without_looks(life)
        case D.FAILED:
            return without_looks(replace(life, since=at))
        case _:
            return life


def resumed_probe(life: Probe, at: float, quiet: float, back: float) -> Probe:
    """The probe as another process takes it up; see `resumed_package`."""
    life = replace(life, since=life.since + back, not_before=min(life.not_before, at + LONGEST_WAIT))
    return replace(life, quiet_until=at + quiet) if life.state is ProbeState.ASKED else life


def is_open_question(life: Delivery) -> bool:
    """Whether an import of it that was lost may run yet."""
    return life.state is D.IMPORT_UNSURE or (life.state is D.WAITING and life.presumed)


def maybe_running(life: Delivery, at: float) -> Delivery:
    """A job runs that may be the lost import: time proves nothing yet, and what it seemed to prove is open again."""
    life = _reopened(life, Heard.MAY_RUN, at)
    return replace(life, busy_at=at) if life.state is D.IMPORT_UNSURE else life


def surely_over(life: Delivery, at: float) -> Delivery:
    """ROMA accepted a job that excludes the lost import: a listing that is asked for now shows what it left."""
    life = _reopened(life, Heard.OVER, at)
    return life if life.idle_at else replace(life, idle_at=at)


def _reopened(life: Delivery, heard: Heard, at: float) -> Delivery:
    state = DELIVERY_EXCEPTIONS.get((life.state, heard, PRESUMED)) if life.presumed else None
    return life if state is None else replace(without_looks(life), state=state, since=at, quiet_until=at)


def move_probe(life: Probe | None, event: e.ProbeEvent, at: float) -> Probe:
    """The probe after `event`, where None is a slot that was never probed; raises IllegalMove."""
    if isinstance(event, e.ProbeRequested) and life is None:
        return Probe(event, since=at, asked_at=at)
    state = PROBE_MOVES.get((life.state, type(event))) if life is not None else None
    if life is None or state is None:
        stands = life.state if life is not None else "not asked for"
        raise IllegalMove(f"the probe of slot {event.slot} is {stands}: {type(event).__name__} cannot follow")
    match event:
        case e.ProbeRequested():
            return Probe(event, since=at, asked_at=at)
        case e.ProbeAccepted(job=job):
            return replace(life, state=state, since=at, job=job)
        case e.ProbeAnswerLost(quiet_until=quiet):
            return replace(life, state=state, quiet_until=quiet)
        case e.ProbeRefused(wait=wait):
            return replace(life, state=state, since=at, not_before=at + wait)
        case e.ProbeEnded():
            return replace(life, state=state, since=at, not_before=0.0)
