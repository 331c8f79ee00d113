"""What a kind of change and a step of `finish` must say of themselves. Law: pure; what is read comes in as a `Seen`.

A *step* is a key of `finish:` in the plan: it says what it must read to plan, and which changes follow from that. A
*kind* is how one sort of change is read, written, proved and taken back. A file of this package holds one step with its
kinds, and is named once, in `orchestrator.core.finish.kinds`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.looks import Look, Seen
from orchestrator.core.model.change import Change, ChangeKind, Image, change_id
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App
from orchestrator.core.model.writes import Write
from orchestrator.core.plan.plan import Finish, FinishStep

T = TypeVar("T")


class Step(Protocol):
    """One key of `finish:`."""

    @property
    def name(self) -> FinishStep: ...

    def wanted(self, finish: Finish) -> bool:
        """Whether the plan asks for it."""
        ...

    def looks(self, ground: Ground, seen: Seen) -> Iterable[Look]:
        """What planning must read; asked again with the answers until it names nothing new."""
        ...

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        """The changes that follow, and what is left to a person and why."""
        ...


class Kind:
    """One kind of change; a subclass says what differs from these defaults, and at least the last four."""

    kind: ChangeKind
    #: for people: what it does, what became of its object, and what that is: stop, stopped, task
    act: str
    done: str
    what: str
    #: row of Finishing 3: at one instance, what has a lower number is settled before
    wave: int = 0
    #: changes that one request carries, at most
    lot: int = 1
    #: answers to the same request lost in a row before it counts as refused
    most_silences: int = 8
    #: whether something at the service is another afterwards, which an undo must take back
    leaves_a_trace: bool = True
    #: equal reads, some seconds apart, that prove it
    reads: int = 1

    def right(self, change: Change, seen: Seen) -> str:
        """The right that the credentials lack for it, as a sentence; "" where none is known to be missing."""
        return ""

    def hindrance(self, change: Change, seen: Seen) -> str:
        """Why it must not be done now although its object is as planned; "" where nothing stands against it."""
        return ""

    def underway(self, change: Change, image: Image) -> bool:
        """Whether an object that is neither as before nor as after will become so by itself."""
        return False

    def by_answer(self, change: Change) -> bool:
        """Whether no read shows it, so that the answer is all there is; a lost answer is asked for again."""
        return False

    def looks(self, change: Change) -> tuple[Look, ...]:
        """What shows its object: read just before its write, and again to prove it."""
        raise NotImplementedError

    def needs(self, change: Change) -> tuple[Look, ...]:
        """What else its write rests on: read just before it, with its object, and not again."""
        return ()

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        """Its object now; () where it is not there."""
        raise NotImplementedError

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        """The one request for these changes, which are of this kind, of one instance and of one identity."""
        raise NotImplementedError

    def inverse(self, change: Change) -> Change | None:
        """What takes it back, None where nothing does; the images are swapped, links to others are put in later."""
        raise NotImplementedError

    def written_as(self, change: Change) -> str:
        """How an answer names its object, where it refuses that alone."""
        return change.object


def turned(change: Change, kind: ChangeKind) -> Change:
    """What takes a change back: another kind about the same object, with the images swapped; it proves nothing."""
    return replace(
        change, id=change_id(kind, change.instance, change.object), kind=kind.value, before=change.after,
        after=change.before, behind=(), inverse_of=change.id, proves=(),
    )  # fmt: skip


def lacks(app: App | None, role: str) -> str:
    """That a role on an application is missing, as its list shows; "" where it is there or not told (Finishing 1.1)."""
    if app is None or not app.roles or role in app.roles or "admin" in app.roles:
        return ""
    return f"the role {role} on application {app.name} is missing: its list shows {', '.join(app.roles)}"


def there(found: T | Unread | None, change: Change) -> T:
    """What was read right before a write, which rests on it."""
    if found is None or isinstance(found, Unread):
        raise ValueError(f"{change.name} at {change.instance} was not read")
    return found
