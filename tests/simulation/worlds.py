"""One seed, one world: every switch of the service drawn, one plan, one schedule of faults.

Law: the seed prints all of it.
"""

import math
import random
from dataclasses import dataclass, field, replace
from enum import Enum

from orchestrator.core.model.secrets import AccessKeySecret, PasswordSecret, Secret
from orchestrator.core.plan.plan import (
    AccessKey,
    Credentials,
    Glob,
    Instance,
    Migration,
    Mode,
    OfApps,
    OnPartial,
    Password,
    Plan,
    Scope,
    SecretRef,
    SecretSource,
    Settings,
    Target,
)
from orchestrator.emulator.world.faults import LASTING, TARGETS, Kind, Rule
from orchestrator.emulator.world.generate import Filling, fill, generate
from orchestrator.emulator.world.operations import WRITES, Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.readings import (
    AddNewOnExisting,
    AppKey,
    ArchiveIdPlace,
    BusyCheck,
    Carried,
    FailedImport,
    Landing,
    LockScope,
    PackageKind,
    PrefixRenames,
    Progress,
    ReasonKey,
    StatusVocab,
    TaskIds,
    Visibility,
)
from orchestrator.emulator.world.world import User, World
from tests.simulation.working_hours import WorkingHours, drawn

#: reads that tell what a target holds
LISTS = frozenset({Operation.APPS, Operation.TASKS})
#: faults of changes that a run never asks for (Finishing 1): drawn here, they would only shift what older seeds draw
FINISHING = frozenset({Kind.GATEWAY_TIMEOUT_BEFORE, Kind.TASK_FAILS, Kind.API_FAILS, Kind.MEDDLED})
#: faults that strike a bounded number of times and end; poison and outage are drawn apart
PASSING = tuple(
    kind
    for kind in Kind
    if kind not in LASTING | FINISHING
    and kind not in {Kind.JOB_RUNS_FOREVER, Kind.SLOW_DRIP, Kind.DELAYED, Kind.SLOW_JOB}
)
#: faults after which nobody knows whether a write was executed
AMBIGUOUS = (
    Kind.RESET_AFTER_SEND, Kind.RESET_AFTER_SEND_NOT_EXECUTED, Kind.HANG_EXECUTED, Kind.HANG_NOT_EXECUTED,
    Kind.GARBAGE_200, Kind.HALF_JSON, Kind.HTML_502_BEFORE, Kind.BAD_GATEWAY_AFTER, Kind.GATEWAY_TIMEOUT_AFTER,
    Kind.UNAVAILABLE, Kind.ERROR_BEFORE, Kind.ERROR_AFTER, Kind.LATE_EXECUTION,
)  # fmt: skip
#: imports that a night may need before anything is split: most promises break in small worlds, so most are small
IMPORTS_A_NIGHT = (1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 7, 20)
#: the part of nights with one source whose plan is in two migrations, one `after` the other; both parts' applications
IN_TWO = 0.3
#: the part of nights whose plan sets no rate of writes
ADAPTED = 1 / 6
COMMON = (Glob("orders-*"), Glob("stock-*"))
MOST_APPS = 14
MOST_TASKS = 40
_WORLD_SECRET = "simulated-secret"
ENDPOINT = "http://127.0.0.1:9"


