"""Who only looks starts without the engine and the network's library: a process of its own shows what it loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import DONE, HALF_THERE, Past

LOOK = """
import json, sys
from orchestrator.cli import main
sys.argv = ["roma-migrate", *sys.argv[1:]]
code = 0
try:
    main()
except SystemExit as left:
    code = left.code or 0
print("\\n" + json.dumps([code, sorted(sys.modules)]))
"""
HEAVY = ("aiohttp", "anyio", "asyncio", "yaml", "prometheus_client", "opentelemetry")
ROOMS = ("orchestrator.engine", "orchestrator.roma", "orchestrator.emulator", "orchestrator.notices")


@pytest.mark.parametrize("line", ["status", "status --json", "runs", "report", "report --json", "status t --fresh 8d"])
def test_neither_the_engine_nor_the_network_is_loaded(line: str, past: Past) -> None:
    past.write("20270101-000000-aaaa", DONE)
    past.write("20270102-000000-bbbb", HALF_THERE)
    command = [sys.executable, "-c", LOOK, *line.split(), "--home", str(past.home.path)]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, cwd=Path(__file__).parents[2]
    )
    code, loaded = json.loads(said.stdout.splitlines()[-1])
    assert code in (0, 1), said.stderr
    heavy = [name for name in loaded if name.partition(".")[0] in HEAVY or name.startswith(ROOMS)]
    assert heavy == []
    assert "orchestrator.storage.journal" in loaded, "it did look"
