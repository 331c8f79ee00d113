"""`preview`, `preview --save`, `--against`, `run --approved`: the gate as an operator meets it, on a socket."""

import hashlib
import json
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.core.preview.approval_file import from_json, to_json
from orchestrator.emulator.world.world import App, make_id

Invoke = Callable[..., Result]


def flat(text: str) -> str:
    return " ".join(text.split())


def another(name: str) -> App:
    return App(make_id("other", name), name, f"key-{name}", "s", "dev-migrator")


@pytest.mark.parametrize("words", [("preview", "plan.yaml"), ("run", "--dry-run", "plan.yaml")])
def test_a_preview_asks_for_no_job_and_makes_no_home(
    invoke: Invoke, local: Any, tmp_path: Path, words: tuple[str, ...]
) -> None:
    told = invoke(*words)
    assert told.exit_code == 0, told.output
    assert "plan t: 18 assets in 1 export and 1 import" in told.stdout
    assert "digest: " in told.stdout
    assert "cannot know" in told.stdout
    assert all(len(line) <= 80 for line in told.stdout.splitlines())
    assert local.posts == 0
    assert [path.name for path in tmp_path.iterdir()] == ["plan.yaml"]


def test_a_preview_lists_assets_and_the_names_they_arrive_under(invoke: Invoke, local: Any) -> None:
    local.plan.write_text(local.plan.read_text().replace("target: prod,", "target: prod, prefix: x_,"))
    told = invoke("preview", "plan.yaml", "--all")
    assert "app  orders-web -> x_orders-web or orders-web" in told.stdout
    document = json.loads(invoke("preview", "plan.yaml", "--json").stdout)
    assert ["x_orders-web", "orders-web"] in document["deliveries"][0]["names"].values()


def test_a_preview_says_what_exactly_it_is_a_preview_of(invoke: Invoke, local: Any) -> None:
    dev, prod = local.world.instances
    digest = hashlib.sha256(local.plan.read_bytes()).hexdigest()[:16]
    text = flat(invoke("preview", "plan.yaml").stdout)
    ticket = invoke("preview", "plan.yaml", "--markdown").stdout
    for told in (text, ticket):
        assert f"sha256 {digest}" in told
        assert all(each in told for each in (dev.id, prod.id, dev.project_id, prod.project_id, local.url))
        assert "as prod-migrator (acme/prod-migrator)" in told
    assert "```\nroma-migrate preview --save t.preview.json plan.yaml\nroma-migrate run --approved" in ticket
    identity = json.loads(invoke("preview", "plan.yaml", "--json").stdout)["identity"]
    assert [place["name"] for place in identity["places"]] == ["dev", "prod"]


def test_each_secret_that_is_missing_is_a_line(invoke: Invoke, local: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("T_SK")
    monkeypatch.delenv("T_PW")
    told = invoke("preview", "plan.yaml")
    assert told.exit_code == 2
    found = [line for line in told.stderr.splitlines() if line.endswith(" is not set")]
    assert [line.partition("${env:")[2] for line in found] == ["T_SK} is not set", "T_PW} is not set"]


@pytest.fixture
def saved(invoke: Invoke, quick: Any) -> str:
    told = invoke("preview", "plan.yaml", "--save", "ok.json", "--note", "CHG-1")
    assert told.exit_code == 0, told.output
    return "ok.json"


def test_saving_makes_a_private_file_and_the_home_and_says_how_to_go_on(
    invoke: Invoke, quick: Any, saved: str, tmp_path: Path
) -> None:
    assert stat.S_IMODE((tmp_path / saved).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / ".roma-migrate").stat().st_mode) == 0o700
    assert quick.posts == 0
    again = invoke("preview", "plan.yaml", "--save", saved)
    assert again.exit_code == 2
    assert "never overwritten" in again.stderr
    other = invoke("preview", "plan.yaml", "--save", "other.json")
    assert "roma-migrate run --approved other.json plan.yaml" in other.stderr


def test_a_saved_preview_holds_no_secret(invoke: Invoke, quick: Any, saved: str, tmp_path: Path) -> None:
    content = (tmp_path / saved).read_text()
    dev, prod = quick.world.users
    assert not any(secret in content for secret in (dev.ak, dev.sk, prod.password, "T_AK", "T_PW"))
    invoke("preview", "plan.yaml", "--save", "noted.json", "--note", f"key {dev.sk}")
    assert dev.sk not in (tmp_path / "noted.json").read_text()
    assert invoke("preview", "plan.yaml", "--against", "noted.json").exit_code == 0


def test_an_approved_run_prints_the_digest_everywhere_and_is_good_once(invoke: Invoke, quick: Any, saved: str) -> None:
    digest = json.loads(invoke("preview", "plan.yaml", "--json").stdout)["digest"]
    told = invoke("run", "plan.yaml", "--approved", saved)
    assert told.exit_code == 0, told.output
    assert f"(digest {digest})" in told.stderr
    assert f"digest: {digest}" in told.stdout
    report = invoke("report").stdout
    assert f"preview digest: {digest}" in report
    assert "approved: saved preview" in report
    again = invoke("run", "plan.yaml", "--approved", saved)
    assert again.exit_code == 4
    assert "each is good for one run" in flat(again.stderr)
    assert invoke("preview", "plan.yaml", "--against", saved).exit_code == 4


