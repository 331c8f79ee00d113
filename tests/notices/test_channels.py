"""Each way to tell, over a real socket: the form its service documents, sent once, and never an error of the run."""

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.core.plan.plan import TOLD, NoticeForm, NoticeKind, SmnTopic
from orchestrator.notices.channels import (
    Channel,
    HeartbeatChannel,
    LibraryChannel,
    NotTold,
    SmnChannel,
    WebhookChannel,
    unusable,
)
from orchestrator.notices.notice import Notice
from orchestrator.notices.sender import Sender
from orchestrator.roma import AiohttpTransport
from tests.notices.hooks import Came, Hooks, hooks
from tests.notices.schemas import DOCUMENTED

AK, SK = "AKEXAMPLE0000000000X", "SKexample/secret+key0000000000000000000000"
URN = "urn:smn:cn-north-4:0123456789abcdef0123456789abcdef:cutover"
FAILED = Notice(
    frozenset({NoticeKind.FAILED}), "orders <&> 订单", "ended with 9: the service cannot be reached", 1767225600.0,
    "host-1", "20260101-000000-0000", 9, "no usable answer from roma for 1800 s", "whoever runs the network",
    "roma-migrate run plan.yaml", {"verified": 3, "waiting": 2, "blocked": 0},
)  # fmt: skip
DONE = Notice(frozenset({NoticeKind.DONE}), "orders", "ended with 0: done", 1767225600.0, "host-1", code=0)


@pytest.fixture
def server() -> Iterator[Hooks]:
    with hooks() as told:
        yield told


def webhook(url: str, form: str = "json") -> WebhookChannel:
    return WebhookChannel("notify[0].webhook", url, TOLD, NoticeForm(form), AiohttpTransport)


def troubles(channel: Channel, *notices: Notice) -> list[str]:
    """What the log would say."""
    found: list[str] = []
    sender = Sender([channel], lambda name, why: found.append(f"{name}: {why}"))
    for notice in notices:
        sender.post(notice)
    sender.close()
    return found


@pytest.mark.parametrize("form", DOCUMENTED)
def test_each_form_is_what_its_service_documents(form: str, server: Hooks) -> None:
    assert troubles(webhook(f"{server.url}/hook/SESAME", form), FAILED) == []
    (came,) = server.at("/hook/SESAME")
    assert came.method == "POST"
    assert came.headers["content-type"].startswith("application/json")
    jsonschema.validate(came.json, DOCUMENTED[form])
    assert "ended with 9" in came.body.decode()
    assert "订单" in came.body.decode()


def test_slack_reads_no_markup_in_a_name(server: Hooks) -> None:
    troubles(webhook(f"{server.url}/x", "slack"), FAILED)
    assert "orders &lt;&amp;&gt;" in server.came[0].json["text"]


def test_a_text_is_cut_at_what_wecom_takes(server: Hooks) -> None:
    from dataclasses import replace

    troubles(webhook(f"{server.url}/x", "wecom"), replace(FAILED, why="原因" * 2000))
    assert len(server.came[0].json["text"]["content"].encode()) <= 2048


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ("feishu", {"code": 19024, "msg": "Key Words Not Found"}),
        ("dingtalk", {"errcode": 310000, "errmsg": "keywords not in content"}),
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}),
    ],
)
def test_a_refusal_inside_a_good_answer_is_told(form: str, answer: dict[str, Any], server: Hooks) -> None:
    server.answers["/x"] = (200, json.dumps(answer).encode())
    (trouble,) = troubles(webhook(f"{server.url}/x", form), FAILED)
    assert str(next(iter(answer.values()))) in trouble
    assert len(server.came) == 1


def test_a_lost_answer_is_not_sent_again(server: Hooks) -> None:
    server.answers["/SESAME"] = None
    (trouble,) = troubles(webhook(f"{server.url}/SESAME"), FAILED)
    assert "it may have arrived and is not sent again" in trouble
    assert "SESAME" not in trouble
    assert len(server.came) == 1


def test_an_error_of_the_service_is_not_sent_again(server: Hooks) -> None:
    server.answers["/x"] = (500, b"oops")
    assert troubles(webhook(f"{server.url}/x"), FAILED) == ["notify[0].webhook: the service answers HTTP 500"]
    assert len(server.came) == 1


