"""Monitors see how a run goes: numbers over a socket and in a file, spans, a fresh good end; and never at its cost."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.operations import Operation
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, REPOSITORY, Desk, PlanText, read_until
from tests.e2e.local_roma import PATIENCE, small_world
from tests.e2e.scraping import get

#: several batches
SMALL = PlanText(settings={"batch_size": 4, "job_timeout": "3s", "outage_timeout": "20s"})
LANE = "all@prod"
Numbers = dict[tuple[str, ...], float]

#: the SDK as `opentelemetry-instrument` would set it up, in every process of the desk
SDK = """
import atexit
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
provider = TracerProvider(shutdown_on_exit=False)
file = open("spans.jsonl", "a")
line = lambda span: span.to_json(None) + "\\n"
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=file, formatter=line)))
trace.set_tracer_provider(provider)
atexit.register(file.close)
"""


def numbers(text: str) -> Numbers:
    """(name, what the labels beside the plan say) -> value, by the official parser."""
    found: Numbers = {}
    for family in read_text(text):
        assert family.documentation, f"{family.name} says nothing of itself"
        for sample in family.samples:
            assert sample.labels["plan"] == "t"
            told = [value for name, value in sorted(sample.labels.items()) if name != "plan"]
            found[sample.name.removeprefix("roma_migrate_"), *told] = sample.value
    return found


def seen_at(url: str, holds: Callable[[Numbers], bool]) -> Numbers:
    """What is scraped as soon as it holds: an entry is logged a moment before it is counted."""
    until = time.monotonic() + PATIENCE
    while not holds(seen := numbers(get(url))):
        assert time.monotonic() < until, seen
    return seen


def test_a_run_is_scraped_while_it_goes_on_and_leaves_its_file(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(4, 6))
    desk.ready(roma, SMALL)
    roma.hold(Operation.IMPORT)
    with desk.start(
        "run", "plan.yaml", *LINES, "--metrics-port", "0", "--metrics-textfile", "roma.prom", "--log-level", "debug"
    ) as program:
        url = json.loads(read_until(program.stderr, '"metrics"').splitlines()[-1])["url"]
        assert url.startswith("http://127.0.0.1:")
        roma.held_up()
        read_until(program.stderr, "import-accepted")
        seen = seen_at(url, lambda seen: seen.get(("deliveries", LANE, "importing")) == 1)
        openmetrics = get(url, "application/openmetrics-text; version=1.0.0")
        roma.release()
        out, err = program.communicate(timeout=100)
    assert program.returncode == 0, out + err
    assert list(read_openmetrics(openmetrics))  # type: ignore[no-untyped-call]
    assert seen["jobs_total", "export", LANE, "done"] >= 1
    assert seen["assets", LANE, "waiting"] == 6
    assert seen["last_success_timestamp_seconds",] == 0
    assert ("exit_code",) not in seen
    end = numbers((desk.folder / "roma.prom").read_text())
    assert end["exit_code",] == 0
    assert end["assets", LANE, "verified"] == 10
    assert end["jobs_total", "import", LANE, "done"] == 3
    assert end["package_bytes_total", "from the source", LANE] == end["package_bytes_total", "to the target", LANE] > 0
    assert end["last_success_timestamp_seconds",] > 1.7e9
    assert all(count == 0 for (name, *_), count in end.items() if name == "slot_jobs")
    assert not list(desk.folder.glob(".roma.prom*")), "a half-written file is left"
    names = [name.partition(" ")[2] for name in roma.everything()]
    text = (desk.folder / "roma.prom").read_text()
    assert not any(name in text for name in names), "names of assets are told"


@contextmanager
def scraped(desk: Desk) -> Iterator[tuple[IO[str], str]]:
    """A run that does not end by itself: what it says, and where its numbers are."""
    with desk.start("run", "plan.yaml", *LINES, "--metrics-port", "0") as program:
        try:
            assert program.stderr is not None
            yield program.stderr, json.loads(read_until(program.stderr, '"metrics"').splitlines()[-1])["url"]
        finally:
            program.kill()
            program.communicate()


def test_a_run_that_waits_for_somebody_elses_job_says_so(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(2, 2))
    desk.ready(roma, SMALL)
    roma.strike(Kind.BUSY_FOREIGN_JOB, Operation.IMPORT, seconds=600.0)
    with scraped(desk) as (said, url):
        read_until(said, "import-refused")
        seen = seen_at(url, lambda seen: seen.get(("waiting", LANE, "foreign-job")) == 1)
    assert seen["jobs_total", "import", LANE, "busy"] >= 1


def test_a_run_that_waits_for_a_service_says_so(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(4, 6))
    desk.ready(roma, SMALL)
    roma.hold(Operation.EXPORT)
    with scraped(desk) as (said, url):
        roma.held_up()
        roma.close()
        read_until(said, "outage-began")
        seen_at(url, lambda seen: seen.get(("waiting", LANE, "outage")) == 3)


def test_a_job_that_never_ends_waits_for_a_person(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(2, 2))
    desk.ready(roma, SMALL)
    roma.hold(Operation.IMPORT)
    said = desk.run("run", "plan.yaml", "--metrics-textfile", "roma.prom")
    assert said.code == 5, said.both
    end = numbers((desk.folder / "roma.prom").read_text())
    assert end["waiting", LANE, "person"] == 1
    assert end["exit_code",] == 5
    assert end["last_success_timestamp_seconds",] == 0


def test_an_undo_has_numbers_too_and_keeps_the_last_success(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world(2, 3)), SMALL)
    assert desk.run("run", "plan.yaml").code == 0
    said = desk.run("undo", "--yes", "--metrics-textfile", "undo.prom")
    assert said.code == 0, said.both
    end = numbers((desk.folder / "undo.prom").read_text())
    assert end["changes", LANE, "done"] == 5
    assert end["jobs_total", "delete", LANE, "done"] >= 1
    assert end["last_success_timestamp_seconds",] > 1.7e9


def test_numbers_that_cannot_be_served_are_a_warning(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world(1, 1)))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = desk.run("run", "plan.yaml", "--metrics-port", str(port), "--metrics-textfile", "nowhere/x.prom")
    assert said.code == 0, said.both
    assert f"the run goes on without these metrics: 127.0.0.1:{port} cannot be listened on: address already" in said.err
    assert "nowhere/x.prom cannot be written: no such file or directory" in said.err


def test_a_port_that_is_none_is_refused_before_anything_is_sent(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(1, 1))
    desk.ready(roma)
    for word in ("x", "70000", "::", "localhost:"):
        said = desk.run("run", "plan.yaml", "--metrics-port", word)
        assert said.code == 2
        assert "write 9464, or 0.0.0.0:9464" in said.err
    assert not roma.api.seen


def test_without_the_options_neither_library_is_loaded(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world(1, 1)))
    (desk.folder / "sitecustomize.py").write_text(
        "import sys\nsys.modules['prometheus_client'] = sys.modules['opentelemetry'] = None\n"
    )
    desk.environment["PYTHONPATH"] = f"{desk.folder}:{REPOSITORY}"
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    without = desk.run("run", "plan.yaml", "--traces")
    assert without.code == 2
    assert "pip install 'roma-migrate[otel]'" in without.err


def spans_of(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "spans.jsonl").read_text().splitlines()]


def test_a_run_is_traced_by_whatever_sdk_its_process_was_started_with(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world(3, 4)), SMALL)
    (desk.folder / "sitecustomize.py").write_text(SDK)
    desk.environment["PYTHONPATH"] = f"{desk.folder}:{REPOSITORY}"
    said = desk.run("run", "plan.yaml", "--traces")
    assert said.code == 0, said.both
    spans = spans_of(desk.folder)
    assert {span["name"] for span in spans} == {"run", "batch", "export", "import"}
    (root,) = [span for span in spans if span["parent_id"] is None]
    assert root["name"] == "run"
    assert len({json.dumps(span["context"]).split("span_id")[0] for span in spans}) == 1, "one trace"
    assert [span["name"] for span in spans].count("import") == 2


def test_a_fresh_good_end_is_0_and_an_old_or_missing_one_1(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(1, 1))
    plan = desk.plan(roma)
    desk.home.mkdir()
    never = desk.run("status", "plan.yaml", "--fresh", "8d")
    assert never.code == 1
    assert "plan t: no run that ended with 0 is remembered" in never.out
    assert desk.run("run", str(plan)).code == 0
    for word in ("plan.yaml", "t"):
        said = desk.run("status", word, "--fresh", "8d", "--json")
        assert (said.code, said.document["fresh"], said.document["plan"]) == (0, True, "t")
    old = desk.run("status", "t", "--fresh", "0s", "--json")
    assert (old.code, old.document["fresh"], old.document["code"]) == (1, False, 1)
    assert desk.run("status", "t", "--fresh", "soon").code == 2
    assert desk.run("status", "nobody", "--fresh", "8d").code == 2
