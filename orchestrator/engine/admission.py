"""The gate before a run: the preview, the saved preview, and what has drifted since. Law: it holds Readers only.

Nothing here has a method that writes, to ROMA or to the home: a preview cannot write (promise 6).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from orchestrator.core.finish.foreseen import before_import
from orchestrator.core.model.checks import MOST_EXAMPLES, Check, grouped
from orchestrator.core.plan.hours import hours_of
from orchestrator.core.plan.plan import Instance, Plan, Scope
from orchestrator.core.preview.approval import MAX_AGE, Begin, Occasion, Refused, Resume, Saved, Use, save, usable
from orchestrator.core.preview.drift import ApprovalDecision, Drift, drift, judge, narrowed, told
from orchestrator.core.preview.preview import Informed, Preview, preview
from orchestrator.core.preview.resumed import changes, left_of
from orchestrator.core.scheduling.timetable import Timetable, timetable
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import SlotRule
from orchestrator.engine.past_runs import PastRun, Reads, carried, history, learned
from orchestrator.engine.read_inventories import read_inventories
from orchestrator.engine.read_metadata import facts
from orchestrator.engine.runtime import Runtime
from orchestrator.errors import OperatorError, PreflightBlocked, ServiceUnreachable
from orchestrator.roma import InventoryDisagrees, Reader

ANEW = "save a new preview and have it approved: roma-migrate preview PLAN --save FILE"


class Readers(Protocol):
    """The half of `roma.Roma` that cannot write."""

    def reader(self, instance: Instance, credentials: str) -> Reader:
        """Reads `instance` with the secret of that name."""
        ...


@dataclass(frozen=True, slots=True)
class Approval:
    """A saved preview that `run` is to carry out, and what the operator answers for."""

    saved: Saved
    #: seconds
    max_age: float = MAX_AGE
    #: migrations that have drifted are left out, the others start
    hold_drifted: bool = False
    #: changed content starts all the same, and is listed
    accept_changed: bool = False
    #: who signed it, where a signature was demanded
    signed_by: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What may begin now."""

    preview: Preview
    #: `--only` selectors that hold for the run
    only: tuple[str, ...] = ()
    #: id of the saved preview that it consumes, "" where there is none
    approved: str = ""
    #: changes of content that the operator accepted
    accepted: tuple[str, ...] = ()
    #: migrations that do not start: each difference as a line
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ComparedPreview:
    """A saved preview against what is true now."""

    preview: Preview
    drifts: tuple[Drift, ...]


