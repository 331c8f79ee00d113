"""A fleet's journals, judged by the folds that judge the simulation, and compared with what its services did.

Law: read when all is over, from the database itself; the program's own decisions are not used.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.core.plan.plan import Plan
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.emulator.service.ledger import Ledger
from orchestrator.storage.home import Home
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.postgres_store import way_to
from tests.e2e.fleet import Fleet
from tests.e2e.local_roma import LocalRoma
from tests.simulation.book import require
from tests.simulation.invariants import Journal

#: run -> its entries, in their order
Journals = Mapping[str, Sequence[Entry]]


def journals_of(fleet: Fleet) -> Journals:
    """Every run that the database holds; each one's chain is checked as it is read."""
    database = way_to(fleet.server.uri(fleet.database))
    store = PostgresStore(database, Home(fleet.desk.folder / "home-of-the-judge"))
    try:
        return {run: list(store.read(run)) for run in store.run_ids()}
    finally:
        store.close()
        database.close()


def every_promise_held(fleet: Fleet, file: str, *services: LocalRoma) -> None:
    """Over all components of a plan that was submitted once, at these services; raises Broken."""
    plan, journals = read_plan(fleet.desk.folder / Path(file)), journals_of(fleet)
    users = {user.name: f"{user.domain}/{user.name}" for roma in services for user in roma.world.users}
    require(len(journals) == len(fleet.components()), f"{len(journals)} runs of {len(fleet.components())} components")
    judge(plan, users, journals, [roma.ask(lambda api: api.service.ledger) for roma in services])


def judge(plan: Plan, users: dict[str, str], journals: Journals, ledgers: Sequence[Ledger]) -> None:
    """Each journal by itself, and all of them beside what really happened; raises Broken."""
    for run, entries in journals.items():
        require(isinstance(entries[0].event, e.RunBegan), f"run {run} begins with {entries[0].event}")
        require(isinstance(entries[-1].event, e.RunEnded), f"run {run} ends with {entries[-1].event}")
        Journal(plan, users).again(entries)
    intents = Counter(word for entries in journals.values() for each in entries if (word := _asks_for(each.event)))
    for word, done in _carried_out(ledgers).items():
        require(done <= intents[word], f"promise 5: {done} times {word} at the services, {intents[word]} intents")
    largest = max((len(call.asset_ids) for each in ledgers for call in each.calls), default=0)
    require(largest <= plan.settings.batch_size, f"promise 1: a request names {largest} assets")


def _asks_for(event: e.Event) -> str:
    match event:
        case e.ExportRequested() | e.ProbeRequested():
            return "export"
        case e.ImportRequested():
            return "import"
        case e.DownloadRequested():
            return "download"
        case _:
            return ""


def _carried_out(ledgers: Sequence[Ledger]) -> Counter[str]:
    done: Counter[str] = Counter()
    for each in ledgers:
        done.update(call.operation for call in each.calls if call.outcome == "accepted")
        done["download"] += each.downloads.total() + each.denied_downloads.total()
    return done
