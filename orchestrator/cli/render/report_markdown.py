"""A report for people, in a terminal or a ticket. Law: it tells what the JSON document holds; only long lists are cut.

What is cut says so, and `--all` shows each.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.cli.output.tables import markdown
from orchestrator.cli.output.times import local, seconds_of, span
from orchestrator.cli.render.dialect import lesson_lines
from orchestrator.cli.render.finding_groups import MOST_NAMES, finding_groups, some_names
from orchestrator.cli.render.finish_text import finished_as, turned
from orchestrator.cli.render.report_json import (
    AssetDocument,
    BatchDocument,
    FindingDocument,
    RanDocument,
    ReportDocument,
    SlotDocument,
    UndoDocument,
)
from orchestrator.cli.render.states import delivery_words
from orchestrator.cli.render.timeline_drawing import expected_end, expected_jobs
from orchestrator.cli.render.undo_words import change_words, changes_told
from orchestrator.cli.render.write_rates import rates_learned
from orchestrator.core.model.counts import count
from orchestrator.core.model.escape import in_json, in_markdown
from orchestrator.core.model.handover_item import action_words
from orchestrator.core.report.outcome import AssetClass
from orchestrator.core.report.report import QUIET

#: (migration@target, why) -> names
Groups = dict[tuple[str, str], list[str]]

#: lines of one list, unless everything is asked for
MOST_LINES = 20
#: a head and rows
Table = tuple[list[str], list[list[object]]]
#: columns of ids, for whoever looks further
_ASKED = ("jobs", "request_ids")
#: columns of a job
_WHEN = ("began", "took", "waited behind another job")
#: states of a package that failed; of deliveries that came through
_FAILED = frozenset({"failed", "undecided"})
_WELL = frozenset({"verified", "imported"})
#: what a trial of `auto` showed -> what it means
FOUND = {
    "apart": "the slots are apart, and were used at the same time from then on",
    "one": "they are one slot",
    "open": "nothing was seen, so they count as one slot",
}


def report_markdown(r: ReportDocument, everything: bool = False) -> list[str]:
    """The report, a line each: the verdict, who must act, then everything else."""
    return [
        *_head(r),
        *_counts(r),
        *_assets(r.assets, everything),
        *_aside(r, everything),
        *_timeline(r, everything),
        *_checks(r, everything),
        *_events(r),
        *_batches(r, everything),
        *_finish(r, everything),
        *_undo(r, everything),
        *_handover(r, everything),
        *_learned(r),
        *_digests(r),
        *(_plan(r) if everything else []),
    ]


# --- verdict and counts --------------------------------------------------------------------------------------------


def _head(r: ReportDocument) -> list[str]:
    out = [f"# Run {in_markdown(r.run)} of plan {in_markdown(r.plan)}", ""]
    out += [f"**{in_markdown(r.verdict)}** (code {r.code})", ""]
    undone = [_undone(r.undo)] if r.undo is not None else []
    out += _bullets(
        [*undone, *backups_told(r.batches), *(f"why: {why.sentence}" for why in r.whys), f"who must act: {r.who}"]
    )
    out += ["- next:", "", "```", *r.next.splitlines(), "```", ""]
    began, ended = seconds_of(r.began), seconds_of(r.ended)
    end = f"{local(ended)} ({span(ended - began)})" if ended else f"not ended; last entry {_at(r.last_entry)}"
    digest = f" (sha256 {r.plan_digest})" if r.plan_digest else ""
    told = [f"plan file: {r.plan_file}{digest}", *(f"{each.name}: {each.sentence}" for each in r.places)]
    told += [f"began: {_at(r.began)} by {r.by} on {r.host}", f"ended: {end}"]
    told += [f"version: {r.version}, preview digest: {r.digest}"]
    told += [f"note: {r.note}"] if r.note else []
    told += [f"only: {', '.join(r.only)}"] if r.only else []
    return [*out, *_bullets(told), ""]


def backups_told(batches: Sequence[BatchDocument]) -> list[str]:
    """What an undo can restore, and until when; nothing where nothing was backed up."""
    held = [each for each in batches if each.backup]
    if not held:
        return []
    kept = [each for each in held if each.kept_until]
    until = min((seconds_of(each.kept_until) for each in kept), default=0.0)
    assets = sum(each.apps + each.tasks for each in kept)
    told = f"backups: {assets:,} assets as they were before Merge, in {len(kept)} of {len(held)} packages"
    return [f"{told}; undo can restore them until {local(until)} (keep_backups)" if kept else f"{told}: none is kept"]


def _counts(r: ReportDocument) -> list[str]:
    out = ["## Counts", ""]
    if not r.agree:
        out += ["**THE COUNTS DO NOT AGREE. This is a defect of roma-migrate: trust none of them.**", ""]
        out += [*_bullets(r.disagreements), ""]
    out += [r.meaning, ""]
    held = (name for name in AssetClass if name is AssetClass.VERIFIED or any(e.counts[name] for e in r.lanes))
    classes = [each.value for each in held]
    rows = [[f"{e.migration}@{e.target}", e.selected, *(e.counts[name] for name in classes)] for e in r.lanes]
    out += markdown(["migration@target", "selected", *classes], rows)
    rows = [
        [f"{s.migration}@{s.target}", s.source, s.touched, s.selected, s.excluded, len(s.left_out)] for s in r.sources
    ]
    out += ["", *markdown(["migration@target", "source", "touched", "selected", "excluded", "set aside"], rows), ""]
    return out + (["The sums agree: selected is the sum of its classes, touched of its parts.", ""] if r.agree else [])


def _aside(r: ReportDocument, everything: bool) -> list[str]:
    """What travels with another migration in a line each; what nobody carries by its reason."""
    travels: Groups = {}
    stays: Groups = {}
    for each in r.sources:
        for left in each.left_out:
            groups, why = (travels, f"travel with {left.carried_by}") if left.carried_by else (stays, left.why)
            groups.setdefault((f"{each.migration}@{each.target}", why), []).append(left.name)
    told = [f"{where}: {count(len(names), 'task')} {why}" for (where, why), names in travels.items()]
    told = _each(travels) if everything else told
    out = (
        ["## Carried by another migration of this run", "", *_bullets(_some_of(told, everything)), ""]
        if travels
        else []
    )
    lines = _some_of(_each(stays) if everything else _grouped(stays), everything)
    return out + (["## Left out", "", *_bullets(lines), ""] if stays else [])


def _some_of(lines: Sequence[str], everything: bool) -> Sequence[str]:
    """The first of many, and how many more there are."""
    if everything or len(lines) <= MOST_LINES:
        return lines
    return [*lines[:MOST_LINES], f"... and {len(lines) - MOST_LINES:,} more (--all)"]


def _assets(assets: Sequence[AssetDocument], everything: bool) -> list[str]:
    out: list[str] = []
    for kept_as in AssetClass:
        mine = [each for each in assets if each.outcome == kept_as.value]
        if not mine or (kept_as in QUIET and not everything):
            continue
        lines = list(map(_asset, mine)) if everything else _by_cause(mine)
        out += [f"## {kept_as.value.capitalize()}", "", *_bullets(lines), ""]
    return out


def _by_cause(assets: Sequence[AssetDocument]) -> list[str]:
    """Each asset where few have the same cause, else how many and some of them."""
    groups: dict[tuple[str, str], list[AssetDocument]] = {}
    for each in assets:
        groups.setdefault((f"{each.migration}@{each.target}", each.why), []).append(each)
    lines: list[str] = []
    for (where, why), held in groups.items():
        names = [f"{each.kind} {each.name}" for each in held]
        lines += map(_asset, held) if len(held) <= MOST_NAMES else [_told(where, some_names(names), why)]
    return lines


def _asset(each: AssetDocument) -> str:
    named = each.target_names and list(each.target_names) != [each.name]
    arrives = f" -> {' or '.join(each.target_names)}" if named else ""
    where = f"{each.migration}@{each.target}: {each.kind} {each.name}{arrives} ({each.id})"
    return where + (f": {each.why}" if each.why else "")


def _each(groups: Groups) -> list[str]:
    return [_told(where, name, why) for (where, why), names in groups.items() for name in names]


def _grouped(groups: Groups) -> list[str]:
    """A line for each reason, with some of the names."""
    return [_told(where, some_names(names), why) for (where, why), names in groups.items()]


def _told(where: str, what: str, why: str) -> str:
    return f"{where}: {what}" + (f": {why}" if why else "")


def _finish(r: ReportDocument, everything: bool) -> list[str]:
    """What finish did, a line for each kind and state; with everything, or where it was not done, each change."""
    if (held := r.finish) is None:
        return []
    how = f"ended {_at(held.ended)} (code {held.code})" if held.ended else "has not ended"
    steps = ", ".join(held.steps)
    lines = [f"the finish of {_at(held.began)} ({steps}) by {held.by} on {held.host} {how}"]
    lines += [f"{told}: {number:,}" for told, number in Counter(map(finished_as, held.changes)).items()]
    shown = [each for each in held.changes if everything or each.state != "done"]
    lines += [f"{each.name}@{each.instance}: {turned(each.before, each.after)}: {finished_as(each)}"
              + (f": {each.why}" if each.why else "") for each in shown]  # fmt: skip
    return ["## Finished", "", *_bullets(lines), ""]


def _undone(undo: UndoDocument) -> str:
    """Said before all else: what the verdict tells may be gone again."""
    told = changes_told((each.action, each.state) for each in undo.changes) or "nothing"
    how = f"ended {_at(undo.ended)} (code {undo.code})" if undo.ended else "has not ended"
    return f"taken back: the undo of {_at(undo.began)} by {undo.by} on {undo.host} {how}: {told}"


def _undo(r: ReportDocument, everything: bool) -> list[str]:
    """What an undo left, by reason; with everything each asset."""
    if r.undo is None:
        return []
    groups: Groups = {}
    for each in r.undo.changes:
        if everything or each.state != "done":
            word = change_words(each.action, each.state)
            groups.setdefault((f"{word}@{each.target}", each.why), []).append(f"{each.kind} {each.name}")
    lines = _each(groups) if everything else _grouped(groups)
    return ["## Taken back", "", *_bullets([_undone(r.undo), *lines]), ""]


# --- what happened -------------------------------------------------------------------------------------------------


def _timeline(r: ReportDocument, everything: bool) -> list[str]:
    if not r.timeline.slots:
        return []
    kinds = list(dict.fromkeys(bar.kind for slot in r.timeline.slots for bar in slot.bars))
    rows: list[list[object]] = [
        [slot.slot, *(_spent(slot, kind) for kind in kinds), span(slot.busy_seconds), _expected(slot)]
        for slot in r.timeline.slots
    ]
    out = ["## Timeline", "", *markdown(["slot", *kinds, "our jobs ran", "predicted"], rows), ""]
    out += [in_markdown(expected_end(r.timeline)), ""]
    told = [f"no process conducted the run from {_at(p.began)} to {_at(p.ended)}" for p in r.timeline.pauses]
    out += [*_bullets(told), ""] if told else []
    if not everything:
        return out
    planned = expected_jobs(r.timeline)
    rows = [
        [
            slot.slot, bar.kind, bar.number or "", _at(bar.began), bar.seconds,
            planned.get((bar.kind, bar.subject), ""),
            bar.word or "has not ended", bar.job,
        ]
        for slot in r.timeline.slots
        for bar in slot.bars
    ]  # fmt: skip
    head = ["slot", "what", "batch", "began", "seconds", "predicted", "how it ended", "job"]
    return [*out, *markdown(head, rows), ""]


def _expected(slot: SlotDocument) -> str:
    """What was predicted for a slot."""
    return f"{len(slot.predicted)} in {span(sum(bar.seconds for bar in slot.predicted))}" if slot.predicted else ""


def _spent(slot: SlotDocument, kind: str) -> str:
    mine = [bar.seconds for bar in slot.bars if bar.kind == kind]
    return f"{len(mine)} in {span(sum(mine))}" if mine else ""


def _checks(r: ReportDocument, everything: bool) -> list[str]:
    told = _findings(r.findings, everything)
    told += [f"approved: saved preview {r.approved[:8]}"] if r.approved else []
    told += [f"signed by {r.signed_by}"] if r.signed_by else []
    told += [f"waived: {each}" for each in r.waived]
    told += [f"changed since its approval, and accepted: {each}" for each in r.accepted]
    told += [f"held, because it had drifted: {each}" for each in r.held]
    return _section("Checks and waivers", told)


def _findings(findings: Sequence[FindingDocument], everything: bool) -> list[str]:
    """What the run began in spite of, by check and cause: how often, with some examples."""
    lines: list[str] = []
    for group in finding_groups(findings):
        many = f", {group.held:,} times" if group.held > 1 else ""
        lines += [f"{group.title}{many}: {each}" for each in (*group.shown, *(group.more if everything else ()))]
        if group.more and not everything:
            lines.append(f"{group.title}: and {len(group.more):,} more (--all)")
        lines += [f"{group.title}: what to do: {each}" for each in group.remedies]
    return lines


def _events(r: ReportDocument) -> list[str]:
    out = _section("Outages", (
        f"{o.host}: {_at(o.began)}, {_length(o.began, o.ended) or 'its end was not seen'}: {o.words}" for o in r.outages
    ))  # fmt: skip
    out += _section("Stopped by the breaker", (
        f"{s.instance} ({s.direction}s): {_at(s.at)}: {s.words}"
        + (f"; reopened {_at(s.reopened)}" if s.reopened else "")
        for s in r.stops
    ))  # fmt: skip
    out += _section("Waits", (
        f"{w.subject}: refused {count(w.times, 'time')} from {_at(w.began)} for {_length(w.began, w.latest)}: {w.words}"
        for w in r.waits
    ))  # fmt: skip
    out += _section("Write rates", rates_learned(r.write_rates))
    out += _section("Lost answers, and how they were settled", (
        f"{s.subject}: {_at(s.lost)}: {s.words}; {s.found or 'not settled'}"
        + (f" ({_length(s.lost, s.settled)} later)" if s.settled else "")
        for s in r.settlements
    ))  # fmt: skip
    return out + _section("Who did what", (f"{_at(a.at)} {a.by}{' ' if a.by else ''}{a.sentence}" for a in r.acts))


def _batches(r: ReportDocument, everything: bool) -> list[str]:
    rows: list[list[object]] = [
        [b.number, b.batch, b.source + (" (backup)" if b.backup else ""), b.apps, b.tasks, b.stands, b.exports,
         *_ran(b.ran), b.size or "", b.check, " ".join(b.jobs), " ".join(b.request_ids)]
        for b in r.batches
    ]  # fmt: skip
    head = ["no", "batch", "source", "apps", "tasks", "state", "exports", *_WHEN, "bytes", "check", *_ASKED]
    few: tuple[str, ...] = () if everything else ("batch", "exports", "bytes", "check", *_ASKED)
    out = ["## Batches", "", *_cut(*_without(few, head, rows), everything), ""]
    numbers = {b.batch: b.number for b in r.batches}
    rows = [
        [numbers[d.batch], d.delivery, f"{d.migration}@{d.target}", d.mode, d.prefix, d.owner, d.assets,
         delivery_words(d.state), d.imports, *_ran(d.ran), " ".join(d.jobs), " ".join(d.request_ids), d.words]
        for d in r.deliveries
    ]  # fmt: skip
    head = ["no", "delivery", "migration@target", "mode", "prefix", "owner", "assets", "state", "imports", *_WHEN]
    few = () if everything else ("delivery", "mode", "owner", "imports", *_ASKED)
    out += ["## Imports", "", *_cut(*_without(few, [*head, *_ASKED, "words"], rows), everything), ""]
    return out if everything else [*out, *_to_ask_about(r)]


def _without(left_out: Sequence[str], head: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """The same without these columns, and without those that hold nothing."""
    said = [not rows or any(row[at] not in ("", 0) for row in rows) for at in range(len(head))]
    kept = [at for at, name in enumerate(head) if name not in left_out and said[at]]
    return [head[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _to_ask_about(r: ReportDocument) -> list[str]:
    """Of what was refused or failed: the ids by which the service's people find it."""
    held = [(f"export of batch {b.number} from {b.source}", b.batch, b.jobs, b.request_ids)
            for b in r.batches if b.request_ids or b.state in _FAILED]  # fmt: skip
    numbers = {b.batch: b.number for b in r.batches}
    held += [(f"import of batch {numbers[d.batch]} into {d.target}", d.delivery, d.jobs, d.request_ids)
             for d in r.deliveries if d.request_ids or (d.jobs and d.state not in _WELL)]  # fmt: skip
    return _section("Ids of what was refused or failed", (
        f"{what} ({subject})"
        + (f": job {', '.join(jobs)}" if jobs else "")
        + (f"; request_id {', '.join(ids)}" if ids else "")
        for what, subject, jobs, ids in (held[:MOST_LINES])
    ))  # fmt: skip


