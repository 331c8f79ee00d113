"""Which run a command means: begin once, go on with the frozen schedule, retry, abandon, and what is skipped later."""

from dataclasses import replace

import anyio
import pytest

from orchestrator.core.plan.plan import Glob, Target
from orchestrator.core.report.outcome import outcome
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state import events as e
from orchestrator.core.state.folding import folded
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.engine.runs import Ended, PastRun, Wish, history, read_run
from orchestrator.errors import ExitCode, JournalDamaged, OperatorError, PreflightBlocked
from tests.builders.runs import Run, app
from tests.emulator.ledgers import twice
from tests.engine.rig import QUICK, EngineRig, plan_for, staged, world
from tests.simulation.memory import Life, MemoryStore

SMALL = replace(QUICK, batch_size=3)


def poison(kind: Kind, until: float = 600.0) -> tuple[Rule, ...]:
    return (Rule(kind, names=frozenset({"orders-web"}), until=until),)


async def interrupted(rig: EngineRig) -> Ended:
    """A run that is stopped by a signal when its first job is accepted."""

    def hears(runs: object, entry: object) -> None:
        if isinstance(getattr(entry, "event", None), e.ExportAccepted):
            getattr(runs, "conductor").stop("SIGINT")  # noqa: B009 - an object is all that this needs to know

    rig.hears = hears
    ended = await rig.run()
    rig.hears = None
    return ended


def test_a_run_remembers_who_began_it_and_what_moves_before_anything_is_asked() -> None:
    async def act(rig: EngineRig) -> Ended:
        return await rig.run(Wish(note="CHG-1"))

    rig, ended = staged(world(3), act)
    first = rig.events[0]
    assert isinstance(first, e.RunBegan)
    assert (first.plan, first.by, first.host, first.note) == ("orders", "op", "host", "CHG-1")
    assert '"prod"' in first.moves
    kinds = rig.kinds()
    assert kinds.index("DeliveryScheduled") < kinds.index("ExportRequested")
    assert ended.run.startswith("20270115-080000-")


def test_a_finished_plan_run_again_is_a_new_run_that_has_nothing_to_do() -> None:
    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        return await rig.run(), await rig.run()

    rig, (first, second) = staged(world(3), act)
    assert first.run != second.run
    assert (second.outcome.code, second.outcome.counts) == (ExitCode.DONE, {"skipped": 3})
    assert len(rig.landed()) == 3


def test_an_unfinished_run_goes_on_with_its_frozen_schedule() -> None:
    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        first = await interrupted(rig)
        return first, await rig.run(Wish(resume=True))

    held = world(6)
    rig, (first, second) = staged(held, act, plan_for(held, SMALL))
    assert first.run == second.run
    assert rig.kinds().count("RunBegan") == 1
    assert rig.kinds().count("BatchScheduled") == 2
    assert second.outcome.code is ExitCode.DONE
    assert len(rig.landed()) == 6


def test_what_moves_must_not_change_under_an_unfinished_run_and_everything_else_may() -> None:
    held = world(6)
    plan = plan_for(held, SMALL)
    (moves,) = plan.migrations

    async def act(rig: EngineRig) -> Ended:
        await interrupted(rig)
        changed = [
            replace(plan, migrations=(replace(moves, apps=(Glob("orders-*"),)),)),
            replace(plan, migrations=(replace(moves, targets=(Target("prod", prefix="x_"),)),)),
            replace(plan, settings=replace(SMALL, batch_size=2)),
        ]
        for each in changed:
            rig.plan = each
            with pytest.raises(OperatorError, match="has changed in what moves") as caught:
                await rig.run()
            assert "--abandon" in caught.value.next_step
        rig.plan = replace(plan, settings=replace(SMALL, reads_per_second=9.0, settle_quiet=5.0, busy_timeout=1.0))
        return await rig.run()

    rig, ended = staged(held, act, plan)
    assert ended.outcome.code is ExitCode.DONE
    assert len(rig.landed()) == 6


def test_an_unfinished_run_of_a_part_does_not_go_on_as_another_part() -> None:
    held = world(6)
    plan = plan_for(held, SMALL)

    async def act(rig: EngineRig) -> None:
        await interrupted(rig)
        with pytest.raises(OperatorError, match="--only: was everything, is m@prod"):
            await rig.run(Wish(only=parse_only(["m@prod"], plan)))

    staged(held, act, plan)


