"""`finish --step policies`: what hangs on moved APIs is as at the source, and what is bound at the target stays."""

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import Rebind, Told
from orchestrator.emulator.world.gateway import RELEASE, Authorisation, Binding, Policy, PolicyKind
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import World
from tests.cli.commands.test_finish import asks_for, document
from tests.cli.commands.test_finish_apis import api, asked, held, left
from tests.cli.conftest import QUICK, Invoke, Local

#: orders-web has a policy of each kind, bound to its second API, and calls billing-web
FILLING = Filling(
    calls={"orders-web": ("billing-web",)}, unreleased_every=0, policies_every=2, running_every=0, belongings_every=0
)
SWITCHES = Switches(list_secrets=Told.CLEAR, import_keeps_authorisations=False, calls_within_package=True)
BY_PUBLICATION = (PolicyKind.THROTTLE, PolicyKind.ACL, PolicyKind.SIGN)
WRITES = [
    *(Operation(f"{kind}-create") for kind in PolicyKind),
    *(Operation(f"{kind}-bind") for kind in BY_PUBLICATION),
    Operation.PLUGIN_ATTACH,
    Operation.AUTHORISE,
]


@pytest.fixture
def switches() -> Switches:
    return SWITCHES


@pytest.fixture
def world(switches: Switches) -> World:
    return generate(2, 0, filling=FILLING, switches=switches, durations=QUICK)


@pytest.fixture
def moved(quick: Local, invoke: Invoke) -> Local:
    asks_for(quick, 'policies: copy}, calls: {orders-web: ["billing-web"]', settle_wait="2s")
    done = invoke("run", str(quick.plan))
    assert done.exit_code == 0, done.output
    return quick


def policies(local: Local, instance: str = "prod") -> dict[PolicyKind, Policy]:
    return {each.kind: each for each in held(local, instance).policies.all()}


def bound(local: Local) -> set[tuple[str, str, str]]:
    """(policy, API, environment) at prod."""
    names = {each.id: each.name for each in held(local).policies.all()}
    apis = {each.id: each.name for each in held(local).apis.all()}
    return {(names[each.policy_id], apis[each.api_id], each.env_id) for each in held(local).bindings.all()}


def writes(local: Local) -> list[str]:
    return asked(local, *WRITES)


BOUND = {(f"orders_web_{kind}", "orders-web-api-2", RELEASE) for kind in PolicyKind}


def test_policies_bindings_and_authorisations_are_as_at_the_source(moved: Local, invoke: Invoke) -> None:
    told = document(invoke, "--step", "policies")
    assert told["counts"] == {"done": 10}, told
    assert bound(moved) == BOUND
    for kind in PolicyKind:
        here, there = (dict(policies(moved, instance)[kind].fields) for instance in ("dev", "prod"))
        assert {key: there[key] for key in here} == here
    callers = {each.api_id for each in held(moved).authorisations.all()}
    assert callers == {api(moved, f"billing-web-api-{number}").id for number in (1, 2)}


def test_a_second_finish_finds_nothing_to_do(moved: Local, invoke: Invoke) -> None:
    document(invoke, "--step", "policies")
    before = len(writes(moved))
    assert document(invoke, "--step", "policies")["counts"] == {}
    assert len(writes(moved)) == before


def test_no_secret_of_a_signature_key_is_told_or_kept(moved: Local, invoke: Invoke) -> None:
    secret = str(dict(policies(moved, "dev")[PolicyKind.SIGN].fields)["sign_secret"])
    shown = invoke("finish", "--step", "policies", "--dry-run")
    done = invoke("finish", "--step", "policies")
    assert done.exit_code == 0, done.output
    assert "secret as at the source" in " ".join(shown.stdout.split())
    assert secret not in shown.output + done.output
    home = moved.plan.parent / ".roma-migrate"
    assert not any(secret.encode() in each.read_bytes() for each in home.rglob("*") if each.is_file())
    assert dict(policies(moved)[PolicyKind.SIGN].fields)["sign_secret"] == secret


