"""AppCodes of applications, kept as at the source (Finishing 2.9). Law: no image holds one; its digest tells it.

Reads: the AppCodes at both instances, in memory alone. Writes: each that the target lacks, as a chosen value, so that a
repeated request makes no second one. Proof: the target's list holds a code of that digest. Inverse: deletion by its id.
Right: every role of the application.
"""

from collections.abc import Iterator, Sequence

from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.kind import Kind, lacks, turned
from orchestrator.core.finish.looks import INVENTORY, Look, Seen, app_codes
from orchestrator.core.finish.of_apps import app_named, brought, left_of, name_there, who
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.change import Change, ChangeKind, Image, change_id
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.withheld import AppCode, is_masked
from orchestrator.core.model.writes import CreateAppCode, DeleteAppCode, Write
from orchestrator.core.plan.plan import Finish, FinishStep, Keep

AS_AT_SOURCE: Image = (("AppCode", "as at the source"),)
NOT_THERE: Image = (("AppCode", "not there"),)
#: digits of a digest that tell the AppCodes of one application apart
_DIGITS = 12


class _AppCode(Kind):
    """The object of such a change is `APPLICATION/DIGEST`."""

    what = "AppCode"
    wave = 7

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, app_codes(_app(change)), change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = codes_at(seen, change.instance, _app(change))
        if isinstance(found, Unread):
            return found
        return AS_AT_SOURCE if _with(found, change, seen) is not None else NOT_THERE

    def right(self, change: Change, seen: Seen) -> str:
        return lacks(app_named(seen, change.instance, _app(change)), "admin")


class CreateCode(_AppCode):
    """An AppCode that callers use already."""

    kind, act, done = ChangeKind.CREATE_APP_CODE, "creation", "created as at the source"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.fact("from"), app_codes(change.fact("twin")), change.fact("twin by")),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        return "" if self._at_source(change, seen) is not None else f"it is at {change.fact('from')} no more"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        (change,) = changes
        found = self._at_source(change, seen)
        if found is None:
            raise ValueError("an AppCode that was not read")
        return CreateAppCode(_app(change), found.text)

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.DELETE_APP_CODE)

    def _at_source(self, change: Change, seen: Seen) -> AppCode | None:
        found = codes_at(seen, change.fact("from"), change.fact("twin"))
        return None if isinstance(found, Unread) else _with(found, change, seen)


class DeleteCode(_AppCode):
    """An AppCode that `finish` has created."""

    kind, act, done = ChangeKind.DELETE_APP_CODE, "removal", "removed"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        (change,) = changes
        found = codes_at(seen, change.instance, _app(change))
        code = None if isinstance(found, Unread) else _with(found, change, seen)
        if code is None:
            raise ValueError("an AppCode that was not read")
        return DeleteAppCode(_app(change), code.id)

    def inverse(self, change: Change) -> Change | None:
        return None


class AppCodesStep:
    """`finish: app_codes: keep`."""

    name = FinishStep.APP_CODES

    def wanted(self, finish: Finish) -> bool:
        return finish.app_codes is Keep.KEEP

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        for pair in brought(ground, self.wanted):
            inventories = Look(pair.source, INVENTORY), Look(pair.target, INVENTORY)
            yield from inventories
            if all(seen.holds(each) for each in inventories):
                yield Look(pair.source, app_codes(pair.asset.id), who(pair, pair.source, seen))
                yield Look(pair.target, app_codes(pair.there), who(pair, pair.target, seen))

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        return sum((_rows(pair, seen) for pair in brought(ground, self.wanted)), Rows())


def codes_at(seen: Seen, instance: str, app: str) -> tuple[AppCode, ...] | Unread:
    """The AppCodes, or why they are not known."""
    told = seen.get(instance, app_codes(app))
    if not isinstance(told, Unread) and any(is_masked(each.text) for each in told):
        return Unread("they are shown masked")
    return told


def _rows(pair: Pair, seen: Seen) -> Rows:
    here = codes_at(seen, pair.source, pair.asset.id)
    there = codes_at(seen, pair.target, pair.there)
    name = name_there(pair, seen)
    for instance, told in ((pair.source, here), (pair.target, there)):
        if isinstance(told, Unread):
            why = f"cannot be proved: the AppCodes at {instance} are not known: {told.why}"
            return left_of(pair, _AppCode.what, name, why)
    wanted = {} if isinstance(here, Unread) else {seen.digest(each.text)[:_DIGITS]: each for each in here}
    held = set() if isinstance(there, Unread) else {seen.digest(each.text)[:_DIGITS] for each in there}
    facts: Image = (
        ("asset", pair.asset.name),
        ("from", pair.source),
        ("twin", pair.asset.id),
        ("twin by", who(pair, pair.source, seen)),
    )
    kind = ChangeKind.CREATE_APP_CODE
    changes = tuple(
        Change(
            change_id(kind, pair.target, f"{pair.there}/{digest}"), kind.value, pair.target, f"{pair.there}/{digest}",
            name, who(pair, pair.target, seen), NOT_THERE, AS_AT_SOURCE, CreateCode.wave, pair.migration,
            step=FinishStep.APP_CODES.value, facts=facts,
        )
        for digest in sorted(wanted.keys() - held)
    )  # fmt: skip
    return Rows(changes, (), len(wanted.keys() & held))


def _app(change: Change) -> str:
    return change.object.partition("/")[0]


def _with(codes: Sequence[AppCode], change: Change, seen: Seen) -> AppCode | None:
    """The AppCode of the change's digest."""
    wanted = change.object.partition("/")[2]
    return next((each for each in codes if seen.digest(each.text)[:_DIGITS] == wanted), None)
