"""Verified: present under its name, of its kind, with its links; under Merge also updated since we asked."""

from datetime import UTC, datetime

import pytest

from orchestrator.core import events as e
from orchestrator.core.inventory import App, Inventory, Task
from orchestrator.core.lifecycle import Delivery
from orchestrator.core.verification import Expected, verify
from tests.builders import DAWN, app, task


def life(mode: str = "AddNew", **before: tuple[str, ...]) -> Delivery:
    scheduled = e.DeliveryScheduled("d", "batch", "m", "prod", mode, "", False, "t")
    return Delivery(scheduled, baseline=e.Looked("d", tuple(before.items())), asked_at=DAWN)


def held(*assets: App | Task) -> Inventory:
    apps = tuple(each for each in assets if isinstance(each, App))
    return Inventory("prod", apps, tuple(each for each in assets if isinstance(each, Task)))


def clock(seconds: float) -> str:
    return datetime.fromtimestamp(DAWN + seconds, UTC).isoformat()


def test_an_asset_that_is_there_under_its_name_is_verified_with_its_new_id() -> None:
    found = verify(life(), [Expected(app("a"), ("a",))], held(App("new", "a")))
    assert (found.verified, found.ids, found.findings, found.unverified) == (("a",), (("a", "new"),), (), ())


def test_either_reading_of_the_prefix_will_do() -> None:
    for name in ("x_a", "a"):
        assert verify(life(), [Expected(app("a"), ("x_a", "a"))], held(App("new", name))).verified == ("a",)


@pytest.mark.parametrize(("prefix", "name", "told"), [("x_", "x_a", True), ("x_", "a", False), ("", "a", None)])
def test_what_was_found_tells_whether_the_prefix_renamed_it(prefix: str, name: str, told: bool | None) -> None:
    scheduled = e.DeliveryScheduled("d", "batch", "m", "prod", "AddNew", prefix, False, "t")
    asset = Expected(app("a"), tuple(dict.fromkeys((prefix + "a", "a"))))
    found = verify(Delivery(scheduled), [asset], held(App("new", name)))
    assert found.renamed == (() if told is None else (("app", told),))


def test_what_is_not_there_is_missing() -> None:
    found = verify(life(), [Expected(app("a"), ("a",))], held(App("other", "b")))
    assert found.findings == (("a", "missing: a is not at prod"),)


def test_a_task_of_the_same_name_is_no_application() -> None:
    assert verify(life(), [Expected(app("a"), ("a",))], held(Task("t", "a"))).findings
    assert verify(life(), [Expected(task("a"), ("a",))], held(App("t", "a"))).findings


def test_what_was_there_before_us_is_not_what_we_brought() -> None:
    found = verify(life(a=("old",)), [Expected(app("a"), ("a",))], held(App("old", "a")))
    assert found.findings


def test_a_task_must_touch_its_applications() -> None:
    expected = Expected(task("t", "a", "b"), ("t",), (("x_a", "a"), ("x_b", "b")))
    apps = (App("A", "x_a"), App("B", "b"), App("C", "c"))
    assert verify(life(), [expected], held(*apps, Task("T", "t", "A", "B"))).verified == ("t",)
    (finding,) = verify(life(), [expected], held(*apps, Task("T", "t", "A", "C"))).findings
    assert finding == ("t", "different: t does not touch x_b")


def test_merge_believes_what_was_updated_after_the_request() -> None:
    now = held(App("old", "a", update_time=clock(+5)))
    assert verify(life("Merge", a=("old",)), [Expected(app("a"), ("a",))], now).verified == ("a",)


@pytest.mark.parametrize("told", [clock(-5), "", "yesterday"])
def test_merge_doubts_what_was_there_before_and_was_not_seen_to_change(told: str) -> None:
    found = verify(life("Merge", a=("old",)), [Expected(app("a"), ("a",))], held(App("old", "a", update_time=told)))
    assert [asset for asset, _ in found.unverified] == ["a"]
    assert found.verified == ()


@pytest.mark.parametrize(
    ("ahead", "updated", "believed"),
    [(0.0, -5.0, False), (-60.0, -55.0, True), (60.0, 55.0, False), (60.0, 65.0, True), (0.0, -0.5, True)],
)
def test_merge_judges_by_romas_clock_and_not_by_ours(ahead: float, updated: float, believed: bool) -> None:
    now = held(App("old", "a", update_time=clock(updated)))
    found = verify(life("Merge", a=("old",)), [Expected(app("a"), ("a",))], now, ahead)
    assert (found.verified == ("a",)) is believed


def test_merge_does_not_doubt_what_is_new() -> None:
    assert verify(life("Merge"), [Expected(app("a"), ("a",))], held(App("new", "a"))).verified == ("a",)


def test_a_time_without_an_offset_is_universal_time() -> None:
    naive = datetime.fromtimestamp(DAWN + 5, UTC).replace(tzinfo=None).isoformat()
    now = held(App("old", "a", update_time=naive))
    assert verify(life("Merge", a=("old",)), [Expected(app("a"), ("a",))], now).verified == ("a",)


def test_each_asset_ends_in_exactly_one_class() -> None:
    expected = [Expected(app(each), (each,)) for each in "abc"]
    now = held(App("A", "a"), App("old", "b", update_time=clock(-1)))
    found = verify(life("Merge", b=("old",)), expected, now)
    told = [*found.verified, *(each for each, _ in found.unverified), *(each for each, _ in found.findings)]
    assert sorted(told) == ["a", "b", "c"]
