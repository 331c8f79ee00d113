"""Environments in which APIs are published, as changes (Finishing 2.7). Law: what is there is never changed.

Reads: the environments of the target and, before a removal, every API. Writes: one environment a request. Proof: the
list holds one of that name with our remark, so that another's is told apart. Inverse: deletion of what was created,
while nothing is published in it, which the service refuses too. Right: none is known (Finishing 1.1).
"""

from collections.abc import Sequence

from orchestrator.core.finish.api_looks import APIS, ENVIRONMENTS
from orchestrator.core.finish.kind import Kind, there, turned
from orchestrator.core.finish.looks import Look, Seen
from orchestrator.core.model.api_writes import CreateEnvironment, DeleteEnvironment
from orchestrator.core.model.change import Change, ChangeKind, Image
from orchestrator.core.model.gateway import Environment
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.writes import Write

#: what the remark of an environment of ours says besides the source's
MARK = "as at the source, by roma-migrate"
#: characters of the source's remark that are kept: the service takes 255 in all
_KEPT = 200


def remark_of(here: Environment) -> str:
    """The remark of an environment that is created like one of the source."""
    return f"{here.remark[:_KEPT]} ({MARK})" if here.remark else MARK


def image_of(here: Environment) -> Image:
    """What is created for an environment of the source."""
    return (("remark", remark_of(here)),)


def env_looks(change: Change) -> tuple[Look, ...]:
    """What tells the id of the environment that a change is about, where there was none when it was planned."""
    return () if change.fact("environment id") else (Look(change.instance, ENVIRONMENTS, change.credentials),)


def env_of(change: Change, seen: Seen) -> str | Unread:
    """The id at the instance of the environment that a change is about, "" where there is none."""
    if known := change.fact("environment id"):
        return known
    found = seen.get(change.instance, ENVIRONMENTS)
    if isinstance(found, Unread):
        return found
    return next((each.id for each in found if each.name == change.fact("environment")), "")


class _Environment(Kind):
    what = "environment"
    wave = 1

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, ENVIRONMENTS, change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = _found(change, seen)
        if isinstance(found, Unread):
            return found
        return (("remark", found.remark),) if found is not None else ()


class CreateEnvironmentLike(_Environment):
    """An environment in which APIs of the source are published, and which the target lacks."""

    kind, act, done = ChangeKind.CREATE_ENVIRONMENT, "creation", "created"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return CreateEnvironment(changes[0].object, dict(changes[0].after)["remark"])

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.REMOVE_ENVIRONMENT)


class RemoveEnvironment(_Environment):
    """An environment that `finish` has created, while nothing is published in it."""

    kind, act, done = ChangeKind.REMOVE_ENVIRONMENT, "removal", "removed"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, APIS, change.credentials),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        found, apis = _found(change, seen), seen.get(change.instance, APIS)
        if isinstance(apis, Unread) or not isinstance(found, Environment):
            return f"what is published in it cannot be read: {apis.why}" if isinstance(apis, Unread) else ""
        held = [each.name for each in apis if found.id in dict(each.published)]
        return f"the API {held[0]} is published in it" if held else ""

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return DeleteEnvironment(there(_found(changes[0], seen), changes[0]).id)

    def inverse(self, change: Change) -> Change | None:
        return None


def _found(change: Change, seen: Seen) -> Environment | Unread | None:
    """The one of that name: ours before another's, since no page says that names are unique."""
    every = seen.get(change.instance, ENVIRONMENTS)
    if isinstance(every, Unread):
        return every
    ours = dict(change.after or change.before)["remark"]
    named = sorted((each for each in every if each.name == change.object), key=lambda each: each.remark != ours)
    return named[0] if named else None
