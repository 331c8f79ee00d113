"""How a run stands, in exit codes and counts.

Law: each asset is in exactly one class, and every open delivery has a reason.

The same fold serves a live, a dead and an old run (a batch's journey); what only the process knew (a silent service, a
busy slot) comes as `ends`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.model.counts import agreed, count
from orchestrator.core.model.error_detail import NOT_OURS
from orchestrator.core.plan.plan import FinishStep
from orchestrator.core.state.changes import ChangeState
from orchestrator.core.state.ends import End
from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.undecided import undecided_before, undecided_lives
from orchestrator.errors import PRECEDENCE, ExitCode


class AssetClass(StrEnum):
    """Where an asset of a selection ends (promise 11)."""

    SKIPPED = "skipped"
    VERIFIED = "verified"
    UNVERIFIED = "imported but unverified"
    #: verified, and found missing or different: code 1
    DIFFERENT = "missing or different"
    QUARANTINED = "quarantined"
    BLOCKED = "blocked"
    UNDECIDED = "undecided"
    #: somebody else brought it while we did: code 1
    NOT_OURS = "there, not ours"
    #: its migration has drifted since it was approved, and did not start: code 1
    HELD = "held"
    WAITING = "waiting"


#: what a delivery's state makes of its assets, where verification does not say more
_CLASS = {
    DeliveryState.WAITING: AssetClass.WAITING,
    DeliveryState.IMPORT_UNSURE: AssetClass.WAITING,
    DeliveryState.IMPORTING: AssetClass.WAITING,
    DeliveryState.FAILED: AssetClass.WAITING,
    DeliveryState.IMPORTED: AssetClass.UNVERIFIED,
    DeliveryState.VERIFIED: AssetClass.VERIFIED,
    DeliveryState.QUARANTINED: AssetClass.QUARANTINED,
    DeliveryState.BLOCKED: AssetClass.BLOCKED,
    DeliveryState.UNDECIDED: AssetClass.UNDECIDED,
}


@dataclass(frozen=True, slots=True)
class AssetOutcome:
    """One asset at one target: its class, and why where that needs words."""

    migration: str
    target: str
    delivery: str
    asset: str
    kind: str
    name: str
    kept_as: AssetClass
    why: str = ""


def asset_outcomes(progress: Progress) -> list[AssetOutcome]:
    """Every selected asset, once per target."""
    found = [
        AssetOutcome(each.migration, each.target, "", asset.id, asset.kind, asset.name, AssetClass.SKIPPED, each.reason)
        for each in progress.skipped
        for asset in each.assets
    ]
    found += [
        AssetOutcome(each.migration, each.target, "", asset.id, asset.kind, asset.name, AssetClass.HELD, each.reason)
        for each in progress.held
        for asset in each.assets
    ]
    for delivery in progress.deliveries.values():
        if delivery.state is not DeliveryState.SPLIT:
            found += _delivery_lines(progress, delivery)
    return found


def _delivery_lines(progress: Progress, life: Delivery) -> list[AssetOutcome]:
    verified = life.verified
    unverified = dict(verified.unverified) if verified else {}
    findings = dict(verified.findings) if verified else {}
    found = []
    for asset in progress.assets_of(life.batch):
        kept_as, why = _class_of(progress, life)
        if asset.id in findings:
            theirs = findings[asset.id].startswith(NOT_OURS)
            kept_as, why = AssetClass.NOT_OURS if theirs else AssetClass.DIFFERENT, findings[asset.id]
        elif asset.id in unverified:
            kept_as, why = AssetClass.UNVERIFIED, unverified[asset.id]
        found.append(
            AssetOutcome(life.scheduled.migration, life.target, life.id, asset.id, asset.kind, asset.name, kept_as, why)
        )
    return found


def _class_of(progress: Progress, life: Delivery) -> tuple[AssetClass, str]:
    kept_as = _CLASS[life.state]
    if life.state is DeliveryState.QUARANTINED:
        theirs = life.words is not None and life.words.kind == NOT_OURS
        return AssetClass.NOT_OURS if theirs else kept_as, str(life.words or "")
    if life.state is DeliveryState.BLOCKED:
        asset = progress.find_asset(progress.source_of(life), life.by)
        return kept_as, f"it needs {asset.name if asset else life.by}, which is not at {life.target}"
    match undecided_before(progress, life):
        case None:
            return kept_as, ""
        case Delivery(overdue=overdue):
            return kept_as, "its job outlived job_timeout" if overdue else "a lost import turned out half there"
        case Package(batch=batch):
            own = batch == life.batch
            why = "its package is undecided" if own else "the backup of what it would overwrite is undecided"
            return AssetClass.UNDECIDED, why


@dataclass(frozen=True, slots=True)
class Why:
    """One reason for a code other than 0."""

    code: ExitCode
    sentence: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command ends with."""

    code: ExitCode
    whys: tuple[Why, ...]
    counts: Mapping[str, int]
    #: nothing is left that a resume of this run would do by itself
    final: bool
    who: str
    next_step: str
    #: epoch seconds before which the same command is in vain; 0 where it may be given at once
    not_before: float = 0.0
    #: deliveries are open and nothing says why: in a live process that is a defect
    stalled: bool = False
    #: what `continue` needs for the word that it waits for: a gate's option, nothing for a pause or a stop; None where
    #: no such word helps
    word: tuple[str, ...] | None = None


