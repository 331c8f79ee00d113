"""Every way a reply can travel, on a real socket."""

import io
import json
import time

import anyio
import pytest
from aiohttp import (
    ClientConnectionError,
    ClientPayloadError,
    ClientSession,
    ClientTimeout,
    ServerDisconnectedError,
    TCPConnector,
)

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.server import Address, serve
from orchestrator.emulator.service.exports import Chosen
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.world import World
from tests.emulator.in_memory_client import FORM, form, named, token_request

QUICK = Durations(Duration(0.0), Duration(0.0), Duration(0.0))
ARCHIVE = frozenset({Operation.ARCHIVE})


def api(*faults: Rule, switches: Switches | None = None) -> Api:
    return Api(Service(generate(4, 6, switches=switches, durations=QUICK, faults=faults), time.time))


class Talk:
    """A client of one served world."""

    def __init__(self, world: World, address: Address, session: ClientSession) -> None:
        self.world, self.session, self.address = world, session, address

    def url(self, rest: str, instance: str = "dev") -> str:
        one = self.world.instance(instance)
        return f"{self.address.url}/v2/{one.project_id}/instances/{one.id}{rest}"

    async def token(self, instance: str = "dev") -> dict[str, str]:
        request = token_request(self.world.users[0], self.world.instance(instance).project_id)
        async with self.session.post(f"{self.address.url}{request.path}", data=request.body) as reply:
            assert reply.status == 201
            return {"X-Auth-Token": reply.headers["X-Subject-Token"]}

    async def archive(self, headers: dict[str, str]) -> str:
        """The address of a fresh archive."""
        body = named(Chosen((self.world.instance("dev").apps[0].id,), ()))
        async with self.session.post(self.url("/assets/export"), data=body, headers=headers) as reply:
            job_id = (await reply.json())["job_id"]
        async with self.session.get(self.url(f"/assets/jobs/{job_id}"), headers=headers) as reply:
            return self.url(f"/assets/archives/{(await reply.json())['archive_id']}")


def session(seconds: float = 10.0) -> ClientSession:
    return ClientSession(connector=TCPConnector(force_close=True), timeout=ClientTimeout(total=seconds))


async def download(one: Api, seconds: float = 10.0) -> tuple[dict[str, str], bytes]:
    """Headers and body of the download of a fresh archive."""
    async with serve(one) as address, session(seconds) as http:
        talk = Talk(one.service.world, address, http)
        headers = await talk.token()
        async with http.get(await talk.archive(headers), headers=headers) as reply:
            return dict(reply.headers), await reply.read()


async def test_an_archive_arrives_whole_with_its_length() -> None:
    headers, body = await download(api())
    assert headers["Content-Length"] == str(len(body))
    assert body[:2] == b"PK"


async def test_a_large_archive_is_streamed() -> None:
    headers, body = await download(api(switches=Switches(package_padding=5_000_000)))
    assert headers["Content-Length"] == str(len(body))
    assert len(body) > 5_000_000


async def test_an_archive_may_come_without_a_length() -> None:
    headers, body = await download(api(Rule(Kind.MISSING_LENGTH)))
    assert "Content-Length" not in headers
    assert body[:2] == b"PK"


async def test_a_slow_archive_arrives_whole() -> None:
    _, body = await download(api(Rule(Kind.SLOW_DRIP, count=512, seconds=0.001)))
    assert body[:2] == b"PK"


async def test_a_delayed_archive_arrives_whole() -> None:
    began = time.monotonic()
    _, body = await download(api(Rule(Kind.DELAYED, ARCHIVE, seconds=0.1)))
    assert time.monotonic() - began >= 0.1
    assert body[:2] == b"PK"


@pytest.mark.parametrize("kind", [Kind.TRUNCATED_WITH_LENGTH, Kind.WRONG_LENGTH])
async def test_a_body_shorter_than_its_length_is_noticed_by_the_client(kind: Kind) -> None:
    one = api(Rule(kind))
    with pytest.raises(ClientPayloadError):
        await download(one)
    assert list(one.service.ledger.downloads.values()) == [1]


async def test_a_body_cut_without_a_length_looks_whole() -> None:
    headers, body = await download(api(Rule(Kind.TRUNCATED_WITHOUT_LENGTH, count=100)))
    assert "Content-Length" not in headers
    assert len(body) == 100


