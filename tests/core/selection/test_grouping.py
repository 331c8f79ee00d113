from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.core.selection.dependencies import Graph
from orchestrator.core.selection.grouping import Growth, placed
from orchestrator.core.selection.packing import Work, by_levels, tails


@st.composite
def works(draw: st.DrawFn) -> tuple[Work, int]:
    size = draw(st.integers(1, 8))
    apps = [f"a{i}" for i in range(draw(st.integers(1, 14)))]
    tasks = [f"t{i}" for i in range(draw(st.integers(0, 40)))]
    apps_of = {t: tuple(sorted(set(e))) for t in tasks if (e := draw(st.lists(st.sampled_from(apps), max_size=3)))}
    calls = {
        apps[i]: found
        for i in range(1, len(apps))
        if (found := tuple(sorted(draw(st.frozensets(st.sampled_from(apps[:i]), max_size=2)))))
    }
    shared = {task: (draw(st.sampled_from("wxyz")),) for task in tasks if draw(st.booleans())}
    graph = Graph("dev", tuple(apps), tuple(tasks), apps_of, calls if draw(st.booleans()) else {}, shared)
    return Work.of(sorted(apps), sorted(tasks), graph, size), size


def assert_lawful(place: list[int], work: Work, size: int) -> None:
    assert len(place) == work.count
    assert all(0 < place.count(batch) <= size for batch in range(max(place) + 1))
    assert min(place) == 0
    assert all(place[called] < place[root] for root in range(work.roots) for called in work.called[root])
    assert all(place[root] <= place[leaf] for leaf, roots in enumerate(work.roots_of) for root in roots)


@given(works(), st.integers(0, 3))
def test_growth_keeps_within_its_limit_or_says_that_it_cannot(case: tuple[Work, int], more: int) -> None:
    work, size = case
    tail = tails(work, size)
    limit = max(1, max(by_levels(work, size, tail)) + more)
    place = Growth(work, size, tail, limit).run()
    if place:
        assert max(place) < limit
        assert_lawful(place, work, size)


@given(works())
def test_without_calls_growth_always_succeeds(case: tuple[Work, int]) -> None:
    work, size = case
    assume(not any(work.called))
    assert Growth(work, size, tails(work, size), -(-work.count // size)).run()


@given(works())
def test_what_is_placed_needs_no_more_batches_than_levels_do(case: tuple[Work, int]) -> None:
    work, size = case
    place = placed(work, size)
    assert_lawful(place, work, size)
    assert max(place) <= max(by_levels(work, size, tails(work, size)))


def test_a_component_too_large_for_a_batch_is_cut_where_fewest_links_are() -> None:
    # Two clusters of four applications, each with many tasks inside, one task between them.
    apps = [f"a{i}" for i in range(8)]
    inside = [(apps[i], apps[i // 4 * 4 + (i + 1) % 4]) for i in range(8) for _ in range(9)]
    apps_of = {f"t{i:02d}": tuple(sorted(ends)) for i, ends in enumerate([*inside, ("a3", "a4")])}
    graph = Graph("dev", tuple(apps), tuple(sorted(apps_of)), apps_of)
    work = Work.of(apps, sorted(apps_of), graph, 41)
    place = placed(work, 41)
    assert sum(any(place[root] != place[leaf] for root in roots) for leaf, roots in enumerate(work.roots_of)) <= 1


def test_a_data_source_does_not_tear_tasks_from_their_applications() -> None:
    apps = [f"a{i}" for i in range(10)]
    apps_of = {f"t{i:02d}": (apps[i % 10],) for i in range(90)}
    graph = Graph(
        "dev", tuple(apps), tuple(apps_of), apps_of, {}, {task: (f"d{int(task[1:]) // 10}",) for task in apps_of}
    )
    work = Work.of(apps, list(apps_of), graph, 50)
    place = placed(work, 50)
    assert all(place[root] == place[leaf] for leaf, roots in enumerate(work.roots_of) for root in roots)


def test_a_root_that_many_wait_for_goes_first_though_a_larger_group_would_fit() -> None:
    filler = tuple(f"t{i:02d}" for i in range(9))
    graph = Graph("dev", ("a", "b", "c", "z"), filler, dict.fromkeys(filler, ("z",)), {"b": ("a",), "c": ("b",)})
    work = Work.of(graph.apps, filler, graph, 10)
    place = placed(work, 10)
    assert place[:3] == [0, 1, 2]
    assert max(place) == 2
