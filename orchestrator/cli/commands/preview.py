"""`preview`: what a run would do, and what stands against it. Law: reads only; only `--save` makes a home."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import anyio

from orchestrator.cli.context.approval_file import max_age_of, must_be_free, read_signed, write_saved
from orchestrator.cli.context.find_run import make_home, store_for
from orchestrator.cli.context.learning import known_dialect
from orchestrator.cli.context.wiring import Assembled, assemble
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.tables import wrapped
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.output.times import local, utc
from orchestrator.cli.render.dialect import LessonDocument, lessons
from orchestrator.cli.render.preview_json import Identity, Shown, document
from orchestrator.cli.render.preview_markdown import preview_markdown
from orchestrator.cli.render.preview_text import finding, preview_text
from orchestrator.core.finish.foreseen import before_import
from orchestrator.core.model.escape import visible
from orchestrator.core.plan.plan import Plan
from orchestrator.core.preview.approval import Begin, Refused, Resume, Use
from orchestrator.core.preview.drift import Drift, Grade, told
from orchestrator.core.preview.identity import places_of
from orchestrator.core.preview.preview import Preview
from orchestrator.core.selection.components import split
from orchestrator.core.selection.only import Only, parse_only
from orchestrator.core.state.slots import SlotRule
from orchestrator.engine.admission import Admission, Approval, ComparedPreview
from orchestrator.engine.past_runs import PastRun, runs_of
from orchestrator.engine.performer import RESERVED
from orchestrator.engine.runtime import utc_now
from orchestrator.errors import ExitCode, MemoryFailed, OperatorError
from orchestrator.storage.disk import Disk
from orchestrator.storage.home import Home
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.vault import Vault

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks of `preview`."""

    only: tuple[str, ...] = ()
    everything: bool = False
    markdown: bool = False
    save: Path | None = None
    against: Path | None = None
    max_age: str = ""
    #: who may have signed the saved one
    signers: Path | None = None


