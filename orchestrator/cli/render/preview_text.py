"""A preview for people, on a terminal. Law: summaries first, at most 80 columns, every asset only with `--all`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

from orchestrator.cli.output.tables import commands, table, wrapped
from orchestrator.cli.output.times import after, span
from orchestrator.cli.render.dialect import lesson_lines
from orchestrator.cli.render.finish_text import change_rows
from orchestrator.cli.render.preview_json import Identity, Shown, expected
from orchestrator.cli.render.write_rates import assumed, binding
from orchestrator.core.model.change import Change
from orchestrator.core.model.checks import MOST_EXAMPLES, Check, Verdict, grouped
from orchestrator.core.model.counts import count
from orchestrator.core.model.handover_item import Action, Item
from orchestrator.core.model.restoration import NOT_RESTORED
from orchestrator.core.preflight.expected_outcomes import Expected, ExpectedOutcome
from orchestrator.core.preview.ordering import Order
from orchestrator.core.preview.preview import Preview
from orchestrator.core.scheduling.timetable import Timetable
from orchestrator.core.state.events import DeliveryScheduled

#: rows of batches, lines of what is left out, names of one finding: more only with `--all`
MOST_BATCHES = 30
MOST_LEFT_OUT = 3
#: columns that are left out where they say nothing
_MAY_BE_ABSENT = ("mode", "prefix", "overwrite", "refuse", "skip", "excluded", "left out")
#: what is done to an asset, as the head of a column
FATES = {
    "create": Expected.CREATED,
    "overwrite": Expected.OVERWRITTEN,
    "refuse": Expected.REFUSED,
    "skip": Expected.SKIPPED,
}
ORDER = (
    "order: what others build on goes first; otherwise a free slot takes the job that keeps the other slots busy, "
    "so the times may shift"
)


def preview_text(shown: Shown, everything: bool) -> str:
    """Summary first, then what stands against it, the batches in order, what is left to people."""
    preview = shown.preview
    lines = [headline(shown), *_identity(shown.identity), table(*lanes(preview))]
    if shown.unfinished:
        lines.append(wrapped("note: ", unfinished(shown)))
    lines += _checks(preview.checks, everything) if preview.checks else []
    lines += _left_out(preview, everything)
    lines += preparations(shown.before_import, everything)
    lines += _backups(preview, everything)
    lines += _times(preview.timetable)
    lines += [wrapped("waits: ", each) for each in preview.hours.told]
    lines += [wrapped("in a fleet: ", shown.shared)] if shown.shared else []
    lines += _batches(preview, everything)
    lines += _assets(preview.assets) if everything else []
    lines += _handover(preview.handover, everything)
    lines += [wrapped("seen earlier: ", each) for each in lesson_lines(shown.dialect)]
    lines += ["a preview cannot know:", *(wrapped("  - ", each) for each in preview.unknown)]
    lines.append(f"digest: {preview.digest}")
    lines += [wrapped("disk: ", shown.crowded)] if shown.crowded else []
    lines += [wrapped("verdict: ", verdict(shown)), wrapped("who: ", shown.who)]
    lines.append(commands("next: ", shown.next_step))
    approve = "\n".join(("or have exactly this approved, and carry that out:", *shown.approve))
    return "\n".join([*lines, *([commands("      ", approve)] if shown.may_be_approved else [])])


def preparations(changes: Sequence[Change], everything: bool) -> list[str]:
    """What comes before the import, row by row."""
    return ["before the import:", *change_rows(changes, everything)] if changes else []


def _identity(identity: Identity | None) -> list[str]:
    if identity is None:
        return []
    lines = [wrapped("  ", f"{identity.plan_file} (sha256 {identity.plan_digest}), read at {identity.read_at}")]
    return lines + [wrapped(f"  {each.name}: ", each.sentence) for each in identity.places]


def headline(shown: Shown) -> str:
    """What would move, in one line."""
    preview = shown.preview
    moving = sum(len(each.assets) for each in preview.batches)
    if shown.resumes:
        imports = count(len(preview.deliveries), "import")
        return f"plan {shown.plan}, what is left of run {shown.unfinished}: {count(moving, 'asset')} in {imports}"
    return (
        f"plan {shown.plan}: {count(moving, 'asset')} in {count(len(preview.batches), 'export')} and "
        f"{count(len(preview.deliveries), 'import')}"
        + (f", after {count(len(preview.backups), 'backup')}" if preview.backups else "")
    )


def unfinished(shown: Shown) -> str:
    """What an unfinished run means for this preview."""
    told = f"run {shown.unfinished} of this plan is unfinished: `run` goes on with that one and keeps its schedule"
    if shown.resumes:
        return f"{told}; `preview --save FILE` shows what a new run would do after `run --abandon`"
    return f"{told}; this is what a new run would do after `run --abandon`"


def verdict(shown: Shown) -> str:
    """Whether a run would begin."""
    if shown.crowded:
        return "the disk has no room for a package: `run` would end with 7"
    if shown.resumes:
        return f"`run` goes on with run {shown.unfinished}"
    if shown.preview.blockers:
        return "blocked, nothing would be started"
    warned = sum(check.verdict is Verdict.WARNING for check in shown.preview.checks)
    return f"nothing stands against it ({count(warned, 'warning')})" if warned else "nothing stands against it"


# --- tables that Markdown shows too --------------------------------------------------------------------------------


def lanes(preview: Preview) -> tuple[list[str], list[list[str]]]:
    """Head and rows: what would become of each migration's assets at each target."""
    fates = Counter((each.migration, each.target, each.fate) for each in preview.assets)
    ways = {(each.migration, each.target): each for each in preview.deliveries}
    counts = Counter((each.migration, each.target) for each in preview.deliveries)
    rows = []
    for made in preview.selections:
        key = (made.migration, made.target)
        way = ways.get(key)
        told = [f"{made.migration}@{made.target}", made.source, way.mode if way else "", way.prefix if way else ""]
        numbers = (made.selected, *(fates[*key, fate] for fate in FATES.values()), counts[key], len(made.excluded),
                   len(made.left_out))  # fmt: skip
        rows.append([*told, *map(str, numbers)])
    head = ["migration@target", "source", "mode", "prefix", "selected", *FATES, "batches", "excluded", "left out"]
    kept = [at for at, name in enumerate(head)
            if name not in _MAY_BE_ABSENT or any(row[at] not in ("", "0") for row in rows)]  # fmt: skip
    return [head[at] for at in kept], [[row[at] for at in kept] for row in rows]


