"""What an import does, rule by rule (API 8)."""

from dataclasses import replace

import pytest

from orchestrator.emulator.service.exports import Chosen
from orchestrator.emulator.service.imports import ImportType, Options, Poison
from orchestrator.emulator.service.jobs import Outcome, Twist
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import (
    AddNewOnExisting,
    AppKey,
    FailedImport,
    Landing,
    MergeSemantics,
    PrefixRenames,
    SecondArrival,
    Visibility,
)
from orchestrator.emulator.world.world import Quotas
from tests.emulator.in_memory_client import SHORT, InMemoryClient
from tests.emulator.ledgers import created, twice

ORDERS, BILLING, STOCK = "orders-web", "billing-web", "stock-web"
TASK = "orders-web-to-billing-web-daily-0001"
MERGE = Options(ImportType.MERGE)


def client(switches: Switches | None = None, calls: dict[str, tuple[str, ...]] | None = None) -> InMemoryClient:
    filling = Filling(calls=calls or {}, unreleased_every=2)
    return InMemoryClient(generate(4, 6, switches=switches, durations=SHORT, filling=filling))


def imported(
    far: InMemoryClient, package: bytes, options: Options | None = None, twist: Twist | None = None
) -> tuple[Outcome, list[str]]:
    """How an import into prod ended, and the codes it named."""
    caller = far.caller("prod")
    job_id = far.service.import_(caller, package, options or Options(), twist or Twist())
    outcome = far.wait(job_id)
    return outcome, [one.error_code for one in far.service.find_job(caller, job_id).reasons]


def test_applications_and_tasks_arrive_with_new_ids_secrets_and_blank_connections() -> None:
    far = client()
    assert imported(far, far.package((ORDERS, BILLING), (TASK,))) == (Outcome.SUCCEEDED, [])
    source, there = far.world.instance("dev"), far.service.holding("prod")
    app, task = there.apps.named(ORDERS), there.tasks.named(TASK)
    assert app is not None
    assert task is not None
    assert app.id != source.app(ORDERS).id
    assert app.secret != source.app(ORDERS).secret
    assert app.key == source.app(ORDERS).key
    assert task.source_app_id == app.id
    assert not task.running
    assert {value for one in there.datasources.all() for _, value in one.content} == {""}
    assert task.source_datasource_id in there.datasources


def test_only_released_apis_travel() -> None:
    far = client()
    imported(far, far.package((ORDERS, BILLING)))
    source = [x for x in far.world.instance("dev").apis if x.name.startswith((ORDERS, BILLING))]
    there = far.service.holding("prod").apis.all()
    assert sorted(x.name for x in there) == sorted(x.name for x in source if x.released)
    assert len(there) < len(source)


def test_the_ledger_names_what_each_import_created_and_from_which_package() -> None:
    far = client()
    imported(far, far.package((ORDERS,)))
    (landed,) = created(far.service.ledger, "prod", "app")
    assert (landed.name, landed.source_id) == (ORDERS, far.world.instance("dev").app(ORDERS).id)
    assert landed.package_id in far.service.ledger.downloads
    assert twice(far.service.ledger, "prod") == {}


@pytest.mark.parametrize(
    ("renames", "apps", "tasks"),
    [
        (PrefixRenames.APPS, ["dr_billing-web", "dr_orders-web"], [TASK]),
        (PrefixRenames.TASKS, [BILLING, ORDERS], [f"dr_{TASK}"]),
        (PrefixRenames.BOTH, ["dr_billing-web", "dr_orders-web"], [f"dr_{TASK}"]),
    ],
)
def test_the_prefix_renames_what_the_switch_says(renames: PrefixRenames, apps: list[str], tasks: list[str]) -> None:
    far = client(Switches(prefix_renames=renames))
    imported(far, far.package((ORDERS, BILLING), (TASK,)), Options(prefix="dr_"))
    assert far.names() == (apps, tasks)


def test_a_task_of_a_later_package_finds_its_renamed_applications() -> None:
    far = client()
    imported(far, far.package((ORDERS, BILLING)), Options(prefix="dr_"))
    assert imported(far, far.package((), (TASK,)), Options(prefix="dr_")) == (Outcome.SUCCEEDED, [])
    task, app = far.service.holding("prod").tasks.named(TASK), far.service.holding("prod").apps.named("dr_orders-web")
    assert task is not None
    assert app is not None
    assert task.source_app_id == app.id


def test_a_task_without_its_applications_fails() -> None:
    far = client()
    assert imported(far, far.package((), (TASK,))) == (Outcome.FAILED, ["ROMA.19004"])
    assert far.names() == ([], [])


def test_a_caller_needs_the_called_application_before_its_own_job() -> None:
    far = client(calls={ORDERS: (BILLING,)})
    both = far.package((ORDERS, BILLING))
    assert imported(far, both) == (Outcome.FAILED, ["ROMA.19004"])
    assert imported(far, far.package((BILLING,))) == (Outcome.SUCCEEDED, [])
    assert imported(far, far.package((ORDERS,))) == (Outcome.SUCCEEDED, [])


