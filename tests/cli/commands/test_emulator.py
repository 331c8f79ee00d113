"""`emulator`: what keeps it from starting is a sentence."""

import socket
from collections.abc import Callable

from typer.testing import Result

Invoke = Callable[..., Result]


def test_the_emulator_says_when_its_port_is_taken(invoke: Invoke) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = invoke("emulator", "--port", str(taken.getsockname()[1]))
    assert told.exit_code == 2
    assert "cannot listen" in told.stderr


def test_a_world_that_cannot_be_read_is_a_sentence(invoke: Invoke) -> None:
    told = invoke("emulator", "--world", "none.yaml")
    assert told.exit_code == 2
    assert "none.yaml cannot be read" in told.stderr
