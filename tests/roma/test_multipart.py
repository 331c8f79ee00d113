"""The form around a package."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import PackageDamaged
from orchestrator.roma.multipart import file_name, package_form

#: what ROMA.10013 lets pass, read as narrowly as its words allow (API 1.3)
LEGAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+_-]*\.zip")


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/vault/3f2a.zip", "3f2a.zip"),
        ("/vault/orders.v1.zip", "orders-v1.zip"),
        ("/vault/_x.zip", "x.zip"),
        ("/vault/订单.zip", "package.zip"),
        ("/vault/a b", "a-b.zip"),
    ],
)
def test_the_upload_name_is_legal_whatever_the_file_is_called(path: str, name: str) -> None:
    assert file_name(path) == name


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_every_upload_name_is_legal(path: str) -> None:
    assert LEGAL_NAME.fullmatch(file_name(path))


def test_the_form_has_one_part_and_a_known_length(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(b"PK" * 50)
    content_type, body = package_form(str(path), "B")
    assert content_type == "multipart/form-data; boundary=B"
    assert body.head.startswith(
        b'--B\r\nContent-Disposition: form-data; name="ImportAssetRequestBody"; filename="p.zip"'
    )
    assert body.length == len(body.head) + 100 + len(body.tail)


def test_a_missing_package_is_damage_of_our_memory(tmp_path: Path) -> None:
    with pytest.raises(PackageDamaged, match="cannot be read"):
        package_form(str(tmp_path / "none.zip"), "B")
