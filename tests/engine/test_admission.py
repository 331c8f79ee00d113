"""The gate: a preview only reads, a saved one is good for exactly what was approved, once."""

import inspect
from collections.abc import Callable
from dataclasses import fields, replace
from typing import get_type_hints

import anyio
import pytest

import orchestrator.engine.admission
from orchestrator.core.model.checks import Verdict
from orchestrator.core.plan.plan import AccessKey, Glob, Migration, Mode, SecretRef, SecretSource, Target, Waiver
from orchestrator.core.preview.approval import Refused, Resume, Saved
from orchestrator.core.preview.approval_file import from_json, to_json
from orchestrator.core.preview.drift import Grade
from orchestrator.core.report.report import lane_reports, report
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state import events as e
from orchestrator.emulator.world.world import App, make_id
from orchestrator.engine.admission import Admission, Approval, Readers
from orchestrator.engine.past_runs import Reads, runs_of
from orchestrator.engine.runs import Ended, Wish
from orchestrator.errors import ExitCode, OperatorError, PreflightBlocked
from orchestrator.roma import Client, Reader
from tests.engine.rig import QUICK, Stage, plan_for, staged, world

DAY = 86400.0


async def approved(stage: Stage, only: Only | None = None) -> Saved:
    """What a board has approved: the document, written and read."""
    runs = stage.runs()
    draft = await runs.admission.preview(only or Only(), runs_of(runs.store, stage.plan.name))
    return from_json(to_json(runs.admission.saved(draft, only or Only(), "CHG-1")))


async def refused(stage: Stage, approval: Approval) -> str:
    """Why it is refused with code 4, and that nothing was begun or sent."""
    before = len(stage.entries), len(stage.service.ledger.calls), len(stage.records)
    with pytest.raises(PreflightBlocked) as caught:
        await stage.run(Wish(approval=approval))
    assert caught.value.exit_code is ExitCode.BLOCKED
    assert (len(stage.entries), len(stage.service.ledger.calls), len(stage.records)) == before
    assert caught.value.next_step
    return caught.value.message


def began(stage: Stage) -> e.RunBegan:
    (found,) = [event for event in stage.events if isinstance(event, e.RunBegan)]
    return found


def another(name: str) -> App:
    return App(make_id("other", name), name, f"key-{name}", "s", "s")


# --- it cannot write -----------------------------------------------------------------------------------------------


def test_the_gate_holds_only_what_reads() -> None:
    hints = get_type_hints(Admission)
    assert (hints["roma"], hints["store"]) == (Readers, Reads)
    assert [name for name in vars(Readers) if not name.startswith("_")] == ["reader"]
    assert [name for name in vars(Reads) if not name.startswith("_")] == ["run_ids", "read"]
    assert {field.name for field in fields(Admission)} == {"plan", "store", "roma", "users", "runtime"}


def test_what_the_gate_reads_with_has_no_method_that_writes() -> None:
    assert get_type_hints(Readers.reader)["return"] is Reader
    writes = {name for name in vars(Client) if not name.startswith("_")} - set(vars(Reader))
    assert writes, "the client adds methods"
    assert not writes & {name for name, _ in inspect.getmembers(Reader)}
    assert "Client" not in vars(orchestrator.engine.admission)


def test_no_preview_asks_the_service_for_a_change() -> None:
    asked: list[str] = []

    async def act(stage: Stage) -> None:
        stage.sent = asked.append
        saved = await approved(stage)
        admission = stage.runs().admission
        await admission.compare(saved, Only(), [])

    stage, _ = staged(world(4, 6), act)
    assert asked
    assert {words.split()[0] for words in asked if "/auth/tokens" not in words} == {"GET"}
    assert (stage.entries, stage.records, stage.service.ledger.calls) == ([], {}, [])


# --- exactly what was approved, once -------------------------------------------------------------------------------


def test_an_approved_preview_is_carried_out_and_consumed() -> None:
    async def act(stage: Stage) -> tuple[Saved, Ended, str]:
        saved = await approved(stage)
        ended = await stage.run(Wish(approval=Approval(saved)))
        return saved, ended, await refused(stage, Approval(saved))

    stage, (saved, ended, why) = staged(world(4, 4), act)
    assert ended.outcome.code is ExitCode.DONE
    assert (began(stage).approved, began(stage).digest) == (saved.id, saved.digest)
    assert [event.delivery for event in stage.events if isinstance(event, e.DeliveryScheduled)] == list(
        saved.lanes[0].deliveries
    )
    assert f"was carried out as run {ended.run}" in why


