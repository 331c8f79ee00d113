"""Groups, APIs and publications as changes (Finishing 2.6, 2.7). Law: what is there is never replaced.

Reads: the groups of the target, and the API at its place, with the history of its publications; of a draft the file,
right before its import. Writes: one group, one API, one publication a request. Proof: the API is in the list at its
place; a publication is in force and carries our remark, so that another's is told apart. Inverse: deletion of what is
published nowhere, and taking offline. Right: `modify` on the application at the target (`delete` to delete).
"""

from collections.abc import Mapping, Sequence

from orchestrator.core.finish.api_file import defines, fitted
from orchestrator.core.finish.api_looks import GROUPS, api_at, apis_of, bound_at, definition, publications_at
from orchestrator.core.finish.environments import env_looks, env_of
from orchestrator.core.finish.kind import Kind, lacks, there, turned
from orchestrator.core.finish.looks import INVENTORY, Look, Read, Seen
from orchestrator.core.model.api_writes import ActOnApi, CreateGroup, DeleteApi, DeleteGroup, ImportApis
from orchestrator.core.model.change import Change, ChangeKind, Image
from orchestrator.core.model.gateway import POLICIES, Place, PolicyKind, Publication
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import Api, ApiGroup, Inventory
from orchestrator.core.model.writes import Write

#: what a publication of ours says in its history (Finishing 2.7)
REMARK = "as at the source, by roma-migrate"
#: what of an image is a secret or confidential, and is as it shall be; the fact that holds its digest
AS_AT_SOURCE, DIGEST = "as at the source", "digest wanted"
OFFLINE: Image = (("publication", "offline"),)
PUBLISHED: Image = (("publication", "published"), ("remark", REMARK))


def place_in(change: Change) -> Place:
    """The API that a change is about."""
    return Place(*(change.fact(word) for word in ("application id", "group", "method", "path")))


def facts_of(place: Place, *more: tuple[str, str]) -> Image:
    """What tells which API a change is about."""
    words = ("application id", "group", "method", "path")
    return (*zip(words, place, strict=True), *more)


def image_of(api: Api | None) -> Image:
    """What a list shows of an API that came from a file."""
    return () if api is None else (("name", api.name), ("backend", api.backend_type), ("remark", api.remark))


def whole_image(api: Api | None, as_wanted: bool) -> Image:
    """That, and whether the API leads where it does at the source: addresses of back ends are confidential."""
    return () if api is None else (*image_of(api), ("leads to", AS_AT_SOURCE if as_wanted else "elsewhere"))


class OfApplication(Kind):
    """What is of one application at the target."""

    #: on the application
    role = "modify"

    def right(self, change: Change, seen: Seen) -> str:
        inventory = seen.get(change.instance, INVENTORY)
        apps = inventory.apps if isinstance(inventory, Inventory) else ()
        own = next((each for each in apps if each.id == change.fact("application id")), None)
        return lacks(own, self.role)


class _Group(OfApplication):
    what = "API group"
    wave = 6

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, GROUPS, change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        group = _group(change, seen)
        if group is None or isinstance(group, Unread):
            return group if group is not None else ()
        return (("application", group.app_id),)


class CreateApiGroup(_Group):
    """A group that the target lacks."""

    kind, act, done = ChangeKind.CREATE_GROUP, "creation", "created"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return CreateGroup(changes[0].object, changes[0].fact("application id"))

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.REMOVE_GROUP)


class RemoveApiGroup(_Group):
    """A group that `finish` has created, while it is empty."""

    kind, act, done = ChangeKind.REMOVE_GROUP, "removal", "removed"
    role = "delete"

    def needs(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, apis_of(change.fact("application id")), change.credentials),)

    def hindrance(self, change: Change, seen: Seen) -> str:
        apis = seen.get(change.instance, apis_of(change.fact("application id")))
        held = [] if isinstance(apis, Unread) else [each.name for each in apis if each.group == change.object]
        return f"it holds the API {held[0]}" if held else ""

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        return DeleteGroup(there(_group(changes[0], seen), changes[0]).id)

    def inverse(self, change: Change) -> Change | None:
        return None


class _Api(OfApplication):
    what = "API"
    wave = 6

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, api_at(place_in(change)), change.credentials),)

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found = seen.get(change.instance, api_at(place_in(change)))
        if isinstance(found, Unread):
            return found
        api, leads_to = found
        return whole_image(api, seen.digest(leads_to) == change.fact(DIGEST))


