"""A report for people. Law: it shows what `core.report` folded, adds nothing and hides nothing."""

from collections import Counter
from collections.abc import Iterable, Sequence

from orchestrator.cli.context.folded_run import code_of
from orchestrator.cli.output.tables import markdown
from orchestrator.cli.output.times import local, span
from orchestrator.cli.render.summary import Names, next_of, verdict_of
from orchestrator.core.handover.render import to_markdown
from orchestrator.core.model.escape import in_markdown
from orchestrator.core.model.handover_item import Action
from orchestrator.core.report.handover import PlanHandover
from orchestrator.core.report.history import History
from orchestrator.core.report.outcome import AssetClass, AssetOutcome
from orchestrator.core.report.report import MEANING, Report

#: how many assets of one class and reason are listed by name; JSON holds all
MOST_NAMES = 200
#: what a trial of `auto` showed -> what it means
_FOUND = {
    "apart": "the slots are apart, and were used at the same time from then on",
    "one": "they are one slot",
    "open": "nothing was seen, so they count as one slot",
}


def report_markdown(made: Report, names: Names, shown: Sequence[AssetOutcome], left: PlanHandover) -> list[str]:
    """The report for people, a line each; `left` is what all runs of the plan left to people."""
    return [
        *_head(made, names),
        *_counts(made),
        *_assets(shown),
        *_note_reachability(made.history),
        *_batches(made),
        *_handover(made, names, left),
        *_acts(made.history),
    ]


def _head(made: Report, names: Names) -> list[str]:
    began = made.began
    head = f"**{verdict_of(made)}** (code {code_of(made)})"
    out = [f"# Run {made.run} of plan {in_markdown(began.plan)}", "", head, ""]
    out += _bullets(f"why: {why.sentence}" for why in made.outcome.whys)
    out += _bullets([f"who must act: {made.outcome.who}"])
    out += ["- next:", "", "```", *next_of(made, names).splitlines(), "```", ""]
    ended = local(made.ended_at) if made.finished else f"not ended; last entry {local(made.last_at)}"
    took = f" ({span(made.ended_at - made.began_at)})" if made.finished else ""
    told = [f"plan file: {began.plan_file}", f"began: {local(made.began_at)} by {began.by} on {began.host}"]
    told += [f"ended: {ended}{took}", f"version: {began.version}, preview digest: {began.digest}"]
    told += [f"note: {began.note}"] if began.note else []
    told += [f"only: {', '.join(began.only)}"] if began.only else []
    told += [f"approved: saved preview {began.approved[:8]}"] if began.approved else []
    told += [f"changed since its approval, and accepted: {each}" for each in began.accepted]
    told += [f"held, because it had drifted: {each}" for each in began.held]
    told += [f"waived: {each}" for each in began.waived]
    out += _bullets(told)
    return [*out, ""]


def _counts(made: Report) -> list[str]:
    out = ["## Counts", ""]
    if made.disagreements:
        out += ["**THE COUNTS DO NOT AGREE. This is a defect of roma-migrate: trust none of them.**", ""]
        out += [*_bullets(made.disagreements), ""]
    out += [MEANING, ""]
    rows = [[lane.name, lane.selected, *(lane.counts[each.value] for each in AssetClass)] for lane in made.lanes]
    out += markdown(["migration@target", "selected", *(each.value for each in AssetClass)], rows)
    rows = [
        [f"{s.migration}@{s.target}", s.source, s.touched, s.selected, s.excluded, len(s.left_out)]
        for s in made.sources
    ]
    out += ["", *markdown(["migration@target", "source", "touched", "selected", "excluded", "left out"], rows), ""]
    if not made.disagreements:
        out += ["The sums agree: selected is the sum of its classes, touched of its parts.", ""]
    left = _bullets(f"{s.migration}@{s.target}: {name}: {why}" for s in made.sources for _, name, why in s.left_out)
    return out + (["### Left out", "", *left, ""] if left else [])


def _assets(shown: Sequence[AssetOutcome]) -> list[str]:
    out: list[str] = []
    for kept_as in AssetClass:
        mine = [line for line in shown if line.kept_as is kept_as]
        if not mine:
            continue
        out += [f"## {kept_as.value.capitalize()}", ""]
        out += _bullets(
            f"{line.migration}@{line.target}: {line.kind} {line.name} ({line.asset})"
            + (f": {line.why}" if line.why else "")
            for line in mine[:MOST_NAMES]
        )
        if len(mine) > MOST_NAMES:
            out.append(f"- ... and {len(mine) - MOST_NAMES} more; `report --json` holds them all")
        out.append("")
    return out