@pytest.mark.parametrize(("kind", "executed"), [(Kind.RESET_AFTER_SEND, 1), (Kind.RESET_BEFORE_SEND, 0)])
async def test_a_cut_connection_gives_no_answer(kind: Kind, executed: int) -> None:
    # A POST, since aiohttp's client sends a GET whose connection was cut a second time by itself.
    one = api(Rule(kind, frozenset({Operation.EXPORT})))
    with pytest.raises((ServerDisconnectedError, ClientConnectionError)):
        await download(one)
    assert len(one.service.ledger.jobs) == executed


async def test_a_hung_answer_never_comes_and_the_server_still_stops() -> None:
    one = api(Rule(Kind.HANG_EXECUTED, ARCHIVE))
    with anyio.fail_after(10), pytest.raises(TimeoutError):
        await download(one, seconds=0.5)
    assert sum(one.service.ledger.downloads.values()) == 1


async def test_a_package_is_uploaded_as_a_form() -> None:
    one = api()
    _, body = await download(one)
    async with serve(one) as address, session() as http:
        talk = Talk(one.service.world, address, http)
        headers = await talk.token("prod") | {"Content-Type": FORM["content-type"]}
        path = talk.url("/assets/import?type=AddNew&prefix=a_", "prod")
        async with http.post(path, data=form(body), headers=headers) as reply:
            assert reply.status == 200
    assert [app.name for app in one.service.holding("prod").apps.all()] == ["a_orders-web"]


async def test_an_upload_too_large_to_hold_is_read_from_a_file() -> None:
    one = api(switches=Switches(package_padding=9 * 1024**2))
    _, body = await download(one)
    async with serve(one) as address, session() as http:
        talk = Talk(one.service.world, address, http)
        headers = await talk.token("prod") | {"Content-Type": FORM["content-type"]}
        path = talk.url("/assets/import?type=AddNew", "prod")
        for package, status in ((body, 200), (body[:5_000_000] + b"!" + body[5_000_001:], 400)):
            async with http.post(path, data=io.BytesIO(form(package)), headers=headers) as reply:
                assert reply.status == status
    assert [app.name for app in one.service.holding("prod").apps.all()] == ["orders-web"]


async def test_an_upload_over_the_limit_of_the_server_is_refused() -> None:
    one = api()
    async with serve(one, body_limit=1000) as address, session() as http:
        talk = Talk(one.service.world, address, http)
        headers = await talk.token("prod") | {"Content-Type": FORM["content-type"]}
        path = talk.url("/assets/import?type=AddNew", "prod")
        async with http.post(path, data=form(bytes(2000)), headers=headers) as reply:
            assert reply.status == 413
    assert one.service.ledger.calls == []


async def test_a_stopped_server_refuses_and_goes_on_at_the_same_port() -> None:
    one = api()
    async with session() as http:
        async with serve(one) as address:
            talk = Talk(one.service.world, address, http)
            headers = await talk.token()
        with pytest.raises(ClientConnectionError):
            await http.get(talk.url("/apps"), headers=headers)
        async with serve(one, address.port) as again:
            assert again == address
            async with http.get(talk.url("/apps"), headers=headers) as reply:
                assert reply.status == 200


async def test_control_paths_show_and_steer() -> None:
    one = api()
    async with serve(one) as address, session() as http:
        talk = Talk(one.service.world, address, http)
        rule = {"kind": "503", "operations": ["apps"], "times": 1}
        async with http.post(f"{address.url}/_emulator/faults", json=rule) as reply:
            assert reply.status == 200
        headers = await talk.token()
        statuses = []
        for _ in range(2):
            async with http.get(talk.url("/apps"), headers=headers) as reply:
                statuses.append(reply.status)
        assert statuses == [503, 200]
        told = {}
        for path in ("ledger", "requests", "faults", "inventory/dev"):
            async with http.get(f"{address.url}/_emulator/{path}") as reply:
                told[path] = await reply.json()
        assert told["requests"]["counts"] == {"apps": 2, "token": 1}
        assert told["faults"]["counts"] == {"503": 1}
        assert len(told["inventory/dev"]["apps"]) == 4
        assert told["ledger"]["calls"] == []
        text = json.dumps(told)
        assert not [x for x in one.service.world.users if x.sk in text or x.password in text]
        async with http.post(f"{address.url}/_emulator/faults", json={"kind": "rain"}) as reply:
            assert reply.status == 400
        async with http.post(f"{address.url}/_emulator/end-jobs") as reply:
            assert reply.status == 200
