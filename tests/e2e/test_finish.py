"""A run of 255 assets, and what ROMA does not carry: done, proved, told, and taken back, by the installed program."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.gateway import RELEASE, PolicyKind
from orchestrator.emulator.world.generate import CALLS, DEV_USER, PROD_USER, Filling, generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import AppCode, BelongingKind, Group, User, World
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, PlanText
from tests.e2e.local_roma import BLINK, LocalRoma

APPS, TASKS, RUNNING = 55, 200, 20
#: every n-th application has a draft, an API that is published in TEST, a policy of each kind
UNRELEASED_EVERY, TESTED_EVERY, POLICIES_EVERY = 10, 4, 11
DRAFTS, TESTED, GOVERNED = APPS // UNRELEASED_EVERY, APPS // TESTED_EVERY, APPS // POLICIES_EVERY
#: two APIs of each application that is called
CALLERS = 2 * sum(map(len, CALLS.values()))
#: throttling, access control, signature keys, plugins
KINDS = len(PolicyKind)
#: the one draft whose group the package does not carry
ALONE = "alone-group"
USERS = (
    DEV_USER,
    PROD_USER,
    *(User(name, "acme", f"AK{name}", f"sk-{name}", f"pw-{name}") for name in ("alice", "bob")),
)
ENTRIES = {"UNIT": "Unit", "UNIT/KG": "Kilogram", "COLOUR": "Colour"}
PASSWORD = "pw-SESAME-of-prod"
#: every step that stands
STEPS = (
    "dictionaries",
    "datasources",
    "app_secrets",
    "app_codes",
    "members",
    "apis",
    "policies",
    "topics",
    "products",
    "tasks",
)
MOVES = (
    'name: all, source: dev, target: prod, apps: "*", tasks: "*", finish: {dictionaries: create, '
    "datasources: prod.yaml, app_secrets: keep, app_codes: keep, members: members.csv, "
    "apis: {unpublished: import, publish: as-at-source}, policies: copy, topics: copy, products: copy, "
    'tasks: {start: ["*"], first_run: reviewed}}, '
    f"calls: {json.dumps({caller: list(called) for caller, called in CALLS.items()})}"
)
#: what no program can do: the network, functions, domains, devices, and people outside
NEVER_OURS = {"instance-settings", "function-backend", "api-settings", "devices", "outside-systems"}


def world() -> World:
    """255 assets at dev, each application with data sources, APIs, a member and an AppCode; some tasks run.

    Some APIs are drafts, some are published in the environment TEST, some have policies, and some applications call
    others. Prod is empty, without the environment TEST.
    """
    filling = Filling(
        unreleased_every=UNRELEASED_EVERY,
        tested_every=TESTED_EVERY,
        policies_every=POLICIES_EVERY,
        running_every=TASKS // RUNNING,
    )
    switches = Switches(
        list_secrets=Told.CLEAR,
        import_keeps_authorisations=False,
        import_keeps_topics=False,
        import_keeps_products=False,
    )
    made = generate(APPS, TASKS, filling=filling, durations=BLINK, users=USERS, switches=switches)
    dev, prod = made.instances
    apps = tuple(replace(app, members=(("alice", ("read", "modify")),)) for app in dev.apps)
    caller = dev.apps[1].id
    topics = tuple(replace(each, others=((caller, "sub"),) if each.app_id != caller else ()) for each in dev.belongings)
    alone = next(each for each in dev.apis if not each.publications)
    dev = replace(
        dev,
        apps=apps,
        belongings=topics,
        groups=(*dev.groups, Group("alone", ALONE, alone.app_id)),
        apis=tuple(replace(each, group_id="alone") if each == alone else each for each in dev.apis),
        dictionaries={**dev.dictionaries, **ENTRIES},
    )
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
            **gateway(prod),
            "running": {name: _running(one) for name, one in (("dev", dev), ("prod", prod))},
        }

    return roma.ask(look)


def gateway(holding: Holding) -> dict[str, object]:
    """APIs with where they are published, groups, policies, what is bound to what, and who may call whom."""
    apis, groups = ({each.id: each.name for each in held.all()} for held in (holding.apis, holding.groups))
    envs = {each.id: each.name for each in holding.environments.all()}
    policies = {each.id: each for each in holding.policies.all()}
    apps = {each.id: each.name for each in holding.apps.all()}
    return {
        "apis": {
            each.name: (groups[each.group_id], sorted(envs[one.env_id] for one in each.publications if one.online))
            for each in holding.apis.all()
        },
        "groups": sorted(groups.values()),
        "environments": sorted(name for env, name in envs.items() if env != RELEASE),
        "policies": sorted(
            (each.kind.value, each.name, sorted(_filled(dict(each.fields)).items())) for each in policies.values()
        ),
        "bound": sorted(
            (policies[each.policy_id].name, apis[each.api_id], envs[each.env_id])
            for each in holding.bindings.all()
            if each.policy_id in policies
        ),
        "topics": sorted(
            (each.name, each.retention, apps[each.app_id], [(apps[app], may) for app, may in each.others])
            for each in holding.belongings.all()
            if each.kind is BelongingKind.TOPIC
        ),
        "products": sorted(
            (each.name, apps[each.app_id]) for each in holding.belongings.all() if each.kind is BelongingKind.PRODUCT
        ),
        "callers": sorted((apps[each.app_id], apis[each.api_id]) for each in holding.authorisations.all()),
    }


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
    source: Any = roma.ask(lambda api: gateway(api.service.holding("dev")))
    assert {part: finished[part] for part in source} == source
    apis, policies = DRAFTS + 1 + 1 + TESTED, 2 * KINDS * GOVERNED + CALLERS
    assert (len(source["callers"]), len(source["bound"])) == (CALLERS, KINDS * GOVERNED)
    topics = sum(1 + len(used) for *_, used in source["topics"]) + len(source["products"])
    assert done == 2 * (2 * APPS) + 3 * APPS + apis + policies + topics + 2 * RUNNING, (
        "the entries are there by the run"
    )

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
    rest: Any = state(roma)
    assert not any(rest[part] for part in source), rest
