"""APIs published and taken offline, their definitions as files, and who may call them (Finishing 2.6 to 2.8)."""

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.emulator.protocol.messages import Json, Reply
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import MergeResult, Reauthorised, RepublishId, UnknownApp
from orchestrator.emulator.world.gateway import RELEASE
from orchestrator.emulator.world.generate import TEST, Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import Api
from tests.emulator.api.test_changes import calls, code, send
from tests.emulator.in_memory_client import FORM, SHORT, Ask, InMemoryClient

DRAFTS = Filling(unreleased_every=1, tested_every=2, calls={})


def client(switches: Switches | None = None, *faults: Rule) -> InMemoryClient:
    """Two applications with two APIs each: the first unpublished (that of the second one published in TEST)."""
    return InMemoryClient(generate(2, 2, filling=DRAFTS, switches=switches, durations=SHORT, faults=faults))


def draft(far: InMemoryClient) -> Api:
    return far.world.instance("dev").apis[0]


def act(far: InMemoryClient, *ids: str, action: str = "online", env_id: str = RELEASE, remark: str = "ours") -> Reply:
    body = json.dumps({"apis": list(ids), "env_id": env_id, "remark": remark}).encode()
    return far.ask("POST", far.path("/apis/publish", kind="apic"), Ask(query=(("action", action),), body=body))


def listed(far: InMemoryClient, rest: str, key: str, **query: str) -> list[Any]:
    found = far.get(rest, "apic", Ask(query=tuple(query.items()))).json[key]
    assert isinstance(found, list)
    return found


def said(reply: Reply) -> Any:
    """What an answer says."""
    return reply.json


def environments(far: InMemoryClient, api_id: str) -> str:
    return next(str(each["run_env_id"]) for each in listed(far, "/apis", "apis") if each["id"] == api_id)


def export(far: InMemoryClient, group_id: str, **more: object) -> Reply:
    return send(far, "POST", "/openapi/export", {"group_id": group_id, "define": "dev", **more}, "apic")


def import_(far: InMemoryClient, file: Json, group_id: str, **more: str) -> Reply:
    fields = {"is_create_group": "false", "group_id": group_id, "api_mode": "merge", **more}
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{each}\r\n' for key, each in fields.items()
    ]
    head = '--edge\r\nContent-Disposition: form-data; name="file_name"; filename="a.json"\r\n\r\n'
    body = "".join(parts) + head + json.dumps(file) + "\r\n--edge--\r\n"
    return far.ask("POST", far.path("/openapi/import", kind="apic"), Ask(headers=FORM, body=body.encode()))


def ended(reply: Reply) -> tuple[list[str], list[str], list[str]]:
    """Paths that are there now, that failed, and that were left alone."""
    good, bad, ignored = ([each["path"] for each in said(reply)[key]] for key in ("success", "failure", "ignore"))
    return good, bad, ignored


# -- publications


def test_a_publication_shows_what_the_draft_said_then_and_not_what_it_says_now() -> None:
    far = client()
    one = draft(far)
    act(far, one.id, remark="first")
    apis = far.service.holding("dev").apis
    stored = apis.get(one.id)
    assert stored is not None
    apis.put(replace(stored, path="/moved"))
    runtime = far.get(f"/apis/runtime/{one.id}", "apic").json
    assert (runtime["req_uri"], far.get(f"/apis/{one.id}", "apic").json["req_uri"]) == (one.path, "/moved")
    act(far, one.id, remark="second")
    assert far.get(f"/apis/runtime/{one.id}", "apic").json["req_uri"] == "/moved"
    told = listed(far, f"/apis/publish/{one.id}", "api_versions")
    assert [(each["remark"], each["status"]) for each in told] == [("second", 1), ("first", 2)]


def test_each_api_of_a_lot_is_published_or_fails_alone() -> None:
    far = client(None, Rule(Kind.API_FAILS, names=frozenset({"billing-web-api-1"})))
    poisoned = far.world.instance("dev").apis[2]
    reply = act(far, draft(far).id, poisoned.id, "none")
    assert reply.status == 200
    assert [each["api_id"] for each in said(reply)["success"]] == [draft(far).id]
    codes = [each["error_code"] for each in said(reply)["failure"]]
    assert codes == ["APIG.2000", "APIG.3002"]
    assert (environments(far, draft(far).id), environments(far, poisoned.id)) == (RELEASE, TEST)
    assert code(act(far, draft(far).id, env_id="nowhere")) == (404, "APIG.3003")


