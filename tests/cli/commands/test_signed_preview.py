"""`run --approved FILE --signers FILE`: a second person's word, on a socket and with the real ssh-keygen."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

Invoke = Callable[..., Result]

if shutil.which("ssh-keygen") is None and not os.environ.get("CI"):
    pytest.skip("there is no ssh-keygen on the path", allow_module_level=True)


def key(folder: Path, name: str) -> Path:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
    return path


def sign(file: Path, by: Path) -> None:
    file.with_name(f"{file.name}.sig").unlink(missing_ok=True)
    words = ["ssh-keygen", "-q", "-Y", "sign", "-n", "roma-migrate", "-f", str(by), str(file)]
    subprocess.run(words, check=True, capture_output=True)


@pytest.fixture
def saved(invoke: Invoke, quick: Any, tmp_path: Path) -> Path:
    assert invoke("preview", "plan.yaml", "--save", "ok.json").exit_code == 0
    olga = key(tmp_path, "olga")
    (tmp_path / "signers").write_text(f"olga@example.com {olga.with_suffix('.pub').read_text()}")
    return tmp_path / "ok.json"


def test_a_run_begins_with_a_good_signature_only_and_journals_who_signed(
    invoke: Invoke, quick: Any, saved: Path, tmp_path: Path
) -> None:
    words = ("run", "plan.yaml", "--approved", "ok.json", "--signers", "signers")
    unsigned = invoke(*words)
    assert (unsigned.exit_code, "is not signed" in unsigned.stderr) == (4, True)
    sign(saved, key(tmp_path, "stranger"))
    stranger = invoke(*words, "--json")
    told = json.loads(stranger.stdout)
    assert (told["code"], "a stranger signed it" in told["error"], told["who"]) == (4, True, "the plan owner")
    assert invoke("preview", "plan.yaml", "--against", "ok.json", "--signers", "signers").exit_code == 4
    assert quick.posts == 0
    sign(saved, tmp_path / "olga")
    assert invoke("preview", "plan.yaml", "--against", "ok.json", "--signers", "signers").exit_code == 0
    run = invoke(*words)
    assert run.exit_code == 0, run.output
    report = json.loads(invoke("report", "--json").stdout)
    assert report["signed_by"].startswith("olga@example.com (ED25519 SHA256:")
    (signed,) = [act for act in report["acts"] if act["act"] == "sign"]
    assert signed["by"] == report["signed_by"]
    assert "signed by olga@example.com" in invoke("report").stdout


@pytest.mark.parametrize("words", [("run", "plan.yaml"), ("preview", "plan.yaml")])
def test_signers_alone_are_a_slip(invoke: Invoke, local: Any, words: tuple[str, ...]) -> None:
    assert invoke(*words, "--signers", "signers").exit_code == 2
