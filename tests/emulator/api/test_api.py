"""The wire, without a socket: who may ask, what is answered, how it is refused."""

import json
from dataclasses import replace

import pytest

from orchestrator.emulator.protocol.messages import NoLength, Reply, Request
from orchestrator.emulator.service.exports import Chosen
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import ArchiveIdPlace, Offset, Progress, ReasonKey, StatusVocab
from orchestrator.emulator.world.world import World
from tests.emulator.in_memory_client import FORM, SHORT, Ask, InMemoryClient, form, named, signed, token_request

ORDERS = "orders-web"


def client(switches: Switches | None = None, apps: int = 4, tasks: int = 6) -> InMemoryClient:
    return InMemoryClient(generate(apps, tasks, switches=switches, durations=SHORT))


def code(reply: Reply) -> tuple[int, str]:
    return reply.status, str(reply.json.get("error_code", ""))


def exported(far: InMemoryClient, seconds: float = 10) -> dict[str, object]:
    """The job of an export, told that much later."""
    job_id = str(far.export((ORDERS,)).json["job_id"])
    far.now += seconds
    return far.job(job_id)


# -- who asks


def test_a_token_is_given_for_a_password_and_ends_with_its_lifetime() -> None:
    far = InMemoryClient(replace(generate(1, 0), token_lifetime=2.0))
    reply = far.api.handle(token_request(far.world.users[0], far.world.instance("dev").project_id))
    assert reply.status == 201
    assert len(reply.headers["x-subject-token"]) == far.world.token_length
    assert "catalog" not in bytes(reply.body).decode()
    token = {"x-auth-token": reply.headers["x-subject-token"]}
    assert far.api.handle(Request("GET", far.path("/apps"), headers=token)).status == 200
    far.now += 2
    assert code(far.api.handle(Request("GET", far.path("/apps"), headers=token))) == (401, "APIGW.0307")


def test_wrong_passwords_lock_the_user_and_are_counted() -> None:
    far = client()
    user, project = far.world.users[0], far.world.instance("dev").project_id
    for _ in range(5):
        reply = far.api.handle(token_request(user, project, "wrong"))
        assert reply.status == 401
        assert set(reply.json["error"]) == {"code", "message", "title"}  # type: ignore[call-overload]  # JSON is untyped
    assert far.api.handle(token_request(user, project)).status == 401
    assert far.api.identity.token_requests["acme/dev-migrator"] == 6


def test_a_token_of_another_project_is_refused() -> None:
    far = client()
    headers = {"x-auth-token": far.token(instance="prod")}
    assert code(far.api.handle(Request("GET", far.path("/apps"), headers=headers))) == (403, "APIGW.0310")


def test_signed_requests_are_accepted_within_15_minutes() -> None:
    far = client()
    project = {"x-project-id": far.world.instance("dev").project_id}
    request = Request("GET", far.path("/apps"), (("limit", "2"),), project)
    user = far.world.users[0]
    assert far.api.handle(signed(request, user, far.now)).json["size"] == 2
    assert code(far.api.handle(signed(request, user, far.now - 901))) == (401, "APIGW.0301")
    assert code(far.api.handle(request)) == (401, "APIGW.0301")
    wrong = replace(user, sk="other")
    assert code(far.api.handle(signed(request, wrong, far.now))) == (401, "APIGW.0301")


def test_a_security_token_must_come_with_a_temporary_key() -> None:
    user = replace(generate(1, 0).users[0], security_token="temporary")
    far = InMemoryClient(generate(1, 0, users=(user,)))
    bare = Request("GET", far.path("/apps"))
    carrying = Request("GET", far.path("/apps"), (), {"x-security-token": "temporary"})
    assert far.api.handle(signed(bare, user, far.now)).status == 401
    assert far.api.handle(signed(carrying, user, far.now)).status == 200


def test_a_signed_body_over_12_mb_is_too_large_and_one_with_a_token_is_not() -> None:
    far = client(Switches(package_padding=13 * 1024 * 1024))
    package = far.package((ORDERS,))
    request = Request("POST", far.path("/assets/import", "prod"), (), FORM, form(package))
    assert code(far.api.handle(signed(request, far.world.users[0], far.now))) == (413, "APIGW.0201")
    assert far.import_(package).status == 200


