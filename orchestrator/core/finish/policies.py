"""`finish: policies`: throttling, access control, signature keys, plugins, authorisations (Finishing 2.8).

Law: what names applications or accounts of the source by id is never copied as it is; what cannot be proved is left.
The kinds are those of `policy_kinds`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from orchestrator.core.finish import api_places
from orchestrator.core.finish.api_kinds import DIGEST, facts_of
from orchestrator.core.finish.api_looks import bindings, may_call, policies
from orchestrator.core.finish.api_places import Moved
from orchestrator.core.finish.apis import ApisStep, object_of
from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.looks import INVENTORY, Look, Seen
from orchestrator.core.finish.of_apps import moved_to
from orchestrator.core.finish.pairs import Pair
from orchestrator.core.finish.policy_kinds import (
    CONFIDENTIAL,
    OWNER,
    OWNER_THERE,
    AuthoriseCaller,
    BindPolicy,
    CreatePolicyLike,
    authorised_image,
    digest_of,
    plain,
    policy_image,
)
from orchestrator.core.model.change import Change, ChangeKind, Image, Left, Proves, change_id
from orchestrator.core.model.gateway import POLICIES, Authorised, Bound, Place, Policy, PolicyKind
from orchestrator.core.model.handover_item import Action
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import Api, App
from orchestrator.core.model.undocumented import MASK
from orchestrator.core.plan.plan import Copy, Finish, FinishStep


@dataclass(frozen=True, slots=True)
class _Target:
    """What is known of one API of the source in one environment, and of its counterpart."""

    both: Moved
    api: Api
    env: str

    @property
    def place(self) -> Place:
        return self.both.place(self.api)

    @property
    def env_there(self) -> str:
        return self.both.env_there(self.env)

    @property
    def object(self) -> str:
        return f"{object_of(self.place)} in {self.both.env_name(self.env)}"

    @property
    def name(self) -> str:
        return f"{self.place.word} in {self.both.env_name(self.env)}"

    @property
    def published(self) -> bool:
        twin = self.both.twin(self.api)
        return twin is not None and self.env_there in dict(twin.published)

    @property
    def facts(self) -> Image:
        own = ("application", self.both.app.name), ("environment", self.both.env_name(self.env))
        return facts_of(self.place, *own, ("environment id", self.env_there))


@dataclass(slots=True)
class _Planning:
    """One planning of this step."""

    ground: Ground
    seen: Seen
    #: publications that the step `apis` would bring about in the same finish
    coming: frozenset[str]
    rows: Rows = field(default_factory=Rows)
    #: (target, kind, name) -> its creation, None where it is there, or why it is left
    held: dict[tuple[str, PolicyKind, str], Change | str | None] = field(default_factory=dict)

    def left(self, what: str, name: str, target: str, why: str) -> None:
        self.rows += Rows(left=(Left(what, "", name, target, why),))


#: how the handover list calls what is bound (`core.handover.items`); it says nothing of plugins
_LISTED = {
    PolicyKind.THROTTLE: "throttling",
    PolicyKind.ACL: "access control",
    PolicyKind.SIGN: "signature keys",
}


class PoliciesStep:
    """What hangs on the publications of the moved applications' APIs."""

    name = FinishStep.POLICIES

    def wanted(self, finish: Finish) -> bool:
        return finish.policies is Copy.COPY

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        yield from ApisStep().looks(ground, seen)
        pairs = ground.apps(self.wanted)
        yield from api_places.looks(ground, pairs)
        for pair in pairs:
            reader, writer = api_places.identities(ground, pair)
            yield Look(pair.source, INVENTORY)
            for kind in PolicyKind:
                for instance, who in ((pair.source, reader), (pair.target, writer)):
                    yield Look(instance, policies(kind), who)
                    yield Look(instance, bindings(kind), who)
            for other in moved_to(ground, pair.source, pair.target).values():
                yield Look(pair.target, may_call(other.there), writer)
            inventory = seen.get(pair.source, INVENTORY)
            for app in () if isinstance(inventory, Unread) else inventory.apps:
                yield Look(pair.source, may_call(app.id), reader)

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        coming = frozenset(each.id for each in ApisStep().planned(ground, seen).changes)
        planning = _Planning(ground, seen, coming)
        for pair in ground.apps(self.wanted):
            both = api_places.moved(ground, pair, seen)
            if isinstance(both, Unread):
                planning.left("policy", f"policies of {pair.asset.name}", pair.target, both.why)
                continue
            for kind in PolicyKind:
                _proving(planning, pair, _LISTED.get(kind, ""), partial(_bound, planning, both, kind))
            _proving(planning, pair, "black and white lists", partial(_authorised, planning, both))
        return planning.rows


