"""Reader and Client over a real socket: what is sent, byte for byte, and what comes back."""

import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.model.gateway import Place, PolicyKind
from orchestrator.core.model.inventory import ApiGroup, DictionaryEntry, JobStatus, ProjectConfig
from orchestrator.core.plan.plan import Instance, Mode
from orchestrator.roma import Client, Download, InventoryDisagrees, Reader, Roma
from orchestrator.roma.gateway import Gateway
from orchestrator.roma.known import KnownPages

if TYPE_CHECKING:
    from tests.roma.conftest import Script

Virtually = Callable[[Coroutine[Any, Any, object]], float]
P = "p" * 32


@pytest.fixture
def client(roma: Roma, instance: Instance) -> Client:
    return roma.client(instance, "key")


@pytest.fixture
def reader(roma: Roma, instance: Instance) -> Reader:
    return roma.reader(instance, "key")


def listed(field: str, *items: object) -> dict[str, object]:
    return {"total": len(items), "size": len(items), field: list(items)}


async def test_every_list_is_asked_for_at_its_address(reader: Reader, script: "Script") -> None:
    script.json(listed("apps", {"id": "a", "name": "orders"}))
    script.json(listed("entities", {"task_id": "t", "task_name": "nightly"}))
    script.json(listed("entities", {"datasource_id": "d", "datasource_name": "db", "content": {"password": "x"}}))
    script.json(listed("apis", {"id": "1", "name": "get"}))
    script.json(listed("groups", {"id": "g", "name": "group", "roma_app_id": "a"}))
    script.json(listed("features", {"name": "app_route", "enable": True}, {"name": "cors", "enable": False}))
    script.json(listed("configs", {"config_name": "API_NUM_LIMIT", "config_value": "5000", "used": 7}))
    script.json(listed("dictionaries", {"code": "c", "name": "n", "parent_code": "p"}))
    script.json(listed("instances", {"id": "i1", "name": "prod", "status": "RUNNING", "flavor_type": "basic"}))
    assert [app.name for app in await reader.apps()] == ["orders"]
    assert [task.name for task in await reader.tasks()] == ["nightly"]
    assert [source.name for source in await reader.datasources()] == ["db"]
    assert [api.name for api in await reader.apis()] == ["get"]
    assert await reader.api_groups() == (ApiGroup("g", "group", "a"),)
    assert await reader.features() == {"app_route": True, "cors": False}
    assert await reader.project_configs() == (ProjectConfig("API_NUM_LIMIT", "5000", 7),)
    assert await reader.dictionaries() == (DictionaryEntry("c", "n", "p"),)
    assert [x.flavor for x in await reader.instances()] == ["basic"]
    assert [seen.target for seen in script.seen] == [
        f"/v2/{P}/instances/i1/apps?limit=100&offset=0",
        f"/v2/{P}/fdi/instances/i1/tasks?limit=1000&offset=0",
        f"/v2/{P}/fdi/instances/i1/datasources?limit=500&offset=0",
        f"/v2/{P}/apic/instances/i1/apis?limit=500&offset=0",
        f"/v2/{P}/apic/instances/i1/api-groups?limit=500&offset=0",
        f"/v2/{P}/apic/instances/i1/features?limit=500&offset=0",
        f"/v2/{P}/apic/instances/i1/project/configs?limit=500&offset=0",
        f"/v2/{P}/instances/i1/dictionaries?limit=100&offset=0",
        f"/v2/{P}/instances?limit=100&offset=0",
    ]


