"""Members of applications, as a list of users says (Finishing 2.3). Law: nobody who is a member already is taken out.

Reads: the members at both instances, and who could be one at the target. Writes: the whole list, since a change
replaces it: those who are there, read right before, and those who shall be. Proof: the list read back is that list,
roles as the service understands them; another one is somebody's work and is left. Inverse: the list before. Right:
every role of the application.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.kind import Kind, lacks, turned
from orchestrator.core.finish.looks import INVENTORY, Look, Seen, candidates, members, members_of
from orchestrator.core.finish.of_apps import app_facts, app_of, chosen, left_of, name_there, who
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.change import Change, ChangeKind, Image, Left, Proves, change_id
from orchestrator.core.model.handover_item import Action
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.withheld import ROLES, Member
from orchestrator.core.model.writes import SetMembers, Write
from orchestrator.core.plan.plan import Finish, FinishStep
from orchestrator.core.values.members import Members

#: the word under which an image counts members, so that one of nobody is no missing object
_COUNT = "members in all"


class SetAppMembers(Kind):
    """The whole list of an application's members."""

    kind, act, done = ChangeKind.SET_MEMBERS, "setting", "set"
    what = "member list"
    wave = 7

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, members(change.object), change.credentials),)

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, candidates(change.object), change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        told = seen.get(change.instance, members(change.object))
        return told if isinstance(told, Unread) else image_of({each.name: each.expanded for each in told})

    def hindrance(self, change: Change, seen: Seen) -> str:
        ids = _ids(change.instance, change.object, seen)
        if isinstance(ids, Unread):
            return f"who could be a member cannot be read: {ids.why}"
        gone = [name for name, _ in _users(change.after) if name not in ids]
        return f"{', '.join(gone)} cannot be a member there" if gone else ""

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        (change,) = changes
        ids = _ids(change.instance, change.object, seen)
        if isinstance(ids, Unread):
            raise ValueError("users that were not read")
        users = tuple((ids[name], tuple(roles.split())) for name, roles in _users(change.after))
        return SetMembers(change.object, users)

    def right(self, change: Change, seen: Seen) -> str:
        return lacks(app_of(change, seen), "admin")

    def inverse(self, change: Change) -> Change | None:
        made = change_id(self.kind, change.instance, f"{change.object}/back")
        return replace(turned(change, self.kind), id=made)


class MembersStep:
    """`finish: members: FILE`."""

    name = FinishStep.MEMBERS

    def wanted(self, finish: Finish) -> bool:
        return bool(finish.members)

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        for pair in chosen(ground, self.wanted):
            inventories = Look(pair.source, INVENTORY), Look(pair.target, INVENTORY)
            yield from inventories
            yield Look(pair.target, members_of(ground.finish[pair.migration].members_for(pair.target)))
            if all(seen.holds(each) for each in inventories):
                yield Look(pair.source, members(pair.asset.id), who(pair, pair.source, seen))
                yield Look(pair.target, members(pair.there), who(pair, pair.target, seen))
                yield Look(pair.target, candidates(pair.there), who(pair, pair.target, seen))

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        return sum((_row(ground, pair, seen) for pair in chosen(ground, self.wanted)), Rows())


def image_of(users: Mapping[str, Sequence[str]]) -> Image:
    """Members by name, each with its roles in the order of the service."""
    told = ((name, " ".join(role for role in ROLES if role in users[name])) for name in sorted(users))
    return ((_COUNT, str(len(users))), *told)


def _users(image: Image) -> Image:
    return image[1:]


def _row(ground: Ground, pair: Pair, seen: Seen) -> Rows:
    name, path = name_there(pair, seen), ground.finish[pair.migration].members_for(pair.target)
    file = seen.get(pair.target, members_of(path))
    here, there = seen.get(pair.source, members(pair.asset.id)), seen.get(pair.target, members(pair.there))
    ids = _ids(pair.target, pair.there, seen)
    for told in (file, here, there, ids):
        if isinstance(told, Unread):
            return left_of(pair, SetAppMembers.what, name, f"its members could not be read: {told.why}")
    if isinstance(file, Unread) or isinstance(here, Unread) or isinstance(there, Unread) or isinstance(ids, Unread):
        return Rows()
    wanted, left = _wanted(here, file, ids, (pair, path))
    # Whoever is left has to be authorised by a person.
    proves = () if left else (Proves(Action.AUTHORISE, pair.target, "", pair.asset.name),)
    before = {each.name: each.expanded for each in there}
    after = {user: {*before.get(user, ()), *wanted.get(user, ())} for user in {**before, **wanted}}
    if image_of({user: tuple(roles) for user, roles in after.items()}) == image_of(before):
        return Rows(left=left, already=1, found=proves)
    change = Change(
        change_id(ChangeKind.SET_MEMBERS, pair.target, pair.there), ChangeKind.SET_MEMBERS.value, pair.target,
        pair.there, name, who(pair, pair.target, seen), image_of(before),
        image_of({user: tuple(roles) for user, roles in after.items()}), SetAppMembers.wave, pair.migration,
        step=FinishStep.MEMBERS.value, facts=app_facts(pair, seen), proves=proves,
    )  # fmt: skip
    return Rows((change,), left)


def _wanted(
    here: Sequence[Member], file: Members, ids: Mapping[str, str], of: tuple[Pair, str]
) -> tuple[dict[str, set[str]], tuple[Left, ...]]:
    """Who shall be a member with which roles, and who of the source's members cannot be one."""
    pair, path = of
    wanted: dict[str, set[str]] = {}
    left: list[Left] = []
    for member in here:
        target = file.users.get(member.name)
        if target is None:
            why = f"{path} names no user of {pair.target} for {member.name}"
            left.append(Left("member", "", member.name, pair.target, why))
        elif target not in ids:
            why = f"{pair.target} knows no user {target} who could be a member"
            left.append(Left("member", "", member.name, pair.target, why))
        else:
            wanted.setdefault(target, set()).update(member.expanded)
    return wanted, tuple(left)


def _ids(instance: str, app: str, seen: Seen) -> Mapping[str, str] | Unread:
    """Name of a user -> its id, of those who are or could be members."""
    held, could = seen.get(instance, members(app)), seen.get(instance, candidates(app))
    if isinstance(held, Unread):
        return held
    return could if isinstance(could, Unread) else {each.name: each.id for each in (*could, *held)}