def _proving(planning: _Planning, pair: Pair, word: str, plan: Callable[[], None]) -> None:
    """Plan what has this word on the handover list: with nothing of it left to people, it proves the word."""
    before, planning.rows = planning.rows, Rows()
    plan()
    made = planning.rows
    proves = (Proves(Action.API_SETTINGS, pair.target, word, pair.asset.name),) if word and not made.left else ()
    made = replace(
        made,
        changes=tuple(replace(each, proves=proves) for each in made.changes),
        found=() if made.changes else proves,
    )
    planning.rows = before + made


# --- what is bound ---------------------------------------------------------------------------------------------------


def _bound(planning: _Planning, both: Moved, kind: PolicyKind) -> None:
    """The policies of one kind that are bound to this application's APIs."""
    source, target, seen = both.pair.source, both.pair.target, planning.seen
    here, there = seen.get(source, bindings(kind)), seen.get(target, bindings(kind))
    held = seen.get(source, policies(kind)), seen.get(target, policies(kind))
    for answer in (here, there, *held):
        if isinstance(answer, Unread):
            planning.left("policy", f"each {POLICIES[kind]} of {both.pair.asset.name}", target, answer.why)
            return
    own = {api.id: api for api in both.here}
    for each in () if isinstance(here, Unread) else here:
        if each.api in own:
            mine = [one for one in (() if isinstance(there, Unread) else there) if one.sort == each.sort]
            _binding(planning, _Target(both, own[each.api], each.env), (kind, each), mine)


def _binding(planning: _Planning, at: _Target, what: tuple[PolicyKind, Bound], there: list[Bound]) -> None:
    kind, bound = what
    target, twin = at.both.pair.target, at.both.twin(at.api)
    title = f"{POLICIES[kind]} {bound.name} for {at.name}"
    now = [each.name for each in there if twin is not None and (each.api, each.env) == (twin.id, at.env_there)]
    if now == [bound.name]:
        planning.rows += Rows(already=1)
        return
    if now:
        planning.left("binding", title, target, f"{now[0]} is bound to it at {target}: it is left as it is")
        return
    behind = _behind(planning, at)
    why = behind if isinstance(behind, str) else ""
    made = _policy(planning, at.both, kind, bound.name)
    why = why or (made if isinstance(made, str) else "")
    if why:
        planning.left("binding", title, target, why)
        return
    needs = (*(behind if not isinstance(behind, str) else ()), *((made.id,) if isinstance(made, Change) else ()))
    object_ = f"{kind.value} {bound.sort} {at.object}".replace("  ", " ")
    facts = (*at.facts, ("policy kind", kind.value), ("policy", bound.name), ("sort", bound.sort))
    change = Change(
        change_id(ChangeKind.BIND_POLICY, target, object_), ChangeKind.BIND_POLICY.value, target, object_, title,
        at.both.writer, (), (("bound", bound.name),), BindPolicy.wave, at.both.pair.migration, behind=needs,
        step=FinishStep.POLICIES.value, facts=facts,
    )  # fmt: skip
    planning.rows += Rows((change,))


def _behind(planning: _Planning, at: _Target) -> tuple[str, ...] | str:
    """The publication that must come before, none where it is there; or why there will be none."""
    if at.published:
        return ()
    coming = change_id(ChangeKind.PUBLISH_API, at.both.pair.target, at.object)
    if coming in planning.coming:
        return (coming,)
    return f"the API is not published in {at.both.env_name(at.env)} at {at.both.pair.target}"


def _policy(planning: _Planning, both: Moved, kind: PolicyKind, name: str) -> Change | str | None:
    """The creation of a policy, None where the target has it as it is; or why it is left."""
    key = both.pair.target, kind, name
    if key not in planning.held:
        held = _named(planning, both.pair.source, kind, name), _named(planning, both.pair.target, kind, name)
        made = planning.held[key] = _copied(planning, both, *held)
        if isinstance(made, Change):
            planning.rows += Rows((made,))
    return planning.held[key]


