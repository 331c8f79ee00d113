"""The report is a fold whose counts must agree."""

import pytest

from orchestrator.core.report.outcome import outcome
from orchestrator.core.report.report import Report, report
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, Event
from orchestrator.core.state.progress import Progress

ASSETS = (e.Asset("a1", "app", "orders"), e.Asset("t1", "task", "flow", needs=("a1",)))
BEGUN: tuple[Event, ...] = (
    e.RunBegan("p", "p.yaml", "{}", "olga", "h", 1, "0"),
    e.SelectionMade("m", "dev", "prod", 3, ("x1",), (("x2", "aside", "why"),)),
    e.AssetsSkipped("m", "prod", (e.Asset("s1", "app", "old"),), "there already"),
    e.BatchScheduled("b1", "dev", ASSETS, ("c",), 0.0),
    e.DeliveryScheduled("b1@prod", "b1", "m", "prod", "AddNew", "", False, "c"),
)
BROUGHT: tuple[Event, ...] = (
    e.ExportRequested("b1", "c", "s"),
    e.ExportAccepted("b1", "job-1"),
    e.Exported("b1", "archive"),
    e.DownloadRequested("b1"),
    e.PackageStored("b1", "ff", 10, "crc"),
    e.Looked("b1@prod"),
    e.ImportRequested("b1@prod", "c", "s"),
    e.ImportAccepted("b1@prod", "job-2"),
    e.Imported("b1@prod"),
)


def made(*events: Event) -> Report:
    entries = [Entry(seq, 100.0 + seq, event) for seq, event in enumerate(events, 1)]
    progress = Progress()
    for entry in entries:
        progress.apply(entry)
    return report("r1", entries, progress, outcome(progress, {}))


def test_each_asset_is_in_exactly_one_class_and_the_sums_agree() -> None:
    told = made(*BEGUN, *BROUGHT, e.Verified("b1@prod", ("a1",), (("t1", "no clock"),)), e.RunEnded(0))
    (lane,) = told.lanes
    assert {kept_as: n for kept_as, n in lane.counts.items() if n} == {
        "skipped": 1, "verified": 1, "imported but unverified": 1,
    }  # fmt: skip
    assert sum(lane.counts.values()) == lane.selected
    assert told.disagreements == ()
    assert told.finished


def test_what_was_touched_is_selected_excluded_and_left_out() -> None:
    (source,) = made(*BEGUN).sources
    assert (source.touched, source.selected, source.excluded) == (5, 3, 1)


def test_a_lost_asset_is_a_disagreement() -> None:
    told = made(BEGUN[0], e.SelectionMade("m", "dev", "prod", 9), *BEGUN[2:])
    assert told.disagreements == ("m@prod: 9 were selected, but the classes hold 3",)


def test_an_asset_in_two_deliveries_of_one_place_is_a_disagreement() -> None:
    twice = (
        e.BatchScheduled("b2", "dev", ASSETS[:1], ("c",), 1.0),
        e.DeliveryScheduled("b2@prod", "b2", "m", "prod", "AddNew", "", False, "c"),
    )
    told = made(*BEGUN, *twice)
    assert any("asset a1 is counted 2 times" in each for each in told.disagreements)


def test_an_asset_that_moves_and_is_set_aside_is_a_disagreement() -> None:
    told = made(BEGUN[0], e.SelectionMade("m", "dev", "prod", 3, ("a1",)), *BEGUN[2:])
    assert any("both as selected and as set aside" in each for each in told.disagreements)


def test_only_assets_that_need_words_are_troubled() -> None:
    told = made(*BEGUN, *BROUGHT, e.Verified("b1@prod", ("a1",), (), (("t1", "missing"),)), e.RunEnded(1))
    assert [(line.name, line.why) for line in told.troubled] == [("flow", "missing")]


def test_batches_carry_their_jobs_and_request_ids() -> None:
    (batch,) = made(*BEGUN, *BROUGHT).batches
    assert (batch.number, batch.apps, batch.tasks, batch.jobs, batch.request_ids) == (1, 1, 1, ("job-1",), ())
    (delivery,) = made(*BEGUN, *BROUGHT).deliveries
    assert (delivery.jobs, delivery.state, delivery.assets) == (("job-2",), "imported", 2)


def test_a_run_that_never_began_has_no_report() -> None:
    with pytest.raises(ValueError, match="never began"):
        made()
