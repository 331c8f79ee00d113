"""A report tells states in its own words."""

from orchestrator.cli.render.states import delivery_words, package_words
from orchestrator.core.state.lifecycle import DeliveryState, PackageState


def test_a_package_that_was_dropped_was_delivered() -> None:
    assert package_words(PackageState.DROPPED.value) == "delivered, package removed"


def test_no_state_that_was_asked_for_and_not_answered_is_called_unsure() -> None:
    told = [package_words(each.value) for each in PackageState] + [delivery_words(each.value) for each in DeliveryState]
    assert not any("unsure" in words or words == "dropped" for words in told)
