"""The members of applications (Finishing 2.3): a change replaces the whole list."""

from dataclasses import replace

import pytest

from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.packages import read_package
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import UnknownMember
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import Visibility
from tests.emulator.api.test_changes import calls, code, send
from tests.emulator.in_memory_client import SHORT, Ask, InMemoryClient

ANN = replace(DEV_USER, name="ann", ak="ak-ann")
EVE = replace(DEV_USER, name="eve", ak="ak-eve", domain="elsewhere")


def client(switches: Switches | None = None, *faults: Rule) -> InMemoryClient:
    people = (DEV_USER, PROD_USER, ANN, EVE)
    return InMemoryClient(generate(2, 1, switches=switches, users=people, durations=SHORT, faults=faults))


def rest(far: InMemoryClient, last: str = "users") -> str:
    return f"/apps/{far.world.instance('dev').apps[0].id}/{last}"


def ids(far: InMemoryClient, last: str = "candidates", query: tuple[tuple[str, str], ...] = ()) -> dict[str, str]:
    """Name -> id of candidates or members."""
    users = far.get(rest(far, last), ask=Ask(query=query)).json["users"]
    assert isinstance(users, list)
    return {each["name"]: each["id"] for each in users}


def member(user_id: str, *roles: str) -> Json:
    return {"id": user_id, "roles": list(roles)}


def test_a_list_of_members_replaces_the_whole_list_and_an_empty_one_clears_it() -> None:
    far = client()
    known = ids(far)
    assert set(known) == {PROD_USER.name, "ann"}
    first = send(far, "PUT", rest(far), {"users": [member(known["ann"], "read", "access")]}).json
    assert first["users"] == [{"id": known["ann"], "name": "ann", "roles": ["read", "access"]}]
    assert set(ids(far, query=(("filter", "members"),))) == {PROD_USER.name}
    send(far, "PUT", rest(far), {"users": [member(known[PROD_USER.name], "admin", "read")]})
    told = far.get(rest(far)).json
    assert (told["total"], ids(far, "users")) == (1, {PROD_USER.name: known[PROD_USER.name]})
    assert ids(far, "users", (("user_name", "ann"),)) == {}
    send(far, "PUT", rest(far), {"users": []})
    assert ids(far, "users") == {}
    assert calls(far) == [("members-change", "accepted")] * 3


def test_a_member_sees_the_application_with_its_roles() -> None:
    far = client(Switches(visibility=Visibility.OWNER))
    asked = Ask(user="ann")
    assert far.get("/apps", ask=asked).json["total"] == 0
    send(far, "PUT", rest(far), {"users": [member(ids(far)["ann"], "read", "modify")]})
    apps = far.get("/apps", ask=asked).json["apps"]
    assert isinstance(apps, list)
    assert [each["roles"] for each in apps] == [["read", "modify"]]
    assert code(far.get(rest(far), ask=asked)) == (403, "ROMA.12001")


def test_an_unknown_user_and_one_of_another_account_are_refused_or_ignored() -> None:
    for switch, status, names in ((UnknownMember.REFUSE, 400, set()), (UnknownMember.IGNORE, 200, {"ann"})):
        far = client(Switches(unknown_member=switch))
        users = [member(ids(far)["ann"], "read"), member("nobody", "read")]
        assert send(far, "PUT", rest(far), {"users": users}).status == status
        assert set(ids(far, "users")) == names


@pytest.mark.parametrize("wrong", [{}, {"users": {}}, {"users": ["ann"]}, {"users": [{"id": "x"}]}])
def test_a_wrong_list_changes_nothing(wrong: Json) -> None:
    far = client()
    ann = member(ids(far)["ann"], "read")
    send(far, "PUT", rest(far), {"users": [ann]})
    bodies: tuple[Json, ...] = (wrong, {"users": [ann, ann]}, {"users": [{**ann, "roles": ["owner"]}]})
    for body in bodies:
        assert code(send(far, "PUT", rest(far), body)) == (400, "ROMA.13000")
    assert set(ids(far, "users")) == {"ann"}


def test_a_list_erases_whom_somebody_else_just_added() -> None:
    far = client(None, Rule(Kind.MEDDLED))
    ann = member(ids(far)["ann"], "read")
    assert code(send(far, "PUT", rest(far), {})) == (400, "ROMA.13000")
    assert set(ids(far, "users")) == {PROD_USER.name}
    send(far, "PUT", rest(far), {"users": [ann]})
    assert set(ids(far, "users")) == {"ann"}


def test_members_do_not_travel() -> None:
    far = client()
    send(far, "PUT", rest(far), {"users": [member(ids(far)["ann"], "read")]})
    name = far.world.instance("dev").apps[0].name
    package = far.package((name,))
    assert [each.members for each in read_package(package).apps] == [()]
    far.wait(str(far.import_(package, user="prod-migrator").json["job_id"]))
    assert [each.members for each in far.service.holding("prod").apps.all()] == [()]
