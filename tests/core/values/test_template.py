"""A first values file: each field that the source shows, no secret of it, and it reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.connections import FIELDS, LOGIN_FIELDS, TYPES, FieldKind
from orchestrator.core.plan.problems import Problem
from orchestrator.core.values.parse import values_from
from orchestrator.core.values.template import EMPTY, Shown, template
from orchestrator.core.values.values import Values
from orchestrator.storage.planfile import parse

SESAME = "SESAME-of-the-source"


def full(name: str, secret: str = SESAME) -> object:
    """A value of a field as a source would show it."""
    match FIELDS[name]:
        case FieldKind.SECRET:
            return secret
        case FieldKind.WHOLE:
            return 30
        case FieldKind.FLAG:
            return True
        case FieldKind.ADDRESSES:
            return [{"oracle_address": "10.0.0.1", "oracle_port": "1521"}]
        case FieldKind.LOGIN:
            secrets = [each for each, kind in LOGIN_FIELDS.items() if kind is FieldKind.SECRET]
            return {"auth_method": "basicauth", "user_name": "u", **dict.fromkeys(secrets, secret)}
        case FieldKind.FREE:
            return {"tenant": "t: 1", "api_token": secret, "deep": {"list": ["a", 1], "password": secret}}
        case FieldKind.TEXT:
            return f"text of {name}"


def content_of(kind: str, secret: str = SESAME) -> dict[str, object]:
    """Every field of a type that may stand together."""
    known = TYPES[kind]
    mode = next(iter(known.modes), "")
    others = {name for other, names in known.modes.items() if other != mode for name in names}
    alone = others - set(known.modes.get(mode, ())) | {"ApiAuthDetail", "protocol", "connect_mode"}
    held = {
        name: words[0] if words else full(name, secret) for name, words in known.fields.items() if name not in alone
    }
    return {**held, **({"mode": mode} if mode else {})}


def read_back(text: str) -> Values | tuple[Problem, ...]:
    return values_from(parse(text.replace(EMPTY, "${env:SOME}"), "template").data)


@pytest.mark.parametrize("kind", list(TYPES))
def test_every_field_that_a_source_shows_is_written_and_reads_back(kind: str) -> None:
    text = template("r1", "prod", [Shown("orders-db", kind, "orders", content_of(kind))])
    values = read_back(text)
    assert isinstance(values, Values), [str(each) for each in values]
    assert "SESAME" not in text
    assert set(values.connections["orders-db"].content) == set(content_of(kind))


@pytest.mark.parametrize("secret", ["", "******", SESAME])
def test_a_secret_is_an_empty_reference_however_the_source_shows_it(secret: str) -> None:
    text = template("r1", "prod", [Shown("orders-db", "MYSQL", "orders", content_of("MYSQL", secret))])
    assert f'password: "{EMPTY}"' in text
    assert "***" not in text
    problems = values_from(parse(text, "template").data)
    assert not isinstance(problems, Values)
    assert [str(each) for each in problems] == [
        "datasources.orders-db.content.password: this reference is still empty: write the name of a variable between "
        "the colon and the brace"
    ]


def test_a_secret_that_the_source_leaves_out_has_its_line_where_its_account_is_shown() -> None:
    content = {name: value for name, value in content_of("MYSQL").items() if name != "password"}
    assert f'password: "{EMPTY}"' in template("r", "prod", [Shown("a", "MYSQL", "orders", content)])


def test_addresses_are_marked_and_what_is_empty_is_said_to_be() -> None:
    text = template("r", "prod", [Shown("a", "MYSQL", "orders", {"host": "10.1.1.1", "port": "1", "encoding": ""})])
    assert "host: 10.1.1.1  # as at the source" in text
    assert "# encoding is empty at the source" in text


def test_a_field_that_no_table_knows_is_written_where_it_is_taken() -> None:
    content = content_of("REDIS") | {"pool": 8, "new_password": SESAME, "url_of": f"https://u:{SESAME}@h/"}
    text = template("r", "prod", [Shown("cache", "REDIS", "orders", content)])
    values = read_back(text)
    assert isinstance(values, Values)
    assert set(values.connections["cache"].other_fields) == {"pool", "new_password", "url_of"}
    assert "SESAME" not in text


def test_two_data_sources_of_one_name_are_both_written() -> None:
    shown = [Shown("cache", "REDIS", app, {"address": "x:1"}) for app in ("orders", "billing")]
    values = read_back(template("r", "prod", shown))
    assert isinstance(values, Values)
    assert {(each.name, each.app) for each in values.connections.values()} == {
        ("cache", "orders"),
        ("cache", "billing"),
    }


def test_a_run_without_data_sources_has_a_file_that_says_so() -> None:
    assert "datasources: {}" in template("r", "prod", [])


@given(st.text(max_size=30), st.dictionaries(st.text(max_size=9), st.text(max_size=30) | st.integers(), max_size=4))
def test_whatever_a_source_says_is_quoted_so_that_it_reads_back(name: str, params: dict[str, object]) -> None:
    content = {"connection_instance_id": "i", "connector_params": params}
    text = template("r", "prod", [Shown(f"n{name}", "CUSTOMIZED", name, content)])
    document = parse(text, "template").data
    assert isinstance(document, dict)
    sources = document["datasources"]
    assert isinstance(sources, dict)
    assert len(sources) == 1
