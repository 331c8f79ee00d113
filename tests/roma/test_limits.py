"""Whatever an answer holds, it costs a bounded amount of memory, and an id is an id."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.plan.plan import Instance
from orchestrator.roma import InventoryDisagrees, Roma, shapes
from orchestrator.roma.limits import (
    JSON_BYTES,
    JSON_VALUES,
    MESSAGE_LENGTH,
    MOST_ENTRIES,
    TEXT_LENGTH,
    is_id,
    too_many_values,
)
from orchestrator.roma.pages import Listing, whole
from orchestrator.roma.wire import parse

if TYPE_CHECKING:
    from tests.roma.conftest import Script

LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    "text", ["a", "b1e6b1e6-4f3f-4a80-bb45-f4b9039f95a3", "49460e99d597464d885f871dd6acc894", "x" * 128]
)
def test_what_the_service_documents_is_an_id(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a/b", "a b", "a\n", "é", "a?b", "a%2F", "x" * 129, LONG])
def test_what_means_something_in_an_address_or_is_too_long_is_none(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize("bad", ["..", "a/b", LONG])
@pytest.mark.parametrize(
    ("read", "key", "beside"),
    [
        (shapes.job_id, "job_id", {}),
        (lambda value: shapes.job(value, "j"), "archive_id", {"status": "SUCCEEDED"}),
        (shapes.app, "id", {"name": "n"}),
        (shapes.task, "task_id", {"task_name": "n"}),
        (shapes.datasource, "datasource_id", {"datasource_name": "n"}),
        (shapes.api, "id", {}),
    ],
)
def test_an_answer_with_an_id_that_is_none_is_not_as_documented(
    read: Callable[[object], object], key: str, beside: dict[str, str], bad: str
) -> None:
    with pytest.raises(ValueError, match=r"is no id|longer than"):
        read({key: bad, **beside})


def test_a_reason_is_kept_up_to_its_bound_and_a_name_is_not_cut_silently() -> None:
    reason = {"resource_type": LONG, "resource_name": "orders-web", "error_code": LONG, "error_msg": LONG}
    (kept,) = shapes.job({"status": "FAILED", "reasons": [reason]}, "j").reasons
    assert kept.resource_name == "orders-web"
    assert (len(kept.error_msg), len(kept.error_code), len(kept.resource_type)) == (MESSAGE_LENGTH, 64, 64)
    with pytest.raises(ValueError, match=f"name is longer than {TEXT_LENGTH}"):
        shapes.app({"id": "a", "name": LONG})


def test_json_with_more_values_than_any_list_has_is_refused_before_it_is_read() -> None:
    body = b"[" + b"{}," * JSON_VALUES + b"{}]"
    assert too_many_values(body)
    with pytest.raises(ValueError, match="too many values"):
        parse(body)


def test_the_longest_page_is_far_below_the_bounds() -> None:
    one = {f"a_field_of_a_usual_name_{n}": "a value of the usual length" for n in range(30)}
    body = json.dumps({"total": 1, "entities": [one] * 1000}).encode()
    assert len(body) * 8 < JSON_BYTES
    assert not too_many_values(body)


async def test_a_list_that_goes_on_for_ever_is_given_up() -> None:
    asked: list[int] = []
    listing: Listing[int] = Listing("tasks", "entities", 500, lambda value: 0, lambda x: x)

    async def ask(offset: int, limit: int, read: object) -> tuple[list[int], int]:
        asked.append(offset)
        return list(range(offset, offset + 10_000)), 10**9

    with pytest.raises(InventoryDisagrees, match=f"tasks at prod: the service lists more than {MOST_ENTRIES}"):
        await whole(listing, ask, "prod")
    assert len(asked) == MOST_ENTRIES // 10_000 + 1


async def test_a_job_id_of_a_megabyte_is_garbage_and_never_asked_for(
    roma: Roma, instance: Instance, script: "Script"
) -> None:
    script.json({"job_id": LONG})
    with pytest.raises(RequestFailed) as caught:
        await roma.client(instance, "key").export(["a"], [])
    assert caught.value.failed.failure is Failure.GARBAGE
    assert len(caught.value.failed.message) <= MESSAGE_LENGTH


@pytest.mark.parametrize(
    "body", ["b'[' + b'{},' * 2_600_000 + b'{}]'", "b'[' * 8_000_000", "b'[' + b'1,' * 3_900_000 + b'1]'"]
)
def test_the_worst_body_costs_little_memory(body: str) -> None:
    program = f"""
import resource
from orchestrator.roma.wire import parse
body = {body}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    parse(body)
except ValueError:
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 64 * 1024, "kilobytes"
