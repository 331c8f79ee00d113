"""`worker`: conducts components of a fleet's submissions until it is told to drain. Law: signals before all else.

It ends with 0 once it has drained; at once with 75 where its leases are lost, or by the kernel with 137; with 2 where
what it was given is wrong; with 7 where this host's own memory failed, so that no supervisor starts it again.
"""

import os
import platform
import secrets
import signal
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

import anyio

from orchestrator import __version__
from orchestrator.cli.component_conducting import Conducting
from orchestrator.cli.context.engine import EngineFound, engine_of
from orchestrator.cli.context.error_boundary import tell
from orchestrator.cli.context.find_run import make_home, store_for
from orchestrator.cli.context.first_signal import FirstSignal
from orchestrator.cli.context.measuring import Monitoring
from orchestrator.cli.context.signals import told
from orchestrator.cli.context.worker_measuring import monitor_of
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.state.submissions import Worker
from orchestrator.engine.runtime import Threads, collect_rarely, utc_now
from orchestrator.errors import ExitCode, JournalUnreachable, MemoryFailed, OperatorError, RomaMigrateError
from orchestrator.fleet.worker import Station
from orchestrator.storage.store import LocalStore

#: seconds between two tries to reach the journal's database at the start
_AGAIN = 2.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks of a worker."""

    #: of the plans' instances: which it reaches
    group: str
    #: components of its group at once, and as many of no group
    at_once: int
    engine: str = ""
    monitoring: Monitoring = field(default_factory=Monitoring)


def worker(terminal: Terminal, wanted: Wanted) -> int:
    """Work until SIGTERM or SIGINT; raises OperatorError."""
    wanted.monitoring.address()  # refused before anything is waited for
    engine = engine_of(terminal, wanted.engine)
    if engine is None:
        raise OperatorError(
            "no engine is named, which hands components to workers",
            next_step="name it: --engine HOST:7233/NAMESPACE, or ROMA_MIGRATE_ENGINE",
        )
    collect_rarely()
    store = _store(terminal)
    make_home(terminal, store.home)
    return _Working(terminal, wanted, engine, store).run()


def _store(terminal: Terminal) -> LocalStore:
    """The journals; while their database is away it is waited for, and said once."""
    said = False
    while True:
        try:
            store = store_for(terminal, None)
        except JournalUnreachable as error:
            if not said:
                terminal.warn(f"{error.message}; it is tried until it answers")
            said = True
            time.sleep(_AGAIN)
        else:
            if not store.address:
                raise OperatorError(
                    "a worker needs the database that keeps a fleet's journals",
                    next_step="name it: --journal postgresql://..., or ROMA_MIGRATE_JOURNAL",
                )
            return store


class _Working:
    """This process as a worker."""

    def __init__(self, terminal: Terminal, wanted: Wanted, engine: EngineFound, store: LocalStore) -> None:
        self._terminal = terminal
        self._log = Log(terminal, lambda: utc_now().timestamp())
        self._code = ExitCode.DONE
        host, pid = platform.node(), os.getpid()
        me = Worker(f"{host}-{pid}-{secrets.token_hex(3)}", host, pid, wanted.group, __version__)
        self._monitor = monitor_of(terminal, me, store, wanted.monitoring)
        conducting = Conducting(terminal, store, me, self._fall, self._unfit, self._monitor.watching)
        self._station = Station(
            me, store.submissions, engine.way(store.submissions, self._say), conducting.conduct, wanted.at_once,
            self._log.say, Threads(3), self._monitor.beaten, self._monitor.look,
        )  # fmt: skip
        self._first = FirstSignal(self._heed)
        what = f"worker {me.id} of group {wanted.group}: at most {wanted.at_once} components at once"
        self._log.say("worker", id=me.id, group=wanted.group, at_once=wanted.at_once, text=what)

    def run(self) -> int:
        with told(self._first.hear):
            anyio.run(partial(self._first.heeded, self._station.work))
        self._monitor.drained()
        self._log.say("drained", code=int(self._code), text=f"this worker ends with code {int(self._code)}")
        return int(self._code)

    def _say(self, event: str, **fields: object) -> None:
        """What the engine says is for the log, and some of it for monitors."""
        self._monitor.heard(event, **fields)
        self._log.say(event, **fields)

    def _heed(self, number: signal.Signals, all_of_it: anyio.CancelScope) -> None:
        self._terminal.say(f"{number.name}: nothing more is taken; once more to leave at once")
        self._station.drain()

    def _unfit(self, why: str) -> None:
        """This host's memory failed: what it would take next would fail as well."""
        tell(self._terminal, MemoryFailed(why, next_step="mend that, then start this worker and say continue"))
        self._code = ExitCode.MEMORY
        self._station.drain()

    def _fall(self, error: RomaMigrateError) -> NoReturn:
        """Promise 21: not one more step, and not one more instruction of what is being conducted."""
        tell(self._terminal, error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(error.exit_code))
