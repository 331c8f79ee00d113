"""`--only`: what it lets through, and that a slip of the pen is told."""

import pytest

from orchestrator.core.model.inventory import App, Task
from orchestrator.core.plan.plan import Glob, Migration, Target
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.selection.selection import Selection
from orchestrator.errors import OperatorError
from tests.builders.plans import plan

PLAN = plan(
    migrations=(
        Migration("orders", "dev", (Target("prod"), Target("dr")), apps=(Glob("*"),)),
        Migration("common", "dev", (Target("prod"),), apps=(Glob("*"),)),
    )
)
LANES = [("orders", "prod"), ("orders", "dr"), ("common", "prod")]


@pytest.mark.parametrize(
    ("words", "routes"),
    [
        ((), LANES),
        (("orders",), LANES[:2]),
        (("@prod",), [LANES[0], LANES[2]]),
        (("orders@dr",), [LANES[1]]),
        (("orders@dr,common",), LANES[1:]),
        (("orders@dr", " common "), LANES[1:]),
        (("app:orders-*",), LANES),
    ],
)
def test_lanes_are_let_through_by_migration_target_or_both(
    words: tuple[str, ...], routes: list[tuple[str, str]]
) -> None:
    only = parse_only(words, PLAN)
    assert [route for route in LANES if only.allows_lane(*route)] == routes


def test_assets_are_let_through_by_globs_of_their_kind() -> None:
    only = parse_only(["app:orders-*,task:nightly"], PLAN)
    assert only.allows_asset("app", "orders-web")
    assert not only.allows_asset("app", "nightly")
    assert only.allows_asset("task", "nightly")
    assert not only.allows_asset("task", "orders-web")
    assert Only().allows_asset("task", "anything")


def test_naming_only_applications_lets_no_task_through() -> None:
    assert not parse_only(["app:*"], PLAN).allows_asset("task", "t")


@pytest.mark.parametrize("word", ["order", "orders@nowhere", "@nowhere", "common@dr", "app:", "apps:x", "Orders"])
def test_a_selector_that_the_plan_cannot_fit_is_told_with_what_would_fit(word: str) -> None:
    with pytest.raises(OperatorError, match="orders@dr, orders@prod, common@prod") as caught:
        parse_only([word], PLAN)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("word", ["@", "", ",", "  "])
def test_a_selector_that_names_nothing_never_means_everything(word: str) -> None:
    with pytest.raises(OperatorError, match="names nothing"):
        parse_only([word], PLAN)


def test_what_the_operator_wrote_is_kept_as_it_was() -> None:
    assert parse_only(["orders@dr, app:x*"], PLAN).words == ("orders@dr", "app:x*")


def test_selections_are_narrowed_to_what_is_let_through() -> None:
    whole = Selection(
        "orders", "dev", Target("dr"), apps=(App("1", "web"), App("2", "core")), tasks=(Task("3", "nightly"),)
    )
    (narrow,) = parse_only(["@dr,app:w*"], PLAN).narrow([whole])
    assert ([each.name for each in narrow.apps], narrow.tasks) == (["web"], ())
    assert parse_only(["@prod"], PLAN).narrow([whole]) == ()