def test_with_the_same_file_an_unfinished_run_goes_on_without_a_drift_check() -> None:
    async def act(stage: Stage) -> tuple[Saved, Ended, Ended]:
        saved = await approved(stage)
        stage.hears = lambda runs, entry: (
            runs.conductor.stop("SIGINT") if runs.conductor and isinstance(entry.event, e.ExportAccepted) else None
        )
        first = await stage.run(Wish(approval=Approval(saved)))
        stage.hears = None
        stage.service.holding("dev").apps.put(another("one-more"))
        admission, past = stage.runs().admission, runs_of(stage.runs().store, "orders")
        assert admission.use_of(Approval(saved), past) == Resume(first.run)
        await anyio.sleep(8 * DAY)
        return saved, first, await stage.run(Wish(approval=Approval(saved), resume=True))

    stage, (_, first, second) = staged(world(4), act, plan_for(world(4), replace(QUICK, batch_size=2)))
    assert (first.run, second.outcome.code) == (second.run, ExitCode.DONE)
    assert stage.kinds().count("RunBegan") == 1
    assert "one-more" not in stage.landed()


def test_another_runs_unfinished_work_stands_against_it_until_it_is_ended() -> None:
    async def act(stage: Stage) -> tuple[str, Ended]:
        saved = await approved(stage)
        stage.hears = lambda runs, entry: (
            runs.conductor.stop("SIGINT") if runs.conductor and isinstance(entry.event, e.ExportAccepted) else None
        )
        await stage.run()
        stage.hears = None
        why = await refused(stage, Approval(saved))
        return why, await stage.run(Wish(approval=Approval(saved), abandon=True))

    stage, (why, ended) = staged(world(4), act)
    assert "is unfinished and is not this preview's" in why
    assert ended.outcome.code is ExitCode.DONE
    assert stage.kinds().count("RunBegan") == 2


Change = Callable[[Stage], None]


def one_more(stage: Stage) -> None:
    stage.service.holding("dev").apps.put(another("one-more"))


def name_taken(stage: Stage) -> None:
    stage.service.holding("prod").apps.put(another("orders-web"))


def renamed(stage: Stage) -> None:
    shelf = stage.service.holding("dev").apps
    shelf.put(replace(shelf.all()[0], name="renamed"))


def prefixed(stage: Stage) -> None:
    (moves,) = stage.plan.migrations
    stage.plan = replace(stage.plan, migrations=(replace(moves, targets=(Target("prod", prefix="x_"),)),))


def merging(stage: Stage) -> None:
    (moves,) = stage.plan.migrations
    stage.plan = replace(stage.plan, migrations=(replace(moves, targets=(Target("prod", Mode.MERGE),)),))


def touched(stage: Stage) -> None:
    shelf = stage.service.holding("dev").apps
    shelf.put(replace(shelf.all()[0], update_time=stage.now(), revision=7))


SHAPES: dict[str, tuple[Change, str]] = {
    "one more asset matches": (one_more, "app one-more is selected now and was not"),
    "a selected asset has another name": (renamed, "is named renamed now"),
    "a predicted name appeared": (name_taken, "the name orders-web is taken at the target now"),
    "the prefix changed": (prefixed, "prefix: was '', is 'x_'"),
    "the mode changed": (merging, "mode: was 'AddNew', is 'Merge'"),
}


@pytest.mark.parametrize("how", SHAPES)
def test_it_is_refused_with_a_readable_difference_after(how: str) -> None:
    change, line = SHAPES[how]

    async def act(stage: Stage) -> str:
        saved = await approved(stage)
        change(stage)
        return await refused(stage, Approval(saved, accept_changed=True))

    _, why = staged(world(4, 4), act)
    assert line in why


def test_a_changed_asset_is_refused_unless_it_is_accepted_and_then_it_is_listed() -> None:
    held = world(4)
    name = held.instance("dev").apps[0].name

    async def act(stage: Stage) -> tuple[str, Ended]:
        saved = await approved(stage)
        touched(stage)
        why = await refused(stage, Approval(saved))
        return why, await stage.run(Wish(approval=Approval(saved, accept_changed=True)))

    stage, (why, ended) = staged(held, act)
    assert f"{name}: changed at the source since the preview" in why
    assert ended.outcome.code is ExitCode.DONE
    assert began(stage).accepted == (f"m: {name}",)


