"""What planning rests on beside what is read: the plan's word, the pairs of the run, and what the operator named."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.core.finish.pairs import Pair
from orchestrator.core.model.change import Change, Left, Proves
from orchestrator.core.plan.plan import Finish, Plan
from orchestrator.core.selection.only import Only


class Way(NamedTuple):
    """From where to where a migration goes."""

    migration: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Ground:
    """Of one run, or of a plan before its run: then there are no pairs."""

    plan: Plan
    pairs: tuple[Pair, ...] = ()
    only: Only = field(default_factory=Only)
    #: what cannot be proved by reading is done all the same (`--unproved`)
    unproved: bool = False

    @property
    def finish(self) -> Mapping[str, Finish]:
        """What each migration asks for, by name."""
        return {each.name: each.finish for each in self.plan.migrations}

    def ways(self) -> tuple[Way, ...]:
        """Those that `--only` lets through, in the order of the plan."""
        every = (Way(m.name, m.source, t.instance) for m in self.plan.migrations for t in m.targets)
        return tuple(dict.fromkeys(way for way in every if self.only.allows_lane(way.migration, way.target)))

    def chosen(self, kind: str) -> tuple[Pair, ...]:
        """Pairs of `app` or `task` that `--only` lets through, of migrations that the plan still has."""
        known = self.finish
        return tuple(
            each
            for each in self.pairs
            if each.kind == kind
            and each.migration in known
            and self.only.allows_lane(each.migration, each.target)
            and self.only.allows_asset(kind, each.asset.name)
        )

    def apps(self, wanted: Callable[[Finish], bool]) -> tuple[Pair, ...]:
        """Chosen applications of migrations that ask for a step."""
        asked = self.finish
        return tuple(each for each in self.chosen("app") if wanted(asked[each.migration]))


@dataclass(frozen=True, slots=True)
class Rows:
    """What one step would do."""

    changes: tuple[Change, ...] = ()
    left: tuple[Left, ...] = ()
    #: objects that are as they shall be already
    already: int = 0
    #: what of the handover list is done with that
    found: tuple[Proves, ...] = ()

    def __add__(self, other: "Rows") -> "Rows":
        changes, left = self.changes + other.changes, self.left + other.left
        return Rows(changes, left, self.already + other.already, self.found + other.found)
