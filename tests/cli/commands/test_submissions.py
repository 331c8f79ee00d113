"""What was handed to a fleet, from any host: one table of all components, and each word said to all of them."""

import csv
import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import anyio.from_thread
import pytest
from click.testing import Result

from orchestrator.cli.context.wiring import assemble
from orchestrator.core.model.redaction import Redactor
from orchestrator.core.state import events as e
from orchestrator.core.state.submissions import ComponentState, Submission, SubmittedComponent, Worker
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.server import serve
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.world import World
from orchestrator.engine.components import Handed, conduct, runs_for, submit
from orchestrator.engine.runtime import utc_now
from orchestrator.storage.home import Home
from orchestrator.storage.locks import Holder
from orchestrator.storage.planfile import plan_in, plan_text
from orchestrator.storage.postgres.store import PostgresStore
from orchestrator.storage.stores import database_store
from tests.builders.postgres_server import PASSWORD, PostgresServer
from tests.builders.postgres_store import database_of
from tests.cli.conftest import DONE, HALF_THERE, QUICK, Past, teach

Invoke = Callable[..., Result]
ME = Holder("worker-1", 4711, "2027-01-15T08:00:00+00:00")
#: the id of a submission, and how the id of each of its runs begins
ID, RUN = "s20270101-000000-aaaa", "20270101-00000"


@pytest.fixture
def store(postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresStore]:
    """One process's store, over the journal that every command here is told of."""
    database = database_of(postgres, ttl=600.0)
    address = database.address.uri.replace("@", ":${env:T_JOURNAL}@")
    database.close()
    monkeypatch.setenv("T_JOURNAL", PASSWORD)
    monkeypatch.setenv("ROMA_MIGRATE_JOURNAL", address)
    home = Home(tmp_path / "worker")
    home.make()
    with closing(database_store(home, address, os.environ, lambda secrets: None, print)) as store:
        yield store


@dataclass
class Fleet:
    """A submission of three components, and what workers made of them."""

    store: PostgresStore
    past: Past

    @property
    def components(self) -> list[SubmittedComponent]:
        return self.store.submissions.components(ID)

    def ended(self, number: int, events: tuple[object, ...], code: int, why: str = "") -> None:
        """A component that a worker has begun, and left with this code."""
        component = self.components[number - 1]
        scope = self.store.of_component(component)
        with scope.hold("t", ME):
            self.past.keep(scope, f"{RUN}{number}-aaaa", events)  # type: ignore[arg-type]  # events, as they are
            self.store.submissions.ended(component.id, code, why, 0.0)


@pytest.fixture
def fleet(store: PostgresStore, past: Past) -> Fleet:
    told = Submission(ID, "t", "/plans/t.yaml", "name: t", "olga", "host-1", "CHG-1", 1_700_000_000.0)
    parts = [SubmittedComponent(f"{ID}.{n}", ID, "t", (f"m{n}",), "", (f"instance {n}",)) for n in (1, 2, 3)]
    store.submissions.submit(told, parts)
    return Fleet(store, past)


def document(result: Result) -> dict[str, object]:
    found: dict[str, object] = json.loads(result.stdout)
    return found


def flat(text: str) -> str:
    return " ".join(text.split())


# --- where it stands ---


def test_a_submission_is_one_table_whose_code_is_the_gravest(invoke: Invoke, fleet: Fleet) -> None:
    fleet.ended(1, DONE, 0)
    fleet.ended(2, HALF_THERE, 5, "b1@prod is undecided")
    with fleet.store.of_component(fleet.components[2]).hold("t", ME):
        said = flat(invoke("status").stdout)
        told = document(invoke("status", "t", "--json"))
    assert f"plan t, submitted as {ID} by olga on host-1" in said
    assert "1 of 3 components done" in said
    assert f"{ID}.1 m1 done 0 3 verified {RUN}1-aaaa" in said
    assert f"{ID}.3 m3 conducted 4711 on worker-1" in said
    assert f"{ID}.2: b1@prod is undecided" in said
    assert "verdict: an outcome is unknown and only the operator can decide it (code 5)" in said
    assert f"next: roma-migrate resolve {ID}" in said
    assert (told["code"], told["live"], told["counts"]) == (5, True, {"undecided": 3, "verified": 3})
    components = told["components"]
    assert isinstance(components, list)
    assert [each["state"] for each in components] == ["done", "parked", "waiting"]
    assert components[2]["worker"] == {"host": "worker-1", "pid": 4711, "since": ME.since}


