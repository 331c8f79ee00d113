"""Whatever goes wrong, the operator reads sentences."""

import stat
from pathlib import Path

import pytest

from orchestrator.cli.context.error_boundary import leaves, through
from orchestrator.cli.output.terminal import Common, Terminal
from orchestrator.core.model.failures import Failed, Failure, RequestFailed
from orchestrator.errors import MemoryFailed, RomaMigrateError, ServiceRefuses


def _through(error: BaseException, home: Path | None = None) -> int:
    terminal = Terminal(Common())
    terminal.home, terminal.plan = home, Path("my plan.yaml")
    terminal.redactor.learn(["top-secret-value"])

    def work() -> int:
        raise error

    return through(terminal, work)


def test_an_error_of_ours_is_told_with_who_and_next(capfd: pytest.CaptureFixture[str]) -> None:
    assert _through(ServiceRefuses("no entry", next_step="roma-migrate run PLAN")) == 3
    told = capfd.readouterr().err
    assert told.splitlines() == [
        "roma-migrate: no entry", "who:  the owner of the credentials", "next: roma-migrate run 'my plan.yaml'",
    ]  # fmt: skip


def test_a_defect_is_70_with_its_details_in_a_private_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert _through(ZeroDivisionError("top-secret-value"), tmp_path) == 70
    told = capfd.readouterr().err
    assert "Traceback" not in told
    (file,) = tmp_path.iterdir()
    assert str(file) in told
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "ZeroDivisionError: ***" in file.read_text()


def test_the_worst_of_several_decides() -> None:
    group = BaseExceptionGroup("g", [ServiceRefuses("a"), BaseExceptionGroup("h", [MemoryFailed("b")])])
    assert [type(each) for each in leaves(group)] == [ServiceRefuses, MemoryFailed]
    assert _through(group) == 7


@pytest.mark.parametrize(
    ("failure", "code"), [(Failure.DENIED, 3), (Failure.GONE, 3), (Failure.NOT_SENT, 9), (Failure.HUNG, 9)]
)
def test_a_request_that_failed_is_a_sentence(failure: Failure, code: int, capfd: pytest.CaptureFixture[str]) -> None:
    error = RequestFailed(Failed(failure, "ROMA.1", "words", request_id="req-9"), request="GET apps at dev")
    assert _through(error) == code
    assert "GET apps at dev: ROMA.1 words (request_id req-9)" in capfd.readouterr().err


def test_an_interruption_is_130() -> None:
    assert _through(KeyboardInterrupt()) == 130


def test_a_file_that_cannot_be_used_is_our_memory(capfd: pytest.CaptureFixture[str]) -> None:
    assert _through(PermissionError(13, "Permission denied", "/home/x")) == 7
    assert "/home/x: permission denied" in capfd.readouterr().err


def test_any_error_of_ours_has_a_code() -> None:
    assert _through(RomaMigrateError("stalled")) == 70
