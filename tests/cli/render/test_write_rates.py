"""Rates of writes in words."""

from orchestrator.cli.render.report_json import WriteRateDocument
from orchestrator.cli.render.write_rates import assumed, binding, rates_learned
from orchestrator.core.scheduling.forecast import RateBound
from orchestrator.core.state.events import WriteRate

LEARNED = WriteRate("m", 0.45, 1.0, 0.68, "cn-north-4", 0.6, 1764374400.0)


def test_identities_of_which_the_same_is_said_share_a_line() -> None:
    assert list(assumed([WriteRate("a", 20.0), LEARNED, WriteRate("b", 20.0)])) == [
        "write rate of a, b: 20/s, set in the plan",
        "write rate of m: 0.45/s at first, learned in region cn-north-4 on 2025-11-29; it rises up to 1/s while ROMA "
        "refuses none as one too many, slowly above 0.68/s, which it refused",
    ]


def test_a_rate_that_binds_names_the_setting_that_would_help() -> None:
    assert binding(RateBound("m", "write", 16, 0.45, 1.0, 605.0)) == (
        "the write rate of m binds: 16 lanes share 0.45/s, rising to 1/s, which costs 10 min 5 s; more credentials "
        "would help, or a higher most_writes_per_second if your quota allows"
    )
    assert "a higher writes_per_second if" in binding(RateBound("m", "write", 1, 0.1, 0.0, 600.0))
    assert binding(RateBound("m", "read", 16, 5.0, 0.0, 605.0)) == (
        "the read rate of m binds: 16 lanes share 5/s, which costs 10 min 5 s; more credentials would help, or a "
        "higher reads_per_second if your quota allows"
    )


def test_what_was_learned_is_a_line_for_each_region_and_identity() -> None:
    assert list(
        rates_learned(
            [WriteRateDocument("r", "m", 0.17, 0.34, 2, 0.68), WriteRateDocument("r", "n", 0.17, 0.4, 0, 0.0)]
        )
    ) == [
        "r took 0.34 writes a second of m, which began with 0.17; refused 2 times, last at 0.68/s",
        "r took 0.4 writes a second of n, which began with 0.17",
    ]
