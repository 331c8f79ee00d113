"""The connections of data sources (Finishing 2.4): read, changed, tried out."""

import json
from dataclasses import replace

import pytest

from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import ConnectFailure, ConnectTested, DatasourcePut, SecretRead
from orchestrator.emulator.world.options import Switches
from tests.emulator.api.test_changes import calls, client, code, send
from tests.emulator.in_memory_client import Ask, InMemoryClient

GOOD: Json = {"host": "db.example.test", "port": "3306", "user_name": "loader", "password": "new-password"}


def first(far: InMemoryClient) -> tuple[str, Json]:
    """Where the first data source of `dev` lies, and a whole body for it."""
    one = far.world.instance("dev").datasources[0]
    body: Json = {
        "datasource_name": one.name,
        "datasource_type": one.type,
        "app_id": one.app_id,
        "content": GOOD,
        "description": "of the night",
    }
    return f"/datasources/{one.id}", body


def stored(far: InMemoryClient) -> dict[str, object]:
    """What its content really is."""
    one = far.service.holding("dev").datasources.get(far.world.instance("dev").datasources[0].id)
    assert one is not None
    return dict(one.content)


def content(far: InMemoryClient) -> Json:
    told = far.get(first(far)[0], "fdi").json["content"]
    assert isinstance(told, dict)
    return told


def test_a_connection_is_entered_and_shows_a_newer_time() -> None:
    far = client()
    rest, body = first(far)
    before = far.get(rest, "fdi").json
    changed = send(far, "PUT", rest, body, "fdi")
    assert changed.status == 200
    assert changed.json == far.get(rest, "fdi").json
    assert [changed.json[key] for key in ("content", "description")] == [GOOD, "of the night"]
    assert int(str(changed.json["update_time"])) > int(str(before["update_time"]))
    listed = far.get("/datasources", "fdi").json["entities"]
    assert isinstance(listed, list)
    assert changed.json in listed
    assert calls(far) == [("datasource-change", "accepted")]


@pytest.mark.parametrize(
    ("switch", "told"),
    [
        (SecretRead.CLEAR, {"password": "new-password", "api_auth_detail": {"client_secret": "s", "scope": "all"}}),
        (SecretRead.BLANK, {"password": "", "api_auth_detail": {"client_secret": "", "scope": "all"}}),
        (SecretRead.MASKED, {"password": "******", "api_auth_detail": {"client_secret": "******", "scope": "all"}}),
        (SecretRead.ABSENT, {"api_auth_detail": {"scope": "all"}}),
    ],
)
def test_secrets_are_told_as_the_switch_says_and_stay_what_they_are(switch: SecretRead, told: Json) -> None:
    far = client(Switches(datasource_secret_read=switch))
    rest, body = first(far)
    wanted = {**GOOD, "api_auth_detail": {"client_secret": "s", "scope": "all"}}
    public = {key: value for key, value in GOOD.items() if key != "password"}
    assert send(far, "PUT", rest, {**body, "content": wanted}, "fdi").json["content"] == {**public, **told}
    assert content(far) == {**public, **told}
    assert stored(far) == wanted


def test_a_mask_that_is_sent_back_becomes_the_password_and_the_connection_fails() -> None:
    far = client(Switches(datasource_secret_read=SecretRead.MASKED))
    rest, body = first(far)
    careless = {**body, "content": content(far)}
    send(far, "PUT", rest, careless, "fdi")
    assert stored(far)["password"] == "******"
    assert code(send(far, "POST", f"{rest}/test-connect", careless, "fdi")) == (400, "FDI.3016")


