"""A submission is a list of runs: each is told, what stands against one is its row, and a signal leaves the rest."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli.context.find_run import Submitted
from orchestrator.cli.each_run import Part, Told, close, each_run, in_short
from orchestrator.cli.output.terminal import Common, Terminal
from orchestrator.core.state.submissions import ComponentState, SubmittedComponent
from orchestrator.errors import ExitCode, LeaseLost, OperatorError, ServiceUnreachable
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore


@pytest.fixture
def parts(tmp_path: Path) -> list[Part]:
    store = HomeStore(Home(tmp_path))
    rows = [SubmittedComponent(f"s1.{n}", "s1", "t", (f"m{n}",), "", (), ComponentState.DONE) for n in (1, 2, 3)]
    return [Part(store, f"r{n}", row) for n, row in enumerate(rows, 1)]


def gone_through(parts: list[Part], act: Callable[[Part], Told]) -> tuple[int, list[tuple[str, int]]]:
    """The code of all, and each component's."""
    terminal = Terminal(Common())
    rows = each_run(terminal, parts, act)
    code = close(terminal, Submitted(parts[0].store, "s1"), rows, {})
    return code, [(row.part.id, int(row.told.code)) for row in rows]


def test_what_stands_against_one_is_its_row_and_the_gravest_ends_it(
    parts: list[Part], capfd: pytest.CaptureFixture[str]
) -> None:
    def act(part: Part) -> Told:
        if part.run == "r2":
            raise ExceptionGroup("", [ServiceUnreachable("dst2: no answer", next_step="roma-migrate finish RUN")])
        return in_short(ExitCode.INCOMPLETE if part.run == "r1" else ExitCode.DONE, "told")

    code, rows = gone_through(parts, act)
    assert (code, rows) == (9, [("s1.1", 1), ("s1.2", 9), ("s1.3", 0)])
    said = " ".join(capfd.readouterr().out.split())
    assert "component s1.2 (m2): dst2: no answer next: roma-migrate finish s1" in said
    assert "s1.2 m2 9 dst2: no answer" in said
    assert "who: whoever runs the network or the service next: roma-migrate finish s1" in said


def test_what_a_signal_has_stopped_leaves_the_others_unbegun(parts: list[Part]) -> None:
    begun = []

    def act(part: Part) -> Told:
        begun.append(part.id)
        return Told(ExitCode.TERMINATED, {}, "stopped", "stopped", stopped=True)

    assert gone_through(parts, act) == (143, [("s1.1", 143), ("s1.2", 143), ("s1.3", 143)])
    assert begun == ["s1.1"]


def test_whoever_lost_a_lease_goes_on_with_nothing(parts: list[Part]) -> None:
    def act(part: Part) -> Told:
        raise LeaseLost("gone")

    with pytest.raises(LeaseLost):
        each_run(Terminal(Common()), parts, act)


def test_of_a_single_run_what_is_refused_is_raised(parts: list[Part]) -> None:
    def act(part: Part) -> Told:
        raise OperatorError("no")

    with pytest.raises(OperatorError):
        each_run(Terminal(Common()), [Part(parts[0].store, "r1")], act)
