"""`preview`: what a run would do, and what stands against it. Law: reads only; neither a home nor a journal is made."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import anyio

from orchestrator.cli.assemble import assemble
from orchestrator.cli.locate import home_for
from orchestrator.cli.logs import Log
from orchestrator.cli.tables import count, table, wrapped
from orchestrator.cli.terminal import Terminal
from orchestrator.core.checks import Check, Verdict
from orchestrator.core.events import Asset, BatchScheduled, DeliveryScheduled
from orchestrator.core.names import predicted
from orchestrator.core.only import parse_only
from orchestrator.core.plan import Plan
from orchestrator.core.preview import Preview
from orchestrator.engine.runs import Past, Runs, Wish, runs_of
from orchestrator.engine.surroundings import utc_now
from orchestrator.errors import ExitCode
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.store import HomeStore

#: what a preview cannot know (said, so that nobody takes it for a promise)
UNKNOWN = (
    "A preview reads names, links and owners. It cannot know what the service will refuse, what a package holds, "
    "or what changes before the run."
)


#: columns that are left out where they say nothing
_MAY_BE_ABSENT = ("skipped", "excluded", "left out")
#: what stands against a run is told first
_RANK = {Verdict.BLOCKER: 0, Verdict.WARNING: 1, Verdict.NOT_CHECKED: 2, Verdict.OK: 3}


@dataclass(frozen=True, slots=True)
class _Shown:
    """A preview, and where it would go on."""

    plan: Plan
    preview: Preview
    #: an unfinished run of the plan, which `run` would resume in place of this; "" where there is none
    unfinished: str


def preview_plan(terminal: Terminal, path: Path, only: tuple[str, ...], everything: bool) -> int:
    """Read both sides and tell what would move."""
    terminal.plan = path
    plan = read_plan(path)
    wish = Wish(parse_only(only, plan), terminal.common.note)
    store = HomeStore(home_for(terminal, path))
    log = Log(terminal, lambda: utc_now().timestamp())
    assembled = assemble(plan, terminal.redactor, log.say)
    past = runs_of(store, plan.name)
    runs = Runs(plan, store, assembled.roma, assembled.users, assembled.around)
    shown = _Shown(plan, anyio.run(_preview, runs, wish, past), _unfinished(past))
    if terminal.common.json:
        terminal.document(preview_json(shown))
    else:
        terminal.result(preview_text(shown, everything))
    return int(ExitCode.BLOCKED if shown.preview.blockers else ExitCode.DONE)


async def _preview(runs: Runs, wish: Wish, past: list[Past]) -> Preview:
    try:
        return await runs.preview(wish, past)
    finally:
        with anyio.CancelScope(shield=True):
            await runs.roma.aclose()


def _unfinished(past: list[Past]) -> str:
    return past[-1].run if past and past[-1].unfinished else ""


# --- for people ----------------------------------------------------------------------------------------------------


def preview_text(shown: _Shown, everything: bool) -> str:
    """Summary first, then what stands against it, then the batches in order."""
    preview = shown.preview
    lines = [_headline(shown), _summary(preview)]
    if shown.unfinished:
        lines.append(wrapped("note: ", f"run {shown.unfinished} of this plan is unfinished: `run` goes on with that "
                             "one and keeps its schedule"))  # fmt: skip
    lines += _checks(preview.checks, everything)
    lines += _left_out(preview, everything)
    lines += _batches(preview, everything)
    lines += [wrapped("", UNKNOWN), f"digest: {preview.digest}"]
    blocked = bool(preview.blockers)
    lines.append("verdict: blocked, nothing would be started" if blocked else "verdict: nothing stands against it")
    return "\n".join(lines)


def _headline(shown: _Shown) -> str:
    preview = shown.preview
    moving = sum(len(each.assets) for each in preview.batches)
    return (
        f"plan {shown.plan.name}: {count(moving, 'asset')} in {count(len(preview.batches), 'export')} and "
        f"{count(len(preview.deliveries), 'import')}"
    )


def _summary(preview: Preview) -> str:
    skipped = {(each.migration, each.target): len(each.assets) for each in preview.skipped}
    sizes = {each.batch: len(each.assets) for each in preview.batches}
    rows = []
    for made in preview.selections:
        mine = [d for d in preview.deliveries if (d.migration, d.target) == (made.migration, made.target)]
        numbers = (
            made.selected, skipped.get((made.migration, made.target), 0), sum(sizes[d.batch] for d in mine),
            len(mine), len(made.excluded), len(made.left_out),
        )  # fmt: skip
        rows.append([f"{made.migration}@{made.target}", made.source, *map(str, numbers)])
    head = ["migration@target", "source", "selected", "skipped", "moving", "batches", "excluded", "left out"]
    told = [at for at, name in enumerate(head) if name not in _MAY_BE_ABSENT or any(row[at] != "0" for row in rows)]
    return table([head[at] for at in told], [[row[at] for at in told] for row in rows])


def _checks(checks: Sequence[Check], everything: bool) -> list[str]:
    """What stands against it first; what was not checked in one line, unless everything is asked for."""
    lines = []
    unchecked = dict.fromkeys(check.id for check in checks if check.verdict is Verdict.NOT_CHECKED)
    for check in sorted(checks, key=lambda each: _RANK[each.verdict]):
        if check.verdict is Verdict.OK or (check.verdict is Verdict.NOT_CHECKED and not everything):
            continue
        where = f" {check.where}" if check.where else ""
        lines.append(wrapped(f"{check.verdict.value}: ", f"{check.id}{where}: {check.sentence}"))
        if check.remedy:
            lines.append(wrapped("    do: ", check.remedy))
    if unchecked and not everything:
        lines.append(wrapped("not checked: ", f"{', '.join(unchecked)} (--all says why)"))
    return lines


def _left_out(preview: Preview, everything: bool) -> list[str]:
    lines = []
    for made in preview.selections:
        told = made.left_out if everything else made.left_out[:3]
        lines += [wrapped("  ", f"left out of {made.migration}@{made.target}: {name}: {why}") for _, name, why in told]
        if len(told) < len(made.left_out):
            lines.append(f"  ... and {len(made.left_out) - len(told)} more (--all lists them)")
    return lines


def _batches(preview: Preview, everything: bool) -> list[str]:
    of_batch: dict[str, list[DeliveryScheduled]] = {}
    for delivery in preview.deliveries:
        of_batch.setdefault(delivery.batch, []).append(delivery)
    rows, assets = [], []
    for number, batch in enumerate(preview.batches, 1):
        for delivery in of_batch.get(batch.batch, []):
            rows.append(_batch_row(number, batch, delivery))
            if everything:
                assets += [f"batch {number} ({batch.batch}) into {delivery.target}:", *_arrivals(batch, delivery)]
    if not rows:
        return []
    head = ["no", "batch", "from", "into", "apps", "tasks", "mode", "prefix", "behind"]
    return ["batches, in order:", table(head, rows), *assets]


def _batch_row(number: int, batch: BatchScheduled, delivery: DeliveryScheduled) -> list[str]:
    apps = sum(asset.kind == "app" for asset in batch.assets)
    behind = ",".join(delivery.after) or ("its needs" if delivery.needs else "")
    return [
        str(number), batch.batch[:8], batch.source, f"{delivery.migration}@{delivery.target}", str(apps),
        str(len(batch.assets) - apps), delivery.mode, delivery.prefix, behind,
    ]  # fmt: skip


def _arrivals(batch: BatchScheduled, delivery: DeliveryScheduled) -> list[str]:
    return [f"  {asset.kind:4} {asset.name}{_arrives(asset, delivery)}" for asset in batch.assets]


def _arrives(asset: Asset, delivery: DeliveryScheduled) -> str:
    names = predicted(delivery.prefix, asset.kind, asset.name)
    return "" if names == (asset.name,) else f" -> {' or '.join(names)}"


# --- for programs --------------------------------------------------------------------------------------------------


def preview_json(shown: _Shown) -> dict[str, object]:
    """The same, whole."""
    preview = shown.preview
    return {
        "plan": shown.plan.name,
        "plan_file": shown.plan.path,
        "code": int(ExitCode.BLOCKED if preview.blockers else ExitCode.DONE),
        "digest": preview.digest,
        "unfinished_run": shown.unfinished or None,
        "unknown": UNKNOWN,
        "checks": [asdict(check) for check in preview.checks],
        "selections": [
            {
                "migration": made.migration, "source": made.source, "target": made.target, "selected": made.selected,
                "excluded": list(made.excluded),
                "left_out": [{"id": i, "name": name, "why": why} for i, name, why in made.left_out],
            }
            for made in preview.selections
        ],
        "skipped": [
            {"migration": each.migration, "target": each.target, "reason": each.reason,
             "assets": [_asset_json(asset) for asset in each.assets]}
            for each in preview.skipped
        ],
        "batches": [_batch_json(number, batch) for number, batch in enumerate(preview.batches, 1)],
        "deliveries": [_delivery_json(each, {b.batch: b for b in preview.batches}) for each in preview.deliveries],
    }  # fmt: skip


def _asset_json(asset: Asset) -> dict[str, object]:
    return {"id": asset.id, "kind": asset.kind, "name": asset.name}


def _batch_json(number: int, batch: BatchScheduled) -> dict[str, object]:
    assets = [_asset_json(asset) for asset in batch.assets]
    return {"number": number, "batch": batch.batch, "source": batch.source, "assets": assets}


def _delivery_json(delivery: DeliveryScheduled, batches: Mapping[str, BatchScheduled]) -> dict[str, object]:
    assets = batches[delivery.batch].assets
    return {
        **asdict(delivery),
        "names": {asset.id: list(predicted(delivery.prefix, asset.kind, asset.name)) for asset in assets},
    }
