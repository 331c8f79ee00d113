"""Every asset with its batch and its name at the target, and what was set aside."""

from collections.abc import Sequence

from orchestrator.core.report.assets import PrefixReading, asset_lines, prefix_readings, set_aside
from orchestrator.core.report.outcome import asset_outcomes
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset, Entry, Event
from orchestrator.core.state.progress import Progress

WEB, LOAD = Asset("a1", "app", "web"), Asset("t1", "task", "load", needs=("a1",))


def progressed(events: Sequence[Event]) -> Progress:
    progress = Progress()
    for seq, event in enumerate(events, 1):
        progress.apply(Entry(seq, float(seq), event))
    return progress


def scheduled(batch: str, *assets: Asset, migration: str = "m", prefix: str = "", at: float = 0.0) -> tuple[Event, ...]:
    return (
        e.BatchScheduled(batch, "dev", assets, ("c",), at),
        e.DeliveryScheduled(f"{batch}@prod", batch, migration, "prod", "AddNew", prefix, False, "c"),
    )


def imported(batch: str, verified: e.Verified) -> tuple[Event, ...]:
    name = f"{batch}@prod"
    return (
        e.ExportRequested(batch, "c", "s"), e.ExportAccepted(batch, "j"), e.Exported(batch, "z"),
        e.DownloadRequested(batch), e.PackageStored(batch, "ab", 1, "crc"), e.Looked(name),
        e.ImportRequested(name, "c", "s"), e.ImportAccepted(name, "j"), e.Imported(name), verified,
    )  # fmt: skip


def test_an_asset_stands_with_its_batchs_number_and_its_id_at_the_target() -> None:
    progress = progressed(
        [
            *scheduled("b1", WEB, at=2.0), *scheduled("b2", LOAD, at=1.0),
            *imported("b1", e.Verified("b1@prod", ("a1",), ids=(("a1", "n1"),))),
        ]
    )  # fmt: skip
    lines = asset_lines(progress, asset_outcomes(progress))
    assert [(line.outcome.name, line.number, line.names, line.target_id) for line in lines] == [
        ("web", 1, ("web",), "n1"), ("load", 2, ("load",), ""),
    ]  # fmt: skip


def test_a_prefix_has_two_readings_until_the_service_shows_one() -> None:
    progress = progressed(scheduled("b", WEB, LOAD, prefix="x_"))
    assert [line.names for line in asset_lines(progress, asset_outcomes(progress))] == [
        ("x_web", "web"), ("load", "x_load"),
    ]  # fmt: skip
    assert prefix_readings(progress) == ()
    shown = e.Verified("b@prod", ("a1", "t1"), renamed=(("app", True), ("task", False)))
    progress = progressed([*scheduled("b", WEB, LOAD, prefix="x_"), *imported("b", shown)])
    assert [line.names for line in asset_lines(progress, asset_outcomes(progress))] == [("x_web",), ("load",)]
    assert prefix_readings(progress) == (
        PrefixReading("prod", "x_", "app", True), PrefixReading("prod", "x_", "task", False),
    )  # fmt: skip


def test_what_another_migration_carries_is_one_group_and_only_the_rest_is_left_out() -> None:
    left = (("t1", "load", "its other application travels later"), ("t9", "lone", "its application stays"))
    progress = progressed(
        [
            e.SelectionMade("m", "dev", "prod", 1, left_out=left), e.SelectionMade("rest", "dev", "prod", 1),
            *scheduled("b1", WEB), *scheduled("b2", LOAD, migration="rest"),
        ]
    )  # fmt: skip
    assert [(group.carried_by, group.why, group.assets) for group in set_aside(progress)] == [
        ("rest", "", (("t1", "load"),)), ("", "its application stays", (("t9", "lone"),)),
    ]  # fmt: skip


def test_what_was_skipped_comes_last_and_travelled_in_no_batch() -> None:
    progress = progressed([e.AssetsSkipped("m", "prod", (WEB,), "run r1 brought it"), *scheduled("b", LOAD)])
    lines = asset_lines(progress, asset_outcomes(progress))
    assert [(line.outcome.name, line.number, line.outcome.why) for line in lines] == [
        ("load", 1, ""), ("web", 0, "run r1 brought it"),
    ]  # fmt: skip