@pytest.mark.parametrize("switches", [replace(SWITCHES, list_secrets=Told.MASKED)])
def test_a_signature_key_whose_secret_is_masked_is_left_and_the_rest_is_done(moved: Local, invoke: Invoke) -> None:
    told = document(invoke, "--step", "policies", code=1)
    assert told["counts"] == {"done": 8}
    name = "signature key orders_web_sign for POST /orders-web/v2 in orders-web-group in RELEASE"
    assert "its list masks the secret" in left(told)[name]
    assert bound(moved) == {each for each in BOUND if "sign" not in each[0]}
    assert "****" not in str(policies(moved).get(PolicyKind.SIGN))


@pytest.mark.parametrize("kind", PolicyKind)
def test_a_policy_that_somebody_bound_before_is_left_as_it_is(kind: PolicyKind, moved: Local, invoke: Invoke) -> None:
    sort = {PolicyKind.ACL: (("entity_type", "IP"),), PolicyKind.PLUGIN: (("plugin_type", "cors"),)}.get(kind, ())
    held(moved).policies.put(Policy("theirs", kind, "theirs", sort))
    held(moved).bindings.put(Binding("b", "theirs", api(moved, "orders-web-api-2").id, RELEASE))
    told = document(invoke, "--step", "policies", code=1)
    assert "theirs is bound to it at prod: it is left as it is" in left(told).values()
    assert ("theirs", "orders-web-api-2", RELEASE) in bound(moved)
    assert len(bound(moved)) == len(PolicyKind)


@pytest.mark.parametrize("switches", [replace(SWITCHES, rebind=Rebind.REFUSE)])
@pytest.mark.parametrize("kind", BY_PUBLICATION)
def test_what_somebody_binds_just_before_is_left_alone(kind: PolicyKind, moved: Local, invoke: Invoke) -> None:
    moved.api.strikes.add(Rule(Kind.MEDDLED, frozenset({Operation(f"{kind}-bind")})))
    told = document(invoke, "--step", "policies", code=1)
    assert told["counts"] == {"done": 9, "different": 1}
    assert (f"somebody_else_{kind}", "orders-web-api-2", RELEASE) in bound(moved)


@pytest.mark.parametrize("kind", PolicyKind)
def test_a_name_that_somebody_takes_just_before_is_left_alone(kind: PolicyKind, moved: Local, invoke: Invoke) -> None:
    moved.api.strikes.add(Rule(Kind.MEDDLED, frozenset({Operation(f"{kind}-create")})))
    told = document(invoke, "--step", "policies", code=1)
    assert told["counts"] == {"done": 8, "different": 2}
    assert f"orders_web_{kind}" not in {name for name, _, _ in bound(moved)}


def test_whom_somebody_authorises_just_before_is_left_alone(moved: Local, invoke: Invoke) -> None:
    moved.api.strikes.add(Rule(Kind.MEDDLED, frozenset({Operation.AUTHORISE})))
    told = document(invoke, "--step", "policies", code=1)
    assert told["counts"] == {"done": 9, "different": 1}
    assert ("192.0.2.7",) in {each.whitelist for each in held(moved).authorisations.all()}


def test_another_policy_of_that_name_is_not_used(moved: Local, invoke: Invoke) -> None:
    other = Policy("theirs", PolicyKind.THROTTLE, "orders_web_throttle", (("api_call_limits", 7),))
    held(moved).policies.put(other)
    told = document(invoke, "--step", "policies", code=1)
    assert "another of this name is at prod: it is left as it is" in left(told).values()
    assert told["counts"] == {"done": 8}


def test_what_names_accounts_is_left_to_a_person(moved: Local, invoke: Invoke) -> None:
    dev = held(moved, "dev")
    acl = policies(moved, "dev")[PolicyKind.ACL]
    dev.policies.put(replace(acl, fields=(("acl_type", "PERMIT"), ("acl_value", "acme"), ("entity_type", "DOMAIN"))))
    told = document(invoke, "--step", "policies", code=1)
    assert "it names accounts, not addresses: create it by hand" in left(told).values()


