"""A fleet in virtual time: one process after the other over a real PostgreSQL and one far side. Law: no assertions."""

from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from orchestrator.core.plan.plan import Plan, Scope
from orchestrator.core.preview.approval import Saved
from orchestrator.core.preview.approval_file import from_json, to_json
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.submissions import SubmittedComponent
from orchestrator.emulator.world.faults import Rule
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.world import World
from orchestrator.engine.admission import Approval
from orchestrator.engine.components import Handed, conduct, runs_for, submit
from orchestrator.engine.conductor import Conductor
from orchestrator.engine.past_runs import runs_of
from orchestrator.engine.runs import Runs
from orchestrator.storage.locks import Holder
from orchestrator.storage.postgres.database import Database
from orchestrator.storage.postgres.store import PostgresStore
from tests.builders.plans import migration
from tests.builders.postgres_store import store_in
from tests.engine.rig import USERS, EngineRig, plan_for, slots_of, staged

T = TypeVar("T")
ME = Holder("worker", 1, "2027-01-15T08:00:00+00:00")


@dataclass
class Fleet:
    """One process of a fleet after the other, over one database and one far side."""

    rig: EngineRig
    store: PostgresStore

    @property
    def users(self) -> dict[str, str]:
        return {name: f"acme/{name}" for name in self.rig.plan.credentials}

    def submit(self, approval: Approval | None = None, *, abandon: bool = False) -> list[SubmittedComponent]:
        handed = Handed(self.rig.plan, "text", "", approval, abandon)
        return list(submit(self.store, handed, self.users, self.rig.runtime()).components)

    async def approved(self, *words: str) -> Saved:
        """What a board has approved: the document, written and read."""
        rig, only = self.rig, parse_only(words, self.rig.plan) if words else Only()
        admission = Runs(rig.plan, self.store, rig.roma(), self.users, rig.runtime()).admission
        draft = await admission.preview(only, runs_of(self.store, rig.plan.name))
        return from_json(to_json(admission.saved(draft, only, "CHG-1")))

    def runs(self, component: SubmittedComponent) -> Runs:
        rig = self.rig
        return runs_for(self.store, component, rig.plan, rig.roma(), self.users, rig.runtime())

    async def conduct(self, component: SubmittedComponent) -> SubmittedComponent:
        return await conduct(self.runs(component), self.store, component, ME)


def pairs(*faults: Rule) -> tuple[World, Plan]:
    """`dev` goes to `prod` and `test` to `dr`; a slot is an instance, so these are two components."""
    filling = Filling(owner="s", calls={}, unreleased_every=0, running_every=0)
    held = generate(3, 0, filled=("dev", "test"), empty=("prod", "dr"), filling=filling, users=USERS, faults=faults)
    told = plan_for(held, slots_of(Scope.INSTANCE))
    instances = {**told.instances, "test": replace(told.instances["test"], credentials=("s",))}
    moves = (migration("m", "dev", "prod"), migration("n", "test", "dr"))
    return held, replace(told, instances=instances, migrations=moves)


def once_conducted(runs: Runs, act: Callable[[Conductor], object]) -> Runs:
    """The same, with something that happens as soon as the run is conducted."""

    def hear(progress: Progress, entry: Entry) -> None:
        if runs.conductor is not None:
            act(runs.conductor)

    runs.listen = hear
    return runs


def drain(conductor: Conductor) -> None:
    conductor.stop("SIGTERM")


Act = Callable[[Fleet], Awaitable[T]]


def lived(database: Database, folder: Path, act: Act[T], *faults: Rule) -> tuple[EngineRig, T]:
    """Two components of a submitted plan, and what somebody does with them."""
    held, plan = pairs(*faults)

    async def all_of_it(rig: EngineRig) -> T:
        with closing(store_in(database, folder)) as store:
            return await act(Fleet(rig, store))

    return staged(held, all_of_it, plan)
