"""Submissions, components and workers in PostgreSQL. Law: where a component stands is written by whoever holds it.

A person's word (`wake`, `park`) is the exception: it is taken only where it fits what stands there at that moment.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import groupby
from typing import Any, TypeVar

from orchestrator.core.model.counts import count
from orchestrator.core.state.submissions import (
    Approved,
    ComponentState,
    Stands,
    Submission,
    SubmissionCounts,
    SubmittedComponent,
    Worker,
    counts_of,
    standing_after,
)
from orchestrator.errors import ExitCode, HeldElsewhere, LeaseLost, OperatorError
from orchestrator.storage.leases import Denied
from orchestrator.storage.locks import Holder
from orchestrator.storage.postgres.database import Connection, Database
from orchestrator.storage.postgres.holdings import Holdings
from orchestrator.storage.postgres.journal import ALL_HELD, HELD
from orchestrator.storage.submissions import NO_PARTS

T = TypeVar("T")

#: what the lease of a component is called
_COMPONENT = "component "
_NOW = "extract(epoch FROM clock_timestamp())::double precision"
_SUBMISSION = "SELECT id, plan, plan_file, plan_text, author, host, note, at, approved FROM submission"
_COLUMNS = """c.id, c.submission, c.plan, c.migrations, c.grp, c.keys, c.state, c.code, c.why, c.not_before, c.tries,
    coalesce((SELECT max(r.id) FROM run AS r WHERE r.component = c.id), '')"""
_COMPONENTS = f"SELECT {_COLUMNS} FROM component AS c"
_IN_ORDER = "ORDER BY c.submission, length(c.id), c.id"
_NOBODY_HOLDS = f"""NOT EXISTS (SELECT FROM lease AS l
    WHERE l.key = '{_COMPONENT}' || c.id AND l.expires > clock_timestamp())"""
_DUE = f"""{_COMPONENTS} WHERE c.state = 'waiting' AND c.grp IN ('', %s) AND c.not_before <= {_NOW} AND {_NOBODY_HOLDS}
    {_IN_ORDER} LIMIT %s"""
_HOLDERS = f"""SELECT c.id, l.holder FROM component AS c JOIN lease AS l ON l.key = '{_COMPONENT}' || c.id
    WHERE c.submission = %s AND l.expires > clock_timestamp()"""
#: Whoever runs the plan by itself holds this row; whoever submits it holds it until its transaction ends.
_TAKE_PLAN = """
INSERT INTO lease AS l (key, holder, epoch, since, expires) VALUES (%(key)s, '', 1, clock_timestamp(), '-infinity')
ON CONFLICT (key) DO UPDATE SET epoch = l.epoch + 1 WHERE l.expires <= clock_timestamp() RETURNING key
"""
_OPEN = """
SELECT s.id, s.author, s.host, s.approved, count(*) FILTER (WHERE c.state <> 'done'), count(*)
FROM submission AS s JOIN component AS c ON c.submission = s.id WHERE s.plan = %s
GROUP BY s.id HAVING bool_or(c.state <> 'done') ORDER BY s.id LIMIT 1
"""
_SUBMIT = """INSERT INTO submission (id, plan, plan_file, plan_text, author, host, note, at, approved)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_ADD = """INSERT INTO component (id, submission, plan, migrations, grp, keys, approved)
    VALUES (%s, %s, %s, %s, %s, %s, %s)"""
#: What waits for a person and never began: where a run stands, only its journal tells what became of it.
_GIVE_UP = f"""UPDATE component AS c SET state = 'done', code = %s, why = %s || c.why
    WHERE c.plan = %s AND c.state = 'parked' AND {_NOBODY_HOLDS}
    AND NOT EXISTS (SELECT FROM run AS r WHERE r.component = c.id) RETURNING {_COLUMNS}"""
