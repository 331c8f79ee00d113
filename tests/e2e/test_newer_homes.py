"""A home that a newer version has written to is refused with 7 by this one, and stays as it is."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.storage.home import Home, head_path
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk
from tests.e2e.local_roma import small_world

#: the last entry of a journal, as a newer version may have written it: kind and body
Newer = Callable[[str, str], tuple[str, str]]
NEWER: dict[str, Newer] = {
    "another kind of event": lambda kind, body: ("RunWasBlessed", body),
    "another field of a known one": lambda kind, body: (kind, json.dumps({**json.loads(body), "blessed_by": "olga"})),
}
COMMANDS = (
    ("status", "t"), ("report", "t"), ("run", "plan.yaml"), ("run", "plan.yaml", "--resume", "--if-due"),
    ("undo", "t", "--dry-run"), ("undo", "t", "--yes"), ("verify", "t"), ("handover", "t"), ("forget", "t", "--yes"),
    ("runs",),
)  # fmt: skip


def rewrite_last(journal: Path, newer: Newer) -> None:
    """With a true chain: nothing is damaged."""
    with closing(sqlite3.connect(journal)) as db:
        rows = db.execute("SELECT seq, at, kind, body, chain FROM event ORDER BY seq DESC LIMIT 2").fetchall()
        (seq, at, kind, body, _), before = rows[0], rows[1][4]
        kind, body = newer(kind, body)
        chain = hashlib.sha256(f"{before}\n{seq}\n{at!r}\n{kind}\n{body}".encode()).hexdigest()
        db.execute("UPDATE event SET kind = ?, body = ?, chain = ? WHERE seq = ?", (kind, body, chain, seq))
        db.execute("UPDATE lease SET chain = ?", (chain,))
        db.commit()
    head_path(journal).unlink()


@pytest.mark.parametrize("what", NEWER)
def test_what_this_version_cannot_read_whole_is_refused_by_every_command(what: str, serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(1, 2))
    desk.ready(roma)
    assert desk.run("run", "plan.yaml").code == 0
    home = Home(desk.home)
    journal = home.journal(home.run_ids()[-1])
    rewrite_last(journal, NEWER[what])
    kept, posts = journal.read_bytes(), roma.posts()
    for command in COMMANDS:
        said = desk.run(*command)
        assert said.code == 7, f"{command}: {said.both}"
        assert "a newer roma-migrate wrote it" in said.err
        assert "Traceback" not in said.both
    assert journal.read_bytes() == kept
    assert roma.posts() == posts
    assert list(home.run_ids()) == sorted(home.run_ids())


def test_tables_of_a_newer_version_are_refused(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world(1, 2))
    desk.ready(roma)
    assert desk.run("run", "plan.yaml").code == 0
    home = Home(desk.home)
    with closing(sqlite3.connect(home.slots)) as db:
        db.execute("PRAGMA user_version = 99")
        db.commit()
    posts = roma.posts()
    said = desk.run("run", "plan.yaml")
    assert said.code == 7, said.both
    assert "a later version of roma-migrate" in said.err
    assert roma.posts() == posts
