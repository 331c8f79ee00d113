"""Policies, their bindings and authorisations as changes (Finishing 2.8). Law: nothing that is bound is replaced.

Reads: the policies of a kind; the API at its place with what is bound to it, or who may call it. Writes: one policy,
one binding, one authorisation a request. Proof: the lists; of a signature key's secret and of a plugin's content a
digest, so that a list that masks it proves nothing. A second plugin of a type replaces the first (Finishing 2.8): it
is read right before that there is none. Inverse: the end of the binding, then deletion of what was created. Right:
`modify` on the application of the API, `access` for authorisations; none is known for the policies themselves
(Finishing 1.1).
"""

import json
from collections.abc import Mapping, Sequence

from orchestrator.core.finish.api_kinds import AS_AT_SOURCE, DIGEST, OfApplication, place_in
from orchestrator.core.finish.api_looks import authorised_at, bound_at, policies
from orchestrator.core.finish.environments import env_looks, env_of
from orchestrator.core.finish.kind import Kind, there, turned
from orchestrator.core.finish.looks import Look, Seen
from orchestrator.core.model.api_writes import (
    Attach,
    Authorise,
    Bind,
    CancelAuthorisation,
    CreatePolicy,
    DeletePolicy,
    Detach,
    Unbind,
)
from orchestrator.core.model.change import Change, ChangeKind, Image
from orchestrator.core.model.gateway import Authorised, Bound, Policy, PolicyKind
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import Api
from orchestrator.core.model.undocumented import MASK
from orchestrator.core.model.writes import Write

#: word of an image behind which a digest stands
CONFIDENTIAL: Mapping[PolicyKind, str] = {PolicyKind.SIGN: "secret", PolicyKind.PLUGIN: "content"}
#: the fact that names the application, at each side, that alone may use a plugin
OWNER, OWNER_THERE = "owner", "owner there"


def digest_of(policy: Policy, seen: Seen) -> str | Unread:
    """Of what is confidential of it, "" where nothing is; unread where the list masks that."""
    if MASK in policy.secret:
        return Unread(f"its list masks the {CONFIDENTIAL[policy.kind]}")
    return seen.digest(plain(policy)) if policy.secret else ""


def plain(policy: Policy) -> str:
    """What is confidential of it, alike however a service writes JSON."""
    if policy.kind is not PolicyKind.PLUGIN:
        return policy.secret
    try:
        return json.dumps(json.loads(policy.secret), sort_keys=True)
    except (ValueError, RecursionError):
        return policy.secret


def policy_image(policy: Policy | None, wanted: str, owner: str, seen: Seen) -> Image | Unread:
    """A policy, whether what is confidential of it has the digest that is wanted, and whose it is."""
    if policy is None:
        return ()
    digest = digest_of(policy, seen)
    if isinstance(digest, Unread):
        return digest
    told = [*policy.fields]
    if policy.secret:
        told.append((CONFIDENTIAL[policy.kind], AS_AT_SOURCE if digest == wanted else "another"))
    if policy.app or owner:
        told.append(("application", AS_AT_SOURCE if policy.app == owner else "another"))
    return tuple(told)


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
        return (Look(change.instance, policies(_kind(change)), change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = _policy(change, change.instance, seen)
        if isinstance(found, Unread):
            return found
        return policy_image(found, change.fact(DIGEST), change.fact(OWNER_THERE), seen)


class CreatePolicyLike(_Policy):
    """A policy as it is at the source."""

    kind, act, done = ChangeKind.CREATE_POLICY, "creation", "created"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.fact("source"), policies(_kind(change)), change.fact("read by")),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        found = _policy(change, change.fact("source"), seen)
        if isinstance(found, Unread):
            return f"it cannot be read at {change.fact('source')}: {found.why}"
        same = policy_image(found, change.fact(DIGEST), change.fact(OWNER), seen) == change.after
        return "" if same else f"it was changed at {change.fact('source')} after the preview"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        found = there(_policy(changes[0], changes[0].fact("source"), seen), changes[0])
        return CreatePolicy(found.kind, found.name, found.fields, found.secret, changes[0].fact(OWNER_THERE))

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.REMOVE_POLICY)


class RemovePolicy(_Policy):
    """A policy that `finish` has created, once nothing is bound to it."""

    kind, act, done = ChangeKind.REMOVE_POLICY, "removal", "removed"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        found = there(_policy(changes[0], changes[0].instance, seen), changes[0])
        return DeletePolicy(found.kind, found.id)

    def inverse(self, change: Change) -> Change | None:
        return None


