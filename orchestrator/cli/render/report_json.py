"""A report as a document for programs. Law: these classes are the published schema (`schema --report`); times in UTC.

The HTML page is made from the same document, so that both tell the same.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.cli.context.folded_run import code_of
from orchestrator.cli.output.times import utc
from orchestrator.cli.render.dialect import LessonDocument, lessons
from orchestrator.cli.render.finish_document import FinishDocument, finish_document
from orchestrator.cli.render.states import package_words
from orchestrator.cli.render.summary import Names, finding_json, next_of, verdict_of
from orchestrator.cli.render.undo_words import action_of
from orchestrator.core.comparison.dialect import Dialect
from orchestrator.core.handover.render import to_data
from orchestrator.core.model.handover_item import Action
from orchestrator.core.model.place import Place
from orchestrator.core.report.assets import AssetLine
from orchestrator.core.report.handover import PlanHandover
from orchestrator.core.report.history import History
from orchestrator.core.report.lanes import MEANING, LaneReport
from orchestrator.core.report.outcome import AssetClass
from orchestrator.core.report.prediction import PredictedBar
from orchestrator.core.report.report import BatchReport, DeliveryReport, SourceReport
from orchestrator.core.report.timeline import Bar, Journey, journeys
from orchestrator.core.report.whole import WholeReport
from orchestrator.core.state.changes import Changes
from orchestrator.core.state.events import RunBegan

#: version of the document's form; a field that is added does not change it
FORM = 1
#: said where predicted times would stand
UNPREDICTED = "The journal of this run keeps no predicted times: it was begun by an earlier version."


@dataclass(frozen=True, slots=True)
class WhyDocument:
    """One reason for a code other than 0."""

    code: int
    sentence: str


@dataclass(frozen=True, slots=True)
class LaneDocument:
    """One migration's way to one target."""

    migration: str
    source: str
    target: str
    selected: int
    #: class -> assets; their sum is `selected`
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LeftOutDocument:
    """A task that touches what is selected and does not travel with it."""

    id: str
    name: str
    why: str
    #: the migration of the same run that brings it there, "" where none does
    carried_by: str


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """What one migration touched at its source: touched = selected + excluded + left out."""

    migration: str
    source: str
    target: str
    touched: int
    selected: int
    excluded: int
    left_out: Sequence[LeftOutDocument]


@dataclass(frozen=True, slots=True)
class AssetDocument:
    """One asset at one target."""

    migration: str
    source: str
    target: str
    #: "" where it travelled in none
    delivery: str
    #: of its batch, from 1, in the order in which batches were scheduled; 0 where it travelled in none
    number: int
    #: at the source
    id: str
    kind: str
    name: str
    #: at the target, the likeliest first; several where the service has not shown how it reads the prefix
    target_names: Sequence[str]
    #: "" where no read has told it
    target_id: str
    #: in which it is counted
    outcome: str
    why: str


@dataclass(frozen=True, slots=True)
class RanDocument:
    """When the job of a batch or a delivery ran; null where it did not."""

    began: str | None
    ended: str | None
    #: behind a job that we could only wait for: somebody else's, or a lost one of ours
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class BatchDocument:
    """One export."""

    number: int
    batch: str
    source: str
    apps: int
    tasks: int
    state: str
    #: what became of it, for people
    stands: str
    exports: int
    losses: int
    jobs: Sequence[str]
    request_ids: Sequence[str]
    #: of the package, "" where there was none
    sha256: str
    size: int
    check: str
    ran: RanDocument
    #: it travels nowhere: it holds assets of a target as they were before Merge overwrote them
    backup: bool
    #: until when `undo` can restore from it, as the plan said when the run began; null where it cannot
    kept_until: str | None


@dataclass(frozen=True, slots=True)
class DeliveryDocument:
    """One import."""

    delivery: str
    batch: str
    migration: str
    target: str
    mode: str
    prefix: str
    owner: str
    assets: int
    state: str
    imports: int
    jobs: Sequence[str]
    request_ids: Sequence[str]
    words: str
    ran: RanDocument


@dataclass(frozen=True, slots=True)
class BarDocument:
    """What a slot was used for, or waited for."""

    #: export, import, probe, somebody else's job, our own lost job, unknown outcome; beside the slot: download,
    #: verification
    kind: str
    #: batch or delivery id; what a probe is called
    subject: str
    #: of the batch, 0 of a probe
    number: int
    began: str | None
    ended: str | None
    seconds: float
    #: how it ended, "" while it lasts
    word: str
    job: str


