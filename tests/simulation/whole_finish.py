"""Nights whose run is finished with every step that a plan can ask for, and whose finish is then taken back.

Law: judged by what stands at the service (`standing`), not by what the journal says of it. What the preview did not
name stands as before; what a person changed between two starts stands as the person left it, after the finish and
after its undo; no secret is in the home; and what the undo calls done is as it was.

Where somebody changes an object between our read and our write (`meddled`), the service offers no condition, and that
one write may overwrite it (Finishing 1): `meddlers` notes exactly what it has overwritten, and what stands for good.
"""

import hmac
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from pathlib import Path

from orchestrator.core.finish.planning import steps_of
from orchestrator.core.plan.plan import (
    Copy,
    Dictionaries,
    Finish,
    FinishApis,
    FinishStep,
    FirstRun,
    Glob,
    Keep,
    PublishApis,
    StartTasks,
    UnpublishedApis,
)
from orchestrator.core.undo.provenance import Asked
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world import finishing_readings as readings
from orchestrator.emulator.world.faults import MEDDLING, Kind, Rule
from orchestrator.emulator.world.gateway import RELEASE, Environment, Policy
from orchestrator.emulator.world.generate import TEST, Filling, fill
from orchestrator.emulator.world.operations import CHANGES, Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import App, AppCode, Belonging, BelongingKind, Instance, User
from orchestrator.engine.finish_run import FinishWish, finish_run
from orchestrator.engine.runs import Runs
from orchestrator.engine.undo_run import UndoWish, undo_run
from orchestrator.storage.finishfiles import FinishFiles
from tests.simulation.finish_judges import (
    PASSWORD,
    Acts,
    judge_finished,
    judge_named,
    judge_once,
    judge_restored,
    judge_secrets,
)
from tests.simulation.finishing import (
    STRIKES,
    Finishing,
    finishing_of,
    given,
    judge_calls,
    judge_copies,
    judge_done,
    judge_undone,
    meddle_with_tasks,
    moved,
    tasks_running,
)
from tests.simulation.scenarios import Clock, Night, dusk, progress_of
from tests.simulation.standing import standing
from tests.simulation.worlds import Scenario

STEPS = tuple(FinishStep)
MEMBERS = (User("alice", "acme", "AKalice", "sk-alice", "pw-alice"), User("bert", "acme", "AKbert", "sk-b", "pw-b"))
CONTENTS = {
    "MYSQL": 'host: db.prod, port: "3306", database_name: d, user_name: u, password: "${env:PROD_DB}"',
    "KAFKA": 'broker: "k.prod:9093", ssl: "true", user_name: u, password: "${env:PROD_DB}"',
}
#: switches of Finishing 5 that are drawn besides those of the nights of tasks and entries
READINGS: dict[str, type[Enum]] = {
    "create_status": readings.CreateStatus, "datasource_secret_read": readings.SecretRead,
    "datasource_put": readings.DatasourcePut, "test_connect_uses": readings.ConnectTested,
    "test_connect_failure": readings.ConnectFailure, "secret_read": readings.Told, "list_secrets": readings.Told,
    "appcode_unique": readings.AppCodeUnique, "unknown_member": readings.UnknownMember,
    "task_batch_over": readings.TaskBatchOver, "api_file_unknown_app": readings.UnknownApp,
    "api_merge_result": readings.MergeResult, "republish_id": readings.RepublishId,
    "republish_bindings": readings.RepublishBindings, "rebind": readings.Rebind, "reauthorise": readings.Reauthorised,
    "duplicate_create": readings.DuplicateCreate,
}  # fmt: skip
#: writes of finishing that a fault may strike
WRITES = sorted(CHANGES - {Operation.API_EXPORT})
#: share of restarts before which a person does something
BUSY = 0.9
#: seconds after which every write shows, so that a person's act is not hidden by an older one
SHOWN = 25.0


def whole_of(scenario: Scenario) -> Scenario:
    """The same night with something for every step at its sources, and a plan that asks for every step."""
    finishing = finishing_of(scenario)
    draw = random.Random(scenario.seed ^ 0xA117)
    sources = {m.source for m in finishing.plan.migrations}
    chosen: dict[str, object] = {name: draw.choice(list(kind)) for name, kind in READINGS.items()}
    # What no read tells is not done: most nights are told enough to do something.
    for name, clear in (("secret_read", readings.Told.CLEAR), ("list_secrets", readings.Told.CLEAR)):
        chosen[name] = clear if draw.random() < 0.6 else chosen[name]
    chosen |= {
        "task_batch_limit": draw.choice((10, 10, 9999)), "export_env_required": draw.random() < 0.5,
        "import_publishes": draw.random() < 0.5, "import_keeps_authorisations": draw.random() < 0.4,
        "import_keeps_topics": draw.random() < 0.3, "import_keeps_products": draw.random() < 0.3,
    }  # fmt: skip
    switches = replace(finishing.world.switches, **chosen)  # type: ignore[arg-type] # as in `worlds._switches`
    owner = finishing.users["s"].rpartition("/")[2]
    instances = tuple(
        _full(each, draw, (owner, switches)) if each.name in sources else _target(each, draw)
        for each in finishing.world.instances
    )
    world = replace(finishing.world, instances=instances, switches=switches, users=(*finishing.world.users, *MEMBERS))
    migrations = tuple(
        replace(each, finish=finish_of([t.instance for t in each.targets])) for each in finishing.plan.migrations
    )
    return replace(finishing, world=world, plan=replace(finishing.plan, migrations=migrations))