class ImportApi(_Api):
    """An API that no package carries: exported as a file, made fit for the target, imported into its group."""

    kind, act, done = ChangeKind.IMPORT_API, "import", "imported"

    def needs(self, change: Change) -> tuple[Look, ...]:
        groups = Look(change.instance, GROUPS, change.credentials)
        return groups, Look(change.fact("source"), _file(change), change.fact("read by"))

    def hindrance(self, change: Change, seen: Seen) -> str:
        file = seen.get(change.fact("source"), _file(change))
        if isinstance(file, Unread):
            return f"its definition cannot be read at {change.fact('source')}: {file.why}"
        if not defines(file, place_in(change)):
            return f"{change.fact('source')} does not define it any more as it was previewed"
        return "" if isinstance(_group(change, seen), ApiGroup) else f"the group {change.fact('group')} is not there"

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        file = seen.get(change.fact("source"), _file(change))
        group = there(_group(change, seen), change)
        return ImportApis(group.id, fitted(there(file, change), place_in(change), change.fact("application")))

    def written_as(self, change: Change) -> str:
        return f"{change.fact('method')} {change.fact('path')}"

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.REMOVE_API)


class RemoveApi(_Api):
    """An API that `finish` has imported, once it is published nowhere."""

    kind, act, done = ChangeKind.REMOVE_API, "removal", "removed"
    role = "delete"

    def hindrance(self, change: Change, seen: Seen) -> str:
        found = seen.get(change.instance, api_at(place_in(change)))
        api = None if isinstance(found, Unread) else found[0]
        return "somebody has published it" if api is not None and api.published else ""

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        found = seen.get(changes[0].instance, api_at(place_in(changes[0])))
        return DeleteApi(there(there(found, changes[0])[0], changes[0]).id)

    def inverse(self, change: Change) -> Change | None:
        return None


class _Publication(OfApplication):
    what = "API"
    wave = 8
    action = "online"

    def looks(self, change: Change) -> tuple[Look, ...]:
        return (Look(change.instance, _published(change), change.credentials), *env_looks(change))

    def image(self, change: Change, seen: Seen) -> Image | Unread:
        found, env = seen.get(change.instance, _published(change)), env_of(change, seen)
        if isinstance(found, Unread):
            return found
        if isinstance(env, Unread):
            return env
        api, publications = found
        if api is None or env not in dict(api.published):
            return OFFLINE
        remark = next((each.remark for each in publications if each.env == env), "")
        return (("publication", "published"), ("remark", remark))

    def write(self, changes: Sequence[Change], seen: Seen) -> Write:
        change = changes[0]
        found = seen.get(change.instance, _published(change))
        api = there(there(found, change)[0], change)
        remark = REMARK if self.action == "online" else ""
        return ActOnApi(self.action, api.id, there(env_of(change, seen), change), remark)


class PublishApi(_Publication):
    """An API in an environment in which it is published at the source."""

    kind, act, done = ChangeKind.PUBLISH_API, "publication", "published"

    def hindrance(self, change: Change, seen: Seen) -> str:
        found = seen.get(change.instance, _published(change))
        api = None if isinstance(found, Unread) else found[0]
        if api is None:
            return "the API is not there"
        if not env_of(change, seen):
            return f"the environment {change.fact('environment')} is not there"
        same = image_of(api) == tuple((w, change.fact(f"its {w}")) for w in ("name", "backend", "remark"))
        return "" if same else "somebody changed the API after the preview, and it would be published as it is now"

    def inverse(self, change: Change) -> Change | None:
        return turned(change, ChangeKind.TAKE_OFFLINE)


class TakeOffline(_Publication):
    """What `finish` has published; its callers fail from then on, and what is bound to it is not bound any more."""

    kind, act, done = ChangeKind.TAKE_OFFLINE, "withdrawal", "taken offline"
    action = "offline"

    def needs(self, change: Change) -> tuple[Look, ...]:
        asked = (bound_at(place_in(change), kind) for kind in PolicyKind)
        return tuple(Look(change.instance, each, change.credentials) for each in asked)

    def hindrance(self, change: Change, seen: Seen) -> str:
        env = env_of(change, seen)
        for kind in PolicyKind:
            found = seen.get(change.instance, bound_at(place_in(change), kind))
            if isinstance(found, Unread):
                return f"what is bound to it cannot be read: {found.why}"
            for each in found[1]:
                if each.env == env:
                    return f"the {POLICIES[kind]} {each.name} is bound to it, and would not be any more"
        return ""

    def inverse(self, change: Change) -> Change | None:
        return None


def _file(change: Change) -> Read[Mapping[str, object]]:
    words = ("source group", "source id", "source environment", "define")
    return definition(*(change.fact(word) for word in words))


def _published(change: Change) -> Read[tuple[Api | None, tuple[Publication, ...]]]:
    return publications_at(place_in(change))


def _group(change: Change, seen: Seen) -> ApiGroup | Unread | None:
    groups = seen.get(change.instance, GROUPS)
    if isinstance(groups, Unread):
        return groups
    return next((each for each in groups if each.name == change.fact("group")), None)
