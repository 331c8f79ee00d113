"""Room, state, windows, clocks and credentials of the instances."""

from dataclasses import replace

import pytest

from orchestrator.core.model.checks import Verdict
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import InstanceDetails, ProjectConfig
from orchestrator.core.plan.plan import AccessKey, Mode, Target
from tests.builders.inventories import PreviewCase, api, datasource, held_app, held_task, told
from tests.builders.plans import SECRET, migration
from tests.builders.runs import DAWN

HOUR = 3600.0


def many(count: int, name: str = "old") -> tuple[object, ...]:
    return tuple(held_app(f"{name}-{number}") for number in range(count))


def windowed(begin: str, end: str) -> PreviewCase:
    details = InstanceDetails("uuid-dev", "dev", "Running", maintain_begin=begin, maintain_end=end)
    plain = replace(details, id="uuid-prod", maintain_begin="", maintain_end="")
    facts = {"dev": told("dev", details=details), "prod": told("prod", details=plain)}
    return PreviewCase(held={"dev": (held_app("web"),)}, facts=facts)


def test_all_migrations_of_the_plan_count_together_against_a_quota() -> None:
    held = {
        "dev": tuple(held_app(f"a-{n}") for n in range(60)),
        "test": tuple(held_app(f"b-{n}") for n in range(41)),
    }
    both = PreviewCase((migration("a", "dev"), migration("b", "test")), held)
    assert both.fired() == {"quota-headroom": Verdict.BLOCKER}
    assert PreviewCase((migration("a", "dev"),), held).fired() == {}


def test_what_merge_overwrites_needs_no_room() -> None:
    held = {"dev": tuple(held_app(f"a-{n}") for n in range(100)), "prod": tuple(held_app(f"a-{n}") for n in range(100))}
    case = PreviewCase((migration(target=Target("prod", Mode.MERGE)),), held)
    assert "quota-headroom" not in case.fired()


def test_tasks_and_data_sources_have_quotas_of_their_own() -> None:
    full = tuple(held_task(f"old-{n}") for n in range(1000))
    case = PreviewCase(held={"dev": (held_app("web"), held_task("load", "web")), "prod": full})
    (check,) = case.findings()
    assert (check.id, check.verdict) == ("quota-headroom", Verdict.BLOCKER)
    there = told("prod", datasources=tuple(datasource(f"old-{n}", "x") for n in range(500)))
    here = told("dev", datasources=(datasource("db", "web"),))
    case = PreviewCase(held={"dev": (held_app("web"),)}, facts={"dev": here, "prod": there})
    assert case.fired() == {"quota-headroom": Verdict.BLOCKER}


def test_an_api_limit_that_would_be_passed_is_a_warning() -> None:
    there = told("prod", configs=(ProjectConfig("API_NUM_LIMIT", "5", 5),))
    here = told("dev", apis=(api("a", "web"), api("lost", "web", released=False)))
    case = PreviewCase(held={"dev": (held_app("web"),)}, facts={"dev": here, "prod": there})
    assert case.fired()["quota-headroom"] is Verdict.WARNING


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
    case = windowed("11:00:00", "12:00:00")
    assert "maintenance-window" not in case.fired()
    case.lasting = 4 * HOUR
    assert case.fired() == {"maintenance-window": Verdict.WARNING}


def test_a_status_that_is_not_told_is_no_fault() -> None:
    facts = {"prod": told("prod", details=InstanceDetails("uuid-prod", "prod", "", "ROMA_BASIC", "2.6.0"))}
    assert PreviewCase(held={"dev": (held_app("web"),)}, facts=facts).fired() == {}


@pytest.mark.parametrize(
    ("offset", "verdict"), [(60.0, None), (-200.0, Verdict.WARNING), (200.0, Verdict.WARNING), (880.0, Verdict.BLOCKER)]
)
def test_a_skewed_clock_warns_and_blocks_where_signatures_would_be_refused(
    offset: float, verdict: Verdict | None
) -> None:
    case = PreviewCase(held={"dev": (held_app("web"),)}, facts={"dev": told("dev", clock_offset=offset)})
    case.credentials = {"c": AccessKey("c", SECRET, SECRET), "w": case.plan.credentials["c"]}
    case.used = {"prod": ("w",)}
    assert case.fired().get("clock-skew") is verdict


def test_a_clock_that_is_far_off_does_not_block_who_sends_no_signatures() -> None:
    case = PreviewCase(held={"dev": (held_app("web"),)}, facts={"dev": told("dev", clock_offset=3000.0)})
    assert case.fired() == {"clock-skew": Verdict.WARNING}


def test_credentials_that_see_nothing_of_a_source_are_told() -> None:
    case = PreviewCase(
        held={"dev": (held_app("web"),)}, used={"dev": ("c", "idle")}, seen_by={"dev": {"id-web": ("c",)}}
    )
    known = case.plan.credentials["c"]
    case.credentials = {"c": known, "idle": known}
    (check,) = case.findings()
    assert check.id == "credentials"
    assert "idle" in check.sentence


def test_an_unread_part_names_its_reason_and_its_instance() -> None:
    facts = {"prod": told("prod", details=Unread("APIG.1005 No permissions"), at=DAWN)}
    found = PreviewCase(held={"dev": (held_app("web"),)}, facts=facts).findings()
    assert {check.id for check in found} == {"instance-version", "instance-status", "maintenance-window"}
    assert all("APIG.1005" in check.sentence and check.where == "@prod" for check in found)


def test_only_instances_that_something_moves_between_are_judged() -> None:
    case = PreviewCase((migration("a"), migration("b", "idle", "rest")), {"dev": many(1)})  # type: ignore[dict-item] # apps
    case.facts = {"rest": told("rest", details=InstanceDetails("uuid-rest", "rest", "Freezing"))}
    assert "instance-status" not in case.fired()
