from collections.abc import Mapping
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.inventory import App, Inventory, Kind, Task
from orchestrator.core.plan.plan import (
    AccessKey,
    ById,
    Glob,
    Instance,
    Migration,
    OfApps,
    Plan,
    SecretRef,
    SecretSource,
    Selector,
    Settings,
    Target,
)
from orchestrator.core.selection.selection import (
    LeftOut,
    Missing,
    Overlap,
    Selection,
    Travelling,
    Why,
    names_under,
    overlaps,
    predecessors,
    select,
    select_all,
)

WEB, BILLING, STOCK = App("a1", "orders-web"), App("a2", "billing"), App("a3", "stock")
#: of orders-web alone, of orders-web and billing, of billing and stock, of nothing
ALONE = Task("t1", "alone", "a1", "a1")
LINK = Task("t2", "link", "a1", "a2")
ELSEWHERE = Task("t3", "elsewhere", "a2", "a3")
BARE = Task("t4", "bare")
DEV = Inventory("dev", (WEB, BILLING, STOCK), (ALONE, LINK, ELSEWHERE, BARE))
PROD = Target("prod")


def migration(name: str = "orders", *, apps: tuple[Selector, ...] = (Glob("orders-*"),), **more: object) -> Migration:
    fields: dict[str, object] = {"targets": (PROD,), "tasks": OfApps(), **more}
    return Migration(name=name, source="dev", apps=apps, **fields)  # type: ignore[arg-type]  # fields vary by test


def plan_of(*migrations: Migration) -> Plan:
    secret = SecretRef(SecretSource.ENV, "X")
    instances = {
        name: Instance(name, f"https://{name}.example", "", "p", "i", ("key",)) for name in ("dev", "prod", "dr")
    }
    return Plan("plan", {"key": AccessKey("key", secret, secret)}, instances, Settings(), migrations)


def inventories(**at_target: App) -> Mapping[str, Inventory]:
    return {"dev": DEV, "prod": Inventory("prod", tuple(at_target.values()), ()), "dr": Inventory("dr", (), ())}


def chosen(migration: Migration, present: tuple[str, ...] = (), travelling: Travelling | None = None) -> Selection:
    return select(migration, migration.targets[0], DEV, travelling or Travelling(), frozenset(present))


def ids(assets: tuple[App | Task, ...]) -> list[str]:
    return [asset.id for asset in assets]


def test_globs_are_case_sensitive_shell_globs_on_the_name() -> None:
    assert ids(chosen(migration(apps=(Glob("orders-*"),))).apps) == ["a1"]
    assert ids(chosen(migration(apps=(Glob("ORDERS-*"),))).apps) == []
    assert ids(chosen(migration(apps=(Glob("[sb]*"),))).apps) == ["a2", "a3"]
    assert ids(chosen(migration(apps=(Glob("*"),))).apps) == ["a2", "a1", "a3"]


def test_an_id_selects_exactly_that_asset() -> None:
    selection = chosen(migration(apps=(ById("a3"),), tasks=(ById("t4"),)))
    assert ids(selection.apps) == ["a3"]
    assert ids(selection.tasks) == ["t4"]


def test_exclude_wins_over_a_selection_by_id() -> None:
    selection = chosen(migration(apps=(ById("a1"), Glob("billing")), exclude_apps=(Glob("orders-*"),)))
    assert ids(selection.apps) == ["a2"]
    assert ids(selection.excluded) == ["a1"]


def test_of_apps_takes_the_tasks_whose_applications_are_all_selected() -> None:
    selection = chosen(migration(apps=(Glob("orders-*"), Glob("billing"))))
    assert ids(selection.tasks) == ["t1", "t2"]
    assert selection.left_out == (LeftOut(ELSEWHERE, Why.OTHER_STAYS, "a3", "stock"),)


def test_of_apps_takes_a_task_whose_other_application_is_there_under_the_planned_name() -> None:
    assert ids(chosen(migration(), present=("billing",)).tasks) == ["t1", "t2"]
    prefixed = migration(targets=(Target("prod", prefix="dr_"),))
    assert ids(chosen(prefixed, present=("billing",)).tasks) == ["t1"]
    assert ids(chosen(prefixed, present=("dr_billing",)).tasks) == ["t1", "t2"]


def test_of_apps_takes_a_task_whose_other_application_travels_earlier() -> None:
    assert ids(chosen(migration(), travelling=Travelling(frozenset({"a2"}))).tasks) == ["t1", "t2"]


def test_a_task_whose_other_application_travels_in_no_order_is_left_out_with_the_cure() -> None:
    selection = chosen(migration(), travelling=Travelling(unordered={"a2": "common"}))
    assert selection.left_out == (LeftOut(LINK, Why.NOT_AFTER, "a2", "billing", "common"),)


