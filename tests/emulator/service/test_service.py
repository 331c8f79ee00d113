"""What the service does, in virtual time and without a wire."""

import math
from dataclasses import replace

import pytest

from orchestrator.emulator.protocol.errors import Refusal
from orchestrator.emulator.service.exports import Chosen
from orchestrator.emulator.service.imports import ImportType, Options
from orchestrator.emulator.service.jobs import JobType, Outcome, Twist
from orchestrator.emulator.world.faults import Rule
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.options import Durations, Switches
from orchestrator.emulator.world.readings import BusyCheck, Carried, Landing, Limit100, LockScope, Visibility
from orchestrator.emulator.world.world import World
from tests.emulator.in_memory_client import SHORT, InMemoryClient
from tests.emulator.ledgers import overlaps

ORDERS, BILLING = "orders-web", "billing-web"


def client(
    switches: Switches | None = None, apps: int = 4, tasks: int = 6, faults: tuple[Rule, ...] = ()
) -> InMemoryClient:
    return InMemoryClient(generate(apps, tasks, switches=switches, durations=SHORT, faults=faults))


def refusal(call: object) -> str:
    """The code a call is refused with."""
    assert callable(call)
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.code


def test_a_job_that_nobody_polls_still_ends_at_its_time() -> None:
    far = client()
    job_id = far.service.export(far.caller(), far.chosen((ORDERS,)))
    far.now += 1000
    far.service.advance()
    record = far.service.ledger.jobs[job_id]
    assert (record.end - record.begin, record.outcome) == (10.0, "succeeded")


def test_effects_of_two_jobs_land_in_the_order_of_their_ends() -> None:
    far = client(Switches(lock_scope=LockScope.USER_INSTANCE_TYPE))
    package = far.package((ORDERS,))
    imported = far.service.import_(far.caller("prod"), package, Options())
    exported = far.service.export(far.caller(), far.chosen((BILLING,)))
    far.now += 500
    far.service.advance()
    jobs = far.service.ledger.jobs
    assert jobs[imported].end == jobs[imported].begin + 20
    assert jobs[exported].end == jobs[exported].begin + 10


@pytest.mark.parametrize(
    ("scope", "free"),
    [
        (LockScope.USER_ANY, {"other user"}),
        (LockScope.USER_TYPE, {"other user", "import", "import elsewhere"}),
        (LockScope.INSTANCE_ANY, {"elsewhere", "import elsewhere"}),
        (LockScope.INSTANCE_TYPE, {"elsewhere", "import", "import elsewhere"}),
        (LockScope.USER_INSTANCE_ANY, {"other user", "elsewhere", "import elsewhere"}),
        (LockScope.USER_INSTANCE_TYPE, {"other user", "elsewhere", "import", "import elsewhere"}),
    ],
)
def test_each_lock_scope_refuses_just_the_second_job_of_its_slot(scope: LockScope, free: set[str]) -> None:
    world = generate(4, 6, filled=("dev", "dr"), switches=Switches(lock_scope=scope), durations=SHORT)
    package = InMemoryClient(world).package((ORDERS,))
    found = {
        name
        for name in ("same", "other user", "elsewhere", "import", "import elsewhere")
        if _runs(world, name, package)
    }
    assert found == free


def _runs(world: World, second: str, package: bytes) -> bool:
    """Whether a second job is accepted beside a running export of dev-migrator at dev."""
    far = InMemoryClient(world)
    far.service.export(far.caller(), far.chosen((ORDERS,)))
    elsewhere = "dr" if second == "elsewhere" else "prod" if "elsewhere" in second else "dev"
    caller = far.caller(elsewhere, "prod-migrator" if second == "other user" else "dev-migrator")
    try:
        if "import" in second:
            far.service.import_(caller, package, Options(prefix="x_"))
        else:
            far.service.export(caller, far.chosen((ORDERS,), instance=elsewhere))
    except Refusal as refused:
        return refused.code != "ROMA.10012"
    return True


def test_a_refused_second_job_is_counted_and_the_slot_is_free_after_the_end() -> None:
    far = client()
    first = far.service.export(far.caller(), far.chosen((ORDERS,)))
    assert refusal(lambda: far.service.export(far.caller(), far.chosen((BILLING,)))) == "ROMA.10012"
    assert sum(far.service.ledger.busy.values()) == 1
    assert far.wait(first) is Outcome.SUCCEEDED
    assert far.service.export(far.caller(), far.chosen((BILLING,)))
    assert max(far.service.ledger.peak_per_slot.values()) == 1
    assert overlaps(far.service.ledger, LockScope.USER_ANY) == []


