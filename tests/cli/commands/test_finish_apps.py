"""`finish` of what applications need at their target: connections, secrets, AppCodes, members, over a socket."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.service.ledger import Call
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import (
    ConnectFailure,
    DatasourcePut,
    SecretRead,
    Told,
    UnknownMember,
)
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import Visibility
from orchestrator.emulator.world.world import AppCode, DataSource, User, World
from tests.cli.commands.test_finish import asks_for, document
from tests.cli.conftest import QUICK, Invoke, Local

USERS = (
    DEV_USER,
    PROD_USER,
    *(User(name, "acme", f"AK{name}", f"sk-{name}", f"pw-{name}") for name in ("alice", "b.smith", "carol")),
)
PASSWORD = "pw-of-prod-SESAME"
CLEAR = Switches(list_secrets=Told.CLEAR)
EVERY = "datasources: prod.yaml, app_secrets: keep, app_codes: keep, members: members.csv"
#: what each step asks for, one request an object
WRITES = {
    "datasources": (Operation.DATASOURCE_CHANGE, 4),
    "app_secrets": (Operation.SECRET_CHANGE, 2),
    "app_codes": (Operation.APP_CODE_CREATE, 2),
    "members": (Operation.MEMBERS_CHANGE, 2),
}
CONTENTS = {
    "MYSQL": {
        "host": "db.prod",
        "port": "3306",
        "database_name": "d",
        "user_name": "u",
        "password": '"${env:PROD_DB}"',
    },
    "KAFKA": {"broker": '"k.prod:9093"', "ssl": "true", "user_name": "u", "password": '"${env:PROD_DB}"'},
}


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """Two applications at dev, each with two data sources and a member; prod is empty."""
    switches = getattr(request, "param", CLEAR)
    filling = Filling(calls={}, unreleased_every=0)
    made = generate(2, 2, filling=filling, durations=QUICK, switches=switches)
    dev, prod = made.instances
    apps = tuple(replace(app, members=(("alice", ("read", "modify")),)) for app in dev.apps)
    return replace(made, instances=(replace(dev, apps=apps), prod))


@pytest.fixture
def moved(quick: Local, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> Local:
    """All of it is at prod, and its plan asks for every step of applications; at dev each has an AppCode."""
    prepared(quick, monkeypatch)
    done = invoke("run", str(quick.plan))
    assert done.exit_code == 0, done.output
    return quick


def prepared(quick: Local, monkeypatch: pytest.MonkeyPatch, finish: str = EVERY) -> None:
    """A plan that asks for these steps, with their files; at dev each application has an AppCode."""
    quick.api.service.world = replace(quick.world, users=USERS)
    for app in held(quick, "dev").apps.all():
        held(quick, "dev").app_codes.put(AppCode(f"code-{app.id}", app.id, f"{'AppCodeSESAME' * 5}{app.id[:8]}", 1.0))
    asks_for(quick, finish)
    monkeypatch.setenv("PROD_DB", PASSWORD)
    write_values(quick, held(quick, "dev").datasources.all())
    (quick.plan.parent / "members.csv").write_text("source user,target user\nalice,b.smith\n", encoding="utf-8")


def held(local: Local, instance: str) -> Holding:
    return local.api.service.holding(instance)


def write_values(local: Local, sources: Iterable[DataSource], more: str = "") -> Path:
    """A values file with an entry for each; the first one begins on line 3."""
    lines = ["version: 1", "datasources:"]
    for each in sources:
        fields = ", ".join(f"{name}: {value}" for name, value in CONTENTS[each.type].items())
        lines += [f"  {each.name}:", f"    type: {each.type}", f"    content: {{{fields}}}"]
    path = local.plan.parent / "prod.yaml"
    path.write_text("\n".join(lines) + "\n" + more, encoding="utf-8")
    return path


def asked(local: Local, operation: Operation) -> list[str]:
    """How each request of that operation ended."""
    return [each.outcome for each in local.api.service.ledger.calls if each.operation == operation.value]


def contents(local: Local) -> list[Mapping[str, object]]:
    """What is not empty of each data source at prod."""
    every = held(local, "prod").datasources.all()
    return [{name: value for name, value in each.content if value} for each in every]


def secrets(local: Local, instance: str) -> dict[str, str]:
    return {each.name: each.secret for each in held(local, instance).apps.all()}


def codes(local: Local, instance: str) -> set[str]:
    return {each.code for each in held(local, instance).app_codes.all()}


def members(local: Local) -> list[dict[str, tuple[str, ...]]]:
    return [dict(each.members) for each in held(local, "prod").apps.all()]


def test_everything_is_done_and_proved_and_a_second_finish_finds_nothing_to_do(moved: Local, invoke: Invoke) -> None:
    told = invoke("finish")
    assert told.exit_code == 0, told.output
    assert "everything is done and proved" in " ".join(told.stdout.split())
    assert [each["password"] for each in contents(moved)] == [PASSWORD] * 4
    assert {each.get("ssl") for each in contents(moved)} == {True, None}
    assert secrets(moved, "prod") == secrets(moved, "dev")
    assert codes(moved, "prod") == codes(moved, "dev")
    assert members(moved) == [{"b.smith": ("read", "modify")}] * 2
    assert len(asked(moved, Operation.TEST_CONNECT)) == 4
    assert document(invoke)["changes"] == []
    assert {len(asked(moved, operation)) for operation, _ in WRITES.values()} == {2, 4}


def test_a_run_goes_on_with_all_of_it(quick: Local, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(quick, monkeypatch)
    told = invoke("run", str(quick.plan), "--finish")
    assert told.exit_code == 0, told.output
    assert secrets(quick, "prod") == secrets(quick, "dev")
    assert [each["password"] for each in contents(quick)] == [PASSWORD] * 4
    assert members(quick) == [{"b.smith": ("read", "modify")}] * 2


def test_a_run_that_is_to_be_finished_reads_its_files_before_anything_is_sent(
    quick: Local, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(quick, monkeypatch)
    path = quick.plan.parent / "prod.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("host: db.prod", "hots: db.prod"), encoding="utf-8")
    told = invoke("run", str(quick.plan), "--finish")
    assert (told.exit_code, quick.posts) == (2, 0), told.output
    assert "prod.yaml:5: datasources.orders-web-db-1.content" in " ".join(told.output.split())


def test_what_a_prefix_renames_is_finished_under_its_new_name(
    quick: Local, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared(quick, monkeypatch)
    text = quick.plan.read_text(encoding="utf-8").replace("name: all,", "name: all, prefix: x_,")
    quick.plan.write_text(text, encoding="utf-8")
    assert invoke("run", str(quick.plan)).exit_code == 0
    found = document(invoke)
    assert {each["name"] for each in found["changes"] if each["kind"] == "keep-secret"} == {
        "x_orders-web",
        "x_billing-web",
    }
    assert {f"x_{name}": secret for name, secret in secrets(quick, "dev").items()} == secrets(quick, "prod")


def test_another_password_is_not_what_was_approved(
    moved: Local, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    saved = str(tmp_path / "finish.json")
    assert invoke("finish", "--dry-run", "--save", saved).exit_code == 0
    monkeypatch.setenv("PROD_DB", "another-password")
    told = invoke("finish", "--approved", saved)
    assert (told.exit_code, "not what was approved" in " ".join(told.output.split())) == (4, True), told.output
    monkeypatch.setenv("PROD_DB", PASSWORD)
    assert invoke("finish", "--approved", saved).exit_code == 0


def test_a_connection_that_never_answers_is_not_tried_for_ever(moved: Local, invoke: Invoke) -> None:
    moved.api.strikes.add(Rule(Kind.GATEWAY_TIMEOUT_BEFORE, frozenset({Operation.TEST_CONNECT}), times=0))
    told = invoke("finish", "--step", "datasources", "--only", "app:orders-web")
    assert told.exit_code == 1, told.output
    assert "no usable answer 2 times in a row" in " ".join(told.stdout.split())
    assert moved.api.requests[Operation.TEST_CONNECT] == 4
    assert len(asked(moved, Operation.DATASOURCE_CHANGE)) == 2


def test_each_row_tells_before_and_after_and_no_secret(moved: Local, invoke: Invoke) -> None:
    told = invoke("finish", "--dry-run", "--all")
    text = " ".join(told.stdout.split())
    assert "14 changes" in text
    assert "orders-web@prod: new -> as at the source (by prod-migrator; from: dev)" in text
    assert "orders-web@prod: not there -> as at the source" in text
    assert "members in all 0 -> 1, b.smith nothing -> read modify" in text
    assert "host nothing -> db.prod, password nothing -> new, digest " in text
    assert "orders-web-db-1@prod: not tried out -> works" in text
    assert "SESAME" not in told.output
    assert not any(asked(moved, operation) for operation, _ in WRITES.values())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  orders-web-db-1:", "  orders-web-db-9:", "prod.yaml:3: datasources.orders-web-db-9: prod has no data "),
        ("type: KAFKA", "type: MYSQL", "prod.yaml:8: datasources.orders-web-db-2.content.broker: unknown key"),
        ("type: MYSQL", "type: TAURUS", 'prod.yaml:3: datasources.orders-web-db-1: at prod this data source is of'),
        ("${env:PROD_DB}", "${env:NO_SUCH}", "orders-web-db-1.content.password: ${env:NO_SUCH} is not set"),
        ("host: db.prod", "hots: db.prod", 'did you mean "host"?'),
        ('"${env:PROD_DB}"', "SESAME", "a secret stands here in the open (not shown)"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_values_is_a_sentence_with_file_and_line_and_nothing_is_sent(
    old: str, new: str, words: str, moved: Local, invoke: Invoke
) -> None:
    path = moved.plan.parent / "prod.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    for more in (("--dry-run",), ()):
        told = invoke("finish", *more)
        assert told.exit_code == 2, told.output
        assert words in " ".join(told.output.split()), told.output
        assert "SESAME" not in told.output
    assert not any(asked(moved, operation) for operation, _ in WRITES.values())


def test_entries_of_other_plans_stand_in_the_same_file(moved: Local, invoke: Invoke) -> None:
    """A missing secret of a data source that this run did not bring is nobody's business here."""
    other = replace(held(moved, "dev").datasources.all()[0], id="other", name="of-another-plan", app_id="elsewhere")
    held(moved, "prod").datasources.put(other)
    later = '  of-another-plan:\n    type: MYSQL\n    content: {mode: professional, url: "${env:NO_SUCH}"}\n'
    later += '  not-there-yet: {type: REDIS, optional: true, content: {address: "r:1"}}\n'
    write_values(moved, held(moved, "dev").datasources.all(), later)
    assert document(invoke, "--step", "datasources")["counts"] == {"done": 8}


