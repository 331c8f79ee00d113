"""Agreed exceptions laid over preflight's answers. Law: a waiver changes a verdict and its record, never the words.

What is waived really goes to the service: `waived_assets` tells the engine which names it must not set aside itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase

from orchestrator.core.model.checks import NOT_WAIVABLE, Check, Verdict
from orchestrator.core.model.parts import in_parts
from orchestrator.core.plan.plan import Plan, Waiver
from orchestrator.core.state.events import FindingsNoted

#: findings in one event: a journal's entry stays small
MOST_AT_ONCE = 100
#: (migration, waiver)
_Held = tuple[str, Waiver]
_REMEDY_EXPIRED = "agree on it anew and give a later `until`, or put the finding right"
_REMEDY_UNUSED = "take the waiver out of the plan"


def waive(plan: Plan, checks: Sequence[Check], today: date) -> tuple[Check, ...]:
    """The answers with waived ones marked; expired and unused waivers become warnings of the check they waive.

    A finding of one migration is waived by that migration; one of an instance, or of the whole plan, only where every
    migration that touches it waives it. A waiver for some assets waives a finding for these and leaves the rest.
    """
    held = [(m.name, waiver) for m in plan.migrations for waiver in m.waive]
    alive = [(name, waiver) for name, waiver in held if _valid(waiver, today)]
    used: set[int] = set()
    found = [part for check in checks for part in _waived(plan, check, alive, used)]
    unused = [(name, w) for name, w in alive if id(w) not in used]
    told = [_told(name, w, "is not used: nothing was found", _REMEDY_UNUSED) for name, w in unused]
    told += [_told(name, w, _why_void(w), _REMEDY_EXPIRED) for name, w in held if not _valid(w, today)]
    dull = {each.id for each in told}
    return (*(check for check in found if check.verdict is not Verdict.OK or check.id not in dull), *told)


def waived_told(checks: Iterable[Check]) -> tuple[str, ...]:
    """What is waived, each with its place and reason: for the journal."""
    return tuple(
        " ".join(part for part in (check.id, check.where, ", ".join(check.assets), f"({check.waived})") if part)
        for check in checks
        if check.verdict is Verdict.WAIVED
    )


def noted(checks: Iterable[Check]) -> tuple[FindingsNoted, ...]:
    """What a run begins in spite of: for the journal."""
    held = [check for check in checks if check.verdict in {Verdict.WARNING, Verdict.NOT_CHECKED}]
    return tuple(map(FindingsNoted, in_parts(held, MOST_AT_ONCE)))


def waived_assets(checks: Iterable[Check], check: str, migration: str, target: str) -> frozenset[str]:
    """Names of the assets for which a check is waived on the way of `migration` to `target`."""
    return frozenset(
        name
        for each in checks
        if each.id == check and each.verdict is Verdict.WAIVED
        and each.migration in ("", migration) and each.instance in ("", target)
        for name in each.assets
    )  # fmt: skip


def _valid(waiver: Waiver, today: date) -> bool:
    return waiver.check not in NOT_WAIVABLE and (waiver.until is None or today <= waiver.until)


def _why_void(waiver: Waiver) -> str:
    if waiver.check in NOT_WAIVABLE:
        return "is void: nobody can waive this check"
    return f"has expired on {waiver.until}"


def _told(migration: str, waiver: Waiver, what: str, remedy: str) -> Check:
    sentence = f"the waiver of {waiver.check} in {migration} {what} (reason: {waiver.reason})"
    return Check(waiver.check, Verdict.WARNING, sentence, waiver.assets, remedy, migration)


def _waived(plan: Plan, check: Check, alive: Sequence[_Held], used: set[int]) -> Iterator[Check]:
    """The check in up to two parts: what is waived, and what is not."""
    fitting = [] if check.verdict is Verdict.OK else [(m, w) for m, w in alive if w.check == check.id]
    migrations = _migrations(plan, check) if fitting else ()
    sets = [_covered(check, [w for m, w in fitting if m == name]) for name in migrations]
    if not migrations or any(not whole and not names for whole, names in sets):
        yield check
        return
    whole = all(each for each, _ in sets)
    names = [a for a in check.assets if all(every or a in some_ for every, some_ in sets)]
    if not whole and not names:
        yield check
        return
    using = [w for m, w in fitting if m in migrations and (not w.assets or _covered(check, [w])[1])]
    used.update(id(w) for w in using)
    reason = "; ".join(dict.fromkeys(_reason(w) for w in using))
    left = () if whole else tuple(a for a in check.assets if a not in names)
    waived_names = check.assets if whole else tuple(names)
    yield replace(check, verdict=Verdict.WAIVED, assets=waived_names, waived=reason)
    if left:
        yield replace(check, assets=left)


def _covered(check: Check, waivers: Sequence[Waiver]) -> tuple[bool, frozenset[str]]:
    """Whether all of a finding is waived, else the names for which it is."""
    if any(not waiver.assets for waiver in waivers):
        return True, frozenset()
    globs = [glob for waiver in waivers for glob in waiver.assets]
    return False, frozenset(name for name in check.assets if any(fnmatchcase(name, glob) for glob in globs))


def _migrations(plan: Plan, check: Check) -> tuple[str, ...]:
    """Whose finding it is."""
    if check.migration:
        return (check.migration,)
    return tuple(
        m.name
        for m in plan.migrations
        if not check.instance or check.instance == m.source or any(t.instance == check.instance for t in m.targets)
    )


def _reason(waiver: Waiver) -> str:
    return waiver.reason + (f" (until {waiver.until})" if waiver.until is not None else "")
