"""Agreed exceptions: what they change, and what is said of those that do not apply."""

from datetime import date

from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.plan.plan import Waiver
from orchestrator.core.preflight.waivers import waive, waived_assets
from tests.builders.inventories import PreviewCase
from tests.builders.plans import migration

TODAY = date(2027, 1, 15)


def waiver(check: str = "name-collision", *assets: str, until: date | None = None) -> Waiver:
    return Waiver(check, assets, "agreed, CHG-1", until)


def blocker(*assets: str, where: str = "m@prod", check: str = "name-collision") -> Check:
    return Check(check, Verdict.BLOCKER, "taken", assets, "exclude them", where)


def after(checks: list[Check], *waivers: Waiver, others: tuple[Waiver, ...] | None = None) -> tuple[Check, ...]:
    migrations = [migration(waive=waivers)]
    if others is not None:
        migrations.append(migration("n", waive=others))
    return waive(PreviewCase(tuple(migrations)).plan, checks, TODAY)


def test_a_waiver_without_assets_waives_the_whole_finding_and_records_why() -> None:
    (check,) = after([blocker("a", "b")], waiver(until=TODAY))
    assert (check.verdict, check.assets) == (Verdict.WAIVED, ("a", "b"))
    assert check.waived == "agreed, CHG-1 (until 2027-01-15)"


def test_a_waiver_for_some_assets_leaves_the_rest_as_it_was() -> None:
    waived, left = after([blocker("a-1", "b-1")], waiver("name-collision", "a-*"))
    assert (waived.verdict, waived.assets) == (Verdict.WAIVED, ("a-1",))
    assert (left.verdict, left.assets) == (Verdict.BLOCKER, ("b-1",))


def test_an_expired_waiver_waives_nothing_and_is_told() -> None:
    blocked, told = after([blocker("a")], waiver(until=date(2027, 1, 14)))
    assert blocked.verdict is Verdict.BLOCKER
    assert (told.id, told.verdict) == ("name-collision", Verdict.WARNING)
    assert "expired" in told.sentence


def test_an_unused_waiver_is_told_in_place_of_the_ok() -> None:
    (told,) = after([Check("name-collision", Verdict.OK, "nothing to say")], waiver())
    assert (told.verdict, told.migration) == (Verdict.WARNING, "m")
    assert "not used" in told.sentence


def test_a_waiver_of_one_migration_does_not_reach_another() -> None:
    found = after([blocker("a", where="n@prod")], waiver(), others=())
    assert [check.verdict for check in found] == [Verdict.BLOCKER, Verdict.WARNING]


def test_a_finding_of_an_instance_needs_the_waiver_of_every_migration_there() -> None:
    shared = blocker(where="@prod", check="quota-headroom")
    one, *_ = after([shared], waiver("quota-headroom"), others=())
    both = after([shared], waiver("quota-headroom"), others=(waiver("quota-headroom"),))
    assert one.verdict is Verdict.BLOCKER
    assert [check.verdict for check in both] == [Verdict.WAIVED]


def test_what_nobody_can_waive_stays_a_blocker_even_in_a_plan_that_says_so() -> None:
    blocked, told = after([blocker("a", check="visibility")], waiver("visibility"))
    assert blocked.verdict is Verdict.BLOCKER
    assert "void" in told.sentence


def test_the_engine_learns_which_names_it_must_really_ask_for() -> None:
    checks = after([blocker("a-1", "b-1")], waiver("name-collision", "a-*"))
    assert waived_assets(checks, "name-collision", "m", "prod") == {"a-1"}
    assert waived_assets(checks, "name-collision", "m", "dr") == frozenset()
    assert waived_assets(checks, "name-collision", "n", "prod") == frozenset()
