"""What may travel and was never documented: travelled, did not travel, or not readable and why."""

import pytest

from orchestrator.core.comparison.carried import Carried, Travel, carried, learned, pairs
from orchestrator.core.comparison.compare import AssetComparison, Finding, Side
from orchestrator.core.model.contents import Contents
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App, Inventory
from orchestrator.core.model.undocumented import Thing, Undocumented
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import Delivery
from orchestrator.core.state.progress import Progress

ROW = AssetComparison("m", "dev", "prod", "app", "a1", "orders", Finding.PRESENT, "p1", "orders")
PREFIXED = AssetComparison("m", "dev", "prod", "app", "a1", "orders", Finding.PRESENT, "p1", "x_orders")
Words = tuple[str, ...] | Unread | None


def side(instance: str, asset: str, words: Words, key: str = "") -> Side:
    held: dict[Thing, dict[str, tuple[str, ...]]] = {}
    unread: dict[Thing, Unread] = {}
    if isinstance(words, Unread):
        unread[Thing.TOPIC] = words
    elif words is not None:
        held[Thing.TOPIC] = {asset: words}
    inventory = Inventory(instance, (App(asset, "orders", key),), ())
    return Side(inventory, Contents({}, {}, {}), Undocumented(held, unread))


def told(there: Words, here: Words, row: AssetComparison = ROW) -> list[Carried]:
    sides = {"dev": side("dev", "a1", there), "prod": side("prod", "p1", here)}
    return [each for each in carried([row], sides) if each.thing is Thing.TOPIC]


@pytest.mark.parametrize(
    ("there", "here", "travel"),
    [
        (("t",), ("t", "more"), Travel.TRAVELLED),
        (("t", "u"), ("t",), Travel.STAYED),
        (("t",), (), Travel.STAYED),
        (("t****",), ("t****",), Travel.UNREAD),
        (("t",), ("t****",), Travel.UNREAD),
        (("t",), Unread("no right"), Travel.UNREAD),
        (Unread("no right"), ("t",), Travel.UNREAD),
        (("0 0 2 * * ?",), ("0 0 2 * * ?",), Travel.TRAVELLED),
    ],
)
def test_each_thing_travelled_or_did_not_or_cannot_be_read(there: Words, here: Words, travel: Travel) -> None:
    assert [each.travel for each in told(there, here)] == [travel]


@pytest.mark.parametrize(("there", "here"), [((), ("t",)), (None, ("t",)), (("t",), None)])
def test_what_was_not_there_or_not_asked_about_teaches_nothing(there: Words, here: Words) -> None:
    assert told(there, here) == []


def test_a_thing_that_bears_the_prefix_has_travelled() -> None:
    assert told(("t",), ("x_t",), PREFIXED)[0].travel is Travel.TRAVELLED
    assert told(("t",), ("x_t",))[0].travel is Travel.STAYED


def test_why_names_the_side() -> None:
    assert told(("t",), Unread("no right"))[0].why == "at prod: no right"
    assert told(("t****",), ("t",))[0].why == "at dev: it is shown masked"


def test_a_key_that_the_list_leaves_out_is_not_readable() -> None:
    sides = {"dev": side("dev", "a1", None, "k"), "prod": side("prod", "p1", None)}
    assert [(each.thing, each.travel) for each in carried([ROW], sides)] == [(Thing.KEY, Travel.UNREAD)]


def test_what_was_there_before_a_merge_teaches_nothing() -> None:
    merged = e.DeliveryScheduled("d", "b", "m", "prod", "Merge", "", False, "c")
    added = e.DeliveryScheduled("d", "b", "m", "prod", "AddNew", "", False, "c")
    sides = {"dev": side("dev", "a1", None), "prod": side("prod", "p1", None)}
    for scheduled, before, expected in (
        (merged, (("a1", ("p1",)),), ()),
        (merged, (), (ROW,)),
        (added, (("a1", ("p1",)),), (ROW,)),
    ):
        progress = Progress()
        progress.deliveries["d"] = Delivery(scheduled, baseline=e.Looked("d", before))
        assert pairs([ROW], sides, progress) == expected


def test_the_answers_are_counted_by_thing_and_target() -> None:
    every = [
        Carried(Thing.TOPIC, "prod", "a", Travel.TRAVELLED),
        Carried(Thing.TOPIC, "prod", "b", Travel.STAYED),
        Carried(Thing.TOPIC, "prod", "c", Travel.UNREAD, "no right"),
        Carried(Thing.KEY, "prod", "a", Travel.STAYED),
    ]
    keys, topics = learned(every)
    assert (keys.sentence, keys.without) == ("application keys at prod: 1 did not travel", ("a",))
    assert topics.sentence == "topics at prod: 1 travelled, 1 did not travel, 1 not readable (no right)"
