"""Log lines speak of assets and places; ids come behind."""

from typing import get_args

import pytest

from orchestrator.cli.output.event_sentences import EventSentences, ids_of
from orchestrator.cli.output.times import clock
from orchestrator.core.model.inventory import Reason
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
            e.Split("b1@prod", (QUARANTINED, BLOCKED, GOES_ON), "reasons"),
            "prod: batch 1 (8 assets) goes on in parts: quarantined app-0@prod: It cannot be imported (ROMA.19008); "
            "blocked app-5, app-6, app-7; 4 assets go on as a batch of their own",
        ),
        (
            e.Verified("b1@prod", ("a1",), (), (("a2", "missing"),)),
            "prod: batch 1 (8 assets) compared: 1 verified, 1 missing or different: app-2: missing",
        ),
        (e.OutageEnded("roma", 65.0), "roma answers again, after 1 min 5 s"),
    ],
)
def test_what_happened_where_to_what_and_why(event: Event, sentence: str) -> None:
    assert EventSentences().of(event, progress()) == sentence


def test_ids_stand_behind_for_whoever_looks_further() -> None:
    assert ids_of(e.ImportAccepted("b1@prod", "job-1")) == " [delivery b1@prod, job job-1]"
    assert ids_of(e.ExportRefused("b1", ErrorDetail("busy", request_id="r"))) == " [batch b1, request_id r]"
    assert ids_of(e.OutageEnded("roma", 1.0)) == ""


def test_a_reason_of_a_job_that_names_many_assets_is_short() -> None:
    many = tuple(Reason("app", f"n{n}", "", "no") for n in range(9))
    told = EventSentences().of(e.ImportFailed("b1@prod", many, JOB), progress())
    assert told.endswith("n0: no; n1: no; n2: no; and 6 more")


def test_every_event_of_a_batch_or_a_delivery_that_anybody_sees_has_a_sentence() -> None:
    from orchestrator.cli.output.event_sentences import _TOLD

    quiet = {e.BatchScheduled, e.DeliveryScheduled, e.ExportLost, e.DownloadRequested, e.PackageDropped, e.PackageStale,
             e.Looked}  # fmt: skip
    told = {kind for kind in get_args(e.Event) if {"batch", "delivery"} & set(kind.__annotations__)}
    assert told - quiet <= set(_TOLD)
