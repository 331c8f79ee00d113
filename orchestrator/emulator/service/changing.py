"""What each change that is done at once has to know (Finishing 1). Law: every field of a body has a bound."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.emulator.protocol.errors import Refusal
from orchestrator.emulator.service.instance_store import Holding, Looking
from orchestrator.emulator.service.jobs import Twist
from orchestrator.emulator.world.finishing_readings import CreateStatus
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import User


@dataclass(frozen=True, slots=True)
class Change:
    """One change that is asked for: by whom, where, about what."""

    at: Looking
    #: what faults change about it
    twist: Twist
    #: the id in the path, "" where there is none
    id: str
    #: the application in whose part of the path it stands, "" where there is none
    above: str
    body: Mapping[str, object]
    #: how its layer refuses a wrong body
    wrong: Callable[[str], Refusal]
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def holding(self) -> Holding:
        """What the instance holds."""
        return self.at.holding

    @property
    def user(self) -> User:
        """Who asks."""
        return self.at.user

    @property
    def switches(self) -> Switches:
        """How the service reads what the documents leave open."""
        return self.at.switches

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return self.at.now

    @property
    def shown_from(self) -> float:
        """Epoch seconds from which lists and details tell it; 0 = at once."""
        lag = self.switches.read_lag_seconds + self.twist.lag
        return self.now + lag if lag else 0.0

    def text(self, key: str, shape: re.Pattern[str]) -> str:
        """A text that the body must have; refused where it does not fit the shape as a whole."""
        value = self.body.get(key)
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise self.wrong(f"{key} is missing or not allowed.")
        return value

    def optional(self, key: str, most: int, default: str = "") -> str:
        """A text of at most so many characters; the default where it is absent or null."""
        value = self.body.get(key)
        if value is None:
            return default
        if not isinstance(value, str) or len(value) > most:
            raise self.wrong(f"{key} is no text of at most {most} characters.")
        return value

    def number(self, key: str, least: int, most: int, default: int) -> int:
        """A whole number within bounds; the default where it is absent or null."""
        value = self.body.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(f"{key} is no number from {least} to {most}.")
        return value

    def word(self, key: str, allowed: Iterable[str], default: str = "") -> str:
        """One of some words; the default, where there is one, if it is absent."""
        value = self.body.get(key, default or None)
        if value not in tuple(allowed):
            raise self.wrong(f"{key} must be one of {', '.join(allowed)}.")
        return str(value)

    def texts(self, key: str, most: int, least: int = 1) -> list[str]:
        """A list of so many texts; an absent one is empty."""
        value = self.body.get(key) or []
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            raise self.wrong(f"{key} is no list of texts.")
        if not least <= len(value) <= most:
            raise self.wrong(f"{key} must have {least} to {most} elements.")
        return [str(one) for one in value]

    def made(self, told: Mapping[str, object], *ids: str) -> "Done":
        """What was asked for is there now (Finishing 5, 25)."""
        documented = self.switches.create_status is CreateStatus.DOCUMENTED
        return Done(201 if documented else 200, told, ids=ids)


@dataclass(frozen=True, slots=True)
class Done:
    """How a change ended well."""

    status: int
    #: nothing where the answer has no body
    told: Mapping[str, object] | None = None
    #: for the ledger: what was done, and to which ids beside that of the path
    outcome: str = "accepted"
    ids: tuple[str, ...] = ()