def outcome(progress: Progress, ends: Mapping[str, End], signal: str = "") -> Outcome:
    """Fold a run's state into its exit code (Contract 2), reasons and counts."""
    found = asset_outcomes(progress)
    counts = Counter(line.kept_as.value for line in found)
    undecided = _undecided(progress)
    explained = [*_ended(ends), *undecided, *for_a_person(progress), *_stopped(progress)]
    held = _held(progress, counts)
    whys = [*explained, *_incomplete(counts), *_not_prepared(progress), *held]
    open_left = [name for name in progress.open if progress.deliveries[name].state is not DeliveryState.UNDECIDED]
    final = not undecided and all(_given_up(progress, progress.deliveries[name]) for name in progress.open)
    stalled = not final and not explained and not signal
    if not final and not explained and not signal:
        whys.insert(0, Why(ExitCode.NOT_FINISHED, "unfinished: deliveries are open"))
    code = next((each for each in PRECEDENCE if any(why.code is each for why in whys)), ExitCode.DONE)
    if signal and open_left:
        code = ExitCode.TERMINATED if signal == "SIGTERM" else ExitCode.INTERRUPTED
        whys.insert(0, Why(code, f"interrupted by {signal}"))
    word = _word(progress)
    who, next_step = _advice(code, whys == held, word)
    not_before = max((end.not_before for end in ends.values()), default=0.0)
    return Outcome(
        code,
        tuple(whys),
        counts,
        final,
        who,
        next_step,
        not_before if code is ExitCode.NOT_FINISHED else 0.0,
        stalled,
        word,
    )


def _given_up(progress: Progress, life: Delivery) -> bool:
    """Whether only `--retry` would go on with this delivery: its target, or its source, was stopped by the breaker."""
    if progress.breaker.is_stopped(life.target, "import"):
        return life.state in {DeliveryState.WAITING, DeliveryState.FAILED}
    stopped = (
        each
        for each in (life.batch, *life.scheduled.backups)
        if progress.breaker.is_stopped(progress.batches[each].source, "export")
    )
    return life.state is DeliveryState.WAITING and any(
        progress.packages[each].state in {PackageState.PENDING, PackageState.FAILED} for each in stopped
    )


def _ended(ends: Mapping[str, End]) -> list[Why]:
    return [Why(ExitCode(end.code), end.sentence) for end in ends.values()]


def _undecided(progress: Progress) -> list[Why]:
    return [Why(ExitCode.UNDECIDED, _undecided_words(progress, each)) for each in undecided_lives(progress)]


def _undecided_words(progress: Progress, life: Package | Delivery) -> str:
    if isinstance(life, Delivery):
        return f"{life.id} is undecided: {_class_of(progress, life)[1]}"
    why = "its export job outlived job_timeout" if life.overdue else "its package is suspect, twice"
    return f"batch {life.batch} is undecided: {why}"


