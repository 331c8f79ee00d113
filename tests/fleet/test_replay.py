"""What components have lived through at a server must still make sense to the workflow as it stands."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from orchestrator.fleet.component_workflow import Component
from tests.fleet.lives import HISTORIES, LIVES


def test_each_life_is_saved() -> None:
    assert {file.stem for file in HISTORIES.glob("*.json")} >= LIVES.keys(), "python -m tests.fleet.lives"


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.json")), ids=lambda file: file.stem)
def test_it_replays(file: Path) -> None:
    history = WorkflowHistory.from_json(f"component/t/history-{file.stem}", file.read_text(encoding="utf-8"))
    asyncio.run(Replayer(workflows=[Component]).replay_workflow(history))
