"""Secrets of applications, kept as at the source (Finishing 2.3). Law: no image holds one; its digest tells them apart.

Reads: the secret at both instances, in memory alone. Writes: the source's secret at the target, as a value, so that a
repeated request has the same result. Proof: the target's secret read back has the digest of the source's. Inverse: a
new random secret, since what the import had made is not kept; it was nobody's. Right: every role of the application.

An application that was at the target before the run keeps its own secret, which its callers know.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.kind import Kind, lacks, turned
from orchestrator.core.finish.looks import INVENTORY, Look, Seen, app_secret
from orchestrator.core.finish.of_apps import app_of, brought, left_of, name_there, twin_facts, who
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.change import Change, ChangeKind, Image, Proves, change_id
from orchestrator.core.model.handover_item import Action
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.withheld import is_masked
from orchestrator.core.model.writes import SetSecret, Write
from orchestrator.core.plan.plan import Finish, FinishStep, Keep

AS_AT_SOURCE: Image = (("secret", "as at the source"),)
NEW: Image = (("secret", "new"),)
ANOTHER: Image = (("secret", "another"),)
#: facts that tell one secret from another
_WANTED, _FORMER = "digest wanted", "digest before"


class _Secret(Kind):
    what = "application secret"
    wave = 7

    def by_answer(self, change: Change) -> bool:
        return bool(change.fact("proof"))

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, app_secret(change.object), change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        told = secret_at(seen, change.instance, change.object)
        if isinstance(told, Unread):
            return told
        digest = seen.digest(told)
        if digest == change.fact(_WANTED):
            return AS_AT_SOURCE
        return NEW if digest == change.fact(_FORMER) or self.kind is ChangeKind.RENEW_SECRET else ANOTHER

    def right(self, change: Change, seen: Seen) -> str:
        return lacks(app_of(change, seen), "admin")


class KeepSecret(_Secret):
    """The secret that callers know already."""

    kind, act, done = ChangeKind.KEEP_SECRET, "setting", "set as at the source"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.fact("from"), app_secret(change.fact("twin")), change.fact("twin by")),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        told = secret_at(seen, change.fact("from"), change.fact("twin"))
        if isinstance(told, Unread):
            return f"the secret at {change.fact('from')} cannot be read: {told.why}"
        changed = seen.digest(told) != change.fact(_WANTED)
        return f"the secret at {change.fact('from')} was changed after the preview" if changed else ""

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        (change,) = changes
        told = secret_at(seen, change.fact("from"), change.fact("twin"))
        if isinstance(told, Unread):
            raise ValueError("a secret that was not read")
        return SetSecret(change.object, told)

    def inverse(self, change: Change) -> Change | None:
        return replace(turned(change, ChangeKind.RENEW_SECRET), before=AS_AT_SOURCE, after=NEW)


class RenewSecret(_Secret):
    """A random secret in place of the source's."""

    kind, act, done = ChangeKind.RENEW_SECRET, "renewal", "renewed"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        (change,) = changes
        return SetSecret(change.object)

    def inverse(self, change: Change) -> Change | None:
        return None


class AppSecretsStep:
    """`finish: app_secrets: keep`."""

    name = FinishStep.APP_SECRETS

    def wanted(self, finish: Finish) -> bool:
        return finish.app_secrets is Keep.KEEP

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        for pair in brought(ground, self.wanted):
            yield Look(pair.source, INVENTORY)
            yield Look(pair.target, INVENTORY)
            if seen.holds(Look(pair.source, INVENTORY)) and seen.holds(Look(pair.target, INVENTORY)):
                yield Look(pair.source, app_secret(pair.asset.id), who(pair, pair.source, seen))
                yield Look(pair.target, app_secret(pair.there), who(pair, pair.target, seen))

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        return sum((_row(ground, pair, seen) for pair in brought(ground, self.wanted)), Rows())


def secret_at(seen: Seen, instance: str, app: str) -> str | Unread:
    """The secret, or why it is not known."""
    told = seen.get(instance, app_secret(app))
    if isinstance(told, Unread):
        return told
    return Unread("it is shown masked") if is_masked(told.text) else told.text


def _row(ground: Ground, pair: Pair, seen: Seen) -> Rows:
    here = secret_at(seen, pair.source, pair.asset.id)
    there = secret_at(seen, pair.target, pair.there)
    name = name_there(pair, seen)
    if isinstance(here, Unread):
        why = f"cannot be proved: the secret at {pair.source} is not known: {here.why}"
        return left_of(pair, _Secret.what, name, why)
    if isinstance(there, Unread) and not ground.unproved:
        why = (
            f"cannot be proved: the secret at {pair.target} is not known: {there.why}; --unproved sets it all the same"
        )
        return left_of(pair, _Secret.what, name, why)
    wanted, former = seen.digest(here), "" if isinstance(there, Unread) else seen.digest(there)
    if former == wanted:
        return Rows(already=1, found=(_proves(pair),))
    facts: Image = (*twin_facts(pair, seen), (_WANTED, wanted), (_FORMER, former))
    if isinstance(there, Unread):
        facts += (("proof", f"the answer alone: {there.why}"),)
    kind = ChangeKind.KEEP_SECRET
    change = Change(
        change_id(kind, pair.target, pair.there), kind.value, pair.target, pair.there, name,
        who(pair, pair.target, seen), NEW, AS_AT_SOURCE, KeepSecret.wave, pair.migration,
        step=FinishStep.APP_SECRETS.value, facts=facts, proves=(_proves(pair),),
    )  # fmt: skip
    return Rows((change,))


def _proves(pair: Pair) -> Proves:
    """Nobody has to be told a new secret."""
    return Proves(Action.SECRET, pair.target, "", pair.asset.name)
