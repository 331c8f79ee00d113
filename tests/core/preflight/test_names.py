"""Names and keys, under both readings of the prefix."""

from orchestrator.core.model.checks import Verdict
from orchestrator.core.plan.plan import Glob, Mode, Target
from tests.core.previewing import Stage, app, migration, task

WEB = app("web")


def prefixed(prefix: str, mode: Mode = Mode.ADD_NEW) -> Target:
    return Target("prod", mode, prefix)


def test_an_application_whose_prefixed_name_is_taken_blocks() -> None:
    stage = Stage((migration(target=prefixed("x_")),), {"dev": (WEB,), "prod": (app("x_web", "other"),)})
    assert stage.fired() == {"name-collision": Verdict.BLOCKER}


def test_a_name_taken_under_the_other_reading_alone_is_a_warning() -> None:
    held = {"dev": (WEB, task("load", "web")), "prod": (app("web", "other"), task("load"))}
    (check,) = Stage((migration(target=prefixed("x_")),), held).findings("name-collision")
    assert check.verdict is Verdict.WARNING
    assert check.assets == ("web", "load")


def test_merge_takes_no_offence_at_taken_names_and_says_that_it_cannot_be_undone() -> None:
    held = {"dev": (WEB,), "prod": (WEB,)}
    stage = Stage((migration(target=prefixed("", Mode.MERGE)),), held)
    assert stage.fired() == {"not-undoable": Verdict.WARNING}


def test_applications_of_two_sources_that_meet_under_one_name_block() -> None:
    migrations = (migration("a", "dev"), migration("b", "test"))
    twin = app("web", "another")
    stage = Stage(migrations, {"dev": (WEB,), "test": (twin,)})
    (check,) = stage.findings("name-collision")
    assert (check.verdict, check.where, check.assets) == (Verdict.BLOCKER, "b@prod", ("web",))


def test_tasks_of_two_prefixes_meet_only_if_the_prefix_leaves_tasks_alone() -> None:
    migrations = tuple(migration(name, target=prefixed(f"{name}_"), apps=(), tasks=(Glob("*"),)) for name in ("a", "b"))
    stage = Stage(migrations, {"dev": (task("load"),)})
    assert stage.fired() == {"name-collision": Verdict.WARNING}


def test_one_asset_in_two_migrations_to_one_place_blocks() -> None:
    stage = Stage((migration("a"), migration("b")), {"dev": (WEB,)})
    assert stage.fired()["name-collision"] is Verdict.BLOCKER


def test_a_key_that_another_application_has_blocks_and_is_a_warning_under_a_prefix() -> None:
    held = {"dev": (WEB,), "prod": (app("other", WEB.key),)}
    assert Stage(held=held).fired() == {"app-key-collision": Verdict.BLOCKER}
    assert Stage((migration(target=prefixed("x_")),), held).fired() == {"app-key-collision": Verdict.WARNING}


def test_keys_of_two_sources_that_meet_at_one_target_block() -> None:
    migrations = (migration("a", "dev"), migration("b", "test"))
    stage = Stage(migrations, {"dev": (WEB,), "test": (app("shop", WEB.key),)})
    (check,) = stage.findings("app-key-collision")
    assert (check.verdict, check.assets) == (Verdict.BLOCKER, ("shop",))


def test_merge_into_the_same_application_keeps_its_key() -> None:
    held = {"dev": (WEB,), "prod": (WEB,)}
    stage = Stage((migration(target=prefixed("", Mode.MERGE)),), held)
    assert "app-key-collision" not in stage.fired()


def test_a_key_that_the_list_does_not_tell_collides_with_nothing() -> None:
    bare = (app("a"), app("b"))
    held = {"dev": tuple(type(each)(each.id, each.name) for each in bare), "prod": ()}
    assert Stage(held=held).fired() == {}


def test_a_prefix_that_makes_a_task_name_too_long_is_a_warning() -> None:
    held = {"dev": (WEB, task("t" * 95, "web"))}
    assert Stage((migration(target=prefixed("longer_")),), held).fired() == {"task-name-rules": Verdict.WARNING}


def test_chinese_names_with_brackets_are_legal_and_others_are_told() -> None:
    assert Stage(held={"dev": (app("订单（新） a.b-c_d"),)}).fired() == {}
    assert Stage(held={"dev": (app("web/shop"),)}).fired() == {"app-name-rules": Verdict.WARNING}


def test_an_application_name_past_256_characters_blocks() -> None:
    stage = Stage((migration(target=prefixed("abcdefgh_")),), {"dev": (app("x" * 250),)})
    assert stage.fired() == {"app-name-rules": Verdict.BLOCKER}