def test_only_moves_what_it_lets_through() -> None:
    held = world(6)
    plan = plan_for(held)

    async def act(rig: EngineRig) -> Ended:
        return await rig.run(Wish(only=parse_only(["app:orders-web"], plan)))

    rig, ended = staged(held, act, plan)
    assert rig.landed() == ["orders-web"]
    assert ended.outcome.counts == {"verified": 1}


@pytest.mark.parametrize("wish", [Wish(resume=True), Wish(retry=True)])
def test_without_a_run_there_is_nothing_to_go_on_with(wish: Wish) -> None:
    async def act(rig: EngineRig) -> None:
        with pytest.raises(OperatorError, match="no run to go on with"):
            await rig.run(wish)
        assert rig.entries == []
        assert not rig.service.ledger.calls

    staged(world(1), act)


def test_blockers_start_nothing() -> None:
    held = world(2)
    plan = plan_for(held, apps=(Glob("no-such-*"),))

    async def act(rig: EngineRig) -> None:
        with pytest.raises(PreflightBlocked) as caught:
            await rig.run()
        assert caught.value.exit_code is ExitCode.BLOCKED
        assert rig.entries == []
        assert rig.records == {}

    staged(held, act, plan)


@pytest.mark.parametrize(
    "kind", [Kind.POISON_IMPORT, Kind.POISON_IMPORT_UNNAMED, Kind.POISON_EXPORT, Kind.POISON_EXPORT_UNNAMED]
)
def test_a_retry_brings_what_was_set_aside_once_it_is_mended(kind: Kind) -> None:
    held = world(6, faults=poison(kind))

    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        first = await rig.run()
        await anyio.sleep(700.0)
        return first, await rig.run(Wish(retry=True))

    rig, (first, second) = staged(held, act)
    assert (first.outcome.code, first.outcome.counts["quarantined"]) == (ExitCode.INCOMPLETE, 1)
    assert first.outcome.counts["verified"] == 5
    assert (second.run, second.outcome.code) == (first.run, ExitCode.DONE)
    assert len(rig.landed()) == 6


def test_the_half_that_must_hold_an_unnamed_poison_is_split_without_an_import() -> None:
    held = world(8)
    last = max(each.name for each in held.instance("dev").apps)
    rule = Rule(Kind.POISON_IMPORT_UNNAMED, names=frozenset({last}))

    async def act(rig: EngineRig) -> Ended:
        return await rig.run()

    rig, ended = staged(replace(held, faults=(rule,)), act)
    assert (ended.outcome.counts["verified"], ended.outcome.counts["quarantined"]) == (7, 1)
    imports = [entry.event for entry in rig.entries if isinstance(entry.event, e.ImportRequested)]
    assert len(imports) == 6, "8, 4, then 2 and 2, then 1 and 1: the other 4 were not tried together"
    assert any(isinstance(entry.event, e.Split) and entry.event.why == "other-half" for entry in rig.entries)


def test_a_retry_brings_a_mended_poison_and_all_that_needs_it_in_one_job_each_way() -> None:
    held = world(6, 40, faults=poison(Kind.POISON_IMPORT))

    async def act(rig: EngineRig) -> tuple[Ended, Ended, list[str]]:
        first = await rig.run()
        await anyio.sleep(700.0)
        before = len(rig.entries)
        second = await rig.run(Wish(retry=True))
        return first, second, rig.kinds()[before:]

    _, (first, second, kinds) = staged(held, act)
    assert first.outcome.counts["blocked"] >= 5
    assert second.outcome.code is ExitCode.DONE
    assert (kinds.count("ExportAccepted"), kinds.count("ImportAccepted")) == (1, 1)


def test_a_new_run_leaves_alone_what_an_earlier_one_brought() -> None:
    held = world(6, faults=poison(Kind.POISON_IMPORT))

    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        first = await rig.run()
        await anyio.sleep(700.0)
        return first, await rig.run()

    rig, (_, second) = staged(held, act)
    assert second.outcome.counts == {"skipped": 5, "verified": 1}
    assert len(rig.landed()) == 6


