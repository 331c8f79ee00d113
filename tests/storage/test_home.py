"""The home: private, one process a plan, found where an operator expects it."""

import stat
from pathlib import Path

import pytest

from orchestrator.errors import MemoryFailed, OperatorError
from orchestrator.storage.home import DEFAULT_NAME, Home, find_home, pick_run


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    return home


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- what lies in it ---


def test_a_home_is_for_its_owner_alone_and_hidden_from_version_control(home: Home) -> None:
    for folder in (home.path, home.runs, home.path / "plans"):
        assert mode(folder) == 0o700
    assert (home.path / ".gitignore").read_text() == "*\n"
    assert mode(home.path / ".gitignore") == 0o600


def test_making_it_again_changes_nothing(home: Home) -> None:
    (home.path / ".gitignore").write_text("mine\n")
    home.make()
    assert (home.path / ".gitignore").read_text() == "mine\n"


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MemoryFailed, match="cannot be created") as caught:
        Home(tmp_path / "file" / "home").make()
    assert "--home" in caught.value.next_step


def test_runs_are_those_with_a_journal_oldest_first(home: Home) -> None:
    for run in ("20270102-1", "20270101-9", "20270103-5"):
        home.run_path(run).mkdir()
    for run in ("20270102-1", "20270101-9"):
        home.journal(run).touch()
    assert home.run_ids() == ["20270101-9", "20270102-1"]


def test_a_home_that_does_not_exist_has_no_runs_and_is_not_created(tmp_path: Path) -> None:
    home = Home(tmp_path / "none")
    assert (home.run_ids(), home.exists()) == ([], False)
    assert list(tmp_path.iterdir()) == []


def test_each_run_has_its_own_journal_log_and_vault(home: Home) -> None:
    paths = {home.journal("r"), home.log("r"), home.vault("r")}
    assert {path.parent for path in paths} == {home.run_path("r")}
    assert len(paths) == 3


def test_a_file_system_that_a_restart_forgets_is_told(home: Home, tmp_path: Path) -> None:
    assert home.fleeting() in {"", "tmpfs", "overlay", "ramfs"}
    if Path("/dev/shm").is_dir():
        assert Home(Path("/dev/shm/no-such-home")).fleeting() == "tmpfs"


# --- where it is ---


@pytest.mark.parametrize(
    ("given", "environ", "plan", "found"),
    [
        ("given", "named", "plans/x.yaml", "given"),
        (None, "named", "plans/x.yaml", "named"),
        (None, "", "plans/x.yaml", f"plans/{DEFAULT_NAME}"),
        (None, "", None, f"here/{DEFAULT_NAME}"),
    ],
)
def test_the_option_goes_before_the_environment_before_the_plans_folder(
    tmp_path: Path, given: str | None, environ: str, plan: str | None, found: str
) -> None:
    home = find_home(
        tmp_path / given if given else None,
        {"ROMA_MIGRATE_HOME": str(tmp_path / environ)} if environ else {},
        tmp_path / plan if plan else None,
        tmp_path / "here",
    )
    assert home.path == tmp_path / found


def test_without_a_plan_the_nearest_parents_home_is_taken(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (tmp_path / DEFAULT_NAME).mkdir()
    (tmp_path / "a" / DEFAULT_NAME).mkdir()
    assert find_home(None, {}, None, deep).path == tmp_path / "a" / DEFAULT_NAME


# --- which run ---

RUNS = ["20270101-080000-aaaa", "20270101-080000-aabb", "20270102-080000-cccc", "20270102"]


@pytest.mark.parametrize(
    ("beginning", "run"),
    [("20270101-080000-aab", RUNS[1]), (RUNS[0], RUNS[0]), ("20270102", "20270102"), ("20270102-", RUNS[2])],
)
def test_a_run_is_known_by_its_id_or_a_unique_beginning(beginning: str, run: str) -> None:
    assert pick_run(RUNS, beginning) == run


def test_a_beginning_of_several_runs_names_them() -> None:
    with pytest.raises(OperatorError, match=r"begins 2 runs: .*aaaa, .*aabb"):
        pick_run(RUNS, "20270101")


def test_a_run_that_does_not_exist_is_told() -> None:
    with pytest.raises(OperatorError, match="there is no run 'x'"):
        pick_run(RUNS, "x")
