"""A report for programs. Law: everything that is known, and times in UTC."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from orchestrator.cli.context.folded_run import code_of
from orchestrator.cli.output.times import utc
from orchestrator.cli.render.summary import Names, lane_json, outcome_json
from orchestrator.core.handover.render import to_data
from orchestrator.core.report.history import History
from orchestrator.core.report.outcome import AssetOutcome
from orchestrator.core.report.report import MEANING, Report


def report_json(made: Report, names: Names, shown: Sequence[AssetOutcome]) -> dict[str, object]:
    """The report for programs: everything, times in UTC."""
    began = made.began
    return {
        "run": made.run, "plan": began.plan, "plan_file": began.plan_file, "by": began.by, "host": began.host,
        "version": began.version, "note": began.note, "only": list(began.only), "digest": began.digest,
        "began": utc(made.began_at), "ended": utc(made.ended_at), "last_entry": utc(made.last_at),
        "finished": made.finished, **outcome_json(made.outcome, names), "code": code_of(made), "meaning": MEANING,
        "agree": not made.disagreements, "disagreements": list(made.disagreements),
        "lanes": [lane_json(lane) for lane in made.lanes],
        "sources": [
            {"migration": s.migration, "source": s.source, "target": s.target, "touched": s.touched,
             "selected": s.selected, "excluded": s.excluded,
             "left_out": [{"id": i, "name": name, "why": why} for i, name, why in s.left_out]}
            for s in made.sources
        ],
        "assets": [_line_json(line) for line in shown],
        "batches": [asdict(each) for each in made.batches],
        "deliveries": [asdict(each) for each in made.deliveries],
        "approved": began.approved, "accepted": list(began.accepted), "held": list(began.held),
        "waived": list(began.waived), "handover": to_data(made.handover),
        **_history_json(made.history),
    }  # fmt: skip


def _line_json(line: AssetOutcome) -> dict[str, object]:
    return {
        "migration": line.migration, "target": line.target, "delivery": line.delivery, "id": line.asset,
        "kind": line.kind, "name": line.name, "class": line.kept_as.value, "why": line.why,
    }  # fmt: skip


def _history_json(history: History) -> dict[str, object]:
    """Each kind as a list; what is a moment becomes UTC text."""
    moments = {"began", "ended", "latest", "lost", "settled", "at", "reopened"}
    kinds: dict[str, tuple[Any, ...]] = {
        "outages": history.outages, "stops": history.stops, "waits": history.waits,
        "settlements": history.settlements, "probes": history.probes, "acts": history.acts,
        "trials": history.trials,
    }  # fmt: skip
    return {
        kind: [{k: utc(v) if k in moments else v for k, v in asdict(each).items()} for each in held]
        for kind, held in kinds.items()
    }
