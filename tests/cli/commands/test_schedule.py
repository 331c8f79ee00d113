"""`schedule`: what it prints is judged by the schedulers' own tools and published schemas."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import kubernetes_validate
import pytest
import yaml
from croniter import croniter
from typer.testing import Result

from orchestrator.cli.render.schedules import read_when
from orchestrator.errors import OperatorError

Invoke = Callable[..., Result]
PLANS = Path(__file__).parents[3] / "plans"
AT = ("--at", "Sat 02:00", "--timezone", "Asia/Shanghai")


@pytest.fixture
def made(invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """The files for one scheduler, by the name of each; the plan's folder has a blank, a percent sign and a quote."""
    folder = tmp_path / "o'brien 100%"
    folder.mkdir()
    plan = folder / "plan.yaml"
    plan.write_text((PLANS / "reference.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(Path(sys.executable).with_name("roma-migrate"))])

    def make(kind: str, *words: str) -> dict[str, str]:
        told = invoke("schedule", str(plan), "--as", kind, *(words or AT), "--json")
        assert told.exit_code == 0, told.output
        return {each["place"]: each["text"] for each in json.loads(told.stdout)["files"]}

    return make


Made = Callable[..., dict[str, str]]


# --- systemd -------------------------------------------------------------------------------------------------------


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """`systemd-analyze`; where it cannot be had the test says so, and with CI set only if apt could have brought it."""
    program = shutil.which("systemd-analyze")
    if program is None:
        if os.environ.get("CI") and os.geteuid() == 0 and shutil.which("apt-get"):
            pytest.fail("systemd-analyze is not there: apt-get install systemd")
        pytest.skip("systemd-analyze is not there: the units were not verified")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


def test_systemd_verifies_the_units(made: Made, tmp_path: Path) -> None:
    files = made("systemd")
    assert len(files) == 4
    for place, text in files.items():
        (tmp_path / Path(place).name).write_text(text, encoding="utf-8")
    told = analyze("verify", "--man=no", *(str(tmp_path / Path(place).name) for place in files))
    ours = [line for line in told.stderr.splitlines() if "roma-migrate" in line]
    assert (told.returncode, ours) == (0, [])


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("Sat 02:00", "Asia/Shanghai", "Sat *-*-* 02:00:00 Asia/Shanghai"),
        ("Mon-Fri 22:30", "Europe/Berlin", "Mon..Fri *-*-* 22:30:00 Europe/Berlin"),
        ("daily 5:05", "UTC", "*-*-* 05:05:00 UTC"),
    ],
)
def test_systemd_reads_the_time_as_it_was_meant(at: str, zone: str, expected: str) -> None:
    told = analyze("calendar", read_when(at, zone).calendar)
    assert f"Normalized form: {expected}" in told.stdout, told.stderr


def test_a_unit_is_left_alone_where_a_person_is_needed_and_killed_after_the_grace(made: Made) -> None:
    begin, _, resume, _ = made("systemd").values()
    kept = dict(line.split("=", 1) for line in begin.splitlines() if "=" in line and not line.startswith("#"))
    assert kept["RestartPreventExitStatus"].split() == ["1", "2", "3", "4", "5", "6", "7", "8", "10"]
    assert kept["Restart"] == "on-failure"
    assert int(kept["TimeoutStopSec"]) > 60
    assert (kept["User"], kept["ProtectSystem"], kept["StateDirectoryMode"]) == ("roma-migrate", "strict", "0700")
    assert "LoadCredential=HUAWEICLOUD_SDK_SK:/etc/roma-migrate/secrets/HUAWEICLOUD_SDK_SK" in begin.splitlines()
    assert "run --resume --if-due" in resume
    assert '100%%/plan.yaml"' in resume


# --- cron ----------------------------------------------------------------------------------------------------------


def lines_of(crontab: str) -> Iterator[tuple[str, str, str]]:
    """Time, user and command of each line, as cron.d has them."""
    for line in crontab.splitlines():
        if line.startswith("@"):
            yield tuple(line.split(" ", 2))  # type: ignore[misc]  # three words
        elif line[:1].isdigit() or line.startswith("*"):
            fields = line.split(" ", 6)
            yield " ".join(fields[:5]), fields[5], fields[6]


