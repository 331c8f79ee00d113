"""What `auto` has tried, folded: once per widening, and what was hidden shows nothing."""

import pytest

from orchestrator.core.model.failures import Failure
from orchestrator.core.plan.plan import Instance, Scope
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry, ErrorDetail, Event
from orchestrator.core.state.slot_trials import Trials
from orchestrator.core.state.slots import JobKind, SlotRule, Widening, lease_of, overlapping

BEGAN = e.RunBegan("p", "p.yaml", "{}", "op", "host", 1, "0", one_job_per="auto")
TRIED = e.WideningTried("kind", "host user", "d1", "b2", both=True)
BUSY = ErrorDetail(Failure.BUSY.value, "ROMA.10012")


def folded(*events: Event) -> Trials:
    trials = Trials()
    for seq, event in enumerate(events, 1):
        trials.apply(Entry(seq, float(seq), event))
    return trials


def test_kind_is_tried_first_then_the_instance() -> None:
    assert folded(BEGAN).next() is Widening.KIND
    assert folded(BEGAN, TRIED).next() is None
    assert folded(BEGAN, TRIED, e.WideningShown("kind", "apart")).next() is Widening.INSTANCE
    both = (TRIED, e.WideningShown("kind", "apart"), e.WideningTried("instance", "s", "d2", "d3"))
    assert folded(BEGAN, *both, e.WideningShown("instance", "one")).next() is None


def test_a_refusal_of_another_kind_at_another_instance_answers_both() -> None:
    trials = folded(BEGAN, TRIED, e.ImportRefused("d1", BUSY), e.WideningShown("kind", "one"))
    assert trials.next() is None
    assert trials.apart == ()
    assert trials.kinds_exclude


def test_a_run_without_auto_tries_nothing_and_what_its_plan_says_shows_nothing() -> None:
    trials = folded(e.RunBegan("p", "p.yaml", "{}", "op", "host", 1, "0"))
    assert trials.next() is None
    assert not trials.kinds_exclude


def test_under_auto_an_export_proves_nothing_of_imports_until_they_are_shown_to_be_one() -> None:
    assert not folded(BEGAN).kinds_exclude
    assert not folded(BEGAN, TRIED, e.WideningShown("kind", "open")).kinds_exclude


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (e.ImportAccepted("d1", "j"), "accepted"),
        (e.ImportRefused("d1", BUSY), "busy"),
        (e.ImportRefused("d1", ErrorDetail(Failure.THROTTLED.value)), "hidden"),
        (e.ImportAnswerLost("d1", ErrorDetail("hung"), 9.0), "hidden"),
        (e.RunResumed("op", "host", 2, "0", one_job_per="auto"), "hidden"),
        (e.ImportAccepted("another", "j"), "awaited"),
    ],
)
def test_only_an_answer_to_the_very_job_counts(answer: Event, reply: str) -> None:
    pending = folded(BEGAN, TRIED, answer).pending
    assert pending is not None
    assert pending.reply == reply


def test_an_accepted_job_is_still_to_be_checked_after_a_crash() -> None:
    resumed = e.RunResumed("op", "host", 2, "0", one_job_per="auto")
    pending = folded(BEGAN, TRIED, e.ImportAccepted("d1", "j"), resumed).pending
    assert pending is not None
    assert pending.reply == "accepted"


def test_keys_grow_by_what_is_apart_and_overlap_with_their_beginnings() -> None:
    rule = SlotRule(Scope.AUTO, {"c": "acme/dev"})
    instance = Instance("prod", "https://roma.example", "https://iam.example", "p" * 32, "i-1", ("c",))
    user = rule.slot(instance, "c", JobKind.IMPORT)
    kind = rule.slot(instance, "c", JobKind.IMPORT, (Widening.KIND,))
    every = rule.slot(instance, "c", JobKind.IMPORT, (Widening.KIND, Widening.INSTANCE))
    exports = rule.slot(instance, "c", JobKind.EXPORT, (Widening.KIND,))
    assert len({user, kind, every, exports}) == 4
    assert overlapping(kind, (user, kind, every, exports)) == [user, kind, every]
    assert overlapping(user, (user, kind, every, exports)) == [user, kind, every, exports]
    assert {lease_of(each) for each in (user, kind, every, exports)} == {user}
