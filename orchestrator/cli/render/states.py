"""States of packages and deliveries in the words of a report. Law: whoever reads them need not know the two lives."""

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


def package_words(state: str) -> str:
    """A batch on its way out of its source."""
    return _PACKAGES.get(state, state)


def delivery_words(state: str) -> str:
    """A batch on its way into one target."""
    return _DELIVERIES.get(state, state)
