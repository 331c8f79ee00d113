"""The runs of a home, folded: which previews they consumed, and what they teach of durations."""

from collections.abc import Iterator

from orchestrator.core.preview.approval import Carried
from orchestrator.core.report.brief import Brief
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.core.state.slots import JobKind
from orchestrator.engine.past_runs import LEARNED_RUNS, carried, learned, runs_of
from tests.builders.runs import Run, app


def began(plan: str, approved: str = "") -> e.RunBegan:
    return e.RunBegan(plan, "f", "{}", "op", "h", 1, "0", approved=approved)


class Shelf:
    """Journals in memory, for reading."""

    def __init__(self, **runs: list[Entry]) -> None:
        self.runs = runs
        self.asked: list[str] = []

    def run_ids(self) -> list[str]:
        return sorted(self.runs)

    def plan_of(self, run: str) -> str:
        first = self.runs[run][0].event
        return first.plan if isinstance(first, e.RunBegan) else ""

    def runs_of(self, plan: str) -> list[str]:
        return [run for run in self.run_ids() if self.plan_of(run) == plan]

    def brief(self, run: str) -> Brief | None:
        return None

    def read(self, run: str) -> Iterator[Entry]:
        self.asked.append(run)
        return iter(self.runs[run])


def written(plan: str, approved: str = "", ended: bool = True) -> list[Entry]:
    run = Run()
    run.believe(began(plan, approved))
    batch = run.progress.deliveries[run.carries(app("a"))].batch
    run.believe(e.ExportRequested(batch, "s", "slot"), e.ExportAccepted(batch, "job"))
    run.at += 7.0
    run.believe(e.Exported(batch, "archive"))
    if ended:
        run.believe(e.RunEnded(1))
    return run.entries


def test_only_the_plans_own_runs_are_found_oldest_first() -> None:
    shelf = Shelf(r2=written("p"), r1=written("p"), r3=written("other"))
    assert [past.run for past in runs_of(shelf, "p")] == ["r1", "r2"]


def test_a_run_tells_which_approved_preview_it_consumed_and_whether_it_has_ended() -> None:
    shelf = Shelf(r1=written("p", "id-1"), r2=written("p", "id-2", ended=False), r3=written("p"))
    assert carried(runs_of(shelf, "p")) == [
        Carried("r1", "id-1", False), Carried("r2", "id-2", True), Carried("r3", "", False),
    ]  # fmt: skip


def test_durations_are_learned_from_the_latest_runs_up_to_the_one_that_is_named() -> None:
    shelf = Shelf(**{f"r{number}": written("p") for number in range(1, 6)})
    known = learned(shelf).timing.predict("dev", JobKind.EXPORT, 1)
    assert shelf.asked == ["r3", "r4", "r5"][-LEARNED_RUNS:]
    assert known.jobs == LEARNED_RUNS
    shelf.asked.clear()
    learned(shelf, "r2")
    assert shelf.asked == ["r1", "r2"]