def test_projects_are_found_by_region() -> None:
    far = client()
    request = Request("GET", "/v3/projects", (("name", "local-1"),))
    projects = far.api.handle(signed(request, far.world.users[0], far.now)).json["projects"]
    assert isinstance(projects, list)
    assert {one["id"] for one in projects} == {one.project_id for one in far.world.instances}


# -- envelopes


def test_each_layer_refuses_in_its_own_envelope() -> None:
    far = client()
    roma = far.ask("POST", far.path("/assets/export"), Ask(body=named(Chosen((), ()))))
    fdi = far.get("/tasks/nothing", "fdi")
    apic = far.get("/apis", "apic", Ask(query=(("limit", "many"),)))
    gateway = far.get("/nowhere")
    assert (code(roma), set(roma.json)) == (
        (400, "ROMA.13000"),
        {"error_code", "error_msg", "error_details", "request_id"},
    )
    assert (code(fdi), set(fdi.json)) == ((404, "FDI.3081"), {"error_code", "error_msg"})
    assert (code(apic), set(apic.json)) == ((400, "APIG.2012"), {"error_code", "error_msg"})
    assert (code(gateway), set(gateway.json)) == ((404, "APIGW.0101"), {"error_code", "error_msg", "request_id"})
    assert gateway.headers["x-request-id"] == gateway.json["request_id"]


def test_the_status_of_roma_errors_is_a_switch() -> None:
    assert code(client(Switches(error_http_status=403)).export(())) == (403, "ROMA.13000")


def test_an_unknown_instance_is_refused() -> None:
    far = client()
    path = f"/v2/{far.world.instance('dev').project_id}/instances/nobody/apps"
    assert code(far.ask("GET", path)) == (403, "ROMA.1006")


# -- writing


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"apps": []}', b'{"apps": [{}], "tasks": []}'])
def test_a_wrong_body_is_refused(body: bytes) -> None:
    far = client()
    status, error = code(far.ask("POST", far.path("/assets/export"), Ask(body=body)))
    assert (status, error) == (400, "ROMA.13000" if body else "ROMA.13001")


def test_the_tasks_array_may_be_left_out_where_the_switch_says_so() -> None:
    far = client(Switches(strict_tasks_required=False))
    body = json.dumps({"apps": [{"id": far.world.instance("dev").app(ORDERS).id}]}).encode()
    assert far.ask("POST", far.path("/assets/export"), Ask(body=body)).status == 200


@pytest.mark.parametrize(
    ("filename", "strict", "status"),
    [
        ("batch.zip", True, 200),
        ("a+b-c_d.zip", True, 200),
        ("_batch.zip", True, 400),
        ("ba.tch.zip", True, 400),
        ("batch.tar", True, 400),
        ("ba.tch.zip", False, 200),
        ("batch.tar", False, 400),
    ],
)
def test_the_upload_name_is_checked(filename: str, strict: bool, status: int) -> None:
    far = client(Switches(strict_filename=strict))
    ask = Ask("prod", headers=FORM, body=form(far.package((ORDERS,)), filename))
    reply = far.ask("POST", far.path("/assets/import", "prod"), ask)
    assert reply.status == status
    assert status == 200 or reply.json["error_code"] == "ROMA.10013"


def test_an_upload_without_the_documented_field_or_a_sound_zip_is_refused() -> None:
    far = client()
    path = far.path("/assets/import", "prod")
    other = Ask("prod", headers=FORM, body=form(b"x", field_name="file"))
    assert code(far.ask("POST", path, other)) == (400, "ROMA.13001")
    assert code(far.import_(b"no zip")) == (400, "ROMA.10011")
    assert code(far.import_(far.package((ORDERS,)), (("type", "Both"),))) == (400, "ROMA.13000")


def test_a_second_job_is_refused_with_10012() -> None:
    far = client()
    assert far.export((ORDERS,)).status == 200
    assert code(far.export((ORDERS,))) == (400, "ROMA.10012")


# -- the job's dialects


@pytest.mark.parametrize(
    ("vocab", "words"),
    [
        (StatusVocab.UPPER, ["RUNNING", "SUCCEEDED", "SUCCEEDED"]),
        (StatusVocab.LEGACY, ["Running", "Success", "Finished"]),
        (StatusVocab.MIXED, ["Running", "SUCCEEDED", "SUCCEEDED"]),
    ],
)
def test_a_job_uses_the_words_of_its_vocabulary(vocab: StatusVocab, words: list[str]) -> None:
    far = client(Switches(status_vocab=vocab))
    running = exported(far, 5)
    far.now += 5
    done = far.job(str(running["id"]))
    far.get(f"/assets/archives/{done['archive_id']}")
    after = far.job(str(running["id"]))
    assert [running["status"], done["status"], after["status"]] == words
    assert "archive_id" not in after


