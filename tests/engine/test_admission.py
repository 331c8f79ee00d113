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
from orchestrator.core.report.lanes import lane_reports
from orchestrator.core.report.report import report
from orchestrator.core.scheduling.timetable import Timetable, predicted
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state import events as e
from orchestrator.emulator.world.world import App, make_id
from orchestrator.engine.admission import Admission, Approval, Readers
from orchestrator.engine.past_runs import Reads, runs_of
from orchestrator.engine.runs import Ended, Wish
from orchestrator.errors import ExitCode, OperatorError, PreflightBlocked
from orchestrator.roma import Client, Reader
from tests.engine.rig import QUICK, EngineRig, plan_for, staged, world

DAY = 86400.0


async def approved(rig: EngineRig, only: Only | None = None) -> Saved:
    """What a board has approved: the document, written and read."""
    runs = rig.runs()
    draft = await runs.admission.preview(only or Only(), runs_of(runs.store, rig.plan.name))
    return from_json(to_json(runs.admission.saved(draft, only or Only(), "CHG-1")))


async def refused(rig: EngineRig, approval: Approval) -> str:
    """Why it is refused with code 4, and that nothing was begun or sent."""
    before = len(rig.entries), len(rig.service.ledger.calls), len(rig.records)
    with pytest.raises(PreflightBlocked) as caught:
        await rig.run(Wish(approval=approval))
    assert caught.value.exit_code is ExitCode.BLOCKED
    assert (len(rig.entries), len(rig.service.ledger.calls), len(rig.records)) == before
    assert caught.value.next_step
    return caught.value.message


def began(rig: EngineRig) -> e.RunBegan:
    (found,) = [event for event in rig.events if isinstance(event, e.RunBegan)]
    return found


def another(name: str) -> App:
    return App(make_id("other", name), name, f"key-{name}", "s", "s")


# --- it cannot write -----------------------------------------------------------------------------------------------


def test_the_gate_holds_only_what_reads() -> None:
    hints = get_type_hints(Admission)
    assert (hints["roma"], hints["store"]) == (Readers, Reads)
    assert [name for name in vars(Readers) if not name.startswith("_")] == ["reader"]
    assert [name for name in vars(Reads) if not name.startswith("_")] == ["run_ids", "runs_of", "read", "brief"]
    assert {field.name for field in fields(Admission)} == {"plan", "store", "roma", "users", "runtime"}


def test_what_the_gate_reads_with_has_no_method_that_writes() -> None:
    assert get_type_hints(Readers.reader)["return"] is Reader
    writes = {name for name in vars(Client) if not name.startswith("_")} - set(vars(Reader))
    assert writes, "the client adds methods"
    assert not writes & {name for name, _ in inspect.getmembers(Reader)}
    assert "Client" not in vars(orchestrator.engine.admission)


def test_no_preview_asks_the_service_for_a_change() -> None:
    asked: list[str] = []

    async def act(rig: EngineRig) -> None:
        rig.sent = asked.append
        saved = await approved(rig)
        admission = rig.runs().admission
        await admission.compare(saved, Only(), [])

    rig, _ = staged(world(4, 6), act)
    assert asked
    assert {words.split()[0] for words in asked if "/auth/tokens" not in words} == {"GET"}
    assert (rig.entries, rig.records, rig.service.ledger.calls) == ([], {}, [])


# --- exactly what was approved, once -------------------------------------------------------------------------------


def test_an_approved_preview_is_carried_out_and_consumed() -> None:
    async def act(rig: EngineRig) -> tuple[Saved, Ended, str]:
        saved = await approved(rig)
        ended = await rig.run(Wish(approval=Approval(saved)))
        return saved, ended, await refused(rig, Approval(saved))

    rig, (saved, ended, why) = staged(world(4, 4), act)
    assert ended.outcome.code is ExitCode.DONE
    assert (began(rig).approved, began(rig).digest) == (saved.id, saved.digest)
    assert [event.delivery for event in rig.events if isinstance(event, e.DeliveryScheduled)] == list(
        saved.lanes[0].deliveries
    )
    assert f"was carried out as run {ended.run}" in why


