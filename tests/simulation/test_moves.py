"""Every change of a state that nights of trouble show stands in a table of moves, or among its exceptions.

`tests/core/state/test_lifecycle.py` proves that of the moves one by one; here it is the fold as a whole, in which an
event may move more lives than its own.
"""

import pytest

from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.core.state.lifecycle import (
    DELIVERY_EXCEPTIONS,
    DELIVERY_MOVES,
    FATES,
    PACKAGE_EXCEPTIONS,
    PACKAGE_MOVES,
    PROBE_MOVES,
    DeliveryState,
    Heard,
    PackageState,
    ProbeState,
)
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.subjects import Subject
from tests.simulation.memory import entries_of
from tests.simulation.scenarios import live, vault_root
from tests.simulation.worlds import scenario

SEEDS, CHUNK = 24, 8

# A killed process leaves its streams as they are.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

State = PackageState | DeliveryState | ProbeState
#: (from, event, to)
PACKAGES = {
    *((state, kind, to) for (state, kind), to in PACKAGE_MOVES.items()),
    *((state, kind, to) for (state, kind, _), to in PACKAGE_EXCEPTIONS.items()),
}
DELIVERIES = {
    *((state, kind, to) for (state, kind), to in DELIVERY_MOVES.items()),
    *((state, kind, to) for (state, kind, _), to in DELIVERY_EXCEPTIONS.items()),
}
PROBES = {(state, kind, to) for (state, kind), to in PROBE_MOVES.items()}
#: what the answer to another job does to a lost import
HEARD = {(state, to) for state, kind, to in DELIVERIES if isinstance(kind, Heard)}
#: those answers
ANSWERS = (
    e.ExportAccepted, e.ImportAccepted, e.ProbeAccepted, e.ExportRefused, e.ImportRefused, e.ProbeRefused,
)  # fmt: skip


def states_of(progress: Progress) -> dict[Subject, State]:
    return {
        **{Subject.package(name): life.state for name, life in progress.packages.items()},
        **{Subject.delivery(name): life.state for name, life in progress.deliveries.items()},
        **{Subject.probe(name): life.state for name, life in progress.probes.items()},
    }


def is_birth(entry: Entry, state: State) -> bool:
    """Whether a life may begin in this state."""
    match state:
        case PackageState():
            return isinstance(entry.event, e.BatchScheduled) and state is PackageState.PENDING
        case ProbeState():
            return isinstance(entry.event, e.ProbeRequested) and state is ProbeState.ASKED
        case DeliveryState():
            if isinstance(entry.event, e.Split):
                return state in FATES.values()
            return isinstance(entry.event, e.DeliveryScheduled | e.Regrouped) and state is DeliveryState.WAITING


def is_move(entry: Entry, before: State, after: State) -> bool:
    """Whether an event may lead from one state to another."""
    move = (before, type(entry.event), after)
    match before:
        case PackageState():
            return move in PACKAGES
        case ProbeState():
            return move in PROBES
        case DeliveryState():
            return move in DELIVERIES or (isinstance(entry.event, ANSWERS) and (before, after) in HEARD)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_nothing_that_happens_in_a_night_moves_a_life_beside_the_tables(first: int) -> None:
    moved = 0
    for seed in range(first, first + CHUNK):
        with vault_root() as root:
            night = live(scenario(seed), root)
        for record in night.records.values():
            progress, before = Progress(), dict[Subject, State]()
            for entry in entries_of(record):
                progress.apply(entry)
                after = states_of(progress)
                for subject, state in after.items():
                    stood = before.get(subject)
                    if stood is None:
                        assert is_birth(entry, state), f"seed {seed}: {subject} begins {state} by {entry}"
                    elif stood is not state:
                        assert is_move(entry, stood, state), (
                            f"seed {seed}: {subject} is {stood}, then {state} by {entry}"
                        )
                        moved += 1
                before = after
    assert moved > 100, "hardly anything happened"
