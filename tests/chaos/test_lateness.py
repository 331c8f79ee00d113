"""A few leases lost in each way; `python -m tests.chaos.lateness` loses twenty and prints how late what arrived."""

from pathlib import Path

import pytest

from tests.builders.other_host import can_be_had
from tests.chaos.lateness import HEAD, ROWS, Row, lateness


@pytest.mark.chaos
@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.skipif(not can_be_had(), reason="a host of its own needs root and `ip`")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nothing_arrives_after_a_lease_has_ended_unless_what_prevents_it_is_withheld(row: Row, tmp_path: Path) -> None:
    found = lateness(row, 2, 1, tmp_path)
    assert found.as_it_must_be, f"{HEAD}\n{found}"