@dataclass(frozen=True, slots=True)
class Kill:
    """How one incarnation of the program dies: at a moment, or at the n-th journal write or remote call."""

    #: virtual seconds after its start; infinite where a point decides
    at: float = math.inf
    #: which of its crash points, counted from 1; 0 where the moment decides
    point: int = 0
    #: a power cut: what was not synced may be gone
    power: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything one seed decides."""

    seed: int
    world: World
    plan: Plan
    secrets: dict[str, Secret]
    users: dict[str, str]
    #: names of assets that the service will never take, at export or import
    poison: frozenset[str]
    #: how the first incarnations die, in order; later ones live
    kills: tuple[Kill, ...]
    #: steps of our host's wall clock: (seconds after the night began, seconds by which it is set on or back)
    steps: tuple[tuple[float, float], ...] = ()
    #: the words of people, and how long the first commands may ask for jobs
    hours: WorkingHours = field(default_factory=WorkingHours)

    def stepped(self, passed: float) -> float:
        """Seconds by which the wall clock is off after so many."""
        return sum(by for after, by in self.steps if after <= passed)

    def _windows(self) -> dict[str, object]:
        return {each.name: each.windows for each in self.plan.instances.values() if each.windows}

    def described(self) -> str:
        """All options, for a failing seed."""
        switches = "\n".join(
            f"    {name} = {getattr(self.world.switches, name)!r}"
            for name in self.world.switches.__dataclass_fields__
            if getattr(self.world.switches, name) != getattr(Switches(), name)
        )
        faults = "\n".join(f"    {rule}" for rule in self.world.faults)
        return (
            f"seed {self.seed}\n  settings {self.plan.settings}\n  migrations {self.plan.migrations}\n"
            f"  switches\n{switches}\n  faults\n{faults}\n  kills {self.kills}\n"
            f"  clock steps {self.steps}\n  windows {self.plan.windows} and {self._windows()}\n  people {self.hours}"
        )


def scenario(seed: int) -> Scenario:
    """The world, the plan and the faults of one seed."""
    draw = random.Random(seed)
    # What the plan says of slots and what the service does: nobody knows the latter, so nothing may rest on the former.
    scope, lock = draw.choice(list(Scope)), draw.choice(list(LockScope))
    switches = _switches(draw, lock)
    sources = ("east",) if draw.random() < 0.75 else ("east", "west")
    targets = draw.sample(("north", "south", "centre"), draw.choice((1, 1, 1, 2, 3)))
    batch_size = draw.choice((1, 3, 7, 20, 100))
    apps, tasks = _assets(draw, max(2, draw.choice(IMPORTS_A_NIGHT) * batch_size // (len(sources) * len(targets))))
    migrations = _migrations(draw, sources, targets, apps)
    users = _users(draw)
    shared = draw.random() < 0.25
    if shared:  # two identities at each target, each of which sees its own alone
        users = (*users[:1], *_TARGET_USERS)
        switches = replace(switches, visibility=Visibility.OWNER)
    calls = dict(_calls(apps)) if draw.random() < 0.7 else {}
    world = generate(
        apps, tasks, filled=sources, empty=tuple(targets), users=users,
        filling=Filling(calls=calls, owner=users[0].name, unreleased_every=0),
        switches=switches, durations=_durations(draw), token_lifetime=draw.choice((86400.0, 120.0)),
    )  # fmt: skip
    if not shared and all(not t.prefix and t.mode is Mode.MERGE for m in migrations for t in m.targets):
        world = _held_before(draw, world, targets, users[1].name)
    names = [a.name for a in world.instance(sources[0]).apps] + [t.name for t in world.instance(sources[0]).tasks]
    poison = frozenset(draw.sample(names, draw.choice((0, 0, 0, 1, 1, 2))) if len(names) > 2 else ())
    if len(sources) > 1:  # under another reading the two sources' names would meet, which preflight refuses
        world = replace(world, switches=replace(world.switches, prefix_renames=PrefixRenames.BOTH))
    world = replace(world, faults=_faults(draw, poison))
    if len(sources) == 1 and random.Random(seed ^ 0x2DA7).random() < IN_TWO:
        migrations = _in_two(migrations[0])
    plan = _plan(draw, world, scope, migrations, ("t", "u") if shared else ("t",))
    plan = replace(plan, settings=replace(plan.settings, batch_size=batch_size))
    kills = tuple(_kill(draw) for _ in range(draw.choice((0, 0, 1, 2, 4))))
    secrets: dict[str, Secret] = {
        "s": AccessKeySecret(users[0].ak, users[0].sk, ""),
        "t": PasswordSecret(users[1].name, "acme", users[1].password),
        "u": PasswordSecret(users[-1].name, "acme", users[-1].password),
    }
    owners = {"s": f"acme/{users[0].name}", "t": f"acme/{users[1].name}", "u": f"acme/{users[-1].name}"}
    plan, hours = drawn(seed, plan)
    world, plan = _throttled(seed, world, plan)
    return Scenario(seed, world, plan, secrets, owners, poison, kills, _steps(seed), hours)


def _throttled(seed: int, world: World, plan: Plan) -> tuple[World, Plan]:
    """In one seed of six the plan sets no rate of writes, and the gateway has a limit that nobody knows."""
    draw = random.Random(seed ^ 0x7A7E)
    if draw.random() >= ADAPTED:
        return world, plan
    settings = replace(plan.settings, writes_per_second=None, most_writes_per_second=draw.choice((0.3, 1.0, 5.0)))
    switches = replace(
        world.switches, writes_per_second=draw.choice((0.02, 0.05, 0.1, 0.6)), writes_at_once=draw.choice((1, 1, 3)),
        throttle_retry_after_seconds=draw.choice((0.0, 0.0, 5.0, 60.0)),
    )  # fmt: skip
    return replace(world, switches=switches), replace(plan, settings=settings)


def _assets(draw: random.Random, most: int) -> tuple[int, int]:
    """Applications and tasks of one source."""
    apps = draw.randint(1, min(MOST_APPS, most))
    return apps, draw.randint(0, min(MOST_TASKS, most - apps))


def _steps(seed: int) -> tuple[tuple[float, float], ...]:
    """Now and then, while a process lives or between two, the wall clock of our host is set on or back."""
    draw = random.Random(f"{seed}/steps")
    if draw.random() < 0.75:
        return ()
    sizes = (3600.0, -3600.0, 36_000.0, -36_000.0, 45.0, -45.0, 600.0)
    return tuple((draw.uniform(0, 900), draw.choice(sizes)) for _ in range(draw.choice((1, 1, 2, 3))))


def _kill(draw: random.Random) -> Kill:
    power = draw.random() < 0.4
    if draw.random() < 0.5:
        return Kill(at=draw.uniform(0, 400), power=power)
    return Kill(point=draw.randint(1, draw.choice((20, 60, 150))), power=power)


_TARGET_USERS = (
    User("target-one", "acme", "AKTARGETONE", f"{_WORLD_SECRET}-sk3", f"{_WORLD_SECRET}-p3"),
    User("target-two", "acme", "AKTARGETTWO", f"{_WORLD_SECRET}-sk4", f"{_WORLD_SECRET}-p4"),
)


def _users(draw: random.Random) -> tuple[User, ...]:
    source = User("source-user", "acme", "AKSOURCE", f"{_WORLD_SECRET}-sk", f"{_WORLD_SECRET}-p1", admin=True)
    if draw.random() < 0.25:
        return source, source
    return source, User("target-user", "acme", "AKTARGET", f"{_WORLD_SECRET}-sk2", f"{_WORLD_SECRET}-p2", admin=True)


def _switches(draw: random.Random, lock: LockScope) -> Switches:
    def any_of(kind: type[Enum]) -> object:
        return draw.choice(list(kind))

    chosen: dict[str, object] = {
        "status_vocab": any_of(StatusVocab), "reason_key": any_of(ReasonKey), "reason_single": draw.random() < 0.3,
        "error_http_status": draw.choice((400, 403)), "archive_id_place": any_of(ArchiveIdPlace),
        "failed_import": any_of(FailedImport), "add_new_on_existing": any_of(AddNewOnExisting),
        "prefix_renames": any_of(PrefixRenames), "app_key": AppKey.NEW,
        "read_lag_seconds": draw.choice((0.0, 0.0, 3.0, 20.0)), "busy_check": any_of(BusyCheck),
        "busy_after_success_seconds": draw.choice((0.0, 0.0, 4.0, 20.0)),
        "late_execution_seconds": draw.choice((0.0, 10.0, 30.0)),
        "job_record_ttl_seconds": draw.choice((math.inf, 600.0)),
        "package_kind": any_of(PackageKind), "datasources_carried": any_of(Carried), "landing": any_of(Landing),
        "running_word": draw.choice(("", "", "Queued")), "progress": any_of(Progress), "task_ids": any_of(TaskIds),
        "content_length": draw.random() < 0.7, "lock_scope": lock,
    }  # fmt: skip
    return replace(Switches(), **chosen)  # type: ignore[arg-type] # each value is drawn from its own field's kind


def _durations(draw: random.Random) -> Durations:
    def one(base: float) -> Duration:
        made = Duration(base, draw.uniform(0, 1), draw.choice((0.0, 0.25, 0.6)))
        return made if base < 100 else replace(made, sigma=0.0)  # within `job_timeout`: whatever ends, ends in time

    # Some imports run longer than `settle_wait`: where one is lost, time alone seems to show that it does not run.
    lasting = draw.uniform(100, 900) if draw.random() < 0.15 else draw.uniform(1, 40)
    return Durations(one(draw.uniform(1, 40)), one(lasting), one(draw.uniform(1, 40)))


def _calls(apps: int) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Who calls whom among the first generated applications: orders, billing, stock and shipping."""
    if apps < 3:
        return ()
    return (("billing-web", ("orders-web", "stock-web")), *((("shipping-web", ("orders-web",)),) if apps > 3 else ()))


