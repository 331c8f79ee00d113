"""How far each lane is: the events alone give the same as a count of everything."""

from orchestrator.cli.output.lane_status import LaneStatus, LaneStatuses
from orchestrator.core.plan.hours import Hours
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.progress import Progress

ASSETS = (e.Asset("a1", "app", "orders"), e.Asset("a2", "app", "billing"))
EVENTS: tuple[Event, ...] = (
    e.RunBegan("p", "p.yaml", "{}", "me", "h", 1, "0"),
    e.SelectionMade("m", "dev", "prod", 3),
    e.AssetsSkipped("m", "prod", (e.Asset("s1", "app", "old"),), "there"),
    e.BatchScheduled("b1", "dev", ASSETS, ("c",), 0.0),
    e.DeliveryScheduled("b1@prod", "b1", "m", "prod", "AddNew", "", False, "c"),
    e.ExportRequested("b1", "c", "s"),
    e.ExportRefused("b1", e.ErrorDetail("busy", "ROMA.10012")),
    e.ExportRequested("b1", "c", "s"),
    e.ExportAccepted("b1", "j"),
    e.Exported("b1", "archive"),
    e.DownloadRequested("b1"),
    e.PackageStored("b1", "ff", 1, "crc"),
    e.Looked("b1@prod"),
    e.ImportRequested("b1@prod", "c", "s"),
    e.ImportAnswerLost("b1@prod", e.ErrorDetail("dropped"), 5.0),
    e.ImportFound("b1@prod"),
    e.OutageBegan("host", e.ErrorDetail("hung")),
    e.Verified("b1@prod", ("a1", "a2")),
    e.OutageEnded("host", 1.0),
)


def lane_of(statuses: LaneStatuses) -> LaneStatus:
    return statuses.lanes["m", "prod"]


def test_events_one_by_one_give_what_a_whole_count_gives() -> None:
    progress, statuses = Progress(), LaneStatuses()
    for seq, event in enumerate(EVENTS, 1):
        entry = Entry(seq, float(seq), event)
        progress.apply(entry)
        statuses.take(progress, entry)
        assert statuses.lanes == LaneStatuses.of(progress).lanes
        assert statuses.down == LaneStatuses.of(progress).down


def test_a_lane_says_what_it_does() -> None:
    progress, statuses = Progress(), LaneStatuses()
    said: list[str] = []
    for seq, event in enumerate(EVENTS, 1):
        entry = Entry(seq, float(seq), event)
        progress.apply(entry)
        statuses.take(progress, entry)
        if statuses.lanes and (not said or said[-1] != lane_of(statuses).words):
            said.append(lane_of(statuses).words)
    assert [words.split(" since")[0].split(", quiet")[0] for words in said] == [
        "waiting", "asking to export batch 1 of 1", "waiting for somebody else's job", "asking to export batch 1 of 1",
        "exporting batch 1 of 1", "downloading batch 1 of 1", "waiting", "asking to import batch 1 of 1",
        "settling batch 1 of 1", "verifying batch 1 of 1", "verified",
    ]  # fmt: skip
    assert (lane_of(statuses).there, lane_of(statuses).verified) == (3, 2)


def test_a_lane_at_its_gate_waits_for_a_person_and_an_order_is_told_of_the_whole_run() -> None:
    progress, statuses = Progress(), LaneStatuses()

    def take(*events: Event) -> None:
        for event in events:
            entry = Entry(progress.seq + 1, progress.at + 1.0, event)
            progress.apply(entry)
            statuses.take(progress, entry)

    take(*EVENTS[: EVENTS.index(e.PackageStored("b1", "ff", 1, "crc")) + 1])
    take(e.RunResumed("me", "h", 1, "0", hours=Hours(gated=("m",))))
    assert lane_of(statuses).words == "at the gate, waiting for a person, batch 1 of 1"
    assert LaneStatuses.of(progress).lanes == statuses.lanes
    take(e.RunPaused("olga", "h", "1"))
    assert statuses.halted == LaneStatuses.of(progress).halted == "paused by olga on h"
    take(e.RunContinued("olga", "h", "1"), e.RunContinued("olga", "h", "1", gate="imports"))
    assert (statuses.halted, lane_of(statuses).words) == ("", "waiting")


def test_a_lane_behind_a_lost_import_of_ours_blames_nobody_else() -> None:
    progress, statuses = Progress(), LaneStatuses()
    events = (
        *EVENTS[:4], e.BatchScheduled("b2", "dev", ASSETS[1:], ("c",), 1.0), *EVENTS[4:5],
        e.DeliveryScheduled("b2@prod", "b2", "n", "prod", "AddNew", "", False, "c"), *EVENTS[5:15],
        e.ExportRequested("b2", "c", "s"), e.ExportRefused("b2", e.ErrorDetail("busy", "ROMA.10012")),
    )  # fmt: skip
    for seq, event in enumerate(events, 1):
        entry = Entry(seq, float(seq), event)
        progress.apply(entry)
        statuses.take(progress, entry)
    assert statuses.lanes["n", "prod"].words.startswith("waiting for our own lost import of batch 1 since")
    entry = Entry(99, 99.0, e.ImportFound("b1@prod"))
    progress.apply(entry)
    touched = statuses.take(progress, entry)
    assert [lane.name for lane in touched] == ["m@prod", "n@prod"], "whoever waited for it hears that it is settled"
    assert "our own" not in statuses.lanes["n", "prod"].words
    assert statuses.lanes == LaneStatuses.of(progress).lanes


def test_the_parts_of_a_split_are_counted_in_its_place() -> None:
    progress = Progress()
    child = e.Child("c1@prod", "c1", ("a1",), "quarantined", e.ErrorDetail("job"))
    rest = e.Child("c2@prod", "c2", ("a2",), "waiting")
    scheduled = (
        e.BatchScheduled("c1", "dev", ASSETS[:1], ("c",), 0.1),
        e.BatchScheduled("c2", "dev", ASSETS[1:], ("c",), 0.2),
    )
    statuses = LaneStatuses()
    failed = e.ImportFailed("b1@prod", (), e.ErrorDetail("job"))
    accepted = e.ImportAccepted("b1@prod", "j2")
    for seq, event in enumerate(
        (*EVENTS[:14], accepted, failed, *scheduled, e.Split("b1@prod", (child, rest), "x")), 1
    ):
        entry = Entry(seq, float(seq), event)
        progress.apply(entry)
        statuses.take(progress, entry)
    assert lane_of(statuses).troubled == 1
    assert statuses.lanes == LaneStatuses.of(progress).lanes
