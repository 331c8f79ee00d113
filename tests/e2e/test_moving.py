"""A plan moves what it says over a real socket, with the calls and jobs that it should take and no others."""

import pytest

from orchestrator.emulator.world.generate import DEV_USER
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.readings import LockScope
from tests.e2e.conftest import Serve
from tests.e2e.desk import LINES, Desk, PlanText, key_of, read_until
from tests.e2e.local_roma import CATCHABLE, PATIENCE, large_world, small_world
from tests.emulator.ledgers import overlaps

ONE_USER = PlanText(credentials={"me": key_of(DEV_USER)}, users={"dev": "me", "prod": "me", "dr": "me"})


def test_255_assets_move_in_three_exports_and_three_imports(serve: Serve, desk: Desk) -> None:
    roma = serve(large_world(token_lifetime=2.0, durations=CATCHABLE))
    desk.ready(roma)
    said = desk.run("run", "plan.yaml", "--json")
    assert said.code == 0, said.both
    assert said.document["counts"]["verified"] == 255
    assert roma.held() == roma.everything()
    assert (roma.jobs("export"), roma.jobs("import"), roma.posts()) == (3, 3, 6)
    assert roma.ledger.busy.total() == 0
    assert roma.twice() == {}
    assert roma.api.identity.token_requests["acme/prod-migrator"] >= 2
    assert roma.api.identity.token_requests["acme/dev-migrator"] == 0


def test_one_user_on_both_sides_never_overlaps_and_still_finishes(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(durations=CATCHABLE))
    desk.ready(roma, PlanText(credentials=ONE_USER.credentials, users=ONE_USER.users, settings={"batch_size": 10}))
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    assert roma.held() == roma.everything()
    assert (roma.jobs("export"), roma.jobs("import")) == (3, 3)
    assert overlaps(roma.ledger, LockScope.USER_ANY) == []
    assert roma.ledger.busy.total() == 0


def test_three_targets_with_prefixes_are_fed_by_one_export_of_each_batch(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(empty=("prod", "dr", "lab")))
    targets = "[prod, {instance: dr, prefix: dr_}, {instance: lab, prefix: lab_}]"
    moves = f'name: all, source: dev, targets: {targets}, apps: "*", tasks: "*"'
    desk.ready(roma, PlanText(settings={"batch_size": 10}, migrations=(moves,)))
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    assert (roma.jobs("export"), roma.jobs("import")) == (3, 9)
    exported = [job.asset_ids for job in roma.ledger.jobs.values() if job.type == "export"]
    assert len({asset for ids in exported for asset in ids}) == sum(len(ids) for ids in exported) == 30
    for name, prefix in (("prod", ""), ("dr", "dr_"), ("lab", "lab_")):
        assert roma.held(name) == roma.everything(prefix), name


@pytest.mark.parametrize("words", [("preview", "plan.yaml"), ("run", "--dry-run", "plan.yaml")], ids=["preview", "dry"])
def test_a_preview_asks_for_no_job_and_leaves_no_home(serve: Serve, desk: Desk, words: tuple[str, ...]) -> None:
    roma = serve(small_world())
    desk.plan(roma)
    said = desk.run(*words)
    assert said.code == 0, said.both
    assert "30" in said.out
    assert roma.posts() == 0
    assert {seen.method for seen in roma.api.seen if seen.instance} == {"GET"}
    assert not desk.home.exists()


def test_a_preview_leaves_an_existing_home_untouched(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    assert desk.run("run", "plan.yaml").code == 0
    before = desk.files()
    posts = roma.posts()
    said = desk.run("preview", "plan.yaml")
    assert said.code == 0, said.both
    assert desk.files() == before
    assert roma.posts() == posts


def test_a_finished_plan_run_again_has_nothing_left_to_bring(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    assert desk.run("run", "plan.yaml").code == 0
    posts = roma.posts()
    again = desk.run("run", "plan.yaml", "--json")
    assert (again.code, again.document["counts"]["skipped"]) == (0, 30), again.both
    assert roma.posts() == posts


def test_an_end_that_nobody_was_told_is_told_by_the_same_command_and_nothing_is_begun(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    moves = 'name: all, source: dev, target: prod, apps: "*", tasks: "*", mode: Merge'
    desk.ready(roma, PlanText(migrations=(moves,)))
    first = desk.run("run", "plan.yaml", "--json").document
    told = desk.home / "runs" / first["run"] / "told"
    told.unlink()  # as a kill leaves it between the last entry of the journal and the closing words
    posts = roma.posts()
    again = desk.run("run", "plan.yaml", "--json")
    assert (again.code, again.document["run"], again.document["counts"]) == (0, first["run"], first["counts"])
    assert "told-again" in again.err
    assert roma.posts() == posts
    third = desk.run("run", "plan.yaml", "--json")
    assert third.document["run"] != first["run"]
    assert roma.posts() > posts


def test_a_second_process_on_the_same_plan_leaves_at_once_and_the_first_is_undisturbed(
    serve: Serve, desk: Desk
) -> None:
    roma = serve(small_world())
    desk.ready(roma, PlanText(settings={"batch_size": 10}))
    roma.hold(Operation.EXPORT)
    with desk.start("run", "plan.yaml", *LINES) as first:
        read_until(first.stderr, "export-accepted")
        second = desk.run("run", "plan.yaml")
        assert first.poll() is None
        roma.release()
        _, err = first.communicate(timeout=PATIENCE)
    assert second.code == 6
    assert f"process {first.pid}" in second.err
    assert "next:" in second.err
    assert first.returncode == 0, err
    assert roma.held() == roma.everything()
    assert (roma.jobs("export"), roma.jobs("import")) == (3, 3)


def test_two_plans_of_one_home_that_share_a_slot_take_turns(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(empty=("prod", "dr"), durations=CATCHABLE))
    for name, target in (("a", "prod"), ("b", "dr")):
        moves = f'name: all, source: dev, target: {target}, apps: "*", tasks: "*"'
        text = PlanText(name, ONE_USER.credentials, ONE_USER.users, {"batch_size": 15}, (moves,))
        desk.ready(roma, text, f"{name}.yaml")
    with desk.start("run", "a.yaml") as first, desk.start("run", "b.yaml") as second:
        told = [program.communicate(timeout=PATIENCE) for program in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), told
    assert roma.held("prod") == roma.held("dr") == roma.everything()
    assert overlaps(roma.ledger, LockScope.USER_ANY) == []
    assert roma.ledger.busy.total() == 0
    ran = [job.instance for job in sorted(roma.ledger.jobs.values(), key=lambda job: job.begin) if job.type == "import"]
    assert sorted(ran) == ["dr", "dr", "prod", "prod"]
