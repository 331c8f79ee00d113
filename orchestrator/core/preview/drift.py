"""How far things have moved since a preview was approved, per migration. Law: what was not approved is not carried out.

*Shape* is what moves, under which names, onto what, with which verdicts: such a migration does not start. *Content* is
update times alone: refused unless accepted by name. A task that differs in nothing but that it was stopped is told as
stopped: the handover list asks for that.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from orchestrator.core.model.checks import VOLATILE
from orchestrator.core.plan.plan import differences
from orchestrator.core.preview.approval import Saved, SavedAsset, SavedCheck, SavedEntry, SavedLane
from orchestrator.core.preview.preview import Preview
from orchestrator.core.state import events as e


class Grade(StrEnum):
    """How much a migration has drifted."""

    NONE = "none"
    #: only update times
    CONTENT = "content"
    #: anything else
    SHAPE = "shape"
    #: it builds on a migration that has drifted in shape
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Drift:
    """One migration, then and now."""

    migration: str
    grade: Grade
    #: what differs, a readable line each
    lines: tuple[str, ...] = ()
    #: names of assets whose content changed
    changed: tuple[str, ...] = ()
    #: names of tasks that were stopped, and nothing else
    stopped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalDecision:
    """What `run --approved` does."""

    #: migrations that start
    starts: tuple[str, ...]
    #: (migration, content changes accepted): journaled
    accepted: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: refused ones, each with its lines; code 4 unless `--hold-drifted`
    refused: tuple[Drift, ...] = ()


def drift(saved: Saved, now: Saved) -> tuple[Drift, ...]:
    """Each migration of either; `now` is saved from a fresh preview of the plan, for the same `--only`."""
    names = tuple(dict.fromkeys((*saved.migrations, *now.migrations)))
    everywhere = tuple(_plan_lines(saved, now))
    found = [_drift(saved, now, name, everywhere) for name in names]
    return _held_too(found, now)


def judge(drifts: Sequence[Drift], hold_drifted: bool, accept_changed: bool) -> ApprovalDecision:
    """`--hold-drifted` lets what has not drifted start; `--accept-changed` lets changed content start, and lists it."""
    good = {Grade.NONE, Grade.CONTENT} if accept_changed else {Grade.NONE}
    refused = tuple(each for each in drifts if each.grade not in good)
    starts = tuple(each.migration for each in drifts if each.grade in good)
    accepted = tuple((each.migration, each.changed) for each in drifts if each.grade in good and each.changed)
    if refused and not hold_drifted:
        return ApprovalDecision((), (), refused)
    return ApprovalDecision(starts, accepted if starts else (), refused)


def narrowed(preview: Preview, migrations: Sequence[str]) -> Preview:
    """The preview of these migrations alone: what a run with held ones freezes. The others are held, and counted."""
    kept = set(migrations)
    deliveries = tuple(d for d in preview.deliveries if d.migration in kept)
    batches = {d.batch for d in deliveries}
    return replace(
        preview,
        held=_held(preview, kept),
        batches=tuple(each for each in preview.batches if each.batch in batches),
        deliveries=deliveries,
        checks=tuple(each for each in preview.checks if not each.migration or each.migration in kept),
        assets=tuple(each for each in preview.assets if each.migration in kept),
        timetable=None,
    )


def _held(preview: Preview, kept: Collection[str]) -> tuple[e.AssetsHeld, ...]:
    """What would have moved in the other migrations."""
    assets = {batch.batch: batch.assets for batch in preview.batches}
    held: dict[tuple[str, str], list[e.Asset]] = {}
    for each in preview.deliveries:
        if each.migration not in kept:
            held.setdefault((each.migration, each.target), []).extend(assets[each.batch])
    why = "its migration is not what was approved any more"
    return tuple(e.AssetsHeld(*lane, tuple(of), why) for lane, of in held.items())


def _plan_lines(saved: Saved, now: Saved) -> Iterator[str]:
    """What concerns every migration: instances and settings of the plan, `--only`."""
    if saved.only != now.only:
        yield f"--only: was {','.join(saved.only) or 'everything'}, is {','.join(now.only) or 'everything'}"
    parts = ("instances", "settings")
    yield from differences({key: saved.moves.get(key) for key in parts}, {key: now.moves.get(key) for key in parts})


def _drift(saved: Saved, now: Saved, name: str, everywhere: tuple[str, ...]) -> Drift:
    lines = [*everywhere, *differences(_moves(saved, name), _moves(now, name))]
    before = {route.key: route for route in saved.lanes if route.migration == name}
    after = {route.key: route for route in now.lanes if route.migration == name}
    changed: list[str] = []
    stopped: list[str] = []
    for key in dict.fromkeys((*before, *after)):
        if key not in before or key not in after:
            lines.append(f"{name}@{key[1]}: {'is new' if key in after else 'is gone'}")
            continue
        lines += _lane_lines(before[key], after[key])
        _content(before[key], after[key], changed, stopped)
    lines += _entry_lines(_entries(saved, name), _entries(now, name))
    lines += _check_lines(saved, now, name)
    content = [f"{each}: changed at the source since the preview" for each in dict.fromkeys(changed)]
    told = (tuple(dict.fromkeys(changed)), tuple(dict.fromkeys(stopped)))
    if lines:
        return Drift(name, Grade.SHAPE, (*lines, *content), *told)
    return Drift(name, Grade.CONTENT if content else Grade.NONE, tuple(content), *told)


def _moves(saved: Saved, name: str) -> Mapping[str, object]:
    migrations = saved.moves.get("migrations")
    found = migrations.get(name) if isinstance(migrations, Mapping) else None
    return {name: found} if found is not None else {}


def _lane_lines(before: SavedLane, after: SavedLane) -> Iterator[str]:
    """Differences of shape on one way."""
    where = f"{after.migration}@{after.target}"
    old = {each.id: each for each in before.assets}
    new = {each.id: each for each in after.assets}
    for each in after.assets:
        if each.id not in old:
            yield f"{where}: {each.kind} {each.name} is selected now and was not"
    for each in before.assets:
        if each.id not in new:
            yield f"{where}: {each.kind} {each.name} was selected and is not any more"
        elif told := list(_asset_lines(each, new[each.id])):
            yield from (f"{where}: {each.kind} {each.name}: {line}" for line in told)
    if before.deliveries != after.deliveries and old.keys() == new.keys():
        yield f"{where}: would travel in other batches, or in another order"


def _asset_lines(old: SavedAsset, new: SavedAsset) -> Iterator[str]:
    if old.name != new.name:
        yield f"is named {new.name} now"
    if old.links != new.links:
        yield "builds on other applications now"
    for name in sorted({*new.present} - {*old.present}):
        yield f"the name {name} is taken at the target now"
    for name in sorted({*old.present} - {*new.present}):
        yield f"the name {name} is free at the target now"
    if old.fate != new.fate and old.present == new.present:
        yield f"would be {new.fate}, was to be {old.fate}"


def _content(before: SavedLane, after: SavedLane, changed: list[str], stopped: list[str]) -> None:
    """Sorts assets with another update time into changed and merely stopped."""
    old = {each.id: each for each in before.assets}
    for each in after.assets:
        if each.id not in old or old[each.id].update_time == each.update_time:
            was = old.get(each.id)
            if was is not None and was.running and not each.running:
                stopped.append(each.name)
            continue
        (stopped if old[each.id].running and not each.running else changed).append(each.name)


def _entries(saved: Saved, name: str) -> dict[tuple[str, str], SavedEntry]:
    """What the run creates for a migration before it imports."""
    return {(each.target, each.code): each for each in saved.entries if name in each.migrations}


def _entry_lines(
    before: Mapping[tuple[str, str], SavedEntry], after: Mapping[tuple[str, str], SavedEntry]
) -> Iterator[str]:
    for key in dict.fromkeys((*before, *after)):
        told = f"entry {key[1]} of the data dictionary of {key[0]}"
        if key not in before:
            yield f"{told} would be created now, and was not to be"
        elif key not in after:
            yield f"{told} was to be created, and is not any more"
        elif before[key].fields != after[key].fields:
            was = [each for each in before[key].fields if each not in after[key].fields]
            is_ = [each for each in after[key].fields if each not in before[key].fields]
            yield f"{told} would be created otherwise: was {', '.join(was)}; is {', '.join(is_)}"


def _check_lines(saved: Saved, now: Saved, name: str) -> Iterator[str]:
    """Verdicts that concern the migration and are others; what could not be checked and is fine now is no drift."""
    old, new = _verdicts(saved, name), _verdicts(now, name)
    for key in sorted({*old, *new}):
        was, is_ = old.get(key, "ok"), new.get(key, "ok")
        if was != is_ and (was, is_) != ("not checked", "ok"):
            yield f"check {key[0]}{' of ' + key[1] if key[1] else ''}: was {was}, is {is_}"


def _verdicts(saved: Saved, name: str) -> dict[tuple[str, str], str]:
    """(check, where) -> its verdicts, the volatile ones left out."""
    found: dict[tuple[str, str], set[str]] = {}
    for check in saved.checks:
        if check.id not in VOLATILE and _concerns(saved, check, name):
            found.setdefault((check.id, check.where), set()).add(check.verdict)
    return {key: " and ".join(sorted(verdicts)) for key, verdicts in found.items()}


def _concerns(saved: Saved, check: SavedCheck, name: str) -> bool:
    migration, _, instance = check.where.partition("@")
    if migration:
        return migration == name
    ends = {end for route in saved.lanes if route.migration == name for end in (route.source, route.target)}
    return not instance or instance in ends


def _held_too(drifts: Sequence[Drift], now: Saved) -> tuple[Drift, ...]:
    """What is `after` a migration that does not start, or builds on its assets, does not start either."""
    grades = {each.migration: each for each in drifts}
    down = {each.migration for each in drifts if each.grade is Grade.SHAPE}
    changed = True
    while changed:
        changed = False
        for name in grades.keys() - down:
            because = sorted(_builds_on(now, name) & down)
            if because:
                line = f"{name}: it builds on {', '.join(because)}, which would not start"
                old = grades[name]
                grades[name] = replace(old, grade=Grade.HELD, lines=(line, *old.lines))
                down.add(name)
                changed = True
    return tuple(grades[each.migration] for each in drifts)


def _builds_on(now: Saved, name: str) -> set[str]:
    moves = _moves(now, name).get(name)
    after = moves.get("after", ()) if isinstance(moves, Mapping) else ()
    found = {each for each in after if isinstance(each, str)} if isinstance(after, list) else set()
    mine = [route for route in now.lanes if route.migration == name]
    for route in mine:
        needs = {link for asset in route.assets for link in asset.links} - {asset.id for asset in route.assets}
        for other in now.lanes:
            same = (other.source, other.target, other.prefix) == (route.source, route.target, route.prefix)
            if same and other.migration != name and needs & {a.id for a in other.assets if a.fate != "skipped"}:
                found.add(other.migration)
    return found


def told(drifts: Sequence[Drift]) -> tuple[str, ...]:
    """A readable difference, a line each; empty where nothing has drifted. Stopped tasks are told, as asked for."""
    lines: list[str] = []
    for each in drifts:
        if each.grade is not Grade.NONE:
            lines.append(f"{each.migration}: {_GRADE_TOLD[each.grade]}")
            lines += [f"  {line}" for line in each.lines]
        lines += [f"  {name}: stopped since, as the handover list asks" for name in each.stopped]
    return tuple(lines)


_GRADE_TOLD = {
    Grade.CONTENT: "content has changed (--accept-changed lets it start)",
    Grade.SHAPE: "is not what was approved any more (--hold-drifted lets the others start)",
    Grade.HELD: "builds on what is not what was approved any more",
}
