"""The official SDK does what follows a move of APIs (Finishing 2.6 to 2.9), over a socket."""

import json
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.formdata import FormFile
from huaweicloudsdkroma import v2 as sdk

from orchestrator.emulator.world.gateway import RELEASE
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.world import World
from tests.conformance.test_official_sdk import client, talk


def apis(roma: Any, instance_id: str, **about: str) -> Any:
    return roma.list_apis_v2(sdk.ListApisV2Request(instance_id=instance_id, **about)).apis


def publish(roma: Any, instance_id: str, action: str, *ids: str, env_id: str = RELEASE, remark: str = "") -> Any:
    body = sdk.ApiBatchPublish(apis=list(ids), env_id=env_id, remark=remark)
    request = sdk.BatchPublishOrOfflineApiV2Request(instance_id=instance_id, action=action, body=body)
    return roma.batch_publish_or_offline_api_v2(request)


async def test_the_sdk_carries_an_unpublished_api_into_another_group_as_a_file(tmp_path: Path) -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        draft = dev.apis[0]
        asked = sdk.ExportOpenApiReq(
            env_id=RELEASE, group_id=draft.group_id, define="dev", type="json", apis=[draft.id]
        )
        answer = roma.export_api_definitions_v2(sdk.ExportApiDefinitionsV2Request(instance_id=dev.id, body=asked))
        file = tmp_path / "dev.json"
        answer.consume_download_stream(lambda stream: file.write_bytes(b"".join(stream)))
        exported = json.loads(file.read_text())
        body = sdk.ApiGroupCreate(name="second-group", roma_app_id=draft.app_id)
        group = roma.create_api_group_v2(sdk.CreateApiGroupV2Request(instance_id=dev.id, body=body))

        def imported() -> Any:
            with file.open("rb") as held:
                form = sdk.ImportApiDefinitionsV2RequestBody(
                    is_create_group=False, group_id=group.id, extend_mode="merge", api_mode="merge",
                    file_name=FormFile(held),
                )  # fmt: skip
                return roma.import_api_definitions_v2(sdk.ImportApiDefinitionsV2Request(instance_id=dev.id, body=form))

        first, second = imported(), imported()
        there = apis(roma, dev.id, group_id=group.id)
        roma.delete_api_v2(sdk.DeleteApiV2Request(instance_id=dev.id, api_id=there[0].id))
        roma.delete_api_group_v2(sdk.DeleteApiGroupV2Request(instance_id=dev.id, group_id=group.id))
        return [
            exported["paths"][draft.path]["get"]["x-apigateway-roma-app"],
            [(each.path, each.method, each.action) for each in first.success],
            ([each.path for each in second.ignore], second.success, second.group_id == group.id),
            [(each.name, each.req_uri, each.run_env_id, each.roma_app_id) for each in there],
            apis(roma, dev.id, group_id=group.id),
        ]

    world = generate(1, 0, filling=Filling(unreleased_every=1))
    draft = world.instance("dev").apis[0]
    assert await talk(world, conversation) == [
        "orders-web",
        [(draft.path, "GET", "create")],
        ([draft.path], [], True),
        [(draft.name, draft.path, "", draft.app_id)],
        [],
    ]


async def test_the_sdk_publishes_an_api_in_an_environment_and_takes_it_offline() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        body = sdk.EnvCreate(name="TEST", remark="before release")
        env = roma.create_environment_v2(sdk.CreateEnvironmentV2Request(instance_id=dev.id, body=body))
        api_id = dev.apis[0].id
        good = publish(roma, dev.id, "online", api_id, "none", env_id=env.id, remark="run 1")
        publish(roma, dev.id, "online", api_id, env_id=env.id, remark="run 2")
        versions = roma.list_api_versions_v2(
            sdk.ListApiVersionsV2Request(instance_id=dev.id, api_id=api_id, env_id=env.id)
        ).api_versions
        back = sdk.ApiVersion(version_id=versions[1].version_id)
        roma.change_api_version_v2(sdk.ChangeApiVersionV2Request(instance_id=dev.id, api_id=api_id, body=back))
        runtime = roma.list_api_runtime_definition_v2(
            sdk.ListApiRuntimeDefinitionV2Request(instance_id=dev.id, api_id=api_id, env_id=env.id)
        )
        environments = apis(roma, dev.id)[0].run_env_name
        with pytest.raises(ClientRequestException) as published:
            roma.delete_api_v2(sdk.DeleteApiV2Request(instance_id=dev.id, api_id=api_id))
        action = sdk.ApiActionInfo(action="offline", api_id=api_id, env_id=env.id)
        roma.create_or_delete_publish_record_for_api_v2(
            sdk.CreateOrDeletePublishRecordForApiV2Request(instance_id=dev.id, body=action)
        )
        off = publish(roma, dev.id, "offline", api_id, env_id=env.id)
        roma.delete_environment_v2(sdk.DeleteEnvironmentV2Request(instance_id=dev.id, env_id=env.id))
        left = [each.name for each in roma.list_environments_v2(sdk.ListEnvironmentsV2Request(dev.id)).envs]
        return [
            ([each.api_id for each in good.success] == [api_id], [each.error_code for each in good.failure]),
            [(each.remark, each.status) for each in versions],
            (runtime.req_uri, environments),
            (published.value.status_code, published.value.error_code),
            [each.error_code for each in off.failure],
            left,
        ]

    assert await talk(generate(1, 0), conversation) == [
        (True, ["APIG.3002"]),
        [("run 2", 1), ("run 1", 2)],
        ("/orders-web/v1", "RELEASE|TEST"),
        (409, "APIG.4016"),
        ["APIG.3002"],
        ["RELEASE"],
    ]


