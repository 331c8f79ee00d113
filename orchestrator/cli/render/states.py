"""States of packages and deliveries in the words of a report. Law: whoever reads them need not know the two lives."""

from collections.abc import Sequence

#: states of a package that was not exported; of deliveries that will not need it; of those that have arrived
_NEVER = frozenset({"pending"})
_OVER = frozenset({"split", "quarantined", "blocked", "verified"})
_THERE = frozenset({"imported", "verified"})
_PACKAGES = {
    "pending": "waiting for its export",
    "export unsure": "export asked for, not answered",
    "exported": "exported, not downloaded yet",
    "stored": "exported, package kept",
    "failed": "refused: went on in parts",
    "dropped": "delivered, package removed",
}
_DELIVERIES = {
    "import unsure": "import asked for, not answered",
    "imported": "imported, not verified yet",
    "failed": "import failed",
    "split": "went on in parts",
}


def package_words(state: str, imports: Sequence[str]) -> str:
    """A batch on its way out of its source; `imports` are the states of its deliveries."""
    if state in _NEVER and imports and all(each in _OVER for each in imports):
        return f"not exported: {_together(imports)}"
    if state == "dropped" and not any(each in _THERE for each in imports):
        return f"{_together(imports)}, package removed"
    return _PACKAGES.get(state, state)


def _together(imports: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(delivery_words(each) for each in imports)) or "not needed"


def delivery_words(state: str) -> str:
    """A batch on its way into one target."""
    return _DELIVERIES.get(state, state)
