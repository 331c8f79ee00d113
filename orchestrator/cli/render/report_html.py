"""A report as one HTML page that needs nothing else. Law: every word from outside is text, never markup.

The page is made from the same document as `report --json`. Its template escapes whatever it is given, what does not
print is spelled out first, and a content security policy lets only this page's own style and script work.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Any

from orchestrator.cli.output.times import local, seconds_of, span
from orchestrator.cli.render.finding_groups import finding_groups
from orchestrator.cli.render.finish_text import finished_as, turned
from orchestrator.cli.render.report_json import AssetDocument, BatchDocument, ReportDocument
from orchestrator.cli.render.states import delivery_words
from orchestrator.cli.render.timeline_drawing import Drawing, drawing, expected_end, expected_jobs
from orchestrator.cli.render.undo_words import change_words, changes_told
from orchestrator.cli.render.write_rates import rates_learned
from orchestrator.core.model.escape import visible
from orchestrator.core.model.handover_item import Action, action_words

if TYPE_CHECKING:
    import jinja2

#: how a page of ours begins: the run's id follows
OURS = "<!doctype html>\n<!-- roma-migrate report of run "
#: of an outcome -> how it is coloured
_TONES = {
    "verified": "good", "skipped": "good", "imported but unverified": "note", "waiting": "note", "held": "note",
    "undecided": "bad", "quarantined": "bad", "blocked": "bad", "missing or different": "bad",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """Things under one heading that opens."""

    title: str
    lines: Sequence[Any]


def page(document: ReportDocument) -> str:
    """The whole page."""
    from markupsafe import Markup

    style, script = _part("report.css"), _part("report.js")
    template = _environment().from_string(_part("report.html.jinja"))
    return _first_lines(document.run) + template.render(
        r=document, drawing=_drawing(document), handover=_handover(document), sources=_sources(document),
        classes=_classes(document.assets), exported=_exported(document), tones=_TONES,
        places=[(each.name, each.sentence) for each in document.places],
        findings=finding_groups(document.findings),
        taken_back=changes_told((each.action, each.state) for each in (document.undo.changes if document.undo else ())),
        style=Markup(style), script=Markup(script), policy=_policy(style, script),  # noqa: S704 - files of ours
    )  # fmt: skip


def is_page_of(run: str, beginning: bytes) -> bool:
    """Whether a file that begins so is a report of this run."""
    return beginning.startswith(_first_lines(run).encode())


def _first_lines(run: str) -> str:
    from markupsafe import escape

    return f"{OURS}{escape(run)} -->\n"


def _part(name: str) -> str:
    return (resources.files(__package__) / "page" / name).read_text(encoding="utf-8")


def _environment() -> "jinja2.Environment":
    import jinja2

    made = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    made.filters["local"] = lambda moment: local(seconds_of(moment))
    made.filters["clock"] = lambda moment: local(seconds_of(moment))[11:19]
    made.filters["span"] = span
    made.filters["json"] = _json
    made.filters["expected_end"], made.filters["expected_jobs"] = expected_end, expected_jobs
    made.filters["delivery_words"] = delivery_words
    made.filters["action_words"] = action_words
    made.filters["finished_as"] = finished_as
    made.filters["rates_learned"] = rates_learned
    made.filters["turned"] = lambda each: turned(each.before, each.after)
    made.filters["change_words"] = lambda each: change_words(each.action, each.state)
    return made


def _shown(value: object) -> object:
    """A word as it is put into the page: what does not print is spelled out. Markup is ours, and stays."""
    return visible(value) if type(value) is str else value


def _json(value: object) -> object:
    """JSON of lines, escaped here because `visible` would spell its line breaks out."""
    import json

    from markupsafe import Markup, escape

    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    return Markup("\n").join(escape(visible(line)) for line in lines)


def _policy(style: str, script: str) -> str:
    def allowed(text: str) -> str:
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    return f"default-src 'none'; style-src {allowed(style)}; script-src {allowed(script)}; base-uri 'none'"


# --- what the template shows ---------------------------------------------------------------------------------------


def _drawing(document: ReportDocument) -> Drawing | None:
    return drawing(document.timeline, document.outages) if document.timeline.slots else None


def _handover(document: ReportDocument) -> list[Group]:
    """What is left to people, by what is to be done, in the order of the guide."""
    held: dict[str, list[Any]] = {action.value: [] for action in Action}
    for item in document.handover:
        held.setdefault(str(item["action"]), []).append(item)
    return [Group(action_words(action), items) for action, items in held.items() if items]


def _sources(document: ReportDocument) -> list[Group]:
    """What touches a selection and is not in it: a line for each migration that carries it, or for each reason."""
    groups: dict[str, list[str]] = {}
    for each in document.sources:
        for left in each.left_out:
            told = f"travel with {left.carried_by}" if left.carried_by else f"left out: {left.why}"
            groups.setdefault(f"{each.migration}@{each.target}: {told}", []).append(left.name)
    return [Group(title, sorted(names)) for title, names in groups.items()]


def _classes(assets: Sequence[AssetDocument]) -> list[tuple[str, int]]:
    """Each outcome that occurs, and how often, the most urgent first."""
    found: dict[str, int] = {}
    for asset in assets:
        found[asset.outcome] = found.get(asset.outcome, 0) + 1
    order = {"bad": 0, "note": 1, "good": 2}
    return sorted(found.items(), key=lambda each: (order.get(_TONES.get(each[0], ""), 0), each[0]))


def _exported(document: ReportDocument) -> dict[str, BatchDocument]:
    return {batch.batch: batch for batch in document.batches}
