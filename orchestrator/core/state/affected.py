"""Which deliveries an event says something new of. Law: for those who only listen; it costs what the event names."""

from orchestrator.core.state import events as e
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.subjects import SubjectKind, whose


def affected_deliveries(progress: Progress, event: e.Event) -> tuple[str, ...]:
    """The deliveries whose situation an event changes, by id."""
    match event:
        case e.Split(delivery=name, children=children):
            return (name, *(child.delivery for child in children))
        case e.Regrouped(parts=parts, scheduled=scheduled):
            return (*parts, *(each.delivery for each in scheduled))
        case e.Resolved(subject=subject):
            return (subject,) if subject in progress.deliveries else tuple(progress.of_batch.get(subject, ()))
        case _:
            moved = whose(event)
            if moved is None or moved.kind is SubjectKind.DELIVERY:
                return (moved.id,) if moved else ()
            return tuple(progress.of_batch.get(moved.id, ()))