def test_a_data_source_without_an_entry_is_left_and_named(moved: Local, invoke: Invoke) -> None:
    write_values(moved, held(moved, "dev").datasources.all()[1:])
    told = invoke("finish", "--step", "datasources")
    assert told.exit_code == 1, told.output
    assert "prod.yaml says nothing of it" in " ".join(told.stdout.split())
    assert len(asked(moved, Operation.DATASOURCE_CHANGE)) == 3


def test_a_data_source_that_a_running_task_uses_is_left(moved: Local, invoke: Invoke) -> None:
    task = held(moved, "prod").tasks.all()[0]
    held(moved, "prod").tasks.put(replace(task, running=True))
    told = invoke("finish", "--step", "datasources")
    text = " ".join(told.stdout.split())
    assert told.exit_code == 1, told.output
    assert f"task {task.name} runs on it: stop it before its connection is changed" in text
    assert len(asked(moved, Operation.DATASOURCE_CHANGE)) < 4


def test_a_connection_that_is_as_it_shall_be_is_no_matter_where_a_task_runs_on_it(moved: Local, invoke: Invoke) -> None:
    """The tasks are started after it: a second finish finds nothing to do."""
    assert document(invoke, "--step", "datasources")["code"] == 0
    for task in held(moved, "prod").tasks.all():
        held(moved, "prod").tasks.put(replace(task, running=True))
    again = document(invoke, "--step", "datasources")
    assert (again["code"], again["left"], again["counts"]) == (0, [], {})


