"""What a decision rests on: the progress, the plan, and what only this process knows.

Law: what only this process knows may be forgotten at any time.

Decisions are functions over a SchedulerContext: `exporting` for packages, `importing` for deliveries, `lost_imports`
for lost imports. They only read it, and answer with what to do and whom that touches; `scheduler.Scheduler` asks them,
keeps what it hears, and gives the slots away.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import log
from statistics import NormalDist

from orchestrator.core.decisions import steps, target_evidence
from orchestrator.core.model.counts import count
from orchestrator.core.plan.plan import Plan, Scope, Settings
from orchestrator.core.plan.windows import Calendar
from orchestrator.core.scheduling.board import Board
from orchestrator.core.scheduling.policy import SIGMA
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind, SlotRule, host_of, overlapping
from orchestrator.core.state.subjects import Subject

#: a look older than this is taken again before an import is asked for, seconds
BASELINE_AGE = 300.0
#: the same where a lost import was taken for over by time alone, and may have landed a moment ago
PRESUMED_AGE = 5.0
#: packages on their way or stored per target, at most: the disk's bound, whatever the policy would gain by more
MOST_AHEAD = 12
#: packages lost after an export before the batch counts as failed (promise 4)
MOST_LOSSES = 3
#: answers to the same write lost in a row before the batch counts as failed (promise 9)
MOST_SILENCES = 8
#: lost probes before the proof is by time instead
MOST_LOST_PROBES = 3
#: halves or batches with the same error that stop a target (promise 7)
SAME_HALVES = 2
SAME_BATCHES = 3

_P90 = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True, slots=True)
class Start:
    """Steps to begin now."""

    steps: tuple[steps.Step, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Events that need no question: decisions of ours, to be journaled and believed."""

    events: tuple[e.Event, ...]


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Nothing to do before this moment (epoch seconds), or before a step ends."""

    time: float


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing is left that this run could do; what is still open waits for what `SchedulerContext.ends` says too."""

    #: what jobs waited for that may not be asked for now
    ends: Mapping[str, End] = field(default_factory=dict)


Decision = Start | Note | WaitUntil | Finished


@dataclass(frozen=True, slots=True)
class Want:
    """The subject waits for one of these slots."""

    slots: tuple[str, ...]
    #: targets and slots at which an event may change which of those that wait goes first, and whether one goes at all
    fed_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing before this moment (epoch seconds)."""

    time: float


@dataclass(frozen=True, slots=True)
class Refer:
    """Nothing by itself: what becomes of it is decided for these other subjects."""

    to: tuple[Subject, ...]


#: what one subject has to do now
Answer = steps.Step | Note | Want | Later | Refer | None


@dataclass(slots=True)
class Busy:
    """Somebody else's job is in our slot (ROMA.10012): back-pressure, never a failure."""

    since: float
    until: float


@dataclass(slots=True)
class Silence:
    """A service that does not answer."""

    since: float
    retry_at: float
    times: int = 1
    #: the subject whose step asks whether it is back
    asking: Subject | None = None


