"""An undo that restores is killed at random instants over a real socket, and given again until all is as before."""

import random
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.emulator.world.options import Duration, Durations
from orchestrator.emulator.world.world import App, Task
from tests.chaos.nights import LEAVING, SETTLING, SHOWS_DOUBLES
from tests.e2e.desk import LINES, Desk, PlanText
from tests.e2e.local_roma import LocalRoma, local_roma, small_world

#: how often one undo is given before its night counts as endless
MOST_STARTS = 40
#: seconds within which a kill falls: what an undisturbed undo takes here
WITHIN = 3.0
#: kills of one night, at most
KILLS = 6
MERGE = 'name: all, source: dev, target: prod, apps: "*", tasks: "*", mode: Merge'


def content(roma: LocalRoma) -> dict[str, tuple[str, int]]:
    """What prod holds: id -> name and content mark."""

    def held() -> list[App | Task]:
        there = roma.api.service.holding("prod")
        return [*there.apps.all(), *there.tasks.all()]

    return {each.id: (each.name, each.revision) for each in roma.ask(lambda api: held())}


def undone(seed: int, folder: Path) -> int:
    """A Merge over half of its names and its undo; how many kills fell."""
    draw = random.Random(seed)
    durations = Durations(Duration(0.1, 0.0, 0.6), Duration(0.3, 0.0, 0.6), Duration(0.3))
    world = small_world(empty=("prod",), switches=SHOWS_DOUBLES, durations=durations)
    owner = world.users[-1].name
    dev = world.instance("dev")
    there = [
        App(f"{number:08}-2222-3333-4444-555555555555", app.name, f"before-{number}", "", owner, revision=900 + number)
        for number, app in enumerate(dev.apps[::2])
    ]
    instances = tuple(replace(each, apps=tuple(there)) if each.name == "prod" else each for each in world.instances)
    with local_roma(replace(world, instances=instances), seed) as roma:
        desk = Desk(folder)
        desk.ready(roma, PlanText(settings={"batch_size": 10, **SETTLING}, migrations=(MERGE,)))
        before = content(roma)
        said = desk.run("run", "plan.yaml", patience=120.0)
        assert said.code == 0, said.both
        assert content(roma) != before
        kills = 0
        for _ in range(MOST_STARTS):
            code = killed(desk, draw.uniform(0.3, WITHIN)) if kills < KILLS else desk.run("undo", "--yes").code
            if code == 0:
                break
            kills += 1
            assert code in {137, -9}, code
        assert content(roma) == before
        posts = len(roma.ledger.calls)
        assert desk.run("undo", "--yes").code == 0
        assert len(roma.ledger.calls) == posts
    return kills


def killed(desk: Desk, delay: float) -> int:
    """Give the undo and kill it after so many seconds; its code."""
    with desk.start("undo", "--yes", *LINES, stderr=subprocess.STDOUT) as program:
        try:
            program.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGKILL)
            program.communicate(timeout=LEAVING)
    return program.returncode


def test_a_killed_undo_restores_the_target_when_it_is_given_again(tmp_path: Path) -> None:
    assert undone(1, tmp_path) >= 1


@pytest.mark.chaos
@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_fifty_kills_of_an_undo_change_nothing_of_its_end(tmp_path: Path) -> None:
    kills = seed = 0
    while kills < 50:
        seed += 1
        folder = tmp_path / str(seed)
        folder.mkdir()
        kills += undone(seed, folder)
