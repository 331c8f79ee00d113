"""A worker's numbers for monitors, where its options ask. Law: whatever fails of them, the worker goes on.

The library is loaded only where somebody asks for it.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from orchestrator.cli.context.last_success import last_success
from orchestrator.cli.context.measuring import Monitoring, Published, hosts_of
from orchestrator.cli.context.observers import Observer
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.plan.plan import Plan
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.submissions import SubmissionCounts, SubmittedComponent, Worker
from orchestrator.errors import ExitCode, JournalUnreachable
from orchestrator.storage.store import LocalStore

if TYPE_CHECKING:
    from orchestrator.notices.worker_metrics import WorkerFigures


class WorkerMonitor:
    """What a worker tells monitors: nothing, unless it was asked for."""

    def watching(self, component: SubmittedComponent, plan: Plan) -> tuple[Observer, ...]:
        """Who looks on while a component is conducted."""
        return ()

    def beaten(self) -> None:
        """The database has just been told that the worker lives."""

    @property
    def look(self) -> Callable[[], None] | None:
        """To be called again and again, on a thread that may wait; None where nothing is looked at."""
        return None

    def heard(self, event: str, **fields: object) -> None:
        """What the workers' engine says to the log."""

    def drained(self) -> None:
        """The worker has ended in good order."""


def monitor_of(terminal: Terminal, me: Worker, store: LocalStore, asked: Monitoring) -> WorkerMonitor:
    """As the command line asks; raises OperatorError where that cannot be understood."""
    if asked.address() is None and asked.textfile is None:
        return WorkerMonitor()
    try:
        return WorkerMetrics(terminal, me, store, asked)
    except Exception as error:  # noqa: BLE001 - whoever only looks on must not end a worker
        terminal.warn(f"the worker goes on unwatched by monitors: {type(error).__name__}")
        return WorkerMonitor()


class WorkerMetrics(WorkerMonitor):
    """The numbers of all components that it conducts, of itself, and of the submissions."""

    def __init__(self, terminal: Terminal, me: Worker, store: LocalStore, asked: Monitoring) -> None:
        from orchestrator.notices.worker_metrics import WorkerFigures

        self._terminal, self._store = terminal, store
        self._figures = WorkerFigures(me.id, me.group, me.version, store.submissions.held_here)
        self._good = GoodEnds(lambda plan: last_success(store, plan)[1])
        self._failed = False
        self._published = Published(terminal, self._figures, asked, "the worker")

    def watching(self, component: SubmittedComponent, plan: Plan) -> tuple[Observer, ...]:
        return (_ComponentMetrics(self._figures, component, plan),)

    def beaten(self) -> None:
        self._figures.beat()

    @property
    def look(self) -> Callable[[], None]:
        return self._look

    def _look(self) -> None:
        try:
            submissions = self._store.submissions.counts()
            self._figures.looked(submissions, self._good.of(submissions))
        except JournalUnreachable:
            pass  # told by those who need it more
        except Exception as error:  # noqa: BLE001 - whoever only looks on must not end a worker
            if not self._failed:
                self._failed = True
                self._terminal.warn(f"where submissions stand cannot be told to monitors: {type(error).__name__}")

    def heard(self, event: str, **fields: object) -> None:
        if isinstance(number := fields.get("failed_workflow_tasks"), int):
            self._figures.failed_tasks(number)

    def drained(self) -> None:
        self._figures.drained()
        self._published.close()


class GoodEnds:
    """When each plan last ended with 0: asked once, and again when its submission has ended so."""

    def __init__(self, ask: Callable[[str], float]) -> None:
        self._ask = ask
        #: plan -> the submission that last ended well while this process looked, "" for none
        self._ended: dict[str, str] = {}
        self._at: dict[str, float] = {}

    def of(self, submissions: Iterable[SubmissionCounts]) -> dict[str, float]:
        """Plan -> epoch seconds; 0 where none ended so."""
        found: dict[str, float] = {}
        for each in submissions:
            ended = each.submission if each.code == ExitCode.DONE else ""
            if each.plan not in self._at or (ended and self._ended[each.plan] != ended):
                self._at[each.plan], self._ended[each.plan] = self._ask(each.plan), ended
            found[each.plan] = self._at[each.plan]
        return found


class _ComponentMetrics(Observer):
    """One component's numbers, while this worker conducts it."""

    def __init__(self, worker: "WorkerFigures", component: SubmittedComponent, plan: Plan) -> None:
        from orchestrator.notices.metrics import Figures

        self._worker, self._component = worker, component.id
        self._figures = Figures(plan.name, hosts_of(plan))
        worker.taken(component.id, self._figures)

    def started(self, run: str, resumed: bool, progress: Progress) -> None:
        self._figures.begin(run, progress)

    def heard(self, progress: Progress, entry: Entry) -> None:
        self._figures.heard(progress, entry)

    def close(self) -> None:
        self._worker.left(self._component)
