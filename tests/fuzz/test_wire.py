"""Whatever a service answers, the real client reads what stands there or says that it failed; never anything else."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.inventory import JobStatus
from orchestrator.core.model.secrets import AccessKeySecret, PasswordSecret
from orchestrator.core.plan.plan import Instance, Settings
from orchestrator.roma import Client, InventoryDisagrees, Roma
from orchestrator.roma.transport import Answer, WireRequest
from tests.roma.canned import Canned
from tests.simulation.virtual import run_virtually

T = TypeVar("T")

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECRET = "fuzzed-secret-0000"
FAST = Settings(reads_per_second=10000, writes_per_second=10000)
WHERE = Instance("prod", "https://roma.example", "https://iam.example", "p" * 32, "i1", ("key",), region="r")
FUZZ = settings(max_examples=120)

JOB: dict[str, Any] = {
    "id": "j1", "type": "EXPORT", "status": "SUCCEEDED", "progress_percent": 1.0, "archive_id": "a1",
    "begin_time": "2026-11-21T12:00:00Z", "reasons": [{"resource_type": "task", "resource_name": "t"}],
}  # fmt: skip
APPS: dict[str, Any] = {"total": 2, "apps": [{"id": "1", "name": "one"}, {"id": "2", "name": "two", "roles": ["x"]}]}
TASKS: dict[str, Any] = {
    "total": 2, "size": 2,
    "entities": [{"task_id": "1", "task_name": "one", "status": 1}, {"task_id": "2", "task_name": "two"}],
}  # fmt: skip
ERROR: dict[str, Any] = {"error_code": "ROMA.10012", "error_msg": "busy", "request_id": "r1"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=6), part, max_size=3),
    max_leaves=8,
)
STATUSES = st.sampled_from([200, 200, 200, 201, 202, 204, 206, 301, 400, 401, 403, 404, 413, 429, 500, 502, 504, 599])
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "retry-after", "date", "content-length", "x-subject-token", "x-request-id"]),
    st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(["-1", "0", "1", "inf", "nan", "1e999"]),
    max_size=3,
)


def mutated(sound: Mapping[str, Any]) -> st.SearchStrategy[bytes]:
    """A sound answer with a field replaced, dropped or added; with bytes flipped or cut; or anything at all."""
    text = json.dumps(sound).encode()
    keys = st.sampled_from(sorted(sound)) | st.text(max_size=5)
    replaced = st.tuples(keys, JSON).map(lambda pair: json.dumps({**sound, pair[0]: pair[1]}).encode())
    dropped = keys.map(lambda key: json.dumps({k: v for k, v in sound.items() if k != key}).encode())
    cut = st.integers(0, len(text)).map(lambda end: text[:end])
    flips = st.lists(st.tuples(st.integers(0, len(text) - 1), st.integers(1, 255)), min_size=1, max_size=4)
    return st.one_of(
        st.just(text), replaced, dropped, cut, flips.map(lambda each: _flipped(text, each)),
        JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=40),
    )  # fmt: skip


def _flipped(text: bytes, flips: list[tuple[int, int]]) -> bytes:
    found = bytearray(text)
    for place, mask in flips:
        found[place] ^= mask
    return bytes(found)


@dataclass
class _OneAnswer:
    """A transport that gives everybody the same answer."""

    answer: Canned
    asked: list[WireRequest] = field(default_factory=list)

    @asynccontextmanager
    async def send(self, request: WireRequest) -> AsyncIterator[Answer]:
        self.asked.append(request)
        yield self.answer

    async def aclose(self) -> None:
        """Nothing is open."""


def asked(answer: Canned, question: Callable[[Client], Awaitable[T]]) -> tuple[T | None, list[WireRequest]]:
    """What the client makes of it: a value, or None where it says that it failed; any other end fails the test."""
    line = _OneAnswer(answer)
    secret = AccessKeySecret("AKFUZZ", SECRET, "")
    roma = Roma(FAST, {"key": secret}, wall=lambda: NOW, draw=lambda: 0.5, transport=lambda ca_file, proxy: line)

    told: list[str] = []

    async def ask() -> T | None:
        try:
            return await question(roma.client(WHERE, "key"))
        except (RequestFailed, InventoryDisagrees) as problem:
            told.append(f"{problem} {problem!r} {getattr(problem, 'failed', '')}")
            return None

    found = run_virtually(ask)
    assert SECRET not in str(told)
    return found, line.asked


def _read(body: bytes) -> Any:
    """The JSON by another way than the product's."""
    return json.loads(body.decode("utf-8-sig"))


