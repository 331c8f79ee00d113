"""World files say what they mean, or are refused by a sentence."""

import pytest

from orchestrator.emulator.world.faults import Kind
from orchestrator.emulator.world.generate import default_world
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.readings import LockScope
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
        ("- a", "keys and values are expected"),
        ("switch: {}", "unknown key 'switch' (did you mean 'switches'?); allowed are switches"),
        ("switches: {lock_scope: mine}", "world:1: switches.lock_scope: 'mine' is no value; allowed are user-any"),
        ("switches: {package_padding: many}", "switches.package_padding: 'many' is not a number"),
        ("switches: {archive_single_use: 1}", "switches.archive_single_use: 1 is not true or false"),
        (
            "users: [{name: ann}]",
            "users.0: domain, ak, sk and password are missing; needed are name, domain, ak, sk, password",
        ),
        ("users: {name: ann}", "users: a list"),
        ("instances: [{region: here}]", "instances.0: name is missing"),
        (
            "instances: [{name: a, generate: {aps: 1}}]",
            "instances.0.generate.aps: unknown key 'aps' (did you mean 'apps'?); allowed are apps, tasks",
        ),
        (
            "durations: {exports: {base: 1}}",
            "durations.exports: unknown key 'exports' (did you mean 'export'?); allowed are export, import",
        ),
        ("faults: [{kind: rain}]", "faults.0.kind: 'rain' is no kind of fault"),
        ("faults: [{kind: '503', operations: [lunch]}]", "faults.0.operations.0: 'lunch'"),
        ("faults: [{kind: '503', operations: import}]", "faults.0.operations: a list"),
        ("faults: [{}]", "faults.0: kind is missing"),
        ("token_lifetime: long", "token_lifetime: 'long' is not a number"),
        ("token_lifetime: .nan", "token_lifetime: nan is not a number"),
        ("token_length: .inf", "token_length: inf is not allowed; allowed is a whole number from 1 to 100000"),
        ("instances:\n  - name: dev\n    apps: [{x: 1}]", "world:3: instances.0.apps: unknown key 'apps'"),
        ("instances:\n  - name: dev\n    apps: [{x: 1}]", "quotas, generate"),
        ("instances: [{name: dev, features: {app_route: maybe}}]", "features.app_route: 'maybe' is not true or false"),
        ("instances: [{name: dev, features: [a]}]", "instances.0.features: keys and values"),
        ("instances: [{name: dev, region: [a]}]", "instances.0.region: text is expected"),
        ("instances: [{name: dev}, {name: dev}]", "instances.1.name: 'dev' is there already"),
        ("instances: [{name: dev, generate: {apps: 1.5}}]", "generate.apps: 1.5 is not allowed; allowed is a whole"),
        ("instances: [{name: dev, generate: {apps: -1}}]", "generate.apps: -1 is not allowed"),
        ("instances: [{name: dev, generate: {apps: .inf}}]", "generate.apps: inf is not allowed"),
        ("instances: [{name: dev, generate: {owner: ann}}]", "owner: 'ann' is no user of this world; allowed are dev-"),
        ("instances: [{name: dev, generate: {calls: {a: b}}}]", "generate.calls.a: a list is expected"),
        ("instances: [{name: dev, generate: {calls: {a: [[b]]}}}]", "generate.calls.a.0: a name is expected"),
        (
            "faults: [{kind: '503', probability: 2}]",
            "faults.0.probability: 2 is not allowed; allowed is a number from 0",
        ),
        ("faults: [{kind: '503', nth: 0}]", "faults.0.nth: 0 is not allowed; allowed is a whole number from 1 upwards"),
        ("faults: [{kind: '503', instance: prd}]", "faults.0.instance: 'prd' is no instance of this world"),
        ("faults: [{kind: poison-import}]", "faults.0: names is missing: poison-import strikes"),
        (
            "faults: [{kind: poison-import, names: [order-web]}]",
            "'order-web' is no application, task or API of this world (",
        ),
        ("faults: [{kind: poison-import, names: orders-web}]", "faults.0.names: a list is expected"),
        ("? [a]\n: 1", "not YAML"),
        ("a: &a [*a]", "an alias leads back to itself"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{x}: &{x} [{', '.join([f'*{y}'] * 10)}]\n" for x, y in zip("bcdef", "abcde", strict=True)),
            "more than 100,000 values",
        ),
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


def test_numbers_that_are_meant_as_text_stay_as_they_were_written() -> None:
    world = load_world("users: [{name: ann, domain: 007, ak: 0123, sk: 1e3, password: 2026-01-01}]")
    (ann,) = world.users
    assert (ann.domain, ann.ak, ann.sk, ann.password) == ("007", "0123", "1e3", "2026-01-01")


def test_a_problem_names_the_file_and_the_line() -> None:
    with pytest.raises(WorldInvalid) as caught:
        load_world("instances:\n  - name: dev\nfaults:\n  - kind: '503'\n    instnce: dev\n", "night.yaml")
    assert caught.value.message.startswith("night.yaml:5: faults.0.instnce: unknown key 'instnce' (did you mean 'inst")