@dataclass(frozen=True, slots=True)
class PredictedBarDocument:
    """A job as it was expected when the run began."""

    #: export or import
    kind: str
    #: batch or delivery id, and the batch's place in the order
    subject: str
    number: int
    began: str | None
    ended: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class PredictedEndDocument:
    """When the run was expected to be over, as known when it began."""

    #: in half of the cases, and in nine of ten
    p50: str | None
    p90: str | None
    #: durations that no earlier job told: "imports at prod"
    guessed: Sequence[str]


@dataclass(frozen=True, slots=True)
class SlotDocument:
    """The place in which one job may run, and what ran there."""

    slot: str
    #: in which a job of ours ran
    busy_seconds: float
    bars: Sequence[BarDocument]
    #: what was expected to run there
    predicted: Sequence[PredictedBarDocument]


@dataclass(frozen=True, slots=True)
class PauseDocument:
    """No process conducted the run."""

    began: str | None
    ended: str | None


@dataclass(frozen=True, slots=True)
class TimelineDocument:
    """When each slot did what, from the run's begin to its end; what was taken back later is no part of it."""

    began: str | None
    ended: str | None
    slots: Sequence[SlotDocument]
    pauses: Sequence[PauseDocument]
    #: when it was expected to be over; null where the journal keeps no prediction
    predicted_end: PredictedEndDocument | None
    #: why no predicted times stand here, "" where they do
    unpredicted: str


@dataclass(frozen=True, slots=True)
class OutageDocument:
    """A service was away."""

    host: str
    began: str | None
    #: null where its end was not seen
    ended: str | None
    words: str


@dataclass(frozen=True, slots=True)
class StopDocument:
    """The breaker stopped one side of an instance."""

    at: str | None
    instance: str
    direction: str
    words: str
    reopened: str | None


@dataclass(frozen=True, slots=True)
class WaitDocument:
    """Refusals in a row of one subject."""

    subject: str
    kind: str
    began: str | None
    latest: str | None
    times: int
    words: str


@dataclass(frozen=True, slots=True)
class WriteRateDocument:
    """What one region took of one identity's writes, where their rate was adapted."""

    region: str
    credentials: str
    #: writes a second: at first, and at last
    first: float
    last: float
    #: how often one was refused as one too many, and at which rate the last time
    refusals: int
    refused: float


@dataclass(frozen=True, slots=True)
class SettlementDocument:
    """An answer was lost, and what was found instead."""

    lost: str | None
    #: null where it is not settled
    settled: str | None
    subject: str
    words: str
    found: str


@dataclass(frozen=True, slots=True)
class ProbeDocument:
    """An export of one asset, asked only to learn whether a slot is idle."""

    at: str | None
    slot: str
    asset: str
    job: str
    word: str


@dataclass(frozen=True, slots=True)
class ActDocument:
    """Something that an operator or a signal did."""

    at: str | None
    by: str
    #: what and why, for people
    sentence: str
    #: begin, resume, retry, abandon, approve, sign, accept-changed, hold-drifted, waive, interrupt, resolve, undo,
    #: handover-done, pause, stop or continue
    act: str
    #: the batch, delivery, migration or item that it is about; "" where it is about the run
    subject: str
    #: the reason or note that was given; "" where none was
    why: str


@dataclass(frozen=True, slots=True)
class FindingDocument:
    """What preflight warned of or could not check."""

    check: str
    verdict: str
    #: MIGRATION@INSTANCE, MIGRATION, @INSTANCE or ""
    where: str
    sentence: str
    assets: Sequence[str]
    remedy: str


@dataclass(frozen=True, slots=True)
class TrialDocument:
    """With `one_job_per: auto`, a real job asked for beside another of ours."""

    at: str | None
    widening: str
    slot: str
    subject: str
    beside: str
    #: apart, one or open; "" while it is not known
    shown: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadingDocument:
    """What the service showed of a prefix."""

    target: str
    prefix: str
    kind: str
    renamed: bool


@dataclass(frozen=True, slots=True)
class ChainDocument:
    """The head of the journal's chain: it proves every entry before it."""

    entries: int
    digest: str


