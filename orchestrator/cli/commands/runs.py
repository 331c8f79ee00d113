"""`runs`: every run of a home, a line each. Law: one run's damage never hides the others."""

from orchestrator.cli.context.find_run import Found, store_to_read
from orchestrator.cli.output.tables import UNLIMITED, table
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local, seconds_of, utc
from orchestrator.core.report.ended_run import EndedRun
from orchestrator.errors import ExitCode, MemoryFailed, OperatorError


def list_runs(terminal: Terminal) -> int:
    """Every run of the home, oldest first; a damaged one is listed as such and makes the code 7."""
    store = store_to_read(terminal, None)
    rows: list[dict[str, object]] = []
    code = ExitCode.DONE
    for run in store.run_ids():
        try:
            rows.append(_row(Found(store, run)))
        except MemoryFailed as error:
            rows.append({"run": run, "code": int(error.exit_code), "damaged": error.message})
            terminal.warn(f"{run}: {error.message}")
            code = ExitCode.MEMORY
        except OperatorError:
            rows.append({"run": run, "code": None, "empty": True})
    if terminal.common.json:
        terminal.document({"home": str(store.home.path), "runs": rows})
    else:
        terminal.result(_runs_text(rows) if rows else "no runs")
    return int(code)


def _row(found: Found) -> dict[str, object]:
    ended = found.store.ended(found.run)
    return _row_of(found, ended) if ended is not None else _folded(found)


def _row_of(found: Found, ended: EndedRun) -> dict[str, object]:
    """Of a run that has ended, and of which nobody asked anything since."""
    return {
        "run": found.run, "plan": ended.plan, "plan_file": ended.plan_file, "by": ended.by, "host": ended.host,
        "note": ended.note, "began": utc(ended.began_at), "ended": utc(ended.ended_at), "live": False,
        "code": ended.code, "waits_for_a_person": False, "selected": ended.selected, "counts": ended.counts,
        "taken_back": "",
    }  # fmt: skip


def _folded(found: Found) -> dict[str, object]:
    """Of any other: only here a journal is believed, which a home of a thousand ended runs should not wait for."""
    from orchestrator.cli.context.folded_run import code_of, report_and_progress
    from orchestrator.cli.render.undo_words import taken_back
    from orchestrator.core.report.outcome import AssetClass

    made, progress = report_and_progress(found)
    counts = {each.value: made.outcome.counts.get(each.value, 0) for each in AssetClass}
    holder = found.holder(progress) if not made.finished else None
    return {
        "run": found.run, "plan": made.began.plan, "plan_file": made.began.plan_file, "by": made.began.by,
        "host": made.began.host, "note": made.began.note, "began": utc(made.began_at), "ended": utc(made.ended_at),
        "live": holder is not None, "code": code_of(made) if made.finished or holder is None else None,
        "waits_for_a_person": not made.finished and any(w.code is ExitCode.STOPPED for w in made.outcome.whys),
        "selected": sum(lane.selected for lane in made.lanes), "counts": counts,
        "taken_back": taken_back(progress.changes),
    }  # fmt: skip


def _runs_text(rows: list[dict[str, object]]) -> str:
    return table(
        ["run", "plan file", "by", "began", "ended", "code", "assets"],
        [_cells(row) for row in rows],
        indent="",
        fit=UNLIMITED,
    )


def _cells(row: dict[str, object]) -> list[str]:
    if "damaged" in row or "empty" in row:
        return [
            str(row["run"]),
            "damaged" if "damaged" in row else "never began",
            "",
            "",
            "",
            "" if row["code"] is None else str(row["code"]),
            "",
        ]
    began, ended = (seconds_of(str(row[moment])) if row[moment] else 0.0 for moment in ("began", "ended"))
    return [
        str(row["run"]), str(row["plan_file"]), str(row["by"]), local(began),
        local(ended) if ended else _open(row),
        "" if row["code"] is None else str(row["code"]), _counted(row),
    ]  # fmt: skip


def _open(row: dict[str, object]) -> str:
    """How it stands, where it has not ended."""
    if row["waits_for_a_person"]:
        return "waits for a person"
    return "live" if row["live"] else "not ended"


def _counted(row: dict[str, object]) -> str:
    counts = row["counts"]
    held = {k: n for k, n in counts.items() if n} if isinstance(counts, dict) else {}
    told = ", ".join(f"{n} {kept_as}" for kept_as, n in held.items()) or "none"
    return f"{told}; {row['taken_back']}" if row["taken_back"] else told
