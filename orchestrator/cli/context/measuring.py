"""A command's numbers and spans for monitors, where its options ask. Law: what cannot be served is a warning.

The libraries are loaded only where somebody asks for them.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import __version__
from orchestrator.cli.context.error_boundary import code_of
from orchestrator.cli.context.last_success import last_success
from orchestrator.cli.context.observers import Observer
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.plan.plan import Plan
from orchestrator.core.report.outcome import Outcome
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import host_of
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import OperatorError
from orchestrator.storage.store import LocalStore

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.registry import Collector

#: where `--metrics-port PORT` listens
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What the command line asks for."""

    #: `PORT` or `HOST:PORT`; "" for none
    port: str = ""
    textfile: Path | None = None
    #: spans by OpenTelemetry
    traces: bool = False

    def address(self) -> tuple[str, int] | None:
        """Where to listen; raises OperatorError."""
        if not self.port:
            return None
        host, _, port = self.port.rpartition(":")
        if not port.isdecimal() or int(port) > 65535:
            raise OperatorError(f"--metrics-port: {self.port!r} is no port", next_step="write 9464, or 0.0.0.0:9464")
        return host.strip("[]") or LOOPBACK, int(port)


def monitors(
    terminal: Terminal, plan: Plan, store: LocalStore, asked: Monitoring, command: str = "run"
) -> list[Observer]:
    """Those that were asked for; raises OperatorError where that cannot be understood or an extra is missing."""
    address = asked.address()
    if asked.traces and find_spec("opentelemetry") is None:
        raise OperatorError("--traces needs the extra `otel`", next_step="pip install 'roma-migrate[otel]'")
    found: list[Observer] = []
    try:
        if asked.traces:
            found.append(Traces(plan, command))
        if address or asked.textfile:
            found.append(Metrics(terminal, plan, store, asked, command))
    except Exception as error:  # noqa: BLE001 - whoever only looks on must not end a run
        terminal.warn(f"the run goes on unwatched by monitors: {type(error).__name__}")
    return found


class Traces(Observer):
    """One command's spans, for whatever SDK this process was started with."""

    def __init__(self, plan: Plan, command: str) -> None:
        from orchestrator.notices.traces import Spans

        self._spans = Spans(plan.name, command, __version__)

    def started(self, run: str, resumed: bool, progress: Progress) -> None:
        self._spans.begin(run, resumed, progress, _now())

    def heard(self, progress: Progress, entry: Entry) -> None:
        self._spans.heard(progress, entry)

    def left(self, code: int) -> None:
        self._spans.ended(code, _now())

    def failed(self, error: BaseException) -> None:
        self.left(int(code_of(error)))


class Metrics(Observer):
    """One command's numbers, served until it ends."""

    def __init__(self, terminal: Terminal, plan: Plan, store: LocalStore, asked: Monitoring, command: str) -> None:
        from orchestrator.notices.metrics import Figures

        last = last_success(store, plan.name)[1]
        self._figures = Figures(plan.name, hosts_of(plan), last, command=command)
        self._published = Published(terminal, self._figures, asked, "the run")

    def started(self, run: str, resumed: bool, progress: Progress) -> None:
        self._figures.begin(run, progress)

    def heard(self, progress: Progress, entry: Entry) -> None:
        self._figures.heard(progress, entry)

    def ended(self, run: str, outcome: Outcome, progress: Progress) -> None:
        self.left(int(outcome.code))

    def left(self, code: int) -> None:
        self._figures.ended(code, _now())

    def failed(self, error: BaseException) -> None:
        self.left(int(code_of(error)))

    def close(self) -> None:
        self._published.close()


class Published:
    """Numbers where a command line wants them; what cannot be had there is a warning."""

    def __init__(self, terminal: Terminal, figures: "Collector", asked: Monitoring, whose: str) -> None:
        from orchestrator.notices.exposition import Textfile, registry_of

        self._terminal, self._whose = terminal, whose
        registry = registry_of(figures)
        self._serve(registry, asked.address())
        self._textfile = Textfile(registry, asked.textfile, self._trouble) if asked.textfile is not None else None

    def close(self) -> None:
        """Write the file for the last time."""
        if self._textfile is not None:
            self._textfile.close()

    def _serve(self, registry: "CollectorRegistry", address: tuple[str, int] | None) -> None:
        from orchestrator.notices.exposition import serve

        if address is None:
            return
        try:
            url = serve(registry, *address)
        except OSError as error:
            self._trouble(f"{address[0]}:{address[1]} cannot be listened on: {(error.strerror or 'failed').lower()}")
        else:
            self._terminal.say(f"metrics at {url}", event="metrics", url=url)

    def _trouble(self, why: str) -> None:
        self._terminal.warn(f"{self._whose} goes on without these metrics: {why}")


def hosts_of(plan: Plan) -> dict[str, str]:
    """Instance -> host of its endpoint."""
    return {name: host_of(instance.endpoint) for name, instance in plan.instances.items()}


def _now() -> float:
    return utc_now().timestamp()