def test_with_the_same_file_an_unfinished_run_goes_on_without_a_drift_check() -> None:
    async def act(rig: EngineRig) -> tuple[Saved, Ended, Ended]:
        saved = await approved(rig)
        rig.hears = lambda runs, entry: (
            runs.conductor.stop("SIGINT") if runs.conductor and isinstance(entry.event, e.ExportAccepted) else None
        )
        first = await rig.run(Wish(approval=Approval(saved)))
        rig.hears = None
        rig.service.holding("dev").apps.put(another("one-more"))
        admission, past = rig.runs().admission, runs_of(rig.runs().store, "orders")
        assert admission.use_of(Approval(saved), past) == Resume(first.run)
        await anyio.sleep(8 * DAY)
        return saved, first, await rig.run(Wish(approval=Approval(saved), resume=True))

    rig, (_, first, second) = staged(world(4), act, plan_for(world(4), replace(QUICK, batch_size=2)))
    assert (first.run, second.outcome.code) == (second.run, ExitCode.DONE)
    assert rig.kinds().count("RunBegan") == 1
    assert "one-more" not in rig.landed()


def test_another_runs_unfinished_work_stands_against_it_until_it_is_ended() -> None:
    async def act(rig: EngineRig) -> tuple[str, Ended]:
        saved = await approved(rig)
        rig.hears = lambda runs, entry: (
            runs.conductor.stop("SIGINT") if runs.conductor and isinstance(entry.event, e.ExportAccepted) else None
        )
        await rig.run()
        rig.hears = None
        why = await refused(rig, Approval(saved))
        return why, await rig.run(Wish(approval=Approval(saved), abandon=True))

    rig, (why, ended) = staged(world(4), act)
    assert "is unfinished and is not this preview's" in why
    assert ended.outcome.code is ExitCode.DONE
    assert rig.kinds().count("RunBegan") == 2


Change = Callable[[EngineRig], None]


def one_more(rig: EngineRig) -> None:
    rig.service.holding("dev").apps.put(another("one-more"))


def name_taken(rig: EngineRig) -> None:
    rig.service.holding("prod").apps.put(another("orders-web"))


def renamed(rig: EngineRig) -> None:
    shelf = rig.service.holding("dev").apps
    shelf.put(replace(shelf.all()[0], name="renamed"))


def prefixed(rig: EngineRig) -> None:
    (moves,) = rig.plan.migrations
    rig.plan = replace(rig.plan, migrations=(replace(moves, targets=(Target("prod", prefix="x_"),)),))


def merging(rig: EngineRig) -> None:
    (moves,) = rig.plan.migrations
    rig.plan = replace(rig.plan, migrations=(replace(moves, targets=(Target("prod", Mode.MERGE),)),))


def touched(rig: EngineRig) -> None:
    shelf = rig.service.holding("dev").apps
    shelf.put(replace(shelf.all()[0], update_time=rig.now(), revision=7))


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

    async def act(rig: EngineRig) -> str:
        saved = await approved(rig)
        change(rig)
        return await refused(rig, Approval(saved, accept_changed=True))

    _, why = staged(world(4, 4), act)
    assert line in why


def test_a_changed_asset_is_refused_unless_it_is_accepted_and_then_it_is_listed() -> None:
    held = world(4)
    name = held.instance("dev").apps[0].name

    async def act(rig: EngineRig) -> tuple[str, Ended]:
        saved = await approved(rig)
        touched(rig)
        why = await refused(rig, Approval(saved))
        return why, await rig.run(Wish(approval=Approval(saved, accept_changed=True)))

    rig, (why, ended) = staged(held, act)
    assert f"{name}: changed at the source since the preview" in why
    assert ended.outcome.code is ExitCode.DONE
    assert began(rig).accepted == (f"m: {name}",)


def test_a_task_that_was_only_stopped_is_told_as_stopped_and_starts() -> None:
    async def act(rig: EngineRig) -> Ended:
        shelf = rig.service.holding("dev").tasks
        shelf.put(replace(shelf.all()[0], running=True))
        saved = await approved(rig)
        shelf.put(replace(shelf.all()[0], running=False, update_time=rig.now()))
        return await rig.run(Wish(approval=Approval(saved)))

    rig, ended = staged(world(2, 2), act)
    assert ended.outcome.code is ExitCode.DONE
    assert began(rig).accepted == ()
    assert any("stopped since, as the handover list asks" in str(told.get("line")) for _, told in rig.said)


