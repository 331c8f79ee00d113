"""Retries, renewals and waits of one question, in virtual time and in memory."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.model.retries import FIRST_CONTACT, READ_ATTEMPTS, THROTTLED_ATTEMPTS
from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.core.plan.plan import Instance, Settings
from orchestrator.roma import Roma
from orchestrator.roma.contact import LEAST_WAIT

if TYPE_CHECKING:
    from tests.roma.conftest import Memory

Virtually = Callable[[Coroutine[Any, Any, object]], float]
RUNNING = {"id": "j", "status": "RUNNING"}


async def failure_of(coroutine: Coroutine[Any, Any, object]) -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        await coroutine
    return caught.value


def error(memory: "Memory", code: str, status: int = 400, **headers: str) -> None:
    memory.json({"error_code": code, "error_msg": "words"}, status, **headers)


@pytest.mark.parametrize(
    "failure", [Failure.NOT_SENT, Failure.DROPPED, Failure.HUNG, Failure.SERVER, Failure.GARBAGE, Failure.BUSY]
)
def test_a_read_is_repeated_until_it_is_answered(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance, failure: Failure
) -> None:
    match failure:
        case Failure.SERVER:
            memory.json({}, 503)
        case Failure.GARBAGE:
            memory.json(["not a job"])
        case Failure.BUSY:
            error(memory, "ROMA.10012")
        case _:
            memory.fail(failure)
    memory.json(RUNNING)

    async def run() -> None:
        await memory_roma.reader(memory_instance, "key").job("j")

    assert abs(virtually(run()) - 1) < 0.01
    assert len(memory.seen) == 2


def test_a_read_is_given_up_after_its_bound(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.fail(Failure.DROPPED)

    async def run() -> None:
        failed = await failure_of(memory_roma.reader(memory_instance, "key").job("j"))
        assert failed.failed.failure is Failure.DROPPED
        assert failed.request == "GET assets/jobs/j at prod"

    assert abs(virtually(run()) - (1 + 2 + 4)) < 0.01
    assert len(memory.seen) == READ_ATTEMPTS


def test_each_attempt_is_signed_anew(virtually: Virtually, memory: "Memory", memory_instance: Instance) -> None:
    memory.fail(Failure.DROPPED)
    memory.json(RUNNING)

    async def run() -> None:
        roma = Roma(
            Settings(),
            {"key": AccessKeySecret("ak", "sk")},
            wall=lambda: datetime.fromtimestamp(1763747100 + anyio.current_time(), UTC),
            draw=lambda: 0.5,
            transport=lambda ca_file, proxy: memory,
        )
        await roma.reader(memory_instance, "key").job("j")

    virtually(run())
    first, second = (request.headers["X-Sdk-Date"] for request in memory.seen)
    assert int(second[-7:-1]) - int(first[-7:-1]) == 1


def test_a_throttled_read_waits_as_asked_and_so_does_everything_of_those_credentials(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    error(memory, "APIGW.0308", 429, Retry_After="20")
    memory.json(RUNNING)

    async def run() -> None:
        reader = memory_roma.reader(memory_instance, "key")
        async with anyio.create_task_group() as group:
            group.start_soon(reader.job, "j")
            await anyio.sleep(1)
            group.start_soon(memory_roma.reader(memory_instance, "key").job, "other")

    virtually(run())
    begun = memory.times[0]
    assert len(memory.times) == 3
    assert all(time - begun >= 19.9 for time in memory.times[1:])


def test_a_throttled_read_ends_some_time(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.json(RUNNING)
    error(memory, "APIGW.0308", 429)
    memory_roma.patience = 3600.0

    async def run() -> None:
        await memory_roma.reader(memory_instance, "key").job("j")
        failed = await failure_of(memory_roma.reader(memory_instance, "key").job("j"))
        assert failed.failed.failure is Failure.THROTTLED

    assert virtually(run()) < 3600
    assert len(memory.seen) == 1 + THROTTLED_ATTEMPTS


@pytest.mark.parametrize("asked", ["", "300"])
def test_a_service_that_only_throttles_is_given_up_when_the_patience_is_over(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance, asked: str
) -> None:
    memory.json(RUNNING)
    error(memory, "APIGW.0308", 429, **({"Retry_After": asked} if asked else {}))
    memory_roma.patience = 20.0

    async def run() -> None:
        await memory_roma.reader(memory_instance, "key").job("j")
        failed = await failure_of(memory_roma.reader(memory_instance, "key").job("j"))
        assert failed.failed.failure is Failure.THROTTLED
        assert failed.unanswered.seconds >= 20.0
        assert failed.unanswered.left <= 0

    assert 20.0 <= virtually(run()) <= 20.0 + 2 * LEAST_WAIT


def test_what_requests_wait_in_vain_counts_as_silence_and_shortens_the_next_ones(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.fail(Failure.HUNG)
    memory.latency = 25.0

    async def run() -> None:
        failed = await failure_of(memory_roma.reader(memory_instance, "key").job("j"))
        assert (failed.unanswered.host, failed.unanswered.left <= 0) == ("roma.example", True)

    virtually(run())
    waits = [request.timeout for request in memory.seen]
    assert waits[0] == FIRST_CONTACT
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] < 10.0, "what is left of the patience, and no longer a minute each"


def test_a_host_that_never_answered_is_told_at_once_with_the_cause_and_how_long_it_is_tried(
    virtually: Virtually, memory: "Memory", memory_instance: Instance
) -> None:
    told: list[tuple[str, Failure | None, float, float]] = []
    roma = Roma(
        Settings(), {"key": AccessKeySecret("ak", "sk")}, wall=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        draw=lambda: 0.5, transport=lambda ca_file, proxy: memory,
        told=lambda host, failed, left: told.append(
            (host, failed.failure if failed is not None else None, left, anyio.current_time())
        ),
    )  # fmt: skip
    memory.fail(Failure.NOT_SENT)

    async def run() -> float:
        begun = anyio.current_time()
        await failure_of(roma.reader(memory_instance, "key").job("j"))
        assert [(*each[:3], each[3] - begun) for each in told] == [("roma.example", Failure.NOT_SENT, 60.0, 0.0)]
        memory.outcomes.clear()
        memory.json({"status": "RUNNING", "job_id": "j"})
        began = anyio.current_time()
        await roma.reader(memory_instance, "key").job("j")
        (_, (host, failed, seconds, at)) = told
        assert (host, failed, at) == ("roma.example", None, began)
        assert seconds > 0.0, "its end is told once, with how long it was silent"
        return begun

    virtually(run())


@pytest.mark.parametrize("failure", [Failure.NOT_SENT, Failure.DROPPED, Failure.HUNG])
def test_a_write_is_never_repeated(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance, failure: Failure
) -> None:
    memory.fail(failure)

    async def run() -> None:
        client = memory_roma.client(memory_instance, "key")
        assert (await failure_of(client.export(["a"], []))).failed.failure is failure
        assert (await failure_of(client.delete(["a"], []))).failed.failure is failure

    assert virtually(run()) < 0.1
    assert len(memory.seen) == 2


def test_writes_keep_their_rate_after_a_burst(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.json({"job_id": "j"})

    async def run() -> None:
        client = memory_roma.client(memory_instance, "key")
        for _ in range(5):
            await client.export(["a"], [])

    assert abs(virtually(run()) - 2 / 0.17) < 0.01


def test_an_expired_token_is_renewed_once_and_the_write_sent_again(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.token("ONE")
    error(memory, "APIGW.0307", 401)
    memory.token("TWO")
    memory.json({"job_id": "j"})

    async def run() -> None:
        assert await memory_roma.client(memory_instance, "password").export(["a"], []) == "j"

    virtually(run())
    assert [request.headers.get("X-Auth-Token", "-") for request in memory.seen] == ["-", "ONE", "-", "TWO"]


def test_a_token_refused_twice_in_a_row_is_a_refusal(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.token("ONE")
    error(memory, "ROMA.1002", 400)
    memory.token("TWO")
    error(memory, "ROMA.1002", 400)

    async def run() -> None:
        failed = await failure_of(memory_roma.client(memory_instance, "password").export(["a"], []))
        assert failed.failed.failure is Failure.DENIED
        assert "refused again with a new token" in failed.failed.message

    virtually(run())
    assert len(memory.seen) == 4


def test_a_dropped_read_before_does_not_use_up_the_renewal(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.token("ONE")
    memory.fail(Failure.DROPPED)
    error(memory, "APIGW.0307", 401)
    memory.token("TWO")
    memory.json(RUNNING)

    async def run() -> None:
        await memory_roma.reader(memory_instance, "password").job("j")

    virtually(run())
    assert len(memory.seen) == 5


@pytest.mark.parametrize(
    ("failure", "meaning"), [(Failure.DROPPED, Failure.NOT_SENT), (Failure.HUNG, Failure.NOT_SENT)]
)
def test_a_lost_token_request_means_that_the_write_was_certainly_not_sent(
    virtually: Virtually,
    memory: "Memory",
    memory_roma: Roma,
    memory_instance: Instance,
    failure: Failure,
    meaning: Failure,
) -> None:
    memory.fail(failure)

    async def run() -> None:
        failed = await failure_of(memory_roma.client(memory_instance, "password").export(["a"], []))
        assert failed.failed.failure is meaning
        assert failed.failed.message.startswith("no token: ")
        assert failed.request == "POST auth/tokens at https://iam.example"

    virtually(run())
    assert len(memory.seen) == 1


def test_an_answer_over_the_bound_is_garbage(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.json("x" * 33554432)

    async def run() -> None:
        failed = await failure_of(memory_roma.client(memory_instance, "key").export(["a"], []))
        assert failed.failed.failure is Failure.GARBAGE

    virtually(run())


def test_the_services_clock_is_measured(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.json(RUNNING, Date="Fri, 21 Nov 2025 17:46:00 GMT")
    memory.json(RUNNING)

    async def run() -> None:
        reader = memory_roma.reader(memory_instance, "key")
        assert reader.clock_offset is None
        await reader.job("j")
        await reader.job("j")
        assert reader.clock_offset == 60

    virtually(run())
