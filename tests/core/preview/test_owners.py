"""Who imports each batch: any identity where nothing ties the batch to one (promise 14)."""

from dataclasses import replace

from orchestrator.core.plan.plan import Glob, Mode, Password, Settings, Target
from orchestrator.core.selection.routes import EarlierImports, Kept
from tests.builders.inventories import PreviewCase, held_app, held_task
from tests.builders.plans import SECRET, migration

ANYBODY = ("c", "d")
#: two applications of which the first is called by the third, and each has a batch of its own
APART = {"dev": (held_app("a"), held_app("b"), held_app("calls-a"))}
CALLS = (("calls-a", ("a",)),)


def case(**more: object) -> PreviewCase:
    known = {name: Password(name, name, "acme", SECRET) for name in ANYBODY}
    made = PreviewCase(held=APART, settings=Settings(batch_size=1), credentials=known, used={"prod": ANYBODY})
    return replace(made, **more)  # type: ignore[arg-type] # named as in PreviewCase


def owners(made: PreviewCase) -> dict[str, tuple[str, ...]]:
    """Asset -> credentials of which any may import it; none where one alone may."""
    shown = made.preview()
    held = {batch.batch: batch.assets for batch in shown.batches}
    return {asset.name: each.owners for each in shown.deliveries for asset in held[each.batch]}


def test_whoever_is_free_imports_a_batch_that_shares_nothing_with_another() -> None:
    assert owners(case()) == {"a": ANYBODY, "b": ANYBODY, "calls-a": ANYBODY}
    assert {each.owner_words for each in case().preview().deliveries} == {"any of c, d"}


def test_what_builds_on_one_another_has_one_owner_beforehand() -> None:
    made = case(migrations=(migration(calls=CALLS),))
    assert owners(made) == {"a": (), "b": ANYBODY, "calls-a": ()}
    assert len({each.owner for each in made.preview().deliveries if not each.owners}) == 1


def test_one_identity_or_one_that_the_plan_names_is_no_choice() -> None:
    assert set(owners(case(used={"prod": ("c",)})).values()) == {()}
    named = case(migrations=(migration(target=Target("prod", owner="d")),))
    assert {(each.owner, each.owners) for each in named.preview().deliveries} == {("d", ())}


def test_what_merge_may_overwrite_has_one_owner_beforehand() -> None:
    assert set(owners(case(migrations=(migration(target=Target("prod", Mode.MERGE)),))).values()) == {()}


def test_what_an_earlier_run_imported_stays_with_its_owner() -> None:
    gone = EarlierImports({("prod", "", "dev", "id-b"): Kept(("id-gone",), "d", "r1")})
    made = case(history=gone).preview()
    assert [each.owner for each in made.deliveries if not each.owners] == ["d"]


def test_what_builds_on_an_application_at_the_target_has_one_owner_beforehand() -> None:
    held = {"dev": (*APART["dev"], held_task("load", "a")), "prod": (held_app("a"),)}
    here = migration(apps=(), tasks=(Glob("*"),))
    assert set(owners(case(held=held, migrations=(here,))).values()) == {()}


def test_two_batches_that_hold_one_application_have_one_owner_beforehand() -> None:
    one, other = Target("prod"), Target("prod", prefix="x_")
    both = (
        migration("one", target=one, apps=(Glob("a"),)),
        migration("two", target=other, apps=(Glob("a"), Glob("b"))),
    )
    made = case(settings=Settings(batch_size=2), migrations=both).preview()
    assert len(made.batches) == 2
    assert [each.owners for each in made.deliveries] == [(), ()]


def test_a_batch_that_arrives_twice_has_one_owner_beforehand() -> None:
    both = (migration("one"), migration("two", target=Target("prod", prefix="x_")))
    assert set(owners(case(migrations=both)).values()) == {()}
