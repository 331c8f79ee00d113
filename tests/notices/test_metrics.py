"""A run in numbers, as its entries come: each number by the events that move it."""

from collections.abc import Callable

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.core.model.change import Change, ChangeKind
from orchestrator.core.plan.hours import Hours
from orchestrator.core.plan.windows import Window
from orchestrator.core.state import change_events as c
from orchestrator.core.state import events as e
from orchestrator.notices.exposition import registry_of
from orchestrator.notices.metrics import Figures
from tests.builders.runs import Run, app, task

BUSY = e.ErrorDetail("busy", "ROMA.10012", "another job runs")
HOSTS = {"dev": "dev.example", "prod": "prod.example"}


HOUR = 3600.0
#: closes at the moment at which each of these runs begins: Friday, 2027-01-15T08:00:00Z
FRIDAY = Window("Fri 06:00", "Fri 08:00", "UTC")


def _begun(run: Run, hours: Hours) -> None:
    run.believe(e.RunBegan("orders", "/p.yaml", "{}", "olga", "host", 1, "0", hours=hours))


class Watched(Run):
    """A run whose figures hear each entry as it is believed."""

    def __init__(self, before: Callable[[Run], None] = lambda run: None) -> None:
        super().__init__()
        self.figures = Figures("orders", HOSTS, now=lambda: self.at)
        before(self)
        self.figures.begin("run-1", self.progress)

        def hear(touched: object) -> None:
            self.figures.heard(self.progress, self.entries[-1])

        self.hears.append(hear)

    def number(self, name: str, **labels: str) -> float | None:
        """One sample, as Prometheus reads it."""
        text = generate_latest(registry_of(self.figures)).decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == f"roma_migrate_{name}" and labels.items() <= sample.labels.items():
                    assert sample.labels["plan"] == "orders"
                    return float(sample.value)
        return None


def test_a_batch_that_arrives_is_counted_at_each_step() -> None:
    run = Watched()
    one = run.carries(app("a"), task("t", "a"))
    lane = {"lane": "m@prod"}
    assert run.number("assets", state="waiting", **lane) == 2
    run.stores(one)
    assert run.number("jobs_total", kind="export", outcome="done", **lane) == 1
    assert run.number("package_bytes_total", direction="from the source", **lane) == 10
    run.imports(one)
    assert run.number("deliveries", state="importing", **lane) == 1
    assert run.number("package_bytes_total", direction="to the target", **lane) == 10
    run.believe(e.Imported(one), e.Verified(one, ("a", "t")))
    assert run.number("jobs_total", kind="import", outcome="done", **lane) == 1
    assert run.number("assets", state="verified", **lane) == 2
    assert run.number("deliveries", state="importing", **lane) == 0


def test_how_jobs_end_is_told_apart() -> None:
    run = Watched()
    busy, refused, failed, lost = (run.carries(app(name)) for name in ("a", "b", "c", "d"))
    for name in (busy, refused, failed):
        run.stores(name)
    run.asks_import(busy)
    run.believe(e.ImportRefused(busy, BUSY, 10.0))
    run.asks_import(refused)
    run.believe(e.ImportRefused(refused, e.ErrorDetail("throttled", "APIG.0308", "slow down"), 10.0))
    run.fails(failed)
    run.loses(lost)
    assert run.number("jobs_total", kind="import", outcome="lost") is None, "it may have been done"
    run.later(100).believe(e.Looked(lost), e.ImportMissing(lost))
    told = {
        word: run.number("jobs_total", kind="import", outcome=word) for word in ("busy", "refused", "failed", "lost")
    }
    assert told == {"busy": 1, "refused": 1, "failed": 1, "lost": 1}


def test_a_split_batch_counts_its_assets_once() -> None:
    run = Watched()
    one = run.carries(app("a"), app("b"))
    run.stores(one)
    run.fails(one)
    run.splits(one, ("a", "waiting"), ("b", "waiting"))
    assert run.number("deliveries", state="split") == 1
    assert run.number("assets", state="split") is None
    assert run.number("assets", state="waiting") == 2


def test_what_a_batch_waits_for_is_told_by_reason() -> None:
    run = Watched()
    one, two = run.carries(app("a")), run.carries(app("b"))
    run.stores(one)
    run.asks_import(one)
    run.believe(e.ImportRefused(one, BUSY, 10.0))
    assert run.number("waiting", reason="foreign-job") == 1
    run.believe(e.OutageBegan("dev.example", e.ErrorDetail("unreachable")))
    assert run.number("waiting", reason="outage") == 1, "the package of the other one comes from there"
    run.believe(e.OutageEnded("dev.example", 5.0))
    assert run.number("waiting", reason="outage") == 0
    run.imports(one)
    assert run.number("waiting", reason="foreign-job") == 0
    run.believe(e.ImportOverdue(one, "job-1"))
    assert run.number("waiting", reason="person") == 1
    assert run.number("jobs_total", kind="import", outcome="overdue") == 1
    run.believe(e.Resolved(one, "quarantine", "no", "olga", "host"))
    assert run.number("waiting", reason="person") == 0
    assert run.life(two).state == "waiting"


def test_a_busy_slot_that_may_hold_our_own_lost_import_is_not_said_to_be_somebody_elses() -> None:
    run = Watched()
    lost, other = run.carries(app("a")), run.carries(app("b"))
    run.loses(lost)
    run.stores(other)
    run.asks_import(other)
    run.believe(e.ImportRefused(other, BUSY, 10.0))
    assert run.number("waiting", reason="foreign-job") is None


