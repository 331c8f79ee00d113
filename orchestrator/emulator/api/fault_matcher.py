"""Which fault strikes now, and how often each was reached. Law: one seeded stream, drawn from in call order."""

import random
from collections import Counter
from collections.abc import Callable

from orchestrator.emulator.world.faults import LASTING, Kind, Rule
from orchestrator.emulator.world.operations import Operation

#: rules with their places, in order
_Armed = tuple[tuple[int, Rule], ...]


class Strikes:
    """The fault rules of one running service."""

    def __init__(self, rules: tuple[Rule, ...], seed: object, clock: Callable[[], float]) -> None:
        self._rules = list(rules)
        self._random = random.Random(f"{seed}/faults")  # noqa: S311 - a simulation, not a secret
        self._clock = clock
        self._began = clock()
        self._matched: Counter[int] = Counter()
        self._struck: Counter[int] = Counter()
        #: what may strike at all, by operation, instance and kinds: most requests meet no rule
        self._armed: dict[tuple[Operation, str, frozenset[Kind]], _Armed] = {}
        #: how often each kind struck
        self.counts: Counter[Kind] = Counter()

    def add(self, rule: Rule) -> None:
        """One more rule, counting from now."""
        self._rules.append(rule)
        self._armed.clear()

    def clear(self) -> None:
        """No rules from now on; the counts stay."""
        self._rules.clear()
        self._armed.clear()
        self._matched.clear()
        self._struck.clear()

    def due(self, operation: Operation, instance: str, kinds: frozenset[Kind], first: bool = False) -> tuple[Rule, ...]:
        """The rules of these kinds that strike this request; matching ones are counted on, struck ones used up.

        With `first` at most one strikes; the others that match are only counted on.
        """
        armed = self._armed.get((operation, instance, kinds))
        if armed is None:
            armed = self._armed[operation, instance, kinds] = self._arm(operation, instance, kinds)
        if not armed:
            return ()
        since = self._clock() - self._began
        found: list[Rule] = []
        for index, rule in armed:
            if not rule.after <= since < rule.until:
                continue
            self._matched[index] += 1
            if not (first and found) and self._strikes(index, rule):
                found.append(rule)
        return tuple(found)

    def reached(self, kind: Kind) -> None:
        """Counts one strike of a kind, where the effect shows later than the match."""
        self.counts[kind] += 1

    def draw(self) -> float:
        """A number in [0, 1) of the fault stream."""
        return self._random.random()

    def _arm(self, operation: Operation, instance: str, kinds: frozenset[Kind]) -> _Armed:
        return tuple(
            (index, rule)
            for index, rule in enumerate(self._rules)
            if rule.kind in kinds and operation in rule.strikes_on and rule.instance in {"", instance}
        )

    def _strikes(self, index: int, rule: Rule) -> bool:
        if self._matched[index] < rule.nth:
            return False
        if rule.kind not in LASTING and rule.times and self._struck[index] >= rule.times:
            return False
        if rule.probability < 1.0 and self._random.random() >= rule.probability:
            return False
        self._struck[index] += 1
        return True
