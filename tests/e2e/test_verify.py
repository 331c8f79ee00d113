"""`verify` of the installed program: each thing that went wrong after a run is found, and a clean run is clean."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.world.world import DictionaryEntry
from tests.e2e.conftest import Serve
from tests.e2e.desk import Desk, Said
from tests.e2e.local_roma import LocalRoma, small_world

LATE = "11111111-2222-3333-4444-555555555555"


def changed(roma: LocalRoma, change: Callable[[Holding, Holding], str]) -> str:
    """Change what dev and prod hold; the name of what was changed."""

    def act(api: Api) -> str:
        return change(api.service.holding("dev"), api.service.holding("prod"))

    return roma.ask(act)


def found(said: Said, name: str) -> tuple[str, str]:
    """Finding and why or drift of one asset."""
    (row,) = (each for each in said.document["assets"] if each["name"] == name)
    return row["finding"], row["why"] or row["drift"]


def delete_task(dev: Holding, prod: Holding) -> str:
    gone = min(prod.tasks.all(), key=lambda each: each.name)
    prod.tasks.remove(gone.id)
    return gone.name


def rename_app(dev: Holding, prod: Holding) -> str:
    old = min(prod.apps.all(), key=lambda each: each.name)
    prod.apps.put(replace(old, name="by-another-name"))
    return old.name


def repoint_task(dev: Holding, prod: Holding) -> str:
    old = max(prod.tasks.all(), key=lambda each: each.name)
    other = next(each for each in prod.apps.all() if each.id not in {old.source_app_id, old.target_app_id})
    prod.tasks.put(replace(old, source_app_id=other.id))
    return old.name


def add_at_source(dev: Holding, prod: Holding) -> str:
    dev.apps.put(replace(dev.apps.all()[0], id=LATE, name="late-comer", key="late"))
    return "late-comer"


def lack_child_entry(dev: Holding, prod: Holding) -> str:
    dev.dictionary.put(DictionaryEntry("de", "DE", "Germany", "COUNTRY"))
    return "COUNTRY/DE"


def lose_key(dev: Holding, prod: Holding) -> str:
    old = max(prod.apps.all(), key=lambda each: each.name)
    prod.apps.put(replace(old, key="another-key"))
    return old.name


def test_each_is_found_beside_the_others_and_before_any_the_run_is_clean(serve: Serve, desk: Desk) -> None:
    roma = serve(small_world())
    desk.ready(roma)
    assert desk.run("run", "plan.yaml").code == 0
    posts = roma.posts()
    clean = desk.run("verify", "--strict", "--json")
    assert clean.code == 0, clean.both
    assert clean.document["verdict"] == "both sides agree"
    assert {each["finding"] for each in clean.document["assets"]} == {"present"}
    assert clean.document["dictionaries"] == []

    key = changed(roma, lose_key)
    entry = changed(roma, lack_child_entry)
    added = changed(roma, add_at_source)
    told = desk.run("verify", "--json")
    assert told.code == 0, "what a person does after a run is no failure of it"
    assert found(told, added) == ("added at the source", "the plan selects it now, and the run does not carry it")
    assert [each["entry"] for each in told.document["dictionaries"]] == [entry]
    assert keys(told.document) == [key]
    assert desk.run("verify", "--strict").code == 1

    gone, renamed, repointed = (changed(roma, each) for each in (delete_task, rename_app, repoint_task))
    told = desk.run("verify", "--json")
    assert told.code == 1, told.both
    assert found(told, gone)[0] == "missing"
    assert found(told, renamed) == ("different", "it bears the name by-another-name now")
    assert found(told, repointed)[0] == "different"
    assert "touch" in found(told, repointed)[1]
    assert roma.posts() == posts, "it only reads"


def keys(document: dict[str, Any]) -> list[str]:
    """Applications whose key did not travel."""
    return next(each["without"] for each in document["informing"] if each["thing"] == "key")
