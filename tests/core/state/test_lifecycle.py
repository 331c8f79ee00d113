"""The tables of legal moves, with their exceptions: nothing else moves a life, each state can be reached.

Every life is driven by every event in every variant that the code tells apart, and what moved is compared as a whole.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, TypeVar, get_args

import pytest

from orchestrator.core.state import events as e
from orchestrator.core.state.events import ErrorDetail, Event
from orchestrator.core.state.lifecycle import (
    DELIVERY_EXCEPTIONS,
    DELIVERY_MOVES,
    FATES,
    LANDED,
    PACKAGE_EXCEPTIONS,
    PACKAGE_MOVES,
    PRESUMED,
    PROBE_MOVES,
    SETTLED,
    Delivery,
    DeliveryState,
    Heard,
    IllegalMove,
    Package,
    PackageState,
    Probe,
    ProbeState,
    maybe_running,
    move_delivery,
    move_package,
    move_probe,
    surely_over,
)

S = TypeVar("S")
SCHEDULED = e.DeliveryScheduled("d", "b", "m", "prod", "AddNew", "", False, "t")
WORDS = ErrorDetail("busy")
#: one example of each event that moves a life
EXAMPLES: dict[type, Event] = {
    type(event): event
    for event in (
        e.ExportRequested("b", "s", "slot"), e.ExportAccepted("b", "job"), e.ExportRefused("b", WORDS),
        e.ExportAnswerLost("b", WORDS, 5.0), e.ExportLost("b"), e.Exported("b", "arch"),
        e.ExportFailed("b", (), WORDS), e.ExportVanished("b", WORDS), e.ExportOverdue("b", "job"),
        e.DownloadRequested("b"), e.DownloadRefused("b", WORDS), e.DownloadCut("b"),
        e.PackageStored("b", "sha", 3, "crc"), e.PackageLost("b", WORDS), e.PackageDamaged("b", WORDS),
        e.PackageDropped("b"), e.PackageStale("b", ()), e.Looked("d"), e.ImportRequested("d", "t", "slot"),
        e.BackupsChosen("d", ("b",)),
        e.ImportAccepted("d", "job"), e.ImportRefused("d", WORDS), e.ImportAnswerLost("d", WORDS, 5.0),
        e.Imported("d"), e.ImportFailed("d", (), WORDS), e.ImportVanished("d", WORDS, 5.0),
        e.ImportOverdue("d", "job"), e.ImportFound("d"), e.ImportMissing("d"), e.ImportInDoubt("d", ()),
        e.Verified("d", ()), e.Split("d", (), "halves"), e.Quarantined("d", WORDS), e.Blocked("d", "x"),
        e.Retried("d"), e.Regrouped(("d",), ()), e.Resolved("d", "absent", "seen", "ann", "host"),
        e.ProbeRequested("slot", "prod", "t"), e.ProbeAccepted("slot", "job"), e.ProbeRefused("slot", WORDS),
        e.ProbeAnswerLost("slot", WORDS, 5.0), e.ProbeEnded("slot", "SUCCEEDED"),
    )
}  # fmt: skip
LIVES = {name for _, name in (*PACKAGE_MOVES, *DELIVERY_MOVES, *PROBE_MOVES)}
#: every word of an operator, and one that is none
OUTCOMES = ("imported", "absent", "partial", "quarantine", "job-ended", "nonsense")
#: every check of a file
CHECKS = ("crc", "structure", "suspect")
Moves = set[tuple[object, object, str, object]]


def ids(pair: object) -> str:
    return getattr(pair, "__name__", str(pair))


def test_there_is_an_example_of_every_event_that_moves_a_life() -> None:
    assert LIVES | {e.Resolved} == set(EXAMPLES)


def variants() -> Iterator[tuple[str, Event]]:
    """Every event that moves a life, in every variant that moves it elsewhere, with the word that tells it apart."""
    for kind, event in EXAMPLES.items():
        match event:
            case e.Resolved():
                yield from ((word, replace(event, outcome=word)) for word in OUTCOMES)
            case e.PackageStored():
                yield from (("suspect" if word == "suspect" else "", replace(event, check=word)) for word in CHECKS)
            case _:
                yield "", EXAMPLES[kind]


def tabled(moves: Mapping[Any, object], exceptions: Mapping[Any, object]) -> Moves:
    """What the tables say, as (from, event, word, to)."""
    plain = {(state, what, "", to) for (state, what), to in moves.items()}
    return plain | {(state, what, word, to) for (state, what, word), to in exceptions.items()}


def state_after(move: Callable[[], Package | Delivery | Probe], stands: object) -> object:
    """Where a move leads, None where it is refused with the state in which the life stands."""
    try:
        after = move()
    except IllegalMove as refused:
        assert str(stands) in str(refused)  # noqa: PT017 - what is refused is counted too
        return None
    return after.state


def delivery_after(event: Event, state: DeliveryState, *, presumed: bool = False) -> object:
    return state_after(lambda: move_delivery(Delivery(SCHEDULED, state, presumed=presumed), event, 1.0), state)


def test_packages_move_as_the_table_and_its_exceptions_say_and_in_no_other_way() -> None:
    seen: Moves = set()
    for state, (word, event), suspects in product(PackageState, variants(), (0, 1)):
        life = Package("b", state, suspects=suspects)
        after = state_after(partial(move_package, life, event, 1.0), state)
        again = " again" if word == "suspect" and suspects else ""
        seen.add((state, type(event), word + again, after))
    assert legal(seen) == tabled(PACKAGE_MOVES, PACKAGE_EXCEPTIONS)


def test_deliveries_move_as_the_table_and_its_exceptions_say_and_in_no_other_way() -> None:
    seen: Moves = set()
    for state, (word, event) in product(DeliveryState, variants()):
        seen.add((state, type(event), word, delivery_after(event, state)))
    assert legal(seen) == {each for each in tabled(DELIVERY_MOVES, DELIVERY_EXCEPTIONS) if each[2] != PRESUMED}


def test_a_delivery_that_time_alone_has_settled_moves_as_any_other_but_for_the_exceptions() -> None:
    seen: Moves = set()
    for state, (_, event) in product(DeliveryState, variants()):
        after = delivery_after(event, state, presumed=True)
        if after is not delivery_after(event, state):
            seen.add((state, type(event), PRESUMED, after))
    for state, presumed in product(DeliveryState, (False, True)):
        life = Delivery(SCHEDULED, state, presumed=presumed)
        heard = {Heard.MAY_RUN: maybe_running(life, 1.0), Heard.OVER: surely_over(life, 1.0)}
        word = PRESUMED if presumed else ""
        seen |= {(state, what, word, after.state) for what, after in heard.items() if after.state is not state}
    assert seen == {each for each in tabled({}, DELIVERY_EXCEPTIONS) if each[2] == PRESUMED}


def test_probes_move_as_the_table_says_and_in_no_other_way() -> None:
    asked = e.ProbeRequested("slot", "prod", "t")
    seen: Moves = set()
    for state, kind in product((None, *ProbeState), get_args(e.ProbeEvent)):
        life, event = None if state is None else Probe(asked, state), EXAMPLES[kind]
        assert isinstance(event, e.ProbeEvent)
        seen.add((state, kind, "", state_after(partial(move_probe, life, event, 1.0), state or "not asked for")))
    assert legal(seen) == {*tabled(PROBE_MOVES, {}), (None, e.ProbeRequested, "", ProbeState.ASKED)}


def legal(seen: Moves) -> Moves:
    return {each for each in seen if each[3] is not None}


def test_every_state_of_a_package_can_be_reached_from_its_birth() -> None:
    assert _reached(PackageState.PENDING, PACKAGE_MOVES) == set(PackageState)


def test_every_state_of_a_delivery_can_be_reached_from_its_birth() -> None:
    assert _reached(DeliveryState.WAITING, DELIVERY_MOVES) == set(DeliveryState)


def test_every_state_of_a_probe_can_be_reached_from_its_birth() -> None:
    assert _reached(ProbeState.ASKED, PROBE_MOVES) == set(ProbeState)


def test_no_move_stands_in_a_table_and_among_the_exceptions() -> None:
    doubled = [each for each in DELIVERY_EXCEPTIONS if each[:2] in DELIVERY_MOVES]
    assert not doubled
    assert [each for each in PACKAGE_EXCEPTIONS if each[:2] in PACKAGE_MOVES] == [
        (PackageState.DOWNLOADING, e.PackageStored, "suspect"),
        (PackageState.DOWNLOADING, e.PackageStored, "suspect again"),
    ]


def _reached(first: S, moves: Mapping[tuple[S, type], S]) -> set[S]:
    found = {first}
    for _ in moves:
        found |= {to for (state, _), to in moves.items() if state in found}
    return found


HOUSE_PACKAGE = """
    PENDING ExportRequested EXPORT_UNSURE, EXPORT_UNSURE ExportAccepted EXPORTING, EXPORTING Exported EXPORTED,
    EXPORTED DownloadRequested DOWNLOADING, DOWNLOADING PackageStored STORED, EXPORT_UNSURE ExportRefused PENDING,
    EXPORT_UNSURE ExportLost PENDING, EXPORTING ExportVanished PENDING, EXPORTING ExportOverdue UNDECIDED,
    EXPORTING ExportFailed FAILED, EXPORTED PackageLost PENDING, DOWNLOADING PackageLost PENDING,
    STORED PackageDamaged PENDING
