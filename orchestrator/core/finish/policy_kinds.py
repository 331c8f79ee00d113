"""Policies, their bindings and authorisations as changes (Finishing 2.8). Law: nothing that is bound is replaced.

Reads: the policies of a kind; the API at its place with what is bound to it, or who may call it. Writes: one policy,
one binding, one authorisation a request. Proof: the lists; of a signature key a digest of its secret, so that a list
that masks it proves nothing. Inverse: the end of the binding, then deletion of what was created. Right: `modify` on the
application of the API, `access` for authorisations; none is known for the policies themselves (Finishing 1.1).
"""

from collections.abc import Sequence

from orchestrator.core.finish.api_kinds import AS_AT_SOURCE, DIGEST, OfApplication, place_in, there
from orchestrator.core.finish.api_looks import authorised_at, bound_at, policies
from orchestrator.core.finish.kind import Kind, turned
from orchestrator.core.finish.looks import Look, Seen
from orchestrator.core.model.api_writes import Authorise, Bind, CancelAuthorisation, CreatePolicy, DeletePolicy, Unbind
from orchestrator.core.model.change import Change, ChangeKind, Image
from orchestrator.core.model.gateway import Authorised, Bound, Policy, PolicyKind
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import Api
from orchestrator.core.model.undocumented import MASK
from orchestrator.core.model.writes import Write

#: word of an image behind which a digest stands
SECRET = "secret"  # noqa: S105 - the name of a field, not a secret


def digest_of(policy: Policy, seen: Seen) -> str | Unread:
    """Of its secret, "" where it has none; unread where the list masks that."""
    if MASK in policy.secret:
        return Unread("its list masks the secret")
    return seen.digest(policy.secret) if policy.secret else ""


def policy_image(policy: Policy | None, wanted: str, seen: Seen) -> Image | Unread:
    """A policy, and whether its secret has the digest that is wanted."""
    if policy is None:
        return ()
    digest = digest_of(policy, seen)
    if isinstance(digest, Unread) or not policy.secret:
        return digest if isinstance(digest, Unread) else policy.fields
    return (*policy.fields, (SECRET, AS_AT_SOURCE if digest == wanted else "another"))


def authorised_image(found: Authorised | None) -> Image:
    """What an authorisation lets pass."""
    if found is None:
        return ()
    return (
        ("way", found.tunnel or "NORMAL"),
        ("pass without authentication", ", ".join(sorted(found.whitelist)) or "none"),
        ("shut out", ", ".join(sorted(found.blacklist)) or "none"),
    )


class _Policy(Kind):
    what = "policy"
    wave = 9

    def looks(self, change: Change) -> tuple[Look, ...]:
        here = Look(change.instance, policies(_kind(change)), change.credentials)
        source = change.fact("source")
        if not source:
            return (here,)
        return here, Look(source, policies(_kind(change)), change.fact("read by"))

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = _policy(change, change.instance, seen)
        return found if isinstance(found, Unread) else policy_image(found, change.fact(DIGEST), seen)


class CreatePolicyLike(_Policy):
    """A policy as it is at the source."""

    kind, act, done = ChangeKind.CREATE_POLICY, "creation", "created"

    def hindrance(self, change: Change, seen: Seen) -> str:
        found = _policy(change, change.fact("source"), seen)
        same = not isinstance(found, Unread) and policy_image(found, change.fact(DIGEST), seen) == change.after
        return "" if same else f"it was changed at {change.fact('source')} after the preview"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        found = there(_policy(changes[0], changes[0].fact("source"), seen), changes[0])
        return CreatePolicy(found.kind, found.name, found.fields, found.secret)

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.REMOVE_POLICY)


class RemovePolicy(_Policy):
    """A policy that `finish` has created, once nothing is bound to it."""

    kind, act, done = ChangeKind.REMOVE_POLICY, "removal", "removed"

    def looks(self, change: Change) -> tuple[Look, ...]:
        return super().looks(change)[:1]

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        found = there(_policy(changes[0], changes[0].instance, seen), changes[0])
        return DeletePolicy(found.kind, found.id)

    def inverse(self, change: Change) -> Change | None:
        return None