@dataclass(frozen=True, slots=True)
class HandoverCount:
    """How much of one kind of work is left to people."""

    action: str
    by_this_run: int
    open_in_plan: int


@dataclass(frozen=True, slots=True)
class ChangeDocument:
    """One object that an undo removes from a target, restores, sets back or leaves there."""

    #: app, task or what else finish deals with
    kind: str
    #: at the target
    id: str
    name: str
    target: str
    #: pending, unsure, done, refused or different; "left" where it is none of the undo's
    state: str
    #: "" where there is nothing to say
    why: str
    #: remove, restore (what Merge overwrote), take-back (what finish did), or leave
    action: str


@dataclass(frozen=True, slots=True)
class UndoDocument:
    """What was taken back of a run."""

    began: str | None
    by: str
    host: str
    note: str
    digest: str
    #: null where it has not ended
    ended: str | None
    #: what it ended with; null where it has not
    code: int | None
    #: state -> assets
    counts: Mapping[str, int]
    changes: Sequence[ChangeDocument]


@dataclass(frozen=True, slots=True)
class ReportDocument:
    """What `report --json` prints."""

    form: int
    run: str
    plan: str
    plan_file: str
    #: the beginning of that file's SHA-256, "" where the journal does not tell it
    plan_digest: str
    #: which instances the plan's names stood for
    places: Sequence[Place]
    by: str
    host: str
    version: str
    note: str
    only: Sequence[str]
    digest: str
    began: str | None
    ended: str | None
    last_entry: str | None
    finished: bool
    code: int
    #: every code that applies, the exit code among them
    codes: Sequence[int]
    verdict: str
    whys: Sequence[WhyDocument]
    counts: Mapping[str, int]
    who: str
    next: str
    meaning: str
    #: whether the sums agree; where not, it is a defect of the program
    agree: bool
    disagreements: Sequence[str]
    lanes: Sequence[LaneDocument]
    sources: Sequence[SourceDocument]
    #: every asset, or those that `--only` lets through
    assets: Sequence[AssetDocument]
    batches: Sequence[BatchDocument]
    deliveries: Sequence[DeliveryDocument]
    #: id of the saved preview that it carried out, "" where there was none
    approved: str
    #: who signed it, with the key's fingerprint; "" where no signature was demanded
    signed_by: str
    accepted: Sequence[str]
    held: Sequence[str]
    waived: Sequence[str]
    #: what preflight warned of or could not check when the run began
    findings: Sequence[FindingDocument]
    #: what this run left to people
    handover: Sequence[Mapping[str, Any]]
    handover_counts: Sequence[HandoverCount]
    #: what all runs of the plan left to people and is not done
    handover_open: int
    #: of these, tasks that may process the same data twice: they still have to stop at their source
    handover_risks: int
    #: what shows it by owner
    handover_command: str
    #: null where nobody has asked for one
    undo: UndoDocument | None
    #: null where nobody has asked for it
    finish: FinishDocument | None
    timeline: TimelineDocument
    outages: Sequence[OutageDocument]
    stops: Sequence[StopDocument]
    waits: Sequence[WaitDocument]
    write_rates: Sequence[WriteRateDocument]
    settlements: Sequence[SettlementDocument]
    probes: Sequence[ProbeDocument]
    acts: Sequence[ActDocument]
    trials: Sequence[TrialDocument]
    readings: Sequence[ReadingDocument]
    #: what this home has seen the run's targets do where nothing is documented, as it knows now
    dialect: Sequence[LessonDocument]
    #: what moves, as it was frozen when the run began
    plan_as_run: Any
    chain: ChainDocument


