"""Which objects at a target a run made. Law: what existed before is never removed; what is unclear is left and listed.

*Made by us* means: in a package that the run imported, absent from the baseline, and, where the lists tell it, created
by our user and after our request (promise 17). What was changed since, or runs, is left too, unless the operator
names it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from hashlib import sha256

from orchestrator.core.model.change import Change, ChangeKind, Image, Left, change_id
from orchestrator.core.model.inventory import App, Task, moment_of
from orchestrator.core.plan.plan import FinishStep, Mode
from orchestrator.core.selection.only import Only
from orchestrator.core.state.events import Asset
from orchestrator.core.state.lifecycle import LANDED, Delivery
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import iam_name
from orchestrator.core.state.undecided import is_undecided
from orchestrator.core.undo.restoration import (
    SLACK,
    UNSEEN,
    Choice,
    Held,
    Key,
    Overwritten,
    Restoration,
    kept_until,
    over_at,
    restoration,
    unseen,
)

#: of an asset whose id at the target nothing has told: not even that it is gone can be said
_UNKNOWN = "it was imported and never compared, so that its id at the target is not known: look for its name there"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator wants taken back."""

    only: Only = field(default_factory=Only)
    #: `app:GLOB` or `task:GLOB`: taken back although it was changed since, runs, or is of unclear provenance
    include: tuple[str, ...] = ()
    #: only what was finished by these steps, and nothing that was moved; none: all of it
    steps: tuple[FinishStep, ...] = ()

    def includes(self, kind: str, name: str) -> bool:
        pairs = (word.partition(":") for word in self.include)
        return any(kind == each and fnmatchcase(name, glob) for each, _, glob in pairs)


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What an undo would do."""

    changes: tuple[Change, ...]
    left: tuple[Left, ...]
    #: assets that the run brought and the targets hold no more
    gone: int = 0
    #: until when what was overwritten can be restored, epoch seconds; 0 where nothing is to be
    until: float = 0.0

    @property
    def removed(self) -> tuple[Change, ...]:
        """What goes."""
        return tuple(each for each in self.changes if each.by_job and not each.restores)

    @property
    def restored(self) -> tuple[Change, ...]:
        """What is put back."""
        return tuple(each for each in self.changes if each.restores)

    @property
    def unfinished(self) -> tuple[Change, ...]:
        """What of the run's finishing is taken back."""
        return tuple(each for each in self.changes if not each.by_job)

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
    def key(self) -> Key:
        return self.life.target, self.object.id


def undo_plan(
    progress: Progress, targets: Mapping[str, Held], users: Mapping[str, str], asked: Asked, keep_backups: float = 0.0
) -> UndoPlan:
    """What of this run can be taken back now. `users`: credentials -> IAM user, as the slots count them."""
    back = restoration(progress, targets, Choice(_chooses(targets, asked.only), asked.includes))
    every = list(_landed(progress, targets, users, asked, back.known))
    found = [each for each in every if isinstance(each, _Found)]
    chosen = _chosen(found, asked.only)
    stays = _Stays(chosen, targets, progress, frozenset(each.key for each in back.restored))
    going = [each for each in chosen if not each.why and each.key not in stays.kept]
    changes = _changes(going, progress, back, stays.late)
    left = [_left(each, each.why or stays.kept[each.key]) for each in chosen if each.why or each.key in stays.kept]
    left += [Left(each.asset.kind, each.asset.id, each.object.name, each.target, each.why) for each in back.left]
    until = kept_until(progress, keep_backups) if back.restored else 0.0
    left += [each for each in every if isinstance(each, Left)]
    return UndoPlan(changes, (*left, *_undecided(progress)), every.count(None), until)


def _landed(
    progress: Progress, targets: Mapping[str, Held], users: Mapping[str, str], asked: Asked, known: frozenset[Key]
) -> Iterator[_Found | Left | None]:
    """Each asset that the run brought; None where its target holds it no more. What a backup holds is `known`."""
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
            old = [each for each in told if each in before.get(asset.id, ())]
            if old and all((life.target, each) in known for each in old):
                continue
            if not told and life.verified is None:
                if asked.only.allows_lane(life.scheduled.migration, life.target):
                    yield Left(asset.kind, "", asset.name, life.target, _UNKNOWN)
                continue
            if not objects:
                yield None
                continue
            own = _own_writes(progress, (life.target, objects[0].id))
            why = _why_left(life, objects, bool(old), (held.ahead, users.get(life.scheduled.owner, "")), own)
            if why and not old and asked.includes(asset.kind, objects[0].name):
                why = ""
            yield _Found(life, asset, objects[0], why)


