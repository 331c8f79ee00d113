"""Faces the operator: terminal, arguments, environment, log configuration. Law: sentences, never a traceback.

From the top downwards; imports run one way (checked by import-linter):

    app          the commands and their arguments
    command      what all commands share: common options, and the error boundary behind them
    commands     the bodies, one file for each command, with its name
    conducting   a run in this process, from the first line to the closing one
    render       a preview, a summary, a report as documents
    context      what surrounds a command: plan, home and run found, errors as sentences, signals
    output       where words go: terminal, tables, times, logs, bars

Everything heavy is imported inside the commands, so that `--help` stays quick.
"""

import os
import sys
from contextlib import suppress

from orchestrator.cli.context import signals


def main() -> None:
    """Run the command line of this process and exit with its code."""
    _open_standard_streams()
    # A plugin of pydantic would be looked for among all that is installed, and see what journals and plans hold.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    signals.stand(sys.argv[1:])
    try:
        from orchestrator.cli.app import build, called_by

        build(called_by(sys.argv[1:], os.environ))(prog_name="roma-migrate")
    except SystemExit as leaving:
        signals.fall_silent()
        _leave_without_the_engine(leaving)
        raise
    finally:
        signals.fall_silent()


def _leave_without_the_engine(leaving: SystemExit) -> None:
    """The library of a fleet's engine has threads that crash the interpreter's own end: it is passed by."""
    if "temporalio" in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None))


def _open_standard_streams() -> None:
    """A journal must never get the number of a closed stdout, which some library might write to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
