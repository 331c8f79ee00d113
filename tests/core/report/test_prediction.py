"""What was expected of a run, beside what it did."""

from orchestrator.core.report.prediction import prediction
from orchestrator.core.report.timeline import BarKind, timeline
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.progress import Progress

BEGUN: tuple[Event, ...] = (
    e.RunBegan("p", "p.yaml", "{}", "me", "h", 1, "0"),
    e.BatchScheduled("b1", "dev", (e.Asset("a", "app", "a"),), ("c",), 0.0),
    e.DeliveryScheduled("b1@prod", "b1", "m", "prod", "AddNew", "", False, "c"),
)
TOLD = e.SchedulePredicted(
    90.0, 120.0, (e.JobPredicted("b1", "s", 0.0, 30.0), e.JobPredicted("b1@prod", "t", 30.0, 90.0)),
    (
        e.DurationPredicted("dev", "export", 9.0, 30.0, 0.2, 0.1, 4),
        e.DurationPredicted("prod", "import", 20.0, 60.0, 0.4, 1.0, 0),
        e.DurationPredicted("prod", "delete", 9.0, 30.0, 0.4, 1.0, 0),  # for an undo: no job of the run
    ),
)  # fmt: skip
EXPORTED: tuple[Event, ...] = (e.ExportRequested("b1", "c", "s + export"), e.ExportAccepted("b1", "j"))


def lived(*events: Event) -> tuple[Progress, list[Entry]]:
    entries = [Entry(seq, 1000.0 + seq, event) for seq, event in enumerate(events)]
    progress = Progress()
    for entry in entries:
        progress.apply(entry)
    return progress, entries


def test_each_job_stands_where_it_was_expected_from_the_begin_of_the_run() -> None:
    progress, entries = lived(*BEGUN, TOLD)
    told = prediction(progress, timeline(entries))
    assert told is not None
    assert (told.p50, told.p90, told.guessed) == (1090.0, 1120.0, ("imports at prod",))
    assert [(bar.kind, bar.slot, bar.began, bar.ended) for bar in told.bars] == [
        (BarKind.EXPORT, "s", 1000.0, 1030.0), (BarKind.IMPORT, "t", 1030.0, 1090.0),
    ]  # fmt: skip


def test_what_ran_in_another_slot_than_expected_is_compared_there() -> None:
    progress, entries = lived(*BEGUN, TOLD, *EXPORTED)
    told = prediction(progress, timeline(entries))
    assert told is not None
    assert [bar.slot for bar in told.bars] == ["s + export", "t"]


def test_a_journal_of_an_earlier_version_tells_no_prediction() -> None:
    progress, entries = lived(*BEGUN, *EXPORTED)
    assert prediction(progress, timeline(entries)) is None