@dataclass(slots=True)
class SchedulerContext:
    """One process's view of a run."""

    plan: Plan
    rule: SlotRule
    progress: Progress
    #: predicted names at a target: (delivery, asset id) -> names
    names: Callable[[Delivery, e.Asset], tuple[str, ...]]
    #: subject -> the step that is under way
    active: dict[Subject, steps.Step] = field(default_factory=dict)
    #: slot -> somebody else's job in it
    busy: dict[str, Busy] = field(default_factory=dict)
    #: host -> since when it does not answer; `lists_of` an instance -> since when its lists contradict themselves
    silent: dict[str, Silence] = field(default_factory=dict)
    #: slot, host or "credentials@instance" -> why it went no further
    ends: dict[str, End] = field(default_factory=dict)
    stopping: bool = False
    #: the run is being ended: its jobs are awaited, its unsure imports settled, nothing new is asked
    abandoning: bool = False
    #: expected seconds of a job: (instance, kind, assets)
    expect: Callable[[str, JobKind, int], float] = field(default=lambda instance, kind, assets: 60.0)
    #: the same, which nine in ten such jobs stay under: what must have room in a window
    longest: Callable[[str, JobKind, int], float] = field(default=lambda instance, kind, assets: 60.0)
    #: seconds by which the wall clock is ahead of the run's time; windows rest on the former
    wall_ahead: float = 0.0
    calendar: Calendar = field(default_factory=Calendar)
    #: an operator's order is being written: until it is believed, nothing is asked for
    hearing: bool = False
    #: since when this process has waited for a person; 0 where it has not
    person_since: float = 0.0
    #: what is left to do, in expected seconds
    board: Board = field(default_factory=Board)
    #: delivery -> expected seconds of imports that must follow it
    tails: dict[str, float] = field(default_factory=dict)

    def spread(self, instance: str, kind: JobKind, assets: int) -> float:
        """Spread of the logarithm of such a job's seconds about what is expected."""
        doubtful = log(max(1.0, self.longest(instance, kind, assets) / self.expect(instance, kind, assets)))
        return max(SIGMA, doubtful / _P90)

    @property
    def settings(self) -> Settings:
        return self.plan.settings

    def lag_of(self, target: str) -> float:
        """Seconds after which what a job has left at the target is surely shown, by what this run has seen.

        An import that has ended and is still looked for is shown no sooner than it has been waited for.
        """
        waiting = (
            life.landed_at for life in self.progress.deliveries.values()
            if life.target == target and life.state is DeliveryState.IMPORTED
        )  # fmt: skip
        waited = self.progress.at - min((at for at in waiting if at), default=self.progress.at)
        return target_evidence.lag(self.settings.settle_quiet, max(waited, self.progress.seen.shown_after[target]))

    def ended(self, instance: str, credentials: str) -> End | None:
        host = host_of(self.plan.instances[instance].endpoint)
        return self.ends.get(host) or self.ends.get(f"{credentials}@{instance}")

    def slot(self, instance: str, credentials: str, kind: JobKind) -> str:
        return self.rule.slot(self.plan.instances[instance], credentials, kind, self.progress.trials.apart)

    def owners_of(self, life: Delivery) -> tuple[str, ...]:
        """Credentials that may import it now: without those that the service refuses or the plan has lost since."""
        names, known = life.scheduled.candidates, self.plan.instances[life.target].credentials
        if life.scheduled.owners:
            names = tuple(name for name in names if name in known)
        return tuple(name for name in names if not self.ended(life.target, name))

    def import_slots(self, life: Delivery) -> tuple[str, ...]:
        """The slots that could take its import."""
        names = self.owners_of(life) or (life.scheduled.owner,)
        return tuple(dict.fromkeys(self.slot(life.target, name, JobKind.IMPORT) for name in names))

    def owner_in(self, life: Delivery, slot: str) -> str:
        """Who imports it in that slot."""
        fit = (name for name in self.owners_of(life) if self.slot(life.target, name, JobKind.IMPORT) == slot)
        return next(fit, life.scheduled.owner)

    def occupants(self, slot: str) -> list[Subject]:
        """Subjects whose job of ours takes this slot, or part of it, or what it is part of."""
        occupied = self.progress.occupied
        if self.rule.scope is not Scope.AUTO:
            return list(occupied[slot])
        return [subject for each in overlapping(slot, occupied) for subject in occupied[each]]

    def names_of(self, delivery: Delivery) -> dict[str, tuple[str, ...]]:
        return {asset.id: self.names(delivery, asset) for asset in self.progress.assets_of(delivery.batch)}

    def ids_of(self, life: Delivery) -> tuple[str, ...]:
        return tuple(asset.id for asset in self.progress.assets_of(life.batch))

    def if_reachable(self, step: steps.Step, now: float) -> steps.Step | Later | None:
        """A step towards a silent service waits; one of them asks whether it is back."""
        if self.ended(step.instance, step.credentials):
            return None
        if isinstance(step, steps.DropPackage | steps.RecoverDownload):
            return step
        if self.stopping and not isinstance(step, steps.Download):
            return None
        silence = self.silence_of(step)
        if silence is None:
            return step
        if now < silence.retry_at or (silence.asking is not None and silence.asking in self.active):
            return Later(max(silence.retry_at, now + 1.0))
        return step

    def silence_of(self, step: steps.Step) -> Silence | None:
        """The silence of whom the step asks, if there is one."""
        if isinstance(step, steps.DropPackage | steps.RecoverDownload):
            return None
        silence = self.silent.get(host_of(self.plan.instances[step.instance].endpoint))
        if silence is None and isinstance(step, steps.LISTING):
            silence = self.silent.get(lists_of(step.instance))
        return silence

    def breaker(self, instance: str, direction: str, subject: str) -> Note | None:
        """Two sibling halves with the same error and no named asset, or three batches with it (promise 7)."""
        failures = self.progress.breaker.failures.get((instance, direction))
        if failures is None or failures.stopped is not None:
            return None
        halves = [f for f in failures.by_parent.values() if len(f) >= SAME_HALVES and subject in f]
        batches = [f for f in failures.by_error.values() if len(f) >= SAME_BATCHES and subject in f]
        retrying = (instance, direction) in self.progress.breaker.retrying
        if not halves and not batches and not retrying:
            return None
        return Note((e.TargetStopped(instance, self.words_of(subject), direction),))

    def words_of(self, subject: str) -> e.ErrorDetail:
        life = self.progress.deliveries.get(subject) or self.progress.packages[subject]
        for reason in life.reasons:
            return e.ErrorDetail("breaker", reason.error_code, reason.error_msg)
        return e.ErrorDetail("breaker", life.words.code, life.words.message) if life.words else e.ErrorDetail("breaker")

    def may_import(self, life: Delivery) -> bool:
        """Everything it needs has landed, and the migrations it is `after` are final."""
        source = self.progress.source_of(life)
        if any(self.progress.open_of.get(name) for name in life.scheduled.after):
            return False
        return all(self.progress.fate.get((life.scheduled.place, source, need)) for need in life.scheduled.needs)

    def runs_ahead(self, life: Delivery) -> bool:
        """Whether its package is wanted before its import may be asked for."""
        orders, migration = self.progress.orders, life.scheduled.migration
        return migration in orders.hours.export_ahead or orders.is_gated(migration)

    def importable(self, delivery: Delivery) -> bool:
        """Whether an export would serve this delivery: it waits, and nothing it needs is known never to come."""
        if delivery.state is not DeliveryState.WAITING or self.progress.breaker.is_stopped(delivery.target, "import"):
            return False
        if not self.owners_of(delivery):
            return False
        source = self.progress.source_of(delivery)
        return all(
            self.progress.fate.get((delivery.scheduled.place, source, n)) is not False for n in delivery.scheduled.needs
        )


def lists_of(instance: str) -> str:
    """The key under which an instance waits whose lists cannot be believed; no host has a blank in it."""
    return f"lists of {instance}"


def unanswered(life: Package | Delivery) -> e.ErrorDetail:
    said = life.words or e.ErrorDetail("lost")
    return e.ErrorDetail(
        "unanswered", said.code, f"no usable answer {count(life.silences, 'time')} in a row: {said}"[:300]
    )
