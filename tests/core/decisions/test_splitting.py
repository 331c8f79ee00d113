"""How a delivery goes on in parts: each asset in exactly one of them."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.decisions.splitting import Part, after_failure, blocked, split, untried
from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset, ErrorDetail, Event
from orchestrator.core.state.identity import delivery_id
from orchestrator.core.state.lifecycle import DeliveryState
from tests.builders.runs import SAID, Run, app, batch_id, task


def names_of(run: Run, name: str, prefix: str = "") -> dict[str, tuple[str, ...]]:
    return {each.id: (prefix + each.name, each.name) for each in run.progress.assets_of(run.life(name).batch)}


def failed(*assets: Asset, reasons: tuple[Reason, ...] = (), words: ErrorDetail = SAID) -> tuple[Run, str]:
    run = Run()
    name = run.carries(*assets)
    run.stores(name)
    run.fails(name, *reasons, words=words)
    return run, name


def parts(events: tuple[Event, ...]) -> dict[str, list[tuple[str, ...]]]:
    """fate -> assets of each part."""
    made = events[-1]
    assert isinstance(made, e.Split)
    found: dict[str, list[tuple[str, ...]]] = {}
    for child in made.children:
        found.setdefault(child.fate, []).append(child.assets)
    return found


def reason(name: str, kind: str = "application", code: str = "ROMA.7", said: str = "bad") -> Reason:
    return Reason(kind, name, code, said)


def test_the_named_asset_is_set_aside_in_the_services_words_and_the_rest_goes_on() -> None:
    run, name = failed(app("a"), app("b"), app("c"), reasons=(reason("b"),))
    events = after_failure(run.progress, run.life(name), (), names_of(run, name))
    assert parts(events) == {"quarantined": [("b",)], "waiting": [("a", "c")]}
    made = events[-1]
    assert isinstance(made, e.Split)
    assert made.why == "reasons"
    assert made.children[0].words == ErrorDetail("job", "ROMA.7", "bad")


def test_a_name_cut_at_64_characters_names_its_asset_and_a_shorter_beginning_does_not() -> None:
    long = "x" * 63 + "y" * 40
    run, name = failed(app(long), app("b"), app("c"), reasons=(reason(long[:64]),))
    assert parts(after_failure(run.progress, run.life(name), (), {}))["quarantined"] == [(long,)]
    run, name = failed(app(long), app("b"), app("c"), reasons=(reason(long[:63]),))
    assert "quarantined" not in parts(after_failure(run.progress, run.life(name), (), {}))


def test_a_reason_about_another_kind_does_not_name_an_asset() -> None:
    run, name = failed(app("same"), task("other"), app("c"), reasons=(reason("same", kind="task"),))
    assert "quarantined" not in parts(after_failure(run.progress, run.life(name), (), {}))


def test_a_reason_of_an_unknown_kind_names_by_name_alone() -> None:
    run, name = failed(app("a"), task("t"), app("c"), reasons=(reason("t", kind="whatever"),))
    assert parts(after_failure(run.progress, run.life(name), (), {}))["quarantined"] == [("t",)]


def test_the_name_under_the_prefix_names_its_asset_too() -> None:
    run, name = failed(app("a"), app("b"), reasons=(reason("x_b"),))
    found = parts(after_failure(run.progress, run.life(name), (), names_of(run, name, "x_")))
    assert found["quarantined"] == [("b",)]


def test_reasons_that_name_everything_explain_nothing() -> None:
    run, name = failed(app("a"), app("b"), reasons=(reason("a"), reason("b")))
    assert parts(after_failure(run.progress, run.life(name), (), {})) == {"waiting": [("a",), ("b",)]}


def test_halves_take_applications_first_and_callers_behind_what_they_call() -> None:
    run, name = failed(task("t1", "z"), task("t2", "z"), app("a", "elsewhere"), app("z"))
    assert parts(after_failure(run.progress, run.life(name), (), {})) == {"waiting": [("a", "z"), ("t1", "t2")]}
    run, name = failed(app("a", "elsewhere"), app("z"))
    assert parts(after_failure(run.progress, run.life(name), (), {})) == {"waiting": [("z",), ("a",)]}


def test_what_landed_all_the_same_is_a_part_that_needs_no_package() -> None:
    run, name = failed(app("a"), app("b"), app("c"))
    assert parts(after_failure(run.progress, run.life(name), ("b",), {})) == {
        "landed": [("b",)], "waiting": [("a",), ("c",)],
    }  # fmt: skip


def test_a_failure_after_which_everything_is_there_was_none() -> None:
    run, name = failed(app("a"))
    assert after_failure(run.progress, run.life(name), ("a",), {}) == (e.ImportFound(name),)


def test_a_single_asset_is_set_aside_in_the_services_own_words() -> None:
    run, name = failed(app("a"), words=ErrorDetail("job", "ROMA.5", "own words"))
    assert after_failure(run.progress, run.life(name), (), {}) == (
        e.Quarantined(name, ErrorDetail("job", "ROMA.5", "own words")),
    )


def test_the_last_one_left_is_set_aside_and_what_landed_is_kept() -> None:
    run, name = failed(app("a"), app("b"))
    assert parts(after_failure(run.progress, run.life(name), ("a",), {})) == {
        "landed": [("a",)], "quarantined": [("b",)],
    }  # fmt: skip


# --- the half that needs no trial ---

JOB = ErrorDetail("job", message="the job ended as FAILED without a reason")


def halves(words: ErrorDetail = JOB) -> tuple[Run, str, str]:
    """Four applications whose import failed in those words: the run and its two halves."""
    run, name = failed(app("a"), app("b"), app("c"), app("d"), words=words)
    run.believe(*after_failure(run.progress, run.life(name), (), {}))
    made = run.entries[-1].event
    assert isinstance(made, e.Split)
    first, second = (child.delivery for child in made.children)
    return run, first, second


def test_where_one_half_has_landed_what_failed_is_in_the_other_which_is_split_untried() -> None:
    run, first, second = halves()
    run.lands(first)
    events = untried(run.progress, run.life(second))
    assert parts(events) == {"waiting": [("c",), ("d",)]}
    run.believe(*events)
    assert run.life(second).state is DeliveryState.SPLIT


def test_so_it_is_with_the_second_half() -> None:
    run, first, second = halves()
    run.lands(second)
    assert parts(untried(run.progress, run.life(first))) == {"waiting": [("a",), ("b",)]}


def test_a_half_is_tried_until_the_other_has_landed_and_where_that_failed_too() -> None:
    run, first, second = halves()
    assert untried(run.progress, run.life(second)) == ()
    run.fails(first, words=JOB)
    assert untried(run.progress, run.life(second)) == ()
    run.believe(*after_failure(run.progress, run.life(first), (), {}))
    assert untried(run.progress, run.life(second)) == ()


def test_halves_of_a_package_that_was_too_large_or_never_answered_for_are_tried() -> None:
    for kind in ("too-large", "no-answer"):
        run, first, second = halves(ErrorDetail(kind))
        run.lands(first)
        assert untried(run.progress, run.life(second)) == ()


def test_one_asset_and_the_halves_of_a_half_that_was_not_tried_are_tried() -> None:
    run, name = failed(*(app(each) for each in "abcdefgh"), words=JOB)
    run.believe(*after_failure(run.progress, run.life(name), (), {}))
    made = run.entries[-1].event
    assert isinstance(made, e.Split)
    run.lands(made.children[0].delivery)
    run.believe(*untried(run.progress, run.life(made.children[1].delivery)))
    made = run.entries[-1].event
    assert isinstance(made, e.Split)
    run.lands(made.children[0].delivery)
    assert untried(run.progress, run.life(made.children[1].delivery)) == ()
    run, name = failed(app("a"), app("b"), words=JOB)
    run.believe(*after_failure(run.progress, run.life(name), (), {}))
    made = run.entries[-1].event
    assert isinstance(made, e.Split)
    run.lands(made.children[0].delivery)
    assert untried(run.progress, run.life(made.children[1].delivery)) == ()


def test_a_failed_export_splits_by_the_packages_reasons() -> None:
    run = Run()
    name = run.carries(app("a"), app("b"))
    batch = run.life(name).batch
    run.exports(batch)
    run.believe(e.ExportFailed(batch, (reason("a"),), SAID))
    assert parts(after_failure(run.progress, run.life(name), (), {})) == {"quarantined": [("a",)], "waiting": [("b",)]}


def test_new_batches_are_scheduled_right_behind_their_parent_and_before_the_next() -> None:
    run, name = failed(app("a"), app("b"), app("c"))
    run.carries(app("next"))
    events = after_failure(run.progress, run.life(name), (), {})
    made = [each for each in events if isinstance(each, e.BatchScheduled)]
    assert [each.position for each in made] == sorted(each.position for each in made)
    assert all(1.0 < each.position < 2.0 for each in made)
    assert all(each.exporters == ("s",) for each in made)


def test_a_part_that_another_targets_split_made_already_shares_its_batch() -> None:
    run, name = failed(app("a"), app("b"))
    run.believe(*after_failure(run.progress, run.life(name), (), {}))
    other = run.carries(app("a"), app("b"), target="dr")
    run.fails(other)
    events = after_failure(run.progress, run.life(other), (), {})
    assert [type(each) for each in events] == [e.Split]
    run.believe(*events)
    assert len(run.progress.of_batch[batch_id("dev", app("a"))]) == 2


def test_a_delivery_is_named_by_batch_target_and_prefix() -> None:
    assert delivery_id("b1", "prod", "") == "b1@prod"
    assert delivery_id("b1", "prod", "x_") == "b1@prod~x_"


def test_empty_parts_are_no_parts() -> None:
    run, name = failed(app("a"), app("b"))
    events = split(
        run.progress, run.life(name), [Part((), "landed"), Part(("a",), "waiting"), Part(("b",), "waiting")], "x"
    )
    assert parts(events) == {"waiting": [("a",), ("b",)]}


# --- blocked ---


def dead_need(*assets: Asset) -> tuple[Run, str]:
    run = Run()
    base = run.carries(app("base"))
    name = run.carries(*assets)
    run.stores(base)
    run.fails(base)
    run.believe(e.Quarantined(base, SAID))
    return run, name


def test_what_needs_a_dead_asset_is_blocked_as_a_whole_when_nothing_else_is_left() -> None:
    run, name = dead_need(task("t", "base"))
    assert blocked(run.progress, run.life(name)) == (e.Blocked(name, "base"),)


def test_only_what_needs_the_dead_is_blocked_at_whatever_distance_by_its_cause() -> None:
    run, name = dead_need(app("caller", "base"), task("t", "caller"), task("free"))
    events = blocked(run.progress, run.life(name))
    made = events[-1]
    assert isinstance(made, e.Split)
    told = {child.assets: (child.fate, child.by) for child in made.children}
    assert told == {("caller", "t"): ("blocked", "base"), ("free",): ("waiting", "")}


# --- the law ---

APPS = st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1)
REASONS = st.lists(st.builds(Reason, st.sampled_from(["application", "task", ""]), st.sampled_from("abcdefghxyz"),
                             st.just("ROMA.7"), st.just("bad")), max_size=5)  # fmt: skip


@given(APPS, st.lists(st.sampled_from("stuvw"), unique=True), REASONS, st.sets(st.sampled_from("abcstu")))
def test_each_asset_lands_in_exactly_one_part(
    apps: list[str], tasks: list[str], reasons: list[Reason], landed: set[str]
) -> None:
    assets = [*(app(each) for each in apps), *(task(each, apps[0]) for each in tasks)]
    run, name = failed(*assets, reasons=tuple(reasons))
    there = sorted(landed & {each.id for each in assets})
    events = after_failure(run.progress, run.life(name), there, {})
    run.believe(*events)
    ends = [each for each in run.progress.deliveries.values() if each.state.value != "split"]
    held = sorted(asset.id for each in ends for asset in run.progress.assets_of(each.batch))
    assert held == sorted(each.id for each in assets)
    assert all(life.id != name or not isinstance(events[-1], e.Split) for life in ends)


def test_a_failed_export_is_explained_by_its_own_reasons_whatever_an_import_said_before() -> None:
    run = Run()
    name = run.carries(app("a"), app("b"), app("c"))
    batch = run.stores(name)
    run.asks_import(name)
    run.believe(
        e.ImportRefused(name, ErrorDetail("invalid", "ROMA.10011")), e.PackageDamaged(batch, ErrorDetail("package"))
    )
    run.exports(batch)
    run.believe(e.ExportFailed(batch, (reason("b"),), ErrorDetail("job", "ROMA.7")))
    events = after_failure(run.progress, run.life(name), (), {})
    assert parts(events) == {"quarantined": [("b",)], "waiting": [("a", "c")]}
