import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.scheduling.policy import (
    ALWAYS_AHEAD,
    FEW,
    MOST_WEIGHED,
    Feed,
    LoadKind,
    SlotLoad,
    SlotLoads,
    SlotQueue,
    Work,
    choose,
    may_run_ahead,
)
from orchestrator.core.state.slots import JobKind

SECONDS = st.floats(20, 180)


def export(subject: str, seconds: float, *feeds: Feed, position: float = 0.0) -> Work:
    return Work(subject, JobKind.EXPORT, seconds, position, feeds)


def landing(subject: str, seconds: float, tail: float = 0.0, position: float = 0.0) -> Work:
    return Work(subject, JobKind.IMPORT, seconds, position, (), tail)


def loads_of(works: list[Work], **more: SlotLoad) -> dict[str, SlotLoad]:
    loads: dict[str, SlotLoad] = {"s": SlotLoad(exports=sum(work.seconds for work in works)), **more}
    for work in works:
        for feed in work.feeds:
            loads.setdefault(feed.slot, SlotLoad()).imports += feed.seconds
    return loads


def drain(works: list[Work], loads: dict[str, SlotLoad]) -> list[str]:
    """The order in which one slot exports if nothing else happens."""
    order: list[str] = []
    left = list(works)
    while left:
        chosen = choose(left, loads, 0.0)
        assert chosen is not None
        left.remove(chosen)
        order.append(chosen.subject)
    return order


def makespan(order: list[Work]) -> float:
    clock = end = 0.0
    for work in order:
        clock += work.seconds
        end = max(end, clock) + work.feeds[0].seconds
    return end


def test_without_candidates_the_slot_stays_free() -> None:
    assert choose([], {}, 0.0) is None
    assert SlotQueue().choose({}, 0.0) is None


def test_what_exports_quickly_and_imports_slowly_goes_first() -> None:
    works = [
        export("slow-slow", 120, Feed("t", 180), position=1),
        export("slow-quick", 120, Feed("t", 20), position=2),
        export("quick-slow", 20, Feed("t", 180), position=3),
    ]
    assert drain(works, loads_of(works)) == ["quick-slow", "slow-slow", "slow-quick"]


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=2, max_size=FEW + 4))
@settings(max_examples=60, deadline=None)
def test_a_lane_with_right_estimates_ends_close_to_the_optimum_of_johnson(lane: list[tuple[float, float]]) -> None:
    works = [export(f"b{n}", first, Feed("t", then), position=n) for n, (first, then) in enumerate(lane)]
    quick = sorted((w for w in works if w.seconds < w.after), key=lambda w: w.seconds)
    slow = sorted((w for w in works if w.seconds >= w.after), key=lambda w: -w.after)
    by_name = {work.subject: work for work in works}
    loads = loads_of(works)
    order: list[str] = []
    left, clock, free = list(works), 0.0, 0.0
    while left:
        loads["t"].busy_until = free
        chosen = choose(left, loads, clock)
        assert chosen is not None
        left.remove(chosen)
        order.append(chosen.subject)
        clock += chosen.seconds
        free = max(free, clock) + chosen.after
        loads["t"].imports -= chosen.after
    assert makespan([by_name[name] for name in order]) <= 1.05 * makespan([*quick, *slow])


def test_the_target_with_most_work_left_is_fed_first() -> None:
    few = export("few", 40, Feed("idle-soon", 100), position=1)
    many = [export(f"many{n}", 40, Feed("full", 100), position=2 + n) for n in range(6)]
    works = [few, *many]
    chosen = choose(works, loads_of(works), 0.0)
    assert chosen is not None
    assert chosen.subject.startswith("many")


def test_a_target_with_a_stock_waits_while_an_idle_one_is_fed() -> None:
    to_stocked = export("stocked", 30, Feed("a", 60), position=1)
    to_idle = export("idle", 60, Feed("b", 60), position=2)
    loads = {"a": SlotLoad(imports=460, stored=400), "b": SlotLoad(imports=400, stored=0)}
    chosen = choose([to_stocked, to_idle], loads, 0.0)
    assert chosen is to_idle


def test_what_another_import_needs_is_exported_before_it() -> None:
    needed = export("needed", 100, Feed("t", 30, tail=150), position=2)
    caller = export("caller", 20, Feed("t", 150, behind=("needed",)), position=1)
    assert drain([caller, needed], loads_of([caller, needed])) == ["needed", "caller"]


def test_where_one_slot_does_both_exports_go_before_imports() -> None:
    leaving = export("b", 60, Feed("elsewhere", 60), position=2)
    chosen = choose([landing("d", 60, position=1), leaving], loads_of([leaving]), 0.0)
    assert chosen is leaving


def test_an_import_for_which_much_waits_goes_before_an_export() -> None:
    leaving = export("b", 60, Feed("elsewhere", 60), position=1)
    chosen = choose([leaving, landing("d", 60, tail=500, position=2)], loads_of([leaving]), 0.0)
    assert chosen is not None
    assert chosen.subject == "d"


