"""What was submitted to a fleet, as commands and workers see it. Law: one door, so that neither knows a database.

`storage.postgres.submissions` keeps it. A home keeps none: what needs one is refused with a sentence.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn, Protocol

from orchestrator.core.state.submissions import Submission, SubmissionCounts, SubmittedComponent, Worker
from orchestrator.errors import OperatorError
from orchestrator.storage.locks import Holder

#: of a submission that carries out no saved preview
NO_PARTS: Mapping[str, str] = {}


class Submissions(Protocol):
    """Submissions, their components, and the workers. Every method may raise JournalUnreachable and MemoryFailed."""

    @property
    def journal(self) -> str:
        """Names the database, whatever its address; "" where there is none."""
        ...

    @property
    def ttl(self) -> float:
        """Seconds that a lease lives without being renewed, the same for all processes."""
        ...

    # --- looking ---

    def ids(self) -> list[str]:
        """Every submission, oldest first."""
        ...

    def submission(self, id_: str) -> Submission:
        """Raises OperatorError where there is none."""
        ...

    def of_plan(self, plan: str) -> list[str]:
        """The submissions of a plan, oldest first."""
        ...

    def components(self, submission: str) -> list[SubmittedComponent]:
        """In the plan's order."""
        ...

    def approved_part(self, component: str) -> str:
        """What of an approved preview is this component's, as it was submitted; "" where none was."""
        ...

    def must_be_over(self, plan: str, approved: str | None = None) -> None:
        """Raises HeldElsewhere while a submission of this plan is not done.

        `approved`: the saved preview of who asks, "" for none, so that another one is told; None where none matters.
        """
        ...

    def component(self, id_: str) -> SubmittedComponent:
        """Raises OperatorError where there is none."""
        ...

    def due(self, group: str, most: int) -> list[SubmittedComponent]:
        """What waits for a worker of this group, is due by the database's clock and is conducted by nobody.

        At most so many, the oldest first.
        """
        ...

    def holders(self, submission: str) -> Mapping[str, Holder]:
        """Component -> the process that conducts it now."""
        ...

    def workers(self) -> list[Worker]:
        """Those that have not left, also dead ones: how long each was not seen is told."""
        ...

    def counts(self) -> list[SubmissionCounts]:
        """The latest submission of each plan, by plan, as far as it is not done or was submitted in the last week."""
        ...

    def held_here(self) -> int:
        """How many components this process holds; asks nobody."""
        ...

    # --- writing ---

    def submit(
        self, submission: Submission, components: Sequence[SubmittedComponent], parts: Mapping[str, str] = NO_PARTS
    ) -> None:
        """All of it in one transaction; raises HeldElsewhere where one of this plan is not done, or a process runs it.

        `parts`: component -> what of the approved preview is its. Where the answer to an earlier try was lost, the
        same submission is not taken for another.
        """
        ...

    def give_up(self, plan: str, why: str) -> list[SubmittedComponent]:
        """A person's word: what is left of the plan's submission is done without having begun; those components.

        Raises HeldElsewhere where any of them has begun, or does not wait for a person: then none is given up.
        """
        ...

    def forget(self, submission: str) -> bool:
        """Remove what is done and of which no run is kept; whether it was there to be removed."""
        ...

    def held(self, component: SubmittedComponent, name: str) -> AbstractContextManager[None]:
        """Hold a component with its instances and slots while the block runs; raises HeldElsewhere at once."""
        ...

    def tried(self, component: str) -> SubmittedComponent:
        """Counts one more start; the component as it stands now. It is held by the caller."""
        ...

    def ended(self, component: str, code: int, why: str, not_before: float) -> SubmittedComponent:
        """How a start came to its end, and where the component stands now. It is held by the caller."""
        ...

    def wake(self, component: str) -> bool:
        """A person's word: what is parked, or waits for its time, is due now. False where it was neither."""
        ...

    def park(self, component: str, code: int, why: str) -> bool:
        """A person's word: what waits, and is conducted by nobody, waits for a person from now on; else False."""
        ...

    def seen(self, worker: Worker) -> None:
        """This worker lives, and says so again before the `ttl` of leases has passed."""
        ...

    def left(self, worker: str) -> None:
        """It has ended in good order."""
        ...


class NoSubmissions:
    """A home's: nothing was ever submitted, and nothing can be."""

    journal = ""

    @property
    def ttl(self) -> float:
        self._refuse()

    def ids(self) -> list[str]:
        return []

    def of_plan(self, plan: str) -> list[str]:
        return []

    def submission(self, id_: str) -> Submission:
        self._refuse()

    def components(self, submission: str) -> list[SubmittedComponent]:
        return []

    def component(self, id_: str) -> SubmittedComponent:
        self._refuse()

    def approved_part(self, component: str) -> str:
        self._refuse()

    def must_be_over(self, plan: str, approved: str | None = None) -> None:
        return None

    def due(self, group: str, most: int) -> list[SubmittedComponent]:
        return []

    def holders(self, submission: str) -> Mapping[str, Holder]:
        return {}

    def workers(self) -> list[Worker]:
        return []

    def counts(self) -> list[SubmissionCounts]:
        return []

    def held_here(self) -> int:
        return 0

    def submit(
        self, submission: Submission, components: Sequence[SubmittedComponent], parts: Mapping[str, str] = NO_PARTS
    ) -> None:
        self._refuse()

    def give_up(self, plan: str, why: str) -> list[SubmittedComponent]:
        self._refuse()

    def forget(self, submission: str) -> bool:
        return False

    def held(self, component: SubmittedComponent, name: str) -> AbstractContextManager[None]:
        self._refuse()

    def tried(self, component: str) -> SubmittedComponent:
        self._refuse()

    def ended(self, component: str, code: int, why: str, not_before: float) -> SubmittedComponent:
        self._refuse()

    def wake(self, component: str) -> bool:
        self._refuse()

    def park(self, component: str, code: int, why: str) -> bool:
        self._refuse()

    def seen(self, worker: Worker) -> None:
        self._refuse()

    def left(self, worker: str) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise OperatorError(
            "a fleet keeps its journal in a database, and none is named",
            next_step="name it: --journal postgresql://..., or ROMA_MIGRATE_JOURNAL",
        )
