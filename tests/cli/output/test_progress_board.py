"""The board of a run: what is active stands first, times beside the bars, the rest in one line."""

import pytest

from orchestrator.cli.output.cells import middle
from orchestrator.cli.output.lane_status import Activity, LaneStatus, LaneStatuses
from orchestrator.cli.output.progress_board import DONE, Left, Screen, board
from orchestrator.cli.output.times import clock

NOW = 1_800_000_000.0
KINDS = ("orders", "billing", "stock", "customers", "shipping", "pricing")


def lanes_of(number: int) -> LaneStatuses:
    """Half of them done, one quarantined, three at work, the rest waiting."""
    statuses = LaneStatuses()
    for n in range(number):
        lane = LaneStatus(f"{KINDS[n % 6]}-services-of-team-{n:02}", "prod", 40 + n)
        statuses.lanes[lane.migration, lane.target] = lane
        if n < 8:
            lane.verified = lane.selected
    lanes = list(statuses.lanes.values())
    lanes[8].verified, lanes[8].aside["quarantined"] = 47, 1
    lanes[20].imported = 11
    lanes[20].doing["b10@prod"] = Activity("importing batch 10 of 30", NOW - 4, 6.2, guessed=True)
    lanes[25].doing["b11@prod"] = Activity("exporting batch 11 of 30", NOW - 65, 130.0)
    lanes[29].doing["b12@prod"] = Activity("settling batch 12 of 30, quiet until 08:01:30+00:00", NOW - 3)
    return statuses


def shown(statuses: LaneStatuses, width: int, height: int) -> list[str]:
    return board(statuses, Screen(width, height, NOW, NOW - 192, Left(NOW - 2, 402.0, guessed=True)))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_thirty_lanes_fit_and_the_active_ones_are_seen(width: int, height: int) -> None:
    lines = shown(lanes_of(30), width, height)
    assert len(lines) < height
    assert all(len(line) <= width for line in lines)
    text = "\n".join(lines)
    assert "importing batch 10, 0:04 of ~0:06" in text
    assert "exporting batch 11, 1:05 of 2:10" in text
    if height == 24:
        assert lines[-1] == "+ 18 waiting for a free slot · 1 quarantined · 8 done"
    assert f"3:12 elapsed · ~6:40 left · over at ~{clock(NOW + 400)}" in text


def test_a_bar_shows_assets_and_never_time() -> None:
    statuses = LaneStatuses()
    lane = statuses.lanes["m", "prod"] = LaneStatus("m", "prod", 10)
    lane.doing["d"] = Activity("importing batch 1 of 1", NOW - 1000, 10.0)
    assert DONE not in "\n".join(shown(statuses, 80, 24))
    lane.imported = 5
    assert shown(statuses, 80, 24)[0].count(DONE) == shown(statuses, 80, 24)[0].count("─")


def test_more_active_lanes_than_lines_are_counted() -> None:
    statuses = lanes_of(30)
    for lane in statuses.lanes.values():
        lane.doing["x"] = Activity("verifying batch 1 of 1", NOW)
    assert shown(statuses, 80, 24)[-1] == "+ 11 more active"


def test_lanes_that_wait_say_for_what() -> None:
    statuses = lanes_of(30)
    lanes = list(statuses.lanes.values())
    for lane in lanes[10:15]:
        lane.after = frozenset({lanes[20].migration})
    assert "13 waiting for a free slot · 5 waiting for other migrations" in shown(statuses, 80, 24)[-1]
    statuses.stopped.add("prod")
    assert "18 stopped by the breaker" in shown(statuses, 80, 24)[-1]


def test_names_are_cut_in_the_middle() -> None:
    assert middle("orders-services-of-team-07@prod", 15) == "orders-…m-07@prod"[:7] + "…" + "07@prod"
    assert middle("short", 15) == "short"
