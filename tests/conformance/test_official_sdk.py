"""The official SDK drives the emulator over a socket: what it accepts, the emulator speaks."""

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from anyio import to_thread
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.formdata import FormFile
from huaweicloudsdkroma import v2 as sdk

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.server import serve
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.world import World

QUICK = Durations(Duration(0.05), Duration(0.05), Duration(0.05))
_T = TypeVar("_T")
#: the SDK puts a Z behind a date of ROMA's lists, cannot read that as a time, says so, and gives the text back
UNREAD_DATES = pytest.mark.filterwarnings(
    "ignore:Unable to convert string to date:huaweicloudsdkcore.warning.warning.TypeConversionWarning"
)


async def talk(world: World, conversation: Callable[[str, World], _T]) -> _T:
    """Runs a blocking conversation in a thread against a served world."""
    async with serve(Api(Service(world, time.time))) as address:
        return await to_thread.run_sync(conversation, address.url, world)


def client(url: str, world: World, instance: str, user: str = "dev-migrator") -> Any:
    """The SDK's client for one instance, signing with the user's access key."""
    who = world.user(user)
    credentials = BasicCredentials(who.ak, who.sk, world.instance(instance).project_id)
    return sdk.RomaClient.new_builder().with_credentials(credentials).with_endpoint(url).build()


def ended(roma: Any, instance_id: str, job_id: str) -> Any:
    """The job when it no longer runs; at most 400 looks, each a whole request."""
    for _ in range(400):
        told = roma.check_asset_job_status(sdk.CheckAssetJobStatusRequest(instance_id=instance_id, job_id=job_id))
        if told.status != "RUNNING":
            return told
    pytest.fail("the job did not end")


def chosen(apps: list[str], tasks: list[str]) -> Any:
    """The body of an export."""
    return sdk.AssetExportRequest(
        apps=[sdk.AssetExportRequestApps(id=one) for one in apps],
        tasks=[sdk.AssetExportRequestTasks(id=one) for one in tasks],
    )


def removed(apps: list[str], tasks: list[str]) -> Any:
    """The body of a delete."""
    return sdk.AssetOperateRequest(
        apps=[sdk.AssetExportRequestApps(id=one) for one in apps],
        tasks=[sdk.AssetExportRequestTasks(id=one) for one in tasks],
    )


@UNREAD_DATES
async def test_the_sdk_lists_applications_and_tasks_page_by_page() -> None:
    def conversation(url: str, world: World) -> tuple[list[str], list[str], int]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        apps = [
            app.name
            for offset in (0, 20, 40)
            for app in roma.list_roma_app(sdk.ListRomaAppRequest(instance_id=dev.id, limit=20, offset=offset)).apps
        ]
        tasks = roma.list_tasks(sdk.ListTasksRequest(instance_id=dev.id, limit=999, offset=0))
        return apps, [task.task_name for task in tasks.entities], tasks.total

    world = generate(60, 400)
    apps, tasks, total = await talk(world, conversation)
    assert apps == [app.name for app in world.instance("dev").apps]
    assert tasks == [task.name for task in world.instance("dev").tasks]
    assert total == 400


@UNREAD_DATES
async def test_the_sdk_exports_polls_downloads_imports_and_deletes(tmp_path: Path) -> None:
    def conversation(url: str, world: World) -> list[list[str]]:
        dev, prod = world.instance("dev"), world.instance("prod")
        roma, target = client(url, world, "dev"), client(url, world, "prod", "prod-migrator")
        file = tmp_path / "assets.zip"
        _export(roma, dev.id, [app.id for app in dev.apps], [task.id for task in dev.tasks], file)
        with file.open("rb") as stream:
            body = sdk.ImportAssetRequestBody(FormFile(stream))
            job = target.import_asset(sdk.ImportAssetRequest(instance_id=prod.id, body=body))
        assert ended(target, prod.id, job.job_id).status == "SUCCEEDED"
        there = target.list_roma_app(sdk.ListRomaAppRequest(instance_id=prod.id, limit=100)).apps
        moved = target.list_tasks(sdk.ListTasksRequest(instance_id=prod.id, limit=100)).entities
        body = removed([app.id for app in there], [task.task_id for task in moved])
        job = target.delete_asset(sdk.DeleteAssetRequest(instance_id=prod.id, body=body))
        assert ended(target, prod.id, job.job_id).status == "SUCCEEDED"
        left = target.list_roma_app(sdk.ListRomaAppRequest(instance_id=prod.id, limit=100)).apps
        return [[app.name for app in there], [task.task_name for task in moved], [app.name for app in left]]

    world = generate(5, 7, durations=QUICK, filling=Filling(running_every=0))
    names = await talk(world, conversation)
    dev = world.instance("dev")
    assert names == [[app.name for app in dev.apps], [task.name for task in dev.tasks], []]


def _export(roma: Any, instance_id: str, apps: list[str], tasks: list[str], file: Path) -> None:
    body = chosen(apps, tasks)
    job = roma.export_asset(sdk.ExportAssetRequest(instance_id=instance_id, body=body))
    told = ended(roma, instance_id, job.job_id)
    assert told.status == "SUCCEEDED"
    request = sdk.DownloadAssetArchiveRequest(instance_id=instance_id, archive_id=told.archive_id)
    roma.download_asset_archive(request).consume_download_stream(lambda stream: _save(stream, file))
    assert zipfile.is_zipfile(file)
    with pytest.raises(ClientRequestException) as refused:
        roma.download_asset_archive(request)
    assert refused.value.status_code == 403