def test_a_drifted_one_is_4_with_the_difference_in_both_commands(invoke: Invoke, quick: Any, saved: str) -> None:
    assert "it still holds" in invoke("preview", "plan.yaml", "--against", saved).stdout
    quick.api.service.holding("dev").apps.put(another("one-more"))
    against = invoke("preview", "plan.yaml", "--against", saved)
    assert against.exit_code == 4
    assert "app one-more is selected now and was not" in against.stdout
    assert "it does not hold any more" in against.stdout
    told = invoke("run", "plan.yaml", "--approved", saved)
    assert told.exit_code == 4
    assert "app one-more is selected now and was not" in told.stderr
    assert quick.posts == 0


def test_against_in_json_tells_each_migration(invoke: Invoke, quick: Any, saved: str) -> None:
    shelf = quick.api.service.holding("dev").apps
    shelf.put(replace(shelf.all()[0], update_time=1_999_999_999.0))
    told = invoke("run", "--dry-run", "plan.yaml", "--approved", saved, "--json")
    document = json.loads(told.stdout)
    assert (told.exit_code, document["code"], document["by"].split()[1]) == (4, 4, "on")
    assert [each["grade"] for each in document["drift"]] == ["content"]
    assert document["drift"][0]["changed"] == [shelf.all()[0].name]
    accepted = invoke("run", "plan.yaml", "--approved", saved, "--accept-changed")
    assert accepted.exit_code == 0, accepted.output
    assert "changed since its approval, and accepted" in invoke("report").stdout


def test_too_old_is_4_in_both_commands(invoke: Invoke, quick: Any, saved: str, tmp_path: Path) -> None:
    path = tmp_path / saved
    kept = from_json(path.read_text())
    path.write_text(to_json(replace(kept, saved_at=kept.saved_at - 2 * 86400)))
    assert invoke("preview", "plan.yaml", "--against", saved).exit_code == 0
    for words in (("run", "plan.yaml", "--approved"), ("preview", "plan.yaml", "--against")):
        told = invoke(*words, saved, "--max-age", "1d")
        assert told.exit_code == 4
        assert "2.0 days old, allowed are 24.0 hours" in flat(told.output)
    assert quick.posts == 0


def test_a_blocked_preview_is_not_saved(invoke: Invoke, quick: Any, tmp_path: Path) -> None:
    quick.api.service.holding("prod").apps.put(another("orders-web"))
    told = invoke("preview", "plan.yaml", "--save", "ok.json")
    assert told.exit_code == 4
    assert "not saved" in told.stderr
    assert not (tmp_path / "ok.json").exists()
    assert "blocker: name-collision" in told.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("preview", "plan.yaml", "--save", "a", "--against", "b"),
        ("preview", "plan.yaml", "--markdown", "--json"),
        ("preview", "plan.yaml", "--against", "none.json"),
        ("run", "plan.yaml", "--approved", "none.json"),
        ("run", "plan.yaml", "--hold-drifted"),
        ("run", "plan.yaml", "--accept-changed"),
        ("run", "plan.yaml", "--max-age", "2d"),
        ("preview", "plan.yaml", "--max-age", "soon"),
    ],
)
def test_what_makes_no_sense_is_2_and_nothing_is_asked(invoke: Invoke, quick: Any, words: tuple[str, ...]) -> None:
    assert invoke(*words).exit_code == 2
    assert not quick.api.requests


def test_an_approved_run_is_not_retried_with_its_file(invoke: Invoke, quick: Any, saved: str) -> None:
    told = invoke("run", "plan.yaml", "--approved", saved, "--retry")
    assert told.exit_code == 2
    assert "exclude each other" in told.stderr


def test_windows_and_gates_are_told_in_every_form(invoke: Invoke, quick: Any) -> None:
    text = quick.plan.read_text()
    window = '{opens: "Sat 02:00", closes: "Fri 02:00", timezone: Asia/Shanghai}'
    text = text.replace("migrations:", f"windows: [{window}]\nmigrations:").replace(
        'tasks: "*"}', 'tasks: "*", gate: imports}'
    )
    quick.plan.write_text(text)
    said = " ".join(invoke("preview", "plan.yaml").stdout.split())
    told = "jobs are asked for from Sat 02:00 to Fri 02:00 (Asia/Shanghai)"
    assert f"waits: {told}" in said
    assert "imports of all wait for a person: roma-migrate continue --gate imports" in said
    assert "when a person opens the gate" in said
    assert "asked for from Sat 02:00 to Fri 02:00" in invoke("preview", "plan.yaml", "--markdown").stdout
    assert told in json.loads(invoke("preview", "plan.yaml", "--json").stdout)["waits"]


def test_how_many_workers_could_share_it_is_told_with_the_reason_in_every_form(invoke: Invoke, quick: Any) -> None:
    text = quick.plan.read_text()
    assert "in a fleet" not in invoke("preview", "plan.yaml").stdout
    quick.plan.write_text(text + '  - {name: more, source: dev, target: prod, prefix: x_, apps: ["orders-*"]}\n')
    told = (
        "1 component of 2 migrations, the largest of 2: one worker conducts all of it, because migrations that share "
        "an instance or stand in an order (`after`) are one component"
    )
    said = invoke("preview", "plan.yaml")
    assert f"in a fleet: {told}" in flat(said.stdout), said.stderr
    assert "- In a fleet: 1 component of 2 migrations" in invoke("preview", "plan.yaml", "--markdown").stdout
    fleet = json.loads(invoke("preview", "plan.yaml", "--json").stdout)["fleet"]
    assert (fleet["sentence"], fleet["without_slots"]) == (told, 1)
    assert [each["migrations"] for each in fleet["components"]] == [["all", "more"]]
