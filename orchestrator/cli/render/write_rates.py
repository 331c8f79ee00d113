"""Rates of writes in words: which one is assumed and why, where it binds, what was learned. Law: a line for each."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.cli.output.times import span
from orchestrator.core.model.counts import count
from orchestrator.core.scheduling.forecast import RateBound
from orchestrator.core.state.events import WriteRate

if TYPE_CHECKING:  # a preview shows no report
    from orchestrator.cli.render.report_json import WriteRateDocument


def assumed(rates: Iterable[WriteRate]) -> Iterator[str]:
    """Which rate each identity begins with, and why; identities of which the same is said share a line."""
    names: dict[str, list[str]] = {}
    for each in rates:
        names.setdefault(_rate(each), []).append(each.credentials)
    for told, held in names.items():
        yield f"write rate of {', '.join(held)}: {told}"


def _rate(rate: WriteRate) -> str:
    if why_of(rate) == "plan":
        return f"{rate.per_second:.3g}/s, set in the plan"
    rises = f"it rises up to {rate.most:.3g}/s while ROMA refuses none as one too many"
    if why_of(rate) == "default":
        return f"{rate.per_second:.3g}/s at first, the default; {rises}"
    day = datetime.fromtimestamp(rate.learned_at, UTC).date().isoformat()
    above = f", slowly above {rate.refused:.3g}/s, which it refused" if rate.refused else ""
    return f"{rate.per_second:.3g}/s at first, learned in region {rate.region} on {day}; {rises}{above}"


def why_of(rate: WriteRate) -> str:
    """`plan`, `learned` or `default`."""
    if not rate.most:
        return "plan"
    return "learned" if rate.region else "default"


def binding(bound: RateBound) -> str:
    """What an identity's rate costs, and what would help."""
    shared = "1 lane uses" if bound.lanes == 1 else f"{count(bound.lanes, 'lane')} share"
    rises, key = (f", rising to {bound.most:.3g}/s", "most_writes") if bound.most else ("", f"{bound.what}s")
    return (
        f"the {bound.what} rate of {bound.identity} binds: {shared} {bound.per_second:.3g}/s{rises}, which costs "
        f"{span(bound.seconds)}; more credentials would help, or a higher {key}_per_second if your quota allows"
    )


def rates_learned(rates: "Iterable[WriteRateDocument]") -> Iterator[str]:
    """What regions took of writes."""
    for each in rates:
        refused = f"; refused {count(each.refusals, 'time')}, last at {each.refused:.3g}/s" if each.refusals else ""
        yield (
            f"{each.region} took {each.last:.3g} writes a second of {each.credentials}, which began with "
            f"{each.first:.3g}{refused}"
        )
