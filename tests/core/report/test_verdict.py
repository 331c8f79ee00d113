"""The code in words: the same on the screen, in the report and in a notice."""

import pytest

from orchestrator.core.report.outcome import Outcome
from orchestrator.core.report.verdict import MEANINGS, verdict
from orchestrator.errors import ExitCode
from orchestrator.notices.notice import Teller


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


@pytest.mark.parametrize(
    ("code", "counts", "sentence"),
    [
        (ExitCode.DONE, {"verified": 2}, "done: everything is imported and verified"),
        (ExitCode.DONE, {"verified": 2, "imported but unverified": 1},
         "done: everything is imported, some of it could not be verified"),
        (ExitCode.DONE, {"skipped": 2}, "done: nothing was left to bring"),
        (ExitCode.DONE, {}, "done: nothing was left to bring"),
        (ExitCode.INCOMPLETE, {"verified": 1, "blocked": 1}, "ended, but some assets did not make it"),
    ],
)  # fmt: skip
def test_screen_and_notices_tell_the_same_of_an_end(code: ExitCode, counts: dict[str, int], sentence: str) -> None:
    outcome = Outcome(code, (), counts, True, "nobody", "")
    assert verdict(outcome) == sentence
    assert Teller("orders", "orders.yaml", "host").ended("r", 0.0, outcome).sentence == f"ended with {code}: {sentence}"


def test_a_code_that_is_none_of_ours_was_an_interruption() -> None:
    assert Teller("orders", "orders.yaml", "host").left(137, 0.0).sentence == "ended with 137: interrupted"
