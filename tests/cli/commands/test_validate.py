"""`validate`: a plan is judged alone, and so is one that `run` or `preview` is given."""

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Invoke = Callable[..., Result]
GOOD = """
version: 1
name: p
credentials: {c: {ak: "${env:NOT_SET_AK}", sk: "${env:NOT_SET_SK}"}}
instances:
  a: {region: cn-north-4, project_id: p1, instance_id: i1, credentials: c}
  b: {region: cn-north-4, project_id: p1, instance_id: i2, credentials: c}
migrations: [{name: m, source: a, target: b, apps: "*"}]
"""


def test_a_valid_plan_needs_neither_its_secrets_nor_a_home(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD)
    told = invoke("validate", "p.yaml")
    assert (told.exit_code, told.stdout.startswith("p.yaml: valid: plan p")) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


def test_every_problem_is_told_with_file_and_line_in_validate_and_run(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD.replace("target: b", "traget: b").replace("name: p", "name: p\nbogus: 1"))
    for command in ("validate", "run", "preview"):
        told = invoke(command, "p.yaml")
        assert told.exit_code == 2
        assert told.stderr.count("p.yaml:") >= 2
        assert "did you mean" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


def test_problems_are_listed_in_json(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("version: 2\n")
    told = json.loads(invoke("validate", "p.yaml", "--json").stdout)
    assert told["code"] == 2
    assert told["problems"][0].startswith("p.yaml:1: version:")


def test_unset_secrets_are_reported_together_and_nothing_is_made(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD)
    told = invoke("run", "p.yaml")
    assert told.exit_code == 2
    assert "NOT_SET_AK" in told.stderr
    assert "NOT_SET_SK" in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


VALUES = """
version: 1
datasources:
  orders-db:
    type: REDIS
    content: {address: "10.0.0.1:6379", user_name: roma, password: "${env:NOT_SET}"}
"""


def test_a_values_file_is_judged_alone(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(VALUES)
    told = invoke("validate", "--values", "v.yaml")
    assert (told.exit_code, told.stdout) == (0, "v.yaml: valid: values of 1 data source\n")
    assert json.loads(invoke("validate", "--values", "v.yaml", "--json").stdout)["datasources"] == ["orders-db"]
    assert [path.name for path in tmp_path.iterdir()] == ["v.yaml"]


def test_problems_of_a_values_file_are_told_with_their_lines_and_without_secrets(
    invoke: Invoke, tmp_path: Path
) -> None:
    (tmp_path / "v.yaml").write_text(VALUES.replace('"${env:NOT_SET}"', "SESAME").replace("address", "adress"))
    told = invoke("validate", "--values", "v.yaml")
    assert told.exit_code == 2
    assert "v.yaml:6: datasources.orders-db.content.password: a secret stands here in the open" in told.stderr
    assert 'did you mean "address"?' in told.stderr
    assert "SESAME" not in told.stderr + told.stdout


def test_a_plan_or_a_values_file_and_not_both(invoke: Invoke, tmp_path: Path) -> None:
    for words in ((), ("p.yaml", "--values", "v.yaml")):
        assert invoke("validate", *words).exit_code == 2


def test_the_files_that_a_plan_names_are_judged_with_it(invoke: Invoke, tmp_path: Path) -> None:
    text = GOOD.replace('apps: "*"}', 'apps: "*", finish: {datasources: v.yaml, members: m.csv}}')
    (tmp_path / "p.yaml").write_text(text)
    told = invoke("validate", "p.yaml")
    assert told.exit_code == 2
    line = 1 + text[: text.index("v.yaml")].count("\n")
    for key, what in (("datasources", "values file v.yaml"), ("members", "members file m.csv")):
        named = f"p.yaml:{line}: migrations[0].finish.{key}: the {what} cannot be read: no such file or directory"
        assert named in " ".join(told.stderr.split())
    (tmp_path / "v.yaml").write_text(VALUES.replace("address", "adress"))
    (tmp_path / "m.csv").write_text("alice;alice\n")
    told = invoke("validate", "p.yaml")
    assert told.exit_code == 2
    assert "v.yaml:6: datasources.orders-db.content.adress: unknown key" in told.stderr
    assert "m.csv:1: a semicolon stands between the users" in told.stderr
    (tmp_path / "v.yaml").write_text(VALUES)
    (tmp_path / "m.csv").write_text("alice,alice\n")
    assert invoke("validate", "p.yaml").exit_code == 0
