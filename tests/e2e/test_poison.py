"""One bad asset stops only what depends on it, and a bad target stops by itself (promise 7)."""

import re
from dataclasses import replace

import pytest

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.generate import empty_instance
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import Quotas, World
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, PlanText
from tests.e2e.local_roma import LocalRoma, small_world

#: why an asset is set aside: the service's words, or that it had none
WORDS = {
    Kind.POISON_IMPORT: "The asset cannot be imported.",
    Kind.POISON_IMPORT_UNNAMED: "without a reason",
    Kind.POISON_EXPORT: "The asset cannot be exported.",
    Kind.POISON_EXPORT_UNNAMED: "without a reason",
}


def _told(desk: Desk, section: str, assets: set[str], why: str) -> None:
    """The report names exactly these there, each with the reason."""
    report = desk.run("report", "--all").out
    lines = [line for line in report.partition(f"## {section}\n")[2].partition("## ")[0].splitlines() if line]
    assert {line.partition(": ")[2].partition(" (")[0] for line in lines} == assets, report
    assert all(why in line for line in lines), lines


def _touching(roma: LocalRoma, app: str) -> set[str]:
    """The application and every task that needs it."""
    dev = roma.world.instance("dev")
    id_ = dev.app(app).id
    return {f"app {app}"} | {f"task {x.name}" for x in dev.tasks if id_ in {x.source_app_id, x.target_app_id}}


@pytest.mark.parametrize("kind", [Kind.POISON_IMPORT, Kind.POISON_IMPORT_UNNAMED], ids=["named", "unnamed"])
def test_a_poison_application_takes_only_its_dependants_with_it(serve: Serve, desk: Desk, kind: Kind) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    poison = roma.world.instance("dev").apps[2].name
    roma.strike(kind, names=frozenset({poison}))
    said = desk.run("run", "plan.yaml", "--json")
    assert said.code == 1, said.both
    lost = _touching(roma, poison)
    assert roma.held() == {name: 1 for name in roma.everything() if name not in lost}
    counts = said.document["counts"]
    assert (counts["quarantined"], counts["blocked"], counts["verified"]) == (1, len(lost) - 1, 30 - len(lost))
    _told(desk, "Quarantined", {f"app {poison}"}, WORDS[kind])
    _told(desk, "Blocked", {name for name in lost if name.startswith("task ")}, f"it needs {poison}")
    roma.ask(lambda api: api.strikes.clear())
    before = roma.jobs("export"), roma.jobs("import")
    again = desk.run("run", "--retry", "plan.yaml", "--json")
    assert again.code == 0, again.both
    # The poison that was named travels with all that needs it; one that was not is tried alone.
    batches = 1 if kind is Kind.POISON_IMPORT else 2
    assert (roma.jobs("export") - before[0], roma.jobs("import") - before[1]) == (batches, batches)
    assert roma.held() == roma.everything()
    assert roma.twice() == {}


@pytest.mark.parametrize("kind", [Kind.POISON_EXPORT, Kind.POISON_EXPORT_UNNAMED], ids=["named", "unnamed"])
def test_a_poison_task_at_export_is_set_aside_alone(serve: Serve, desk: Desk, kind: Kind) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    poison = roma.world.instance("dev").tasks[7].name
    roma.strike(kind, names=frozenset({poison}))
    said = desk.run("run", "plan.yaml", "--json")
    assert said.code == 1, said.both
    assert roma.held() == {name: 1 for name in roma.everything() if name != f"task {poison}"}
    _told(desk, "Quarantined", {f"task {poison}"}, WORDS[kind])
    roma.ask(lambda api: api.strikes.clear())
    assert desk.run("run", "--retry", "plan.yaml").code == 0
    assert roma.held() == roma.everything()


def test_the_closing_says_how_many_and_what_next(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(4, 6))
    desk.ready(roma)
    roma.strike(Kind.POISON_IMPORT, names=frozenset({roma.world.instance("dev").apps[1].name}))
    said = desk.run("run", "plan.yaml")
    assert said.code == 1, said.both
    assert re.search(r"why:\s+1 asset\w* \w+ quarantined", said.out), said.out
    assert "who:" in said.out
    assert "run --retry" in said.out


def _full(world: World) -> World:
    """The target takes no application any more."""
    prod = replace(empty_instance("prod"), quotas=Quotas(apps=0))
    return replace(world, instances=(world.instance("dev"), prod))


def test_a_target_whose_quota_is_full_is_stopped_after_a_handful_of_jobs(serve: Serve, desk: Desk) -> None:
    roma = serve(_full(small_world(40, 0)))
    desk.ready(roma, PlanText(settings={"batch_size": 2}))
    said = desk.run("run", "plan.yaml", "--json")
    assert said.code == 1, said.both
    assert roma.jobs("import") <= 8
    assert roma.jobs("export") <= 16
    assert any("stopped by the breaker" in why["sentence"] for why in said.document["whys"])
    assert said.document["counts"]["waiting"] > 20
    assert roma.held() == {}
    assert roma.posts() == sum(job.type in {"export", "import"} for job in roma.ledger.jobs.values())
    assert Operation.DELETE not in roma.api.requests