class _Binding(OfApplication):
    what = "policy"
    wave = 9

    def looks(self, change: Change) -> tuple[Look, ...]:
        asked = bound_at(place_in(change), _kind(change)), policies(_kind(change))
        return tuple(Look(change.instance, each, change.credentials) for each in asked)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = _bound(change, seen)
        return found if isinstance(found, Unread) else tuple(("bound", each.name) for each in found)


class BindPolicy(_Binding):
    """A policy for an API in an environment in which nothing of its sort is bound."""

    kind, act, done = ChangeKind.BIND_POLICY, "binding", "bound"

    def hindrance(self, change: Change, seen: Seen) -> str:
        if not _publication(change, seen):
            return f"the API is not published in {change.fact('environment')}"
        policy = _policy(change, change.instance, seen)
        return "" if isinstance(policy, Policy) else f"{change.fact('policy')} is not there"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        policy = there(_policy(change, change.instance, seen), change)
        return Bind(policy.kind, policy.id, _publication(change, seen))

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.UNBIND_POLICY)


class UnbindPolicy(_Binding):
    """A binding that `finish` has made."""

    kind, act, done = ChangeKind.UNBIND_POLICY, "release", "released"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return Unbind(_kind(changes[0]), there(_bound(changes[0], seen), changes[0])[0].id)

    def inverse(self, change: Change) -> Change | None:
        return None


class _Authorisation(OfApplication):
    what = "caller"
    wave = 9
    needs = "access"

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, authorised_at(place_in(change)), change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = _authorised(change, seen)
        return found if isinstance(found, Unread) else authorised_image(found)


class AuthoriseCaller(_Authorisation):
    """An application may call an API, as at the source."""

    kind, act, done = ChangeKind.AUTHORISE, "authorisation", "authorised"

    def hindrance(self, change: Change, seen: Seen) -> str:
        found = seen.get(change.instance, authorised_at(place_in(change)))
        return "" if _published_in(change, found) else f"the API is not published in {change.fact('environment')}"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        found = seen.get(change.instance, authorised_at(place_in(change)))
        api = there(there(found, change)[0], change)
        words = dict(change.after)
        white, black = (_addresses(words[word]) for word in ("pass without authentication", "shut out"))
        env = change.fact("environment id")
        return Authorise(change.fact("caller id"), api.id, env, words["way"], white, black)

    def written_as(self, change: Change) -> str:
        return change.fact("caller id")

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.CANCEL_AUTHORISATION)


class CancelAuthorisationOf(_Authorisation):
    """An authorisation that `finish` has given."""

    kind, act, done = ChangeKind.CANCEL_AUTHORISATION, "cancellation", "cancelled"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return CancelAuthorisation(there(_authorised(changes[0], seen), changes[0]).id)

    def inverse(self, change: Change) -> Change | None:
        return None


def _kind(change: Change) -> PolicyKind:
    return PolicyKind(change.fact("policy kind"))


def _policy(change: Change, instance: str, seen: Seen) -> Policy | Unread | None:
    held = seen.get(instance, policies(_kind(change)))
    if isinstance(held, Unread):
        return held
    return next((each for each in held if each.name == change.fact("policy")), None)


def _bound(change: Change, seen: Seen) -> tuple[Bound, ...] | Unread:
    """What stands in the place of a binding: of its sort, in its environment."""
    found = seen.get(change.instance, bound_at(place_in(change), _kind(change)))
    if isinstance(found, Unread):
        return found
    where = change.fact("environment id"), change.fact("sort")
    return tuple(each for each in found[1] if (each.env, each.sort) == where)


def _publication(change: Change, seen: Seen) -> str:
    """The publication of its API in its environment, "" where there is none."""
    found = seen.get(change.instance, bound_at(place_in(change), _kind(change)))
    return _published_in(change, found)


def _published_in(change: Change, found: tuple[Api | None, object] | Unread) -> str:
    api = None if isinstance(found, Unread) else found[0]
    return dict(api.published).get(change.fact("environment id"), "") if api is not None else ""


def _authorised(change: Change, seen: Seen) -> Authorised | Unread | None:
    found = seen.get(change.instance, authorised_at(place_in(change)))
    if isinstance(found, Unread):
        return found
    who = change.fact("caller id"), change.fact("environment id")
    return next((each for each in found[1] if (each.app, each.env) == who), None)


def _addresses(words: str) -> tuple[str, ...]:
    return () if words == "none" else tuple(words.split(", "))
