"""Every kind of change whose answer is lost: settled by reading, and what took effect is not asked for again.

One table says which request each kind is, and when: a kind without a row fails.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

import pytest

from orchestrator.core.finish.kinds import KINDS
from orchestrator.core.model.change import BY_JOB, ChangeKind
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.finishing_readings import Told
from orchestrator.emulator.world.gateway import RELEASE, PolicyKind
from orchestrator.emulator.world.generate import Filling, generate
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import App, Group, World
from tests.cli.commands.test_finish_apps import EVERY, prepared
from tests.cli.conftest import QUICK, Invoke, Local


class During(Enum):
    """The command that asks."""

    FINISH = auto()
    #: undo with every step of `finish`
    UNDO_OF_FINISH = auto()
    #: undo of a run that brought all of it
    UNDO = auto()
    #: undo of a run that merged over what was there
    UNDO_OF_MERGE = auto()


@dataclass(frozen=True, slots=True)
class Row:
    """What one kind of change asks of the service during one command."""

    during: During
    #: each loses the answer to one request
    operations: tuple[Operation, ...]
    #: requests that are carried out where none is lost
    requests: int
    #: instance, and for tasks also what the service says that it did
    at: tuple[str, str] = ("prod", "")
    #: of a job: what it removed or brought, app or task
    of: str = ""
    #: where two kinds share an operation: the number of the request that is lost
    place: int = 1
    #: no read shows it, and it repeats safely: what is lost is asked for again
    by_answer: bool = False


def finish(*operations: Operation, requests: int, **how: Any) -> Row:
    return Row(During.FINISH, operations, requests, **how)


def undo(*operations: Operation, requests: int, **how: Any) -> Row:
    return Row(During.UNDO_OF_FINISH, operations, requests, **how)


APPS, TASKS = 2, 2
CREATIONS = tuple(Operation(f"{kind}-create") for kind in PolicyKind)
REMOVALS = tuple(Operation(f"{kind}-delete") for kind in PolicyKind)
BINDS = (Operation.THROTTLE_BIND, Operation.ACL_BIND, Operation.SIGN_BIND, Operation.PLUGIN_ATTACH)
UNBINDS = (Operation.THROTTLE_UNBIND, Operation.ACL_UNBIND, Operation.SIGN_UNBIND, Operation.PLUGIN_DETACH)
TABLE: dict[ChangeKind, tuple[Row, ...]] = {
    ChangeKind.REMOVE_TASK: (Row(During.UNDO, (Operation.DELETE,), 1, of="task"),),
    # A caller goes before what it calls.
    ChangeKind.REMOVE_APP: (Row(During.UNDO, (Operation.DELETE,), APPS, of="app", place=2),),
    # One package holds both; a Merge repeats safely, and only a job that is known proves it.
    ChangeKind.RESTORE_APP: (Row(During.UNDO_OF_MERGE, (Operation.IMPORT,), 1, of="app", by_answer=True),),
    ChangeKind.RESTORE_TASK: (Row(During.UNDO_OF_MERGE, (Operation.IMPORT,), 1, of="task", by_answer=True),),
    ChangeKind.STOP_TASK: (
        finish(Operation.TASK_ACTION, requests=1, at=("dev", "stopped")),
        undo(Operation.TASK_ACTION, requests=1, at=("prod", "stopped")),
    ),
    ChangeKind.START_TASK: (
        finish(Operation.TASK_ACTION, requests=TASKS, at=("prod", "started"), place=2),
        undo(Operation.TASK_ACTION, requests=TASKS, at=("dev", "started"), place=2),
    ),
    ChangeKind.CREATE_ENTRY: (finish(Operation.DICTIONARY_CREATE, requests=2),),
    ChangeKind.REMOVE_ENTRY: (undo(Operation.DICTIONARY_DELETE, requests=2),),
    ChangeKind.ENTER_CONNECTION: (finish(Operation.DATASOURCE_CHANGE, requests=2 * APPS),),
    ChangeKind.EMPTY_CONNECTION: (undo(Operation.DATASOURCE_CHANGE, requests=2 * APPS),),
    ChangeKind.TEST_CONNECTION: (finish(Operation.TEST_CONNECT, requests=2 * APPS, by_answer=True),),
    ChangeKind.KEEP_SECRET: (finish(Operation.SECRET_CHANGE, requests=APPS),),
    ChangeKind.RENEW_SECRET: (undo(Operation.SECRET_CHANGE, requests=APPS),),
    ChangeKind.CREATE_APP_CODE: (finish(Operation.APP_CODE_CREATE, requests=APPS),),
    ChangeKind.DELETE_APP_CODE: (undo(Operation.APP_CODE_DELETE, requests=APPS),),
    ChangeKind.SET_MEMBERS: (
        finish(Operation.MEMBERS_CHANGE, requests=APPS),
        undo(Operation.MEMBERS_CHANGE, requests=APPS),
    ),
    ChangeKind.CREATE_GROUP: (finish(Operation.GROUP_CREATE, requests=1),),
    ChangeKind.REMOVE_GROUP: (undo(Operation.GROUP_DELETE, requests=1),),
    ChangeKind.IMPORT_API: (finish(Operation.API_IMPORT, requests=1),),
    ChangeKind.REMOVE_API: (undo(Operation.API_DELETE, requests=1),),
    ChangeKind.CREATE_ENVIRONMENT: (finish(Operation.ENV_CREATE, requests=1),),
    ChangeKind.REMOVE_ENVIRONMENT: (undo(Operation.ENV_DELETE, requests=1),),
    ChangeKind.PUBLISH_API: (finish(Operation.API_ACTION, requests=1),),
    ChangeKind.TAKE_OFFLINE: (undo(Operation.API_ACTION, requests=1),),
    ChangeKind.CREATE_POLICY: (finish(*CREATIONS, requests=4),),
    ChangeKind.REMOVE_POLICY: (undo(*REMOVALS, requests=4),),
    ChangeKind.BIND_POLICY: (finish(*BINDS, requests=4),),
    ChangeKind.UNBIND_POLICY: (undo(*UNBINDS, requests=4),),
    ChangeKind.AUTHORISE: (finish(Operation.AUTHORISE, requests=1),),
    ChangeKind.CANCEL_AUTHORISATION: (undo(Operation.AUTHORISATION_CANCEL, requests=1),),
    ChangeKind.CREATE_TOPIC: (finish(Operation.TOPIC_CREATE, requests=1),),
    ChangeKind.REMOVE_TOPIC: (undo(Operation.TOPIC_DELETE, requests=1),),
    ChangeKind.CREATE_PRODUCT: (finish(Operation.PRODUCT_IMPORT, requests=1),),
    ChangeKind.REMOVE_PRODUCT: (undo(Operation.PRODUCT_DELETE, requests=1),),
    ChangeKind.ALLOW_ON_TOPIC: (finish(Operation.TOPIC_ALLOW, requests=1),),
}
STEPS = "dictionaries,datasources,app_secrets,app_codes,members,apis,policies,topics,products,tasks"
MORE = "apis: {unpublished: import, publish: as-at-source}, policies: copy, topics: copy, products: copy"
REVIEWED = 'tasks: {start: ["*"], first_run: reviewed}'
LOST = [Kind.GATEWAY_TIMEOUT_AFTER, Kind.GATEWAY_TIMEOUT_BEFORE]


def test_each_kind_of_change_has_a_row() -> None:
    assert set(TABLE) == set(ChangeKind)
    assert set(ChangeKind) == BY_JOB | {ChangeKind(each) for each in KINDS}


@pytest.fixture
def world() -> World:
    """Something for every step: one draft in a group of its own that is published in TEST, policies, a caller."""
    filling = Filling(
        calls={"orders-web": ("billing-web",)}, unreleased_every=2, tested_every=2, policies_every=2, running_every=1
    )
    switches = Switches(
        list_secrets=Told.CLEAR,
        import_keeps_authorisations=False,
        calls_within_package=True,
        import_keeps_topics=False,
        import_keeps_products=False,
    )
    made = generate(APPS, TASKS, filling=filling, switches=switches, durations=QUICK)
    dev, prod = made.instances
    draft = next(each for each in dev.apis if each.published(RELEASE) is None)
    dev = replace(
        dev,
        apps=tuple(replace(app, members=(("alice", ("read", "modify")),)) for app in dev.apps),
        belongings=tuple(replace(each, others=((dev.apps[1].id, "sub"),)) for each in dev.belongings),
        groups=(*dev.groups, Group("alone", "alone-group", draft.app_id)),
        apis=tuple(replace(each, group_id="alone") if each == draft else each for each in dev.apis),
        dictionaries={**dev.dictionaries, "UNIT": "Unit", "UNIT/KG": "Kilogram"},
    )
    return replace(made, instances=(dev, prod))


def rewrite(local: Local, old: str, new: str) -> None:
    text = local.plan.read_text(encoding="utf-8")
    assert old in text
    local.plan.write_text(text.replace(old, new), encoding="utf-8")


def prod(local: Local) -> Holding:
    return local.api.service.holding("prod")


@pytest.fixture
def moved(quick: Local, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> Local:
    """All of it is at prod, and its plan asks for every step; for the entries only since the run is over."""
    rewrite(quick, 'tasks: "*"}', 'calls: {orders-web: ["billing-web"]}, tasks: "*"}')
    prepared(quick, monkeypatch, f"{EVERY}, {MORE}, {REVIEWED}")
    done = invoke("run", str(quick.plan))
    assert done.exit_code in {0, 1}, done.output
    rewrite(quick, "finish: {", "finish: {dictionaries: create, ")
    return quick


def rows(during: During) -> Iterator[tuple[ChangeKind, Row]]:
    return ((kind, row) for kind, every in TABLE.items() for row in every if row.during is during)


def requests(during: During) -> Iterable[Row]:
    """One row for each request that loses its answer: some carry changes of two kinds."""
    return {(row.operations, row.place): row for _, row in rows(during)}.values()


@contextmanager
def losing(local: Local, lost: Kind, during: During) -> Iterator[None]:
    """One answer to each request of a command is lost; each is carried out once for each object all the same."""
    local.api.strikes.clear()
    took_effect = lost is Kind.GATEWAY_TIMEOUT_AFTER
    for row in requests(during):
        # A request that took no effect is asked for once more, before the next one.
        nth = row.place if took_effect else 2 * row.place - 1
        for operation in row.operations:
            local.api.strikes.add(Rule(lost, frozenset({operation}), nth=nth))
    calls, asked = len(local.api.service.ledger.calls), Counter(local.api.requests)
    struck = local.api.strikes.counts[lost]
    yield
    done = {kind: carried_out(local, row, calls) for kind, row in rows(during)}
    assert done == {kind: row.requests + (row.by_answer and took_effect) for kind, row in rows(during)}
    wanted = Counter[tuple[Operation, ...]]()
    for row in requests(during):
        again = 0 if took_effect and not row.by_answer else len(row.operations)
        wanted[row.operations] += row.requests + again
    since = {each: sum(local.api.requests[one] - asked[one] for one in each) for each in wanted}
    assert since == wanted, "what took effect is asked for once"
    assert local.api.strikes.counts[lost] - struck == sum(len(row.operations) for row in requests(during))


def carried_out(local: Local, row: Row, first: int) -> int:
    """How often the service did it since so many calls."""
    instance, outcome = row.at
    ledger = local.api.service.ledger
    jobs = {each.job_id for each in ledger.removed if each.kind == row.of}
    jobs |= {each.job_id for each in ledger.landed if each.kind == row.of}
    return sum(
        each.operation in row.operations
        and each.instance == instance
        and (each.outcome == outcome if outcome else "." not in each.outcome)
        and (not row.of or each.job_id in jobs)
        for each in ledger.calls[first:]
    )


def done_by(invoke: Invoke, *words: str) -> set[str]:
    """Kinds of what a command did; everything went well."""
    told = invoke(*words, "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert set(found["counts"]) == {"done"}, found
    return {each["kind"] for each in found["changes"]}


def kinds(during: During) -> set[str]:
    return {kind.value for kind, _ in rows(during)}


@pytest.mark.parametrize("lost", LOST)
def test_what_a_finish_asks_for_is_not_repeated_blindly_nor_what_takes_it_back(
    lost: Kind, moved: Local, invoke: Invoke
) -> None:
    for during, words in (
        (During.FINISH, ("finish", "--step", STEPS)),
        (During.UNDO_OF_FINISH, ("undo", "--step", STEPS, "--yes")),
        (During.UNDO, ("undo", "--yes")),
    ):
        if during is During.UNDO:
            # While the job of a lost answer may run, its slot is taken.
            rewrite(moved, "settle_quiet: 0s", "settle_quiet: 1s")
        with losing(moved, lost, during):
            assert done_by(invoke, *words) == kinds(during)
    assert (prod(moved).apps.all(), prod(moved).tasks.all(), prod(moved).apis.all()) == ((), (), ())


@pytest.fixture
def merged(quick: Local, invoke: Invoke) -> Local:
    """A run that has merged over an application and a task of prod."""
    dev = quick.world.instance("dev")
    app = App("00000000-2222-3333-4444-555555555555", dev.apps[0].name, "key-0", "", "prod-migrator", revision=41)
    prod(quick).apps.put(app)
    task = replace(
        dev.tasks[0],
        id="0" * 32,
        source_app_id=app.id,
        target_app_id=app.id,
        source_datasource_id="",
        target_datasource_id="",
        owner="prod-migrator",
        running=False,
        revision=42,
    )
    prod(quick).tasks.put(task)
    rewrite(quick, 'tasks: "*"}', 'calls: {orders-web: ["billing-web"]}, tasks: "*", mode: Merge}')
    done = invoke("run", str(quick.plan))
    assert done.exit_code in {0, 1}, done.output
    return quick


@pytest.mark.parametrize("lost", LOST)
def test_what_a_merge_overwrote_is_there_again_although_an_answer_was_lost(
    lost: Kind, merged: Local, invoke: Invoke
) -> None:
    with losing(merged, lost, During.UNDO_OF_MERGE):
        assert done_by(invoke, "undo", "--yes") == kinds(During.UNDO_OF_MERGE) | kinds(During.UNDO)
    left = {each.name: each.revision for each in prod(merged).apps.all()}
    left |= {each.name: each.revision for each in prod(merged).tasks.all()}
    assert sorted(left.values()) == [41, 42]
