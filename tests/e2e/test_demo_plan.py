"""`plans/demo.yaml`, as it lies in the repository, run by the installed program on two days and from a new home."""

from dataclasses import replace

import pytest

from orchestrator.cli.commands.demo import fitted
from orchestrator.emulator.world.generate import default_world
from orchestrator.storage.planfile import read_plan
from tests.e2e.conftest import Serve
from tests.e2e.desk import REPOSITORY, Desk
from tests.e2e.local_roma import BLINK, LocalRoma

DEMO = REPOSITORY / "plans/demo.yaml"
WRITTEN_FOR = "http://127.0.0.1:8765"


@pytest.fixture
def roma(serve: Serve, desk: Desk) -> LocalRoma:
    """The world that the demo serves, with jobs that take a blink, and the plan at its address."""
    served = serve(replace(fitted(default_world(), read_plan(DEMO)), durations=BLINK))
    desk.ready(served)
    text = DEMO.read_text(encoding="utf-8")
    assert text.count(WRITTEN_FOR) == 2
    (desk.folder / "demo.yaml").write_text(text.replace(WRITTEN_FOR, served.url), encoding="utf-8")
    dev, prod = served.world.users
    desk.environment |= {"ROMA_DEMO_AK": dev.ak, "ROMA_DEMO_SK": dev.sk, "ROMA_DEMO_PASSWORD": prod.password}
    return served


def test_the_second_run_has_nothing_left_and_a_new_home_tells_that_names_are_taken(roma: LocalRoma, desk: Desk) -> None:
    first = desk.run("run", "demo.yaml")
    assert first.code == 0, first.both
    assert roma.held() == roma.everything()
    jobs = roma.posts()

    second = desk.run("run", "demo.yaml")
    assert second.code == 0, second.both
    assert "done: nothing was left to bring" in " ".join(second.out.split())
    assert desk.run("preview", "demo.yaml").code == 0

    fresh = desk.run("preview", "demo.yaml", "--home", "another-home", "--json")
    assert fresh.code == 4
    against = [each for each in fresh.document["checks"] if each["verdict"] == "blocker"]
    assert {each["id"] for each in against} == {"name-collision"}
    assert all("of these names already" in each["sentence"] for each in against)
    assert any("the home that ran it knows them" in each["remedy"] for each in against)
    run = desk.run("run", "demo.yaml", "--home", "another-home")
    assert run.code == 4
    assert "arrive twice" not in run.both
    assert "dependency-cycle" not in run.both
    assert roma.posts() == jobs, "nothing was asked for a second time"