async def test_single_things_are_asked_for_at_their_address(reader: Reader, script: "Script") -> None:
    script.json({"id": "a-b", "name": "orders"})
    script.json({"task": {"task_id": "t", "task_name": "nightly", "status": "running"}, "task_detail": "{}"})
    script.json({"instance_name": "prod", "status": "Running", "spec": "ROMA_BASIC", "supported_features": ["cors"]})
    script.json({"projects": [{"id": "found"}]})
    assert (await reader.app("a/b")).name == "orders"
    assert (await reader.task("t")).running
    details = await reader.instance()
    assert (details.id, details.name, details.supported_features) == ("i1", "prod", ("cors",))
    assert await reader.project_ids("cn-north-4") == ("found",)
    assert [seen.target for seen in script.seen] == [
        f"/v2/{P}/instances/i1/apps/a%2Fb",
        f"/v2/{P}/fdi/instances/i1/tasks/t",
        f"/v2/{P}/apic/instances/i1",
        "/v3/projects?name=cn-north-4",
    ]


async def test_a_region_without_a_project_is_gone(reader: Reader, script: "Script") -> None:
    script.json({"projects": []})
    with pytest.raises(RequestFailed, match="no project is named xx") as caught:
        await reader.project_ids("xx")
    assert caught.value.failed.failure is Failure.GONE


async def test_a_list_whose_count_disagrees_is_refused(reader: Reader, script: "Script") -> None:
    for _ in range(2):
        script.json({"total": 2, "apps": [{"id": "a", "name": "x"}]})
        script.json({"total": 2, "apps": []})
    with pytest.raises(InventoryDisagrees, match="at prod"):
        await reader.apps()


async def test_a_request_carries_the_signature_our_name_and_no_more(reader: Reader, script: "Script") -> None:
    script.json({"id": "j", "status": "Running"})
    await reader.job("j")
    headers = script.seen[0].headers
    assert headers["host"] == script.endpoint.removeprefix("http://")
    assert re.fullmatch(r"roma-migrate/\d+\.\d+\.\d+.*", headers["user-agent"])
    assert headers["authorization"].startswith(
        "SDK-HMAC-SHA256 Access=AKEXAMPLE0000000000X, SignedHeaders=content-type;host;x-project-id;x-sdk-date, "
    )
    assert headers["x-project-id"] == P
    assert set(headers) == {
        "host", "user-agent", "authorization", "x-project-id", "x-sdk-date", "content-type", "accept", "accept-encoding"
    }  # fmt: skip


async def test_a_job_is_read_in_the_dialect_it_comes_in(reader: Reader, script: "Script") -> None:
    script.json({"id": "j", "status": "Finished", "entities": {"archive_id": "z"}, "progress_percent": 100})
    job = await reader.job("j")
    assert (job.status, job.archive_id, job.progress) == (JobStatus.SUCCEEDED, "z", 1.0)
    assert script.seen[0].target == f"/v2/{P}/instances/i1/assets/jobs/j"


async def test_a_job_that_roma_does_not_know_is_gone(reader: Reader, script: "Script") -> None:
    script.json({"error_code": "ROMA.13000", "error_msg": "Invalid parameters."}, 403)
    with pytest.raises(RequestFailed) as caught:
        await reader.job("j")
    assert caught.value.failed.failure is Failure.GONE


@pytest.mark.parametrize("verb", ["export", "delete"])
async def test_export_and_delete_always_send_both_lists(client: Client, script: "Script", verb: str) -> None:
    script.json({"job_id": "j1"})
    script.json({"job_id": "j2"})
    ask = client.export if verb == "export" else client.delete
    assert await ask(["a1", "a2"], []) == "j1"
    assert await ask([], ["t1"]) == "j2"
    first, second = script.seen
    assert first.method == "POST"
    assert first.target == f"/v2/{P}/instances/i1/assets/{verb}"
    assert first.headers["content-type"] == "application/json;charset=UTF-8"
    assert json.loads(first.body) == {"apps": [{"id": "a1"}, {"id": "a2"}], "tasks": []}
    assert json.loads(second.body) == {"apps": [], "tasks": [{"id": "t1"}]}


@pytest.mark.parametrize(("apps", "tasks"), [(0, 0), (101, 0), (60, 41)])
async def test_more_than_a_hundred_or_no_assets_never_leave(
    client: Client, script: "Script", apps: int, tasks: int
) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        await client.export(["a"] * apps, ["t"] * tasks)
    assert script.seen == []