def _migrations(draw: random.Random, sources: tuple[str, ...], targets: list[str], apps: int) -> tuple[Migration, ...]:
    made = []
    for place, source in enumerate(sources):
        # Two sources hold assets of the same names: each needs a prefix of its own at a shared target.
        prefix = f"{source}_" if len(sources) > 1 or draw.random() < 0.2 else ""
        mode = Mode.MERGE if draw.random() < 0.2 else Mode.ADD_NEW
        aims = tuple(Target(target, mode, prefix) for target in targets)
        after = (f"m{place - 1}",) if place and draw.random() < 0.5 else ()
        made.append(
            Migration(
                f"m{place}",
                source,
                aims,
                (Glob("*"),),
                OfApps(),
                calls=_calls(apps),
                after=after,
                on_partial=draw.choice(list(OnPartial)),
            )
        )
    return tuple(made)


def _in_two(whole: Migration) -> tuple[Migration, ...]:
    """The called applications first, then the rest: many tasks touch an application of each part."""
    common = replace(whole, name="common", apps=COMMON, calls=())
    return common, replace(whole, name="rest", exclude_apps=COMMON, after=("common",))


def _plan(
    draw: random.Random, world: World, scope: Scope, migrations: tuple[Migration, ...], at_target: tuple[str, ...]
) -> Plan:
    ref = SecretRef(SecretSource.ENV, "X")
    credentials: dict[str, Credentials] = {
        "s": AccessKey("s", ref, ref),
        "t": Password("t", "x", "acme", ref),
        "u": Password("u", "y", "acme", ref),
    }
    instances = {}
    sources = {migration.source for migration in migrations}
    for held in world.instances:
        who = ("s",) if held.name in sources else at_target
        instances[held.name] = Instance(held.name, ENDPOINT, ENDPOINT, held.project_id, held.id, who)
    settings = Settings(
        one_job_per=scope, busy_timeout=1500.0, job_timeout=1500.0,
        outage_timeout=1200.0, reads_per_second=50.0, writes_per_second=draw.choice((0.17, 5.0)),
        settle_wait=draw.choice((300.0, 600.0)),
    )  # fmt: skip
    return Plan("night", credentials, instances, settings, migrations, "night.yaml")


