"""Where a run stands, for people and programs. Law: the verdict first; times are told with what they rest on."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import inf

from orchestrator.cli.context.followed_run import RunStatus
from orchestrator.cli.context.last_words import LastWords, last_words
from orchestrator.cli.output.lane_status import FOREIGN, Activity, LaneStatus
from orchestrator.cli.output.tables import commands, table, wrapped
from orchestrator.cli.output.times import after, clock, local, seconds_of, span, utc
from orchestrator.cli.render.summary import Names, given_word, lane_json, lanes_table, next_step, outcome_json
from orchestrator.cli.render.undo_words import taken_back
from orchestrator.core.model.counts import count
from orchestrator.core.report.lanes import lane_reports
from orchestrator.core.report.outcome import Outcome, for_a_person, outcome
from orchestrator.core.report.verdict import verdict
from orchestrator.core.scheduling.outlook import Course, Finish, Outlook
from orchestrator.core.scheduling.run_times import ForeignWait
from orchestrator.core.state.undecided import undecided_deliveries
from orchestrator.errors import ExitCode

#: lines that are not lanes, on a screen that shows all of them at once
BESIDE = 14


@dataclass(frozen=True, slots=True)
class LaneNow:
    """One lane, and what it waits for."""

    status: LaneStatus
    activity: Activity | None
    #: somebody else's job in the slot that it needs, or None
    foreign: ForeignWait | None
    #: the latest time at which it must get that slot, epoch seconds, and what ends then; 0 where nothing says
    slot_by: float = 0.0
    slot_by_why: str = ""


def lanes_now(seen: RunStatus) -> list[LaneNow]:
    """Every lane, what is active first."""
    lanes = [_lane_now(seen, lane) for lane in seen.statuses.lanes.values()]
    return sorted(lanes, key=lambda lane: (lane.activity is None, lane.status.done))


def _lane_now(seen: RunStatus, status: LaneStatus) -> LaneNow:
    if seen.ended:
        return LaneNow(status, None, None)
    activity = status.activity
    foreign = next(filter(None, (_foreign(seen, name) for name in status.doing)), None)
    if activity is None or foreign is None or not activity.words.startswith(FOREIGN):
        return LaneNow(status, activity, foreign)
    return LaneNow(status, activity, foreign, *_slot_by(seen, foreign))


def _foreign(seen: RunStatus, delivery: str) -> ForeignWait | None:
    life = seen.progress.deliveries[delivery]
    package = seen.progress.packages[life.batch]
    return seen.times.foreign.get(life.slot) or seen.times.foreign.get(package.slot)


def _slot_by(seen: RunStatus, foreign: ForeignWait) -> tuple[float, str]:
    """The earlier of the end of `busy_timeout`, with which the run would end, and of what the stated end leaves."""
    told = [(foreign.since + seen.progress.busy_timeout, "busy_timeout")] if seen.progress.busy_timeout else []
    if seen.outlook.end is not None and seen.outlook.finish is not None:
        told.append((seen.outlook.slot_by(seen.now), f"to end by {seen.outlook.end.why}"))
    return min(told, default=(0.0, ""))


def outcome_of(seen: RunStatus) -> Outcome:
    """What the run ended with, or would end with now. It counts every asset, so whoever looks each second does not."""
    return outcome(seen.progress, {})


# --- for people ----------------------------------------------------------------------------------------------------


def status_text(seen: RunStatus, names: Names, rows: int = 0) -> str:
    """The verdict first, then when it is over, then each lane; with `rows`, as many lanes as fit so many lines."""
    lines = [*_head(seen), *_times(seen)]
    if seen.ended:
        told = outcome_of(seen)
        lines.append(lanes_table(lane_reports(seen.progress)))
        lines += [wrapped("why:  ", why.sentence) for why in told.whys]
        who, following = told.who, next_step(told, names)
    else:
        lines.append(_lanes(seen, max(3, rows - BESIDE) if rows else 0))
        down = seen.progress.outages.down
        lines += [wrapped("away: ", f"{host} does not answer since {local(at)}") for host, at in down.items()]
        lines += [wrapped("why:  ", each) for each in _whys(seen)]
        who, following = _next(seen, names)
    return "\n".join([*lines, wrapped("who:  ", who), commands("next: ", following)])


def verdict_of(seen: RunStatus) -> str:
    """The verdict in words: how it fares, and what that rests on."""
    if seen.ended:
        return f"{Course.ENDED.value}: {verdict(outcome_of(seen))}"
    why = f": {seen.outlook.why}" if seen.outlook.why else ""
    return f"{seen.outlook.course.value}{why}"


def _head(seen: RunStatus) -> list[str]:
    progress, began = seen.progress, seen.progress.began
    lines = [wrapped("", f"run {seen.found.run}: {verdict_of(seen)}")]
    if began is not None:
        lines.append(wrapped("  ", f"plan {began.plan} ({began.plan_file}), by {began.by} on {began.host}"))
    over = f"ended {local(progress.ended_at)}" if seen.ended else f"last entry {clock(progress.at)}"
    lines.append(f"  began {local(progress.began_at)}, {over}")
    if undone := taken_back(progress.changes):
        lines.append(wrapped("  ", f"{undone}: roma-migrate report tells what was removed and what was left"))
    if seen.holder is not None:
        lines.append(f"  live: process {seen.holder.pid} on {seen.holder.host} since {seen.holder.since}")
    elif last := _last_words(seen):
        lines.append(wrapped("  ", f"its process ended {_died(last)}"))
    return lines


def _times(seen: RunStatus) -> list[str]:
    told, lines = seen.outlook, []
    if told.finish is not None:
        sign = " (guessed in part)" if told.finish.guessed else ""
        going = "over at" if seen.live else "if it goes on now, over at"
        lines.append(f"{going} {_both(told.finish, seen.now)}{sign}")
    if told.predicted is not None:
        lines.append(f"predicted when it began: {_both(told.predicted, seen.now)}")
    if not seen.ended:
        lines += _opens(told)
        lines += _spare(told, seen.now)
        lines += _undo(told, seen.now)
    return [wrapped("  ", line) for line in lines]


def _both(finish: Finish, now: float) -> str:
    return f"{_when(finish.p50, now)} (P50), {_when(finish.p90, now)} (P90)"


def _when(at: float, now: float) -> str:
    """With its day where that is another one."""
    return clock(at) if _day(at) == _day(now) else local(at)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().date().isoformat()


def _opens(told: Outlook) -> list[str]:
    if not told.opens:
        return []
    if told.opens == inf:
        return ["no window opens any more: no job is asked for"]
    return [f"no job is asked for before {local(told.opens)}, when its window opens"]


def _spare(told: Outlook, now: float) -> list[str]:
    if told.end is None:
        return []
    must = f"must be over by {_when(told.end.at, now)} ({told.end.why})"
    if told.spare is None:
        return [must]
    if told.spare.p90 >= 0:
        return [f"{must}: spare {span(told.spare.p50)} (P50), {span(told.spare.p90)} (P90)"]
    p50 = f"spare {span(told.spare.p50)}" if told.spare.p50 >= 0 else f"too late by {span(-told.spare.p50)}"
    return [f"{must}: {p50} (P50), too late by {span(-told.spare.p90)} (P90)"]


def _undo(told: Outlook, now: float) -> list[str]:
    if told.undo is None:
        return []
    sign = "~" if told.undo.guessed else ""
    takes = (
        f"undoing everything takes {sign}{span(told.undo.seconds)} "
        f"({count(told.undo.things, 'asset')}, {count(told.undo.jobs, 'job')})"
    )
    if not told.undo_by:
        return [takes]
    if told.undo_by < now:
        return [f"{takes}; it can no longer end in time"]
    return [f"{takes}: begin by {_when(told.undo_by, now)} at the latest"]


def _lanes(seen: RunStatus, most: int) -> str:
    lanes = lanes_now(seen)
    shown = lanes[:most] if most and len(lanes) > most else lanes
    head = ["migration@target", "there", "now", "for", "usually"]
    made = [table(head, [_row(seen, lane) for lane in shown])]
    made += [wrapped("    ", f"{lane.status.name} {_behind(seen, lane)}") for lane in shown if lane.foreign is not None]
    if rest := lanes[len(shown) :]:
        done = sum(lane.status.done for lane in rest)
        made.append(f"  + {count(len(rest), 'lane')}: {done} done, {len(rest) - done} waiting")
    return "\n".join(made)


def _row(seen: RunStatus, lane: LaneNow) -> list[str]:
    status, activity = lane.status, lane.activity
    there = f"{status.there}/{status.selected}"
    there += f" ({status.troubled} aside)" if status.troubled else ""
    if activity is None:
        return [status.name, there, status.words, "", ""]
    since = lane.foreign.since if lane.slot_by and lane.foreign else activity.since
    usual = f"{'~' if activity.guessed else ''}{after(max(1.0, activity.expected))}" if activity.expected else ""
    return [status.name, there, _doing(activity), after(max(0.0, seen.now - since)) if since else "", usual]


def _doing(activity: Activity) -> str:
    """Without when it began: that has a column of its own."""
    if not activity.words.startswith(FOREIGN):
        return activity.words
    return f"waits for its slot, {activity.words.rpartition(', ')[2]}"


def _behind(seen: RunStatus, lane: LaneNow) -> str:
    foreign = lane.foreign
    if foreign is None:
        return ""
    request = f" (request_id {foreign.words.request_id})" if foreign.words.request_id else ""
    told = f"waits since {clock(foreign.since)} for: {foreign.words}{request}"
    if not lane.slot_by:
        return told
    if lane.slot_by < seen.now:
        return f"{told}; the slot comes too late ({lane.slot_by_why})"
    return f"{told}; it must get the slot by {_when(lane.slot_by, seen.now)} ({lane.slot_by_why})"


def _whys(seen: RunStatus) -> list[str]:
    asked = undecided_deliveries(seen.progress)
    waiting = for_a_person(seen.progress)
    return [*(f"{name} is undecided" for name in sorted(asked)), *(why.sentence for why in waiting)]


def _next(seen: RunStatus, names: Names) -> tuple[str, str]:
    """(who, next) of a run that has not ended."""
    if seen.outlook.course is Course.PERSON or undecided_deliveries(seen.progress):
        told = outcome_of(seen)
        word = given_word(told, names) if seen.live else None
        return told.who, f"the run goes on by itself after:\n{word}" if word else next_step(told, names)
    if seen.live:
        return "nobody", names.command("status", "--watch", names.run)
    if seen.outlook.course is Course.CLOSED:
        return "nobody", f"go on with it then:\n{names.command('run', names.file)}"
    return "whoever started it", f"go on with it:\n{names.command('run', names.file)}"


def _last_words(seen: RunStatus) -> LastWords | None:
    """Why nobody conducts it any more, where it has not ended."""
    return None if seen.ended or seen.live else last_words(seen.found.home.log(seen.found.run))


def _died(last: LastWords) -> str:
    return f"at {local(seconds_of(last.at))} with code {last.code}: {last.why}" if last.at else last.why


# --- for programs --------------------------------------------------------------------------------------------------


def status_json(seen: RunStatus, names: Names) -> dict[str, object]:
    """The same as one document."""
    progress, holder, told = seen.progress, seen.holder, outcome_of(seen)
    began = progress.began
    who, following = (told.who, next_step(told, names)) if seen.ended else _next(seen, names)
    code = int(told.code) if seen.ended else int(told.code) or int(ExitCode.NOT_FINISHED)
    lanes = {lane.status.name: lane for lane in lanes_now(seen)}
    return {
        "run": seen.found.run, "plan": names.plan, "plan_file": names.file, **outcome_json(told, names),
        "course": seen.outlook.course.value, "verdict": verdict_of(seen), "code": code,
        "codes": sorted({code, *(int(why.code) for why in told.whys)}), "who": who, "next": following,
        "last_words": asdict(last) if (last := _last_words(seen)) else None, "live": seen.live, "ended": seen.ended,
        "holder": {"host": holder.host, "pid": holder.pid, "since": holder.since} if holder else None,
        "by": began.by if began else "", "began": utc(progress.began_at),
        "ended_at": utc(progress.ended_at) if seen.ended else None, "last_entry": utc(progress.at),
        **_outlook_json(seen.outlook, seen.now),
        "lanes": [{**lane_json(lane), **_lane_json(seen, lanes.get(lane.name))} for lane in lane_reports(progress)],
        "away": {host: utc(at) for host, at in progress.outages.down.items()},
    }  # fmt: skip


def _outlook_json(told: Outlook, now: float) -> dict[str, object]:
    spare, undo = told.spare, told.undo
    return {
        "finish": _finish_json(told.finish), "predicted": _finish_json(told.predicted),
        "not_before": utc(told.opens) if told.opens < inf else None,
        "end": {"at": utc(told.end.at), "why": told.end.why} if told.end else None,
        "spare_seconds": {"p50": round(spare.p50, 1), "p90": round(spare.p90, 1)} if spare else None,
        "undo": {
            "assets": undo.things, "jobs": undo.jobs, "seconds": round(undo.seconds, 1), "guessed": undo.guessed,
            "begin_by": utc(told.undo_by), "in_time": told.undo_by >= now if told.end else None,
        } if undo else None,
    }  # fmt: skip


def _finish_json(finish: Finish | None) -> dict[str, object] | None:
    return {"p50": utc(finish.p50), "p90": utc(finish.p90), "guessed": finish.guessed} if finish else None


def _lane_json(seen: RunStatus, lane: LaneNow | None) -> dict[str, object]:
    activity = lane.activity if lane is not None else None
    since = activity.since if activity is not None else 0.0
    foreign = lane.foreign if lane is not None else None
    return {
        "now": "" if lane is None or seen.ended else lane.status.words,
        "since": utc(since), "seconds": round(max(0.0, seen.now - since), 1) if since else None,
        "usual_seconds": round(activity.expected, 1) if activity is not None and activity.expected else None,
        "guessed": activity.guessed if activity is not None else False,
        "foreign": {
            "since": utc(foreign.since), "slot": foreign.slot, "words": str(foreign.words), "times": foreign.times,
            "request_id": foreign.words.request_id,
            "slot_by": utc(lane.slot_by), "slot_by_why": lane.slot_by_why,
        } if lane is not None and foreign is not None else None,
    }  # fmt: skip
