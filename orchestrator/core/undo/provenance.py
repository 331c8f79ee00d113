"""Which objects at a target a run made. Law: what existed before is never removed; what is unclear is left and listed.

*Made by us* means: in a package that the run imported, absent from the baseline, and, where the lists tell it, created
by our user and after our request (promise 17). What was changed since, or runs, is left too, unless the operator
names it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256

from orchestrator.core.model.change import Change, ChangeKind, Image, change_id
from orchestrator.core.model.inventory import App, Inventory, Task, moment_of
from orchestrator.core.selection.only import Only
from orchestrator.core.state.events import Asset
from orchestrator.core.state.lifecycle import LANDED, Delivery, DeliveryState
from orchestrator.core.state.progress import Progress

#: seconds by which a time of ROMA's may be off: its clock is known to the second, and its lists tell whole seconds
SLACK = 2.0


@dataclass(frozen=True, slots=True)
class Held:
    """What one target holds now."""

    inventory: Inventory
    #: seconds by which ROMA's clock is ahead of ours
    ahead: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator wants taken back."""

    only: Only = field(default_factory=Only)
    #: `app:GLOB` or `task:GLOB`: taken back although it was changed since, runs, or is of unclear provenance
    include: tuple[str, ...] = ()

    def includes(self, kind: str, name: str) -> bool:
        pairs = (word.partition(":") for word in self.include)
        return any(kind == each and fnmatchcase(name, glob) for each, _, glob in pairs)


@dataclass(frozen=True, slots=True)
class Left:
    """An object at a target that is left alone."""

    kind: str
    id: str
    name: str
    target: str
    why: str


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What an undo would do."""

    changes: tuple[Change, ...]
    left: tuple[Left, ...]
    #: assets that the run brought and the targets hold no more
    gone: int = 0

    @property
    def digest(self) -> str:
        """The same for the same objects in the same condition, such as `7f3a-19c2`."""
        told = sorted(f"{each.id} {each.name} {each.before} {each.wave}" for each in self.changes)
        text = sha256("\n".join(told).encode()).hexdigest()
        return f"{text[:4]}-{text[4:8]}"


@dataclass(frozen=True, slots=True)
class _Found:
    """One asset of the run at its target."""

    life: Delivery
    asset: Asset
    object: App | Task
    #: why it is left; "" where it may go
    why: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.life.target, self.object.id


def undo_plan(progress: Progress, targets: Mapping[str, Held], users: Mapping[str, str], asked: Asked) -> UndoPlan:
    """What of this run can be taken back now. `users`: credentials -> IAM user, as the slots count them."""
    every = list(_landed(progress, targets, users, asked))
    found = [each for each in every if each is not None]
    chosen = _chosen(found, asked.only)
    kept = _kept(chosen, targets, progress)
    going = [each for each in chosen if not each.why and each.key not in kept]
    changes = _changes(going, progress)
    left = [_left(each, each.why or kept[each.key]) for each in chosen if each.why or each.key in kept]
    return UndoPlan(changes, (*left, *_undecided(progress)), len(every) - len(found))


def _landed(
    progress: Progress, targets: Mapping[str, Held], users: Mapping[str, str], asked: Asked
) -> Iterator[_Found | None]:
    """Each asset that the run brought; None where its target holds it no more."""
    for life in progress.deliveries.values():
        if life.state not in LANDED:
            continue
        held = targets[life.target]
        ids = dict(life.verified.ids) if life.verified else {}
        seen = life.look.seen if life.look else {}
        before = life.baseline.seen if life.baseline else {}
        for asset in progress.assets_of(life.batch):
            told = (ids[asset.id],) if asset.id in ids else seen.get(asset.id, ())
            objects = [held.inventory.by_id[each] for each in told if each in held.inventory.by_id]
            if not objects:
                yield None
                continue
            old = [each for each in objects if each.id in before.get(asset.id, ())]
            why = _why_left(life, objects, old, (held.ahead, users.get(life.scheduled.owner, "")))
            if why and not old and asked.includes(asset.kind, objects[0].name):
                why = ""
            yield _Found(life, asset, objects[0], why)


def _why_left(
    life: Delivery, objects: Sequence[App | Task], old: Sequence[App | Task], known: tuple[float, str]
) -> str:
    """Why an object stays; "" where it is ours and untouched."""
    ahead, user = known
    if old:
        merged = "; what the import overwrote cannot be restored" if life.scheduled.mode == "Merge" else ""
        return f"it was there before the run{merged}"
    if len(objects) > 1:
        return "several objects bear its names, and it is not known which one the run made"
    one = objects[0]
    name = "" if user.startswith(("key:", "agency:", "oidc:")) else user.rpartition("/")[2]
    if one.owner and name and one.owner != name:
        return f"it was made by {one.owner}, not by {name}"
    made = _moment(one.create_time)
    if made is not None and made < life.asked_at + ahead - SLACK:
        return f"it is older than our import: it was made at {one.create_time}"
    if isinstance(one, Task) and one.running:
        return "it runs"
    changed = _moment(one.update_time)
    if changed is not None and changed > (life.landed_at or life.since) + ahead + SLACK:
        return f"it was changed since the run, at {one.update_time}"
    return ""


def _moment(text: str) -> float | None:
    """Epoch seconds of an ISO time; None where there is none, or only a date, which says nothing within a day."""
    return moment_of(text) if len(text) > len("2026-01-01") else None


# --- what is asked for ---------------------------------------------------------------------------------------------


def _chosen(found: Sequence[_Found], only: Only) -> list[_Found]:
    """What `--only` names; an application goes with the tasks that touch it."""
    lanes = [each for each in found if only.allows_lane(each.life.scheduled.migration, each.life.target)]
    named = [each for each in lanes if only.allows_asset(each.asset.kind, each.asset.name)]
    apps = {each.key for each in named if isinstance(each.object, App)}
    return [
        each
        for each in lanes
        if each in named
        or (isinstance(each.object, Task) and any((each.life.target, app) in apps for app in each.object.app_ids))
    ]


def _kept(chosen: Sequence[_Found], targets: Mapping[str, Held], progress: Progress) -> dict[tuple[str, str], str]:
    """Applications that something needs which stays: (target, id) -> what."""
    kept: dict[tuple[str, str], str] = {}
    going = {each.key for each in chosen if not each.why}
    callers = _callers(progress, targets)
    changed = True
    while changed:
        changed = False
        for each in chosen:
            if each.key in kept or each.key not in going or not isinstance(each.object, App):
                continue
            target, app = each.key
            users = [t for t in targets[target].inventory.tasks if app in t.app_ids and (target, t.id) not in going]
            calls = [name for name, one in callers.get(each.key, ()) if (target, one) not in going]
            if users or calls:
                what = f"task {users[0].name}, which stays, uses it" if users else f"{calls[0]}, which stays, calls it"
                kept[each.key] = what
                going.discard(each.key)
                changed = True
    return kept


def _callers(progress: Progress, targets: Mapping[str, Held]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(target, id of a called application) -> (name, id) of the imported applications that call it."""
    at: dict[tuple[str, str, str], str] = {}
    lives = [life for life in progress.deliveries.values() if life.state in LANDED]
    for life in lives:
        seen = life.look.seen if life.look else {}
        ids = {
            **{key: held[0] for key, held in seen.items() if held},
            **(dict(life.verified.ids) if life.verified else {}),
        }
        for asset in progress.assets_of(life.batch):
            if asset.id in ids:
                at[life.scheduled.place, progress.source_of(life), asset.id] = ids[asset.id]
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for life in lives:
        place, source = life.scheduled.place, progress.source_of(life)
        for asset in progress.assets_of(life.batch):
            mine = at.get((place, source, asset.id), "")
            if asset.kind != "app" or mine not in targets[life.target].inventory.by_id:
                continue
            for need in asset.needs:
                if called := at.get((place, source, need)):
                    found.setdefault((life.target, called), []).append((asset.name, mine))
    return found


