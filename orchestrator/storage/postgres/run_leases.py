"""The slots of one run, among all that its process holds. Law: what its component holds is not given back here."""

import secrets
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from orchestrator.core.state.slots import SLOT, slot_lease
from orchestrator.storage.leases import Asking, Denied, Taken
from orchestrator.storage.postgres.holdings import CONFIRMED, MARGIN, Holdings

#: seconds that an event loop may be kept waiting for a slot: a database nearby answers in a tenth of that
INSTANT = 0.02


class RunLeases:
    """The slots of what this process conducts, among everything that it holds.

    What an event loop asks is asked of the database by a thread, one question after the other, and it waits no longer
    than an instant for the answer. What was had by then and nobody came back for is given back at the next renewal.
    """

    def __init__(self, holdings: Holdings, holder: str, standing: Collection[str] = ()) -> None:
        """`standing` are leases that its component holds already, and goes on holding."""
        self._holdings, self._holder, self._standing = holdings, holder, frozenset(standing)
        #: names this run among those that share a user
        self._token = secrets.token_hex(8)
        self._held: set[str] = set()
        self._thread = ThreadPoolExecutor(1, "slots")
        #: claims that are on their way, or answered and not heard
        self._claims: dict[tuple[str, ...], Future[Taken | Denied]] = {}
        #: those of them that a renewal has already met
        self._old: set[tuple[str, ...]] = set()

    def take(self, keys: Sequence[str]) -> Taken | Denied:
        return self._had(self._holdings.take(self._wanted(keys), self._holder))

    def claim(self, keys: Sequence[str]) -> Taken | Denied | Asking:
        self._holdings.must_hold()
        name = self._wanted(keys)
        if name not in self._claims:
            self._claims[name] = self._thread.submit(self._holdings.take, name, self._holder)
        try:
            answer = self._claims[name].result(INSTANT)
        except TimeoutError:
            self._old.discard(name)
            return Asking()
        except BaseException:
            del self._claims[name]
            raise
        del self._claims[name]
        return self._had(answer)

    def _wanted(self, slots: Sequence[str]) -> tuple[str, ...]:
        """The leases of these slots that are still to be had."""
        return tuple(sorted({slot_lease(each) for each in slots} - self._standing))

    def _had(self, answer: Taken | Denied) -> Taken | Denied:
        """The same, in the caller's words."""
        if isinstance(answer, Denied):
            return replace(answer, key=answer.key.removeprefix(SLOT))
        self._held.update(answer.epochs)
        return Taken({key.removeprefix(SLOT): epoch for key, epoch in answer.epochs.items()})

    def renew(self) -> tuple[str, ...]:
        """A thread does that; raises LeaseLost where it could not."""
        self._holdings.must_hold()
        for name in [each for each in self._old if each in self._claims and self._claims[each].done()]:
            answer = self._claims.pop(name).result()
            if isinstance(answer, Taken):
                self._holdings.release([key for key in name if key not in self._held])
        self._old = set(self._claims)
        return ()

    @property
    def ttl(self) -> float:
        return self._holdings.ttl

    def must_hold(self) -> None:
        self._holdings.must_hold(MARGIN * self._holdings.ttl)

    def confirm(self) -> None:
        self._holdings.renew_if_older(CONFIRMED)
        self.must_hold()

    def release(self, keys: Sequence[str]) -> None:
        self._holdings.release(self._left(keys))

    def give_back(self, keys: Sequence[str]) -> None:
        self._thread.submit(self._holdings.release, self._left(keys))

    def _left(self, slots: Sequence[str]) -> tuple[str, ...]:
        gone = self._wanted(slots)
        self._held.difference_update(gone)
        return gone

    def share(self, users: Collection[str]) -> None:
        self._held.update(self._holdings.share(users, self._token))

    def sharers(self, user: str) -> int:
        return self._holdings.sharers(user)

    def close(self) -> None:
        """Give everything back, also what was had meanwhile."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        had = [key for name, claim in self._claims.items() if _was_had(claim) for key in name]
        self._holdings.release([*self._held, *had])
        self._holdings.wait_no_more(self._holder)


def _was_had(claim: Future[Taken | Denied]) -> bool:
    return not claim.cancelled() and claim.exception() is None and isinstance(claim.result(), Taken)
