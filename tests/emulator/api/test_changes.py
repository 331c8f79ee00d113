"""What changes something at once, without a job (Finishing 1): dictionaries. The ledger knows each change."""

import json
from dataclasses import replace

import pytest

from orchestrator.emulator.protocol.messages import Dropped, Json, Reply
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import CreateStatus, DuplicateCreate, WithoutLink
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import Quotas
from tests.emulator.in_memory_client import SHORT, Ask, InMemoryClient


def client(switches: Switches | None = None, *faults: Rule) -> InMemoryClient:
    return InMemoryClient(replace(generate(4, 6, switches=switches, durations=SHORT), faults=faults))


def send(far: InMemoryClient, method: str, rest: str, body: Json | None = None, kind: str = "") -> Reply:
    """One request with a JSON body at `dev`."""
    sent = b"" if body is None else json.dumps(body).encode()
    return far.ask(method, far.path(rest, kind=kind), Ask(body=sent))


def code(reply: Reply) -> tuple[int, str]:
    return reply.status, str(reply.json.get("error_code", ""))


def calls(far: InMemoryClient) -> list[tuple[str, str]]:
    """Operation and outcome of each call that asked for a change."""
    return [(each.operation, each.outcome) for each in far.service.ledger.calls]


# -- the data dictionary


def entry(far: InMemoryClient, name: str, parent: str = "") -> Reply:
    return send(far, "POST", "/dictionaries", {"name": name, "code": name.upper(), "parent_code": parent})


def codes(far: InMemoryClient, parent: str = "") -> list[object]:
    listed = far.get("/dictionaries", ask=Ask(query=(("parent_code", parent),) if parent else ())).json["dictionaries"]
    assert isinstance(listed, list)
    return [each["code"] for each in listed]