def test_a_called_application_that_the_user_does_not_see_counts_as_absent() -> None:
    far = client(Switches(visibility=Visibility.OWNER), calls={ORDERS: (BILLING,)})
    package = far.package((BILLING,))
    far.wait(far.service.import_(far.caller("prod", "prod-migrator"), package, Options()))
    assert imported(far, far.package((ORDERS,))) == (Outcome.FAILED, ["ROMA.19004"])


@pytest.mark.parametrize(
    ("existing", "outcome", "names"),
    [
        (AddNewOnExisting.FAILS, (Outcome.FAILED, ["ROMA.19003"]), [ORDERS]),
        (AddNewOnExisting.SUFFIX, (Outcome.SUCCEEDED, []), [ORDERS, f"{ORDERS}_1"]),
        (AddNewOnExisting.IGNORED, (Outcome.SUCCEEDED, []), [ORDERS]),
    ],
)
def test_add_new_meets_an_existing_name(
    existing: AddNewOnExisting, outcome: tuple[Outcome, list[str]], names: list[str]
) -> None:
    far = client(Switches(add_new_on_existing=existing))
    package = far.package((ORDERS,))
    imported(far, package)
    assert imported(far, package) == outcome
    assert far.names()[0] == names
    assert len(twice(far.service.ledger, "prod")) == (existing is AddNewOnExisting.SUFFIX)


def test_a_second_copy_under_another_prefix_is_not_the_same_thing_twice() -> None:
    far = client()
    package = far.package((ORDERS,))
    imported(far, package, Options(prefix="a_"))
    imported(far, package, Options(prefix="b_"))
    assert twice(far.service.ledger, "prod") == {}
    assert far.names()[0] == ["a_orders-web", "b_orders-web"]


@pytest.mark.parametrize("semantics", list(MergeSemantics))
def test_merge_keeps_the_id_and_moves_the_update_time_unless_it_skips(semantics: MergeSemantics) -> None:
    far = client(Switches(merge_semantics=semantics))
    package = far.package((ORDERS, BILLING), (TASK,))
    imported(far, package)
    before = far.service.holding("prod").apps.named(ORDERS)
    assert imported(far, package, MERGE) == (Outcome.SUCCEEDED, [])
    after = far.service.holding("prod").apps.named(ORDERS)
    assert before is not None
    assert after is not None
    assert before.id == after.id
    assert (after.update_time > before.update_time) is (semantics is MergeSemantics.UPDATE)
    assert twice(far.service.ledger, "prod") == {}


@pytest.mark.parametrize("overwrite", [False, True])
def test_merge_replaces_a_data_source_only_where_asked(overwrite: bool) -> None:
    far = client()
    package = far.package((ORDERS,))
    imported(far, package)
    before = far.service.holding("prod").datasources.all()[0]
    imported(far, package, replace(MERGE, datasource_overwrite=overwrite))
    after = far.service.holding("prod").datasources.get(before.id)
    assert after is not None
    assert (after.update_time > before.update_time) is overwrite


def test_a_data_source_id_of_the_target_itself_fails_without_merge() -> None:
    world = generate(4, 6, durations=SHORT)
    dev, prod = world.instances
    native = replace(dev.datasources[0], name="other", app_id="")
    far = InMemoryClient(replace(world, instances=(dev, replace(prod, datasources=(native,)))))
    package = far.package((ORDERS,))
    assert imported(far, package) == (Outcome.FAILED, ["ROMA.19006"])
    assert imported(far, package, MERGE) == (Outcome.SUCCEEDED, [])


@pytest.mark.parametrize(
    ("switch", "expected"),
    [(SecondArrival.ACCEPTED, (Outcome.SUCCEEDED, [])), (SecondArrival.REFUSED, (Outcome.FAILED, ["ROMA.19006"]))],
)
def test_a_data_source_that_an_import_brought_arrives_again(
    switch: SecondArrival, expected: tuple[Outcome, list[str]]
) -> None:
    far = client(Switches(datasource_second_arrival=switch))
    package = far.package((ORDERS,))
    imported(far, package, Options(prefix="a_"))
    assert imported(far, package, Options(prefix="b_")) == expected


def test_a_kept_key_that_exists_fails_and_a_new_one_does_not() -> None:
    for key, expected in ((AppKey.KEPT, Outcome.FAILED), (AppKey.NEW, Outcome.SUCCEEDED)):
        world = generate(4, 6, durations=SHORT, switches=Switches(app_key=key))
        dev, prod = world.instances
        native = replace(dev.app(ORDERS), id="native", name="something-else")
        far = InMemoryClient(replace(world, instances=(dev, replace(prod, apps=(native,)))))
        assert imported(far, far.package((ORDERS,)))[0] is expected