def document(
    whole: WholeReport, names: Names, shown: Sequence[AssetLine], left: PlanHandover, dialect: Dialect
) -> ReportDocument:
    """Everything that is known of a run.

    `shown` are the assets to list, `left` what the plan's runs left to people, `dialect` what the home knows.
    """
    made, began = whole.report, whole.report.began
    ran = journeys(whole.timeline)
    outcome = made.outcome
    carried = {(g.migration, g.target, asset): g.carried_by for g in whole.aside for asset, _ in g.assets}
    imports: dict[str, list[str]] = defaultdict(list)
    for delivery in made.deliveries:
        imports[delivery.batch].append(delivery.state)
    numbers = {batch.batch: batch.number for batch in made.batches}
    numbers |= {each.delivery: numbers[each.batch] for each in made.deliveries}
    return ReportDocument(
        form=FORM, run=made.run, plan=began.plan, plan_file=began.plan_file, plan_digest=began.plan_digest,
        places=places_of(began), by=began.by, host=began.host,
        version=began.version, note=began.note, only=began.only, digest=began.digest, began=utc(made.began_at),
        ended=utc(made.ended_at), last_entry=utc(made.last_at), finished=made.finished, meaning=MEANING,
        agree=not made.disagreements, disagreements=made.disagreements, code=code_of(made),
        codes=sorted({int(outcome.code), *(int(why.code) for why in outcome.whys)}), verdict=verdict_of(made),
        whys=[WhyDocument(int(why.code), why.sentence) for why in outcome.whys],
        counts={each.value: outcome.counts.get(each.value, 0) for each in AssetClass}, who=outcome.who,
        next=next_of(made, names, left),
        lanes=[_lane(each) for each in made.lanes],
        sources=[_source(each, carried) for each in made.sources],
        assets=[_asset(line) for line in shown],
        batches=[_batch(each, imports[each.batch], ran.get(each.batch, Journey())) for each in made.batches],
        deliveries=[_delivery(each, ran.get(each.delivery, Journey())) for each in made.deliveries],
        approved=began.approved, signed_by=began.signed_by, accepted=began.accepted, held=began.held,
        waived=began.waived,
        findings=[FindingDocument(**finding_json(each)) for each in made.findings],
        handover=to_data(made.handover, left.standings), handover_counts=_handover(whole, left),
        handover_open=len(left.open), handover_risks=len(left.risks),
        handover_command=names.command("handover", names.plan), timeline=_timeline(whole, numbers),
        undo=_undo(whole.undo) if whole.undo is not None else None,
        finish=finish_document(whole.finishing),
        readings=[ReadingDocument(r.target, r.prefix, r.kind, r.renamed) for r in whole.readings],
        dialect=lessons(dialect, _targets(whole)),
        plan_as_run=json.loads(began.moves), chain=ChainDocument(whole.head.entries, whole.head.digest),
        **_history(made.history),
    )  # fmt: skip


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the document."""
    from pydantic import TypeAdapter

    made = TypeAdapter(ReportDocument).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "Report of roma-migrate"}


def places_of(began: RunBegan) -> Sequence[Place]:
    """As journaled; older journals tell only where each instance was."""
    held = json.loads(began.moves).get("instances", {}) if not began.places else {}
    return began.places or [
        Place(name, where["endpoint"], "", where["project_id"], where["instance_id"]) for name, where in held.items()
    ]


def _targets(whole: WholeReport) -> list[tuple[str, str]]:
    """(name, endpoint) of the run's targets."""
    named = {lane.target for lane in whole.report.lanes}
    return [(each.name, each.endpoint) for each in places_of(whole.report.began) if each.name in named]


# --- parts ---------------------------------------------------------------------------------------------------------


def _lane(each: LaneReport) -> LaneDocument:
    return LaneDocument(each.migration, each.source, each.target, each.selected, each.counts)


def _source(each: SourceReport, carried: Mapping[tuple[str, str, str], str]) -> SourceDocument:
    left = [
        LeftOutDocument(asset, name, why, carried.get((each.migration, each.target, asset), ""))
        for asset, name, why in each.left_out
    ]
    return SourceDocument(
        each.migration, each.source, each.target, each.touched, each.selected, each.excluded, left
    )  # fmt: skip


def _asset(line: AssetLine) -> AssetDocument:
    o = line.outcome
    return AssetDocument(
        o.migration, line.source, o.target, o.delivery, line.number, o.asset, o.kind, o.name, line.names,
        line.target_id, o.kept_as.value, o.why,
    )  # fmt: skip


def _ran(journey: Journey) -> RanDocument:
    return RanDocument(utc(journey.began), utc(journey.ended), round(journey.waited, 1))


def _batch(b: BatchReport, imports: Sequence[str], journey: Journey) -> BatchDocument:
    return BatchDocument(
        b.number, b.batch, b.source, b.apps, b.tasks, b.state, package_words(b.state, imports), b.exports, b.losses,
        b.jobs, b.request_ids, b.sha256,
        b.size, b.check, _ran(journey), b.backup, utc(b.kept_until),
    )  # fmt: skip


