"""Odd things on a host: each is a sentence with a documented code, never a defect (70) and never a wait without end."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import ExitCode, OperatorError
from orchestrator.storage.home import Home
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, PlanText
from tests.e2e.local_roma import small_world

NOT_UTF8 = os.fsdecode(b"caf\xe9")


def test_pipes_in_place_of_a_plan_a_secret_or_an_approval_are_refused(serve: Serve, desk: Desk) -> None:
    text = PlanText(credentials={"at-dev": '{ak: "${file:pipe}", sk: "${file:pipe}"}', "at-prod": "{profile: sdk}"})
    desk.plan(serve(small_world()), text)
    os.mkfifo(desk.folder / "pipe")
    told = desk.run("validate", "pipe")
    assert (told.code, "nobody writes" in told.err) == (ExitCode.USAGE, True), told.both
    told = desk.run("preview", "plan.yaml")
    assert (told.code, "nobody writes" in told.err) == (ExitCode.USAGE, True), told.both
    told = desk.run("run", "plan.yaml", "--approved", "pipe")
    assert (told.code, "nobody writes" in told.err) == (ExitCode.USAGE, True), told.both


@pytest.mark.parametrize(
    "words",
    [
        ("run", "plan.yaml", "--note", NOT_UTF8),
        ("run", f"{NOT_UTF8}.yaml"),
        ("status", "--home", NOT_UTF8),
        ("resolve", "t", "--as", "absent", "--reason", NOT_UTF8),
        ("run", "plan.yaml", "--only", NOT_UTF8),
    ],
)
def test_words_and_paths_that_are_not_utf8_are_refused(desk: Desk, words: tuple[str, ...]) -> None:
    told = desk.run(*words)
    assert told.code == ExitCode.USAGE, told.both
    assert r"is not UTF-8 text: " in told.err
    assert r"caf\udce9" in told.err
    assert "next:" in told.err


def test_a_home_that_is_open_to_others_is_told_and_closed_by_the_next_run(serve: Serve, desk: Desk) -> None:
    desk.ready(serve(small_world()))
    desk.home.chmod(0o777)
    (desk.home / "runs").chmod(0o750)
    told = desk.run("runs")
    assert "mode 0777" in told.err
    assert stat.S_IMODE(desk.home.stat().st_mode) == 0o777, "who only looks mends nothing"
    told = desk.run("run", "plan.yaml")
    assert told.code == ExitCode.DONE, told.both
    assert "was open to others" in told.err
    assert "mode 0777" in told.err
    assert [stat.S_IMODE(each.stat().st_mode) for each in (desk.home, desk.home / "runs")] == [0o700, 0o700]


def test_a_home_of_another_user_is_refused(tmp_path: Path) -> None:
    theirs = Path("/usr")
    if os.geteuid() == 0:
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        os.chown(theirs, 54321, -1)
    with pytest.raises(OperatorError, match="belongs to") as caught:
        Home(theirs).must_be_ours()
    assert "--home" in caught.value.next_step
    told = Desk(tmp_path).run("status", "--home", str(theirs))
    assert (told.code, "belongs to" in told.err) == (ExitCode.USAGE, True), told.both


def _link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to(path.with_name("moved"))


def _pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("place", "lay"),
    [("runs", _link), ("plans", _link), ("plans/t.lock", _pipe), ("home.lock", _pipe), ("slots.db", _pipe)],
)
def test_what_lies_in_a_homes_place_is_neither_followed_nor_waited_for(
    serve: Serve, desk: Desk, place: str, lay: Callable[[Path], None]
) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    lay(desk.home / place)
    told = desk.run("run", "plan.yaml")
    assert told.code == ExitCode.MEMORY, told.both
    assert str(desk.home / place) in told.err
    assert "next:" in told.err
    assert roma.posts() == 0
