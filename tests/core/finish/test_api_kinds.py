"""What reads show of publications, and what of a file of definitions reaches another instance (Finishing 2.6, 2.7)."""

import json
from typing import Any

import pytest

from orchestrator.core.finish.api_file import defines, fitted
from orchestrator.core.finish.api_kinds import OFFLINE, PUBLISHED, REMARK, PublishApi, TakeOffline, facts_of
from orchestrator.core.finish.api_looks import publications_at
from orchestrator.core.finish.looks import Seen
from orchestrator.core.model.api_writes import ActOnApi
from orchestrator.core.model.change import Change, ChangeKind
from orchestrator.core.model.gateway import Place, Publication
from orchestrator.core.model.inventory import Api

PLACE = Place("app", "group", "GET", "/x")
OWN = tuple((f"its {word}", value) for word, value in (("name", "x"), ("backend", "HTTP"), ("remark", "")))
CHANGE = Change(
    "id", ChangeKind.PUBLISH_API.value, "prod", "object", "GET /x", "c", OFFLINE, PUBLISHED,
    facts=facts_of(PLACE, ("environment id", "env"), *OWN),
)  # fmt: skip
API = Api("1", "x", "app", "GET", "/x", "HTTP", group="group")
FILE: dict[str, Any] = {
    "swagger": "2.0",
    "x-apigateway-ratelimits": {"slow": {}},
    "paths": {
        "/x": {
            "get": {"operationId": "x", "x-apigateway-roma-app": "orders", "x-apigateway-access-control": "inside"},
            "post": {"operationId": "y", "x-apigateway-roma-app": "orders"},
        },
        "/other": {"get": {"operationId": "z"}},
    },
}


def seen(api: Api | None, publication: Publication | None = None) -> Seen:
    return Seen({("prod", publications_at(PLACE)): (api, (publication,) if publication else ())})


def published(remark: str) -> Seen:
    there = Api("1", "x", "app", "GET", "/x", "HTTP", group="group", published=(("env", "p"),))
    return seen(there, Publication("env", "v", remark))


def test_somebody_elses_publication_is_neither_ours_nor_none() -> None:
    assert PublishApi().image(CHANGE, seen(None)) == OFFLINE
    assert PublishApi().image(CHANGE, seen(API)) == OFFLINE
    assert PublishApi().image(CHANGE, published(REMARK)) == PUBLISHED
    assert PublishApi().image(CHANGE, published("by hand")) not in (OFFLINE, PUBLISHED)


def test_what_was_changed_since_the_preview_is_not_published() -> None:
    assert PublishApi().hindrance(CHANGE, seen(API)) == ""
    assert "somebody changed the API" in PublishApi().hindrance(
        CHANGE, seen(Api("1", "x", "app", "GET", "/x", "HTTP", group="group", remark="a draft"))
    )
    assert PublishApi().hindrance(CHANGE, seen(None)) == "the API is not there"


def test_a_publication_carries_our_remark_and_is_taken_back_without_one() -> None:
    back = PublishApi().inverse(CHANGE)
    assert back is not None
    assert (back.before, back.after, back.inverse_of) == (PUBLISHED, OFFLINE, "id")
    assert PublishApi().write([CHANGE], seen(API)) == ActOnApi("online", "1", "env", REMARK)
    assert TakeOffline().write([back], published(REMARK)) == ActOnApi("offline", "1", "env", "")


def test_a_file_keeps_one_api_gives_it_to_its_application_and_names_no_policy_of_the_source() -> None:
    told = json.loads(fitted(FILE, PLACE, "dr_orders"))
    assert told == {
        "swagger": "2.0",
        "paths": {"/x": {"get": {"operationId": "x", "x-apigateway-roma-app": "dr_orders"}}},
    }


@pytest.mark.parametrize("place", [Place("a", "g", "PUT", "/x"), Place("a", "g", "GET", "/y")])
def test_a_file_that_does_not_define_the_api_is_no_file_of_it(place: Place) -> None:
    assert (defines(FILE, PLACE), defines(FILE, place)) == (True, False)
    with pytest.raises(ValueError, match="does not define"):
        fitted(FILE, place, "orders")


def test_a_method_of_all_methods_has_a_key_of_its_own() -> None:
    file = {"paths": {"/x": {"x-apigateway-any-method": {"operationId": "x"}}}}
    assert defines(file, Place("a", "g", "ANY", "/x"))
