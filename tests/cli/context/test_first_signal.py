"""The first signal comes to the work within its loop, whenever it came; it stops the work in good order, or cuts it."""

import os
import signal

import anyio

from orchestrator.cli.context.first_signal import FirstSignal
from orchestrator.cli.context.signals import told


def test_a_signal_that_comes_while_the_work_goes_on_is_heeded_and_the_work_ends_by_itself() -> None:
    heeded: list[signal.Signals] = []
    stop = anyio.Event()

    def heed(number: signal.Signals, _all: anyio.CancelScope) -> None:
        heeded.append(number)
        stop.set()

    async def work() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        return "stopped in good order"

    first = FirstSignal(heed)
    with told(first.hear):
        assert anyio.run(first.heeded, work) == "stopped in good order"
    assert heeded == [signal.SIGTERM] == [first.came]


def test_a_signal_that_came_before_the_loop_is_heeded_as_soon_as_it_runs() -> None:
    first = FirstSignal(lambda number, all_of_it: all_of_it.cancel())
    first.hear(signal.SIGINT)
    assert anyio.run(first.heeded, anyio.sleep_forever) is None


def test_work_that_no_signal_disturbs_ends_as_it_would() -> None:
    async def work() -> int:
        return 7

    first = FirstSignal(lambda number, all_of_it: all_of_it.cancel())
    assert anyio.run(first.heeded, work) == 7
    first.hear(signal.SIGTERM)  # after the loop there is nothing to wake
    assert first.came is signal.SIGTERM
