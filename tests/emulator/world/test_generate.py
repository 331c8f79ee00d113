"""Generated worlds obey the service's own rules."""

import re

from orchestrator.emulator.world.generate import default_world, generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import TaskIds

_APP = re.compile(r"[A-Za-z0-9_. ()-]{1,256}")
_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,99}")


def test_the_default_world_has_60_applications_400_tasks_callers_and_an_empty_target() -> None:
    dev, prod = default_world().instances
    assert (dev.name, len(dev.apps), len(dev.tasks)) == ("dev", 60, 400)
    assert (prod.name, len(prod.apps), len(prod.tasks)) == ("prod", 0, 0)
    assert sum(bool(app.calls) for app in dev.apps) == 5
    assert len(default_world().users) == 2


def test_names_are_legal_and_unique_and_ids_too() -> None:
    dev = generate(130, 1000).instance("dev")
    assert all(_APP.fullmatch(app.name) for app in dev.apps)
    assert all(_TASK.fullmatch(task.name) for task in dev.tasks)
    for values in (dev.apps, dev.tasks, dev.datasources, dev.apis, dev.groups):
        assert len({one.id for one in values}) == len({one.name for one in values}) == len(values)


def test_equal_arguments_give_equal_worlds() -> None:
    assert generate(5, 9) == generate(5, 9)


def test_two_filled_instances_share_names_and_no_ids() -> None:
    dev, dr = generate(5, 9, filled=("dev", "dr"), empty=()).instances
    assert [app.name for app in dev.apps] == [app.name for app in dr.apps]
    assert not {app.id for app in dev.apps} & {app.id for app in dr.apps}
    assert not {one.id for one in dev.datasources} & {one.id for one in dr.datasources}


def test_task_ids_are_written_as_the_switch_says() -> None:
    dashed = generate(1, 1, switches=Switches(task_ids=TaskIds.DASHED)).instance("dev").tasks[0].id
    plain = generate(1, 1).instance("dev").tasks[0].id
    assert (len(dashed), len(plain)) == (36, 32)


def test_nobody_calls_in_a_circle() -> None:
    dev = default_world().instance("dev")
    callers = {app.id for app in dev.apps if app.calls}
    called = {one for app in dev.apps for one in app.calls}
    depth = {app.id: app.calls for app in dev.apps}
    for _ in range(len(callers) + 1):
        called = {deeper for one in called for deeper in depth[one]}
    assert not called


def test_no_secret_stands_in_a_repr() -> None:
    world = default_world()
    secrets = {x for user in world.users for x in (user.sk, user.password)}
    secrets |= {app.secret for app in world.instance("dev").apps}
    assert not [one for one in secrets if one in repr(world)]
