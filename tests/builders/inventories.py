"""What instances hold and tell, and previews of it, as values. Law: values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.model.instance_facts import Facts
from orchestrator.core.model.inventory import Api, App, DataSource, InstanceDetails, Inventory, Task
from orchestrator.core.plan.plan import (
    Credentials,
    Instance,
    Migration,
    Password,
    Plan,
    Settings,
)
from orchestrator.core.plan.windows import Window
from orchestrator.core.preview.preview import EarlierImports, Informed, Preview, preview
from orchestrator.core.scheduling.timetable import Predict
from orchestrator.core.selection.only import Only
from tests.builders.plans import SECRET, migration
from tests.builders.runs import DAWN

EVERYTHING = Only()


def held_app(name: str, key: str = "", **more: str) -> App:
    return App(f"id-{name}", name, key or f"key-{name}", "2026-01-01T00:00:00Z", more.get("owner", "ann"))


def held_task(name: str, *apps: str, running: bool = False, datasources: tuple[str, ...] = ()) -> Task:
    ends = (*(f"id-{one}" for one in apps), "", "")
    return Task(f"id-{name}", name, ends[0], ends[1], running, "", "2026-01-01T00:00:00Z", "", datasources)


def datasource(name: str, owner: str) -> DataSource:
    return DataSource(f"ds-{name}", name, "MYSQL", f"id-{owner}")


def api(name: str, owner: str, *, released: bool = True, path: str = "", backend: str = "HTTP") -> Api:
    return Api(f"api-{name}", name, f"id-{owner}", "GET", path or f"/{name}", backend, released)


def told(instance: str, **parts: object) -> Facts:
    """Facts of an instance that told everything, and nothing remarkable."""
    usual: dict[str, object] = {
        "details": InstanceDetails(f"uuid-{instance}", instance, "Running", "ROMA_BASIC", "2.6.0"),
        "features": {}, "configs": (), "dictionaries": (), "datasources": (), "apis": (), "groups": (),
        "clock_offset": 0.0, "at": DAWN,
    }  # fmt: skip
    return Facts(instance, **{**usual, **parts})  # type: ignore[arg-type] # named as in Facts


@dataclass
class PreviewCase:
    """A plan, what its instances hold and what they tell."""

    migrations: tuple[Migration, ...] = (migration(),)
    held: Mapping[str, tuple[App | Task, ...]] = field(default_factory=dict)
    facts: Mapping[str, Facts] = field(default_factory=dict)
    history: EarlierImports = field(default_factory=EarlierImports)
    settings: Settings = field(default_factory=Settings)
    credentials: Mapping[str, Credentials] | None = None
    #: instance -> names of its credentials
    used: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seen_by: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    lasting: float = 0.0
    now: float = DAWN
    #: of the plan
    windows: tuple[Window, ...] = ()
    predict: Predict | None = None

    @property
    def names(self) -> tuple[str, ...]:
        ends = (name for m in self.migrations for name in (m.source, *(t.instance for t in m.targets)))
        return tuple(dict.fromkeys(ends))

    @property
    def plan(self) -> Plan:
        known = self.credentials or {"c": Password("c", "user", "acme", SECRET)}
        instances = {
            name: Instance(name, "https://x", "https://iam", "project", f"uuid-{name}", self.used.get(name, ("c",)))
            for name in self.names
        }
        return Plan("plan", known, instances, self.settings, self.migrations, windows=self.windows)

    @property
    def inventories(self) -> dict[str, Inventory]:
        return {name: self._inventory(name) for name in self.names}

    def _inventory(self, name: str) -> Inventory:
        assets = self.held.get(name, ())
        apps = tuple(each for each in assets if isinstance(each, App))
        tasks = tuple(each for each in assets if isinstance(each, Task))
        return Inventory(name, apps, tasks, self.seen_by.get(name, {}))

    def preview(self, only: Only = EVERYTHING) -> Preview:
        facts = {name: self.facts.get(name, told(name)) for name in self.names}
        informed = Informed(facts, self.now, self.lasting, predict=self.predict)
        return preview(self.plan, self.inventories, self.history, only, informed)

    def fired(self) -> dict[str, Verdict]:
        """Check -> its worst verdict, of those that are not ok."""
        found = sorted(self.findings(), key=lambda check: check.verdict.rank)
        return {check.id: check.verdict for check in found}

    def findings(self, check: str = "") -> list[Check]:
        return [c for c in self.preview().checks if c.verdict is not Verdict.OK and check in ("", c.id)]
