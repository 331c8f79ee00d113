"""Whatever becomes of a journal's bytes, it is read as it was written or refused; nobody sees a traceback."""

import sqlite3
import tempfile
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from orchestrator.cli.app import build
from orchestrator.core.state.events import Entry
from orchestrator.core.state.folding import folded
from orchestrator.emulator.world.operations import Operation
from orchestrator.errors import ExitCode, MemoryFailed
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.e2e.desk import LINES, Desk, earlier, read_until
from tests.e2e.local_roma import PATIENCE, local_roma, small_world

RUN = "20200101-000000-0000"
FUZZ = settings(max_examples=100)


@lru_cache(maxsize=1)
def _sound() -> tuple[bytes, dict[str, bytes], tuple[Entry, ...]]:
    """A journal's bytes, what lies beside it, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / ".roma-migrate")
        earlier(home, ["prod", "dr"], RUN)
        beside = {path.name: path.read_bytes() for path in home.run_path(RUN).iterdir()}
        return beside.pop("journal.db"), beside, tuple(HomeStore(home).read(RUN))


def _size() -> int:
    return len(_sound()[0])


def _read_back(content: bytes) -> None:
    """Read it by the store and by `status`."""
    _, beside, entries = _sound()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / ".roma-migrate")
        home.make()
        home.run_path(RUN).mkdir()
        for name, held in {"journal.db": content, **beside}.items():
            (home.run_path(RUN) / name).write_bytes(held)
        with suppress(MemoryFailed):
            found = tuple(HomeStore(home).read(RUN))
            folded(iter(found))
            assert found == entries
        told = CliRunner().invoke(build(), ["status", "--home", str(home.path)])
        assert told.exit_code in {ExitCode.DONE, ExitCode.USAGE, ExitCode.MEMORY}, told.output
        assert "Traceback" not in told.output
        assert not list(home.path.glob("defect-*"))


@FUZZ
@given(flips=st.lists(st.tuples(st.floats(0, 0.999999), st.integers(1, 255)), min_size=1, max_size=6))
def test_flipped_bytes_are_found(flips: list[tuple[float, int]]) -> None:
    content = bytearray(_sound()[0])
    for place, mask in flips:
        content[int(place * len(content))] ^= mask
    _read_back(bytes(content))


@FUZZ
@given(end=st.floats(0, 1), tail=st.binary(max_size=64))
def test_a_torn_end_is_found(end: float, tail: bytes) -> None:
    _read_back(_sound()[0][: int(end * _size())] + tail)


@FUZZ
@given(begin=st.floats(0, 1), length=st.sampled_from([16, 512, 4096]), fill=st.sampled_from([b"\x00", b"\xff", b"7"]))
def test_a_lost_sector_is_found(begin: float, length: int, fill: bytes) -> None:
    content = bytearray(_sound()[0])
    place = int(begin * max(0, _size() - length))
    content[place : place + length] = fill * length
    _read_back(bytes(content))


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty", "foreign"])
def test_a_run_over_a_damaged_journal_sends_nothing_and_ends_7(damage: str, tmp_path: Path) -> None:
    with local_roma(small_world()) as roma:
        desk = Desk(tmp_path)
        desk.ready(roma)
        roma.hold(Operation.IMPORT)
        with desk.start("run", "plan.yaml", *LINES) as program:
            read_until(program.stderr, "import-accepted")
            program.kill()
            program.communicate(timeout=PATIENCE)
        posts = roma.posts()
        (journal,) = (path for path in desk.home.glob("runs/*/journal.db") if RUN not in str(path))
        _settle(journal)
        _damage(journal, damage)
        said = desk.run("run", "plan.yaml")
        assert said.code == ExitCode.MEMORY, said.both
        assert "next:" in said.err
        assert "Traceback" not in said.err
        assert roma.posts() == posts
        assert desk.run("status", "t").code == ExitCode.MEMORY


def _settle(journal: Path) -> None:
    """Bring what still lies beside the file into it, as the next reader would."""
    with closing(sqlite3.connect(journal)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _damage(journal: Path, how: str) -> None:
    content = journal.read_bytes()
    place = content.rindex(b"ImportRequested")
    match how:
        case "torn":
            journal.write_bytes(content[: len(content) * 2 // 3])
        case "flipped":
            journal.write_bytes(content[:place] + b"ImportREquested" + content[place + 15 :])
        case "empty":
            journal.write_bytes(b"")
        case _:
            journal.write_bytes(b"no database at all\n" * 300)
