"""The members of applications (Finishing 2.3). Law: a change replaces the whole list, whoever changed it before."""

from dataclasses import replace

from orchestrator.emulator.protocol.errors import invalid
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.credentials import owned_app
from orchestrator.emulator.service.instance_store import ALL_ROLES, Looking
from orchestrator.emulator.world.finishing_readings import UnknownMember
from orchestrator.emulator.world.world import App, User, hex_id

#: the documents give sketches of 5 and 10; this one only bounds what is read
_MOST = 1000
_Members = tuple[tuple[str, tuple[str, ...]], ...]


def listed(at: Looking, app_id: str, user_name: str = "") -> Json:
    """The members of an application, or the one of that exact name; its owner is none of them."""
    owned_app(at, app_id)
    app = next((each for each in at.holding.apps.shown(at.now) if each.id == app_id), None)
    return _told(app_id, tuple(each for each in app.members if user_name in {"", each[0]}) if app else ())


def candidates(at: Looking, app_id: str, without_members: bool) -> Json:
    """Users of the same account that are, or could become, members."""
    app = owned_app(at, app_id)
    there = dict(app.members) if without_members else {}
    return {"users": [{"id": _id(each), "name": each.name} for each in _possible(at, app) if each.name not in there]}


def change(asked: Change) -> Done:
    """The members of the body, and nobody else."""
    app = owned_app(asked.at, asked.id)
    members = _wanted(asked, {_id(each): each.name for each in _possible(asked.at, app)})
    asked.holding.apps.put(replace(app, members=members, update_time=asked.now), asked.shown_from)
    return Done(200, _told(app.id, members))


def meddle(asked: Change) -> bool:
    """Somebody else makes the first user a member that is none yet."""
    app = asked.holding.apps.get(asked.id)
    free = [each.name for each in _possible(asked.at, app) if each.name not in dict(app.members)] if app else []
    if app is None or not free:
        return False
    asked.holding.apps.put(replace(app, members=(*app.members, (free[0], ("read",))), update_time=asked.now))
    return True


def _wanted(asked: Change, names: dict[str, str]) -> _Members:
    users = asked.body.get("users")
    if not isinstance(users, list) or len(users) > _MOST:
        raise invalid(f"users is missing, or no list of at most {_MOST}.")
    found: dict[str, tuple[str, ...]] = {}
    for each in users:
        user_id, roles = (each.get("id"), each.get("roles")) if isinstance(each, dict) else (None, None)
        if not isinstance(user_id, str) or not isinstance(roles, list) or not all(one in ALL_ROLES for one in roles):
            raise invalid(f"An element of users has no id, or a role that is none of {', '.join(ALL_ROLES)}.")
        if user_id in names and names[user_id] not in found:
            found[names[user_id]] = tuple(one for one in ALL_ROLES if one in roles)
        elif user_id in names or asked.switches.unknown_member is UnknownMember.REFUSE:
            raise invalid("A user is named twice, or does not exist.")
    return tuple(found.items())


def _told(app_id: str, members: _Members) -> Json:
    users = [{"id": hex_id("user", name), "name": name, "roles": list(roles)} for name, roles in members]
    return {"total": len(users), "id": app_id, "users": users}


def _possible(at: Looking, app: App) -> list[User]:
    """The users of the asker's account, without the owner."""
    return [each for each in at.users if each.domain == at.user.domain and each.name != app.owner]


def _id(user: User) -> str:
    return hex_id("user", user.name)
