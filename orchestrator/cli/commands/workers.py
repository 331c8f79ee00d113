"""`workers`: which workers a fleet has, dead or alive. Law: only looks; the database's clock says who is silent."""

import platform

from orchestrator.cli.context.find_run import store_to_read
from orchestrator.cli.output.tables import table
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local, span, utc
from orchestrator.core.state.submissions import Worker
from orchestrator.errors import ExitCode, OperatorError


def workers(terminal: Terminal, here: bool = False) -> int:
    """Each worker that has not left, by group; with `here` those of this host, and 1 where none of them lives.

    Raises OperatorError where no database keeps the journals.
    """
    store = store_to_read(terminal, None)
    if not store.address:
        raise OperatorError(
            "workers are known to the database that keeps a fleet's journals, and none is named",
            next_step="name it: --journal postgresql://..., or ROMA_MIGRATE_JOURNAL",
        )
    found, ttl = store.submissions.workers(), store.submissions.ttl
    found = [each for each in found if not here or each.host == platform.node()]
    code = ExitCode.INCOMPLETE if here and all(each.unseen > ttl for each in found) else ExitCode.DONE
    if terminal.common.json:
        terminal.document({"code": int(code), "workers": [_row(each, ttl) for each in found]})
    else:
        terminal.result(_text(found, ttl) if found else "no workers")
    return int(code)


def _row(worker: Worker, ttl: float) -> dict[str, object]:
    return {
        "id": worker.id, "group": worker.group, "host": worker.host, "pid": worker.pid, "version": worker.version,
        "started": utc(worker.started), "unseen_seconds": round(worker.unseen, 1), "state": _state(worker, ttl),
    }  # fmt: skip


def _text(found: list[Worker], ttl: float) -> str:
    rows = [
        [each.id, each.group, _state(each, ttl), local(each.started), f"{span(each.unseen)} ago", each.version]
        for each in found
    ]
    return table(["worker", "group", "state", "started", "seen", "version"], rows)


def _state(worker: Worker, ttl: float) -> str:
    """One that says nothing for as long as leases live is dead, or cut off: its components go to others."""
    if worker.unseen > ttl:
        return "silent"
    return "draining" if worker.draining else "working"
