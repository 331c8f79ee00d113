"""`journal`: the database that keeps the journals. Law: its tables change by a person's word alone."""

import os

from orchestrator.cli.context.find_run import journal_of
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.model.counts import count
from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.stores import upgrade_tables, vouch_for


def journal(terminal: Terminal, action: str) -> int:
    """Do it, and say what was done; raises OperatorError, JournalUnreachable."""
    address = journal_of(terminal)
    if not address:
        raise OperatorError(
            "no database is named: the journals of a home need no care of this kind",
            next_step="name it: --journal postgresql://USER@HOST/DATABASE, or ROMA_MIGRATE_JOURNAL",
        )
    match action:
        case "upgrade":
            return _upgrade(terminal, address)
        case "vouch":
            shown = vouch_for(address, os.environ, terminal.redactor.learn)
            return _told(terminal, shown, {"vouched": True}, "vouched for: it is the one that wrote last")
        case _:
            raise OperatorError(f"journal has no {action!r}", next_step="journal upgrade, or journal vouch")


def _upgrade(terminal: Terminal, address: str) -> int:
    shown, applied = upgrade_tables(address, os.environ, terminal.redactor.learn)
    what = f"{count(len(applied), 'migration')} applied" if applied else "nothing to do: its tables are of this version"
    return _told(terminal, shown, {"applied": applied}, what)


def _told(terminal: Terminal, shown: str, fields: dict[str, object], words: str) -> int:
    if terminal.common.json:
        terminal.document({"journal": shown, **fields, "code": 0})
    else:
        terminal.result(f"{shown}: {words}")
    return int(ExitCode.DONE)
