"""Every kind of fault does what it says, and is counted."""

import json
import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.emulator.api.fault_matcher import Strikes
from orchestrator.emulator.protocol.errors import Refusal
from orchestrator.emulator.protocol.messages import (
    Delayed,
    Drip,
    Dropped,
    Hang,
    How,
    NoLength,
    Refused,
    Reply,
    Truncated,
    Whole,
    WrongLength,
)
from orchestrator.emulator.world.faults import TARGETS, Kind, Rule
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.operations import WRITES, Operation
from orchestrator.emulator.world.options import Switches
from tests.emulator.in_memory_client import SHORT, Ask, InMemoryClient

ORDERS, BILLING = "orders-web", "billing-web"


def client(*rules: Rule, switches: Switches | None = None) -> InMemoryClient:
    return InMemoryClient(generate(4, 6, durations=SHORT, faults=rules, switches=switches))


def jobs(far: InMemoryClient) -> int:
    return len(far.service.ledger.jobs)


EXPORT = frozenset({Operation.EXPORT})

#: kind -> how an export's answer travels, its status, whether a job was made
ON_EXPORT: dict[Kind, tuple[How, int, bool]] = {
    Kind.CONNECTION_REFUSED: (Refused(), 0, False),
    Kind.RESET_BEFORE_SEND: (Dropped(executed=False), 0, False),
    Kind.RESET_AFTER_SEND: (Dropped(executed=True), 200, True),
    Kind.RESET_AFTER_SEND_NOT_EXECUTED: (Dropped(executed=False), 0, False),
    Kind.HANG_EXECUTED: (Hang(executed=True), 200, True),
    Kind.HANG_NOT_EXECUTED: (Hang(executed=False), 0, False),
    Kind.GARBAGE_200: (Whole(), 200, True),
    Kind.HALF_JSON: (Whole(), 200, True),
    Kind.HTML_502_BEFORE: (Whole(), 502, False),
    Kind.BAD_GATEWAY_AFTER: (Whole(), 502, True),
    Kind.GATEWAY_TIMEOUT_AFTER: (Whole(), 504, True),
    Kind.UNAVAILABLE: (Whole(), 503, False),
    Kind.ERROR_BEFORE: (Whole(), 500, False),
    Kind.ERROR_AFTER: (Whole(), 500, True),
    Kind.TOKEN_EXPIRED_EARLY: (Whole(), 401, False),
    Kind.UNAUTHORISED_ONCE: (Whole(), 401, False),
    Kind.THROTTLED: (Whole(), 429, False),
    Kind.THROTTLED_RETRY_AFTER: (Whole(), 429, False),
    Kind.NOT_CREATED: (Whole(), 400, False),
    Kind.OUTAGE: (Refused(), 0, False),
    Kind.DELAYED: (Delayed(1.0), 200, True),
    Kind.REDIRECTED: (Whole(), 302, False),
}


@pytest.mark.parametrize("kind", list(ON_EXPORT))
def test_a_fault_on_an_export_is_executed_or_not_as_it_says(kind: Kind) -> None:
    far = client(Rule(kind, EXPORT))
    reply = far.export((ORDERS,))
    assert ((reply.how, reply.status, jobs(far) == 1)) == ON_EXPORT[kind]
    assert far.api.strikes.counts == {kind: 1}


def test_garbage_and_halves_are_no_json() -> None:
    for kind in (Kind.GARBAGE_200, Kind.HALF_JSON):
        reply = client(Rule(kind, EXPORT)).export((ORDERS,))
        with pytest.raises(json.JSONDecodeError):
            json.loads(bytes(reply.body))


def test_retry_after_is_sent_only_where_asked() -> None:
    assert client(Rule(Kind.THROTTLED_RETRY_AFTER, EXPORT, seconds=7)).export((ORDERS,)).headers["retry-after"] == "7"
    assert "retry-after" not in client(Rule(Kind.THROTTLED, EXPORT)).export((ORDERS,)).headers


