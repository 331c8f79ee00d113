"""Secrets and AppCodes of applications (Finishing 2.3, Finishing 2.9). Law: only who has every role touches them."""

import re
from dataclasses import replace

from orchestrator.emulator.protocol.errors import Layer, Refusal, roma
from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.changing import Change, Done
from orchestrator.emulator.service.instance_store import Looking, sees_app
from orchestrator.emulator.service.jobs import iso
from orchestrator.emulator.world.finishing_readings import AppCodeUnique, CreateStatus, Told
from orchestrator.emulator.world.world import App, AppCode

_SECRET = re.compile(r"[A-Za-z0-9!@#$%+=./-]{8,128}")
_CODE = re.compile(r"[a-zA-Z0-9+/][a-zA-Z0-9\-_!@#$%+/=]{63,179}")


def shown(text: str, told: Told) -> str:
    """The text, or what a mask leaves of it."""
    return text if told is Told.CLEAR else f"{text[:3]}****{text[-3:]}"


def secret(at: Looking, app_id: str) -> Json:
    """An application's secret, as the switch says (Finishing 5, 1)."""
    app = owned_app(at, app_id)
    if at.switches.secret_read is Told.REFUSED:
        raise _denied()
    return {"id": app.id, "secret": shown(app.secret, at.switches.secret_read)}


def change_secret(asked: Change) -> Done:
    """The secret of the body, or a random one; the old one is gone at once."""
    app = owned_app(asked.at, asked.id)
    chosen = asked.body.get("secret") is not None
    text = asked.text("secret", _SECRET) if chosen else f"secret-{asked.holding.new_id('secret')[:24]}"
    asked.holding.apps.put(replace(app, secret=text, update_time=asked.now), asked.shown_from)
    return Done(200, {"id": app.id, "secret": text})


def app_codes(at: Looking, app_id: str) -> list[Json]:
    """The AppCodes of an application, oldest first."""
    app = _client(at, app_id)
    return [_told(at, each) for each in at.holding.app_codes.shown(at.now) if each.app_id == app.id]


def app_code(at: Looking, app_id: str, code_id: str) -> Json:
    """One AppCode."""
    return _told(at, _found(at, app_id, code_id))


def create_app_code(asked: Change) -> Done:
    """The AppCode of the body; APIG.3311 for one that exists (Finishing 5, 22)."""
    return _put(asked, asked.text("app_code", _CODE))


def make_app_code(asked: Change) -> Done:
    """A random AppCode: another one with each call."""
    return _put(asked, asked.holding.new_id("random app code") + asked.holding.new_id("random app code"))


def delete_app_code(asked: Change) -> Done:
    """The AppCode is gone."""
    asked.holding.app_codes.remove(_found(asked.at, asked.above, asked.id).id, asked.shown_from)
    return Done(204)


def _put(asked: Change, code: str) -> Done:
    app = _client(asked.at, asked.above)
    everywhere = asked.switches.appcode_unique is AppCodeUnique.INSTANCE
    if any(each.code == code and (everywhere or each.app_id == app.id) for each in asked.holding.app_codes.all()):
        raise Refusal(Layer.APIC, 400, "APIG.3311", "The AppCode already exists")
    made = AppCode(asked.holding.new_id("app code"), app.id, code, asked.now)
    asked.holding.app_codes.put(made, asked.shown_from)
    documented = asked.switches.create_status is CreateStatus.DOCUMENTED
    return Done(201 if documented else 200, _json(made, Told.CLEAR))


def _told(at: Looking, code: AppCode) -> Json:
    told = at.switches.list_secrets
    if told is Told.REFUSED:
        raise Refusal(Layer.APIC, 403, "APIG.1005", "No permissions to request this method")
    return _json(code, told)


def _json(code: AppCode, told: Told) -> Json:
    return {
        "id": code.id,
        "app_id": code.app_id,
        "app_code": shown(code.code, told),
        "create_time": iso(code.create_time),
    }


def _found(at: Looking, app_id: str, code_id: str) -> AppCode:
    app = _client(at, app_id)
    code = at.holding.app_codes.get(code_id)
    if code is None or code.app_id != app.id:
        # No document names the code for an unknown AppCode: this one is that of an unknown application.
        raise Refusal(Layer.APIC, 404, "APIG.3004", f"App code {code_id} does not exist")
    return code


def _client(at: Looking, app_id: str) -> App:
    """An application as service integration knows it; APIG.3004 where it is not there (API 3.3)."""
    app = at.holding.apps.get(app_id)
    if app is None or not sees_app(app, at.user, at.switches.visibility):
        raise Refusal(Layer.APIC, 404, "APIG.3004", f"App {app_id} does not exist")
    if not (at.user.admin or at.user.name == app.owner):
        raise Refusal(Layer.APIC, 403, "APIG.1005", "No permissions to request this method")
    return app


def owned_app(at: Looking, app_id: str) -> App:
    """An application of which the user has every role."""
    app = at.holding.apps.get(app_id)
    if app is None or not (at.user.admin or at.user.name == app.owner):
        raise _denied()
    return app


def _denied() -> Refusal:
    return roma("ROMA.12001", "You do not have the permissions required to operate the application.", status=403)
