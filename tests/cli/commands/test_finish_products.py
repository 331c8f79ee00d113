"""`finish --step products`: products that did not travel are imported as they came, and what is at the target stays."""

from dataclasses import replace

import pytest

from orchestrator.emulator.service.products import PASSWORD
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import Belonging, BelongingKind, World
from tests.cli.commands.test_finish import asks_for, document
from tests.cli.commands.test_finish_apis import asked, held, left
from tests.cli.conftest import QUICK, Invoke, Local

FILLING = Filling(calls={}, unreleased_every=0, running_every=0, belongings_every=2, apis_per_app=0)
WRITES = (Operation.PRODUCT_IMPORT, Operation.PRODUCT_DELETE)
MINE, OTHER = "orders-web-product", "stock-web-product"


@pytest.fixture
def world() -> World:
    return generate(3, 0, filling=FILLING, switches=Switches(import_keeps_products=False), durations=QUICK)


def moved_by(quick: Local, invoke: Invoke, prefix: str = "") -> Local:
    asks_for(quick, f'products: copy}}, prefix: "{prefix}", calls: {{', settle_wait="2s")
    done = invoke("run", str(quick.plan))
    assert done.exit_code == 0, done.output
    return quick


@pytest.fixture
def moved(quick: Local, invoke: Invoke) -> Local:
    return moved_by(quick, invoke)


def products(local: Local) -> dict[str, Belonging]:
    return {each.name: each for each in held(local).belongings.all() if each.kind is BelongingKind.PRODUCT}


def owners(local: Local) -> dict[str, str]:
    names = {each.id: each.name for each in held(local).apps.all()}
    return {name: names[each.app_id] for name, each in products(local).items()}


def test_products_that_did_not_travel_are_imported_and_their_passwords_kept_nowhere(
    moved: Local, invoke: Invoke
) -> None:
    shown = invoke("finish", "--step", "products", "--dry-run")
    text = " ".join(shown.stdout.split())
    assert f"{MINE}@prod: not there -> there, manufacturer_name acme, model m1" in text
    done = invoke("finish", "--step", "products")
    assert done.exit_code == 0, done.output
    assert owners(moved) == {MINE: "orders-web", OTHER: "stock-web"}
    assert PASSWORD not in shown.output + done.output
    home = moved.plan.parent / ".roma-migrate"
    assert not any(PASSWORD.encode() in each.read_bytes() for each in home.rglob("*") if each.is_file())
    before = len(asked(moved, *WRITES))
    assert document(invoke, "--step", "products")["counts"] == {}
    assert len(asked(moved, *WRITES)) == before


def test_a_product_whose_application_is_called_otherwise_is_named(quick: Local, invoke: Invoke) -> None:
    moved_by(quick, invoke, prefix="p_")
    told = document(invoke, "--step", "products", code=1)
    assert left(told)[MINE] == (
        "its file names the application orders-web, which is called p_orders-web there: create it by hand"
    )
    assert asked(quick, *WRITES) == []


def test_a_product_of_that_name_is_left_as_it_is(moved: Local, invoke: Invoke) -> None:
    owner = next(each.id for each in held(moved).apps.all() if each.name == "billing-web")
    theirs = Belonging("f" * 32, BelongingKind.PRODUCT, MINE, owner, description="theirs")
    held(moved).belongings.put(theirs)
    told = document(invoke, "--step", "products", code=1)
    assert left(told)[MINE] == "another application of prod has a product of this name: it is left as it is"
    assert products(moved)[MINE] == theirs


def test_a_product_that_somebody_creates_just_before_is_theirs(moved: Local, invoke: Invoke) -> None:
    moved.api.strikes.add(Rule(Kind.MEDDLED, frozenset({Operation.PRODUCT_IMPORT}), times=2))
    told = document(invoke, "--step", "products", code=1)
    assert told["counts"] == {"different": 2}, told
    done = invoke("undo", "--step", "products", "--yes")
    assert done.exit_code == 0, done.output
    assert {each.description for each in products(moved).values()} == {"theirs"}
    assert set(products(moved)) == {MINE, OTHER}


def test_undo_deletes_what_it_imported_but_for_products_that_devices_are_of(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "products")
    held(moved).belongings.put(replace(products(moved)[OTHER], devices=1))
    done = invoke("undo", "--step", "products", "--yes")
    assert done.exit_code == 1, done.output
    assert "a device is of it" in " ".join(done.output.split())
    assert set(products(moved)) == {OTHER}