def test_what_certainly_did_not_arrive_is_sent_again() -> None:
    """Nothing listens at first: the second or third attempt finds the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (trouble,) = troubles(webhook(f"http://127.0.0.1:{port}/x"), FAILED)
    assert "cannot connect to 127.0.0.1" in trouble
    assert "may have arrived" not in trouble


def test_a_service_that_hangs_holds_nobody_up(server: Hooks) -> None:
    server.answering.clear()
    found: list[str] = []
    sender = Sender([webhook(f"{server.url}/x")], lambda name, why: found.append(why))
    for _ in range(150):
        sender.post(FAILED)
    sender.close(patience=0.2)
    assert any("too many notices wait" in each for each in found)
    assert "the last notices were not sent in time" in found or len(found) >= 49


def test_a_heartbeat_is_called_at_a_good_end_alone(server: Hooks) -> None:
    assert troubles(HeartbeatChannel("notify[0].heartbeat", f"{server.url}/beat", AiohttpTransport), FAILED, DONE) == []
    assert [(one.method, one.path) for one in server.came] == [("GET", "/beat")]


def test_on_says_what_is_told() -> None:
    both = frozenset({NoticeKind.FAILED, NoticeKind.NEEDS_A_PERSON})
    undecided = Notice(both, "p", "ended with 5", 0.0, code=5)
    for on, expected in (
        ((NoticeKind.ALL,), [True, True, True]), ((NoticeKind.NEEDS_A_PERSON,), [True, False, False]),
        (TOLD, [True, True, False]), ((NoticeKind.DONE,), [False, False, True]),
    ):  # fmt: skip
        channel = WebhookChannel("x", "https://x", on, NoticeForm.JSON, AiohttpTransport)
        assert [channel.wants(each) for each in (undecided, FAILED, DONE)] == expected


def test_smn_gets_a_message_whose_signature_the_official_signer_makes_too(server: Hooks) -> None:
    topic = SmnTopic(URN, "me", endpoint=server.url)
    secret = AccessKeySecret(AK, SK, "SECURITY-TOKEN")
    wall = lambda: datetime.now(UTC)  # noqa: E731
    assert troubles(SmnChannel("notify[0].smn", topic, secret, "", wall, AiohttpTransport), FAILED) == []
    (came,) = server.came
    assert came.path == f"/v2/0123456789abcdef0123456789abcdef/notifications/topics/{URN}/publish"
    assert set(came.json) == {"subject", "message"}
    assert len(came.json["subject"].encode()) <= 512
    assert came.headers["authorization"] == official(came, server)


def official(came: Came, server: Hooks) -> str:
    """The header that the SDK makes for the same request at the same moment."""
    signed = came.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: came.headers[name] for name in signed}
    request = SdkRequest(
        "POST", "http", f"127.0.0.1:{server.port}", came.path, came.path, [], dict(headers), came.body.decode()
    )
    credentials = BasicCredentials(AK, SK, "0123456789abcdef0123456789abcdef").with_security_token("SECURITY-TOKEN")
    return str(Signer(credentials).sign(request).header_params["Authorization"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's own, while it is loaded
def test_the_library_tells_by_any_address_it_knows(server: Hooks) -> None:
    channel = LibraryChannel("notify[0].url", f"json://127.0.0.1:{server.port}/any", TOLD)
    assert troubles(channel, FAILED) == []
    (came,) = server.came
    assert "ended with 9" in came.body.decode()
    server.answers["/any"] = (500, b"")
    (trouble,) = troubles(channel, FAILED)
    assert "could not deliver it" in trouble


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_address_that_the_library_does_not_know_is_refused_without_being_repeated() -> None:
    with pytest.raises(NotTold, match="does not know such an address") as caught:
        LibraryChannel("notify[0].url", "nonsense://SESAME", TOLD)
    assert "SESAME" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://example.com/x", "ftp://x", "", "no address", "https://", "https://a b"])
def test_an_address_that_would_show_its_secret_is_refused(address: str) -> None:
    assert unusable(address)


def test_an_address_with_tls_or_on_this_machine_is_taken() -> None:
    taken = ("https://x.example/y?z=1", "http://127.0.0.1:8/x", "http://localhost/", "http://[::1]:8/x")
    assert not any(map(unusable, taken))


def test_nothing_is_started_where_nobody_is_to_be_told() -> None:
    sender = Sender([], lambda name, why: None)
    sender.post(FAILED)
    sender.close()
