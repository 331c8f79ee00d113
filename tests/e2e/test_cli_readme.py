"""The README says what the program says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import ExitCode

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```text\n\$ roma-migrate (.*?)\n(.*?)\n```", README, re.DOTALL)


@pytest.mark.parametrize(("words", "shown"), BLOCKS, ids=[words for words, _ in BLOCKS])
def test_each_help_block_is_what_the_program_prints(words: str, shown: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "orchestrator", *words.split()],
        capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip
    assert told.stdout.rstrip() == shown


def test_every_command_has_its_block() -> None:
    listed = re.findall(r"^  ([a-z]+)  ", next(shown for words, shown in BLOCKS if words == "--help"), re.MULTILINE)
    assert {f"{name} --help" for name in listed} == {words for words, _ in BLOCKS} - {"--help"}


def test_every_exit_code_is_in_the_table() -> None:
    table = README[README.index("## Exit codes") : README.index("## Commands")]
    assert [code for code in ExitCode if not re.search(rf"\b{int(code)}\b", table)] == []


def test_it_opens_with_its_two_commands() -> None:
    assert README.index("make run") < README.index("make test") < README.index("## ")
