"""Products of device integration, and what is asked of it and done at once (Finishing 2.12), as values.

Law: a product's file may hold passwords, and is shown in no repr.
"""

import csv
from dataclasses import dataclass, field

#: what a file says of itself where its fields are as they are written (Finishing 2.12)
_WRITTEN_PLAIN = "-none-base64-prefix"
#: how each other field begins
_ENCODED = "Base64:"


@dataclass(frozen=True, slots=True)
class Product:
    """One product, by the list, without its authentication."""

    id: str
    name: str
    #: id of its application
    app: str
    #: (field, text) as the service names them
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ProductFile:
    """The export of products as a CSV, to be imported as it is."""

    content: bytes = field(repr=False)

    @property
    def rows(self) -> int:
        """How many products it holds; -1 where it is no CSV."""
        try:
            lines = [each for each in csv.reader(self._text.splitlines()) if any(each)]
        except (UnicodeDecodeError, csv.Error):
            return -1
        return len(lines) - 1

    @property
    def name(self) -> str:
        """What the service must be told that the file is called."""
        try:
            return f"products{'' if _ENCODED in self._text else _WRITTEN_PLAIN}.csv"
        except UnicodeDecodeError:
            return "products.csv"

    @property
    def _text(self) -> str:
        return self.content.decode("utf-8-sig")


@dataclass(frozen=True, slots=True)
class ImportProduct:
    """One product from its file; a name that is there makes it fail."""

    name: str
    file: ProductFile


@dataclass(frozen=True, slots=True)
class DeleteProduct:
    """A product that no device is of."""

    id: str


ProductWrite = ImportProduct | DeleteProduct
