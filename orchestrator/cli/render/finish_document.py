"""What `finish` did for a run, in the report's document. Law: every change that was settled or begun, no secret."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.cli.output.times import utc
from orchestrator.core.state.change_events import FinishBegan
from orchestrator.core.state.changes import ChangeLife, Changes


@dataclass(frozen=True, slots=True)
class FinishChangeDocument:
    """One change of `finish`, with before and after; a secret is told as a digest."""

    #: key of `finish:`
    step: str
    kind: str
    instance: str
    id: str
    name: str
    before: Mapping[str, str]
    after: Mapping[str, str]
    #: pending, unsure, done, refused or different
    state: str
    #: "" where there is nothing to say
    why: str


@dataclass(frozen=True, slots=True)
class FinishDocument:
    """What was done of that which ROMA does not carry."""

    #: of the latest finish
    began: str | None
    by: str
    host: str
    note: str
    steps: Sequence[str]
    digest: str
    #: null where it has not ended
    ended: str | None
    #: what it ended with; null where it has not
    code: int | None
    #: state -> changes
    counts: Mapping[str, int]
    #: of every finish of the run, the latest of each; what an undo has taken back is not here
    changes: Sequence[FinishChangeDocument]


def finish_document(held: Changes) -> FinishDocument | None:
    """None where nobody has asked for one."""
    began, ended = held.began, held.ended
    if not isinstance(began, FinishBegan):
        return None
    unsettled = {name: life for name, life in held.lives.items() if not life.settled}
    changes = [_change(life) for life in {**held.settled, **unsettled}.values()]
    return FinishDocument(
        utc(held.began_at), began.by, began.host, began.note, began.steps, began.digest,
        utc(held.ended_at) if ended is not None else None, ended.code if ended is not None else None,
        dict(Counter(each.state for each in changes)), changes,
    )  # fmt: skip


def _change(life: ChangeLife) -> FinishChangeDocument:
    change = life.change
    return FinishChangeDocument(
        change.step, change.kind, change.instance, change.object, change.name, dict(change.before), dict(change.after),
        life.state.value, life.why,
    )  # fmt: skip
