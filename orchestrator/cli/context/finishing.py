"""What a run needs to be finished: the home's key for digests of secrets, and the files that its plan names."""

import os

from orchestrator.cli.output.terminal import Terminal
from orchestrator.engine.runs import Runs
from orchestrator.storage.finishfiles import FinishFiles
from orchestrator.storage.home import Home
from orchestrator.storage.homekey import digesting


def can_finish(runs: Runs, home: Home, terminal: Terminal) -> None:
    """Hand both in."""
    runs.digest, runs.files = digesting(home), FinishFiles(os.environ, terminal.redactor.learn)