_TRIED = f"""WITH {HELD}
UPDATE component AS c SET tries = tries + 1 WHERE id = %(id)s AND {ALL_HELD} RETURNING {_COLUMNS}"""
_ENDED = f"""WITH {HELD}
UPDATE component AS c SET state = %(state)s, code = %(code)s, why = %(why)s, not_before = %(not_before)s, tries = 0
WHERE id = %(id)s AND {ALL_HELD} RETURNING {_COLUMNS}"""
_WAKE = f"""UPDATE component AS c SET state = 'waiting', not_before = 0, tries = 0
    WHERE id = %s AND (state = 'parked' OR (state = 'waiting' AND (not_before > {_NOW} OR tries > 0)))"""
_PARK = f"""UPDATE component AS c SET state = 'parked', code = %s, why = %s, not_before = 0
    WHERE id = %s AND state = 'waiting' AND {_NOBODY_HOLDS}"""
#: whatever is done is begun no more, so that no run comes into being beneath it
_FORGET = """DELETE FROM submission AS s WHERE s.id = %s AND NOT EXISTS (SELECT FROM component AS c
    WHERE c.submission = s.id AND (c.state <> 'done' OR EXISTS (SELECT FROM run AS r WHERE r.component = c.id)))"""
_SEEN = """INSERT INTO worker AS w (id, host, pid, grp, version, started, seen, draining)
    VALUES (%s, %s, %s, %s, %s, clock_timestamp(), clock_timestamp(), %s)
    ON CONFLICT (id) DO UPDATE SET seen = clock_timestamp(), draining = excluded.draining"""
#: what was killed long ago is no news any more
_FORGET_DEAD = "DELETE FROM worker WHERE seen < clock_timestamp() - interval '1 day'"
_WORKERS = """SELECT id, host, pid, grp, version, draining, extract(epoch FROM started)::double precision,
    greatest(0, extract(epoch FROM clock_timestamp() - seen))::double precision FROM worker ORDER BY grp, started, id"""

