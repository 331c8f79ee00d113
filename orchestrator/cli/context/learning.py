"""What a home learns of services, kept and read for a command. Law: it only informs, and no failure of it is fatal."""

from collections.abc import Sequence

from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.comparison.carried import Learned
from orchestrator.core.comparison.dialect import Dialect
from orchestrator.core.plan.plan import Plan
from orchestrator.storage.dialectfile import keep_dialect, read_dialect
from orchestrator.storage.home import Home


def keep_learned(terminal: Terminal, home: Home, plan: Plan, every: Sequence[Learned], run: str, at: float) -> None:
    """Keep it by the targets' endpoints, seen at `at` (epoch seconds); where that fails, it is said."""
    endpoints = {name: each.endpoint for name, each in plan.instances.items()}
    if every and (told := keep_dialect(home, lambda known: known.with_learned(every, endpoints, at, run))):
        terminal.warn(told)


def known_dialect(terminal: Terminal, home: Home) -> Dialect:
    """What the home knows; a damaged file is told, and counts as empty."""
    known, damaged = read_dialect(home)
    if damaged:
        terminal.warn(damaged)
    return known
