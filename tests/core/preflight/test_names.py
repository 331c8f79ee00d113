"""Names and keys, under both readings of the prefix."""

from orchestrator.core.model.checks import Verdict
from orchestrator.core.plan.plan import Glob, Mode, Target
from tests.builders.inventories import PreviewCase, held_app, held_task
from tests.builders.plans import migration

WEB = held_app("web")


def prefixed(prefix: str, mode: Mode = Mode.ADD_NEW) -> Target:
    return Target("prod", mode, prefix)


def test_an_application_whose_prefixed_name_is_taken_blocks() -> None:
    case = PreviewCase((migration(target=prefixed("x_")),), {"dev": (WEB,), "prod": (held_app("x_web", "other"),)})
    assert case.fired() == {"name-collision": Verdict.BLOCKER}


def test_a_name_taken_under_the_other_reading_alone_is_a_warning() -> None:
    held = {"dev": (WEB, held_task("load", "web")), "prod": (held_app("web", "other"), held_task("load"))}
    (check,) = PreviewCase((migration(target=prefixed("x_")),), held).findings("name-collision")
    assert check.verdict is Verdict.WARNING
    assert check.assets == ("web", "load")


def test_merge_takes_no_offence_at_taken_names_and_says_that_it_cannot_be_undone() -> None:
    held = {"dev": (WEB,), "prod": (WEB,)}
    case = PreviewCase((migration(target=prefixed("", Mode.MERGE)),), held)
    assert case.fired() == {"not-undoable": Verdict.WARNING}


def test_applications_of_two_sources_that_meet_under_one_name_block() -> None:
    migrations = (migration("a", "dev"), migration("b", "test"))
    twin = held_app("web", "another")
    case = PreviewCase(migrations, {"dev": (WEB,), "test": (twin,)})
    (check,) = case.findings("name-collision")
    assert (check.verdict, check.where, check.assets) == (Verdict.BLOCKER, "b@prod", ("web",))


def test_tasks_of_two_prefixes_meet_only_if_the_prefix_leaves_tasks_alone() -> None:
    migrations = tuple(migration(name, target=prefixed(f"{name}_"), apps=(), tasks=(Glob("*"),)) for name in ("a", "b"))
    case = PreviewCase(migrations, {"dev": (held_task("load"),)})
    assert case.fired() == {"name-collision": Verdict.WARNING}


def test_one_asset_in_two_migrations_to_one_place_blocks() -> None:
    case = PreviewCase((migration("a"), migration("b")), {"dev": (WEB,)})
    assert case.fired()["name-collision"] is Verdict.BLOCKER


def test_a_key_that_another_application_has_blocks_and_is_a_warning_under_a_prefix() -> None:
    held = {"dev": (WEB,), "prod": (held_app("other", WEB.key),)}
    assert PreviewCase(held=held).fired() == {"app-key-collision": Verdict.BLOCKER}
    assert PreviewCase((migration(target=prefixed("x_")),), held).fired() == {"app-key-collision": Verdict.WARNING}


def test_keys_of_two_sources_that_meet_at_one_target_block() -> None:
    migrations = (migration("a", "dev"), migration("b", "test"))
    case = PreviewCase(migrations, {"dev": (WEB,), "test": (held_app("shop", WEB.key),)})
    (check,) = case.findings("app-key-collision")
    assert (check.verdict, check.assets) == (Verdict.BLOCKER, ("shop",))


def test_merge_into_the_same_application_keeps_its_key() -> None:
    held = {"dev": (WEB,), "prod": (WEB,)}
    case = PreviewCase((migration(target=prefixed("", Mode.MERGE)),), held)
    assert "app-key-collision" not in case.fired()


def test_a_key_that_the_list_does_not_tell_collides_with_nothing() -> None:
    bare = (held_app("a"), held_app("b"))
    held = {"dev": tuple(type(each)(each.id, each.name) for each in bare), "prod": ()}
    assert PreviewCase(held=held).fired() == {}


def test_a_prefix_that_makes_a_task_name_too_long_is_a_warning() -> None:
    held = {"dev": (WEB, held_task("t" * 95, "web"))}
    assert PreviewCase((migration(target=prefixed("longer_")),), held).fired() == {"task-name-rules": Verdict.WARNING}


def test_chinese_names_with_brackets_are_legal_and_others_are_told() -> None:
    assert PreviewCase(held={"dev": (held_app("订单（新） a.b-c_d"),)}).fired() == {}
    assert PreviewCase(held={"dev": (held_app("web/shop"),)}).fired() == {"app-name-rules": Verdict.WARNING}


def test_an_application_name_past_256_characters_blocks() -> None:
    case = PreviewCase((migration(target=prefixed("abcdefgh_")),), {"dev": (held_app("x" * 250),)})
    assert case.fired() == {"app-name-rules": Verdict.BLOCKER}
