"""Values and members from files: each problem with file and line, a missing secret too, and none of them repeated."""

from pathlib import Path

import pytest

from orchestrator.errors import OperatorError, PlanInvalid
from orchestrator.storage.valuesfile import read_members, read_values, resolve_values

TEXT = """\
version: 1
datasources:
  orders-db:
    type: MYSQL
    content: {host: db, port: 3306, database_name: orders, user_name: roma, password: "${env:ORDERS_PW}"}
  events:
    type: KAFKA
    content:
      broker: b:9093
      ssl_username: "${command:printf key}"
      ssl_password: "${file:events.secret}"
"""


def written(folder: Path, text: str = TEXT) -> Path:
    path = folder / "prod.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_secrets_are_resolved_by_place_for_the_data_sources_that_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "events.secret").write_text("s3cret-of-events\n")
    file = read_values(written(tmp_path))
    found = resolve_values(file, "events", {"PATH": "/usr/bin:/bin"})
    at = ("datasources", "events", "content")
    assert found == {(*at, "ssl_username"): "key", (*at, "ssl_password"): "s3cret-of-events"}


def test_each_missing_secret_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path)
    told = []
    for key in ("orders-db", "events"):
        with pytest.raises(OperatorError) as caught:
            resolve_values(read_values(path), key, {"PATH": "/usr/bin:/bin"})
        told += str(caught.value).splitlines()
    assert told == [
        f"{path}:5: datasources.orders-db.content.password: ${{env:ORDERS_PW}} is not set",
        f"{path}:11: datasources.events.content.ssl_password: ${{file:events.secret}} cannot be read: "
        "no such file or directory",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("broker: b:9093", "brocker: b:9093", '9: datasources.events.content.brocker: unknown key'),
        ("type: KAFKA", "type: KAFKA\n    type: REDIS", "8: datasources.events.type: this key stands here twice"),
        ("port: 3306", "prot: 3306", "5: datasources.orders-db.content"),
        ('password: "${env:ORDERS_PW}"', "password: SESAME", "5: datasources.orders-db.content.password: a secret"),
        ('password: "${env:ORDERS_PW}"', "password: *SESAME", '5: write "*" in quotes'),
        ('"${file:events.secret}"', "SESAME", "11: datasources.events.content.ssl_password: a secret stands here"),
        ("  events:\n", "  events: {}\n  orders-db:\n", "7: datasources.orders-db: this key stands here twice"),
        ("version: 1", "version: 1\nversions: 2", "2: versions: unknown key, allowed are version, datasources"),
    ],
)  # fmt: skip
def test_a_slip_is_told_with_its_line(old: str, new: str, expected: str, tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.replace(old, new, 1))
    with pytest.raises(PlanInvalid) as caught:
        read_values(path)
    assert any(f"{path}:{expected}" in each for each in caught.value.problems), caught.value.problems
    assert "SESAME" not in str(caught.value.problems)


def test_bombs_depth_and_size_are_refused(tmp_path: Path) -> None:
    bomb = "x-a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"x-{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(6)
    )
    deep = TEXT + "    other_fields: " + "{a: " * 30 + "x" + "}" * 30 + "\n"
    for text, words in ((bomb + TEXT, "more than 200000"), (deep, "too deep"), ("#" * (1 << 20) + TEXT, "1 MiB")):
        with pytest.raises(PlanInvalid) as caught:
            read_values(written(tmp_path, text))
        assert any(words in each for each in caught.value.problems)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for read, what in ((read_values, "values"), (read_members, "members")):
        with pytest.raises(OperatorError, match=f"the {what} .* cannot be read: no such file"):
            read(tmp_path / "none")


def test_members_are_read_as_excel_saves_them(tmp_path: Path) -> None:
    path = tmp_path / "members.csv"
    path.write_bytes("source user,target user\r\nalice,a.müller\r\n".encode("utf-8-sig"))
    assert read_members(path).users == {"alice": "a.müller"}
    path.write_text("alice,a,b\nbob\n")
    with pytest.raises(PlanInvalid) as caught:
        read_members(path)
    assert [each.partition(": ")[0] for each in caught.value.problems] == [f"{path}:1", f"{path}:2"]
