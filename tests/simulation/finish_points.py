"""A small plan with every kind of change, its finish or undo killed at one chosen point. Law: only that differs."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

from orchestrator.core.state.changes import ChangeState
from orchestrator.emulator.world.finishing_readings import DuplicateCreate, TaskSameState, Told
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import Api, Group, make_id
from tests.simulation.finishing import ENTRIES, moved
from tests.simulation.points import small_plan
from tests.simulation.scenarios import MOST_STARTS, PAUSE, Clock, Command, Night, dusk, incarnation, progress_of
from tests.simulation.standing import Standing, standing
from tests.simulation.whole_finish import MEMBERS, finish_of, give_codes, written_files
from tests.simulation.worlds import Kill, Scenario

#: starts of one command, at most
MOST_GIVEN = 10
#: whatever is asked for twice shows
_SHOWS_TWICE = Switches(
    duplicate_create=DuplicateCreate.SECOND, task_same_state=TaskSameState.SUCCESS, list_secrets=Told.CLEAR,
    import_keeps_authorisations=False, calls_within_package=True, import_publishes=False,
    import_keeps_topics=False,
    import_keeps_products=False,
)  # fmt: skip


def every_kind() -> Scenario:
    """2 applications and 2 tasks that run, with something for every step; prod is empty."""
    base = small_plan(0, power=False)
    filling = Filling(
        calls={"orders-web": ("billing-web",)},
        unreleased_every=2,
        policies_every=2,
        tested_every=2,
        running_every=1,
        belongings_every=2,
    )
    made = generate(2, 2, users=(*base.world.users, *MEMBERS), filling=filling, switches=_SHOWS_TWICE)
    dev, prod = made.instances
    apps = tuple(replace(each, members=(("alice", ("read",)),)) for each in dev.apps)
    # A group in which nothing is published travels with nothing.
    drafts = Group(make_id("dev", "drafts"), "drafts", apps[0].id)
    draft = Api(make_id("dev", "draft"), "draft", apps[0].id, drafts.id, "GET", "/draft", address="orders.internal:80")
    topics = tuple(replace(each, others=((apps[1].id, "sub"),)) for each in dev.belongings)
    dev = replace(
        dev, apps=apps, belongings=topics, dictionaries=ENTRIES, groups=(*dev.groups, drafts), apis=(*dev.apis, draft)
    )
    world = replace(made, instances=(dev, prod))
    (migration,) = base.plan.migrations
    moves = replace(migration, calls=(("orders-web", ("billing-web",)),), finish=finish_of(["prod"]))
    return replace(base, world=world, plan=replace(base.plan, migrations=(moves,)))


def killed_at(point: int, root: Path, *, undo: bool, power: bool = False) -> "End":
    """The finish, or the undo behind it, killed at a point and given again until it has ended."""
    night, clock = dusk(every_kind())
    give_codes(night, lambda: 1)
    assert moved(night, root, clock, random.Random(0)), night.codes
    files = written_files(night, root, unproved=False)
    first = len(night.service.ledger.calls)
    kill = Kill(point=point, power=power) if point else None
    points = _ended(night, root, clock, files.finish, None if undo else kill)
    if undo:
        points = _ended(night, root, clock, files.undo, kill)
    return End(night, first, points)


class End:
    """What a killed command left behind, however it came about."""

    def __init__(self, night: Night, first: int, points: int) -> None:
        progress = progress_of(night, sorted(night.records)[-1])
        #: crash points of the command, where nothing killed it
        self.points = points
        self.standing: Standing = standing(night)
        #: kind of change -> how many were done
        self.kinds = Counter(
            life.change.kind for life in progress.finishing.lives.values() if life.state is ChangeState.DONE
        )
        #: (operation, outcome) of everything that changed something: a test changes nothing, and may be repeated
        self.done = Counter(
            (call.operation, call.outcome)
            for call in night.service.ledger.calls[first:]
            if call.operation not in {Operation.TEST_CONNECT.value, Operation.API_EXPORT.value}
        )

    @property
    def same(self) -> tuple[object, ...]:
        """What no crash point may change; the secret that an undo sets is drawn anew each time."""
        held = {place: each for place, each in self.standing.items() if not place[1].startswith("secret ")}
        return held, self.done


def _ended(night: Night, root: Path, clock: Clock, command: Command, kill: Kill | None) -> int:
    """Give a command until it has ended; the crash points of its first start."""
    before = night.points
    for number in range(MOST_GIVEN):
        start = MOST_STARTS + len(night.codes)
        code, _ = incarnation(night, root, clock, kill if not number else None, start, command)
        night.codes.append(code)
        if code in {"0", "1"}:
            return night.points - before
        clock.passed += PAUSE
    raise AssertionError(f"it does not end: {night.codes}")
