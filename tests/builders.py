"""Small plans and runs for tests. Law: values only; a journal is a list of events with times."""

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.decisions import steps as s
from orchestrator.core.decisions.context import Decision, Note, Start
from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.decisions.steps import Step
from orchestrator.core.model.inventory import Reason
from orchestrator.core.model.naming import predicted
from orchestrator.core.plan.plan import (
    Credentials,
    Glob,
    Instance,
    Migration,
    Password,
    Plan,
    Scope,
    SecretRef,
    SecretSource,
    Settings,
    Target,
)
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset, Entry, ErrorDetail, Event
from orchestrator.core.state.identity import batch_of, delivery_id
from orchestrator.core.state.lifecycle import Delivery, PackageState
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import SlotRule

#: 2027-01-15T08:00:00Z: when every small run begins, epoch seconds
DAWN = 1_800_000_000.0
SAID = ErrorDetail("job", "ROMA.9", "no")
REASON = Reason("application", "", "ROMA.9", "no")


def app(name: str, *needs: str, **more: str) -> Asset:
    """An application; its id is its name."""
    return Asset(name, "app", name, more.get("update_time", ""), needs)


def task(name: str, *needs: str) -> Asset:
    return Asset(name, "task", name, "", needs)


def batch_id(source: str, *assets: Asset) -> str:
    apps = [each.id for each in assets if each.kind == "app"]
    return batch_of(source, apps, [each.id for each in assets if each.kind == "task"]).id


class Run:
    """A run that is written event by event: its time only passes when told."""

    def __init__(self, at: float = DAWN) -> None:
        self.progress = Progress()
        self.at = at
        self.entries: list[Entry] = []

    def believe(self, *events: Event) -> None:
        """Journal and believe them now."""
        for event in events:
            entry = Entry(len(self.entries) + 1, self.at, event)
            self.entries.append(entry)
            self.progress.apply(entry)

    def later(self, seconds: float) -> "Run":
        self.at += seconds
        return self

    def carries(
        self, *assets: Asset, target: str = "prod", source: str = "dev", owner: str = "t",
        migration: str = "m", exporters: tuple[str, ...] = ("s",), position: float | None = None, **more: object,
    ) -> str:  # fmt: skip
        """Schedule one batch and its delivery; answers the delivery's id. `more`: fields of DeliveryScheduled."""
        batch = batch_id(source, *assets)
        if batch not in self.progress.batches:
            place = float(len(self.progress.batches) + 1) if position is None else position
            self.believe(e.BatchScheduled(batch, source, assets, exporters, place))
        own = {asset.id for asset in assets}
        needs = tuple(sorted({need for asset in assets for need in asset.needs} - own))
        made = e.DeliveryScheduled(
            delivery_id(batch, target, str(more.get("prefix", ""))), batch, migration, target, "AddNew", "", False,
            owner, needs,
        )  # fmt: skip
        self.believe(replace(made, **more))  # type: ignore[arg-type] # named as in DeliveryScheduled
        return made.delivery

    def life(self, name: str) -> Delivery:
        return self.progress.deliveries[name]

    def stores(self, name: str, slot: str = "dev.example acme/s") -> str:
        """The delivery's package is exported and lies on our disk; answers its batch."""
        batch = self.life(name).batch
        self.exports(batch, slot)
        self.believe(
            e.Exported(batch, "arch"), e.DownloadRequested(batch), e.PackageStored(batch, f"sha-{batch}", 10, "crc")
        )
        return batch

    def exports(self, batch: str, slot: str = "dev.example acme/s") -> None:
        if self.progress.packages[batch].state is not PackageState.EXPORT_UNSURE:
            self.believe(e.ExportRequested(batch, "s", slot))
        self.believe(e.ExportAccepted(batch, f"job-{batch}"))

    def slot_of(self, name: str) -> str:
        """The slot of its import, where one job runs per user."""
        life = self.life(name)
        return f"{life.target}.example acme/{life.scheduled.owner}"

    def asks_import(self, name: str, present: Sequence[tuple[str, tuple[str, ...]]] = ()) -> None:
        """Its baseline is taken and its import asked for; no answer yet."""
        owner = self.life(name).scheduled.owner
        self.believe(e.Looked(name, tuple(present)), e.ImportRequested(name, owner, self.slot_of(name)))

    def loses(self, name: str, quiet: float = 90.0) -> None:
        """Its package is stored, its import asked for, the answer lost; quiet for so many seconds."""
        self.stores(name)
        self.asks_import(name)
        self.believe(e.ImportAnswerLost(name, SAID, self.at + quiet))

    def splits(self, name: str, *parts: tuple[str, str], why: str = "reasons") -> None:
        """It goes on in parts of one asset each: (asset, fate); the parts are named `batch-ASSET@prod`."""
        children = []
        held = {each.id: each for each in self.progress.assets_of(self.life(name).batch)}
        for place, (asset, fate) in enumerate(parts):
            self.believe(e.BatchScheduled(f"batch-{asset}", "dev", (held[asset],), ("s",), 1.0 + place / 10))
            children.append(e.Child(f"batch-{asset}@prod", f"batch-{asset}", (asset,), fate))
        self.believe(e.Split(name, tuple(children), why))

    def imports(self, name: str) -> None:
        self.asks_import(name)
        self.believe(e.ImportAccepted(name, f"job-{name}"))

    def lands(self, name: str) -> None:
        """Imported and verified."""
        self.imports(name)
        ids = tuple(asset.id for asset in self.progress.assets_of(self.life(name).batch))
        self.believe(e.Imported(name), e.Verified(name, ids))

    def fails(self, name: str, *reasons: Reason, words: ErrorDetail = SAID) -> None:
        self.imports(name)
        self.believe(e.ImportFailed(name, reasons, words))