@dataclass(slots=True)
class _Looking:
    """One preview in this process: the gate and what it stands on. It holds nothing that writes to ROMA."""

    terminal: Terminal
    path: Path
    plan: Plan
    home: Home
    assembled: Assembled
    admission: Admission
    past: list[PastRun]

    def ask(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read, and close every connection."""

        async def both() -> T:
            try:
                return await read()
            finally:
                with anyio.CancelScope(shield=True):
                    await self.assembled.roma.aclose()

        return anyio.run(both)


def preview_plan(terminal: Terminal, path: Path, wanted: Wanted) -> int:
    """Read both sides and tell what would move, or whether a saved preview still holds."""
    terminal.plan = path
    if wanted.save is not None and wanted.against is not None:
        raise OperatorError("--save and --against exclude each other")
    if wanted.markdown and terminal.common.json:
        raise OperatorError("--markdown and --json exclude each other")
    if wanted.save is not None:
        must_be_free(wanted.save)
    plan = read_plan(path)
    only = parse_only(wanted.only, plan)
    approval = _approval(wanted)
    looking = _looking(terminal, path, plan)
    if approval is not None:
        return _against(looking, approval, only)
    return _show(looking, wanted, only)


def _approval(wanted: Wanted) -> Approval | None:
    max_age = max_age_of(wanted.max_age)
    if wanted.against is not None:
        saved, signed_by = read_signed(wanted.against, wanted.signers)
        return Approval(saved, max_age, signed_by=signed_by)
    if wanted.signers is not None:
        raise OperatorError("--signers needs --against FILE")
    return None


def _looking(terminal: Terminal, path: Path, plan: Plan) -> _Looking:
    store = store_for(terminal, path)
    log = Log(terminal, lambda: utc_now().timestamp())
    assembled = assemble(plan, terminal.redactor, log.say)
    admission = Admission(plan, store, assembled.roma, assembled.users, assembled.runtime)
    return _Looking(terminal, path, plan, store.home, assembled, admission, runs_of(store, plan.name))


# --- to look at, and to save ---------------------------------------------------------------------------------------


def _show(looking: _Looking, wanted: Wanted, only: Only) -> int:
    unfinished = looking.past[-1] if looking.past and looking.past[-1].unfinished else None
    resumes = unfinished if wanted.save is None else None  # what is saved is a new run, for `run --abandon --approved`
    draft = looking.ask(lambda: _draft(looking, resumes, only))
    crowded = _crowded(looking.home)
    code = ExitCode.MEMORY if crowded else ExitCode.BLOCKED if draft.blockers else ExitCode.DONE
    saved = _save(looking, wanted.save, draft, only)
    run = unfinished.run if unfinished is not None else ""
    identity = _identity(looking, draft, resumes)
    first = before_import(looking.plan, draft.facts, only).changes if resumes is None else ()
    shown = Shown(
        looking.plan.name, str(looking.path), draft, int(code), run, saved, crowded, identity, _seen(looking),
        split(looking.plan, SlotRule(looking.plan.settings.one_job_per, dict(looking.assembled.users))), first,
    )  # fmt: skip
    if looking.terminal.common.json:
        looking.terminal.document(asdict(document(shown)))
    elif wanted.markdown:
        looking.terminal.result(preview_markdown(shown, wanted.everything))
    else:
        looking.terminal.result(preview_text(shown, wanted.everything))
    _say_saved(looking, wanted.save, saved)
    return int(code)


def _identity(looking: _Looking, draft: Preview, resumes: PastRun | None) -> Identity:
    """A resume asks no instance what it calls itself: its run has."""
    places = places_of(looking.plan, draft.facts, looking.assembled.users)
    began = resumes.progress.began if resumes is not None else None
    called = {each.name: each.called for each in began.places} if began is not None else {}
    places = tuple(replace(each, called=each.called or called.get(each.name, "")) for each in places)
    return Identity(str(looking.path), looking.plan.digest, local(utc_now().timestamp()), places)


def _seen(looking: _Looking) -> list[LessonDocument]:
    """What this home has learned of the targets of this plan; a damaged file is told, and nothing more."""
    instances = looking.plan.instances
    ends = (target.instance for each in looking.plan.migrations for target in each.targets)
    return lessons(known_dialect(looking.terminal, looking.home), [(name, instances[name].endpoint) for name in ends])


async def _draft(looking: _Looking, resumes: PastRun | None, only: Only) -> Preview:
    """What `run` would do now: go on with the unfinished run, or begin one."""
    if resumes is not None:
        return await looking.admission.resumed(resumes, only)
    return await looking.admission.preview(only, looking.past)


def _crowded(home: Home) -> str:
    """Why the disk has no room for even one package; "" where it has."""
    try:
        Vault.must_have_room(home.runs, Disk(), RESERVED)
    except MemoryFailed as error:
        return error.message
    return ""


def _save(looking: _Looking, path: Path | None, draft: Preview, only: Only) -> str:
    """The name of the file, "" where nothing was to be saved, or a blocker makes it good for nothing."""
    if path is None or draft.blockers:
        return ""
    make_home(looking.terminal, looking.home)
    # Names in the document are the service's; a note is the operator's, and might hold anything.
    note = looking.terminal.redactor.clean(looking.terminal.common.note)
    write_saved(path, looking.admission.saved(draft, only, note))
    return str(path)


def _say_saved(looking: _Looking, path: Path | None, saved: str) -> None:
    terminal = looking.terminal
    if saved:
        text = f"saved as {saved}, good for one run:\nroma-migrate run --approved {saved} {looking.path}"
        terminal.say(text, event="saved", file=saved)
    elif path is not None:
        terminal.say(
            f"{path}: not saved: blocked, so that no run could carry it out", event="not-saved", file=str(path)
        )


# --- against a saved one -------------------------------------------------------------------------------------------


def _against(looking: _Looking, approval: Approval, only: Only) -> int:
    """Would `run --approved` begin now? 4 where it would be refused."""
    use = looking.admission.use_of(approval, looking.past)
    now = looking.ask(lambda: looking.admission.compare(approval.saved, only, looking.past))
    refused = isinstance(use, Refused) or (isinstance(use, Begin) and _stands_against(now))
    code = ExitCode.BLOCKED if refused else ExitCode.DONE
    if looking.terminal.common.json:
        looking.terminal.document(_against_json(looking, approval, now, use, code))
    else:
        looking.terminal.result(_against_text(approval, now, use, code))
    return int(code)


def _stands_against(now: ComparedPreview) -> bool:
    return bool(now.preview.blockers) or any(each.grade is not Grade.NONE for each in now.drifts)


def _against_text(approval: Approval, now: ComparedPreview, use: Use, code: ExitCode) -> str:
    saved = approval.saved
    lines = [wrapped("", f"preview {saved.digest} of plan {saved.plan}, saved {local(saved.saved_at)} by {saved.by}")]
    lines += [wrapped("note: ", saved.note)] if saved.note else []
    lines += [wrapped("refused: ", use.why)] if isinstance(use, Refused) else []
    lines += [visible(f"  {line}") for line in told(now.drifts)]
    lines += [wrapped("blocker: ", finding(each)) for each in now.preview.blockers]
    lines.append(f"digest now: {now.preview.digest}")
    return "\n".join([*lines, wrapped("verdict: ", _verdict(use, code))])


def _verdict(use: Use, code: ExitCode) -> str:
    if isinstance(use, Resume):
        return f"run {use.run} carries it out: `run --approved` goes on with that, and no drift is judged"
    return "it does not hold any more" if code else "it still holds"


def _against_json(
    looking: _Looking, approval: Approval, now: ComparedPreview, use: Use, code: ExitCode
) -> dict[str, object]:
    saved = approval.saved
    return {
        "plan": looking.plan.name, "plan_file": str(looking.path), "code": int(code), "verdict": _verdict(use, code),
        "saved": utc(saved.saved_at), "by": saved.by, "note": saved.note, "digest": saved.digest,
        "digest_now": now.preview.digest, "refused": use.why if isinstance(use, Refused) else None,
        "run": use.run if isinstance(use, Resume) else None,
        "drift": [_drift_json(each) for each in now.drifts],
        "blockers": [{"id": each.id, "where": each.where, "sentence": each.sentence} for each in now.preview.blockers],
    }  # fmt: skip


def _drift_json(each: Drift) -> dict[str, object]:
    return {
        "migration": each.migration, "grade": each.grade.value, "lines": list(each.lines),
        "changed": list(each.changed), "stopped": list(each.stopped),
    }  # fmt: skip
