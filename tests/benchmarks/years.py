"""(k) What a home costs that has seen a year of nights: processor time, against an empty Python and a young home.

The home holds RUNS ended runs of two plans in turn, each with a batch of 100 assets that arrived, of which 70 are tasks
that people are to start: the end of a run counts all that is left of its plan's runs. `runs`, `status` and `report`
are measured over `python -c pass`. A start is `run` of a plan with 20 assets over a socket, to its end, in that home,
over the same in a home that has only these: once while nothing is kept beside the journals yet (each run of the
plan is folded, and its brief kept), then as on every other night, when the plan has nothing left to bring. The least of
TIMES each, because other processes only ever add.
"""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from orchestrator.core.model.handover_item import Item
from orchestrator.core.state import events as e
from orchestrator.engine.past_runs import keep_briefs, runs_of
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.e2e.desk import PROGRAM, Desk
from tests.e2e.local_roma import local_roma, small_world

RUNS, ASSETS, TIMES = 365, 100, 5
_GOAL = {"runs": "   (target: at most 30)", "status": "   (target: at most 30)", "report": ""}
_DAY = 86_400.0


def a_year(home: Home) -> None:
    """Runs of the plans `t` and `other`, one a night."""
    home.make()
    store = HomeStore(home)
    for night in range(RUNS):
        _night(store, night, f"{20260101 + night:08}-000000-0000", 1_767_225_600.0 + night * _DAY)


def _night(store: HomeStore, night: int, run: str, at: float) -> None:
    plan, batch = ("t", "other")[night % 2], f"b{night}"
    delivery = f"{batch}@prod"
    assets = tuple(
        e.Asset(f"{night:08x}{number:024x}", "app" if number < 30 else "task", f"asset-{night}-{number}")
        for number in range(ASSETS)
    )
    began = e.RunBegan(plan, f"/plans/{plan}.yaml", "{}", "op", "host", 1, "0")
    selected = e.SelectionMade("all", "dev", "prod", ASSETS)
    listed = e.HandoverListed(tuple(_left(night, asset) for asset in assets if asset.kind == "task"))
    scheduled = e.BatchScheduled(batch, "dev", assets, ("at-dev",), 0.0)
    into = e.DeliveryScheduled(delivery, batch, "all", "prod", "AddNew", "", False, "at-prod")
    store.create(run, plan, [began, selected, listed, scheduled, into], at)
    journal = store.journal(run, "year")
    told: tuple[list[e.Event], ...] = (
        [e.ExportRequested(batch, "at-dev", "s"), e.ExportAccepted(batch, "j")], [e.Exported(batch, "a")],
        [e.DownloadRequested(batch), e.PackageStored(batch, "ab" * 32, 9, "crc")],
        [e.Looked(delivery), e.ImportRequested(delivery, "at-prod", "s"), e.ImportAccepted(delivery, "j")],
        [e.Imported(delivery)],
        [e.Verified(delivery, tuple(x.id for x in assets), ids=tuple((x.id, x.id[::-1]) for x in assets))],
        [e.PackageDropped(batch), e.RunEnded(0)],
    )  # fmt: skip
    for events in told:
        at += 1.0
        journal.append(events, at)
    journal.close()
    store.home.tell_end(run)


def _left(night: int, task: e.Asset) -> Item:
    """What a task that travels leaves to people."""
    sentence = f"Start the task {task.name}, once its data sources have their connections and its source has stopped."
    return Item(f"{night:05x}{task.id[-5:]}", "start-task", task.name, "task", "olga", sentence, "prod")


def _used() -> float:
    told = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told.ru_utime + told.ru_stime


def _cost(command: Sequence[str], folder: Path) -> float:
    def once() -> float:
        before = _used()
        subprocess.run(command, cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return _used() - before

    return min(once() for _ in range(TIMES))


def _start(desk: Desk) -> float:
    """`run` from its start to its end."""
    before = _used()
    said = desk.run("run", "plan.yaml")
    if said.code != 0:
        raise AssertionError(said.both)
    return _used() - before


def report(_plans: int) -> list[str]:
    """The table."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as services:
        old, fresh = Desk(Path(folder) / "old"), Desk(Path(folder) / "fresh")
        for desk in (old, fresh):
            desk.plan(services.enter_context(local_roma(small_world(4, 16))))
        a_year(Home(old.home))
        empty = _cost([sys.executable, "-c", "pass"], old.folder)
        lost = _start(old) / _start(fresh)
        # The other plan's runs are kept by its own starts.
        keep_briefs(HomeStore(Home(old.home)), runs_of(HomeStore(Home(old.home)), "other"))
        looks = [(word, _cost([*PROGRAM, word], old.folder) / empty) for word in ("runs", "status", "report")]
        later, plain = (min(_start(desk) for _ in range(TIMES)) for desk in (old, fresh))
    return [
        f"(k) {RUNS} past runs of {ASSETS} assets, processor time",
        *(f"    roma-migrate {word} : python -c pass = {ratio:.1f}{_GOAL[word]}" for word, ratio in looks),
        f"    a start, over one in a home of a few runs = {later / plain:.2f}   (target: at most 1.2)",
        f"    the same, once, where nothing is kept beside the journals yet = {lost:.2f}",
    ]
