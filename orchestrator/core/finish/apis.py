"""`finish: apis`: APIs that no package carries, publications and their environments (Finishing 2.6, 2.7).

Law: a draft is never published, and what the target would publish must be what is published at the source, as far as
both can be read; an environment is created where something is published in it. The kinds are those of `api_kinds`
and `environments`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.core.finish import api_places
from orchestrator.core.finish.api_kinds import (
    DIGEST,
    OFFLINE,
    PUBLISHED,
    CreateApiGroup,
    ImportApi,
    PublishApi,
    facts_of,
    image_of,
    whole_image,
)
from orchestrator.core.finish.api_looks import backend, in_force
from orchestrator.core.finish.api_places import Moved
from orchestrator.core.finish.environments import CreateEnvironmentLike
from orchestrator.core.finish.environments import image_of as environment_image
from orchestrator.core.finish.ground import Ground, Rows
from orchestrator.core.finish.looks import Look, Seen
from orchestrator.core.model.change import Change, ChangeKind, Image, Left, Proves, change_id
from orchestrator.core.model.contents import path_of
from orchestrator.core.model.gateway import RELEASE, Place
from orchestrator.core.model.handover_item import Action
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import Api
from orchestrator.core.plan.plan import Finish, FinishStep, PublishApis, UnpublishedApis

#: what of an API its list and what is in force tell alike, by the service's names
_ALIKE = {"req_method": "method", "req_uri": "path", "backend_type": "backend_type", "remark": "remark",
          "auth_type": "auth_type"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Created:
    """What several APIs have in common, which is created once: (target, name) -> its creation."""

    groups: dict[tuple[str, str], Change] = field(default_factory=dict)
    environments: dict[tuple[str, str], Change] = field(default_factory=dict)


class ApisStep:
    """Groups, APIs and environments that the target lacks, then publications."""

    name = FinishStep.APIS

    def wanted(self, finish: Finish) -> bool:
        how = finish.apis
        return how.unpublished is UnpublishedApis.IMPORT or how.publish is PublishApis.AS_AT_SOURCE

    def looks(self, ground: Ground, seen: Seen) -> Iterator[Look]:
        pairs = ground.apps(self.wanted)
        yield from api_places.looks(ground, pairs)
        for pair in pairs:
            both = api_places.moved(ground, pair, seen)
            if not isinstance(both, Unread):
                yield from (
                    Look(pair.source, in_force(api.id, env), both.reader) for api, env in _unsettled(ground, both)
                )
                if ground.finish[pair.migration].apis.unpublished is UnpublishedApis.IMPORT:
                    drafts = (api for api in both.here if not api.released and both.twin(api) is None)
                    yield from (Look(pair.source, backend(api.id), both.reader) for api in drafts)

    def planned(self, ground: Ground, seen: Seen) -> Rows:
        rows = Rows()
        created = _Created()
        for pair in ground.apps(self.wanted):
            both = api_places.moved(ground, pair, seen)
            if isinstance(both, Unread):
                rows += Rows(left=(Left("api", "", f"APIs of {pair.asset.name}", pair.target, both.why),))
                continue
            for api in both.here:
                rows += _rows(ground, both, api, seen, created)
        return rows


def _rows(ground: Ground, both: Moved, api: Api, seen: Seen, created: _Created) -> Rows:
    """What becomes of one API of the source."""
    twin, how = both.twin(api), ground.finish[both.pair.migration].apis
    rows, imported = Rows(already=1) if twin is not None else Rows(), None
    if twin is None and not api.released and how.unpublished is UnpublishedApis.IMPORT:
        rows, imported = _imported(both, api, seen, created)
    if how.publish is PublishApis.AS_AT_SOURCE and (twin is not None or imported is not None):
        for env, _ in api.published:
            rows += _published(both, (api, env), imported, seen, created)
    return rows


def _imported(both: Moved, api: Api, seen: Seen, created: _Created) -> tuple[Rows, Change | None]:
    """The import of one API and, where it is needed, the creation of its group."""
    place, target = both.place(api), both.pair.target
    why, group = "", created.groups.get((target, place.group))
    known = both.groups.get(place.group)
    if known is not None and known.app_id not in {"", both.app.id}:
        why = f"the group {place.group} of {target} belongs to another application"
    elif api.method == "" or api.path == "":
        why = "its list tells no method or no path"
    leads_to = seen.get(both.pair.source, backend(api.id))
    if isinstance(leads_to, Unread):
        why = f"where it leads cannot be read at {both.pair.source}: {leads_to.why}"
    if why or isinstance(leads_to, Unread):
        return Rows(left=(Left("api", "", place.word, target, why),)), None
    made: tuple[Change, ...] = ()
    if known is None and group is None:
        group = created.groups[target, place.group] = _group(both, place)
        made = (group,)
    behind = (group.id,) if group is not None else ()
    change = _import(both, (api, place), seen.digest(leads_to), behind)
    return Rows((*made, change)), change


def _group(both: Moved, place: Place) -> Change:
    pair = both.pair
    return Change(
        change_id(ChangeKind.CREATE_GROUP, pair.target, place.group), ChangeKind.CREATE_GROUP.value, pair.target,
        place.group, place.group, both.writer, (), (("application", both.app.id),), CreateApiGroup.wave,
        pair.migration, step=FinishStep.APIS.value,
        facts=(("application", both.app.name), ("application id", both.app.id), ("group", place.group)),
    )  # fmt: skip


def _import(both: Moved, what: tuple[Api, Place], digest: str, behind: tuple[str, ...]) -> Change:
    """An API that is published elsewhere than in RELEASE is taken as it is published there, not as its draft."""
    api, place = what
    pair, env = both.pair, api.published[0][0] if api.published else RELEASE
    source = (("source", pair.source), ("read by", both.reader), ("source group", api.group_id), ("source id", api.id),
              ("source environment", env), ("define", "proxy" if api.published else "dev"))  # fmt: skip
    facts = facts_of(place, ("application", both.app.name), *source, (DIGEST, digest))
    name = object_of(place)
    return Change(
        change_id(ChangeKind.IMPORT_API, pair.target, name), ChangeKind.IMPORT_API.value, pair.target, name,
        place.word, both.writer, (), whole_image(api, as_wanted=True), ImportApi.wave, pair.migration, behind=behind,
        step=FinishStep.APIS.value, facts=facts, proves=() if api.published else _made_anew(both, api),
    )  # fmt: skip


def _made_anew(both: Moved, api: Api) -> tuple[Proves, ...]:
    """The item of the handover list about an API that no package carries."""
    return (Proves(Action.PUBLISH_API, both.pair.target, path_of(api), both.pair.asset.name),)


def _published(both: Moved, what: tuple[Api, str], imported: Change | None, seen: Seen, created: _Created) -> Rows:
    """The publication of one API in one environment, which is created where the target has none of that name."""
    api, env = what
    place, target, there, twin = both.place(api), both.pair.target, both.env_there(env), both.twin(api)
    name = f"{place.word} in {both.env_name(env)}"
    if not there and env not in both.environments[0]:
        why = f"the environment {env} is not in the list of {both.pair.source}"
        return Rows(left=(Left("publication", "", name, target, why),))
    if twin is not None and there in dict(twin.published):
        return Rows(already=1)
    if why := _not_as_there(both, api, env, seen):
        return Rows(left=(Left("publication", twin.id if twin else "", name, target, why),))
    now = image_of(twin if twin is not None else api)
    own: Image = (
        ("environment", both.env_name(env)),
        ("environment id", there),
        *((f"its {word}", value) for word, value in now),
    )
    object_ = f"{object_of(place)} in {both.env_name(env)}"
    made, environment = (Rows(), None) if there else _environment(both, env, created)
    change = Change(
        change_id(ChangeKind.PUBLISH_API, target, object_), ChangeKind.PUBLISH_API.value, target, object_, name,
        both.writer, OFFLINE, PUBLISHED, PublishApi.wave, both.pair.migration,
        behind=tuple(each.id for each in (imported, environment) if each is not None), step=FinishStep.APIS.value,
        facts=facts_of(place, ("application", both.app.name), *own),
        proves=_made_anew(both, api) if imported is not None else (),
    )  # fmt: skip
    return made + Rows((change,))


def _environment(both: Moved, env: str, created: _Created) -> tuple[Rows, Change]:
    """The creation of an environment, and its row where it is the first to be named."""
    here, target = both.environments[0][env], both.pair.target
    if change := created.environments.get((target, here.name)):
        return Rows(), change
    change = created.environments[target, here.name] = Change(
        change_id(ChangeKind.CREATE_ENVIRONMENT, target, here.name), ChangeKind.CREATE_ENVIRONMENT.value, target,
        here.name, here.name, both.writer, (), environment_image(here), CreateEnvironmentLike.wave,
        both.pair.migration, step=FinishStep.APIS.value,
    )  # fmt: skip
    return Rows((change,)), change


def _unsettled(ground: Ground, both: Moved) -> Iterator[tuple[Api, str]]:
    """Publications of the source of which it must be known what is in force."""
    how = ground.finish[both.pair.migration].apis
    if how.publish is not PublishApis.AS_AT_SOURCE:
        return
    for api in both.here:
        twin = both.twin(api)
        if twin is None and (api.released or how.unpublished is not UnpublishedApis.IMPORT):
            continue
        for env, _ in api.published:
            there = both.env_there(env)
            if twin is None or there not in dict(twin.published):
                yield api, env


def _not_as_there(both: Moved, api: Api, env: str, seen: Seen) -> str:
    """Why a publication at the target would not be what is published at the source; "" where it would."""
    source, twin = both.pair.source, both.twin(api)
    told = seen.get(source, in_force(api.id, env))
    if isinstance(told, Unread):
        return f"what is in force at {source} cannot be read: {told.why}"
    if twin is None:
        first = seen.get(source, in_force(api.id, api.published[0][0]))
        return "" if told == first else f"it is published otherwise at {source} than it is imported"
    for word, value in told:
        if word in _ALIKE and value != (mine := str(getattr(twin, _ALIKE[word]))):
            return f"its {word} is {mine or 'empty'} at {both.pair.target} and {value or 'empty'} where it is in force"
    return ""


def object_of(place: Place) -> str:
    """What tells an API from all others of an instance, before it has an id."""
    return f"{place.app}/{place.group} {place.method} {place.path}"
