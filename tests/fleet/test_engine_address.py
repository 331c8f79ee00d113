"""The engine's address: what it may say, what it refuses, and that no secret in it is repeated."""

from pathlib import Path

import pytest

from orchestrator.core.plan.plan import SecretRef, SecretSource
from orchestrator.errors import OperatorError
from orchestrator.fleet.engine_address import EngineAddress, parse_engine_address


def test_host_port_and_namespace() -> None:
    assert parse_engine_address("temporal:7233/moves") == EngineAddress("temporal:7233", "moves")
    assert parse_engine_address("[::1]:7233/moves.a1b2c").shown == "[::1]:7233/moves.a1b2c"


def test_secrets_are_references_and_are_read_when_needed(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("certificate\n")
    found = parse_engine_address("h:1/n?api_key=${env:KEY}&ca=${file:ca.pem}&server_name=s")
    assert (found.tls, found.server_name) == (True, "s")
    assert found.references == {
        "api_key": SecretRef(SecretSource.ENV, "KEY"),
        "ca": SecretRef(SecretSource.FILE, "ca.pem"),
    }
    assert found.secrets({"KEY": "hidden"}, tmp_path) == {"api_key": "hidden", "ca": "certificate"}
    with pytest.raises(OperatorError, match="api_key"):
        found.secrets({}, tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no address"),
        ("temporal:7233", "no address"),
        ("temporal/moves", "no address"),
        ("http://temporal:7233/moves", "no address"),
        ("temporal:0/moves", "port"),
        ("temporal:70000/moves", "port"),
        ("t:1/n?api_key=s3cret-s3cret", "in the open"),
        ("t:1/n?s3cret-s3cret=1", "unknown or twice"),
        ("t:1/n?tls=on&tls=off", "unknown or twice"),
        ("t:1/n?tls=maybe", "on or off"),
        ("t:1/n?tls=off&api_key=${env:K}", "read its key"),
        ("t:1/n?cert=${env:K}", "go together"),
        ("t:1/" + "n" * 5000, "no address"),
    ],
)
def test_what_it_refuses(text: str, why: str) -> None:
    with pytest.raises(OperatorError, match=why) as refused:
        parse_engine_address(text)
    assert "s3cret" not in f"{refused.value.message} {refused.value.next_step}"
