"""Who may change what of service integration (Finishing 1.1). Law: the roles of the application decide."""

from orchestrator.emulator.protocol.errors import Layer, Refusal
from orchestrator.emulator.service.instance_store import Looking, roles_of, sees_app
from orchestrator.emulator.world.world import Api, App


def gone(code: str, what: str) -> Refusal:
    """Something that service integration does not know."""
    return Refusal(Layer.APIC, 404, code, f"{what} does not exist")


def denied() -> Refusal:
    """The user has not the role that is needed."""
    return Refusal(Layer.APIC, 403, "APIG.1005", "No permissions to request this method")


def app_for(at: Looking, app_id: str, role: str) -> App:
    """An application that the user sees and has this role of; raises Refusal."""
    app = at.holding.apps.get(app_id)
    if app is None or not sees_app(app, at.user, at.switches.visibility):
        raise gone("APIG.3004", f"App {app_id}")
    if role not in roles_of(app, at.user):
        raise denied()
    return app


def api_for(at: Looking, api_id: str, role: str) -> Api:
    """An API of an application that the user has this role of; raises Refusal."""
    api = at.holding.apis.get(api_id)
    app = at.holding.apps.get(api.app_id) if api else None
    if api is None or (app is not None and not sees_app(app, at.user, at.switches.visibility)):
        raise gone("APIG.3002", f"API {api_id}")
    if app is not None and role not in roles_of(app, at.user):
        raise denied()
    return api