"""
HOUSE_DELIVERY = """
    WAITING ImportRequested IMPORT_UNSURE, IMPORT_UNSURE ImportAccepted IMPORTING, IMPORTING Imported IMPORTED,
    IMPORTED Verified VERIFIED, IMPORT_UNSURE ImportRefused WAITING, IMPORT_UNSURE ImportMissing WAITING,
    IMPORT_UNSURE ImportFound IMPORTED, IMPORT_UNSURE ImportInDoubt UNDECIDED,
    IMPORTING ImportVanished IMPORT_UNSURE, IMPORTING ImportOverdue UNDECIDED, IMPORTING ImportFailed FAILED,
    FAILED Split SPLIT, FAILED Quarantined QUARANTINED, WAITING Blocked BLOCKED
"""


def test_the_tables_hold_the_lives_that_the_house_draws() -> None:
    for state, event, to in _drawn(HOUSE_PACKAGE):
        assert PACKAGE_MOVES[PackageState[state], getattr(e, event)] is PackageState[to]
    for state, event, to in _drawn(HOUSE_DELIVERY):
        assert DELIVERY_MOVES[DeliveryState[state], getattr(e, event)] is DeliveryState[to]


def _drawn(text: str) -> list[list[str]]:
    return [each.split() for each in text.replace("\n", " ").split(",")]


def test_no_event_but_a_retry_leaves_a_settled_state() -> None:
    assert {kind for (state, kind) in DELIVERY_MOVES if state in SETTLED} == {e.Retried, e.Regrouped}


def test_what_is_verified_or_split_never_moves_again() -> None:
    assert not [pair for pair in DELIVERY_MOVES if pair[0] in {DeliveryState.VERIFIED, DeliveryState.SPLIT}]


def test_nothing_lands_without_the_services_word_a_look_or_an_operator() -> None:
    moves = tabled(DELIVERY_MOVES, DELIVERY_EXCEPTIONS)
    ways = {(kind, word) for state, kind, word, to in moves if to in LANDED and state not in LANDED}
    assert ways == {(e.Imported, ""), (e.ImportFound, ""), (e.Resolved, "imported")}
    assert {word for word, state in FATES.items() if state in LANDED} == {"landed"}


def test_an_import_is_asked_for_only_where_nothing_is_unsure() -> None:
    assert [state for (state, kind) in DELIVERY_MOVES if kind is e.ImportRequested] == [DeliveryState.WAITING]


def test_an_archive_is_asked_for_only_where_none_is_on_its_way() -> None:
    assert [state for (state, kind) in PACKAGE_MOVES if kind is e.DownloadRequested] == [PackageState.EXPORTED]


def test_every_event_of_the_tables_is_an_event() -> None:
    assert set(get_args(Event)) >= LIVES


def moved(life: Package, *events: Event, at: float = 10.0) -> Package:
    for event in events:
        life = move_package(life, event, at)
    return life


def delivered(*events: Event, at: float = 10.0) -> Delivery:
    life = Delivery(SCHEDULED)
    for event in events:
        life = move_delivery(life, event, at)
    return life


def test_a_state_keeps_the_time_at_which_it_began() -> None:
    life = move_package(Package("b"), e.ExportRequested("b", "s", "slot"), 10.0)
    life = move_package(life, e.ExportAnswerLost("b", WORDS, 99.0), 20.0)
    assert (life.since, life.quiet_until) == (10.0, 99.0)


def test_a_new_export_forgets_job_archive_cuts_and_quiet_of_the_one_before() -> None:
    life = moved(
        Package("b"), e.ExportRequested("b", "s", "slot"), e.ExportAccepted("b", "job"), e.Exported("b", "arch"),
        e.DownloadRequested("b"), e.DownloadCut("b"), e.PackageLost("b", WORDS), e.ExportRequested("b", "s2", "slot2"),
    )  # fmt: skip
    assert (life.job, life.archive, life.cuts, life.quiet_until) == ("", "", 0, 0.0)
    assert (life.attempt, life.losses, life.credentials, life.slot) == (2, 1, "s2", "slot2")


@pytest.mark.parametrize("kind", ["busy", "throttled", "refused-connection", "denied"])
def test_only_what_was_not_created_counts_in_the_row_of_refusals(kind: str) -> None:
    twice = 2 * (e.ExportRequested("b", "s", "x"), e.ExportRefused("b", ErrorDetail("not-created"), 1.0))
    life = moved(Package("b"), *twice)
    assert life.refusals == 2
    life = moved(life, e.ExportRequested("b", "s", "x"), e.ExportRefused("b", ErrorDetail(kind), 7.0))
    assert (life.refusals, life.not_before) == (0, 17.0)
    asked = 2 * (*ASKED, e.ImportRefused("d", ErrorDetail("not-created"), 1.0))
    assert delivered(*asked).refusals == 2
    assert delivered(*asked, *ASKED, e.ImportRefused("d", ErrorDetail(kind), 7.0)).refusals == 0


def test_an_answer_ends_the_row_of_refusals() -> None:
    refused = (e.ExportRequested("b", "s", "x"), e.ExportRefused("b", ErrorDetail("not-created"), 1.0))
    assert moved(Package("b"), *refused, e.ExportRequested("b", "s", "x"), e.ExportAccepted("b", "j")).refusals == 0


@pytest.mark.parametrize("loss", [e.PackageLost("b", WORDS), e.PackageStored("b", "sha", 3, "suspect")])
def test_a_lost_or_suspect_package_is_exported_once_more(loss: Event) -> None:
    life = moved(Package("b", PackageState.DOWNLOADING), loss)
    assert life.state is PackageState.PENDING


def test_a_package_that_is_suspect_twice_is_for_the_operator() -> None:
    again = (
        e.ExportRequested("b", "s", "x"),
        e.ExportAccepted("b", "j"),
        e.Exported("b", "a"),
        e.DownloadRequested("b"),
    )
    suspect = e.PackageStored("b", "sha", 3, "suspect")
    life = moved(Package("b"), *again, suspect, *again, suspect)
    assert (life.state, life.suspects) == (PackageState.UNDECIDED, 2)
    kept = moved(life, e.Resolved("b", "imported", "good enough", "ann", "host"))
    assert (kept.state, kept.sha256) == (PackageState.STORED, "sha")


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("job-ended", PackageState.PENDING), ("absent", PackageState.PENDING), ("quarantine", PackageState.FAILED)],
)
def test_an_overdue_export_frees_its_slot_when_the_operator_has_decided(outcome: str, state: PackageState) -> None:
    life = moved(Package("b", PackageState.EXPORTING), e.ExportOverdue("b", "job"))
    assert life.overdue
    life = moved(life, e.Resolved("b", outcome, "seen", "ann", "host"))
    assert (life.state, life.overdue, life.losses) == (state, False, 0)


def test_the_first_look_before_an_import_is_the_baseline_of_the_import() -> None:
    first, second = e.Looked("d"), e.Looked("d", (("x", ("1",)),))
    life = delivered(first, e.ImportRequested("d", "t", "slot"), e.ImportAnswerLost("d", WORDS, 5.0), second)
    assert (life.baseline, life.look) == (first, second)


def test_a_request_forgets_the_proofs_of_the_one_before() -> None:
    life = delivered(
        e.Looked("d"), e.ImportRequested("d", "t", "x"), e.ImportAnswerLost("d", WORDS, 5.0), e.Looked("d")
    )
    assert life.first_looked_at == 10.0
    life = move_delivery(move_delivery(life, e.ImportMissing("d"), 20.0), e.ImportRequested("d", "t", "x"), 30.0)
    assert (life.first_look, life.first_looked_at, life.idle_at, life.quiet_until) == (None, 0.0, 0.0, 0.0)


ASKED = (e.Looked("d"), e.ImportRequested("d", "t", "x"))
LOST = (*ASKED, e.ImportAnswerLost("d", WORDS, 5.0), e.Looked("d"))


@pytest.mark.parametrize(
    "events",
    [
        ASKED,
        (*ASKED, e.ImportRefused("d", WORDS)),
        (*ASKED, e.ImportAnswerLost("d", WORDS, 5.0)),
        (*LOST, e.ImportMissing("d")),
        (*LOST, e.ImportAnswerLost("d", WORDS, 9.0)),
        (*LOST, e.ImportInDoubt("d", ()), e.Resolved("d", "absent", "seen", "ann", "host")),
        (*ASKED, e.ImportAccepted("d", "job"), e.ImportVanished("d", WORDS, 5.0)),
        (*ASKED, e.ImportAccepted("d", "job"), e.ImportFailed("d", (), WORDS)),
        (e.Looked("d"), e.Quarantined("d", WORDS), e.Retried("d")),
    ],
    ids=lambda events: type(events[-1]).__name__,
)
def test_what_was_seen_before_says_nothing_of_what_happened_since(events: tuple[Event, ...]) -> None:
    life = delivered(*events)
    assert (life.look, life.looked_at, life.first_look, life.first_looked_at, life.idle_at) == (
        None, 0.0, None, 0.0, 0.0,
    )  # fmt: skip


def test_until_something_was_asked_the_latest_look_is_the_baseline_and_none_after_that() -> None:
    there, more = e.Looked("d", (("x", ("1",)),)), e.Looked("d", (("x", ("1", "2")),))
    assert delivered(e.Looked("d"), there).baseline == there
    asked = delivered(e.Looked("d"), there, e.ImportRequested("d", "t", "x"), e.ImportRefused("d", WORDS), more)
    assert (asked.baseline, asked.look) == (there, more)


def test_the_proof_by_time_begins_anew_when_two_looks_differ() -> None:
    life = delivered(e.Looked("d"), e.ImportRequested("d", "t", "x"), e.ImportAnswerLost("d", WORDS, 5.0))
    life = move_delivery(life, e.Looked("d"), 100.0)
    life = move_delivery(life, e.Looked("d", (("x", ("1",)),)), 200.0)
    assert life.first_looked_at == 200.0
    assert move_delivery(life, e.Looked("d", (("x", ("1",)),)), 300.0).first_looked_at == 200.0


def test_when_the_operator_says_that_a_job_ended_the_import_is_quiet_first() -> None:
    life = delivered(e.ImportRequested("d", "t", "x"), e.ImportAccepted("d", "job"), e.ImportOverdue("d", "job"))
    assert life.overdue
    life = move_delivery(life, e.Resolved("d", "job-ended", "seen", "ann", "host", settle_quiet=30.0), 50.0)
    assert (life.state, life.quiet_until, life.overdue) == (DeliveryState.IMPORT_UNSURE, 80.0, False)


def test_no_pair_of_moves_leads_from_one_event_to_two_lives() -> None:
    both = {kind for _, kind in PACKAGE_MOVES} & {kind for _, kind in DELIVERY_MOVES}
    assert both == {e.Retried, e.Regrouped}, "a retry wakes deliveries and, where it failed, their package"
