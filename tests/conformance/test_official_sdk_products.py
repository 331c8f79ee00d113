"""The official SDK carries a product as a file from one instance to another (Finishing 2.12), over a socket."""

from pathlib import Path
from typing import Any

from huaweicloudsdkcore.http.formdata import FormFile
from huaweicloudsdkroma import v2 as sdk

from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.world import World
from tests.conformance.test_official_sdk import client, talk


async def test_the_sdk_exports_a_product_deletes_it_and_imports_it_again(tmp_path: Path) -> None:
    def conversation(url: str, world: World) -> list[Any]:
        roma, dev = client(url, world, "dev"), world.instance("dev")

        def listed() -> list[Any]:
            return list(roma.list_products(sdk.ListProductsRequest(instance_id=dev.id)).items)

        (there,) = listed()
        file = tmp_path / "products.csv"
        answer = roma.download_products(sdk.DownloadProductsRequest(dev.id, [there.id]))
        answer.consume_download_stream(lambda stream: file.write_bytes(b"".join(stream)))

        def imported() -> Any:
            with file.open("rb") as held:
                body = sdk.UploadProductRequestBody(file=FormFile(held))
                return roma.upload_product(sdk.UploadProductRequest(dev.id, body))

        again = imported()
        devices = roma.list_devices(sdk.ListDevicesRequest(instance_id=dev.id, product_id=there.id)).total
        roma.delete_product(sdk.DeleteProductRequest(dev.id, there.id))
        gone, back = listed(), imported()
        (made,) = listed()
        return [
            (again.succ_num, again.fail_num, again.fail_objects_ids == [there.name]),
            (devices, gone),
            (back.succ_num, back.fail_num),
            (made.name == there.name, made.app_name, made.model == there.model),
        ]

    assert await talk(generate(1, 0, filling=Filling(belongings_every=1)), conversation) == [
        (0, 1, True),
        (0, []),
        (1, 0),
        (True, "orders-web", True),
    ]