def test_a_closed_window_is_waited_for_and_an_opening_needs_no_entry() -> None:
    run = Watched(lambda run: _begun(run, Hours(instances={"prod": (FRIDAY,)})))
    one = run.carries(app("a"))
    assert run.number("waiting", reason="window") is None, "the source has no windows"
    run.stores(one)
    assert run.number("waiting", reason="window") == 1
    run.later(-HOUR)
    assert run.number("waiting", reason="window") is None
    run.later(HOUR)
    assert run.number("waiting", reason="window") == 1


def test_the_end_that_a_command_states_closes_every_window() -> None:
    run = Watched(lambda run: _begun(run, Hours(until=run.at + 60)))
    run.carries(app("a"))
    assert run.number("waiting", reason="window") is None
    run.later(60)
    assert run.number("waiting", reason="window") == 1


def test_gates_pauses_and_stops_wait_for_a_person() -> None:
    run = Watched(lambda run: _begun(run, Hours(gated=("m",))))
    one = run.carries(app("a"))
    assert run.number("waiting", reason="person") is None, "exports go ahead of the gate"
    run.stores(one)
    assert run.number("waiting", reason="person") == 1
    run.believe(e.RunContinued("olga", "host", "0", gate="imports"))
    assert run.number("waiting", reason="person") is None
    for order in (e.RunPaused("olga", "host", "0"), e.RunStopped("olga", "host", "0")):
        run.believe(order)
        assert run.number("waiting", reason="person") == 1
    run.believe(e.RunContinued("olga", "host", "0"))
    assert run.number("waiting", reason="person") is None


def test_a_slot_is_as_busy_as_its_jobs_were_long() -> None:
    run = Watched()
    one = run.carries(app("a"))
    slot = {"slot": "dev.example acme/s"}
    run.exports(run.life(one).batch)
    run.later(30)
    assert run.number("slot_jobs", **slot) == 1
    assert run.number("slot_busy_seconds_total", **slot) == 30, "it counts while the job runs"
    run.believe(e.Exported(run.life(one).batch, "archive"))
    run.later(500)
    assert run.number("slot_jobs", **slot) == 0
    assert run.number("slot_busy_seconds_total", **slot) == 30


def test_a_process_that_goes_on_takes_up_what_is_under_way() -> None:
    def before(run: Run) -> None:
        one = run.carries(app("a"))
        run.stores(one)
        run.imports(one)
        run.later(60)

    run = Watched(before)
    (one,) = run.progress.deliveries
    assert run.number("deliveries", state="importing") == 1
    assert run.number("slot_jobs", slot="prod.example acme/t") == 1
    run.believe(e.Imported(one))
    assert run.number("jobs_total", kind="import", outcome="done") == 1


def test_an_undo_is_counted_by_change_and_by_job() -> None:
    run = Watched()
    changes = tuple(
        Change(f"x:{name}", ChangeKind.REMOVE_APP.value, "prod", name, name, "t", migration="m") for name in ("a", "b")
    )
    names = tuple(each.id for each in changes)
    run.believe(c.UndoBegan("olga", "host", 1, "0"), c.ChangesPlanned(changes))
    assert run.number("changes", lane="m@prod", state="pending") == 2
    run.believe(c.ChangesRequested(names, "t", "slot"), c.ChangesRefused(names, BUSY, 5.0))
    assert run.number("waiting", lane="m@prod", reason="foreign-job") == 2
    run.believe(c.ChangesRequested(names, "t", "slot"), c.ChangesAccepted(names, "job"))
    assert run.number("waiting", reason="foreign-job") == 0
    run.believe(c.ChangesEnded(names, "SUCCEEDED"), c.ChangesSettled(("x:a",), different=(("x:b", "changed"),)))
    assert [run.number("changes", state=state) for state in ("done", "different", "unsure")] == [1, 1, 0]
    assert run.number("jobs_total", kind="delete", outcome="busy") == 1
    assert run.number("jobs_total", kind="delete", outcome="done") == 1


def test_a_lost_deletion_is_over_when_it_is_settled() -> None:
    run = Watched()
    change = Change("x:a", ChangeKind.RESTORE_APP.value, "prod", "a", "a", "t", migration="m", package="b")
    run.believe(c.UndoBegan("olga", "host", 1, "0"), c.ChangesPlanned((change,)))
    run.believe(c.ChangesRequested(("x:a",), "t", "slot"), c.ChangesAnswerLost(("x:a",), BUSY, run.at + 90))
    assert run.number("slot_jobs", slot="slot") == 1
    run.believe(c.ChangesSettled(open=("x:a",)))
    assert run.number("jobs_total", kind="import", outcome="lost") == 1
    assert run.number("slot_jobs", slot="slot") == 0


def test_the_end_and_the_last_good_one() -> None:
    run = Watched()
    run.figures.last_success = 5.0
    run.figures.ended(9, 100.0)
    assert (run.number("exit_code"), run.number("last_success_timestamp_seconds")) == (9, 5)
    run.figures.ended(0, 200.0)
    assert (run.number("exit_code"), run.number("last_success_timestamp_seconds")) == (0, 200)


def test_no_name_of_an_asset_is_a_label() -> None:
    run = Watched()
    one = run.carries(app("SESAME-APP"), task("SESAME-TASK"))
    run.stores(one)
    run.lands(one)
    assert b"SESAME" not in generate_latest(registry_of(run.figures))