@pytest.mark.parametrize("host_zone", ["UTC", "America/St_Johns", "Asia/Kathmandu", "Europe/Berlin"])
@pytest.mark.parametrize(("at", "zone"), [("Sat 02:00", "Asia/Shanghai"), ("Sun 04:07", "Europe/Berlin")])
def test_cron_begins_once_a_week_whatever_the_hosts_zone(made: Made, host_zone: str, at: str, zone: str) -> None:
    (crontab,) = made("cron", "--at", at, "--timezone", zone).values()
    (time, user, command), *_ = lines_of(crontab)
    assert user == "roma-migrate"
    guard = command.replace(r"\%", "%").split(" || ", 1)[0]
    when = read_when(at, zone)
    # Three weeks over the change to summer time, as this host's cron would live them.
    begin = datetime(2027, 3, 15, tzinfo=ZoneInfo(host_zone))
    ticks = croniter(time, begin)
    fired = []
    while (tick := ticks.get_next(datetime)) < begin + timedelta(days=21):
        local = tick.astimezone(ZoneInfo(zone))
        if f"{local.isoweekday()}{local:%H%M}" in when.stamps:
            fired.append(local)
    assert [(each.isoweekday(), each.hour, each.minute) for each in fired] == [
        (when.days[0] + 1, when.hour, when.minute)
    ] * 3
    last = subprocess.run(
        ["/bin/sh", "-c", guard.replace("date ", f"date -d @{fired[-1].timestamp():.0f} ")], check=False
    )
    other = subprocess.run(["/bin/sh", "-c", guard.replace("date ", "date -d @86400 ")], check=False)
    assert (last.returncode, other.returncode) == (1, 0)


def test_cron_goes_on_after_a_boot_and_every_ten_minutes(made: Made) -> None:
    (crontab,) = made("cron").values()
    _, boot, later = lines_of(crontab)
    assert (boot[0], croniter.is_valid(later[0])) == ("@reboot", True)
    assert boot[2] == later[2]
    words = shlex.split(later[2].replace(r"\%", "%"))
    assert words[1:5] == ["run", "--resume", "--if-due", "--no-progress"]
    assert words[5].endswith("o'brien 100%/plan.yaml")
    assert not any("%" in line.replace(r"\%", "") for line in crontab.splitlines() if not line.startswith("#"))


# --- kubernetes ----------------------------------------------------------------------------------------------------


