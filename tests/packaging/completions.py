"""Completion scripts for shells, as the program itself prints them. Law: the program's word, asked for in a process."""

import os
import subprocess
import sys

from tests.packaging.locked import PROGRAM

#: shell -> where packages put a completion, below `share`
PLACES = {
    "bash": f"bash-completion/completions/{PROGRAM}",
    "zsh": f"zsh/site-functions/_{PROGRAM}",
    "fish": f"fish/vendor_completions.d/{PROGRAM}.fish",
}


def completion_script(shell: str) -> str:
    """What a shell sources, so that it asks the program for each word."""
    environment = {**os.environ, "_ROMA_MIGRATE_COMPLETE": f"source_{shell}"}
    told = subprocess.run(
        [sys.executable, "-m", "orchestrator"], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return told.stdout.lstrip()  # zsh reads `#compdef` on the first line alone
