"""The README says what the program says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from orchestrator.errors import ExitCode

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
#: name -> what the table of commands says of it
COMMANDS = dict(re.findall(r"^\| `([a-z-]+)[^`]*` \| (.*) \|$", README, re.MULTILINE))


def test_each_command_has_one_line_as_the_program_tells_it() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "orchestrator", "--help"],
        capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    listed = dict(re.findall(r"^  ([a-z-]+)  +(\S.*)$", told.stdout.partition("Commands:")[2], re.MULTILINE))
    assert listed == COMMANDS


def test_every_exit_code_is_in_the_table() -> None:
    table = README[README.index("## Exit codes") : README.index("## Commands")]
    assert [code for code in ExitCode if not re.search(rf"\b{int(code)}\b", table)] == []


def test_it_opens_with_its_two_commands() -> None:
    assert README.index("make run") < README.index("make test") < README.index("## ")


def test_it_is_one_page() -> None:
    assert len(README.splitlines()) <= 250
