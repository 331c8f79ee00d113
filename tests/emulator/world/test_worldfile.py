"""World files say what they mean, or are refused by a sentence."""

import pytest

from orchestrator.emulator.world.faults import Kind, Operation
from orchestrator.emulator.world.generate import default_world
from orchestrator.emulator.world.options import LockScope
from orchestrator.emulator.world.worldfile import WorldInvalid, load_world

FULL = """
switches: {lock_scope: instance-type, package_padding: 10, archive_single_use: false, read_lag_seconds: 2}
durations: {export: {base: 0.5}, import: {per_asset: 0.1, sigma: 0.2}}
token_lifetime: 2
password_attempts: 3
users:
  - {name: ann, domain: acme, ak: AK, sk: SK, password: PW, admin: true}
instances:
  - name: dev
    features: {app_route: true}
    quotas: {apps: 7}
    generate: {apps: 3, tasks: 4, owner: ann, calls: {orders-web: [billing-web]}}
  - {name: prod, project_id: p, id: i}
faults:
  - {kind: reset-after-send, operations: [import, export], instance: prod, nth: 2, times: 0, probability: 0.5}
  - {kind: poison-import, names: [orders-web]}
"""


def test_an_empty_file_is_the_default_world() -> None:
    assert load_world("") == default_world()


def test_everything_in_the_documented_form_is_read() -> None:
    world = load_world(FULL)
    assert world.switches.lock_scope is LockScope.INSTANCE_TYPE
    assert (world.switches.package_padding, world.switches.archive_single_use) == (10, False)
    assert (world.durations.export.base, world.durations.import_.base, world.durations.import_.sigma) == (0.5, 1.5, 0.2)
    assert (world.token_lifetime, world.password_attempts) == (2, 3)
    assert world.users[0].admin
    dev, prod = world.instances
    assert (len(dev.apps), len(dev.tasks), dev.quotas.apps, dev.quotas.tasks) == (3, 4, 7, 1000)
    assert dev.features["app_route"]
    assert dev.features["api_task"]
    assert dev.app("orders-web").calls == (dev.app("billing-web").id,)
    assert (prod.project_id, prod.id) == ("p", "i")
    assert world.faults[0].operations == {Operation.IMPORT, Operation.EXPORT}
    assert world.faults[1].kind is Kind.POISON_IMPORT


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not YAML"),
        ("- a", "world: keys and values"),
        ("switch: {}", "unknown key 'switch'; allowed are switches"),
        ("switches: {lock_scope: mine}", "switches.lock_scope: 'mine' is no value; allowed are user-any"),
        ("switches: {package_padding: many}", "switches.package_padding: 'many' is not a number"),
        ("switches: {archive_single_use: 1}", "switches.archive_single_use: 1 is not true or false"),
        ("users: [{name: ann}]", "users.0: missing"),
        ("users: {name: ann}", "users: a list"),
        ("instances: [{region: here}]", "instances.0: name is missing"),
        ("instances: [{name: a, generate: {aps: 1}}]", "instances.0.generate: unknown key 'aps'"),
        ("durations: {exports: {base: 1}}", "durations: unknown key 'exports'"),
        ("faults: [{kind: rain}]", "faults.0.kind: 'rain' is no kind of fault"),
        ("faults: [{kind: '503', operations: [lunch]}]", "faults.0.operations: 'lunch'"),
        ("faults: [{kind: '503', operations: import}]", "faults.0.operations: a list"),
        ("faults: [{}]", "faults.0: missing"),
        ("token_lifetime: long", "token_lifetime: 'long' is not a number"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, words: str) -> None:
    with pytest.raises(WorldInvalid) as caught:
        load_world(text)
    assert words in caught.value.message


def test_a_wrong_user_is_refused_without_its_secrets() -> None:
    with pytest.raises(WorldInvalid) as caught:
        load_world("users: [{name: ann, domain: d, ak: a, sk: s3cret, password: pa55, admin: maybe}]")
    assert "s3cret" not in str(caught.value)
    assert "pa55" not in str(caught.value)