def test_a_spoilt_token_stays_void_and_a_new_one_works() -> None:
    far = client(Rule(Kind.TOKEN_EXPIRED_EARLY, EXPORT))
    assert far.export((ORDERS,)).json["error_code"] == "APIGW.0307"
    assert far.export((ORDERS,)).json["error_code"] == "APIGW.0307"
    fresh = InMemoryClient(far.world)
    assert fresh.get("/apps").status == 200


def test_a_token_may_end_during_the_upload() -> None:
    far = client(Rule(Kind.TOKEN_EXPIRES_DURING_UPLOAD))
    assert far.import_(far.package((ORDERS,))).json["error_code"] == "APIGW.0307"


# -- downloads

DOWNLOADS: dict[Kind, Callable[[int], How]] = {
    Kind.SLOW_DRIP: lambda _: Drip(256, 0.01),
    Kind.TRUNCATED_WITH_LENGTH: lambda _: Truncated(64, with_length=True),
    Kind.TRUNCATED_WITHOUT_LENGTH: lambda _: Truncated(64, with_length=False),
    Kind.WRONG_LENGTH: lambda size: WrongLength(size + 100),
    Kind.MISSING_LENGTH: lambda _: NoLength(),
}


def download(far: InMemoryClient) -> Reply:
    job_id = str(far.export((ORDERS,)).json["job_id"])
    far.now += 10
    return far.get(f"/assets/archives/{far.job(job_id)['archive_id']}")


@pytest.mark.parametrize("kind", list(DOWNLOADS))
def test_a_spoilt_download_burns_the_archive(kind: Kind) -> None:
    far = client(Rule(kind))
    reply = download(far)
    assert reply.how == DOWNLOADS[kind](len(reply.body))
    assert list(far.service.ledger.downloads.values()) == [1]


def test_a_corrupt_archive_keeps_its_length_and_loses_its_sense() -> None:
    sound, corrupt = download(client()), download(client(Rule(Kind.CORRUPT_ARCHIVE)))
    assert len(sound.body) == len(corrupt.body)
    assert client().import_(bytes(corrupt.body)).json["error_code"] == "ROMA.10011"


def test_a_denied_download_burns_nothing_and_a_burned_archive_is_gone() -> None:
    far = client(Rule(Kind.EXPORT_DENIED_DOWNLOAD))
    assert download(far).json["error_code"] == "ROMA.1006"
    assert not far.service.ledger.downloads
    assert download(far).status == 200
    burned = client(Rule(Kind.ARCHIVE_BURNED))
    assert download(burned).json["error_code"] == "ROMA.19001"


# -- jobs and slots


def test_a_foreign_job_takes_the_slot_for_its_seconds() -> None:
    far = client(Rule(Kind.BUSY_FOREIGN_JOB, seconds=5))
    assert far.export((ORDERS,)).json["error_code"] == "ROMA.10012"
    far.now += 5
    assert far.export((ORDERS,)).status == 200


def test_a_slot_stays_busy_after_the_job() -> None:
    far = client(Rule(Kind.BUSY_AFTER_SUCCESS, seconds=5))
    far.wait(str(far.export((ORDERS,)).json["job_id"]))
    assert far.export((ORDERS,)).json["error_code"] == "ROMA.10012"
    far.now += 5
    assert far.export((ORDERS,)).status == 200


def test_a_late_request_is_executed_once_after_its_caller_has_gone() -> None:
    far = client(Rule(Kind.LATE_EXECUTION))
    reply = far.export((ORDERS,))
    assert (reply.how, jobs(far)) == (Dropped(executed=True), 0)
    far.now += 30
    far.service.advance()
    assert jobs(far) == 1
    (call,) = far.service.ledger.calls
    assert (call.late, call.outcome) == (True, "accepted")
    assert far.now - 30 < call.time <= far.now


def test_the_switch_makes_lost_writes_late_ones() -> None:
    rule = Rule(Kind.HANG_NOT_EXECUTED, EXPORT)
    far = client(rule, switches=Switches(late_execution_seconds=30))
    assert far.export((ORDERS,)).how == Hang(executed=True)
    far.now += 30
    far.service.advance()
    assert jobs(far) == 1