def _note_reachability(history: History) -> list[str]:
    out: list[str] = []
    out += _section("Outages", (
        f"{o.host}: {local(o.began)}, {span(o.seconds) if o.ended else 'its end was not seen'}: {o.words}"
        for o in history.outages
    ))  # fmt: skip
    out += _section("Stopped by the breaker", (
        f"{s.instance} ({s.direction}s): {local(s.at)}: {s.words}"
        + (f"; reopened {local(s.reopened)}" if s.reopened else "")
        for s in history.stops
    ))  # fmt: skip
    out += _section("Waits", (
        f"{w.subject}: refused {w.times} times from {local(w.began)} for {span(w.latest - w.began)}: {w.words}"
        for w in history.waits
    ))  # fmt: skip
    out += _section("Lost answers, and how they were settled", (
        f"{s.subject}: {local(s.lost)}: {s.words}; {s.found or 'not settled'}"
        + (f" ({span(s.settled - s.lost)} later)" if s.settled else "")
        for s in history.settlements
    ))  # fmt: skip
    out += _section("What `one_job_per: auto` found", (
        f"{local(t.at)}: {t.subject} asked for beside {t.beside} in slot {t.slot}: "
        f"{_FOUND.get(t.shown, 'not known yet')}" + (f" ({t.reason})" if t.reason else "")
        for t in history.trials
    ))  # fmt: skip
    return out + _section("Probes", (
        f"{local(p.at)} in slot {p.slot}: {p.asset}, job {p.job or '-'}: {p.word or 'not ended'}"
        for p in history.probes
    ))  # fmt: skip


def _section(title: str, lines: Iterable[str]) -> list[str]:
    held = _bullets(lines)
    return [f"## {title}", "", *held, ""] if held else []


def _bullets(lines: Iterable[str]) -> list[str]:
    return [f"- {in_markdown(line)}" for line in lines]


def _batches(made: Report) -> list[str]:
    rows: list[list[object]] = [
        [b.number, b.batch, b.source, b.apps, b.tasks, b.state, b.exports, b.size or "", b.check,
         " ".join(b.jobs), " ".join(b.request_ids)]
        for b in made.batches
    ]  # fmt: skip
    head = ["no", "batch", "source", "apps", "tasks", "state", "exports", "bytes", "check", "jobs", "request_ids"]
    out = ["## Batches", "", *markdown(head, rows), ""]
    rows = [
        [d.delivery, f"{d.migration}@{d.target}", d.mode, d.prefix, d.owner, d.assets, d.state, d.imports,
         " ".join(d.jobs), " ".join(d.request_ids), d.words]
        for d in made.deliveries
    ]  # fmt: skip
    head = ["delivery", "migration@target", "mode", "prefix", "owner", "assets", "state", "imports", "jobs"]
    return [*out, "## Deliveries", "", *markdown([*head, "request_ids", "words"], rows), ""]


def _handover(made: Report, names: Names, left: PlanHandover) -> list[str]:
    """What is left to people: how much of what, and in full where it is short."""
    if not left.items:
        return []
    found, open_ = Counter(item.action for item in made.handover), Counter(item.action for item in left.open)
    rows = [[each.value, found[each.value], open_[each.value]] for each in Action if found[each.value] or open_[each]]
    out = ["## Left to people", "", *markdown(["what", "by this run", "open in the plan"], rows), ""]
    if left.risks:
        out += [
            f"{len(left.risks)} of them may process data twice: these tasks still have to stop at their source.",
            "",
        ]
    out += ["By owner, with what a read can prove:", "", "```", names.command("handover", names.plan), "```", ""]
    if made.handover and len(made.handover) <= MOST_NAMES:
        out += [to_markdown(made.handover, left.standings).replace("## ", "### "), ""]
    return out


def _acts(history: History) -> list[str]:
    return _section("Who did what", (f"{local(a.at)} {a.by}{' ' if a.by else ''}{a.sentence}" for a in history.acts))
