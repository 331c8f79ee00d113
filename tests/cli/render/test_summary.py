from pathlib import Path

from orchestrator.cli.render.summary import Names, closing_json, closing_text
from orchestrator.core.report.outcome import outcome
from orchestrator.core.state import events as e
from tests.builders.runs import Run, app

NAMES = Names("r", "orders", "plan.yaml", Path("home"))
DRIFT = ("first@prod: app late is selected now and was not", "first@prod: app web: is named shop now")


def held_back() -> Run:
    """One migration is imported and verified, another has drifted since it was approved."""
    run = Run()
    run.believe(
        e.RunBegan("orders", "plan.yaml", "{}", "op", "host", 1, "0", held=DRIFT),
        e.SelectionMade("first", "dev", "prod", 2),
        e.SelectionMade("m", "dev", "prod", 1),
        e.AssetsHeld("first", "prod", (app("web"), app("late")), "its migration is not what was approved any more"),
    )
    billing = run.carries(app("billing"))
    run.stores(billing)
    run.lands(billing)
    return run


def test_what_was_held_back_is_counted_and_told_and_nothing_is_called_done() -> None:
    progress = held_back().progress
    told = closing_text(progress, outcome(progress, {}), NAMES, "r.log")
    assert "everything is imported" not in told
    assert "(code 1)" in told
    assert "who:  the plan owner" in told
    assert "--approved orders.preview.json" in told
    assert all(f"held: {line}" in told for line in DRIFT)


def test_programs_read_the_same() -> None:
    progress = held_back().progress
    document = closing_json(progress, outcome(progress, {}), NAMES, "r.log")
    assert (document["code"], document["held"]) == (1, list(DRIFT))
    counts = document["counts"]
    assert isinstance(counts, dict)
    assert (counts["held"], counts["verified"]) == (2, 1)
