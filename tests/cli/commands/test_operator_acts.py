"""Every operator's act stands in the journal, the report and its JSON, with who, when and why.

Each case does one act through the command line, and says with which word, subject and reason it must be found again.
Interruptions need a process of their own: `tests/e2e/test_interruptions.py`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from orchestrator.cli.context.wiring import os_user
from orchestrator.core.plan.hours import Hours
from orchestrator.core.state import events as e
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.storage.store import HomeStore
from tests.cli.conftest import HALF_THERE, SCHEDULED, STORED

Invoke = Callable[..., Result]
NOTE = ("--note", "CHG-42 agreed with Jane")
WAIVER = 'waive: [{check: unpublished-apis, reason: "known, CHG-7"}]'
OVERDUE: tuple[e.Event, ...] = (
    e.ImportRequested("b1@prod", "prod-migrator", "slot-2"), e.ImportAccepted("b1@prod", "job-2"),
    e.ImportOverdue("b1@prod", "job-2"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scene:
    """What an act may need."""

    invoke: Invoke
    quick: Any
    past: Any

    @property
    def plan(self) -> Path:
        path: Path = self.quick.plan
        return path

    def rewrite(self, old: str, new: str) -> None:
        self.plan.write_text(self.plan.read_text().replace(old, new))

    def ok(self, *words: str, code: int = 0) -> None:
        told = self.invoke(*words)
        assert told.exit_code == code, told.output

    def run(self, *words: str, code: int = 0) -> None:
        self.ok("run", "plan.yaml", *words, *NOTE, code=code)

    def changed(self, app: str) -> None:
        """An application changes at the source."""
        shelf = self.quick.api.service.holding("dev").apps
        shelf.put(replace(shelf.named(app), update_time=1_999_999_999.0))

    def saved(self) -> None:
        self.ok("preview", "plan.yaml", "--save", "ok.json", "--note", "seen by the board")


@dataclass(frozen=True, slots=True)
class Told:
    """How an act must be found again."""

    sentence: str
    #: said of it elsewhere in the report
    also: str = ""
    #: the run whose report tells it
    run: str = "t"


def resolved(outcome: str) -> Callable[[Scene], Told]:
    def act(scene: Scene) -> Told:
        events = (*SCHEDULED, *STORED, *OVERDUE) if outcome == "job-ended" else HALF_THERE
        run = scene.past.write("20990101-000000-aaaa", events)
        scene.ok("resolve", "--as", outcome, "--reason", "I have looked", *NOTE)
        return Told(f"resolved b1@prod as {outcome}: I have looked (CHG-42 agreed with Jane)", run=run)

    return act


def began(scene: Scene) -> Told:
    scene.run()
    return Told("began the run: CHG-42 agreed with Jane")


def waived(scene: Scene) -> Told:
    scene.rewrite('tasks: "*"}', f'tasks: "*", {WAIVER}}}')
    shelf = scene.quick.api.service.holding("dev").apis
    shelf.put(replace(shelf.all()[0], publications=()))
    scene.run()
    return Told("began it under a waiver of the plan: unpublished-apis", also="known, CHG-7")


def retried(scene: Scene) -> Told:
    scene.quick.api.strikes.add(Rule(Kind.POISON_IMPORT, names=frozenset({"orders-web"})))
    scene.ok("run", "plan.yaml", code=1)
    scene.quick.api.strikes.clear()
    scene.run("--retry")
    return Told("once more (--retry): CHG-42 agreed with Jane", also="one more try")


def abandoned(scene: Scene) -> Told:
    run = scene.past.write("20250101-000000-aaaa", SCHEDULED)
    scene.run("--abandon")
    return Told("asked for its end (--abandon): CHG-42 agreed with Jane", also="ended it unfinished", run=run)


def approved(scene: Scene) -> Told:
    scene.saved()
    scene.run("--approved", "ok.json")
    return Told("that was approved: seen by the board", also="carried out the saved preview")


def accepted(scene: Scene) -> Told:
    scene.saved()
    scene.changed("orders-web")
    scene.run("--approved", "ok.json", "--accept-changed")
    return Told("accepted a change since the approval: all: orders-web: CHG-42 agreed with Jane")


def held(scene: Scene) -> Told:
    more = "{name: more, source: dev, target: prod, apps: [billing-web], tasks: []}"
    scene.rewrite('apps: "*", tasks: "*"}', f"apps: [orders-web], tasks: []}}\n  - {more}")
    scene.saved()
    scene.changed("billing-web")
    scene.invoke("run", "plan.yaml", "--approved", "ok.json", "--hold-drifted", *NOTE)
    return Told("left out what has drifted since the approval: more", also="CHG-42 agreed with Jane")


def ticked(scene: Scene) -> Told:
    scene.ok("run", "plan.yaml")
    items = json.loads(scene.invoke("handover", "--json").stdout)["items"]
    item = next(each["id"] for each in items if each["action"] == "devices")
    scene.ok("handover", "--done", item, *NOTE)
    return Told(f"ticked item {item} of the handover list (devices at prod): CHG-42 agreed with Jane")


def undone(scene: Scene) -> Told:
    scene.ok("run", "plan.yaml")
    scene.ok("undo", "--yes", *NOTE)
    return Told("asked for it to be taken back (undo): CHG-42 agreed with Jane")


def ordered(sentence: str, *words: str) -> Callable[[Scene], Told]:
    """The last of these orders is the act; each is given to a run that nobody conducts."""

    def act(scene: Scene) -> Told:
        gated = e.RunResumed("olga", "host-1", 7, "1", hours=Hours(gated=("all",)))
        events = (*SCHEDULED, *STORED, gated, e.GateReached("imports"))
        run = scene.past.write("20990101-000000-aaaa", events)
        for word in words:
            scene.ok(*word.split(), *NOTE)
        return Told(f"{sentence}: CHG-42 agreed with Jane", run=run)

    return act


ACTS: dict[str, Callable[[Scene], Told]] = {
    **{f"resolve --as {x}": resolved(x) for x in ("imported", "absent", "partial", "quarantine", "job-ended")},
    "run --note": began, "waive": waived, "run --retry": retried, "run --abandon": abandoned,
    "run --approved": approved, "run --accept-changed": accepted, "run --hold-drifted": held, "handover --done": ticked,
    "undo": undone, "pause": ordered("paused it", "pause"), "stop": ordered("stopped it", "stop"),
    "continue": ordered("let it go on", "stop", "continue"),
    "continue --gate": ordered("opened the gate before the imports", "continue --gate imports"),
}  # fmt: skip


@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_told_with_who_when_and_why(name: str, invoke: Invoke, quick: Any, past: Any) -> None:
    told = ACTS[name](Scene(invoke, quick, past))
    document = json.loads(invoke("report", told.run, "--json").stdout)
    (act, *_) = [each for each in document["acts"] if told.sentence in each["sentence"]]
    assert act["by"].startswith(f"{os_user()} on ")
    assert act["act"]
    assert act["at"].endswith("Z")
    report = " ".join(invoke("report", told.run).stdout.split())
    assert f"{act['by']} {' '.join(act['sentence'].split())}" in report
    assert told.also in report
    journal = repr(list(HomeStore(past.home).read(document["run"])))
    assert os_user() in journal
    assert (act["why"].partition(" (")[0] or told.also) in journal
