"""A preview as a document for programs. Law: these classes are the published schema (`schema --preview`)."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.cli.output.times import utc
from orchestrator.cli.render.dialect import LessonDocument
from orchestrator.cli.render.write_rates import why_of
from orchestrator.core.model.change import Change
from orchestrator.core.model.checks import Check
from orchestrator.core.model.handover_item import Item
from orchestrator.core.model.naming import predicted
from orchestrator.core.model.place import Place
from orchestrator.core.model.restoration import NOT_RESTORED
from orchestrator.core.preflight.expected_outcomes import ExpectedOutcome
from orchestrator.core.preview.ordering import Order
from orchestrator.core.preview.preview import Preview
from orchestrator.core.scheduling.forecast import RateBound
from orchestrator.core.scheduling.timetable import Timetable
from orchestrator.core.selection.components import Split
from orchestrator.core.state.events import AssetsSkipped, BatchScheduled, DeliveryScheduled, SelectionMade, WriteRate

#: version of the document's form; a field that is added does not change it
FORM = 1


@dataclass(frozen=True, slots=True)
class Identity:
    """What exactly a preview is a preview of, for whoever approves it."""

    plan_file: str
    #: the beginning of the plan file's SHA-256
    plan_digest: str
    #: when both sides were read, with its offset
    read_at: str
    places: Sequence[Place]


@dataclass(frozen=True, slots=True)
class CheckDocument:
    """One answer of preflight."""

    id: str
    #: ok, waived, not checked, warning or blocker
    verdict: str
    sentence: str
    assets: Sequence[str]
    remedy: str
    #: MIGRATION@INSTANCE, MIGRATION, @INSTANCE or ""
    where: str
    #: the waiver's reason
    waived: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A task that touches what is selected and does not travel."""

    id: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class SelectionDocument:
    """What one migration takes from its source for one target."""

    migration: str
    source: str
    target: str
    selected: int
    #: ids
    excluded: Sequence[str]
    left_out: Sequence[LeftOut]


@dataclass(frozen=True, slots=True)
class AssetDocument:
    """An application or a task at its source."""

    id: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class SkippedDocument:
    """What an earlier run brought and the target still holds."""

    migration: str
    target: str
    reason: str
    assets: Sequence[AssetDocument]


@dataclass(frozen=True, slots=True)
class Expected:
    """When a job is expected to run, in seconds from the begin of the run."""

    slot: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class BatchDocument:
    """One export."""

    number: int
    batch: str
    source: str
    assets: Sequence[AssetDocument]
    expected: Expected | None


@dataclass(frozen=True, slots=True)
class BackupDocument:
    """One export of a target's assets that Merge would overwrite."""

    batch: str
    target: str
    #: ids and names at the target
    assets: Sequence[AssetDocument]
    #: deliveries that wait for it
    before: Sequence[str]
    #: seconds that it is kept, and that `undo` can restore from it
    kept: float
    expected: Expected | None


@dataclass(frozen=True, slots=True)
class DeliveryDocument:
    """One import."""

    delivery: str
    batch: str
    #: of its batch
    number: int
    migration: str
    target: str
    mode: str
    prefix: str
    datasource_overwrite: bool
    owner: str
    needs: Sequence[str]
    after: Sequence[str]
    on_partial: str
    #: ids that are sent although their names are taken: a waiver says so
    forced: Sequence[str]
    #: asset id -> the names it may have at the target, the likeliest first
    names: Mapping[str, Sequence[str]]
    #: numbers of the batches that must have landed there before
    behind: Sequence[int]
    #: why it has this place, in words
    why: str
    expected: Expected | None


@dataclass(frozen=True, slots=True)
class FateDocument:
    """One selected asset at one target."""

    migration: str
    source: str
    target: str
    prefix: str
    id: str
    kind: str
    name: str
    #: created, overwritten, skipped or refused
    fate: str
    names: Sequence[str]
    #: those of them that are taken there now
    present: Sequence[str]
    #: the batch it would travel in, "" where it does not
    batch: str


