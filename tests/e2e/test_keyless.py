"""Credentials without a stored key move a whole plan, and a key that ends is renewed between jobs, never within one."""

import os
import stat
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulator.world.generate import DEV_USER, PROD_USER
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.world import Agency, World
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, PlanText, key_of
from tests.e2e.local_roma import CATCHABLE, LocalRoma, small_world

#: seconds that a temporary key lives: less than the run, more than two of its jobs
SHORT = 3.0
#: two at a time: many jobs, so that a key ends among them
BATCHES = {"batch_size": 2}
ID_TOKEN = "eyJSESAME.id.token-of-the-pipeline"
AGENCIES = (
    Agency("migration", DEV_USER),
    Agency("visitors", PROD_USER, trusts=("dev-migrator",)),
    Agency("others", PROD_USER, trusts=("nobody",)),
)


def world(apps: int = 6, tasks: int = 10, **how: Any) -> World:
    """A small one in which agencies and an identity provider are known."""
    tokens = {f"gitlab/{ID_TOKEN}": "dev-migrator"}
    known = {"agencies": AGENCIES, "server_agency": "migration", "id_tokens": tokens}
    return replace(small_world(apps, tasks, durations=CATCHABLE), **(known | how))


def sessions_by_job(roma: LocalRoma) -> dict[str, set[int]]:
    """Job or archive -> the temporary keys with which it was asked about, by those that asked successfully."""
    found: dict[str, set[int]] = defaultdict(set)
    for one in roma.api.seen:
        if one.operation in {Operation.JOB, Operation.ARCHIVE} and one.status == 200:
            found[one.path.rpartition("/")[2]].add(one.session)
    return found


def exported_with(roma: LocalRoma) -> list[int]:
    """The temporary key of each accepted request for an export, in order."""
    return [x.session for x in roma.api.seen if x.operation is Operation.EXPORT and x.status == 200]


WAYS = {
    "agency": "{agency: ecs, user: acme/dev-migrator}",
    "oidc": "{oidc: {idp: gitlab, token_file: id-token}, project: local-1}",
    "oidc-env": "{oidc: {idp: gitlab, token_env: ID_TOKEN}}",
    "command": '{ak: "${command:./key ak}", sk: "${command:./key sk}"}',
}


def script(desk: Desk, name: str, text: str) -> Path:
    path = desk.folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_plan_moves_without_a_stored_key(way: str, serve: Serve, desk: Desk) -> None:
    roma = serve(world(session_lifetime=3600.0))
    desk.ready(roma, PlanText(credentials={"at-dev": WAYS[way], "at-prod": key_of(PROD_USER)}))
    (desk.folder / "id-token").write_text(ID_TOKEN + "\n")
    script(
        desk, "key", f'case $1 in ak) echo "{DEV_USER.ak}";; sk) echo "{DEV_USER.sk}"; echo "{DEV_USER.sk}" >&2;; esac'
    )
    for secret in ("DEV_MIGRATOR_AK", "DEV_MIGRATOR_SK", "DEV_MIGRATOR_PW"):
        del desk.environment[secret]
    desk.environment |= {"ROMA_MIGRATE_METADATA": roma.url, "ID_TOKEN": ID_TOKEN}
    said = desk.run("run", "plan.yaml", "--log-level", "debug")
    assert said.code == 0, said.both
    assert roma.held() == roma.everything()
    for secret in (ID_TOKEN, DEV_USER.sk, *(key.sk for key in roma.api.identity.sessions.given.values())):
        assert secret not in said.both
        assert all(secret.encode() not in content for _, content in desk.files().values())


@pytest.mark.parametrize(
    "at_prod",
    [
        "{assume: {domain: acme, agency: visitors, by: at-dev}}",
        "{assume: {domain: acme, agency: visitors, by: server}}",
    ],
)
def test_the_agency_of_another_account_is_taken_on_by_other_credentials(at_prod: str, serve: Serve, desk: Desk) -> None:
    roma = serve(world())
    held = {"at-dev": key_of(DEV_USER), "server": "{agency: ecs}", "at-prod": at_prod}
    desk.ready(roma, PlanText(credentials=held))
    desk.environment |= {"ROMA_MIGRATE_METADATA": roma.url}
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    assert roma.held() == roma.everything()
    assert {app.owner for app in roma.api.service.holding("prod").apps.all()} == {"prod-migrator"}