def _delivery(d: DeliveryReport, journey: Journey) -> DeliveryDocument:
    return DeliveryDocument(
        d.delivery, d.batch, d.migration, d.target, d.mode, d.prefix, d.owner, d.assets, d.state, d.imports, d.jobs,
        d.request_ids, d.words, _ran(journey),
    )  # fmt: skip


def _handover(whole: WholeReport, left: PlanHandover) -> list[HandoverCount]:
    """In the order of the guide."""
    ours = Counter(item.action for item in whole.report.handover)
    still = Counter(item.action for item in left.open)
    return [HandoverCount(each.value, ours[each], still[each]) for each in Action if ours[each] or still[each]]


def _undo(held: Changes) -> UndoDocument:
    changes = [
        ChangeDocument(
            each.kind.rpartition("-")[2],
            each.object,
            each.name,
            each.instance,
            life.state,
            life.why,
            action_of(each),
        )
        for life in held.lives.values()
        for each in [life.change]
    ]
    changes += [ChangeDocument(kind, asset, name, at, "left", why, "leave") for kind, asset, name, at, why in held.left]
    began, ended = held.began, held.ended
    by, host, note, digest = (began.by, began.host, began.note, began.digest) if began is not None else ("",) * 4
    return UndoDocument(
        utc(held.began_at), by, host, note, digest, utc(held.ended_at) if ended is not None else None,
        ended.code if ended is not None else None, dict(Counter(each.state for each in changes)), changes,
    )  # fmt: skip


def _timeline(whole: WholeReport, numbers: Mapping[str, int]) -> TimelineDocument:
    held, expected = whole.timeline, whole.predicted
    lived = {each.slot: each for each in held.slots}
    planned: dict[str, list[PredictedBarDocument]] = {}
    for each in expected.bars if expected is not None else ():
        planned.setdefault(each.slot, []).append(_predicted(each, numbers))
    slots = [
        SlotDocument(
            name, round(lived[name].busy, 1) if name in lived else 0.0,
            [_bar(bar, numbers) for bar in lived[name].bars] if name in lived else [], planned.get(name, []),
        )
        for name in sorted({*lived, *planned})
    ]  # fmt: skip
    pauses = [PauseDocument(utc(each.began), utc(each.ended)) for each in held.pauses]
    end = PredictedEndDocument(utc(expected.p50), utc(expected.p90), expected.guessed) if expected is not None else None
    return TimelineDocument(utc(held.began), utc(held.ended), slots, pauses, end, "" if end else UNPREDICTED)


def _predicted(bar: PredictedBar, numbers: Mapping[str, int]) -> PredictedBarDocument:
    return PredictedBarDocument(
        bar.kind.value, bar.subject, numbers.get(bar.subject, 0), utc(bar.began), utc(bar.ended),
        round(bar.ended - bar.began, 1),
    )  # fmt: skip


def _bar(bar: Bar, numbers: Mapping[str, int]) -> BarDocument:
    return BarDocument(
        bar.kind.value, bar.subject, numbers.get(bar.subject, 0), utc(bar.began), utc(bar.ended),
        round(bar.seconds, 1), bar.word, bar.job,
    )  # fmt: skip


def _history(history: History) -> dict[str, Any]:
    return {
        "outages": [OutageDocument(o.host, utc(o.began), utc(o.ended), o.words) for o in history.outages],
        "stops": [StopDocument(utc(s.at), s.instance, s.direction, s.words, utc(s.reopened)) for s in history.stops],
        "waits": [
            WaitDocument(w.subject, w.kind, utc(w.began), utc(w.latest), w.times, w.words) for w in history.waits
        ],
        "write_rates": [
            WriteRateDocument(
                r.region, r.credentials, round(r.first, 4), round(r.last, 4), r.refusals, round(r.refused, 4)
            )
            for r in history.rates
        ],
        "settlements": [
            SettlementDocument(utc(s.lost), utc(s.settled), s.subject, s.words, s.found) for s in history.settlements
        ],
        "probes": [ProbeDocument(utc(p.at), p.slot, p.asset, p.job, p.word) for p in history.probes],
        "acts": [ActDocument(utc(a.at), a.by, a.sentence, a.act, a.subject, a.why) for a in history.acts],
        "trials": [
            TrialDocument(utc(t.at), t.widening, t.slot, t.subject, t.beside, t.shown, t.reason) for t in history.trials
        ],
    }