def test_at_most_ten_versions_are_kept_in_an_environment() -> None:
    far = client()
    for number in range(12):
        act(far, draft(far).id, remark=f"{number}")
    told = listed(far, f"/apis/publish/{draft(far).id}", "api_versions")
    assert [each["remark"] for each in told] == [f"{number}" for number in range(11, 1, -1)]


@pytest.mark.parametrize("reading", RepublishId)
def test_a_second_publication_has_the_same_id_or_a_new_one(reading: RepublishId) -> None:
    far = client(Switches(republish_id=reading))
    first, second = (said(act(far, draft(far).id))["success"] for _ in range(2))
    same = first[0]["publish_id"] == second[0]["publish_id"]
    assert same is (reading is RepublishId.SAME)


def test_a_publication_shows_late_and_its_lost_answer_is_in_the_history() -> None:
    far = client(
        None,
        Rule(Kind.READ_AFTER_WRITE_LAG, frozenset({Operation.API_PUBLISH}), seconds=30),
        Rule(Kind.GATEWAY_TIMEOUT_AFTER, frozenset({Operation.API_PUBLISH})),
    )
    assert act(far, draft(far).id, remark="run 7").status == 504
    assert environments(far, draft(far).id) == ""
    assert listed(far, f"/apis/publish/{draft(far).id}", "api_versions") == []
    far.now += 31
    assert environments(far, draft(far).id) == RELEASE
    assert listed(far, f"/apis/publish/{draft(far).id}", "api_versions")[0]["remark"] == "run 7"
    assert calls(far) == [("api-publish", "published")]


def test_somebody_else_may_publish_just_before() -> None:
    far = client(None, Rule(Kind.MEDDLED, frozenset({Operation.API_PUBLISH})))
    act(far, draft(far).id)
    told = listed(far, f"/apis/publish/{draft(far).id}", "api_versions")
    assert [each["remark"] for each in told] == ["ours", "by somebody else"]
    assert calls(far) == [("api-publish", "meddled"), ("api-publish", "published")]


def test_only_who_may_modify_an_application_publishes_its_apis() -> None:
    far = client()
    asked = Ask(user="prod-migrator", body=json.dumps({"apis": [draft(far).id], "env_id": RELEASE}).encode())
    reply = far.ask("POST", far.path("/apis/publish", kind="apic"), asked)
    assert [each["error_code"] for each in said(reply)["failure"]] == ["APIG.1005"]


def test_what_travels_arrives_published_in_release_alone_or_nowhere_as_the_switch_says() -> None:
    for publishes in (True, False):
        far = client(Switches(import_publishes=publishes))
        act(far, draft(far).id, env_id=TEST)
        act(far, draft(far).id)
        far.import_(far.package(("orders-web",)))
        far.now += 30
        told = said(far.get("/apis", "apic", Ask("prod")))["apis"]
        assert {each["run_env_id"] for each in told} == {RELEASE if publishes else ""}


# -- files


def test_a_file_of_drafts_holds_what_is_published_nowhere() -> None:
    far = client()
    groups = [group.id for group in far.world.instance("dev").groups]
    held = [said(export(far, group, env_id=RELEASE))["paths"] for group in groups]
    assert held[1] == {}
    about = held[0][draft(far).path]["get"]
    assert about["x-apigateway-roma-app"] == "orders-web"
    assert about["x-apigateway-backend"]["httpEndpoints"]["address"] == "orders-web.internal:8080"
    assert code(export(far, groups[0])) == (400, "APIG.2000")
    assert export(client(Switches(export_env_required=False)), groups[0]).status == 200
    assert code(export(far, "none", env_id=RELEASE)) == (404, "APIG.3001")


def test_an_import_creates_what_is_not_there_and_leaves_what_is() -> None:
    far = client()
    group = draft(far).group_id
    file = said(export(far, group, env_id=RELEASE))
    file["paths"]["/new"] = {"post": {"operationId": "brand_new", "x-apigateway-roma-app": "orders-web"}}
    file["paths"]["/lost"] = {"get": {"operationId": "lost", "x-apigateway-roma-app": "nobody"}}
    assert ended(import_(far, file, group)) == (["/new"], ["/lost"], [draft(far).path])
    assert ended(import_(far, file, group)) == ([], ["/lost"], [draft(far).path, "/new"])
    made = next(each for each in listed(far, "/apis", "apis", group_id=group) if each["req_uri"] == "/new")
    assert (made["name"], made["roma_app_name"], made["run_env_id"]) == ("brand_new", "orders-web", "")
    assert code(import_(far, {"info": {}}, group)) == (400, "APIG.2000")


