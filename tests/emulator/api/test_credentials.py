"""Secrets and AppCodes of applications (Finishing 2.3, Finishing 2.9)."""

import pytest

from orchestrator.emulator.protocol.messages import Json, Reply
from orchestrator.emulator.world.finishing_readings import AppCodeUnique, Told
from orchestrator.emulator.world.options import Switches
from tests.emulator.api.test_changes import calls, client, code, send
from tests.emulator.in_memory_client import Ask, InMemoryClient

CHOSEN = "kept/at-the=source.1"
APP_CODE = "a" * 64


def app_id(far: InMemoryClient, number: int = 0) -> str:
    return far.world.instance("dev").apps[number].id


def secret(far: InMemoryClient) -> str:
    return str(far.get(f"/apps/{app_id(far)}/secret").json["secret"])


def create(far: InMemoryClient, text: str = APP_CODE, number: int = 0) -> Reply:
    return send(far, "POST", f"/apps/{app_id(far, number)}/app-codes", {"app_code": text}, "apic")


def listed(far: InMemoryClient, number: int = 0) -> list[Json]:
    told = far.get(f"/apps/{app_id(far, number)}/app-codes", "apic").json["app_codes"]
    assert isinstance(told, list)
    return told


def test_a_chosen_secret_is_set_and_without_one_each_call_makes_another() -> None:
    far = client()
    rest = f"/apps/{app_id(far)}/secret"
    before = secret(far)
    assert send(far, "PUT", rest, {"secret": CHOSEN}).json == {"id": app_id(far), "secret": CHOSEN}
    assert secret(far) == CHOSEN
    bodies: tuple[Json | None, ...] = (None, {}, {"secret": None})
    made = [str(send(far, "PUT", rest, body).json["secret"]) for body in bodies]
    assert len({before, CHOSEN, *made}) == 5
    assert secret(far) == made[-1]


@pytest.mark.parametrize("wrong", ["short", "s" * 129, "with a space", "", 8])
def test_a_secret_that_is_not_allowed_changes_nothing_and_stands_nowhere(wrong: object) -> None:
    far = client()
    before = secret(far)
    assert code(send(far, "PUT", f"/apps/{app_id(far)}/secret", {"secret": wrong})) == (400, "ROMA.13000")
    assert secret(far) == before
    send(far, "PUT", f"/apps/{app_id(far)}/secret", {"secret": CHOSEN})
    create(far)
    assert calls(far)[0] == ("secret-change", "ROMA.13000")
    assert CHOSEN not in repr(far.service.ledger) + repr(far.service.holding("dev").apps.all())
    assert APP_CODE not in repr(far.service.ledger) + repr(far.service.holding("dev").app_codes.all())


def test_a_secret_is_told_as_the_switch_says() -> None:
    masked, refused = client(Switches(secret_read=Told.MASKED)), client(Switches(secret_read=Told.REFUSED))
    assert "*" in secret(masked)
    assert code(refused.get(f"/apps/{app_id(refused)}/secret")) == (403, "ROMA.12001")
    assert send(refused, "PUT", f"/apps/{app_id(refused)}/secret", {"secret": CHOSEN}).status == 200


def test_who_does_not_own_an_application_neither_reads_nor_sets_its_credentials() -> None:
    far = client()
    other = Ask(user="prod-migrator")
    for kind, rest, refusal in (("", "secret", "ROMA.12001"), ("apic", "app-codes", "APIG.1005")):
        path = far.path(f"/apps/{app_id(far)}/{rest}", kind=kind)
        assert code(far.ask("GET", path, other)) == (403, refusal)
        assert code(far.ask("PUT", path, other)) == (403, refusal)
    assert listed(far) == []


def test_an_app_code_is_created_listed_behind_a_mask_and_deleted() -> None:
    far = client()
    made = create(far)
    assert (made.status, made.json["app_code"]) == (201, APP_CODE)
    assert [each["app_code"] for each in listed(far)] == ["aaa****aaa"]
    rest = f"/apps/{app_id(far)}/app-codes/{made.json['id']}"
    assert far.get(rest, "apic").json == listed(far)[0]
    assert far.get(rest.replace(app_id(far), app_id(far, 1)), "apic").status == 404
    assert send(far, "DELETE", rest, None, "apic").status == 204
    assert (listed(far), send(far, "DELETE", rest, None, "apic").status) == ([], 404)


def test_app_codes_may_be_told_in_clear_or_not_at_all() -> None:
    clear, refused = client(Switches(list_secrets=Told.CLEAR)), client(Switches(list_secrets=Told.REFUSED))
    assert (create(clear).status, create(refused).status) == (201, 201)
    assert [each["app_code"] for each in listed(clear)] == [APP_CODE]
    assert refused.get(f"/apps/{app_id(refused)}/app-codes", "apic").status == 403


def test_an_app_code_is_unique_in_the_instance_or_in_its_application() -> None:
    for unique, elsewhere in ((AppCodeUnique.INSTANCE, 400), (AppCodeUnique.APP, 201)):
        far = client(Switches(appcode_unique=unique))
        assert [create(far).status, create(far).status, create(far, number=1).status] == [201, 400, elsewhere]
        assert code(create(far)) == (400, "APIG.3311")


@pytest.mark.parametrize("wrong", ["a" * 63, "a" * 181, "-" + "a" * 64, "a" * 63 + " "])
def test_an_app_code_of_another_form_is_refused(wrong: str) -> None:
    far = client()
    assert code(create(far, wrong)) == (400, "APIG.2000")
    assert listed(far) == []


def test_each_call_for_a_random_app_code_makes_another() -> None:
    far = client(Switches(list_secrets=Told.CLEAR))
    for _ in range(2):
        assert send(far, "PUT", f"/apps/{app_id(far)}/app-codes", None, "apic").status == 201
    assert len({each["app_code"] for each in listed(far)}) == 2
