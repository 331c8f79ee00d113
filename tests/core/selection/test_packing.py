from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.selection.dependencies import Graph
from orchestrator.core.selection.packing import Work, best_fill, by_levels, components, fewest, partners, tails


def stars(sizes: list[int]) -> Graph:
    """An application with `size - 1` tasks for each size."""
    apps_of = {f"t{i}-{j}": (f"a{i}",) for i, size in enumerate(sizes) for j in range(size - 1)}
    return Graph("dev", tuple(sorted(f"a{i}" for i in range(len(sizes)))), tuple(sorted(apps_of)), apps_of)


def work_of(graph: Graph, size: int = 100) -> Work:
    return Work.of(graph.apps, graph.tasks, graph, size)


@st.composite
def works(draw: st.DrawFn) -> tuple[Work, int]:
    size = draw(st.integers(1, 6))
    apps = [f"a{i}" for i in range(draw(st.integers(1, 10)))]
    tasks = [f"t{i}" for i in range(draw(st.integers(0, 20)))]
    apps_of = {t: tuple(sorted(set(e))) for t in tasks if (e := draw(st.lists(st.sampled_from(apps), max_size=2)))}
    calls = {
        apps[i]: found
        for i in range(1, len(apps))
        if (found := tuple(sorted(draw(st.frozensets(st.sampled_from(apps[:i]), max_size=2)))))
    }
    return Work.of(apps, tasks, Graph("dev", tuple(apps), tuple(tasks), apps_of, calls), size), size


def test_roots_come_before_leaves_and_each_links_to_the_other() -> None:
    graph = Graph("dev", ("a", "b"), ("s", "t", "u"), {"t": ("a", "b"), "u": ("a",)}, {"b": ("a",)})
    work = work_of(graph)
    assert work.assets == (("a", False), ("b", False), ("s", True), ("t", True), ("u", True))
    assert (work.roots, work.count) == (3, 5)
    assert work.roots_of == ((), (), (), (0, 1), (0,))
    assert work.leaves_of == ((3, 4), (3,), ())
    assert (work.called, work.callers) == (((), (0,), ()), ((1,), (), ()))


def test_what_is_not_packed_binds_nobody() -> None:
    graph = Graph("dev", ("a", "b"), ("t",), {"t": ("a", "b")}, {"b": ("a",)}, {"t": ("d",)})
    work = Work.of(["b"], ["t"], graph, 100)
    assert work.roots_of == ((), (0,))
    assert work.called == ((),)


def test_a_data_source_shared_by_more_than_a_batch_binds_nobody() -> None:
    tasks = tuple(f"t{i}" for i in range(5))
    graph = Graph("dev", (), tasks, datasources_of=dict.fromkeys(tasks, ("d",)))
    assert work_of(graph, 5).shared == ((0, 1, 2, 3, 4),)
    assert work_of(graph, 4).shared == ()
    assert partners(work_of(graph, 5)) == [[0]] * 5


def test_links_always_form_a_component_and_data_sources_a_small_one() -> None:
    sizes = [9, 9, 2, 2]
    graph = stars(sizes)
    shared = Graph(
        "dev", graph.apps, graph.tasks, graph.apps_of, {}, dict.fromkeys(("t0-0", "t1-0", "t2-0", "t3-0"), ("d",))
    )
    for size, expected in ((12, [4, 9, 9]), (60, [2, 20]), (66, [22])):
        component, members = components(work_of(shared, size), size)
        found = sorted(len(one) for one in members)
        assert sum(found) == sum(sizes)
        assert found == expected
        assert all(component[member] == number for number, one in enumerate(members) for member in one)


@given(st.dictionaries(st.integers(1, 9), st.integers(0, 3), max_size=4), st.integers(1, 30))
def test_no_choice_of_sizes_fills_more(counts: dict[int, int], room: int) -> None:
    chosen = best_fill(counts, room)
    sums = (
        sum(size * n for size, n in zip(counts, ns, strict=True))
        for ns in product(*(range(c + 1) for c in counts.values()))
    )
    assert sum(size * count for size, count in chosen) == max(total for total in sums if total <= room)
    assert all(0 <= count <= counts[size] for size, count in chosen)


def test_a_fill_prefers_the_largest_sizes() -> None:
    assert best_fill({6: 1, 4: 1, 5: 2}, 10) == [(6, 1), (5, 0), (4, 1)]
    assert best_fill({7: 1, 5: 2}, 10) == [(7, 0), (5, 2)]
    assert best_fill({11: 1}, 10) == []


def test_a_tail_is_the_longest_chain_of_callers_or_all_that_waits() -> None:
    chain = Graph("dev", ("a", "b", "c"), (), calls={"b": ("a",), "c": ("b",)})
    assert tails(work_of(chain), 100) == [2, 1, 0]
    many = Graph("dev", ("a", *(f"b{i}" for i in range(5))), (), calls={f"b{i}": ("a",) for i in range(5)})
    assert tails(work_of(many), 2) == [3, 0, 0, 0, 0, 0]
    assert tails(work_of(stars([7, 2])), 3) == [2, 0]


@given(works())
def test_levels_give_a_lawful_order_and_never_beat_a_tail(case: tuple[Work, int]) -> None:
    work, size = case
    tail = tails(work, size)
    place = by_levels(work, size, tail)
    assert all(0 < place.count(batch) <= size for batch in range(max(place) + 1))
    assert all(place[called] < place[root] for root in range(work.roots) for called in work.called[root])
    assert all(place[root] <= place[leaf] for leaf, roots in enumerate(work.roots_of) for root in roots)
    assert all(place[root] + tail[root] <= max(place) for root in range(work.roots))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(1, 12))
def test_without_calls_levels_fill_every_batch_but_the_last(sizes: list[int], size: int) -> None:
    work = work_of(stars(sizes), size)
    place = by_levels(work, size, tails(work, size))
    assert max(place) + 1 == fewest(sum(sizes), size)