def finish_of(targets: list[str]) -> Finish:
    return Finish(
        Dictionaries.CREATE, FinishApis(UnpublishedApis.IMPORT, PublishApis.AS_AT_SOURCE), Copy.COPY,
        StartTasks((Glob("*"),), FirstRun.REVIEWED), tuple((each, f"{each}.yaml") for each in targets),
        Keep.KEEP, Keep.KEEP, tuple((each, "members.csv") for each in targets), topics=Copy.COPY, products=Copy.COPY,
    )  # fmt: skip


def _full(instance: Instance, draw: random.Random, of: tuple[str, Switches]) -> Instance:
    """The source with drafts, publications, policies and members; its assets keep their ids."""
    owner, switches = of
    names = {app.id: app.name for app in instance.apps}
    calls = {app.name: tuple(names[each] for each in app.calls) for app in instance.apps if app.calls}
    filling = Filling(
        len(instance.apps), len(instance.tasks), calls=calls, owner=owner, unreleased_every=draw.choice((0, 2)),
        tested_every=draw.choice((0, 2, 3)), policies_every=draw.choice((0, 1, 2)),
    )  # fmt: skip
    full = fill(instance, filling, switches)
    members = (("alice", ("read", "modify")),), (), (("alice", ("read",)), ("bert", ("read", "access")))
    apps = tuple(replace(each, members=draw.choice(members)) for each in full.apps)
    return replace(
        full, apps=apps, tasks=instance.tasks, belongings=tuple(_used(each, apps, draw) for each in full.belongings)
    )


def _used(one: Belonging, apps: tuple[App, ...], draw: random.Random) -> Belonging:
    """Other applications may use some topics."""
    others = [each.id for each in apps if each.id != one.app_id]
    chosen = draw.sample(others, min(len(others), draw.choice((0, 0, 1, 2))))
    return replace(
        one, others=tuple((each, draw.choice(("pub", "sub"))) for each in chosen), retention=draw.choice((72, 24))
    )


def _target(instance: Instance, draw: random.Random) -> Instance:
    """Most targets have the environment TEST, under an id of their own."""
    test = Environment(f"{TEST[:-4]}beef", "TEST")
    return replace(instance, environments=(test,) if draw.random() < 0.7 else ())


def whole_night(drawn: Scenario, root: Path) -> Night:
    """A run, its whole finish to the end, and the undo of that; raises Broken where a promise does not hold."""
    night, clock = dusk(whole_of(drawn))
    draw = random.Random(drawn.seed ^ 0xA118)
    told = Finishing(night, draw, chance=BUSY)
    acts = Acts(told)
    give_codes(night, lambda: draw.choice((0, 1, 2)))
    if not moved(night, root, clock, draw):
        return night
    told.meddles = lambda _: _person(acts, clock)
    files = written_files(night, root, unproved=draw.random() < 0.3)
    tasks, before, first = tasks_running(night), standing(night), len(night.service.ledger.calls)
    acts.meddlers.listen()
    _strike(night, draw)
    given(told, root, clock, files.finish, "finish")
    judge_calls(told, tasks, first)
    judge_done(told)
    judge_copies(night)
    judge_named(acts, before)
    judge_once(acts, before, first)
    judge_finished(acts)
    _strike(night, draw)
    given(told, root, clock, files.undo, "undo of finish")
    judge_calls(told, tasks, first)
    judge_undone(told, tasks)
    judge_named(acts, before)
    judge_restored(acts, before)
    judge_secrets(night, root)
    return night


