"""The scheduler of a small run, asked and answered as the engine would. Law: values only."""

from orchestrator.core.decisions import steps as s
from orchestrator.core.decisions.context import Decision, Note, SchedulerContext, Start
from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.decisions.steps import Step
from orchestrator.core.model.naming import predicted
from orchestrator.core.plan.plan import Plan, Scope
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Event
from orchestrator.core.state.slots import SlotRule
from tests.builders.plans import plan
from tests.builders.runs import Run


def scheduler(run: Run, made: Plan | None = None, scope: Scope = Scope.USER) -> Scheduler:
    """What to do next, for a run; everybody is a user of his own."""
    made = made or plan()
    rule = SlotRule(scope, {name: f"acme/{name}" for name in made.credentials})
    todo = Scheduler(
        SchedulerContext(
            made, rule, run.progress, lambda life, asset: predicted(life.scheduled.prefix, asset.kind, asset.name)
        )
    )
    run.hears.append(todo.touch)
    return todo


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


def answered(todo: Scheduler, run: Run, name: str, *events: Event) -> None:
    """The step of the subject with this id ended with these events."""
    run.believe(*events)
    todo.finish(next((each for each in todo.context.active if each.id == name), run.progress.subject_of(name)))


def woken(run: Run, **more: object) -> Scheduler:
    """The agenda of a process that has just read the journal."""
    todo = scheduler(run, **more)  # type: ignore[arg-type] # named as in agenda
    todo.touch_all()
    return todo


def begun(todo: Scheduler, run: Run) -> list[tuple[str, str]]:
    return [(type(step).__name__, step.subject.id) for step in decided(todo, run)]


def stored(run: Run, *names: str) -> None:
    for name in names:
        run.stores(name)


def answer_well(todo: Scheduler, run: Run, step: Step) -> None:
    """Answer one step as a service would at which all goes well and jobs end at once."""
    subject = step.subject.id
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