def test_a_quota_that_is_used_up_fails() -> None:
    world = generate(4, 6, durations=SHORT)
    dev, prod = world.instances
    far = InMemoryClient(replace(world, instances=(dev, replace(prod, quotas=Quotas(apps=1)))))
    assert imported(far, far.package((ORDERS, BILLING))) == (Outcome.FAILED, ["ROMA.19005"])
    assert imported(far, far.package((ORDERS,))) == (Outcome.SUCCEEDED, [])


def test_conflicting_paths_fail_where_app_route_differs() -> None:
    world = generate(4, 6, durations=SHORT)
    dev, prod = world.instances
    taken = replace(dev.apis[1], id="api", app_id="somebody")
    for features, expected in ((dev.features, Outcome.SUCCEEDED), ({"app_route": True}, Outcome.FAILED)):
        far = InMemoryClient(replace(world, instances=(dev, replace(prod, features=features, apis=(taken,)))))
        assert imported(far, far.package((ORDERS,)))[0] is expected


@pytest.mark.parametrize(
    ("switch", "left"),
    [
        (FailedImport.ATOMIC, []),
        (FailedImport.FIRST_N, [BILLING]),
        (FailedImport.APP_WITHOUT_CONTENT, [BILLING, STOCK]),
    ],
)
def test_a_failed_import_leaves_what_the_switch_says(switch: FailedImport, left: list[str]) -> None:
    far = client(Switches(failed_import=switch))
    # The package holds its applications in the order asked for; the middle one is bad.
    package = far.package((BILLING, ORDERS, STOCK))
    poison = Twist(poison=Poison(frozenset({ORDERS})))
    assert imported(far, package, twist=poison) == (Outcome.FAILED, ["ROMA.19008"])
    assert far.names()[0] == left


def test_success_with_reasons_lands_all_but_the_bad_one() -> None:
    far = client(Switches(success_with_reasons=True))
    poison = Twist(poison=Poison(frozenset({ORDERS})))
    assert imported(far, far.package((BILLING, ORDERS)), twist=poison) == (Outcome.SUCCEEDED, ["ROMA.19008"])
    assert far.names()[0] == [BILLING]


def test_an_unnamed_poison_fails_without_a_word() -> None:
    far = client()
    poison = Twist(poison=Poison(frozenset({ORDERS}), named=False))
    assert imported(far, far.package((BILLING, ORDERS)), twist=poison) == (Outcome.FAILED, [])


def test_a_gradual_import_shows_half_way_through() -> None:
    far = client(Switches(landing=Landing.GRADUAL))
    package = far.package((BILLING, ORDERS, STOCK))
    job_id = far.service.import_(far.caller("prod"), package, Options())
    far.now += 11
    far.service.advance()
    assert len(far.names()[0]) == 2
    assert far.wait(job_id) is Outcome.SUCCEEDED
    assert len(far.names()[0]) == 3


def belongings(far: InMemoryClient) -> list[tuple[str, str]]:
    """(kind, name) of what applications of prod own there, in order."""
    return sorted((one.kind.value, one.name) for one in far.service.holding("prod").belongings.all())


@pytest.mark.parametrize(
    ("switches", "left"),
    [
        (Switches(), []),
        (Switches(import_keeps_topics=False), ["topic"]),
        (Switches(import_keeps_products=False), ["product"]),
        (Switches(import_keeps_backends=False), ["backend"]),
    ],
)
def test_what_belongs_to_an_application_travels_as_the_switches_say_and_goes_with_it(
    switches: Switches, left: list[str]
) -> None:
    far = client(switches)
    package = far.package((ORDERS, BILLING))
    imported(far, package)
    kept = [(kind, f"{ORDERS}-{kind}") for kind in ("backend", "product", "topic") if kind not in left]
    assert belongings(far) == kept
    imported(far, package, MERGE)
    assert belongings(far) == kept, "a name that is taken is not taken twice"
    caller, app = far.caller("prod"), far.service.holding("prod").apps.named(ORDERS)
    assert app is not None
    assert far.wait(far.service.delete(caller, Chosen((app.id,), ()))) is Outcome.SUCCEEDED
    assert belongings(far) == []


@pytest.mark.parametrize("keeps", [True, False])
def test_a_task_s_schedule_and_position_travel_as_the_switches_say(keeps: bool) -> None:
    far = client(Switches(import_keeps_dispatch=keeps, import_keeps_position=keeps))
    source = next(each for each in far.world.instance("dev").tasks if each.cron and each.position)
    imported(far, far.package((ORDERS, BILLING, STOCK, "shipping-web"), (source.name,)))
    there = far.service.holding("prod").tasks.named(source.name)
    assert there is not None
    assert (there.cron, there.position) == ((source.cron, source.position) if keeps else ("", ""))