def test_a_missing_right_is_found_before_anything_is_asked_for(moved: Local, invoke: Invoke) -> None:
    """Another user owns the applications at prod now: its list shows fewer roles, and its secrets are not shown."""
    moved.api.service.world = replace(moved.api.service.world, switches=replace(CLEAR, visibility=Visibility.OWNER))
    for app in held(moved, "prod").apps.all():
        held(moved, "prod").apps.put(replace(app, owner="carol", members=(("prod-migrator", ("read",)),)))
    told = invoke("finish", "--step", "app_secrets,members", "--dry-run")
    text = " ".join(told.stdout.split())
    assert "nothing is left to do" in text
    assert "ROMA.12001" in text
    assert not any(asked(moved, operation) for operation, _ in WRITES.values())


SHOWN = [
    Switches(list_secrets=Told.CLEAR, datasource_secret_read=each, datasource_put=put)
    for each in (SecretRead.MASKED, SecretRead.BLANK, SecretRead.ABSENT)
    for put in (DatasourcePut.FULL, DatasourcePut.PARTIAL)
]


@pytest.mark.parametrize("world", SHOWN, indirect=True, ids=lambda each: f"{each.datasource_secret_read}")
def test_a_password_that_no_read_shows_is_proved_by_the_update_and_the_test(moved: Local, invoke: Invoke) -> None:
    moved.api.strikes.add(Rule(Kind.GATEWAY_TIMEOUT_AFTER, frozenset({Operation.DATASOURCE_CHANGE}), times=1))
    assert document(invoke, "--step", "datasources")["counts"] == {"done": 8}
    assert [each["password"] for each in contents(moved)] == [PASSWORD] * 4
    assert len(asked(moved, Operation.DATASOURCE_CHANGE)) == 4