def for_a_person(progress: Progress) -> list[Why]:
    """What was ordered, or a gate that nobody has opened, while something is open; it counts no asset."""
    orders, found = progress.orders, []
    if progress.open and (halt := orders.halt) is not None:
        done = "paused" if halt is orders.paused else "stopped"
        note = f": {halt.note}" if halt.note else ""
        found.append(Why(ExitCode.STOPPED, f"{done} by {halt.by} on {halt.host}{note}"))
    if gate := orders.waits_at:
        waiting = sum(orders.is_gated(progress.deliveries[name].scheduled.migration) for name in progress.open)
        if waiting:
            verb = agreed(waiting, "waits")
            found.append(
                Why(ExitCode.STOPPED, f"{count(waiting, 'delivery')} {verb} for a person at the gate before the {gate}")
            )
    return found


def _word(progress: Progress) -> tuple[str, ...] | None:
    if progress.orders.halt is not None:
        return ()
    return ("--gate", gate) if (gate := progress.orders.waits_at) else None


def _stopped(progress: Progress) -> list[Why]:
    return [
        Why(ExitCode.INCOMPLETE, f"{instance} was stopped by the breaker ({direction}s): {failures.stopped.words}")
        for (instance, direction), failures in sorted(progress.breaker.failures.items())
        if failures.stopped is not None
    ]


def _incomplete(counts: Mapping[str, int]) -> list[Why]:
    bad = (AssetClass.QUARANTINED, AssetClass.BLOCKED, AssetClass.NOT_OURS, AssetClass.DIFFERENT)
    return [
        Why(ExitCode.INCOMPLETE, f"{count(counts[each], 'asset')} {agreed(counts[each], 'is')} {each}")
        for each in bad
        if counts.get(each)
    ]


def _not_prepared(progress: Progress) -> list[Why]:
    """What was to be done before the import and was not: assets may lack it."""
    lives = [each for each in progress.finishing.settled.values() if each.change.step == FinishStep.DICTIONARIES]
    left = [each for each in lives if each.state is not ChangeState.DONE]
    if not left:
        return []
    told = f"{count(len(left), 'dictionary entry')} {agreed(len(left), 'is')} not created"
    return [Why(ExitCode.INCOMPLETE, f"{told}: {left[0].change.name} at {left[0].change.instance}: {left[0].why}")]


def _held(progress: Progress, counts: Mapping[str, int]) -> list[Why]:
    """What was approved once and has drifted since: also where nothing of it is left to be counted."""
    if progress.began is None or not progress.began.held:
        return []
    number = counts.get(AssetClass.HELD, 0)
    told = f"{count(number, 'asset')} {agreed(number, 'is')} held" if number else "a migration is held"
    return [Why(ExitCode.INCOMPLETE, f"{told} back: not what was approved any more")]


def _advice(code: ExitCode, only_held: bool, word: tuple[str, ...] | None) -> tuple[str, str]:
    match code:
        case ExitCode.DONE:
            return "nobody", "roma-migrate report"
        case ExitCode.INCOMPLETE if only_held:
            return "the plan owner", "have what was held back approved anew: roma-migrate preview PLAN --save FILE"
        case ExitCode.INCOMPLETE:
            return (
                "the owners of the assets named in the report",
                "roma-migrate report, then: roma-migrate run --retry PLAN",
            )
        case ExitCode.REFUSED:
            return (
                "the owner of the credentials",
                "mend the credentials or permissions, then run the same command again",
            )
        case ExitCode.UNDECIDED:
            return "the operator", "roma-migrate resolve RUN"
        case ExitCode.STOPPED if word is not None:
            return "whoever gives the word", " ".join(("roma-migrate continue", *word, "RUN"))
        case ExitCode.STOPPED:
            return "the plan owner", "give the plan a window that opens, then run the same command again"
        case ExitCode.NOT_FINISHED:
            return "nobody", "run the same command again later"
        case ExitCode.UNREACHABLE:
            return "whoever runs the network or the service", "run the same command again"
        case _:
            return "nobody", "run the same command again"
