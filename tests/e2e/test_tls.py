"""A certificate that cannot be trusted is told at once, by the host and by what is wrong with it (promise 9).

`tests/roma/certificates` holds an authority that nobody knows (`loopback.pem`, which signed itself) and two
certificates that it signed: `expired.pem`, for 127.0.0.1, and `other-host.pem`, for other.example.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio.from_thread
import pytest
from aiohttp import web

from orchestrator.errors import ExitCode
from tests.e2e.conftest import Serve
from tests.e2e.desk import REPOSITORY, Desk
from tests.e2e.local_roma import small_world

CERTIFICATES = REPOSITORY / "tests" / "roma" / "certificates"
AUTHORITY = CERTIFICATES / "loopback.pem"
#: seconds that a test waits for a command which would otherwise try for a minute
AT_ONCE = 50.0
#: certificate, whether its authority is named in the plan -> what is wrong with it
WRONG = {
    ("expired.pem", True): "certificate has expired",
    ("other-host.pem", True): "IP address mismatch, certificate is not valid for '127.0.0.1'",
    ("loopback.pem", False): "self-signed certificate (a private authority needs `ca_file`)",
    ("expired.pem", False): "(a private authority needs `ca_file`)",
}


@asynccontextmanager
async def _listening(certificate: Path) -> AsyncIterator[int]:
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(certificate)
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_side).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextmanager
def listening(certificate: Path) -> Iterator[int]:
    """A port of loopback where somebody shows this certificate."""
    with (
        anyio.from_thread.start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(_listening(certificate)) as port,
    ):
        yield port


@pytest.mark.parametrize(("certificate", "named"), WRONG)
@pytest.mark.parametrize("instance", ["dev", "prod"], ids=["ROMA", "IAM"])
def test_a_certificate_that_cannot_be_trusted_is_told_at_once_with_host_and_cause(
    serve: Serve, desk: Desk, certificate: str, named: bool, instance: str
) -> None:
    roma = serve(small_world())
    plan = desk.plan(roma)
    with listening(CERTIFICATES / certificate) as port:
        secure = f"https://127.0.0.1:{port}" + (f", ca_file: {AUTHORITY}" if named else "")
        text = plan.read_text(encoding="utf-8").replace(f"iam_endpoint: {roma.url}", f"iam_endpoint: {secure}")
        plan.write_text(text.replace(f"{{endpoint: {roma.url}", f"{{endpoint: https://127.0.0.1:{port}"))
        said = desk.run("inventory", "plan.yaml", instance, patience=AT_ONCE)
    assert said.code == ExitCode.UNREACHABLE, said.both
    assert f"the certificate of 127.0.0.1:{port} is not trusted" in said.err
    assert WRONG[certificate, named] in said.err
    assert "\nwho:  whoever runs the network or the service" in said.err
    assert "\nnext: check the endpoint; have the certificate renewed, or name its authority" in said.err
