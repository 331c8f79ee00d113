"""Applications with Chinese, Japanese and Korean names, as ROMA allows them, on a screen of 80 columns."""

from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.cli.output.cells import cells
from orchestrator.emulator.world.world import World
from tests.builders.chinese import NAMES, chinese_world

Invoke = Callable[..., Result]


@pytest.fixture
def world() -> World:
    return chinese_world()


def test_a_preview_fits_the_screen(invoke: Invoke, local: Any) -> None:
    told = invoke("preview", "plan.yaml", "--all")
    assert told.exit_code == 0, told.output
    assert [line for line in told.stdout.splitlines() if cells(line) > 80] == []
    assert all(name in told.stdout for name in NAMES)


def test_the_columns_of_an_inventory_line_up(invoke: Invoke, local: Any) -> None:
    lines = invoke("inventory", "plan.yaml", "dev").stdout.splitlines()
    ids = {cells(line[: line.index(f" {dev.id} ")]) for dev in local.world.instances[0].apps for line in lines
           if f" {dev.id} " in line}  # fmt: skip
    assert len(ids) == 1
