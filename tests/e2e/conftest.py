"""What the tests of the installed program share: services on free ports, and a desk with a home of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from orchestrator.emulator.world.world import World
from tests.e2e.desk import Desk
from tests.e2e.local_roma import LocalRoma, local_roma

Serve = Callable[[World], LocalRoma]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a world until the test ends."""
    with ExitStack() as stack:
        yield lambda world: stack.enter_context(local_roma(world))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
