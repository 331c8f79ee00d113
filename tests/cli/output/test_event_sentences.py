"""Log lines speak of assets and places; ids come behind."""

from dataclasses import replace
from typing import get_args

import pytest

from orchestrator.cli.output.event_sentences import TOLD, ids_of, sentence_of
from orchestrator.cli.output.times import clock, local
from orchestrator.core.model.change import Change
from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import change_events as c
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, ErrorDetail, Event
from orchestrator.core.state.progress import Progress

ASSETS = tuple(e.Asset(f"a{n}", "app", f"app-{n}") for n in range(8))
CALLED = Reason("application", "orders-web", "ROMA.19004", "It calls billing-core, which does not exist.")
JOB = ErrorDetail("job", "ROMA.19004", "It calls billing-core.")


def progress() -> Progress:
    made = Progress()
    events: tuple[Event, ...] = (
        e.RunBegan("p", "p.yaml", "{}", "me", "h", 1, "0"),
        e.BatchScheduled("b1", "dev", ASSETS, ("c",), 0.0),
        e.DeliveryScheduled("b1@prod", "b1", "m", "prod", "AddNew", "", False, "c"),
        e.BatchScheduled("c1", "dev", ASSETS[:1], ("c",), 0.1),
        e.BatchScheduled("c2", "dev", ASSETS[1:5], ("c",), 0.2),
        e.BatchScheduled("c3", "dev", ASSETS[5:], ("c",), 0.3),
    )
    for seq, event in enumerate(events, 1):
        made.apply(Entry(seq, float(seq), event))
    return made


#: batch 1 on its way until it may be imported
READY: tuple[Event, ...] = (
    e.ExportRequested("b1", "c", "x"), e.ExportAccepted("b1", "j"), e.Exported("b1", "a"), e.DownloadRequested("b1"),
    e.PackageStored("b1", "ff", 1, "crc"), e.Looked("b1@prod"),
)  # fmt: skip
QUARANTINED = e.Child(
    "c1@prod", "c1", ("a0",), "quarantined", ErrorDetail("job", "ROMA.19008", "It cannot be imported.")
)
GOES_ON = e.Child("c2@prod", "c2", ("a1", "a2", "a3", "a4"), "waiting")
BLOCKED = e.Child("c3@prod", "c3", ("a5", "a6", "a7"), "blocked", by="a0")


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (e.ExportAccepted("b1", "j"), "dev: export of batch 1 (8 assets) accepted"),
        (
            e.GateReached("imports"),
            "waiting for a person: nothing is left to do before the imports; to open this gate: roma-migrate continue "
            "--gate imports",
        ),
        (
            e.RunPaused("olga", "h", "1", "a restart"),
            "paused by olga on h: a restart; what runs is waited for, no job is asked for",
        ),
        (e.RunStopped("olga", "h", "1"), "stopped by olga on h; what runs is waited for, then the run ends"),
        (e.RunContinued("olga", "h", "1", "go"), "continued by olga on h: go"),
        (e.RunContinued("olga", "h", "1", gate="imports"), "the gate before the imports was opened by olga on h"),
        (
            e.ImportFailed("b1@prod", (CALLED,), JOB),
            "prod: import of batch 1 (8 assets) failed: orders-web: It calls billing-core, which does not exist "
            "(ROMA.19004)",
        ),
        (
            e.ImportRefused("b1@prod", ErrorDetail("busy", "ROMA.10012", "another job runs"), 12.0),
            "prod: import of batch 1 (8 assets) refused: another job runs (ROMA.10012); asked again in 12 s",
        ),
        (
            e.ImportAnswerLost("b1@prod", ErrorDetail("dropped"), 1_800_000_000.0),
            "prod: import of batch 1 (8 assets) asked for, and the answer lost: dropped; nothing is believed before "
            + clock(1_800_000_000.0),
        ),
        (
            e.Split("b1@prod", (GOES_ON, BLOCKED), "halves"),
            "prod: batch 1 (8 assets) failed without naming an asset: looking for it in halves (6 jobs at most)",
        ),
        (
            e.Split("b1@prod", (GOES_ON, BLOCKED), "other-half"),
            "prod: batch 1 (8 assets) holds what failed, for the other half has landed: split without an import",
        ),
        (
            e.Split("b1@prod", (QUARANTINED, BLOCKED, GOES_ON), "reasons"),
            "prod: batch 1 (8 assets) goes on in parts: quarantined app-0@prod: It cannot be imported (ROMA.19008); "
            "blocked app-5, app-6, app-7, which need app-0; 4 assets go on as a batch of their own",
        ),
        (
            e.Verified("b1@prod", ("a1",), (), (("a2", "missing"),)),
            "prod: batch 1 (8 assets) compared: 1 verified, 1 missing or different: app-2: missing",
        ),
        (
            e.PackageStored("b1", "ff", 1200, "suspect", "entry 'x' has a wrong CRC"),
            "dev: package of batch 1 (8 assets) stored: 1,200 bytes; entry 'x' has a wrong CRC: "
            "it is exported once more",
        ),
        (e.OutageEnded("roma", 65.0), "roma answers again, after 1 min 5 s"),
    ],
)
def test_what_happened_where_to_what_and_why(event: Event, sentence: str) -> None:
    assert sentence_of(event, progress()) == sentence


