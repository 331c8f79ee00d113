"""Whose job it may be that ROMA says runs in a slot.

Law: nobody else is blamed while a lost request of ours may be it.
"""

from orchestrator.core.state.lifecycle import PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import overlapping
from orchestrator.core.state.subjects import SubjectKind


def lost_request_in(progress: Progress, slot: str) -> str:
    """The delivery or batch of ours whose lost request may be that job; "" where it can only be somebody else's."""
    for name in sorted(progress.unsure):
        if overlapping(slot, (progress.deliveries[name].slot,)):
            return name
    held = sorted(subject for each in overlapping(slot, progress.occupied) for subject in progress.occupied[each])
    packages = (subject.id for subject in held if subject.kind is SubjectKind.PACKAGE)
    return next((each for each in packages if progress.packages[each].state is PackageState.EXPORT_UNSURE), "")
