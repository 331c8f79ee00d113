"""Puts a plan together with the world around it. Law: secrets go to the clients and the redactor only."""

import hashlib
import os
import platform
import pwd
import random
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from orchestrator import __version__
from orchestrator.cli.output.times import span
from orchestrator.core.model.failures import Failed
from orchestrator.core.model.redaction import Redactor, parts_of
from orchestrator.core.model.secrets import AccessKeySecret, AssumedAgency, CommandKey, IdToken, Secret, ServerAgency
from orchestrator.core.plan.plan import Assume, Credentials, Oidc, Password, Plan
from orchestrator.core.state.events import RunBegan
from orchestrator.core.state.slots import AGENCY, KEY, OIDC
from orchestrator.engine.runtime import Runtime, Say, SteadyClock, Threads, moment, utc_now
from orchestrator.errors import OperatorError
from orchestrator.roma import AiohttpTransport, Roma
from orchestrator.storage.locks import Holder
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.secrets import resolve


@dataclass(frozen=True, slots=True)
class Assembled:
    """What the engine needs beside the plan and the home."""

    roma: Roma
    #: credentials -> the IAM user that owns them, as slots count users
    users: Mapping[str, str]
    runtime: Runtime

    @property
    def holder(self) -> Holder:
        """This process, as it holds a plan."""
        return Holder(self.runtime.host, self.runtime.pid, datetime.now().astimezone().isoformat(timespec="seconds"))


def assemble(
    plan: Plan, redactor: Redactor, say: Say, instances: Iterable[str] | None = None, agent: str = ""
) -> Assembled:
    """Resolve the secrets of the credentials that these instances use; raises one OperatorError for all problems.

    `agent` is the User-Agent by which the services' logs tell this process from others.
    """
    names = instances if instances is not None else _used(plan)
    credentials = dict.fromkeys(c for name in names for c in plan.instances[name].credentials)
    secrets = resolve(plan, credentials, os.environ)
    endpoints = {
        name: held.iam_endpoint
        for name, held in plan.credentials.items()
        if isinstance(held, Password | Oidc | Assume) and held.iam_endpoint
    }
    draw = random.random

    def told(host: str, failed: Failed | None, seconds: float) -> None:
        """At once, so that nobody looks at a silent screen for a minute because of a typing error; and its end."""
        if failed is None:
            say(
                "answers-again", host=host, seconds=round(seconds, 1), text=f"{host} answers now, after {span(seconds)}"
            )
            return
        until = utc_now().timestamp() + seconds
        cause = failed.message or str(failed.failure)
        say(
            "no-answer", host=host, cause=cause, until=until, text=f"{host}: {cause}; tried again until {moment(until)}"
        )

    roma = Roma(
        plan.settings, secrets, wall=utc_now, draw=draw, transport=partial(AiohttpTransport, agent=agent),
        iam_endpoints=endpoints, told=told, redactor=redactor,
    )  # fmt: skip
    users = {name: user_of(plan.credentials[name], secret) for name, secret in secrets.items()}
    return Assembled(roma, users, real_runtime(say))


def known_users(plan: Plan) -> dict[str, str]:
    """The users behind a plan's credentials as far as this host can tell them, where it need not reach an instance.

    A key that is not here counts as a user of its own: which worker conducts what then rests on less, and no slot does.
    """
    users = {}
    for name in dict.fromkeys(c for instance in _used(plan) for c in plan.instances[instance].credentials):
        try:
            users[name] = user_of(plan.credentials[name], resolve(plan, [name], os.environ)[name])
        except OperatorError:
            users[name] = plan.credentials[name].user or f"credentials {name}"
    return users


def without_secrets(words: str, redactor: Redactor, began: RunBegan | None) -> str:
    """An operator's words for the journal, without the secrets of the run's plan, as far as they are here."""
    if words and began is not None:
        with suppress(OperatorError, OSError):
            plan = read_plan(Path(began.plan_file))
            for name in plan.credentials:
                with suppress(OperatorError):
                    (secret,) = resolve(plan, [name], os.environ).values()
                    redactor.learn(parts_of(secret))
    return redactor.clean(words)


def real_runtime(say: Say) -> Runtime:
    """This process in the real world."""
    return Runtime(
        SteadyClock(), random.random, AiohttpTransport, Threads(), say, os_user(), platform.node(), os.getpid(),
        __version__, clock=utc_now,
    )  # fmt: skip


def user_of(credentials: Credentials, secret: Secret) -> str:
    """The IAM user behind credentials: two credentials of one user are one slot (Contract 1)."""
    if credentials.user:
        return credentials.user
    match secret:
        case AccessKeySecret(ak=ak) | CommandKey(first=AccessKeySecret(ak=ak)):
            return f"{KEY}{hashlib.sha256(ak.encode()).hexdigest()[:12]}"
        case ServerAgency():
            return f"{AGENCY}ecs"
        case IdToken(idp=idp):
            return f"{OIDC}{idp}"
        case AssumedAgency(domain=domain, agency=agency):
            return f"{AGENCY}{domain}:{agency}"
        case _:
            return credentials.name


def os_user() -> str:
    """The account of this process, by the system's word and not the environment's."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _used(plan: Plan) -> list[str]:
    return sorted({name for m in plan.migrations for name in (m.source, *(t.instance for t in m.targets))})
