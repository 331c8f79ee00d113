"""`continue`: ends a pause or a stop, or opens a gate. Law: it does just what it says; a gate is opened by its name."""

from functools import partial

from orchestrator.cli.ordering import order
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.plan.plan import TASKS, Gate
from orchestrator.core.state.events import RunContinued
from orchestrator.errors import OperatorError


def continue_run(terminal: Terminal, run: str | None, gate: str, engine: str = "") -> int:
    """Order it, of a live run or a dead one."""
    if gate not in ("", Gate.IMPORTS.value, TASKS):
        raise OperatorError(f"--gate {gate} is no gate, allowed is {Gate.IMPORTS.value} or {TASKS}")
    return order(terminal, run, partial(RunContinued, gate=gate), engine)
