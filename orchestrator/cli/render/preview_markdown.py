"""A preview for a change ticket. Law: it says what the terminal says, and names from outside format nothing."""

from collections.abc import Sequence

from orchestrator.cli.output.tables import markdown
from orchestrator.cli.render.dialect import lesson_lines
from orchestrator.cli.render.preview_json import Shown
from orchestrator.cli.render.preview_text import (
    MOST_LEFT_OUT,
    ORDER,
    actions,
    answers,
    arrives,
    backups,
    batches,
    counted,
    finding,
    finish,
    headline,
    lanes,
    located,
    preparations,
    unfinished,
    verdict,
)
from orchestrator.core.handover.render import to_markdown
from orchestrator.core.model.checks import MOST_EXAMPLES, Check, Verdict, grouped
from orchestrator.core.model.escape import in_markdown
from orchestrator.core.model.restoration import NOT_RESTORED
from orchestrator.core.preflight.expected_outcomes import ExpectedOutcome
from orchestrator.core.preview.preview import Preview


def preview_markdown(shown: Shown, everything: bool) -> str:
    """The preview, with every asset and every thing to do where all is asked for."""
    preview = shown.preview
    lines = [f"# Preview of plan {in_markdown(shown.plan)}", "", f"**{verdict(shown)}**; digest `{preview.digest}`", ""]
    lines += [in_markdown(headline(shown)), ""]
    lines += [in_markdown(unfinished(shown)), ""] if shown.unfinished else []
    lines += _identity(shown)
    lines += [*markdown(*lanes(preview)), ""]
    lines += [f"**Disk**: {in_markdown(shown.crowded)}", ""] if shown.crowded else []
    lines += (
        [f"## Checks: {counted(preview.checks)}", "", *_checks(preview.checks, everything), ""]
        if preview.checks
        else []
    )
    lines += _left_out(preview, everything)
    lines += _backups(preview)
    lines += [*(f"- {in_markdown(each)}" for each in preview.hours.told), ""] if preview.hours.told else []
    lines += [f"- In a fleet: {in_markdown(shown.shared)}", ""] if shown.shared else []
    lines += _schedule(preview)
    lines += _assets(preview.assets) if everything else []
    lines += ["", *(f"- {line.strip()}" for line in preparations(shown.before_import, everything))]
    lines += _handover(preview, everything)
    seen = lesson_lines(shown.dialect)
    lines += (
        ["## What was seen of the targets earlier", "", *(f"- {in_markdown(each)}" for each in seen), ""]
        if seen
        else []
    )
    lines += ["## What a preview cannot know", "", *(f"- {in_markdown(each)}" for each in preview.unknown)]
    return "\n".join(lines)


def _checks(checks: Sequence[Check], everything: bool) -> list[str]:
    lines = []
    for held in grouped(checks):
        if held[0].verdict is Verdict.OK:
            continue
        if everything or len(held) == 1:
            lines += [_check(check) for check in held]
        else:
            lines += _group(held)
    return lines or ["Nothing to say."]


def _group(held: Sequence[Check]) -> list[str]:
    """Several answers alike: how many, some of them, and once what to do."""
    first, more = held[0], len(held) - MOST_EXAMPLES
    title = f"{first.id}, {len(held)} times{', such as' if more > 0 else ''}:"
    lines = [f"- **{first.verdict.value}** {in_markdown(title)}"]
    lines += [f"  - {in_markdown(located(each))}" for each in held[:MOST_EXAMPLES]]
    lines += [f"  - ... and {more} more (--all lists them)"] if more > 0 else []
    return lines + [f"  - {word}: {in_markdown(text)}" for word, text in answers(held)]


def _check(check: Check) -> str:
    remedy = f"; do: {check.remedy}" if check.remedy and check.verdict is not Verdict.WAIVED else ""
    reason = f"; reason: {check.waived}" if check.waived else ""
    return f"- **{check.verdict.value}** {in_markdown(finding(check) + remedy + reason)}"


def _identity(shown: Shown) -> list[str]:
    identity = shown.identity
    if identity is None:
        return []
    told = [f"plan file: {identity.plan_file}, sha256 {identity.plan_digest}", f"read at: {identity.read_at}"]
    told += [f"{each.name}: {each.sentence}" for each in identity.places]
    approve = ["To approve it:", "", "```", *shown.approve, "```", ""] if shown.may_be_approved else []
    return ["## What it is", "", *(f"- {in_markdown(each)}" for each in told), "", *approve]


def _left_out(preview: Preview, everything: bool) -> list[str]:
    told = [
        f"- {in_markdown(f'{made.migration}@{made.target}: {name}: {why}')}"
        for made in preview.selections
        for _, name, why in made.left_out
    ]
    shown = told if everything else told[:MOST_LEFT_OUT]
    more = [f"- ... and {len(told) - len(shown):,} more (--all lists them)"] if len(told) > len(shown) else []
    return ["## Left out", "", *shown, *more, ""] if told else []


def _schedule(preview: Preview) -> list[str]:
    times = preview.timetable
    told = [f"- {in_markdown(each)}" for each in finish(times)] if times is not None else []
    rows = markdown(*batches(preview))
    title = "## Schedule, times from the begin of the run if every estimate is right"
    return [title, "", *told, "", *rows, "", ORDER, ""]


def _backups(preview: Preview) -> list[str]:
    told = backups(preview)
    if not told:
        return []
    lost = ["Not restored by `undo`:", "", *(f"- {in_markdown(each)}" for each in NOT_RESTORED), ""]
    return ["## Backups", "", *(f"- {in_markdown(each)}" for each in told), "", *lost]


def _assets(assets: Sequence[ExpectedOutcome]) -> list[str]:
    rows = [
        [f"{each.migration}@{each.target}", each.fate.value, each.kind, each.name, arrives(each).strip(), each.id]
        for each in assets
    ]
    head = ["migration@target", "would be", "kind", "name", "arrives as", "id"]
    return ["## Assets", "", *markdown(head, rows), ""]


def _handover(preview: Preview, everything: bool) -> list[str]:
    items = preview.handover
    if not items:
        return []
    if everything:
        return ["# Left to people", "", to_markdown(items), ""]
    rows = [[action, str(number)] for action, number in actions(items)]
    return ["## Left to people", "", *markdown(["what", "how often"], rows), ""]
