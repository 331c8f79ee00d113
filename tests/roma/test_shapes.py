"""ROMA's JSON as values, in both dialects and in any damage."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.gateway import RELEASE
from orchestrator.core.model.inventory import Api, App, JobStatus, Reason, Task
from orchestrator.roma import shapes

JOB_KEYS = ["id", "status", "reason", "reasons", "progress_percent", "archive_id", "entities", "begin_time"]
KEYS = [*JOB_KEYS, "name", "task_id", "task_name", "datasource_id", "datasource_name", "roles", "created_user", "task"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("RUNNING", JobStatus.RUNNING),
        ("Running", JobStatus.RUNNING),
        ("SUCCEEDED", JobStatus.SUCCEEDED),
        ("Success", JobStatus.SUCCEEDED),
        ("Finished", JobStatus.SUCCEEDED),
        ("FAILED", JobStatus.FAILED),
        ("fail", JobStatus.FAILED),
        ("PAUSED_BY_MOON", JobStatus.RUNNING),
    ],
)
def test_both_status_vocabularies_are_read_and_the_unknown_is_still_running(word: str, status: JobStatus) -> None:
    found = shapes.job({"id": "j", "status": word}, "j")
    assert found.status is status
    assert found.word == word


@pytest.mark.parametrize("key", ["reason", "reasons"])
@pytest.mark.parametrize("single", [True, False])
def test_reasons_are_read_under_either_name_alone_or_listed(key: str, single: bool) -> None:
    reason = {"resource_type": "task", "resource_name": "t", "error_code": "ROMA.1", "error_msg": "words"}
    found = shapes.job({"status": "FAILED", key: reason if single else [reason]}, "asked")
    assert found.reasons == (Reason("task", "t", "ROMA.1", "words"),)
    assert found.id == "asked"


def test_reasons_come_before_reason_and_an_empty_one_hides_nothing() -> None:
    one, two = {"error_code": "ONE"}, {"error_code": "TWO"}
    assert shapes.job({"status": "x", "reasons": [one], "reason": [two]}, "").reasons[0].error_code == "ONE"
    assert shapes.job({"status": "x", "reasons": [], "reason": two}, "").reasons[0].error_code == "TWO"
    assert shapes.job({"status": "x", "reasons": "text"}, "").reasons == ()


@pytest.mark.parametrize(
    ("said", "archive"),
    [
        ({"archive_id": "a"}, "a"),
        ({"entities": {"archive_id": "b"}}, "b"),
        ({"archive_id": "a", "entities": {"archive_id": "b"}}, "a"),
        ({"archive_id": None, "entities": {"archive_id": "b"}}, "b"),
        ({}, ""),
    ],
)
def test_the_archive_is_found_at_the_top_or_inside(said: dict[str, object], archive: str) -> None:
    assert shapes.job({"status": "SUCCEEDED", **said}, "").archive_id == archive


@pytest.mark.parametrize(
    ("said", "progress"),
    [(0.35, 0.35), (35, 0.35), (1, 1.0), (100, 1.0), (250, 1.0), ("0.5", 0.5), (0, 0.0), (-1, None), (None, None)],
)
def test_progress_above_one_means_percent(said: object, progress: float | None) -> None:
    assert shapes.job({"status": "RUNNING", "progress_percent": said}, "").progress == progress


def test_a_job_without_a_status_is_not_a_job() -> None:
    with pytest.raises(ValueError, match="status is missing"):
        shapes.job({"id": "j"}, "j")


def test_an_application_is_read_with_its_owner() -> None:
    said = {
        "id": "a1",
        "name": "订单",
        "key": "k",
        "update_time": "2025-11-21T17:45:00Z",
        "created_user": {"user_id": "u", "user_name": "li"},
        "roles": ["read", "admin"],
        "owner": True,
    }
    assert shapes.app(said) == App("a1", "订单", "k", "2025-11-21T17:45:00Z", "li", ("read", "admin"))


def test_a_task_is_read_from_the_list_and_from_its_details() -> None:
    listed = {"task_id": "t", "task_name": "n", "status": 1, "source_app_id": "a", "last_modified_time": 1763747100000}
    assert shapes.task(listed) == Task(
        "t", "n", source_app_id="a", running=True, update_time="2025-11-21T17:45:00.000Z"
    )
    detail = {**listed, "status": "stop", "source_datasource_id": "d1", "target_datasource_id": "d2"}
    found = shapes.task_details({"task": detail, "task_detail": "{}"})
    assert not found.running
    assert found.datasource_ids == ("d1", "d2")


def test_a_data_source_is_kept_without_its_content() -> None:
    said = {"datasource_id": "d", "datasource_name": "n", "content": {"password": "hunter22"}, "app_id": "a"}
    assert "hunter22" not in repr(shapes.datasource(said))


def test_an_api_is_released_only_in_the_release_environment() -> None:
    said: dict[str, object] = {"id": "1", "name": "n", "req_method": "GET", "req_uri": "/x", "roma_app_id": "a"}
    assert shapes.api({**said, "run_env_id": f"other|{RELEASE}"}).released
    other = Api("1", "n", "a", "GET", "/x", published=(("other", ""),))
    assert shapes.api({**said, "run_env_id": "other"}) == other
    assert not shapes.api(said).released


def test_a_feature_may_be_spelled_as_text() -> None:
    assert shapes.feature({"name": "app_route", "enable": True}) == ("app_route", True)
    assert shapes.feature({"name": "app_route", "enable": "true"}) == ("app_route", True)
    assert shapes.feature({"name": "app_route"}) == ("app_route", False)


def test_text_that_cannot_be_encoded_is_made_encodable() -> None:
    assert shapes.app({"id": "a", "name": "x\ud800y"}).name == "x?y"


READERS: list[Callable[[object], object]] = [
    shapes.app,
    shapes.task,
    shapes.task_details,
    shapes.datasource,
    shapes.api,
    shapes.api_group,
    shapes.feature,
    shapes.project_config,
    shapes.dictionary_entry,
    shapes.instance_summary,
    shapes.project_ids,
    shapes.job_id,
    lambda value: shapes.job(value, "asked"),
    lambda value: shapes.instance_details(value, "i"),
]


@given(value=JSON, reader=st.sampled_from(READERS))
def test_any_json_is_read_or_is_a_value_error(value: object, reader: Callable[[object], object]) -> None:
    try:
        found = reader(json.loads(json.dumps(value)))
    except ValueError:
        return
    repr(found).encode()
