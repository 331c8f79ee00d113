"""Whether a saved preview was signed by one of those who may approve it. Law: only `ssh-keygen` judges, and offline.

The signature lies beside the file (`FILE.sig`) and is of the very bytes that are carried out. `ssh-keygen` is called
without a shell, with a bounded wait, and with nothing from this process's environment but the search path.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import OperatorError, PreflightBlocked
from orchestrator.storage.inputs import read_input

#: what a signature is for: one made for another purpose is refused
NAMESPACE = "roma-migrate"
#: seconds
_PATIENCE = 30.0
_GOOD = re.compile(r"with (\S+) key (SHA256:\S+)")


def signer_of(path: Path, content: bytes, signers: Path) -> str:
    """Who signed: `olga@example.com (ED25519 SHA256:...)`. Raises PreflightBlocked (4) where nobody of `signers` did.

    `content` are the bytes of `path`, read once by the caller. OperatorError (2): it cannot be judged here.
    """
    program = _program()
    _must_be_readable(signers, "--signers")
    signature = path.with_name(path.name + ".sig")
    if not signature.is_file():
        raise PreflightBlocked(f"{path} is not signed: there is no {signature}", next_step=_how(path))
    for who in _principals(program, signature, signers):
        words = ["-Y", "verify", "-f", _file(signers), "-I", who, "-n", NAMESPACE, "-s", _file(signature)]
        code, told = _call(program, words, content)
        if code == 0:
            found = _GOOD.search(told)
            return f"{who} ({' '.join(found.groups())})" if found else who
    raise PreflightBlocked(
        f"{signature} is no good signature of {path} by anybody in {signers}: the file was changed, a stranger signed "
        f"it, the key has expired or was revoked, or it was signed for another purpose than {NAMESPACE}",
        next_step=_how(path),
    )


def _how(path: Path) -> str:
    return f"have it signed by one of them: ssh-keygen -Y sign -n {NAMESPACE} -f THEIR-KEY {path}"


def _program() -> str:
    found = shutil.which("ssh-keygen")
    if found is None:
        raise OperatorError(
            "--signers needs the program ssh-keygen, and there is none on the path",
            next_step="install the client of OpenSSH 8.2 or later (Debian: openssh-client), then run again",
        )
    return found


def _must_be_readable(path: Path, option: str) -> None:
    try:
        read_input(path, 1)
    except OSError as error:
        raise OperatorError(f"{option} {path} cannot be read: {(error.strerror or 'failed').lower()}") from None


def _principals(program: str, signature: Path, signers: Path) -> Iterator[str]:
    """The names under which `signers` hold the key that signed; none for a stranger's."""
    words = ["-Y", "find-principals", "-f", _file(signers), "-s", _file(signature)]
    code, told = _call(program, words, b"")
    if code == 0:
        yield from (who for line in told.splitlines() for who in line.strip().split(",") if who)


def _file(path: Path) -> str:
    """A whole path, which no option can be taken for."""
    return str(path.absolute())


def _call(program: str, words: list[str], content: bytes) -> tuple[int, str]:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and each word is ours or a whole path
            [program, *words], input=content, capture_output=True, check=False, timeout=_PATIENCE, env=environment
        )
    except subprocess.TimeoutExpired:
        raise OperatorError(f"ssh-keygen did not answer within {_PATIENCE:.0f} s", next_step="run again") from None
    except OSError as error:
        raise OperatorError(f"{program} cannot be started: {(error.strerror or 'failed').lower()}") from None
    return done.returncode, done.stdout.decode("utf-8", "replace")