def test_a_run_that_is_abandoned_waits_for_its_jobs_and_asks_for_nothing_new() -> None:
    async def act(rig: EngineRig) -> list[str]:
        await interrupted(rig)
        before = len(rig.entries)
        await rig.run(Wish(abandon=True))
        kinds = rig.kinds()[before:]
        return kinds[: kinds.index("RunEnded") + 1]

    held = world(6)
    rig, kinds = staged(held, act, plan_for(held, SMALL))
    assert kinds == ["RunResumed", "Exported", "RunEnded"]
    (ended,) = [event for event in rig.events if isinstance(event, e.RunEnded)][:1]
    assert ended.reason == "abandoned by the operator"


def test_a_run_that_was_abandoned_is_ended_and_the_next_one_begins_anew() -> None:
    async def act(rig: EngineRig) -> tuple[Ended, Ended]:
        first = await interrupted(rig)
        return first, await rig.run(Wish(abandon=True))

    held = world(6)
    rig, (first, second) = staged(held, act, plan_for(held, SMALL))
    assert first.run != second.run
    ends = [event.reason for event in rig.events if isinstance(event, e.RunEnded)]
    assert ends[0] == "abandoned by the operator"
    assert len(ends) == 2
    assert second.outcome.code is ExitCode.DONE
    assert not twice(rig.service.ledger, "prod")
    assert len(rig.landed()) == 6


def test_a_stopped_target_keeps_its_rest_waiting_and_ends_with_1() -> None:
    names = frozenset(each.name for each in world(8).instance("dev").apps)
    held = world(8, faults=(Rule(Kind.POISON_IMPORT_UNNAMED, names=names),))

    async def act(rig: EngineRig) -> Ended:
        return await rig.run()

    rig, ended = staged(held, act, plan_for(held, replace(QUICK, batch_size=4)))
    assert ended.outcome.code is ExitCode.INCOMPLETE
    assert "TargetStopped" in rig.kinds()
    jobs = [call for call in rig.service.ledger.calls if call.operation == "import"]
    assert len(jobs) <= 6, "a handful of jobs"


# --- what is read back ---


def test_an_entry_that_cannot_follow_means_that_the_journal_is_damaged() -> None:
    run = Run()
    run.carries(app("a"))
    impossible = replace(run.entries[-1], seq=9, event=e.Imported("nobody"))
    with pytest.raises(JournalDamaged, match="entry 9"):
        folded(iter([*run.entries, impossible]))


def test_a_run_is_read_without_its_process() -> None:
    async def act(rig: EngineRig) -> PastRun:
        await rig.run()
        return read_run(MemoryStore(rig.root, rig.records, Life(), rig.entries.append), next(iter(rig.records)))

    _, past = staged(world(2), act)
    assert not past.unfinished
    assert outcome(past.progress, {}).code is ExitCode.DONE


def test_a_run_that_has_not_ended_is_not_done() -> None:
    run = Run()
    run.believe(e.RunBegan("orders", "f", "{}", "op", "h", 1, "0"))
    run.carries(app("a"))
    past = PastRun("r", run.progress)
    assert past.unfinished
    assert outcome(past.progress, {}).code is ExitCode.NOT_FINISHED


def test_history_knows_what_landed_under_which_id_by_whom() -> None:
    run = Run()
    landed, lost = run.carries(app("a")), run.carries(app("b"))
    run.stores(landed)
    run.imports(landed)
    run.believe(e.Imported(landed), e.Verified(landed, ("a",), ids=(("a", "new-a"),)))
    found = history([PastRun("r1", run.progress)]).imported
    kept = found["prod", "", "dev", "a"]
    assert (kept.ids, kept.owner, kept.run) == (("new-a",), "t", "r1")
    assert ("prod", "", "dev", "b") not in found
    assert lost in run.progress.open


def test_nothing_is_written_by_a_preview() -> None:
    async def act(rig: EngineRig) -> int:
        draft = await rig.runs().preview(Wish(only=Only()), [])
        return len(draft.deliveries)

    rig, deliveries = staged(world(4), act)
    assert deliveries == 1
    assert (rig.entries, rig.service.ledger.calls, rig.records) == ([], [], {})


def test_a_source_that_refuses_our_user_is_told_before_anything_is_begun() -> None:
    async def act(rig: EngineRig) -> None:
        with pytest.raises(Exception, match="APIGW") as caught:
            await rig.run()
        assert getattr(caught.value, "exit_code", None) is ExitCode.REFUSED
        assert rig.entries == []

    staged(world(2, faults=(Rule(Kind.UNAUTHORISED_ONCE, frozenset({Operation.APPS}), times=0),)), act)
