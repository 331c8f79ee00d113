"""`--journal`: the same commands over journals in PostgreSQL, and what is refused of an address."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import Result

from tests.builders.postgres_server import PASSWORD, PostgresServer
from tests.cli.conftest import HALF_THERE, Local, Past

Invoke = Callable[..., Result]
Run = Callable[..., Result]


@pytest.fixture
def address(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database, its password as a reference."""
    monkeypatch.setenv("T_JOURNAL", PASSWORD)
    monkeypatch.delenv("ROMA_MIGRATE_JOURNAL", raising=False)
    return with_password(postgres.uri(postgres.database()), "${env:T_JOURNAL}")


def with_password(uri: str, password: str) -> str:
    return uri.replace("@", f":{password}@")


def sql(address: str, statement: str) -> list[tuple[object, ...]]:
    uri = with_password(address.replace(":${env:T_JOURNAL}", ""), PASSWORD)
    with psycopg.connect(uri, options="-c search_path=roma_migrate") as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def journal(invoke: Invoke, address: str) -> str:
    """The same with our tables."""
    assert invoke("journal", "upgrade", "--journal", address).exit_code == 0
    # A command here is this very process, which must not end with a lease however busy the machine is.
    sql(address, "UPDATE meta SET value = '600' WHERE name = 'ttl'")
    return address


@pytest.fixture
def run(invoke: Invoke, journal: str) -> Run:
    return lambda *words: invoke(*words, "--journal", journal)


# --- its tables ---


def test_upgrade_makes_the_tables_once(invoke: Invoke, address: str) -> None:
    first = invoke("journal", "upgrade", "--journal", address, "--json")
    assert json.loads(first.stdout) == {
        "journal": address.replace(":${env:T_JOURNAL}", ""),
        "applied": [1, 2, 3],
        "code": 0,
    }
    again = invoke("journal", "upgrade", "--journal", address)
    assert (again.exit_code, "nothing to do" in again.stdout) == (0, True)


def test_a_database_without_our_tables_is_named_with_the_cure(invoke: Invoke, address: str) -> None:
    told = invoke("runs", "--journal", address)
    assert told.exit_code == 2
    assert "holds no journals" in told.stderr
    assert "roma-migrate journal upgrade" in told.stderr


def test_newer_tables_are_neither_read_nor_written(run: Run, journal: str) -> None:
    sql(journal, "UPDATE meta SET value = '999' WHERE name = 'schema'")
    for words in (("runs",), ("journal", "upgrade")):
        told = run(*words)
        assert told.exit_code == 2
        assert "newer roma-migrate (version 999" in told.stderr


def test_an_unknown_action_and_no_database_are_told(invoke: Invoke, run: Run) -> None:
    assert "journal has no 'mend'" in run("journal", "mend").stderr
    told = invoke("journal", "upgrade")
    assert (told.exit_code, "no database is named" in told.stderr) == (2, True)


# --- its address ---


@pytest.mark.parametrize("form", ["{0}:hunter2secret@{1}", "{0}@{1}?password=hunter2secret", "{0}:hunter2secret"])
def test_a_password_in_the_open_is_refused_and_not_repeated(invoke: Invoke, address: str, form: str) -> None:
    user, host = address.replace(":${env:T_JOURNAL}", "").removeprefix("postgresql://").split("@")
    told = invoke("runs", "--journal", "postgresql://" + form.format(user, host))
    assert told.exit_code == 2
    assert "hunter2secret" not in told.stdout + told.stderr


@pytest.mark.parametrize("text", ["mysql://h/db", "/a/path", "postgresql://", "postgresql://u@h@i/db"])
def test_what_is_no_address_is_refused(invoke: Invoke, text: str) -> None:
    told = invoke("runs", "--journal", text)
    assert (told.exit_code, "--journal" in told.stderr) == (2, True)


