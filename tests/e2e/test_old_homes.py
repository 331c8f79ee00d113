"""Homes that an earlier version wrote (0.1.0, before the floors) are read, reported, handed over and gone on with.

tests/data/old-homes holds two, each with its plan: `finished`, and `unfinished`, whose process was killed while its
first import was on its way. Both moved `generate(8, 22)` from `dev` to `prod` at an endpoint of its own, because a
run's endpoints are part of what it moves.
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio.from_thread
import pytest

from orchestrator.emulator.server import serve
from orchestrator.errors import ExitCode
from orchestrator.storage.home import Home, head_path
from tests.e2e.desk import REPOSITORY, Desk, secrets_of
from tests.e2e.local_roma import LocalRoma, small_world

HOMES = REPOSITORY / "tests" / "data" / "old-homes"
#: where the old runs found their service: an address of the loopback network that nobody else uses
HOST, PORT = "127.77.1.24", 18732


@contextmanager
def the_old_service() -> Iterator[LocalRoma]:
    """What the unfinished run had seen: `dev` as it was, nothing at `prod`; its jobs are forgotten."""
    with anyio.from_thread.start_blocking_portal("asyncio") as portal:
        roma = LocalRoma(portal, small_world())
        with portal.wrap_async_context_manager(serve(roma.api, PORT, HOST)):
            yield roma


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Desk:
    with tarfile.open(HOMES / f"{request.param}.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    return Desk(tmp_path, secrets_of(*small_world().users))


@pytest.mark.parametrize("desk", ["finished"], indirect=True)
def test_a_finished_run_of_an_earlier_version_is_reported_and_handed_over(desk: Desk) -> None:
    before = desk.files()
    (run,) = Home(desk.home).run_ids()
    (row,) = desk.run("runs", "--json").document["runs"]
    assert (row["run"], row["plan"], row["code"], row["counts"]["verified"]) == (run, "orders", 0, 30)
    told = desk.run("status", "orders")
    assert (told.code, "everything is imported and" in told.out) == (ExitCode.DONE, True), told.both
    told = desk.run("report", run, "--json")
    assert told.code == ExitCode.DONE, told.both
    assert told.document["code"] == 0
    told = desk.run("handover", "plan.yaml")
    assert told.code == ExitCode.DONE, told.both
    assert "stop task billing-web-to-stock-web-master-data-0010 at dev" in told.out
    assert desk.files() == before, "who only looks changes nothing"


@pytest.mark.parametrize("desk", ["unfinished"], indirect=True)
def test_a_run_of_an_earlier_version_that_was_killed_is_gone_on_with_to_its_end(desk: Desk) -> None:
    (run,) = Home(desk.home).run_ids()
    told = desk.run("status", "orders")
    assert (told.code, "stuck: no process conducts it" in told.out) == (ExitCode.DONE, True), told.both
    with the_old_service() as roma:
        told = desk.run("run", "plan.yaml")
        assert told.code == ExitCode.DONE, told.both
        assert f"goes on with run {run}" in told.err
        assert roma.held() == roma.everything()
    assert Home(desk.home).run_ids() == [run]
    assert head_path(Home(desk.home).journal(run)).is_file(), "from now on its head is kept as well"
    assert desk.run("report", "orders", "--json").document["code"] == 0
    told = desk.run("handover", "orders")
    assert (told.code, "stop task" in told.out) == (ExitCode.DONE, True), told.both
