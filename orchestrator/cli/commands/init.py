"""`init`: a first plan from the instances that the service lists. Law: reads only, overwrites nothing."""

import os
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import anyio

from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.model.counts import count
from orchestrator.core.model.failures import Failure, RequestFailed
from orchestrator.core.model.inventory import InstanceSummary
from orchestrator.core.plan.plan import Instance, Plan, SdkProfile, Settings
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import ExitCode, OperatorError, ServiceRefuses
from orchestrator.roma import Roma
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.secrets import resolve

#: of a plan for a service on this machine, such as the emulator
SETTINGS = "{reads_per_second: 200, writes_per_second: 20, settle_quiet: 2s, settle_wait: 10s, busy_timeout: 5m}"
#: how a service answers for a project that it does not serve, or that we may not see
_NOT_HERE = frozenset({Failure.DENIED, Failure.GONE, Failure.INVALID})
_PLACEHOLDER = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `init` was asked for."""

    profile: str
    region: str
    out: Path
    #: in place of the region's own addresses
    endpoint: str = ""
    iam_endpoint: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the instances live."""

    region: str
    endpoint: str
    iam_endpoint: str
    #: "" where IAM is asked
    project_id: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One instance that the service lists, and the project it is in."""

    project_id: str
    summary: InstanceSummary


def init(terminal: Terminal, wanted: Wanted) -> int:
    """Ask the service for its instances and write a plan that validates."""
    if wanted.profile != "sdk":
        raise OperatorError(f"--profile {wanted.profile} is not known, allowed is sdk")
    if not wanted.region and not wanted.endpoint:
        raise OperatorError(
            "--region is missing: write for instance --region cn-north-4",
            next_step="for another address, such as that of roma-migrate emulator: roma-migrate init --endpoint URL",
        )
    if wanted.iam_endpoint and not wanted.endpoint:
        raise OperatorError("--iam-endpoint goes with --endpoint")
    for url in filter(None, (wanted.endpoint, wanted.iam_endpoint)):
        _must_be_safe(url)
    if wanted.out.exists():
        raise OperatorError(f"{wanted.out} exists already; init overwrites nothing", next_step="choose another --out")
    place, found = anyio.run(_ask, terminal, wanted)
    if not found:
        which = f"project {place.project_id}" if place.project_id else "every project"
        raise ServiceRefuses(
            f"{which} at {place.endpoint} shows these credentials no ROMA Connect instance",
            next_step="check region and permissions",
        )
    _write(wanted.out, plan_text(place, found))
    plan = read_plan(wanted.out)
    if terminal.common.json:
        terminal.document({"plan_file": str(wanted.out), "plan": plan.name, "instances": sorted(plan.instances)})
    else:
        terminal.result(f"{wanted.out}: written, with {count(len(found), 'instance')}")
        terminal.say(f"next: edit the migrations, then: roma-migrate preview {wanted.out}")
    return int(ExitCode.DONE)


async def _ask(terminal: Terminal, wanted: Wanted) -> tuple[_Place, tuple[Seen, ...]]:
    place = _place(wanted)
    plan = Plan("init", {"sdk": SdkProfile("sdk")}, {}, Settings(), ())
    secrets = resolve(plan, ["sdk"], os.environ)
    roma = Roma(Settings(), secrets, wall=utc_now, draw=random.random, redactor=terminal.redactor)
    try:
        if place.project_id:
            projects: tuple[str, ...] = (place.project_id,)
        else:
            projects = await roma.reader(_instance(place), "sdk").project_ids(place.region)
        return place, await _instances(roma, place, projects)
    finally:
        with anyio.CancelScope(shield=True):
            await roma.aclose()


async def _instances(roma: Roma, place: _Place, projects: Sequence[str]) -> tuple[Seen, ...]:
    """What each project holds; one that is not served here is passed over while another answers."""
    found: list[Seen] = []
    refused: list[RequestFailed] = []
    for project in projects:
        try:
            held = await roma.reader(_instance(replace(place, project_id=project)), "sdk").instances()
        except RequestFailed as error:
            if error.failed.failure not in _NOT_HERE:
                raise
            refused.append(error)
            continue
        found += [Seen(project, each) for each in held]
    if refused and len(refused) == len(projects):
        raise refused[0]
    return tuple(found)


def _must_be_safe(url: str) -> None:
    """The same rule as in a plan: plain http only on loopback (Contract 1)."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise OperatorError(f"{url} is no address: write for instance https://roma.example.com")
    if parts.scheme == "http" and not _is_local(url):
        raise OperatorError(f"{url}: plain http is allowed on this machine only; write https://")


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def _place(wanted: Wanted) -> _Place:
    """The documented endpoints of a region, or what the official SDK's variables say in their place (API 5)."""
    project = os.environ.get("HUAWEICLOUD_SDK_PROJECT_ID", "").strip()
    if wanted.endpoint:
        endpoint = wanted.endpoint.rstrip("/")
        return _Place(wanted.region, endpoint, (wanted.iam_endpoint or endpoint).rstrip("/"), project)
    region = wanted.region
    variable = f"HUAWEICLOUD_SDK_REGION_ROMA_{region.upper().replace('-', '_')}"
    endpoint = os.environ.get(variable, "").split(",")[0].strip().rstrip("/")
    iam = os.environ.get("HUAWEICLOUD_SDK_IAM_ENDPOINT", "").strip().rstrip("/")
    return _Place(
        region,
        endpoint or f"https://roma.{region}.myhuaweicloud.com",
        iam or f"https://iam.{region}.myhuaweicloud.com",
        project,
    )


