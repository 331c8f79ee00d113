"""A worker in numbers: those of all components that it conducts, by lane; itself; and where the submissions stand."""

from dataclasses import dataclass, field

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.core.state import events as e
from orchestrator.core.state.submissions import Stands, SubmissionCounts, counts_of
from orchestrator.errors import ExitCode
from orchestrator.notices.exposition import registry_of
from orchestrator.notices.metrics import Figures
from orchestrator.notices.worker_metrics import WorkerFigures
from tests.builders.runs import Run, app

HOSTS = {"dev": "dev.example", "prod": "prod.example"}


@dataclass
class Watched:
    """A worker's figures, and runs of components that they watch."""

    at: float = 1_800_000_000.0
    held: int = 0
    figures: WorkerFigures = field(init=False)

    def __post_init__(self) -> None:
        self.figures = WorkerFigures("host-1-abc", "north", "1.0", lambda: self.held, lambda: self.at)

    def takes(self, component: str, plan: str = "orders") -> Run:
        """A run that is conducted from now on."""
        run, mine = Run(), Figures(plan, HOSTS, now=lambda: self.at)
        self.figures.taken(component, mine)
        mine.begin(f"run-{component}", run.progress)
        run.hears.append(lambda touched: mine.heard(run.progress, run.entries[-1]))
        return run

    def numbers(self, name: str) -> dict[tuple[str, ...], float]:
        """Values of the labels, sorted by their names -> number."""
        text = generate_latest(registry_of(self.figures)).decode()
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == f"roma_migrate_{name}"
        }


def brings(run: Run, name: str) -> None:
    """One application, from its export to its verification."""
    delivery = run.carries(app(name))
    run.stores(delivery)
    run.imports(delivery)
    run.believe(e.Imported(delivery), e.Verified(delivery, (name,)))


def of(plan: str, code: ExitCode | None = None, **stands: int) -> SubmissionCounts:
    return SubmissionCounts(plan, f"s-{plan}", {each: stands.get(each.value, 0) for each in Stands}, code)


def test_components_are_summed_by_lane_and_named_while_they_are_conducted() -> None:
    worker = Watched()
    one, other, third = worker.takes("s.1"), worker.takes("s.2"), worker.takes("t.1", "billing")
    for run, name in ((one, "a"), (other, "b"), (third, "c")):
        brings(run, name)
    assert worker.numbers("jobs_total") == {
        ("export", "m@prod", "done", "billing"): 1, ("import", "m@prod", "done", "billing"): 1,
        ("export", "m@prod", "done", "orders"): 2, ("import", "m@prod", "done", "orders"): 2,
    }  # fmt: skip
    assert worker.numbers("assets")["m@prod", "orders", "verified"] == 2
    assert worker.numbers("run_info") == {
        ("run", "s.1", "orders", "run-s.1"): 1, ("run", "s.2", "orders", "run-s.2"): 1,
        ("run", "t.1", "billing", "run-t.1"): 1,
    }  # fmt: skip


def test_what_a_component_has_moved_stays_counted_and_where_it_stood_does_not() -> None:
    worker = Watched()
    brings(worker.takes("s.1"), "a")
    worker.figures.left("s.1")
    worker.figures.left("s.1")
    assert worker.numbers("jobs_total")["import", "m@prod", "done", "orders"] == 1
    assert worker.numbers("package_bytes_total")["to the target", "m@prod", "orders"] == 10
    for gone in ("assets", "deliveries", "slot_jobs", "run_info", "run_began_timestamp_seconds"):
        assert worker.numbers(gone) == {}, gone
    brings(worker.takes("s.1"), "b")
    for _ in range(2):
        assert worker.numbers("jobs_total")["import", "m@prod", "done", "orders"] == 2
        worker.figures.left("s.1")


def test_what_was_counted_goes_with_the_last_look_at_its_plan() -> None:
    worker = Watched()
    for component, plan in (("s.1", "orders"), ("t.1", "billing")):
        brings(worker.takes(component, plan), "a")
    worker.figures.left("s.1")
    worker.figures.left("t.1")
    worker.figures.looked([of("billing", done=1)], {"billing": 5.0})
    assert {plan for *_, plan in worker.numbers("jobs_total")} == {"billing"}
    brings(worker.takes("u.1", "returns"), "c")
    worker.figures.looked([], {})
    assert {plan for *_, plan in worker.numbers("jobs_total")} == {"returns"}, "it is conducted, looked at or not"


def test_a_worker_tells_what_it_holds_when_it_last_beat_and_nothing_once_it_has_drained() -> None:
    worker = Watched(held=3)
    assert worker.numbers("worker_last_beat_timestamp_seconds") == {}
    worker.figures.beat()
    beat = worker.at
    worker.at += 60.0
    worker.figures.failed_tasks(2)
    assert worker.numbers("worker_info") == {("north", "1.0", "host-1-abc"): 1}
    assert worker.numbers("worker_components") == {("north",): 3}
    assert worker.numbers("worker_last_beat_timestamp_seconds") == {("north",): beat}
    assert worker.numbers("worker_failed_workflow_tasks_total") == {("north",): 2}
    worker.figures.drained()
    for name in ("worker_info", "worker_components", "worker_last_beat_timestamp_seconds"):
        assert worker.numbers(name) == {}, name


def test_submissions_are_told_by_where_their_components_stand() -> None:
    worker = Watched()
    worker.figures.looked([of("orders", conducted=2, parked=1), of("billing", ExitCode.INCOMPLETE, done=4)], {})
    assert {key: n for key, n in worker.numbers("components").items() if n} == {
        ("orders", "conducted"): 2, ("orders", "parked"): 1, ("billing", "done"): 4,
    }  # fmt: skip
    assert worker.numbers("components")["orders", "done"] == 0
    assert worker.numbers("exit_code") == {("billing",): 1}
    assert worker.numbers("last_success_timestamp_seconds") == {("billing",): 0, ("orders",): 0}


def test_a_submission_has_a_code_once_nothing_of_it_goes_on_by_itself() -> None:
    done, parked = (Stands.DONE, 0, 7), (Stands.PARKED, 5, 1)
    assert counts_of("p", "s", [done, parked]).code is ExitCode.UNDECIDED
    assert counts_of("p", "s", [done, parked]).stands[Stands.PARKED] == 1
    for goes_on in (Stands.CONDUCTED, Stands.WAITING, Stands.LATER):
        assert counts_of("p", "s", [done, parked, (goes_on, 8, 2)]).code is None
    assert counts_of("p", "s", [done]).code is ExitCode.DONE