def test_an_entry_is_created_below_its_parent_changed_and_deleted_with_its_children() -> None:
    far = client()
    top, child = entry(far, "Region"), entry(far, "North", "REGION")
    assert (top.status, child.status) == (201, 201)
    assert (codes(far), codes(far, "REGION")) == (["COUNTRY", "CURRENCY", "REGION"], ["NORTH"])
    rest = f"/dictionaries/{child.json['id']}"
    changed = send(far, "PUT", rest, {"name": "Far north", "remark": "cold", "code": "SOUTH", "parent_code": ""}).json
    assert changed == far.get(rest).json
    assert [changed[key] for key in ("name", "remark", "code", "parent_code")] == [
        "Far north", "cold", "NORTH", "REGION",
    ]  # fmt: skip
    gone = send(far, "DELETE", f"/dictionaries/{top.json['id']}")
    assert (gone.status, bytes(gone.body)) == (204, b"")
    assert (codes(far), codes(far, "REGION"), far.get(rest).status) == (["COUNTRY", "CURRENCY"], [], 404)
    assert calls(far) == [
        ("dictionary-create", "accepted"), ("dictionary-create", "accepted"),
        ("dictionary-change", "accepted"), ("dictionary-delete", "accepted"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"name": "Region"}, "ROMA.13000"),
        ({"code": "REGION"}, "ROMA.13000"),
        ({"name": "R", "code": "REGION"}, "ROMA.13000"),
        ({"name": "Region!", "code": "REGION"}, "ROMA.13000"),
        ({"name": "Region", "code": "R" * 65}, "ROMA.13000"),
        ({"name": "Region", "code": "REGION", "order": 101}, "ROMA.13000"),
        ({"name": "Region", "code": "REGION", "remark": "r" * 201}, "ROMA.13000"),
        ({"name": "Region", "code": "REGION", "parent_code": "NOWHERE"}, "ROMA.19004"),
        ({"name": "Country", "code": "REGION"}, "ROMA.19003"),
        ({"name": "Region", "code": "COUNTRY"}, "ROMA.19003"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_refused_and_changes_nothing(body: Json, refusal: str) -> None:
    far = client()
    assert code(send(far, "POST", "/dictionaries", body)) == (400, refusal)
    assert codes(far) == ["COUNTRY", "CURRENCY"]
    assert calls(far) == [("dictionary-create", refusal)]


def test_a_body_that_is_no_object_is_refused() -> None:
    far = client()
    for body in (b"{", b"[]", b"[" * 100_000):
        assert code(far.ask("POST", far.path("/dictionaries"), Ask(body=body))) == (400, "ROMA.13000")


@pytest.mark.parametrize(
    ("switch", "status", "after"),
    [
        (DuplicateCreate.REFUSE, 400, ["COUNTRY", "CURRENCY"]),
        (DuplicateCreate.SAME, 200, ["COUNTRY", "CURRENCY"]),
        (DuplicateCreate.SECOND, 201, ["COUNTRY", "CURRENCY", "COUNTRY"]),
    ],
)
def test_what_a_duplicate_does_is_a_switch(switch: DuplicateCreate, status: int, after: list[str]) -> None:
    far = client(Switches(duplicate_create=switch))
    assert entry(far, "Country").status == status
    assert codes(far) == after


def test_a_name_that_another_entry_has_is_refused_in_a_change_and_its_own_is_not() -> None:
    far = client()
    rest = f"/dictionaries/{entry(far, 'Region').json['id']}"
    assert code(send(far, "PUT", rest, {"name": "Country"})) == (400, "ROMA.19003")
    assert send(far, "PUT", rest, {"name": "Region", "remark": "new"}).json["remark"] == "new"


def test_a_name_or_a_code_is_told_to_be_taken_or_free() -> None:
    far = client()
    for key, value, status in (("code", "COUNTRY", 200), ("name", "Country", 200), ("code", "Country", 404)):
        assert far.get("/validate-dictionaries", ask=Ask(query=((key, value),))).status == status


def test_a_full_dictionary_takes_no_more_and_a_system_entry_stays() -> None:
    world = generate(1, 0)
    dev, prod = world.instances
    dev = replace(dev, dictionaries={"DEVICE_TYPE": "Device type"}, quotas=Quotas(dictionaries=2))
    far = InMemoryClient(replace(world, instances=(dev, prod)))
    assert [entry(far, name).status for name in ("Region", "Colour")] == [201, 400]
    listed = far.get("/dictionaries").json["dictionaries"]
    assert isinstance(listed, list)
    assert [each["type"] for each in listed] == ["system", "user"]
    assert code(send(far, "DELETE", f"/dictionaries/{listed[0]['id']}")) == (400, "ROMA.19010")
    assert codes(far) == ["DEVICE_TYPE", "REGION"]


def test_an_instance_without_device_integration_has_no_dictionary() -> None:
    for switch, status in ((WithoutLink.EMPTY, 200), (WithoutLink.ERROR, 404)):
        world = generate(1, 0, switches=Switches(dictionary_without_link=switch))
        far = InMemoryClient(replace(world, instances=tuple(replace(each, link=False) for each in world.instances)))
        listed = far.get("/dictionaries")
        assert (listed.status, listed.json.get("total", 0)) == (status, 0)
        assert entry(far, "Region").status == 404


def test_creations_may_answer_200() -> None:
    assert entry(client(Switches(create_status=CreateStatus.OK)), "Region").status == 200


# -- faults


@pytest.mark.parametrize(
    ("kind", "after"), [(Kind.GATEWAY_TIMEOUT_AFTER, ["REGION"]), (Kind.GATEWAY_TIMEOUT_BEFORE, [])]
)
def test_a_504_comes_before_or_after_the_effect(kind: Kind, after: list[str]) -> None:
    far = client(None, Rule(kind, frozenset({Operation.DICTIONARY_CREATE})))
    assert entry(far, "Region").status == 504
    assert codes(far) == ["COUNTRY", "CURRENCY", *after]
    assert len(calls(far)) == len(after)


def test_an_effect_may_show_late_and_a_change_may_be_executed_late() -> None:
    far = client(None, Rule(Kind.READ_AFTER_WRITE_LAG, seconds=5), Rule(Kind.LATE_EXECUTION, nth=2, seconds=30))
    assert (entry(far, "Region").status, codes(far)) == (201, ["COUNTRY", "CURRENCY"])
    far.now += 5
    assert codes(far) == ["COUNTRY", "CURRENCY", "REGION"]
    assert isinstance(entry(far, "Colour").how, Dropped)
    assert codes(far) == ["COUNTRY", "CURRENCY", "REGION"]
    far.now += 30
    assert codes(far) == ["COUNTRY", "CURRENCY", "REGION", "COLOUR"]
    assert [each.late for each in far.service.ledger.calls] == [False, True]


def test_somebody_else_changes_an_entry_just_before_a_request_which_wins() -> None:
    far = client(None, Rule(Kind.MEDDLED))
    rest = f"/dictionaries/{entry(far, 'Region').json['id']}"
    assert code(send(far, "PUT", rest, {"name": "!"})) == (400, "ROMA.13000")
    assert far.get(rest).json["remark"] == "changed by somebody else"
    assert send(far, "PUT", rest, {"name": "Region", "remark": "ours"}).json["remark"] == "ours"
    assert calls(far)[1:3] == [("dictionary-change", "meddled"), ("dictionary-change", "ROMA.13000")]