def plugin_at_the_source(local: Local, **fields: str) -> None:
    one = policies(local, "dev")[PolicyKind.PLUGIN]
    held(local, "dev").policies.put(replace(one, fields=tuple({**dict(one.fields), **fields}.items())))


def test_what_a_plugin_holds_is_copied_and_neither_told_nor_kept(moved: Local, invoke: Invoke) -> None:
    content = '{"broker_list": ["10.0.0.1:9092"], "sasl_password": "kafka-SESAME"}'
    plugin_at_the_source(moved, plugin_content=content, plugin_type="kafka_log")
    shown = invoke("finish", "--step", "policies", "--dry-run")
    assert "plugin_type kafka_log, plugin_scope global, content as at the source" in " ".join(shown.stdout.split())
    done = invoke("finish", "--step", "policies")
    assert done.exit_code == 0, done.output
    assert dict(policies(moved)[PolicyKind.PLUGIN].fields)["plugin_content"] == content
    home = moved.plan.parent / ".roma-migrate"
    assert not any(b"SESAME" in each.read_bytes() for each in home.rglob("*") if each.is_file())
    assert "SESAME" not in shown.output + done.output


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"specials": [{"type": "app", "policies": []}]}', "it has settings of single applications or users at dev"),
        ('{"callers": ["APP"]}', "its content names the application orders-web by id or key"),
        ('{"password": "p****d"}', "its list masks the content"),
    ],
)
def test_a_plugin_that_would_mean_something_else_is_left_to_a_person(
    content: str, why: str, moved: Local, invoke: Invoke
) -> None:
    (app,) = (each for each in held(moved, "dev").apps.all() if each.name == "orders-web")
    plugin_at_the_source(moved, plugin_content=content.replace("APP", app.id))
    told = document(invoke, "--step", "policies", code=1)
    assert any(why in each for each in left(told).values()), left(told)
    assert told["counts"] == {"done": 8}
    assert PolicyKind.PLUGIN not in policies(moved)


def test_a_plugin_of_one_application_is_given_to_that_application_at_the_target(moved: Local, invoke: Invoke) -> None:
    (here,) = (each for each in held(moved, "dev").apps.all() if each.name == "orders-web")
    plugin_at_the_source(moved, plugin_scope="app", roma_app_id=here.id)
    document(invoke, "--step", "policies")
    (there,) = (each for each in held(moved).apps.all() if each.name == "orders-web")
    assert dict(policies(moved)[PolicyKind.PLUGIN].fields)["roma_app_id"] == there.id


def test_another_plugin_of_that_name_is_not_attached(moved: Local, invoke: Invoke) -> None:
    fields = (("plugin_type", "cors"), ("plugin_scope", "global"), ("plugin_content", '{"theirs": 1}'))
    held(moved).policies.put(Policy("theirs", PolicyKind.PLUGIN, "orders_web_plugin", fields))
    told = document(invoke, "--step", "policies", code=1)
    assert "its content at prod is another" in left(told).values()
    assert "orders_web_plugin" not in {name for name, _, _ in bound(moved)}


def test_a_caller_that_has_not_moved_is_named(moved: Local, invoke: Invoke) -> None:
    dev = held(moved, "dev")
    stranger = replace(dev.apps.all()[0], id="stranger", name="stranger", key="k", calls=())
    dev.apps.put(stranger)
    dev.authorisations.put(Authorisation("x", "stranger", api(moved, "orders-web-api-1", "dev").id))
    told = document(invoke, "--step", "policies", code=1)
    assert "stranger has not moved to prod" in left(told).values()


def test_addresses_that_pass_are_shown_and_copied(moved: Local, invoke: Invoke) -> None:
    dev = held(moved, "dev")
    one = dev.authorisations.all()[0]
    dev.authorisations.put(replace(one, tunnel="GREEN", whitelist=("10.0.0.9", "10.0.0.1")))
    text = " ".join(invoke("finish", "--step", "policies", "--dry-run").stdout.split())
    assert "not there -> there, way GREEN, pass without authentication 10.0.0.1, 10.0.0.9, shut out none" in text
    document(invoke, "--step", "policies")
    assert ("GREEN", ("10.0.0.1", "10.0.0.9")) in {
        (each.tunnel, each.whitelist) for each in held(moved).authorisations.all()
    }


