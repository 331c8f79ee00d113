"""What the checks of preflight stand on. Law: values only; a check asks this and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.model.instance_facts import Facts, Unread
from orchestrator.core.model.inventory import App, Inventory, Kind, Task
from orchestrator.core.plan.plan import Plan
from orchestrator.core.scheduling.timetable import Predict
from orchestrator.core.selection.routes import EarlierImports, Route
from orchestrator.core.selection.selection import kind_of
from orchestrator.core.state import events as e

#: kind -> name -> the asset that holds it
Held = Mapping[Kind, Mapping[str, App | Task]]


@dataclass(frozen=True, slots=True)
class PreflightContext:
    """One plan, what its instances hold and tell, and what a run of it would do."""

    plan: Plan
    routes: tuple[Route, ...]
    inventories: Mapping[str, Inventory]
    facts: Mapping[str, Facts] = field(default_factory=dict)
    history: EarlierImports = field(default_factory=EarlierImports)
    batches: tuple[e.BatchScheduled, ...] = ()
    deliveries: tuple[e.DeliveryScheduled, ...] = ()
    #: how long a run is expected to last, in seconds; 0 where nothing is known
    lasting: float = 0.0
    #: exports of what Merge would overwrite, before it does
    backups: tuple[e.BatchScheduled, ...] = ()
    #: epoch seconds, UTC; 0 where unknown
    now: float = 0.0
    #: how long jobs take; None where nobody asked
    predict: Predict | None = None
    #: instance -> what holds which name there, from `inventories`
    held: Mapping[str, Held] = field(init=False)
    #: ((target, prefix, source), asset id) of all that moves
    carried: frozenset[tuple[tuple[str, str, str], str]] = field(init=False)
    _batches: Mapping[str, e.BatchScheduled] = field(init=False)
    #: (migration, target, prefix) -> what would go that way
    _deliveries: Mapping[tuple[str, str, str], Sequence[e.DeliveryScheduled]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "held", {name: _held(each) for name, each in self.inventories.items()})
        carried = frozenset((route.place, asset.id) for route in self.routes for asset in route.moving)
        object.__setattr__(self, "carried", carried)
        object.__setattr__(self, "_batches", {batch.batch: batch for batch in self.batches})
        ways: dict[tuple[str, str, str], list[e.DeliveryScheduled]] = {}
        for each in self.deliveries:
            ways.setdefault((each.migration, each.target, each.prefix), []).append(each)
        object.__setattr__(self, "_deliveries", ways)

    @property
    def sources(self) -> tuple[str, ...]:
        """Instances that something is exported from."""
        return tuple(dict.fromkeys(route.source for route in self.routes if route.moving))

    @property
    def targets(self) -> tuple[str, ...]:
        """Instances that something is imported into."""
        return tuple(dict.fromkeys(route.target.instance for route in self.routes if route.moving))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """(source, target) of what moves."""
        return tuple(dict.fromkeys((route.source, route.target.instance) for route in self.routes if route.moving))

    def facts_of(self, instance: str) -> Facts:
        """What it tells; all unread where nobody asked."""
        return self.facts.get(instance, Facts(instance))

    def carriers(self, route: Route) -> dict[str, e.DeliveryScheduled]:
        """Asset id -> the delivery of this lane that would bring it."""
        way = (route.selection.migration, route.target.instance, route.target.prefix)
        found = self._deliveries.get(way, ())
        return {asset.id: each for each in found for asset in self._batches[each.batch].assets}

    def at_target(self, route: Route, asset: App | Task) -> App | Task | None:
        """What holds the asset's likeliest name at the lane's target."""
        return self.held[route.target.instance][kind_of(asset)].get(route.names_of(asset)[0])


def _held(inventory: Inventory) -> Held:
    return {
        Kind.APP: {app.name: app for app in inventory.apps},
        Kind.TASK: {task.name: task for task in inventory.tasks},
    }


def names_of(assets: Iterable[App | Task]) -> tuple[str, ...]:
    """Their names, in their order."""
    return tuple(asset.name for asset in assets)


def not_checked(check: str, instance: str, what: str, unread: Unread) -> Check:
    """A refused or missing informing read (promise 13)."""
    sentence = f"{what} of {instance} could not be read: {unread.why}"
    remedy = "let these credentials read it, or compare by hand"
    return Check(check, Verdict.NOT_CHECKED, sentence, remedy=remedy, where=f"@{instance}")


def all_unread(check: str, told: Sequence[tuple[str, str, object]]) -> list[Check]:
    """`not_checked` for each (instance, what, value) that was not read; each instance once."""
    found = {
        (instance, what): not_checked(check, instance, what, value)
        for instance, what, value in told
        if isinstance(value, Unread)
    }
    return list(found.values())
