"""(l) What `status --watch` costs a machine that conducts a large run: processor time of a look over a second.

The run has BATCHES batches of 100 assets in LANES lanes at as many targets, half of them done, and is held by a live
process, this one. Each look follows NEWS new entries: as many as a job of a minute in each lane writes in a second. A
look is what the command does each second: it believes what is new, judges, plays what is left where that is due, and
writes the screen for a terminal of 40 lines. The first, which reads the whole journal, is told apart. What is left is
played again only when SPARING times what it took have passed, which adds at most 1 / SPARING; the looks are a second
apart, so that what falls into them is counted. Processor time is this thread's alone.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from orchestrator.cli.context.find_run import Found
from orchestrator.cli.context.followed_run import SPARING, FollowedRun, followed
from orchestrator.cli.render.run_status import status_text
from orchestrator.cli.render.summary import Names
from orchestrator.core.state import events as e
from orchestrator.storage.home import Home
from orchestrator.storage.locks import Holder
from orchestrator.storage.store import HomeStore

BATCHES, LANES, ASSETS, NEWS, LOOKS = 1000, 100, 100, 12, 60
_RUN = "20270101-000000-0000"


def _scheduled() -> Iterator[e.Event]:
    for lane in range(LANES):
        yield e.SelectionMade(f"m{lane}", "dev", f"prod-{lane}", ASSETS * BATCHES // LANES)
    for number in range(BATCHES):
        batch, lane = f"b{number}", number % LANES
        assets = tuple(e.Asset(f"{number:08x}{n:024x}", "task", f"asset-{number}-{n}") for n in range(ASSETS))
        yield e.BatchScheduled(batch, "dev", assets, ("at-dev",), float(number))
        yield e.DeliveryScheduled(f"{batch}@t", batch, f"m{lane}", f"prod-{lane}", "AddNew", "", False, "at-prod")


def _moved() -> Iterator[e.Event]:
    """Each batch on its way, one lane after another, so that all lanes stand near each other."""
    for number in range(BATCHES):
        batch, slot = f"b{number}", f"s{number % LANES}"
        ids = tuple(f"{number:08x}{n:024x}" for n in range(ASSETS))
        yield e.ExportRequested(batch, "at-dev", f"x{slot}")
        yield e.ExportAccepted(batch, f"x{number}")
        yield e.Exported(batch, f"a{number}")
        yield e.DownloadRequested(batch)
        yield e.PackageStored(batch, "ab" * 32, 9, "crc")
        yield e.Looked(f"{batch}@t")
        yield e.ImportRequested(f"{batch}@t", "at-prod", slot)
        yield e.ImportAccepted(f"{batch}@t", f"i{number}")
        yield e.Imported(f"{batch}@t")
        yield e.Verified(f"{batch}@t", ids, ids=tuple((each, each[::-1]) for each in ids))


def report(_plans: int) -> list[str]:
    """The table."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / ".roma-migrate")
        home.make()
        store, began = HomeStore(home), e.RunBegan("t", "/plans/t.yaml", "{}", "op", "host", 1, "0")
        at = time.time() - 3600.0
        store.create(_RUN, "t", [began, *_scheduled()], at)
        journal, moved = store.journal(_RUN, "watched"), list(_moved())
        half = len(moved) // 2
        for place in range(0, half, 10):
            journal.append(moved[place : place + 10], at + 3600.0 * place / half)
        with (
            store.hold("t", Holder("host", 1, "2027-01-01T00:00:00+00:00")),
            followed(Found(HomeStore(home), _RUN), lambda progress: None) as run,
        ):
            first = _cost_of_look(run)
            costs = []
            for look in range(LOOKS):
                journal.append(moved[half + look * NEWS : half + (look + 1) * NEWS], time.time())
                time.sleep(1.0)
                costs.append(_cost_of_look(run))
        journal.close()
    mean = sum(costs) / LOOKS
    return [
        f"(l) a look of status --watch each second at {BATCHES} batches of {ASSETS} assets, {NEWS} new entries a look",
        f"    processor time over the second, mean of {LOOKS} = {mean:.1%}   (target: at most 5 %)",
        f"    what playing all that is left again may add = {1 / SPARING:.1%}",
        f"    the first look, which reads the whole journal, over a later one = {first / mean:.0f}",
    ]


def _cost_of_look(run: FollowedRun) -> float:
    before = time.thread_time()
    seen = run.look()
    status_text(seen, Names(_RUN, "t", "/plans/t.yaml", seen.found.home.path, ()), 40)
    return time.thread_time() - before