def _copied(planning: _Planning, both: Moved, here: Policy | None, there: Policy | None) -> Change | str | None:
    source, target = both.pair.source, both.pair.target
    if here is None:
        return f"it is not at {source} any more"
    inventory = planning.seen.get(source, INVENTORY)
    if why := _not_copied(here, source) or _names_apps(here, () if isinstance(inventory, Unread) else inventory.apps):
        return why
    owner = moved_to(planning.ground, source, target).get(here.app)
    if here.app and owner is None:
        return f"it is of an application that has not moved to {target}"
    owner_there = owner.there if here.app and owner is not None else ""
    if there is not None:
        return _same(planning, (here, there), owner_there, target)
    digest = digest_of(here, planning.seen)
    after = digest if isinstance(digest, Unread) else policy_image(here, digest, here.app, planning.seen)
    if isinstance(digest, Unread) or isinstance(after, Unread):
        why = digest.why if isinstance(digest, Unread) else ""
        return f"its {CONFIDENTIAL[here.kind]} cannot be read at {source}: {why}; create it at {target} by hand"
    object_ = f"{here.kind.value} {here.name}"
    facts = (("policy kind", here.kind.value), ("policy", here.name), ("source", source), ("read by", both.reader),
             (OWNER, here.app), (OWNER_THERE, owner_there), (DIGEST, digest))  # fmt: skip
    return Change(
        change_id(ChangeKind.CREATE_POLICY, target, object_), ChangeKind.CREATE_POLICY.value, target, object_,
        f"{POLICIES[here.kind]} {here.name}", both.writer, (), after, CreatePolicyLike.wave, both.pair.migration,
        step=FinishStep.POLICIES.value, facts=facts,
    )  # fmt: skip


def _not_copied(policy: Policy, source: str) -> str:
    """Ids and accounts mean something else, or nothing, at another instance (Finishing 2.8)."""
    if policy.special:
        return f"it has settings of single applications or users at {source}: create it by hand"
    accounts = policy.kind is PolicyKind.ACL and policy.sort == "DOMAIN"
    return "it names accounts, not addresses: create it by hand" if accounts else ""


def _names_apps(policy: Policy, apps: Iterable[App]) -> str:
    """What stands in a plugin is not ours to understand: an id in it may be one that it looks for."""
    if policy.kind is not PolicyKind.PLUGIN:
        return ""
    named = (each for each in apps if any(word and word in policy.secret for word in (each.id, each.key)))
    app = next(named, None)
    return "" if app is None else f"its content names the application {app.name} by id or key: create it by hand"


def _same(planning: _Planning, both: tuple[Policy, Policy], owner: str, target: str) -> str | None:
    here, there = both
    if here.fields != there.fields or there.app != owner:
        return f"another of this name is at {target}: it is left as it is"
    what = CONFIDENTIAL.get(here.kind, "")
    if any(MASK in each.secret for each in both):
        return None if planning.ground.unproved else f"whether its {what} at {target} is the same cannot be proved"
    return None if plain(here) == plain(there) else f"its {what} at {target} is another"


def _named(planning: _Planning, instance: str, kind: PolicyKind, name: str) -> Policy | None:
    held = planning.seen.get(instance, policies(kind))
    return None if isinstance(held, Unread) else next((each for each in held if each.name == name), None)


# --- who may call ----------------------------------------------------------------------------------------------------


def _authorised(planning: _Planning, both: Moved) -> None:
    """Who may call this application's APIs."""
    source, target, seen = both.pair.source, both.pair.target, planning.seen
    inventory = seen.get(source, INVENTORY)
    own = {api.id: api for api in both.here}
    moved = moved_to(planning.ground, source, target)
    for app in () if isinstance(inventory, Unread) else inventory.apps:
        told = seen.get(source, may_call(app.id))
        if isinstance(told, Unread):
            planning.left("authorisation", f"what {app.name} may call", target, told.why)
            continue
        for each in told:
            if each.api in own and each.app != own[each.api].app_id:
                _caller(planning, _Target(both, own[each.api], each.env), (app, moved.get(app.id)), each)


def _caller(planning: _Planning, at: _Target, who: tuple[App, Pair | None], wanted: Authorised) -> None:
    app, pair = who
    target, title = at.both.pair.target, f"{app.name} for {at.name}"
    if pair is None:
        planning.left("authorisation", title, target, f"{app.name} has not moved to {target}")
        return
    told = planning.seen.get(target, may_call(pair.there))
    behind = _behind(planning, at)
    why = told.why if isinstance(told, Unread) else behind if isinstance(behind, str) else ""
    twin = at.both.twin(at.api)
    place = twin.id if twin is not None else "", at.env_there
    now = [] if isinstance(told, Unread) else [each for each in told if (each.api, each.env) == place]
    if now and authorised_image(now[0]) == authorised_image(wanted):
        planning.rows += Rows(already=1)
        return
    if now:
        why = f"it may call it at {target} in another way: {authorised_image(now[0])}"
    if why or isinstance(behind, str):
        planning.left("authorisation", title, target, why)
        return
    object_ = f"{at.object} for {pair.there}"
    facts = (*at.facts, ("caller", app.name), ("caller id", pair.there))
    change = Change(
        change_id(ChangeKind.AUTHORISE, target, object_), ChangeKind.AUTHORISE.value, target, object_, title,
        at.both.writer, (), authorised_image(wanted), AuthoriseCaller.wave, at.both.pair.migration, behind=behind,
        step=FinishStep.POLICIES.value, facts=facts,
    )  # fmt: skip
    planning.rows += Rows((change,))
