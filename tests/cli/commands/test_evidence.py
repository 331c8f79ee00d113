"""`report --evidence` and `check-evidence`: what proves a run, packed and checked."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from orchestrator.storage.evidence import check, pack

Invoke = Callable[..., Result]


@pytest.fixture
def packed(invoke: Invoke, done: str, tmp_path: Path) -> Path:
    told = invoke("report", "--evidence", "proof.zip")
    assert (told.exit_code, told.stdout) == (0, "")
    return tmp_path / "proof.zip"


def test_evidence_holds_report_plan_journal_and_digests(packed: Path, done: str, invoke: Invoke) -> None:
    assert packed.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == [
            "manifest.json", "report.html", "report.md", "report.json", "map.csv", "plan.json", "packages.sha256",
            "journal.jsonl",
        ]  # fmt: skip
        report = json.loads(archive.read("report.json"))
        assert report["run"] == done
        assert archive.read("packages.sha256").decode() == f"{'ab' * 32}  b1.zip\n"
        manifest, lines = json.loads(archive.read("manifest.json")), archive.read("journal.jsonl").splitlines()
    assert report["chain"] == {"entries": len(lines), "digest": json.loads(lines[-1])["chain"]}
    assert (manifest["entries"], manifest["head"]) == (len(lines), report["chain"]["digest"])
    assert f"the head of its chain is {manifest['head']}" in invoke("report").stdout


def test_a_whole_file_is_proved_anywhere_without_a_home(
    packed: Path, done: str, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = json.loads(invoke("report", "--json").stdout)["chain"]["digest"]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    told = invoke("check-evidence", str(packed), "--json")
    document = json.loads(told.stdout)
    assert (told.exit_code, document["whole"], document["run"], document["head"]) == (0, True, done, head)
    assert (document["report_compared"], document["head_compared"]) == (True, False)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    known = invoke("check-evidence", str(packed), "--head", head)
    assert (known.exit_code, "is the one that you gave" in known.stdout) == (0, True)
    other = invoke("check-evidence", str(packed), "--head", "0" * 64)
    assert (other.exit_code, f"the head of its chain is {head}, not 000" in other.stderr) == (7, True)


def test_a_flipped_byte_is_7_and_named(packed: Path, invoke: Invoke) -> None:
    content = bytearray(packed.read_bytes())
    content[content.index(b"<!doctype html>") + 20] ^= 1
    packed.write_bytes(content)
    told = invoke("check-evidence", "proof.zip")
    assert told.exit_code == 7
    assert "proof.zip: report.html is not what was packed" in told.stderr
    assert "who:  whoever keeps the file" in told.stderr
    assert "next: take another copy of it" in told.stderr


def test_a_report_that_was_packed_anew_with_other_words_is_found(packed: Path, invoke: Invoke) -> None:
    found = check(packed.read_bytes())
    report = json.loads(found.files["report.json"])
    report["lanes"][0]["counts"]["verified"] += 1
    files = {name: content for name, content in found.files.items() if name != "journal.jsonl"}
    forged = {**files, "report.json": json.dumps(report).encode()}
    packed.write_bytes(pack(found.run, found.plan, found.version, found.rows, forged))
    told = invoke("check-evidence", "proof.zip")
    assert (told.exit_code, "does not tell what the journal tells: lanes" in told.stderr) == (7, True)
    for name in ("plan.json", "packages.sha256"):
        packed.write_bytes(pack(found.run, found.plan, found.version, found.rows, {**files, name: b"other"}))
        assert name in invoke("check-evidence", "proof.zip").stderr
    packed.write_bytes(pack(found.run, found.plan, "99.0", found.rows, forged))
    assert "packed by version 99.0" in invoke("check-evidence", "proof.zip").stdout


def test_a_journal_that_is_none_is_7(packed: Path, invoke: Invoke) -> None:
    found = check(packed.read_bytes())
    files = {name: content for name, content in found.files.items() if name != "journal.jsonl"}
    packed.write_bytes(pack(found.run, found.plan, found.version, found.rows[:0], files))
    assert "its journal tells of no run" in invoke("check-evidence", "proof.zip").stderr
    strange = replace(found.rows[0], kind="Nonsense")
    packed.write_bytes(pack(found.run, found.plan, found.version, [strange], files))
    assert invoke("check-evidence", "proof.zip").exit_code == 7


def test_what_is_no_evidence_is_7_and_what_cannot_be_read_is_2(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("notes.txt", "notes")
    (tmp_path / "other.zip").write_bytes(held.getvalue())
    assert invoke("check-evidence", "notes.txt").exit_code == 7
    assert invoke("check-evidence", "other.zip").exit_code == 7
    assert invoke("check-evidence", "nowhere.zip").exit_code == 2
    assert invoke("check-evidence", ".").exit_code == 2


def test_evidence_is_of_a_whole_run_and_never_overwritten(packed: Path, invoke: Invoke) -> None:
    before = packed.read_bytes()
    again = invoke("report", "--evidence", "proof.zip")
    assert (again.exit_code, "never overwritten" in again.stderr) == (2, True)
    assert packed.read_bytes() == before
    assert invoke("report", "--evidence", "more.zip", "--only", "app:*").exit_code == 2


def test_the_evidence_of_an_unfinished_run_holds_what_there_is(invoke: Invoke, half_there: str) -> None:
    assert invoke("report", half_there, "--evidence", "proof.zip").exit_code == 0
    assert invoke("check-evidence", "proof.zip").exit_code == 0