FAILING = [replace(CLEAR, test_connect_failure=each) for each in ConnectFailure]


@pytest.mark.parametrize("world", FAILING, indirect=True, ids=lambda each: f"{each.test_connect_failure}")
def test_a_connection_that_does_not_work_is_named(
    moved: Local, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROD_DB", "****")
    told = invoke("finish", "--step", "datasources")
    assert told.exit_code == 1, told.output
    assert "orders-web-db-1@prod" in told.stdout
    assert len(asked(moved, Operation.TEST_CONNECT)) == 4, "a failed test is not repeated: an account may be locked"


@pytest.mark.parametrize(
    "world", [Switches(secret_read=Told.MASKED), Switches(secret_read=Told.REFUSED)], indirect=True
)
def test_what_is_shown_masked_or_refused_cannot_be_proved_and_is_not_done(moved: Local, invoke: Invoke) -> None:
    before = secrets(moved, "prod")
    told = invoke("finish", "--step", "app_secrets,app_codes")
    text = " ".join(told.stdout.split())
    assert told.exit_code == 1, told.output
    assert "cannot be proved: the secret at dev is not known" in text
    assert "cannot be proved: the AppCodes at dev are not known: they are shown masked" in text
    assert secrets(moved, "prod") == before
    assert not codes(moved, "prod")


class Watched(list[Call]):
    """The calls that a service has had; somebody does something when the first of an operation is over."""

    def __init__(self, calls: Iterable[Call], operation: Operation, then: Callable[[], None]) -> None:
        super().__init__(calls)
        self._operation, self._then = operation.value, then

    def append(self, call: Call) -> None:
        super().append(call)
        if call.operation == self._operation and len([each for each in self if each.operation == self._operation]) == 1:
            self._then()


@pytest.mark.parametrize("whose", ["the same", "another"])
def test_somebody_who_changes_the_members_meanwhile_is_left_alone(whose: str, moved: Local, invoke: Invoke) -> None:
    """While the first list is written a person makes somebody a member, of this application or the next one."""
    first, second = sorted(held(moved, "prod").apps.all(), key=lambda each: each.name)
    chosen = first if whose == "the same" else second
    ledger = moved.api.service.ledger

    def meddle() -> None:
        app = held(moved, "prod").apps.get(chosen.id)
        assert app is not None
        held(moved, "prod").apps.put(replace(app, members=(*app.members, ("carol", ("read",)))))

    ledger.calls = Watched(ledger.calls, Operation.MEMBERS_CHANGE, meddle)
    found = document(invoke, "--step", "members", code=1)
    assert found["counts"] == {"done": 1, "different": 1}
    assert {each["name"] for each in found["changes"] if each["state"] == "different"} == {chosen.name}
    there = held(moved, "prod").apps.get(chosen.id)
    assert there is not None
    assert ("carol", ("read",)) in there.members
    assert len(asked(moved, Operation.MEMBERS_CHANGE)) == (2 if whose == "the same" else 1)


def test_nobody_who_is_a_member_already_is_taken_out(moved: Local, invoke: Invoke) -> None:
    for app in held(moved, "prod").apps.all():
        held(moved, "prod").apps.put(replace(app, members=(("carol", ("read",)), ("b.smith", ("access",)))))
    assert document(invoke, "--step", "members")["counts"] == {"done": 2}
    assert members(moved) == [{"carol": ("read",), "b.smith": ("read", "access", "modify")}] * 2


@pytest.mark.parametrize("world", [replace(CLEAR, unknown_member=each) for each in UnknownMember], indirect=True)
def test_a_user_that_the_target_does_not_know_is_named(moved: Local, invoke: Invoke) -> None:
    (moved.plan.parent / "members.csv").write_text("alice,nobody.here\n", encoding="utf-8")
    told = invoke("finish", "--step", "members")
    assert told.exit_code == 1, told.output
    assert "prod knows no user nobody.here who could be a member" in " ".join(told.stdout.split())
    assert not asked(moved, Operation.MEMBERS_CHANGE)


def test_no_secret_is_in_any_byte_of_the_home_or_of_what_is_said(moved: Local, invoke: Invoke, tmp_path: Path) -> None:
    said = ""
    for words in (
        ("finish", "--dry-run", "--save", str(tmp_path / "finish.json")), ("finish", "--log-level", "debug", "--json"),
        ("report", "--json"), ("report",), ("status",), ("handover",), ("undo", "--dry-run"),
    ):  # fmt: skip
        said += invoke(*words).output
    planted = [PASSWORD, "SESAME", *secrets(moved, "dev").values(), *codes(moved, "dev")]
    kept = [path for path in (tmp_path / ".roma-migrate").rglob("*") if path.is_file()]
    assert any(path.name == "journal.db" for path in kept)
    kept.append(tmp_path / "finish.json")
    for secret in planted:
        assert secret not in said
        assert not [path for path in kept if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize("step", ["datasources", "app_secrets", "app_codes", "members"])
def test_each_step_is_taken_back(step: str, moved: Local, invoke: Invoke) -> None:
    before = contents(moved), secrets(moved, "prod"), members(moved)
    document(invoke, "--step", step)
    assert (contents(moved), secrets(moved, "prod"), members(moved)) != before or codes(moved, "prod")
    told = invoke("undo", "--step", step, "--yes")
    assert told.exit_code == 0, told.output
    assert members(moved) == before[2]
    assert not codes(moved, "prod")
    assert contents(moved) == before[0]
    assert not set(secrets(moved, "prod").values()) & set(secrets(moved, "dev").values())


def test_a_template_holds_each_field_that_the_source_shows_and_no_secret(moved: Local, invoke: Invoke) -> None:
    path = moved.plan.parent / "first.yaml"
    told = invoke("finish", "--template", str(path))
    assert told.exit_code == 0, told.output
    assert "4 data sources of prod, 4 secrets to name" in " ".join(told.stdout.split())
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert text.count("host: 10.0.0.8  # as at the source") == 4
    kept = [str(dict(source.content)["password"]) for source in held(moved, "dev").datasources.all()]
    assert not [each for each in kept if each in text]
    judged = invoke("validate", "--values", str(path))
    assert (judged.exit_code, judged.stderr.count("this reference is still empty")) == (2, 4)
    assert invoke("finish", "--template", str(path)).exit_code == 2, "nothing is overwritten"
    assert path.read_text(encoding="utf-8") == text
    path.write_text(text.replace("${env:}", "${env:PROD_DB}"), encoding="utf-8")
    assert invoke("validate", "--values", str(path)).exit_code == 0
    moved.plan.write_text(moved.plan.read_text(encoding="utf-8").replace("prod.yaml", "first.yaml"), encoding="utf-8")
    assert document(invoke, "--step", "datasources")["counts"] == {"done": 8}


def test_a_template_changes_nothing_and_goes_with_no_step(moved: Local, invoke: Invoke) -> None:
    assert invoke("finish", "--template", "first.yaml", "--step", "members").exit_code == 2
    assert invoke("finish", "--template", "first.yaml", "--only", "@dev").exit_code == 2
    assert not (moved.plan.parent / "first.yaml").exists()


def test_an_undo_of_the_run_removes_what_was_finished_with_its_application(moved: Local, invoke: Invoke) -> None:
    document(invoke)
    told = invoke("undo", "--yes")
    assert told.exit_code == 0, told.output
    assert not held(moved, "prod").apps.all()
    assert [len(asked(moved, operation)) for operation, _ in WRITES.values()] == [4, 2, 2, 2], (
        "nothing is put back first"
    )
    assert "nothing to remove" in invoke("undo", "--yes").output


def test_what_a_person_changes_after_a_finish_is_left_by_an_undo(moved: Local, invoke: Invoke) -> None:
    document(invoke)
    app = held(moved, "prod").apps.all()[0]
    held(moved, "prod").apps.put(replace(app, update_time=app.update_time + 3600.0))
    told = invoke("undo", "--yes")
    assert told.exit_code == 1, told.output
    assert "it was changed since the run" in " ".join(told.output.split())
    assert [each.name for each in held(moved, "prod").apps.all()] == [app.name]
    assert members(moved) == [{}], "what finish did to it is taken back, for what it did is known"