@dataclass(slots=True)
class Admission:
    """Reads both sides and says what a run would do, and whether it may."""

    plan: Plan
    store: Reads
    roma: Readers
    #: credentials -> the user that owns them, as slots count users
    users: Mapping[str, str]
    runtime: Runtime

    async def preview(self, only: Only, past: Sequence[PastRun], timed: bool = True) -> Preview:
        """What a new run would do; raises ServiceRefuses (3), ServiceUnreachable (9).

        Playing a timetable costs: who may still be refused asks for a preview that is not `timed`.
        """
        ends = (name for m in self.plan.migrations for name in (m.source, *(t.instance for t in m.targets)))
        readers = self.readers(ends)
        inventories = await read_inventories(self.plan, readers)
        read = await facts(self.plan, readers, inventories, self.runtime)
        # Only windows need durations where no timetable is wanted: to learn them, earlier runs are read.
        predict = learned(self.store).timing.predict if hours_of(self.plan).bind else None
        informed = Informed(read, self.runtime.now(), expect=self._expect() if timed else None, predict=predict)
        draft = preview(self.plan, inventories, history(past), only, informed)
        return replace(draft, unknown=(*draft.unknown, *self._slots_unknown(past)))

    def _slots_unknown(self, past: Sequence[PastRun]) -> tuple[str, ...]:
        """With `auto`, what each run has to find out anew, and what the latest one of the home has seen."""
        if self.plan.settings.one_job_per is not Scope.AUTO:
            return ()
        shown = [(each, trials) for each in past if (trials := each.trials)]
        told = "no run of this home has seen it"
        if shown:
            latest, trials = shown[-1]
            day = datetime.fromtimestamp(latest.began_at, UTC).date().isoformat()
            told = f"run {latest.run} of {day} saw: " + ", ".join(f"{name}: {seen}" for name, seen in trials)
        return (f"which jobs of one user ROMA runs at once (one_job_per: auto); one is assumed at first; {told}",)

    def readers(self, instances: Iterable[str]) -> dict[tuple[str, str], Reader]:
        """(instance, credentials) -> who reads it."""
        return {
            (name, credentials): self.roma.reader(self.plan.instances[name], credentials)
            for name in sorted(set(instances))
            for credentials in self.plan.instances[name].credentials
        }

    def saved(self, draft: Preview, only: Only, note: str) -> Saved:
        """The document of a preview, as of now."""
        runtime = self.runtime
        by = f"{runtime.user} on {runtime.host}"
        occasion = Occasion(runtime.now(), by, runtime.version, note, only.words, runtime.draw())
        return save(self.plan, draft, occasion, before_import(self.plan, draft.facts, only).changes)

    # --- an unfinished run -----------------------------------------------------------------------------------------

    async def resumed(self, latest: PastRun, only: Only) -> Preview:
        """What is left of an unfinished run, with which `run` would go on; raises OperatorError where it could not."""
        self.must_agree(latest, only)
        stale = await self.stale(latest.progress)
        entries = await self.runtime.offload(lambda: list(self.store.read(latest.run)))
        told = [entry.event.items for entry in entries if isinstance(entry.event, e.HandoverListed)]
        return replace(
            left_of(latest.progress, {each.batch for each in stale}),
            listed=tuple(item for items in told for item in items),
            hours=hours_of(self.plan),
        )

    def must_agree(self, latest: PastRun, only: Only) -> None:
        """A resume keeps the frozen schedule: a change in what moves is refused with the difference."""
        began = latest.progress.began
        if began is not None and (changed := changes(began, self.plan, only.words)):
            raise OperatorError(
                f"run {latest.run} is unfinished and the plan has changed in what moves:",
                *(f"  {each}" for each in changed),
                next_step="undo the change to go on with that run, or end it first: roma-migrate run --abandon PLAN",
            )

    async def stale(self, progress: Progress) -> list[e.PackageStale]:
        """Stored packages whose assets changed at the source before any import of them was asked: exported anew."""
        fresh = {
            batch: life
            for batch, life in progress.packages.items()
            if not progress.batches[batch].backup  # the listing before its import compares it
            and life.state is PackageState.STORED
            and all(not each.attempt for each in progress.deliveries_of(batch))
        }
        sources = {progress.batches[batch].source for batch in fresh}
        try:
            now = await read_inventories(self.plan, self.readers(sources)) if sources else {}
        except (ServiceUnreachable, InventoryDisagrees) as error:
            text = f"stored packages were not compared with the source: {error.message}"
            self.runtime.say("not-compared-with-source", reason=error.message, text=text)
            return []
        times = {(name, asset.id): asset.update_time for name, held in now.items() for asset in held.assets}
        found: list[e.PackageStale] = []
        for batch in fresh:
            source = progress.batches[batch].source
            assets = progress.assets_of(batch)
            changed = tuple(a.id for a in assets if times.get((source, a.id), a.update_time) != a.update_time)
            if changed:
                found.append(e.PackageStale(batch, changed))
        return found

    # --- a saved preview -------------------------------------------------------------------------------------------

    def use_of(self, approval: Approval, past: Sequence[PastRun], abandon: bool = False) -> Use:
        """Whether it would begin, goes on, or is refused; with `abandon`, after the unfinished run has been ended."""
        runs = [replace(each, unfinished=each.unfinished and not abandon) for each in carried(past)]
        return usable(approval.saved, self.plan.name, runs, self.runtime.now(), approval.max_age)

    def must_be_usable(self, approval: Approval, past: Sequence[PastRun], abandon: bool) -> None:
        """Raises PreflightBlocked (4) for a preview that was used, is too old, or is another plan's."""
        match self.use_of(approval, past, abandon):
            case Refused(why=why, next_step=next_step):
                raise PreflightBlocked(why, next_step=next_step)
            case Begin() | Resume():
                pass

    async def compare(self, saved: Saved, only: Only, past: Sequence[PastRun]) -> ComparedPreview:
        """Read both sides now, and tell what has drifted; `only` where the operator gives another than was saved."""
        only = only if only.words else self._only_of(saved)
        draft = await self.preview(only, past, timed=False)
        return ComparedPreview(draft, drift(saved, self.saved(draft, only, "")))

    async def admit(self, only: Only, approval: Approval | None, past: Sequence[PastRun]) -> Admitted:
        """What may begin now; raises PreflightBlocked (4) where something stands against it."""
        if approval is None:
            admitted = Admitted(await self.preview(only, past, timed=False), only.words)
        else:
            admitted = self._approved(approval, await self.compare(approval.saved, only, past))
        draft = admitted.preview
        _must_not_be_blocked(draft)
        return replace(admitted, preview=replace(draft, timetable=self._expect()(draft.batches, draft.deliveries)))

    def _approved(self, approval: Approval, now: ComparedPreview) -> Admitted:
        decision = judge(now.drifts, approval.hold_drifted, approval.accept_changed)
        if not decision.starts:
            raise PreflightBlocked(*refusal(approval.saved, now.drifts), next_step=ANEW)
        for line in told(now.drifts):
            self.runtime.say("drift", line=line.strip(), text=f"drift since the approval: {line.strip()}")
        saved, draft = approval.saved, now.preview
        if decision.refused:
            draft = narrowed(draft, decision.starts)
        if other := _otherwise(saved, draft, decision):
            raise PreflightBlocked(other, next_step=ANEW)
        return Admitted(draft, saved.only, saved.id, _accepted(decision), _held(decision))

    def _only_of(self, saved: Saved) -> Only:
        try:
            return parse_only(saved.only, self.plan)
        except OperatorError as error:
            raise PreflightBlocked(
                f"the saved preview does not fit the plan: {error.message}", next_step=ANEW
            ) from None

    def _expect(self) -> "_Expect":
        rule = SlotRule(self.plan.settings.one_job_per, dict(self.users))
        return _Expect(self.plan, rule, self.store, self.runtime.now())