def _save(stream: Any, file: Path) -> None:
    with file.open("wb") as out:
        for chunk in stream.iter_content(4096):
            out.write(chunk)


async def test_the_sdk_is_refused_a_second_job_and_a_wrong_key() -> None:
    def conversation(url: str, world: World) -> tuple[str, str, int]:
        dev = world.instance("dev")
        roma = client(url, world, "dev")
        body = chosen([dev.apps[0].id], [])
        roma.export_asset(sdk.ExportAssetRequest(instance_id=dev.id, body=body))
        with pytest.raises(ClientRequestException) as busy:
            roma.export_asset(sdk.ExportAssetRequest(instance_id=dev.id, body=body))
        stranger = BasicCredentials(world.users[0].ak, "wrong", dev.project_id)
        other = sdk.RomaClient.new_builder().with_credentials(stranger).with_endpoint(url).build()
        with pytest.raises(ClientRequestException) as denied:
            other.list_roma_app(sdk.ListRomaAppRequest(instance_id=dev.id))
        return busy.value.error_code, denied.value.error_code, denied.value.status_code

    world = generate(2, 0, durations=Durations(Duration(3600.0)), switches=Switches())
    with anyio.fail_after(60):
        assert await talk(world, conversation) == ("ROMA.10012", "APIGW.0301", 401)


@UNREAD_DATES
async def test_the_sdk_reads_what_may_travel_and_was_never_documented() -> None:
    """Topics, products, custom back ends, authorisations, schedules and increment positions (Finishing 2)."""

    def conversation(url: str, world: World) -> dict[str, object]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        caller, task = dev.app("orders-web"), dev.tasks[1]
        topics = roma.list_mqs_instance_topics(sdk.ListMqsInstanceTopicsRequest(instance_id=dev.id, limit="2"))
        products = roma.list_products(sdk.ListProductsRequest(instance_id=dev.id, limit=2, app_id=caller.id))
        backends = roma.list_live_data_api_v2(sdk.ListLiveDataApiV2Request(instance_id=dev.id, limit=2, offset=1))
        auths = roma.list_apis_binded_to_app_v2(
            sdk.ListApisBindedToAppV2Request(instance_id=dev.id, app_id=caller.id)
        ).auths
        dispatch = roma.show_dispatches(sdk.ShowDispatchesRequest(instance_id=dev.id, task_id=task.id))
        detail = roma.show_task(sdk.ShowTaskRequest(instance_id=dev.id, task_id=task.id)).task_detail
        return {
            "topics": [(one.name, one.app_id, one.app_name) for one in topics.topics],
            "products": [(one.name, one.app_id) for one in products.items],
            "backends": [(one.name, one.roma_app_id) for one in backends.apis],
            "auths": [(one.api_name, one.app_id, one.env_name) for one in auths],
            "dispatch": (dispatch.use_quartz_cron, dispatch.cron),
            "position": json.loads(detail)["sourceSelectedDatasource"]["dataTimestamp"],
            "totals": (topics.total, products.total, backends.total),
        }

    world = generate(60, 4)
    dev = world.instance("dev")
    first, second = dev.apps[0], dev.apps[3]
    assert await talk(world, conversation) == {
        "topics": [(f"{one.name}-topic", one.key, one.name) for one in (first, second)],
        "products": [(f"{first.name}-product", first.id)],
        "backends": [(f"{dev.apps[at].name}-backend", dev.apps[at].id) for at in (3, 6)],
        "auths": [
            (f"{name}-api-{at}", first.id, "RELEASE") for name in ("billing-core", "stock-core") for at in (1, 2)
        ],
        "dispatch": (True, dev.tasks[1].cron),
        "position": dev.tasks[1].position,
        "totals": (20, 1, 20),
    }


async def test_the_sdk_is_told_that_a_task_has_no_schedule_and_what_a_switch_refuses() -> None:
    def conversation(url: str, world: World) -> list[tuple[int, str | None]]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        asked: list[Callable[[], object]] = [
            lambda: roma.show_dispatches(sdk.ShowDispatchesRequest(instance_id=dev.id, task_id=dev.tasks[0].id)),
            lambda: roma.list_mqs_instance_topics(sdk.ListMqsInstanceTopicsRequest(instance_id=dev.id)),
            lambda: roma.list_products(sdk.ListProductsRequest(instance_id=dev.id)),
            lambda: roma.list_live_data_api_v2(sdk.ListLiveDataApiV2Request(instance_id=dev.id)),
        ]
        told = []
        for each in asked:
            with pytest.raises(ClientRequestException) as refused:
                each()
            told.append((refused.value.status_code, refused.value.error_code))
        return told

    refused = Switches(topics_read=Told.REFUSED, products_read=Told.REFUSED, backends_read=Told.REFUSED)
    told = await talk(generate(6, 4, switches=refused), conversation)
    assert [status for status, _ in told] == [404, 403, 403, 403]
    assert told[3][1] == "APIG.1005"