#: seconds for which a submission that is done is counted
_WEEK = 7 * 86400
_COUNTS = f"""SELECT s.plan, s.id, CASE
        WHEN EXISTS (SELECT FROM lease AS l WHERE l.key = '{_COMPONENT}' || c.id AND l.expires > clock_timestamp())
            THEN '{Stands.CONDUCTED}'
        WHEN c.state = 'waiting' AND c.not_before > {_NOW} THEN '{Stands.LATER}' ELSE c.state END AS stands,
    c.code, count(*)
FROM (SELECT DISTINCT ON (plan) plan, id, at FROM submission ORDER BY plan, id DESC) AS s
JOIN component AS c ON c.submission = s.id
WHERE s.at > {_NOW} - {_WEEK} OR EXISTS (SELECT FROM component AS o WHERE o.submission = s.id AND o.state <> 'done')
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""


class PostgresSubmissions:
    """What the rows say. Any thread may ask."""

    def __init__(self, database: Database, holdings: Holdings, journal: str) -> None:
        self._database, self._holdings = database, holdings
        self.journal = journal

    @property
    def ttl(self) -> float:
        return self._holdings.ttl

    # --- looking -----------------------------------------------------------------------------------------------------

    def ids(self) -> list[str]:
        return [str(row[0]) for row in self._rows("SELECT id FROM submission ORDER BY id")]

    def of_plan(self, plan: str) -> list[str]:
        return [str(row[0]) for row in self._rows("SELECT id FROM submission WHERE plan = %s ORDER BY id", plan)]

    def submission(self, id_: str) -> Submission:
        rows = self._rows(f"{_SUBMISSION} WHERE id = %s", id_)
        if not rows:
            raise OperatorError(f"there is no submission {id_}", next_step="roma-migrate status PLAN")
        *told, approved = rows[0]
        return replace(Submission(*told), approved=_approved(approved))

    def components(self, submission: str) -> list[SubmittedComponent]:
        return _components(self._rows(f"{_COMPONENTS} WHERE c.submission = %s {_IN_ORDER}", submission))

    def component(self, id_: str) -> SubmittedComponent:
        found = _components(self._rows(f"{_COMPONENTS} WHERE c.id = %s", id_))
        if not found:
            raise OperatorError(f"there is no component {id_}", next_step="roma-migrate status PLAN")
        return found[0]

    def approved_part(self, component: str) -> str:
        rows = self._rows("SELECT approved FROM component WHERE id = %s", component)
        return str(rows[0][0]) if rows else ""

    def due(self, group: str, most: int) -> list[SubmittedComponent]:
        return _components(self._rows(_DUE, group, most))

    def holders(self, submission: str) -> Mapping[str, Holder]:
        return {str(id_): parse_holder(holder) for id_, holder in self._rows(_HOLDERS, submission)}

    def workers(self) -> list[Worker]:
        return [Worker(*row) for row in self._rows(_WORKERS)]

    def counts(self) -> list[SubmissionCounts]:
        plans = groupby(self._rows(_COUNTS), key=lambda row: (row[0], row[1]))
        return [counts_of(*name, ((Stands(row[2]), row[3], row[4]) for row in rows)) for name, rows in plans]

    def held_here(self) -> int:
        return sum(key.startswith(_COMPONENT) for key in self._holdings.epochs)

    def must_be_over(self, plan: str, approved: str | None = None) -> None:
        self._database.ask(lambda db: _must_be_over(db, plan, approved))

    # --- writing -----------------------------------------------------------------------------------------------------

    def submit(
        self, submission: Submission, components: Sequence[SubmittedComponent], parts: Mapping[str, str] = NO_PARTS
    ) -> None:
        def submitted(db: Connection) -> None:
            with db.transaction():
                _take_plan(db, submission.plan)
                if db.execute("SELECT FROM submission WHERE id = %s", (submission.id,)).fetchone() is not None:
                    return  # the answer to an earlier try was lost
                told, approved = submission, submission.approved
                _must_be_over(db, submission.plan, approved.id if approved else "")
                kept = json.dumps(asdict(approved)) if approved else ""
                given = (told.id, told.plan, told.plan_file, told.plan_text, told.by, told.host, told.note, told.at)
                db.execute(_SUBMIT, (*given, kept))
                rows = [
                    (each.id, told.id, told.plan, list(each.migrations), each.group, list(each.keys),
                     parts.get(each.id, ""))
                    for each in components
                ]  # fmt: skip
                with db.cursor() as cursor:
                    cursor.executemany(_ADD, rows)

        self._database.ask(submitted)

    def give_up(self, plan: str, why: str) -> list[SubmittedComponent]:
        def given_up(db: Connection) -> list[SubmittedComponent]:
            with db.transaction():
                _take_plan(db, plan)
                rows = db.execute(_GIVE_UP, (int(ExitCode.INCOMPLETE), why, plan)).fetchall()
                _must_be_over(db, plan, None)
            return _components(rows)

        return self._database.ask(given_up)

    def forget(self, submission: str) -> bool:
        return self._written(_FORGET, submission) > 0

    @contextmanager
    def held(self, component: SubmittedComponent, name: str) -> Iterator[None]:
        own = component_lease(component.id)
        keys = [own, *component.keys]
        answer = self._holdings.take(keys, name, waiter=own)
        if isinstance(answer, Denied):
            raise HeldElsewhere(
                f"component {component.id} cannot be had: {_in_the_way(answer)}", next_step="roma-migrate status"
            )
        try:
            yield
        finally:
            self._holdings.release(keys)

    def tried(self, component: str) -> SubmittedComponent:
        return self._moved(_TRIED, {"id": component})

    def ended(self, component: str, code: int, why: str, not_before: float) -> SubmittedComponent:
        def now(db: Connection) -> float:
            return float((db.execute(f"SELECT {_NOW}").fetchone() or (0.0,))[0])

        after = standing_after(code, not_before, self._holdings.under(self._database, now))
        given = {
            "id": component, "code": code, "why": why, "state": after.state.value, "not_before": after.not_before,
        }  # fmt: skip
        return self._moved(_ENDED, given)

    def wake(self, component: str) -> bool:
        return self._written(_WAKE, component) > 0

    def park(self, component: str, code: int, why: str) -> bool:
        return self._written(_PARK, code, why, component) > 0

    def seen(self, worker: Worker) -> None:
        def noted(db: Connection) -> None:
            db.execute(_FORGET_DEAD)
            db.execute(_SEEN, (worker.id, worker.host, worker.pid, worker.group, worker.version, worker.draining))

        self._database.ask(noted)

    def left(self, worker: str) -> None:
        self._written("DELETE FROM worker WHERE id = %s", worker)

    def _moved(self, sql: str, given: Mapping[str, object]) -> SubmittedComponent:
        row = self._holdings.fenced(self._database, lambda db, fence: db.execute(sql, {**given, **fence}).fetchone())
        if row is None:
            raise LeaseLost(f"component {given['id']}: another process has taken it over, or may have")
        return _components([row])[0]

    def _written(self, sql: str, *given: object) -> int:
        return self._database.ask(lambda db: db.execute(sql, given).rowcount)

    def _rows(self, sql: str, *given: object) -> list[tuple[Any, ...]]:
        return self._database.ask(lambda db: db.execute(sql, given).fetchall())


def plan_lease(plan: str) -> str:
    """The lease of who runs a whole plan."""
    return f"plan {plan}"


def component_lease(component: str) -> str:
    """The lease of who conducts a component."""
    return f"{_COMPONENT}{component}"


def parse_holder(text: str) -> Holder:
    """Who holds a plan or a component, out of what its lease names."""
    read = json.loads(text)
    return Holder(str(read["host"]), int(read["pid"]), str(read["since"]))


def _take_plan(db: Connection, plan: str) -> None:
    """Whoever submits the same plan at this moment waits for the end of this transaction."""
    if db.execute(_TAKE_PLAN, {"key": plan_lease(plan)}).fetchone() is None:
        row = db.execute("SELECT holder FROM lease WHERE key = %s", (plan_lease(plan),)).fetchone()
        by = f" by {_told(row[0])}" if row and row[0] else ""
        raise HeldElsewhere(f"plan {plan} is run{by}", next_step="roma-migrate status")


def _must_be_over(db: Connection, plan: str, mine: str | None) -> None:
    """`mine`: the saved preview of who asks, "" for none; None where it makes no difference."""
    row = db.execute(_OPEN, (plan,)).fetchone()
    if row is not None:
        id_, by, host, approved, left, all_ = row
        raise HeldElsewhere(
            f"plan {plan} was submitted by {by} on {host} as {id_}, of which {left} of {count(all_, 'component')} "
            f"{'is' if left == 1 else 'are'} not done{_under_another(_approved(approved), mine)}",
            next_step=f"roma-migrate status {id_}",
        )


def _under_another(approved: Approved | None, mine: str | None) -> str:
    if mine is None or mine == (approved.id if approved else ""):
        return ""
    if approved is None:
        return "; it carries out no saved preview, and this one must wait for its end"
    told = f"; it carries out the saved preview {approved.digest} ({approved.id[:8]}) of {approved.by}"
    return f"{told}, and {'another one' if mine else 'what nobody approved'} must wait for its end"


def _approved(text: str) -> Approved | None:
    return Approved(**json.loads(text)) if text else None


def _in_the_way(denied: Denied) -> str:
    try:
        by = _told(denied.holder)
    except (ValueError, KeyError):
        by = denied.holder  # a run, or the component that waits
    return f"{denied.key} is kept for {by}, who has waited longer" if denied.queued else f"{denied.key} is held by {by}"


def _told(holder: str) -> str:
    held = parse_holder(holder)
    return f"process {held.pid} on {held.host} since {held.since}"


def _components(rows: Sequence[tuple[Any, ...]]) -> list[SubmittedComponent]:
    return [
        SubmittedComponent(
            id_, submission, plan, tuple(migrations), group, tuple(keys), ComponentState(state), code, why, not_before,
            tries, run,
        )
        for id_, submission, plan, migrations, group, keys, state, code, why, not_before, tries, run in rows
    ]  # fmt: skip
