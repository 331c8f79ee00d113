"""Whether what was sent is there.

Law: *verified* never means equal content, and presence under Merge is not enough (promise 15).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.core import events as e
from orchestrator.core.events import Asset
from orchestrator.core.inventory import App, Inventory, Task
from orchestrator.core.lifecycle import Delivery
from orchestrator.core.plan import Mode


@dataclass(frozen=True, slots=True)
class Expected:
    """One asset as it should be at the target."""

    asset: Asset
    #: the names it may have there, the likeliest first
    names: tuple[str, ...]
    #: for a task: the names that each of its applications may have there
    links: tuple[tuple[str, ...], ...] = ()


def verify(life: Delivery, expected: Sequence[Expected], inventory: Inventory, ahead: float = 0.0) -> e.Verified:
    """Compare; each asset ends in exactly one of verified, unverified and findings.

    `ahead`: seconds by which ROMA's clock is ahead of ours.
    """
    verified: list[str] = []
    unverified: list[tuple[str, str]] = []
    findings: list[tuple[str, str]] = []
    ids: list[tuple[str, str]] = []
    renamed: set[tuple[str, bool]] = set()
    app_names = {app.id: app.name for app in inventory.apps}
    before = {held for _, ids in (life.baseline.present if life.baseline is not None else ()) for held in ids}
    for each in expected:
        found = _found(life, each, inventory)
        if found is None:
            findings.append((each.asset.id, f"missing: {each.asset.name} is not at {life.target}"))
            continue
        ids.append((each.asset.id, found.id))
        if life.scheduled.prefix and found.id not in before:  # what was there before us teaches no reading
            renamed.add((each.asset.kind, found.name != each.asset.name))
        if difference := _difference(each, found, app_names):
            findings.append((each.asset.id, difference))
        elif doubt := _doubt(life, found, each.asset, ahead):
            unverified.append((each.asset.id, doubt))
        else:
            verified.append(each.asset.id)
    return e.Verified(life.id, tuple(verified), tuple(unverified), tuple(findings), tuple(ids), tuple(sorted(renamed)))


def _found(life: Delivery, expected: Expected, inventory: Inventory) -> App | Task | None:
    """What is new under one of its names, the likeliest first; under Merge, else what was there before us."""
    held: Sequence[App | Task] = inventory.apps if expected.asset.kind == "app" else inventory.tasks
    before = set(life.baseline.seen.get(expected.asset.id, ())) if life.baseline is not None else set()
    named = [asset for name in expected.names for asset in held if asset.name == name]
    new = (asset for asset in named if asset.id not in before)
    return next(new, next(iter(named), None) if life.scheduled.mode == Mode.MERGE.value else None)


def _difference(expected: Expected, found: App | Task, app_names: dict[str, str]) -> str:
    """A task must touch the same applications, as far as they are readable."""
    if isinstance(found, App) or not expected.links:
        return ""
    touched = {app_names[app] for app in found.app_ids if app in app_names}
    for names in expected.links:
        if not touched.intersection(names):
            return f"different: {found.name} does not touch {names[0]}"
    return ""


def _doubt(life: Delivery, found: App | Task, asset: Asset, ahead: float) -> str:
    """Under Merge what was there before must also have been updated after our request, by ROMA's clock."""
    before = set(life.baseline.seen.get(asset.id, ())) if life.baseline is not None else set()
    if life.scheduled.mode != Mode.MERGE.value or found.id not in before:
        return ""
    updated = _moment(found.update_time)
    if updated is None:
        return "it was there before, and the service does not tell when it was updated"
    # Both the clock's offset and update times are known to the second.
    return "" if updated + 1.0 > life.asked_at + ahead else "it was there before, and was not updated since our request"


def _moment(text: str) -> float | None:
    """Epoch seconds of an ISO text; None where it cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