@pytest.mark.parametrize(
    ("mode", "prefix", "overwrite", "query"),
    [
        (Mode.ADD_NEW, "", False, "type=AddNew"),
        (Mode.ADD_NEW, "dr_", True, "prefix=dr_&type=AddNew"),
        (Mode.MERGE, "", False, "datasource_overwrite=false&type=Merge"),
        (Mode.MERGE, "订 单", True, "datasource_overwrite=true&prefix=%E8%AE%A2%20%E5%8D%95&type=Merge"),
    ],
)
async def test_an_import_says_in_its_address_how_it_is_meant(
    client: Client, script: "Script", tmp_path: Path, mode: Mode, prefix: str, overwrite: bool, query: str
) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(b"PK")
    script.json({"job_id": "j"})
    await client.import_package(str(path), mode, prefix, overwrite)
    assert script.seen[0].target == f"/v2/{P}/instances/i1/assets/import?{query}"


async def test_an_import_is_a_form_with_one_file_and_a_length(client: Client, script: "Script", tmp_path: Path) -> None:
    path = tmp_path / "0f-a.b.zip"
    path.write_bytes(b"PK" * 300_000)
    script.json({"job_id": "j"})
    assert await client.import_package(str(path), Mode.ADD_NEW, "", False) == "j"
    seen = script.seen[0]
    found = re.fullmatch(r"multipart/form-data; boundary=([\w-]+)", seen.headers["content-type"])
    assert found is not None
    boundary = found[1].encode()
    disposition = b'Content-Disposition: form-data; name="ImportAssetRequestBody"; filename="0f-a-b.zip"'
    content = b"Content-Type: application/zip"
    expected = b"--%b\r\n%b\r\n%b\r\n\r\n%b\r\n--%b--\r\n" % (boundary, disposition, content, b"PK" * 300_000, boundary)
    assert seen.body == expected
    assert seen.headers["content-length"] == str(len(expected))
    assert "transfer-encoding" not in seen.headers
    assert seen.headers["x-sdk-content-sha256"] == "UNSIGNED-PAYLOAD"


@pytest.mark.parametrize(
    ("status", "code", "failure"),
    [
        (400, "ROMA.10012", Failure.BUSY),
        (413, "APIGW.0201", Failure.TOO_LARGE),
        (504, "APIGW.0201", Failure.SERVER),
        (403, "ROMA.1006", Failure.DENIED),
        (400, "ROMA.10010", Failure.NOT_CREATED),
        (302, "", Failure.GARBAGE),
        (429, "APIGW.0308", Failure.THROTTLED),
    ],
)
async def test_a_refused_write_is_told_and_not_repeated(
    client: Client, script: "Script", status: int, code: str, failure: Failure
) -> None:
    script.json({"error_code": code, "error_msg": "words", "request_id": "r1"}, status)
    with pytest.raises(RequestFailed) as caught:
        await client.export(["a"], [])
    assert caught.value.failed.failure is failure
    assert caught.value.failed.request_id == "r1"
    assert caught.value.request == "POST assets/export at prod"
    assert len(script.seen) == 1


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b'{"job_id": ""}', b'{"job_id": null}', b"\xff"])
async def test_a_success_without_a_job_id_is_garbage(client: Client, script: "Script", body: bytes) -> None:
    script.raw(body)
    with pytest.raises(RequestFailed) as caught:
        await client.export(["a"], [])
    assert caught.value.failed.failure is Failure.GARBAGE


async def test_a_write_whose_answer_is_lost_is_dropped_and_sent_once(
    client: Client, script: "Script", tmp_path: Path
) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(b"PK" * 10)
    script.drop()
    with pytest.raises(RequestFailed) as caught:
        await client.import_package(str(path), Mode.ADD_NEW, "", False)
    assert caught.value.failed.failure is Failure.DROPPED
    assert len(script.seen) == 1


