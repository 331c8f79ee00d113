"""Whose job it may be that ROMA says runs in a slot.

Law: nobody else is blamed while a lost request of ours may be it.
"""

from orchestrator.core.state.lifecycle import PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import overlapping


def lost_request_in(progress: Progress, slot: str) -> str:
    """The delivery or batch of ours whose lost request may be that job; "" where it can only be somebody else's."""
    for name in sorted(progress.unsure):
        if overlapping(slot, (progress.deliveries[name].slot,)):
            return name
    held = sorted(name for each in overlapping(slot, progress.occupied) for name in progress.occupied[each])
    packages = progress.packages
    return next((n for n in held if n in packages and packages[n].state is PackageState.EXPORT_UNSURE), "")
