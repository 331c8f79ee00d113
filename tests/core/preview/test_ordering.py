"""Why an import has its place, in numbers and in words."""

from dataclasses import replace

from orchestrator.core.preview.ordering import Order
from tests.builders.inventories import PreviewCase, held_app, held_task
from tests.builders.plans import migration

HELD = {"dev": (held_app("web"), held_app("core"), held_task("load", "web", "core"))}


def test_each_import_says_what_it_waits_for_and_why() -> None:
    draft = PreviewCase((migration(calls=(("web", ("core",)),)),), HELD).preview()
    order = Order.of(draft)
    first, last = draft.deliveries[0], draft.deliveries[-1]
    assert order.why(first) == "as soon as its slot is free"
    assert order.why(last) == "it builds on what batch 1 brings"
    assert (order.numbers[last.batch], order.behind[last.delivery]) == (2, (1,))


def test_a_migration_that_the_plan_puts_first_is_named() -> None:
    draft = PreviewCase(held=HELD).preview()
    (only,) = draft.deliveries
    assert Order.of(draft).why(replace(only, after=("common",))) == "the plan puts it after common"
