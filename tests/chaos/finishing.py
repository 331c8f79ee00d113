"""`python -m tests.chaos.finishing [KILLS]`: a finish killed at random instants. Law: a seed decides; each change once.

A night moves a plan, then gives `finish` until it ends, with kills and lost answers in between. The service shows every
repetition here: it starts a running task and creates an entry of the same name once more. At dawn each task has been
stopped and started once, each entry exists once, and `undo` brings back what was there before.
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

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.finishing_readings import DuplicateCreate, TaskSameState
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.world import World
from tests.chaos.nights import LEAVING
from tests.e2e.desk import LINES, Desk, PlanText
from tests.e2e.local_roma import LocalRoma, local_roma

#: how often one finish is given before its night counts as endless
MOST_STARTS = 40
#: seconds within which a kill falls: what an undisturbed finish takes here
WITHIN = 4.0
#: kills of one night, at most
KILLS = 6
TASKS = 12
STEPS = "dictionaries,tasks"
#: entries that dev has and prod lacks
ENTRIES = {"UNIT": "Unit", "UNIT/KG": "Kilogram", "UNIT/KG/GRAM": "Gram", "COLOUR": "Colour"}
#: share of writes whose answer is lost, after they took effect or before
CHANCE = 0.1
MOVES = 'name: all, source: dev, target: prod, apps: "*", tasks: "*"'
FINISH = ', finish: {dictionaries: create, tasks: {start: ["*"], first_run: reviewed}}'
#: whatever is asked for twice shows
SHOWS_TWICE = Switches(duplicate_create=DuplicateCreate.SECOND, task_same_state=TaskSameState.SUCCESS)
WRITES = (Operation.TASK_ACTION, Operation.DICTIONARY_CREATE, Operation.DICTIONARY_DELETE)


def world_of() -> World:
    """Every task of dev runs; prod is empty; whatever is done twice shows."""
    filling = Filling(calls={}, unreleased_every=0, running_every=1)
    blink = Durations(Duration(0.02), Duration(0.02), Duration(0.02))
    made = generate(4, TASKS, filling=filling, durations=blink, switches=SHOWS_TWICE)
    return replace(
        made,
        instances=tuple(
            replace(each, dictionaries={**each.dictionaries, **ENTRIES}) if each.name == "dev" else each
            for each in made.instances
        ),
    )


def acted(roma: LocalRoma) -> Counter[tuple[str, str, str]]:
    """(instance, what, task or entry) -> how often it was done."""
    calls = roma.ask(lambda api: list(api.service.ledger.calls))
    done: Counter[tuple[str, str, str]] = Counter()
    for call in calls:
        if call.operation == Operation.TASK_ACTION.value and call.outcome in {"started", "stopped"}:
            done.update((call.instance, call.outcome, task) for task in call.asset_ids)
    return done


def state(roma: LocalRoma) -> dict[str, list[str]]:
    """Which tasks run where, and the codes that prod's dictionary holds."""

    def look(api: object) -> dict[str, list[str]]:
        held = {name: roma.api.service.holding(name) for name in ("dev", "prod")}
        runs = {name: sorted(each.name for each in one.tasks.all() if each.running) for name, one in held.items()}
        return {**runs, "entries": sorted(each.code for each in held["prod"].dictionary.all())}

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
        before = state(roma)
        for operation in WRITES:
            for kind in (Kind.GATEWAY_TIMEOUT_AFTER, Kind.GATEWAY_TIMEOUT_BEFORE):
                roma.strike(kind, operation, probability=CHANCE, times=0)
        fell = given(desk, ("finish", "--step", STEPS), draw, kills)
        names = sorted(each.name for each in roma.world.instance("dev").tasks)
        wanted = sorted({*before["entries"], *(path.rpartition("/")[2] for path in ENTRIES)})
        after = state(roma)
        assert after == {"dev": [], "prod": names, "entries": wanted}, after
        twice = {each: number for each, number in acted(roma).items() if number > 1}
        assert not twice, twice
        assert acted(roma).total() == 2 * TASKS
        fell += given(desk, ("undo", "--step", STEPS, "--yes"), draw, max(0, kills - fell))
        assert state(roma) == before, state(roma)
        assert acted(roma).total() == 4 * TASKS
        for secret in desk.environment.values():
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
