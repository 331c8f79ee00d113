"""A local ROMA Connect: the far side, for demos, tests and simulation.

Law: truthful to `orchestrator/roma/README.md`, deterministic for a seed and a sequence of calls.

From the bottom upwards; imports run one way (checked by import-linter):

    world      frozen values: what there is, how the documents are read, what goes wrong
    protocol   requests, replies and refusals without a socket
    service    the state machine, and the truth about what happened
    api        the service as seen on the wire, synchronous
    control    the view behind the scenes
    server     the api on a socket
    command    what `roma-migrate emulator` does

World files and faults are described in `plans/README.md`.
"""

from orchestrator.emulator.command import run_emulator

__all__ = ["run_emulator"]
