"""What is bound to published APIs (Finishing 2.8): throttling, access control, signature keys, plugins."""

from typing import Any

import pytest

from orchestrator.emulator.protocol.messages import Json, Reply
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import DuplicateCreate, Rebind, RepublishBindings, Told
from orchestrator.emulator.world.gateway import RELEASE, PolicyKind
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from tests.emulator.api.test_changes import code, send
from tests.emulator.api.test_publishing import act, listed
from tests.emulator.in_memory_client import SHORT, InMemoryClient

#: how the body of each kind's creation looks, without its name
BODIES: dict[PolicyKind, tuple[str, Json]] = {
    PolicyKind.THROTTLE: ("name", {"api_call_limits": 10, "time_interval": 1, "time_unit": "SECOND"}),
    PolicyKind.ACL: ("acl_name", {"acl_type": "DENY", "acl_value": "10.0.0.1", "entity_type": "IP"}),
    PolicyKind.SIGN: ("name", {"sign_type": "hmac", "sign_key": "signkey_1", "sign_secret": "s" * 16}),
    PolicyKind.PLUGIN: ("plugin_name", {"plugin_type": "cors", "plugin_scope": "global", "plugin_content": "{}"}),
}
BY_PUBLICATION = (PolicyKind.THROTTLE, PolicyKind.ACL, PolicyKind.SIGN)
BOUND_BY = {PolicyKind.THROTTLE: "strategy_id", PolicyKind.ACL: "acl_id", PolicyKind.SIGN: "sign_id"}


def client(switches: Switches | None = None, *faults: Rule, policies_every: int = 0) -> InMemoryClient:
    filling = Filling(calls={}, policies_every=policies_every)
    return InMemoryClient(generate(1, 0, filling=filling, switches=switches, durations=SHORT, faults=faults))


def create(far: InMemoryClient, kind: PolicyKind, name: str, **more: object) -> Reply:
    key, body = BODIES[kind]
    return send(far, "POST", f"/{kind}s", {key: name, **body, **more}, "apic")


def bind(far: InMemoryClient, kind: PolicyKind, policy_id: object) -> Reply:
    publish_id = listed(far, "/apis", "apis")[1]["publish_id"]
    return send(far, "POST", f"/{kind}-bindings", {BOUND_BY[kind]: policy_id, "publish_ids": [publish_id]}, "apic")


def bound(far: InMemoryClient, kind: PolicyKind) -> list[Any]:
    """What a list tells of the bindings of the last API."""
    api_id = far.world.instance("dev").apis[1].id
    key = "bindings" if kind is PolicyKind.SIGN else f"{kind}s"
    return listed(far, f"/{kind}-bindings/binded-{kind}s", key, api_id=api_id, env_id=RELEASE)


def names(far: InMemoryClient, kind: PolicyKind) -> list[str]:
    return [each[BODIES[kind][0]] for each in listed(far, f"/{kind}s", f"{kind}s")]


@pytest.mark.parametrize("kind", PolicyKind)
def test_a_name_that_exists_is_refused_made_twice_or_given_back_as_it_is(kind: PolicyKind) -> None:
    for reading in DuplicateCreate:
        far = client(Switches(duplicate_create=reading))
        first, second = create(far, kind, "one"), create(far, kind, "one")
        assert first.status == 201
        if kind is PolicyKind.PLUGIN:
            assert code(second) == (400, "APIG.3326")
        elif reading is DuplicateCreate.REFUSE:
            assert code(second) == (400, "APIG.2000")
        elif reading is DuplicateCreate.SAME:
            assert (second.status, second.json["id"]) == (200, first.json["id"])
        else:
            assert names(far, kind) == ["one", "one"]


@pytest.mark.parametrize("kind", PolicyKind)
def test_a_body_without_what_is_mandatory_is_refused(kind: PolicyKind) -> None:
    far = client()
    assert code(
        send(far, "POST", f"/{kind}s", {BODIES[kind][0]: "one"} if kind is not PolicyKind.SIGN else {}, "apic")
    ) == (
        400,
        "APIG.2000",
    )
    assert code(create(far, kind, "1 bad name")) == (400, "APIG.2000")
    assert names(far, kind) == []


