"""Whatever becomes of a request on its way, 255 assets arrive once, no job is doubled, and the run ends 0."""

from collections import Counter
from dataclasses import dataclass

import pytest

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, AppKey, LockScope
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, Said
from tests.e2e.local_roma import LocalRoma, large_world, small_world
from tests.emulator.ledgers import overlaps

#: a repeated import would show: it makes a second asset beside the first
SHOWS_DOUBLES = Switches(add_new_on_existing=AddNewOnExisting.SUFFIX, app_key=AppKey.NEW)


@dataclass(frozen=True)
class Lost:
    """One way to lose two answers: how each time, and whether the service executes the request all the same."""

    name: str
    kinds: tuple[Kind, Kind]
    executed: tuple[bool, bool]


def _lost(name: str, *struck: tuple[Kind, bool]) -> Lost:
    first, second = struck * (2 // len(struck))
    return Lost(name, (first[0], second[0]), (first[1], second[1]))


LOST = (
    _lost("drop before", (Kind.RESET_AFTER_SEND_NOT_EXECUTED, False)),
    _lost("drop after", (Kind.RESET_AFTER_SEND, True)),
    _lost("504 after", (Kind.GATEWAY_TIMEOUT_AFTER, True)),
    _lost("502", (Kind.HTML_502_BEFORE, False), (Kind.BAD_GATEWAY_AFTER, True)),
    _lost("500", (Kind.ERROR_AFTER, True), (Kind.ERROR_BEFORE, False)),
    _lost("garbage", (Kind.GARBAGE_200, True), (Kind.HALF_JSON, True)),
)


def _arrived_once(roma: LocalRoma, said: Said) -> None:
    """What every test below ends with."""
    assert said.code == 0, said.both
    assert said.document["counts"]["verified"] == sum(roma.everything().values())
    assert roma.held() == roma.everything()
    assert roma.twice() == {}
    imported = Counter(asset for job in roma.ledger.jobs.values() if job.type == "import" for asset in job.asset_ids)
    assert set(imported.values()) == {1}
    assert roma.refused_beside_own() == []
    assert overlaps(roma.ledger, LockScope.USER_ANY) == []
    assert all(times == 1 for times in roma.ledger.downloads.values())


@pytest.mark.parametrize("lost", LOST, ids=lambda each: each.name)
def test_lost_answers_to_imports_bring_nothing_twice(serve: Serve, desk: Desk, lost: Lost) -> None:
    """One while the target is empty, so that only time can prove; one while something is there to probe with."""
    roma = serve(large_world(switches=SHOWS_DOUBLES))
    desk.ready(roma)
    roma.strike(lost.kinds[0], Operation.IMPORT, nth=1)
    roma.strike(lost.kinds[1], Operation.IMPORT, nth=3)
    said = desk.run("run", "plan.yaml", "--json")
    _arrived_once(roma, said)
    assert sum(roma.struck(kind) for kind in set(lost.kinds)) == 2
    assert roma.jobs("import") == 3
    assert said.err.count('"event": "import-found"') == sum(lost.executed), said.err
    assert said.err.count('"event": "import-missing"') == 2 - sum(lost.executed), said.err


@pytest.mark.parametrize("lost", LOST, ids=lambda each: each.name)
def test_lost_answers_to_exports_cost_one_more_export_each(serve: Serve, desk: Desk, lost: Lost) -> None:
    roma = serve(large_world(switches=SHOWS_DOUBLES))
    desk.ready(roma)
    roma.strike(lost.kinds[0], Operation.EXPORT, nth=1)
    roma.strike(lost.kinds[1], Operation.EXPORT, nth=3)
    said = desk.run("run", "plan.yaml", "--json")
    _arrived_once(roma, said)
    assert sum(roma.struck(kind) for kind in set(lost.kinds)) == 2
    assert roma.jobs("export") == 3 + sum(lost.executed)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (Kind.TRUNCATED_WITH_LENGTH, 1),
        (Kind.TRUNCATED_WITHOUT_LENGTH, 1),
        (Kind.CORRUPT_ARCHIVE, 1),
        (Kind.WRONG_LENGTH, 1),
        (Kind.MISSING_LENGTH, 0),
        (Kind.EXPORT_DENIED_DOWNLOAD, 1),
        (Kind.ARCHIVE_BURNED, 1),
        (Kind.RESET_AFTER_SEND, 1),
        (Kind.UNAVAILABLE, 1),
    ],
    ids=str,
)
def test_a_spoiled_download_costs_its_own_batch_one_more_export(
    serve: Serve, desk: Desk, kind: Kind, more: int
) -> None:
    roma = serve(large_world(switches=SHOWS_DOUBLES))
    desk.ready(roma)
    roma.strike(kind, Operation.ARCHIVE, nth=2)
    said = desk.run("run", "plan.yaml", "--json")
    _arrived_once(roma, said)
    assert roma.struck(kind) == 1
    assert roma.jobs("export") == 3 + more


@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.THROTTLED_RETRY_AFTER], ids=["without", "with Retry-After"])
def test_429_is_waited_out_for_every_kind_of_request(serve: Serve, desk: Desk, kind: Kind) -> None:
    roma = serve(large_world(switches=SHOWS_DOUBLES))
    desk.ready(roma)
    for operation in (Operation.APPS, Operation.EXPORT, Operation.JOB, Operation.ARCHIVE, Operation.IMPORT):
        roma.strike(kind, operation, seconds=1)
    said = desk.run("run", "plan.yaml", "--json")
    _arrived_once(roma, said)
    assert roma.struck(kind) == 5
    assert (roma.jobs("export"), roma.jobs("import")) == (3, 3)


@pytest.mark.parametrize("kind", [Kind.TOKEN_EXPIRED_EARLY, Kind.TOKEN_EXPIRES_DURING_UPLOAD])
def test_a_token_that_ends_in_the_middle_is_renewed_and_the_request_asked_once_more(
    serve: Serve, desk: Desk, kind: Kind
) -> None:
    roma = serve(large_world(switches=SHOWS_DOUBLES))
    desk.ready(roma)
    roma.strike(kind, Operation.IMPORT, nth=1)
    roma.strike(kind, Operation.IMPORT, nth=3)
    said = desk.run("run", "plan.yaml", "--json")
    _arrived_once(roma, said)
    assert roma.struck(kind) == 2
    assert roma.api.identity.token_requests["acme/prod-migrator"] == 3


def test_everything_at_once_is_survived_too(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(switches=SHOWS_DOUBLES))
    desk.ready(roma)
    for operation in (Operation.EXPORT, Operation.ARCHIVE, Operation.IMPORT, Operation.JOB):
        roma.strike(Kind.RESET_AFTER_SEND, operation, nth=1)
        roma.strike(Kind.BAD_GATEWAY_AFTER, operation, nth=2)
        roma.strike(Kind.THROTTLED, operation, nth=3)
    said = desk.run("run", "plan.yaml", "--json")
    _arrived_once(roma, said)
