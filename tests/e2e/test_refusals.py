"""What cannot work is refused with a sentence: a bad plan offline, a wrong secret at the first answer."""

import pytest

from orchestrator.emulator.world.operations import Operation
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, Said, read_until
from tests.e2e.local_roma import LocalRoma, small_world

#: what stands in the plan, what is written in its place, and what the operator reads (Contract 1)
SLIPS = {
    "a glob without quotes": ('apps: "*"', "apps: *", 'write "*" in quotes'),
    "a list of globs without quotes": ('apps: "*"', "apps: [*.tmp]", 'write "*.tmp" in quotes'),
    "a reference without quotes": ('"${env:DEV_MIGRATOR_AK}"', "${env:DEV_MIGRATOR_AK}", "in quotes"),
    "an unknown key": ("source: dev", "sorce: dev", 'did you mean "source"?'),
    "a key twice": ("name: t\n", "name: t\nname: u\n", "twice"),
    "a literal secret": ('"${env:DEV_MIGRATOR_SK}"', '"SESAME-OPEN-0000"', "credentials.at-dev.sk"),
    "an unknown instance": ("target: prod", "target: porod", 'did you mean "prod"?'),
    "target and targets": ("target: prod", "target: prod, targets: [prod]", "targets"),
    "neither apps nor tasks": ('apps: "*", tasks: "*"', "prefix: x_", "apps"),
    "source and target are one": ("target: prod", "target: dev", "differ"),
    "a batch that is too large": ("settings: {", "settings: {batch_size: 101, ", "settings.batch_size"),
    "a key of a migration at the top": ("migrations:", "group: x\nmigrations:", "group: unknown key"),
    "plain http elsewhere": ("endpoint: http://127.0.0.1", "endpoint: http://10.0.0.1", "endpoint"),
    "an unknown version": ("version: 1", "version: 2", "version"),
    "a value of another kind": ("migrations:", "migrations: {}\nx-m:", "migrations"),
    "overwriting without Merge": ("target: prod", "target: prod, datasource_overwrite: true", "Merge"),
    "a waiver that cannot be": ("target: prod", "target: prod, waive: [{check: visibility, reason: x}]", "visibility"),
    "an alias bomb": (
        "version: 1",
        "x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + "".join(f"x-{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True))
        + "version: 1",
        "plan.yaml:",
    ),
    "a file over 1 MiB": ("version: 1", "#" * (1 << 20) + "\nversion: 1", "1 MiB"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_bad_plan_exits_2_names_its_line_and_sends_nothing(serve: Serve, desk: Desk, slip: str) -> None:
    roma = serve(small_world(1, 0))
    path = desk.plan(roma)
    old, new, expected = SLIPS[slip]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with desk.start("validate", "plan.yaml") as offline, desk.start("run", "plan.yaml") as online:
        told = {program: program.communicate(timeout=30) for program in (offline, online)}
    for program, (_, err) in told.items():
        assert program.returncode == 2, err
        assert "plan.yaml:" in err
        assert expected in err
        assert "Traceback" not in err
        assert "SESAME" not in err
    assert not roma.api.seen
    assert not desk.home.exists()


def test_every_problem_is_told_at_once_with_its_line(serve: Serve, desk: Desk) -> None:
    path = desk.plan(serve(small_world(1, 0)))
    path.write_text(path.read_text().replace("name: t\n", "nane: t\n").replace("source: dev", "source: dve"))
    said = desk.run("validate", "plan.yaml")
    assert said.code == 2
    assert len([line for line in said.err.splitlines() if "plan.yaml:" in line and ": " in line]) >= 3, said.err


def test_secrets_that_are_not_set_are_told_together_and_nothing_is_sent(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(1, 0))
    desk.plan(roma)
    del desk.environment["DEV_MIGRATOR_SK"], desk.environment["PROD_MIGRATOR_PW"]
    said = desk.run("run", "plan.yaml")
    assert said.code == 2, said.both
    assert "DEV_MIGRATOR_SK" in said.err
    assert "PROD_MIGRATOR_PW" in said.err
    assert not roma.api.seen


def _refused(roma: LocalRoma, said: Said) -> None:
    assert said.code == 3, said.both
    assert "who:" in said.err
    assert "next:" in said.err
    assert "Traceback" not in said.err
    assert roma.posts() == 0


def test_a_wrong_key_exits_3(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    desk.environment["DEV_MIGRATOR_SK"] = "another-secret-key-that-is-wrong"
    said = desk.run("run", "plan.yaml")
    _refused(roma, said)
    assert "another-secret-key-that-is-wrong" not in said.both
    assert "APIGW.0301" in said.err


@pytest.mark.parametrize("words", [("run", "plan.yaml"), ("preview", "plan.yaml"), ("inventory", "plan.yaml", "prod")])
def test_a_wrong_password_is_sent_once_and_exits_3(serve: Serve, desk: Desk, words: tuple[str, ...]) -> None:
    """Five wrong ones lock the user (API 1.11)."""
    roma = serve(small_world())
    desk.ready(roma)
    desk.environment["PROD_MIGRATOR_PW"] = "a-wrong-password"
    said = desk.run(*words)
    _refused(roma, said)
    assert "a-wrong-password" not in said.both
    assert roma.api.identity.token_requests.total() == 1
    assert roma.api.requests[Operation.TOKEN] == 1


def test_a_password_that_turns_wrong_between_two_runs_is_sent_once_by_a_resume(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    with desk.start("run", "--log-format", "json", "plan.yaml") as program:
        read_until(program.stderr, "export-accepted")
        program.kill()
        program.communicate(timeout=10)
    asked, right = roma.api.identity.token_requests.total(), desk.environment["PROD_MIGRATOR_PW"]
    desk.environment["PROD_MIGRATOR_PW"] = "a-wrong-password"
    said = desk.run("run", "plan.yaml")
    assert said.code == 3, said.both
    assert roma.api.identity.token_requests.total() == asked + 1
    desk.environment["PROD_MIGRATOR_PW"] = right
    assert desk.run("run", "plan.yaml").code == 0
    assert roma.held() == roma.everything()