async def test_a_token_is_fetched_shown_and_renewed_over_the_wire(
    roma: Roma, instance: Instance, script: "Script"
) -> None:
    script.token("ONE")
    script.json({"error_code": "APIGW.0307", "error_msg": "The token must be updated."}, 401)
    script.token("TWO")
    script.json({"job_id": "j"})
    assert await roma.client(instance, "password").export(["a"], []) == "j"
    assert [seen.headers.get("x-auth-token", "-") for seen in script.seen] == ["-", "ONE", "-", "TWO"]
    assert script.seen[1].body == script.seen[3].body


async def test_a_download_is_one_get_on_a_connection_of_its_own(client: Client, script: "Script") -> None:
    script.json({"id": "j", "status": "SUCCEEDED", "archive_id": "z"})
    script.raw(b"PK" * 100_000)
    await client.job("j")
    async with client.download("z") as download:
        assert download.length == 200_000
        assert b"".join([chunk async for chunk in download.chunks()]) == b"PK" * 100_000
    job, get = script.seen
    assert (get.method, get.target) == ("GET", f"/v2/{P}/instances/i1/assets/archives/z")
    assert get.headers["accept-encoding"] == "identity"
    assert get.port != job.port


async def test_a_download_may_come_without_a_length(client: Client, script: "Script") -> None:
    script.stream(b"PK", announced=None, then="end")
    async with client.download("z") as download:
        assert download.length is None
        assert [chunk async for chunk in download.chunks()] == [b"PK"]


@pytest.mark.parametrize("announced", [100, None])
async def test_a_download_cut_short_is_told_and_not_repeated(
    client: Client, script: "Script", announced: int | None
) -> None:
    script.stream(b"PK", announced=announced, then="cut")

    async def fetch() -> None:
        async with client.download("z") as download:
            async for _ in download.chunks():
                pass

    with pytest.raises(RequestFailed) as caught:
        await fetch()
    assert caught.value.failed.failure is Failure.DROPPED
    assert caught.value.request == "GET assets/archives/z at prod"
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    ("status", "failure"),
    [(404, Failure.GONE), (403, Failure.DENIED), (302, Failure.GARBAGE), (206, Failure.GARBAGE), (503, Failure.SERVER)],
)
async def test_a_refused_download_is_told_and_not_repeated(
    client: Client, script: "Script", status: int, failure: Failure
) -> None:
    script.raw(b"", status)
    with pytest.raises(RequestFailed) as caught:
        async with client.download("z"):
            pass
    assert caught.value.failed.failure is failure
    assert len(script.seen) == 1


async def test_a_download_whose_connection_dies_is_not_repeated(client: Client, script: "Script") -> None:
    script.drop()
    with pytest.raises(RequestFailed) as caught:
        async with client.download("z"):
            pass
    assert caught.value.failed.failure is Failure.DROPPED
    assert len(script.seen) == 1


async def test_a_download_is_asked_again_with_a_new_token(roma: Roma, instance: Instance, script: "Script") -> None:
    script.token("ONE")
    script.json({"error_code": "APIGW.0307", "error_msg": "renew"}, 401)
    script.token("TWO")
    script.raw(b"PK")
    async with roma.client(instance, "password").download("z") as download:
        assert [chunk async for chunk in download.chunks()] == [b"PK"]


def test_a_download_that_only_trickles_is_given_up(virtually: Virtually) -> None:
    class Trickle:
        status = 200
        headers: Mapping[str, str] = MappingProxyType({})

        async def read(self, limit: int) -> bytes:
            return b""

        async def chunks(self) -> AsyncIterator[bytes]:
            while True:
                await anyio.sleep(50)
                yield b"x"

    async def run() -> None:
        with pytest.raises(RequestFailed) as caught:
            async for _ in Download(Trickle(), "GET assets/archives/z at prod").chunks():
                pass
        assert caught.value.failed.failure is Failure.HUNG

    assert virtually(run()) < 300


