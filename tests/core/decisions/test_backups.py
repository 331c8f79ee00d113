"""What a Merge may overwrite lies in the vault first: as the latest listing shows it, or not at all."""

import pytest

from orchestrator.core.decisions.scheduler import Scheduler
from orchestrator.core.model.inventory import Reason
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import DeliveryState
from tests.builders.decisions import answered, begun, decided, woken
from tests.builders.runs import SAID, Run, app

SEEN = (("a", ("there-a",)),)


@pytest.fixture
def run() -> Run:
    return Run()


def merging(run: Run, *names: str) -> str:
    """A delivery whose package is stored, that merges over what bears its names; its backup is scheduled."""
    held = tuple(e.Asset(f"there-{name}", "app", name, "t1") for name in names)
    run.believe(e.BatchScheduled("backup", "prod", held, ("t",), 9.0, backup=True))
    made = run.carries(*(app(name) for name in names), mode="Merge", backup=True, backups=("backup",))
    run.stores(made)
    return made


def keeps(run: Run, batch: str = "backup") -> None:
    run.believe(e.ExportRequested(batch, "t", "prod.example acme/t"), e.ExportAccepted(batch, "j"))
    run.believe(e.Exported(batch, "arch"), e.DownloadRequested(batch), e.PackageStored(batch, f"s-{batch}", 1, "crc"))


def looks(todo: Scheduler, run: Run, name: str, time: str) -> None:
    answered(todo, run, name, e.Looked(name, SEEN, asked_at=run.at, times=(("there-a", time),)))


def test_the_backup_goes_first(run: Run) -> None:
    merging(run, "a")
    assert begun(woken(run), run) == [("RequestExport", "backup")]


def test_the_import_follows_its_backup(run: Run) -> None:
    made = merging(run, "a")
    keeps(run)
    todo = woken(run)
    assert begun(todo, run) == [("ListTarget", made)]
    looks(todo, run, made, "t1")
    assert begun(todo, run) == [("RequestImport", made)]


def test_what_has_changed_since_its_backup_is_backed_up_again(run: Run) -> None:
    made = merging(run, "a")
    keeps(run)
    todo = woken(run)
    begun(todo, run)
    looks(todo, run, made, "t2")
    ((kind, batch),) = begun(todo, run)
    assert (kind, batch != "backup", run.life(made).state) == ("RequestExport", True, DeliveryState.WAITING)
    assert [(each.id, each.update_time) for each in run.progress.assets_of(batch)] == [("there-a", "t2")]
    assert run.life(made).scheduled.backups == ("backup", batch)


def test_what_cannot_be_backed_up_is_set_aside_and_the_rest_goes_on(run: Run) -> None:
    made = merging(run, "a", "b")
    run.believe(e.ExportRequested("backup", "t", "prod.example acme/t"), e.ExportAccepted("backup", "j"))
    run.believe(e.ExportFailed("backup", (Reason("application", "a", "ROMA.9", "no"),), SAID))
    decided(woken(run), run)
    parts = {run.progress.assets_of(each.batch)[0].id: each for each in run.progress.deliveries.values()}
    assert run.life(made).state is DeliveryState.SPLIT
    assert parts["a"].state is DeliveryState.QUARANTINED
    assert "cannot be backed up" in str(parts["a"].words)
    (rest,) = parts["b"].scheduled.backups
    assert [each.id for each in run.progress.assets_of(rest)] == ["there-b"]


def test_what_fails_without_a_name_is_backed_up_in_halves(run: Run) -> None:
    made = merging(run, "a", "b")
    run.believe(e.ExportRequested("backup", "t", "prod.example acme/t"), e.ExportAccepted("backup", "j"))
    run.believe(e.ExportFailed("backup", (), SAID))
    decided(woken(run), run)
    halves = run.life(made).scheduled.backups
    assert sorted(run.progress.assets_of(each)[0].id for each in halves) == ["there-a", "there-b"]
