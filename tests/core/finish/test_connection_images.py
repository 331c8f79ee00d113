"""How connections look in images: nothing secret in the open, and what no read shows stands where it was entered."""

from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.core.finish.connection_images import (
    digest_of,
    image_of,
    public,
    restorable,
    restored,
    wanted_image,
)
from orchestrator.core.model.withheld import HeldConnection, deep, flat, secrets_in
from orchestrator.core.plan.plan import SecretRef, SecretSource
from orchestrator.core.values.values import Connection, Content

SECRET = SecretRef(SecretSource.ENV, "X")
ENTRY = Connection("a", "a", "MYSQL", {"host": SECRET, "port": "1", "password": SECRET})
GIVEN = Content(ENTRY, {"host": "db-of-prod", "port": "1", "password": "s3cret!"})


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def held(content: dict[str, object], updated: str = "5") -> HeldConnection:
    return HeldConnection("d1", "a", "MYSQL", "b1", content, "of orders", updated)


def test_neither_a_secret_nor_what_a_reference_gave_is_in_an_image() -> None:
    image = dict(wanted_image(held({}), GIVEN, digest))
    assert image == {
        "(description)": "of orders", "(type)": "MYSQL", "port": "1",
        "host": f"new, digest {digest('db-of-prod')[:16]}", "password": f"new, digest {digest('s3cret!')[:16]}",
    }  # fmt: skip
    assert "s3cret" not in repr(GIVEN)
    assert "s3cret" not in repr(held({"password": "s3cret!"}))


@pytest.mark.parametrize("shown", ["s3cret!", "******", "", None])
def test_what_was_entered_reads_as_it_whatever_the_service_shows_of_secrets(shown: str | None) -> None:
    wanted = wanted_image(held({}), GIVEN, digest)
    content: dict[str, object] = {"host": "db-of-prod", "port": 1}
    if shown is not None:
        content["password"] = shown
    assert image_of(held(content), wanted, digest, lambda _: True) == wanted
    if shown != "s3cret!":
        assert image_of(held(content), wanted, digest, lambda _: False) != wanted


def test_another_password_that_is_shown_is_no_proof() -> None:
    wanted = wanted_image(held({}), GIVEN, digest)
    read = held({"host": "db-of-prod", "port": 1, "password": "of somebody else"})
    assert image_of(read, wanted, digest, lambda _: True) != wanted


def test_only_a_content_without_secrets_can_be_put_back_and_it_is_typed_as_before() -> None:
    content: dict[str, object] = {
        "mysql_timeout": 30, "https": True, "host": "", "api_auth_detail": {"user_name": "u", "password": ""},
        "multi_oracle_address": [{"oracle_address": "a", "oracle_port": "1"}, {"oracle_address": "b"}],
    }  # fmt: skip
    image = image_of(held(content), (), digest, lambda _: False)
    assert restorable(image)
    assert restored(image) == {
        "mysql_timeout": 30, "https": True, "api_auth_detail": {"user_name": "u"},
        "multi_oracle_address": [{"oracle_address": "a", "oracle_port": "1"}, {"oracle_address": "b"}],
    }  # fmt: skip
    assert not restorable(image_of(held({"password": "x"}), (), digest, lambda _: False))
    assert not restorable(image_of(held({"password": "****"}), (), digest, lambda _: False))


def test_a_digest_tells_one_content_from_another() -> None:
    other = Content(ENTRY, {**GIVEN.plain, "password": "another"})
    assert digest_of(GIVEN, digest) == digest_of(Content(ENTRY, {**GIVEN.plain}), digest)
    assert digest_of(GIVEN, digest) != digest_of(other, digest)


def test_what_may_be_told_is_what_is_no_secret() -> None:
    assert dict(public(wanted_image(held({}), GIVEN, digest))) == {
        "(description)": "of orders",
        "(type)": "MYSQL",
        "port": "1",
    }


def test_all_that_nobody_may_read_is_told_to_whoever_takes_it_out_of_words() -> None:
    content: dict[str, object] = {"password": "s3cret!", "host": "h", "connector_params": {"tenant": "t", "token": "k"}}
    assert set(secrets_in((held(content), held({"password": "******"})))) == {"s3cret!", "t", "k"}


names = st.sampled_from(["a", "b", "host", "password"])
trees = st.recursive(
    st.text(min_size=1, max_size=4),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no defect
@given(st.dictionaries(names, trees, max_size=3))
def test_a_content_comes_back_from_its_paths(content: dict[str, object]) -> None:
    assert deep({path: value for path, value, _ in flat(content)}) == content
