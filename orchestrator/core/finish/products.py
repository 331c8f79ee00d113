"""`finish: products`: products of moved applications that did not travel (Finishing 2.12).

Law: a product is exported as a file and imported as it came: no page tells its form, and it may hold passwords, so that
it is neither kept, nor changed, nor looked into but for how many rows it has. It names its application as at the
source, by a way that no page tells: where that is called otherwise at the target, the product is left. Devices, their
credentials and rules are never carried.

Reads: the products of both instances, the file right before its import; before a removal, whether a device is of it.
Writes: one product a request. Proof: the list. Inverse: deletion of what was created, while no device is of it. Right:
`modify` on the application, `delete` to delete (Finishing 1.1).
"""

from collections.abc import Iterator, Sequence

from orchestrator.core.finish.api_kinds import OfApplication
from orchestrator.core.finish.api_places import identities
from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.kind import there, turned
from orchestrator.core.finish.looks import INVENTORY, Look, Read, Seen
from orchestrator.core.finish.of_apps import app_there
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.change import Change, ChangeKind, Image, Left, change_id
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App
from orchestrator.core.model.products import DeleteProduct, ImportProduct, Product, ProductFile
from orchestrator.core.model.undocumented import MASK
from orchestrator.core.model.writes import Write
from orchestrator.core.plan.plan import Copy, Finish, FinishStep

#: every product
PRODUCTS: Read[tuple[Product, ...]] = Read("products")


def file_of(product_id: str) -> Read[ProductFile]:
    """One product as a file."""
    return Read("product file", product_id)


def devices_of(name: str) -> Read[bool]:
    """Whether a device is of the product of that name."""
    return Read("devices of", name)


class _Product(OfApplication):
    what = "product"
    wave = 10

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, PRODUCTS, change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = _found(change, seen)
        if isinstance(found, Unread) or found is None:
            return found if found is not None else ()
        return _image(found, found.app == change.fact("application id"))


class CreateProductLike(_Product):
    """A product as it is at the source, with what its file holds."""

    kind, act, done = ChangeKind.CREATE_PRODUCT, "import", "imported"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.fact("source"), file_of(change.fact("source id")), change.fact("read by")),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        file = seen.get(change.fact("source"), file_of(change.fact("source id")))
        if isinstance(file, Unread):
            return f"its file cannot be read at {change.fact('source')}: {file.why}"
        return "" if file.rows == 1 else f"the file of {change.fact('source')} does not hold this one product alone"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        file = seen.get(change.fact("source"), file_of(change.fact("source id")))
        return ImportProduct(change.object, there(file, change))

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.REMOVE_PRODUCT)


class RemoveProduct(_Product):
    """A product that `finish` has imported, while no device is of it."""

    kind, act, done = ChangeKind.REMOVE_PRODUCT, "removal", "removed"
    role = "delete"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, devices_of(change.object), change.credentials),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        held = seen.get(change.instance, devices_of(change.object))
        if isinstance(held, Unread):
            return f"whether a device is of it cannot be read: {held.why}"
        return "a device is of it" if held else ""

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return DeleteProduct(there(_found(changes[0], seen), changes[0]).id)

    def inverse(self, change: Change) -> Change | None:
        return None


class ProductsStep:
    """Products that the target lacks."""

    name = FinishStep.PRODUCTS

    def wanted(self, finish: Finish) -> bool:
        return finish.products is Copy.COPY

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        for pair in ground.apps(self.wanted):
            reader, writer = identities(ground, pair)
            yield Look(pair.source, PRODUCTS, reader)
            yield Look(pair.target, PRODUCTS, writer)
            yield Look(pair.target, INVENTORY)

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        rows = Rows()
        for pair in ground.apps(self.wanted):
            here, held, app = seen.get(pair.source, PRODUCTS), seen.get(pair.target, PRODUCTS), app_there(pair, seen)
            if isinstance(here, Unread) or isinstance(held, Unread):
                why = here.why if isinstance(here, Unread) else held.why if isinstance(held, Unread) else ""
                rows += Rows(left=(Left("product", "", f"products of {pair.asset.name}", pair.target, why),))
                continue
            for product in here:
                if product.app == pair.asset.id:
                    rows += _row(ground, pair, product, held, app)
        return rows


def _row(ground: Ground, pair: Pair, product: Product, held: Sequence[Product], app: App | None) -> Rows:
    """What becomes of one product of the source."""
    taken = next((each for each in held if each.name == product.name), None)
    why = ""
    if MASK in product.name:
        why = f"the list of {pair.source} masks the names of products"
    elif app is None:
        why = f"the application is not at {pair.target} any more, or not visible there"
    elif taken is not None and taken.app == app.id:
        return Rows(already=1)
    elif taken is not None:
        why = f"another application of {pair.target} has a product of this name: it is left as it is"
    elif app.name != pair.asset.name:
        why = f"its file names the application {pair.asset.name}, which is called {app.name} there: create it by hand"
    if why or app is None:
        return Rows(left=(Left("product", "", product.name, pair.target, why),))
    reader, writer = identities(ground, pair)
    facts = (("application", app.name), ("application id", app.id), ("source", pair.source),
             ("source id", product.id), ("read by", reader))  # fmt: skip
    change = Change(
        change_id(ChangeKind.CREATE_PRODUCT, pair.target, product.name), ChangeKind.CREATE_PRODUCT.value, pair.target,
        product.name, product.name, writer, (), _image(product, own=True), CreateProductLike.wave, pair.migration,
        step=FinishStep.PRODUCTS.value, facts=facts,
    )  # fmt: skip
    return Rows((change,))


def _found(change: Change, seen: Seen) -> Product | Unread | None:
    every = seen.get(change.instance, PRODUCTS)
    if isinstance(every, Unread):
        return every
    return next((each for each in every if each.name == change.object), None)


def _image(product: Product, own: bool) -> Image:
    return (*product.fields, ("belongs to", "its application" if own else "another application"))
