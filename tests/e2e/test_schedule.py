"""A plan in a scheduler's hands: a run that is stopped by its deadline is finished by the next scheduled start."""

import shlex
import signal
from pathlib import Path

from orchestrator.emulator.world.operations import Operation
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, Desk, read_until
from tests.e2e.local_roma import PATIENCE, large_world


def _commands(desk: Desk) -> tuple[list[str], list[str]]:
    """What the crontab begins and goes on with, without its look at the clock, started as the program under test."""
    told = desk.run("schedule", "plan.yaml", "--as", "cron", "--at", "daily 02:00", "--timezone", "UTC", "--json")
    assert told.code == 0, told.both
    lines = [line for line in told.document["files"][0]["text"].splitlines() if " run " in line and line[0] != "#"]
    begin, go_on = (shlex.split(line.replace(r"\%", "%").rpartition("|| ")[2]) for line in (lines[0], lines[-1]))
    return begin[1:], go_on[go_on.index("run") :]


def test_a_run_that_its_deadline_stopped_is_finished_by_the_next_start(
    serve: Serve, desk: Desk, tmp_path: Path
) -> None:
    roma = serve(large_world())
    desk.ready(roma)
    # As cron starts it: the secrets are files, and nothing else is in the environment.
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    for name, value in desk.environment.items():
        (folder / name).write_text(value, encoding="utf-8")
    desk.environment = {"CREDENTIALS_DIRECTORY": str(folder), "ROMA_MIGRATE_HOME": str(desk.home)}
    begin, go_on = _commands(desk)
    assert desk.run(*go_on, "--json").document["why"] == "plan t has no unfinished run"
    roma.hold(Operation.IMPORT)
    with desk.start(*begin, *LINES) as program:
        read_until(program.stderr, "import-accepted")
        assert desk.run(*go_on, "--json").document["due"] is False
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=PATIENCE)
    assert program.returncode == 143
    roma.release()
    said = desk.run(*go_on)
    assert said.code == 0, said.both
    assert roma.held() == roma.everything()
    assert roma.twice() == {}
    again = desk.run(*go_on)
    assert (again.code, again.both.strip()) == (0, "")
