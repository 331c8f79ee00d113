"""What is told of changes: of a finish and of an undo. Law: the same as for the events of batches."""

from collections.abc import Sequence
from typing import Any

from orchestrator.cli.output.event_scene import Scene, some, words_of
from orchestrator.cli.output.run_sentences import Tell, ended
from orchestrator.cli.output.times import clock, span
from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.model.counts import count
from orchestrator.core.state import change_events as c


def _asking(words: str) -> Tell:
    def tell(scene: Scene, event: Any) -> str:
        told = f"{_where(scene, event.changes)}: {_acts(scene, event.changes)} {words}"
        said = getattr(event, "words", None)
        told += f": {words_of(said)}" if said is not None else ""
        wait, quiet = getattr(event, "wait", 0.0), getattr(event, "quiet_until", 0.0)
        told += f"; asked again in {span(wait)}" if wait else ""
        return told + (f"; nothing is believed before {clock(quiet)}" if quiet else "")

    return tell


def _settled(scene: Scene, event: c.ChangesSettled) -> str:
    known = (*event.done, *event.open, *(name for name, _ in (*event.different, *event.refused)))
    told = [_done_words(scene, event.done)] if event.done else []
    told += [_open_words(scene, event.open)] if event.open else []
    for word, held in (("left alone", event.different), ("refused", event.refused)):
        told += [f"{word}: {some([f'{_name(scene, name)} ({why})' for name, why in held])}"] if held else []
    return f"{_where(scene, known)}: {'; '.join(told) or 'nothing was done'}"


def _acts(scene: Scene, names: Sequence[str]) -> str:
    """`removal of 12 assets`, `stop of 3 tasks`."""
    life = scene.progress.act.lives.get(names[0]) if names else None
    if life is None or life.change.by_job:
        return f"removal of {_objects(scene, 'asset', names)}"
    kind = KINDS[life.change.kind]
    return f"{kind.act} of {_objects(scene, kind.what, names)}"


def _done_words(scene: Scene, names: Sequence[str]) -> str:
    told: dict[tuple[str, str], list[str]] = {}
    for name in names:
        told.setdefault(_done_as(scene, name), []).append(name)
    return ", ".join(f"{_objects(scene, what, done)} {word}" for (what, word), done in told.items())


def _objects(scene: Scene, what: str, names: Sequence[str]) -> str:
    """`task orders-nightly` of one, `3 tasks` of several."""
    return f"{what} {_name(scene, names[0])}" if len(names) == 1 else count(len(names), what)


def _done_as(scene: Scene, name: str) -> tuple[str, str]:
    """What it is about, and what became of it."""
    life = scene.progress.act.lives.get(name)
    if life is None or life.change.by_job:
        return "asset", "removed"
    return KINDS[life.change.kind].what, KINDS[life.change.kind].done


def _open_words(scene: Scene, names: Sequence[str]) -> str:
    life = scene.progress.act.lives.get(names[0])
    if life is None or life.change.by_job:
        return f"{count(len(names), 'asset')} still there, asked for again"
    return f"{count(len(names), KINDS[life.change.kind].what)} as before, asked for again"


def _where(scene: Scene, names: Sequence[str]) -> str:
    lives = scene.progress.act.lives
    return ", ".join(dict.fromkeys(lives[name].change.instance for name in names if name in lives)) or "target"


def _name(scene: Scene, name: str) -> str:
    life = scene.progress.act.lives.get(name)
    return life.change.name if life is not None else name


def _planned(scene: Scene, event: c.ChangesPlanned) -> str:
    left = f", {len(event.left):,} left alone" if event.left else ""
    if scene.progress.act is scene.progress.finishing:
        return f"finish: {count(len(event.changes), 'change')}{left}"
    return f"undo: {count(len(event.changes), 'asset')} to be taken back{left}"


CHANGE_TOLD: dict[type, Tell] = {
    c.UndoBegan: lambda scene, event: (
        f"undo begun by {event.by} on {event.host} (preview digest {event.digest})"
        + (f", note: {event.note}" if event.note else "")
    ),
    c.UndoResumed: lambda scene, event: f"the undo goes on, by {event.by} on {event.host}",
    c.FinishBegan: lambda scene, event: (
        f"finish of {', '.join(event.steps)} begun by {event.by} on {event.host} (preview digest {event.digest})"
        + (f", note: {event.note}" if event.note else "")
    ),
    c.FinishResumed: lambda scene, event: f"the finish goes on, by {event.by} on {event.host}",
    c.FinishEnded: ended("the finish"),
    c.ChangesPlanned: _planned,
    c.ChangesRequested: _asking("asked for"),
    c.ChangesAccepted: _asking("accepted"),
    c.ChangesRefused: _asking("refused"),
    c.ChangesAnswerLost: _asking("asked for, and the answer lost"),
    c.ChangesEnded: lambda scene, event: (
        f"{_where(scene, event.changes)}: {_acts(scene, event.changes)} over: {event.word}"
    ),
    c.ChangesSettled: _settled,
    c.UndoEnded: ended("the undo"),
}
