"""`resolve`: the operator's word on an unknown outcome. Law: only what is undecided can be decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.cli.context.find_run import Found, find_meant
from orchestrator.cli.context.operator_acts import keep
from orchestrator.cli.context.wiring import real_runtime, without_secrets
from orchestrator.cli.output.tables import wrapped
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local, utc
from orchestrator.cli.render.summary import Names
from orchestrator.core.selection.only import Only, read_only
from orchestrator.core.state.events import Resolved
from orchestrator.core.state.folding import folded
from orchestrator.core.state.lifecycle import Delivery, Package
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.submissions import ComponentState
from orchestrator.core.state.undecided import undecided_lives
from orchestrator.engine.resolutions import OUTCOMES
from orchestrator.errors import ExitCode, OperatorError

#: what each word leads to
LEADS_TO = {
    "imported": "counts as imported; it is verified next",
    "absent": "counts as not there; it is asked for again",
    "partial": "what the last look saw there is verified, the rest is brought as a batch of its own",
    "quarantine": "is set aside with your reason; what depends on it is blocked",
    "job-ended": "its slot is free again; what the job left is settled by looking",
}
_PACKAGE_LEADS_TO = {
    "imported": "the suspect package is good enough: it is imported as it is",
    "absent": "the batch is exported once more",
    "quarantine": "the batch counts as failed: it is split, its poison set aside",
    "job-ended": "its slot is free again; the batch is exported once more",
}
#: of a decision about a run that somebody ended before
_TOO_LATE = "the run has ended before: nothing more of it is brought or verified"


@dataclass(frozen=True, slots=True)
class Undecided:
    """One thing that only the operator can decide."""

    #: delivery id, or batch id
    subject: str
    batch: str
    #: "migration@target", or "" for a package
    lane: str
    target: str
    #: since when, epoch seconds
    since: float
    why: str
    #: names of the assets that a look saw, and of those it did not
    landed: tuple[str, ...]
    rest: tuple[str, ...]
    #: word -> what it leads to
    choices: dict[str, str]


def resolve(
    terminal: Terminal, words: tuple[str | None, str | None], said: tuple[str, str], only: Sequence[str]
) -> int:
    """`words` are RUN and BATCH[@TARGET], `said` the outcome and the reason; without an outcome tell what is there."""
    outcome, reason = said
    if outcome and outcome not in OUTCOMES:
        raise OperatorError(f"--as {outcome} is no outcome, allowed are {', '.join(OUTCOMES)}")
    if outcome and not reason:
        raise OperatorError("--as needs --reason TEXT: it is journaled, for whoever asks later")
    places = _places(terminal, words[0])
    lanes = [(s.migration, s.target) for _, progress in places for s in progress.selections]
    let = read_only(only, lanes, "the run")
    held = [
        (found, progress, each)
        for found, progress in places
        for each in undecided(progress)
        if _fits(each, words[1], let)
    ]
    if not outcome:
        return _tell(terminal, [(found, progress, _of(held, found)) for found, progress in places])
    if not held:
        known = ", ".join(each.subject for _, progress in places for each in undecided(progress)) or "nothing"
        where = f"run {places[0][0].run}" if len(places) == 1 else f"{len(places)} runs"
        raise OperatorError(f"there is no such undecided batch in {where}; undecided is {known}",
                            next_step="roma-migrate resolve RUN")  # fmt: skip
    if len(held) > 1:
        raise OperatorError(
            f"{len(held)} outcomes are undecided: name one of {', '.join(each.subject for _, _, each in held)}",
            next_step="roma-migrate resolve RUN BATCH[@TARGET] --as ... --reason ...",
        )
    return _decide(terminal, *held[0], (outcome, reason))


def _places(terminal: Terminal, word: str | None) -> list[tuple[Found, Progress]]:
    """The run that is meant, or of a submission those of components that are not done."""
    meant = find_meant(terminal, word)
    if isinstance(meant, Found):
        terminal.run = meant.run
        return [(meant, folded(iter(meant.entries())))]
    open_ = [each for each in meant.components() if each.state is not ComponentState.DONE and each.run]
    founds = [Found(meant.store, each.run) for each in open_]
    return [(found, folded(iter(found.entries()))) for found in founds]


def _of(held: "list[tuple[Found, Progress, Undecided]]", found: Found) -> "list[Undecided]":
    return [each for where, _, each in held if where == found]


def undecided(progress: Progress) -> Iterator[Undecided]:
    """Everything that waits for the operator."""
    for life in undecided_lives(progress):
        yield _package(progress, life) if isinstance(life, Package) else _delivery(progress, life)


def _package(progress: Progress, package: Package) -> Undecided:
    allowed: tuple[str, ...] = ("imported", "absent", "quarantine")
    why = "its package was suspect, exported twice; both files are kept"
    if package.overdue:
        allowed, why = ("job-ended", "absent"), "its export job outlived job_timeout and may still run"
    names = tuple(asset.name for asset in progress.assets_of(package.batch))
    choices = {word: _PACKAGE_LEADS_TO[word] for word in allowed}
    return Undecided(package.batch, package.batch, "", "", package.since, why, (), names, choices)


def _delivery(progress: Progress, life: Delivery) -> Undecided:
    assets = progress.assets_of(life.batch)
    landed = set(life.landed)
    allowed = tuple(word for word in OUTCOMES if (word != "job-ended" or life.overdue) and
                    (word != "partial" or landed))  # fmt: skip
    why = "its import job outlived job_timeout and may still run" if life.overdue else (
        "its import's answer was lost, and it turned out half there")  # fmt: skip
    return Undecided(
        life.id, life.batch, f"{life.scheduled.migration}@{life.target}", life.target, life.since, why,
        tuple(a.name for a in assets if a.id in landed), tuple(a.name for a in assets if a.id not in landed),
        {word: LEADS_TO[word] for word in allowed},
    )  # fmt: skip


def _fits(each: Undecided, word: str | None, only: Only) -> bool:
    if each.lane and not only.allows_lane(*each.lane.split("@", 1)):
        return False
    if word is None or word == each.subject:
        return True
    batch, _, target = word.partition("@")
    return each.batch.startswith(batch) and (not target or target == each.target)


# --- telling -------------------------------------------------------------------------------------------------------


def _tell(terminal: Terminal, places: list[tuple[Found, Progress, list[Undecided]]]) -> int:
    some = any(held for _, _, held in places)
    if terminal.common.json:
        runs = [
            {"run": found.run, "plan": _names(found, progress).plan, "undecided": [_json(each) for each in held]}
            for found, progress, held in places
        ]
        terminal.document(runs[0] if len(runs) == 1 else {"runs": runs})
    elif not some:
        terminal.result(
            "\n".join(f"run {found.run}: nothing is undecided" for found, _, _ in places) or "no run is open"
        )
    else:
        for found, progress, held in places:
            if held:
                _tell_run(terminal, _names(found, progress), progress, held)
    return int(ExitCode.UNDECIDED if some else ExitCode.DONE)


def _tell_run(terminal: Terminal, names: Names, progress: Progress, held: list[Undecided]) -> None:
    began = progress.began
    by = f"{began.by} on {began.host}" if began else "nobody"
    terminal.result(f"run {names.run} of plan {names.plan}, begun by {by}:")
    for each in held:
        terminal.result("\n".join(_text(each, names)))


def _names(found: Found, progress: Progress) -> Names:
    began = progress.began
    plan, file = (began.plan, began.plan_file) if began else ("", "")
    return Names(found.run, plan, file, found.home.path, found.store.options)


def _text(each: Undecided, names: Names) -> list[str]:
    where = f" ({each.lane})" if each.lane else ""
    lines = ["", f"{each.subject}{where}: undecided since {local(each.since)}", wrapped("  ", each.why)]
    if each.landed:
        lines.append(wrapped("  there: ", _some(each.landed)))
    lines.append(wrapped("  not seen there: " if each.lane else "  holds: ", _some(each.rest)))
    lines += [wrapped(f"  --as {word:10} ", leads_to) for word, leads_to in each.choices.items()]
    # Where something of it is there, the choice that brings nothing twice and loses nothing.
    first = "partial" if "partial" in each.choices else next(iter(each.choices))
    command = names.command("resolve", names.run, each.subject, "--as", first, "--reason", "TEXT")
    return [*lines, "  for instance:", f"  {command}"]


def _json(each: Undecided) -> dict[str, object]:
    return {
        "subject": each.subject, "batch": each.batch, "lane": each.lane, "since": utc(each.since), "why": each.why,
        "landed": list(each.landed), "rest": list(each.rest), "choices": each.choices,
    }  # fmt: skip


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


# --- deciding ------------------------------------------------------------------------------------------------------


def _decide(terminal: Terminal, found: Found, progress: Progress, each: Undecided, said: tuple[str, str]) -> int:
    me = real_runtime(lambda event, **fields: None)
    began = progress.began
    reason, note = (without_secrets(words, terminal.redactor, began) for words in (said[1], terminal.common.note))
    kept = keep(
        found, progress, [Resolved(each.subject, said[0], reason, me.user, me.host, version=me.version, note=note)], me
    )  # fmt: skip
    if terminal.common.json:
        terminal.document(
            {"run": found.run, "subject": each.subject, "as": said[0], "recorded": kept.recorded, "answer": kept.answer}
        )
    else:
        terminal.result(kept.answer + (f", but {_TOO_LATE}" if kept.recorded and progress.ended is not None else ""))
    if not kept.recorded:
        return int(ExitCode.USAGE)
    component = found.store.component_of(found.run)
    if not kept.live and component and progress.ended is None:
        if found.store.submissions.wake(component):
            terminal.say(f"a worker goes on with component {component}")
    elif not kept.live and progress.began is not None:
        names = _names(found, progress)
        following = ("report", names.run) if progress.ended is not None else ("run", names.file)
        terminal.say(f"next: {names.command(*following)}")
    return int(ExitCode.DONE)
