"""`python -m tests.chaos.finishing [KILLS]`: a finish killed at random instants. Law: a seed decides; each change once.

A night moves a plan, then gives `finish` until it ends, with kills and lost answers in between. The service shows every
repetition here: it starts a running task, creates an entry of the same name once more, and counts what it was asked of
connections, secrets, AppCodes, members, groups, APIs, publications, policies and authorisations. At dawn each has been
done once, no secret is in the home, and `undo` brings back what was there before.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.finishing_readings import DuplicateCreate, TaskSameState, Told
from orchestrator.emulator.world.gateway import RELEASE
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.world import AppCode, Group, User, World
from tests.chaos.nights import LEAVING
from tests.e2e.desk import LINES, Desk, PlanText
from tests.e2e.local_roma import LocalRoma, local_roma

#: how often one finish is given before its night counts as endless
MOST_STARTS = 40
#: seconds within which a kill falls: what an undisturbed finish takes here
WITHIN = 12.0
#: kills of one night, at most
KILLS = 6
TASKS = 12
APPS = 4
STEPS = "dictionaries,datasources,app_secrets,app_codes,members,apis,policies,topics,products,tasks"
#: entries that dev has and prod lacks
ENTRIES = {"UNIT": "Unit", "UNIT/KG": "Kilogram", "UNIT/KG/GRAM": "Gram", "COLOUR": "Colour"}
#: share of writes whose answer is lost, after they took effect or before
CHANCE = 0.1
#: of four applications the first and the third have policies, the second and the fourth an API that is published in
#: TEST, which for the fourth is a draft in RELEASE; the first calls the second
FILLING = Filling(
    calls={"orders-web": ("billing-web",)}, unreleased_every=4, tested_every=2, policies_every=2, running_every=1
)
MOVES = 'name: all, source: dev, target: prod, apps: "*", tasks: "*", calls: {orders-web: [billing-web]}'
FINISH = (
    ", finish: {dictionaries: create, datasources: prod.yaml, app_secrets: keep, app_codes: keep, "
    "members: members.csv, apis: {unpublished: import, publish: as-at-source}, policies: copy, "
    "topics: copy, products: copy, "
    'tasks: {start: ["*"], first_run: reviewed}}'
)
PASSWORD = "SESAME-of-prod"
#: whatever is asked for twice shows
SHOWS_TWICE = Switches(
    duplicate_create=DuplicateCreate.SECOND,
    task_same_state=TaskSameState.SUCCESS,
    list_secrets=Told.CLEAR,
    import_keeps_authorisations=False,
    import_keeps_topics=False,
    import_keeps_products=False,
    calls_within_package=True,
)
GOVERNED = APPS // 2
#: topics, and products: the first application has one, and the last
OWNED = 2
#: operation -> how many objects a finish asks it of, once each
ONCE = {
    Operation.DATASOURCE_CHANGE: 2 * APPS,
    Operation.SECRET_CHANGE: APPS,
    Operation.APP_CODE_CREATE: APPS,
    Operation.MEMBERS_CHANGE: APPS,
    Operation.GROUP_CREATE: 1,
    Operation.API_IMPORT: 1,
    Operation.API_ACTION: APPS // 2,
    Operation.THROTTLE_CREATE: GOVERNED,
    Operation.THROTTLE_BIND: GOVERNED,
    Operation.ACL_CREATE: GOVERNED,
    Operation.ACL_BIND: GOVERNED,
    Operation.SIGN_CREATE: GOVERNED,
    Operation.SIGN_BIND: GOVERNED,
    Operation.PLUGIN_CREATE: GOVERNED,
    Operation.PLUGIN_ATTACH: GOVERNED,
    Operation.AUTHORISE: 2,
    Operation.ENV_CREATE: 1,
    Operation.TOPIC_CREATE: OWNED,
    Operation.PRODUCT_IMPORT: OWNED,
}
#: the same of what takes it back
TAKEN_BACK = {
    Operation.DATASOURCE_CHANGE: 2 * APPS,
    Operation.SECRET_CHANGE: APPS,
    Operation.APP_CODE_DELETE: APPS,
    Operation.MEMBERS_CHANGE: APPS,
    Operation.GROUP_DELETE: 1,
    Operation.API_DELETE: 1,
    Operation.API_ACTION: APPS // 2,
    Operation.THROTTLE_UNBIND: GOVERNED,
    Operation.THROTTLE_DELETE: GOVERNED,
    Operation.ACL_UNBIND: GOVERNED,
    Operation.ACL_DELETE: GOVERNED,
    Operation.SIGN_UNBIND: GOVERNED,
    Operation.SIGN_DELETE: GOVERNED,
    Operation.PLUGIN_DETACH: GOVERNED,
    Operation.PLUGIN_DELETE: GOVERNED,
    Operation.AUTHORISATION_CANCEL: 2,
    Operation.ENV_DELETE: 1,
    Operation.TOPIC_DELETE: OWNED,
    Operation.PRODUCT_DELETE: OWNED,
}
WRITES = frozenset(
    {Operation.TASK_ACTION, Operation.DICTIONARY_CREATE, Operation.DICTIONARY_DELETE, *ONCE, *TAKEN_BACK}
)
USERS = (DEV_USER, PROD_USER, User("alice", "acme", "AKalice", "sk-alice", "pw-alice"))


def world_of() -> World:
    """Every task of dev runs, each application has a member; prod is all but empty; whatever is done twice shows."""
    blink = Durations(Duration(0.02), Duration(0.02), Duration(0.02))
    made = generate(APPS, TASKS, filling=FILLING, durations=blink, switches=SHOWS_TWICE, users=USERS)
    dev, prod = made.instances
    apps = tuple(replace(app, members=(("alice", ("read", "modify")),)) for app in dev.apps)
    draft = next(each for each in dev.apis if each.published(RELEASE) is None)
    dev = replace(
        dev,
        apps=apps,
        groups=(*dev.groups, Group("alone", "alone-group", draft.app_id)),
        apis=tuple(replace(each, group_id="alone") if each == draft else each for each in dev.apis),
        dictionaries={**dev.dictionaries, **ENTRIES},
    )
    return replace(made, instances=(dev, prod))


def prepared(roma: LocalRoma, desk: Desk) -> None:
    """An AppCode for each application of dev, and the files that the plan names."""

    def give(api: Api) -> None:
        dev = api.service.holding("dev")
        for app in dev.apps.all():
            dev.app_codes.put(AppCode(f"code-{app.id}", app.id, f"{'SESAME' * 10}{app.id[:8]}", 1.0))

    roma.ask(give)
    desk.environment["PROD_DB"] = PASSWORD
    (desk.folder / "members.csv").write_text("alice,alice\n", encoding="utf-8")
    told = desk.run("finish", "--template", "prod.yaml")
    assert told.code == 0, told.both
    path = desk.folder / "prod.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("${env:}", "${env:PROD_DB}"), encoding="utf-8")


def acted(roma: LocalRoma) -> Counter[tuple[str, str, str]]:
    """(instance, what, task or entry) -> how often it was done."""
    calls = roma.ask(lambda api: list(api.service.ledger.calls))
    done: Counter[tuple[str, str, str]] = Counter()
    for call in calls:
        if call.operation == Operation.TASK_ACTION.value and call.outcome in {"started", "stopped"}:
            done.update((call.instance, call.outcome, task) for task in call.asset_ids)
    return done


def carried_out(roma: LocalRoma, first: int = 0) -> dict[str, int]:
    """Operation -> how often it was done at prod since so many calls, refusals aside."""
    calls = roma.ask(lambda api: list(api.service.ledger.calls))[first:]
    return Counter(each.operation for each in calls if each.instance == "prod" and "." not in each.outcome)


def judge_once(roma: LocalRoma, wanted: Mapping[Operation, int], first: int) -> None:
    """Each of these was done once for each object."""
    done = carried_out(roma, first)
    found = {each: done.get(each.value, 0) for each in wanted}
    assert found == wanted, {str(each): (found[each], wanted[each]) for each in wanted if found[each] != wanted[each]}


def state(roma: LocalRoma) -> dict[str, list[str]]:
    """Which tasks run where, and all of prod that a finish may change."""

    def look(api: Api) -> dict[str, list[str]]:
        held = {name: api.service.holding(name) for name in ("dev", "prod")}
        runs = {name: sorted(each.name for each in one.tasks.all() if each.running) for name, one in held.items()}
        prod = held["prod"]
        shared = {each.secret for each in prod.apps.all()} & {each.secret for each in held["dev"].apps.all()}
        return {
            **runs,
            "entries": sorted(each.code for each in prod.dictionary.all()),
            "connections": sorted(
                f"{each.name} {sorted(f'{key}={value}' for key, value in each.content if value)}"
                for each in prod.datasources.all()
            ),
            "codes": sorted(each.code for each in prod.app_codes.all()),
            "members": sorted(f"{each.name} {each.members}" for each in prod.apps.all()),
            "secrets of dev": sorted(shared),
            **gateway(prod),
        }

    return roma.ask(look)


def gateway(prod: Holding) -> dict[str, list[str]]:
    """APIs with where they are published, groups, policies, what is bound to what, and who may call whom."""
    held = (prod.apis, prod.groups, prod.environments, prod.policies, prod.apps)
    names = {each.id: each.name for shelf in held for each in shelf.all()}
    return {
        "apis": sorted(
            f"{each.name} {names[each.group_id]} {sorted(names[one.env_id] for one in each.publications if one.online)}"
            for each in prod.apis.all()
        ),
        "groups": sorted(each.name for each in prod.groups.all()),
        "environments": sorted(each.name for each in prod.environments.all()),
        "belongings": sorted(f"{each.kind} {each.name} {names[each.app_id]}" for each in prod.belongings.all()),
        "policies": sorted(f"{each.kind} {each.name} {sorted(each.fields)}" for each in prod.policies.all()),
        "bound": sorted(f"{names[each.policy_id]} {names[each.api_id]}" for each in prod.bindings.all()),
        "callers": sorted(f"{names[each.app_id]} {names[each.api_id]}" for each in prod.authorisations.all()),
    }


def night(seed: int, folder: Path, kills: int = KILLS) -> int:
    """One finish and its undo; how many kills fell. Raises AssertionError where a change was not done once."""
    draw = random.Random(seed)
    with local_roma(world_of(), seed) as roma:
        desk = Desk(folder)
        settings = {"settle_quiet": "1s", "settle_wait": "3s"}
        desk.ready(roma, PlanText(settings=settings, migrations=(MOVES,)))
        said = desk.run("run", "plan.yaml", patience=120.0)
        assert said.code == 0, said.both
        # Only now: a run would create the entries itself.
        desk.plan(roma, PlanText(settings=settings, migrations=(MOVES + FINISH,)))
        prepared(roma, desk)
        before, since = state(roma), len(roma.ledger.calls)
        for operation in sorted(WRITES):
            for kind in (Kind.GATEWAY_TIMEOUT_AFTER, Kind.GATEWAY_TIMEOUT_BEFORE):
                roma.strike(kind, operation, probability=CHANCE, times=0)
        fell = given(desk, ("finish", "--step", STEPS), draw, kills)
        names = sorted(each.name for each in roma.world.instance("dev").tasks)
        wanted = sorted({*before["entries"], *(path.rpartition("/")[2] for path in ENTRIES)})
        after = state(roma)
        assert (after["dev"], after["prod"], after["entries"]) == ([], names, wanted), after
        assert all(f"password={PASSWORD}" in each for each in after["connections"])
        assert (len(after["codes"]), len(after["secrets of dev"])) == (APPS, APPS)
        assert all("alice" in each for each in after["members"])
        judge_once(roma, ONCE, since)
        until = len(roma.ledger.calls)
        twice = {each: number for each, number in acted(roma).items() if number > 1}
        assert not twice, twice
        assert acted(roma).total() == 2 * TASKS
        fell += given(desk, ("undo", "--step", STEPS, "--yes"), draw, max(0, kills - fell))
        assert state(roma) == before, state(roma)
        judge_once(roma, TAKEN_BACK, until)
        assert acted(roma).total() == 4 * TASKS
        for secret in (*desk.environment.values(), "SESAME"):
            assert all(secret.encode() not in content for _, content in desk.files().values())
    return fell


def given(desk: Desk, words: tuple[str, ...], draw: random.Random, kills: int) -> int:
    """Give a command until it has ended with 0, killed as often as asked; how many kills fell."""
    fell = 0
    for _ in range(MOST_STARTS):
        delay = draw.uniform(0.3, WITHIN) if fell < kills else None
        code, told = killed(desk, words, delay)
        if code == 0:
            return fell
        fell += code in {137, -9}
        assert code in {0, 137, -9}, told
    raise AssertionError(f"{words} has not ended after {MOST_STARTS} starts")


def killed(desk: Desk, words: tuple[str, ...], delay: float | None) -> tuple[int, str]:
    """Give a command and kill it after so many seconds, or let it live; its code and what it said."""
    with desk.start(*words, *LINES, stderr=subprocess.STDOUT) as program:
        try:
            told, _ = program.communicate(timeout=delay or LEAVING)
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGKILL)
            told, _ = program.communicate(timeout=LEAVING)
    return program.returncode, told


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.chaos.finishing", description=__doc__)
    asked.add_argument("kills", nargs="?", type=int, default=100)
    asked.add_argument("--seed", type=int, default=0)
    wanted = asked.parse_args()
    fell, seed = 0, wanted.seed
    while fell < wanted.kills:
        with tempfile.TemporaryDirectory() as folder:
            try:
                fell += night(seed, Path(folder), min(KILLS, wanted.kills - fell))
            except AssertionError as broken:
                print(f"FAILED: python -m tests.chaos.finishing {KILLS} --seed {seed}\n{broken}")
                return 1
        seed += 1
    print(f"{seed - wanted.seed} nights, {fell} kills: each change once, all of it taken back, no secret in a home")
    return 0


if __name__ == "__main__":
    sys.exit(main())
