"""Keys that end and are renewed (Finishing 7). Law: between jobs and never within one.

Theory of operation. A session is one temporary key and how long it lives, counted in anyio's time from when it came.
A request that asks for a job takes a session with enough life left, or a new one. What the job is called, and later its
archive, stays with that session: polls and the download show the same key, whatever other jobs use meanwhile. Only a
session that has ended, or that the service refuses, is left before its job is: nobody could ask for that job any more.
"""

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import anyio

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.redaction import Redactor, parts_of
from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.roma.auth import READING, Errand
from orchestrator.roma.signing import sign
from orchestrator.roma.transport import WireRequest
from orchestrator.roma.wire import Proof

#: seconds that must be left for a request that begins no job, at most; a tenth of the lifetime where that is less
_READ_SPARE = 60.0
#: seconds before a source that gave nothing new is asked again; a tenth of the lifetime where that is less
_PAUSE = 60.0
#: jobs and archives whose session is remembered
_MOST_FOLLOWED = 10_000
_ACCESS = re.compile("Access=([^,]+)")


@dataclass(frozen=True, slots=True, repr=False)
class Session:
    """One temporary key."""

    key: AccessKeySecret
    #: seconds it lives in all; infinite where nobody tells
    lifetime: float
    #: when it came, in anyio's time
    born: float

    def left(self, now: float) -> float:
        """Seconds it still lives; `now` in anyio's time."""
        return self.born + self.lifetime - now

    def __repr__(self) -> str:
        return "Session(...)"


#: gets a session from its source; raises RequestFailed
FetchSession = Callable[[], Awaitable[Session]]


@dataclass(frozen=True, slots=True)
class Renewal:
    """When a session is too old for a new job."""

    #: seconds that must be left, at most; half of the lifetime where that is less
    spare: float = 0.0
    #: seconds after which it is asked for anew, for sources that tell no lifetime
    oldest: float = float("inf")


class Sessions:
    """The present session of one credentials, and those that jobs still use; concurrent callers share one renewal."""

    def __init__(self, fetch: FetchSession, renewal: Renewal, first: Session | None = None) -> None:
        self._fetch, self._renewal = fetch, renewal
        self._turn = anyio.Lock()
        self._current = first
        self._asked_at = 0.0
        #: access key -> the session, as long as something may need it
        self._known: dict[str, Session] = {first.key.ak: first} if first is not None else {}
        #: job or archive -> its session
        self._followed: OrderedDict[str, Session] = OrderedDict()
        #: access keys that the service has refused
        self._refused: set[str] = set()

    async def session(self, errand: Errand) -> Session:
        """The one to use; raises RequestFailed."""
        own = self._followed.get(errand.of)
        if own is not None and self._alive(own):
            return own
        if (current := self._usable(errand)) is not None:
            return current
        async with self._turn:
            if (current := self._usable(errand)) is not None:  # somebody before us has renewed it
                return current
            return await self._renewed()

    def follow(self, access_key: str, name: str) -> None:
        """What is called `name` goes on with the session of that access key."""
        if access_key in self._known:
            self._followed[name] = self._known[access_key]
            if len(self._followed) > _MOST_FOLLOWED:
                self._followed.popitem(last=False)

    def refuse(self, access_key: str) -> None:
        """The service takes it no longer."""
        self._refused.add(access_key)

    async def _renewed(self) -> Session:
        old, now = self._current, anyio.current_time()
        try:
            new = await self._fetch()
        except RequestFailed:
            self._asked_at = now
            if old is None or not self._alive(old):
                raise
            return old  # it still lives: no job waits for a source that is away for a moment
        self._asked_at = anyio.current_time()
        if old is not None and new.key == old.key and self._renewal.oldest == float("inf"):
            return old  # the source gives the same one until shortly before its end (Finishing 7.1)
        self._refused.discard(new.key.ak)
        self._known = {ak: each for ak, each in self._known.items() if each.left(self._asked_at) > 0}
        self._current = self._known[new.key.ak] = new
        return new

    def _alive(self, session: Session) -> bool:
        return session.key.ak not in self._refused and session.left(anyio.current_time()) > 0

    def _usable(self, errand: Errand) -> Session | None:
        """The present session where it is good enough for this errand, or nothing better can be had yet."""
        current, now = self._current, anyio.current_time()
        if current is None or not self._alive(current):
            return None
        wanted = min(_READ_SPARE, current.lifetime / 10)
        if errand.begins_job:
            wanted = max(wanted, min(self._renewal.spare, current.lifetime / 2))
            if now - current.born > self._renewal.oldest:
                wanted = float("inf")
        asked_lately = self._asked_at > current.born and now - self._asked_at < min(_PAUSE, current.lifetime / 10)
        return current if current.left(now) > wanted or asked_lately else None


class SessionIdentity:
    """Signs each request with a key that ends."""

    proof = Proof.SESSION

    def __init__(self, sessions: Sessions, project_id: str, wall: Callable[[], datetime], redactor: Redactor) -> None:
        self.redactor = redactor
        self._sessions = sessions
        self._project_id = project_id
        self._wall = wall

    async def authorize(self, request: WireRequest, errand: Errand = READING) -> Mapping[str, str]:
        session = await self._sessions.session(errand)
        self.redactor.learn(parts_of(session.key))
        return sign(request, session.key, self._project_id, self._wall())

    def follow(self, request: WireRequest, name: str) -> None:
        self._sessions.follow(_access_key(request), name)

    async def renew(self, refused: WireRequest) -> None:
        self._sessions.refuse(_access_key(refused))


def _access_key(request: WireRequest) -> str:
    found = _ACCESS.search(request.headers.get("Authorization", ""))
    return found[1] if found else ""
