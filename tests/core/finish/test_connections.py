"""What takes the entry of a connection back, and what does not."""

from orchestrator.core.finish.connections import EnterConnection
from orchestrator.core.model.change import Change, ChangeKind, Image

BEFORE: Image = (("(type)", "MYSQL"), ("host", "10.0.0.8"))


def entry(facts: Image = (), before: Image = BEFORE) -> Change:
    after = (*BEFORE, ("password", "new, digest 00"))
    kind = ChangeKind.ENTER_CONNECTION.value
    return Change("x", kind, "prod", "d1", "orders-db", "p", before, after, facts=facts)


def test_the_former_content_of_a_data_source_that_the_run_made_is_put_back() -> None:
    back = EnterConnection().inverse(entry())
    assert back is not None
    assert (back.kind, back.after) == (ChangeKind.EMPTY_CONNECTION.value, BEFORE)


def test_one_that_was_there_before_the_run_may_have_a_secret_that_no_read_shows_and_is_left_to_a_person() -> None:
    assert EnterConnection().inverse(entry((("found there", "yes"),))) is None


def test_a_content_with_a_secret_is_left_to_a_person() -> None:
    assert EnterConnection().inverse(entry(before=(*BEFORE, ("password", "hidden")))) is None
