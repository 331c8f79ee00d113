"""What a read says of changes that are no jobs, just before their request and after it (promise 16). Law: pure.

An object that is as it shall be is a change that is done, whoever did it. One that is neither as it was nor as it shall
be was changed by somebody, and is left alone. After a lost answer nothing is asked again before a read has shown the
object as it was.
"""

from collections.abc import Mapping, Sequence

from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.finish.looks import Seen
from orchestrator.core.finish.lots import not_done_before
from orchestrator.core.model.change import Change, Image
from orchestrator.core.model.counts import count
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.state.change_events import ChangesSettled
from orchestrator.core.state.changes import ChangeLife

#: requests for one change that the service called successful before it counts as refused
MOST_ATTEMPTS = 3


def before_writing(lives: Sequence[ChangeLife], every: Mapping[str, ChangeLife], seen: Seen) -> ChangesSettled:
    """What is settled without a request: what is done, what a person has changed, and what must not be done now."""
    done, different, refused = [], [], []
    for life in lives:
        change, kind = life.change, KINDS[life.change.kind]
        # What no read shows is as it was planned, as far as anybody knows.
        image = change.before if kind.by_answer(change) else kind.image(change, seen)
        if isinstance(image, Unread):
            refused.append((change.id, f"it cannot be read, and so not be proved: {image.why}"))
        elif image == change.after:
            done.append(change.id)
        elif before := not_done_before(life, every):
            different.append(
                (change.id, f"{before.change.name} at {before.change.instance} was not done: {_why(before)}")
            )
        elif image != change.before and not kind.underway(change, image):
            different.append((change.id, f"it was changed after the preview: {told(image)}"))
        elif why := kind.hindrance(change, seen):
            different.append((change.id, why))
    return ChangesSettled(tuple(done), (), tuple(different), tuple(refused))


def after_writing(lives: Sequence[ChangeLife], seen: Seen, late: bool, overdue: str) -> ChangesSettled:
    """What a read after the request settles; what stands in it nowhere is to be read again.

    `late`: a success had its time to show. `overdue`: why what is under way is not waited for any more, "" where it is.
    """
    done, again, different, refused = [], [], [], []
    for life in lives:
        change, kind = life.change, KINDS[life.change.kind]
        image = _by_answer(life) if kind.by_answer(change) else kind.image(change, seen)
        if isinstance(image, Unread):
            if late:
                refused.append((change.id, f"what became of it cannot be read: {image.why}"))
        elif image == change.after:
            done.append(change.id)
        elif kind.underway(change, image):
            if overdue:
                refused.append((change.id, f"{told(image)}, {overdue}"))
        elif image != change.before:
            different.append((change.id, f"somebody changed it meanwhile: {told(image)}"))
        elif why := _refusal(life, late):
            refused.append((change.id, why))
        elif late or life.failed or not life.ended:
            again.append(change.id)
    return ChangesSettled(tuple(done), tuple(again), tuple(different), tuple(refused))


def confirmed(first: ChangesSettled, second: ChangesSettled) -> ChangesSettled:
    """What two reads agree on to be done."""
    return ChangesSettled(tuple(each for each in first.done if each in second.done))


def needs_two_reads(change: Change) -> bool:
    """Whether one read does not prove it."""
    return KINDS[change.kind].reads > 1


def told(image: Image) -> str:
    """An image in words: `it is running`, `name: Country, remark: ...`."""
    if not image:
        return "it is not there"
    if len(image) == 1:
        return f"it is {image[0][1]}"
    return ", ".join(f"{word}: {value}" for word, value in image if value)


def _by_answer(life: ChangeLife) -> Image:
    """The object of a change that no read shows, as its answer tells."""
    return life.change.after if life.ended and not life.failed else life.change.before


def _refusal(life: ChangeLife, late: bool) -> str:
    """Why an object that is as before is not asked for again; "" where it is."""
    if life.failed:
        return life.reasons[0].error_msg if life.reasons else life.why if life.together == 1 else ""
    if life.ended and late and life.attempts >= MOST_ATTEMPTS:
        return f"nothing shows it after {count(life.attempts, 'request')}, the last of which was called successful"
    if not life.ended and life.attempts >= KINDS[life.change.kind].most_silences:
        return f"no usable answer {count(life.attempts, 'time')} in a row: {life.why}"
    return ""


def _why(life: ChangeLife) -> str:
    return life.why or life.state.value
