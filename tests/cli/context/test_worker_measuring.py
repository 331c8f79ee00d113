"""What a worker asks the database for its monitors, and what it makes of what fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli.context.measuring import Monitoring
from orchestrator.cli.context.worker_measuring import GoodEnds, WorkerMetrics, monitor_of
from orchestrator.cli.output.terminal import Common, Terminal
from orchestrator.core.state.submissions import Stands, SubmissionCounts, Worker
from orchestrator.errors import ExitCode, JournalUnreachable
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from orchestrator.storage.submissions import NoSubmissions

ME = Worker("host-1-abc", "host", 1, "north", "1.0")


def of(plan: str, submission: str, code: ExitCode | None = None) -> SubmissionCounts:
    return SubmissionCounts(plan, submission, dict.fromkeys(Stands, 0), code)


def test_a_good_end_is_asked_for_once_and_again_when_a_submission_has_ended_well() -> None:
    asked: list[str] = []

    def ask(plan: str) -> float:
        asked.append(plan)
        return float(len(asked))

    ends = GoodEnds(ask)
    assert ends.of([of("p", "s1"), of("q", "s1", ExitCode.DONE)]) == {"p": 1.0, "q": 2.0}
    assert ends.of([of("p", "s1"), of("q", "s1", ExitCode.DONE)]) == {"p": 1.0, "q": 2.0}
    assert ends.of([of("p", "s1", ExitCode.INCOMPLETE), of("q", "s2")]) == {"p": 1.0, "q": 2.0}
    assert ends.of([of("p", "s2", ExitCode.DONE), of("q", "s2", ExitCode.DONE)]) == {"p": 3.0, "q": 4.0}
    assert asked == ["p", "q", "p", "q"]


class Refusing(NoSubmissions):
    """A database whose counts cannot be had."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def counts(self) -> list[SubmissionCounts]:
        raise self._error


@pytest.fixture
def store(tmp_path: Path) -> Callable[[Exception], HomeStore]:
    def made(error: Exception) -> HomeStore:
        store = HomeStore(Home(tmp_path))
        store.submissions = Refusing(error)
        return store

    return made


def test_a_look_that_fails_is_said_once_and_ends_no_worker(
    store: Callable[[Exception], HomeStore], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Monitoring(textfile=tmp_path / "worker.prom")
    monitor = monitor_of(Terminal(Common()), ME, store(ZeroDivisionError()), asked)
    assert isinstance(monitor, WorkerMetrics)
    monitor.beaten()
    for _ in range(2):
        monitor.look()
    monitor.drained()
    assert capsys.readouterr().err.count("where submissions stand cannot be told to monitors: ZeroDivisionError") == 1
    silent = WorkerMetrics(Terminal(Common()), ME, store(JournalUnreachable("away")), asked)
    silent.look()
    silent.drained()
    assert capsys.readouterr().err == ""


def test_nothing_is_looked_at_where_nobody_asked(tmp_path: Path) -> None:
    monitor = monitor_of(Terminal(Common()), ME, HomeStore(Home(tmp_path)), Monitoring())
    assert monitor.look is None
    monitor.beaten()
    monitor.drained()