def _ran(ran: RanDocument) -> list[str]:
    waited = span(ran.waited_seconds) if ran.waited_seconds else ""
    return [_at(ran.began) if ran.began else "", _length(ran.began, ran.ended), waited]


def _cut(head: Sequence[str], rows: Sequence[Sequence[object]], everything: bool) -> list[str]:
    shown = rows if everything else rows[:MOST_LINES]
    more = [f"\n... and {len(rows) - len(shown)} more (--all)"] if len(rows) > len(shown) else []
    return [*markdown(head, shown), *more]


def _handover(r: ReportDocument, everything: bool) -> list[str]:
    """What is left to people: how much of what, and in full where it is short."""
    if not r.handover_counts:
        return []
    rows = [[action_words(each.action), each.by_this_run, each.open_in_plan] for each in r.handover_counts]
    out = ["## Left to people", "", *markdown(["what", "by this run", "open in the plan"], rows), ""]
    if r.handover_risks:
        out += [
            f"{count(r.handover_risks, 'task')} may process data twice: they still have to stop at their source.",
            "",
        ]
    out += ["By owner, with what a read can prove:", "", "```", *r.handover_command.splitlines(), "```", ""]
    if r.handover and (everything or len(r.handover) <= MOST_LINES):
        out += [*map(_item, r.handover), ""]
    return out