def test_a_task_that_was_only_stopped_is_told_as_stopped_and_starts() -> None:
    async def act(stage: Stage) -> Ended:
        shelf = stage.service.holding("dev").tasks
        shelf.put(replace(shelf.all()[0], running=True))
        saved = await approved(stage)
        shelf.put(replace(shelf.all()[0], running=False, update_time=stage.now()))
        return await stage.run(Wish(approval=Approval(saved)))

    stage, ended = staged(world(2, 2), act)
    assert ended.outcome.code is ExitCode.DONE
    assert began(stage).accepted == ()
    assert any("stopped since, as the handover list asks" in str(told.get("line")) for _, told in stage.said)


def test_a_rotated_key_and_another_user_do_not_upset_it() -> None:
    reference = SecretRef(SecretSource.ENV, "NEW")

    async def act(stage: Stage) -> Ended:
        saved = await approved(stage)
        rotated = {name: AccessKey(name, reference, reference, user=f"acme/{name}") for name in stage.plan.credentials}
        assert rotated.keys() == stage.plan.credentials.keys()
        stage.plan = replace(stage.plan, credentials={**stage.plan.credentials, **rotated})
        return await stage.run(Wish(approval=Approval(saved)))

    _, ended = staged(world(4), act)
    assert ended.outcome.code is ExitCode.DONE


def test_it_grows_too_old() -> None:
    async def act(stage: Stage) -> tuple[str, Ended]:
        saved = await approved(stage)
        await anyio.sleep(2 * DAY)
        why = await refused(stage, Approval(saved, max_age=DAY))
        return why, await stage.run(Wish(approval=Approval(saved)))

    _, (why, ended) = staged(world(2), act)
    assert "is 2.0 days old, allowed are 24.0 hours" in why
    assert ended.outcome.code is ExitCode.DONE


def test_it_holds_only_for_the_part_that_was_approved() -> None:
    held = world(4)
    plan = plan_for(held)
    part = parse_only(["app:orders-web"], plan)

    async def act(stage: Stage) -> tuple[str, Ended]:
        saved = await approved(stage, part)
        with pytest.raises(PreflightBlocked, match="--only: was app:orders-web, is app:billing-web"):
            await stage.run(Wish(only=parse_only(["app:billing-web"], plan), approval=Approval(saved)))
        stranger = replace(saved, plan="another")
        return await refused(stage, Approval(stranger)), await stage.run(Wish(approval=Approval(saved)))

    stage, (why, ended) = staged(held, act, plan)
    assert "was saved for plan another, not for orders" in why
    assert ended.outcome.counts == {"verified": 1}
    assert stage.landed() == ["orders-web"]
    assert began(stage).only == ("app:orders-web",)


def test_an_approved_preview_has_no_run_to_go_on_with_before_it_has_begun() -> None:
    async def act(stage: Stage) -> None:
        saved = await approved(stage)
        with pytest.raises(OperatorError, match="no run to go on with"):
            await stage.run(Wish(approval=Approval(saved), resume=True))

    staged(world(2), act)


def two(stage: Stage, after: tuple[str, ...] = ()) -> None:
    first = Migration("first", "dev", (Target("prod"),), apps=(Glob("orders-*"),), tasks=())
    second = Migration("second", "dev", (Target("prod"),), apps=(Glob("billing-*"),), tasks=(), after=after)
    stage.plan = replace(stage.plan, migrations=(first, second))


def test_what_has_drifted_is_held_and_the_rest_starts() -> None:
    async def act(stage: Stage) -> tuple[str, Ended]:
        two(stage)
        saved = await approved(stage)
        stage.service.holding("dev").apps.put(another("orders-late"))
        why = await refused(stage, Approval(saved))
        return why, await stage.run(Wish(approval=Approval(saved, hold_drifted=True)))

    stage, (why, ended) = staged(world(4), act)
    assert "first: is not what was approved any more" in why
    assert ended.outcome.counts == {"verified": 1, "held": 2}
    assert ended.outcome.code is ExitCode.INCOMPLETE
    assert [why.sentence for why in ended.outcome.whys] == ["2 assets are held back: not what was approved any more"]
    assert stage.landed() == ["billing-web"]
    assert began(stage).held == ("first@prod: app orders-late is selected now and was not",)


