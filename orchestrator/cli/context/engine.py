"""Which engine hands a fleet's components to its workers, and the way to it. Law: its code comes when asked for."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.state.submissions import SubmittedComponent
from orchestrator.engine.runtime import Say
from orchestrator.errors import EngineUnreachable, OperatorError
from orchestrator.fleet.engine import Engine, Word
from orchestrator.fleet.engine_address import EngineAddress, parse_engine_address
from orchestrator.fleet.worker import say_to
from orchestrator.storage.submissions import Submissions


@dataclass(frozen=True, slots=True)
class EngineFound:
    """An engine by its address, with the secrets to reach it."""

    address: EngineAddress
    secrets: Mapping[str, str]

    def way(self, submissions: Submissions, say: Say) -> Callable[[], Awaitable[Engine]]:
        """What reaches it for these components; raises OperatorError where the extra is missing."""
        try:
            from orchestrator.fleet.temporal import TemporalEngine
        except ImportError as error:
            raise OperatorError(
                f"--engine needs a package that is not installed here: {error.name}",
                next_step="pip install 'roma-migrate[fleet]'",
            ) from None

        journal, silence = submissions.journal, submissions.ttl

        async def connect() -> Engine:
            return await TemporalEngine.connected(self.address, self.secrets, journal, silence, say)

        return connect


def tell_engine(
    terminal: Terminal, engine: EngineFound | None, submissions: Submissions,
    components: Sequence[SubmittedComponent], word: Word,
) -> None:  # fmt: skip
    """A person's word, which the rows hold already: said to the engine too, it is heeded at once."""
    if engine is None or not components:
        return
    way = engine.way(submissions, lambda event, **fields: None)

    async def told() -> None:
        await say_to(await way(), components, word)

    try:
        anyio.run(told)
    except EngineUnreachable as error:
        terminal.warn(f"{error.message}; it is recorded all the same, and heeded within seconds once that answers")


def engine_of(terminal: Terminal, given: str) -> EngineFound | None:
    """The engine that `--engine` or ROMA_MIGRATE_ENGINE name, or None; raises OperatorError."""
    text = given or os.environ.get("ROMA_MIGRATE_ENGINE", "")
    if not text:
        return None
    address = parse_engine_address(text)
    secrets = address.secrets(os.environ, Path.cwd())
    terminal.redactor.learn(secrets.values())
    return EngineFound(address, secrets)
