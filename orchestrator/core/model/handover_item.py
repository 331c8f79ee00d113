"""One thing that a person must do by hand, as a value. Law: plain texts; a run journals exactly this.

`orchestrator.core.handover.items` makes the list.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What is to be done, in the order of the guide (API 2.4)."""

    #: before it starts at the target
    STOP_TASK = "stop-task"
    DICTIONARY = "dictionary"
    FEATURE = "feature"
    #: security group, routes, instance parameters: no list tells
    INSTANCE = "instance-settings"
    AUTHORISE = "authorise-users"
    SECRET = "new-secret"  # noqa: S105 - the name of an action
    DATASOURCE = "datasource-connection"
    PUBLISH_API = "publish-api"
    #: domains, variables, load balancing, environments, policies, keys, AppCodes, black and white lists
    API_SETTINGS = "api-settings"
    FUNCTION = "function-backend"
    DEVICES = "devices"
    OUTSIDE = "outside-systems"
    START_TASK = "start-task"

    @property
    def words(self) -> str:
        """What it is about, for people; a number stands behind it."""
        return _WORDS[self]


#: behind it a sentence lists, with commas, what may leave it one by one as it is proved
LISTED = ": "

_WORDS = {
    Action.STOP_TASK: "tasks to stop at their source", Action.DICTIONARY: "data dictionaries",
    Action.FEATURE: "instance features", Action.INSTANCE: "settings of instances",
    Action.AUTHORISE: "users to authorise", Action.SECRET: "new secrets of applications",
    Action.DATASOURCE: "connections of data sources", Action.PUBLISH_API: "APIs to publish",
    Action.API_SETTINGS: "settings of APIs", Action.FUNCTION: "functions behind APIs",
    Action.DEVICES: "devices", Action.OUTSIDE: "outside systems", Action.START_TASK: "tasks to start",
}  # fmt: skip


def action_words(action: str) -> str:
    """The same of a journal's word; a word that only a later version knows stays as it is."""
    return Action(action).words if action in set(Action) else action


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that one person must do."""

    #: stable over previews, runs and reads: 10 hex digits
    id: str
    #: one of `Action`'s words; plain text, as a journal keeps it
    action: str
    #: name of the asset; "" where it concerns the instance
    asset: str
    #: "app", "task" or "instance"
    kind: str
    #: who made the asset at the source, "" where unknown
    owner: str
    #: what to do, as a sentence
    sentence: str
    #: the instance in which it is done
    where: str
    #: what a read could prove; "" where none can
    check: str = ""
    #: names under which a read looks for it
    names: tuple[str, ...] = ()
    #: what exactly: an id, `METHOD PATH`, a dictionary's entry, a feature
    subject: str = ""
    #: the value it must have, where a read compares one
    wanted: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an item stands: which run left it to people, and whether it is done."""

    #: the run that caused it; "" in a preview
    run: str = ""
    #: None where nobody has looked and nobody has ticked it
    done: bool | None = None
    #: what a read saw, or why it saw nothing; "" where nothing was read
    seen: str = ""
    #: who ticked it by hand, with the host; "" where nobody did
    by: str = ""
    #: when it was ticked, epoch seconds
    at: float = 0.0
    #: what was said of it then
    note: str = ""


def in_order(items: Iterable[Item]) -> tuple[Item, ...]:
    """Running tasks first, then by action, instance, asset."""
    order = [action.value for action in Action]
    return tuple(sorted(items, key=lambda i: (order.index(i.action), i.where, i.asset, i.subject)))
