"""What only the operator can decide: a delivery itself, its package, or a backup that it waits for."""

from dataclasses import replace

import pytest

from orchestrator.core.report.outcome import outcome
from orchestrator.core.state import events as e
from orchestrator.core.state.lifecycle import DeliveryState, PackageState
from orchestrator.core.state.undecided import undecided_before, undecided_deliveries, undecided_lives
from orchestrator.errors import ExitCode
from tests.builders.runs import Run, app

BACKUP = "k"


def waiting_for_a_backup() -> tuple[Run, str]:
    run = Run()
    name = run.carries(app("a"))
    run.believe(
        e.BatchScheduled(BACKUP, "prod", (app("x"),), ("t",), 2.0, backup=True), e.BackupsChosen(name, (BACKUP,))
    )
    return run, name


def test_nothing_is_undecided_while_all_goes_on() -> None:
    run, name = waiting_for_a_backup()
    assert undecided_before(run.progress, run.life(name)) is None
    assert not undecided_deliveries(run.progress)
    assert not undecided_lives(run.progress)


@pytest.mark.parametrize("own", [True, False], ids=["its package", "its backup"])
def test_a_delivery_waits_for_the_operator_where_its_package_or_backup_is_undecided(own: bool) -> None:
    run, name = waiting_for_a_backup()
    batch = run.life(name).batch if own else BACKUP
    run.progress.packages[batch] = replace(run.progress.packages[batch], state=PackageState.UNDECIDED)
    assert undecided_before(run.progress, run.life(name)) is run.progress.packages[batch]
    assert undecided_deliveries(run.progress) == {name}
    assert undecided_lives(run.progress) == (run.progress.packages[batch],)
    assert outcome(run.progress, {}).code is ExitCode.UNDECIDED
    assert outcome(run.progress, {}).counts == {"undecided": 1}


def test_a_delivery_may_be_undecided_itself() -> None:
    run, name = waiting_for_a_backup()
    life = run.progress.deliveries[name] = replace(run.life(name), state=DeliveryState.UNDECIDED)
    assert undecided_before(run.progress, life) is life
    assert undecided_lives(run.progress) == (life,)


def test_an_undecided_package_that_nothing_open_needs_asks_nobody() -> None:
    run, name = waiting_for_a_backup()
    run.progress.packages[BACKUP] = replace(run.progress.packages[BACKUP], state=PackageState.UNDECIDED)
    run.believe(e.Blocked(name, "x"))
    assert not undecided_lives(run.progress)
    assert not undecided_deliveries(run.progress)
