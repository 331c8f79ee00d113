"""A saved preview: what a board approved, and whether it still holds. Law: no secret, no credentials; single use.

It rests on what moves (`what_moves`), and per selected asset on its id, name, kind, links, update time and which of its
predicted names the target holds; on the batches; on the entries of data dictionaries that the run creates before its
imports; and on the checks' verdicts. It does not rest on run states, on
unselected assets or on who talks to ROMA, which change all day. `orchestrator.core.preview.drift` compares two of them,
`orchestrator.core.preview.approval_file` writes and reads the document.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from orchestrator.core.model.change import Change
from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.plan.plan import Dictionaries, Plan, what_moves
from orchestrator.core.preflight.expected_outcomes import ExpectedOutcome
from orchestrator.core.preview.preview import Preview

#: seconds; `--max-age` where nothing is said
MAX_AGE = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class SavedAsset:
    """One selected asset on its way to one target, as it was."""

    id: str
    #: "app" or "task"
    kind: str
    name: str
    #: "created", "overwritten", "skipped" or "refused"
    fate: str
    #: the names it may have at the target that were taken there
    present: tuple[str, ...]
    #: source ids of what it builds on
    links: tuple[str, ...]
    #: ISO text as the source wrote it, "" where unknown
    update_time: str
    #: a task's run state; only to tell "stopped" from "changed"
    running: bool


@dataclass(frozen=True, slots=True)
class SavedCheck:
    """One answer of preflight that was not ok."""

    id: str
    verdict: str
    where: str
    assets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedEntry:
    """An entry of a data dictionary that the run creates before it imports."""

    target: str
    code: str
    #: all of it, each as WORD: VALUE
    fields: tuple[str, ...]
    #: that ask for it
    migrations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedLane:
    """One migration's way to one target."""

    migration: str
    source: str
    target: str
    prefix: str
    assets: tuple[SavedAsset, ...]
    #: ids of its deliveries, in the order of the schedule
    deliveries: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from the plan's other lanes."""
        return self.migration, self.target, self.prefix


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved preview."""

    plan: str
    #: epoch seconds, UTC
    saved_at: float
    by: str
    note: str
    #: version of roma-migrate
    version: str
    #: as printed by preview, run and report
    digest: str
    #: `--only` selectors, as given
    only: tuple[str, ...]
    #: `what_moves` of the plan
    moves: Mapping[str, object]
    lanes: tuple[SavedLane, ...]
    checks: tuple[SavedCheck, ...]
    #: tells this very document from every other: a run consumes it
    id: str = field(default="")
    entries: tuple[SavedEntry, ...] = ()
    #: migration -> its own digest; empty in a document of a version that did not know them
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def migrations(self) -> tuple[str, ...]:
        """Those that it holds, in the plan's order."""
        return tuple(dict.fromkeys(route.migration for route in self.lanes))

    @property
    def knows_digests(self) -> bool:
        """Whether each migration's own digest is told, where anything moves in it."""
        return bool(self.digests) or not any(lane.deliveries for lane in self.lanes)


@dataclass(frozen=True, slots=True)
class Occasion:
    """When, by whom and why a preview was saved."""

    #: epoch seconds, UTC
    at: float
    by: str
    version: str
    note: str = ""
    #: `--only` selectors, as given
    only: tuple[str, ...] = ()
    #: a draw in [0, 1), so that two documents of one second differ
    draw: float = 0.0


def save(plan: Plan, preview: Preview, occasion: Occasion, first: Sequence[Change] = ()) -> Saved:
    """The document of a preview; the same state on another occasion gives the same digest and another id.

    `first` is what the run does before it imports.
    """
    moves = json.loads(json.dumps(what_moves(plan)))
    made = Saved(
        plan.name, occasion.at, occasion.by, occasion.note, occasion.version, preview.digest, occasion.only, moves,
        _lanes(preview), tuple(_check(each) for each in preview.checks if each.verdict is not Verdict.OK),
        entries=tuple(_entry(plan, each) for each in first), digests=preview.digests,
    )  # fmt: skip
    nonce = f"{made!r} {occasion.draw!r}"
    return replace(made, id=sha256(nonce.encode()).hexdigest()[:32])