def test_ids_stand_behind_for_whoever_looks_further() -> None:
    assert ids_of(e.ImportAccepted("b1@prod", "job-1")) == " [delivery b1@prod, job job-1]"
    assert ids_of(e.ExportRefused("b1", ErrorDetail("busy", request_id="r"))) == " [batch b1, request_id r]"
    assert ids_of(e.OutageEnded("roma", 1.0)) == ""


def test_a_reason_of_a_job_that_names_many_assets_is_short() -> None:
    many = tuple(Reason("app", f"n{n}", "", "no") for n in range(9))
    told = sentence_of(e.ImportFailed("b1@prod", many, JOB), progress())
    assert told.endswith("n0: no; n1: no; n2: no; and 6 more")


KINDS = tuple(kind for each in get_args(e.Event) for kind in (get_args(each) or (each,)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_has_a_sentence(kind: type) -> None:
    assert kind in TOLD


def test_a_refusal_blames_nobody_else_while_a_lost_import_of_ours_may_run() -> None:
    made, busy = progress(), ErrorDetail("busy", "ROMA.10012", "another job runs")
    lost = (e.ImportRequested("b1@prod", "c", "s"), e.ImportAnswerLost("b1@prod", ErrorDetail("dropped"), 50.0))
    probe = (e.ProbeRequested("s", "prod", "c", task="t"),)
    for seq, event in enumerate((*READY, *lost, *probe), 7):
        made.apply(Entry(seq, float(seq), event))
    told = sentence_of(e.ProbeRefused("s", busy, 5.0), made)
    assert told == (
        "prod: probe refused: another job runs (ROMA.10012); our own lost import of batch 1 (8 assets) may still run; "
        "asked again in 5.0 s"
    )
    assert "lost" not in sentence_of(e.ProbeRefused("elsewhere", busy, 5.0), made)


def test_a_run_begins_in_a_sentence() -> None:
    began = e.RunBegan("p", "p.yaml", "{}", "op", "host", 7, "1.0", digest="7f3a-19c2")
    assert sentence_of(began, progress()) == (
        "run of plan p begun by op on host (process 7, 1.0), preview digest 7f3a-19c2"
    )
    approved = replace(began, approved="abcdef0123", approved_by="olga on desk", approved_at=1_800_000_000.0)
    told = sentence_of(approved, progress())
    assert f"carrying out the saved preview abcdef01 of olga on desk at {local(1_800_000_000.0)}" in told


def test_what_preflight_found_is_counted_by_check() -> None:
    found = (Check("running-tasks", Verdict.WARNING, "x"), Check("running-tasks", Verdict.WARNING, "y"),
             Check("undeclared-calls", Verdict.NOT_CHECKED, "z"))  # fmt: skip
    assert sentence_of(e.FindingsNoted(found), progress()) == (
        "preflight warned of 2 things: running-tasks (2); it could not check 1 thing: undeclared-calls"
    )


def test_what_is_expected_of_a_run_is_told_with_both_times() -> None:
    told = sentence_of(e.SchedulePredicted(630.0, 3900.0), progress())
    assert told == "expected to be over 10 min 30 s after its begin (P50), at most 1 h 5 min (P90)"


def test_an_undo_speaks_of_assets() -> None:
    made = progress()
    change = Change("remove-app:prod:x1", "remove-app", "prod", "x1", "orders", "c")
    made.apply(Entry(9, 9.0, c.UndoBegan("op", "host", 1, "0", digest="d")))
    made.apply(Entry(10, 10.0, c.ChangesPlanned((change,))))
    tell = sentence_of
    assert tell(c.ChangesRequested((change.id,), "c", "s"), made) == "prod: removal of asset orders asked for"
    assert tell(c.ChangesSettled((change.id,)), made) == "prod: asset orders removed"
    assert tell(c.ChangesSettled(different=((change.id, "it was changed"),)), made) == (
        "prod: left alone: orders (it was changed)"
    )