@dataclass(frozen=True, slots=True)
class ShorterDocument:
    """What a second identity in a slot would save at most."""

    slot: str
    seconds: float
    beside: str


@dataclass(frozen=True, slots=True)
class RateDocument:
    """An identity whose rate of writes makes the run longer."""

    identity: str
    #: slots of one kind of job that share it
    lanes: int
    #: with which it begins
    writes_per_second: float
    #: seconds by which the run would be over earlier without it
    seconds: float


@dataclass(frozen=True, slots=True)
class ReadRateDocument:
    """An identity whose rate of reads makes the run longer."""

    identity: str
    #: slots of one kind of job that share it
    lanes: int
    reads_per_second: float
    #: seconds by which the run would be over earlier without it
    seconds: float


@dataclass(frozen=True, slots=True)
class WriteRateDocument:
    """How many writes a second one identity is assumed to send, and why."""

    credentials: str
    #: at first
    writes_per_second: float
    #: how far it may rise; the same where the plan sets it
    most_writes_per_second: float
    #: plan, learned or default
    why: str
    #: where it was learned and when; "" and null where it was not
    region: str
    learned_at: str | None


@dataclass(frozen=True, slots=True)
class TimetableDocument:
    """When the run would be over, in seconds from its begin."""

    p50: float
    p90: float
    busiest: str
    #: seconds of work in the busiest slot
    busy: float
    shorter: Sequence[ShorterDocument]
    #: earlier jobs that the durations rest on
    known: int
    #: what no earlier job tells
    guessed: Sequence[str]
    #: the costliest first
    bound: Sequence[RateDocument]
    bound_by_reads: Sequence[ReadRateDocument]
    write_rates: Sequence[WriteRateDocument]


@dataclass(frozen=True, slots=True)
class HandoverDocument:
    """One thing that a person must do by hand."""

    id: str
    owner: str
    action: str
    asset: str
    kind: str
    where: str
    what: str
    #: what `handover --check` could prove, "" where nothing can
    proof: str


@dataclass(frozen=True, slots=True)
class ComponentDocument:
    """Migrations that one process of a fleet would conduct."""

    migrations: Sequence[str]
    #: names of the instances that they read and write
    instances: Sequence[str]
    #: the worker groups that these name; more than one is reached by no worker
    groups: Sequence[str]


@dataclass(frozen=True, slots=True)
class FleetDocument:
    """How several workers could share the plan."""

    components: Sequence[ComponentDocument]
    #: how many there would be if each slot were free for all
    without_slots: int
    #: how many workers can share it, and why no more
    sentence: str