def test_policies_of_what_the_same_finish_publishes_are_bound_behind_that(quick: Local, invoke: Invoke) -> None:
    steps = "apis: {publish: as-at-source}, policies: copy"
    asks_for(quick, f'{steps}}}, calls: {{orders-web: ["billing-web"]', settle_wait="2s")
    assert invoke("run", str(quick.plan)).exit_code == 0
    for each in held(quick).apis.all():
        held(quick).apis.put(replace(each, publications=()))
    assert document(invoke)["counts"] == {"done": 14}
    assert bound(quick) == BOUND


def undo(invoke: Invoke, step: str) -> Any:
    done = invoke("undo", "--step", step, "--yes")
    assert done.exit_code == 0, done.output
    return done


def test_undo_takes_back_what_it_did_and_nothing_else(moved: Local, invoke: Invoke) -> None:
    theirs = Policy("theirs", PolicyKind.THROTTLE, "theirs", (("api_call_limits", 7),))
    held(moved).policies.put(theirs)
    held(moved).bindings.put(Binding("b", "theirs", api(moved, "orders-web-api-1").id, RELEASE))
    document(invoke, "--step", "policies")
    undo(invoke, "policies")
    assert held(moved).policies.all() == (theirs,)
    assert bound(moved) == {("theirs", "orders-web-api-1", RELEASE)}
    assert held(moved).authorisations.all() == ()


def test_undo_leaves_online_what_somebody_has_bound_a_policy_to(quick: Local, invoke: Invoke) -> None:
    asks_for(quick, "apis: {publish: as-at-source}", settle_wait="2s")
    assert invoke("run", str(quick.plan)).exit_code == 0
    for each in held(quick).apis.all():
        held(quick).apis.put(replace(each, publications=()))
    document(invoke)
    held(quick).policies.put(Policy("theirs", PolicyKind.THROTTLE, "theirs", (("api_call_limits", 7),)))
    held(quick).bindings.put(Binding("b", "theirs", api(quick, "orders-web-api-1").id, RELEASE))
    done = invoke("undo", "--step", "apis", "--yes")
    assert done.exit_code == 1
    assert "the throttling policy theirs is bound to it" in " ".join(done.output.split())
    assert bound(quick) == {("theirs", "orders-web-api-1", RELEASE)}
    assert [each.name for each in held(quick).apis.all() if each.released] == ["orders-web-api-1"]


#: what only a person does, and what `policies: copy` does
BY_HAND = "domains, variables, load balancing, other environments, quota policies, AppCodes"
COPIED = ("throttling", "access control", "signature keys", "black and white lists")


def needed(invoke: Invoke) -> str:
    """What the handover list says of the settings of the APIs of orders-web."""
    items = json.loads(invoke("handover", "--json").stdout)["items"]
    (told,) = (each for each in items if (each["action"], each["asset"]) == ("api-settings", "orders-web"))
    return str(told["what"]).partition(": ")[2]


def test_the_handover_list_lists_no_more_what_was_proved_until_it_is_taken_back(moved: Local, invoke: Invoke) -> None:
    assert all(word in needed(invoke) for word in COPIED)
    document(invoke, "--step", "policies")
    assert needed(invoke) == BY_HAND
    undo(invoke, "policies")
    # Nobody calls orders-web at the source: there were no lists to copy.
    assert [word for word in COPIED if word not in needed(invoke)] == ["black and white lists"]


def test_what_was_left_to_a_person_stays_on_the_handover_list(moved: Local, invoke: Invoke) -> None:
    held(moved).policies.put(Policy("theirs", PolicyKind.THROTTLE, "theirs"))
    held(moved).bindings.put(Binding("b", "theirs", api(moved, "orders-web-api-2").id, RELEASE))
    document(invoke, "--step", "policies", code=1)
    assert needed(invoke) == BY_HAND.replace("quota", "throttling, quota")