def test_a_password_that_is_not_set_is_named(invoke: Invoke, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("T_JOURNAL")
    told = invoke("runs", "--journal", address)
    assert told.exit_code == 2
    assert "--journal: ${env:T_JOURNAL} is not set" in told.stderr


def test_a_wrong_password_is_told_as_the_databases_refusal(
    invoke: Invoke, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_JOURNAL", "wrong-password-here")
    told = invoke("runs", "--journal", journal)
    assert told.exit_code == 2
    assert "refuses us" in told.stderr
    assert "wrong-password-here" not in told.stdout + told.stderr


# --- a run kept in it ---


def test_every_command_finds_the_run_in_the_database(quick: Local, run: Run, invoke: Invoke, tmp_path: Path) -> None:
    home = ("--home", str(tmp_path / "its-home"))
    done = run("run", str(quick.plan), "--note", "CHG-7", *home)
    assert done.exit_code == 0, done.stderr
    assert list((tmp_path / "its-home" / "runs").glob("*/journal.db")) == []
    (listed,) = json.loads(run("runs", "--json", *home).stdout)["runs"]
    assert (listed["code"], listed["note"], listed["selected"]) == (0, "CHG-7", 18)
    for words in (("status",), ("report",), ("report", "--json"), ("handover",), ("verify", "t"), ("resolve",)):
        told = run(*words, *home)
        assert told.exit_code == 0, (words, told.stderr)
    evidence = tmp_path / "evidence.zip"
    assert run("report", "--evidence", str(evidence), *home).exit_code == 0
    assert invoke("check-evidence", str(evidence)).exit_code == 0
    again = run("run", str(quick.plan), *home)
    assert (again.exit_code, "nothing was left to bring" in again.stdout) == (0, True)
    undone = run("undo", str(listed["run"]), "--yes", *home)
    assert undone.exit_code == 0, undone.stderr
    shown = "".join(each.stdout + each.stderr for each in (done, again, undone))
    kept = [path.read_bytes() for path in (tmp_path / "its-home").rglob("*") if path.is_file()]
    assert PASSWORD not in shown
    assert not any(PASSWORD.encode() in content for content in kept)


def test_the_commands_that_are_told_name_the_journal(quick: Local, run: Run, tmp_path: Path, journal: str) -> None:
    home = ("--home", str(tmp_path / "its-home"))
    run("run", str(quick.plan), *home)
    assert f"--journal '{journal}'" in run("report", *home).stdout


def test_an_undecided_outcome_is_resolved_in_the_database(run: Run, past: Past, journal: str, tmp_path: Path) -> None:
    home = tmp_path / "its-home"
    name = past.into(journal, home, "20270101-000000-aaaa", HALF_THERE)
    told = run("resolve", name, "--as", "imported", "--reason", "looked", "--home", str(home))
    assert told.exit_code == 0, told.stderr
    assert sql(journal, "SELECT kind FROM event ORDER BY seq DESC LIMIT 1") == [("Resolved",)]


def test_a_home_keeps_its_runs_in_one_place(quick: Local, run: Run, invoke: Invoke, tmp_path: Path) -> None:
    home = ("--home", str(tmp_path / "its-home"))
    run("run", str(quick.plan), *home)
    told = invoke("run", str(quick.plan), *home)
    assert told.exit_code == 2
    assert "are kept in postgresql://" in told.stderr
    assert "name its journal with --journal" in told.stderr
    other = run("status", "--home", str(tmp_path / ".roma-migrate"))
    assert (other.exit_code, "keeps journals of its own" in other.stderr) == (2, True)


def test_a_restored_database_needs_a_persons_word(quick: Local, run: Run, journal: str, tmp_path: Path) -> None:
    home = ("--home", str(tmp_path / "its-home"))
    sql(journal, "UPDATE meta SET value = '00000000' WHERE name = 'timeline'")
    told = run("run", str(quick.plan), *home)
    assert told.exit_code == 5
    assert "may lack what was written last" in told.stderr
    assert quick.posts == 0
    assert run("journal", "vouch").exit_code == 0
    assert run("run", str(quick.plan), *home).exit_code == 0
