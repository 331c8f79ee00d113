"""`forget`: packages, logs and unneeded journals go; what undo and the next run need stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import PackageState
from orchestrator.engine.past_runs import read_run
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.cli.conftest import DONE, HALF_THERE, Past

Invoke = Callable[..., Result]


def latest(local: Any) -> tuple[Home, str]:
    home = Home(local.plan.parent / ".roma-migrate")
    return home, home.run_ids()[-1]


def test_packages_and_log_go_and_the_next_run_still_skips(invoke: Invoke, quick: Any) -> None:
    quick.plan.write_text(
        quick.plan.read_text(encoding="utf-8").replace("settings: {", "settings: {keep_packages: always, "),
        encoding="utf-8",
    )
    assert invoke("run", "plan.yaml").exit_code == 0
    home, run = latest(quick)
    assert any(home.vault(run).iterdir())
    told = invoke("forget", run, "--yes")
    assert told.exit_code == 0, told.output
    assert "its journal stays for undo" in told.stdout
    assert list(home.vault(run).glob("*.zip")) == []
    assert not home.log(run).exists()
    lives = read_run(HomeStore(home), run).progress.packages.values()
    assert {life.state for life in lives} == {PackageState.DROPPED}
    posts = quick.posts
    again = invoke("run", "plan.yaml")
    assert (again.exit_code, quick.posts) == (0, posts)
    assert "nothing was left to bring" in again.stdout
    undone = invoke("undo", run, "--dry-run")
    assert "18 assets would be removed" in undone.stdout


def test_a_run_that_brought_nothing_goes_whole_and_nothing_behind_a_link(
    invoke: Invoke, past: Past, tmp_path: Path
) -> None:
    run = past.write("20270101-000000-aaaa", (*DONE[:3], e.RunEnded(1)))
    packages = past.home.vault(run)
    packages.mkdir(mode=0o700)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("mine", encoding="utf-8")
    (packages / "link").symlink_to(tmp_path / "elsewhere")
    told = invoke("forget", run, "--yes", "--json")
    assert told.exit_code == 0, told.output
    assert past.home.run_ids() == []
    assert [path.name for path in past.home.runs.iterdir()] == []
    assert (tmp_path / "elsewhere" / "kept").read_text(encoding="utf-8") == "mine"


def test_what_has_not_ended_is_not_forgotten(invoke: Invoke, past: Past) -> None:
    run = past.write("20270101-000000-aaaa", HALF_THERE)
    told = invoke("forget", run, "--yes")
    assert told.exit_code == 2
    assert "has not ended" in told.stderr
    assert past.home.run_ids() == [run]


def test_a_saved_preview_stays_used(invoke: Invoke, past: Past) -> None:
    store = HomeStore(past.home)
    past.home.make()
    began = e.RunBegan("t", "/plans/t.yaml", "{}", "olga", "host-1", 7, "0.1.0", approved="7f3a-19c2")
    store.create("20270101-000000-aaaa", "t", [began, e.RunEnded(1)], 1.0)
    told = invoke("forget", "20270101-000000-aaaa", "--yes")
    assert "saved preview" in told.stdout
    assert past.home.run_ids() == ["20270101-000000-aaaa"]


def test_old_runs_go_together_and_the_latest_of_a_plan_stays(invoke: Invoke, past: Past) -> None:
    past.at = 1_000_000_000.0
    runs = [past.write(f"2001090{n}-000000-aaaa", (*DONE[:3], e.RunEnded(1))) for n in (1, 2, 3)]
    told = invoke("forget", "--older-than", "90d", "--yes")
    assert told.exit_code == 0, told.output
    assert past.home.run_ids() == runs[2:]


@pytest.mark.parametrize("words", [(), ("20270102", "--older-than", "1d"), ("--older-than", "soon"), ("20270102",)])
def test_a_half_question_is_refused(invoke: Invoke, done: str, past: Past, words: tuple[str, ...]) -> None:
    assert invoke("forget", *words).exit_code == 2
    assert past.home.run_ids() == [done]