async def test_the_sdk_binds_policies_of_each_kind_and_unbinds_them() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        api = apis(roma, dev.id)[0]
        about: dict[str, Any] = {"instance_id": dev.id, "api_id": api.id, "env_id": RELEASE}
        throttle = roma.create_request_throttling_policy_v2(
            sdk.CreateRequestThrottlingPolicyV2Request(
                dev.id, sdk.ThrottleBaseInfo(name="slow", api_call_limits=10, time_interval=1, time_unit="SECOND")
            )
        )
        acl = roma.create_acl_strategy_v2(
            sdk.CreateAclStrategyV2Request(
                dev.id,
                sdk.ApiAclCreate(acl_name="inside", acl_type="PERMIT", acl_value="10.0.0.0/8", entity_type="IP"),
            )
        )
        sign = roma.create_signature_key_v2(
            sdk.CreateSignatureKeyV2Request(
                dev.id,
                sdk.BaseSignature(name="signed", sign_type="hmac", sign_key="signkey_1", sign_secret="s" * 20),
            )
        )
        roma.associate_request_throttling_policy_v2(
            sdk.AssociateRequestThrottlingPolicyV2Request(
                dev.id, sdk.ThrottleApiBindingCreate(strategy_id=throttle.id, publish_ids=[api.publish_id])
            )
        )
        roma.create_api_acl_binding_v2(
            sdk.CreateApiAclBindingV2Request(
                dev.id, sdk.AclApiBindingCreate(acl_id=acl.id, publish_ids=[api.publish_id])
            )
        )
        signed = roma.associate_signature_key_v2(
            sdk.AssociateSignatureKeyV2Request(
                dev.id, sdk.SignApiBinding(sign_id=sign.id, publish_ids=[api.publish_id])
            )
        )

        def bound() -> tuple[Any, Any, Any]:
            throttles = roma.list_request_throttling_policies_binded_to_api_v2(
                sdk.ListRequestThrottlingPoliciesBindedToApiV2Request(**about)
            )
            acls = roma.list_acl_policy_binded_to_api_v2(sdk.ListAclPolicyBindedToApiV2Request(**about))
            signs = roma.list_signature_keys_binded_to_api_v2(sdk.ListSignatureKeysBindedToApiV2Request(**about))
            return throttles.throttles, acls.acls, signs.bindings

        before = bound()
        with pytest.raises(ClientRequestException) as in_use:
            roma.delete_acl_v2(sdk.DeleteAclV2Request(dev.id, acl.id))
        listed = roma.list_signature_keys_v2(sdk.ListSignatureKeysV2Request(dev.id, name="signed")).signs
        roma.disassociate_request_throttling_policy_v2(
            sdk.DisassociateRequestThrottlingPolicyV2Request(dev.id, before[0][0].bind_id)
        )
        roma.delete_api_acl_binding_v2(sdk.DeleteApiAclBindingV2Request(dev.id, before[1][0].bind_id))
        roma.disassociate_signature_key_v2(sdk.DisassociateSignatureKeyV2Request(dev.id, before[2][0].id))
        roma.delete_request_throttling_policy_v2(sdk.DeleteRequestThrottlingPolicyV2Request(dev.id, throttle.id))
        roma.delete_acl_v2(sdk.DeleteAclV2Request(dev.id, acl.id))
        roma.delete_signature_key_v2(sdk.DeleteSignatureKeyV2Request(dev.id, sign.id))
        left = roma.list_acl_strategies_v2(sdk.ListAclStrategiesV2Request(dev.id)).acls
        throttles = roma.list_request_throttling_policy_v2(sdk.ListRequestThrottlingPolicyV2Request(dev.id)).throttles
        return [
            [each[0].env_name for each in before],
            (before[0][0].name, before[1][0].acl_name, before[2][0].sign_name),
            (throttle.status_code, sign.sign_secret, listed[0].sign_secret, signed.bindings[0].api_id == api.id),
            in_use.value.status_code,
            [*bound()],
            [*left, *throttles],
        ]

    assert await talk(generate(1, 0), conversation) == [
        ["RELEASE"] * 3,
        ("slow", "inside", "signed"),
        (201, "s" * 20, "sss****sss", True),
        400,
        [[], [], []],
        [],
    ]