# --- what a night needs ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Files:
    """What the plan's `finish:` names, and the commands that read it."""

    folder: Path
    unproved: bool
    seed: int

    async def finish(self, runs: Runs) -> tuple[int, None]:
        self._hand_to(runs)
        wish = FinishWish(steps_of(runs.plan, STEPS), unproved=self.unproved, note="simulated")
        finished = await finish_run(runs, runs.store.run_ids()[-1], wish)
        return int(finished.code), None

    async def undo(self, runs: Runs) -> tuple[int, None]:
        self._hand_to(runs)
        undone = await undo_run(runs, runs.store.run_ids()[-1], UndoWish(Asked(steps=STEPS), note="simulated"))
        return int(undone.code), None

    def _hand_to(self, runs: Runs) -> None:
        migrations = tuple(replace(each, finish=self._placed(each.finish)) for each in runs.plan.migrations)
        runs.plan = replace(runs.plan, migrations=migrations)
        runs.digest = self._digest
        runs.files = FinishFiles({"PROD_DB": PASSWORD}, lambda secrets: None)

    def _placed(self, finish: Finish) -> Finish:
        def here(named: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
            placed = ((target, self.folder / path) for target, path in named)
            return tuple((target, str(path)) for target, path in placed if path.exists())

        return replace(finish, datasources=here(finish.datasources), members=here(finish.members))

    def _digest(self, text: str) -> str:
        return hmac.new(b"%d" % self.seed, text.encode(), sha256).hexdigest()[:32]


def written_files(night: Night, root: Path, unproved: bool) -> Files:
    """A values file for each target, with every data source that is there, and a list of members."""
    folder = root / "files"
    folder.mkdir(exist_ok=True)
    (folder / "members.csv").write_text("alice,alice\nbert,bert\n", encoding="utf-8")
    for target in {t.instance for m in night.scenario.plan.migrations for t in m.targets}:
        held = night.service.holding(target)
        names = Counter(each.name for each in held.datasources.all())
        lines = [
            f"  {each.name}: {{type: {each.type}, content: {{{CONTENTS[each.type]}}}}}"
            for each in held.datasources.all()
            if each.type in CONTENTS and names[each.name] == 1
        ]
        if lines:
            text = "\n".join(["version: 1", "datasources:", *lines, ""])
            (folder / f"{target}.yaml").write_text(text, encoding="utf-8")
    return Files(folder, unproved, night.scenario.seed)


def give_codes(night: Night, number_of: Callable[[], int]) -> None:
    """Applications of the sources have so many AppCodes."""
    for source in sorted({m.source for m in night.scenario.plan.migrations}):
        held = night.service.holding(source)
        for app in held.apps.all():
            for number in range(number_of()):
                code = AppCode(f"code-{app.id}-{number}", app.id, f"{'SESAME' * 10}{source}{number}{app.id[:8]}", 1.0)
                held.app_codes.put(code)


def _strike(night: Night, draw: random.Random) -> None:
    """Faults of writes, each a few times; single objects that fail; somebody who changes things in between."""
    for operation in draw.sample(WRITES, 12):
        rule = Rule(draw.choice(STRIKES), frozenset({operation}), nth=draw.randint(1, 4), times=draw.randint(1, 3))
        night.api.strikes.add(rule)
    world = night.scenario.world
    if draw.random() < 0.3:
        names = [each.name for one in world.instances for each in one.tasks]
        _fail(night, Kind.TASK_FAILS, draw.sample(names, min(len(names), 2)))
    if draw.random() < 0.3:
        names = [each.name for one in world.instances for each in one.apis]
        _fail(night, Kind.API_FAILS, draw.sample(names, min(len(names), 2)))
    if draw.random() < 0.4:
        for operation in draw.sample(sorted(MEDDLING), 4):
            night.api.strikes.add(Rule(Kind.MEDDLED, frozenset({operation}), nth=draw.randint(1, 3), times=1))


def _fail(night: Night, kind: Kind, names: list[str]) -> None:
    night.api.strikes.add(Rule(kind, names=frozenset(names), times=2))


# --- people ----------------------------------------------------------------------------------------------------------


def _person(acts: Acts, clock: Clock) -> None:
    """Somebody changes something by hand at a target, while no process lives; what stands there then is noted."""
    night, draw = acts.told.night, acts.told.draw
    clock.passed += SHOWN
    if progress_of(night, sorted(night.records)[-1]).finishing.began is None:
        return
    target = draw.choice(sorted({t.instance for m in night.scenario.plan.migrations for t in m.targets}))
    before = standing(night)
    for act in draw.sample(PEOPLE, 4):
        act(acts, night.service.holding(target), night.service.time)
    after = standing(night)
    left = {place: after.get(place, ()) for place in before.keys() | after.keys()
            if before.get(place) != after.get(place)}  # fmt: skip
    acts.left |= left
    acts.meddlers.look(left)


def _of_tasks(acts: Acts, _: Holding, __: float) -> None:
    meddle_with_tasks(acts.told)


def _of_connections(acts: Acts, held: Holding, now: float) -> None:
    for each in acts.told.draw.sample(held.datasources.all(), min(1, len(held.datasources))):
        content = (("host", "10.9.9.9"), ("port", "1"), ("user_name", "hand"))
        held.datasources.put(replace(each, content=content, update_time=now))


def _of_secrets(acts: Acts, held: Holding, now: float) -> None:
    for each in acts.told.draw.sample(held.apps.all(), min(1, len(held.apps))):
        held.apps.put(replace(each, secret=f"by-hand-{now:.0f}", update_time=now))


def _of_members(acts: Acts, held: Holding, now: float) -> None:
    for each in acts.told.draw.sample(held.apps.all(), min(1, len(held.apps))):
        held.apps.put(replace(each, members=(("bert", ("read", "delete")),), update_time=now))


def _of_codes(acts: Acts, held: Holding, now: float) -> None:
    for each in acts.told.draw.sample(held.app_codes.all(), min(1, len(held.app_codes))):
        held.app_codes.remove(each.id)


def _of_policies(acts: Acts, held: Holding, now: float) -> None:
    """A policy of a source's name which does something else; what is bound to one of that name stays bound."""
    night, draw = acts.told.night, acts.told.draw
    sources = {m.source for m in night.scenario.plan.migrations}
    named = [one for name in sorted(sources) for one in night.service.holding(name).policies.all()]
    for each in draw.sample(named, min(1, len(named))):
        if not any((one.kind, one.name) == (each.kind, each.name) for one in held.policies.all()):
            theirs = {
                "api_call_limits": 3,
                "acl_value": "192.0.2.3",
                "sign_key": "by_hand_key",
                "plugin_content": "[3]",
            }
            fields = {**dict(each.fields), **theirs}
            kept = tuple((key, fields[key]) for key, _ in each.fields)
            held.policies.put(Policy(held.new_id(each.kind), each.kind, each.name, kept))


def _of_apis(acts: Acts, held: Holding, now: float) -> None:
    """An API leads elsewhere."""
    for each in acts.told.draw.sample(held.apis.all(), min(1, len(held.apis))):
        held.apis.put(replace(each, address="by.hand:1", remark="by hand"))


def _of_publications(acts: Acts, held: Holding, now: float) -> None:
    """An API is taken offline."""
    online = [each for each in held.apis.all() if each.released]
    for each in acts.told.draw.sample(online, min(1, len(online))):
        gone = tuple(replace(one, online=one.online and one.env_id != RELEASE) for one in each.publications)
        held.apis.put(replace(each, publications=gone))
        held.unbind(each.id, RELEASE)


def _of_environments(acts: Acts, held: Holding, now: float) -> None:
    """An environment TEST, or another remark of the one that is there."""
    found = held.environments.named("TEST")
    made = Environment(held.new_id("environment"), "TEST") if found is None else found
    held.environments.put(replace(made, remark=f"by hand {now:.0f}"))


def _of_topics(acts: Acts, held: Holding, now: float) -> None:
    """A topic of a source's name, what a topic is for, or a message in one."""
    night, draw = acts.told.night, acts.told.draw
    theirs = [one for one in held.belongings.all() if one.kind is BelongingKind.TOPIC]
    for each in draw.sample(theirs, min(1, len(theirs))):
        change = draw.choice(({"description": f"by hand {now:.0f}"}, {"messages": 1}))
        held.belongings.put(replace(each, **change))
    sources = sorted({m.source for m in night.scenario.plan.migrations})
    named = [one for name in sources for one in night.service.holding(name).belongings.all()]
    for each in draw.sample(named, min(1, len(named))):
        taken = {(one.kind, one.name) for one in held.belongings.all()}
        if each.kind is BelongingKind.TOPIC and (each.kind, each.name) not in taken and len(held.apps):
            owner = draw.choice(sorted(one.id for one in held.apps.all()))
            made = Belonging(held.new_id("topic"), each.kind, each.name, owner, description="by hand")
            held.belongings.put(made)


def _of_products(acts: Acts, held: Holding, now: float) -> None:
    """What a product is, or a device of one."""
    theirs = [one for one in held.belongings.all() if one.kind is BelongingKind.PRODUCT]
    for each in acts.told.draw.sample(theirs, min(1, len(theirs))):
        change = acts.told.draw.choice(({"description": f"by hand {now:.0f}"}, {"devices": 1}))
        held.belongings.put(replace(each, **change))


def _of_entries(acts: Acts, held: Holding, now: float) -> None:
    for each in acts.told.draw.sample(held.dictionary.all(), min(1, len(held.dictionary))):
        held.dictionary.put(replace(each, remark="by hand", update_time=now))


PEOPLE: tuple[Callable[[Acts, Holding, float], None], ...] = (
    _of_tasks, _of_connections, _of_secrets, _of_members, _of_codes, _of_policies, _of_apis, _of_publications,
    _of_entries, _of_environments, _of_topics, _of_products,
)  # fmt: skip
