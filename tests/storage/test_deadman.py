"""The kernel's timer, in processes of their own: it ends what runs, hangs or was stopped, and nothing else."""

import signal
import subprocess
import sys
import time

import pytest

_BEGIN = "from orchestrator.storage.deadman import Deadman\nimport math, os, signal, time\nd = Deadman()\n"
#: seconds within which the kernel has long done it
SOON = 30.0


def ended(code: str) -> int:
    return subprocess.run([sys.executable, "-c", _BEGIN + code], check=False, timeout=SOON).returncode


def test_a_process_ends_when_its_time_is_over() -> None:
    assert ended("d.arm(0.2)\ntime.sleep(60)") == -signal.SIGKILL


def test_what_has_ended_already_ends_at_once() -> None:
    assert ended("d.arm(-5.0)\ntime.sleep(60)") == -signal.SIGKILL


def test_a_process_that_was_stopped_is_ended_too() -> None:
    began = time.monotonic()
    assert ended("d.arm(0.2)\nos.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(60)") == -signal.SIGKILL
    assert time.monotonic() - began < SOON


def test_whoever_ignores_every_signal_is_ended() -> None:
    code = "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\nd.arm(0.2)\ntime.sleep(60)"
    assert ended(code) == -signal.SIGKILL


@pytest.mark.parametrize("code", ["d.arm(math.inf)", "d.arm(0.3)\nd.arm(math.inf)", "d.arm(0.3)\nd.arm(60.0)"])
def test_whoever_arms_it_anew_in_time_lives(code: str) -> None:
    assert ended(f"{code}\ntime.sleep(1.2)\nraise SystemExit(7)") == 7