def test_a_job_may_use_an_unknown_word_in_its_first_half() -> None:
    far = client(Switches(running_word="Initialising"))
    told = exported(far, 4)
    far.now += 2
    assert (told["status"], far.job(str(told["id"]))["status"]) == ("Initialising", "RUNNING")


@pytest.mark.parametrize(
    ("place", "top", "nested"),
    [(ArchiveIdPlace.TOP, True, False), (ArchiveIdPlace.ENTITIES, False, True), (ArchiveIdPlace.BOTH, True, True)],
)
def test_the_archive_id_stands_where_the_switch_says(place: ArchiveIdPlace, top: bool, nested: bool) -> None:
    told = exported(client(Switches(archive_id_place=place)))
    assert ("archive_id" in told, "entities" in told) == (top, nested)


@pytest.mark.parametrize(
    ("key", "keys"),
    [
        (ReasonKey.REASONS, {"reasons"}),
        (ReasonKey.REASON, {"reason"}),
        (ReasonKey.BOTH, {"reasons", "reason"}),
    ],
)
def test_failure_causes_stand_under_the_key_of_the_switch(key: ReasonKey, keys: set[str]) -> None:
    far = client(Switches(reason_key=key, reason_single=key is ReasonKey.REASON))
    package = far.package((), ("orders-web-to-billing-web-daily-0001",))
    job_id = str(far.import_(package).json["job_id"])
    far.now += 20
    told = far.job(job_id, "prod")
    assert keys == {"reasons", "reason"} & set(told)
    assert isinstance(told[keys.pop()], dict if key is ReasonKey.REASON else list)


@pytest.mark.parametrize(
    ("progress", "expected"), [(Progress.TRUTHFUL, 0.5), (Progress.PERCENT, 50.0), (Progress.ABSENT, None)]
)
def test_progress_is_told_as_the_switch_says(progress: Progress, expected: float | None) -> None:
    assert exported(client(Switches(progress=progress)), 5).get("progress_percent") == expected


def test_a_download_may_lack_its_length() -> None:
    far = client(Switches(content_length=False))
    reply = far.get(f"/assets/archives/{exported(far)['archive_id']}")
    assert reply.how == NoLength()


# -- reading


def every_id(far: InMemoryClient, rest: str, kind: str, limit: int, step: int) -> list[str]:
    """Ids of all pages, advancing by `step` for each record or page."""
    found: list[str] = []
    for number in range(20):
        query = (("limit", str(limit)), ("offset", str(number * step)))
        told = far.get(rest, kind, Ask(query=query)).json
        page = told.get("apps", told.get("entities"))
        assert isinstance(page, list)
        assert told["size"] == len(page)
        found += [str(one.get("id") or one.get("task_id") or one.get("datasource_id")) for one in page]
        if not page:
            assert told["total"] == len(found)
            return found
    raise AssertionError("no end")


@pytest.mark.parametrize(
    ("rest", "kind", "count"), [("/apps", "", 7), ("/tasks", "fdi", 9), ("/datasources", "fdi", 14)]
)
@pytest.mark.parametrize(("offset", "step"), [(Offset.RECORD, 3), (Offset.PAGE, 1)])
def test_lists_are_paged_by_record_or_by_page(rest: str, kind: str, count: int, offset: Offset, step: int) -> None:
    far = client(Switches(offset=offset), apps=7, tasks=9)
    found = every_id(far, rest, kind, 3, step)
    assert (len(found), len(set(found))) == (count, count)


def test_tasks_tell_their_applications_and_details_their_data_sources() -> None:
    far = client()
    task = far.world.instance("dev").tasks[0]
    listed = far.get("/tasks", "fdi").json["entities"]
    assert isinstance(listed, list)
    assert (listed[0]["source_app_id"], listed[0]["status"]) == (task.source_app_id, 0)
    detail = far.get(f"/tasks/{task.id}", "fdi").json["task"]
    assert isinstance(detail, dict)
    assert detail["source_datasource_id"] == task.source_datasource_id
    assert detail["status"] == "stop"