def test_a_job_is_told_wrongly_once() -> None:
    expected: dict[Kind, Callable[[dict[str, object]], bool]] = {
        Kind.STALE_STATUS: lambda told: told["status"] == "RUNNING",
        Kind.STATUS_BACKWARDS: lambda told: told["status"] == "RUNNING" and told["progress_percent"] == 0.01,
        Kind.ARCHIVE_ID_MISSING: lambda told: told["status"] == "SUCCEEDED" and "archive_id" not in told,
    }
    for kind, holds in expected.items():
        far = client(Rule(kind, nth=2))
        job_id = str(far.export((ORDERS,)).json["job_id"])
        far.job(job_id)
        far.now += 10
        assert holds(far.job(job_id)), kind
        assert "archive_id" in far.job(job_id)
        assert far.api.strikes.counts[kind] == 1


def test_a_running_job_may_have_a_state_that_nobody_knows() -> None:
    far = client(Rule(Kind.UNKNOWN_STATE_NAME, text="Hibernating"))
    assert far.job(str(far.export((ORDERS,)).json["job_id"]))["status"] == "Hibernating"


def test_a_job_vanishes_once_or_for_good() -> None:
    for kind, after in ((Kind.JOB_VANISHES_ONCE, 200), (Kind.JOB_VANISHES, 404)):
        far = client(Rule(kind))
        path = f"/assets/jobs/{far.export((ORDERS,)).json['job_id']}"
        assert (far.get(path).status, far.get(path).status) == (404, after)


def test_a_job_runs_for_ever_or_longer() -> None:
    forever, slow = client(Rule(Kind.JOB_RUNS_FOREVER)), client(Rule(Kind.SLOW_JOB, seconds=100))
    ends = []
    for far in (forever, slow):
        job_id = str(far.export((ORDERS,)).json["job_id"])
        ends.append(far.service.find_job(far.caller(), job_id).end - far.now)
    assert ends == [math.inf, 110.0]


def test_a_body_of_too_many_assets_is_too_large() -> None:
    far = client(Rule(Kind.TOO_LARGE, count=1))
    assert far.export((ORDERS, BILLING)).status == 413
    assert far.import_(far.package((ORDERS, BILLING))).status == 413
    far.now += 100
    assert far.export((ORDERS,)).status == 200


def test_the_service_or_iam_is_away_for_a_while() -> None:
    far = client(Rule(Kind.OUTAGE, after=10, until=20))
    seen = []
    for _ in range(3):
        seen.append(far.get("/apps").status)
        far.now += 10
    assert seen == [200, 0, 200]
    away = client(Rule(Kind.IAM_OUTAGE, until=5))
    with pytest.raises(KeyError):
        away.token()
    away.now += 5
    assert away.get("/apps").status == 200


def test_an_outage_of_one_instance_leaves_the_other() -> None:
    far = client(Rule(Kind.OUTAGE, instance="prod"))
    assert far.get("/apps").status == 200
    assert far.get("/apps", ask=Ask("prod")).how == Refused()


def test_a_skewed_clock_refuses_signatures() -> None:
    from orchestrator.emulator.protocol.messages import Request
    from tests.emulator.in_memory_client import signed

    far = client(Rule(Kind.CLOCK_SKEW))
    request = Request("GET", far.path("/apps"))
    assert far.api.handle(signed(request, far.world.users[0], far.now)).json["error_code"] == "APIGW.0301"
    assert far.api.handle(signed(request, far.world.users[0], far.now + 1200)).status == 200


