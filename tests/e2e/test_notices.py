"""People are told how a run goes: at its start, when one of them is needed, at each end; and never at its cost."""

import time
from collections.abc import Iterator

import pytest

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.generate import PROD_USER
from orchestrator.emulator.world.operations import Operation
from tests.e2e.conftest import Serve
from tests.e2e.desk import REPOSITORY, Desk, PlanText, key_of
from tests.e2e.local_roma import LocalRoma, small_world
from tests.notices.hooks import Hooks, hooks

HOOK = '- {webhook: "${env:HOOK}", on: all}'


@pytest.fixture
def server() -> Iterator[Hooks]:
    with hooks() as told:
        yield told


def with_notify(desk: Desk, roma: LocalRoma, server: Hooks, *ways: str, text: PlanText | None = None) -> None:
    path = desk.ready(roma, text)
    told = "\n".join(f"  {way}" for way in ways or (HOOK,))
    path.write_text(path.read_text().replace("migrations:", f"notify:\n{told}\nmigrations:", 1))
    desk.environment |= {"HOOK": f"{server.url}/hook/SESAME-TOKEN", "DEADMAN": f"{server.url}/beat/SESAME-BEAT"}


def sentences(server: Hooks) -> list[tuple[list[str], int | None]]:
    return [(one.json["kinds"], one.json["code"]) for one in server.came if one.path.startswith("/hook")]


def test_start_and_good_end_are_told_and_the_heartbeat_called(serve: Serve, desk: Desk, server: Hooks) -> None:
    roma = serve(small_world(2, 3))
    with_notify(desk, roma, server, HOOK, '- {heartbeat: "${env:DEADMAN}"}')
    said = desk.run("run", "plan.yaml", "--log-level", "debug")
    assert said.code == 0, said.both
    assert sentences(server) == [(["started"], None), (["done"], 0)]
    assert len(server.at("/beat/SESAME-BEAT")) == 1
    end = server.at("/hook/SESAME-TOKEN")[-1].json
    assert end["counts"] == {"verified": 5}
    assert end["run"] in said.both
    names = [name.partition(" ")[2] for name in roma.everything()]
    assert not any(name in one.body.decode() for one in server.came for name in names), "names of assets are told"
    assert "SESAME" not in said.both
    assert all(b"SESAME" not in content for _, content in desk.files().values())


def test_a_good_end_is_told_only_where_it_is_asked_for(serve: Serve, desk: Desk, server: Hooks) -> None:
    with_notify(desk, serve(small_world(1, 1)), server, '- {webhook: "${env:HOOK}", form: slack}')
    assert desk.run("run", "plan.yaml").code == 0
    assert ["has begun" in one.json["text"] for one in server.came] == [True]


def test_whoever_must_decide_is_told_while_the_run_goes_on_and_at_its_end(
    serve: Serve, desk: Desk, server: Hooks
) -> None:
    roma = serve(small_world(2, 2))
    roma.strike(Kind.JOB_RUNS_FOREVER, Operation.EXPORT)
    text = PlanText(settings={"job_timeout": "2s", "batch_size": 2})
    with_notify(desk, roma, server, text=text)
    said = desk.run("run", "plan.yaml")
    assert said.code == 5, said.both
    assert sentences(server) == [
        (["started"], None), (["needs-a-person"], None), (["failed", "needs-a-person"], 5)
    ]  # fmt: skip
    assert "roma-migrate resolve 2" in server.came[1].json["next"]


def test_a_gate_is_told_once_when_it_is_reached_and_at_the_end_that_nobody_prevented(
    serve: Serve, desk: Desk, server: Hooks
) -> None:
    gated = 'name: all, source: dev, target: prod, apps: "*", tasks: "*", gate: imports'
    text = PlanText(settings={"gate_timeout": "0s"}, migrations=(gated,))
    with_notify(desk, serve(small_world(1, 1)), server, text=text)
    said = desk.run("run", "plan.yaml")
    assert said.code == 10, said.both
    assert sentences(server) == [
        (["started"], None), (["needs-a-person"], None), (["failed", "needs-a-person"], 10)
    ]  # fmt: skip
    assert server.came[1].json["next"].endswith("--gate imports")


def test_a_refused_key_is_told_as_3(serve: Serve, desk: Desk, server: Hooks) -> None:
    with_notify(desk, serve(small_world(1, 1)), server)
    desk.environment["DEV_MIGRATOR_SK"] = "wrong-SESAME"
    said = desk.run("run", "plan.yaml")
    assert said.code == 3
    assert sentences(server) == [(["failed"], 3)]
    assert server.came[0].json["why"]
    assert "SESAME" not in server.came[0].body.decode()


