"""The timeline of a report as places on a drawing. Law: per cent of the width across, so that zooming is one number.

The page's template turns this into inline SVG; nothing here knows of tags or colours.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.cli.output.times import local, seconds_of, span
from orchestrator.cli.render.report_json import (
    BarDocument,
    OutageDocument,
    PredictedBarDocument,
    SlotDocument,
    TimelineDocument,
)

#: pixels down: the axis, a slot's name, its jobs as predicted and as they ran, each line of what runs beside them, the
#: room below
AXIS, NAME, PREDICTED, JOBS, BESIDE, GAP = 24, 18, 8, 24, 7, 12
#: seconds between two marks on the axis, of which one is chosen
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
#: marks on the axis of the whole run, at most
_MARKS = 8
#: levels of marks: those of the whole run, and those that zooming in adds
_LEVELS = 3
#: what stands in a bar: before the batch's number, or alone
_LETTER = {"export": "E", "import": "I"}
_WORD = {"probe": "P", "somebody else's job": "busy", "our own lost job": "busy", "unknown outcome": "?"}
#: kinds that run beside the jobs -> the line below them
_LINE = {"download": 0, "verification": 1}


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """One bar."""

    kind: str
    x: float
    width: float
    y: int
    height: int
    #: the batch's number, or a word; "" of what runs beside the jobs
    label: str
    #: the same with its kind before it, where there is room
    long_label: str
    #: said when pointed at
    title: str


@dataclass(frozen=True, slots=True)
class DrawnSlot:
    """One slot's name and bars."""

    name: str
    y: int
    bars: Sequence[DrawnBar]
    #: as it was predicted, above the bars
    predicted: Sequence[DrawnBar]


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch over all slots: an outage, or no process."""

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on the axis."""

    x: float
    label: str
    #: 0 is always shown, 1 and 2 when zoomed in
    level: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything, in a box of `height` pixels."""

    height: int
    slots: Sequence[DrawnSlot]
    bands: Sequence[Band]
    marks: Sequence[Mark]
    #: the zone of the marks, such as +01:00
    offset: str


@dataclass(frozen=True, slots=True)
class _Scale:
    began: float
    ended: float

    @property
    def length(self) -> float:
        return max(self.ended - self.began, 1.0)

    def x(self, at: float) -> float:
        return round(100 * (min(max(at, self.began), self.ended) - self.began) / self.length, 4)

    def width(self, began: float, ended: float) -> float:
        return round(max(0.0, self.x(ended) - self.x(began)), 4)


def drawing(held: TimelineDocument, outages: Sequence[OutageDocument]) -> Drawing:
    """Place everything between the begin of the run and its end, lived or predicted."""
    expected = [seconds_of(bar.ended) for slot in held.slots for bar in slot.predicted]
    scale = _Scale(seconds_of(held.began), max([seconds_of(held.ended), *expected]))
    slots = list(_slots(held.slots, scale))
    down = NAME + PREDICTED + JOBS + 2 * BESIDE + GAP
    offset = local(scale.began)[-6:]
    return Drawing(AXIS + down * len(slots), slots, list(_bands(held, outages, scale)), list(_marks(scale)), offset)


def _slots(slots: Sequence[SlotDocument], scale: _Scale) -> Iterator[DrawnSlot]:
    y = AXIS
    for slot in slots:
        expected = [_predicted(bar, y + NAME, scale) for bar in slot.predicted]
        yield DrawnSlot(slot.slot, y, [_bar(bar, y + NAME + PREDICTED, scale) for bar in slot.bars], expected)
        y += NAME + PREDICTED + JOBS + 2 * BESIDE + GAP


def _predicted(bar: PredictedBarDocument, y: int, scale: _Scale) -> DrawnBar:
    began, ended = seconds_of(bar.began), seconds_of(bar.ended)
    title = f"predicted {bar.kind} of batch {bar.number} ({bar.subject}), {local(began)}, {span(bar.seconds)}"
    return DrawnBar(bar.kind, scale.x(began), scale.width(began, ended), y, PREDICTED - 2, "", "", title)


def expected_end(held: TimelineDocument) -> str:
    """What was expected of the whole run, and how it went, in a sentence."""
    told = held.predicted_end
    if told is None:
        return held.unpredicted
    guessed = f"; no earlier job told {', '.join(told.guessed)}" if told.guessed else ""
    late = seconds_of(held.ended) - seconds_of(told.p50)
    off = f"{span(abs(late))} {'later' if late > 0 else 'earlier'} than the first"
    return (
        f"When the run began it was predicted to be over at {local(seconds_of(told.p50))} in half of the cases, and at "
        f"{local(seconds_of(told.p90))} in nine of ten{guessed}. Its last entry is of {local(seconds_of(held.ended))}, "
        f"{off}."
    )


def expected_jobs(held: TimelineDocument) -> Mapping[tuple[str, str], str]:
    """(kind, subject) -> when that job was expected, and for how long: `14:02:10, 45 s`."""
    return {
        (each.kind, each.subject): f"{local(seconds_of(each.began))[11:19]}, {span(each.seconds)}"
        for slot in held.slots
        for each in slot.predicted
    }


def _bar(bar: BarDocument, y: int, scale: _Scale) -> DrawnBar:
    began, ended = seconds_of(bar.began), seconds_of(bar.ended)
    line = _LINE.get(bar.kind)
    top, height = (y, JOBS) if line is None else (y + JOBS + 1 + line * BESIDE, BESIDE - 1)
    number = str(bar.number) if bar.number and bar.kind in _LETTER else ""
    label = number or _WORD.get(bar.kind, "")
    return DrawnBar(
        bar.kind, scale.x(began), scale.width(began, ended), top, height, label, _LETTER.get(bar.kind, "") + label,
        _title(bar),
    )  # fmt: skip


def _title(bar: BarDocument) -> str:
    of = f" of batch {bar.number}" if bar.number else ""
    word = f": {bar.word}" if bar.word else ": has not ended"
    return f"{bar.kind}{of} ({bar.subject}), {local(seconds_of(bar.began))}, {span(bar.seconds)}{word}"


def _bands(held: TimelineDocument, outages: Sequence[OutageDocument], scale: _Scale) -> Iterator[Band]:
    for pause in held.pauses:
        began, ended = seconds_of(pause.began), seconds_of(pause.ended)
        told = f"no process conducted the run for {span(ended - began)}"
        yield Band("pause", scale.x(began), scale.width(began, ended), told)
    for outage in outages:
        began, ended = seconds_of(outage.began), seconds_of(outage.ended) or scale.ended
        told = f"{outage.host} did not answer for {span(ended - began)}: {outage.words}"
        yield Band("outage", scale.x(began), scale.width(began, ended), told)


def _marks(scale: _Scale) -> Iterator[Mark]:
    seen: set[float] = set()
    for level in range(_LEVELS):
        step = next((s for s in _STEPS if scale.length / s <= _MARKS * 4**level), _STEPS[-1])
        at = scale.began - scale.began % step + step
        while at < scale.ended:
            if at not in seen:
                seen.add(at)
                yield Mark(scale.x(at), datetime.fromtimestamp(at, UTC).astimezone().strftime("%H:%M:%S"), level)
            at += step
