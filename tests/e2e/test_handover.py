"""The handover list while a run goes on: what a person ticks is kept by the process that conducts the run."""

from orchestrator.core.state import events as e
from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.operations import Operation
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, Desk, read_until
from tests.e2e.local_roma import small_world


def test_an_item_is_ticked_while_the_run_goes_on(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    roma.strike(Kind.JOB_RUNS_FOREVER, Operation.IMPORT, instance="prod")
    with desk.start("run", "plan.yaml", *LINES) as program:
        read_until(program.stderr, "import-accepted")
        listed = desk.run("handover", "--json").document
        item = listed["items"][0]["id"]
        told = desk.run("handover", "--done", item, "--note", "Jane has done it")
        assert told.code == 0, told.both
        assert program.poll() is None
        program.terminate()
        _, err = program.communicate(timeout=60)
    assert program.returncode == 143, err
    run = listed["run"]
    (kept,) = [x.event for x in HomeStore(Home(desk.home)).read(run) if isinstance(x.event, e.HandoverDone)]
    assert (kept.item, kept.note) == (item, "Jane has done it")
    after = {each["id"]: each["done"] for each in desk.run("handover", "--json").document["items"]}
    assert after[item] is True
    assert list(after.values()).count(True) == 1