def test_watching_ends_when_nothing_goes_on_by_itself(invoke: Invoke, fleet: Fleet) -> None:
    for number in (1, 2, 3):
        fleet.ended(number, DONE, 0)
    said = flat(invoke("status", ID[:12], "--watch").stdout)
    assert "3 of 3 components done" in said
    assert "next: roma-migrate handover" in said


def test_a_component_and_a_run_are_meant_by_their_ids(invoke: Invoke, fleet: Fleet) -> None:
    fleet.ended(1, DONE, 0)
    assert f"run {RUN}1-aaaa" in invoke("status", f"{ID}.1").stdout
    assert f"run {RUN}1-aaaa" in invoke("status", f"{RUN}1").stdout
    refused = invoke("status", f"{ID}.2")
    assert (refused.exit_code, "has not begun" in refused.stderr) == (2, True)


def test_what_is_of_one_run_names_the_runs_component_by_component(invoke: Invoke, fleet: Fleet) -> None:
    fleet.ended(1, DONE, 0)
    fleet.ended(2, DONE, 0)
    for words in (
        ("finish", "t", "--template", "values.yaml"), ("status", "t", "--until", "05:00"),
        ("report", "t", "--html", "x.html"), ("report", "t", "--evidence", "x.zip"),
    ):  # fmt: skip
        refused = invoke(*words)
        assert refused.exit_code == 2
        assert f"{words[2]} is of one run, and plan t was submitted as {ID}" in flat(refused.stderr)
        assert f"name one of {RUN}1-aaaa (m1), {RUN}2-aaaa (m2)" in flat(refused.stderr)


def test_a_submission_is_forgotten_with_its_runs(invoke: Invoke, fleet: Fleet) -> None:
    """The first one's journal is needed still: only when none is, the rows go too."""
    nothing = (*DONE[:3], e.RunEnded(1))
    fleet.ended(1, DONE, 0)
    fleet.ended(2, nothing, 1)
    refused = invoke("forget", "t", "--yes")
    assert (refused.exit_code, f"component {ID}.3 is not done" in refused.stderr) == (2, True)
    fleet.ended(3, nothing, 1)
    told = document(invoke("forget", ID, "--yes", "--json"))
    assert told["submissions"] == [{"submission": ID, "removed": False}]
    assert fleet.store.run_ids() == [f"{RUN}1-aaaa"]
    assert "1 of" not in invoke("forget", "--older-than", "1s", "--yes").stdout, "it is the plan's latest"
    said = flat(invoke("status", "t").stdout)
    assert "3 of 3 components done" in said

    fleet.store.submissions.submit(replace(fleet.store.submissions.submission(ID), id="s20280101-000000-bbbb"), ())
    gone = fleet.store.of_component(fleet.components[0])
    with gone.hold("t", ME):
        gone.forget(f"{RUN}1-aaaa")
    old = document(invoke("forget", "--older-than", "1s", "--yes", "--json"))
    assert old["submissions"] == [{"submission": ID, "removed": True}]
    assert fleet.store.submissions.ids() == ["s20280101-000000-bbbb"]


def test_a_plan_is_fresh_when_all_of_its_submission_is(invoke: Invoke, fleet: Fleet) -> None:
    fleet.ended(1, DONE, 0)
    fleet.ended(2, DONE, 0)
    assert invoke("status", "t", "--fresh", "36500d").exit_code == 1
    fleet.ended(3, DONE, 0)
    assert invoke("status", "t", "--fresh", "36500d").exit_code == 0


