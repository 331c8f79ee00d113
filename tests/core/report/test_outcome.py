"""Codes by precedence, each asset in exactly one class, and when nothing is left that a resume would do."""

from collections import Counter

import pytest

from orchestrator.core.report.outcome import AssetClass, asset_outcomes, outcome
from orchestrator.core.state import events as e
from orchestrator.core.state.ends import End
from orchestrator.core.state.events import ErrorDetail
from orchestrator.errors import PRECEDENCE, ExitCode
from tests.builders.runs import SAID, Run, app, task


def classes(run: Run) -> dict[str, AssetClass]:
    return {line.name: line.kept_as for line in asset_outcomes(run.progress)}


def landed(run: Run, name: str = "a") -> str:
    delivery = run.carries(app(name))
    run.stores(delivery)
    run.lands(delivery)
    return delivery


def aside(run: Run, name: str = "bad") -> str:
    delivery = run.carries(app(name))
    run.stores(delivery)
    run.fails(delivery)
    run.believe(e.Quarantined(delivery, ErrorDetail("job", "ROMA.5", "poison")))
    return delivery


def undecided(run: Run, name: str = "u") -> str:
    delivery = run.carries(app(name))
    run.stores(delivery)
    run.asks_import(delivery)
    run.believe(e.ImportAnswerLost(delivery, SAID, run.at), e.ImportInDoubt(delivery, ()))
    return delivery


def test_everything_verified_is_code_0_and_final() -> None:
    run = Run()
    landed(run)
    found = outcome(run.progress, {})
    assert (found.code, found.final, found.whys) == (ExitCode.DONE, True, ())
    assert found.counts == {"verified": 1}


def test_what_is_set_aside_is_code_1_final_and_told_in_the_services_words() -> None:
    run = Run()
    landed(run)
    aside(run)
    found = outcome(run.progress, {})
    assert (found.code, found.final) == (ExitCode.INCOMPLETE, True)
    assert [line.why for line in asset_outcomes(run.progress) if line.name == "bad"] == ["ROMA.5 poison"]


def test_what_is_blocked_names_what_it_needs() -> None:
    run = Run()
    aside(run)
    blocked = run.carries(task("t", "bad"))
    run.believe(e.Blocked(blocked, "bad"))
    assert classes(run) == {"bad": AssetClass.QUARANTINED, "t": AssetClass.BLOCKED}
    assert [line.why for line in asset_outcomes(run.progress) if line.name == "t"] == [
        "it needs bad, which is not at prod"
    ]


def test_findings_are_code_1_and_unverified_ones_are_not() -> None:
    run = Run()
    name = run.carries(app("a"), app("b"), app("c"))
    run.stores(name)
    run.imports(name)
    run.believe(e.Imported(name), e.Verified(name, ("a",), (("b", "why"),), (("c", "missing"),)))
    assert classes(run) == {
        "a": AssetClass.VERIFIED, "b": AssetClass.UNVERIFIED, "c": AssetClass.DIFFERENT,
    }  # fmt: skip
    assert outcome(run.progress, {}).code is ExitCode.INCOMPLETE
    run = Run()
    name = run.carries(app("b"))
    run.stores(name)
    run.imports(name)
    run.believe(e.Imported(name), e.Verified(name, (), (("b", "why"),)))
    assert outcome(run.progress, {}).code is ExitCode.DONE


def test_an_undecided_delivery_is_code_5_and_not_final() -> None:
    run = Run()
    undecided(run)
    found = outcome(run.progress, {})
    assert (found.code, found.final) == (ExitCode.UNDECIDED, False)
    assert found.next_step == "roma-migrate resolve RUN"


def test_an_undecided_package_makes_what_waits_for_it_undecided() -> None:
    run = Run()
    name = run.carries(app("a"))
    run.exports(run.life(name).batch)
    run.believe(e.ExportOverdue(run.life(name).batch, "job"))
    assert classes(run) == {"a": AssetClass.UNDECIDED}
    assert outcome(run.progress, {}).code is ExitCode.UNDECIDED


def test_a_stopped_target_is_code_1_its_rest_waits_and_only_a_retry_would_go_on() -> None:
    run = Run()
    run.carries(app("a"))
    failed = run.carries(app("b"))
    run.stores(failed)
    run.fails(failed)
    run.believe(e.TargetStopped("prod", SAID))
    found = outcome(run.progress, {})
    assert (found.code, found.final) == (ExitCode.INCOMPLETE, True)
    assert classes(run) == {"a": AssetClass.WAITING, "b": AssetClass.WAITING}
    assert "prod was stopped by the breaker" in found.whys[0].sentence


def test_a_stopped_source_is_final_only_where_nothing_is_stored() -> None:
    run = Run()
    run.carries(app("a"))
    stored = run.carries(app("b"))
    run.stores(stored)
    run.believe(e.TargetStopped("dev", SAID, "export"))
    assert not outcome(run.progress, {}).final
    run.lands(stored)
    assert outcome(run.progress, {}).final