def batches(preview: Preview, most: int | None = None) -> tuple[list[str], list[list[str]]]:
    """Head and rows: every import in the order of the schedule, with its export's time, and what it waits for."""
    order, times = Order.of(preview), preview.timetable
    when = ["export", "import"] if times is not None else []
    by_number = sorted(preview.deliveries, key=lambda each: order.numbers[each.batch])
    rows = [_row(each, order, times) for each in islice(by_number, most)]
    return ["no", "from", "into", "apps", "tasks", *when, "behind"], rows


def _row(delivery: DeliveryScheduled, order: Order, times: Timetable | None) -> list[str]:
    batch = order.batches[delivery.batch]
    apps = sum(asset.kind == "app" for asset in batch.assets)
    behind = [*map(str, order.behind[delivery.delivery]), *delivery.after]
    when = [_when(times, batch.batch), _when(times, delivery.delivery)] if times is not None else []
    return [
        str(order.numbers[batch.batch]), batch.source, f"{delivery.migration}@{delivery.target}", str(apps),
        str(len(batch.assets) - apps), *when, ", ".join(behind),
    ]  # fmt: skip


def _when(times: Timetable | None, subject: str) -> str:
    found = expected(times, subject)
    return f"{after(found.start)}-{after(found.end)}" if found is not None else ""