class _Binding(OfApplication):
    what = "policy"
    wave = 9

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (
            Look(change.instance, bound_at(place_in(change), _kind(change)), change.credentials),
            *env_looks(change),
        )

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = _bound(change, seen)
        return found if isinstance(found, Unread) else tuple(("bound", each.name) for each in found)


class BindPolicy(_Binding):
    """A policy for an API in an environment in which nothing of its sort is bound."""

    kind, act, done = ChangeKind.BIND_POLICY, "binding", "bound"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, policies(_kind(change)), change.credentials),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        if not _publication(change, seen):
            return f"the API is not published in {change.fact('environment')}"
        policy = _policy(change, change.instance, seen)
        return "" if isinstance(policy, Policy) else f"{change.fact('policy')} is not there"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        policy = there(_policy(change, change.instance, seen), change)
        if policy.kind is PolicyKind.PLUGIN:
            return Attach(policy.id, _api(change, seen).id, there(env_of(change, seen), change))
        return Bind(policy.kind, policy.id, _publication(change, seen))

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.UNBIND_POLICY)


class UnbindPolicy(_Binding):
    """A binding that `finish` has made."""

    kind, act, done = ChangeKind.UNBIND_POLICY, "release", "released"

    def needs(self, change: Change) -> tuple[Look, ...]:
        """Any other binding ends by its own id."""
        every = Look(change.instance, policies(_kind(change)), change.credentials)
        return (every,) if _kind(change) is PolicyKind.PLUGIN else ()

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        if _kind(change) is PolicyKind.PLUGIN:
            plugin = there(_policy(change, change.instance, seen), change)
            return Detach(plugin.id, _api(change, seen).id, there(env_of(change, seen), change))
        return Unbind(_kind(change), there(_bound(change, seen), change)[0].id)

    def inverse(self, change: Change) -> Change | None:
        return None


class _Authorisation(OfApplication):
    what = "caller"
    wave = 9
    role = "access"

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, authorised_at(place_in(change)), change.credentials), *env_looks(change))

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = _authorised(change, seen)
        return found if isinstance(found, Unread) else authorised_image(found)


class AuthoriseCaller(_Authorisation):
    """An application may call an API, as at the source."""

    kind, act, done = ChangeKind.AUTHORISE, "authorisation", "authorised"

    def hindrance(self, change: Change, seen: Seen) -> str:
        found = seen.get(change.instance, authorised_at(place_in(change)))
        return "" if _published_in(change, found, seen) else f"the API is not published in {change.fact('environment')}"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        found = seen.get(change.instance, authorised_at(place_in(change)))
        api = there(there(found, change)[0], change)
        words = dict(change.after)
        white, black = (_addresses(words[word]) for word in ("pass without authentication", "shut out"))
        env = there(env_of(change, seen), change)
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
    found, env = seen.get(change.instance, bound_at(place_in(change), _kind(change))), env_of(change, seen)
    if isinstance(found, Unread):
        return found
    if isinstance(env, Unread):
        return env
    where = env, change.fact("sort")
    return tuple(each for each in found[1] if (each.env, each.sort) == where)


def _api(change: Change, seen: Seen) -> Api:
    """Its API, which was read right before the write."""
    found = seen.get(change.instance, bound_at(place_in(change), _kind(change)))
    return there(None if isinstance(found, Unread) else found[0], change)


def _publication(change: Change, seen: Seen) -> str:
    """The publication of its API in its environment, "" where there is none."""
    found = seen.get(change.instance, bound_at(place_in(change), _kind(change)))
    return _published_in(change, found, seen)


def _published_in(change: Change, found: tuple[Api | None, object] | Unread, seen: Seen) -> str:
    api, env = None if isinstance(found, Unread) else found[0], env_of(change, seen)
    return dict(api.published).get(env, "") if api is not None and isinstance(env, str) else ""


def _authorised(change: Change, seen: Seen) -> Authorised | Unread | None:
    found, env = seen.get(change.instance, authorised_at(place_in(change))), env_of(change, seen)
    if isinstance(found, Unread):
        return found
    if isinstance(env, Unread):
        return env
    who = change.fact("caller id"), env
    return next((each for each in found[1] if (each.app, each.env) == who), None)


def _addresses(words: str) -> tuple[str, ...]:
    return () if words == "none" else tuple(words.split(", "))
