"""Known secrets are planted, everything that can go wrong goes wrong, and every byte left or said is searched."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.generate import DEV_USER, PROD_USER, Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.storage.home import Home
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, Desk, earlier, read_until
from tests.e2e.echoing import Asked, echoing
from tests.e2e.local_roma import BLINK, PATIENCE, LocalRoma

KEY, SIGNER, PASSWORD = "AKPLANTED0000000SESAME", "sk/planted+SESAME=0000000000000000000000", "pw-planted/SESAME+%é&0"
PLANTED = (
    replace(DEV_USER, ak=KEY, sk=SIGNER, password="never-used-SESAME-1"),
    replace(PROD_USER, ak="AKNEVERUSED", sk="never-used-SESAME-2", password=PASSWORD),
)
WRONG = "a-wrong-SESAME-of-the-operator"


def _spellings(secret: str) -> set[bytes]:
    """The secret as it might be written: plain, quoted for addresses and JSON, in base64."""
    plain = secret.encode()
    json_like = secret.replace("/", "\\/").encode()
    escaped = secret.encode("ascii", "backslashreplace")
    return {plain, quote(secret, safe="").encode(), json_like, escaped, base64.b64encode(plain).rstrip(b"=")}


def _tokens(roma: LocalRoma) -> list[str]:
    """Every token that was issued."""
    return list(roma.ask(lambda api: dict.fromkeys(api.identity._tokens)))


def _search(where: dict[str, bytes], secrets: list[str]) -> None:
    for name, content in where.items():
        for secret in secrets:
            for spelling in _spellings(secret):
                assert spelling not in content, f"{secret[:12]}... stands in {name}"


def _everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "plan.yaml"}


@pytest.mark.timeout(500)  # a dozen commands, one after the other
def test_no_secret_is_left_or_said_whatever_goes_wrong(serve: Serve, desk: Desk) -> None:
    filling = Filling(calls={}, unreleased_every=0)
    roma = serve(generate(8, 22, filling=filling, users=PLANTED, durations=BLINK, token_lifetime=2.0))
    desk.ready(roma)
    said: dict[str, bytes] = {}

    def note(name: str, *words: str) -> int:
        told = desk.run(*words)
        said[f"what {name} said"] = told.both.encode()
        return told.code

    right = desk.environment["DEV_MIGRATOR_SK"], desk.environment["PROD_MIGRATOR_PW"]
    desk.environment["PROD_MIGRATOR_PW"] = WRONG
    assert note("a wrong password", "run", "plan.yaml", "--log-level", "debug") == 3
    desk.environment |= {"DEV_MIGRATOR_SK": WRONG, "PROD_MIGRATOR_PW": right[1]}
    assert note("a wrong key", "run", "plan.yaml", "--log-level", "debug") == 3
    desk.environment["DEV_MIGRATOR_SK"] = right[0]
    for kind in (Kind.GARBAGE_200, Kind.TOKEN_EXPIRED_EARLY):
        roma.strike(kind, Operation.IMPORT)
    roma.strike(Kind.RESET_AFTER_SEND, Operation.ARCHIVE)
    assert note("a run", "run", "plan.yaml", "--json", "--log-level", "debug") == 0
    for words in (("report",), ("report", "--json"), ("status",), ("preview", "plan.yaml")):
        note(words[0], *words)
    assert note("inventory", "inventory", "plan.yaml", "prod", "--json") == 0
    tokens = _tokens(roma)
    assert tokens
    secrets = [KEY, SIGNER, PASSWORD, WRONG, "SESAME", *(token[:40] for token in tokens)]
    kept = _everything(desk.home)
    assert any(name.endswith("journal.db") for name in kept)
    assert any(name.endswith("run.log") for name in kept)
    _search(kept | said, secrets)


def test_a_killed_run_leaves_no_secret_and_nothing_that_others_may_read(serve: Serve, desk: Desk) -> None:
    filling = Filling(calls={}, unreleased_every=0)
    roma = serve(generate(3, 4, filling=filling, users=PLANTED, durations=BLINK))
    desk.plan(roma)
    earlier(Home(desk.folder / "kept"), ["prod"])
    desk.environment["ROMA_MIGRATE_HOME"] = str(desk.folder / "kept")
    roma.hold(Operation.IMPORT)
    with desk.start("run", "plan.yaml", *LINES) as program:
        said = read_until(program.stderr, "import-accepted")
        program.kill()
        said += program.communicate(timeout=PATIENCE)[1]
    kept = _everything(desk.folder / "kept")
    _search(kept | {"what it said": said.encode()}, [KEY, SIGNER, PASSWORD, *(each[:40] for each in _tokens(roma))])
    found = [desk.folder / "kept", *(desk.folder / "kept").rglob("*")]
    assert len(found) > 5
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}


# --- what a service says back ---

HARD = 'pw-"quoted"\\SESAME-größer<&>'
HARD_USERS = (replace(DEV_USER, ak=KEY, sk=SIGNER), replace(PROD_USER, ak="AKNEVERUSED", password=HARD))


class Echoes:
    """Answers with what it was sent, in each of the ways in which services do once; then lets everything through."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.signatures: list[str] = []
        self.left = {"iam", "page", "reason"}

    def __call__(self, asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
        headers = dict(line.split(": ", 1) for line in asked.headers.splitlines() if ": " in line)
        token = headers.get("X-Auth-Token", "")
        if token and token not in self.tokens:
            self.tokens.append(token)
        if "Signature=" in asked.headers:
            self.signatures.append(headers["Authorization"].partition("Signature=")[2])
        if asked.path.startswith("/v3/auth/tokens") and "iam" in self.left:
            self.left.discard("iam")
            error = {"error": {"code": 503, "title": "Busy", "message": f"cannot take {asked.body} now"}}
            return 503, {"Content-Type": "application/json"}, json.dumps(error).encode()
        if "/apps?" in asked.path and token and "page" in self.left:
            self.left.discard("page")
            return 502, {"Content-Type": "text/html"}, f"<h1>502</h1>{'.' * 440}{asked.headers}{token}".encode()
        if "/assets/jobs/" in asked.path and token and "reason" in self.left:
            self.left.discard("reason")
            said = f"rejected: {asked.headers} {quote(token)} {base64.b64encode(token.encode()).decode()}"
            reason = {"resource_type": "application", "resource_name": token, "error_code": token, "error_msg": said}
            job = {"status": "FAILED", "reasons": [reason]}
            return 200, {"Content-Type": "application/json"}, json.dumps(job).encode()
        return None


def test_what_a_service_says_back_is_told_without_the_secrets(serve: Serve, desk: Desk) -> None:
    roma = serve(generate(2, 2, filling=Filling(calls={}, unreleased_every=0), users=HARD_USERS, durations=BLINK))
    echoes, said = Echoes(), dict[str, bytes]()
    desk.ready(roma)
    with echoing(roma.port, echoes) as address:
        plan = desk.folder / "plan.yaml"
        plan.write_text(plan.read_text().replace(roma.url, address))
        note = f"as agreed, the password is {HARD}"
        for words in (
            ("preview", "plan.yaml"),
            ("run", "plan.yaml", "--note", note, "--log-level", "debug"),
            ("status",),
            ("report",),
            ("report", "--json"),
            ("handover",),
        ):
            told = desk.run(*words)
            said[words[0] + words[-1]] = told.both.encode()
            assert told.code in {0, 1, 4, 9}, told.both
    assert not echoes.left, "each way was taken"
    kept = _everything(desk.home)
    assert any(b"as agreed, the password is ***" in content for content in kept.values())
    _search(kept | said, [HARD, SIGNER, *(token[:16] for token in echoes.tokens), *echoes.signatures])
    for name, content in (kept | said).items():
        assert b"SESAME" not in content, name
        for token in echoes.tokens:
            assert base64.b64encode(token.encode())[:20] not in content, name


def test_a_token_with_a_control_character_is_told_as_what_it_is(serve: Serve, desk: Desk) -> None:
    roma = serve(generate(2, 0, filling=Filling(calls={}, unreleased_every=0), durations=BLINK))
    desk.ready(roma)

    def spoilt(asked: Asked) -> tuple[int, dict[str, str], bytes] | None:
        if not asked.path.startswith("/v3/auth/tokens"):
            return None
        ends = {"token": {"expires_at": "2099-01-01T00:00:00Z", "issued_at": "2098-01-01T00:00:00Z"}}
        return 201, {"X-Subject-Token": "abc\x01defghijklmnop"}, json.dumps(ends).encode()

    with echoing(roma.port, spoilt) as address:
        plan = desk.folder / "plan.yaml"
        plan.write_text(plan.read_text().replace(roma.url, address))
        with desk.start("preview", "plan.yaml") as program:
            told = read_until(program.stderr, "is not a token")
            program.terminate()
            told += program.communicate(timeout=60)[1]
    assert "token" in told
    assert "defect" not in told
