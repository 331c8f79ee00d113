"""A plan file becomes a Plan or every problem with its line, whatever it holds."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.core.plan.plan import Glob, Plan
from orchestrator.errors import ExitCode, OperatorError, PlanInvalid
from orchestrator.storage.planfile import LARGEST, parse, read_plan

# Line numbers matter below: `version` is line 1.
TEXT = """\
version: 1
name: orders
credentials:
  me: {ak: "${env:AK}", sk: "${env:SK}"}
instances:
  dev: {region: cn-north-4, project_id: p, instance_id: a, credentials: me}
  prod:
    region: cn-east-3
    project_id: p
    instance_id: b
    credentials: me
settings: {batch_size: 10}
migrations:
  - name: orders
    source: dev
    target: prod
    apps: ["orders-*"]
    tasks: []
"""

# What stands there, what is written in its place, and what the operator reads.
# fmt: off
SLIPS = [
    ('["orders-*"]', "*", '17: write "*" in quotes'),
    ('["orders-*"]', "[*-tmp]", '17: write "*-tmp" in quotes'),
    ('["orders-*"]', "[a, *.tmp]", '17: write "*.tmp" in quotes'),
    ('["orders-*"]', "[@orders]", '17: no text can begin with "@" without quotes: put it in quotes'),
    ('["orders-*"]', "[`orders`]", '17: no text can begin with "`" without quotes'),
    ('["orders-*"]', "[orders", "18: a comma or \"]\" is missing"),
    ('["orders-*"]', '["orders]', "19: the file ends inside quotes: the closing quote is missing"),
    ('ak: "${env:AK}"', "ak: ${env:AK}", '4: write "${env:AK}" in quotes'),
    ('ak: "${env:AK}"', "ak: {{env.AK}}", "4: credentials.me.ak: a list or mapping stands where a key should"),
    ("    source: dev", "\tsource: dev", "15: a tab stands in the indentation: write blanks"),
    ("    source: dev", "    source:dev", '15: a blank is missing after the colon: write "source: ..."'),
    ("    source: dev", "     source: dev", '15: a ": " stands inside a text, or the line is indented wrongly'),
    ("    source: dev", "   source: dev", "15: this line is no item of the list around it: it is indented wrongly"),
    ("name: orders\ncred", "name: a: b\ncred", '2: a ": " stands inside a text'),
    ("{batch_size: 10}", "{batch_size:10}", '12: settings["batch_size:10"]: a blank is missing after the colon of '
                                            '"batch_size": write "batch_size: ..."'),
    ("settings: {", "settings: !!map {", "12: settings: a tag (!) stands here, none is allowed"),
    ("settings: {", "settings: {batch_size: 5, ", "12: settings.batch_size: this key stands here twice, first on"),
    ("    tasks: []", "    source: prod", "18: migrations[0].source: this key stands here twice, first on line 15"),
    ("    tasks: []", "    tasks: ~", '18: migrations[0].tasks: null stands here: leave the key out'),
    ("    tasks: []", "    ? [a]\n    : b", "18: migrations[0]: a list or mapping stands where a key should"),
    ("    tasks: []", "    tasks: &t [*t]", "18: an alias (*) stands inside the very value that it names"),
    ("    tasks: []", "    <<: [1]", "18: migrations[0]: << takes in a mapping or a list of mappings: write <<: *name"),
    ("    tasks: []", "    tasks: []\n---\nversion: 1", '19: a second document begins here ("---")'),
    ("    tasks: []", "    tasks: " + "[" * 30 + "]" * 30, "18: lists and mappings lie too deep in each other"),
    ("    tasks: []", "    wibble: 1", "18: migrations[0].wibble: unknown key, allowed are name, source"),
    ("    region: cn-east-3", "    regoin: x", '8: instances.prod.regoin: unknown key, allowed are region, endpoint, '
                                               'iam_endpoint, project_id, instance_id, credentials, ca_file, proxy, '
                                               'windows, group; did you mean "region"?'),
    ("    region: cn-east-3\n", "", '7: instances.prod: "region" or "endpoint" is missing'),
    ("target: prod", "target: porod", '16: migrations[0].target: no instance is named "porod", allowed are dev, prod; '
                                      'did you mean "prod"?'),
    (TEXT, "", "1: the file is empty"),
    (TEXT, "# nothing\n", "1: the file is empty"),
    (TEXT, "a text\n", "1: a text stands here, allowed is a mapping with the keys version, name"),
    (TEXT, "a: \x07", "1: a control character stands here, allowed is plain text"),
]
# fmt: on


def written(folder: Path, text: str) -> Path:
    path = folder / "plan.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def refusal(path: Path) -> list[str]:
    with pytest.raises(PlanInvalid) as caught:
        read_plan(path)
    assert caught.value.exit_code is ExitCode.USAGE
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def test_a_plan_is_read(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, TEXT))
    assert plan.path == str(tmp_path / "plan.yaml")
    assert plan.settings.batch_size == 10
    assert plan.migrations[0].apps == (Glob("orders-*"),)


@pytest.mark.parametrize(
    ("old", "new", "expected"), SLIPS, ids=[f"{number}-{s[2][:30]}" for number, s in enumerate(SLIPS)]
)
def test_a_slip_is_told_with_its_line_and_its_cure(old: str, new: str, expected: str, tmp_path: Path) -> None:
    assert old in TEXT
    problems = refusal(written(tmp_path, TEXT.replace(old, new, 1)))
    assert any(problem.startswith(expected) for problem in problems), problems
    assert len(problems) <= 2


def test_slips_and_wrong_values_are_told_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = TEXT.replace('ak: "${env:AK}"', "ak: ${env:AK}").replace("size: 10", "size: 0, x: 1, x: 2")
    text = text.replace('["orders-*"]', "[*-tmp, *.x]").replace("target: prod", "target: porod")
    assert [problem.partition(" ")[0] for problem in refusal(written(tmp_path, text))] == [
        "4:", "12:", "12:", "12:", "16:", "17:", "17:",
    ]  # fmt: skip


def test_two_references_without_quotes_are_both_told(tmp_path: Path) -> None:
    text = TEXT.replace('{ak: "${env:AK}", sk: "${env:SK}"}', "{ak: ${env:AK}, sk: ${file:/run/sk}}")
    problems = refusal(written(tmp_path, text))
    assert ['"${env:AK}" in' in problems[0], '"${file:/run/sk}" in' in problems[1], len(problems)] == [True, True, 2]


def test_the_whole_line_is_as_promised(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.replace("batch_size", "batch_sice"))
    with pytest.raises(PlanInvalid) as caught:
        read_plan(path)
    assert caught.value.message == (
        f"{path}:12: settings.batch_sice: unknown key, allowed are batch_size, one_job_per, busy_timeout, job_timeout, "
        "outage_timeout, settle_quiet, settle_wait, shutdown_grace, reads_per_second, writes_per_second, "
        'most_writes_per_second, keep_packages, keep_backups, gate_timeout; did you mean "batch_size"?'
    )


def test_anchors_and_merges_save_writing(tmp_path: Path) -> None:
    text = TEXT.replace("instances:", "x-i: &i {region: cn-south-1, project_id: q, credentials: me}\ninstances:")
    text = text.replace("  dev: {region: cn-north-4, project_id: p,", "  dev: {<<: *i, project_id: p,")
    plan = read_plan(written(tmp_path, text.replace(", credentials: me}\n  prod", "}\n  prod")))
    assert plan.instances["dev"].endpoint == "https://roma.cn-south-1.myhuaweicloud.com"
    assert plan.instances["dev"].project_id == "p"


def test_a_problem_in_what_was_merged_is_told_where_it_is_written(tmp_path: Path) -> None:
    text = TEXT.replace("settings: {batch_size: 10}", "x-s: &s {batch_size: 0}\nsettings:\n  <<: *s")
    assert refusal(written(tmp_path, text))[0].startswith("12: settings.batch_size: ")


def test_a_secret_in_the_open_is_refused_even_where_only_an_anchor_holds_it(tmp_path: Path) -> None:
    text = TEXT.replace("credentials:\n", "x-c: &c {sk: SESAME}\ncredentials:\n").replace('sk: "${env:SK}"', "<<: *c")
    problems = refusal(written(tmp_path, text))
    assert len(problems) == 2
    assert "SESAME" not in str(problems)


def test_a_private_authority_lies_beside_the_plan(tmp_path: Path) -> None:
    plan = read_plan(
        written(tmp_path, TEXT.replace("    region: cn-east-3", "    region: cn-east-3\n    ca_file: ca.pem"))
    )
    assert plan.instances["prod"].ca_file == str(tmp_path / "ca.pem")


def test_a_byte_order_mark_and_windows_line_ends_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert read_plan(path).name == "orders"
    path.write_bytes(TEXT.replace("\n", "\r\n").replace('["orders-*"]', "[*x]").encode())
    assert refusal(path)[0].startswith('17: write "*x" in quotes')


def test_a_file_that_is_no_text_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"version: 1\nname: caf\xe9\n")
    assert refusal(path) == ["2: the file is not UTF-8 text, save it as UTF-8"]


def test_a_file_over_one_mebibyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(TEXT.encode() + b"#" * (LARGEST - len(TEXT)))
    assert read_plan(path).name == "orders"
    path.write_bytes(TEXT.encode() + b"#" * (LARGEST - len(TEXT) + 1))
    assert refusal(path) == ["1: the file is larger than 1 MiB, allowed is at most 1 MiB"]


@pytest.mark.parametrize(("name", "expected"), [("gone.yaml", "no such file"), (".", "is a directory"), ("\0", "path")])
def test_a_file_that_cannot_be_read_is_the_operators_error(name: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=expected) as caught:
        read_plan(tmp_path / name)
    assert not isinstance(caught.value, PlanInvalid)
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_file_full_of_mistakes_is_cut_and_says_so(tmp_path: Path) -> None:
    problems = refusal(written(tmp_path, TEXT + "".join(f"k{n}: 1\n" for n in range(20_000))))
    assert len(problems) == 101
    assert "there may be more" in problems[-1]


def test_parse_gives_text_for_every_scalar_and_the_line_of_every_key() -> None:
    document = parse("a: no\nb:\n  - 0123\n  - {c: 1.0}\n", "f")
    assert document.data == {"a": "no", "b": ["0123", {"c": "1.0"}]}
    assert document.lines == {(): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4}


def outcome(folder: Path, text: str) -> str:
    """What the operator reads, "" where the plan is accepted; any other end fails the test."""
    try:
        plan = read_plan(written(folder, text))
    except PlanInvalid as error:
        return f"{error.message} {error!r} {error.next_step}"
    assert isinstance(plan, Plan)
    return ""


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WORDS = """
version name credentials instances settings defaults migrations me dev prod ak sk password username domain
profile region endpoint project_id instance_id batch_size source target targets apps tasks exclude calls
after waive check x-a <<
"""
KEYS = st.sampled_from(WORDS.split()) | st.text(max_size=4)
SCALARS = st.sampled_from(["1", "*", "dev", "me", "${env:A}", "2h", "", "null", "of-apps", "true"]) | st.text(
    max_size=6
)
TREES = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(KEYS, part, max_size=4), max_leaves=15
)


@FUZZ
@given(text=st.text() | st.text(alphabet="ab:- \n\t[]{},*&!|>'\"%@`#?~$\\<x1"))
def test_any_text_gives_a_plan_or_its_problems(text: str, tmp_path: Path) -> None:
    outcome(tmp_path, text)


@FUZZ
@given(
    start=st.integers(0, len(TEXT)),
    length=st.integers(0, 6),
    scrap=st.text(alphabet=":- \n\t[]{},*&!'\"$x", max_size=4),
)
def test_any_small_damage_gives_a_plan_or_its_problems(start: int, length: int, scrap: str, tmp_path: Path) -> None:
    outcome(tmp_path, TEXT[:start] + scrap + TEXT[start + length :])


@FUZZ
@given(tree=TREES)
def test_any_structure_gives_a_plan_or_its_problems(tree: object, tmp_path: Path) -> None:
    outcome(tmp_path, json.dumps(tree))


@FUZZ
@given(
    tree=st.dictionaries(KEYS, TREES, max_size=4),
    place=st.sampled_from(["root", "me", "dev", "moves", "x-a"]),
    key=KEYS,
)
def test_any_structure_within_a_sound_plan_gives_a_plan_or_its_problems(
    tree: dict[str, object], place: str, key: str, tmp_path: Path
) -> None:
    data = yaml.safe_load(TEXT)
    spot = {
        "root": data,
        "me": data["credentials"]["me"],
        "dev": data["instances"]["dev"],
        "moves": data["migrations"][0],
        "x-a": data.setdefault("x-a", {}),
    }[place]
    spot[key] = tree
    outcome(tmp_path, json.dumps(data))


SECRET = "Zq9SESAMEzQ"


@FUZZ
@given(
    key=st.sampled_from(["ak", "sk", "security_token", "password"]),
    form=st.sampled_from(
        [
            "{k}: {s}", "{k}:{s}", "{k} {s}", "{k}: '{s}", '{k}: "{s}', "{k}: *{s}", "{k}: &{s}", "{k}: !{s}",
            "{k}: @{s}", "{k}: [{s}]", "{k}: {{{s}}}", "{k}: {{{s}: }}", "{k}={s}", "{k}: ${{{s}}}", "{k}: |\n    {s}",
            "{k}: {s}: {s}", "{k}:\n{s}", "? {k}\n: {s}", "{k}: {s}\n    {k}: {s}", "{k}: https://a:{s}@b",
            "\t{k}: {s}", "{k}: $env:{s}", "{k}: -\n{s}", "- {k}: {s}", "{k}: <<: {s}",
        ]
    ),
    where=st.sampled_from(
        ["credentials:\n  me:\n    ", "credentials:\n  me: {", "x-a:\n  ", "settings:\n  ", "defaults: {", ""]
    ),
    before=st.sampled_from(["", "version: 1\n", TEXT]),
)  # fmt: skip
def test_a_secret_in_the_open_is_refused_and_never_repeated(
    key: str, form: str, where: str, before: str, tmp_path: Path
) -> None:
    closing = "}" if where.endswith("{") else ""
    told = outcome(tmp_path, f"{before}{where}{form.format(k=key, s=SECRET)}{closing}\n")
    # What a reader cannot know to be a secret (a text under x-a) may stand; it is only never repeated.
    assert told or where.startswith("x-a")
    assert SECRET not in told


@pytest.mark.parametrize("slip", [f"{{{SECRET}}}", f"{{sk, {SECRET}}}", f"{{sk{SECRET}: }}", f"[{SECRET}]", SECRET])
def test_a_lone_word_among_credentials_is_never_repeated(slip: str, tmp_path: Path) -> None:
    told = outcome(tmp_path, TEXT.replace('{ak: "${env:AK}", sk: "${env:SK}"}', slip))
    assert "credentials.me" in told
    assert SECRET not in told