def test_a_task_whose_other_application_is_not_visible_is_left_out() -> None:
    dangling = Task("t9", "dangling", "a1", "gone")
    selection = select(migration(), PROD, Inventory("dev", (WEB,), (dangling,)), Travelling(), frozenset({"gone"}))
    assert selection.left_out == (LeftOut(dangling, Why.OTHER_UNSEEN, "gone"),)


def test_no_tasks_means_none_and_those_that_touch_are_told() -> None:
    selection = chosen(migration(tasks=()))
    assert selection.tasks == ()
    assert selection.left_out == (LeftOut(ALONE, Why.NOT_ASKED), LeftOut(LINK, Why.NOT_ASKED))


def test_named_tasks_travel_whatever_becomes_of_their_applications() -> None:
    selection = chosen(migration(apps=(), tasks=(Glob("*"),)))
    assert ids(selection.tasks) == ["t1", "t4", "t3", "t2"]
    assert selection.left_out == ()


def test_an_excluded_task_is_excluded_and_not_left_out() -> None:
    selection = chosen(migration(exclude_tasks=(Glob("link"), Glob("bare"))))
    assert ids(selection.excluded) == ["t2"]
    assert selection.left_out == ()


def test_selectors_that_match_nothing_are_told_ids_apart_from_patterns() -> None:
    selection = chosen(
        migration(apps=(Glob("x*"), ById("a1")), tasks=(ById("t8"),), exclude_apps=(Glob("*-tmp"),), exclude_tasks=())
    )
    assert selection.missing == (Missing(Kind.APP, Glob("x*")), Missing(Kind.TASK, ById("t8")))
    assert [missing.by_id for missing in selection.missing] == [False, True]
    assert selection.idle_exclusions == (Missing(Kind.APP, Glob("*-tmp")),)


def test_a_prefix_may_rename_applications_tasks_or_both() -> None:
    prefixed = Target("prod", prefix="dr_")
    assert names_under(prefixed, WEB) == ("dr_orders-web", "orders-web")
    assert names_under(prefixed, LINK) == ("link", "dr_link")
    assert names_under(PROD, WEB) == ("orders-web",)
    assert names_under(PROD, LINK) == ("link",)


def test_all_selections_come_in_the_plans_order_one_for_each_target() -> None:
    orders = migration(targets=(Target("prod"), Target("dr", prefix="x_")), after=("common",))
    common = migration("common", apps=(Glob("billing"),), targets=(Target("prod"),))
    selections = select_all(plan_of(orders, common), inventories())
    assert [(s.migration, s.target.instance) for s in selections] == [
        ("orders", "prod"),
        ("orders", "dr"),
        ("common", "prod"),
    ]


def test_what_travels_earlier_counts_only_towards_the_same_instance_and_prefix() -> None:
    orders = migration(targets=(Target("prod"), Target("dr", prefix="x_")), after=("common",))
    common = migration("common", apps=(Glob("billing"),), targets=(Target("prod"), Target("dr")))
    at_prod, at_dr, _, _ = select_all(plan_of(orders, common), inventories())
    assert ids(at_prod.tasks) == ["t1", "t2"]
    assert at_dr.left_out == (LeftOut(LINK, Why.OTHER_STAYS, "a2", "billing"),)


def test_after_reaches_through_other_migrations_and_ends_in_a_loop() -> None:
    first = migration("first", apps=(Glob("billing"),))
    second = migration("second", apps=(Glob("stock"),), after=("first",))
    third = migration("third", after=("second",))
    assert ids(select_all(plan_of(first, second, third), inventories())[2].tasks) == ["t1", "t2"]
    loop = plan_of(migration("one", after=("two",)), migration("two", after=("one",)))
    assert predecessors(loop) == {"one": {"two"}, "two": {"one"}}


def test_what_the_plan_itself_brought_changes_nothing_on_the_second_day() -> None:
    common = migration("common", apps=(Glob("billing"),))
    rest = migration("rest", apps=(Glob("orders-*"),), after=("common",))
    first = select_all(plan_of(common, rest), inventories())
    second = select_all(plan_of(common, rest), inventories(web=App("b1", "orders-web"), billing=App("b2", "billing")))
    assert first == second
    assert [ids(each.tasks) for each in second] == [[], ["t1", "t2"]]


def test_a_name_that_another_source_brings_there_is_no_proof_either() -> None:
    held = {**inventories(), "dr": Inventory("dr", (App("d1", "billing"),), ())}
    theirs = Migration("theirs", "dr", (PROD,), (Glob("*"),), OfApps())
    first, _ = select_all(plan_of(migration(), theirs), held)
    held["prod"] = Inventory("prod", (App("b2", "billing"),), ())
    second, _ = select_all(plan_of(migration(), theirs), held)
    assert first == second
    assert second.left_out == (LeftOut(LINK, Why.OTHER_STAYS, "a2", "billing"),)


