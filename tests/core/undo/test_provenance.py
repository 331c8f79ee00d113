"""Until when an application's update time may come from us: whatever came in between is a person's."""

from orchestrator.core.undo.provenance import last_of_ours

BEGIN = 1_800_000_000.0


def iso(seconds: float) -> str:
    """That long after the run."""
    return f"2027-01-15T08:00:{seconds:06.3f}Z"


def test_our_own_writes_one_after_the_other_explain_a_later_time() -> None:
    own = [(iso(0.0), BEGIN + 10.0), (iso(10.0), BEGIN + 20.0)]
    assert last_of_ours(BEGIN, own, 0.0) == BEGIN + 22.0
    assert last_of_ours(BEGIN, own, 5.0) == BEGIN + 27.0, "the service's clock is ahead of ours"
    assert last_of_ours(BEGIN, (), 0.0) == BEGIN


def test_a_person_between_the_run_and_our_write_or_between_two_of_ours_is_none_of_us() -> None:
    assert last_of_ours(BEGIN, [(iso(5.0), BEGIN + 10.0)], 0.0) == BEGIN
    assert last_of_ours(BEGIN, [(iso(0.0), BEGIN + 10.0), (iso(15.0), BEGIN + 20.0)], 0.0) == BEGIN + 12.0


def test_what_no_list_tells_breaks_no_chain() -> None:
    assert last_of_ours(BEGIN, [("", BEGIN + 10.0)], 0.0) == BEGIN + 12.0