def _own_writes(progress: Progress, key: Key) -> list[tuple[str, float]]:
    """What finish and its undo did to an asset, in order: its update time before, and when it was read to be done."""
    found = (*progress.finishing.moved.get(key, ()), *progress.changes.moved.get(key, ()))
    return sorted(found, key=lambda written: written[1])


def last_of_ours(begin: float, own: Sequence[tuple[str, float]], ahead: float) -> float:
    """Until when an update time may come from us: a person who came in between breaks the chain."""
    until = begin
    for before, at in own:
        moment = _moment(before)
        if moment is None or moment <= until:
            until = max(until, at + ahead + SLACK)
    return until


def _why_left(
    life: Delivery, objects: Sequence[App | Task], old: bool, known: tuple[float, str], own: Sequence[tuple[str, float]]
) -> str:
    """Why an object stays; "" where it is ours and untouched."""
    ahead, user = known
    if old:
        merged = "; what the import overwrote cannot be restored: it was not backed up"
        return f"it was there before the run{merged if life.scheduled.mode == Mode.MERGE.value else ''}"
    if len(objects) > 1:
        return "several objects bear its names, and it is not known which one the run made"
    one = objects[0]
    name = iam_name(user)
    if one.owner and name and one.owner != name:
        return f"it was made by {one.owner}, not by {name}"
    made = _moment(one.create_time)
    if made is not None and made < life.asked_at + ahead - SLACK:
        return f"it is older than our import: it was made at {one.create_time}"
    if isinstance(one, Task) and one.running:
        return "it runs"
    changed = _moment(one.update_time)
    untouched = changed is not None and made is not None and changed - made <= SLACK
    if changed is not None and not untouched and unseen(life, changed, ahead):
        return f"it {UNSEEN}, at {one.update_time}"
    if changed is not None and changed > last_of_ours(over_at(life, ahead) + SLACK, own, ahead):
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


def _chooses(targets: Mapping[str, Held], only: Only) -> Callable[[Overwritten], bool]:
    """The same for what is restored."""

    def chosen(each: Overwritten) -> bool:
        if not only.allows_lane(each.migration, each.target):
            return False
        names = targets[each.target].inventory.app_names
        apps = each.object.app_ids if isinstance(each.object, Task) else ()
        return only.allows_asset(each.asset.kind, each.name) or any(
            app in names and only.allows_asset("app", names[app]) for app in apps
        )

    return chosen


