"""The example alerts are sound by the packaged `promtool`, name what is told, and fire when they should."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml

from orchestrator.notices.metrics import Figures
from orchestrator.notices.worker_metrics import WorkerFigures

ALERTS = Path(__file__).parents[2] / "plans" / "alerts.yaml"
PROMTOOL = os.environ.get("ROMA_TEST_PROMTOOL") or shutil.which("promtool") or ""
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]

#: what is scraped each minute -> which alerts stand after so long
NIGHTS = {
    "waits for a person": (
        'waiting{plan="p",lane="m@prod",reason="person"}',
        "1+0x10",
        "5m",
        "RomaMigrateNeedsAPerson",
    ),
    "waits for nobody": ('waiting{plan="p",lane="m@prod",reason="person"}', "0+0x10", "5m", ""),
    "memory failed": ('exit_code{plan="p"}', "7+0x10", "1m", "RomaMigrateMemoryFailed"),
    "ended with 1": ('exit_code{plan="p"}', "1+0x10", "8m", "RomaMigrateEndedBadly"),
    "ended with 8": ('exit_code{plan="p"}', "8+0x10", "8m", ""),
    "ended with 0": ('exit_code{plan="p"}', "0+0x10", "8m", ""),
    "no good end": ('last_success_timestamp_seconds{plan="p"}', "-700000+0x20", "15m", "RomaMigrateNoGoodEnd"),
    "away": ('waiting{plan="p",lane="m@prod",reason="outage"}', "2+0x20", "15m", "RomaMigrateServiceAway"),
    "away for a moment": ('waiting{plan="p",lane="m@prod",reason="outage"}', "2 2 2 0+0x20", "15m", ""),
    "parked": ('components{plan="p",state="parked"}', "0 1+0x10", "5m", "RomaMigrateComponentsParked"),
    "conducted": ('components{plan="p",state="conducted"}', "3+0x10", "5m", ""),
    "beats": ('worker_last_beat_timestamp_seconds{group="g"}', "0+60x10", "8m", ""),
    "beats no more": ('worker_last_beat_timestamp_seconds{group="g"}', "0+0x10", "5m", "RomaMigrateWorkerSilent"),
    "workflows fail": ('worker_failed_workflow_tasks_total{group="g"}', "0 1+1x10", "5m", "RomaMigrateWorkflowFails"),
    "slot taken": ('waiting{plan="p",lane="m@prod",reason="foreign-job"}', "1+0x90", "80m", "RomaMigrateSlotTaken"),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_rule_can_be_parsed_and_names_only_what_is_told(rule: dict[str, str]) -> None:
    promql_parser.parse(rule["expr"])
    every = (*Figures("p", {}).collect(), *WorkerFigures("w", "g", "1", lambda: 0).collect())
    told = {f"{family.name}_total" if family.type == "counter" else family.name for family in every}
    named = set(re.findall(r"roma_migrate_\w+", rule["expr"]))
    assert named
    assert named <= told


def test_promtool_finds_nothing_wrong() -> None:
    said = _promtool("check", "rules", str(ALERTS))
    assert f"{len(RULES)} rules found" in said


@pytest.mark.parametrize("night", NIGHTS)
def test_what_fires_in_a_night(night: str, tmp_path: Path) -> None:
    series, values, at, alert = NIGHTS[night]
    told = [
        {"eval_time": at, "alertname": name, "exp_alerts": [{"exp_labels": _labels(name, series)}]}
        if name == alert
        else {"eval_time": at, "alertname": name, "exp_alerts": []}
        for name in (rule["alert"] for rule in RULES)
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": f"roma_migrate_{series}", "values": values}],
        "alert_rule_test": told,
    }
    # Only whether it fires is of interest, not its words.
    bare = [{key: value for key, value in rule.items() if key != "annotations"} for rule in RULES]
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump({"groups": [{"name": "roma-migrate", "rules": bare}]}))
    (tmp_path / "night.yaml").write_text(yaml.safe_dump({"rule_files": ["alerts.yaml"], "tests": [test]}))
    _promtool("test", "rules", str(tmp_path / "night.yaml"))


def _labels(alert: str, series: str) -> dict[str, str]:
    (severity,) = (rule["labels"]["severity"] for rule in RULES if rule["alert"] == alert)
    kept = dict(re.findall(r'(\w+)="([^"]*)"', series))
    for name in ("reason", "state"):
        kept.pop(name, None)
    return kept | {"severity": severity}


def _promtool(*words: str) -> str:
    if not PROMTOOL:
        pytest.skip("no promtool: Debian's package prometheus has it; or name one in ROMA_TEST_PROMTOOL")
    done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
