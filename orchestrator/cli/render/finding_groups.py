"""What preflight found, by check and cause, as reports show it: how often, with some examples."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.render.report_json import FindingDocument
from orchestrator.core.model.checks import MOST_EXAMPLES, Check, Verdict, grouped

#: names of assets told of one finding
MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Answers of one check with one cause."""

    #: `warning left-out`
    title: str
    #: a sentence each: where, what, some assets; what to do, where it is the only one
    shown: Sequence[str]
    #: those beyond the examples
    more: Sequence[str]
    #: what to do about several
    remedies: Sequence[str]

    @property
    def held(self) -> int:
        """How many there are."""
        return len(self.shown) + len(self.more)


def finding_groups(findings: Sequence[FindingDocument]) -> list[FindingGroup]:
    """In the order of their gravity; each shows as many as `MOST_EXAMPLES`."""
    groups: list[FindingGroup] = []
    for held in grouped(map(_check_of, findings)):
        remedies = list(dict.fromkeys(each.remedy for each in held if each.remedy))[:MOST_EXAMPLES]
        told = [_sentence(each) for each in held]
        told = [f"{told[0]}; {remedies[0]}"] if len(held) == 1 and remedies else told
        several = remedies if len(held) > 1 else []
        title = f"{held[0].verdict} {held[0].id}"
        groups.append(FindingGroup(title, told[:MOST_EXAMPLES], told[MOST_EXAMPLES:], several))
    return groups


def _check_of(f: FindingDocument) -> Check:
    return Check(f.check, Verdict(f.verdict), f.sentence, tuple(f.assets), f.remedy, f.where)


def _sentence(each: Check) -> str:
    told = f"{each.where}: {each.told}" if each.where else each.sentence
    named = f" ({some_names(each.assets)})" if each.assets and each.assets[0] not in each.sentence else ""
    return told + named


def some_names(names: Sequence[str]) -> str:
    """All of a few names, else how many there are and the first of them."""
    if len(names) <= MOST_NAMES:
        return ", ".join(names)
    return f"{len(names):,}, such as {', '.join(names[:MOST_NAMES])} and {len(names) - MOST_NAMES:,} more (--all)"
