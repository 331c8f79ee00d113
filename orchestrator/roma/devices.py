"""Device integration: what is read of its products, and how writes to them are spelled (Finishing 2.12).

Law: as that of `gateway`. What a list tells of authentications is never looked at; a file is passed on as it came.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

from orchestrator.core.model.products import DeleteProduct, ImportProduct, Product, ProductFile, ProductWrite
from orchestrator.core.model.writes import Written
from orchestrator.roma.gateway import Lists, Ones
from orchestrator.roma.pages import Listing
from orchestrator.roma.shapes import mapping, needed, text
from orchestrator.roma.spelling import Form, Spelled

_ROOM = "link/instances"
#: what of a product a read shows at both sides
_FIELDS = ("manufacturer_name", "model", "product_type", "protocol_type", "data_format", "description")
#: bytes of a product's file that are taken
MOST_FILE = 1024 * 1024


def product(value: object) -> Product:
    """One product of the list."""
    found = mapping(value)
    fields = tuple((key, word) for key in _FIELDS if (word := text(found.get(key))))
    return Product(needed(found, "id"), needed(found, "name"), text(found.get("app_id")), fields)


def file(content: bytes) -> ProductFile:
    """A product's file; raises ValueError for one that is larger than any is taken to be."""
    if not content or len(content) > MOST_FILE:
        raise ValueError(f"a file of {len(content)} bytes")
    return ProductFile(content)


def has_any(value: object) -> bool:
    """Whether a page of devices has one, or their number is not 0."""
    found = mapping(value)
    return bool(found.get("items")) or text(found.get("total")) not in {"", "0"}


_PRODUCTS = Listing("products", "items", 500, product, lambda x: x.id)

#: reads a file of the instance as it is
Files = Callable[..., Awaitable[Any]]


class Devices:
    """Reads device integration of one instance; every method raises RequestFailed, lists also InventoryDisagrees."""

    def __init__(self, lists: Lists, ones: Ones, files: Files) -> None:
        self._lists = lists
        self._ones = ones
        self._files = files

    async def products(self) -> tuple[Product, ...]:
        """Every product."""
        return await self._lists(_PRODUCTS, _ROOM, "products")

    async def file(self, product_id: str) -> ProductFile:
        """One product as a file; it may hold passwords."""
        found: ProductFile = await self._files(file, _ROOM, "products", "export", query=[("product_ids", product_id)])
        return found

    async def of_product(self, name: str) -> bool:
        """Whether a device is of the product of that name; False where there is no such product."""
        for each in await self.products():
            if each.name == name:
                query = [("product_id", each.id), ("limit", "1"), ("offset", "0")]
                return await self._ones(has_any, _ROOM, "devices", query=query)
        return False


def spelled(write: ProductWrite) -> Spelled:
    """The request that carries it out."""
    match write:
        case ImportProduct(file=held):
            boundary = f"roma-migrate-{sha256(held.content).hexdigest()[:32]}"
            form = Form((), ("file", held.name, held.content), boundary, "text/csv")
            return Spelled("POST", _ROOM, ("products", "import"), form=form)
        case DeleteProduct(id=product_id):
            return Spelled("DELETE", _ROOM, ("products", product_id))


def written(write: ProductWrite, answer: object) -> Written:
    """What a success says; a row that failed is told in its answer."""
    if not isinstance(write, ImportProduct):
        return Written()
    failed = text(mapping(answer).get("fail_num"))
    return Written(((write.name, "the service refuses its row"),) if failed not in {"", "0"} else ())
