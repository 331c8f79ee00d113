"""Each asset of a run, compared with what both sides hold now. Law: every asset of the run is in exactly one row.

*Present* means what *verified* means (promise 15), and no more. What changed at the source after the export, or was
made anew at the target after the import, is drift: it is told beside the finding, and is no failure of the run.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from orchestrator.core.decisions.verification import There, expected_of, verify
from orchestrator.core.model.contents import Contents
from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.model.naming import predicted
from orchestrator.core.model.undocumented import Undocumented
from orchestrator.core.plan.plan import Plan
from orchestrator.core.report.outcome import AssetOutcome, asset_outcomes
from orchestrator.core.selection.selection import Selection, kind_of, matches
from orchestrator.core.state.events import Asset
from orchestrator.core.state.lifecycle import LANDED, Delivery
from orchestrator.core.state.progress import Progress


class Finding(StrEnum):
    """What a comparison found of one asset."""

    PRESENT = "present"
    #: it is not at the target
    MISSING = "missing"
    #: it is at the target, and not as it should be
    DIFFERENT = "different"
    #: it is at the target, fits what the plan selects, and the run did not bring it
    UNEXPECTED = "unexpected"
    #: it is at the source, fits what the plan selects, and the run does not carry it
    ADDED = "added at the source"


#: what makes the code 1; with `--strict` whatever is told does
FAILURES = frozenset({Finding.MISSING, Finding.DIFFERENT})


@dataclass(frozen=True, slots=True)
class Side:
    """What one instance holds now."""

    inventory: Inventory
    contents: Contents
    undocumented: Undocumented = field(default_factory=Undocumented)


@dataclass(frozen=True, slots=True)
class AssetComparison:
    """One asset at one target."""

    migration: str
    source: str
    target: str
    #: "app" or "task"
    kind: str
    #: id and name at the source; for an unexpected asset both "" and its name at the target
    id: str
    name: str
    finding: Finding
    #: id and name under which it was found at the target, "" where it was not
    target_id: str = ""
    target_name: str = ""
    #: what is missing or different, a sentence without a full stop
    why: str = ""
    #: what has changed since the run
    drift: str = ""
    #: why it is not known whether it is as it should be
    doubt: str = ""

    @property
    def failed(self) -> bool:
        return self.finding in FAILURES

    @property
    def clean(self) -> bool:
        """Nothing at all is to be told of it."""
        return self.finding is Finding.PRESENT and not self.drift and not self.doubt


def compare(
    progress: Progress, plan: Plan, sides: Mapping[str, Side], selections: Sequence[Selection]
) -> tuple[AssetComparison, ...]:
    """Every asset of the run, then what else both sides hold of what the plan selects.

    `sides` holds every source and target of the run; `selections` what the plan selects now, narrowed as the run was.
    """
    rows = [*_delivered(progress, sides), *_left(progress, plan, sides)]
    carried = {(row.migration, row.target, row.id) for row in rows}
    found = {(row.target, row.target_id) for row in rows if row.target_id}
    return (*rows, *_added(selections, carried), *_unexpected(plan, selections, sides, found))


# --- what the run brought ------------------------------------------------------------------------------------------


def _delivered(progress: Progress, sides: Mapping[str, Side]) -> Iterator[AssetComparison]:
    for life in progress.deliveries.values():
        if life.state in LANDED:
            yield from _landed(progress, life, sides)


def _landed(progress: Progress, life: Delivery, sides: Mapping[str, Side]) -> Iterator[AssetComparison]:
    source, target = progress.source_of(life), sides[life.target]
    expected = expected_of(progress, life)
    event = verify(life, expected, There(target.inventory, contents=target.contents)).event
    findings, doubts, ids = dict(event.findings), dict(event.unverified), dict(event.ids)
    then = dict(life.verified.ids) if life.verified else {}
    held = target.inventory.by_id
    for each in expected:
        asset = each.asset
        now = held.get(ids.get(asset.id, ""))
        known = held.get(then.get(asset.id, ""))
        why = findings.get(asset.id, "")
        finding = Finding.DIFFERENT if why else Finding.PRESENT
        if now is None and known is not None:
            now, why, finding = known, f"it bears the name {known.name} now", Finding.DIFFERENT
        elif now is None:
            finding = Finding.MISSING
        drift = [*_made_anew(then.get(asset.id, ""), now), *_changed(asset, sides[source])]
        yield AssetComparison(
            life.scheduled.migration, source, life.target, asset.kind, asset.id, asset.name, finding,
            now.id if now else "", now.name if now else "", why.partition(": ")[2] or why, "; ".join(drift),
            doubts.get(asset.id, ""),
        )  # fmt: skip


def _made_anew(before: str, now: App | Task | None) -> Iterator[str]:
    if before and now is not None and now.id != before:
        yield f"it was made anew at the target: its id was {before} and is {now.id}"


def _changed(asset: Asset, source: Side) -> Iterator[str]:
    """What has changed at the source since the run read it."""
    now = source.inventory.by_id.get(asset.id)
    if now is None:
        yield "it is no longer at the source"
        return
    if now.name != asset.name:
        yield f"it bears the name {now.name} at the source now"
    if isinstance(now, Task) and set(now.app_ids) != set(asset.needs):
        yield "it touches other applications at the source now"
    elif asset.update_time and now.update_time and now.update_time != asset.update_time:
        yield f"it was changed at the source at {now.update_time}"


# --- what the run did not bring ------------------------------------------------------------------------------------


def _left(progress: Progress, plan: Plan, sides: Mapping[str, Side]) -> Iterator[AssetComparison]:
    """Skipped assets are looked for by their names; others are told with why the run did not bring them."""
    prefixes = {(m.name, t.instance): t.prefix for m in plan.migrations for t in m.targets}
    sources = {m.name: m.source for m in plan.migrations}
    frozen = _frozen(progress)
    for line in asset_outcomes(progress):
        life = progress.deliveries.get(line.delivery)
        if life is not None and life.state in LANDED:
            continue
        prefix = life.scheduled.prefix if life is not None else prefixes.get((line.migration, line.target), "")
        source = progress.source_of(life) if life is not None else sources.get(line.migration, "")
        yield _by_name(line, frozen.get((line.migration, line.target, line.asset)), (source, prefix), sides)


def _frozen(progress: Progress) -> dict[tuple[str, str, str], Asset]:
    found = {(each.migration, each.target, a.id): a for each in progress.skipped for a in each.assets}
    for life in progress.deliveries.values():
        for asset in progress.assets_of(life.batch):
            found.setdefault((life.scheduled.migration, life.target, asset.id), asset)
    return found


def _by_name(
    line: AssetOutcome, asset: Asset | None, way: tuple[str, str], sides: Mapping[str, Side]
) -> AssetComparison:
    source, prefix = way
    target = sides[line.target].inventory
    names = predicted(prefix, line.kind, line.name)
    held = next((each for name in names for each in target.named.get((line.kind, name), ())), None)
    drift = "; ".join(_changed(asset, sides[source])) if asset is not None and source in sides else ""
    skipped = not line.delivery
    why = "" if held is not None else f"{line.name} is not at {line.target}"
    if not skipped:
        why = f"the run did not bring it: {line.kept_as.value}" + (f", {line.why}" if line.why else "")
    return AssetComparison(
        line.migration, source, line.target, line.kind, line.asset, line.name,
        Finding.PRESENT if skipped and held is not None else Finding.MISSING,
        held.id if skipped and held is not None else "", held.name if skipped and held is not None else "", why, drift,
    )  # fmt: skip


def _added(selections: Iterable[Selection], carried: set[tuple[str, str, str]]) -> Iterator[AssetComparison]:
    """At the source and selected by the plan now, and not of this run."""
    for each in selections:
        for asset in each.assets:
            if (each.migration, each.target.instance, asset.id) not in carried:
                yield AssetComparison(
                    each.migration, each.source, each.target.instance, kind_of(asset).value, asset.id, asset.name,
                    Finding.ADDED, drift="the plan selects it now, and the run does not carry it",
                )  # fmt: skip


def _unexpected(
    plan: Plan, selections: Iterable[Selection], sides: Mapping[str, Side], found: set[tuple[str, str]]
) -> Iterator[AssetComparison]:
    """At the target under a name that the plan would give, and from no asset of the run."""
    told: set[tuple[str, str]] = set()
    migrations = {m.name: m for m in plan.migrations}
    for each in selections:
        chosen = migrations[each.migration]
        for asset in sides[each.target.instance].inventory.assets:
            key = (each.target.instance, asset.id)
            if key in found or key in told:
                continue
            selectors = chosen.apps if isinstance(asset, App) else chosen.tasks
            if isinstance(selectors, tuple) and any(matches(s, bare) for s in selectors for bare in _bare(each, asset)):
                told.add(key)
                yield AssetComparison(
                    each.migration, each.source, each.target.instance, kind_of(asset).value, "", asset.name,
                    Finding.UNEXPECTED, asset.id, asset.name, "the run did not bring it",
                )  # fmt: skip


def _bare(selection: Selection, asset: App | Task) -> Iterator[App | Task]:
    """The asset under the name that it would bear at the source."""
    prefix = selection.target.prefix
    if asset.name.startswith(prefix):
        yield replace(asset, id="", name=asset.name[len(prefix) :])


# --- counted -------------------------------------------------------------------------------------------------------


def counted(rows: Iterable[AssetComparison]) -> dict[tuple[str, str], dict[Finding, int]]:
    """(migration, target) -> finding -> how many, every finding, in the order of the rows."""
    counts: dict[tuple[str, str], dict[Finding, int]] = {}
    for row in rows:
        counts.setdefault((row.migration, row.target), dict.fromkeys(Finding, 0))[row.finding] += 1
    return counts
