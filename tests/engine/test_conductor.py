"""The loop: intent before question, event before belief; outages, other people's jobs, signals, leases, operators."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.core.plan.plan import Plan, Scope, Settings
from orchestrator.core.state import events as e
from orchestrator.core.state.events import INTENTS, Entry
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.readings import LockScope
from orchestrator.emulator.world.world import World
from orchestrator.engine.runs import Ended, Runs, Wish
from orchestrator.errors import ExitCode
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.emulator.ledgers import twice
from tests.engine.rig import QUICK, EngineRig, folded_of, plan_for, staged, world

SMALL = replace(QUICK, batch_size=3)
POSTS = frozenset({Operation.EXPORT, Operation.IMPORT})


async def run(rig: EngineRig) -> Ended:
    return await rig.run()


def conducted(
    held: World, plan: Plan | None = None, hears: Callable[[Runs, Entry], None] | None = None
) -> tuple[EngineRig, Ended]:
    return staged(held, run, plan, hears=hears)


def once(rig: EngineRig, target: str = "prod") -> None:
    """Nothing twice, nothing lost."""
    assert not twice(rig.service.ledger, target)
    assert len(rig.landed(target)) == len(rig.world.instance("dev").apps) + len(rig.world.instance("dev").tasks)


def test_every_asset_arrives_once_and_the_run_ends() -> None:
    held = world(8, 12)
    rig, ended = conducted(held, plan_for(held, SMALL))
    assert (ended.outcome.code, ended.outcome.counts) == (ExitCode.DONE, {"verified": 20})
    once(rig)
    assert isinstance(rig.events[-1], e.RunEnded)


def test_no_request_leaves_before_its_intent_is_journaled() -> None:
    held = world(6, 6)

    async def act(rig: EngineRig) -> list[str]:
        wrong: list[str] = []

        def sent(request: str) -> None:
            asked = {
                "assets/export": e.ExportRequested,
                "assets/import": e.ImportRequested,
                "archive": e.DownloadRequested,
            }
            for path, intent in asked.items():
                if path in request and "jobs" not in request:
                    sends[path] = sends.get(path, 0) + 1
                    written = sum(isinstance(event, intent) for event in rig.events)
                    if written < sends[path]:
                        wrong.append(request)

        sends: dict[str, int] = {}
        rig.sent = sent
        await rig.run()
        assert sends["assets/export"] == sends["assets/import"] > 1
        return wrong

    assert staged(held, act, plan_for(held, SMALL))[1] == []


def test_an_intent_is_answered_by_exactly_one_event_before_the_next_one() -> None:
    held = world(9, faults=(Rule(Kind.THROTTLED, POSTS, times=6, probability=0.5),))
    rig, _ = conducted(held, plan_for(held, SMALL))
    waiting: set[str] = set()
    for event in rig.events:
        subject = getattr(event, "batch", "") or getattr(event, "delivery", "")
        if isinstance(event, INTENTS):
            assert subject not in waiting
            waiting.add(subject)
        elif subject in waiting and not isinstance(event, e.Looked):
            waiting.discard(subject)


def test_what_is_believed_live_is_what_a_reader_of_the_journal_believes() -> None:
    held = world(6, 9, faults=(Rule(Kind.RESET_AFTER_SEND, POSTS, nth=2),))
    rig, ended = conducted(held, plan_for(held, SMALL))
    again = folded_of(rig)
    assert again.deliveries == ended.progress.deliveries
    assert again.packages == ended.progress.packages


@pytest.mark.parametrize("scope", [Scope.USER, Scope.USER_TYPE, Scope.INSTANCE, Scope.USER_INSTANCE_TYPE])
def test_no_slot_ever_holds_two_jobs_of_ours(scope: Scope) -> None:
    held = world(9, targets=("prod", "dr"))
    occupied: list[int] = []

    def hears(runs: Runs, entry: Entry) -> None:
        if runs.conductor is not None:
            occupied.extend(len(held) for held in runs.conductor.context.progress.occupied.values())

    rig, ended = conducted(held, plan_for(held, replace(SMALL, one_job_per=scope)), hears)
    assert max(occupied) == 1
    assert ended.outcome.code is ExitCode.DONE
    once(rig)
    once(rig, "dr")


def test_a_source_is_exported_once_for_all_its_targets() -> None:
    held = world(6, targets=("prod", "dr"))
    rig, _ = conducted(held, plan_for(held, SMALL))
    assert rig.kinds().count("ExportRequested") == 2
    assert rig.kinds().count("ImportRequested") == 4


# --- lost answers, through the whole program ---


@pytest.mark.parametrize(
    "kind",
    [Kind.RESET_AFTER_SEND, Kind.RESET_AFTER_SEND_NOT_EXECUTED, Kind.GATEWAY_TIMEOUT_AFTER, Kind.HTML_502_BEFORE,
     Kind.GARBAGE_200, Kind.HANG_EXECUTED, Kind.LATE_EXECUTION],
)  # fmt: skip
@pytest.mark.parametrize("operation", [Operation.EXPORT, Operation.IMPORT])
def test_an_answer_that_was_lost_doubles_nothing_and_loses_nothing(kind: Kind, operation: Operation) -> None:
    held = world(6, 6, faults=(Rule(kind, frozenset({operation}), nth=2),))
    rig, ended = conducted(held, plan_for(held, SMALL))
    assert ended.outcome.code is ExitCode.DONE
    once(rig)


def test_one_target_away_does_not_hold_the_other() -> None:
    held = world(6, targets=("prod", "dr"), faults=(Rule(Kind.POISON_IMPORT_UNNAMED, instance="prod",
                 names=frozenset({"orders-web"})),))  # fmt: skip
    rig, ended = conducted(held, plan_for(held, SMALL))
    once(rig, "dr")
    assert ended.outcome.code is ExitCode.INCOMPLETE


# --- outages ---


def test_an_outage_is_told_once_at_its_start_and_once_at_its_end() -> None:
    held = world(6, faults=(Rule(Kind.OUTAGE, after=3.0, until=200.0),))
    rig, ended = conducted(held, plan_for(held, SMALL))
    kinds = rig.kinds()
    assert (kinds.count("OutageBegan"), kinds.count("OutageEnded")) == (1, 1)
    (away,) = [event for event in rig.events if isinstance(event, e.OutageEnded)]
    assert 150.0 <= away.seconds <= 230.0
    assert ended.outcome.code is ExitCode.DONE
    once(rig)


def test_a_job_that_is_still_polled_shows_that_the_service_is_back() -> None:
    away = Rule(Kind.OUTAGE, after=30.0, until=130.0)
    held = world(4, faults=(away,), durations=Durations(Duration(2.0), Duration(400.0), Duration(1.0)))
    rig, ended = conducted(held, plan_for(held, replace(SMALL, batch_size=100)))
    assert ended.outcome.code is ExitCode.DONE
    at = {type(entry.event).__name__: entry.at for entry in rig.entries}
    assert at["OutageEnded"] - at["OutageBegan"] < 160.0
    assert at["OutageEnded"] < at["Imported"] - 60.0


def test_a_service_that_stays_away_ends_the_process_with_9_and_a_restart_goes_on() -> None:
    held = world(6, faults=(Rule(Kind.OUTAGE, after=3.0, until=2000.0),))
    short = replace(SMALL, outage_timeout=300.0)

    async def act(rig: EngineRig) -> tuple[Ended, float, Ended]:
        first = await rig.run()
        took = anyio.current_time()
        await anyio.sleep(2000.0)
        return first, took, await rig.run()

    rig, (first, took, second) = staged(held, act, plan_for(held, short))
    assert first.outcome.code is ExitCode.UNREACHABLE
    assert 300.0 <= took <= 380.0
    assert "has given no usable answer for" in first.outcome.whys[0].sentence
    assert second.outcome.code is ExitCode.DONE
    assert first.run == second.run
    once(rig)


# --- somebody else's jobs ---


def test_somebody_elses_jobs_are_waited_for_and_are_no_failure() -> None:
    held = world(6, faults=(Rule(Kind.BUSY_FOREIGN_JOB, POSTS, times=4, seconds=40.0),))
    rig, ended = conducted(held, plan_for(held, SMALL))
    assert ended.outcome.code is ExitCode.DONE
    assert "ExportRefused" in rig.kinds()
    once(rig)


def test_a_slot_that_stays_taken_past_busy_timeout_ends_with_8() -> None:
    held = world(3, faults=(Rule(Kind.BUSY_FOREIGN_JOB, frozenset({Operation.EXPORT}), times=0, seconds=100_000.0),))
    rig, ended = conducted(held, plan_for(held, replace(QUICK, busy_timeout=600.0)))
    assert ended.outcome.code is ExitCode.NOT_FINISHED
    assert "busy_timeout" in ended.outcome.whys[0].sentence
    assert not rig.landed()


def test_a_refusal_is_a_persons_business() -> None:
    held = world(3, faults=(Rule(Kind.UNAUTHORISED_ONCE, frozenset({Operation.IMPORT}), times=0),))
    rig, ended = conducted(held)
    assert ended.outcome.code is ExitCode.REFUSED
    assert ended.outcome.who == "the owner of the credentials"
    assert "RunEnded" not in rig.kinds()


# --- signals ---

SLOW = Durations(Duration(100.0), Duration(100.0), Duration(1.0))


def stopped_at(event: type, signal: str = "SIGTERM") -> Callable[[Runs, Entry], None]:
    def hears(runs: Runs, entry: Entry) -> None:
        if isinstance(entry.event, event) and runs.conductor is not None:
            runs.conductor.stop(signal)
            runs.conductor.stop("SIGINT")

    return hears


@pytest.mark.parametrize(
    "event", [e.ExportAccepted, e.Exported, e.PackageStored, e.ImportAccepted, e.Imported, e.ImportRequested]
)
def test_a_signal_starts_no_new_job_and_the_same_command_goes_on(event: type) -> None:
    held = world(9, durations=SLOW)

    async def act(rig: EngineRig) -> tuple[Ended, list[str], Ended]:
        first = await rig.run()
        cut = next(n for n, each in enumerate(rig.events) if isinstance(each, event))
        after = rig.kinds()[cut + 1 :]
        rig.hears = None
        await anyio.sleep(5.0)
        return first, after, await rig.run()

    rig, (first, after, second) = staged(held, act, plan_for(held, SMALL), hears=stopped_at(event))
    assert int(first.outcome.code) == 143
    assert after[-1] == "RunInterrupted"
    assert not {"ExportRequested", "ImportRequested", "ProbeRequested"} & set(after)
    assert second.outcome.code is ExitCode.DONE
    once(rig)


def test_a_signal_while_waiting_leaves_at_once() -> None:
    held = world(3, durations=SLOW)

    async def act(rig: EngineRig) -> float:
        await rig.run()
        (cut,) = [entry.at for entry in rig.entries if isinstance(entry.event, e.ExportAccepted)]
        return rig.now() - cut

    assert staged(held, act, hears=stopped_at(e.ExportAccepted, "SIGINT"))[1] < 1.0


# --- operators ---

STUCK = (Rule(Kind.JOB_RUNS_FOREVER, frozenset({Operation.IMPORT}), instance="prod"),)


def test_an_overdue_import_is_for_the_operator_and_the_run_has_not_ended() -> None:
    held = world(2, faults=STUCK)
    rig, ended = conducted(held, plan_for(held, replace(QUICK, job_timeout=120.0)))
    assert ended.outcome.code is ExitCode.UNDECIDED
    assert rig.kinds()[-1] == "ImportOverdue"


def test_an_operator_is_answered_by_a_live_run_while_the_other_target_goes_on(tmp_path: Path) -> None:
    apart_there = Switches(lock_scope=LockScope.USER_INSTANCE_ANY)
    held = world(2, targets=("prod", "dr"), faults=STUCK, durations=SLOW, switches=apart_there)
    home = Home(tmp_path / "home")
    home.make()
    answers: list[str | None] = []

    async def decide() -> None:
        await anyio.sleep(10.0)
        (run_id,) = home.run_ids()
        store = HomeStore(home)
        stuck: list[str] = []
        for _ in range(600):
            await anyio.sleep(1.0)
            told = [entry.event for entry in store.read(run_id)]
            stuck = [event.delivery for event in told if isinstance(event, e.ImportOverdue)]
            if stuck:
                break
        wrong = store.ask(run_id, e.Resolved("nobody", "absent", "seen", "ann", "h"), 0.0)
        right = store.ask(run_id, e.Resolved(stuck[0], "quarantine", "seen", "ann", "h"), 0.0)
        await anyio.sleep(5.0)
        answers.extend((store.answered(run_id, wrong), store.answered(run_id, right)))

    async def act(rig: EngineRig) -> Ended:
        rig.home = home
        runs = rig.runs()
        found: list[Ended] = []
        async with anyio.create_task_group() as group:
            group.start_soon(decide)
            found.append(await runs.run(Wish()))
        return found[0]

    apart = replace(QUICK, job_timeout=120.0, batch_size=1, one_job_per=Scope.USER_INSTANCE)
    rig, ended = staged(held, act, plan_for(held, apart))
    assert answers == ["this run has no batch nobody", answers[1]]
    assert "recorded as quarantine" in str(answers[1])
    assert ended.outcome.counts == {"quarantined": 1, "verified": 2, "waiting": 1}
    assert ended.outcome.code is ExitCode.NOT_FINISHED, "that job still holds the slot, as somebody else's would"
    once(rig, "dr")


def test_settings_of_the_plan_bound_how_long_a_job_may_run() -> None:
    assert Settings().job_timeout == 6 * 3600.0
    held = world(2, faults=(Rule(Kind.JOB_RUNS_FOREVER, frozenset({Operation.EXPORT})),))
    _, ended = conducted(held, plan_for(held, replace(QUICK, job_timeout=120.0)))
    assert ended.outcome.code is ExitCode.UNDECIDED
    assert ended.outcome.counts == {"undecided": 2}


def test_the_same_seed_gives_the_same_run() -> None:
    held = world(6, 6, faults=(Rule(Kind.RESET_AFTER_SEND, POSTS, times=3, probability=0.5),))
    traces = [[(entry.at, entry.event) for entry in conducted(held, plan_for(held, SMALL))[0].entries] for _ in "ab"]
    assert traces[0] == traces[1]


def test_a_wish_without_a_run_to_go_on_with_is_told() -> None:
    async def act(rig: EngineRig) -> str:
        with pytest.raises(Exception, match="no run to go on with"):
            await rig.run(Wish(resume=True))
        return ""

    staged(world(1), act)
