"""Names that other people gave, through every command, on a terminal and in every format: no control byte but our own.

The world holds applications, tasks, data sources and APIs with hostile names, on a real socket. Some tasks are poison,
so that the service's own words carry them too.
"""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli.app import build
from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, FailedImport
from orchestrator.emulator.world.world import World
from tests.e2e.desk import Desk, PlanText
from tests.e2e.local_roma import LocalRoma, local_roma, small_world

FORGED = "## Done: everything verified (code 0)"
NAMES = (
    "\x1b[2J\x1b[1;1Hclears the screen", "\x1b]0;sets the title\x07", "\x9b2J\x9d0;the same in C1\x9c", "\x00\x08\x7f",
    f"a line of ours\r\n\n{FORGED}", "<img src=x onerror=alert(1)>",
    "\u202ereordered\u2066\u200f", "=cmd|' /C calc'!A0",
    "+1", "-2+3", "@SUM(1)", "\t=1", "a\u2028b\u2029c\x85d", "one | two", "**bold** [link](http://evil) `code`",
)  # fmt: skip
#: what only a hostile name brings
_FOREIGN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
#: what our own bars and colours send
_OURS = re.compile(r"\x1b\[(?:(?:0|1|2|3[0-9]|[0-9;]*9[0-7]|38;[0-9;]+|1;3[0-9])?m|\d*A|2?K|\?25[lh])|\r")


def _hostile() -> World:
    """Every kind of thing that has a name has each of these names."""
    switches = Switches(failed_import=FailedImport.FIRST_N, add_new_on_existing=AddNewOnExisting.FAILS)
    world = small_world(len(NAMES), len(NAMES) + 3, switches=switches)
    dev = world.instance("dev")
    names = NAMES
    made = replace(
        dev,
        apps=tuple(replace(each, name=name) for each, name in zip(dev.apps, names, strict=True)),
        tasks=tuple(replace(each, name=f"{names[n % len(names)]}{n}") for n, each in enumerate(dev.tasks)),
        datasources=tuple(replace(each, name=names[n % len(names)]) for n, each in enumerate(dev.datasources)),
        apis=tuple(replace(each, name=names[n % len(names)]) for n, each in enumerate(dev.apis)),
        groups=tuple(replace(each, name=names[n % len(names)]) for n, each in enumerate(dev.groups)),
    )
    return replace(world, instances=(made, *world.instances[1:]))


#: ROMA's own rules forbid most of these names, so that preflight would refuse them
WAIVED = PlanText(
    settings={"batch_size": 20},
    migrations=(
        'name: all, source: dev, target: prod, apps: "*", tasks: "*", waive: [{check: task-name-rules, assets: ["*"], '
        'until: 2199-01-01, reason: "a test"}]',
    ),
)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[tuple[Desk, LocalRoma]]:
    with local_roma(_hostile()) as roma:
        desk = Desk(tmp_path)
        desk.ready(roma, WAIVED)
        yield desk, roma


def must_be_ours(text: str) -> None:
    left = _OURS.sub("", text)
    found = _FOREIGN.search(left)
    assert found is None, repr(left[max(0, found.start() - 200) : found.end() + 40])
    assert not [line for line in left.splitlines() if line.startswith(FORGED)]


def must_be_markdown(text: str) -> None:
    assert not re.search(r"(?<!\\)<", text), re.search(r".*(?<!\\)<.*", text)
    assert not [line for line in text.splitlines() if line.startswith("#") and "Done:" in line]
    assert "**bold**" not in text
    assert "](http" not in text.replace("\\]", "")


def must_be_rows(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1
    assert len(rows) == len(text.splitlines())
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)


class Typed:
    """Commands as an operator types them: in a pipe, in JSON (both in this process), and on a terminal."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.desk = desk
        monkeypatch.chdir(desk.folder)
        for name, value in desk.environment.items():
            monkeypatch.setenv(name, value)

    def __call__(self, code: int, *words: str) -> str:
        """Its stdout in a pipe, after each of the three was found to be ours alone."""
        plain = CliRunner().invoke(build(), words)
        assert plain.exit_code == code, plain.output
        must_be_ours(plain.stdout)
        must_be_ours(plain.stderr)
        must_be_ours(self.desk.on_terminal(*words)[1])
        if "--csv" not in words and "--markdown" not in words:
            told = CliRunner().invoke(build(), [*words, "--json"])
            must_be_ours(told.output)
            json.loads(told.stdout)
        return plain.stdout


@pytest.fixture
def typed(scene: tuple[Desk, LocalRoma], monkeypatch: pytest.MonkeyPatch) -> Typed:
    return Typed(scene[0], monkeypatch)


@pytest.mark.timeout(500)  # two dozen commands, one after the other
def test_every_command_shows_hostile_names_and_obeys_none(scene: tuple[Desk, LocalRoma], typed: Typed) -> None:
    desk, roma = scene
    typed(0, "validate", "plan.yaml")
    typed(0, "inventory", "plan.yaml", "dev")
    must_be_rows(typed(0, "inventory", "plan.yaml", "dev", "--csv"))
    typed(0, "preview", "plan.yaml")
    must_be_markdown(typed(0, "preview", "plan.yaml", "--all", "--markdown"))
    assert desk.run("preview", "plan.yaml", "--save", "saved.json").code == 0
    typed(0, "preview", "plan.yaml", "--against", "saved.json")

    # Two tasks are poison: one batch turns out half there, the other is split by the service's own words.
    tasks = roma.world.instance("dev").tasks
    roma.strike(Kind.POISON_IMPORT, instance="prod", names=frozenset(task.name for task in tasks[::5]))
    roma.strike(Kind.RESET_AFTER_SEND, Operation.IMPORT, instance="prod")
    code, said = desk.on_terminal("run", "plan.yaml", "--log-level", "debug")
    assert code == 5, said
    must_be_ours(said)
    for log in desk.home.rglob("*.log"):
        must_be_ours(log.read_text(encoding="utf-8"))
    typed(5, "run", "plan.yaml", "--no-progress", "--log-level", "debug")
    typed(0, "status")
    typed(0, "runs")
    must_be_markdown(typed(0, "report"))
    must_be_markdown(typed(0, "handover"))
    must_be_rows(typed(0, "handover", "--csv"))
    typed(0, "handover", "--check")
    typed(1, "verify")
    typed(5, "resolve")
    typed(0, "undo", "t", "--dry-run")
    item = json.loads(desk.run("handover", "--json").out)["items"][0]["id"]
    typed(0, "handover", "--done", item, "--note", "done by hand")
    for option in ("--html", "--map", "--evidence"):
        must_be_ours(desk.on_terminal("report", option, f"report{option}.out")[1])
    must_be_ours((desk.folder / "report--map.out").read_text(encoding="utf-8"))
    must_be_ours((desk.folder / "report--html.out").read_text(encoding="utf-8"))
    typed(0, "check-evidence", "report--evidence.out")


def test_blockers_with_hostile_names_forge_no_line(scene: tuple[Desk, LocalRoma], typed: Typed) -> None:
    scene[0].plan(scene[1])
    typed(4, "run", "plan.yaml")
    typed(4, "preview", "plan.yaml")
    must_be_markdown(typed(4, "preview", "plan.yaml", "--markdown"))
