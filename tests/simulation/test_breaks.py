"""Each promise is broken on purpose, in a copy of the program, and the simulated nights must notice.

A break that no night notices means that the promise is not proved. The breaks lie in `breaks.yaml`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BREAKS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "breaks.yaml").read_text(encoding="utf-8"))
#: nights that a break may stay unnoticed
SEEDS = 30


@pytest.mark.parametrize("planted", BREAKS, ids=[str(each["name"]) for each in BREAKS])
@pytest.mark.timeout(600)
def test_a_broken_promise_is_noticed(planted: dict[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "orchestrator", copy / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "simulation", copy / "tests" / "simulation")
    for edit in planted["edits"]:
        broken = copy / "orchestrator" / edit["file"]
        text = broken.read_text(encoding="utf-8")
        assert text.count(edit["old"]) == 1, f"the line to break is not there once: {edit['old']}"
        broken.write_text(text.replace(edit["old"], edit["new"]), encoding="utf-8")
    command = [sys.executable, "-m", "tests.simulation.soak", "--first-failure"]
    command += ["--seeds", str(SEEDS), "--first", str(planted.get("first", 0))]
    found = subprocess.run(
        command, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1, f"{SEEDS} nights did not notice: {found.stdout[-500:]} {found.stderr[-500:]}"
    assert "failed" in found.stdout, found.stderr[-2000:]
