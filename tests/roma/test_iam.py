"""The token request."""

import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.core.model.secrets import PasswordSecret
from orchestrator.core.plan.plan import Instance, Settings
from orchestrator.roma import Roma
from orchestrator.roma.exchange import Received
from orchestrator.roma.iam import read_token

if TYPE_CHECKING:
    from tests.roma.conftest import Memory

Virtually = Callable[[Coroutine[Any, Any, object]], float]
NOW = datetime(2025, 11, 21, 17, 45, tzinfo=UTC)


def test_a_token_lives_as_long_as_iam_says_whatever_our_clock_says() -> None:
    told = {"issued_at": "2020-01-03T09:08:49.965000Z", "expires_at": "2020-01-04T09:08:49.965000Z"}
    token = read_token(Received({"x-subject-token": "T"}, {"token": told}), NOW, 7.0)
    assert (token.text, token.lifetime, token.born) == ("T", 86400, 7.0)
    assert "T(" not in repr(token)


def test_without_an_issue_time_our_clock_serves() -> None:
    told = {"expires_at": "2025-11-21T18:45:00.000000Z"}
    assert read_token(Received({"x-subject-token": "T"}, {"token": told}), NOW, 0.0).lifetime == 3600


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ({}, {"token": {"expires_at": "2025-11-21T18:45:00Z"}}),
        ({"x-subject-token": "T"}, {"token": {}}),
        ({"x-subject-token": "T"}, {"token": {"expires_at": "soon"}}),
        ({"x-subject-token": "T"}, {}),
        ({"x-subject-token": "T"}, []),
    ],
)
def test_an_answer_without_a_token_or_its_end_is_a_value_error(headers: dict[str, str], value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_token(Received(headers, value), NOW, 0.0)


def test_the_request_is_as_documented_and_scoped_to_the_project(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.token("ONE")
    memory.json({"job_id": "j"})

    async def run() -> None:
        await memory_roma.client(memory_instance, "password").export(["a"], [])

    virtually(run())
    request = memory.seen[0]
    assert (request.method, request.url) == ("POST", "https://iam.example/v3/auth/tokens?nocatalog=true")
    assert isinstance(request.body, bytes)
    auth = json.loads(request.body)["auth"]
    assert auth["scope"] == {"project": {"id": "p" * 32}}
    user = auth["identity"]["password"]["user"]
    assert user == {"name": "migrator", "password": "correct horse battery", "domain": {"name": "acme"}}
    assert "correct horse" not in repr(request)


def test_without_a_project_the_scope_is_the_regions(
    virtually: Virtually, memory: "Memory", memory_roma: Roma, memory_instance: Instance
) -> None:
    memory.token("ONE")
    memory.json({"projects": [{"id": "found"}]})
    nameless = replace(memory_instance, project_id="", region="cn-north-4")

    async def run() -> None:
        assert await memory_roma.reader(nameless, "password").project_ids("cn-north-4") == ("found",)

    virtually(run())
    assert isinstance(memory.seen[0].body, bytes)
    assert json.loads(memory.seen[0].body)["auth"]["scope"] == {"project": {"name": "cn-north-4"}}
    assert memory.seen[1].url == "https://iam.example/v3/projects?name=cn-north-4"


def test_credentials_may_have_an_iam_endpoint_of_their_own(
    virtually: Virtually, memory: "Memory", memory_instance: Instance
) -> None:
    memory.token("ONE")
    memory.json({"job_id": "j"})
    roma = Roma(
        Settings(),
        {"password": PasswordSecret("u", "d", "pass-word")},
        wall=lambda: NOW,
        draw=lambda: 0.5,
        transport=lambda ca_file, proxy: memory,
        iam_endpoints={"password": "https://iam.elsewhere"},
    )

    async def run() -> None:
        await roma.client(memory_instance, "password").export(["a"], [])

    virtually(run())
    assert memory.seen[0].url.startswith("https://iam.elsewhere/v3/")
