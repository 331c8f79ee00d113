"""What a look proves: presence where there was absence, and nothing else."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decisions.target_evidence import Again, Done, Half, Taken, judge, sight
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import Delivery

ASSETS = ("a", "b", "c")
Held = Mapping[str, tuple[str, ...]]


def life(before: Held, mode: str = "AddNew") -> Delivery:
    scheduled = e.DeliveryScheduled("d", "batch", "m", "prod", mode, "", False, "t")
    return Delivery(scheduled, baseline=looked(before))


def looked(held: Held, *taken: str) -> e.Looked:
    return e.Looked("d", tuple(held.items()), taken)


def test_what_was_absent_and_is_all_there_was_done() -> None:
    assert judge(life({}), ASSETS, looked(dict.fromkeys(ASSETS, ("1",)))) == Done()


def test_what_is_absent_is_asked_again() -> None:
    assert isinstance(judge(life({}), ASSETS, looked({})), Again)


def test_some_of_it_there_is_half() -> None:
    assert judge(life({}), ASSETS, looked({"b": ("1",)})) == Half(("b",), ("a", "c"))


def test_a_second_object_under_a_name_that_was_held_before_is_ours() -> None:
    seen = sight(life({"a": ("old",)}), ("a",), looked({"a": ("new", "old")}))
    assert seen.landed == ("a",)


def test_what_was_there_before_us_and_still_is_proves_nothing() -> None:
    before = {"a": ("old",)}
    assert isinstance(judge(life(before), ("a",), looked(before)), Again), "one reading of the prefix is still free"
    assert judge(life(before), ASSETS, looked(before, "a")) == Taken(("a",), (), ("b", "c"))


def test_names_that_are_taken_are_told_apart_from_what_landed() -> None:
    found = judge(life({"a": ("old",)}), ASSETS, looked({"a": ("old",), "b": ("new",)}, "a", "b"))
    assert found == Taken(("a",), ("b",), ("c",))


def test_merge_is_asked_again_where_anything_was_there_before() -> None:
    before = {"a": ("old",)}
    now = {"a": ("old",), "b": ("1",), "c": ("1",)}
    assert isinstance(judge(life(before, "Merge"), ASSETS, looked(now)), Again)


def test_merge_of_new_names_is_judged_by_presence_and_a_half_is_asked_again() -> None:
    assert judge(life({}, "Merge"), ASSETS, looked(dict.fromkeys(ASSETS, ("1",)))) == Done()
    assert isinstance(judge(life({}, "Merge"), ASSETS, looked({"a": ("1",)})), Again)
    assert isinstance(judge(life({}, "Merge"), ASSETS, looked({})), Again)


def test_without_a_baseline_everything_counts_as_new() -> None:
    scheduled = e.DeliveryScheduled("d", "batch", "m", "prod", "AddNew", "", False, "t")
    assert sight(Delivery(scheduled), ("a",), looked({"a": ("1",)})).landed == ("a",)


HELD = st.dictionaries(
    st.sampled_from("abc"), st.sets(st.sampled_from("123"), min_size=1).map(lambda s: tuple(sorted(s)))
)


@given(HELD, HELD, st.sets(st.sampled_from("abc")), st.sampled_from(["AddNew", "Merge"]))
def test_each_asset_is_in_exactly_one_class_and_done_means_that_nothing_was_there_before(
    before: Held, now: Held, taken: set[str], mode: str
) -> None:
    delivery, look = life(before, mode), looked(now, *taken)
    seen = sight(delivery, ASSETS, look)
    assert sorted((*seen.landed, *seen.known, *seen.absent)) == list(ASSETS)
    match judge(delivery, ASSETS, look):
        case Done():
            assert all(set(now[each]) - set(before.get(each, ())) for each in ASSETS)
        case Half(landed=landed, rest=rest):
            assert sorted((*landed, *rest)) == list(ASSETS)
            assert landed
            assert rest
            assert mode == "AddNew"
        case Taken(names=names, landed=landed, rest=rest):
            assert sorted((*names, *landed, *rest)) == list(ASSETS)
            assert names
        case Again(reason=reason):
            assert reason
