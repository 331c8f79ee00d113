"""`init`: a first plan from the instances that the service lists. Law: reads only, overwrites nothing."""

import os
import random
import re
from dataclasses import dataclass
from pathlib import Path

import anyio

from orchestrator.cli.output.tables import count
from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.model.inventory import InstanceSummary
from orchestrator.core.plan.plan import Instance, Plan, SdkProfile, Settings
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import ExitCode, OperatorError, ServiceRefuses
from orchestrator.roma import Roma
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.secrets import resolve

_PLACEHOLDER = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `init` was asked for."""

    profile: str
    region: str
    out: Path


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the instances live."""

    region: str
    endpoint: str
    iam_endpoint: str
    project_id: str


def init(terminal: Terminal, wanted: Wanted) -> int:
    """Ask the service for its instances and write a plan that validates."""
    if wanted.profile != "sdk":
        raise OperatorError(f"--profile {wanted.profile} is not known, allowed is sdk")
    if not wanted.region:
        raise OperatorError("--region is missing: write for instance --region cn-north-4")
    if wanted.out.exists():
        raise OperatorError(f"{wanted.out} exists already; init overwrites nothing", next_step="choose another --out")
    place, found = anyio.run(_ask, terminal, wanted)
    if not found:
        raise ServiceRefuses(
            f"project {place.project_id} in {place.region} shows these credentials no ROMA Connect instance",
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


async def _ask(terminal: Terminal, wanted: Wanted) -> tuple[_Place, tuple[InstanceSummary, ...]]:
    place = _place(wanted.region)
    plan = Plan("init", {"sdk": SdkProfile("sdk")}, {}, Settings(), ())
    secrets = resolve(plan, ["sdk"], os.environ)
    roma = Roma(Settings(), secrets, wall=utc_now, draw=random.random, redactor=terminal.redactor)
    try:
        if not place.project_id:
            project = await roma.reader(_instance(place), "sdk").project_id(place.region)
            place = _Place(place.region, place.endpoint, place.iam_endpoint, project)
        return place, await roma.reader(_instance(place), "sdk").instances()
    finally:
        with anyio.CancelScope(shield=True):
            await roma.aclose()


def _place(region: str) -> _Place:
    """The documented endpoints of a region, or what the official SDK's variables say in their place (API 5)."""
    variable = f"HUAWEICLOUD_SDK_REGION_ROMA_{region.upper().replace('-', '_')}"
    endpoint = os.environ.get(variable, "").split(",")[0].strip().rstrip("/")
    iam = os.environ.get("HUAWEICLOUD_SDK_IAM_ENDPOINT", "").strip().rstrip("/")
    return _Place(
        region,
        endpoint or f"https://roma.{region}.myhuaweicloud.com",
        iam or f"https://iam.{region}.myhuaweicloud.com",
        os.environ.get("HUAWEICLOUD_SDK_PROJECT_ID", "").strip(),
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


def plan_text(place: _Place, found: tuple[InstanceSummary, ...]) -> str:
    """A plan with every instance found, and one migration between the first two to be edited."""
    names = _names(found)
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
        lines += _instance_lines(name, where, place.project_id, each.id, f"{each.flavor} {each.status}".strip())
    if len(found) == 1:
        names.append("target" if names[0] != "target" else "other")
        lines += _instance_lines(names[1], where, place.project_id, _PLACEHOLDER, "write the target's ids here")
    return "\n".join([*lines, "migrations:", "  - name: first", f"    source: {names[0]}", f"    target: {names[1]}",
                      '    apps: "*"                     # shell globs on the name, or {id: ...}',
                      "    tasks: of-apps                # the tasks of these applications", ""])  # fmt: skip


def _instance_lines(name: str, where: str, project: str, instance: str, remark: str) -> list[str]:
    remark = re.sub(r"[^\w .'-]", "", remark)
    body = f"{{{where}, project_id: {project}, instance_id: {instance}, credentials: sdk}}"
    return [f"  # {remark}", f"  {name}:", f"    {body}"] if remark else [f"  {name}:", f"    {body}"]


def _names(found: tuple[InstanceSummary, ...]) -> list[str]:
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