def finish(times: Timetable) -> list[str]:
    """When it would be over and what that rests on, the slot with most work, what would shorten it: a sentence each."""
    if not times.spans:
        return []
    rests = [f"learned from {count(times.known, 'earlier job')}"] if times.known else []
    rests += (
        [f"guessed for {', '.join(times.guessed)}, which no earlier run of this home tells"] if times.guessed else []
    )
    told = [
        f"over {span(times.p50)} after its begin (P50), at most {span(times.p90)} (P90); durations are "
        + " and ".join(rests),
        f"busiest slot: {times.busiest} ({', '.join(map(str, times.slots[times.busiest]))}) with {span(times.busy)} "
        "of work",
    ]
    told += [*assumed(times.rates), *map(binding, times.bound)]
    return told + [f"a second identity beside {e.beside} would save up to {span(e.seconds)}" for e in times.shorter]


def finding(check: Check) -> str:
    """One answer of preflight as a sentence."""
    where = f" {check.where}" if check.where else ""
    return f"{check.id}{where}: {check.told}"


def located(check: Check) -> str:
    """Where, and what: under a line that names the check."""
    return f"{check.where}: {check.told}".removeprefix(": ")


def answers(held: Sequence[Check]) -> list[tuple[str, str]]:
    """What to do about answers that are alike, or why they were waived: (`do` or `reason`, text)."""
    waived = held[0].verdict is Verdict.WAIVED
    told = dict.fromkeys(each.waived if waived else each.remedy for each in held)
    return [("reason" if waived else "do", text) for text in told if text][:MOST_EXAMPLES]


def counted(checks: Iterable[Check]) -> str:
    """`1 blocker, 2 warnings, 25 ok`."""
    found = Counter(check.verdict for check in checks)
    nouns = {Verdict.BLOCKER, Verdict.WARNING}
    return ", ".join(
        count(found[each], each.value) if each in nouns else f"{found[each]} {each.value}"
        for each in reversed(Verdict)
        if found[each]
    )


def actions(items: Sequence[Item]) -> list[tuple[str, int]]:
    """How much of which work is left to people, in the order of the list."""
    found = Counter(item.action for item in items)
    return [(action.words, found[action.value]) for action in Action if found[action.value]]


# --- parts ---------------------------------------------------------------------------------------------------------


def _checks(checks: Sequence[Check], everything: bool) -> list[str]:
    """What stands against it, by check; what was not checked in one line, unless everything is asked for."""
    lines = [f"checks: {counted(checks)}"]
    unchecked = dict.fromkeys(check.id for check in checks if check.verdict is Verdict.NOT_CHECKED)
    for held in grouped(checks):
        verdict = held[0].verdict
        if verdict is Verdict.OK or (verdict is Verdict.NOT_CHECKED and not everything):
            continue
        if everything or len(held) == 1:
            lines += [line for check in held for line in _check(check, everything)]
        else:
            lines += _group(held)
    if unchecked and not everything:
        lines.append(wrapped("not checked: ", f"{', '.join(unchecked)} (--all says why)"))
    return lines


def _check(check: Check, everything: bool) -> list[str]:
    lines = [wrapped(f"{check.verdict.value}: ", finding(check))]
    if check.verdict is Verdict.WAIVED:
        lines.append(wrapped("    reason: ", check.waived))
    elif check.remedy:
        lines.append(wrapped("    do: ", check.remedy))
    return lines + ([wrapped("    assets: ", ", ".join(check.assets))] if everything and check.assets else [])