def _held_before(draw: random.Random, world: World, targets: list[str], owner: str) -> World:
    """Merge into targets that hold some of the names already, under ids of their own."""
    many = Filling(draw.randint(0, 6), draw.randint(0, 10), calls={}, owner=owner, unreleased_every=0)
    filled = tuple(fill(i, many, world.switches) if i.name in targets else i for i in world.instances)
    return replace(world, instances=filled)


def _faults(draw: random.Random, poison: frozenset[str]) -> tuple[Rule, ...]:
    rules = [_passing(draw) for _ in range(draw.choice((0, 1, 2, 4, 6)))]
    begin = draw.uniform(0, 200)
    if draw.random() < 0.2:
        kind = draw.choice((Kind.OUTAGE, Kind.IAM_OUTAGE, Kind.CLOCK_SKEW))
        rules.append(Rule(kind, after=begin, until=begin + draw.uniform(5, 300)))
    if draw.random() < 0.1:
        rules.append(Rule(Kind.TOO_LARGE, frozenset({Operation.IMPORT}), count=draw.randint(2, 12)))
    if draw.random() < 0.1:
        rules.append(Rule(Kind.SLOW_JOB, times=2, seconds=draw.uniform(10, 900)))
    if draw.random() < 0.05:
        rules.append(Rule(Kind.JOB_RUNS_FOREVER, WRITES, nth=draw.randint(1, 6), seconds=5_000.0))
    if draw.random() < 0.1:
        rules.append(
            Rule(draw.choice((Kind.SLOW_DRIP, Kind.DELAYED)), times=3, seconds=draw.uniform(0.1, 20), count=4096)
        )
    if draw.random() < 0.25:  # what a list tells is on its way while jobs end
        slow = draw.uniform(0.5, 5)
        rules.append(Rule(Kind.DELAYED, LISTS, times=0, probability=draw.choice((1.0, 0.5)), seconds=slow))
    if poison:
        kinds = (Kind.POISON_EXPORT, Kind.POISON_EXPORT_UNNAMED, Kind.POISON_IMPORT, Kind.POISON_IMPORT_UNNAMED)
        rules.append(Rule(draw.choice(kinds), names=poison))
    return tuple(rules)


def _passing(draw: random.Random) -> Rule:
    """A fault that strikes a few times; the ones that leave an outcome open mostly strike where that hurts."""
    kind = draw.choice(AMBIGUOUS) if draw.random() < 0.4 else draw.choice(PASSING)
    aims = (
        frozenset({Operation.IMPORT}),
        frozenset({Operation.IMPORT}),
        frozenset({Operation.EXPORT}),
        frozenset[Operation](),
    )
    operations = draw.choice(aims) if kind in AMBIGUOUS else frozenset[Operation]()
    nth = draw.randint(1, 30) if TARGETS.get(kind) == frozenset({Operation.JOB}) else draw.randint(1, 6)
    times = draw.randint(1, 3) if kind is not Kind.ARCHIVE_ID_MISSING else 0
    chance = 0.3 if kind is Kind.ARCHIVE_ID_MISSING else draw.choice((1.0, 0.5))
    until = 300.0 if kind is Kind.ARCHIVE_ID_MISSING else math.inf
    return Rule(kind, operations, nth=nth, times=times, probability=chance, until=until)
