"""A submission for people and for programs: one table of all its components. Law: the gravest of them is its code."""

from collections.abc import Mapping

from orchestrator.cli.context.submission_status import ComponentStatus, SubmissionStatus
from orchestrator.cli.output.tables import commands, markdown, table, wrapped
from orchestrator.cli.output.times import local, utc
from orchestrator.cli.render.summary import Names
from orchestrator.core.model.counts import count
from orchestrator.core.model.escape import in_markdown
from orchestrator.core.report.verdict import MEANINGS
from orchestrator.core.state.submissions import Approved, ComponentState, SubmittedComponent, code_of
from orchestrator.errors import ExitCode

_HEAD = ["component", "migrations", "state", "worker", "code", "assets", "run"]
#: codes behind which a person must act before `continue` helps
_CAUSE = frozenset({
    ExitCode.REFUSED, ExitCode.BLOCKED, ExitCode.USAGE, ExitCode.MEMORY, ExitCode.DEFECT,
})  # fmt: skip


def submission_text(seen: SubmissionStatus, names: Names) -> str:
    """Head, table, what stands against it, verdict and next step."""
    told = seen.submission
    done = sum(each.component.state is ComponentState.DONE for each in seen.components)
    note = f" ({told.note})" if told.note else ""
    lines = [
        wrapped("", f"plan {told.plan}, submitted as {told.id} by {told.by} on {told.host} at {local(told.at)}{note}"),
        *([wrapped("", f"carries out {approved_told(told.approved)}")] if told.approved is not None else []),
        f"{done} of {count(len(seen.components), 'component')} done",
        table(_HEAD, [_row(each, seen.now) for each in seen.components]),
    ]
    lines += [
        wrapped(f"{each.component.id}: ", each.component.why)
        for each in seen.components
        if each.component.why and each.component.state is not ComponentState.DONE
    ]
    who, following = next_of(seen, names)
    lines.append(f"verdict: {MEANINGS[seen.code]} (code {int(seen.code)})")
    return "\n".join([*lines, wrapped("who:  ", who), commands("next: ", following)])


def submission_markdown(seen: SubmissionStatus, names: Names) -> list[str]:
    """The same for a change ticket."""
    told, (who, following) = seen.submission, next_of(seen, names)
    head = f"Submitted as {told.id} by {told.by} on {told.host} at {local(told.at)}"
    rows = markdown(_HEAD, [_row(each, seen.now) for each in seen.components])
    counts = _assets(seen.counts) or "no asset"
    return [
        f"# Plan {in_markdown(told.plan)}", "", f"**{MEANINGS[seen.code]}** (code {int(seen.code)}); {counts}", "",
        in_markdown(head + (f" ({told.note})" if told.note else "")), "",
        *([in_markdown(f"Carries out {approved_told(told.approved)}"), ""] if told.approved is not None else []),
        *rows, "",
        f"Who acts: {in_markdown(who)}. Next:", "", *(f"    {line}" for line in following.split("\n")),
    ]  # fmt: skip


def submission_json(seen: SubmissionStatus, names: Names) -> dict[str, object]:
    """The same for programs."""
    told = seen.submission
    who, following = next_of(seen, names)
    return {
        "submission": told.id, "plan": told.plan, "plan_file": told.plan_file, "by": told.by, "host": told.host,
        "note": told.note, "submitted": utc(told.at), "approved": approved_json(told.approved),
        "live": seen.live, "code": int(seen.code),
        "verdict": MEANINGS[seen.code], "counts": dict(sorted(seen.counts.items())),
        "components": [_component_json(each) for each in seen.components], "who": who, "next": following,
    }  # fmt: skip