# --- the changes ---------------------------------------------------------------------------------------------------


def _changes(going: Sequence[_Found], progress: Progress) -> tuple[Change, ...]:
    """Tasks first, then applications, callers before what they call."""
    depth = _depths(going)
    made = [
        Change(
            change_id(kind, each.life.target, each.object.id), kind, each.life.target, each.object.id,
            each.object.name, each.life.scheduled.owner, image(each.object), (), depth[each.key],
            each.life.scheduled.migration,
        )
        for each in going
        for kind in [ChangeKind.REMOVE_TASK.value if isinstance(each.object, Task) else ChangeKind.REMOVE_APP.value]
    ]  # fmt: skip
    unique = {each.id: each for each in made}
    return tuple(sorted(unique.values(), key=lambda each: (each.instance, each.wave, each.name, each.id)))


def image(held: App | Task) -> Image:
    """What an object looks like: whoever changes it, changes this."""
    links = ",".join(sorted(held.app_ids)) if isinstance(held, Task) else held.key
    running = "running" if isinstance(held, Task) and held.running else ""
    return (("name", held.name), ("update_time", held.update_time), ("links", links), ("state", running))


def _depths(going: Sequence[_Found]) -> dict[tuple[str, str], int]:
    """Object -> its wave: 0 for tasks; an application comes after every application that calls it."""
    by_source = {(each.life.scheduled.place, each.asset.id): each for each in going}
    callers: dict[tuple[str, str], list[_Found]] = {}
    for each in going:
        for need in each.asset.needs if each.asset.kind == "app" else ():
            if (called := by_source.get((each.life.scheduled.place, need))) is not None:
                callers.setdefault(called.key, []).append(each)
    depth: dict[tuple[str, str], int] = {}

    def of(each: _Found) -> int:
        if isinstance(each.object, Task):
            return 0
        if each.key not in depth:
            depth[each.key] = 1  # a cycle cannot have been imported
            depth[each.key] = 1 + max((of(caller) for caller in callers.get(each.key, ())), default=0)
        return depth[each.key]

    return {each.key: of(each) for each in going}


def _left(each: _Found, why: str) -> Left:
    return Left(each.asset.kind, each.object.id, each.object.name, each.life.target, why)


def _undecided(progress: Progress) -> Iterable[Left]:
    """Where nobody knows what an import left, nothing of it is removed."""
    for life in progress.deliveries.values():
        if life.state is DeliveryState.UNDECIDED:
            for asset in progress.assets_of(life.batch):
                yield Left(asset.kind, "", asset.name, life.target, "its import is undecided: resolve it first")
