"""`resolve`: what is undecided, and the operator's word on it."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

from orchestrator import __version__
from orchestrator.core.state import events as e
from orchestrator.storage.store import HomeStore

Invoke = Callable[..., Result]


def test_without_as_it_shows_what_each_choice_leads_to(invoke: Invoke, half_there: str) -> None:
    told = invoke("resolve")
    assert told.exit_code == 5
    assert "b1@prod (all@prod): undecided since 2027-01-15" in told.stdout
    assert "begun by olga on host-1" in told.stdout
    assert "there: orders" in told.stdout
    assert "not seen there: billing, flow" in told.stdout
    assert all(f"--as {word}" in told.stdout for word in ("imported", "absent", "partial", "quarantine"))
    assert "job-ended" not in told.stdout
    assert "b1@prod --as partial --reason TEXT" in " ".join(told.stdout.split()), "the example is the careful choice"


def test_a_decision_is_journaled_with_who_and_why(invoke: Invoke, past: Any, half_there: str) -> None:
    told = invoke("resolve", half_there, "--as", "imported", "--reason", "seen in the console", "--note", "CHG-9")
    assert told.exit_code == 0, told.output
    assert "next: roma-migrate run /plans/t.yaml" in told.stderr
    last = list(HomeStore(past.home).read(half_there))[-1].event
    assert isinstance(last, e.Resolved)
    assert (last.subject, last.outcome, last.reason) == ("b1@prod", "imported", "seen in the console")
    assert (last.note, last.version) == ("CHG-9", __version__)
    assert last.by
    assert invoke("resolve").exit_code == 0


def test_partial_splits_the_delivery(invoke: Invoke, past: Any, half_there: str) -> None:
    told = invoke("resolve", half_there, "b1@prod", "--as", "partial", "--reason", "half", "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["recorded"] is True
    assert any(isinstance(entry.event, e.Split) for entry in HomeStore(past.home).read(half_there))


def test_a_decision_needs_a_reason_and_a_known_word(invoke: Invoke, half_there: str) -> None:
    assert "--reason" in invoke("resolve", half_there, "--as", "imported").stderr
    assert "allowed are imported" in invoke("resolve", half_there, "--as", "gone", "--reason", "x").stderr


def test_what_is_not_undecided_cannot_be_decided(invoke: Invoke, half_there: str, done: str) -> None:
    told = invoke("resolve", done, "--as", "imported", "--reason", "x")
    assert told.exit_code == 2
    assert "undecided is nothing" in told.stderr
    assert invoke("resolve", half_there, "other", "--as", "imported", "--reason", "x").exit_code == 2
    assert invoke("resolve", half_there, "--as", "job-ended", "--reason", "x").exit_code == 2