def test_a_rotated_key_and_another_user_do_not_upset_it() -> None:
    reference = SecretRef(SecretSource.ENV, "NEW")

    async def act(rig: EngineRig) -> Ended:
        saved = await approved(rig)
        rotated = {name: AccessKey(name, reference, reference, user=f"acme/{name}") for name in rig.plan.credentials}
        assert rotated.keys() == rig.plan.credentials.keys()
        rig.plan = replace(rig.plan, credentials={**rig.plan.credentials, **rotated})
        return await rig.run(Wish(approval=Approval(saved)))

    _, ended = staged(world(4), act)
    assert ended.outcome.code is ExitCode.DONE


def test_it_grows_too_old() -> None:
    async def act(rig: EngineRig) -> tuple[str, Ended]:
        saved = await approved(rig)
        await anyio.sleep(2 * DAY)
        why = await refused(rig, Approval(saved, max_age=DAY))
        return why, await rig.run(Wish(approval=Approval(saved)))

    _, (why, ended) = staged(world(2), act)
    assert "is 2.0 days old, allowed are 24.0 hours" in why
    assert ended.outcome.code is ExitCode.DONE


def test_it_holds_only_for_the_part_that_was_approved() -> None:
    held = world(4)
    plan = plan_for(held)
    part = parse_only(["app:orders-web"], plan)

    async def act(rig: EngineRig) -> tuple[str, Ended]:
        saved = await approved(rig, part)
        with pytest.raises(PreflightBlocked, match="--only: was app:orders-web, is app:billing-web"):
            await rig.run(Wish(only=parse_only(["app:billing-web"], plan), approval=Approval(saved)))
        stranger = replace(saved, plan="another")
        return await refused(rig, Approval(stranger)), await rig.run(Wish(approval=Approval(saved)))

    rig, (why, ended) = staged(held, act, plan)
    assert "was saved for plan another, not for orders" in why
    assert ended.outcome.counts == {"verified": 1}
    assert rig.landed() == ["orders-web"]
    assert began(rig).only == ("app:orders-web",)


def test_an_approved_preview_has_no_run_to_go_on_with_before_it_has_begun() -> None:
    async def act(rig: EngineRig) -> None:
        saved = await approved(rig)
        with pytest.raises(OperatorError, match="no run to go on with"):
            await rig.run(Wish(approval=Approval(saved), resume=True))

    staged(world(2), act)


def two(rig: EngineRig, after: tuple[str, ...] = ()) -> None:
    first = Migration("first", "dev", (Target("prod"),), apps=(Glob("orders-*"),), tasks=())
    second = Migration("second", "dev", (Target("prod"),), apps=(Glob("billing-*"),), tasks=(), after=after)
    rig.plan = replace(rig.plan, migrations=(first, second))


def test_what_has_drifted_is_held_and_the_rest_starts() -> None:
    async def act(rig: EngineRig) -> tuple[str, Ended]:
        two(rig)
        saved = await approved(rig)
        rig.service.holding("dev").apps.put(another("orders-late"))
        why = await refused(rig, Approval(saved))
        return why, await rig.run(Wish(approval=Approval(saved, hold_drifted=True)))

    rig, (why, ended) = staged(world(4), act)
    assert "first: is not what was approved any more" in why
    assert ended.outcome.counts == {"verified": 1, "held": 2}
    assert ended.outcome.code is ExitCode.INCOMPLETE
    assert [why.sentence for why in ended.outcome.whys] == ["2 assets are held back: not what was approved any more"]
    assert rig.landed() == ["billing-web"]
    assert began(rig).held == ("first@prod: app orders-late is selected now and was not",)


def test_every_difference_of_what_is_held_is_told_and_counted() -> None:
    async def act(rig: EngineRig) -> Ended:
        two(rig)
        saved = await approved(rig)
        for name in ("orders-late", "orders-later", "orders-latest"):
            rig.service.holding("dev").apps.put(another(name))
        return await rig.run(Wish(approval=Approval(saved, hold_drifted=True)))

    rig, ended = staged(world(4), act)
    assert [line.rpartition("app ")[2].split()[0] for line in began(rig).held] == [
        "orders-late", "orders-later", "orders-latest",
    ]  # fmt: skip
    (lane,) = [each for each in lane_reports(ended.progress) if each.migration == "first"]
    assert (lane.selected, lane.counts["held"]) == (4, 4)
    made = report("r", rig.entries, ended.progress, ended.outcome)
    assert made.disagreements == ()
    assert {line.name for line in made.troubled} >= {"orders-late", "orders-web"}
    assert ended.outcome.who == "the plan owner"