async def test_the_sdk_attaches_a_plugin_which_replaces_one_of_its_type() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        api_id = dev.apis[0].id
        made = [
            roma.create_plugin(
                sdk.CreatePluginRequest(
                    dev.id,
                    sdk.PluginCreate(plugin_name=name, plugin_type="cors", plugin_scope="global", plugin_content="{}"),
                )
            )
            for name in ("first", "second")
        ]
        where = sdk.PluginOperApiInfo(env_id=RELEASE, api_ids=[api_id])

        def attached_to(plugin: str) -> list[tuple[str, str]]:
            request = sdk.ListPluginAttachedApisRequest(instance_id=dev.id, plugin_id=plugin)
            return [(each.api_id, each.env_id) for each in roma.list_plugin_attached_apis(request).apis]

        def attached() -> list[str]:
            request = sdk.ListApiAttachedPluginsRequest(instance_id=dev.id, api_id=api_id, env_id=RELEASE)
            return [each.plugin_name for each in roma.list_api_attached_plugins(request).plugins]

        for each in made:
            roma.attach_api_to_plugin(sdk.AttachApiToPluginRequest(dev.id, each.plugin_id, where))
        replaced = attached(), [attached_to(each.plugin_id) for each in made] == [[], [(api_id, RELEASE)]]
        roma.detach_api_from_plugin(sdk.DetachApiFromPluginRequest(dev.id, made[1].plugin_id, where))
        for each in made:
            roma.delete_plugin(sdk.DeletePluginRequest(dev.id, each.plugin_id))
        return [replaced, attached(), roma.list_plugins(sdk.ListPluginsRequest(dev.id)).plugins]

    assert await talk(generate(1, 0), conversation) == [(["second"], True), [], []]


async def test_the_sdk_authorises_an_application_for_an_api() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        caller, called = dev.apps[1], dev.apis[0]

        def authorise() -> Any:
            body = sdk.ApiAuthCreate(
                env_id=RELEASE, app_ids=[caller.id], api_ids=[called.id], auth_whitelist=["10.0.0.1"]
            )
            return roma.create_authorizing_apps_v2(sdk.CreateAuthorizingAppsV2Request(dev.id, body)).auths[0]

        first, second = authorise(), authorise()
        request = sdk.ListAppsBindedToApiV2Request(instance_id=dev.id, api_id=called.id, env_id=RELEASE)
        there = roma.list_apps_binded_to_api_v2(request).auths
        roma.canceling_authorization_v2(sdk.CancelingAuthorizationV2Request(dev.id, first.id))
        return [
            (first.auth_result.status, second.auth_result.status),
            [(each.app_name, each.api_name, each.auth_whitelist, each.auth_tunnel) for each in there],
            roma.list_apps_binded_to_api_v2(request).auths,
        ]

    world = generate(2, 0, filling=Filling(calls={}))
    assert await talk(world, conversation) == [
        ("SUCCESS", "SKIPPED"),
        [("billing-web", "orders-web-api-1", ["10.0.0.1"], "NORMAL")],
        [],
    ]


async def test_the_sdk_creates_a_data_source_and_deletes_it() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        body = sdk.DatasourceInfo(
            datasource_name="new one",
            datasource_type="MYSQL",
            app_id=dev.apps[0].id,
            content=sdk.Content(host="db.example.test", password="new"),
        )
        made = roma.create_datasource_info(sdk.CreateDatasourceInfoRequest(dev.id, body))
        with pytest.raises(ClientRequestException) as twice:
            roma.create_datasource_info(sdk.CreateDatasourceInfoRequest(dev.id, body))
        roma.delete_datasource_info_by_id(sdk.DeleteDatasourceInfoByIdRequest(dev.id, made.datasource_id))
        left = roma.list_datasources(sdk.ListDatasourcesRequest(instance_id=dev.id)).entities
        return [made.status_code, twice.value.status_code, len(left) == len(dev.datasources)]

    assert await talk(generate(1, 0), conversation) == [201, 400, True]


async def test_the_sdk_gives_a_task_a_schedule_and_runs_it_once() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        task = dev.tasks[0]
        assert not task.cron
        nightly = sdk.TaskDispatch(use_quartz_cron=True, cron="0 0 3 * * ?")
        made = roma.create_dispatches(sdk.CreateDispatchesRequest(dev.id, task.id, nightly))
        nightly.cron = "0 0 4 * * ?"
        roma.update_dispatches(sdk.UpdateDispatchesRequest(dev.id, task.id, made.dispatch_id, nightly))
        read = roma.show_dispatches(sdk.ShowDispatchesRequest(dev.id, task.id))
        ran = roma.run_task(sdk.RunTaskRequest(dev.id, task.id)).status_code
        ended = roma.stop_task(sdk.StopTaskRequest(dev.id, task.id)).message
        return [made.status_code, read.cron, ran, ended]

    assert await talk(generate(1, 1), conversation) == [201, "0 0 4 * * ?", 200, "The task is stopped."]
