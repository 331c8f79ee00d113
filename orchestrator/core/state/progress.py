"""The events folded: where everything stands. Law: only `apply` changes it, and only by an event.

Beside the lives it keeps what would be dear to search for: who waits for whom, and what occupies which slot. So `apply`
can tell whom an event touches, and deciding costs the same at ten batches and at ten thousand.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.core.model.checks import Check
from orchestrator.core.model.failures import Failure
from orchestrator.core.model.naming import predicted
from orchestrator.core.state import events as e
from orchestrator.core.state.breaker import Breaker, Side
from orchestrator.core.state.change_events import ChangeEvent, ChangesSettled, FinishBegan, UndoBegan
from orchestrator.core.state.changes import Changes
from orchestrator.core.state.events import Asset, Entry
from orchestrator.core.state.lifecycle import (
    LANDED,
    SETTLED,
    Delivery,
    DeliveryState,
    IllegalMove,
    Package,
    PackageState,
    Probe,
    ProbeState,
)
from orchestrator.core.state.moves import (
    is_open_question,
    maybe_running,
    move_delivery,
    move_package,
    move_probe,
    resumed_delivery,
    resumed_package,
    resumed_probe,
    surely_over,
)
from orchestrator.core.state.orders import Orders
from orchestrator.core.state.outages import Outages
from orchestrator.core.state.parts import newborn, together
from orchestrator.core.state.seen import Seen
from orchestrator.core.state.slot_trials import Trials
from orchestrator.core.state.slots import JobKind, overlapping
from orchestrator.core.state.subjects import Subject, SubjectKind, Touched

#: (place, source, asset id); a place is a target under a prefix
AssetKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Job:
    """A job that was asked for."""

    kind: JobKind
    user: str
    instance: str
    slot: str
    asked_at: float


class Progress:
    """Everything that is known of one run."""

    def __init__(self) -> None:
        self.began: e.RunBegan | None = None
        self.ended: e.RunEnded | None = None
        self.began_at = 0.0
        self.ended_at = 0.0
        self.seq = 0
        self.at = 0.0
        self.batches: dict[str, e.BatchScheduled] = {}
        #: batch -> its number for people, from 1, in the order in which batches were scheduled; backups have none
        self.numbers: dict[str, int] = {}
        self.packages: dict[str, Package] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.selections: list[e.SelectionMade] = []
        self.skipped: list[e.AssetsSkipped] = []
        self.held: list[e.AssetsHeld] = []
        #: what preflight warned of or could not check when the run began
        self.findings: list[Check] = []
        #: what was expected of the schedule when the run began; None in journals that did not tell it
        self.predicted: e.SchedulePredicted | None = None
        #: seconds for which somebody else's job is waited for, 0 where no journal tells
        self.busy_timeout = 0.0
        self.probes: dict[str, Probe] = {}
        #: credentials -> user, as the one-job rule counts users
        self.users: dict[str, str] = {}
        #: what `auto` has tried and seen
        self.trials = Trials()
        #: what waits for a person, and when jobs may be asked for
        self.orders = Orders()
        #: what was taken back of it, and how far that is
        self.changes = Changes()
        #: what was done of that which ROMA does not carry
        self.finishing = Changes()
        #: the one of both that was begun last
        self.act = self.changes
        self.lost_probes: dict[str, int] = defaultdict(int)
        #: what failed, and which sides that has stopped
        self.breaker = Breaker()
        #: when services were away
        self.outages = Outages()
        #: what the service has shown of itself
        self.seen = Seen()
        #: batch -> its deliveries
        self.of_batch: dict[str, list[str]] = defaultdict(list)
        #: asset at a target -> the delivery that carries it now
        self.carrier: dict[AssetKey, str] = {}
        #: asset at a target -> True where it has landed, False where it will not
        self.fate: dict[AssetKey, bool] = {}
        self.dependants: dict[AssetKey, list[str]] = defaultdict(list)
        #: migration -> deliveries of it that are not final
        self.open_of: dict[str, set[str]] = defaultdict(set)
        self.waiting_after: dict[str, list[str]] = defaultdict(list)
        #: slot -> subjects whose job occupies it
        self.occupied: dict[str, set[Subject]] = defaultdict(set)
        #: deliveries of which a lost import may run yet
        self.unsure: set[str] = set()
        #: target -> deliveries whose package is on its way or stored
        self.ahead: dict[str, set[str]] = defaultdict(set)
        #: deliveries that are not settled
        self.open: set[str] = set()
        self._assets: dict[tuple[str, str], Asset] = {}
        #: whom the event touches that is being applied
        self._touched = Touched()

    # --- what others ask -------------------------------------------------------------------------------------------

    def asset(self, source: str, asset_id: str) -> Asset:
        return self._assets[source, asset_id]

    def find_asset(self, source: str, asset_id: str) -> Asset | None:
        """One asset that this run carries, or None."""
        return self._assets.get((source, asset_id))

    def assets_of(self, batch: str) -> tuple[Asset, ...]:
        return self.batches[batch].assets

    def source_of(self, delivery: Delivery) -> str:
        return self.batches[delivery.batch].source

    def deliveries_of(self, batch: str) -> Iterator[Delivery]:
        """Those that need its package: to be imported, or as the backup of what they may overwrite."""
        lives = (self.deliveries[each] for each in self.of_batch[batch])
        return (life for life in lives if life.batch == batch or batch in life.scheduled.backups)

    def is_backed_up(self, life: Delivery) -> bool:
        """Whether every backup that its import waits for lies in the vault."""
        return all(self.packages[each].state is PackageState.STORED for each in life.scheduled.backups)

    def life_of(self, subject: Subject) -> Package | Delivery | None:
        """The package or the delivery that a subject is."""
        match subject.kind:
            case SubjectKind.PACKAGE:
                return self.packages.get(subject.id)
            case SubjectKind.DELIVERY:
                return self.deliveries.get(subject.id)
            case _:
                return None

    def subject_of(self, name: str) -> Subject:
        """Whom an event means that names a batch or a delivery by its id alone."""
        return Subject.package(name) if name in self.packages else Subject.delivery(name)

    def everything(self) -> Touched:
        """All that is open, and every slot."""
        lives = {*map(Subject.package, self.packages), *map(Subject.delivery, self.open)}
        return Touched(lives | {*map(Subject.probe, self.probes)}, set(self.occupied))

    # --- the fold --------------------------------------------------------------------------------------------------

    def apply(self, entry: Entry) -> Touched:
        """Believe one journaled event, and tell whom it touches; raises IllegalMove."""
        self._touched = Touched()
        self._believe(entry)
        return self._touched

    def _believe(self, entry: Entry) -> None:
        earlier, self.seq, self.at = self.at, entry.seq, entry.at
        if self.trials.apply(entry) | self.orders.apply(entry):
            self._touch_all()
        if isinstance(entry.event, ChangeEvent):
            self._change(entry.event, entry.at)
            return
        match entry.event:
            case event if isinstance(event, e.PackageEvent):
                self._package(event.batch, entry)
            case event if isinstance(event, e.DeliveryEvent):
                self._delivery(event.delivery, entry)
            case event if isinstance(event, e.ProbeEvent):
                self._probe(event, entry.at)
            case e.Resolved(subject=name):
                (self._package if name in self.packages else self._delivery)(name, entry)
            case e.Retried(delivery=delivery):
                self._retry(delivery, entry)
            case e.Split() as event:
                self._split(event, entry.at)
            case e.Regrouped() as event:
                self._regroup(event, entry.at)
            case e.BatchScheduled() as event:
                self._schedule_batch(event)
            case e.DeliveryScheduled() as event:
                self._schedule_delivery(event, None)
            case e.RunBegan() | e.RunResumed() | e.RunInterrupted() | e.RunEnded() as event:
                self._run(event, earlier, entry.at)
            case (
                e.SelectionMade() | e.AssetsSkipped() | e.AssetsHeld() | e.FindingsNoted() | e.SchedulePredicted()
            ) as event:  # fmt: skip
                self._begin_with(event)
            case (
                e.HandoverListed() | e.HandoverDone() | e.WideningTried() | e.WideningShown() | e.WriteRateLearned()
            ):  # fmt: skip
                pass  # read by `report.handover`, `state.slot_trials` and `scheduling.write_rate`
            case e.GateReached() | e.RunPaused() | e.RunStopped() | e.RunContinued():
                pass  # `orchestrator.core.state.orders` reads them
            case e.OutageBegan(host=host):
                self.outages.begin(host, entry.at)
            case e.OutageEnded(host=host):
                self.outages.end(host, entry.at)
            case e.TargetStopped() as event:
                self.breaker.stop(event)
                self._touch_all()
            case e.TargetReopened(instance=instance, direction=direction):
                self.breaker.reopen((instance, direction))
                self._touch_all()

    def _change(self, event: ChangeEvent, at: float) -> None:
        """Between its begin and its end, a change is a finish's or an undo's; an undo takes back what a finish did."""
        if isinstance(event, FinishBegan | UndoBegan):
            self.act = self.finishing if isinstance(event, FinishBegan) else self.changes
        self.act.apply(event, at)
        if isinstance(event, ChangesSettled) and self.act is self.changes:
            for name in event.done:
                if back := self.changes.lives[name].change.inverse_of:
                    self.finishing.take_back(back)

    def _touch_all(self) -> None:
        self._touched.add(self.everything())

    def _run(self, event: e.RunBegan | e.RunResumed | e.RunInterrupted | e.RunEnded, earlier: float, at: float) -> None:
        match event:
            case e.RunBegan():
                self.began, self.began_at = event, at
                self.users = dict(event.users)
                self.busy_timeout = event.busy_timeout
            case e.RunResumed(settle_quiet=quiet):
                self.ended = None
                self.users = dict(event.users)
                self.busy_timeout = event.busy_timeout
                self._resume(quiet, earlier, at)
            case e.RunEnded():
                self.ended, self.ended_at = event, at
            case e.RunInterrupted():
                pass

    def _begin_with(
        self, event: e.SelectionMade | e.AssetsSkipped | e.AssetsHeld | e.FindingsNoted | e.SchedulePredicted
    ) -> None:
        """What the run was frozen with, beside its schedule."""
        match event:
            case e.SelectionMade():
                self.selections.append(event)
            case e.AssetsSkipped():
                self.skipped.append(event)
            case e.AssetsHeld():
                self.held.append(event)
            case e.FindingsNoted(findings=findings):
                self.findings += findings
            case e.SchedulePredicted():
                self.predicted = event

    def _resume(self, quiet: float, earlier: float, at: float) -> None:
        """The process that asked is dead: what it asked may still arrive, and only the wall clock tells since when."""
        back = min(at - earlier, 0.0)
        self.outages.resume(earlier, at, back)
        for batch, package in self.packages.items():
            self.packages[batch] = resumed_package(package, at, quiet, back)
        for name in self.open:
            self.deliveries[name] = resumed_delivery(self.deliveries[name], at, quiet, earlier)
        for slot, probe in self.probes.items():
            self.probes[slot] = resumed_probe(probe, at, quiet, back)

    def _schedule_batch(self, event: e.BatchScheduled) -> None:
        if event.batch in self.batches:
            return
        self.batches[event.batch] = event
        if not event.backup:
            self.numbers[event.batch] = len(self.numbers) + 1
        self.packages[event.batch] = Package(event.batch)
        for asset in () if event.backup else event.assets:
            self._assets[event.source, asset.id] = asset
        self._touched.subjects.add(Subject.package(event.batch))

    def _schedule_delivery(self, event: e.DeliveryScheduled, life: Delivery | None) -> None:
        delivery = life if life is not None else Delivery(event)
        source = self.batches[event.batch].source
        self.deliveries[event.delivery] = delivery
        self._serve(event.delivery, (event.batch, *event.backups))
        for asset in self.batches[event.batch].assets:
            self.carrier[event.place, source, asset.id] = event.delivery
        for need in event.needs:
            self.dependants[event.place, source, need].append(event.delivery)
        for name in event.after:
            self.waiting_after[name].append(event.delivery)
        self.open.add(event.delivery)
        self.open_of[event.migration].add(event.delivery)
        self._touched.subjects.update((Subject.delivery(event.delivery), Subject.package(event.batch)))
        if delivery.state is not DeliveryState.WAITING:
            self._settle_effects(delivery)
        self._note_unsure(delivery)

    def _serve(self, delivery: str, batches: Sequence[str]) -> None:
        """These batches' packages are for that delivery."""
        for batch in batches:
            if delivery not in self.of_batch[batch]:
                self.of_batch[batch].append(delivery)
            self._touched.subjects.add(Subject.package(batch))

    # --- packages --------------------------------------------------------------------------------------------------

    def _package(self, batch: str, entry: Entry) -> None:
        if batch not in self.packages:
            raise IllegalMove(f"unknown batch {batch}")
        before = self.packages[batch]
        after = move_package(before, entry.event, entry.at)
        self.packages[batch] = after
        subject = Subject.package(batch)
        self._occupy(subject, before.slot, self._package_occupies(before), after.slot, self._package_occupies(after))
        user = self.users.get(after.credentials, after.credentials)
        job = _Job(JobKind.EXPORT, user, self.batches[batch].source, after.slot, after.asked_at)
        if isinstance(entry.event, e.ExportAccepted):
            self._show_idle(job, entry.at)
        if isinstance(entry.event, e.ExportRefused):
            self._show_busy(job, entry.event.words, entry.at)
        if isinstance(entry.event, e.ExportFailed):
            self._count_failure((self.batches[batch].source, "export"), batch, entry.event)
        if isinstance(entry.event, e.Exported):
            self._proved(self.batches[batch].source, "export")
        if isinstance(entry.event, e.PackageStored):
            self.seen.size(self.batches[batch].source, entry.event.size)
        self._touched.subjects.add(subject)
        if after.state is not before.state:
            self._touched.deliveries(self.of_batch[batch])
            self._count_ahead(batch, after)

    def _count_ahead(self, batch: str, package: Package) -> None:
        if self.batches[batch].backup:
            return
        on_the_way = package.state not in {PackageState.PENDING, PackageState.FAILED, PackageState.DROPPED}
        for delivery in self.deliveries_of(batch):
            waiting = on_the_way and delivery.state is DeliveryState.WAITING
            (self.ahead[delivery.target].add if waiting else self.ahead[delivery.target].discard)(delivery.id)

    @staticmethod
    def _package_occupies(life: Package) -> bool:
        unsure = life.state is PackageState.EXPORT_UNSURE
        return unsure or life.state is PackageState.EXPORTING or life.overdue

    # --- deliveries ------------------------------------------------------------------------------------------------

    def _delivery(self, name: str, entry: Entry) -> None:
        if name not in self.deliveries:
            raise IllegalMove(f"unknown delivery {name}")
        before = self.deliveries[name]
        after = move_delivery(before, entry.event, entry.at)
        if isinstance(entry.event, e.ImportRequested):
            after = replace(after, user=self.users.get(entry.event.credentials, ""))
        if isinstance(entry.event, e.BackupsChosen):
            self._serve(name, entry.event.backups)
        self._became(before, after)
        job = _Job(JobKind.IMPORT, self._user_of(after), after.target, after.slot, after.asked_at)
        if isinstance(entry.event, e.ImportAccepted):
            self._show_idle(job, entry.at)
        if isinstance(entry.event, e.ImportRefused):
            self._show_busy(job, entry.event.words, entry.at)
        if isinstance(entry.event, e.ImportFailed):
            self._count_failure((after.target, "import"), name, entry.event)
        if isinstance(entry.event, e.Verified):
            self.seen.verified(after, entry.event, entry.at)
        if isinstance(entry.event, e.Imported | e.ImportFailed):
            self.seen.import_ended(before, entry.at, self.outages.watched_from)
        if isinstance(entry.event, e.Imported | e.ImportFound):
            self._proved(after.target, "import")

    def _became(self, before: Delivery, after: Delivery) -> None:
        """A delivery's life has moved on."""
        subject = Subject.delivery(after.id)
        self.deliveries[after.id] = after
        self._occupy(subject, before.slot, self._delivery_occupies(before), after.slot, self._delivery_occupies(after))
        self._touched.subjects.add(subject)
        if after.state is not before.state:
            self._settle_effects(after)
        self._note_unsure(after)

    def _note_unsure(self, life: Delivery) -> None:
        (self.unsure.add if is_open_question(life) else self.unsure.discard)(life.id)

    def names_of(self, delivery: Delivery, kind: str, name: str) -> tuple[str, ...]:
        """The names that an asset may have at the delivery's target, the likeliest first."""
        scheduled = delivery.scheduled
        return predicted(scheduled.prefix, kind, name, self.seen.renames.get((scheduled.place, kind)))

    def _proved(self, instance: str, direction: str) -> None:
        """The one batch that a retry tried first went through: the others may follow."""
        if self.breaker.proved((instance, direction)):
            self._touch_all()

    def _settle_effects(self, delivery: Delivery) -> None:
        """Who hears of it when a delivery changes state."""
        source = self.source_of(delivery)
        if delivery.state is not DeliveryState.WAITING:
            self.ahead[delivery.target].discard(delivery.id)
        if delivery.state in SETTLED:
            self.open.discard(delivery.id)
            self.open_of[delivery.scheduled.migration].discard(delivery.id)
            if not self.open_of[delivery.scheduled.migration]:
                self._touched.deliveries(self.waiting_after[delivery.scheduled.migration])
        else:
            self.open.add(delivery.id)
            self.open_of[delivery.scheduled.migration].add(delivery.id)
        fate = self._fate_of(delivery.state)
        for asset in self.batches[delivery.batch].assets if delivery.state is not DeliveryState.SPLIT else ():
            key = (delivery.scheduled.place, source, asset.id)
            if self.carrier.get(key) != delivery.id:
                continue
            if fate is None:
                self.fate.pop(key, None)
            elif self.fate.get(key) is not fate:
                self.fate[key] = fate
                self._touched.deliveries(self.dependants[key])
        self._touched.subjects.add(Subject.package(delivery.batch))
        self._touched.targets.add(delivery.target)
        if delivery.slot:
            self._touched.slots.add(delivery.slot)

    @staticmethod
    def _fate_of(state: DeliveryState) -> bool | None:
        if state in LANDED:
            return True
        if state in {DeliveryState.QUARANTINED, DeliveryState.BLOCKED}:
            return False
        return None

    @staticmethod
    def _delivery_occupies(life: Delivery) -> bool:
        """An unsure import holds its slot until the quiet time is over, which `schedule` judges by the clock."""
        unsure = life.state is DeliveryState.IMPORT_UNSURE
        return unsure or life.state is DeliveryState.IMPORTING or life.overdue

    def _occupy(self, subject: Subject, old: str, was: bool, new: str, occupies: bool) -> None:
        if was and (old != new or not occupies):
            self.occupied[old].discard(subject)
            self._touched.slots.add(old)
        if occupies:
            self.occupied[new].add(subject)

    def _show_idle(self, job: _Job, at: float) -> None:
        """ROMA accepted a job: a lost import that was quiet by then and that this job excludes is over (promise 3b).

        Under every reading of the one-job rule (API 2.1) that is only an import at the same instance by the same user;
        a job of another kind excludes it only where kinds were shown to exclude each other.
        """
        proves = job.kind is JobKind.IMPORT or self.trials.kinds_exclude
        for name in sorted(self.unsure):
            life = self.deliveries[name]
            same = (life.target, self._user_of(life)) == (job.instance, job.user)
            quiet = life.state is DeliveryState.WAITING or 0.0 < life.quiet_until <= job.asked_at
            if same and quiet and proves:
                self._became(life, surely_over(life, at))
            elif same and quiet and not life.free_at:
                self._became(life, replace(life, free_at=at))

    def _show_busy(self, job: _Job, words: e.ErrorDetail, at: float) -> None:
        """ROMA said that a job runs: it may be any lost import of that user or at that instance (API 2.1)."""
        if words.kind != Failure.BUSY.value:
            return
        for name in sorted(self.unsure):
            life = self.deliveries[name]
            near = life.target == job.instance or self._user_of(life) == job.user
            if near or overlapping(job.slot, (life.slot,)):
                self._became(life, maybe_running(life, at))

    def _user_of(self, life: Delivery) -> str:
        """Who asked for its import; where no user is told, the credentials' name stands for one."""
        owner = life.scheduled.owner
        return life.user or self.users.get(owner, owner)

    def _probe_job(self, probe: Probe) -> _Job:
        asked = probe.requested
        user = self.users.get(asked.credentials, asked.credentials)
        return _Job(JobKind.EXPORT, user, asked.instance, asked.slot, probe.asked_at)

    def _split(self, event: e.Split, at: float) -> None:
        parent = self.deliveries[event.delivery]
        self.deliveries[parent.id] = move_delivery(parent, event, at)
        subject = Subject.delivery(parent.id)
        self._occupy(subject, parent.slot, self._delivery_occupies(parent), parent.slot, False)
        for child in event.children:
            scheduled = self.child_scheduled(parent, child)
            self._schedule_delivery(scheduled, newborn(parent, child, scheduled, event.why, at))
        self._touched.subjects.add(subject)
        self._settle_effects(self.deliveries[parent.id])
        self._note_unsure(self.deliveries[parent.id])

    def child_scheduled(self, parent: Delivery, child: e.Child) -> e.DeliveryScheduled:
        """The part as a delivery of its own: what it needs is read from its assets, and one identity has all parts."""
        source = self.source_of(parent)
        own = set(child.assets)
        wanted = {need for each in child.assets for need in self.asset(source, each).needs}
        needs = sorted(n for n in wanted - own if (parent.scheduled.place, source, n) in self.carrier)
        return replace(parent.scheduled, delivery=child.delivery, batch=child.batch, needs=tuple(needs), owners=())

    def _retry(self, name: str, entry: Entry) -> None:
        self._delivery(name, entry)
        batch = self.deliveries[name].batch
        if self.packages[batch].state is PackageState.FAILED:
            self._package(batch, entry)
        self._touched.deliveries(self.dependants_of(name))

    def _regroup(self, event: e.Regrouped, at: float) -> None:
        """Deliveries that were set aside go on together, in batches of their own."""
        parts = [self.deliveries[name] for name in event.parts]
        for side in {(life.target, "import") for life in parts} | {(self.source_of(life), "export") for life in parts}:
            self.breaker.forget(side)
        for life in parts:
            self.deliveries[life.id] = move_delivery(life, event, at)
            self._settle_effects(self.deliveries[life.id])
        carried = [(life, self._ids_of(life.batch)) for life in parts]
        for scheduled in event.scheduled:
            package = self.packages[scheduled.batch]
            if package.state is PackageState.FAILED:
                self.packages[scheduled.batch] = move_package(package, event, at)
            self._schedule_delivery(scheduled, together(scheduled, self._ids_of(scheduled.batch), carried, at))
            self._settle_effects(self.deliveries[scheduled.delivery])
            self._touched.deliveries(self.dependants_of(scheduled.delivery))

    def _ids_of(self, batch: str) -> tuple[str, ...]:
        return tuple(asset.id for asset in self.assets_of(batch))

    def dependants_of(self, name: str) -> set[str]:
        delivery = self.deliveries[name]
        source = self.source_of(delivery)
        keys = ((delivery.scheduled.place, source, asset.id) for asset in self.assets_of(delivery.batch))
        return {each for key in keys for each in self.dependants[key]}

    # --- failures and probes ---------------------------------------------------------------------------------------

    def _count_failure(self, side: Side, subject: str, event: e.ExportFailed | e.ImportFailed) -> None:
        parent, halved = self._parentage(subject, side[1])
        self.breaker.count(side, subject, event, parent if halved else None)

    def _parentage(self, subject: str, direction: str) -> tuple[str, bool]:
        if direction == "import":
            delivery = self.deliveries[subject]
            return delivery.parent, delivery.halved
        if self.batches[subject].backup:
            return self.batches[subject].instead_of, bool(self.batches[subject].instead_of)
        for delivery in self.deliveries_of(subject):
            return self._batch_of_parent(delivery), delivery.halved
        return "", False

    def _batch_of_parent(self, delivery: Delivery) -> str:
        return self.deliveries[delivery.parent].batch if delivery.parent else ""

    def _probe(self, event: e.ProbeEvent, at: float) -> None:
        slot, subject = event.slot, Subject.probe(event.slot)
        probe = self.probes[slot] = move_probe(self.probes.get(slot), event, at)
        self._touched.subjects.add(subject)
        match event:
            case e.ProbeRequested():
                self.occupied[slot].add(subject)
            case e.ProbeAccepted():
                self._show_idle(self._probe_job(probe), at)
            case e.ProbeAnswerLost():
                self.lost_probes[slot] += 1
            case e.ProbeRefused(words=words):
                self.lost_probes[slot] += words.kind not in {Failure.BUSY.value, Failure.THROTTLED.value}
                self._show_busy(self._probe_job(probe), words, at)
            case e.ProbeEnded():
                pass
        if probe.state is ProbeState.OVER:
            self.occupied[slot].discard(subject)
            self._touched.slots.add(slot)
            self._touched.deliveries(name for name in self.unsure if self.deliveries[name].slot == slot)