def _instance(place: _Place) -> Instance:
    return Instance(place.region, place.endpoint, place.iam_endpoint, place.project_id, "", ("sdk",), place.region)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise OperatorError(f"{path} exists already; init overwrites nothing") from None
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {(error.strerror or 'failed').lower()}") from None


def plan_text(place: _Place, found: tuple[Seen, ...]) -> str:
    """A plan with every instance found, and one migration between the first two to be edited."""
    names = _names([each.summary for each in found])
    standard = place.endpoint == f"https://roma.{place.region}.myhuaweicloud.com"
    where = f"region: {place.region}" if standard else f"endpoint: {place.endpoint}, iam_endpoint: {place.iam_endpoint}"
    lines = [
        "# Written by roma-migrate init. Every key is explained in plans/reference.yaml.",
        "version: 1",
        f"name: {_name(place.region, 'first')}-plan",
        "credentials:",
        "  sdk: {profile: sdk}             # the official SDK's HUAWEICLOUD_SDK_* variables, then its credentials file",
        "instances:",
    ]
    for name, each in zip(names, found, strict=True):
        one = each.summary
        lines += _instance_lines(name, where, each.project_id, one.id, f"{one.flavor} {one.status}".strip())
    if len(found) == 1:
        names.append("target" if names[0] != "target" else "other")
        lines += _instance_lines(names[1], where, found[0].project_id, _PLACEHOLDER, "write the target's ids here")
    if _is_local(place.endpoint):
        lines += [f"settings: {SETTINGS}   # a local service needs no sparing"]
    return "\n".join([*lines, "migrations:", "  - name: first", f"    source: {names[0]}", f"    target: {names[1]}",
                      '    apps: "*"                     # shell globs on the name, or {id: ...}',
                      "    tasks: of-apps                # the tasks of these applications", ""])  # fmt: skip


def _instance_lines(name: str, where: str, project: str, instance: str, remark: str) -> list[str]:
    remark = re.sub(r"[^\w .'-]", "", remark)
    body = f"{{{where}, project_id: {project}, instance_id: {instance}, credentials: sdk}}"
    return [f"  # {remark}", f"  {name}:", f"    {body}"] if remark else [f"  {name}:", f"    {body}"]


def _names(found: Sequence[InstanceSummary]) -> list[str]:
    """A plan's name for each, distinct."""
    names: list[str] = []
    for number, each in enumerate(found, 1):
        name = _name(each.name, f"instance-{number}")
        names.append(f"{name}-{number}" if name in names else name)
    return names


def _name(text: str, otherwise: str) -> str:
    """What is left of a name when only letters, digits and dashes may stand in it."""
    name = re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-")[:40]
    return name if re.match(r"[A-Za-z]", name) else otherwise