def test_every_difference_of_what_is_held_is_told_and_counted() -> None:
    async def act(stage: Stage) -> Ended:
        two(stage)
        saved = await approved(stage)
        for name in ("orders-late", "orders-later", "orders-latest"):
            stage.service.holding("dev").apps.put(another(name))
        return await stage.run(Wish(approval=Approval(saved, hold_drifted=True)))

    stage, ended = staged(world(4), act)
    assert [line.rpartition("app ")[2].split()[0] for line in began(stage).held] == [
        "orders-late", "orders-later", "orders-latest",
    ]  # fmt: skip
    (lane,) = [each for each in lane_reports(ended.progress) if each.migration == "first"]
    assert (lane.selected, lane.counts["held"]) == (4, 4)
    made = report("r", stage.entries, ended.progress, ended.outcome)
    assert made.disagreements == ()
    assert {line.name for line in made.troubled} >= {"orders-late", "orders-web"}
    assert ended.outcome.who == "the plan owner"


def test_a_migration_that_left_the_plan_is_held_too() -> None:
    async def act(stage: Stage) -> Ended:
        two(stage)
        saved = await approved(stage)
        stage.plan = replace(stage.plan, migrations=stage.plan.migrations[:1])
        return await stage.run(Wish(approval=Approval(saved, hold_drifted=True)))

    _, ended = staged(world(4), act)
    assert ended.outcome.code is ExitCode.INCOMPLETE
    assert [why.sentence for why in ended.outcome.whys] == ["a migration is held back: not what was approved any more"]


def test_nothing_starts_where_everything_is_held() -> None:
    async def act(stage: Stage) -> str:
        two(stage, after=("first",))
        saved = await approved(stage)
        stage.service.holding("dev").apps.put(another("orders-late"))
        return await refused(stage, Approval(saved, hold_drifted=True))

    _, why = staged(world(4), act)
    assert "it builds on first, which would not start" in why


def test_a_saved_preview_is_compared_without_being_used() -> None:
    async def act(stage: Stage) -> list[Grade]:
        saved = await approved(stage)
        admission = stage.runs().admission
        found = [(await admission.compare(saved, Only(), [])).drifts[0].grade]
        touched(stage)
        found.append((await admission.compare(saved, Only(), [])).drifts[0].grade)
        one_more(stage)
        found.append((await admission.compare(saved, Only(), [])).drifts[0].grade)
        assert isinstance(admission.use_of(Approval(replace(saved, plan="x")), []), Refused)
        return found

    stage, grades = staged(world(2), act)
    assert grades == [Grade.NONE, Grade.CONTENT, Grade.SHAPE]
    assert stage.entries == []


# --- blockers, waivers, what is left to people ---------------------------------------------------------------------


def test_a_blocker_that_is_waived_is_journaled_with_its_reason() -> None:
    waiver = Waiver("name-collision", (), "agreed, CHG-7", None)

    async def act(stage: Stage) -> e.RunBegan:
        name_taken(stage)
        with pytest.raises(PreflightBlocked, match="name-collision"):
            await stage.run()
        (moves,) = stage.plan.migrations
        stage.plan = replace(stage.plan, migrations=(replace(moves, waive=(waiver,)),))
        draft = await stage.runs().preview(Wish(), [])
        assert [check.verdict for check in draft.checks if check.id == "name-collision"] == [Verdict.WAIVED]
        await stage.run()
        return began(stage)

    _, first = staged(world(3), act)
    assert any("name-collision" in each and "CHG-7" in each for each in first.waived)


def test_what_is_left_to_people_is_journaled_when_the_run_begins() -> None:
    async def act(stage: Stage) -> None:
        shelf = stage.service.holding("dev").tasks
        shelf.put(replace(shelf.all()[0], running=True))
        await stage.run()

    stage, _ = staged(world(2, 2), act)
    (listed,) = [event for event in stage.events if isinstance(event, e.HandoverListed)]
    assert stage.kinds().index("HandoverListed") < stage.kinds().index("ExportRequested")
    assert [item.action for item in listed.items[:1]] == ["stop-task"]
    assert {"new-secret", "start-task", "datasource-connection"} <= {item.action for item in listed.items}