@pytest.mark.parametrize("missing", ["datasource_name", "datasource_type", "app_id", "content"])
def test_a_full_change_needs_all_and_a_partial_one_keeps_what_is_left_out(missing: str) -> None:
    far, lenient = client(), client(Switches(datasource_put=DatasourcePut.PARTIAL))
    rest, body = first(far)
    del body[missing]
    assert code(send(far, "PUT", rest, body, "fdi")) == (400, "FDI.3002")
    before = lenient.get(rest, "fdi").json
    assert send(lenient, "PUT", rest, body, "fdi").json[missing] == before[missing]
    assert send(lenient, "PUT", rest, {"content": {"port": "1"}}, "fdi").json["description"] == "of the night"
    assert (stored(lenient)["port"], stored(lenient)["user_name"]) == ("1", "loader")


@pytest.mark.parametrize(
    "wrong",
    [
        {"datasource_name": "a<b"},
        {"datasource_name": "n" * 256},
        {"app_id": "nothing"},
        {"description": "abc"},
        {"description": "d" * 1025},
        {"content": "text"},
        {"content": {str(number): "" for number in range(201)}},
    ],
)
def test_a_wrong_field_is_refused_and_changes_nothing(wrong: Json) -> None:
    far = client()
    rest, body = first(far)
    before = far.get(rest, "fdi").json
    assert code(send(far, "PUT", rest, body | wrong, "fdi")) == (400, "FDI.3002")
    assert far.get(rest, "fdi").json == before


def test_a_data_source_that_is_not_there_is_not_found() -> None:
    far = client()
    for method, rest in (("GET", ""), ("PUT", ""), ("POST", "/test-connect")):
        assert send(far, method, f"/datasources/nothing{rest}", first(far)[1], "fdi").status == 404


def test_a_test_uses_the_body_or_what_is_stored_and_stores_nothing() -> None:
    for uses, works in ((ConnectTested.BODY, 200), (ConnectTested.STORED, 400)):
        far = client(Switches(test_connect_uses=uses))
        rest, body = first(far)
        send(far, "PUT", rest, {**body, "content": {**GOOD, "password": ""}}, "fdi")
        assert send(far, "POST", f"{rest}/test-connect", body, "fdi").status == works
        assert stored(far)["password"] == ""


def test_a_failed_test_is_an_error_or_a_false_result() -> None:
    for switch, status, result in ((ConnectFailure.ERROR, 400, None), (ConnectFailure.FALSE, 200, False)):
        far = client(Switches(test_connect_failure=switch))
        rest, body = first(far)
        told = send(far, "POST", f"{rest}/test-connect", {**body, "content": {"password": "p"}}, "fdi")
        assert (told.status, told.json.get("result")) == (status, result)


def test_an_imported_data_source_does_not_work_before_its_connection_is_entered() -> None:
    far = client()
    name = far.world.instance("dev").apps[0].name
    far.wait(str(far.import_(far.package((name,)), user="prod-migrator").json["job_id"]))
    there = far.service.holding("prod").datasources.all()[0]
    _, body = first(far)
    body |= {"datasource_name": there.name, "app_id": there.app_id, "content": dict(there.content)}
    path = far.path(f"/datasources/{there.id}", "prod", "fdi")
    asked = Ask("prod", "prod-migrator")

    def test_connect(sent: Json) -> int:
        return far.ask("POST", f"{path}/test-connect", replace(asked, body=_json(sent))).status

    assert test_connect(body) == 400
    assert far.ask("PUT", path, replace(asked, body=_json({**body, "content": GOOD}))).status == 200
    assert test_connect({**body, "content": GOOD}) == 200


def _json(value: Json) -> bytes:
    return json.dumps(value).encode()


def test_a_change_overwrites_what_somebody_else_just_wrote() -> None:
    far = client(None, Rule(Kind.MEDDLED))
    rest, body = first(far)
    assert code(send(far, "PUT", rest, {}, "fdi")) == (400, "FDI.3002")
    assert far.get(rest, "fdi").json["description"] == "changed by somebody else"
    assert send(far, "PUT", rest, body, "fdi").json["description"] == "of the night"
    assert calls(far)[0] == ("datasource-change", "meddled")
