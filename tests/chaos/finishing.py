"""`python -m tests.chaos.finishing [KILLS]`: a finish killed at random instants. Law: a seed decides; each change once.

A night moves a plan, then gives `finish` until it ends, with kills and lost answers in between. The service shows every
repetition here: it starts a running task, creates an entry of the same name once more, and counts what it was asked of
connections, secrets, AppCodes and members. At dawn each has been done once, no secret is in the home, and `undo` brings
back what was there before.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.finishing_readings import DuplicateCreate, TaskSameState, Told
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.world import AppCode, User, World
from tests.chaos.nights import LEAVING
from tests.e2e.desk import LINES, Desk, PlanText
from tests.e2e.local_roma import LocalRoma, local_roma

#: how often one finish is given before its night counts as endless
MOST_STARTS = 40
#: seconds within which a kill falls: what an undisturbed finish takes here
WITHIN = 6.0
#: kills of one night, at most
KILLS = 6
TASKS = 12
APPS = 4
STEPS = "dictionaries,datasources,app_secrets,app_codes,members,tasks"
#: entries that dev has and prod lacks
ENTRIES = {"UNIT": "Unit", "UNIT/KG": "Kilogram", "UNIT/KG/GRAM": "Gram", "COLOUR": "Colour"}
#: share of writes whose answer is lost, after they took effect or before
CHANCE = 0.1
MOVES = 'name: all, source: dev, target: prod, apps: "*", tasks: "*"'
FINISH = (
    ", finish: {dictionaries: create, datasources: prod.yaml, app_secrets: keep, app_codes: keep, "
    'members: members.csv, tasks: {start: ["*"], first_run: reviewed}}'
)
PASSWORD = "SESAME-of-prod"
#: whatever is asked for twice shows
SHOWS_TWICE = Switches(
    duplicate_create=DuplicateCreate.SECOND, task_same_state=TaskSameState.SUCCESS, list_secrets=Told.CLEAR
)
#: operation -> how many objects a finish asks it of, once each
OF_APPS = {
    Operation.DATASOURCE_CHANGE: 2 * APPS,
    Operation.SECRET_CHANGE: APPS,
    Operation.APP_CODE_CREATE: APPS,
    Operation.MEMBERS_CHANGE: APPS,
}
WRITES = (
    Operation.TASK_ACTION,
    Operation.DICTIONARY_CREATE,
    Operation.DICTIONARY_DELETE,
    Operation.APP_CODE_DELETE,
    *OF_APPS,
)
USERS = (DEV_USER, PROD_USER, User("alice", "acme", "AKalice", "sk-alice", "pw-alice"))


def world_of() -> World:
    """Every task of dev runs, each application has a member; prod is empty; whatever is done twice shows."""
    filling = Filling(calls={}, unreleased_every=0, running_every=1)
    blink = Durations(Duration(0.02), Duration(0.02), Duration(0.02))
    made = generate(APPS, TASKS, filling=filling, durations=blink, switches=SHOWS_TWICE, users=USERS)
    dev, prod = made.instances
    apps = tuple(replace(app, members=(("alice", ("read", "modify")),)) for app in dev.apps)
    return replace(made, instances=(replace(dev, apps=apps, dictionaries={**dev.dictionaries, **ENTRIES}), prod))


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


def asked_of_apps(roma: LocalRoma) -> dict[Operation, Counter[tuple[str, ...]]]:
    """Operation -> object -> how often it was done."""
    calls = roma.ask(lambda api: list(api.service.ledger.calls))
    return {
        operation: Counter(each.asset_ids for each in calls if each.operation == operation.value)
        for operation in OF_APPS
    }


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
        }

    return roma.ask(look)


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
        before = state(roma)
        for operation in WRITES:
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
        for operation, objects in OF_APPS.items():
            done = asked_of_apps(roma)[operation]
            assert (len(done), done.total()) == (objects, objects), (operation, done)
        twice = {each: number for each, number in acted(roma).items() if number > 1}
        assert not twice, twice
        assert acted(roma).total() == 2 * TASKS
        fell += given(desk, ("undo", "--step", STEPS, "--yes"), draw, max(0, kills - fell))
        assert state(roma) == before, state(roma)
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
