"""Faces the operator: terminal, arguments, environment, log configuration. Law: sentences, never a traceback.

app         the commands and their arguments         command     options that all share, and the door behind them
terminal    where results and words go               door        errors as sentences and exit codes
logs        what is said, on screen and in the home  words       events in the words of the log
progress    lanes as they move                       tally       how far each lane is, kept by events
assemble    a plan with the world around it          locate      which home, which run
times       printed times                            approving   saved previews as files
signals     who hears a signal, and when
previewtext, previewmarkdown, previewdocument   a preview for a terminal, for a ticket, for programs
running, previewing, reporting, handing, standing, deciding, inventories, beginnings, offline, demo   commands' bodies

Everything heavy is imported inside the commands, so that `--help` stays quick.
"""

import os
import sys

from orchestrator.cli.context import signals


def main() -> None:
    """Run the command line of this process and exit with its code."""
    _open_standard_streams()
    signals.stand(sys.argv[1:])
    try:
        from orchestrator.cli.app import build, called_by

        build(called_by(sys.argv[1:], os.environ))(prog_name="roma-migrate")
    finally:
        signals.fall_silent()


def _open_standard_streams() -> None:
    """A journal must never get the number of a closed stdout, which some library might write to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
