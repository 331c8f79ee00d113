"""Steps that ask for a job, or for the one archive, have an intent; the others have none."""

from typing import get_args

import pytest

from orchestrator.core.decisions import steps
from orchestrator.core.decisions.steps import ASKING, Step
from orchestrator.core.state import events as e
from orchestrator.core.state.subjects import Subject


@pytest.mark.parametrize(
    ("step", "intent"),
    [
        (steps.RequestExport("b", "dev", "s", "slot"), e.ExportRequested("b", "s", "slot")),
        (steps.RequestImport("d", "prod", "t", "slot"), e.ImportRequested("d", "t", "slot")),
        (steps.Download("b", "dev", "s", "arch", 1), e.DownloadRequested("b")),
        (
            steps.RequestProbe("slot", "prod", "t", task="x"),
            e.ProbeRequested("slot", "prod", "t", task="x"),
        ),
    ],
)
def test_the_intent_of_a_step_says_what_will_be_asked(step: Step, intent: e.Event) -> None:
    assert getattr(step, "intent", None) == intent


def test_exactly_the_steps_that_cannot_be_repeated_freely_have_an_intent() -> None:
    with_intent = {kind for kind in get_args(Step) if hasattr(kind, "intent")}
    assert with_intent == {*ASKING, steps.Download}


def test_every_step_says_whom_it_asks() -> None:
    for kind in get_args(Step):
        assert {"instance", "credentials"} <= set(kind.__dataclass_fields__)


@pytest.mark.parametrize(
    ("step", "subject"),
    [
        (steps.AwaitExport("b", "dev", "s", "job", 0.0), Subject.package("b")),
        (steps.Verify("d", "prod", "t"), Subject.delivery("d")),
        (steps.AwaitProbe("slot", "prod", "t", "job", 0.0), Subject.probe("slot")),
        (steps.CheckBeside("kind", "prod", "t", "job"), Subject.trial("kind")),
    ],
)
def test_a_step_knows_whose_it_is(step: Step, subject: Subject) -> None:
    assert step.subject == subject
