"""A run that is followed: what a look costs is what is new."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from orchestrator.cli.context.find_run import Found
from orchestrator.cli.context.followed_run import FollowedRun, followed
from orchestrator.cli.render.run_status import status_text
from orchestrator.cli.render.summary import Names
from orchestrator.core.state import events as e
from orchestrator.storage.home import Home
from orchestrator.storage.locks import Holder
from orchestrator.storage.store import HomeStore

RUN, PLAN = "20270101-000000-aaaa", "t"
#: what is left is played once: how often it is otherwise depends on how long it took
ONCE = 1e9


def run_of(home: Home, assets: int) -> HomeStore:
    """A run of four batches, of which none has begun."""
    home.make()
    store = HomeStore(home)
    events: list[e.Event] = [e.SelectionMade("all", "dev", "prod", 4 * assets)]
    for number in range(4):
        held = tuple(e.Asset(f"{number}-{n}", "app", f"app-{number}-{n}") for n in range(assets))
        events.append(e.BatchScheduled(f"b{number}", "dev", held, ("at-dev",), float(number)))
        events.append(
            e.DeliveryScheduled(f"b{number}@prod", f"b{number}", "all", "prod", "AddNew", "", False, "at-prod")
        )
    store.create(RUN, PLAN, [e.RunBegan(PLAN, "/plans/t.yaml", "{}", "op", "host", 1, "0"), *events], 1.0)
    return store


def calls_of_a_look(run: FollowedRun, home: Home) -> int:
    """How many functions a look and its screen call."""
    calls = 0

    def count(frame: FrameType, what: str, _given: object) -> None:
        nonlocal calls
        calls += what == "call"

    sys.setprofile(count)
    try:
        status_text(run.look(), Names(RUN, PLAN, "/plans/t.yaml", home.path, ()), 40)
    finally:
        sys.setprofile(None)
    return calls


def looks(folder: Path, assets: int) -> Iterator[int]:
    """What each look at a live run calls: the first, and one behind each entry."""
    home = Home(folder)
    store = run_of(home, assets)
    journal = store.journal(RUN, "test")
    with (
        store.hold(PLAN, Holder("host", 1, "2027-01-01T00:00:00+00:00")),
        followed(Found(HomeStore(home), RUN), lambda progress: None, ONCE) as run,
    ):
        yield calls_of_a_look(run, home)
        for event in (e.ExportRequested("b0", "at-dev", "slot"), e.ExportAccepted("b0", "job"), e.Exported("b0", "a")):
            journal.append([event], 2.0)
            yield calls_of_a_look(run, home)
    journal.close()


def test_a_look_at_a_live_run_costs_the_same_however_many_assets_its_batches_hold(tmp_path: Path) -> None:
    few, many = (list(looks(tmp_path / str(assets), assets))[1:] for assets in (3, 90))
    assert max(many) < 1.2 * max(few)
