"""The official SDK changes what is not an asset, at once and without a job (Finishing 2), over a socket."""

from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkroma import v2 as sdk

from orchestrator.emulator.world.finishing_readings import SecretRead
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import World
from tests.conformance.test_official_sdk import UNREAD_DATES, client, talk


async def test_the_sdk_creates_changes_and_deletes_entries_of_the_dictionary() -> None:
    def conversation(url: str, world: World) -> dict[str, Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")

        def create(**fields: Any) -> Any:
            return roma.create_dictionary(
                sdk.CreateDictionaryRequest(instance_id=dev.id, body=sdk.CreateDictionary(**fields))
            )

        def codes(parent: str | None = None) -> list[str]:
            request = sdk.ListDictionaryRequest(instance_id=dev.id, parent_code=parent)
            return [each.code for each in roma.list_dictionary(request).dictionaries]

        def delete(dict_id: str) -> Any:
            return roma.delete_dictionary(sdk.DeleteDictionaryRequest(instance_id=dev.id, dict_id=dict_id))

        top = create(name="Region", code="REGION", order=3)
        child = create(name="North", code="NORTH", parent_code="REGION", extend_one="x")
        with pytest.raises(ClientRequestException) as twice:
            create(name="North", code="NORTHERN")
        body = sdk.UpdateDictionary(name="Far north", remark="cold")
        roma.update_dictionary(sdk.UpdateDictionaryRequest(instance_id=dev.id, dict_id=child.id, body=body))
        read = roma.check_dictionary(sdk.CheckDictionaryRequest(instance_id=dev.id, dict_id=child.id))
        taken = roma.validate_dictionary(sdk.ValidateDictionaryRequest(instance_id=dev.id, code="NORTH"))
        before = codes(), codes("REGION")
        deleted = delete(top.id).status_code
        with pytest.raises(ClientRequestException) as absent:
            delete(top.id)
        return {
            "created": (top.status_code, child.parent_code, child.extend_one),
            "twice": (twice.value.status_code, twice.value.error_code),
            "read": (read.name, read.remark, read.code, str(read.type)),
            "taken": taken.name,
            "before": before,
            "deleted": (deleted, absent.value.status_code, codes(), codes("REGION")),
        }

    told = await talk(generate(1, 0), conversation)
    assert told == {
        "created": (201, "REGION", "x"),
        "twice": (400, "ROMA.19003"),
        "read": ("Far north", "cold", "NORTH", "user"),
        "taken": "Far north",
        "before": (["COUNTRY", "CURRENCY", "REGION"], ["NORTH"]),
        "deleted": (204, 404, ["COUNTRY", "CURRENCY"], []),
    }


async def test_the_sdk_enters_a_connection_and_tries_it_out() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        one = dev.datasources[0]
        body = sdk.DatasourceInfo(
            datasource_name=one.name,
            datasource_type=one.type,
            app_id=one.app_id,
            content=sdk.Content(host="db.example.test", port="3306", user_name="loader", password="new", https=True),
            description="of the night",
        )
        about = {"instance_id": dev.id, "datasource_id": one.id, "body": body}
        changed = roma.update_datasource_info(sdk.UpdateDatasourceInfoRequest(**about))
        works = roma.start_test_datasource(sdk.StartTestDatasourceRequest(**about))
        body.content.password = "******"
        with pytest.raises(ClientRequestException) as masked:
            roma.start_test_datasource(sdk.StartTestDatasourceRequest(**about))
        read = roma.list_datasources(sdk.ListDatasourcesRequest(instance_id=dev.id, limit=1)).entities[0]
        return [
            (changed.status_code, changed.content.host, changed.content.password, changed.description),
            works.result,
            (masked.value.status_code, masked.value.error_code),
            (read.content.https, read.content.password, read.update_time == changed.update_time),
        ]

    world = generate(1, 0, switches=Switches(datasource_secret_read=SecretRead.MASKED))
    assert await talk(world, conversation) == [
        (200, "db.example.test", "******", "of the night"),
        True,
        (400, "FDI.3016"),
        (True, "******", True),
    ]


@UNREAD_DATES
async def test_the_sdk_keeps_a_secret_and_creates_app_codes() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        about = {"instance_id": dev.id, "app_id": dev.apps[0].id}
        chosen = sdk.UpdateAppSecretReq(secret="kept/at-the=source.1")
        roma.reset_roma_app_secret(sdk.ResetRomaAppSecretRequest(**about, body=chosen))
        kept = roma.check_roma_app_secret(sdk.CheckRomaAppSecretRequest(**about)).secret
        body = sdk.AppCodeCreate(app_code="a" * 64)
        made = roma.create_app_code_v2(sdk.CreateAppCodeV2Request(**about, body=body))
        with pytest.raises(ClientRequestException) as twice:
            roma.create_app_code_v2(sdk.CreateAppCodeV2Request(**about, body=body))
        random = roma.create_app_code_auto_v2(sdk.CreateAppCodeAutoV2Request(**about))
        one = sdk.ShowDetailsOfAppCodeV2Request(**about, app_code_id=made.id)
        read = roma.show_details_of_app_code_v2(one).app_code
        roma.delete_app_code_v2(sdk.DeleteAppCodeV2Request(**about, app_code_id=random.id))
        left = [each.id for each in roma.list_app_codes_v2(sdk.ListAppCodesV2Request(**about)).app_codes]
        return [kept, made.status_code, twice.value.error_code, random.status_code, read, left == [made.id]]

    told = await talk(generate(1, 0), conversation)
    assert told == ["kept/at-the=source.1", 201, "APIG.3311", 201, "aaa****aaa", True]


async def test_the_sdk_sets_the_members_of_an_application() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        about = {"instance_id": dev.id, "app_id": dev.apps[0].id}
        users = roma.check_can_auth_users_of_app(sdk.CheckCanAuthUsersOfAppRequest(**about)).users
        body = sdk.AddUserToApp(users=[sdk.User(id=each.id, roles=["read", "access"]) for each in users])
        added = roma.add_user_to_app(sdk.AddUserToAppRequest(**about, body=body))
        read = roma.check_auth_users_of_app(sdk.CheckAuthUsersOfAppRequest(**about))
        cleared = roma.add_user_to_app(sdk.AddUserToAppRequest(**about, body=sdk.AddUserToApp(users=[])))
        return [added.total, [(each.name, each.roles) for each in read.users], cleared.total]

    told = await talk(generate(1, 0), conversation)
    assert told == [1, [("prod-migrator", ["read", "access"])], 0]


async def test_the_sdk_starts_and_stops_tasks_of_which_some_fail() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")

        def act(action: str, *ids: str) -> Any:
            body = sdk.OperateTasksBean(action_id=action, list=[sdk.TaskBean(task_id=each) for each in ids])
            return roma.batch_start_or_stop_tasks(sdk.BatchStartOrStopTasksRequest(instance_id=dev.id, body=body))

        ids = [each.id for each in dev.tasks]
        started = act("start", ids[0], ids[1], "nothing")
        stopped = act("stop", ids[0], ids[2])
        with pytest.raises(ClientRequestException) as over:
            act("start", *ids)
        return [
            (started.success_count, [(each.task_id, each.error_code) for each in started.failure]),
            ([each.task_id for each in stopped.success] == ids[:1], [each.task_id for each in stopped.failure]),
            (over.value.status_code, over.value.error_code),
        ]

    world = generate(4, 11)
    assert await talk(world, conversation) == [
        (2, [("nothing", "FDI.3021")]),
        (True, [world.instance("dev").tasks[2].id]),
        (400, "FDI.3002"),
    ]