def test_an_import_tells_what_is_there_and_whose_it_is_as_the_switches_say() -> None:
    far = client(Switches(api_merge_result=MergeResult.SUCCESS_UPDATE, api_file_unknown_app=UnknownApp.DEFAULT_APP))
    group = draft(far).group_id
    file = said(export(far, group, env_id=RELEASE))
    file["paths"]["/lost"] = {"get": {"operationId": "lost", "x-apigateway-roma-app": "nobody"}}
    reply = import_(far, file, group)
    told = [(each["path"], each["action"]) for each in said(reply)["success"]]
    assert told == [(draft(far).path, "update"), ("/lost", "create")]
    assert listed(far, "/apis", "apis", name="lost")[0]["roma_app_name"] == "orders-web"


def test_an_import_that_makes_its_group_makes_a_second_one_never() -> None:
    far = client()
    file = said(export(far, draft(far).group_id, env_id=RELEASE))
    assert code(import_(far, file, "", is_create_group="true")) == (400, "APIG.3201")
    file["info"] = {"title": "another-group"}
    assert ended(import_(far, file, "", is_create_group="true")) == ([draft(far).path], [], [])


def test_somebody_else_may_create_the_same_api_first() -> None:
    far = client(None, Rule(Kind.MEDDLED, frozenset({Operation.API_IMPORT})))
    group = draft(far).group_id
    file = said(export(far, group, env_id=RELEASE))
    file["paths"] = {"/new": {"get": {"operationId": "new", "x-apigateway-roma-app": "orders-web"}}}
    assert ended(import_(far, file, group)) == ([], [], ["/new"])
    made = listed(far, "/apis", "apis", name="new")[0]
    backend = said(far.get(f"/apis/{made['id']}", "apic"))["backend_api"]
    assert backend["url_domain"] == "somebody.else:1"


def test_a_function_behind_an_api_travels_by_its_urn() -> None:
    far = client()
    apis = far.service.holding("dev").apis
    apis.put(replace(draft(far), backend_type="FUNCTION", address="urn:fss:night"))
    file = said(export(far, draft(far).group_id, env_id=RELEASE))
    apis.remove(draft(far).id)
    assert ended(import_(far, file, draft(far).group_id)) == ([draft(far).path], [], [])
    made = listed(far, "/apis", "apis", name=draft(far).name)[0]
    assert said(far.get(f"/apis/{made['id']}", "apic"))["func_info"] == {"function_urn": "urn:fss:night"}


def test_a_group_that_holds_an_api_stays() -> None:
    far = client()
    assert code(far.ask("DELETE", far.path(f"/api-groups/{draft(far).group_id}", kind="apic"))) == (409, "APIG.4016")


# -- authorisations


def authorise(far: InMemoryClient, *api_ids: str, **more: object) -> list[Any]:
    caller = far.world.instance("dev").apps[1].id
    body: Json = {"env_id": RELEASE, "app_ids": [caller], "api_ids": list(api_ids), **more}
    told = send(far, "POST", "/app-auths", body, "apic").json["auths"]
    assert isinstance(told, list)
    return told


@pytest.mark.parametrize("reading", Reauthorised)
def test_each_pair_of_an_authorisation_succeeds_fails_or_was_there(reading: Reauthorised) -> None:
    far = client(Switches(reauthorise=reading))
    published = far.world.instance("dev").apis[1].id
    first = authorise(far, published, draft(far).id, auth_tunnel="GREEN", auth_blacklist=["10.0.0.1"])
    assert [each["auth_result"]["status"] for each in first] == ["SUCCESS", "FAILED"]
    assert [each["auth_result"]["status"] for each in authorise(far, published)] == [reading.value]
    there = listed(far, "/app-auths/binded-apps", "auths", api_id=published)
    assert [(each["app_name"], each["auth_tunnel"], each["auth_blacklist"]) for each in there] == [
        ("billing-web", "GREEN", ["10.0.0.1"])
    ]
    gone = far.ask("DELETE", far.path(f"/app-auths/{there[0]['id']}", kind="apic"))
    assert (gone.status, listed(far, "/app-auths/binded-apps", "auths", api_id=published)) == (204, [])


def test_somebody_else_may_authorise_first_and_let_addresses_pass() -> None:
    far = client(None, Rule(Kind.MEDDLED, frozenset({Operation.AUTHORISE})))
    published = far.world.instance("dev").apis[1].id
    assert [each["auth_result"]["status"] for each in authorise(far, published)] == ["SKIPPED"]
    there = listed(far, "/app-auths/binded-apps", "auths", api_id=published)
    assert [each["auth_whitelist"] for each in there] == [["192.0.2.7"]]
