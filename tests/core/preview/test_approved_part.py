"""What of a saved preview is one component's: as if that component alone had been previewed, and saved."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from orchestrator.core.model.inventory import App, Task
from orchestrator.core.plan.plan import Glob, Mode, Plan, Scope, Settings, Target, Waiver
from orchestrator.core.preview.approval import Occasion, Saved, SavedEntry, save
from orchestrator.core.preview.approved_part import approved_part, drift_of_plan
from orchestrator.core.preview.drift import Grade, drift
from orchestrator.core.selection.components import part_of, split
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.slots import SlotRule
from orchestrator.errors import OperatorError
from tests.builders.inventories import PreviewCase, held_app, held_task, told
from tests.builders.plans import migration
from tests.builders.runs import DAWN

Held = dict[str, tuple[App | Task, ...]]


def saved(case: PreviewCase, *words: str) -> Saved:
    plan = case.plan
    only = parse_only(words, plan) if words else Only()
    return save(plan, case.preview(only), Occasion(DAWN, "ann", "1.0", "CHG-1", words))


def parts_of(plan: Plan) -> list[Plan]:
    found = split(plan, SlotRule(Scope.INSTANCE, {})).components
    return [part_of(plan, each.migrations) for each in found]


def case_of(seed: int) -> PreviewCase:
    """Several components, some of several migrations; names taken, tasks left out, features that differ."""
    draw = random.Random(seed)
    held: Held = {}
    moves = []
    for number in range(draw.randint(2, 4)):
        source, target = f"src{number}", f"dst{number}"
        apps = [held_app(f"a{number}-{n}") for n in range(draw.randint(0, 4))]
        names = [app.name for app in apps]
        tasks = [
            held_task(f"t{number}-{n}", *draw.sample(names, min(2, len(names))), running=draw.random() < 0.3)
            for n in range(draw.randint(0, 4) if apps else 0)
        ]
        held[source] = (*apps, *tasks)
        held[target] = tuple(held_app(name, "other") for name in names if draw.random() < 0.2)
        mode = draw.choice([Mode.ADD_NEW, Mode.MERGE])
        some = Glob(draw.choice(["*", f"a{number}-0", "none-*"]))
        waive = (Waiver("left-out", (), "agreed", None),) if draw.random() < 0.3 else ()
        first = migration(f"m{number}", source, Target(target, mode=mode), apps=(some,), waive=waive)
        moves.append(first)
        if draw.random() < 0.5:
            again = Target(target, prefix="x_")
            moves.append(migration(f"n{number}", source, again, apps=(Glob(f"a{number}-*"),), after=(first.name,)))
    draw.shuffle(moves)
    facts = {"dst0": told("dst0", features={"cors": True})} if draw.random() < 0.5 else {}
    return PreviewCase(tuple(moves), held, facts, settings=Settings(batch_size=draw.choice([1, 3, 100])))


@pytest.mark.parametrize("seed", range(40))
def test_each_part_is_what_would_have_been_saved_of_its_component_alone(seed: int) -> None:
    case = case_of(seed)
    whole = saved(case)
    found = [(approved_part(whole, part), part) for part in parts_of(case.plan)]
    assert len(found) > 1
    for mine, part in found:
        alone = saved(replace(case, migrations=part.migrations))
        if mine is None:
            assert not any(lane.assets for lane in alone.lanes)
            continue
        assert {each.grade for each in drift(mine, alone)} == {Grade.NONE}
        assert replace(mine, digest=alone.digest, id=alone.id) == alone
        assert (mine.id, mine.digest) == (whole.id, whole.digest)


@pytest.mark.parametrize("seed", range(10))
def test_each_lane_is_in_exactly_one_part(seed: int) -> None:
    case = case_of(seed)
    whole = saved(case)
    parts = [mine for part in parts_of(case.plan) if (mine := approved_part(whole, part)) is not None]
    lanes = sorted(lane.key for mine in parts for lane in mine.lanes)
    assert len(lanes) == len(set(lanes))
    assert {lane.key for lane in whole.lanes if lane.assets} <= set(lanes)


APART = PreviewCase(
    (migration("m", "src0", "dst0"), migration("n", "src1", "dst1")),
    {"src0": (held_app("web"),), "src1": (held_app("core"),)},
)


def parts(whole: Saved, case: PreviewCase = APART) -> Iterator[Saved | None]:
    return (approved_part(whole, part) for part in parts_of(case.plan))


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (("m",), [("m",), None]),
        (("@dst1",), [None, ("@dst1",)]),
        (("app:*",), [("app:*",), ("app:*",)]),
        (("n@dst1", "app:co*"), [None, ("n@dst1", "app:co*")]),
        (("app:web",), [("app:web",), None]),
    ],
)
def test_only_keeps_what_fits_and_what_it_leaves_out_has_no_part(
    words: tuple[str, ...], kept: list[tuple[str, ...] | None]
) -> None:
    found = [each and each.only for each in parts(saved(APART, *words))]
    assert found == kept


def test_entries_that_are_created_first_go_with_those_that_ask_for_them() -> None:
    entry = SavedEntry("dst1", "KG", ("name: Kilogram",), ("n",))
    found = [each and each.entries for each in parts(replace(saved(APART), entries=(entry,)))]
    assert found == [(), (entry,)]


def test_what_differs_by_the_plan_alone_is_told_by_migration() -> None:
    before, (first, second) = saved(APART), APART.migrations
    assert {each.grade for each in drift_of_plan(before, APART.plan)} == {Grade.NONE}
    now = replace(APART, migrations=(replace(first, apps=(Glob("w*"),)), second))
    changed, same = drift_of_plan(before, now.plan)
    assert (changed.grade, same.grade) == (Grade.SHAPE, Grade.NONE)
    assert changed.lines == ("m.apps: was ['*'], is ['w*']",)
    more = replace(APART, migrations=(*APART.migrations, migration("o", "src2", "dst2")))
    assert [each.migration for each in drift_of_plan(before, more.plan) if each.grade is Grade.SHAPE] == ["m", "n", "o"]
    assert {each.grade for each in drift_of_plan(saved(APART, "m"), replace(APART, settings=Settings()).plan)} == {
        Grade.NONE
    }


def test_a_plan_that_lost_what_only_named_is_refused() -> None:
    with pytest.raises(OperatorError, match="--only m"):
        drift_of_plan(saved(APART, "m"), replace(APART, migrations=APART.migrations[1:]).plan)


@pytest.mark.parametrize("seed", range(10))
def test_by_the_same_plan_nothing_differs(seed: int) -> None:
    case = case_of(seed)
    assert {each.grade for each in drift_of_plan(saved(case), case.plan)} == {Grade.NONE}
