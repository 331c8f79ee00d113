"""Products of device integration as a file (Finishing 2.12). Law: the form of that file is this emulator's own."""

import base64
import csv
import io

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.credentials import shown
from orchestrator.emulator.service.instance_store import Holding, Looking, roles_of, sees_app
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.world import App, Belonging, BelongingKind

_HEADER = ("Product Name", "Application", "Manufacturer", "Model", "User Name", "Password")
_BOM, _ENCODED = "\ufeff", "Base64:"
_MOST = 500
#: of every product: it stands in files alone
PASSWORD = "Product-SESAME-1"  # noqa: S105 - opens nothing


def number(one: Belonging) -> int:
    """Ids of products are numbers."""
    return int(one.id[:7], 16)


def told(one: Belonging, app: App, how: Told) -> Json:
    """One product of the list."""
    return {
        "id": number(one),
        "name": shown(one.name, how),
        "app_id": app.id,
        "app_name": app.name,
        "manufacturer_name": "acme",
        "model": one.description or "m1",
        "product_type": 0,
        "protocol_type": 0,
        "permissions": ["read"],
        "authentication": {"user_name": one.id[:12], "password": "****"},
    }


def export(at: Looking, ids: list[str]) -> bytes:
    """These products as a file."""
    found = io.StringIO()
    writer = csv.writer(found)
    writer.writerow(_HEADER)
    for one in _all(at.holding):
        app = at.holding.apps.get(one.app_id)
        if str(number(one)) in ids and app is not None and sees_app(app, at.user, at.switches.visibility):
            model = one.description or "m1"
            row = (one.name, app.name, "acme", model, one.id[:12], PASSWORD)
            writer.writerow([_ENCODED + base64.b64encode(each.encode()).decode() for each in row])
    return (_BOM + found.getvalue()).encode()


def import_(asked: Change) -> Done:
    """Products from a file: a row whose name is there, or whose application is not, fails alone."""
    text = asked.body.get("file")
    if not isinstance(text, str) or not text.startswith(_BOM):
        raise asked.wrong("The file is missing, or does not begin with a byte order mark.")
    rows = [each for each in csv.reader(text[1:].splitlines()) if each]
    if not rows or tuple(rows[0]) != _HEADER or len(rows) > _MOST + 1:
        raise asked.wrong("The header of the file was changed.")
    failed, made = [], []
    for row in rows[1:]:
        name, app_name, _, model, *_ = (_plain(each) for each in row)
        app = asked.holding.apps.named(app_name)
        good = app is not None and "modify" in roles_of(app, asked.user)
        if app is None or not good or _named(asked.holding, name):
            failed.append(name)
            continue
        one = Belonging(asked.holding.new_id("product"), BelongingKind.PRODUCT, name, app.id, description=model)
        asked.holding.belongings.put(one, asked.shown_from)
        made.append(name)
    answer = {"succ_num": len(made), "fail_num": len(failed), "fail_objects_ids": failed}
    return Done(200, answer, "accepted" if made else "nothing", tuple(made))


def delete(asked: Change) -> Done:
    """The product is gone; refused while a device is of it."""
    one = next((each for each in _all(asked.holding) if str(number(each)) == asked.id), None)
    app = asked.holding.apps.get(one.app_id) if one is not None else None
    if one is None or app is None or not sees_app(app, asked.user, asked.switches.visibility):
        raise Refusal(Layer.LINK, 404, "ROMA.00110006", "The product does not exist.")
    if "delete" not in roles_of(app, asked.user):
        raise Refusal(Layer.LINK, 403, "SCB.00000000", "No permissions to request this method")
    if one.devices:
        raise asked.wrong("Devices are of the product.")
    asked.holding.belongings.remove(one.id, asked.shown_from)
    return Done(204)


def meddle_import(asked: Change) -> bool:
    """Somebody else creates a product of the first row's name."""
    text = asked.body.get("file")
    rows = [each for each in csv.reader(str(text)[1:].splitlines()) if each]
    app = asked.holding.apps.named(_plain(rows[1][1])) if len(rows) > 1 else None
    if app is None:
        return False
    made = asked.holding.new_id("product")
    theirs = Belonging(made, BelongingKind.PRODUCT, _plain(rows[1][0]), app.id, description="theirs")
    asked.holding.belongings.put(theirs)
    return True


def devices(at: Looking, product_id: str) -> Json:
    """How many devices are of a product."""
    count = sum(one.devices for one in _all(at.holding) if product_id in {"", str(number(one))})
    return {"total": count, "size": 0, "items": []}


def _plain(cell: str) -> str:
    return base64.b64decode(cell.removeprefix(_ENCODED)).decode() if cell.startswith(_ENCODED) else cell


def _all(holding: Holding) -> list[Belonging]:
    return [one for one in holding.belongings.all() if one.kind is BelongingKind.PRODUCT]


def _named(holding: Holding, name: str) -> bool:
    return any(one.name == name for one in _all(holding))
