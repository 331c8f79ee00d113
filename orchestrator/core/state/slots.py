"""The place in which one asset job may run, as a key.

Law: derived from the plan and from what `auto` has shown, written in each event, never recomputed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.plan.plan import Instance, Scope

#: how a user begins of whom only a key's digest, an agency or an identity provider is known
KEY, AGENCY, OIDC = "key:", "agency:", "oidc:"

#: how the key begins under which processes lease a slot from each other
SLOT = "slot "
#: stands in a key before each part by which `auto` has told slots apart
_APART = " + "


class JobKind(StrEnum):
    """The type of a job, as the one-job rule may count it (API 2.1)."""

    EXPORT = "export"
    IMPORT = "import"
    DELETE = "delete"


class Widening(StrEnum):
    """What may tell two slots of one user apart; `auto` tries them in this order (promise 2)."""

    KIND = "kind"
    INSTANCE = "instance"


@dataclass(frozen=True, slots=True)
class SlotRule:
    """`one_job_per`, with who the users are: credentials' name -> user (Contract 1)."""

    scope: Scope
    users: dict[str, str]

    def slot(self, instance: Instance, credentials: str, kind: JobKind, apart: Iterable[Widening] = ()) -> str:
        """The key of the slot that a job of this kind takes; parts that do not count are left out.

        `auto` begins with the documented reading, the user (API 7, 1); `apart` is what it has shown since.
        """
        if self.scope is Scope.AUTO:
            told = {Widening.KIND: kind.value, Widening.INSTANCE: instance.instance_id}
            return _APART.join((f"{host_of(instance.endpoint)} {self.users[credentials]}", *(told[w] for w in apart)))
        words = tuple(self.scope.value.split("+"))
        parts = [host_of(instance.endpoint)]
        if "user" in words:
            parts.append(self.users[credentials])
        if "instance" in words:
            parts.append(instance.instance_id)
        if "type" in words:
            parts.append(kind.value)
        return " ".join(parts)


def iam_name(user: str) -> str:
    """The name that an IAM user bears as the owner of assets, out of DOMAIN/NAME; "" where no name is known."""
    return "" if user.startswith((KEY, AGENCY, OIDC)) else user.rpartition("/")[2]


def lease_of(slot: str) -> str:
    """What this process claims before it uses the slot: with `auto` the documented one, whatever was shown."""
    return slot.split(_APART, 1)[0]


def slot_lease(slot: str) -> str:
    """The key under which processes lease a slot from each other where they share a database."""
    return f"{SLOT}{lease_of(slot)}"


def instance_lease(instance: Instance) -> str:
    """The key of an instance, which one component at a time works with."""
    return f"instance {host_of(instance.endpoint)} {instance.instance_id}"


def overlapping(slot: str, slots: Iterable[str]) -> list[str]:
    """Those of `slots` that are this one, or part of it, or that it is part of."""
    return [each for each in slots if each == slot or each.startswith(slot + _APART) or slot.startswith(each + _APART)]


def host_of(endpoint: str) -> str:
    """Host and port of an endpoint, which is what an outage strikes."""
    return endpoint.split("://", 1)[-1].rstrip("/")
