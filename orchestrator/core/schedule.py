"""What now? The agenda of a run.

Law: the answer follows from the progress, the clock and a draw; nothing here waits or asks.

`Agenda.ready` looks only at what an event, a freed slot or the clock has touched. A subject that wants a slot joins
that slot's lane; when the slot is free the lane's best candidate goes. The single-job rule is derived from the lives, never
held in a lock, so a crash cannot leak it.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.core import events as e
from orchestrator.core import settling, splitting, steps
from orchestrator.core.lifecycle import Delivery, DeliveryState, Package, PackageState, Probe, ProbeState
from orchestrator.core.plan import OnPartial, Plan, Settings
from orchestrator.core.progress import Progress
from orchestrator.core.slots import JobKind, SlotRule, host_of

#: a look older than this is taken again before an import is asked for, seconds
BASELINE_AGE = 300.0
#: packages on their way or stored per target, beyond the one that could be imported now
MOST_AHEAD = 4
#: packages lost after an export before the batch counts as failed (promise 4)
MOST_LOSSES = 3
#: answers to the same write lost in a row before the batch counts as failed (promise 9)
MOST_SILENCES = 8
#: lost probes before the proof is by time instead
MOST_LOST_PROBES = 3
#: halves or batches with the same error that stop a target (promise 7)
SAME_HALVES = 2
SAME_BATCHES = 3


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
    """Nothing is left that this run could do; `Agenda.ends` says what stopped what is still open."""


Decision = Start | Note | WaitUntil | Finished


@dataclass(frozen=True, slots=True)
class _Want:
    """The subject waits for one of these slots."""

    slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Later:
    time: float


_Answer = steps.Step | Note | _Want | _Later | None


@dataclass(slots=True)
class Busy:
    """Somebody else's job is in our slot (ROMA.10012): back-pressure, never a failure."""

    since: float
    until: float
    times: int = 1


@dataclass(slots=True)
class Silence:
    """A service that does not answer."""

    since: float
    retry_at: float
    times: int = 1
    #: the subject whose step asks whether it is back
    asking: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """Why something can go no further in this process: code 3, 8 or 9."""

    code: int
    sentence: str
    #: epoch seconds before which another start is in vain; 0 where that is unknown
    not_before: float = 0.0


