"""Answers of preflight. Law: each has a stable id, a verdict, its assets and a remedy (Contract 4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

#: of answers to one question, so many are told in full where there are more
MOST_EXAMPLES = 3


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    #: it would be one of those below, and a waiver of the plan accepts it
    WAIVED = "waived"
    #: a read that only informs was refused or is missing
    NOT_CHECKED = "not checked"
    WARNING = "warning"
    #: nothing is started
    BLOCKER = "blocker"

    @property
    def rank(self) -> int:
        """0 for ok, more the worse it is."""
        return list(Verdict).index(self)


@dataclass(frozen=True, slots=True)
class Check:
    """One preflight question, answered."""

    #: stable id, as `waive` takes it
    id: str
    verdict: Verdict
    sentence: str
    #: names of the assets concerned
    assets: tuple[str, ...] = ()
    remedy: str = ""
    #: "MIGRATION@INSTANCE", "MIGRATION", "@INSTANCE" or ""
    where: str = ""
    #: the waiver's reason, where the verdict is WAIVED
    waived: str = ""

    @property
    def migration(self) -> str:
        """The migration it concerns; "" where it concerns an instance or the whole plan."""
        return self.where.partition("@")[0]

    @property
    def instance(self) -> str:
        """The instance it concerns; "" where it concerns the whole plan."""
        return self.where.partition("@")[2]


def some(names: Sequence[str]) -> str:
    """The first five names and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def counted(number: int, one: str) -> str:
    """`1 task`, `3 tasks`."""
    return f"{number} {one}" + ("" if number == 1 else "s")


def grouped(checks: Iterable[Check]) -> list[tuple[Check, ...]]:
    """Answers by verdict and check, what stands against a run first; in each group in the order they were given."""
    groups: dict[tuple[Verdict, str], list[Check]] = {}
    for check in checks:
        groups.setdefault((check.verdict, check.id), []).append(check)
    return [tuple(held) for _, held in sorted(groups.items(), key=lambda group: -group[0][0].rank)]