def credentials(*names: str) -> dict[str, Credentials]:
    ref = SecretRef(SecretSource.ENV, "NOBODY")
    return {name: Password(name, name, "acme", ref) for name in names}


def instance(name: str, *names: str, host: str = "") -> Instance:
    at = f"https://{host or name}.example"
    return Instance(name, at, at, "p" * 32, f"id-of-{name}", names)


def plan(
    settings: Settings | None = None, *, instances: Sequence[Instance] = (), migrations: Sequence[Migration] = ()
) -> Plan:
    """dev and prod on two hosts, with one user each, unless told otherwise."""
    held = instances or (instance("dev", "s"), instance("prod", "t"), instance("dr", "t"))
    users = dict.fromkeys(name for each in held for name in each.credentials)
    moves = tuple(migrations) or (Migration("m", "dev", (Target("prod"), Target("dr")), apps=(Glob("*"),)),)
    return Plan(
        "orders", credentials(*users), {each.name: each for each in held}, settings or Settings(), moves, "plan.yaml"
    )


def scheduler(run: Run, made: Plan | None = None, scope: Scope = Scope.USER) -> Scheduler:
    """What to do next, for a run; everybody is a user of his own."""
    made = made or plan()
    rule = SlotRule(scope, {name: f"acme/{name}" for name in made.credentials})
    return Scheduler(
        made, rule, run.progress, lambda life, asset: predicted(life.scheduled.prefix, asset.kind, asset.name)
    )


def decided(todo: Scheduler, run: Run) -> list[Step]:
    """What begins now, our own decisions believed on the way; the first answer that is none of both ends it."""
    begun: list[Step] = []
    for _ in range(1000):
        answer: Decision = todo.ready(run.at)
        match answer:
            case Note(events=events):
                run.believe(*events)
            case Start(steps=steps):
                begun += steps
                run.believe(*(step.intent for step in steps if hasattr(step, "intent")))
            case _:
                return begun
    raise AssertionError("the agenda never comes to rest")


def answered(todo: Scheduler, run: Run, subject: str, *events: Event) -> None:
    """The step of this subject ended with these events."""
    run.believe(*events)
    todo.finish(subject)


def woken(run: Run, **more: object) -> Scheduler:
    """The agenda of a process that has just read the journal."""
    todo = scheduler(run, **more)  # type: ignore[arg-type] # named as in agenda
    run.progress.wake_all()
    return todo


def begun(todo: Scheduler, run: Run) -> list[tuple[str, str]]:
    return [(type(step).__name__, step.subject) for step in decided(todo, run)]


def stored(run: Run, *names: str) -> None:
    for name in names:
        run.stores(name)


def answer_well(todo: Scheduler, run: Run, step: Step) -> None:
    """Answer one step as a service would at which all goes well and jobs end at once."""
    subject = step.subject
    match step:
        case s.RequestExport():
            answered(todo, run, subject, e.ExportAccepted(subject, "job"))
        case s.AwaitExport():
            answered(todo, run, subject, e.Exported(subject, "arch"))
        case s.Download() | s.RecoverDownload():
            answered(todo, run, subject, e.PackageStored(subject, f"sha-{subject}", 1, "crc"))
        case s.ListTarget():
            answered(todo, run, subject, e.Looked(subject))
        case s.RequestImport():
            answered(todo, run, subject, e.ImportAccepted(subject, "job"))
        case s.AwaitImport():
            answered(todo, run, subject, e.Imported(subject))
        case s.Verify():
            ids = tuple(asset.id for asset in run.progress.assets_of(run.life(subject).batch))
            answered(todo, run, subject, e.Verified(subject, ids))
        case s.DropPackage():
            answered(todo, run, subject, e.PackageDropped(subject))
        case s.RequestProbe():
            answered(todo, run, subject, e.ProbeAccepted(subject, "job"))
        case s.AwaitProbe():
            answered(todo, run, subject, e.ProbeEnded(subject, "SUCCEEDED"))
        case s.CheckBeside():
            answered(todo, run, subject, e.WideningShown(step.widening, "apart"))