def test_a_waiting_delivery_is_not_final_and_without_another_reason_code_8_and_a_stall() -> None:
    run = Run()
    run.carries(app("a"))
    found = outcome(run.progress, {})
    assert (found.final, found.code, found.stalled) == (False, ExitCode.NOT_FINISHED, True)


@pytest.mark.parametrize("reason", ["signal", "end", "undecided", "stopped"])
def test_a_run_that_says_why_it_is_open_has_not_stalled(reason: str) -> None:
    run = Run()
    run.carries(app("a"))
    if reason == "undecided":
        undecided(run)
    if reason == "stopped":
        run.believe(e.TargetStopped("prod", SAID))
    ends = {"x": End(9, "silent")} if reason == "end" else {}
    assert not outcome(run.progress, ends, "SIGTERM" if reason == "signal" else "").stalled


ENDS = {
    ExitCode.REFUSED: End(3, "denied"), ExitCode.UNREACHABLE: End(9, "silent"), ExitCode.NOT_FINISHED: End(8, "busy"),
}  # fmt: skip


@pytest.mark.parametrize("codes", [(3, 9, 8), (9, 8), (8,), (3, 8)])
def test_where_several_codes_apply_the_first_of_the_order_wins_and_all_are_told(codes: tuple[int, ...]) -> None:
    run = Run()
    undecided(run)
    aside(run)
    ends = {str(code): ENDS[ExitCode(code)] for code in codes}
    found = outcome(run.progress, ends)
    every = {*(ExitCode(code) for code in codes), ExitCode.UNDECIDED, ExitCode.INCOMPLETE}
    assert {why.code for why in found.whys} == every
    assert found.code is next(code for code in PRECEDENCE if code in every)


@pytest.mark.parametrize(("signal", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_ends_what_is_open_with_its_own_code(signal: str, code: int) -> None:
    run = Run()
    run.carries(app("a"))
    found = outcome(run.progress, {}, signal)
    assert (int(found.code), found.whys[0].sentence) == (code, f"interrupted by {signal}")


def test_a_signal_changes_nothing_where_nothing_was_left_to_do() -> None:
    run = Run()
    landed(run)
    assert outcome(run.progress, {}, "SIGTERM").code is ExitCode.DONE
    undecided(run)
    assert outcome(run.progress, {}, "SIGTERM").code is ExitCode.UNDECIDED


def test_every_end_says_who_and_what_next() -> None:
    run = Run()
    run.carries(app("a"))
    for end in ENDS.values():
        found = outcome(run.progress, {"x": end})
        assert found.who
        assert found.next_step


def test_each_selected_asset_is_counted_once_through_splits_and_skips() -> None:
    run = Run()
    whole = run.carries(app("a"), app("b"), app("c"))
    run.believe(e.AssetsSkipped("m", "prod", (app("kept"),), "an earlier run imported it"))
    run.stores(whole)
    run.fails(whole)
    children = []
    for asset, fate in (("a", "landed"), ("b", "quarantined"), ("c", "waiting")):
        run.believe(e.BatchScheduled(f"b-{asset}", "dev", (app(asset),), ("s",), 1.5))
        children.append(e.Child(f"b-{asset}@prod", f"b-{asset}", (asset,), fate))
    run.believe(e.Split(whole, tuple(children), "reasons"))
    found = asset_outcomes(run.progress)
    assert Counter(line.name for line in found) == {"a": 1, "b": 1, "c": 1, "kept": 1}
    assert {line.name: line.kept_as for line in found} == {
        "a": AssetClass.UNVERIFIED, "b": AssetClass.QUARANTINED, "c": AssetClass.WAITING, "kept": AssetClass.SKIPPED,
    }  # fmt: skip


def test_a_run_with_an_undecided_package_is_not_ended_although_its_targets_are_stopped() -> None:
    run = Run()
    name = run.carries(app("a"))
    batch = run.life(name).batch
    for _ in range(2):
        run.exports(batch)
        run.believe(e.Exported(batch, "arch"), e.DownloadRequested(batch))
        run.believe(e.PackageStored(batch, "sha", 1, "suspect"))
    run.believe(e.TargetStopped("prod", SAID))
    found = outcome(run.progress, {})
    assert (found.code, found.final) == (ExitCode.UNDECIDED, False)
    run.believe(e.Resolved(batch, "quarantine", "seen", "op", "host"))
    assert outcome(run.progress, {}).final


def test_an_overdue_job_is_undecided_while_another_waits_for_its_slot_although_its_own_batch_was_split() -> None:
    run = Run()
    whole = run.carries(app("a"), app("b"))
    batch = run.life(whole).batch
    run.exports(batch)
    run.splits(whole, ("a", "blocked"), ("b", "waiting"))
    run.believe(e.ExportOverdue(batch, "job"))
    found = outcome(run.progress, {})
    assert (found.code, found.final) == (ExitCode.UNDECIDED, False)
    assert found.whys[0].sentence == f"batch {batch} is undecided: its export job outlived job_timeout"
    run.believe(e.Resolved(batch, "job-ended", "seen", "op", "host"))
    assert outcome(run.progress, {}).code is not ExitCode.UNDECIDED
