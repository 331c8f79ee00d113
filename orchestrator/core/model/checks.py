"""Preflight's checks: the one catalogue of them, and their answers.

Law: each has a stable id, a verdict, its assets and a remedy (Contract 4).
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.model.counts import count

#: more causes of one check are one group
MOST_CAUSES = 5
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

    @property
    def told(self) -> str:
        """The sentence as it stands behind `where`: the place is not said twice."""
        return self.sentence.removeprefix(f"{self.instance}: ") if self.instance else self.sentence


@dataclass(frozen=True, slots=True)
class CheckKind:
    """One preflight check. A new one is an entry here and a function of its name in `core.preflight`."""

    #: stable, as `waive` takes it; its function is called the same, with underscores
    id: str
    #: what it asks, for people
    question: str
    #: whether a plan may accept what it finds
    waivable: bool = True
    #: its verdict changes by itself all day, or with who talks to ROMA: told in a saved preview, no drift
    volatile: bool = False


#: every check (Contract 4), in the order in which they are told
CATALOGUE = (
    CheckKind("name-collision", "are names free at the target, under both readings of what `prefix` renames?"),
    CheckKind("app-key-collision", "are application keys free?"),
    CheckKind("task-name-rules", "do the names of tasks at the target obey the service's rules?"),
    CheckKind("app-name-rules", "do the names of applications at the target obey the service's rules?"),
    CheckKind("prefix-rules", "does the prefix keep every name legal?"),
    CheckKind("quota-headroom", "is there room for applications, tasks and data sources?"),
    CheckKind("instance-features", "are features alike on both sides?"),
    CheckKind("instance-version", "are versions alike on both sides?"),
    CheckKind("instance-status", "does the instance run?"),
    CheckKind("maintenance-window", "would the run meet the maintenance window?", volatile=True),
    CheckKind("window-too-short", "is there a window long enough for each job?", waivable=False, volatile=True),
    CheckKind("same-instance", "are source and target different instances?", waivable=False),
    CheckKind("dictionaries", "are the data dictionaries alike?"),
    CheckKind("datasource-id-collision", "do ids of data sources meet?"),
    CheckKind("unpublished-apis", "which APIs do not travel, because only those in RELEASE do?"),
    CheckKind("functiongraph-backends", "which APIs need the same function at the target?"),
    CheckKind("api-path-conflicts", "do paths of APIs conflict?"),
    CheckKind("task-apps-missing", "are there tasks whose applications neither travel nor exist?"),
    CheckKind("left-out", "which tasks touch a selected application, and nobody carries them?"),
    CheckKind("undeclared-calls", "which calls between applications may the plan have forgotten?"),
    CheckKind("dependency-cycle", "is there a cycle of calls?", waivable=False),
    CheckKind("missing-assets", "which selectors match nothing?"),
    CheckKind("running-tasks", "which tasks run at the source?", volatile=True),
    CheckKind("visibility", "does the identity see what the plan names?", waivable=False),
    CheckKind("app-permission", "may the identity touch what the plan names?"),
    CheckKind("credentials", "are the credentials accepted?", waivable=False, volatile=True),
    CheckKind("clock-skew", "are the clocks within what signatures allow?", volatile=True),
    CheckKind("package-size", "may a package be too large for a signed upload?", volatile=True),
    CheckKind("not-undoable", "what cannot be taken back?"),
)
CHECKS = tuple(each.id for each in CATALOGUE)
#: those that nobody may waive
NOT_WAIVABLE = frozenset(each.id for each in CATALOGUE if not each.waivable)
VOLATILE = frozenset(each.id for each in CATALOGUE if each.volatile)


def some(names: Sequence[str]) -> str:
    """The first five names and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def grouped(checks: Iterable[Check]) -> list[tuple[Check, ...]]:
    """Answers by verdict, check and cause, what stands against a run first; in each group in the order of their giving.

    A check whose answers have more than `MOST_CAUSES` causes is one group: to tell them apart would help nobody.
    """
    groups: dict[tuple[Verdict, str], dict[str, list[Check]]] = {}
    for check in checks:
        groups.setdefault((check.verdict, check.id), {}).setdefault(cause_of(check), []).append(check)
    found: list[tuple[Check, ...]] = []
    for _, causes in sorted(groups.items(), key=lambda group: -group[0][0].rank):
        held = [tuple(each) for each in causes.values()]
        found += held if len(held) <= MOST_CAUSES else [tuple(check for each in held for check in each)]
    return found


def cause_of(check: Check) -> str:
    """What its sentence says beside numbers, places and the assets named behind a colon: the same for alike answers."""
    words = check.sentence.partition(": ")[0]
    for name in filter(None, (check.migration, check.instance)):
        words = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "*", words)
    return re.sub(r"(?<=\w)s\b", "", re.sub(r"\d[\d.,]*", "#", words))


def in_short(findings: Collection[Check]) -> list[str]:
    """`warned of 3 things: running-tasks (2), left-out` and `could not check 1 thing: ...`, where there are any."""
    parts = []
    for verdict, told in ((Verdict.WARNING, "warned of"), (Verdict.NOT_CHECKED, "could not check")):
        held = Counter(each.id for each in findings if each.verdict is verdict)
        if held:
            named = ", ".join(f"{check} ({n})" if n > 1 else check for check, n in sorted(held.items()))
            parts.append(f"{told} {count(held.total(), 'thing')}: {named}")
    return parts
