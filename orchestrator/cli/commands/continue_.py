"""`continue`: ends a pause or a stop, or opens a gate. Law: it does just what it says; a gate is opened by its name."""

from functools import partial

from orchestrator.cli.ordering import order
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.plan.plan import Gate
from orchestrator.core.state.events import RunContinued
from orchestrator.errors import NotYet, OperatorError


def continue_run(terminal: Terminal, run: str | None, gate: str) -> int:
    """Order it, of a live run or a dead one."""
    if gate == "tasks":
        raise NotYet("--gate tasks: not yet", next_step="roma-migrate continue --help shows what does")
    if gate not in ("", Gate.IMPORTS.value):
        raise OperatorError(f"--gate {gate} is no gate, allowed is {Gate.IMPORTS.value}")
    return order(terminal, run, partial(RunContinued, gate=gate))
