"""Where a component stands after an end, and the code of them all."""

import pytest

from orchestrator.core.state.submissions import (
    AGAIN,
    ComponentState,
    Standing,
    SubmittedComponent,
    gravest_code,
    standing_after,
)
from orchestrator.errors import ExitCode

DONE, PARKED, WAITING = ComponentState.DONE, ComponentState.PARKED, ComponentState.WAITING


@pytest.mark.parametrize(
    ("code", "expected"),
    [(0, DONE), (1, DONE), (2, PARKED), (3, PARKED), (4, PARKED), (5, PARKED), (7, PARKED), (10, PARKED), (70, PARKED),
     (6, WAITING), (8, WAITING), (9, WAITING), (75, WAITING), (130, WAITING), (143, WAITING)],
)  # fmt: skip
def test_a_person_is_waited_for_where_only_one_helps(code: int, expected: ComponentState) -> None:
    assert standing_after(code, 0.0, 100.0).state is expected


def test_a_time_that_the_end_named_is_waited_for_else_a_minute() -> None:
    assert standing_after(8, 500.0, 100.0) == Standing(WAITING, 500.0)
    assert standing_after(9, 0.0, 100.0) == Standing(WAITING, 100.0 + AGAIN)
    assert standing_after(143, 0.0, 100.0) == Standing(WAITING, 0.0)


def component(state: ComponentState, code: int | None) -> SubmittedComponent:
    return SubmittedComponent("s.1", "s", "p", ("m",), "", (), state, code)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([(DONE, 0), (DONE, 0)], ExitCode.DONE),
        ([(DONE, 0), (DONE, 1)], ExitCode.INCOMPLETE),
        ([(DONE, 1), (WAITING, None)], ExitCode.NOT_FINISHED),
        # what is being tried again is not parked any more
        ([(DONE, 0), (WAITING, 5)], ExitCode.NOT_FINISHED),
        ([(WAITING, 9), (WAITING, None)], ExitCode.UNREACHABLE),
        ([(PARKED, 10), (PARKED, 5), (DONE, 0)], ExitCode.UNDECIDED),
        ([(PARKED, 4), (PARKED, 5)], ExitCode.BLOCKED),
        ([(PARKED, 3), (PARKED, 4)], ExitCode.REFUSED),
        ([(PARKED, 70), (PARKED, 3)], ExitCode.DEFECT),
        ([], ExitCode.DONE),
    ],
)
def test_the_gravest_code_of_all_components_counts(
    ends: list[tuple[ComponentState, int | None]], expected: ExitCode
) -> None:
    assert gravest_code([component(*each) for each in ends]) is expected
