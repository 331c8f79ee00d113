"""The official SDK changes what is not an asset, at once and without a job (Finishing 2), over a socket."""

from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkroma import v2 as sdk

from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.world import World
from tests.conformance.test_official_sdk import client, talk


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