def _item(item: Mapping[str, Any]) -> str:
    asset = f" **{in_markdown(item['asset'])}**" if item["asset"] else ""
    owner = in_markdown(item["owner"]) or "nobody in particular"
    box = "x" if item["done"] else " "
    where = in_markdown(item["where"])
    return f"- [{box}] `{item['id']}` {where}{asset}: {in_markdown(item['what'])} ({owner})"


def _learned(r: ReportDocument) -> list[str]:
    out = _section("What `one_job_per: auto` found", (
        f"{_at(t.at)}: {t.subject} asked for beside {t.beside} in slot {t.slot}: {FOUND.get(t.shown, 'not known yet')}"
        + (f" ({t.reason})" if t.reason else "")
        for t in r.trials
    ))  # fmt: skip
    out += _section("How the service read prefixes", (
        f"{x.target}: {x.prefix} {'is' if x.renamed else 'is not'} put before the names of "
        f"{'applications' if x.kind == 'app' else 'tasks'}"
        for x in r.readings
    ))  # fmt: skip
    out += _section("What travels with assets, which is not documented", lesson_lines(r.dialect))
    return out + _section("Probes", (
        f"{_at(p.at)} in slot {p.slot}: {p.asset}, job {p.job or '-'}: {p.word or 'not ended'}" for p in r.probes
    ))  # fmt: skip


def _digests(r: ReportDocument) -> list[str]:
    head = f"the journal holds {count(r.chain.entries, 'entry')}; the head of its chain is {r.chain.digest}"
    return _section("Digests", [head, f"preview: {r.digest}", *([f"approved: {r.approved}"] if r.approved else [])])


def _plan(r: ReportDocument) -> list[str]:
    """Each line of it begins with a sign of JSON, so that nothing in it can end the block."""
    held = in_json(json.dumps(r.plan_as_run, indent=2, ensure_ascii=False))
    return ["## The plan as run", "", "```json", *held.splitlines(), "```", ""]


# --- shapes --------------------------------------------------------------------------------------------------------


def _section(title: str, lines: Iterable[str]) -> list[str]:
    held = _bullets(lines)
    return [f"## {title}", "", *held, ""] if held else []


def _bullets(lines: Iterable[str]) -> list[str]:
    return [f"- {in_markdown(line)}" for line in lines]


def _at(moment: str | None) -> str:
    return local(seconds_of(moment))


def _length(began: str | None, ended: str | None) -> str:
    return span(seconds_of(ended) - seconds_of(began)) if began and ended else ""
