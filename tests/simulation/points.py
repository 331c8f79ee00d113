"""A small plan to be killed at one chosen point. Law: one world, one plan, only the point differs."""

from dataclasses import replace

from orchestrator.core.model.secrets import AccessKeySecret, PasswordSecret, Secret
from orchestrator.core.plan.plan import (
    AccessKey,
    Glob,
    Instance,
    Migration,
    OfApps,
    Password,
    Plan,
    SecretRef,
    SecretSource,
    Settings,
    Target,
)
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, Filling, generate
from tests.emulator.ledgers import created, twice
from tests.simulation.scenarios import Night
from tests.simulation.worlds import ENDPOINT, Kill, Scenario

_REF = SecretRef(SecretSource.ENV, "X")


def small_plan(point: int, *, power: bool) -> Scenario:
    """6 applications and 9 tasks in two batches; killed at crash point `point`, never where it is 0."""
    users = (replace(DEV_USER, admin=True), replace(PROD_USER, admin=True))
    world = generate(6, 9, users=users, filling=Filling(calls={}, unreleased_every=0))
    instances = {
        name: Instance(name, ENDPOINT, ENDPOINT, world.instance(name).project_id, world.instance(name).id, (who,))
        for name, who in (("dev", "d"), ("prod", "p"))
    }
    plan = Plan(
        "night",
        {"d": AccessKey("d", _REF, _REF), "p": Password("p", "prod-migrator", "acme", _REF)},
        instances,
        Settings(batch_size=8, reads_per_second=50.0, writes_per_second=5.0),
        (Migration("m0", "dev", (Target("prod"),), (Glob("*"),), OfApps()),),
        "night.yaml",
    )
    secrets: dict[str, Secret] = {
        "d": AccessKeySecret(DEV_USER.ak, DEV_USER.sk, ""),
        "p": PasswordSecret(PROD_USER.name, PROD_USER.domain, PROD_USER.password),
    }
    users_of = {"d": "acme/dev-migrator", "p": "acme/prod-migrator"}
    kills = (Kill(point=point, power=power),) if point else ()
    return Scenario(point, world, plan, secrets, users_of, frozenset(), kills)


def end_of(night: Night) -> tuple[object, ...]:
    """What the night left behind, however it came about."""
    held = sorted((x.instance, x.kind, x.name, x.source_id) for x in created(night.service.ledger, "prod", ""))
    assert night.ended is not None
    counts = dict(night.ended.outcome.counts)
    # A kill behind the journaled end makes the same command a new run, which skips what is there (Contract 2).
    counts["verified"] = counts.pop("verified", 0) + counts.pop("skipped", 0)
    return held, counts, night.ended.outcome.code, twice(night.service.ledger, "prod")
