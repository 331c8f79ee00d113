"""What only the operator can decide. Law: one reading, for exit code, status, notices, figures and `resolve`."""

from orchestrator.core.state.lifecycle import Delivery, DeliveryState, Package, PackageState
from orchestrator.core.state.progress import Progress


def is_undecided(life: Package | Delivery) -> bool:
    """Whether nobody knows what became of it."""
    return life.state is DeliveryState.UNDECIDED or life.state is PackageState.UNDECIDED


def undecided_before(progress: Progress, life: Delivery) -> Package | Delivery | None:
    """What must be decided before a delivery goes on: itself, its package or a backup that it waits for."""
    if is_undecided(life):
        return life
    behind = (life.batch, *life.scheduled.backups) if life.state is DeliveryState.WAITING else ()
    return next((progress.packages[each] for each in behind if is_undecided(progress.packages[each])), None)


def undecided_deliveries(progress: Progress) -> frozenset[str]:
    """Open deliveries of which only the operator can say what comes next."""
    return frozenset(
        name for name in progress.open if undecided_before(progress, progress.deliveries[name]) is not None
    )


def undecided_lives(progress: Progress) -> tuple[Package | Delivery, ...]:
    """Each question that the operator is asked: packages that something open needs, then deliveries."""
    packages = (each for _, each in sorted(progress.packages.items()) if is_undecided(each))
    deliveries = (progress.deliveries[name] for name in sorted(progress.open))
    return (
        *(each for each in packages if _is_waited_for(progress, each)),
        *(each for each in deliveries if is_undecided(each)),
    )


def _is_waited_for(progress: Progress, package: Package) -> bool:
    """An overdue job holds its slot although its own batch may have been split."""
    return bool(progress.open) if package.overdue else not progress.open.isdisjoint(progress.of_batch[package.batch])