@pytest.mark.parametrize("way", ["agency", "oidc"])
def test_a_key_that_ends_in_the_middle_of_a_run_is_renewed_between_jobs(way: str, serve: Serve, desk: Desk) -> None:
    roma = serve(world(session_lifetime=SHORT))
    desk.ready(roma, PlanText(credentials={"at-dev": WAYS[way], "at-prod": key_of(PROD_USER)}, settings=BATCHES))
    (desk.folder / "id-token").write_text(ID_TOKEN)
    desk.environment |= {"ROMA_MIGRATE_METADATA": roma.url}
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    assert roma.held() == roma.everything()
    keys = exported_with(roma)
    assert len(set(keys)) > 1
    assert keys == sorted(keys)
    for thing, used in sessions_by_job(roma).items():
        assert len(used) == 1, f"{thing} was asked about with several keys: {used}"
    refused = [one for one in roma.api.seen if one.status in (401, 403)]
    assert not refused, "a key was used until the service refused it"


def test_an_agency_that_is_taken_on_is_taken_on_again_between_jobs(serve: Serve, desk: Desk) -> None:
    """Both keys end: that of the server's agency, and the one that it takes on at the target."""
    roma = serve(world(session_lifetime=SHORT))
    held = {
        "at-dev": key_of(DEV_USER), "server": "{agency: ecs}",
        "at-prod": "{assume: {domain: acme, agency: visitors, by: server}}",
    }  # fmt: skip
    desk.ready(roma, PlanText(credentials=held, settings=BATCHES))
    desk.environment |= {"ROMA_MIGRATE_METADATA": roma.url}
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    assert roma.held() == roma.everything()
    keys = [x.session for x in roma.api.seen if x.operation is Operation.IMPORT and x.status == 200]
    assert len(set(keys)) > 1
    for thing, used in sessions_by_job(roma).items():
        assert len(used - {-1}) <= 1, f"{thing} was asked about with several keys: {used}"
    assert not [one for one in roma.api.seen if one.status in (401, 403)], "a key was used until it was refused"


#: prints a part of a temporary key; asked for `ak` it takes the server's present one
PRINTED = """#!/usr/bin/env python3
import http.client, json, os, sys
if sys.argv[1] == "access":
    server = http.client.HTTPConnection(os.environ["ROMA_MIGRATE_METADATA"].removeprefix("http://"), timeout=20)
    server.request("GET", "/openstack/latest/securitykey")
    open("key.json", "wb").write(server.getresponse().read())
print(json.load(open("key.json"))["credential"][sys.argv[1]])
"""


def test_a_command_is_asked_anew_once_its_key_has_ended(serve: Serve, desk: Desk) -> None:
    """Nothing tells how long such a key lives: the service refuses it, and the command is run once more."""
    roma = serve(world(session_lifetime=SHORT, metadata_tokens=False))
    parts = {"ak": "access", "sk": "secret", "security_token": "securitytoken"}
    held = "{" + ", ".join(f'{key}: "${{command:./key {part}}}"' for key, part in parts.items()) + "}"
    desk.ready(roma, PlanText(credentials={"at-dev": held, "at-prod": key_of(PROD_USER)}, settings=BATCHES))
    (desk.folder / "key").write_text(PRINTED)
    (desk.folder / "key").chmod(0o755)
    desk.environment |= {"ROMA_MIGRATE_METADATA": roma.url}
    said = desk.run("run", "plan.yaml", "--log-level", "debug")
    assert said.code == 0, said.both
    assert roma.held() == roma.everything()
    assert len(set(exported_with(roma))) > 1
    for key in roma.api.identity.sessions.given.values():
        assert key.sk not in said.both
        assert all(key.sk.encode() not in content for path, (_, content) in desk.files().items())


