"""A run as spans, seen through the official SDK: the run, its batches, their jobs, with the journal's times."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from orchestrator.core.model.change import Change, ChangeKind
from orchestrator.core.state import change_events as c
from orchestrator.core.state import events as e
from orchestrator.notices.traces import Spans
from tests.builders.runs import DAWN, Run, app, task


class Traced(Run):
    """A run whose spans hear each entry as it is believed."""

    def __init__(self, provider: TracerProvider, command: str = "run") -> None:
        super().__init__()
        self.spans = Spans("orders", command, "0.1.0", provider)

        def hear(touched: object) -> None:
            self.spans.heard(self.progress, self.entries[-1])

        self.hears.append(hear)

    def begins(self, resumed: bool = False) -> None:
        self.spans.begin("run-1", resumed, self.progress, self.at)


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def run(exporter: InMemorySpanExporter) -> Iterator[Traced]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Traced(provider)
    provider.shutdown()


def about(span: ReadableSpan) -> dict[str, object]:
    return {name.removeprefix("roma_migrate."): value for name, value in (span.attributes or {}).items()}


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def test_run_batch_and_jobs_lie_in_each_other(run: Traced, exporter: InMemorySpanExporter) -> None:
    one = run.carries(app("a"), task("t", "a"))
    run.begins()
    batch = run.life(one).batch
    run.later(1).exports(batch)
    run.later(30).believe(e.Exported(batch, "archive"), e.DownloadRequested(batch))
    run.believe(e.PackageStored(batch, "sha", 10, "crc"))
    run.later(2).imports(one)
    run.later(40).believe(e.Imported(one))
    run.later(1).believe(e.Verified(one, ("a", "t")))
    run.later(1)
    run.spans.ended(0, run.at)
    found = by_name(exporter)
    assert set(found) == {"run", "batch", "export", "import"}
    assert parent_of(found["export"]) == parent_of(found["import"]) == found["batch"].context.span_id
    assert parent_of(found["batch"]) == found["run"].context.span_id
    assert found["run"].parent is None
    told = about(found["export"])
    assert (told["lane"], told["outcome"], told["slot"]) == ("m@prod", "done", "dev.example acme/s")
    assert told["job"] == f"job-{batch}"
    assert (found["export"].start_time, found["export"].end_time) == (int((DAWN + 1) * 1e9), int((DAWN + 31) * 1e9))
    assert about(found["batch"])["assets"] == 2
    assert about(found["run"]) == {"plan": "orders", "run": "run-1", "resumed": False, "code": 0}
    assert {span.status.status_code for span in found.values()} == {StatusCode.UNSET}


def test_what_fails_is_an_error_and_what_is_under_way_is_left_open(run: Traced, exporter: InMemorySpanExporter) -> None:
    failed, open_one = run.carries(app("a")), run.carries(app("b"))
    run.begins()
    run.stores(failed)
    run.fails(failed)
    run.believe(e.Quarantined(failed, e.ErrorDetail("job")))
    run.exports(run.life(open_one).batch)
    run.spans.ended(143, run.at)
    jobs = {(span.name, about(span).get("outcome")): span for span in exporter.get_finished_spans()}
    assert jobs["import", "failed"].status.status_code is StatusCode.ERROR
    assert about(jobs["export", None])["left_open"] is True
    batches = [span for span in exporter.get_finished_spans() if span.name == "batch"]
    assert {span.status.description for span in batches} == {"quarantined", None}
    assert about(by_name(exporter)["run"])["code"] == 143


def test_a_process_that_goes_on_takes_up_the_job_since_it_was_asked_for(
    run: Traced, exporter: InMemorySpanExporter
) -> None:
    one = run.carries(app("a"))
    run.stores(one)
    run.later(10).imports(one)
    run.later(600)
    run.begins(resumed=True)
    run.later(5).believe(e.Imported(one))
    run.spans.ended(0, run.at)
    found = by_name(exporter)
    assert found["import"].start_time == int((DAWN + 10) * 1e9)
    assert about(found["run"])["resumed"] is True


def test_an_undo_has_its_jobs_beneath_it(run: Traced, exporter: InMemorySpanExporter) -> None:
    run.begins()
    change = Change("x:a", ChangeKind.REMOVE_APP.value, "prod", "a", "a", "t", migration="m")
    run.believe(c.UndoBegan("olga", "host", 1, "0"), c.ChangesPlanned((change,)))
    run.believe(c.ChangesRequested(("x:a",), "t", "slot"), c.ChangesAccepted(("x:a",), "job"))
    run.later(9).believe(c.ChangesEnded(("x:a",), "SUCCEEDED"), c.ChangesSettled(("x:a",)))
    run.spans.ended(0, run.at)
    found = by_name(exporter)
    assert parent_of(found["delete"]) == found["run"].context.span_id
    assert about(found["delete"])["lane"] == "m@prod"


def test_without_an_sdk_nothing_happens_and_nothing_breaks() -> None:
    quiet = Run()
    spans = Spans("orders", "run", "0.1.0")
    one = quiet.carries(app("a"))
    spans.begin("run-1", False, quiet.progress, quiet.at)
    quiet.exports(quiet.life(one).batch)
    for entry in quiet.entries:
        spans.heard(quiet.progress, entry)
    spans.ended(0, quiet.at)


def test_no_name_of_an_asset_is_an_attribute(run: Traced, exporter: InMemorySpanExporter) -> None:
    one = run.carries(app("SESAME-APP"), task("SESAME-TASK"))
    run.begins()
    run.stores(one)
    run.lands(one)
    run.spans.ended(0, run.at)
    assert "SESAME" not in "".join(span.to_json() for span in exporter.get_finished_spans())