def test_tasks_are_started_and_stopped_in_a_batch() -> None:
    far = client()
    task = far.world.instance("dev").tasks[0]
    body = json.dumps({"action_id": "start", "list": [{"task_id": task.id}, {"task_id": "nothing"}]}).encode()
    told = far.ask("POST", far.path("/batch-operation/tasks", kind="fdi"), Ask(body=body)).json
    assert (told["success_count"], told["failure_count"]) == (1, 1)
    listed = far.get("/tasks", "fdi").json["entities"]
    assert isinstance(listed, list)
    assert listed[0]["status"] == 1


def test_a_list_that_was_told_before_tells_a_change_at_once() -> None:
    far = client()
    task = far.world.instance("dev").tasks[0]
    body = json.dumps({"action_id": "start", "list": [{"task_id": task.id}]}).encode()
    words = []
    for _ in range(2):
        listed = far.get("/tasks", "fdi").json["entities"]
        assert isinstance(listed, list)
        words.append([one["execute_status"] for one in listed])
        far.ask("POST", far.path("/batch-operation/tasks", kind="fdi"), Ask(body=body))
    assert words == [["UNSTARTED"] * 6, ["RUNNING"] + ["UNSTARTED"] * 5]


def test_each_reader_of_a_list_is_told_its_own_roles() -> None:
    far = client()
    owns = []
    for user in ("dev-migrator", "prod-migrator", "dev-migrator"):
        listed = far.get("/apps", ask=Ask(user=user)).json["apps"]
        assert isinstance(listed, list)
        owns.append({(one["owner"], "admin" in one["roles"]) for one in listed})
    assert owns == [{(True, True)}, {(False, False)}, {(True, True)}]


@pytest.mark.parametrize(
    ("rest", "kind", "key"),
    [
        ("/apis", "apic", "apis"),
        ("/api-groups", "apic", "groups"),
        ("/envs", "apic", "envs"),
        ("/features", "apic", "features"),
        ("/project/configs", "apic", "configs"),
        ("/dictionaries", "", "dictionaries"),
    ],
)
def test_other_lists_have_total_size_and_records(rest: str, kind: str, key: str) -> None:
    told = client().get(rest, kind).json
    assert set(told) == {"total", "size", key}
    assert told["size"]


def test_the_instance_and_the_instances_of_a_project_are_told() -> None:
    far = client()
    dev = far.world.instance("dev")
    assert far.get("", "apic").json["instance_name"] == "dev"
    told = far.ask("GET", f"/v2/{dev.project_id}/instances").json["instances"]
    assert isinstance(told, list)
    assert [one["id"] for one in told] == [dev.id]


def test_bindings_hint_at_who_calls_whom() -> None:
    far = client(apps=60, tasks=0)
    app = far.world.instance("dev").app(ORDERS)
    told = far.get("/app-auths/binded-apis", "apic", Ask(query=(("app_id", app.id),))).json["auths"]
    assert isinstance(told, list)
    assert {one["roma_app_id"] for one in told} == set(app.calls)


def test_names_and_keys_are_checked_for_the_whole_instance() -> None:
    far = client()
    assert far.get("/validate-apps", ask=Ask(query=(("name", ORDERS),))).json == {"valid": False}
    assert far.get("/validate-apps", ask=Ask(query=(("name", "free"),))).json == {"valid": True}


def test_requests_are_counted_and_listed_without_secrets() -> None:
    far = client()
    far.export((ORDERS,))
    far.get("/apps")
    assert far.api.requests == {Operation.TOKEN: 1, Operation.EXPORT: 1, Operation.APPS: 1}
    assert [one.user for one in far.api.seen] == ["", "acme/dev-migrator", "acme/dev-migrator"]
    told = repr(list(far.api.seen)) + repr(far.world)
    assert not [secret for user in far.world.users for secret in (user.sk, user.password) if secret in told]


def test_the_same_seed_and_calls_give_the_same_bytes() -> None:
    def talk() -> list[bytes]:
        far = client(Switches(progress=Progress.NOISY))
        job_id = str(far.export((ORDERS,)).json["job_id"])
        return [bytes(far.get(f"/assets/jobs/{job_id}").body) for _ in range(5)]

    assert talk() == talk()


def test_a_world_is_not_changed_by_running_it() -> None:
    world: World = generate(4, 6, durations=SHORT)
    far = InMemoryClient(world)
    far.wait(str(far.import_(far.package((ORDERS,))).json["job_id"]))
    assert far.names()[0] == [ORDERS]
    assert world == generate(4, 6, durations=SHORT)
