"""What targets hold now, listed once for all who ask together. Law: no answer is older than its question.

A listing that already runs when somebody asks may have begun before what he asks about: an import's end, the end of a
quiet. So he waits for the next one, and shares it with everybody who asked before it began.
"""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel

from orchestrator.core.decisions.verification import There
from orchestrator.core.model.contents import Contents
from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.plan.plan import Plan
from orchestrator.engine import read_inventories, read_metadata
from orchestrator.roma import InventoryDisagrees, Reader, Roma

T = TypeVar("T")


class Shared(Generic[T]):
    """One question with many askers: asked by one of them at a time, its answer or failure shared by those who wait."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        """`ask` raises RequestFailed, InventoryDisagrees."""
        self._ask = ask
        self._turn = anyio.Lock()
        #: how often it was asked for, so far and when the latest asking began
        self._askers = self._served = 0
        self._waiting = 0
        self._latest: list[T | RequestFailed | InventoryDisagrees] = []

    async def answer(self) -> T:
        """An answer that was asked for after this call; raises as `ask` does.

        Where the one who asks is cancelled, the next one who waits asks instead.
        """
        self._askers += 1
        mine = self._askers
        self._waiting += 1
        try:
            async with self._turn:
                if self._served < mine:
                    await self._renew()
                (answer,) = self._latest
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._latest = []  # it may be large, and nobody will ask for it
        if isinstance(answer, RequestFailed | InventoryDisagrees):
            raise answer
        return answer

    async def _renew(self) -> None:
        await anyio.lowlevel.checkpoint()  # whoever starts in the same turn of the loop shares it
        served = self._askers
        try:
            self._latest = [await self._ask()]
        except (RequestFailed, InventoryDisagrees) as error:
            self._latest = [error]
        self._served = served


class TargetListings:
    """TargetListings at the targets of one run, as the union over each one's credentials."""

    def __init__(self, plan: Plan, roma: Roma) -> None:
        self._plan, self._roma = plan, roma
        self._assets: dict[str, Shared[There]] = {}
        self._contents: dict[str, Shared[Contents]] = {}

    async def assets(self, instance: str) -> There:
        """Applications and tasks; raises RequestFailed, InventoryDisagrees."""
        if instance not in self._assets:
            self._assets[instance] = Shared(lambda: self._list_assets(instance))
        return await self._assets[instance].answer()

    async def contents(self, instance: str) -> Contents:
        """What they hold; raises RequestFailed, InventoryDisagrees where asking again may help."""
        if instance not in self._contents:
            self._contents[instance] = Shared(lambda: self._list_contents(instance))
        return await self._contents[instance].answer()

    async def _list_assets(self, instance: str) -> There:
        seen, ahead = [], 0.0
        for name, reader in self._readers(instance).items():
            seen.append(await read_inventories.look(reader, name))
            ahead = reader.clock_offset or 0.0
        return There(read_inventories.united(instance, seen), ahead)

    async def _list_contents(self, instance: str) -> Contents:
        return Contents.of(await read_metadata.contents(instance, list(self._readers(instance).values())))

    def _readers(self, instance: str) -> dict[str, Reader]:
        where = self._plan.instances[instance]
        return {name: self._roma.reader(where, name) for name in where.credentials}