def test_kubernetes_manifests_are_what_its_schema_allows(made: Made) -> None:
    (text,) = made("kubernetes").values()
    documents = [each for each in yaml.safe_load_all(text) if each]
    for each in documents:
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
    assert [each["kind"] for each in documents] == ["ConfigMap", "PersistentVolumeClaim", "CronJob", "CronJob"]
    assert documents[0]["data"]["plan.yaml"] == (PLANS / "reference.yaml").read_text(encoding="utf-8")
    begin, go_on = (each["spec"] for each in documents[2:])
    assert (begin["schedule"], begin["timeZone"], begin["concurrencyPolicy"]) == (
        "0 2 * * 6",
        "Asia/Shanghai",
        "Forbid",
    )
    rules = begin["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert rules[1]["onExitCodes"]["values"] == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    pod = begin["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["terminationGracePeriodSeconds"] > 60
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert "--if-due" in go_on["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]


# --- workers -------------------------------------------------------------------------------------------------------

WHERE = (
    "--journal", "postgresql://u:${env:JOURNAL_PW}@db.local:6000/x", "--engine", "temporal.local:7000/ns?tls=on",
    "--packages", "s3://bucket/roma",
)  # fmt: skip


def test_workers_of_each_group_are_what_kubernetes_allows(made: Made) -> None:
    (text,) = made("kubernetes-fleet", *WHERE).values()
    documents = [each for each in yaml.safe_load_all(text) if each]
    for each in documents:
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
    assert [each["kind"] for each in documents] == ["Deployment", "NetworkPolicy"]
    pod = documents[0]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 90
    assert "emptyDir" in next(each for each in pod["volumes"] if each["name"] == "home")
    worker = pod["containers"][0]
    assert worker["args"] == ["worker", "--group", "east", "--no-progress"]
    told = {each["name"]: each["value"] for each in worker["env"]}
    assert [told[f"ROMA_MIGRATE_{name}"] for name in ("JOURNAL", "ENGINE", "PACKAGES")] == list(WHERE[1::2])
    assert "--from-file=JOURNAL_PW=FILE" in text
    assert {each["port"] for each in documents[1]["spec"]["egress"][0]["ports"]} == {443, 6000, 7000, 53}


@pytest.mark.parametrize(("code", "alive"), [(0, True), (1, False), (9, True)])
def test_a_worker_is_ended_where_it_is_silent_and_not_where_the_database_is_away(
    made: Made, tmp_path: Path, code: int, alive: bool
) -> None:
    (text,) = made("kubernetes-fleet", *WHERE).values()
    probe = next(yaml.safe_load_all(text))["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]
    program = tmp_path / "roma-migrate"
    program.write_text(f'#!/bin/sh\n[ "$*" = "workers --here" ] && exit {code}\nexit 1\n')
    program.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(probe["exec"]["command"], env=path, check=False)
    assert (done.returncode == 0) is alive


def test_packages_in_a_folder_are_a_volume_of_all_workers(made: Made) -> None:
    (text,) = made("kubernetes-fleet", *WHERE[:4], "--packages", "/mnt/all").values()
    deployment = next(yaml.safe_load_all(text))
    kubernetes_validate.validate(deployment, kubernetes_validate.latest_version(), strict=True)
    worker = deployment["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "packages", "mountPath": "/mnt/all"} in worker["volumeMounts"]
    assert "envFrom" not in worker


def test_a_worker_is_started_again_always_but_where_a_person_is_needed(made: Made) -> None:
    ((place, unit),) = made("systemd-fleet", *WHERE).items()
    assert place == "/etc/systemd/system/roma-migrate-worker@.service"
    kept = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    assert (kept["Restart"], kept["RestartPreventExitStatus"]) == ("always", "2 7")
    assert (kept["StartLimitIntervalSec"], kept["TimeoutStopSec"]) == ("0", "90")
    assert kept["ExecStart"].endswith("roma-migrate worker --group %i --no-progress")
    # systemd expands no variables here, so nothing is doubled.
    assert 'Environment="ROMA_MIGRATE_JOURNAL=postgresql://u:${env:JOURNAL_PW}@db.local:6000/x"' in unit
    assert "LoadCredential=JOURNAL_PW:/etc/roma-migrate/secrets/JOURNAL_PW" in unit.splitlines()
    assert "EnvironmentFile=/etc/roma-migrate/bucket.env" in unit.splitlines()
    (beside,) = made("systemd-fleet", *WHERE[:4], "--packages", "/mnt/all").values()
    assert "ReadWritePaths=/mnt/all" in beside.splitlines()


def test_systemd_verifies_the_unit_of_workers(made: Made, tmp_path: Path) -> None:
    (unit,) = made("systemd-fleet", *WHERE).values()
    (tmp_path / "roma-migrate-worker@.service").write_text(unit, encoding="utf-8")
    told = analyze("verify", "--man=no", str(tmp_path / "roma-migrate-worker@east.service"))
    ours = [line for line in told.stderr.splitlines() if "roma-migrate" in line]
    assert (told.returncode, ours) == (0, [])


def test_workers_have_no_time_and_every_other_needs_one(invoke: Invoke) -> None:
    plan = str(PLANS / "minimal.yaml")
    for words, told in (
        (("--as", "systemd-fleet", *AT), "goes without --at"),
        (("--as", "systemd"), "needs the time"),
        (("--as", "kubernetes-fleet", "--journal", "postgresql://u:secret@h/d"), "in the open (not shown)"),
        (("--as", "kubernetes-fleet", "--engine", "nowhere"), "is no address of a Temporal server"),
    ):
        refused = invoke("schedule", plan, *words)
        assert refused.exit_code == 2
        assert told in " ".join(refused.stderr.split())
        assert "secret" not in refused.stdout
    example = invoke("schedule", plan, "--as", "kubernetes-fleet")
    assert "an example where --journal, --engine, --packages was not given" in " ".join(example.stderr.split())
    assert 'args: [worker, --group, "all", --no-progress]' in example.stdout


# --- pipelines -----------------------------------------------------------------------------------------------------


def published(name: str) -> Any:
    where = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / f"{name}.json"
    return json.loads(where.read_text(encoding="utf-8"))


def is_shell(script: str) -> bool:
    return subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_gitlab_pipelines_are_what_its_schema_allows(made: Made) -> None:
    (text,) = made("gitlab").values()
    made_of = yaml.safe_load(text)
    jsonschema.validate(made_of, published("gitlab-ci"))
    assert all(is_shell("\n".join(made_of[job]["script"])) for job in ("preview", "run", "go-on"))
    assert made_of["run"]["environment"] == {"name": "roma-migrate-reference"}
    assert made_of[".run"]["retry"]["exit_codes"] == [9, 70, 75]
    assert made_of[".run"]["allow_failure"]["exit_codes"] == [8]
    assert '"0 2 * * 6" in the time zone Asia/Shanghai' in text
    note = made_of["preview"]["script"][1]
    compile(note.split("\n", 1)[1].rsplit("NOTE", 1)[0], "note", "exec")


def test_github_workflows_are_what_its_schema_allows(made: Made) -> None:
    (text,) = made("github").values()
    made_of = yaml.safe_load(text)
    triggers = made_of.pop(True)  # YAML 1.1 takes `on` for true
    jsonschema.validate({**made_of, "on": triggers}, published("github-workflows"))
    assert triggers["schedule"][0] == {"cron": "0 2 * * 6", "timezone": "Asia/Shanghai"}
    begin = made_of["jobs"]["begin"]
    assert begin["environment"] == "roma-migrate-reference"
    assert "github.event.schedule == '0 2 * * 6'" in begin["if"]
    steps = [step["run"] for job in made_of["jobs"].values() for step in job["steps"] if "run" in step]
    assert all(map(is_shell, steps))
    assert not any("secrets." in step for step in steps)


# --- what is asked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("02:00", (0, 1, 2, 3, 4, 5, 6)),
        ("daily 02:00", (0, 1, 2, 3, 4, 5, 6)),
        ("sat,Sun 02:00", (5, 6)),
        ("Fri-Mon 02:00", (0, 4, 5, 6)),
    ],
)
def test_days_may_be_listed_and_run_over_the_weekend(at: str, expected: tuple[int, ...]) -> None:
    assert read_when(at, "UTC").days == expected


@pytest.mark.parametrize(
    "at", ["Sat", "25:00", "Sat 2:60", "Someday 02:00", "Mon-Wed-Fri 02:00", "2027-03-07 02:00", ""]
)
def test_what_is_no_time_is_refused_with_what_is(at: str) -> None:
    with pytest.raises(OperatorError, match='such as "Sat 02:00"'):
        read_when(at, "UTC")


def test_a_wrong_zone_or_scheduler_is_refused(invoke: Invoke) -> None:
    plan = str(PLANS / "reference.yaml")
    assert (
        "no time zone" in invoke("schedule", plan, "--as", "cron", "--at", "02:00", "--timezone", "Asia/Nowhere").stderr
    )
    told = invoke("schedule", plan, "--as", "windows", "--at", "02:00", "--timezone", "UTC")
    assert told.exit_code == 2
    assert "systemd, cron, kubernetes, gitlab, github" in told.stderr


def test_files_are_written_where_asked_and_never_over_others(invoke: Invoke, tmp_path: Path) -> None:
    words = ("schedule", str(PLANS / "reference.yaml"), "--as", "systemd", *AT, "--out", "units")
    assert invoke(*words).exit_code == 2
    (tmp_path / "units").mkdir()
    told = invoke(*words)
    assert told.exit_code == 0, told.output
    assert len(list((tmp_path / "units").iterdir())) == 4
    assert "/etc/systemd/system/roma-migrate-reference.timer" in told.stdout
    assert invoke(*words).exit_code == 2
