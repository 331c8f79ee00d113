"""What a run would do: the digest, the assets' fates, what travels with them."""

from dataclasses import replace

from orchestrator.core.model.instance_facts import read_or
from orchestrator.core.plan.plan import Mode, Target
from orchestrator.core.preflight.expected_outcomes import Expected
from orchestrator.core.selection.routes import EarlierImports, Kept
from tests.builders.inventories import PreviewCase, api, datasource, held_app, held_task, told
from tests.builders.plans import migration

HELD = {"dev": (held_app("web"), held_app("core"), held_task("load", "web", "core", running=True))}


def test_the_digest_has_the_form_that_change_tickets_quote() -> None:
    first, _, second = PreviewCase(held=HELD).preview().digest.partition("-")
    assert (len(first), len(second)) == (4, 4)
    assert int(first + second, 16) >= 0


def test_the_digest_survives_other_credentials_and_run_states_and_times() -> None:
    before = PreviewCase(held=HELD).preview().digest
    known = PreviewCase(held=HELD).plan.credentials["c"]
    renewed = PreviewCase(held=HELD, credentials={"new": known}, used={"dev": ("new",), "prod": ("new",)})
    stopped = {"dev": (*HELD["dev"][:2], held_task("load", "web", "core"))}
    later = {"dev": tuple(replace(each, update_time="2027-01-01T00:00:00Z") for each in HELD["dev"])}
    assert renewed.preview().digest == before
    assert PreviewCase(held=stopped).preview().digest == before
    assert PreviewCase(held=later).preview().digest == before


def test_the_digest_changes_with_names_and_members_and_modes() -> None:
    before = PreviewCase(held=HELD).preview().digest
    renamed = {"dev": (replace(HELD["dev"][0], name="shop"), *HELD["dev"][1:])}
    others = [
        PreviewCase(held=renamed), PreviewCase(held={"dev": HELD["dev"][:2]}),
        PreviewCase((migration(target=Target("prod", Mode.MERGE)),), HELD),
        PreviewCase((migration(target=Target("prod", prefix="x_")),), HELD),
        PreviewCase((migration(calls=(("web", ("core",)),)),), HELD),
    ]  # fmt: skip
    assert len({before, *(case.preview().digest for case in others)}) == 6


def test_each_selected_asset_is_foreseen_once_with_its_batch_and_owner() -> None:
    made = PreviewCase(held=HELD).preview()
    assert [(each.name, each.fate) for each in made.assets] == [
        ("core", Expected.CREATED), ("web", Expected.CREATED), ("load", Expected.CREATED),
    ]  # fmt: skip
    assert {each.batch for each in made.assets} == {made.batches[0].batch}
    assert {each.owner for each in made.assets} == {"ann"}
    assert made.assets[2].links == ("id-core", "id-web")


def test_fates_tell_created_overwritten_skipped_and_refused_apart() -> None:
    held = {**HELD, "prod": (held_app("web"),)}
    merged = PreviewCase((migration(target=Target("prod", Mode.MERGE)),), held).preview()
    assert [each.fate for each in merged.assets] == [Expected.CREATED, Expected.OVERWRITTEN, Expected.CREATED]
    added = PreviewCase(held=held).preview()
    assert [each.fate for each in added.assets] == [Expected.CREATED, Expected.REFUSED, Expected.CREATED]
    assert added.assets[1].present == ("web",)
    history = EarlierImports({("prod", "", "dev", "id-web"): Kept(("id-web",), "c", "r1")})
    again = PreviewCase(held=held, history=history).preview()
    assert [each.fate for each in again.assets] == [Expected.CREATED, Expected.SKIPPED, Expected.CREATED]
    assert not again.blockers


def test_what_should_travel_with_an_application_is_frozen_with_it() -> None:
    apis = (api("a", "web"), api("lost", "web", released=False))
    facts = {"dev": told("dev", datasources=(datasource("db", "web"),), apis=apis)}
    (batch,) = PreviewCase(held=HELD, facts=facts).preview().batches
    contents = {asset.name: asset.contents for asset in batch.assets}
    assert contents == {"web": ("api:GET /a", "datasource:db"), "core": (), "load": ()}
    assert read_or(facts["dev"].features, {"x": True}) == {}


def test_a_cycle_packs_nothing_and_still_foresees_what_is_selected() -> None:
    made = PreviewCase((migration(calls=(("web", ("core",)), ("core", ("web",)))),), HELD).preview()
    assert not made.batches
    assert len(made.assets) == 3
    assert made.blockers