@dataclass(slots=True)
class _Stays:
    """Applications that something needs which stays, and those that it needs until it is restored."""

    chosen: Sequence[_Found]
    targets: Mapping[str, Held]
    progress: Progress
    #: what is restored: it knew nothing that the run made
    restored: frozenset[Key]
    #: (target, id) -> what needs it
    kept: dict[Key, str] = field(default_factory=dict)
    #: the same, where that will be restored
    late: dict[Key, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        going = {each.key for each in self.chosen if not each.why}
        callers = _callers(self.progress, self.targets)
        changed = True
        while changed:
            changed = False
            for each in self.chosen:
                if each.key in self.kept or each.key not in going or not isinstance(each.object, App):
                    continue
                needing = [one for one in self._needing(each.key, callers) if (each.key[0], one[1]) not in going]
                self.late[each.key] = [one for _, one, _ in needing if (each.key[0], one) in self.restored]
                stays = [
                    f"{name}, which stays, {how} it" for name, one, how in needing if one not in self.late[each.key]
                ]
                if stays:
                    self.kept[each.key] = stays[0]
                    going.discard(each.key)
                    changed = True

    def _needing(self, key: Key, callers: Mapping[Key, list[tuple[str, str]]]) -> Iterator[tuple[str, str, str]]:
        """(name, id, how) of what needs an application."""
        target, app = key
        for task in self.targets[target].inventory.tasks:
            if app in task.app_ids:
                yield f"task {task.name}", task.id, "uses"
        for name, one in callers.get(key, ()):
            yield name, one, "calls"


def _callers(progress: Progress, targets: Mapping[str, Held]) -> dict[Key, list[tuple[str, str]]]:
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
    found: dict[Key, list[tuple[str, str]]] = {}
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


def _changes(
    going: Sequence[_Found], progress: Progress, back: Restoration, late: Mapping[Key, Sequence[str]]
) -> tuple[Change, ...]:
    """Tasks first, then applications, callers before what they call; what is restored comes behind them.

    An application that is needed until something is restored goes last of all.
    """
    restored = _restored(back)
    of_object = {(each.instance, each.object): each.id for each in restored}
    last = len(going) + len(restored) + 1
    depth = _depths(going, {key: last for key, held in late.items() if held})
    made = [
        Change(
            change_id(kind, each.life.target, each.object.id), kind, each.life.target, each.object.id,
            each.object.name, each.life.scheduled.owner, image(each.object), (), depth[each.key],
            each.life.scheduled.migration,
            behind=tuple(of_object[each.life.target, one] for one in late.get(each.key, ())),
        )
        for each in going
        for kind in [ChangeKind.REMOVE_TASK.value if isinstance(each.object, Task) else ChangeKind.REMOVE_APP.value]
    ]  # fmt: skip
    first = max((each.wave for each in made if each.wave <= last), default=0)
    unique = {each.id: each for each in made}
    unique |= {each.id: replace(each, wave=first + each.wave) for each in restored}
    waves = {wave: place for place, wave in enumerate(sorted({each.wave for each in unique.values()}))}
    found = [replace(each, wave=waves[each.wave]) for each in unique.values()]
    return tuple(sorted(found, key=lambda each: (each.instance, each.wave, each.name, each.id)))


def _restored(back: Restoration) -> list[Change]:
    """A change for each object, a wave for each package in the order in which they were taken."""
    places = {backup: place for place, backup in enumerate(dict.fromkeys(each.backup for each in back.restored), 1)}
    return [
        Change(
            change_id(kind, each.target, each.object.id), kind, each.target, each.object.id, each.object.name,
            each.credentials, image(each.object), (("name", each.asset.name), ("update_time", each.asset.update_time)),
            places[each.backup], each.migration, each.backup,
        )
        for each in back.restored
        for kind in [ChangeKind.RESTORE_TASK.value if isinstance(each.object, Task) else ChangeKind.RESTORE_APP.value]
    ]  # fmt: skip


def image(held: App | Task) -> Image:
    """What an object looks like: whoever changes it, changes this."""
    links = ",".join(sorted(held.app_ids)) if isinstance(held, Task) else held.key
    running = "running" if isinstance(held, Task) and held.running else ""
    return (("name", held.name), ("update_time", held.update_time), ("links", links), ("state", running))


def _depths(going: Sequence[_Found], least: Mapping[Key, int]) -> dict[Key, int]:
    """Object -> its wave: 0 for tasks; an application comes after every application that calls it.

    `least`: applications that come behind so many waves.
    """
    by_source = {(each.life.scheduled.place, each.asset.id): each for each in going}
    callers: dict[Key, list[_Found]] = {}
    for each in going:
        for need in each.asset.needs if each.asset.kind == "app" else ():
            if (called := by_source.get((each.life.scheduled.place, need))) is not None:
                callers.setdefault(called.key, []).append(each)
    depth: dict[Key, int] = {}

    def of(each: _Found) -> int:
        if isinstance(each.object, Task):
            return 0
        if each.key not in depth:
            depth[each.key] = 1  # a cycle cannot have been imported
            behind = max((of(caller) for caller in callers.get(each.key, ())), default=0)
            depth[each.key] = 1 + max(behind, least.get(each.key, 0))
        return depth[each.key]

    return {each.key: of(each) for each in going}


def _left(each: _Found, why: str) -> Left:
    return Left(each.asset.kind, each.object.id, each.object.name, each.life.target, why)


def _undecided(progress: Progress) -> Iterable[Left]:
    """Where nobody knows what an import left, nothing of it is removed."""
    for life in progress.deliveries.values():
        if is_undecided(life):
            for asset in progress.assets_of(life.batch):
                yield Left(asset.kind, "", asset.name, life.target, "its import is undecided: resolve it first")