def _entry(plan: Plan, change: Change) -> SavedEntry:
    asking = (m for m in plan.migrations if m.finish.dictionaries is Dictionaries.CREATE)
    migrations = tuple(m.name for m in asking if change.instance in {target.instance for target in m.targets})
    fields = tuple(f"{word}: {value}" for word, value in change.after)
    return SavedEntry(change.instance, change.object, fields, migrations)


def _lanes(preview: Preview) -> tuple[SavedLane, ...]:
    routes: dict[tuple[str, str, str, str], list[ExpectedOutcome]] = {}
    for made in preview.selections:
        for prefix in [each.prefix for each in preview.assets if _is_of(each, made.migration, made.target)] or [""]:
            routes.setdefault((made.migration, made.source, made.target, prefix), [])
    for each in preview.assets:
        routes[each.migration, each.source, each.target, each.prefix].append(each)
    return tuple(_route(preview, key, assets) for key, assets in routes.items())


def _is_of(asset: ExpectedOutcome, migration: str, target: str) -> bool:
    return (asset.migration, asset.target) == (migration, target)


def _route(preview: Preview, key: tuple[str, str, str, str], assets: Sequence[ExpectedOutcome]) -> SavedLane:
    migration, source, target, prefix = key
    mine = [d.delivery for d in preview.deliveries if (d.migration, d.target, d.prefix) == (migration, target, prefix)]
    ordered = sorted((_asset(each) for each in assets), key=lambda each: (each.kind, each.name, each.id))
    return SavedLane(migration, source, target, prefix, tuple(ordered), tuple(mine))


def _asset(each: ExpectedOutcome) -> SavedAsset:
    return SavedAsset(
        each.id, each.kind, each.name, each.fate.value, each.present, each.links, each.update_time, each.running
    )  # fmt: skip


def _check(check: Check) -> SavedCheck:
    return SavedCheck(check.id, check.verdict.value, check.where, check.assets)


# --- may it be carried out now? ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Carried:
    """A run that an approved preview was created as."""

    run: str
    #: `Saved.id`
    approved: str
    unfinished: bool


@dataclass(frozen=True, slots=True)
class Begin:
    """It was never carried out: judge its drift, then begin."""


@dataclass(frozen=True, slots=True)
class Resume:
    """It is being carried out: go on with that run, without a drift check."""

    run: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It must not be carried out (code 4)."""

    why: str
    next_step: str


Use = Begin | Resume | Refused


def usable(saved: Saved, plan: str, runs: Sequence[Carried], now: float, max_age: float = MAX_AGE) -> Use:
    """Whether `run --approved` may begin, goes on, or is refused. `runs` are those of the plan, oldest first."""
    again = "save a new preview and have it approved: roma-migrate preview PLAN --save FILE"
    if saved.plan != plan:
        return Refused(f"this preview was saved for plan {saved.plan}, not for {plan}", "give the file of this plan")
    used = [run for run in runs if run.approved == saved.id]
    if used and used[-1].unfinished:
        return Resume(used[-1].run)
    if used:
        return Refused(f"this preview was carried out as run {used[-1].run}: each is good for one run", again)
    if open_ := [run.run for run in runs if run.unfinished]:
        return Refused(f"run {open_[-1]} of this plan is unfinished and is not this preview's", _GO_ON)
    if now - saved.saved_at > max_age:
        return Refused(f"this preview is {_days(now - saved.saved_at)} old, allowed are {_days(max_age)}", again)
    if now < saved.saved_at - 900.0:
        return Refused("this preview was saved in the future: a clock is wrong", "set this host's clock")
    return Begin()


_GO_ON = "go on with it (roma-migrate run PLAN) or end it (roma-migrate run --abandon PLAN) first"


def _days(seconds: float) -> str:
    if seconds < 172800:
        return f"{max(0.0, seconds) / 3600:.1f} hours"
    return f"{seconds / 86400:.1f} days"