async def test_what_the_user_of_a_download_raises_passes_through(client: Client, script: "Script") -> None:
    script.raw(b"PK" * 1000)
    with pytest.raises(ZeroDivisionError):
        async with client.download("z"):
            raise ZeroDivisionError
    assert len(script.seen) == 1


async def test_no_secret_shows_in_anything_that_leaves(roma: Roma, instance: Instance, script: "Script") -> None:
    script.json({"error_code": "X.1", "error_msg": "SKexample/secret+key0000000000000000000000 no"}, 500)
    with pytest.raises(RequestFailed) as caught:
        await roma.client(instance, "key").export(["a"], [])
    script.json({"error": {"code": 401, "message": "correct horse battery?"}}, 401)
    with pytest.raises(RequestFailed) as refused:
        await roma.client(instance, "password").export(["a"], [])
    told = f"{caught.value!r}{caught.value.failed!r}{refused.value!r}{refused.value.failed!r}"
    assert "SKexample" not in told
    assert "correct horse" not in told


def test_a_reader_has_no_writing_method_and_holds_no_object_that_has_one(roma: Roma, instance: Instance) -> None:
    reader = roma.reader(instance, "key")
    assert not isinstance(reader, Client)
    writing = {"export", "delete", "import_package", "download", "send", "ask", "open"}
    assert writing.isdisjoint(dir(reader))
    for held in vars(reader).values():
        assert isinstance(held, Instance | FunctionType | KnownPages)
        assert writing.isdisjoint(dir(held))


async def test_whatever_a_reader_is_asked_leaves_as_a_get(reader: Reader, script: "Script") -> None:
    names = ["apps", "tasks", "datasources", "apis", "api_groups", "features", "project_configs", "dictionaries"]
    names += ["topics", "products", "backends"]
    of_one = [
        "authorisations",
        "schedule",
        "position",
        "connection",
        "app_secret",
        "app_codes",
        "members",
        "candidates",
    ]
    for name in [*names, "instances"]:
        script.json({"total": 0, "apps": []})
        await getattr(reader, name)()
    for name in of_one:
        told = {"total": 0, "cron": "0 0 2 * * ?", "task_detail": "{}", "users": [], "secret": "s"}
        script.json({**told, "datasource_id": "d", "datasource_name": "n", "datasource_type": "MYSQL", "app_id": "a"})
        await getattr(reader, name)("an-id")
    assert {seen.method for seen in script.seen} == {"GET"}
    assert {name for name in dir(Reader) if not name.startswith("_")} == {
        *names, *of_one, "instances", "instance", "app", "task", "job", "project_ids", "clock_offset", "gateway",
        "messaging", "devices",
    }  # fmt: skip


async def test_whatever_is_asked_of_service_integration_leaves_as_a_get_but_for_one_file(
    reader: Reader, script: "Script"
) -> None:
    place = Place("app", "group", "GET", "/x")
    asked: dict[str, tuple[object, ...]] = {
        "environments": (), "apis_of": ("app",), "api_at": (place,), "backend": ("api",),
        "publications": ("api",), "in_force": ("api", "env"), "authorised": ("api",), "may_call": ("app",),
        "policies": (PolicyKind.SIGN,), "bindings": (PolicyKind.SIGN,), "bound": (PolicyKind.SIGN, "api"),
    }  # fmt: skip
    for name, words in asked.items():
        script.json({"total": 0})
        await getattr(reader.gateway, name)(*words)
    assert {seen.method for seen in script.seen} == {"GET"}
    assert {name for name in dir(Gateway) if not name.startswith("_")} == {*asked, "definitions"}
    script.json({"paths": {}})
    await reader.gateway.definitions("group", "api", "env", "dev")
    last = script.seen[-1]
    assert (last.method, last.target.rpartition("/instances/")[2].partition("/")[2]) == ("POST", "openapi/export")