def test_an_unset_variable_is_told_as_2(serve: Serve, desk: Desk, server: Hooks) -> None:
    with_notify(desk, serve(small_world(1, 1)), server)
    del desk.environment["DEV_MIGRATOR_SK"]
    assert desk.run("run", "plan.yaml").code == 2
    assert sentences(server) == [(["failed"], 2)]


def test_a_plan_that_cannot_be_read_is_told_by_what_of_it_can(serve: Serve, desk: Desk, server: Hooks) -> None:
    with_notify(desk, serve(small_world(1, 1)), server)
    path = desk.folder / "plan.yaml"
    path.write_text(path.read_text().replace("source: dev", "sorce: dev"))
    assert desk.run("run", "plan.yaml").code == 2
    assert sentences(server) == [(["failed"], 2)]


def test_blockers_are_told_as_4(serve: Serve, desk: Desk, server: Hooks) -> None:
    text = PlanText(migrations=('name: all, source: dev, target: prod, apps: [{id: "no-such-id"}]',))
    with_notify(desk, serve(small_world(1, 1)), server, text=text)
    assert desk.run("run", "plan.yaml").code == 4
    assert sentences(server) == [(["failed"], 4)]


def test_a_hook_that_hangs_or_refuses_delays_and_changes_nothing(serve: Serve, desk: Desk, server: Hooks) -> None:
    """The run ends in its own time; only its process waits a moment for the last notice."""
    roma = serve(small_world(3, 4))
    with_notify(desk, roma, server, HOOK, '- {webhook: "${env:OTHER}", on: all}')
    desk.environment["OTHER"] = f"{server.url}/refuses"
    server.answers["/refuses"] = (404, b"")
    server.answering.clear()
    begun = time.monotonic()
    with desk.start("run", "plan.yaml") as program:
        roma.until(lambda api: len(api.service.holding("prod").tasks.all()) == 4)
        server.answering.set()
        out, err = program.communicate(timeout=100)
    assert program.returncode == 0, out + err
    assert time.monotonic() - begun < 90
    assert "notify[1].webhook: a notice did not arrive: the service answers HTTP 404" in err
    assert roma.held() == roma.everything()


def test_ways_that_are_set_up_wrongly_are_refused_at_the_start_and_told_by_those_that_work(
    serve: Serve, desk: Desk, server: Hooks
) -> None:
    roma = serve(small_world(1, 1))
    with_notify(desk, roma, server, HOOK, '- {webhook: "${env:UNSET}"}', '- {heartbeat: "${env:PLAIN}"}')
    desk.environment["PLAIN"] = "http://example.com/SESAME"
    said = desk.run("run", "plan.yaml")
    assert said.code == 2, said.both
    assert "notify[1].webhook: ${env:UNSET} is not set" in said.err
    assert "notify[2].heartbeat: ${env:PLAIN} is no address that begins with https://" in said.err
    assert "SESAME" not in said.both
    assert sentences(server) == [(["failed"], 2)]
    assert not roma.api.seen


def test_without_the_extra_an_address_of_the_library_is_refused_with_its_line(
    serve: Serve, desk: Desk, server: Hooks
) -> None:
    roma = serve(small_world(1, 1))
    with_notify(desk, roma, server, '- {url: "${env:LIBRARY}"}')
    desk.environment["LIBRARY"] = f"json://127.0.0.1:{server.port}/any"
    with_it = desk.run("run", "plan.yaml")
    assert with_it.code == 0, with_it.both
    assert len(server.at("/any")) == 1
    (desk.folder / "sitecustomize.py").write_text("import sys\nsys.modules['apprise'] = None\n")
    desk.environment["PYTHONPATH"] = f"{desk.folder}:{REPOSITORY}"
    for command in ("validate", "run"):
        said = desk.run(command, "plan.yaml")
        assert said.code == 2, said.both
        assert "pip install 'roma-migrate[notify]'" in said.err
        assert "notify[0].url" in said.err
    assert "plan.yaml:11: notify[0].url" in desk.run("validate", "plan.yaml").err


def test_smn_is_published_with_the_credentials_of_the_plan(serve: Serve, desk: Desk, server: Hooks) -> None:
    roma = serve(small_world(1, 1))
    urn = f"urn:smn:local-1:{roma.world.instance('prod').project_id}:cutover"
    text = PlanText(credentials={"at-dev": key_of(PROD_USER), "at-prod": PlanText().credentials["at-prod"]})
    way = f'- {{smn: "{urn}", credentials: at-prod, on: all, endpoint: "{server.url}"}}'
    with_notify(desk, roma, server, way, text=text)
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    assert [one.path for one in server.came] == [f"/v2/{urn.split(':')[3]}/notifications/topics/{urn}/publish"] * 2
    assert all(one.headers["x-auth-token"].startswith("MII") for one in server.came)
