"""What a resume compares: which changes of a plan count, and how they are told."""

import json
from dataclasses import replace

from orchestrator.core.plan.plan import (
    ById,
    Glob,
    Instance,
    Migration,
    Mode,
    OfApps,
    OnPartial,
    Plan,
    Scope,
    SdkProfile,
    Settings,
    Target,
    Waiver,
    differences,
    what_moves,
)


def an_instance(name: str) -> Instance:
    return Instance(name, f"https://{name}.example.com", "", f"project-{name}", f"id-{name}", ("me",))


ORDERS = Migration("orders", "dev", (Target("prod"),), (Glob("b-*"), ById("a")), OfApps(), calls=(("w", ("y", "x")),))
PLAN = Plan(
    name="p",
    credentials={"me": SdkProfile("me")},
    instances={name: an_instance(name) for name in ("dev", "prod", "dr")},
    settings=Settings(),
    migrations=(ORDERS, Migration("common", "dev", (Target("prod"),), (Glob("c-*"),))),
)


def changes(*, migration: Migration = ORDERS, plan: Plan = PLAN) -> tuple[str, ...]:
    changed = replace(plan, migrations=(migration, *plan.migrations[1:]))
    # As in real life, the old one has been through the journal.
    return differences(json.loads(json.dumps(what_moves(PLAN))), what_moves(changed))


def test_an_unchanged_plan_has_no_differences() -> None:
    assert changes() == ()


def test_a_changed_prefix_is_told_as_the_migrations() -> None:
    assert changes(migration=replace(ORDERS, targets=(Target("prod", prefix="x_"),))) == (
        "migrations.orders.prefix: was '', is 'x_'",
    )


def test_all_that_decides_what_moves_and_how_counts() -> None:
    told = changes(
        migration=replace(
            ORDERS,
            source="dr",
            targets=(Target("prod", Mode.MERGE, datasource_overwrite=True, owner="me"),),
            apps=(Glob("*"),),
            tasks=(),
            exclude_apps=(Glob("e"),),
            exclude_tasks=(ById("t"),),
            calls=(("w", ("y",)),),
            after=("common",),
        )
    )
    assert told == (
        "instances.dr: is new",
        "migrations.orders.after: was [], is ['common']",
        "migrations.orders.apps: was ['b-*', 'id a'], is ['*']",
        "migrations.orders.calls.w: was ['x', 'y'], is ['y']",
        "migrations.orders.exclude.apps: was [], is ['e']",
        "migrations.orders.exclude.tasks: was [], is ['id t']",
        "migrations.orders.source: was 'dev', is 'dr'",
        "migrations.orders.datasource_overwrite: was False, is True",
        "migrations.orders.mode: was 'AddNew', is 'Merge'",
        "migrations.orders.owner: was '', is 'me'",
        "migrations.orders.tasks: was 'of-apps', is []",
    )


def test_settings_that_shape_batches_and_slots_count() -> None:
    plan = replace(PLAN, settings=Settings(batch_size=50, one_job_per=Scope.INSTANCE))
    assert changes(plan=plan) == (
        "settings.batch_size: was 100, is 50",
        "settings.one_job_per: was 'user', is 'instance'",
    )


def test_an_instance_that_lies_elsewhere_counts() -> None:
    dev = replace(PLAN.instances["dev"], instance_id="other")
    assert changes(plan=replace(PLAN, instances={**PLAN.instances, "dev": dev})) == (
        "instances.dev.instance_id: was 'id-dev', is 'other'",
    )


def test_targets_and_migrations_that_come_and_go_are_named() -> None:
    assert changes(migration=replace(ORDERS, targets=(Target("prod"), Target("dr")))) == (
        "instances.dr: is new",
        "migrations.orders.targets.dr: is new",
    )
    assert changes(plan=replace(PLAN, migrations=PLAN.migrations[:1])) == ("migrations.common: was there, is gone",)


def test_two_targets_in_one_instance_are_told_apart_by_their_prefix() -> None:
    both = what_moves(
        replace(PLAN, migrations=(replace(ORDERS, targets=(Target("prod"), Target("prod", prefix="a_"))),))
    )
    assert differences({}, both) == ("instances: is new", "migrations: is new", "settings: is new")
    assert "prod:a_" in json.dumps(both)


def test_what_may_change_between_a_start_and_its_resume_does_not_count() -> None:
    dev = replace(PLAN.instances["dev"], ca_file="x.pem", proxy="http://p", credentials=("me", "you"), iam_endpoint="i")
    plan = replace(
        PLAN,
        credentials={"you": SdkProfile("you")},
        instances={**PLAN.instances, "dev": dev, "unused": an_instance("unused")},
        settings=Settings(busy_timeout=1, job_timeout=1, settle_wait=1, reads_per_second=1, writes_per_second=1),
        migrations=tuple(reversed(PLAN.migrations)),
    )
    assert differences(what_moves(PLAN), what_moves(plan)) == ()
    relaxed = replace(ORDERS, on_partial=OnPartial.REST, waive=(Waiver("left-out", (), "x"),), apps=ORDERS.apps[::-1])
    assert changes(migration=relaxed) == ()