@dataclass(slots=True)
class Agenda:
    """One process's view of what to do next. Everything in it may be forgotten: a resume builds it anew."""

    plan: Plan
    rule: SlotRule
    progress: Progress
    #: predicted names at a target: (delivery, asset id) -> names
    names: Callable[[Delivery, e.Asset], tuple[str, ...]]
    active: dict[str, steps.Step] = field(default_factory=dict)
    busy: dict[str, Busy] = field(default_factory=dict)
    silent: dict[str, Silence] = field(default_factory=dict)
    #: slot, host or "credentials@instance" -> why it went no further
    ends: dict[str, End] = field(default_factory=dict)
    stopping: bool = False
    #: the run is being ended: its jobs are awaited, its unsure imports settled, nothing new is asked
    abandoning: bool = False
    #: decides whether this process may use a slot now (leases between processes); seconds to wait, 0 = yes
    claim: Callable[[str], float] = field(default=lambda slot: 0.0)
    _lanes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _lane_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _touched: set[str] = field(default_factory=set)
    _timers: list[tuple[float, str]] = field(default_factory=list)
    _feeds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _nudged: set[str] = field(default_factory=set)

    @property
    def settings(self) -> Settings:
        return self.plan.settings

    # --- the question ----------------------------------------------------------------------------------------------

    def ready(self, now: float) -> Decision:
        """What to do now; Note comes before Start, and both before waiting."""
        started: list[steps.Step] = []
        self._ring(now)
        self._nudged |= self._take_subjects()
        for subject in sorted(self._nudged):
            self._nudged.discard(subject)
            answer = self._consider(subject, now)
            if isinstance(answer, Note):
                self._nudged.add(subject)
                return self._first(answer, started)
            if answer is not None and not isinstance(answer, _Want | _Later):
                started.append(self._begin(subject, answer))
        for slot in sorted(self._touched):
            self._touched.discard(slot)
            chosen = self._arbitrate(slot, now)
            if isinstance(chosen, Note):
                self._touched.add(slot)
                return self._first(chosen, started)
            if chosen is not None:
                started.append(self._begin(chosen.subject, chosen))
        if started:
            return Start(tuple(started))
        if self.active or (self._timers and not self.stopping):
            return WaitUntil(self._timers[0][0] if self._timers else float("inf"))
        return Finished()

    def _first(self, note: Note, started: list[steps.Step]) -> Decision:
        """Steps already chosen go first; the note is found again at the next question."""
        return Start(tuple(started)) if started else note

    def _take_subjects(self) -> set[str]:
        woken = self.progress.take_woken()
        self._touched |= self.progress.take_freed()
        for target in self.progress.take_eased():
            self._touched |= self._feeds[target]
        return woken

    def _ring(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            name = heapq.heappop(self._timers)[1]
            if name.startswith("slot "):
                self._touched.add(name.removeprefix("slot "))
            else:
                self._nudged.add(name)

    def _begin(self, subject: str, step: steps.Step) -> steps.Step:
        self.active[subject] = step
        return step

    def finish(self, subject: str) -> None:
        """The step of this subject is over, whatever came of it."""
        self.active.pop(subject, None)
        self._nudged.add(subject)
        self._touched.update(self._lane_of.get(subject, ()))

    # --- one subject -----------------------------------------------------------------------------------------------

    def _consider(self, subject: str, now: float) -> _Answer:
        if subject in self.active:
            return None
        answer = self._evaluate(subject, now)
        match answer:
            case _Want(slots=slots):
                self._join(subject, slots)
            case _Later(time=time):
                self._leave(subject)
                heapq.heappush(self._timers, (time, subject))
            case _:
                self._leave(subject)
        if answer is None or isinstance(answer, Note | _Want | _Later):
            return answer
        return self._if_reachable(answer, now)

    def _join(self, subject: str, slots: tuple[str, ...]) -> None:
        self._lane_of[subject] = slots
        for slot in slots:
            self._lanes[slot].add(subject)
        self._touched.update(slots)

    def _leave(self, subject: str) -> None:
        for slot in self._lane_of.pop(subject, ()):
            self._lanes[slot].discard(subject)
            self._touched.add(slot)

    def _evaluate(self, subject: str, now: float) -> _Answer:
        if subject in self.progress.packages:
            return self._package(self.progress.packages[subject], now)
        if subject in self.progress.deliveries:
            return self._delivery(self.progress.deliveries[subject], now)
        if subject in self.progress.probes:
            return self._running_probe(self.progress.probes[subject], now)
        return None

    def _if_reachable(self, step: steps.Step, now: float) -> _Answer:
        """A step towards a silent service waits; one of them asks whether it is back."""
        if self._ended(step.instance, step.credentials):
            return None
        if isinstance(step, steps.DropPackage | steps.Adopt):
            return step
        if self.stopping and not isinstance(step, steps.Download):
            return None
        host = host_of(self.plan.instances[step.instance].endpoint)
        silence = self.silent.get(host)
        if silence is None:
            return step
        if now < silence.retry_at or (silence.asking and silence.asking in self.active):
            later = max(silence.retry_at, now + 1.0)
            heapq.heappush(self._timers, (later, step.subject))
            return _Later(later)
        silence.asking = step.subject
        return step

    def _ended(self, instance: str, credentials: str) -> End | None:
        host = host_of(self.plan.instances[instance].endpoint)
        return self.ends.get(host) or self.ends.get(f"{credentials}@{instance}")

    # --- packages --------------------------------------------------------------------------------------------------

    def _package(self, life: Package, now: float) -> _Answer:
        source = self.progress.batches[life.batch].source
        match life.state:
            case PackageState.PENDING | PackageState.DROPPED:
                return self._pending(life, source, now)
            case PackageState.EXPORT_UNSURE:
                if not life.quiet_until or now < life.quiet_until:
                    return _Later(life.quiet_until) if life.quiet_until else None
                return Note((e.ExportLost(life.batch),))
            case PackageState.EXPORTING:
                deadline = self._deadline(life.since, source, now)
                return steps.AwaitExport(life.batch, source, life.credentials, life.job, deadline, life.since)
            case PackageState.EXPORTED:
                if self.abandoning:
                    return None
                if now < life.not_before:
                    return _Later(life.not_before)
                if life.cuts > 1:
                    return Note(
                        (e.PackageLost(life.batch, e.Words("download", message="two crashes fell into its download")),)
                    )
                return steps.Download(life.batch, source, life.credentials, life.archive, life.attempt)
            case PackageState.DOWNLOADING:
                return steps.Adopt(life.batch, source, life.credentials, life.attempt)
            case PackageState.STORED:
                return self._stored(life, source, now)
            case PackageState.FAILED:
                return None if self.abandoning else self._failed_package(life)
            case PackageState.UNDECIDED:
                return None

    def _pending(self, life: Package, source: str, now: float) -> _Answer:
        if self.abandoning:
            return None
        if life.silences >= MOST_SILENCES:
            return Note((e.ExportFailed(life.batch, (), _unanswered(life)),))
        if life.losses >= MOST_LOSSES:
            words = life.words or e.Words("package", message="lost")
            said = e.Words("package", words.code, f"its package was lost {life.losses} times: {words.message}"[:300])
            return Note((e.ExportFailed(life.batch, (), said),))
        if not any(self._importable(each) for each in self.progress.deliveries_of(life.batch)):
            return None
        if self.progress.is_stopped(source, "export"):
            return None
        if now < life.not_before:
            return _Later(life.not_before)
        exporters = self.progress.batches[life.batch].exporters
        slots = tuple(
            dict.fromkeys(
                self._slot(source, name, JobKind.EXPORT) for name in exporters if not self._ended(source, name)
            )
        )
        for delivery in self.progress.deliveries_of(life.batch):
            self._feeds[delivery.target].update(slots)
        return _Want(slots) if slots else None

    def _importable(self, delivery: Delivery) -> bool:
        """Whether an export would serve this delivery: it waits, and nothing it needs is known never to come."""
        if delivery.state is not DeliveryState.WAITING or self.progress.is_stopped(delivery.target, "import"):
            return False
        if self._ended(delivery.target, delivery.scheduled.owner):
            return False
        source = self.progress.source_of(delivery)
        return all(
            self.progress.fate.get((delivery.scheduled.place, source, n)) is not False for n in delivery.scheduled.needs
        )

    def _stored(self, life: Package, source: str, now: float) -> _Answer:
        if any(each.id in self.progress.open for each in self.progress.deliveries_of(life.batch)):
            return None
        due = life.since + self.settings.keep_packages.seconds
        if now < due:
            return None
        return steps.DropPackage(life.batch, source, life.credentials, life.sha256)

    def _failed_package(self, life: Package) -> _Answer:
        """The service does not export this batch: every delivery that waits for it goes on in parts."""
        if note := self._breaker(self.progress.batches[life.batch].source, "export", life.batch):
            return note
        if self.progress.is_stopped(self.progress.batches[life.batch].source, "export"):
            return None
        for delivery in self.progress.deliveries_of(life.batch):
            if delivery.state is DeliveryState.WAITING and delivery.id not in self.active:
                return Note(splitting.after_failure(self.progress, delivery, (), self._names_of(delivery)))
        return None

    def _slot(self, instance: str, credentials: str, kind: JobKind) -> str:
        return self.rule.slot(self.plan.instances[instance], credentials, kind)

    def _deadline(self, since: float, instance: str, now: float) -> float:
        away = self.progress.outage_since(host_of(self.plan.instances[instance].endpoint), since, now)
        return since + self.settings.job_timeout + away

    def _names_of(self, delivery: Delivery) -> dict[str, tuple[str, ...]]:
        return {asset.id: self.names(delivery, asset) for asset in self.progress.assets_of(delivery.batch)}

    # --- deliveries ------------------------------------------------------------------------------------------------

    def _delivery(self, life: Delivery, now: float) -> _Answer:
        where = (life.id, life.target, life.scheduled.owner)
        if self.abandoning and life.state in {DeliveryState.WAITING, DeliveryState.FAILED}:
            return None
        match life.state:
            case DeliveryState.WAITING:
                return self._waiting(life, now)
            case DeliveryState.IMPORT_UNSURE:
                return self._settle(life, now)
            case DeliveryState.IMPORTING:
                return steps.AwaitImport(*where, life.job, self._deadline(life.since, life.target, now), life.since)
            case DeliveryState.IMPORTED:
                return steps.Verify(*where)
            case DeliveryState.FAILED:
                return self._failed(life)
            case _:
                return None

    def _waiting(self, life: Delivery, now: float) -> _Answer:
        source = self.progress.source_of(life)
        fates = [self.progress.fate.get((life.scheduled.place, source, need)) for need in life.scheduled.needs]
        if False in fates:
            return Note(splitting.blocked(self.progress, life))
        if self.progress.is_stopped(life.target, "import") or self._ended(life.target, life.scheduled.owner):
            return None
        if self.progress.packages[life.batch].state is PackageState.FAILED:
            self._nudged.add(life.batch)
            return None
        if self.progress.packages[life.batch].state is not PackageState.STORED or not self._may_import(life):
            return None
        if now < life.not_before:
            return _Later(life.not_before)
        return _Want((self._slot(life.target, life.scheduled.owner, JobKind.IMPORT),))

    def _may_import(self, life: Delivery) -> bool:
        """Everything it needs has landed, and the migrations it is `after` are final."""
        source = self.progress.source_of(life)
        if any(self.progress.open_of.get(name) for name in life.scheduled.after):
            return False
        return all(self.progress.fate.get((life.scheduled.place, source, need)) for need in life.scheduled.needs)

    def _failed(self, life: Delivery) -> _Answer:
        if note := self._breaker(life.target, "import", life.id):
            return note
        if self.progress.is_stopped(life.target, "import"):
            return None
        if life.look is None:
            return steps.Look(life.id, life.target, life.scheduled.owner)
        assets = tuple(asset.id for asset in self.progress.assets_of(life.batch))
        landed = settling.sight(life, assets, life.look).landed
        return Note(splitting.after_failure(self.progress, life, landed, self._names_of(life)))

    def _breaker(self, instance: str, direction: str, subject: str) -> Note | None:
        """Two sibling halves with the same error and no named asset, or three batches with it (promise 7)."""
        failures = self.progress.failures.get((instance, direction))
        if failures is None or failures.stopped is not None:
            return None
        halves = [f for f in failures.by_parent.values() if len(f) >= SAME_HALVES and subject in f]
        batches = [f for f in failures.by_error.values() if len(f) >= SAME_BATCHES and subject in f]
        proving = (instance, direction) in self.progress.proving
        if not halves and not batches and not proving:
            return None
        return Note((e.TargetStopped(instance, self._words_of(subject), direction),))

    def _words_of(self, subject: str) -> e.Words:
        life = self.progress.deliveries.get(subject) or self.progress.packages[subject]
        for reason in life.reasons:
            return e.Words("breaker", reason.error_code, reason.error_msg)
        return e.Words("breaker", life.words.code, life.words.message) if life.words else e.Words("breaker")

    # --- settling (promise 3) --------------------------------------------------------------------------------------

    def _settle(self, life: Delivery, now: float) -> _Answer:
        if not life.quiet_until:
            return None
        if now < life.quiet_until:
            return _Later(life.quiet_until)
        if self._ended(life.target, life.scheduled.owner):
            return None
        if life.look is None:
            return steps.Look(life.id, life.target, life.scheduled.owner)
        if life.idle_at:
            return self._settle_by_proof(life, now)
        if self._can_probe(life):
            return _Want((life.slot,))
        return self._settle_by_time(life, now)

    def _settle_by_proof(self, life: Delivery, now: float) -> _Answer:
        look = steps.Look(life.id, life.target, life.scheduled.owner)
        if life.looked_at <= life.idle_at or life.look is None:
            return look
        verdict = settling.judge(life, self._ids(life), life.look)
        sure_at = life.idle_at + min(settling.READ_LAG, self.settings.settle_quiet / 3)
        if isinstance(verdict, settling.Done) or life.looked_at >= sure_at:
            return Note(self._conclude(life, verdict))
        return _Later(sure_at) if now < sure_at else look

    def _settle_by_time(self, life: Delivery, now: float) -> _Answer:
        due = life.first_looked_at + self.settings.settle_wait
        if now < due:
            return _Later(due)
        if life.looked_at < due or life.look is None:
            return steps.Look(life.id, life.target, life.scheduled.owner)
        return Note(self._conclude(life, settling.judge(life, self._ids(life), life.look)))

    def _ids(self, life: Delivery) -> tuple[str, ...]:
        return tuple(asset.id for asset in self.progress.assets_of(life.batch))

    def _conclude(self, life: Delivery, verdict: settling.Verdict) -> tuple[e.Event, ...]:
        match verdict:
            case settling.Done():
                return (e.ImportFound(life.id),)
            case settling.Again(reason=reason):
                return (e.ImportMissing(life.id, reason),)
            case settling.Taken():
                return (e.ImportMissing(life.id, "its names are judged again before the next request"),)
            case settling.Half(landed=landed, rest=rest):
                if life.scheduled.on_partial == OnPartial.REST.value:
                    return splitting.split(
                        self.progress, life,
                        [splitting.Part(landed, "landed"), splitting.Part(rest, "waiting")], "landed",
                    )  # fmt: skip
                return (e.ImportInDoubt(life.id, landed),)

    def _can_probe(self, life: Delivery) -> bool:
        """An export of what we see there can prove that the slot is idle, where it takes the same slot (promise 3b).

        A job of ours that waits in the slot goes before it and proves the same.
        """
        same = self._slot(life.target, life.scheduled.owner, JobKind.EXPORT) == life.slot
        seen = life.look is not None and bool(life.look.sample)
        return same and seen and self.progress.lost_probes[life.slot] < MOST_LOST_PROBES

    def _running_probe(self, probe: Probe, now: float) -> _Answer:
        asked = probe.requested
        match probe.state:
            case ProbeState.ASKED:
                if not probe.quiet_until or now < probe.quiet_until:
                    return _Later(probe.quiet_until) if probe.quiet_until else None
                return Note((e.ProbeEnded(asked.slot, "lost"),))
            case ProbeState.RUNNING:
                deadline = self._deadline(probe.since, asked.instance, now)
                where = (asked.slot, asked.instance, asked.credentials, asked.slot)
                return steps.AwaitProbe(*where, probe.job, deadline, probe.since)
            case ProbeState.OVER:
                return None

    # --- one slot --------------------------------------------------------------------------------------------------

    def _arbitrate(self, slot: str, now: float) -> steps.Step | Note | None:
        """The best candidate of a free slot, or a look ahead for the best delivery of a busy one."""
        if self.stopping or slot in self.ends:
            return None
        order = sorted(self._lanes[slot], key=self._rank)
        if not order:
            return None
        busy = self.busy.get(slot)
        if busy is not None and now < busy.until:
            self._again(slot, busy.until)
            return None
        if taken := self._taken_until(slot, now):
            if taken == float("inf"):
                return self._look_ahead(order, now)
            self._again(slot, taken)
            return None
        for subject in order:
            if isinstance(self.active.get(subject), steps.Look):
                return None  # it takes its baseline, and asks next
            if subject in self.active:
                continue
            answer = self._candidate(subject, slot, now)
            if isinstance(answer, steps.RequestExport | steps.RequestImport | steps.RequestProbe):
                return self._claimed(answer, slot, now)
            if answer is not None:
                return answer
        return None

    def _again(self, slot: str, time: float) -> None:
        heapq.heappush(self._timers, (time, f"slot {slot}"))

    def _claimed(self, step: steps.Step, slot: str, now: float) -> steps.Step | None:
        reachable = self._if_reachable(step, now)
        if isinstance(reachable, _Later):
            self._again(slot, reachable.time)
        elif reachable is not None and (wait := self.claim(slot)):
            self._again(slot, now + wait)
        elif reachable is not None:
            return step
        return None

    def _taken_until(self, slot: str, now: float) -> float:
        """0 where the slot is free, the time of the next quiet end, or infinity while a job of ours runs."""
        until = 0.0
        for subject in self.progress.occupied[slot]:
            quiet = self._quiet_of(subject)
            if not quiet:
                return float("inf")
            if now < quiet:
                until = max(until, quiet)
        return until

    def _quiet_of(self, subject: str) -> float:
        if subject in self.progress.deliveries:
            delivery = self.progress.deliveries[subject]
            return delivery.quiet_until if delivery.state is DeliveryState.IMPORT_UNSURE else 0.0
        if subject in self.progress.packages:
            package = self.progress.packages[subject]
            return package.quiet_until if package.state is PackageState.EXPORT_UNSURE else 0.0
        probe = self.progress.probes[subject.removeprefix("probe ")]
        return probe.quiet_until

    def _rank(self, subject: str) -> tuple[int, float, str]:
        """Imports before exports (they free disk and dependants), in the frozen order; unsure ones seek proof last."""
        if subject in self.progress.deliveries:
            delivery = self.progress.deliveries[subject]
            unsure = delivery.state is DeliveryState.IMPORT_UNSURE
            return (2 if unsure else 0, self.progress.batches[delivery.batch].position, subject)
        return (1, self.progress.batches[subject].position, subject)

    def _candidate(self, subject: str, slot: str, now: float) -> steps.Step | Note | None:
        if subject in self.progress.packages:
            return self._export_candidate(subject, slot)
        delivery = self.progress.deliveries[subject]
        if delivery.state is DeliveryState.IMPORT_UNSURE:
            return self._probe_candidate(delivery, now)
        return self._import_candidate(delivery, slot, now)

    def _export_candidate(self, batch: str, slot: str) -> steps.Step | None:
        scheduled = self.progress.batches[batch]
        if not any(self._room_for(each) for each in self.progress.deliveries_of(batch)):
            return None
        if (scheduled.source, "export") in self.progress.proving and self._source_is_proving(scheduled.source, batch):
            return None
        for credentials in scheduled.exporters:
            if self._slot(scheduled.source, credentials, JobKind.EXPORT) == slot:
                return steps.RequestExport(batch, scheduled.source, credentials, slot)
        return None

    def _source_is_proving(self, source: str, batch: str) -> bool:
        return any(
            each != batch and each in self.progress.packages and self.progress.batches[each].source == source
            for each in self.active
        )

    def _room_for(self, delivery: Delivery) -> bool:
        """How far exports run ahead of imports is bounded, so that the disk is; what could land now always may go."""
        if not self._importable(delivery):
            return False
        ahead = self.progress.ahead[delivery.target] - {delivery.id}
        if len(ahead) < MOST_AHEAD:
            return True
        return self._may_import(delivery) and not any(self._may_import(self.progress.deliveries[d]) for d in ahead)

    def _import_candidate(self, life: Delivery, slot: str, now: float) -> steps.Step | Note | None:
        look = steps.Look(life.id, life.target, life.scheduled.owner)
        if life.look is None or now - life.looked_at > BASELINE_AGE:
            return self._only_step(self._if_reachable(look, now))
        if (life.target, "import") in self.progress.proving and self._target_is_proving(life):
            return None
        match settling.judge(life, self._ids(life), life.look):
            case settling.Again() if life.silences >= MOST_SILENCES:
                return Note((e.ImportFailed(life.id, (), _unanswered(life)),))
            case settling.Again():
                return steps.RequestImport(life.id, life.target, life.scheduled.owner, slot)
            case settling.Done():
                return Note((e.ImportFound(life.id),))
            case settling.Half(landed=landed, rest=rest):
                parts = [splitting.Part(landed, "landed"), splitting.Part(rest, "waiting")]
                return Note(splitting.split(self.progress, life, parts, "landed"))
            case settling.Taken(names=names) if set(names) <= set(life.scheduled.forced):
                return steps.RequestImport(life.id, life.target, life.scheduled.owner, slot)
            case settling.Taken(names=names, landed=landed, rest=rest):
                return Note(self._name_taken(life, names, landed, rest))

    def _target_is_proving(self, life: Delivery) -> bool:
        return any(
            self.progress.deliveries[each].target == life.target
            for each in self.active
            if each in self.progress.deliveries and each != life.id
        ) or any(
            each.target == life.target and each.state in {DeliveryState.IMPORTING, DeliveryState.IMPORT_UNSURE}
            for each in (self.progress.deliveries[name] for name in self.progress.open)
        )

    def _name_taken(
        self, life: Delivery, names: tuple[str, ...], landed: tuple[str, ...], rest: tuple[str, ...]
    ) -> tuple[e.Event, ...]:
        """AddNew never imports over a name that somebody else holds: that asset is set aside, the rest goes on."""
        words = e.Words("name-taken", message="its name is taken at the target; use a prefix or Merge")
        if len(self._ids(life)) == 1:
            return (e.Quarantined(life.id, words),)
        poison = [splitting.Part((each,), "quarantined", words) for each in names]
        parts = [splitting.Part(landed, "landed"), *poison, splitting.Part(rest, "waiting")]
        return splitting.split(self.progress, life, parts, "name-taken")

    @staticmethod
    def _only_step(answer: _Answer) -> steps.Step | None:
        return None if answer is None or isinstance(answer, Note | _Want | _Later) else answer

    def _probe_candidate(self, life: Delivery, now: float) -> steps.Step | None:
        if life.look is None or not life.look.sample:
            return None
        probe = self.progress.probes.get(life.slot)
        if probe is not None and (probe.state is not ProbeState.OVER or now < probe.not_before):
            if now < probe.not_before:
                self._again(life.slot, probe.not_before)
            return None
        kind, _, asset = life.look.sample.partition(":")
        app, task = (asset, "") if kind == "app" else ("", asset)
        return steps.RequestProbe(life.slot, life.target, life.scheduled.owner, life.slot, app, task)

    def _look_ahead(self, order: list[str], now: float) -> steps.Step | None:
        """While a job of ours runs, the next delivery's baseline is taken, so that its request leaves at once."""
        for subject in order:
            delivery = self.progress.deliveries.get(subject)
            if delivery is None or delivery.state is not DeliveryState.WAITING:
                continue
            if subject in self.active or (delivery.look is not None and now - delivery.looked_at <= BASELINE_AGE):
                return None
            return self._only_step(
                self._if_reachable(steps.Look(subject, delivery.target, delivery.scheduled.owner), now)
            )
        return None


def _unanswered(life: Package | Delivery) -> e.Words:
    said = life.words or e.Words("lost")
    return e.Words("unanswered", said.code, f"no usable answer {life.silences} times in a row: {said}"[:300])
