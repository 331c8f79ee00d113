"""A run's lanes as lines that fit a screen. Law: what is active stands first, and only what was measured fills a bar.

Times are told beside the bars and never fill one; `~` stands before what no earlier job tells.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.cli.output.cells import cells, cut, middle, padded
from orchestrator.cli.output.lane_status import Activity, LaneStatus, LaneStatuses
from orchestrator.cli.output.times import after, clock
from orchestrator.core.model.counts import count
from orchestrator.core.model.escape import visible

DONE, OPEN = "━", "─"
#: lines beside the lanes: two of the total, the rest in one line, services that are away, and one free
_BESIDE = 5
#: of the columns, words take at most so many hundredths; a bar takes at least so many columns, a name too
_WORDS, _BAR, _NAME = 46, 6, 18
_OF = re.compile(r" of \d+")


@dataclass(frozen=True, slots=True)
class Left:
    """How long the run still takes, as the preview's model plays what is left."""

    #: when it was played, epoch seconds, and the seconds from then on
    at: float
    seconds: float
    #: whether it rests on durations that no earlier job tells
    guessed: bool


@dataclass(frozen=True, slots=True)
class Screen:
    """Where the lines go, and when."""

    width: int
    height: int
    #: epoch seconds: now, and when this process took the run up
    now: float
    began: float
    left: Left | None = None


def board(statuses: LaneStatuses, screen: Screen) -> list[str]:
    """The total first, then active lanes, then the rest in a line."""
    lanes = list(statuses.lanes.values())
    if not lanes:
        return []
    room = max(3, screen.height - _BESIDE)
    active = [lane for lane in lanes if lane.activity is not None]
    shown = active[:room]
    if len(lanes) <= room:
        shown += [lane for lane in lanes if lane.activity is None]
    lines = [_total(lanes, screen), _times(lanes, screen), *_rows(shown, screen)]
    hidden = [lane for lane in lanes if not any(lane is each for each in shown)]
    lines += [f"+ {rest}"] if (rest := _rest(hidden, statuses)) else []
    lines += [f"{statuses.halted}: waiting for a person (roma-migrate continue)"] if statuses.halted else []
    lines += [f"{host}: no answer since {clock(since)}" for host, since in sorted(statuses.down.items())]
    return [cut(visible(line), screen.width) for line in lines]


# --- the total -----------------------------------------------------------------------------------------------------


def _total(lanes: Sequence[LaneStatus], screen: Screen) -> str:
    there, selected = sum(lane.there for lane in lanes), sum(lane.selected for lane in lanes)
    told = f"{there:,}/{count(selected, 'asset')}"
    return f"total {_bar(there, selected, screen.width - len(told) - 7)} {told}"


def _times(lanes: Sequence[LaneStatus], screen: Screen) -> str:
    told = [f"{after(max(0.0, screen.now - screen.began))} elapsed"]
    aside = sum(lane.troubled for lane in lanes)
    if screen.left is not None and screen.left.seconds > 0:
        sign = "~" if screen.left.guessed else ""
        end = screen.left.at + screen.left.seconds
        rest = end - screen.now
        told += [f"{sign}{after(rest)} left", f"over at {sign}{clock(end)}"] if rest >= 1 else ["should be over now"]
    told += [f"{aside} set aside"] if aside else []
    return "      " + " · ".join(told)


def _bar(done: int, total: int, room: int) -> str:
    room = max(_BAR, room)
    full = room if done >= total else room * done // total
    return DONE * full + OPEN * (room - full)


# --- lanes ---------------------------------------------------------------------------------------------------------


def _rows(lanes: Sequence[LaneStatus], screen: Screen) -> list[str]:
    if not lanes:
        return []
    counts = [f"{lane.there}/{lane.selected}" for lane in lanes]
    words = [_words(lane, screen.now) for lane in lanes]
    numbers = max(map(len, counts))
    told = min(screen.width * _WORDS // 100, max(map(cells, words)))
    name = min(
        max(cells(visible(lane.name)) for lane in lanes),
        max(_NAME, (screen.width - told - numbers - _BAR - 4) * 2 // 3),
    )
    bar = screen.width - name - told - numbers - 4
    names = [middle(visible(lane.name), name) for lane in lanes]
    bars = [_bar(lane.there, lane.selected, bar) for lane in lanes]
    return [
        f"{padded(each, name)} {drawn} {count:>{numbers}}  {cut(word, told)}"
        for each, drawn, count, word in zip(names, bars, counts, words, strict=True)
    ]


def _words(lane: LaneStatus, now: float) -> str:
    activity = lane.activity
    return lane.words if activity is None else _during(activity, now)


def _during(activity: Activity, now: float) -> str:
    """`importing batch 10, 0:04 of ~0:06`."""
    words = _OF.sub("", activity.words, count=1)
    ran = after(max(0.0, now - activity.since))
    if not activity.expected:
        return words if "since " in words or "until " in words else f"{words}, {ran}"
    return f"{words}, {ran} of {'~' if activity.guessed else ''}{after(max(1.0, activity.expected))}"


# --- the rest ------------------------------------------------------------------------------------------------------


def _rest(lanes: Sequence[LaneStatus], statuses: LaneStatuses) -> str:
    open_migrations = {lane.migration for lane in statuses.lanes.values() if not lane.done}
    found = Counter(_state(lane, statuses, open_migrations) for lane in lanes)
    return " · ".join(f"{found[word]} {word}" for word in _STATES if found[word])


_STATES = (
    "more active", "waiting for a free slot", "waiting for other migrations", "stopped by the breaker", "undecided",
    "quarantined", "blocked", "held", "done",
)  # fmt: skip


def _state(lane: LaneStatus, statuses: LaneStatuses, open_migrations: set[str]) -> str:
    if lane.activity is not None:
        return "more active"
    if not lane.done:
        if lane.target in statuses.stopped:
            return "stopped by the breaker"
        return "waiting for other migrations" if lane.after & open_migrations else "waiting for a free slot"
    return next((word for word in ("undecided", "quarantined", "blocked", "held") if lane.aside[word]), "done")