def test_a_slot_may_stay_busy_for_a_while_after_its_job() -> None:
    far = client(Switches(busy_after_success_seconds=3))
    far.wait(far.service.export(far.caller(), far.chosen((ORDERS,))))
    assert refusal(lambda: far.service.export(far.caller(), far.chosen((ORDERS,)))) == "ROMA.10012"
    far.now += 3
    assert far.service.export(far.caller(), far.chosen((ORDERS,)))


def test_busy_comes_before_or_after_the_check_of_the_request() -> None:
    codes = []
    for order in BusyCheck:
        far = client(Switches(busy_check=order))
        far.service.export(far.caller(), far.chosen((ORDERS,)))
        codes.append(refusal(lambda far=far: far.service.export(far.caller(), Chosen((), ()))))
    assert codes == ["ROMA.10012", "ROMA.13000"]


def test_somebody_elses_job_takes_the_slot_for_its_time_only() -> None:
    far = client()
    assert far.service.take_slot(far.caller(), JobType.EXPORT, 5)
    assert not far.service.take_slot(far.caller(), JobType.EXPORT, 5)
    assert refusal(lambda: far.service.export(far.caller(), far.chosen((ORDERS,)))) == "ROMA.10012"
    far.now += 5
    assert far.service.export(far.caller(), far.chosen((ORDERS,)))
    assert [job.foreign for job in far.service.ledger.jobs.values()] == [True, False]


def test_more_than_100_assets_are_refused_in_total_or_for_each_kind() -> None:
    apps = {limit: client(Switches(limit_100=limit), apps=60, tasks=120) for limit in Limit100}
    for limit, far in apps.items():
        source = far.world.instance("dev")
        ids = tuple(x.id for x in source.apps), tuple(x.id for x in source.tasks)
        mixed = Chosen(ids[0][:60], ids[1][:60])
        if limit is Limit100.TOTAL:
            assert refusal(lambda far=far, mixed=mixed: far.service.export(far.caller(), mixed)) == "ROMA.13000"
        else:
            assert far.wait(far.service.export(far.caller(), mixed)) is Outcome.SUCCEEDED
        many = Chosen((), ids[1][:101])
        assert refusal(lambda far=far, many=many: far.service.export(far.caller(), many)) == "ROMA.13000"


def test_unknown_and_repeated_ids_are_refused() -> None:
    far = client()
    one = far.chosen((ORDERS,)).apps
    assert refusal(lambda: far.service.export(far.caller(), Chosen(("nobody",), ()))) == "ROMA.13000"
    assert refusal(lambda: far.service.export(far.caller(), Chosen(one + one, ()))) == "ROMA.13000"


def test_an_archive_is_downloaded_once_and_expires() -> None:
    far = client()
    job_id = far.service.export(far.caller(), far.chosen((ORDERS,)))
    far.wait(job_id)
    archive_id = str(far.service.job(far.caller(), job_id)["archive_id"])
    assert len(far.service.download(far.caller(), archive_id)) > 100
    assert refusal(lambda: far.service.download(far.caller(), archive_id)) == "ROMA.19001"
    assert "archive_id" not in far.service.job(far.caller(), job_id)
    assert far.service.ledger.downloads == {archive_id: 1}
    late = far.service.export(far.caller(), far.chosen((ORDERS,)))
    far.wait(late)
    late_id = str(far.service.job(far.caller(), late)["archive_id"])
    far.now += 600
    assert refusal(lambda: far.service.download(far.caller(), late_id)) == "ROMA.19001"
    assert "archive_id" not in far.service.job(far.caller(), late)


def test_a_job_belongs_to_its_user_and_is_forgotten_after_a_time() -> None:
    far = client(Switches(job_record_ttl_seconds=60))
    job_id = far.service.export(far.caller(), far.chosen((ORDERS,)))
    assert refusal(lambda: far.service.job(far.caller("dev", "prod-migrator"), job_id)) == "ROMA.19002"
    assert refusal(lambda: far.service.job(far.caller("prod"), job_id)) == "ROMA.19002"
    far.wait(job_id)
    far.now += 60
    assert refusal(lambda: far.service.job(far.caller(), job_id)) == "ROMA.19002"


def test_an_owner_sees_only_what_is_his_where_the_switch_says_so() -> None:
    far = client(Switches(visibility=Visibility.OWNER))
    assert len(far.service.apps(far.caller())) == 4
    assert far.service.apps(far.caller("dev", "prod-migrator")) == []
    assert far.service.tasks(far.caller("dev", "prod-migrator")) == []
    other = far.caller("dev", "prod-migrator")
    assert refusal(lambda: far.service.export(other, far.chosen((ORDERS,)))) == "ROMA.12001"