def test_the_report_holds_the_table_and_each_run(invoke: Invoke, fleet: Fleet) -> None:
    fleet.ended(1, DONE, 0)
    fleet.ended(2, HALF_THERE, 5)
    said = invoke("report", "t").stdout
    assert said.startswith("# Plan t\n")
    assert said.count("\n# ") == 2
    told = document(invoke("report", "t", "--json"))
    reports = told["reports"]
    assert isinstance(reports, list)
    assert [each["run"] for each in reports] == [f"{RUN}1-aaaa", f"{RUN}2-aaaa"]
    mapped = invoke("report", "t", "--map", "x.csv")
    assert (mapped.exit_code, mapped.stdout) == (0, "")
    assert f"map of submission {ID}: x.csv, 6 assets" in mapped.stderr
    with open("x.csv", encoding="utf-8", newline="") as file:
        assert [row["run"] for row in csv.DictReader(file)] == [f"{RUN}1-aaaa"] * 3 + [f"{RUN}2-aaaa"] * 3


def test_the_handover_list_is_that_of_all_runs_of_the_plan(invoke: Invoke, fleet: Fleet) -> None:
    refused = invoke("handover", ID)
    assert (refused.exit_code, "none of its components has begun" in refused.stderr) == (2, True)
    fleet.ended(1, DONE, 0)
    fleet.ended(2, HALF_THERE, 5)
    told = document(invoke("handover", "t", "--json"))
    assert (told["runs"], told["finished"]) == ([f"{RUN}1-aaaa", f"{RUN}2-aaaa"], False)


# --- what people say ---


def test_stop_and_continue_reach_what_has_begun_and_what_has_not(invoke: Invoke, fleet: Fleet) -> None:
    fleet.ended(1, DONE, 0)
    fleet.ended(2, HALF_THERE, 8)
    said = invoke("stop", "t")
    assert said.exit_code == 0
    assert f"{ID}.1" not in said.stdout
    assert [each.state for each in fleet.components] == [
        ComponentState.DONE, ComponentState.PARKED, ComponentState.PARKED,
    ]  # fmt: skip
    assert [each.code for each in fleet.components[1:]] == [10, 10]
    assert [type(entry.event).__name__ for entry in fleet.store.read(f"{RUN}2-aaaa")][-1] == "RunStopped"
    told = document(invoke("continue", "t", "--json"))
    answers = told["components"]
    assert isinstance(answers, list)
    assert [each["recorded"] for each in answers] == [True, True]
    assert [each.id for each in fleet.store.submissions.due("", 9)] == [f"{ID}.2", f"{ID}.3"]
    assert [type(entry.event).__name__ for entry in fleet.store.read(f"{RUN}2-aaaa")][-1] == "RunContinued"
    assert invoke("continue", "t").exit_code == 2


def test_what_a_worker_begins_at_this_moment_is_told_and_not_said_to_be_recorded(invoke: Invoke, fleet: Fleet) -> None:
    with fleet.store.of_component(fleet.components[0]).hold("t", ME):
        said = document(invoke("stop", ID, "--json"))
    answers = said["components"]
    assert isinstance(answers, list)
    assert [each["recorded"] for each in answers] == [False, True, True]


def test_continue_wakes_what_was_parked_for_another_reason(invoke: Invoke, fleet: Fleet) -> None:
    fleet.ended(2, HALF_THERE, 3, "the service refuses us")
    assert invoke("continue", f"{RUN}2").exit_code == 0
    assert fleet.components[1].state is ComponentState.WAITING


def test_what_is_undecided_anywhere_is_shown_and_resolved_and_goes_on(invoke: Invoke, fleet: Fleet) -> None:
    fleet.ended(1, DONE, 0)
    fleet.ended(2, HALF_THERE, 5)
    shown = invoke("resolve", "t")
    assert (shown.exit_code, "b1@prod" in shown.stdout) == (5, True)
    done = invoke("resolve", "t", "b1@prod", "--as", "imported", "--reason", "looked")
    assert done.exit_code == 0, done.stderr
    assert f"a worker goes on with component {ID}.2" in done.stderr
    assert fleet.components[1].state is ComponentState.WAITING
    assert [type(entry.event).__name__ for entry in fleet.store.read(f"{RUN}2-aaaa")][-1] == "Resolved"


