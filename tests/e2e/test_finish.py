"""A run of 255 assets, and what ROMA does not carry: done, proved, told, and taken back, by the installed program."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, Filling, generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import AppCode, User, World
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, PlanText
from tests.e2e.local_roma import BLINK, LocalRoma

APPS, TASKS, RUNNING = 55, 200, 20
USERS = (
    DEV_USER,
    PROD_USER,
    *(User(name, "acme", f"AK{name}", f"sk-{name}", f"pw-{name}") for name in ("alice", "bob")),
)
ENTRIES = {"UNIT": "Unit", "UNIT/KG": "Kilogram", "COLOUR": "Colour"}
PASSWORD = "pw-SESAME-of-prod"
#: every step that stands
STEPS = ("dictionaries", "datasources", "app_secrets", "app_codes", "members", "tasks")
MOVES = (
    'name: all, source: dev, target: prod, apps: "*", tasks: "*", finish: {dictionaries: create, '
    "datasources: prod.yaml, app_secrets: keep, app_codes: keep, members: members.csv, "
    'tasks: {start: ["*"], first_run: reviewed}}'
)
#: what no program can do: the network, devices, and people outside
NEVER_OURS = {"instance-settings", "devices", "outside-systems"}


def world() -> World:
    """255 assets at dev, each application with data sources, a member and an AppCode; some tasks run; prod is empty."""
    filling = Filling(calls={}, unreleased_every=0, apis_per_app=0, running_every=TASKS // RUNNING)
    switches = Switches(list_secrets=Told.CLEAR)
    made = generate(APPS, TASKS, filling=filling, durations=BLINK, users=USERS, switches=switches)
    dev, prod = made.instances
    apps = tuple(replace(app, members=(("alice", ("read", "modify")),)) for app in dev.apps)
    dev = replace(dev, apps=apps, dictionaries={**dev.dictionaries, **ENTRIES})
    return replace(made, instances=(dev, prod))


def give_app_codes(api: Api) -> None:
    dev = api.service.holding("dev")
    for app in dev.apps.all():
        dev.app_codes.put(AppCode(f"code-{app.id}", app.id, f"{'AppCodeSESAME' * 5}{app.id[:8]}", 1.0))


def complete(path: Path) -> None:
    """A person names the secret of each data source."""
    path.write_text(path.read_text(encoding="utf-8").replace("${env:}", "${env:PROD_DB}"), encoding="utf-8")


def state(roma: LocalRoma) -> dict[str, object]:
    """All of prod that a finish may change, and which tasks run where."""

    def look(api: Api) -> dict[str, object]:
        prod, dev = api.service.holding("prod"), api.service.holding("dev")
        return {
            "contents": {each.name: _filled(dict(each.content)) for each in prod.datasources.all()},
            "members": {each.name: each.members for each in prod.apps.all()},
            "codes": sorted(each.code for each in prod.app_codes.all()),
            "shared secrets": sorted(_secrets(prod) & _secrets(dev)),
            "entries": sorted(each.code for each in prod.dictionary.all()),
            "running": {name: _running(one) for name, one in (("dev", dev), ("prod", prod))},
        }

    return roma.ask(look)


def _filled(content: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in content.items() if value}


def _secrets(holding: Holding) -> set[str]:
    return {each.secret for each in holding.apps.all()}


def _running(holding: Holding) -> list[str]:
    return sorted(each.name for each in holding.tasks.all() if each.running)


@pytest.mark.timeout(900)  # a hundred writes of each kind, each read before and after
def test_a_run_of_255_assets_is_finished_proved_told_and_taken_back(serve: Serve, desk: Desk) -> None:
    roma = serve(world())
    roma.ask(give_app_codes)
    desk.ready(roma, PlanText(migrations=(MOVES,)))
    desk.environment["PROD_DB"] = PASSWORD
    (desk.folder / "members.csv").write_text("source user,target user\nalice,bob\n", encoding="utf-8")
    assert desk.run("run", "plan.yaml", patience=300.0).code == 0
    moved = state(roma)
    running: Any = moved["running"]
    assert (len(running["dev"]), running["prod"]) == (RUNNING, [])
    told = desk.run("finish", "--template", "prod.yaml", patience=300.0)
    assert told.code == 0, told.both
    complete(desk.folder / "prod.yaml")
    assert desk.run("validate", "plan.yaml").code == 0

    told = desk.run("finish", "--step", ",".join(STEPS), "--json", patience=600.0)
    assert told.code == 0, told.both[-3000:]
    done = told.document["counts"]["done"]
    finished: Any = state(roma)
    assert len(finished["contents"]) == 2 * APPS
    assert {each["password"] for each in finished["contents"].values()} == {PASSWORD}
    assert set(finished["members"].values()) == {(("bob", ("read", "modify")),)}
    assert (len(finished["codes"]), len(finished["shared secrets"])) == (APPS, APPS)
    assert {"UNIT", "KG", "COLOUR"} <= set(finished["entries"])
    assert finished["running"] == {"dev": [], "prod": running["dev"]}
    assert done == 2 * (2 * APPS) + 3 * APPS + 2 * RUNNING, "the run itself has created the entries, before its import"

    left = desk.run("handover", "--json").document
    still = {each["action"] for each in left["items"] if not each["done"]}
    assert still <= NEVER_OURS, still
    clean = desk.run("verify", "--strict", "--json", patience=300.0)
    assert clean.code == 0, clean.both[-3000:]
    kept = b"".join(content for _, content in desk.files().values())
    assert b"SESAME" not in kept

    told = desk.run("undo", "--step", ",".join(STEPS[1:]), "--yes", patience=600.0)
    assert told.code == 0, told.both[-3000:]
    assert state(roma) == moved
    told = desk.run("undo", "--yes", patience=300.0)
    assert told.code == 0, told.both[-3000:]
    assert roma.held() == {}