def test_what_another_migration_carries_to_the_same_place_is_not_left_out() -> None:
    common = migration("common", apps=(Glob("billing"),))
    rest = migration("rest", apps=(Glob("orders-*"),), after=("common",))
    assert [task.task.id for task in select_all(plan_of(common, rest), inventories())[0].left_out] == ["t3"]
    elsewhere = migration("rest", apps=(Glob("orders-*"),), targets=(Target("dr"),))
    assert [task.task.id for task in select_all(plan_of(common, elsewhere), inventories())[0].left_out] == ["t3", "t2"]


def test_without_after_the_migration_to_wait_for_is_named() -> None:
    selections = select_all(plan_of(migration(), migration("common", apps=(Glob("billing"),))), inventories())
    assert selections[0].left_out == (LeftOut(LINK, Why.NOT_AFTER, "a2", "billing", "common"),)


def test_what_the_target_holds_is_looked_up_by_instance() -> None:
    at_prod, at_dr = select_all(
        plan_of(migration(targets=(Target("prod"), Target("dr")))), inventories(billing=App("other-id", "billing"))
    )
    assert ids(at_prod.tasks) == ["t1", "t2"]
    assert ids(at_dr.tasks) == ["t1"]


def test_an_asset_taken_twice_to_one_place_is_reported_once() -> None:
    twice = select_all(
        plan_of(
            migration("one"), migration("two", tasks=()), migration("three", targets=(Target("prod", prefix="p"),))
        ),
        inventories(),
    )
    assert overlaps(twice) == (Overlap("dev", WEB, "prod", "", ("one", "two")),)


NAMES = st.sampled_from(["orders-web", "orders-db", "billing", "stock", "Billing"])
APPS = st.lists(NAMES, max_size=6).map(lambda names: tuple(App(f"a{i}", name) for i, name in enumerate(names)))
SELECTORS = st.lists(
    st.one_of(
        st.sampled_from(["*", "orders-*", "b*", "[Bs]*", "t*", "t1"]).map(Glob),
        st.sampled_from(["a0", "a1", "t0", "t3", "none"]).map(ById),
    ),
    max_size=3,
).map(tuple)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Migration, Inventory, Travelling, frozenset[str]]:
    apps = draw(APPS)
    ends = st.sampled_from(["", "gone", *(app.id for app in apps)])
    tasks = tuple(Task(f"t{i}", f"t{i}", draw(ends), draw(ends)) for i in range(draw(st.integers(0, 8))))
    what = Migration(
        "m",
        "dev",
        (Target("prod", prefix=draw(st.sampled_from(["", "x_"]))),),
        apps=draw(SELECTORS),
        tasks=draw(st.one_of(SELECTORS, st.just(OfApps()))),
        exclude_apps=draw(SELECTORS),
        exclude_tasks=draw(SELECTORS),
    )
    earlier = draw(st.frozensets(st.sampled_from(["a0", "a1", "a2"])))
    return what, Inventory("dev", apps, tasks), Travelling(earlier), draw(st.frozensets(NAMES))


@given(cases())
def test_every_touched_asset_is_in_exactly_one_class(
    case: tuple[Migration, Inventory, Travelling, frozenset[str]],
) -> None:
    what, source, travelling, present = case
    selection = select(what, what.targets[0], source, travelling, present)
    touched = ids(selection.touched)
    assert len(touched) == len(set(touched))
    selected = {app.id for app in selection.apps}
    touching = {task.id for task in source.tasks if selected.intersection(task.app_ids)}
    assert touching <= set(touched) <= {*ids(source.apps), *ids(source.tasks)}


@given(cases())
def test_of_apps_never_takes_a_task_whose_application_would_be_absent(
    case: tuple[Migration, Inventory, Travelling, frozenset[str]],
) -> None:
    what, source, travelling, present = case
    selection = select(what, what.targets[0], source, travelling, present)
    if not isinstance(what.tasks, OfApps):
        return
    names = {app.id: what.targets[0].prefix + app.name for app in source.apps}
    there = (
        {app.id for app in selection.apps} | travelling.earlier | {i for i, name in names.items() if name in present}
    )
    for task in selection.tasks:
        assert set(task.app_ids) <= there
        assert set(task.app_ids) & {app.id for app in selection.apps}


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_inventory_does_not_matter(
    case: tuple[Migration, Inventory, Travelling, frozenset[str]], rng: Random
) -> None:
    what, source, travelling, present = case
    apps, tasks = list(source.apps), list(source.tasks)
    rng.shuffle(apps)
    rng.shuffle(tasks)
    shuffled = Inventory("dev", tuple(apps), tuple(tasks))
    target = what.targets[0]
    assert select(what, target, source, travelling, present) == select(what, target, shuffled, travelling, present)
