"""Handlers follow one another without a gap, and whoever lends them gets them back."""

import os
import signal

from orchestrator.cli.context.signals import ASKING, told


def test_the_first_signal_is_told_and_the_handlers_are_given_back() -> None:
    before = {number: signal.getsignal(number) for number in (*ASKING, signal.SIGHUP)}
    heard: list[signal.Signals] = []
    with told(heard.append):
        os.kill(os.getpid(), signal.SIGHUP)
        assert heard == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) not in {signal.SIG_DFL, signal.SIG_IGN}, "a second one leaves"
    assert {number: signal.getsignal(number) for number in before} == before
