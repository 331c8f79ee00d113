"""Asks what finishing wants to know (`core.finish.looks`). Law: reads only; whatever fails to be read is told as that.

A list that many ask for together is read once for all of them, and never answers a question that was asked later.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from orchestrator.core.finish.ground import Ground
from orchestrator.core.finish.looks import (
    DICTIONARY,
    INVENTORY,
    SOURCES,
    Files,
    Look,
    NoFiles,
    Read,
    Seen,
    app_codes,
    app_secret,
    candidates,
    connection,
    members,
    schedule,
)
from orchestrator.core.finish.planning import FinishPlan, finish_plan, missing_looks
from orchestrator.core.finish.products import PRODUCTS, devices_of, file_of
from orchestrator.core.finish.topics import TOPICS, access_of, messages_in
from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import DataSource
from orchestrator.core.model.retries import READ_ATTEMPTS, Action, Request, as_error, decide
from orchestrator.core.model.withheld import secrets_in
from orchestrator.core.plan.plan import FinishStep, Instance, Plan
from orchestrator.engine.change_contact import Contact
from orchestrator.engine.gateway_reads import METHODS
from orchestrator.engine.performer import words_of
from orchestrator.engine.target_listings import TargetListings
from orchestrator.errors import ServiceUnreachable
from orchestrator.roma import InventoryDisagrees, Reader, Roma

#: by which method each thing is read; what stands under its own name here is of one object
_METHODS: Mapping[str, Callable[[Reader, str], Awaitable[Any]]] = {
    DICTIONARY.what: lambda reader, _: reader.dictionaries(),
    connection("").what: lambda reader, source: reader.connection(source),
    app_secret("").what: lambda reader, app: reader.app_secret(app),
    app_codes("").what: lambda reader, app: reader.app_codes(app),
    members("").what: lambda reader, app: reader.members(app),
    candidates("").what: lambda reader, app: reader.candidates(app),
    schedule("").what: lambda reader, task: reader.schedule(task),
    TOPICS.what: lambda reader, _: reader.messaging.topics(),
    access_of("").what: lambda reader, topic: reader.messaging.access(topic),
    messages_in("").what: lambda reader, topic: reader.messaging.holds_messages(topic),
    PRODUCTS.what: lambda reader, _: reader.devices.products(),
    file_of("").what: lambda reader, product: reader.devices.file(product),
    devices_of("").what: lambda reader, name: reader.devices.of_product(name),
    **METHODS,
}


@dataclass(slots=True)
class FinishReads:
    """The reads of one command."""

    plan: Plan
    roma: Roma
    #: of a secret, under a key that only this home has
    digest: Callable[[str], str]
    offload: Callable[..., Awaitable[Any]]
    #: what the operator wrote into files: no request asks for it
    files: Files = field(default_factory=NoFiles)
    _listings: TargetListings = field(init=False)

    def __post_init__(self) -> None:
        self._listings = TargetListings(self.plan, self.roma)

    async def planned(self, ground: Ground, steps: Sequence[FinishStep]) -> FinishPlan:
        """What these steps would do now. Raises ServiceUnreachable (9) and ServiceRefuses (3)."""
        seen = await self.seen(lambda seen: missing_looks(ground, steps, seen))
        return finish_plan(ground, steps, seen)

    async def seen(self, missing: Callable[[Seen], Sequence[Look]]) -> Seen:
        """Answers to all that `missing` names, asked again with them until it names nothing. Raises as `planned`."""
        seen = Seen({}, self.digest)
        while looks := missing(seen):
            seen = Seen({**seen.answers, **await self._all(looks)}, self.digest)
        return seen

    async def again(self, instance: str, looks: Sequence[Look], contact: Contact) -> Seen | None:
        """Fresh answers to all of these; None where one can be had in this process no more. `instance` waits."""
        answers: dict[tuple[str, Read[Any]], object] = {}
        for look in looks:
            answer = await contact.read(instance, _answering(self, look), look.instance)
            if answer is None:
                return None
            answers[look.instance, look.read] = answer
        return Seen(answers, self.digest)

    async def _all(self, looks: Sequence[Look]) -> dict[tuple[str, Read[Any]], object]:
        """Side by side; raises the first problem as it was."""
        answers: dict[tuple[str, Read[Any]], object] = {}
        problems: list[Exception] = []

        async def ask(look: Look) -> None:
            try:
                answers[look.instance, look.read] = await self._told(look)
            except Exception as error:  # noqa: BLE001 - carried across the task group, raised below as it was
                problems.append(error)

        async with anyio.create_task_group() as group:
            for look in looks:
                group.start_soon(ask, look)
        if problems:
            raise problems[0]
        return answers

    async def _told(self, look: Look) -> object:
        """The answer for a preview: an outage ends the command, and so does a list of assets that is refused."""
        try:
            return await self.answer(look)
        except RequestFailed as error:
            raise as_error(error) from None
        except InventoryDisagrees as error:
            told = f"{look.instance}: {error.message}"
            raise ServiceUnreachable(told, next_step="run the same command again") from None

    async def answer(self, look: Look) -> object:
        """The answer, or why the service refuses it; raises RequestFailed where asking again may help."""
        if self.files.answers(look.read):
            return await self.offload(self.files.answer, look.read)
        if look.read == INVENTORY:
            return (await self._listings.assets(look.instance)).inventory
        where = self.plan.instances[look.instance]
        try:
            if look.read == SOURCES:
                return await self._sources(where)
            reader = self.roma.reader(where, look.credentials or where.credentials[0])
            found = await _METHODS[look.read.what](reader, look.read.of)
            self.roma.learn(secrets_in(found))
            return found
        except RequestFailed as error:
            action = decide(Request.READ, error.failed, READ_ATTEMPTS, 0.0).action
            if action in {Action.OUTAGE, Action.REPEAT}:
                raise
            return Unread(str(words_of(error.failed)))

    async def _sources(self, where: Instance) -> tuple[DataSource, ...]:
        """As the union over the credentials: each sees those of its own applications (API 1.8)."""
        found: dict[str, DataSource] = {}
        for name in where.credentials:
            found |= {each.id: each for each in await self.roma.reader(where, name).datasources()}
        return tuple(found.values())


def _answering(reads: FinishReads, look: Look) -> Callable[[], Awaitable[object]]:
    return lambda: reads.answer(look)
