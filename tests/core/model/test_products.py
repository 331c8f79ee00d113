"""A product's file is passed on as it came; of its form only what is documented is used (Finishing 2.12)."""

import pytest

from orchestrator.core.model.products import ProductFile

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("content", "rows", "name"),
    [
        (BOM + b"Name,Model\r\nBase64:YQ==,Base64:Yg==\r\n", 1, "products.csv"),
        (BOM + b"Name,Model\r\na,b\r\n", 1, "products-none-base64-prefix.csv"),
        (BOM + b"Name\r\na\r\nb\r\n\r\n", 2, "products-none-base64-prefix.csv"),
        (BOM + b"Name\r\n", 0, "products-none-base64-prefix.csv"),
        (b"\xff\xfe", -1, "products.csv"),
    ],
)
def test_a_file_is_counted_and_named_as_the_service_wants_it(content: bytes, rows: int, name: str) -> None:
    held = ProductFile(content)
    assert (held.rows, held.name) == (rows, name)
    assert "content" not in repr(held)
