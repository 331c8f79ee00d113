"""What the main commands answer, as shapes: exit codes, keys and types. Law: values do not count, only their kinds.

`output_shapes.json` was recorded with the program of commit 1f24d71, from before the house was moved into floors:
people's scripts rely on what stands there. To record it anew, from a checkout of a commit:

    python -m tests.e2e.output_shapes CHECKOUT > tests/e2e/output_shapes.json
"""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, FailedImport
from tests.e2e.desk import Desk, PlanText, Said
from tests.e2e.local_roma import LocalRoma, local_roma, small_world

RECORDED = Path(__file__).with_suffix(".json")
#: a failed import leaves what came before the poison
HALF = Switches(failed_import=FailedImport.FIRST_N, add_new_on_existing=AddNewOnExisting.FAILS)

#: a value's kind; a mapping's keys, each with the shape of its value; the one shape of all items of a list
Shape = str | dict[str, Any] | list[Any]


def shape(value: object) -> Shape:
    """The kinds of a JSON value."""
    match value:
        case dict():
            return {key: shape(part) for key, part in sorted(value.items())}
        case list():
            merged: Shape = ""
            for item in value:
                merged = both(merged, shape(item))
            return [merged] if value else []
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case None:
            return "null"
        case _:
            return "text"


def both(one: Shape, other: Shape) -> Shape:
    """The shape that fits the two."""
    match one, other:
        case dict(), dict():
            return {key: both(one.get(key, ""), other.get(key, "")) for key in sorted({*one, *other})}
        case list(), list():
            return [both(*one, *other)] if one and other else one or other
        case str(), str():
            return "|".join(sorted({*one.split("|"), *other.split("|")} - {""}))
        case (str(), _) if one in {"", "null"}:
            return other
        case _:
            return one


def missing(recorded: Shape, present: Shape, where: str = "") -> list[str]:
    """What was there and is not there any more, or is of another kind."""
    match recorded, present:
        case dict(), dict():
            gone = [f"{where}.{key} is gone" for key in recorded if key not in present]
            return gone + [
                line
                for key in recorded
                if key in present
                for line in missing(recorded[key], present[key], f"{where}.{key}")
            ]
        case list(), list():
            return missing(recorded[0], present[0], f"{where}[]") if recorded and present else []
        case _, "null" | "":
            return []
        case str(), str():
            new = {*present.split("|")} - {*recorded.split("|"), "null", ""}
            return [f"{where} was {recorded}, is {present}"] if new and recorded not in {"null", ""} else []
        case "null" | "", _:
            return []
        case _:
            return [f"{where} was {recorded}, is {present}"]


def answered(said: Said) -> dict[str, Any]:
    """A command's exit code, the shape of its document, and of each kind of event."""
    events: dict[str, Shape] = {}
    for line in said.err.splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            events[told["event"]] = both(events.get(told["event"], ""), shape(told))
    try:
        document = shape(json.loads(said.out))
    except ValueError:
        document = "no document"
    return {"code": said.code, "document": document, "events": events}


def _whole(roma: LocalRoma, desk: Desk, ask: Callable[..., None]) -> None:
    """Everything goes well, from the file to the report."""
    desk.ready(roma)
    ask("validate", "validate", "plan.yaml", "--json")
    ask("inventory", "inventory", "plan.yaml", "dev", "--json")
    ask("preview", "preview", "plan.yaml", "--json")
    ask("run", "run", "plan.yaml", "--json")
    for name in ("status", "runs", "report", "resolve"):
        ask(name, name, "--json")
    ask("handover", "handover", "--json")
    ask("run again", "run", "plan.yaml", "--json")


def _refused(roma: LocalRoma, desk: Desk, ask: Callable[..., None]) -> None:
    """A plan that is wrong, a service that refuses, names that are taken."""
    desk.ready(roma, PlanText(settings={"batch_size": 101}))
    ask("no plan", "run", "nothing.yaml", "--json")
    ask("a wrong plan", "validate", "plan.yaml", "--json")
    desk.ready(roma, PlanText(migrations=('name: all, source: dev, target: dev, prefix: "", apps: "*", tasks: "*"',)))
    ask("a blocker in the file", "preview", "plan.yaml", "--json")
    desk.ready(roma, PlanText(migrations=("name: all, source: dev, target: prod, apps: [{id: nobody}]",)))
    ask("a blocked preview", "preview", "plan.yaml", "--json")
    ask("a blocked run", "run", "plan.yaml", "--json")
    desk.ready(roma)
    desk.environment["PROD_MIGRATOR_PW"] = "wrong"
    ask("a wrong password", "run", "plan.yaml", "--json")


def _poisoned(roma: LocalRoma, desk: Desk, ask: Callable[..., None]) -> None:
    """One asset that the target refuses."""
    roma.strike(Kind.POISON_IMPORT, names=frozenset({roma.world.instance("dev").apps[1].name}))
    desk.ready(roma)
    ask("a run with poison", "run", "plan.yaml", "--json")
    ask("a report with poison", "report", "--json")
    ask("a status with poison", "status", "--json")


def _half_there(roma: LocalRoma, desk: Desk, ask: Callable[..., None]) -> None:
    """A lost import that turns out half there."""
    roma.strike(Kind.POISON_IMPORT, names=frozenset({roma.world.instance("dev").tasks[10].name}))
    roma.strike(Kind.RESET_AFTER_SEND, Operation.IMPORT)
    desk.ready(roma)
    ask("a run in doubt", "run", "plan.yaml", "--json")
    ask("what is undecided", "resolve", "--json")
    ask("a status in doubt", "status", "--json")
    roma.ask(lambda api: api.strikes.clear())
    ask("a decision", "resolve", "t", "--as", "quarantine", "--reason", "seen", "--json")


#: name -> what its service does differently, and the commands
SCENES: Mapping[str, tuple[Switches | None, Callable[[LocalRoma, Desk, Callable[..., None]], None]]] = {
    "whole": (None, _whole),
    "refused": (None, _refused),
    "poisoned": (None, _poisoned),
    "half there": (HALF, _half_there),
}


def play(scene: str, folder: Path, program: Path | None = None) -> dict[str, Any]:
    """Every command of a scene and its answer; `program`: a checkout whose program is asked instead of this one."""
    switches, commands = SCENES[scene]
    told: dict[str, Any] = {}
    desk = Desk(folder)
    if program is not None:
        desk.environment["PYTHONPATH"] = str(program)

    def ask(name: str, *words: str) -> None:
        told[name] = answered(desk.run(*words))

    with local_roma(small_world(2, 12, switches=switches)) as roma:
        commands(roma, desk, ask)
    return told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found = {name: play(name, Path(place) / name.replace(" ", "-"), Path(sys.argv[1])) for name in SCENES}
    sys.stdout.write(json.dumps(found, indent=1, sort_keys=True) + "\n")
