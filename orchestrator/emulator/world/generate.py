"""Worlds for demos and tests, built from a few numbers. Law: equal arguments give equal worlds, ids included."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from orchestrator.emulator.world.faults import Rule
from orchestrator.emulator.world.gateway import RELEASE, Binding, Environment, Policy, PolicyKind
from orchestrator.emulator.world.options import Durations, Switches
from orchestrator.emulator.world.world import (
    Api,
    App,
    Belonging,
    BelongingKind,
    DataSource,
    Group,
    Instance,
    Task,
    User,
    World,
    hex_id,
    make_id,
    publish,
    task_id,
)

_AREAS = (
    "orders", "billing", "stock", "shipping", "customers", "payments", "pricing", "returns", "suppliers", "invoices",
    "catalog", "loyalty", "hr", "fleet", "reports",
)  # fmt: skip
_PARTS = ("web", "core", "sync", "batch")
_FLOWS = ("daily", "delta", "events", "archive", "master-data")
_SOURCE_TYPES = ("MYSQL", "KAFKA", "POSTGRESQL", "ORACLE", "API")

#: who calls whose APIs in scheduled API tasks, in a generated world that has these applications (API 2.3)
CALLS: Mapping[str, tuple[str, ...]] = {
    "orders-web": ("billing-core", "stock-core"),
    "shipping-web": ("orders-core",),
    "returns-web": ("orders-core", "billing-core"),
    "customers-web": ("loyalty-core",),
    "payments-web": ("billing-core",),
}

#: id of the environment TEST of a generated world
TEST = hex_id("environment", "TEST")

#: the two users of a generated world, in the order source, target
DEV_USER = User(
    "dev-migrator", "acme", "AKDEVMIGRATOR0000001", "sk-dev-000000000000000000000000000000001", "dev-password"
)
PROD_USER = User(
    "prod-migrator", "acme", "AKPRODMIGRATOR000001", "sk-prod-00000000000000000000000000000001", "prod-password"
)


@dataclass(frozen=True, slots=True)
class Filling:
    """How much each filled instance holds."""

    apps: int = 60
    tasks: int = 400
    datasources_per_app: int = 2
    apis_per_app: int = 2
    #: every n-th application has one API that is not published in RELEASE; 0 = none (API 2.4)
    unreleased_every: int = 20
    #: every n-th task runs; 0 = none
    running_every: int = 10
    #: every n-th application has a topic, a product and a custom back end; 0 = none
    belongings_every: int = 3
    #: every n-th application has one API that is published in the environment TEST; 0 = none, and no such environment
    tested_every: int = 0
    #: every n-th application has a policy of each kind, bound to its last API; 0 = none
    policies_every: int = 0
    #: caller's name -> names of called applications; names that do not exist are left out
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(CALLS))
    #: name of the user that owns everything
    owner: str = DEV_USER.name


def generate(
    apps: int = 60,
    tasks: int = 400,
    *,
    filled: tuple[str, ...] = ("dev",),
    empty: tuple[str, ...] = ("prod",),
    filling: Filling | None = None,
    users: tuple[User, ...] = (DEV_USER, PROD_USER),
    switches: Switches | None = None,
    durations: Durations | None = None,
    token_lifetime: float = 86400.0,
    faults: tuple[Rule, ...] = (),
) -> World:
    """A world whose `filled` instances hold `apps` applications and `tasks` tasks each; the `empty` ones hold nothing.

    Application names are `orders-web`, `billing-web`, ..., then `orders-web-2`, ... Task `n` runs between two
    neighbouring applications and is named `orders-web-to-billing-web-daily-0001` and so on. `filling` sets the
    rest; its own `apps` and `tasks` are ignored. Every id depends on the instance's name and the asset's name only.
    """
    switches = switches or Switches()
    made = replace(filling or Filling(), apps=apps, tasks=tasks)
    return World(
        instances=(
            *(fill(empty_instance(name), made, switches) for name in filled),
            *(empty_instance(name) for name in empty),
        ),
        users=users,
        switches=switches,
        durations=durations or Durations(),
        token_lifetime=token_lifetime,
        faults=faults,
    )


def default_world() -> World:
    """What `roma-migrate emulator` serves: `dev` (60 applications, 400 tasks, 5 callers), empty `prod`, two users."""
    return generate()


def empty_instance(name: str) -> Instance:
    """An instance that holds nothing, in a project of its own."""
    return Instance(name, make_id("instance", name), hex_id("project", name))


def fill(instance: Instance, filling: Filling, switches: Switches) -> Instance:
    """The instance with generated assets, see `generate`."""
    names = [app_name(index) for index in range(filling.apps)]
    apps = tuple(_app(instance.name, name, filling, frozenset(names)) for name in names)
    policies = _policies(instance.name, apps, filling)
    return replace(
        instance,
        environments=(Environment(TEST, "TEST"),) if filling.tested_every else (),
        policies=policies,
        bindings=_bindings(instance.name, policies, apps, filling),
        apps=apps,
        tasks=tuple(_task(instance.name, number, apps, filling, switches) for number in range(filling.tasks)),
        datasources=tuple(
            _datasource(instance.name, app, number) for app in apps for number in range(filling.datasources_per_app)
        ),
        groups=tuple(Group(make_id(instance.name, "group", app.name), f"{app.name}-group", app.id) for app in apps),
        apis=tuple(
            _api(instance.name, app, index, number, filling)
            for index, app in enumerate(apps)
            for number in range(filling.apis_per_app)
        ),
        belongings=tuple(
            Belonging(make_id(instance.name, kind, app.name), kind, f"{app.name}-{kind}", app.id)
            for index, app in enumerate(apps)
            if filling.belongings_every and index % filling.belongings_every == 0
            for kind in BelongingKind
        ),
    )


def app_name(index: int) -> str:
    """Name of the `index`-th generated application (from 0)."""
    round_, place = divmod(index, len(_AREAS) * len(_PARTS))
    part, area = divmod(place, len(_AREAS))
    return f"{_AREAS[area]}-{_PARTS[part]}" + (f"-{round_ + 1}" if round_ else "")


def _app(instance: str, name: str, filling: Filling, names: frozenset[str]) -> App:
    called = tuple(make_id(instance, "app", one) for one in filling.calls.get(name, ()) if one in names)
    return App(
        make_id(instance, "app", name),
        name,
        key=f"key-{hex_id(instance, 'key', name)[:16]}",
        secret=f"secret-{hex_id(instance, 'secret', name)[:24]}",
        owner=filling.owner,
        calls=called,
    )


def _datasource(instance: str, app: App, number: int) -> DataSource:
    name = f"{app.name}-db-{number + 1}"
    return DataSource(
        hex_id(instance, "datasource", name),
        name,
        _SOURCE_TYPES[number % len(_SOURCE_TYPES)],
        app.id,
        (("host", "10.0.0.8"), ("port", "3306"), ("user_name", "loader"), ("password", f"pw-{hex_id(name)[:12]}")),
    )


def _api(instance: str, app: App, index: int, number: int, filling: Filling) -> Api:
    every = filling.unreleased_every
    api = Api(
        make_id(instance, "api", app.name, number),
        f"{app.name}-api-{number + 1}",
        app.id,
        make_id(instance, "group", app.name),
        "GET" if number % 2 == 0 else "POST",
        f"/{app.name}/v{number + 1}",
        backend_type="FUNCTION" if index % 25 == 24 else "HTTP",
        address=f"{app.name}.internal:8080",
    )
    unreleased = every and number == 0 and index % every == every - 1
    if not unreleased:
        api = publish(api)
    tested = filling.tested_every
    return publish(api, TEST) if tested and number == 0 and index % tested == tested - 1 else api


def _policies(instance: str, apps: tuple[App, ...], filling: Filling) -> tuple[Policy, ...]:
    """One of each kind for each n-th application."""
    chosen = [app for index, app in enumerate(apps) if filling.policies_every and index % filling.policies_every == 0]
    return tuple(
        Policy(hex_id(instance, kind, app.name), kind, f"{app.name}_{kind}".replace("-", "_"), _fields(kind, app))
        for app in chosen
        for kind in PolicyKind
    )


def _fields(kind: PolicyKind, app: App) -> tuple[tuple[str, object], ...]:
    secret = hex_id("sign", app.id)
    return {
        PolicyKind.THROTTLE: (("api_call_limits", 100), ("time_interval", 1), ("time_unit", "MINUTE"), ("type", 1)),
        PolicyKind.ACL: (("acl_type", "PERMIT"), ("acl_value", "10.0.0.0/8"), ("entity_type", "IP")),
        PolicyKind.SIGN: (("sign_type", "hmac"), ("sign_key", secret[:12]), ("sign_secret", f"sign-{secret[:24]}")),
        PolicyKind.PLUGIN: (("plugin_type", "cors"), ("plugin_scope", "global"), ("plugin_content", "{}")),
    }[kind]


def _bindings(
    instance: str, policies: tuple[Policy, ...], apps: tuple[App, ...], filling: Filling
) -> tuple[Binding, ...]:
    """Each policy is bound to the last API of its application, which is always published in RELEASE."""
    owners = {f"{app.name}_".replace("-", "_"): app for app in apps}
    last = filling.apis_per_app - 1
    return tuple(
        Binding(hex_id("binding", one.id), one.id, make_id(instance, "api", app.name, last), RELEASE)
        for one in policies
        for app in (owners[one.name.removesuffix(one.kind)],)
        if last > 0
    )


def _task(instance: str, number: int, apps: tuple[App, ...], filling: Filling, switches: Switches) -> Task:
    """Task `number`; a world without applications has tasks without applications."""
    source = apps[number % len(apps)] if apps else None
    target = apps[(number + 1) % len(apps)] if apps else None
    ends = f"{source.name}-to-{target.name}" if source and target else "free"
    name = f"{ends}-{_FLOWS[number % len(_FLOWS)]}-{number + 1:04d}"
    every = filling.running_every
    real_time = number % 3 == 0
    return Task(
        task_id(switches, instance, "task", name),
        name,
        source.id if source else "",
        target.id if target else "",
        _datasource(instance, source, 0).id if source and filling.datasources_per_app else "",
        _datasource(instance, target, filling.datasources_per_app - 1).id
        if target and filling.datasources_per_app
        else "",
        filling.owner,
        running=bool(every) and number % every == every - 1,
        task_type="REALTIME" if real_time else "TIMING",
        cron="" if real_time else f"0 {number % 60} 2 * * ?",
        position=str(1767225600000 + 1000 * number) if number % 2 else "",
    )
