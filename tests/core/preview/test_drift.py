"""Drift since a preview was approved: shape, content, none; and what may start all the same."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import App, Task
from orchestrator.core.plan.plan import Glob, Password, Settings, Target
from orchestrator.core.preview.approval import Occasion, Saved, SavedEntry, save
from orchestrator.core.preview.drift import Drift, Grade, drift, judge, narrowed
from orchestrator.core.preview.drift import told as told_of
from orchestrator.core.selection.routes import EarlierImports, Kept
from tests.builders.inventories import PreviewCase, held_app, held_task, told
from tests.builders.plans import SECRET, migration
from tests.builders.runs import DAWN

Held = dict[str, tuple[App | Task, ...]]
WEB, CORE = held_app("web"), held_app("core")
LOAD = held_task("load", "web", "core", running=True)
HELD: Held = {"dev": (WEB, CORE, LOAD)}
APPS: Held = {"dev": (WEB, CORE)}
UNREAD = Unread("refused")


def saved(case: PreviewCase, only: tuple[str, ...] = ()) -> Saved:
    return save(case.plan, case.preview(), Occasion(DAWN, "ann", "1.0", only=only))


def since(now: PreviewCase, before: PreviewCase | None = None) -> Drift:
    (found,) = drift(saved(before or PreviewCase(held=HELD)), saved(now))
    return found


def changed(asset: App | Task) -> App | Task:
    return replace(asset, update_time="2027-01-14T00:00:00Z")


def test_nothing_has_drifted_where_nothing_has_changed() -> None:
    assert since(PreviewCase(held=HELD)) == Drift("m", Grade.NONE)


def test_a_rotated_key_and_a_new_user_are_no_drift() -> None:
    other = Password("c", "another", "acme", SECRET)
    assert since(PreviewCase(held=HELD, credentials={"c": other})).grade is Grade.NONE


def test_what_is_not_selected_may_change_all_day() -> None:
    plan = (migration(apps=(Glob("web"),), tasks=()),)
    before = PreviewCase(plan, {"dev": (WEB, CORE), "prod": (held_app("other"),)})
    now = PreviewCase(plan, {"dev": (WEB, changed(CORE), held_app("new")), "prod": (held_app("more"),)})
    assert since(now, before).grade is Grade.NONE


ENTRY = SavedEntry("prod", "KG", ("name: Kilogram", "parent_code: UNIT"), ("m",))
ENTRIES = {
    "one more": ((), (ENTRY,), "entry KG of the data dictionary of prod would be created now, and was not to be"),
    "one less": ((ENTRY,), (), "entry KG of the data dictionary of prod was to be created, and is not any more"),
    "another": (
        (ENTRY,),
        (replace(ENTRY, fields=("name: Kilo", "parent_code: UNIT")),),
        "entry KG of the data dictionary of prod would be created otherwise: was name: Kilogram; is name: Kilo",
    ),
}


@pytest.mark.parametrize("word", ENTRIES)
def test_entries_that_the_run_would_create_otherwise_are_a_drift(word: str) -> None:
    before, after, line = ENTRIES[word]
    now = saved(PreviewCase(held=HELD))
    assert drift(replace(now, entries=before), replace(now, entries=after)) == (Drift("m", Grade.SHAPE, (line,)),)


def test_entries_of_other_migrations_are_no_drift() -> None:
    now = saved(PreviewCase(held=HELD))
    other = replace(ENTRY, migrations=("other",))
    assert drift(now, replace(now, entries=(other,))) == (Drift("m", Grade.NONE),)


SHAPES: dict[str, tuple[Callable[[], PreviewCase], str]] = {
    "one more": (lambda: PreviewCase(held={"dev": (*HELD["dev"], held_app("new"))}), "app new is selected now"),
    "one less": (lambda: PreviewCase(held={"dev": (CORE, LOAD)}), "app web was selected and is not"),
    "renamed": (lambda: PreviewCase(held={"dev": (replace(WEB, name="shop"), CORE, LOAD)}), "is named shop now"),
    "taken": (
        lambda: PreviewCase(held={**HELD, "prod": (held_app("web", "other"),)}),
        "the name web is taken at the target",
    ),
    "linked": (lambda: PreviewCase(held={"dev": (WEB, CORE, replace(LOAD, target_app_id=""))}), "builds on other"),
    "prefix": (lambda: PreviewCase((migration(target=Target("prod", prefix="x_")),), HELD), "prefix: was '', is 'x_'"),
    "batches": (lambda: PreviewCase(held=HELD, settings=Settings(batch_size=2)), "batch_size: was 100, is 2"),
    "verdict": (
        lambda: PreviewCase(held=HELD, facts={"prod": told("prod", features={"cors": True})}),
        "check instance-features of m@prod: was ok, is warning",
    ),
    "earlier run": (
        lambda: PreviewCase(
            held={**HELD, "prod": (WEB,)},
            history=EarlierImports({("prod", "", "dev", "id-web"): Kept(("id-web",), "c", "r")}),
        ),
        "the name web is taken at the target",
    ),
}


@pytest.mark.parametrize("how", SHAPES)
def test_a_change_of_shape_is_told_in_a_line(how: str) -> None:
    build, line = SHAPES[how]
    found = since(build())
    assert found.grade is Grade.SHAPE
    assert any(line in each for each in found.lines)


def test_another_only_is_a_change_of_shape() -> None:
    case = PreviewCase(held=HELD)
    (found,) = drift(saved(case), saved(case, ("m@prod",)))
    assert found.grade is Grade.SHAPE
    assert "--only: was everything, is m@prod" in found.lines


def test_a_name_that_became_free_is_a_change_of_shape() -> None:
    before = PreviewCase(held={**HELD, "prod": (held_app("web", "other"),)})
    assert any("is free at the target now" in line for line in since(PreviewCase(held=HELD), before).lines)


def test_an_update_time_alone_is_a_change_of_content() -> None:
    found = since(PreviewCase(held={"dev": (changed(WEB), CORE, LOAD)}))
    assert (found.grade, found.changed) == (Grade.CONTENT, ("web",))


def test_a_task_that_was_stopped_is_named_as_stopped_and_not_as_changed() -> None:
    still = replace(LOAD, running=False)
    for stopped in (still, changed(still)):
        found = since(PreviewCase(held={"dev": (WEB, CORE, stopped)}))
        assert (found.grade, found.changed, found.stopped) == (Grade.NONE, (), ("load",))


def test_a_verdict_that_could_not_be_had_then_and_is_fine_now_is_no_drift() -> None:
    known = PreviewCase(held=HELD)
    unread = PreviewCase(held=HELD, facts={"prod": replace(told("prod"), dictionaries=UNREAD)})
    assert since(known, unread).grade is Grade.NONE
    assert since(unread, known).grade is Grade.SHAPE


def two(held: Held, after: tuple[str, ...] = ()) -> PreviewCase:
    first = migration("first", apps=(Glob("web"),), tasks=())
    return PreviewCase((first, migration("second", apps=(Glob("core"),), tasks=(), after=after)), held)


def test_drift_is_judged_per_migration() -> None:
    now = two({"dev": (replace(WEB, name="web2", id="id-2"), CORE)})
    first, second = drift(saved(two(APPS)), saved(now))
    assert (first.grade, second.grade) == (Grade.SHAPE, Grade.NONE)
    assert judge((first, second), hold_drifted=False, accept_changed=False).starts == ()
    assert judge((first, second), hold_drifted=True, accept_changed=False).starts == ("second",)


def test_what_builds_on_a_held_migration_is_held_too() -> None:
    now = two({"dev": (replace(WEB, name="web2", id="id-2"), CORE)}, after=("first",))
    found = drift(saved(two(APPS, after=("first",))), saved(now))
    assert [each.grade for each in found] == [Grade.SHAPE, Grade.HELD]
    assert judge(found, hold_drifted=True, accept_changed=True).starts == ()


def test_changed_content_starts_only_when_it_is_accepted_and_is_listed() -> None:
    found = drift(saved(PreviewCase(held=HELD)), saved(PreviewCase(held={"dev": (changed(WEB), CORE, LOAD)})))
    refused = judge(found, hold_drifted=False, accept_changed=False)
    assert (refused.starts, refused.refused) == ((), found)
    accepted = judge(found, hold_drifted=False, accept_changed=True)
    assert (accepted.starts, accepted.accepted) == (("m",), (("m", ("web",)),))


def test_the_preview_of_some_migrations_holds_nothing_of_the_others() -> None:
    case = two(APPS)
    part = narrowed(case.preview(), ("second",))
    assert {each.migration for each in part.deliveries} == {"second"}
    assert [asset.name for batch in part.batches for asset in batch.assets] == ["core"]
    assert [each.name for each in part.assets] == ["core"]


def test_the_difference_reads_as_lines_and_nothing_is_said_of_nothing() -> None:
    assert told_of(drift(saved(PreviewCase(held=HELD)), saved(PreviewCase(held=HELD)))) == ()
    now = PreviewCase(held={"dev": (changed(WEB), CORE, replace(LOAD, running=False))})
    lines = told_of(drift(saved(PreviewCase(held=HELD)), saved(now)))
    assert lines == (
        "m: content has changed (--accept-changed lets it start)",
        "  web: changed at the source since the preview",
        "  load: stopped since, as the handover list asks",
    )
