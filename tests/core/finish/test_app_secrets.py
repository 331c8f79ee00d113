"""Secrets kept as at the source: what is not known is not done, what no read shows is done on the plan owner's word."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.finish.app_secrets import ANOTHER, AS_AT_SOURCE, NEW, AppSecretsStep, KeepSecret, RenewSecret
from orchestrator.core.finish.ground import Ground
from orchestrator.core.finish.looks import INVENTORY, Read, Seen, app_secret
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.finish.proof import after_writing, before_writing
from orchestrator.core.model.change import Change
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App, Inventory
from orchestrator.core.model.withheld import HeldSecret
from orchestrator.core.model.writes import SetSecret
from orchestrator.core.plan.plan import Finish, Keep
from orchestrator.core.state.changes import ChangeLife, ChangeState
from orchestrator.core.state.events import Asset
from tests.builders.plans import migration, plan

PAIR = Pair("m", "dev", "prod", Asset("a1", "app", "orders"), "b1", "s", "t")
GROUND = Ground(plan(migrations=(migration(finish=Finish(app_secrets=Keep.KEEP)),)), (PAIR,))
MASKED = HeldSecret("JNs****Djd")
REFUSED = Unread("ROMA.12001 no")


def seen(here: HeldSecret | Unread, there: HeldSecret | Unread, roles: tuple[str, ...] = ("admin",)) -> Seen:
    answers: dict[tuple[str, Read[Any]], object] = {
        ("dev", INVENTORY): Inventory("dev", (App("a1", "orders"),), ()),
        ("prod", INVENTORY): Inventory("prod", (App("b1", "x_orders", roles=roles),), ()),
        ("dev", app_secret("a1")): here,
        ("prod", app_secret("b1")): there,
    }
    return Seen(answers, lambda text: f"<{text[::-1]}>")


def change_of(here: HeldSecret | Unread, there: HeldSecret | Unread, unproved: bool = False) -> Change:
    (found,) = AppSecretsStep().planned(replace(GROUND, unproved=unproved), seen(here, there)).changes
    return found


def test_a_row_holds_words_and_digests_and_no_secret() -> None:
    found = change_of(HeldSecret("of-the-source"), HeldSecret("made-anew"))
    assert (found.before, found.after, found.name) == (NEW, AS_AT_SOURCE, "x_orders")
    assert "of-the-source" not in repr(found)
    assert "made-anew" not in repr(found)


def test_what_is_equal_already_is_no_change() -> None:
    rows = AppSecretsStep().planned(GROUND, seen(HeldSecret("same-secret"), HeldSecret("same-secret")))
    assert (rows.changes, rows.already) == ((), 1)


def test_an_application_that_was_there_before_keeps_its_own() -> None:
    ground = replace(GROUND, pairs=(replace(PAIR, was_there=True),))
    assert AppSecretsStep().planned(ground, seen(HeldSecret("a-secret"), HeldSecret("another"))).changes == ()


@pytest.mark.parametrize("told", [MASKED, REFUSED])
def test_a_secret_that_the_source_does_not_show_is_left_whatever_the_operator_says(told: HeldSecret | Unread) -> None:
    for unproved in (False, True):
        rows = AppSecretsStep().planned(replace(GROUND, unproved=unproved), seen(told, HeldSecret("made-anew")))
        assert rows.changes == ()
        assert "cannot be proved: the secret at dev is not known" in rows.left[0].why


@pytest.mark.parametrize("told", [MASKED, REFUSED])
def test_what_the_target_does_not_show_is_done_with_unproved_alone_and_judged_by_the_answer(
    told: HeldSecret | Unread,
) -> None:
    here = HeldSecret("of-the-source")
    (left,) = AppSecretsStep().planned(GROUND, seen(here, told)).left
    assert "--unproved sets it all the same" in left.why
    change = change_of(here, told, unproved=True)
    life = ChangeLife(change, state=ChangeState.UNSURE, attempts=1, together=1)
    every, now = {change.id: life}, seen(here, told)
    assert not before_writing([life], every, now).refused
    assert after_writing([replace(life, ended=True)], now, False, "").done == (change.id,)
    assert after_writing([replace(life, ended=True, failed=True, why="no")], now, False, "").refused == (
        (change.id, "no"),
    )
    assert after_writing([life], now, False, "").open == (change.id,), "a lost answer: the same value is set again"


def test_the_secret_is_read_anew_for_the_request_and_a_changed_one_is_not_sent() -> None:
    here, there = HeldSecret("of-the-source"), HeldSecret("made-anew")
    change = change_of(here, there)
    assert KeepSecret().write([change], seen(here, there)) == SetSecret("b1", "of-the-source")
    assert KeepSecret().hindrance(change, seen(here, there)) == ""
    assert "changed after the preview" in KeepSecret().hindrance(change, seen(HeldSecret("rotated"), there))


def test_what_a_person_has_set_is_another() -> None:
    here = HeldSecret("of-the-source")
    change = change_of(here, HeldSecret("made-anew"))
    now = {
        word: KeepSecret().image(change, seen(here, HeldSecret(word))) for word in ("of-the-source", "made-anew", "x")
    }
    assert now == {"of-the-source": AS_AT_SOURCE, "made-anew": NEW, "x": ANOTHER}


def test_its_inverse_is_a_secret_that_nobody_knows() -> None:
    change = change_of(HeldSecret("of-the-source"), HeldSecret("made-anew"))
    back = KeepSecret().inverse(change)
    assert back is not None
    assert (back.before, back.after, back.inverse_of) == (AS_AT_SOURCE, NEW, change.id)
    assert RenewSecret().write([back], seen(MASKED, MASKED)) == SetSecret("b1")
    assert RenewSecret().image(back, seen(MASKED, HeldSecret("random"))) == NEW


def test_a_missing_role_is_found_before_anything_is_asked_for() -> None:
    change = change_of(HeldSecret("of-the-source"), HeldSecret("made-anew"))
    held = HeldSecret("any-secret")
    assert "the role admin on application x_orders is missing" in KeepSecret().right(
        change, seen(held, held, ("read",))
    )
    assert KeepSecret().right(change, seen(held, held)) == ""
