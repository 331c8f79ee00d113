"""Which fault strikes now, and how often each was reached. Law: one seeded stream, drawn from in call order."""

import random
from collections import Counter
from collections.abc import Container

from orchestrator.emulator.faults import LASTING, Kind, Operation, Rule


class Strikes:
    """The fault rules of one running service."""

    def __init__(self, rules: tuple[Rule, ...], seed: object, began: float) -> None:
        self._rules = list(rules)
        self._random = random.Random(f"{seed}/faults")  # noqa: S311 - a simulation, not a secret
        self._began = began
        self._matched: Counter[int] = Counter()
        self._struck: Counter[int] = Counter()
        #: how often each kind struck
        self.counts: Counter[Kind] = Counter()

    def add(self, rule: Rule) -> None:
        """One more rule, counting from now."""
        self._rules.append(rule)

    def clear(self) -> None:
        """No rules from now on; the counts stay."""
        self._rules.clear()
        self._matched.clear()
        self._struck.clear()

    def due(
        self, operation: Operation, instance: str, now: float, kinds: Container[Kind], first: bool = False
    ) -> tuple[Rule, ...]:
        """The rules of these kinds that strike this request; matching ones are counted on, struck ones used up.

        With `first` at most one strikes; the others that match are only counted on.
        """
        found: list[Rule] = []
        for index, rule in enumerate(self._rules):
            if rule.kind not in kinds or not self._matches(rule, operation, instance, now):
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

    def _matches(self, rule: Rule, operation: Operation, instance: str, now: float) -> bool:
        return (
            operation in rule.strikes_on
            and (not rule.instance or rule.instance == instance)
            and rule.after <= now - self._began < rule.until
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