@pytest.mark.parametrize("kind", BY_PUBLICATION)
def test_a_second_binding_replaces_the_first_or_is_refused(kind: PolicyKind) -> None:
    for reading in Rebind:
        far = client(Switches(rebind=reading))
        first, second = (create(far, kind, name).json["id"] for name in ("one", "two"))
        assert bind(far, kind, first).status == 201
        refused = bind(far, kind, second).status == 400
        there = bound(far, kind)
        assert (refused, len(there)) == (reading is Rebind.REFUSE, 1)
        assert ("one" if refused else "two") in there[0].values()
        in_use = far.ask("DELETE", far.path(f"/{kind}s/{first if refused else second}", kind="apic"))
        assert code(in_use) == (400, "APIG.2000")


@pytest.mark.parametrize("kind", BY_PUBLICATION)
def test_a_binding_hangs_on_a_publication_and_may_end_as_it_is_renewed(kind: PolicyKind) -> None:
    for reading in RepublishBindings:
        far = client(Switches(republish_bindings=reading))
        assert bind(far, kind, create(far, kind, "one").json["id"]).status == 201
        api_id = far.world.instance("dev").apis[1].id
        act(far, api_id)
        assert len(bound(far, kind)) == (reading is RepublishBindings.KEEP)
        act(far, api_id, action="offline")
        assert bound(far, kind) == []
        unknown: Json = {BOUND_BY[kind]: "none", "publish_ids": ["none"]}
        assert send(far, "POST", f"/{kind}-bindings", unknown, "apic").status == 404


def test_an_api_has_one_access_control_policy_of_each_type() -> None:
    far = client()
    for name, entity in (("one", "IP"), ("two", "DOMAIN"), ("three", "IP")):
        bind(far, PolicyKind.ACL, create(far, PolicyKind.ACL, name, entity_type=entity).json["id"])
    assert [each["acl_name"] for each in bound(far, PolicyKind.ACL)] == ["two", "three"]


@pytest.mark.parametrize(("told", "read"), [(Told.CLEAR, "s" * 16), (Told.MASKED, "sss****sss")])
def test_a_list_tells_the_secret_of_a_signature_key_as_the_switch_says(told: Told, read: str) -> None:
    far = client(Switches(list_secrets=told))
    made = create(far, PolicyKind.SIGN, "one")
    bind(far, PolicyKind.SIGN, made.json["id"])
    assert made.json["sign_secret"] == "s" * 16
    assert [each["sign_secret"] for each in listed(far, "/signs", "signs")] == [read]
    assert [each["sign_secret"] for each in bound(far, PolicyKind.SIGN)] == [read]


def test_the_secret_of_a_signature_key_may_be_refused() -> None:
    far = client(Switches(list_secrets=Told.REFUSED))
    create(far, PolicyKind.SIGN, "one")
    assert code(far.get("/signs", "apic")) == (403, "APIG.1005")


@pytest.mark.parametrize("kind", BY_PUBLICATION)
def test_somebody_else_may_take_the_name_or_the_place_first(kind: PolicyKind) -> None:
    far = client(None, Rule(Kind.MEDDLED, frozenset({Operation(f"{kind}-create")})))
    assert code(create(far, kind, "one")) == (400, "APIG.2000")
    assert names(far, kind) == ["one"]
    far = client(Switches(rebind=Rebind.REFUSE), Rule(Kind.MEDDLED, frozenset({Operation(f"{kind}-bind")})))
    assert bind(far, kind, create(far, kind, "one").json["id"]).status == 400
    assert f"somebody_else_{kind}" in bound(far, kind)[0].values()


def test_a_filled_instance_has_a_policy_of_each_kind_bound_to_a_published_api() -> None:
    far = client(policies_every=1)
    assert [len(bound(far, kind)) for kind in BY_PUBLICATION] == [1, 1, 1]
    api_id = far.world.instance("dev").apis[1].id
    assert len(listed(far, f"/apis/{api_id}/attached-plugins", "plugins")) == 1


def test_policies_do_not_travel() -> None:
    far = client(policies_every=1)
    far.import_(far.package(("orders-web",)))
    far.now += 30
    assert far.service.holding("prod").policies.all() == ()
    assert len(far.service.holding("prod").apis.all()) == 2
