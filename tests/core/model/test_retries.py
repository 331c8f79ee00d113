from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.failures import Failed, Failure
from orchestrator.core.model.retries import (
    LONGEST_RETRY_AFTER,
    NOT_CREATED_ATTEMPTS,
    READ_ATTEMPTS,
    TABLE,
    THROTTLED_ATTEMPTS,
    Action,
    Request,
    RetryDecision,
    decide,
)

REQUESTS = st.sampled_from(Request)
FAILURES = st.sampled_from(Failure)
DRAWS = st.floats(0, 1, exclude_max=True)
WRITES = (Request.EXPORT, Request.IMPORT, Request.DELETE)
UNANSWERED = (Failure.DROPPED, Failure.HUNG, Failure.SERVER, Failure.GARBAGE)


def test_the_table_holds_every_request_and_failure() -> None:
    assert set(TABLE) == set(Request)
    for actions in TABLE.values():
        assert set(actions) == set(Failure)


@pytest.mark.parametrize("request_kind", WRITES)
def test_a_write_is_never_repeated_by_the_table(request_kind: Request) -> None:
    assert Action.REPEAT not in TABLE[request_kind].values()


@pytest.mark.parametrize("request_kind", WRITES)
@pytest.mark.parametrize("failure", UNANSWERED)
def test_a_write_without_an_answer_is_settled(request_kind: Request, failure: Failure) -> None:
    assert TABLE[request_kind][failure] is Action.SETTLE


@pytest.mark.parametrize("failure", UNANSWERED)
def test_a_download_that_broke_off_is_exported_again(failure: Failure) -> None:
    assert TABLE[Request.DOWNLOAD][failure] is Action.EXPORT_AGAIN


@pytest.mark.parametrize("request_kind", WRITES)
def test_somebody_elses_job_is_waited_for_and_a_large_package_split(request_kind: Request) -> None:
    assert TABLE[request_kind][Failure.BUSY] is Action.WAIT_FOR_SLOT
    assert TABLE[request_kind][Failure.TOO_LARGE] is Action.SPLIT


@given(st.sampled_from([Failure.DENIED, Failure.EXPIRED]), st.integers(1, 9), DRAWS)
def test_a_refused_password_is_never_sent_again(failure: Failure, attempt: int, draw: float) -> None:
    assert decide(Request.TOKEN, Failed(failure), attempt, draw).action is Action.REFUSED


@given(REQUESTS, DRAWS)
def test_a_token_is_renewed_once_only(request_kind: Request, draw: float) -> None:
    first = decide(request_kind, Failed(Failure.EXPIRED, "APIGW.0307"), 1, draw)
    assert first.action is (Action.REFUSED if request_kind is Request.TOKEN else Action.RENEW)
    assert decide(request_kind, Failed(Failure.EXPIRED, "APIGW.0307"), 2, draw).action is Action.REFUSED


@given(REQUESTS, FAILURES, DRAWS)
def test_repetition_ends_unless_the_service_answers_that_it_is_throttled(
    request_kind: Request, failure: Failure, draw: float
) -> None:
    decision = decide(request_kind, Failed(failure), READ_ATTEMPTS, draw)
    if failure is not Failure.THROTTLED:
        assert decision.action not in {Action.REPEAT, Action.ASK_AGAIN, Action.RENEW}


@given(DRAWS)
def test_a_read_is_repeated_until_its_bound_then_its_service_is_out_of_reach(draw: float) -> None:
    actions = [decide(Request.READ, Failed(Failure.SERVER), n, draw).action for n in range(1, READ_ATTEMPTS + 1)]
    assert actions == [Action.REPEAT] * (READ_ATTEMPTS - 1) + [Action.OUTAGE]


@given(st.sampled_from(WRITES), DRAWS)
def test_a_task_that_could_not_be_created_is_asked_again_until_its_bound_then_split(
    request_kind: Request, draw: float
) -> None:
    failed = Failed(Failure.NOT_CREATED, "ROMA.10010")
    actions = [decide(request_kind, failed, n, draw).action for n in range(1, NOT_CREATED_ATTEMPTS + 1)]
    assert actions == [Action.ASK_AGAIN] * (NOT_CREATED_ATTEMPTS - 1) + [Action.SPLIT]


@given(REQUESTS, FAILURES, st.integers(1, 1000), DRAWS, st.floats(-1, 1e9))
def test_no_wait_is_longer_than_the_longest_that_is_honoured(
    request_kind: Request, failure: Failure, attempt: int, draw: float, retry_after: float
) -> None:
    decision = decide(request_kind, Failed(failure, retry_after=retry_after), attempt, draw)
    assert 0 <= decision.wait <= LONGEST_RETRY_AFTER + 1


@given(st.integers(1, THROTTLED_ATTEMPTS - 1), DRAWS, st.floats(0, LONGEST_RETRY_AFTER))
def test_nothing_is_asked_before_the_service_allows_it(attempt: int, draw: float, retry_after: float) -> None:
    decision = decide(Request.READ, Failed(Failure.THROTTLED, retry_after=retry_after), attempt, draw)
    assert decision.action is Action.REPEAT
    assert decision.wait >= retry_after


def test_waits_double_and_are_spread() -> None:
    waits = [decide(Request.READ, Failed(Failure.THROTTLED), n, 0.5).wait for n in range(1, 8)]
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    spread = [decide(Request.READ, Failed(Failure.THROTTLED), 3, draw).wait for draw in (0.0, 0.999)]
    assert spread == pytest.approx([3, 5], abs=0.01)


def test_the_reason_names_the_failure_its_code_and_how_often() -> None:
    failed = Failed(Failure.SERVER, "APIGW.0201")
    assert decide(Request.READ, failed, 1, 0.5) == RetryDecision(Action.REPEAT, 1.0, "server APIGW.0201")
    assert decide(Request.READ, failed, 4, 0.5).reason == "server APIGW.0201, 4 times"
    assert decide(Request.READ, replace(failed, code=""), 1, 0.5).reason == "server"
