"""Each shell's completion, as a shell asks: the commands, a command's options, the home's runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.completions import PLACES, completion_script


def environment(folder: Path) -> dict[str, str]:
    """The program on the path, as a script calls it."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "roma-migrate").write_text(f'#!/bin/sh\nexec {sys.executable} -m orchestrator "$@"\n')
    (bin_folder / "roma-migrate").chmod(0o755)
    return {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"}


def asked(tmp_path: Path, shell: str, words: str) -> str:
    """What the program answers a shell that completes the last of these words."""
    told = {
        "bash": {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": words},
        "fish": {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    env = environment(tmp_path) | told | {"_ROMA_MIGRATE_COMPLETE": f"complete_{shell}"}
    return subprocess.run(
        ["roma-migrate"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    ).stdout


@pytest.mark.parametrize("shell", PLACES)
def test_each_shell_completes_commands_and_options(shell: str, tmp_path: Path) -> None:
    assert "preview" in asked(tmp_path, shell, "roma-migrate pre")


@pytest.mark.parametrize("shell", PLACES)
def test_each_shell_completes_the_options_of_a_command(shell: str, tmp_path: Path) -> None:
    assert "--metrics-textfile" in asked(tmp_path, shell, "roma-migrate run --metrics-t")


def test_bash_itself_completes(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    (tmp_path / "script").write_text(completion_script("bash"))
    lines = (
        'source ./script; COMP_WORDS=(roma-migrate sta); COMP_CWORD=1; '
        '_roma_migrate_completion roma-migrate; echo "${COMPREPLY[@]}"'
    )  # fmt: skip
    said = subprocess.run(
        [bash, "-c", lines], env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=True,
        timeout=60,
    )  # fmt: skip
    assert said.stdout.split() == ["status"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_their_script(shell: str, tmp_path: Path) -> None:
    script = completion_script(shell)
    assert script.startswith({"zsh": "#compdef roma-migrate\n", "fish": "complete --command roma-migrate"}[shell])
    if (program := shutil.which(shell)) is not None:
        (tmp_path / "script").write_text(script)
        subprocess.run([program, "-n", str(tmp_path / "script")], check=True, timeout=60)
