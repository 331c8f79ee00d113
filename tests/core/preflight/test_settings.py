"""What must be set alike on both sides."""

from collections.abc import Mapping

from orchestrator.core.model.checks import Verdict
from orchestrator.core.model.instance_facts import Unread
from orchestrator.core.model.inventory import DictionaryEntry, ProjectConfig
from tests.builders.inventories import PreviewCase, api, held_app, told

WEB = {"dev": (held_app("web"), held_app("core"))}


def between(**sides: Mapping[str, object]) -> PreviewCase:
    facts = {name: told(name, **sides.get(name, {})) for name in ("dev", "prod")}
    return PreviewCase(held=WEB, facts=facts)


def test_a_feature_that_is_on_at_one_side_is_a_warning_for_all_that_moves() -> None:
    (check,) = between(dev={"features": {"cors": True}}).findings()
    assert (check.id, check.verdict, check.where) == ("instance-features", Verdict.WARNING, "m@prod")
    assert check.assets == ("core", "web")
    assert "cors is on at dev only" in check.sentence


def test_a_switch_that_both_sides_tell_must_be_equal() -> None:
    here, there = ((ProjectConfig("APP_ROUTE_SWITCH", value),) for value in ("on", "off"))
    assert between(dev={"configs": here}, prod={"configs": there}).fired() == {"instance-features": Verdict.WARNING}
    assert between(dev={"configs": here}).fired() == {}


def test_conflicting_paths_block_only_where_app_route_differs() -> None:
    apis = (api("a", "web", path="/same"), api("b", "core", path="/same"))
    equal = {"features": {"app_route": True}}
    assert between(dev={"apis": apis, **equal}, prod=equal).fired() == {}
    (check,) = between(dev={"apis": apis}, prod=equal).findings()
    assert (check.id, check.verdict) == ("api-path-conflicts", Verdict.BLOCKER)
    assert check.assets == ("core", "web")


def test_where_app_route_differs_without_a_conflict_it_is_a_difference_like_others() -> None:
    case = between(dev={"apis": (api("a", "web"),)}, prod={"features": {"app_route": True}})
    assert case.fired() == {"instance-features": Verdict.WARNING}


def test_an_api_that_stays_behind_conflicts_with_nothing() -> None:
    apis = (api("a", "web", path="/same"), api("b", "core", path="/same", released=False))
    case = between(dev={"apis": apis}, prod={"features": {"app_route": True}})
    assert "api-path-conflicts" not in case.fired()


def test_a_path_of_another_application_at_the_target_conflicts() -> None:
    there = {"features": {"app_route": True}, "apis": (api("x", "somebody", path="/a"),)}
    case = between(dev={"apis": (api("a", "web"),)}, prod=there)
    assert case.fired() == {"api-path-conflicts": Verdict.BLOCKER}


def test_dictionary_entries_that_are_missing_or_different_are_named() -> None:
    here = (DictionaryEntry("COUNTRY", "Country"), DictionaryEntry("DE", "Germany", "COUNTRY"))
    there = (DictionaryEntry("COUNTRY", "Land"), DictionaryEntry("MORE", "More"))
    (check,) = between(dev={"dictionaries": here}, prod={"dictionaries": there}).findings()
    assert check.id == "dictionaries"
    assert "COUNTRY, DE" in check.sentence


def test_unread_features_leave_both_checks_unchecked_once_per_instance() -> None:
    found = between(prod={"features": Unread("refused")}).findings()
    assert sorted(check.id for check in found) == ["api-path-conflicts", "instance-features"]
    assert {check.verdict for check in found} == {Verdict.NOT_CHECKED}
