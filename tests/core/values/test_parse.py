"""A values file is understood or told wrong whole: fields by type, secrets as references, nothing secret repeated."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkroma.v2.model.api_auth_detail import ApiAuthDetail
from huaweicloudsdkroma.v2.model.content import Content
from huaweicloudsdkroma.v2.model.data_source_rsp import DataSourceRsp
from huaweicloudsdkroma.v2.model.multi_oracle_address import MultiOracleAddress
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator.core.model.connections import ADDRESS_FIELDS, FIELDS, LOGIN_FIELDS, TYPES, FieldKind, is_secret
from orchestrator.core.plan.plan import SecretRef, SecretSource
from orchestrator.core.values.parse import MOST, values_from, values_schema
from orchestrator.core.values.values import Values, references, resolved
from orchestrator.storage.planfile import parse

EXAMPLE = Path(__file__).parents[3] / "plans" / "values.example.yaml"
MYSQL = {"host": "db", "port": "3306", "database_name": "d", "user_name": "u", "password": "${env:PW}"}
SESAME = "hunter2-SESAME"


def one(kind: str = "MYSQL", content: object = MYSQL, **more: object) -> dict[str, Any]:
    return {"version": "1", "datasources": {"orders-db": {"type": kind, "content": content, **more}}}


def told(data: object) -> list[str]:
    found = values_from(data)
    assert not isinstance(found, Values)
    return [str(each) for each in found]


def read(data: object) -> Values:
    found = values_from(data)
    assert isinstance(found, Values), [str(each) for each in found]
    return found


def test_values_are_typed_and_secrets_stay_references() -> None:
    content = MYSQL | {"mysql_timeout": "30", "host": "${file:host}"}
    connection = read(one(content=content)).connections["orders-db"]
    assert connection.fields["mysql_timeout"] == 30
    assert connection.fields["port"] == "3306"
    assert connection.fields["host"] == SecretRef(SecretSource.FILE, "host")
    assert connection.fields["password"] == SecretRef(SecretSource.ENV, "PW")


def test_each_reference_is_known_by_its_place_and_resolves_there() -> None:
    content = {
        "mode": "multiAddress", "user_name": "u", "password": "${env:PW}", "oracle_service_name": "s",
        "multi_oracle_address": [{"oracle_address": "${env:A}", "oracle_port": "1521"}],
    }  # fmt: skip
    values = read(one("ORACLE", content, other_fields={"deep": {"token": "${env:T}"}}))
    found = references(values)
    at = ("datasources", "orders-db")
    assert set(found) == {
        (*at, "content", "password"),
        (*at, "content", "multi_oracle_address", 0, "oracle_address"),
        (*at, "other_fields", "deep", "token"),
    }
    sent = resolved(values.connections["orders-db"], {place: f"<{each.name}>" for place, each in found.items()})
    assert sent["password"] == "<PW>"
    assert sent["multi_oracle_address"] == [{"oracle_address": "<A>", "oracle_port": "1521"}]
    assert sent["deep"] == {"token": "<T>"}


WRONG = [
    (one(content=MYSQL | {"pasword": "x"}), "content.pasword: unknown key", 'did you mean "password"?'),
    (one("MYSQ"), "datasources.orders-db.type:", 'did you mean "MYSQL"?'),
    (one(content={"host": "db", "port": "1"} | {"user_name": "u"}), '"password" is missing', "emptied at the target"),
    (one(content=MYSQL | {"password": SESAME}), "content.password", "in the open (not shown)"),
    (one(content=MYSQL | {"password": "${env:}"}), "content.password", "still empty: write the name of a variable"),
    (one(content=MYSQL | {"url": "jdbc:x"}), "content.url", "goes with mode: professional, and the mode is default"),
    (one(content=MYSQL | {"mode": "professionel"}), "content.mode", 'did you mean "professional"?'),
    (one(content=MYSQL | {"mysql_timeout": "soon"}), "content.mysql_timeout", "a whole number"),
    (one(content={}), "datasources.orders-db.content", "mode default needs host and port"),
    (one("REDIS", {"redis_database": "0"}), "orders-db.content", "nothing says where it is: write address"),
    (one("API", {"url": "https://x", "api_auth_detail": {"client_id": "c"}}), "api_auth_detail", '"client_secret" is'),
    (one("API", {"url": f"https://u:{SESAME}@host/"}), "content.url", "a password stands here in the open"),
    (one(content=MYSQL | {"database_name": f"d?password={SESAME}"}), "database_name", "a password stands here"),
    (one("KAFKA", {"broker": "b:1", "key_store": SESAME}), "content.key_store", "in the open (not shown)"),
    (one("CUSTOMIZED", {"connector_params": {"a": {"apiToken": SESAME}}}), "connector_params", "in the open"),
    (one(other_fields={"new_password": [SESAME]}), "other_fields", "in the open (not shown)"),
    (one(other_fields={"host": "x"}), "other_fields.host", 'stands in "content" too'),
    (one(content=MYSQL | {f"ssl_password:{SESAME}": ""}), "content[not shown]", "unknown key"),
    (one(content=MYSQL | {SESAME: ""}), "content[not shown]", "unknown key"),
    (one(content=[SESAME]), "orders-db.content", "a list stands here"),
    (one(content=MYSQL, hots=SESAME), "datasources.orders-db", "unknown key"),
    (one("MYSQ", MYSQL | {"ssl_password": SESAME}), "content.ssl_password", "in the open (not shown)"),
    ({"version": "1", "datasources": {"a<b": {"type": "REDIS", "content": {"address": "x:1"}}}}, "a<b", "the name of"),
    ({"version": "2", "datasources": {}}, "version", "allowed is 1"),
    ({"version": "1"}, '"datasources" is missing', "how the data sources"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "place", "words"), WRONG, ids=lambda each: each if isinstance(each, str) else "")
def test_what_is_wrong_is_told_with_what_is_allowed_and_no_secret(data: object, place: str, words: str) -> None:
    found = told(data)
    assert any(place in each and words in each for each in found), found
    assert not [each for each in found if "SESAME" in each]


def test_all_problems_are_told_at_once() -> None:
    found = told(one(content={"port": "3306", "hots": "x", "user_name": "u", "mysql_timeout": "?"}))
    assert [each.partition(": ")[0].removeprefix("datasources.orders-db.") for each in found] == [
        "content[not shown]",
        "content.mysql_timeout",
        "content",
    ]
    assert found[0].endswith('did you mean "host"?')


def test_two_data_sources_of_one_name_are_told_apart_by_their_applications() -> None:
    entry = {"type": "REDIS", "content": {"address": "x:1"}, "name": "cache"}
    both = {"version": "1", "datasources": {"a": entry | {"app": "orders"}, "b": entry | {"app": "billing"}}}
    assert {(each.name, each.app) for each in read(both).connections.values()} == {
        ("cache", "orders"),
        ("cache", "billing"),
    }
    both["datasources"]["b"]["app"] = "orders"  # type: ignore[index] # a mapping of mappings
    assert any('under "a" too' in each for each in told(both))


def test_more_data_sources_than_any_instance_holds_are_refused() -> None:
    entry = {"type": "REDIS", "content": {"address": "x:1"}}
    assert "at most" in told({"version": "1", "datasources": {f"d{n}": entry for n in range(MOST + 1)}})[0]


def test_the_table_names_each_field_of_the_official_sdk_and_each_of_its_types() -> None:
    """A field or a type that the SDK gains is noticed here."""
    assert set(Content.openapi_types) == set(FIELDS) - {"connect_mode", "protocol", "ApiAuthDetail"}
    assert set(ApiAuthDetail.openapi_types) == set(LOGIN_FIELDS)
    assert set(MultiOracleAddress.openapi_types) == set(ADDRESS_FIELDS)
    assert all(name in (DataSourceRsp.datasource_type.__doc__ or "") for name in TYPES)
    types = {"int": FieldKind.WHOLE, "bool": FieldKind.FLAG}
    for name, spelt in Content.openapi_types.items():
        if spelt in types:
            assert FIELDS[name] is types[spelt], name


def test_each_field_belongs_to_a_type_and_each_type_has_only_known_ones() -> None:
    assert {name for known in TYPES.values() for name in known.fields} == set(FIELDS)
    assert all(name in known.fields for known in TYPES.values() for names in known.modes.values() for name in names)


@pytest.mark.parametrize("name", ["password", "sk", "new_sk", "apiToken", "client-secret", "userPwd", "snmp_community"])
def test_a_name_that_promises_a_secret_is_one(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["host", "task", "disk", "token_url", "user_name"])
def test_a_name_that_promises_none_is_none(name: str) -> None:
    assert not is_secret(name)


def test_the_example_is_sound_and_fits_the_schema_that_editors_get() -> None:
    data = parse(EXAMPLE.read_text(encoding="utf-8"), "example").data
    values = read(data)
    assert {"MYSQL", "ORACLE", "API", "CUSTOMIZED"} <= {each.type for each in values.connections.values()}
    schema = values_schema()
    Draft202012Validator.check_schema(schema)
    numbers = _numbers(data)
    assert not list(Draft202012Validator(schema).iter_errors(numbers))
    numbers["datasources"]["orders-db"]["content"]["hots"] = "x"
    numbers["datasources"]["events"]["content"]["ssl_password"] = "open"
    found = {str(each.json_path) for each in Draft202012Validator(schema).iter_errors(numbers)}
    assert found == {"$.datasources['orders-db'].content", "$.datasources.events.content.ssl_password"}


def _numbers(data: Any) -> Any:
    """Scalars as an editor's YAML types them."""
    match data:
        case Mapping():
            return {key: _numbers(each) for key, each in data.items()}
        case list():
            return [_numbers(each) for each in data]
        case "true" | "false":
            return data == "true"
        case _:
            return int(data) if data.isdigit() else data


_trees = st.recursive(
    st.text(max_size=8) | st.sampled_from(["${env:X}", "MYSQL", "true"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "content", "host", "password", "x", *LOGIN_FIELDS]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@given(_trees, st.sampled_from(list(TYPES)))
def test_any_structure_gives_values_or_problems(tree: object, kind: str) -> None:
    for data in (tree, {"version": "1", "datasources": tree}, one(kind, tree), one(kind, {}, other_fields=tree)):
        found = values_from(data)
        assert isinstance(found, Values) or (found and all(str(each) for each in found))
