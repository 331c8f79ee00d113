"""The official SDK creates topics, lets others use them, reads and deletes them (Finishing 2.11), over a socket."""

from typing import Any

from huaweicloudsdkroma import v2 as sdk

from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.world import World
from tests.conformance.test_official_sdk import client, talk


async def test_the_sdk_creates_a_topic_allows_its_use_and_deletes_it() -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")
        owner, other = dev.apps[:2]
        body = sdk.CreateMqsInstanceTopicReq(
            name="orders.new", app_id=owner.key, access_policy="pub", partition=5, retention_time=24
        )
        made = roma.create_mqs_instance_topic(sdk.CreateMqsInstanceTopicRequest(dev.id, body))
        # The SDK has no operation for it: its own client signs and sends what the page describes.
        roma._call_api(
            method="POST",
            resource_path="/v2/{project_id}/mqs/instances/{instance_id}/topics/{topic}/access-policies/batch-add",
            path_params={"instance_id": dev.id, "topic": "orders.new"},
            query_params=[],
            header_params={"Content-Type": "application/json"},
            post_params={},
            body={"policies": [{"user_name": other.key, "app_name": other.name, "access_policy": "sub"}]},
            collection_formats={},
            request_type="BatchAddTopicAccessPolicyRequest",
            response_type="ListMqsInstanceTopicsResponse",
            response_headers=[],
            auth_settings=[],
            cname=None,
        )
        listed = roma.list_mqs_instance_topics(sdk.ListMqsInstanceTopicsRequest(dev.id)).topics
        may = roma.show_mqs_instance_topic_access_policy(
            sdk.ShowMqsInstanceTopicAccessPolicyRequest(dev.id, "orders.new")
        ).policies
        held = roma.show_mqs_instance_messages(sdk.ShowMqsInstanceMessagesRequest(dev.id, "orders.new"))
        asked = sdk.BatchDeleteMqsInstanceTopicReq(["orders.new", "none"])
        gone = roma.batch_delete_mqs_instance_topic(sdk.BatchDeleteMqsInstanceTopicRequest(dev.id, asked)).topics
        left = roma.list_mqs_instance_topics(sdk.ListMqsInstanceTopicsRequest(dev.id)).topics
        return [
            (made.status_code, made.name),
            [(each.name, each.partition, each.retention_time, each.app_id == owner.key) for each in listed],
            [(each.owner, each.app_name, each.access_policy, each.user_name == other.key) for each in may],
            (held.total, held.messages),
            [(each.id, each.success) for each in gone],
            left,
        ]

    assert await talk(generate(2, 0, filling=Filling(calls={}, belongings_every=0)), conversation) == [
        (200, "orders.new"),
        [("orders.new", 5, 24, True)],
        [(True, "orders-web", "pub", False), (False, "billing-web", "sub", True)],
        (0, []),
        [("orders.new", True), ("none", False)],
        [],
    ]
