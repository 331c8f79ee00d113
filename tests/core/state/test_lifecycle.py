"""The tables of legal moves, with their exceptions: nothing else moves a life, each state can be reached.

Every life is driven by every event in every variant that the code tells apart, and what moved is compared as a whole.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, TypeVar, get_args

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
)
from orchestrator.core.state.moves import maybe_running, move_delivery, move_package, move_probe, surely_over

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


def test_no_pair_of_moves_leads_from_one_event_to_two_lives() -> None:
    both = {kind for _, kind in PACKAGE_MOVES} & {kind for _, kind in DELIVERY_MOVES}
    assert both == {e.Retried, e.Regrouped}, "a retry wakes deliveries and, where it failed, their package"