def test_what_is_imported_belongs_to_the_importing_user() -> None:
    far = client()
    package = far.package((ORDERS,))
    far.wait(far.service.import_(far.caller("prod", "prod-migrator"), package, Options()))
    assert [app.owner for app in far.service.holding("prod").apps.all()] == ["prod-migrator"]


def test_a_write_shows_after_the_read_lag() -> None:
    far = client(Switches(read_lag_seconds=4))
    job_id = far.service.import_(far.caller("prod"), far.package((ORDERS,)), Options())
    far.wait(job_id)
    assert far.service.apps(far.caller("prod")) == []
    far.now += 4
    assert [app.name for app in far.service.apps(far.caller("prod"))] == [ORDERS]
    gone = Chosen(tuple(x.id for x in far.service.apps(far.caller("prod"))), ())
    far.wait(far.service.delete(far.caller("prod"), gone))
    assert len(far.service.apps(far.caller("prod"))) == 1
    far.now += 4
    assert far.service.apps(far.caller("prod")) == []


def test_a_delete_removes_assets_with_what_belongs_to_them_and_says_so() -> None:
    far = client()
    source = far.world.instance("dev")
    running = [task for task in source.tasks if task.running]
    assert running == []
    everything = Chosen(tuple(x.id for x in source.apps), tuple(x.id for x in source.tasks))
    assert far.wait(far.service.delete(far.caller(), everything)) is Outcome.SUCCEEDED
    holding = far.service.holding("dev")
    assert [len(x) for x in (holding.apps, holding.tasks, holding.datasources, holding.apis)] == [0, 0, 0, 0]
    assert len(far.service.ledger.removed) == 4 + 6 + 8


def test_a_delete_fails_where_a_task_runs_or_still_needs_the_application() -> None:
    far = client(tasks=10)
    running = next(task for task in far.world.instance("dev").tasks if task.running)
    far.wait(job_id := far.service.delete(far.caller(), far.chosen((ORDERS,), (running.name,))))
    told = far.service.job(far.caller(), job_id)
    assert told["status"] == "FAILED"
    assert {str(one["resource_name"]) for one in _reasons(told)} == {ORDERS, running.name}
    assert far.service.ledger.removed == []


def _reasons(told: dict[str, object]) -> list[dict[str, object]]:
    reasons = told["reasons"]
    assert isinstance(reasons, list)
    return reasons


def test_a_job_may_run_for_ever_and_keeps_its_slot() -> None:
    far = client()
    job_id = far.service.export(far.caller(), far.chosen((ORDERS,)), Twist(runs=math.inf))
    far.now += 10**7
    assert far.service.job(far.caller(), job_id)["status"] == "RUNNING"
    assert refusal(lambda: far.service.export(far.caller(), far.chosen((ORDERS,)))) == "ROMA.10012"


def test_durations_are_drawn_from_the_seed() -> None:
    def ends(seed: int) -> list[float]:
        far = InMemoryClient(generate(4, 6, durations=_noisy()), seed)
        for _ in range(3):
            far.wait(far.service.export(far.caller(), far.chosen((ORDERS,))))
        return [job.end for job in far.service.ledger.jobs.values()]

    assert ends(1) == ends(1)
    assert ends(1) != ends(2)


def _noisy() -> Durations:
    return replace(SHORT, export=replace(SHORT.export, sigma=0.5))


def test_data_sources_travel_with_what_the_switch_says() -> None:
    task = "orders-web-to-billing-web-daily-0001"
    carried = {}
    for how in Carried:
        far = client(Switches(datasources_carried=how))
        far.wait(far.service.import_(far.caller("prod"), far.package((ORDERS, BILLING)), Options()))
        with_apps = len(far.service.holding("prod").datasources)
        far.wait(far.service.import_(far.caller("prod"), far.package((), (task,)), Options(ImportType.MERGE)))
        carried[how] = (with_apps, len(far.service.holding("prod").datasources))
    assert carried == {Carried.APP: (4, 4), Carried.TASK: (0, 2), Carried.BOTH: (4, 4)}


@pytest.mark.parametrize("landing", Landing)
def test_jobs_that_are_told_to_end_end_with_everything_that_they_do(landing: Landing) -> None:
    far = client(Switches(landing=landing))
    package = far.package((ORDERS, BILLING))
    forever = Twist(runs=math.inf)
    job_id = far.service.import_(far.caller("prod", "prod-migrator"), package, Options(), forever)
    beside = far.service.export(far.caller(), far.chosen((ORDERS,)), forever)
    far.service.end_jobs()
    jobs = far.service.ledger.jobs
    assert (jobs[job_id].outcome, jobs[beside].outcome) == ("succeeded", "succeeded")
    assert far.names()[0] == sorted((ORDERS, BILLING))
    assert far.service.export(far.caller(), far.chosen((BILLING,))), "its slot is free"