def test_what_was_written_shows_later() -> None:
    far = client(Rule(Kind.READ_AFTER_WRITE_LAG, seconds=5))
    far.wait(str(far.import_(far.package((ORDERS,))).json["job_id"]))
    totals = [far.get("/apps", ask=Ask("prod")).json["total"]]
    far.now += 5
    totals.append(far.get("/apps", ask=Ask("prod")).json["total"])
    assert totals == [0, 1]


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (Kind.POISON_EXPORT, True),
        (Kind.POISON_EXPORT_UNNAMED, False),
        (Kind.POISON_IMPORT, True),
        (Kind.POISON_IMPORT_UNNAMED, False),
    ],
)
def test_poison_fails_every_job_that_carries_it(kind: Kind, named: bool) -> None:
    far = client(Rule(kind, names=frozenset({ORDERS})))
    importing = Operation.IMPORT in TARGETS[kind]
    for _ in range(2):
        reply = far.import_(far.package((ORDERS, BILLING))) if importing else far.export((ORDERS, BILLING))
        job_id = str(reply.json["job_id"])
        far.wait(job_id)
        told = far.job(job_id, "prod" if importing else "dev")
        assert (told["status"], ORDERS in json.dumps(told)) == ("FAILED", named)
    sound = far.package((BILLING,))
    assert far.wait(str(far.import_(sound).json["job_id"])).value == "succeeded"


# -- matching


def test_a_rule_waits_for_its_nth_request_and_strikes_so_many_times() -> None:
    far = client(Rule(Kind.UNAVAILABLE, frozenset({Operation.APPS}), nth=2, times=2))
    far.get("/tasks", "fdi")
    assert [far.get("/apps").status for _ in range(5)] == [200, 503, 503, 200, 200]


def test_a_chance_is_drawn_from_the_seed() -> None:
    def strikes(seed: int) -> list[int]:
        rule = Rule(Kind.UNAVAILABLE, frozenset({Operation.APPS}), times=0, probability=0.5)
        far = InMemoryClient(generate(1, 0, faults=(rule,)), seed)
        return [far.get("/apps").status for _ in range(30)]

    assert strikes(1) == strikes(1)
    assert strikes(1) != strikes(2)
    assert set(strikes(1)) == {200, 503}


def test_rules_come_and_go_while_it_runs() -> None:
    far = client()
    far.api.strikes.add(Rule(Kind.UNAVAILABLE, frozenset({Operation.APPS}), times=0))
    assert far.get("/apps").status == 503
    far.api.strikes.clear()
    assert far.get("/apps").status == 200


def test_the_kinds_are_many_and_each_is_reached_by_random_use() -> None:
    assert len(Kind) >= 34
    reached: set[Kind] = set()
    for kind in Kind:
        for seed in range(3):
            far = client(Rule(kind, times=0, names=frozenset({ORDERS}), count=1))
            _wander(far, random.Random(seed))
            reached |= set(far.api.strikes.counts)
    assert reached == set(Kind)


def _wander(far: InMemoryClient, dice: random.Random) -> None:
    """A few requests of every sort, whatever they answer."""
    try:
        _walk(far)
    except (KeyError, ValueError, Refusal, AssertionError):
        # A fault hit the walk itself: it was reached, and that is all we ask.
        far.now += dice.random()


def _walk(far: InMemoryClient) -> None:
    package = far.package((ORDERS, BILLING))
    job_id = str(far.export((ORDERS, BILLING)).json.get("job_id", "none"))
    far.job(job_id)
    far.now += 10
    far.get(f"/assets/archives/{far.job(job_id).get('archive_id', 'none')}")
    far.import_(package)
    far.get("/apps")
    app_id = far.world.instance("dev").apps[0].id
    far.ask("PUT", far.path(f"/apps/{app_id}/users"), Ask(body=b"{}"))
    body = json.dumps({"action_id": "start", "list": [{"task_id": "any"}]}).encode()
    far.ask("POST", far.path("/batch-operation/tasks", kind="fdi"), Ask(body=body))
    far.ask("POST", far.path("/apis/publish", kind="apic"), Ask(body=b"{}"))


def test_writes_without_a_body_survive_every_fault() -> None:
    for operation in WRITES:
        for kind in Kind:
            far = client(replace(Rule(kind), times=0, after=0.0))
            try:
                far.token()
            except KeyError:
                continue
            reply = far.ask("POST", far.path(f"/assets/{operation.value}"))
            assert isinstance(reply, Reply)


def test_the_fault_stream_is_of_its_own() -> None:
    assert Strikes((), 1, lambda: 0.0).draw() == Strikes((), 1, lambda: 0.0).draw()