def test_the_plan_itself_is_not_run_meanwhile(invoke: Invoke, fleet: Fleet, tmp_path: Path) -> None:
    refused = invoke("undo", f"{RUN}1", "--yes")
    assert refused.exit_code == 2
    with pytest.raises(Exception, match="3 of 3 components are not done"), fleet.store.hold("t", ME):
        pytest.fail("held")


# --- against a service ---


@pytest.fixture
def world() -> World:
    """Two instances that hold something, a running task each, and two that hold nothing."""
    filling = Filling(calls={}, unreleased_every=0, running_every=1)
    return generate(2, 1, filled=("dev", "test"), empty=("prod", "dr"), filling=filling, durations=QUICK)


@pytest.fixture
def pairs(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plan of two components: `dev` to `prod`, `test` to `dr`."""
    user = world.users[0]
    monkeypatch.setenv("T_AK", user.ak)
    monkeypatch.setenv("T_SK", user.sk)
    with (
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(serve(Api(Service(world, lambda: utc_now().timestamp())))) as address,
    ):
        lines = [
            "version: 1",
            "name: two",
            "credentials:",
            '  me: {ak: "${env:T_AK}", sk: "${env:T_SK}"}',
            "instances:",
        ]
        lines += [
            f'  {one.name}: {{endpoint: "{address.url}", iam_endpoint: "{address.url}", project_id: {one.project_id}, '
            f"instance_id: {one.id}, credentials: me}}"
            for one in world.instances
        ]
        lines += ["settings: {reads_per_second: 500, writes_per_second: 100, settle_quiet: 0s, one_job_per: instance}"]
        finish = 'finish: {tasks: {start: ["*"], first_run: reviewed}}'
        lines += ["migrations:", f'  - {{name: m, source: dev, target: prod, apps: "*", {finish}}}']
        lines += [f'  - {{name: n, source: test, target: dr, apps: "*", {finish}}}', ""]
        plan = tmp_path / "two.yaml"
        plan.write_text("\n".join(lines), encoding="utf-8")
        yield plan


def conducted(store: PostgresStore, path: Path, most: int = 2) -> list[SubmittedComponent]:
    """What workers make of a plan file that is not on their hosts."""
    text = plan_text(path)
    plan = plan_in(text, path)
    path.unlink()
    with store.hold("teacher", ME):
        teach(store)
    assembled = assemble(plan, Redactor(), lambda event, **fields: None)

    async def all_of_it() -> list[SubmittedComponent]:
        handed = submit(store, Handed(plan, text), assembled.users, assembled.runtime)
        done = []
        for each in handed.components[:most]:
            runs = runs_for(store, each, plan, assembled.roma, assembled.users, assembled.runtime)
            done.append(await conduct(runs, store, each, ME))
        await assembled.roma.aclose()
        return done

    return anyio.run(all_of_it)


def states(told: dict[str, object]) -> list[tuple[object, ...]]:
    """Of each component in a document its number, its code, and what became of its rows."""
    components = told["components"]
    assert isinstance(components, list)
    return [
        (each["component"].rpartition(".")[2], each["code"], [row.get("state") for row in each.get("changes", ())])
        for each in components
    ]


def test_finish_undo_and_verify_go_through_all_runs_of_a_submission(
    invoke: Invoke, store: PostgresStore, pairs: Path, tmp_path: Path
) -> None:
    """The plan file is gone: what was submitted is read from the journal."""
    assert [each.code for each in conducted(store, pairs)] == [0, 0]
    compared = document(invoke("verify", "two", "--json"))
    assert (compared["code"], len(compared["components"])) == (0, 2)  # type: ignore[arg-type]  # a list
    submission = str(compared["submission"])

    finish, tasks = str(tmp_path / "finish.json"), ("--step", "tasks")
    shown = invoke("finish", submission, *tasks, "--dry-run", "--save", finish)
    assert shown.exit_code == 0, shown.output
    said = flat(shown.stdout)
    for number, target in (("1", "prod"), ("2", "dr")):
        assert f"component {submission}.{number} (" in said
        assert f"@{target}: stopped -> running" in said
    assert f"roma-migrate finish {submission} --approved {finish}" in said

    done = invoke("finish", "--approved", finish)
    assert done.exit_code == 0, done.output
    assert f"{submission}.2 n 0 everything is done and proved (1 task stopped, 1 task started)" in flat(done.stdout)
    assert f"next: roma-migrate handover {submission}" in flat(done.stdout)
    again = invoke("finish", "--approved", finish)
    assert (again.exit_code, "has been carried out" in flat(again.stderr)) == (4, True), again.output
    assert [len(each[2]) for each in states(document(invoke("finish", submission, *tasks, "--json")))] == [0, 0]  # type: ignore[arg-type]  # a list

    undo = str(tmp_path / "undo.json")
    assert invoke("undo", "two", "--dry-run", "--save", undo, "--json").exit_code == 0
    asked = invoke("undo", "two")
    assert (asked.exit_code, f"roma-migrate undo {submission} --yes" in flat(asked.stderr)) == (2, True)
    undone = document(invoke("undo", "two", "--approved", undo, "--json"))
    assert states(undone) == [("2", 0, ["done"] * 5), ("1", 0, ["done"] * 5)]
    assert document(invoke("verify", "two", "--json"))["code"] == 1


def test_a_submission_carries_out_a_saved_preview_and_says_so(
    invoke: Invoke, store: PostgresStore, pairs: Path, tmp_path: Path
) -> None:
    assert invoke("preview", str(pairs), "--save", "ok.json", "--note", "CHG-7").exit_code == 0
    edited = tmp_path / "edited.json"
    edited.write_text((tmp_path / "ok.json").read_text().replace("AddNew", "Merge"))
    damaged = invoke("submit", str(pairs), "--approved", "edited.json")
    assert (damaged.exit_code, "it was changed since it was saved" in damaged.stderr) == (2, True)
    text = pairs.read_text()
    pairs.write_text(text.replace("name: two", "name: three"))
    another = invoke("submit", str(pairs), "--approved", "ok.json")
    assert (another.exit_code, "was saved for plan two, not for three" in flat(another.stderr)) == (4, True)
    pairs.write_text(text)
    assert invoke("submit", str(pairs), "--hold-drifted").exit_code == 2
    assert store.submissions.ids() == []
    told = document(invoke("submit", str(pairs), "--approved", "ok.json", "--json"))
    approved = told["approved"]
    assert isinstance(approved, dict)
    assert (len(approved["id"]), told["left_out"], told["given_up"]) == (32, [], [])
    again = invoke("submit", str(pairs), "--approved", "ok.json")
    assert (again.exit_code, "carries out" in again.stderr) == (6, False)
    without = invoke("submit", str(pairs))
    assert without.exit_code == 6
    assert f"carries out the saved preview {approved['digest']}" in flat(without.stderr)
    component = store.submissions.components(str(told["submission"]))[0]
    with store.of_component(component).hold("two", ME):
        store.submissions.ended(component.id, 4, "m: is not what was approved any more", 0.0)
    said = flat(invoke("status", "two").stdout)
    assert f"carries out the saved preview {approved['digest']} ({approved['id'][:8]}) of " in said
    assert " (CHG-7) 0 of 2 components done" in said
    assert f"{component.id}: m: is not what was approved any more" in said
    assert "when it is as it was approved: roma-migrate continue" in said
    assert f"roma-migrate submit --abandon --approved two.preview.json {pairs}" in said
    assert document(invoke("status", "two", "--json"))["approved"] == approved
    early = invoke("submit", str(pairs), "--abandon")
    assert (early.exit_code, "waits for a worker: only what waits for a person" in flat(early.stderr)) == (6, True)
    for each in store.submissions.components(component.submission)[1:]:
        store.submissions.park(each.id, 10, "stopped by ann")
    anew = document(invoke("submit", str(pairs), "--abandon", "--json"))
    assert (anew["approved"], len(anew["given_up"])) == (None, 2)  # type: ignore[arg-type]  # a list
    assert store.submissions.component(component.id).why.startswith("given up by ")


def test_what_stands_against_one_component_is_its_row_and_the_others_go_on(
    invoke: Invoke, store: PostgresStore, pairs: Path, tmp_path: Path
) -> None:
    """The second one has not begun: it is not finished, and an undo of all ends it."""
    conducted(store, pairs, most=1)
    finished = document(invoke("finish", "two", "--step", "tasks", "--json"))
    assert (finished["code"], states(finished)) == (8, [("1", 0, ["done", "done"]), ("2", 8, [])])
    unsaved = invoke("finish", "two", "--only", "n", "--dry-run", "--save", str(tmp_path / "none.json"))
    assert (unsaved.exit_code, "nothing was saved" in unsaved.stderr) == (8, True)
    unasked = invoke("finish", "two", "--step", "datasources")
    assert (unasked.exit_code, unasked.stdout, "asks for tasks" in unasked.stderr) == (2, "", True)
    assert states(document(invoke("finish", "two", "--only", "m", "--json"))) == [("1", 0, [])]

    undo = str(tmp_path / "undo.json")
    shown = invoke("undo", "two", "--dry-run", "--save", undo)
    assert "has not begun, and would be ended" in flat(shown.stdout)
    component = store.submissions.components(store.submissions.ids()[-1])[0]
    with store.of_component(component).hold("two", ME):
        undone = document(invoke("undo", "two", "--approved", undo, "--json"))
    assert (undone["code"], [each[:2] for each in states(undone)]) == (6, [("2", 0), ("1", 6)])
    assert store.submissions.due("", 9) == []
    rest = document(invoke("undo", "two", "--approved", undo, "--json"))
    assert (rest["code"], states(rest)) == (0, [("2", 0, []), ("1", 0, ["done"] * 5)])


def test_a_saved_preview_that_holds_no_more_for_one_component_begins_none(
    invoke: Invoke, store: PostgresStore, pairs: Path, tmp_path: Path
) -> None:
    conducted(store, pairs)
    saved = str(tmp_path / "undo.json")
    assert invoke("undo", "two", "--dry-run", "--save", saved).exit_code == 0
    assert invoke("undo", "two", "--only", "m", "--yes").exit_code == 0
    refused = invoke("undo", "two", "--approved", saved)
    assert (refused.exit_code, "nothing was begun" in flat(refused.stderr)) == (4, True), refused.output
    assert states(document(invoke("undo", "two", "--dry-run", "--json")))[0] == ("2", 0, [None] * 3)


# --- workers ---


def test_a_port_that_is_none_is_refused_before_a_worker_waits_for_anything(invoke: Invoke) -> None:
    said = invoke("worker", "--group", "g", "--metrics-port", "70000")
    assert (said.exit_code, "write 9464, or 0.0.0.0:9464" in said.stderr) == (2, True)


def test_a_probe_asks_whether_a_worker_of_this_host_lives(invoke: Invoke, store: PostgresStore) -> None:
    assert invoke("workers", "--here").exit_code == 1
    store.submissions.seen(Worker("elsewhere-1", "another-host", 1, "east", "1.0"))
    assert invoke("workers", "--here").exit_code == 1
    store.submissions.seen(Worker("here-1", platform.node(), 2, "east", "1.0"))
    told = invoke("workers", "--here")
    assert (told.exit_code, "another-host" in told.stdout) == (0, False)
    assert document(invoke("workers", "--json"))["code"] == 0
