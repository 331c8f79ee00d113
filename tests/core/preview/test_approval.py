"""Saved previews: what they rest on, and when they may be carried out."""

from orchestrator.core.plan.plan import AccessKey, Password, SecretRef, SecretSource
from orchestrator.core.preview.approval import MAX_AGE, Begin, Carried, Occasion, Refused, Resume, Saved, save, usable
from tests.builders.inventories import PreviewCase, held_app, held_task
from tests.builders.plans import migration
from tests.builders.runs import DAWN

HELD = {"dev": (held_app("web"), held_app("core", owner="bob"), held_task("load", "web", "core"))}


def saved(case: PreviewCase | None = None, draw: float = 0.0) -> Saved:
    case = case or PreviewCase(held=HELD)
    return save(case.plan, case.preview(), Occasion(DAWN, "ann", "1.0", "CHG-1", draw=draw))


def test_it_holds_each_selected_asset_and_the_digest_that_is_printed() -> None:
    case = PreviewCase(held=HELD)
    made = saved(case)
    (route,) = made.lanes
    assert [each.name for each in route.assets] == ["core", "web", "load"]
    assert made.digest == case.preview().digest
    assert route.deliveries == tuple(each.delivery for each in case.preview().deliveries)


def test_two_documents_of_one_state_are_two_approvals() -> None:
    assert saved().id == saved().id
    assert saved().id != saved(draw=0.5).id
    assert saved().digest == saved(draw=0.5).digest


def test_nothing_of_the_credentials_is_in_it() -> None:
    secret = SecretRef(SecretSource.ENV, "PLANTED_REFERENCE")
    for known in (AccessKey("c", secret, secret), Password("c", "PLANTED_USER", "acme", secret)):
        assert "PLANTED" not in repr(saved(PreviewCase(held=HELD, credentials={"c": known})))


def test_an_empty_migration_has_its_lane_all_the_same() -> None:
    case = PreviewCase((migration("a"), migration("b", "idle")), HELD)
    assert saved(case).migrations == ("a", "b")


def test_it_may_begin_once_and_a_run_of_it_goes_on() -> None:
    made = saved()
    begun = Carried("r1", made.id, unfinished=True)
    assert usable(made, "plan", (), DAWN + 60) == Begin()
    assert usable(made, "plan", (begun,), DAWN + 10 * MAX_AGE) == Resume("r1")
    over = usable(made, "plan", (Carried("r1", made.id, unfinished=False),), DAWN + 60)
    assert isinstance(over, Refused)
    assert "r1" in over.why


def test_a_run_of_another_preview_neither_consumes_it_nor_lets_it_begin_beside() -> None:
    made = saved()
    assert usable(made, "plan", (Carried("r1", "another", unfinished=False),), DAWN) == Begin()
    beside = usable(made, "plan", (Carried("r1", "", unfinished=True),), DAWN)
    assert isinstance(beside, Refused)
    assert "--abandon" in beside.next_step


def test_an_old_one_and_one_of_another_plan_or_of_the_future_are_refused() -> None:
    made = saved()
    assert usable(made, "plan", (), DAWN + MAX_AGE) == Begin()
    assert isinstance(usable(made, "plan", (), DAWN + MAX_AGE + 1), Refused)
    assert isinstance(usable(made, "plan", (), DAWN + 7200, max_age=3600), Refused)
    assert isinstance(usable(made, "other", (), DAWN), Refused)
    assert isinstance(usable(made, "plan", (), DAWN - 3600), Refused)
