"""A report tells states in its own words."""

import pytest

from orchestrator.cli.render.states import delivery_words, package_words
from orchestrator.core.state.lifecycle import DeliveryState, PackageState


@pytest.mark.parametrize(
    ("state", "imports", "told"),
    [
        (PackageState.DROPPED, ["verified"], "delivered, package removed"),
        (PackageState.DROPPED, ["verified", "quarantined"], "delivered, package removed"),
        (PackageState.DROPPED, ["split"], "went on in parts, package removed"),
        (PackageState.PENDING, ["waiting"], "waiting for its export"),
        (PackageState.PENDING, ["split"], "not exported: went on in parts"),
        (PackageState.PENDING, ["quarantined"], "not exported: quarantined"),
        (PackageState.PENDING, ["quarantined", "blocked"], "not exported: quarantined, blocked"),
        (PackageState.PENDING, ["quarantined", "waiting"], "waiting for its export"),
    ],
)
def test_a_batch_is_told_by_what_became_of_it(state: PackageState, imports: list[str], told: str) -> None:
    assert package_words(state.value, imports) == told


def test_no_state_that_was_asked_for_and_not_answered_is_called_unsure() -> None:
    told = [package_words(each.value, ["waiting"]) for each in PackageState]
    told += [delivery_words(each.value) for each in DeliveryState]
    assert not any("unsure" in words or words == "dropped" for words in told)
