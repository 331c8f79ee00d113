"""What applications carry with them: data sources, APIs, calls."""

import pytest

from orchestrator.core.model.checks import Verdict
from orchestrator.core.model.instance_facts import Facts
from orchestrator.core.model.inventory import DataSource, ProjectConfig
from orchestrator.core.plan.plan import Mode, Settings, Target
from orchestrator.core.selection.routes import EarlierImports, Kept
from tests.builders.inventories import PreviewCase, api, datasource, held_app, held_task, told
from tests.builders.plans import migration

DB = datasource("db", "web")


def with_sources(**held: tuple[DataSource, ...]) -> dict[str, Facts]:
    return {name: told(name, datasources=sources) for name, sources in held.items()}


def test_an_id_that_the_target_holds_blocks_under_add_new_and_not_under_merge() -> None:
    facts = with_sources(dev=(DB,), prod=(DB,))
    held = {"dev": (held_app("web"),)}
    (check,) = PreviewCase(held=held, facts=facts).findings()
    assert (check.id, check.verdict, check.assets) == ("datasource-id-collision", Verdict.BLOCKER, ("web",))
    assert PreviewCase((migration(target=Target("prod", Mode.MERGE)),), held, facts).fired() == {}


def test_what_an_earlier_run_of_this_plan_brought_is_a_warning() -> None:
    history = EarlierImports({("prod", "", "dev", "id-web"): Kept(("gone",), "c", "r1")})
    case = PreviewCase(held={"dev": (held_app("web"),)}, facts=with_sources(dev=(DB,), prod=(DB,)), history=history)
    assert case.fired() == {"datasource-id-collision": Verdict.WARNING}


def test_one_source_under_two_prefixes_brings_its_data_sources_twice() -> None:
    migrations = tuple(migration(p, target=Target("prod", prefix=p)) for p in ("a_", "b_"))
    case = PreviewCase(migrations, {"dev": (held_app("web"),)}, with_sources(dev=(DB,)))
    (check,) = case.findings("datasource-id-collision")
    assert (check.verdict, check.where) == (Verdict.WARNING, "b_@prod")


def test_equal_ids_of_two_sources_block() -> None:
    other = DataSource(DB.id, "other", "MYSQL", "id-shop")
    case = PreviewCase(
        (migration("a", "dev"), migration("b", "test")),
        {"dev": (held_app("web"),), "test": (held_app("shop"),)},
        with_sources(dev=(DB,), test=(other,)),
    )
    assert case.fired() == {"datasource-id-collision": Verdict.BLOCKER}


def test_a_data_source_torn_between_batches_is_a_warning_where_the_list_tells() -> None:
    tasks = tuple(held_task(f"t-{n}", datasources=("ds",)) for n in range(3))
    from_all = migration(apps=(), tasks=migration().apps)
    case = PreviewCase((from_all,), {"dev": tasks}, settings=Settings(batch_size=2))
    assert case.fired() == {"datasource-id-collision": Verdict.WARNING}
    assert PreviewCase((from_all,), {"dev": tasks}).fired() == {}


def test_apis_of_applications_that_stay_concern_nobody() -> None:
    apis = (api("a", "elsewhere", released=False), api("f", "elsewhere", backend="FUNCTION"))
    assert PreviewCase(held={"dev": (held_app("web"),)}, facts={"dev": told("dev", apis=apis)}).fired() == {}


def test_an_unpublished_function_is_told_as_unpublished_only() -> None:
    apis = (api("f", "web", released=False, backend="FUNCTION"),)
    case = PreviewCase(held={"dev": (held_app("web"),)}, facts={"dev": told("dev", apis=apis)})
    assert case.fired() == {"unpublished-apis": Verdict.WARNING}


@pytest.mark.parametrize(
    ("used", "on", "verdict"),
    [(0, True, None), (3, True, Verdict.WARNING), (-1, True, Verdict.NOT_CHECKED), (-1, False, None)],
)
def test_scheduled_calls_are_told_as_far_as_the_lists_go(used: int, on: bool, verdict: Verdict | None) -> None:
    configs = (ProjectConfig("API_TASK_NUM_LIMIT", "100", used),)
    features = {"api_task": on}
    facts = {"dev": told("dev", configs=configs, features=features), "prod": told("prod", features=features)}
    case = PreviewCase(held={"dev": (held_app("web"),)}, facts=facts)
    assert case.fired().get("undeclared-calls") is verdict
