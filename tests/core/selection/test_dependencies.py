from random import Random

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.inventory import App, Inventory, Task
from orchestrator.core.plan.plan import Target
from orchestrator.core.selection.dependencies import Graph, Need, cycle_told, cycles, graph_of
from orchestrator.core.selection.selection import Selection

WEB, SHOP, BILLING, STOCK = App("a1", "orders-web"), App("a2", "orders-shop"), App("a3", "billing"), App("a4", "stock")
TASKS = (
    Task("t1", "in", "a3", "a1", datasource_ids=("d2", "d1")),
    Task("t2", "out", "a1", "a4"),
    Task("t3", "round", "a1", "a1"),
    Task("t4", "bare"),
)
DEV = Inventory("dev", (WEB, SHOP, BILLING, STOCK), TASKS)
MOVED = Selection("m", "dev", Target("prod"), apps=(BILLING, SHOP, WEB), tasks=TASKS)


def called(**calls: tuple[str, ...]) -> Graph:
    return graph_of(MOVED, DEV, tuple((caller.replace("_", "-"), globs) for caller, globs in calls.items()))


def ring(*edges: tuple[str, str]) -> Graph:
    calls: dict[str, tuple[str, ...]] = {}
    for caller, callee in edges:
        calls[caller] = tuple(sorted({*calls.get(caller, ()), callee}))
    return Graph("dev", tuple(sorted({end for edge in edges for end in edge})), calls=calls)


def test_a_task_builds_on_its_selected_applications_and_needs_the_others() -> None:
    graph = called()
    assert graph.apps_of == {"t1": ("a1", "a3"), "t2": ("a1",), "t3": ("a1",)}
    assert graph.outside == (Need("t2", "a4", "stock", strict=False),)
    assert graph.datasources_of == {"t1": ("d1", "d2")}
    assert graph.builds_on("t1") == ("a1", "a3")
    assert graph.builds_on("t4") == ()


def test_an_application_that_is_not_visible_is_needed_without_a_name() -> None:
    lost = Task("t9", "lost", "gone")
    graph = graph_of(Selection("m", "dev", Target("prod"), tasks=(lost,)), Inventory("dev", (), (lost,)))
    assert graph.outside == (Need("t9", "gone", "", strict=False),)


def test_calls_are_globs_on_both_sides() -> None:
    graph = graph_of(MOVED, DEV, (("orders-*", ("bill*",)), ("orders-web", ("orders-shop",))))
    assert graph.calls == {"a1": ("a2", "a3"), "a2": ("a3",)}
    assert graph.builds_on("a1") == ("a2", "a3")


def test_an_application_that_calls_itself_is_no_dependency() -> None:
    assert graph_of(MOVED, DEV, (("billing", ("*ing",)),)).calls == {}


def test_a_called_application_that_does_not_travel_is_needed_in_an_earlier_job() -> None:
    graph = graph_of(MOVED, DEV, (("billing", ("st*", "ledger", "no*")),))
    assert graph.calls == {}
    assert [need for need in graph.outside if need.strict] == [
        Need("a3", "", "ledger", strict=True),
        Need("a3", "a4", "stock", strict=True),
    ]


def test_a_caller_that_matches_nothing_selected_is_told_and_needs_nothing() -> None:
    graph = graph_of(MOVED, DEV, (("stock", ("ledger",)), ("billing", ("orders-web",))))
    assert graph.idle_calls == ("stock",)
    assert not [need for need in graph.outside if need.strict]


def test_a_cycle_is_named_in_the_order_of_its_calls() -> None:
    graph = graph_of(
        MOVED, DEV, (("orders-web", ("billing",)), ("billing", ("orders-shop",)), ("orders-shop", ("*-web",)))
    )
    assert cycles(graph) == (("a1", "a3", "a2"),)
    told = cycle_told(cycles(graph)[0], DEV.apps)
    assert told == "orders-web calls billing calls orders-shop calls orders-web"


def test_each_knot_is_told_once_by_a_shortest_cycle() -> None:
    graph = ring(("a", "b"), ("b", "c"), ("c", "a"), ("b", "a"), ("x", "y"), ("y", "x"), ("c", "x"))
    assert cycles(graph) == (("a", "b"), ("x", "y"))


def test_a_long_chain_of_calls_has_no_cycle_and_overflows_nothing() -> None:
    chain = [(f"a{i:05d}", f"a{i + 1:05d}") for i in range(5000)]
    assert cycles(ring(*chain)) == ()
    assert cycles(ring(*chain, ("a05000", "a00000")))[0][:2] == ("a00000", "a00001")


EDGES = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=14)


@given(EDGES)
def test_a_cycle_is_found_exactly_when_the_calls_have_no_order(edges: list[tuple[str, str]]) -> None:
    edges = [(caller, callee) for caller, callee in edges if caller != callee]
    graph = ring(*edges)
    left = set(graph.apps)
    while free := {app for app in left if not left.intersection(graph.calls.get(app, ()))}:
        left -= free
    found = cycles(graph)
    assert bool(found) == bool(left)
    for cycle in found:
        assert len(set(cycle)) == len(cycle) > 1
        assert set(cycle) <= left
        assert cycle[0] == min(cycle)
        assert all((caller, callee) in edges for caller, callee in zip(cycle, (*cycle[1:], cycle[0]), strict=True))


@given(EDGES, st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=6))
def test_tasks_close_no_cycle_for_nothing_builds_on_a_task(
    edges: list[tuple[str, str]], links: list[tuple[str, str]]
) -> None:
    names = "abcdef"
    apps = tuple(App(name, name) for name in names)
    tasks = tuple(Task(f"t{i}", f"t{i}", *ends) for i, ends in enumerate(links))
    calls = tuple((caller, (callee,)) for caller, callee in edges)
    with_tasks = graph_of(
        Selection("m", "dev", Target("prod"), apps=apps, tasks=tasks), Inventory("dev", apps, tasks), calls
    )
    without = graph_of(Selection("m", "dev", Target("prod"), apps=apps), Inventory("dev", apps, tasks), calls)
    assert cycles(with_tasks) == cycles(without)
    everything = {end for asset in (*with_tasks.apps, *with_tasks.tasks) for end in with_tasks.builds_on(asset)}
    assert everything <= set(with_tasks.apps)


@given(EDGES, st.randoms(use_true_random=False))
def test_the_order_of_the_selection_does_not_matter(edges: list[tuple[str, str]], rng: Random) -> None:
    apps = [App(name, name) for name in "abcdef"]
    tasks = [Task(f"t{i}", f"t{i}", *ends) for i, ends in enumerate(edges)]
    calls = tuple((caller, (callee,)) for caller, callee in edges)
    source = Inventory("dev", tuple(apps), tuple(tasks))
    before = graph_of(Selection("m", "dev", Target("p"), apps=source.apps[1:], tasks=source.tasks), source, calls)
    selected = list(source.apps[1:])
    rng.shuffle(selected)
    rng.shuffle(tasks)
    after = graph_of(Selection("m", "dev", Target("p"), apps=tuple(selected), tasks=tuple(tasks)), source, calls)
    assert before == after
    assert cycles(before) == cycles(after)
