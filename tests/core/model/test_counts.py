"""One place knows plurals."""

from orchestrator.core.model.counts import agreed, count


def test_counts_have_their_plural() -> None:
    assert [count(1, "batch"), count(2, "batch"), count(1200, "asset")] == ["1 batch", "2 batches", "1,200 assets"]
    assert [count(0, "warning"), count(1, "dictionary entry"), count(3, "dictionary entry")] == [
        "0 warnings", "1 dictionary entry", "3 dictionary entries",
    ]  # fmt: skip


def test_verbs_agree() -> None:
    told = [(agreed(1, verb), agreed(2, verb)) for verb in ("is", "has", "goes", "needs", "waits")]
    assert told == [("is", "are"), ("has", "have"), ("goes", "go"), ("needs", "need"), ("waits", "wait")]
