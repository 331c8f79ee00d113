"""What belongs together, and who may touch it."""

from orchestrator.core.model.checks import Verdict
from orchestrator.core.model.inventory import App
from orchestrator.core.plan.plan import ById, Glob, Mode, Target
from tests.builders.inventories import PreviewCase, held_app, held_task
from tests.builders.plans import migration

WEB, CORE = held_app("web"), held_app("core")
LOAD = held_task("load", "web", "core")


def only(name: str) -> tuple[Glob, ...]:
    return (Glob(name),)


def test_migrations_that_wait_for_one_another_are_a_cycle() -> None:
    first = migration("first", apps=only("web"), tasks=only("load"), after=("second",))
    second = migration("second", apps=only("core"), calls=(("core", ("web",)),))
    case = PreviewCase((first, second), {"dev": (WEB, CORE, held_task("load", "web"))})
    found = case.findings("dependency-cycle")
    assert {check.migration for check in found} == {"first", "second"}
    assert {check.verdict for check in found} == {Verdict.BLOCKER}


def test_a_cycle_of_calls_names_it() -> None:
    calls = (("web", ("core",)), ("core", ("web",)))
    (check,) = PreviewCase((migration(calls=calls),), {"dev": (WEB, CORE)}).findings()
    assert "core calls web calls core" in check.sentence


def test_an_earlier_migration_brings_what_a_task_needs() -> None:
    first = migration("first", apps=only("core"), tasks=())
    second = migration("second", apps=only("web"), tasks=only("load"), after=("first",))
    case = PreviewCase((first, second), {"dev": (WEB, CORE, LOAD)})
    assert "task-apps-missing" not in case.fired()


def test_an_application_at_the_target_under_either_name_will_do() -> None:
    alone = migration(target=Target("prod", prefix="x_"), apps=(), tasks=only("load"))
    for names in (("x_web", "core"), ("web", "x_core")):
        held = {"dev": (WEB, CORE, LOAD), "prod": tuple(held_app(name) for name in names)}
        assert PreviewCase((alone,), held).fired() == {}
    held = {"dev": (WEB, CORE, LOAD), "prod": (held_app("web"),)}
    assert PreviewCase((alone,), held).fired() == {"task-apps-missing": Verdict.BLOCKER}


def test_a_task_of_an_application_that_nobody_sees_blocks() -> None:
    alone = migration(apps=(), tasks=only("load"))
    (check,) = PreviewCase((alone,), {"dev": (LOAD,)}).findings()
    assert (check.id, check.verdict) == ("task-apps-missing", Verdict.BLOCKER)
    assert "not visible" in check.sentence


def test_a_called_application_that_is_nowhere_blocks_its_caller() -> None:
    caller = migration(apps=only("web"), tasks=(), calls=(("web", ("core", "gone")),))
    found = PreviewCase((caller,), {"dev": (WEB, CORE)}).findings()
    assert {(check.id, check.verdict, check.assets) for check in found} == {
        ("missing-assets", Verdict.BLOCKER, ("web",))
    }
    assert len(found) == 2


def test_slips_of_the_pen_are_warnings_and_a_missing_id_blocks() -> None:
    slips = migration(
        apps=(Glob("*"), Glob("wbe-*")), exclude_apps=(Glob("tmp-*"),), calls=(("wbe", ("core",)),)
    )  # fmt: skip
    found = PreviewCase((slips,), {"dev": (WEB, CORE)}).findings()
    assert [(check.id, check.verdict) for check in found] == [("missing-assets", Verdict.WARNING)] * 3
    case = PreviewCase((migration(apps=(ById("nobody"),)),), {"dev": (WEB,)})
    assert case.fired() == {"missing-assets": Verdict.BLOCKER}
    assert len(case.findings()) == 2


def test_running_tasks_that_stay_are_not_told() -> None:
    held = {"dev": (WEB, held_task("load", "web", running=True), held_task("free", running=True))}
    (check,) = PreviewCase(held=held).findings()
    assert (check.id, check.assets) == ("running-tasks", ("load",))


def test_what_the_importing_identity_does_not_see_at_the_target_blocks() -> None:
    case = PreviewCase(
        (migration(target=Target("prod", owner="c"), apps=only("web"), tasks=only("load")),),
        {"dev": (WEB, CORE, LOAD), "prod": (CORE,)},
        used={"prod": ("c", "other")},
        seen_by={"prod": {"id-core": ("other",)}},
    )
    known = case.plan.credentials["c"]
    case.credentials = {"c": known, "other": known}
    (check,) = case.findings()
    assert (check.id, check.verdict, check.assets) == ("visibility", Verdict.BLOCKER, ("load",))


def test_a_batch_that_no_identity_sees_whole_blocks() -> None:
    case = PreviewCase(held={"dev": (WEB,)}, seen_by={"dev": {"id-web": ("gone",)}})
    assert case.fired()["visibility"] is Verdict.BLOCKER


def test_roles_that_are_not_told_hinder_nobody() -> None:
    shared = App("id-web", "web", "k", roles=("access",))
    assert PreviewCase(held={"dev": (shared,)}).fired() == {"app-permission": Verdict.WARNING}
    merge = (migration(target=Target("prod", Mode.MERGE)),)
    reader = App("there", "web", "k", roles=("read", "access"))
    assert "app-permission" in PreviewCase(merge, {"dev": (WEB,), "prod": (reader,)}).fired()
    assert "app-permission" not in PreviewCase(merge, {"dev": (WEB,), "prod": (WEB,)}).fired()


def test_a_caller_that_only_stays_this_time_is_no_slip() -> None:
    part = migration(apps=only("core"), tasks=(), calls=(("web", ("core",)),))
    assert PreviewCase((part,), {"dev": (WEB, CORE)}).fired() == {}
