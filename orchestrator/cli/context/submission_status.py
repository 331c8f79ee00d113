"""Where a submission stands, its components folded through the store. Law: reads only; what has ended is not folded."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.cli.context.find_run import Found, Submitted
from orchestrator.core.state.submissions import ComponentState, Submission, SubmittedComponent, gravest_code
from orchestrator.errors import ExitCode
from orchestrator.storage.locks import Holder


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """One component, and the run that conducts it."""

    component: SubmittedComponent
    #: the process that conducts it now, or None
    holder: Holder | None
    #: class of assets -> how many, by now; empty before its run began
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SubmissionStatus:
    """One look at a submission."""

    submission: Submission
    components: tuple[ComponentStatus, ...]
    #: when it was taken, epoch seconds
    now: float

    @property
    def code(self) -> ExitCode:
        """That of the gravest component."""
        return gravest_code(each.component for each in self.components)

    @property
    def live(self) -> bool:
        """Whether anything of it goes on by itself."""
        waits = any(each.component.state is ComponentState.WAITING for each in self.components)
        return waits or any(each.holder is not None for each in self.components)

    @property
    def counts(self) -> Counter[str]:
        """Those of all components together."""
        return sum((Counter(each.counts) for each in self.components), Counter())


def look(submitted: Submitted) -> SubmissionStatus:
    """How it stands now; raises JournalDamaged."""
    kept = submitted.store.submissions
    holders, components = kept.holders(submitted.id), kept.components(submitted.id)
    ended = submitted.store.all_ended([each.run for each in components if each.run])
    rows = tuple(
        ComponentStatus(
            each, holders.get(each.id), ended[each.run].counts if each.run in ended else _counts(submitted, each)
        )
        for each in components
    )
    return SubmissionStatus(kept.submission(submitted.id), rows, time.time())


def _counts(submitted: Submitted, component: SubmittedComponent) -> Mapping[str, int]:
    """Of a run that has not ended, or of which no line is kept: its journal is folded."""
    if not component.run:
        return {}
    from orchestrator.cli.context.folded_run import report_of

    return report_of(Found(submitted.store, component.run)).outcome.counts
