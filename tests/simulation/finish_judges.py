"""What must hold of a night of finishing. Law: what stands at the service decides, not what the journal says of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.core.model.change import ChangeKind
from orchestrator.core.state.changes import ChangeLife, ChangeState
from orchestrator.emulator.service.products import PASSWORD as OF_PRODUCTS
from orchestrator.emulator.world.gateway import PolicyKind
from orchestrator.emulator.world.operations import Operation
from tests.simulation.book import require
from tests.simulation.finishing import Finishing
from tests.simulation.meddlers import Meddlers
from tests.simulation.scenarios import Night, progress_of
from tests.simulation.standing import Place, Standing, place_of, standing

#: of the data sources of each target
PASSWORD = "SESAME-of-the-target"


@dataclass(slots=True)
class Acts:
    """What a night's people did, beside what they did to tasks; before a finish has begun it is part of its preview."""

    told: Finishing
    #: place -> what stood there once they had been there
    left: dict[Place, tuple[object, ...]] = field(default_factory=dict)
    meddlers: Meddlers = field(init=False)

    def __post_init__(self) -> None:
        self.meddlers = Meddlers(self.told.night)


def _lives(night: Night) -> Iterator[ChangeLife]:
    """Every change that a finish or an undo has planned."""
    for run in night.records:
        progress = progress_of(night, run)
        for held in (progress.finishing, progress.changes):
            yield from (*held.lives.values(), *held.settled.values(), *held.ours.values())


def judge_named(acts: Acts, before: Standing) -> None:
    """What is another was named by a plan, or a person was there; what a person left is as they left it."""
    after = standing(acts.told.night)
    acts.meddlers.judge(after)
    named = {place_of(each.change) for each in _lives(acts.told.night)}
    for place in before.keys() | after.keys():
        theirs = acts.meddlers.at(place)
        then, now = before.get(place, ()), after.get(place, ())
        if place in acts.left:
            _judge_left(place, theirs.ours(acts.left[place]), theirs.ours(now))
        elif theirs.ours(then) != theirs.ours(now):
            require(place in named, f"promise 16: {place} is {now} and was {then}, and no preview named it")


def _judge_left(place: Place, theirs: Counter[object], now: Counter[object]) -> None:
    """Codes stand beside each other, and who started a task cannot be told; anything else is theirs."""
    if place[1].startswith(("codes ", "task ")):
        return  # tasks are judged by `finishing`
    require(now == theirs, f"promise 16: a person left {theirs} at {place}, which is {now} now")


def judge_once(acts: Acts, before: Standing, first: int) -> None:
    """Nothing stands twice where one was wanted, and no object was written twice."""
    for place, held in standing(acts.told.night).items():
        if held != before.get(place):
            twice = [each for each, number in Counter(held).items() if number > 1]
            require(not twice, f"promise 16: {place} holds {held}")
    whole = {Operation.DATASOURCE_CHANGE.value, Operation.SECRET_CHANGE.value, Operation.MEMBERS_CHANGE.value}
    done = Counter(
        (call.operation, call.instance, call.asset_ids)
        for call in acts.told.night.service.ledger.calls[first:]
        if call.operation in whole and call.outcome == "accepted"
    )
    touched = {(instance, what.partition(" ")[2]) for instance, what in acts.left}
    for (operation, instance, ids), number in done.items():
        require(
            number == 1 or (instance, ids[0]) in touched,
            f"promise 16: {operation} of {ids} at {instance} was done {number} times",
        )


def judge_finished(acts: Acts) -> None:
    """What is said to be done is so, where no person has been since."""
    night, now = acts.told.night, standing(acts.told.night)
    for life in progress_of(night, sorted(night.records)[-1]).finishing.lives.values():
        place = place_of(life.change)
        if life.state is not ChangeState.DONE or place in acts.left:
            continue
        held = now.get(place, ())
        match ChangeKind(life.change.kind):
            case ChangeKind.ENTER_CONNECTION:
                good = PASSWORD in str(held)
            case ChangeKind.KEEP_SECRET:
                good = held == now.get((life.change.fact("from"), f"secret {life.change.fact('twin')}"))
            case ChangeKind.STOP_TASK | ChangeKind.START_TASK | ChangeKind.TEST_CONNECTION:
                good = True  # judged by `finishing`, and nothing to see
            case _:
                good = bool(held)
        require(good, f"promise 16: {life.change.id} is said to be done, and {place} is {held}")


def judge_restored(acts: Acts, before: Standing) -> None:
    """What was changed is as before, or it is named as left, or a person was there."""
    night, after = acts.told.night, standing(acts.told.night)
    progress = progress_of(night, sorted(night.records)[-1])
    lives = [*progress.finishing.lives.values(), *progress.changes.lives.values()]
    open_ = {place_of(each.change) for each in lives if each.state is not ChangeState.DONE}
    gone = {(target, each) for _, each, _, target, _ in progress.changes.left}
    open_ |= {place_of(each.change) for each in lives if (each.change.instance, each.change.object) in gone}
    for place in before.keys() | after.keys():
        if place in open_ or place in acts.left or place[1].startswith("task "):
            continue
        then, now = before.get(place, ()), after.get(place, ())
        if place[1].startswith("secret "):
            shared = {held for (_, what), held in after.items() if what.startswith("secret ")}
            require(then == now or len(shared) > 1, f"promise 17: {place}")
            continue
        theirs = acts.meddlers.at(place)
        require(theirs.ours(then) == theirs.ours(now), f"promise 17: {place} was {then} and is {now} after the undo")


def judge_secrets(night: Night, root: Path) -> None:
    """No secret stands in a journal, or in any file of the home."""
    secrets = {PASSWORD, OF_PRODUCTS, *_secrets(night)}
    held = [night.trace.encode(), *(each.read_bytes() for each in root.rglob("*") if each.is_file())]
    for secret in sorted(secrets):
        require(all(secret.encode() not in each for each in held), f"promise 10: {secret[:10]}... is in the home")


def _secrets(night: Night) -> Iterator[str]:
    for each in night.scenario.world.instances:
        held = night.service.holding(each.name)
        yield from (app.secret for app in held.apps.all())
        yield from (code.code for code in held.app_codes.all())
        signs = (one for one in held.policies.all() if one.kind is PolicyKind.SIGN)
        yield from (str(dict(one.fields)["sign_secret"]) for one in signs)
        contents = (dict(one.content) for one in held.datasources.all())
        yield from (str(one["password"]) for one in contents if one.get("password"))