def test_a_migration_that_left_the_plan_is_held_too() -> None:
    async def act(rig: EngineRig) -> Ended:
        two(rig)
        saved = await approved(rig)
        rig.plan = replace(rig.plan, migrations=rig.plan.migrations[:1])
        return await rig.run(Wish(approval=Approval(saved, hold_drifted=True)))

    _, ended = staged(world(4), act)
    assert ended.outcome.code is ExitCode.INCOMPLETE
    assert [why.sentence for why in ended.outcome.whys] == ["a migration is held back: not what was approved any more"]


def test_nothing_starts_where_everything_is_held() -> None:
    async def act(rig: EngineRig) -> str:
        two(rig, after=("first",))
        saved = await approved(rig)
        rig.service.holding("dev").apps.put(another("orders-late"))
        return await refused(rig, Approval(saved, hold_drifted=True))

    _, why = staged(world(4), act)
    assert "it builds on first, which would not start" in why


def test_a_saved_preview_is_compared_without_being_used() -> None:
    async def act(rig: EngineRig) -> list[Grade]:
        saved = await approved(rig)
        admission = rig.runs().admission
        found = [(await admission.compare(saved, Only(), [])).drifts[0].grade]
        touched(rig)
        found.append((await admission.compare(saved, Only(), [])).drifts[0].grade)
        one_more(rig)
        found.append((await admission.compare(saved, Only(), [])).drifts[0].grade)
        assert isinstance(admission.use_of(Approval(replace(saved, plan="x")), []), Refused)
        return found

    rig, grades = staged(world(2), act)
    assert grades == [Grade.NONE, Grade.CONTENT, Grade.SHAPE]
    assert rig.entries == []


# --- blockers, waivers, what is left to people ---------------------------------------------------------------------


def test_a_blocker_that_is_waived_is_journaled_with_its_reason() -> None:
    waiver = Waiver("name-collision", (), "agreed, CHG-7", None)

    async def act(rig: EngineRig) -> e.RunBegan:
        name_taken(rig)
        with pytest.raises(PreflightBlocked, match="name-collision"):
            await rig.run()
        (moves,) = rig.plan.migrations
        rig.plan = replace(rig.plan, migrations=(replace(moves, waive=(waiver,)),))
        draft = await rig.runs().preview(Wish(), [])
        assert [check.verdict for check in draft.checks if check.id == "name-collision"] == [Verdict.WAIVED]
        await rig.run()
        return began(rig)

    _, first = staged(world(3), act)
    assert any("name-collision" in each and "CHG-7" in each for each in first.waived)


def test_what_is_left_to_people_is_journaled_when_the_run_begins() -> None:
    async def act(rig: EngineRig) -> None:
        shelf = rig.service.holding("dev").tasks
        shelf.put(replace(shelf.all()[0], running=True))
        await rig.run()

    rig, _ = staged(world(2, 2), act)
    (listed,) = [event for event in rig.events if isinstance(event, e.HandoverListed)]
    assert rig.kinds().index("HandoverListed") < rig.kinds().index("ExportRequested")
    assert [item.action for item in listed.items[:1]] == ["stop-task"]
    assert {"new-secret", "start-task", "datasource-connection"} <= {item.action for item in listed.items}


def test_what_the_preview_predicts_is_journaled_when_the_run_begins() -> None:
    async def act(rig: EngineRig) -> Timetable | None:
        runs = rig.runs()
        draft = await runs.admission.preview(Only(), runs_of(runs.store, rig.plan.name))
        await rig.run()
        return draft.timetable

    rig, timetable = staged(world(3, 3), act)
    (kept,) = [event for event in rig.events if isinstance(event, e.SchedulePredicted)]
    assert timetable is not None
    assert kept == predicted(timetable)
    assert rig.kinds().index("SchedulePredicted") < rig.kinds().index("ExportRequested")
    assert began(rig).busy_timeout == rig.plan.settings.busy_timeout