def _group(held: Sequence[Check]) -> list[str]:
    """Several answers to one question: how many, some of them, and once what to do."""
    first, more = held[0], len(held) - MOST_EXAMPLES
    lines = [f"{first.verdict.value}: {first.id}, {len(held)} times{', such as' if more > 0 else ''}:"]
    lines += [wrapped("  - ", located(each)) for each in held[:MOST_EXAMPLES]]
    lines += [f"    ... and {more} more (--all lists them)"] if more > 0 else []
    return lines + [wrapped(f"    {word}: ", text) for word, text in answers(held)]


def _left_out(preview: Preview, everything: bool) -> list[str]:
    """Tasks that touch a selection and are not in it; some of all of them, where not each is asked for."""
    told = [
        f"left out of {made.migration}@{made.target}: {name}: {why}"
        for made in preview.selections
        for _, name, why in made.left_out
    ]
    shown = told if everything else told[:MOST_LEFT_OUT]
    more = [f"  ... and {len(told) - len(shown):,} more (--all lists them)"] if len(told) > len(shown) else []
    return [*(wrapped("  ", each) for each in shown), *more]


def backups(preview: Preview) -> list[str]:
    """What is exported before Merge overwrites it, a sentence for each target and one on how long it is kept."""
    held: dict[str, list[int]] = {}
    for each in preview.backups:
        held.setdefault(each.source, []).append(len(each.assets))
    if not held:
        return []
    told = [
        f"{count(sum(sizes), 'asset')} of {target} that would be overwritten, in {count(len(sizes), 'job')} more there"
        for target, sizes in held.items()
    ]
    return [*told, f"kept for {preview.keep_backups / 86400:g} days (keep_backups): so long `undo` can restore them"]


def _backups(preview: Preview, everything: bool) -> list[str]:
    told = backups(preview)
    lines = [wrapped("backup: " if not at else "        ", line) for at, line in enumerate(told)]
    if everything:
        names = [f"{asset.kind} {asset.name}@{each.source}" for each in preview.backups for asset in each.assets]
        lines += [wrapped("  backed up: ", ", ".join(names))] if names else []
    return lines + (["not restored by `undo`:", *(wrapped("  - ", each) for each in NOT_RESTORED)] if told else [])


def _times(times: Timetable | None) -> list[str]:
    told = finish(times) if times is not None else []
    return [wrapped("time: " if not at else "      ", line) for at, line in enumerate(told)]


def _batches(preview: Preview, everything: bool) -> list[str]:
    head, rows = batches(preview, None if everything else MOST_BATCHES)
    if not rows:
        return []
    more = len(preview.deliveries) - len(rows)
    times = ", times from the begin of the run if every estimate is right" if preview.timetable is not None else ""
    lines = [f"batches{times}:", table(head, rows)]
    lines += [f"  ... and {more} more (--all lists them)"] if more else []
    return [*lines, wrapped("", ORDER)]


def _assets(assets: Sequence[ExpectedOutcome]) -> list[str]:
    lines: list[str] = []
    before = ("", "")
    for each in assets:
        if (each.migration, each.target) != before:
            before = (each.migration, each.target)
            lines.append(f"assets of {each.migration} at {each.target}:")
        lines.append(wrapped(f"  {each.fate.value:11} {each.kind:4} ", f"{each.name}{arrives(each)}"))
    return lines


def arrives(each: ExpectedOutcome) -> str:
    """Under which name, where that is another, and which of them is taken."""
    told = "" if each.names == (each.name,) else f" -> {' or '.join(each.names)}"
    return told + (f" (there: {', '.join(each.present)})" if each.present else "")


def _handover(items: Sequence[Item], everything: bool) -> list[str]:
    if not items:
        return []
    lines = [f"left to people: {count(len(items), 'thing')}" + ("" if everything else " (--all lists them)")]
    if not everything:
        return [*lines, wrapped("  ", ", ".join(f"{action}: {number:,}" for action, number in actions(items)))]
    return lines + [
        wrapped("  ", f"{item.where} {item.asset}: {item.sentence}" if item.asset else f"{item.where}: {item.sentence}")
        for item in items
    ]
