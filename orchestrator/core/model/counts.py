"""Numbers of things in a sentence. Law: one place knows plurals, so that nobody reads `3 warning`."""

_IRREGULAR = {
    "batch": "batches", "delivery": "deliveries", "entry": "entries", "is": "are", "has": "have", "goes": "go",
    "needs": "need", "waits": "wait",
}  # fmt: skip


def count(number: int, thing: str) -> str:
    """`1 asset`, `2 assets`, `3 batches`, `1,000 tasks`."""
    return f"{number:,} {agreed(number, thing)}"


def agreed(number: int, word: str) -> str:
    """The word alone, as it stands behind that number: `asset`, `assets`; `is`, `are`."""
    return word if number == 1 else _plural(word)


def _plural(words: str) -> str:
    head, space, last = words.rpartition(" ")
    return head + space + _IRREGULAR.get(last, f"{last}s")
