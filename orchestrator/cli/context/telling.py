"""Tells people how a run goes, by the plan's `notify`. Law: what cannot be told is a line of the log and no more.

A way that is set up wrongly (an unset variable, a missing extra) is refused at the start of a run, and told by those
ways that work.
"""

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

from orchestrator.cli.context.observers import Observer
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.model.redaction import parts_of
from orchestrator.core.plan.plan import (
    Assume,
    Heartbeat,
    LibraryAddress,
    NotifyBy,
    Oidc,
    Password,
    Plan,
    SecretRef,
    Settings,
    SmnTopic,
    Webhook,
)
from orchestrator.core.report.outcome import Outcome
from orchestrator.core.state.events import Entry, GateReached
from orchestrator.core.state.progress import Progress
from orchestrator.engine.runtime import Say, utc_now
from orchestrator.errors import OperatorError
from orchestrator.notices.channels import (
    Channel,
    HeartbeatChannel,
    LibraryChannel,
    NotTold,
    SmnChannel,
    WebhookChannel,
    unusable,
)
from orchestrator.notices.notice import Notice, Teller
from orchestrator.notices.sender import Sender
from orchestrator.notices.watching import Watching
from orchestrator.roma import AiohttpTransport
from orchestrator.storage.planfile import line_of, read_notify, read_plan
from orchestrator.storage.secrets import resolve, resolve_references

_NO_EXTRA = "it needs the extra `notify`: pip install 'roma-migrate[notify]'"


def needs_missing_extra(plan: Plan, path: Path) -> list[str]:
    """A line for each way that needs the notification library where it is not installed."""
    if find_spec("apprise") is not None:
        return []
    places = [number for number, way in enumerate(plan.notify) if isinstance(way, LibraryAddress)]
    return [f"{path}:{line_of(path, ('notify', n, 'url'))}: notify[{n}].url: {_NO_EXTRA}" for n in places]


def read_plan_or_tell(terminal: Terminal, path: Path) -> Plan:
    """The plan; that it cannot be read is told too, by as much of its `notify` as can be."""
    try:
        return read_plan(path)
    except OperatorError as error:
        ways = read_notify(path)
        if ways:
            plan = Plan(path.stem, {}, {}, Settings(), (), path=str(path), notify=ways)
            telling = Telling(terminal, plan)
            telling.failed(error)
            telling.close()
        raise


class Telling(Observer):
    """What one command tells about one plan."""

    def __init__(self, terminal: Terminal, plan: Plan) -> None:
        self._terminal = terminal
        made = _Channels(terminal, plan)
        channels = [channel for number, way in enumerate(plan.notify) if (channel := made.of(number, way)) is not None]
        self._problems = made.problems
        #: one line of the log for each notice that did not arrive; the run's log once there is one
        self._say: Say = self._warned
        self._sender = Sender(channels, self._trouble)
        self._teller = Teller(plan.name, plan.path, platform.node())
        self._watching = Watching()
        self._run = ""
        self._ended = False

    @contextmanager
    def around(self) -> Iterator["Telling"]:
        """A command's work, whose failure is told; raises OperatorError where a way is set up wrongly."""
        try:
            if self._problems:
                raise OperatorError(
                    *self._problems, next_step="mend the plan's `notify`, then run the same command again"
                )
            yield self
        except BaseException as error:
            self.failed(error)
            raise
        finally:
            self.close()

    def attached(self, say: Say) -> None:
        self._say = say

    def started(self, run: str, resumed: bool, progress: Progress) -> None:
        self._run = run
        self._post(self._teller.started(run, _now(), resumed))

    def heard(self, progress: Progress, entry: Entry) -> None:
        if isinstance(entry.event, GateReached):
            self._post(self._teller.at_a_gate(self._run, _now(), entry.event.gate))
        if undecided := self._watching.heard(progress, entry):
            self._post(self._teller.needs_a_person(self._run, _now(), undecided))

    def ended(self, run: str, outcome: Outcome, progress: Progress) -> None:
        self._ended = True
        self._post(self._teller.ended(run, _now(), outcome))

    def left(self, code: int) -> None:
        if not self._ended:
            self._ended = True
            self._post(self._teller.left(code, _now()))

    def failed(self, error: BaseException) -> None:
        if not self._ended:
            self._ended = True
            self._post(self._teller.failed(_now(), _first(error)))

    def close(self) -> None:
        self._sender.close()

    def _post(self, notice: Notice) -> None:
        self._sender.post(_cleaned(notice, self._terminal.redactor.clean))

    def _trouble(self, name: str, why: str) -> None:
        self._say("not-told", way=name, text=f"{name}: a notice did not arrive: {self._terminal.redactor.clean(why)}")

    def _warned(self, event: str, **fields: object) -> None:
        self._terminal.warn(str(fields.get("text", event)))


@dataclass(slots=True)
class _Channels:
    """Makes channels, and remembers what is set up wrongly."""

    terminal: Terminal
    plan: Plan
    problems: list[str] = field(default_factory=list)

    def of(self, number: int, way: NotifyBy) -> Channel | None:
        """The channel, or None after its problem was noted."""
        name = f"notify[{number}]"
        try:
            return self._made(name, way)
        except OperatorError as error:
            self.problems += error.lines
        except NotTold as error:
            self.problems.append(f"{self.plan.path}: {name}.url: {error}")
        return None

    def _made(self, name: str, way: NotifyBy) -> Channel:
        match way:
            case Webhook():
                address = self._called(f"{name}.webhook", way.address)
                return WebhookChannel(f"{name}.webhook", address, way.on, way.form, AiohttpTransport)
            case Heartbeat():
                address = self._called(f"{name}.heartbeat", way.address)
                return HeartbeatChannel(f"{name}.heartbeat", address, AiohttpTransport)
            case LibraryAddress(address=held):
                text = held if isinstance(held, str) else self._secret(f"{name}.url", held)
                self.terminal.redactor.learn([text])
                return LibraryChannel(f"{name}.url", text, way.on)
            case SmnTopic():
                secrets = resolve(self.plan, [way.credentials], os.environ)
                secret = secrets[way.credentials]
                self.terminal.redactor.learn(parts_of(secret))
                return SmnChannel(f"{name}.smn", way, secret, self._iam(way), utc_now, AiohttpTransport)

    def _called(self, place: str, reference: SecretRef) -> str:
        address = self._secret(place, reference)
        if why := unusable(address):
            raise OperatorError(f"{self.plan.path}: {place}: {reference} {why}")
        return address

    def _secret(self, place: str, reference: SecretRef) -> str:
        found: Mapping[str, str] = resolve_references(self.plan, {place: reference}, os.environ)
        self.terminal.redactor.learn([found[place]])
        return found[place]

    def _iam(self, topic: SmnTopic) -> str:
        """Where the topic's credentials ask for tokens: as at the plan's instances, else in the topic's region."""
        held = self.plan.credentials[topic.credentials]
        if isinstance(held, Password | Oidc | Assume) and held.iam_endpoint:
            return held.iam_endpoint
        used = (x.iam_endpoint for x in self.plan.instances.values() if topic.credentials in x.credentials)
        return next((iam for iam in used if iam), f"https://iam.{topic.region}.myhuaweicloud.com")


def _cleaned(notice: Notice, clean: Callable[[str], str]) -> Notice:
    return replace(notice, why=clean(notice.why), next_step=clean(notice.next_step))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _now() -> float:
    return utc_now().timestamp()