@dataclass(frozen=True, slots=True)
class _Expect:
    """Plays a schedule out with what earlier runs teach of durations and rates."""

    plan: Plan
    rule: SlotRule
    store: Reads
    #: epoch seconds: what it would be to begin now
    now: float

    def __call__(self, batches: Sequence[e.BatchScheduled], deliveries: Sequence[e.DeliveryScheduled]) -> Timetable:
        known = learned(self.store)
        rates = known.rates.by_region
        return timetable(self.plan, self.rule, known.timing.predict, batches, deliveries, self.now, rates)


def refusal(saved: Saved, drifts: Sequence[Drift]) -> tuple[str, ...]:
    """What has drifted since a preview was saved, a line each under a head."""
    return (f"preview {saved.digest} does not hold any more; nothing was started", *told(drifts))


def _otherwise(saved: Saved, draft: Preview, decision: ApprovalDecision) -> str:
    """What drift has not told: the same assets in other batches, or in another order; "" where nothing is otherwise."""
    if not saved.knows_digests:
        was, is_ = {"": saved.digest}, {"": saved.digest if decision.refused else draft.digest}
    else:
        now = draft.digests
        was, is_ = ({name: each.get(name, "") for name in decision.starts} for each in (saved.digests, now))
    other = next((name for name in was if was[name] != is_[name]), None)
    if other is None:
        return ""
    told = f"the same assets{f' of {other}' if other else ''} would travel otherwise than in preview {saved.digest}"
    return f"{told}: their digest was {was[other]} and is {is_[other]} now"


def _accepted(decision: ApprovalDecision) -> tuple[str, ...]:
    return tuple(f"{migration}: {name}" for migration, names in decision.accepted for name in names)


def _held(decision: ApprovalDecision) -> tuple[str, ...]:
    """Every difference of each migration that does not start."""
    return tuple(
        line if line.startswith(each.migration) else f"{each.migration}: {line}"
        for each in decision.refused
        for line in each.lines or (each.grade.value,)
    )


def _grouped(blockers: Sequence[Check]) -> Iterator[str]:
    """A line each, and only how many more there are where one check has a lot to say."""
    for held in grouped(blockers):
        for check in held[:MOST_EXAMPLES]:
            yield f"{check.id}: {check.where + ': ' if check.where else ''}{check.sentence}"
        if len(held) > MOST_EXAMPLES:
            yield f"{held[0].id}: and {len(held) - MOST_EXAMPLES} more like these"


def _must_not_be_blocked(draft: Preview) -> None:
    if draft.blockers:
        raise PreflightBlocked(
            *_grouped(draft.blockers),
            next_step="roma-migrate preview PLAN shows each with its remedy",
        )