def test_among_imports_the_longest_chain_then_the_frozen_order_decides() -> None:
    plain = [landing("c", 20, position=3), landing("a", 90, position=1), landing("b", 50, position=2)]
    chosen = choose(plain, {}, 0.0)
    assert chosen is not None
    assert chosen.subject == "a"
    chosen = choose([*plain, landing("z", 50, tail=1, position=9)], {}, 0.0)
    assert chosen is not None
    assert chosen.subject == "z"


def test_the_choice_does_not_depend_on_the_order_of_the_candidates() -> None:
    draw = random.Random(4)
    works = [
        export(f"b{n}", draw.uniform(20, 120), Feed("t", draw.uniform(20, 180)), Feed(f"u{n % 3}", 70), position=n)
        for n in range(12)
    ]
    loads = loads_of(works)
    chosen = {choose(draw.sample(works, len(works)), loads, 0.0) for _ in range(10)}
    assert len(chosen) == 1


def test_exports_always_run_a_few_packages_ahead() -> None:
    work = export("b", 60, Feed("t", 60))
    loads = {"s": SlotLoad(exports=60), "t": SlotLoad(imports=9000, stored=9000)}
    assert may_run_ahead(work, "s", loads, 0.0, ALWAYS_AHEAD - 1)
    assert not may_run_ahead(work, "s", loads, 0.0, ALWAYS_AHEAD)


def test_exports_run_further_ahead_while_their_slot_may_become_the_bottleneck() -> None:
    work = export("b", 60, Feed("t", 20))
    loads = {"s": SlotLoad(exports=900), "t": SlotLoad(imports=700, stored=600)}
    assert may_run_ahead(work, "s", loads, 0.0, 10)


def test_one_starving_target_of_several_is_reason_enough() -> None:
    work = export("b", 60, Feed("full", 20), Feed("starving", 20))
    loads = {"s": SlotLoad(exports=100), "full": SlotLoad(stored=9000), "starving": SlotLoad()}
    assert may_run_ahead(work, "s", loads, 0.0, 10)


def test_a_lane_forgets_what_is_discarded_and_replaces_what_is_put_again() -> None:
    lane = SlotQueue()
    first, second = export("a", 50, Feed("t", 60)), export("b", 20, Feed("t", 90))
    lane.put(first)
    lane.put(second)
    lane.put(replace(second, seconds=170))
    assert (len(lane), "b" in lane) == (2, True)
    assert lane.choose(loads_of([first]), 0.0) is first
    lane.discard("a")
    lane.discard("a")
    assert [work.seconds for work in lane.heads({}, 0.0)] == [170]


@given(st.lists(st.tuples(SECONDS, SECONDS, SECONDS, st.booleans()), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_short_lane_weighs_all_its_exports(rows: list[tuple[float, float, float, bool]]) -> None:
    lane = SlotQueue()
    works = []
    for n, (seconds, one, other, both) in enumerate(rows):
        feeds = (Feed("t", one), Feed("u", other)) if both else (Feed("t", one),)
        works.append(export(f"b{n}", seconds, *feeds, position=n))
        lane.put(works[-1])
    loads = loads_of(works)
    assert {work.subject for work in lane.heads(loads, 0.0)} == {work.subject for work in works}
    assert lane.choose(loads, 0.0) == choose(works, loads, 0.0)


def test_a_long_lane_weighs_only_its_heads() -> None:
    lane, draw = SlotQueue(), random.Random(1)
    works = [
        export(f"b{n}", draw.uniform(20, 120), Feed(f"t{n % 5}", draw.uniform(20, 180)), position=n)
        for n in range(2000)
    ]
    for work in works:
        lane.put(work)
    heads = lane.heads(loads_of(works), 0.0)
    assert len(heads) <= 2 * MOST_WEIGHED
    assert min(works, key=lambda w: (w.seconds >= w.after, w.seconds)) in heads


def test_the_ledger_takes_away_exactly_what_it_added() -> None:
    ledger = SlotLoads()
    ledger.waits("b", ("s1", "s2"), LoadKind.EXPORTS, 60.0)
    ledger.waits("d", ("t",), LoadKind.IMPORTS, 90.0)
    assert (ledger.loads["s1"].exports, ledger.loads["s2"].exports, ledger.loads["t"].imports) == (30.0, 30.0, 90.0)
    ledger.runs("b", "s1", until=160.0)
    assert (ledger.loads["s1"].exports, ledger.loads["s2"].exports) == (0.0, 0.0)
    assert ledger.loads["s1"].left(100.0) == 60.0
    ledger.ended("s1", 150.0)
    assert ledger.loads["s1"].left(150.0) == 0.0
    ledger.drop("b")
    assert ledger.loads["s1"] == SlotLoad(busy_until=150.0)


def test_a_stored_import_is_both_work_left_and_stock() -> None:
    ledger = SlotLoads()
    ledger.waits("d", ("t",), LoadKind.IMPORTS, 90.0)
    assert (ledger.loads["t"].left(0.0), ledger.loads["t"].stock(0.0)) == (90.0, 0.0)
    ledger.waits("d", ("t",), LoadKind.STORED, 80.0)
    assert (ledger.loads["t"].left(0.0), ledger.loads["t"].stock(0.0)) == (80.0, 80.0)
    ledger.drop("d")
    assert ledger.loads["t"] == SlotLoad()