@FUZZ
@given(body=mutated(JOB), status=STATUSES, headers=HEADERS)
def test_a_job_is_ended_only_where_the_answer_says_so(body: bytes, status: int, headers: dict[str, str]) -> None:
    job, _ = asked(Canned(status, body, headers), lambda client: client.job("j1"))
    if job is None:
        return
    assert 200 <= status < 300
    said = _read(body)
    word = str(said["status"]).strip().lower()
    assert (job.status is JobStatus.SUCCEEDED) == (word in {"success", "succeeded", "finished"})
    assert (job.status is JobStatus.FAILED) == (word in {"fail", "failed"})
    assert job.progress is None or 0.0 <= job.progress <= 1.0
    inner = said.get("entities")
    named = [said.get("archive_id"), inner.get("archive_id") if isinstance(inner, dict) else None]
    assert not job.archive_id or job.archive_id in [str(each) for each in named if each is not None]


@FUZZ
@given(body=mutated(APPS) | mutated(TASKS), status=STATUSES, headers=HEADERS)
def test_a_list_is_whole_or_it_is_refused(body: bytes, status: int, headers: dict[str, str]) -> None:
    apps, _ = asked(Canned(status, body, headers), lambda client: client.apps())
    tasks, _ = asked(Canned(status, body, headers), lambda client: client.tasks())
    if apps is not None:
        _whole({app.id for app in apps}, body, "apps", "id")
    if tasks is not None:
        _whole({task.id for task in tasks}, body, "entities", "task_id")


def _whole(found: set[str], body: bytes, field: str, key: str) -> None:
    """The ids are those of the list under its documented name, else of the only list there is."""
    said = _read(body)
    assert len(found) == said["total"]
    lists = [said[field]] if isinstance(said.get(field), list) else [x for x in said.values() if isinstance(x, list)]
    assert len(lists) <= 1
    assert found == {str(each[key]) for listed in lists for each in listed}


@FUZZ
@given(body=mutated({"job_id": "j1"}) | mutated(ERROR), status=STATUSES, headers=HEADERS)
def test_a_post_is_sent_once_and_its_job_id_is_what_was_said(body: bytes, status: int, headers: dict[str, str]) -> None:
    job, sent = asked(Canned(status, body, headers), lambda client: client.export(["a"], ["t"]))
    assert len(sent) == 1
    if job is not None:
        assert 200 <= status < 300
        assert job == str(_read(body)["job_id"])


@FUZZ
@given(body=st.binary(max_size=64), length=st.none() | st.text(max_size=4) | st.integers(-2, 70), status=STATUSES)
def test_a_download_gives_every_byte_or_fails(body: bytes, length: str | int | None, status: int) -> None:
    headers = {} if length is None else {"content-length": str(length)}

    async def download(client: Client) -> bytes:
        async with client.download("a1") as found:
            return b"".join([chunk async for chunk in found.chunks()])

    found, sent = asked(Canned(status, body, headers), download)
    assert len(sent) == 1
    if found is not None:
        assert (status, found) == (200, body)
        assert not isinstance(length, int) or length < 0 or length == len(body)


@FUZZ
@given(body=mutated({"token": {"issued_at": "x", "expires_at": "2026-11-22T12:00:00.000000Z"}}), status=STATUSES,
       headers=HEADERS)  # fmt: skip
def test_an_answer_of_iam_is_a_token_or_a_failure_and_a_password_is_never_repeated_after_a_refusal(
    body: bytes, status: int, headers: dict[str, str]
) -> None:
    line = _OneAnswer(Canned(status, body, headers))
    secret = PasswordSecret("me", "acme", SECRET)
    roma = Roma(FAST, {"key": secret}, wall=lambda: NOW, draw=lambda: 0.5, transport=lambda ca_file, proxy: line)

    told: list[str] = []

    async def ask() -> None:
        try:
            await roma.reader(WHERE, "key").apps()
        except (RequestFailed, InventoryDisagrees) as problem:
            told.append(f"{problem} {problem!r} {getattr(problem, 'failed', '')}")

    run_virtually(ask)
    assert SECRET not in str(told)
    tokens = [request for request in line.asked if "/auth/tokens" in request.url]
    if 400 <= status < 500 and status != 429:
        assert len(tokens) == 1