@dataclass(frozen=True, slots=True)
class PreparationDocument:
    """One change that a run makes before it imports."""

    kind: str
    instance: str
    name: str
    #: fields of the object, none where it is not there
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Document:
    """What `preview --json` prints."""

    form: int
    plan: str
    plan_file: str
    #: 0, 4 where something stands against it, 7 where the disk has no room
    code: int
    #: who acts now, and what to do
    who: str
    next: str
    digest: str
    #: the file it was saved in
    saved: str | None
    #: an unfinished run of the plan: unless this was saved, it shows what is left of that run
    unfinished_run: str | None
    #: why the disk has no room for a package, None where it has
    disk: str | None
    #: what no preview can know, as sentences
    unknown: Sequence[str]
    checks: Sequence[CheckDocument]
    selections: Sequence[SelectionDocument]
    skipped: Sequence[SkippedDocument]
    batches: Sequence[BatchDocument]
    deliveries: Sequence[DeliveryDocument]
    assets: Sequence[FateDocument]
    timetable: TimetableDocument | None
    handover: Sequence[HandoverDocument]
    #: plan file, instances and users
    identity: Identity | None
    #: exports of what Merge would overwrite, before it does
    backups: Sequence[BackupDocument]
    #: what no backup brings back, as sentences; none where nothing is backed up
    not_restored: Sequence[str]
    #: what this home has seen the targets do where nothing is documented
    dialect: Sequence[LessonDocument]
    #: when jobs may be asked for, and what waits for a person, as sentences; none where nothing waits
    waits: Sequence[str]
    #: how several workers could share the plan
    fleet: FleetDocument
    #: what the run does before it imports
    before_import: Sequence[PreparationDocument]


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview, and where it stands."""

    plan: str
    plan_file: str
    preview: Preview
    code: int
    #: an unfinished run of the plan, "" where there is none
    unfinished: str = ""
    #: the file it was saved in, "" where it was not
    saved: str = ""
    #: why the disk has no room for a package, "" where it has
    crowded: str = ""
    #: plan file, instances and users
    identity: Identity | None = None
    #: what this home has seen the targets do where nothing is documented
    dialect: Sequence[LessonDocument] = ()
    #: how several workers could share the plan
    components: Split = field(default_factory=lambda: Split((), 0, ""))
    #: what the run does before it imports, as the plan asks under `finish:`
    before_import: Sequence[Change] = ()

    @property
    def shared(self) -> str:
        """How many workers could share the plan, and why no more; "" where it is one migration alone."""
        return self.components.told if self.components.migrations > 1 else ""

    @property
    def resumes(self) -> bool:
        """Whether it shows what is left of the unfinished run."""
        return bool(self.preview.frozen)

    @property
    def who(self) -> str:
        """Who acts now."""
        if self.crowded:
            return "whoever runs this host"
        return "the plan owner" if self.preview.blockers else "nobody"

    @property
    def next_step(self) -> str:
        """What to do next."""
        file = shlex.quote(self.plan_file)
        if self.crowded:
            return f"free space there, then: roma-migrate preview {file}"
        if self.preview.blockers:
            return f"put right what stands against it, then: roma-migrate preview {file}"
        if self.saved:
            abandon = " --abandon" if self.unfinished else ""
            return f"have it approved, then: roma-migrate run{abandon} --approved {shlex.quote(self.saved)} {file}"
        return f"roma-migrate run {file}"

    @property
    def may_be_approved(self) -> bool:
        """Whether it is a new run that nothing stands against, and no saved preview already."""
        return not (self.preview.blockers or self.crowded or self.resumes or self.saved)

    @property
    def approve(self) -> tuple[str, ...]:
        """The commands that save it and carry out exactly that."""
        file, saved = shlex.quote(self.plan_file), shlex.quote(self.saved or f"{self.plan}.preview.json")
        save = () if self.saved else (f"roma-migrate preview --save {saved} {file}",)
        return (*save, f"roma-migrate run --approved {saved} {file}")


def document(shown: Shown) -> Document:
    """Everything that is known of a preview."""
    preview = shown.preview
    times = preview.timetable
    order = Order.of(preview)
    return Document(
        FORM, shown.plan, shown.plan_file, shown.code, shown.who, shown.next_step, preview.digest,
        shown.saved or None, shown.unfinished or None, shown.crowded or None, preview.unknown,
        [_check(each) for each in preview.checks],
        [_selection(each) for each in preview.selections],
        [_skipped(each) for each in preview.skipped],
        [_batch(number, each, times) for number, each in enumerate(preview.batches, 1)],
        [_delivery(each, order, times) for each in preview.deliveries],
        [_fate(each) for each in preview.assets],
        _timetable(times) if times is not None else None,
        [_handover(each) for each in preview.handover],
        shown.identity,
        [_backup(each, preview) for each in preview.backups],
        NOT_RESTORED if preview.backups else (),
        shown.dialect,
        preview.hours.told,
        _fleet(shown.components),
        [_preparation(each) for each in shown.before_import],
    )  # fmt: skip


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the document."""
    from pydantic import TypeAdapter

    made = TypeAdapter(Document).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "Preview of roma-migrate"}


# --- parts ---------------------------------------------------------------------------------------------------------


def _preparation(change: Change) -> PreparationDocument:
    return PreparationDocument(change.kind, change.instance, change.name, dict(change.before), dict(change.after))


