"""Sends notices from a thread of its own. Law: who posts one goes on at once; what goes wrong is a line of the log."""

import queue
import threading
from collections.abc import Callable, Sequence

import anyio

from orchestrator.notices.channels import Channel, NotTold
from orchestrator.notices.notice import Notice

#: seconds that one notice may take in all
LONGEST = 15.0
#: seconds for which a command that has ended waits for the last notices
PATIENCE = 20.0
#: notices that may wait; further ones are dropped, so that a silent service fills no memory
_MOST = 100

#: told the channel's name and why a notice did not arrive
Trouble = Callable[[str, str], None]


class Sender:
    """One command's notices, on their way."""

    def __init__(self, channels: Sequence[Channel], trouble: Trouble) -> None:
        self._channels, self._trouble = tuple(channels), trouble
        self._waiting: queue.Queue[Notice | None] = queue.Queue(_MOST)
        self._thread = threading.Thread(target=self._work, name="notices", daemon=True)
        if self._channels:
            self._thread.start()

    def post(self, notice: Notice) -> None:
        """Send it soon; never blocks, never raises."""
        if not any(channel.wants(notice) for channel in self._channels):
            return
        try:
            self._waiting.put_nowait(notice)
        except queue.Full:
            self._trouble("notify", "too many notices wait to be sent, one is left out")

    def close(self, patience: float = PATIENCE) -> None:
        """Wait for what is on its way, but no longer than that."""
        if not self._thread.is_alive():
            return
        try:
            self._waiting.put(None, timeout=patience)
        except queue.Full:
            return
        self._thread.join(patience)
        if self._thread.is_alive():
            self._trouble("notify", "the last notices were not sent in time")

    def _work(self) -> None:
        while (notice := self._waiting.get()) is not None:
            anyio.run(self._told, notice)

    async def _told(self, notice: Notice) -> None:
        async with anyio.create_task_group() as group:
            for channel in self._channels:
                if channel.wants(notice):
                    group.start_soon(self._tell, channel, notice)

    async def _tell(self, channel: Channel, notice: Notice) -> None:
        why = f"no answer within {LONGEST:g} s; it may have arrived and is not sent again"
        with anyio.move_on_after(LONGEST):
            try:
                await channel.tell(notice)
            except NotTold as error:
                why = str(error)
            except Exception as error:  # noqa: BLE001 - whatever a channel does wrong, the run goes on
                why = f"a defect of roma-migrate: {type(error).__name__}"
            else:
                return
        self._trouble(channel.name, why)
