"""When each job was expected to run, beside when it did. Law: what was journaled when the run began, never played anew.

Times are epoch seconds, UTC. A journal of an earlier version tells no prediction.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.report.timeline import BarKind, Timeline
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import JobKind


@dataclass(frozen=True, slots=True)
class PredictedBar:
    """One job as it was expected."""

    kind: BarKind
    #: the slot in which it ran; the one in which it was expected where it never did
    slot: str
    #: batch or delivery id
    subject: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was expected of the whole run."""

    #: the run would be over then in half of the cases, and in nine of ten
    p50: float
    p90: float
    #: no earlier job told some of the durations: `imports at prod`
    guessed: tuple[str, ...]
    bars: tuple[PredictedBar, ...]


def prediction(progress: Progress, lived: Timeline) -> Prediction | None:
    """What the journal keeps of it, or None."""
    told, began = progress.predicted, progress.began_at
    if told is None:
        return None
    slots = _slots(lived)
    bars = []
    for job in told.jobs:
        kind = BarKind.EXPORT if job.subject in progress.batches else BarKind.IMPORT
        slot = slots.get((kind, job.subject), job.slot)
        bars.append(PredictedBar(kind, slot, job.subject, began + job.starts, began + job.ends))
    # Deletes are known for an undo: no run asks for one.
    guessed = tuple(f"{d.kind}s at {d.instance}" for d in told.durations if not d.jobs and d.kind != JobKind.DELETE)
    return Prediction(began + told.p50, began + told.p90, guessed, tuple(bars))


def _slots(lived: Timeline) -> Mapping[tuple[BarKind, str], str]:
    """In which slot each job ran at first: with `one_job_per: auto` slots become known only during the run."""
    found: dict[tuple[BarKind, str], str] = {}
    for slot in lived.slots:
        for bar in slot.bars:
            found.setdefault((bar.kind, bar.subject), slot.slot)
    return found