def approved_told(approved: Approved) -> str:
    """Which saved preview a submission carries out, and what was accepted of its drift."""
    signed = f", signed by {approved.signed_by}" if approved.signed_by else ""
    options = (("--hold-drifted", approved.hold_drifted), ("--accept-changed", approved.accept_changed))
    accepted = "".join(f", {word}" for word, given in options if given)
    note = f" ({approved.note})" if approved.note else ""
    who = f"of {approved.by} at {local(approved.at)}{note}"
    return f"the saved preview {approved.digest} ({approved.id[:8]}) {who}{signed}{accepted}"


def approved_json(approved: Approved | None) -> dict[str, object] | None:
    """The same for programs."""
    if approved is None:
        return None
    return {
        "id": approved.id, "digest": approved.digest, "by": approved.by, "saved": utc(approved.at),
        "note": approved.note, "signed_by": approved.signed_by, "hold_drifted": approved.hold_drifted,
        "accept_changed": approved.accept_changed,
    }  # fmt: skip


def next_of(seen: SubmissionStatus, names: Names) -> tuple[str, str]:
    """Who acts now, and the command."""
    parked = {code_of(each.component) for each in seen.components if each.component.state is ComponentState.PARKED}
    if ExitCode.UNDECIDED in parked:
        return "the operator", names.command("resolve", names.run)
    if ExitCode.BLOCKED in parked and seen.submission.approved is not None:
        return "whoever can put back what has changed, or have it approved anew", _approve(seen, names)
    if parked & _CAUSE:
        return "whoever can remove what is told above", f"then:\n{names.command('continue', names.run)}"
    if parked:
        return "whoever gives the word", names.command("continue", names.run)
    if seen.live:
        return "nobody", names.command("status", names.run, "--watch")
    if seen.code is ExitCode.DONE:
        return "nobody", names.command("handover", names.run)
    return "the owners of these assets", names.command("report", names.run)


def _approve(seen: SubmissionStatus, names: Names) -> str:
    """How what is not as it was approved goes on as it was, or is given up for a new approval."""
    file = f"{seen.submission.plan}.preview.json"
    anew = (("preview", "--save", file, names.file), ("submit", "--abandon", "--approved", file, names.file))
    lines = [names.command(*words) for words in anew]
    return "\n".join([
        "when it is as it was approved:", names.command("continue", names.run), "or, with a new approval:", *lines,
    ])  # fmt: skip


def _row(each: ComponentStatus, now: float) -> list[str]:
    component = each.component
    worker = f"{each.holder.pid} on {each.holder.host}" if each.holder is not None else ""
    code = "" if component.state is ComponentState.WAITING or component.code is None else str(component.code)
    state = _state(each, now)
    return [component.id, component.name, state, worker, code, _assets(each.counts), component.run]


def state_words(component: SubmittedComponent) -> str:
    """What one that is not done waits for; whether a worker conducts it now is not known here."""
    return "waits for a person" if component.state is ComponentState.PARKED else "waits for a worker, or has one"


def _state(each: ComponentStatus, now: float) -> str:
    component = each.component
    if each.holder is not None:
        return "conducted"
    if component.state is ComponentState.DONE:
        return "done"
    if component.state is ComponentState.PARKED:
        return "waits for a person"
    if component.not_before > now:
        return f"goes on {local(component.not_before)}"
    return f"waits for a worker of {component.group}" if component.group else "waits for a worker"


def _assets(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {kept_as}" for kept_as, number in counts.items() if number)


def _component_json(each: ComponentStatus) -> dict[str, object]:
    component = each.component
    return {
        "component": component.id, "migrations": list(component.migrations), "group": component.group,
        "state": component.state.value, "code": component.code, "why": component.why,
        "not_before": utc(component.not_before) if component.not_before else None, "run": component.run or None,
        "worker": _worker(each), "counts": {name: number for name, number in each.counts.items() if number},
    }  # fmt: skip


def _worker(each: ComponentStatus) -> dict[str, object] | None:
    if each.holder is None:
        return None
    return {"host": each.holder.host, "pid": each.holder.pid, "since": each.holder.since}
