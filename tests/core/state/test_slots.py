"""The slot's key: exactly the parts that the plan's rule counts, and the host always."""

import itertools

import pytest

from orchestrator.core.plan.plan import Scope
from orchestrator.core.state.slots import AGENCY, KEY, OIDC, JobKind, SlotRule, host_of, iam_name
from tests.builders.plans import instance

USERS = {"one": "acme/ann", "same": "acme/ann", "other": "acme/bob"}


@pytest.mark.parametrize("scope", Scope)
def test_two_jobs_share_a_slot_when_all_that_counts_is_equal(scope: Scope) -> None:
    rule = SlotRule(scope, USERS)
    words = {"user"} if scope is Scope.AUTO else set(scope.value.split("+"))
    places = [instance("dev", host="hub"), instance("prod", host="hub"), instance("dev", host="far")]
    for one, other in itertools.product(itertools.product(places, USERS, JobKind), repeat=2):
        (place, who, kind), (place2, who2, kind2) = one, other
        differs = place.endpoint != place2.endpoint
        differs |= "user" in words and USERS[who] != USERS[who2]
        differs |= "instance" in words and place.instance_id != place2.instance_id
        differs |= "type" in words and kind is not kind2
        assert (rule.slot(place, who, kind) == rule.slot(place2, who2, kind2)) is not differs


def test_auto_begins_with_the_documented_reading() -> None:
    dev = instance("dev")
    keys = {SlotRule(scope, USERS).slot(dev, "one", JobKind.IMPORT) for scope in (Scope.AUTO, Scope.USER)}
    assert keys == {"dev.example acme/ann"}


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://roma.cn-north-4.myhuaweicloud.com", "roma.cn-north-4.myhuaweicloud.com"),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
    ],
)
def test_an_outage_strikes_a_host_with_its_port(endpoint: str, host: str) -> None:
    assert host_of(endpoint) == host


@pytest.mark.parametrize(
    ("user", "name"),
    [("acme/migrator", "migrator"), ("migrator", "migrator"), ("", ""), (f"{KEY}0123", ""), (f"{AGENCY}acme:ops", ""),
     (f"{OIDC}gitlab", "")],
)  # fmt: skip
def test_the_owner_of_assets_is_known_where_the_user_is(user: str, name: str) -> None:
    assert iam_name(user) == name