def _backup(batch: BatchScheduled, preview: Preview) -> BackupDocument:
    before = [each.delivery for each in preview.deliveries if batch.batch in each.backups]
    assets = [AssetDocument(each.id, each.kind, each.name) for each in batch.assets]
    times = expected(preview.timetable, batch.batch)
    return BackupDocument(batch.batch, batch.source, assets, before, preview.keep_backups, times)


def _check(check: Check) -> CheckDocument:
    return CheckDocument(
        check.id, check.verdict.value, check.sentence, check.assets, check.remedy, check.where, check.waived
    )  # fmt: skip


def _selection(made: SelectionMade) -> SelectionDocument:
    left = [LeftOut(*each) for each in made.left_out]
    return SelectionDocument(made.migration, made.source, made.target, made.selected, made.excluded, left)


def _skipped(each: AssetsSkipped) -> SkippedDocument:
    assets = [AssetDocument(asset.id, asset.kind, asset.name) for asset in each.assets]
    return SkippedDocument(each.migration, each.target, each.reason, assets)


def _batch(number: int, batch: BatchScheduled, times: Timetable | None) -> BatchDocument:
    assets = [AssetDocument(asset.id, asset.kind, asset.name) for asset in batch.assets]
    return BatchDocument(number, batch.batch, batch.source, assets, expected(times, batch.batch))


def _delivery(each: DeliveryScheduled, order: Order, times: Timetable | None) -> DeliveryDocument:
    assets = order.batches[each.batch].assets
    names = {asset.id: predicted(each.prefix, asset.kind, asset.name) for asset in assets}
    return DeliveryDocument(
        each.delivery, each.batch, order.numbers[each.batch], each.migration, each.target, each.mode, each.prefix,
        each.datasource_overwrite, each.owner_words, each.needs, each.after, each.on_partial, each.forced, names,
        order.behind[each.delivery], order.why(each), expected(times, each.delivery),
    )  # fmt: skip


def expected(times: Timetable | None, subject: str) -> Expected | None:
    """When the job of a batch or a delivery would run."""
    span = times.spans.get(subject) if times is not None else None
    return Expected(span.slot, round(span.start, 1), round(span.end, 1)) if span is not None else None


def _fate(each: ExpectedOutcome) -> FateDocument:
    return FateDocument(
        each.migration, each.source, each.target, each.prefix, each.id, each.kind, each.name, each.fate.value,
        each.names, each.present, each.batch,
    )  # fmt: skip


def _timetable(times: Timetable) -> TimetableDocument:
    shorter = [ShorterDocument(each.slot, round(each.seconds, 1), each.beside) for each in times.shorter]
    return TimetableDocument(
        round(times.p50, 1), round(times.p90, 1), times.busiest, round(times.busy, 1), shorter, times.known,
        times.guessed,
        [RateDocument(*_bound(each)) for each in times.bound if each.what == "write"],
        [ReadRateDocument(*_bound(each)) for each in times.bound if each.what == "read"],
        list(map(_write_rate, times.rates)),
    )  # fmt: skip


def _bound(bound: RateBound) -> tuple[str, int, float, float]:
    return bound.identity, bound.lanes, round(bound.per_second, 4), round(bound.seconds, 1)


def _write_rate(rate: WriteRate) -> WriteRateDocument:
    begins, most = round(rate.per_second, 4), round(rate.most or rate.per_second, 4)
    return WriteRateDocument(rate.credentials, begins, most, why_of(rate), rate.region, utc(rate.learned_at))


def _fleet(found: Split) -> FleetDocument:
    components = [ComponentDocument(each.migrations, each.instances, each.groups) for each in found.components]
    return FleetDocument(components, found.without_slots, found.told)


def _handover(item: Item) -> HandoverDocument:
    return HandoverDocument(
        item.id, item.owner, str(item.action), item.asset, item.kind, item.where, item.sentence, item.check
    )  # fmt: skip
