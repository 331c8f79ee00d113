"""Verified: there by name and kind, with links, data sources and APIs; under Merge also updated since we asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestrator.core.decisions.verification import Comparison, Expected, There, looked
from orchestrator.core.decisions.verification import verify as compare
from orchestrator.core.model.contents import Contents
from orchestrator.core.model.instance_facts import Facts, Unread
from orchestrator.core.model.inventory import Api, App, DataSource, Inventory, Task
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import Delivery
from tests.builders.runs import DAWN, Run, app, task


def life(mode: str = "AddNew", **before: tuple[str, ...]) -> Delivery:
    scheduled = e.DeliveryScheduled("d", "batch", "m", "prod", mode, "", False, "t")
    return Delivery(scheduled, baseline=e.Looked("d", tuple(before.items())), asked_at=DAWN)


def held(*assets: App | Task) -> Inventory:
    apps = tuple(each for each in assets if isinstance(each, App))
    return Inventory("prod", apps, tuple(each for each in assets if isinstance(each, Task)))


def verify(life: Delivery, expected: Sequence[Expected], inventory: Inventory, ahead: float = 0.0) -> e.Verified:
    """Where nothing was asked of what they hold."""
    return compare(life, expected, There(inventory, ahead)).event


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


# --- what they hold ---


def api(app_name: str, *, of: str = "", released: bool = True) -> Api:
    return Api(f"api-{app_name}", "any", (of or app_name).upper(), "GET", f"/{app_name}", released=released)


def source(name: str, of: str) -> DataSource:
    return DataSource(f"id-of-{name}", name, app_id=of.upper())


def holding(name: str, *, touched: bool = False) -> Expected:
    """An application with one API and two data sources."""
    contents = (f"api:GET /{name}", f"datasource:{name}-1", f"datasource:{name}-2")
    return Expected(replace(app(name), contents=contents), (name,), touched=touched)


def told(*names: str, without: str = "") -> Facts:
    """Everything that these applications held at the source is there, but for one data source."""
    sources = tuple(source(f"{name}-{n}", name) for name in names for n in (1, 2) if f"{name}-{n}" != without)
    return Facts("prod", datasources=sources, apis=tuple(api(name) for name in names))


def judged(facts: Facts, *expected: Expected, how: Delivery | None = None) -> Comparison:
    """Applications `a`, `b`, ... are there as `A`, `B`, ..."""
    assets = (App(each.asset.id.upper(), each.asset.name, update_time=clock(5)) for each in expected)
    return compare(how or life(), expected, There(held(*assets), 0.0, Contents.of(facts)))


def test_an_application_that_holds_what_it_held_is_verified() -> None:
    found = judged(told("a"), holding("a"))
    assert (found.event.verified, found.waiting) == (("a",), False)


@pytest.mark.parametrize("apis", [(), (api("a", of="b"),), (api("a", released=False),), (api("b", of="a"),)])
def test_an_api_that_its_application_does_not_publish_is_a_finding(apis: tuple[Api, ...]) -> None:
    found = judged(replace(told("a"), apis=apis), holding("a"))
    assert found.event.findings == (("a", "different: a does not publish API GET /a"),)
    assert found.waiting, "the service may only be late to show it"


def test_a_data_source_is_missed_where_others_came_with_their_application() -> None:
    found = judged(told("a", without="a-2"), holding("a"))
    assert (found.event.findings, found.waiting) == ((("a", "different: a has no data source a-2"),), True)
    beside = judged(told("b"), holding("a"), holding("b")).event
    assert beside.findings == (("a", "different: a does not publish API GET /a and has no data sources a-1, a-2"),)


@pytest.mark.parametrize("mode", ["AddNew", "Merge"])
def test_where_a_task_may_bring_them_a_data_source_that_is_not_there_leaves_a_doubt(mode: str) -> None:
    touched = holding("a", touched=True)
    found = judged(told("a", without="a-1"), touched, how=life(mode))
    assert found.event.unverified == (("a", "not there, and may come with a task: data source a-1"),)
    assert found.waiting


def test_what_was_there_before_does_not_show_what_an_import_brings() -> None:
    found = judged(told("a", without="a-1"), holding("a"), how=life("Merge", a=("A",)))
    assert [asset for asset, _ in found.event.unverified] == ["a"]


def test_where_no_data_source_came_nothing_is_concluded() -> None:
    found = judged(replace(told("a", "b"), datasources=()), holding("a"), holding("b"))
    assert [asset for asset, _ in found.event.unverified] == ["a", "b"]


def test_a_data_source_under_another_application_leaves_a_doubt_that_time_does_not_cure() -> None:
    elsewhere = replace(told("a", without="a-1"), datasources=(source("a-1", "x"), source("a-2", "a")))
    found = judged(elsewhere, holding("a"))
    assert found.event.unverified == (("a", "there under another application: data source a-1"),)
    assert not found.waiting


@pytest.mark.parametrize(
    ("read", "finding"),
    [
        (Facts("prod", apis=()), "different: a does not publish API GET /a"),
        (Facts("prod", datasources=(source("a-2", "a"),)), "different: a has no data source a-1"),
    ],
)
def test_what_could_not_be_read_is_not_compared(read: Facts, finding: str) -> None:
    assert judged(read, holding("a")).event.findings == (("a", finding),)
    neither = judged(Facts("prod", datasources=Unread("no permission")), holding("a"))
    assert (neither.event.verified, neither.waiting) == (("a",), False)
    assert neither.event.uncompared == "data sources not compared: no permission; APIs not compared: it was not read"
    assert judged(Facts("prod"), holding("a")).event.uncompared.startswith("data sources and APIs not compared: ")
    assert judged(Facts("prod"), Expected(app("a"), ("a",))).event.uncompared == "", "it held nothing"


def test_a_long_list_of_what_is_missing_is_cut() -> None:
    contents = tuple(f"api:GET /{n}" for n in range(9))
    found = judged(told("a"), Expected(replace(app("a"), contents=contents), ("a",))).event
    assert found.findings == (("a", "different: a does not publish APIs GET /0, GET /1, GET /2 and 6 more"),)


@pytest.mark.parametrize(
    ("used", "finding"), [(("1", "2"), ""), (("1",), "different: t does not use data source out"), ((), "")]
)
def test_a_task_must_use_its_data_sources_where_the_list_tells_them(used: tuple[str, ...], finding: str) -> None:
    facts = Facts("prod", datasources=(DataSource("1", "in"), DataSource("2", "out")), apis=())
    expected = Expected(replace(task("t"), contents=("datasource:in", "datasource:out")), ("t",))
    there = There(held(Task("T", "t", datasource_ids=used)), 0.0, Contents.of(facts))
    assert compare(life(), [expected], there).event.findings == ((("t", finding),) if finding else ())


# --- what a look sees ---


def test_a_look_tells_both_readings_of_the_prefix_what_is_taken_and_what_could_be_probed() -> None:
    run = Run()
    delivery = run.carries(app("a"), app("b"), task("t"), prefix="x_")
    inventory = Inventory(
        "prod",
        (App("1", "a"), App("2", "x_a"), App("3", "x_b"), App("9", "t")),
        (Task("4", "t"),),
        {"1": ("u",), "2": ("t",), "4": ("u",)},
    )
    assets = run.progress.assets_of(run.life(delivery).batch)
    names = {each.id: run.progress.names_of(run.life(delivery), each.kind, each.name) for each in assets}
    found = looked(run.life(delivery), assets, inventory, names)
    assert found.seen == {"a": ("1", "2"), "b": ("3",), "t": ("4",)}
    assert found.taken == ("a",)
    assert found.sample == "app:2", "what its owner sees, for only that can the owner export"
