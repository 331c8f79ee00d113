"""One step, one question, one event: what each failure of each question becomes."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from orchestrator.core.decisions import steps
from orchestrator.core.model.retries import Action
from orchestrator.core.report.outcome import AssetClass, asset_outcomes
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset, Entry, ErrorDetail
from orchestrator.core.state.slots import host_of
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.engine.performer import FEW_ASSETS, LARGEST_ASSET, RESERVED, SPACE_WAIT, Answered, Performer
from orchestrator.engine.poll_timing import PollTiming
from orchestrator.engine.runs import Ended, Runs
from orchestrator.engine.runtime import moment
from orchestrator.errors import ExitCode
from orchestrator.storage.disk import Disk
from orchestrator.storage.vault import Vault
from tests.builders.runs import DAWN, Run
from tests.engine.rig import EngineRig, staged, world

FROM = "127.0.0.1:9 acme/s"
INTO = "127.0.0.1:9 acme/t"


class Hand:
    """A performer and the run it works for, on a rig: two applications go from dev to prod."""

    def __init__(self, rig: EngineRig, disk: Disk | None = None, largest_asset: int = LARGEST_ASSET) -> None:
        self.rig, self.run = rig, Run()
        assets = [Asset(each.id, "app", each.name) for each in rig.world.instance("dev").apps]
        self.name = self.run.carries(*assets)
        self.batch = self.run.life(self.name).batch
        self.vault = Vault(rig.root, disk or Disk(), margin=0)
        self.roma = rig.roma()
        self.roma.patience = rig.plan.settings.outage_timeout
        ways = (rig.plan, self.roma, self.vault, self.run.progress, rig.runtime())
        self.performer = Performer(*ways, PollTiming(), largest_asset=largest_asset)

    async def asks(self, step: steps.Step) -> Answered:
        """Intent, question, event believed."""
        self.run.at = self.rig.now()
        intent = getattr(step, "intent", None)
        if intent is not None:
            self.run.believe(intent)
        answered = await self.performer.perform(step)
        self.run.at = self.rig.now()
        self.run.believe(*(event for event in (answered.event, answered.also) if event is not None))
        return answered

    async def exports(self) -> Answered:
        return await self.asks(steps.RequestExport(self.batch, "dev", "s", FROM))

    async def awaits_export(self, patience: float | None = None) -> Answered:
        """`patience`: what is left of job_timeout, seconds; all of it unless said."""
        life, timeout = self.run.progress.packages[self.batch], self.rig.plan.settings.job_timeout
        began = self.rig.now() + (timeout if patience is None else patience) - timeout
        return await self.asks(steps.AwaitExport(self.batch, "dev", "s", life.job, began))

    async def downloads(self) -> Answered:
        life = self.run.progress.packages[self.batch]
        return await self.asks(steps.Download(self.batch, "dev", "s", life.archive, life.attempt))

    async def stores(self) -> Answered:
        await self.exports()
        await self.awaits_export()
        return await self.downloads()

    async def imports(self) -> Answered:
        await self.asks(steps.ListTarget(self.name, "prod", "t"))
        return await self.asks(steps.RequestImport(self.name, "prod", "t", INTO))

    async def awaits_import(self) -> Answered:
        job = self.run.life(self.name).job
        return await self.asks(steps.AwaitImport(self.name, "prod", "t", job, self.rig.now()))


def performed(
    act: Callable[[Hand], Awaitable[Answered]], *faults: Rule, switches: Switches | None = None
) -> tuple[Hand, Answered]:
    async def main(rig: EngineRig) -> tuple[Hand, Answered]:
        hand = Hand(rig)
        return hand, await act(hand)

    return staged(world(2, faults=faults, switches=switches), main)[1]


def rule(kind: Kind, operation: Operation, **more: float) -> Rule:
    return Rule(kind, frozenset({operation}), **more)  # type: ignore[arg-type] # named as in Rule


def name(event: object) -> str:
    return type(event).__name__


async def all_the_way(hand: Hand) -> Answered:
    await hand.stores()
    await hand.imports()
    await hand.awaits_import()
    return await hand.asks(steps.Verify(hand.name, "prod", "t"))


def test_a_batch_goes_all_the_way_and_every_asset_is_verified() -> None:
    hand, answered = performed(all_the_way)
    assert isinstance(answered.event, e.Verified)
    assert len(answered.event.verified) == 2
    assert len(dict(answered.event.ids)) == 2
    assert answered.trouble is None
    assert len(hand.rig.landed()) == 2


#: kind of fault, event of an export, event of an import, what the conductor is told
POSTS = [
    (Kind.CONNECTION_REFUSED, "ExportRefused", "ImportRefused", Action.OUTAGE),
    (Kind.RESET_AFTER_SEND, "ExportAnswerLost", "ImportAnswerLost", Action.SETTLE),
    (Kind.RESET_AFTER_SEND_NOT_EXECUTED, "ExportAnswerLost", "ImportAnswerLost", Action.SETTLE),
    (Kind.HANG_EXECUTED, "ExportAnswerLost", "ImportAnswerLost", Action.SETTLE),
    (Kind.GATEWAY_TIMEOUT_AFTER, "ExportAnswerLost", "ImportAnswerLost", Action.SETTLE),
    (Kind.HTML_502_BEFORE, "ExportAnswerLost", "ImportAnswerLost", Action.SETTLE),
    (Kind.GARBAGE_200, "ExportAnswerLost", "ImportAnswerLost", Action.SETTLE),
    (Kind.HALF_JSON, "ExportAnswerLost", "ImportAnswerLost", Action.SETTLE),
    (Kind.ERROR_BEFORE, "ExportAnswerLost", "ImportAnswerLost", Action.SETTLE),
    (Kind.THROTTLED, "ExportRefused", "ImportRefused", Action.ASK_AGAIN),
    (Kind.NOT_CREATED, "ExportRefused", "ImportRefused", Action.ASK_AGAIN),
    (Kind.BUSY_FOREIGN_JOB, "ExportRefused", "ImportRefused", Action.WAIT_FOR_SLOT),
]


@pytest.mark.parametrize(("kind", "event", "_import", "action"), POSTS)
def test_what_a_failed_export_request_becomes(kind: Kind, event: str, _import: str, action: Action) -> None:
    hand, answered = performed(lambda hand: hand.exports(), rule(kind, Operation.EXPORT))
    assert name(answered.event) == event
    assert answered.trouble is not None
    assert answered.trouble.decision.action is action
    executed = len([call for call in hand.rig.service.ledger.calls if call.operation == "export"])
    assert executed <= 1, "a write is never repeated by itself"


async def up_to_import(hand: Hand) -> Answered:
    await hand.stores()
    return await hand.imports()


@pytest.mark.parametrize(("kind", "_export", "event", "action"), POSTS)
def test_what_a_failed_import_request_becomes(kind: Kind, _export: str, event: str, action: Action) -> None:
    hand, answered = performed(up_to_import, rule(kind, Operation.IMPORT))
    assert name(answered.event) == event
    assert answered.trouble is not None
    assert answered.trouble.decision.action is action
    assert len([call for call in hand.rig.service.ledger.calls if call.operation == "import"]) <= 1


def test_a_lost_answer_is_quiet_for_as_long_as_the_plan_says() -> None:
    hand, answered = performed(lambda hand: hand.exports(), rule(Kind.RESET_AFTER_SEND, Operation.EXPORT))
    assert isinstance(answered.event, e.ExportAnswerLost)
    assert answered.event.quiet_until == pytest.approx(hand.run.at + hand.rig.plan.settings.settle_quiet)


def test_a_retry_after_is_waited_for() -> None:
    _, answered = performed(
        lambda hand: hand.exports(), rule(Kind.THROTTLED_RETRY_AFTER, Operation.EXPORT, seconds=17.0)
    )
    assert isinstance(answered.event, e.ExportRefused)
    assert 17.0 <= answered.event.wait <= 18.0


@pytest.mark.parametrize("operation", [Operation.EXPORT, Operation.IMPORT])
def test_what_is_too_large_counts_as_failed_and_is_split_by_others(operation: Operation) -> None:
    act = up_to_import if operation is Operation.IMPORT else Hand.exports
    _, answered = performed(act, rule(Kind.TOO_LARGE, operation, count=1))
    assert name(answered.event) == ("ImportFailed" if operation is Operation.IMPORT else "ExportFailed")
    assert "413" in str(answered.event) or "0201" in str(answered.event)


def test_an_expired_token_is_renewed_without_a_word() -> None:
    for operation in (Operation.EXPORT, Operation.IMPORT):
        _, answered = performed(all_the_way, rule(Kind.TOKEN_EXPIRED_EARLY, operation))
        assert name(answered.event) == "Verified"


# --- jobs ---


async def exported(hand: Hand) -> Answered:
    await hand.exports()
    return await hand.awaits_export()


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        (Rule(Kind.UNKNOWN_STATE_NAME, times=3), "Exported"),
        (Rule(Kind.STALE_STATUS, times=3), "Exported"),
        (Rule(Kind.JOB_VANISHES), "ExportVanished"),
        (Rule(Kind.JOB_VANISHES_ONCE, times=3), "Exported"),
        (Rule(Kind.ARCHIVE_ID_MISSING, times=0), "ExportVanished"),
        (Rule(Kind.POISON_EXPORT, names=frozenset({"orders-web"})), "ExportFailed"),
    ],
)
def test_how_an_export_job_ends(fault: Rule, event: str) -> None:
    assert name(performed(exported, fault)[1].event) == event


def test_a_failed_job_is_told_in_the_services_words_with_its_reasons() -> None:
    _, answered = performed(exported, Rule(Kind.POISON_EXPORT, names=frozenset({"orders-web"})))
    assert isinstance(answered.event, e.ExportFailed)
    assert [reason.resource_name for reason in answered.event.reasons] == ["orders-web"]
    assert answered.event.words.message == answered.event.reasons[0].error_msg


def test_a_job_that_runs_for_ever_is_overdue_at_its_deadline() -> None:
    async def act(hand: Hand) -> Answered:
        await hand.exports()
        return await hand.awaits_export(patience=300.0)

    hand, answered = performed(act, Rule(Kind.JOB_RUNS_FOREVER))
    assert name(answered.event) == "ExportOverdue"
    assert 300.0 <= hand.run.at - DAWN <= 320.0


def test_an_outage_that_ends_while_a_job_is_awaited_moves_its_deadline() -> None:
    async def act(hand: Hand) -> Answered:
        await hand.exports()
        host = host_of(hand.rig.plan.instances["dev"].endpoint)
        hand.run.believe(e.OutageBegan(host, ErrorDetail("not-sent")))

        async def comes_back() -> None:
            await anyio.sleep(100.0)
            hand.run.at = hand.rig.now()
            hand.run.believe(e.OutageEnded(host, 100.0))

        async with anyio.create_task_group() as group:
            group.start_soon(comes_back)
            answered = await hand.awaits_export(patience=300.0)
        assert name(answered.event) == "ExportOverdue"
        return answered

    hand, _ = performed(act, Rule(Kind.JOB_RUNS_FOREVER))
    assert hand.run.at - DAWN >= 400.0


def test_an_unreachable_service_ends_no_job() -> None:
    _, answered = performed(exported, Rule(Kind.UNAVAILABLE, frozenset({Operation.JOB}), times=0))
    assert answered.event is None
    assert answered.trouble is not None
    assert answered.trouble.decision.action is Action.OUTAGE


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        (Rule(Kind.JOB_VANISHES, instance="prod"), "ImportVanished"),
        (Rule(Kind.JOB_VANISHES_ONCE, instance="prod", times=3), "Imported"),
        (Rule(Kind.POISON_IMPORT_UNNAMED, names=frozenset({"orders-web"})), "ImportFailed"),
        (Rule(Kind.STATUS_BACKWARDS, times=2), "Imported"),
    ],
)
def test_how_an_import_job_ends(fault: Rule, event: str) -> None:
    async def act(hand: Hand) -> Answered:
        await up_to_import(hand)
        return await hand.awaits_import()

    assert name(performed(act, fault)[1].event) == event


def test_a_probe_is_an_export_of_one_asset_that_is_never_downloaded() -> None:
    async def act(hand: Hand) -> Answered:
        one = hand.rig.world.instance("dev").apps[0].id
        step = steps.RequestProbe(FROM, "dev", "s", app=one)
        await hand.asks(step)
        job = hand.run.progress.probes[FROM].job
        return await hand.asks(steps.AwaitProbe(FROM, "dev", "s", job, hand.rig.now()))

    hand, answered = performed(act)
    assert answered.event == e.ProbeEnded(FROM, "SUCCEEDED")
    assert [len(call.asset_ids) for call in hand.rig.service.ledger.calls] == [1]
    assert not hand.rig.service.ledger.downloads


@pytest.mark.parametrize(
    ("kind", "event", "action"),
    [
        (Kind.BUSY_FOREIGN_JOB, "ProbeRefused", Action.WAIT_FOR_SLOT),
        (Kind.THROTTLED, "ProbeRefused", Action.ASK_AGAIN),
        (Kind.RESET_AFTER_SEND, "ProbeAnswerLost", Action.SETTLE),
    ],
)
def test_what_a_failed_probe_becomes(kind: Kind, event: str, action: Action) -> None:
    async def act(hand: Hand) -> Answered:
        one = hand.rig.world.instance("dev").apps[0].id
        return await hand.asks(steps.RequestProbe(FROM, "dev", "s", app=one))

    _, answered = performed(act, rule(kind, Operation.EXPORT))
    assert name(answered.event) == event
    assert answered.trouble is not None
    assert answered.trouble.decision.action is action
    if isinstance(answered.event, e.ProbeRefused):
        assert answered.event.wait >= 5.0
        assert answered.event.words.kind in {"busy", "throttled"}


# --- downloads (promise 4) ---


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (Kind.CONNECTION_REFUSED, "DownloadRefused"),
        (Kind.THROTTLED, "DownloadRefused"),
        (Kind.TRUNCATED_WITH_LENGTH, "PackageLost"),
        (Kind.WRONG_LENGTH, "PackageLost"),
        (Kind.RESET_AFTER_SEND, "PackageLost"),
        (Kind.UNAVAILABLE, "PackageLost"),
        (Kind.ARCHIVE_BURNED, "PackageLost"),
        (Kind.MISSING_LENGTH, "PackageStored"),
        (Kind.TOKEN_EXPIRED_EARLY, "PackageStored"),
    ],
)
def test_what_a_failed_download_becomes_and_no_archive_is_had_twice(kind: Kind, event: str) -> None:
    hand, answered = performed(Hand.stores, rule(kind, Operation.ARCHIVE))
    assert name(answered.event) == event
    assert all(times <= 1 for times in hand.rig.service.ledger.downloads.values())


@pytest.mark.parametrize("kind", [Kind.CORRUPT_ARCHIVE, Kind.TRUNCATED_WITHOUT_LENGTH])
def test_a_package_that_is_not_sound_is_never_stored_as_such(kind: Kind) -> None:
    _, answered = performed(Hand.stores, rule(kind, Operation.ARCHIVE))
    stored = isinstance(answered.event, e.PackageStored) and answered.event.check != "suspect"
    assert not stored


def test_a_whole_package_is_adopted_after_a_crash_and_half_of_one_is_not() -> None:
    async def whole(hand: Hand) -> Answered:
        await hand.exports()
        await hand.awaits_export()
        life = hand.run.progress.packages[hand.batch]
        download = steps.Download(hand.batch, "dev", "s", life.archive, life.attempt)
        hand.run.believe(download.intent)
        await hand.performer.perform(download)
        return await hand.asks(steps.RecoverDownload(hand.batch, "dev", "s", life.attempt))

    async def half(hand: Hand) -> Answered:
        await hand.exports()
        await hand.awaits_export()
        hand.run.believe(e.DownloadRequested(hand.batch))
        return await hand.asks(steps.RecoverDownload(hand.batch, "dev", "s", 1))

    assert name(performed(whole)[1].event) == "PackageStored"
    assert name(performed(half)[1].event) == "DownloadCut"


def test_a_package_that_was_damaged_on_our_disk_is_never_sent() -> None:
    async def act(hand: Hand) -> Answered:
        await hand.stores()
        for path in hand.rig.root.rglob("*"):
            if path.is_file():
                path.chmod(0o600)
                path.write_bytes(path.read_bytes()[:-1])
        return await hand.imports()

    hand, answered = performed(act)
    assert (name(answered.event), name(answered.also)) == ("ImportRefused", "PackageDamaged")
    assert not [call for call in hand.rig.service.ledger.calls if call.operation == "import"]


def test_a_dropped_package_is_gone_from_our_disk() -> None:
    async def act(hand: Hand) -> Answered:
        await all_the_way(hand)
        life = hand.run.progress.packages[hand.batch]
        hand.vault.release(hand.batch, life.attempt)
        answered = await hand.asks(steps.DropPackage(hand.batch, "dev", "s", life.sha256))
        assert not list(hand.rig.root.rglob("*.zip"))
        return answered

    _, answered = performed(act)
    assert name(answered.event) == "PackageDropped"


# --- looks ---


def test_an_unreachable_service_is_never_a_look() -> None:
    async def act(hand: Hand) -> Answered:
        return await hand.asks(steps.ListTarget(hand.name, "prod", "t"))

    _, answered = performed(act, Rule(Kind.UNAVAILABLE, frozenset({Operation.TASKS}), times=0))
    assert answered.event is None
    assert answered.trouble is not None


def test_verification_is_patient_with_a_service_that_shows_its_writes_late() -> None:
    _, answered = performed(all_the_way, switches=Switches(read_lag_seconds=60.0))
    assert isinstance(answered.event, e.Verified)
    assert len(answered.event.verified) == 2


def test_verification_ends_with_its_findings_when_its_patience_is_over() -> None:
    async def act(hand: Hand) -> Answered:
        began = anyio.current_time()
        hand.run.stores(hand.name)
        hand.run.imports(hand.name)
        hand.run.believe(e.Imported(hand.name))
        answered = await hand.asks(steps.Verify(hand.name, "prod", "t"))
        assert 120.0 <= anyio.current_time() - began <= 130.0
        return answered

    _, answered = performed(act)
    assert isinstance(answered.event, e.Verified)
    assert len(answered.event.findings) == 2


# --- what applications hold (promise 15) ---


def bereft(take: Callable[[Holding], None], *faults: Rule) -> tuple[list[str], Ended]:
    """A run of three applications; as soon as they are imported something is taken from them. What was asked since."""
    asked: list[str] = []
    stages: list[EngineRig] = []

    def hears(_: Runs, entry: Entry) -> None:
        if isinstance(entry.event, e.Imported):
            asked.clear()
            take(stages[0].service.holding("prod"))

    async def act(rig: EngineRig) -> Ended:
        stages.append(rig)
        rig.sent = asked.append
        return await rig.run()

    return asked, staged(world(3, faults=faults), act, hears=hears)[1]


def different(ended: Ended) -> list[tuple[str, str]]:
    return [(line.name, line.why) for line in asset_outcomes(ended.progress) if line.kept_as is AssetClass.DIFFERENT]


def an_api(held: Holding) -> None:
    held.apis.remove(next(each.id for each in held.apis.all() if each.path == "/orders-web/v1"))


def a_data_source(held: Holding) -> None:
    held.datasources.remove(next(each.id for each in held.datasources.all() if each.name == "orders-web-db-1"))


def test_an_api_that_is_missing_after_the_import_ends_with_code_1_and_is_named() -> None:
    asked, ended = bereft(an_api)
    assert different(ended) == [("orders-web", "different: orders-web does not publish API GET /orders-web/v1")]
    assert ended.outcome.code is ExitCode.INCOMPLETE
    assert 4 < sum("/apis?" in each for each in asked) < 10, "the service was given its time to show it"


def test_a_data_source_that_is_missing_after_the_import_ends_with_code_1_and_is_named() -> None:
    _, ended = bereft(a_data_source)
    assert different(ended) == [("orders-web", "different: orders-web has no data source orders-web-db-1")]
    assert ended.outcome.code is ExitCode.INCOMPLETE


def test_what_may_not_be_read_is_not_compared_and_not_asked_for_twice() -> None:
    denied = Rule(Kind.UNAUTHORISED_ONCE, frozenset({Operation.APIS}), instance="prod", times=0)
    asked, ended = bereft(an_api, denied)
    assert ended.outcome.code is ExitCode.DONE
    assert sum("/apis?" in each for each in asked) == 2, "the second time with a new token"
    (life,) = ended.progress.deliveries.values()
    assert life.verified is not None
    assert life.verified.uncompared.startswith("APIs not compared: APIGW.0301")


def test_a_silence_of_what_only_informs_ends_with_its_patience() -> None:
    silent = Rule(Kind.UNAVAILABLE, frozenset({Operation.DATASOURCES}), instance="prod", times=0)
    asked, ended = bereft(lambda held: None, silent)
    assert ended.outcome.code is ExitCode.DONE
    assert sum("/datasources?" in each for each in asked) > 5, "it might have passed"


@pytest.mark.parametrize(("ended", "shown"), [(False, "apart"), (True, "open")])
def test_two_slots_are_apart_only_where_the_other_job_still_runs(ended: bool, shown: str) -> None:
    async def act(hand: Hand) -> Answered:
        await hand.exports()
        if ended:
            await hand.awaits_export()
        job = hand.run.progress.packages[hand.batch].job
        return await hand.performer.perform(steps.CheckBeside("kind", "dev", "s", job))

    _, answered = performed(act)
    assert isinstance(answered.event, e.WideningShown)
    assert answered.event.shown == shown


class SmallDisk(Disk):
    """Room for one package of unknown size, and a little more."""

    def free(self, path: Path) -> int:
        return RESERVED + 1000


def test_an_export_waits_while_packages_on_their_way_have_taken_the_space() -> None:
    async def act(rig: EngineRig) -> tuple[Answered, Answered]:
        hand = Hand(rig, SmallDisk())
        hand.vault.reserve("another", 1, RESERVED)
        refused = await hand.exports()
        hand.vault.release("another", 1)
        return refused, await hand.exports()

    rig, (refused, accepted) = staged(world(2), act)
    assert isinstance(refused.event, e.ExportRefused)
    assert (refused.local, refused.event.words.kind, refused.event.wait) == (True, "disk", SPACE_WAIT)
    assert isinstance(accepted.event, e.ExportAccepted)
    assert len(rig.service.ledger.jobs) == 1


def test_a_job_whose_polls_alone_are_throttled_is_overdue_by_job_timeout() -> None:
    async def act(hand: Hand) -> Answered:
        await hand.exports()
        reader = hand.roma.reader(hand.rig.plan.instances["dev"], "s")
        found: list[Answered] = []

        async def others() -> None:
            """The service answers everything else: it is not away."""
            while True:
                await reader.instance()
                await anyio.sleep(5.0)

        async with anyio.create_task_group() as group:
            group.start_soon(others)
            found.append(await hand.awaits_export(patience=60.0))
            group.cancel_scope.cancel()
        return found[0]

    _, answered = performed(act, rule(Kind.THROTTLED, Operation.JOB, times=0))
    assert isinstance(answered.event, e.ExportOverdue)


@pytest.mark.parametrize("announced", [True, False])
def test_a_download_that_goes_beyond_what_its_assets_can_hold_is_a_lost_package_and_fills_no_disk(
    announced: bool,
) -> None:
    spoilt = () if announced else (rule(Kind.MISSING_LENGTH, Operation.ARCHIVE),)

    async def main(rig: EngineRig) -> tuple[Answered, int]:
        hand = Hand(rig, largest_asset=1)
        answered = await hand.stores()
        return answered, sum(path.stat().st_size for path in rig.root.rglob("*") if path.is_file())

    answered, kept = staged(world(2, faults=spoilt), main)[1]
    assert isinstance(answered.event, e.PackageLost)
    assert "more than its assets can hold" in answered.event.words.message
    assert kept < 10_000


def test_the_largest_package_that_is_taken_is_far_above_the_documented_ones() -> None:
    assert LARGEST_ASSET * FEW_ASSETS >= 2 * 2**30


def test_a_verification_that_waits_says_once_what_for_why_and_until_when() -> None:
    late = Rule(Kind.READ_AFTER_WRITE_LAG, seconds=60.0)
    hand, answered = performed(all_the_way, late)
    assert isinstance(answered.event, e.Verified)
    told = [fields for event, fields in hand.rig.said if event == "verification-waits"]
    assert len(told) == 1
    text = str(told[0]["text"])
    assert "is not at prod and 1 more" in text
    assert "late to show" in text
    until = told[0]["until"]
    assert isinstance(until, float)
    assert moment(until) in text


def test_a_verification_that_finds_everything_at_once_says_nothing() -> None:
    hand, _ = performed(all_the_way)
    assert not [event for event, _ in hand.rig.said if event == "verification-waits"]
