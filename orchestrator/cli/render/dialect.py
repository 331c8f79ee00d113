"""What a home knows of services' undocumented behaviour, for every document. Law: it informs, and says since when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.cli.output.times import utc
from orchestrator.core.comparison.dialect import Dialect
from orchestrator.core.model.undocumented import THINGS


@dataclass(frozen=True, slots=True)
class LessonDocument:
    """What one comparison showed of one thing that may travel in a package and was never documented."""

    #: the plan's name of the instance, and where that is
    target: str
    endpoint: str
    #: key, topic, product, backend, authorisation, schedule or position
    thing: str
    #: how it is called in a sentence
    name: str
    #: assets whose thing travelled, did not travel, could not be read
    travelled: int
    did_not_travel: int
    not_readable: int
    #: why it could not be read, "" where it could
    why: str
    #: that in words: travelled, did not travel, not readable
    word: str
    #: when it was seen, and in which run
    seen: str | None
    run: str


def lessons(dialect: Dialect, endpoints: Iterable[tuple[str, str]]) -> list[LessonDocument]:
    """What is known of these (target, endpoint) pairs."""
    return [
        LessonDocument(
            target, endpoint, thing.value, THINGS[thing], each.travelled, each.stayed, each.unread, each.why,
            each.word, utc(each.at), each.run,
        )
        for target, endpoint in dict.fromkeys(endpoints)
        for thing, each in dialect.of(endpoint).items()
    ]  # fmt: skip


def lesson_lines(held: Sequence[LessonDocument]) -> list[str]:
    """A line for each target and comparison: `at prod on 2026-11-29, after run R: topics travelled; ...`."""
    groups: dict[tuple[str, str, str], list[LessonDocument]] = {}
    for each in held:
        groups.setdefault((each.target, each.run, (each.seen or "")[:10]), []).append(each)
    return [
        f"at {target} on {seen}, after run {run}: {'; '.join(_said(group))}"
        for (target, run, seen), group in groups.items()
    ]


def _said(group: Sequence[LessonDocument]) -> list[str]:
    words: dict[str, list[str]] = {}
    for each in group:
        why = f" ({each.why})" if each.why and each.word == "not readable" else ""
        words.setdefault(each.word + why, []).append(each.name)
    return [f"{_and(names)} {word}" for word, names in words.items()]


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
