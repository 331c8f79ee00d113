"""Who signed a saved preview: judged by the real ssh-keygen, with keys made for the test."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.cli.context.signature import signer_of
from orchestrator.errors import OperatorError, PreflightBlocked

if shutil.which("ssh-keygen") is None and not os.environ.get("CI"):
    pytest.skip("there is no ssh-keygen on the path", allow_module_level=True)

CONTENT = b'{"roma_migrate_preview": 1}\n'


class Desk:
    """Keys, a list of signers and a file to sign."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file, self.signers = folder, folder / "ok.json", folder / "signers"
        self.file.write_bytes(CONTENT)
        self.signers.write_text("")

    def key(self, name: str) -> Path:
        path = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
        return path

    def may_sign(self, key: Path, who: str, options: str = "") -> None:
        public = key.with_suffix(".pub").read_text()
        with self.signers.open("a") as file:
            file.write(f"{who} {options} {public}")

    def sign(self, key: Path, namespace: str = "roma-migrate") -> None:
        self.file.with_name("ok.json.sig").unlink(missing_ok=True)
        words = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(key), str(self.file)]
        subprocess.run(words, check=True, capture_output=True)

    def signer(self) -> str:
        return signer_of(self.file, self.file.read_bytes(), self.signers)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_good_signature_tells_who_and_with_which_key(desk: Desk) -> None:
    olga = desk.key("olga")
    desk.may_sign(desk.key("igor"), "igor@example.com")
    desk.may_sign(olga, "olga@example.com")
    desk.sign(olga)
    told = subprocess.run(["ssh-keygen", "-l", "-f", olga], check=True, capture_output=True, text=True).stdout
    assert desk.signer() == f"olga@example.com (ED25519 {told.split()[1]})"


def test_one_key_may_stand_under_several_names(desk: Desk) -> None:
    olga = desk.key("olga")
    desk.may_sign(olga, "board@example.com,olga@example.com")
    desk.sign(olga)
    assert desk.signer().startswith("board@example.com (")


def test_a_strangers_signature_is_refused(desk: Desk) -> None:
    desk.may_sign(desk.key("olga"), "olga@example.com")
    desk.sign(desk.key("stranger"))
    with pytest.raises(PreflightBlocked, match="no good signature") as told:
        desk.signer()
    assert told.value.exit_code == 4
    assert "ssh-keygen -Y sign -n roma-migrate" in told.value.next_step


def test_a_changed_byte_is_refused(desk: Desk) -> None:
    olga = desk.key("olga")
    desk.may_sign(olga, "olga@example.com")
    desk.sign(olga)
    desk.file.write_bytes(CONTENT.replace(b"1", b"2"))
    with pytest.raises(PreflightBlocked, match="no good signature"):
        desk.signer()


def test_a_signature_for_another_purpose_is_refused(desk: Desk) -> None:
    olga = desk.key("olga")
    desk.may_sign(olga, "olga@example.com")
    desk.sign(olga, "git")
    with pytest.raises(PreflightBlocked, match="another purpose"):
        desk.signer()


@pytest.mark.parametrize("options", ['valid-before="20200101"', 'namespaces="git"'])
def test_a_key_that_may_not_sign_this_now_is_refused(desk: Desk, options: str) -> None:
    olga = desk.key("olga")
    desk.may_sign(olga, "olga@example.com", options)
    desk.sign(olga)
    with pytest.raises(PreflightBlocked):
        desk.signer()


def test_without_a_signature_nobody_has_approved_it(desk: Desk) -> None:
    with pytest.raises(PreflightBlocked, match=r"not signed: there is no .*ok\.json\.sig"):
        desk.signer()


def test_signers_that_cannot_be_read_are_a_slip_of_the_command_line(desk: Desk) -> None:
    desk.signers.unlink()
    with pytest.raises(OperatorError, match=r"--signers .*no such file") as told:
        desk.signer()
    assert told.value.exit_code == 2


def test_without_the_program_it_says_what_to_install(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(desk.folder))
    with pytest.raises(OperatorError, match="needs the program ssh-keygen") as told:
        desk.signer()
    assert (told.value.exit_code, "openssh-client" in told.value.next_step) == (2, True)


def test_garbage_in_place_of_a_signature_is_refused(desk: Desk) -> None:
    desk.may_sign(desk.key("olga"), "olga@example.com")
    desk.file.with_name("ok.json.sig").write_bytes(b"\x00\xff" * 100)
    with pytest.raises(PreflightBlocked, match="no good signature"):
        desk.signer()