def test_an_id_token_is_read_anew_for_each_exchange(serve: Serve, desk: Desk) -> None:
    """The pipeline replaces its file: the second key comes from the second token."""
    second = f"{ID_TOKEN}-second"
    tokens = {f"gitlab/{ID_TOKEN}": "dev-migrator", f"gitlab/{second}": "dev-migrator"}
    roma = serve(world(id_tokens=tokens, session_lifetime=SHORT))
    desk.ready(roma, PlanText(credentials={"at-dev": WAYS["oidc"], "at-prod": key_of(PROD_USER)}, settings=BATCHES))
    (desk.folder / "id-token").write_text(ID_TOKEN)
    with desk.start("run", "plan.yaml") as program:
        roma.until(lambda api: api.requests[Operation.EXPORT] >= 1)
        (desk.folder / "next").write_text(second)
        os.replace(desk.folder / "next", desk.folder / "id-token")
        del tokens[f"gitlab/{ID_TOKEN}"]
        out, err = program.communicate(timeout=100)
    assert program.returncode == 0, out + err
    assert len(set(exported_with(roma))) > 1


def test_a_server_without_the_token_mode_is_asked_without_one(serve: Serve, desk: Desk) -> None:
    roma = serve(world(metadata_tokens=False))
    desk.ready(roma, PlanText(credentials={"at-dev": WAYS["agency"], "at-prod": key_of(PROD_USER)}))
    # The metadata service is on this very server: what the environment says of proxies is not for it.
    desk.environment |= {"ROMA_MIGRATE_METADATA": roma.url, "http_proxy": "http://127.0.0.1:9"}
    assert desk.run("run", "plan.yaml").code == 0


REFUSED = {
    "no agency": (WAYS["agency"], 3, "Please configure Cloud Service Agency first"),
    "unknown id token": ("{oidc: {idp: github, token_file: id-token}}", 3, "not valid for this identity provider"),
    "not trusted": ("{assume: {domain: acme, agency: others, by: at-prod}}", 3, "You have no right to do this action"),
    "no token": ("{oidc: {idp: gitlab, token_file: nowhere}}", 2, "at-dev.oidc.token_file: ${file:nowhere} cannot be"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_gives_no_key_is_told_with_its_reason(case: str, serve: Serve, desk: Desk) -> None:
    held, code, words = REFUSED[case]
    roma = serve(world(1, 1, server_agency=""))
    desk.ready(roma, PlanText(credentials={"at-dev": held, "at-prod": key_of(PROD_USER)}))
    (desk.folder / "id-token").write_text(ID_TOKEN)
    desk.environment |= {"ROMA_MIGRATE_METADATA": roma.url}
    said = desk.run("run", "plan.yaml")
    assert said.code == code, said.both
    assert words in said.both
    assert "Traceback" not in said.both
    assert ID_TOKEN not in said.both


COMMANDS = {
    "fails": ("echo SESAME-ON-STDERR >&2; echo SESAME-ON-STDOUT; exit 3", "ended with code 3"),
    "gives nothing": ("echo SESAME-ON-STDERR >&2", "is empty"),
    "gives a page": ("head -c 100000 /dev/zero", "prints too much for a secret"),
    "hangs": ("echo SESAME-ON-STDOUT; echo SESAME-ON-STDERR >&2; sleep 600", "did not end within 30 s and was stopped"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_command_that_gives_no_secret_ends_with_2_and_nothing_of_its_output(
    case: str, serve: Serve, desk: Desk
) -> None:
    text, words = COMMANDS[case]
    roma = serve(small_world(1, 1))
    held = '{ak: "${env:DEV_MIGRATOR_AK}", sk: "${command:./vault get --token SESAME-ARGUMENT}"}'
    desk.ready(roma, PlanText(credentials={"at-dev": held, "at-prod": key_of(PROD_USER)}))
    script(desk, "vault", text)
    said = desk.run("run", "plan.yaml")
    assert said.code == 2, said.both
    assert "credentials.at-dev.sk: ${command:./vault ...} " + words in said.err
    assert "SESAME" not in said.both
    assert not roma.api.seen


def test_no_shell_reads_a_command(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(1, 1))
    held = '{ak: "${env:DEV_MIGRATOR_AK}", sk: "${command:./vault \'$(touch made)\' ; touch made}"}'
    desk.ready(roma, PlanText(credentials={"at-dev": held, "at-prod": key_of(PROD_USER)}))
    script(desk, "vault", f'[ "$1" = "\\$(touch made)" ] && [ "$2" = ";" ] && echo {DEV_USER.sk}')
    said = desk.run("run", "plan.yaml")
    assert said.code == 0, said.both
    assert not (desk.folder / "made").exists()
