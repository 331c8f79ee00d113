"""Plans for tests, as values: users by name, instances by host, migrations. Law: values only."""

from collections.abc import Sequence

from orchestrator.core.plan.plan import (
    Credentials,
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

#: a reference that nobody resolves
SECRET = SecretRef(SecretSource.ENV, "NOBODY")


def credentials(*names: str) -> dict[str, Credentials]:
    return {name: Password(name, name, "acme", SECRET) for name in names}


def instance(name: str, *names: str, host: str = "") -> Instance:
    at = f"https://{host or name}.example"
    return Instance(name, at, at, "p" * 32, f"id-of-{name}", names)


def migration(name: str = "m", source: str = "dev", target: Target | str = "prod", **more: object) -> Migration:
    """Everything at `dev` goes to `prod`, unless told otherwise. `more`: fields of Migration."""
    targets = (target if isinstance(target, Target) else Target(target),)
    usual: dict[str, object] = {"apps": (Glob("*"),), "tasks": OfApps(), "targets": targets}
    return Migration(name, source, **{**usual, **more})  # type: ignore[arg-type] # named as in Migration


def plan(
    settings: Settings | None = None, *, instances: Sequence[Instance] = (), migrations: Sequence[Migration] = ()
) -> Plan:
    """dev and prod on two hosts, with one user each, unless told otherwise."""
    held = instances or (instance("dev", "s"), instance("prod", "t"), instance("dr", "t"))
    users = dict.fromkeys(name for each in held for name in each.credentials)
    moves = tuple(migrations) or (Migration("m", "dev", (Target("prod"), Target("dr")), apps=(Glob("*"),)),)
    return Plan(
        "orders", credentials(*users), {each.name: each for each in held}, settings or Settings(), moves, "plan.yaml"
    )
