"""Room, state, windows, clocks and credentials of the instances."""

from dataclasses import replace

import pytest

from orchestrator.core.model.checks import Verdict
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import InstanceDetails, ProjectConfig
from orchestrator.core.plan.plan import AccessKey, Mode, Target
from tests.core.previewing import NOW, SECRET, Stage, api, app, datasource, migration, task, told

HOUR = 3600.0


def many(count: int, name: str = "old") -> tuple[object, ...]:
    return tuple(app(f"{name}-{number}") for number in range(count))


def windowed(begin: str, end: str) -> Stage:
    details = InstanceDetails("uuid-dev", "dev", "Running", maintain_begin=begin, maintain_end=end)
    plain = replace(details, id="uuid-prod", maintain_begin="", maintain_end="")
    facts = {"dev": told("dev", details=details), "prod": told("prod", details=plain)}
    return Stage(held={"dev": (app("web"),)}, facts=facts)


def test_all_migrations_of_the_plan_count_together_against_a_quota() -> None:
    held = {
        "dev": tuple(app(f"a-{n}") for n in range(60)),
        "test": tuple(app(f"b-{n}") for n in range(41)),
    }
    both = Stage((migration("a", "dev"), migration("b", "test")), held)
    assert both.fired() == {"quota-headroom": Verdict.BLOCKER}
    assert Stage((migration("a", "dev"),), held).fired() == {}


def test_what_merge_overwrites_needs_no_room() -> None:
    held = {"dev": tuple(app(f"a-{n}") for n in range(100)), "prod": tuple(app(f"a-{n}") for n in range(100))}
    stage = Stage((migration(target=Target("prod", Mode.MERGE)),), held)
    assert "quota-headroom" not in stage.fired()


def test_tasks_and_data_sources_have_quotas_of_their_own() -> None:
    full = tuple(task(f"old-{n}") for n in range(1000))
    stage = Stage(held={"dev": (app("web"), task("load", "web")), "prod": full})
    (check,) = stage.findings()
    assert (check.id, check.verdict) == ("quota-headroom", Verdict.BLOCKER)
    there = told("prod", datasources=tuple(datasource(f"old-{n}", "x") for n in range(500)))
    here = told("dev", datasources=(datasource("db", "web"),))
    stage = Stage(held={"dev": (app("web"),)}, facts={"dev": here, "prod": there})
    assert stage.fired() == {"quota-headroom": Verdict.BLOCKER}


def test_an_api_limit_that_would_be_passed_is_a_warning() -> None:
    there = told("prod", configs=(ProjectConfig("API_NUM_LIMIT", "5", 5),))
    here = told("dev", apis=(api("a", "web"), api("lost", "web", released=False)))
    stage = Stage(held={"dev": (app("web"),)}, facts={"dev": here, "prod": there})
    assert stage.fired()["quota-headroom"] is Verdict.WARNING


@pytest.mark.parametrize(
    ("begin", "end", "meets"),
    [
        ("22:00:00", "02:00:00", False),
        ("07:00:00", "08:30:00", True),
        ("08:30:00", "09:30:00", True),
        ("23:00:00", "08:30:00", True),
        ("09:30:00", "10:30:00", False),
        ("05:00:00", "05:00:00", False),
        ("", "", False),
        ("soon", "later", False),
    ],
)
def test_a_run_that_begins_now_must_not_meet_the_maintenance_window(begin: str, end: str, meets: bool) -> None:
    assert ("maintenance-window" in windowed(begin, end).fired()) is meets


def test_a_long_run_reaches_a_later_window() -> None:
    stage = windowed("11:00:00", "12:00:00")
    assert "maintenance-window" not in stage.fired()
    stage.lasting = 4 * HOUR
    assert stage.fired() == {"maintenance-window": Verdict.WARNING}


def test_a_status_that_is_not_told_is_no_fault() -> None:
    facts = {"prod": told("prod", details=InstanceDetails("uuid-prod", "prod", "", "ROMA_BASIC", "2.6.0"))}
    assert Stage(held={"dev": (app("web"),)}, facts=facts).fired() == {}


@pytest.mark.parametrize(
    ("offset", "verdict"), [(60.0, None), (-200.0, Verdict.WARNING), (200.0, Verdict.WARNING), (880.0, Verdict.BLOCKER)]
)
def test_a_skewed_clock_warns_and_blocks_where_signatures_would_be_refused(
    offset: float, verdict: Verdict | None
) -> None:
    stage = Stage(held={"dev": (app("web"),)}, facts={"dev": told("dev", clock_offset=offset)})
    stage.credentials = {"c": AccessKey("c", SECRET, SECRET), "w": stage.plan.credentials["c"]}
    stage.used = {"prod": ("w",)}
    assert stage.fired().get("clock-skew") is verdict


def test_a_clock_that_is_far_off_does_not_block_who_sends_no_signatures() -> None:
    stage = Stage(held={"dev": (app("web"),)}, facts={"dev": told("dev", clock_offset=3000.0)})
    assert stage.fired() == {"clock-skew": Verdict.WARNING}


def test_credentials_that_see_nothing_of_a_source_are_told() -> None:
    stage = Stage(held={"dev": (app("web"),)}, used={"dev": ("c", "idle")}, seen_by={"dev": {"id-web": ("c",)}})
    known = stage.plan.credentials["c"]
    stage.credentials = {"c": known, "idle": known}
    (check,) = stage.findings()
    assert check.id == "credentials"
    assert "idle" in check.sentence


def test_an_unread_part_names_its_reason_and_its_instance() -> None:
    facts = {"prod": told("prod", details=Unread("APIG.1005 No permissions"), at=NOW)}
    found = Stage(held={"dev": (app("web"),)}, facts=facts).findings()
    assert {check.id for check in found} == {"instance-version", "instance-status", "maintenance-window"}
    assert all("APIG.1005" in check.sentence and check.where == "@prod" for check in found)


def test_only_instances_that_something_moves_between_are_judged() -> None:
    stage = Stage((migration("a"), migration("b", "idle", "rest")), {"dev": many(1)})  # type: ignore[dict-item] # apps
    stage.facts = {"rest": told("rest", details=InstanceDetails("uuid-rest", "rest", "Freezing"))}
    assert "instance-status" not in stage.fired()
