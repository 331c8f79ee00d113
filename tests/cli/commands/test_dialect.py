"""What nobody documented is compared, kept as the dialect of the target, and said by previews and reports."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import AppKey
from orchestrator.emulator.world.world import World
from tests.cli.conftest import QUICK, Invoke, Local

THINGS = ["key", "topic", "product", "backend", "authorisation", "schedule", "position"]
#: what lists alone tell, so that the end of a run looks at it
CHEAP = THINGS[:4]
_READS = (
    "key_read", "topics_read", "products_read", "backends_read", "authorisations_read", "dispatch_read",
    "position_read",
)  # fmt: skip
EVERYTHING = Switches(calls_within_package=True, import_keeps_position=True)
NOTHING = Switches(
    calls_within_package=True, app_key=AppKey.NEW, import_keeps_topics=False, import_keeps_products=False,
    import_keeps_backends=False, import_keeps_authorisations=False, import_keeps_dispatch=False,
)  # fmt: skip


def read_as(told: Told) -> Switches:
    given: dict[str, Any] = dict.fromkeys(_READS, told)
    return Switches(calls_within_package=True, **given)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """Six applications, one of which calls another, and twelve tasks, under the switches that the test asks for."""
    switches = getattr(request, "param", EVERYTHING)
    return generate(
        6, 12, durations=QUICK, switches=switches, filling=Filling(calls={"orders-web": ("billing-web",)})
    )  # fmt: skip


@pytest.fixture
def moved(quick: Local, invoke: Invoke) -> Local:
    """Everything of dev is at prod."""
    done = invoke("run", str(quick.plan))
    assert done.exit_code == 0, done.output
    return quick


def document(invoke: Invoke, *words: str) -> Any:
    told = invoke(*words, "--json")
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def answers(invoke: Invoke, local: Local) -> dict[str, tuple[int, int, int]]:
    return {
        each["thing"]: (each["travelled"], each["did_not_travel"], each["not_readable"])
        for each in document(invoke, "verify", str(local.plan))["informing"]
    }


def only(which: int, found: dict[str, tuple[int, int, int]]) -> list[str]:
    """The things of which nothing else was found."""
    return [thing for thing, counts in found.items() if counts[which] and sum(counts) == counts[which]]


@pytest.mark.parametrize(("world", "which"), [(EVERYTHING, 0), (NOTHING, 1)], indirect=["world"])
def test_each_thing_is_seen_to_travel_or_not(moved: Local, invoke: Invoke, which: int) -> None:
    assert only(which, answers(invoke, moved)) == THINGS


@pytest.mark.parametrize("world", [read_as(Told.MASKED), read_as(Told.REFUSED)], indirect=True)
def test_what_cannot_be_read_says_why_and_is_no_failure(moved: Local, invoke: Invoke) -> None:
    told = document(invoke, "verify", str(moved.plan))
    found = {each["thing"]: each for each in told["informing"]}
    assert list(found) == THINGS
    for each in found.values():
        assert each["not_readable"] > 0 == each["travelled"] + each["did_not_travel"]
        assert each["why"].startswith("at ")
    assert told["verdict"] == "both sides agree"


def test_the_end_of_a_run_keeps_what_lists_show(moved: Local, invoke: Invoke) -> None:
    file = moved.plan.parent / ".roma-migrate" / "dialect.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (held,) = json.loads(file.read_text())["endpoints"].values()
    assert sorted(held) == sorted(CHEAP)
    assert held["key"]["travelled"] == 6


def test_the_next_preview_says_it_in_text_markdown_and_json(moved: Local, invoke: Invoke) -> None:
    invoke("verify", str(moved.plan))
    text, page = invoke("preview", str(moved.plan)).output, invoke("preview", str(moved.plan), "--markdown").output
    for told in (" ".join(text.split()), page):
        assert "application keys, topics, products, custom back ends, API authorisations" in told
        assert "at prod on 20" in told
    assert text.count("seen earlier:") == 1
    lessons = document(invoke, "preview", str(moved.plan))["dialect"]
    assert [each["thing"] for each in lessons] == THINGS
    assert {each["word"] for each in lessons} == {"travelled"}
    assert {each["target"] for each in lessons} == {"prod"}
    assert all(each["endpoint"] == moved.url and each["seen"] and each["run"] for each in lessons)


def test_a_preview_of_a_home_that_has_learned_nothing_says_nothing(local: Local, invoke: Invoke) -> None:
    assert "seen earlier" not in invoke("preview", str(local.plan)).output
    assert document(invoke, "preview", str(local.plan))["dialect"] == []


def test_the_report_has_what_was_learned_in_every_form(moved: Local, invoke: Invoke, tmp_path: Path) -> None:
    invoke("verify", str(moved.plan))
    told = document(invoke, "report", str(moved.plan))
    assert [each["thing"] for each in told["dialect"]] == THINGS
    assert "## What travels with assets, which is not documented" in invoke("report", str(moved.plan)).output
    page = tmp_path / "report.html"
    assert invoke("report", str(moved.plan), "--html", str(page)).exit_code == 0
    learned = page.read_text().partition('<section id="learned"')[2].partition("</section>")[0]
    assert '<th scope="row">increment positions</th>' in learned
    assert learned.count("<td>travelled</td>") == len(THINGS)
    assert "Nothing that the documentation leaves open" not in learned


def test_an_evidence_file_is_whole_whatever_the_home_learns_later(moved: Local, invoke: Invoke, tmp_path: Path) -> None:
    packed = tmp_path / "evidence.zip"
    assert invoke("report", str(moved.plan), "--evidence", str(packed)).exit_code == 0
    invoke("verify", str(moved.plan))
    assert invoke("check-evidence", str(packed)).exit_code == 0


def test_a_damaged_dialect_is_told_and_stops_nothing(moved: Local, invoke: Invoke) -> None:
    file = moved.plan.parent / ".roma-migrate" / "dialect.json"
    file.write_text("{")
    for command in ("preview", "report"):
        told = invoke(command, str(moved.plan))
        assert told.exit_code == 0
        assert "cannot be read, and is left out" in " ".join(told.stderr.split())
        assert file.read_text() == "{", "who only looks leaves it as it is"
    assert invoke("verify", str(moved.plan)).exit_code == 0
    assert len(document(invoke, "preview", str(moved.plan))["dialect"]) == len(THINGS)


def test_only_narrows_what_is_learned(moved: Local, invoke: Invoke) -> None:
    told = document(invoke, "verify", str(moved.plan), "--only", "app:orders-web")
    assert {each["thing"]: each["travelled"] for each in told["informing"]} == {
        "key": 1, "topic": 1, "product": 1, "backend": 1, "authorisation": 1,
    }  # fmt: skip
