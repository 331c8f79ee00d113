"""Uploaded forms as different clients write them."""

import pytest

from orchestrator.emulator.api.multipart import uploaded_package
from orchestrator.emulator.protocol.errors import Refusal

FIELD = 'form-data; name="ImportAssetRequestBody"; filename="a.zip"'


def body(disposition: str, boundary: str = "edge") -> bytes:
    other = f'--{boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    head = f"--{boundary}\r\nContent-Type: application/zip\r\ncontent-disposition: {disposition}\r\n\r\n"
    return f"{other}{head}PK\r\n-- x\r\n--{boundary}--\r\n".encode()


@pytest.mark.parametrize(
    ("content_type", "boundary", "disposition"),
    [
        ("multipart/form-data; boundary=edge", "edge", FIELD),
        ('Multipart/Form-Data; charset=utf-8; Boundary="an (edge): 1"', "an (edge): 1", FIELD),
        ("multipart/form-data;boundary=edge ", "edge", "form-data;name=ImportAssetRequestBody;filename=a.zip"),
        ("multipart/form-data; boundary=edge", "edge", 'form-data; filename="a.zip"; name="ImportAsset\\RequestBody"'),
    ],
)
def test_the_file_is_found_beside_other_fields(content_type: str, boundary: str, disposition: str) -> None:
    assert uploaded_package(content_type, body(disposition, boundary), True) == b"PK\r\n-- x"


@pytest.mark.parametrize(
    "content_type", ["", "application/json; boundary=edge", "multipart/form-data", "multipart/form-data; boundary=wall"]
)
def test_what_is_no_such_form_holds_no_package(content_type: str) -> None:
    with pytest.raises(Refusal, match="13001"):
        uploaded_package(content_type, body(FIELD), True)


def test_a_file_name_with_an_escaped_quote_is_illegal() -> None:
    with pytest.raises(Refusal, match="10013"):
        uploaded_package("multipart/form-data; boundary=edge", body(FIELD.replace("a.zip", 'a\\".zip')), True)
