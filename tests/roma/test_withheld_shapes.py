"""What reads tell that people must not see: bounded, and shown by no representation."""

import pytest

from orchestrator.roma import withheld_shapes as shapes
from orchestrator.roma.withheld_shapes import MOST_FIELDS

SOURCE: dict[str, object] = {
    "datasource_id": "d1", "datasource_name": "orders", "datasource_type": "MYSQL", "app_id": "a1",
    "update_time": 1767225600000, "content": {"host": "h", "password": "s3cret!", "api_auth_detail": {"secret": "t0p"}},
    "app_permission": ["read", "modify"],
}  # fmt: skip


def test_a_connection_is_read_whole_and_shows_no_content() -> None:
    found = shapes.connection(SOURCE)
    assert found.content == SOURCE["content"]
    assert (found.update_time, found.rights) == ("1767225600000", ("read", "modify"))
    assert "s3cret!" not in repr(found)
    assert "s3cret!" not in str(found)


@pytest.mark.parametrize("content", [None, [], "text", 7])
def test_what_is_no_content_is_an_empty_one(content: object) -> None:
    assert shapes.connection({**SOURCE, "content": content}).content == {}


def test_a_content_beyond_all_bounds_is_refused() -> None:
    deep: object = "x"
    for _ in range(20):
        deep = {"a": deep}
    for content in ({f"f{n}": 1 for n in range(MOST_FIELDS + 1)}, {"a": ["x"] * (MOST_FIELDS + 1)}, {"a": deep}):
        with pytest.raises(ValueError, match="larger than any"):
            shapes.connection({**SOURCE, "content": content})


def test_secrets_and_app_codes_are_read_and_not_shown() -> None:
    assert shapes.secret({"id": "a", "secret": "s3cret!"}).text == "s3cret!"
    assert "s3cret!" not in repr(shapes.secret({"id": "a", "secret": "s3cret!"}))
    assert "c0de" not in repr(shapes.app_code({"id": "c", "app_code": "c0de"}))
    for wrong in ({}, {"secret": ""}, {"secret": None}):
        with pytest.raises(ValueError, match="secret is missing"):
            shapes.secret(wrong)


def test_members_have_their_roles_as_the_service_understands_them() -> None:
    users = [
        {"id": "1", "name": "alice", "roles": ["admin"]},
        {"id": "2", "name": "bob", "roles": ["modify"]},
        {"id": "3", "name": "carol"},
    ]
    found = shapes.members({"users": users})
    assert [each.expanded for each in found] == [
        ("read", "access", "delete", "modify", "admin"),
        ("read", "modify"),
        (),
    ]
    with pytest.raises(ValueError, match="users is missing"):
        shapes.members({"total": 0})
