"""From a mapping to a Plan, or every problem: one line per refusal."""

import copy
from datetime import date
from math import inf
from typing import Any

import pytest

from orchestrator.core.plan.parse import json_schema, plan_from
from orchestrator.core.plan.plan import (
    AccessKey,
    ById,
    Gate,
    Glob,
    Keep,
    KeepPackages,
    Mode,
    OfApps,
    OnPartial,
    Password,
    Plan,
    Scope,
    SdkProfile,
    SecretRef,
    SecretSource,
    Settings,
    Target,
    Waiver,
)
from orchestrator.core.plan.windows import Window

DATA: dict[str, Any] = {
    "version": "1",
    "name": "orders-to-prod",
    "credentials": {
        "dev-migrator": {"ak": "${env:DEV_AK}", "sk": "${env:DEV_SK}"},
        "prod-migrator": {"username": "migrator", "domain": "acme", "password": "${file:/run/secrets/prod}"},
    },
    "instances": {
        "dev": {"region": "cn-north-4", "project_id": "p1", "instance_id": "i1", "credentials": "dev-migrator"},
        "prod": {"region": "cn-east-3", "project_id": "p2", "instance_id": "i2", "credentials": ["prod-migrator"]},
        "dr": {"region": "cn-south-1", "project_id": "p3", "instance_id": "i3", "credentials": ["dev-migrator"]},
    },
    "migrations": [
        {"name": "orders", "source": "dev", "target": "prod", "apps": "*"},
        {"name": "common", "source": "dev", "target": "prod", "apps": ["common-*"]},
    ],
}

GONE = object()


def changed(*changes: tuple[str, object]) -> dict[str, Any]:
    """DATA with some values replaced, added or (GONE) taken out; places are written as `migrations.0.apps`."""
    data = copy.deepcopy(DATA)
    for place, value in changes:
        *way, last = place.split(".")
        part: Any = data
        for step in way:
            part = part[int(step)] if isinstance(part, list) else part.setdefault(step, {})
        if value is GONE:
            del part[last]
        elif isinstance(part, list):
            part[int(last)] = value
        else:
            part[last] = value
    return data


def plan_of(*changes: tuple[str, object]) -> Plan:
    plan = plan_from(changed(*changes))
    assert isinstance(plan, Plan), [str(problem) for problem in plan]
    return plan


def problems_of(*changes: tuple[str, object]) -> list[str]:
    plan = plan_from(changed(*changes))
    assert not isinstance(plan, Plan), "this plan was accepted"
    return [str(problem) for problem in plan]


M0 = "migrations.0"
WEEKLY = {"opens": "Sat 02:00", "closes": "Sat 06:00", "timezone": "Asia/Shanghai"}
ONCE = {"from": "2026-03-07T02:00", "to": "2026-03-07T06:00", "timezone": "Asia/Shanghai"}

# One refusal a line.
# fmt: off
REFUSED: list[tuple[str, object, str]] = [
    ("version", "2", 'version: "2" is not a version this program reads, allowed is 1'),
    ("version", GONE, '"version" is missing: the version of this form: 1'),
    ("name", GONE, '"name" is missing: the plan is known by it within a home'),
    ("name", "a/b",
     "name: \"a/b\" is not allowed, allowed is a name: a letter or digit, then letters, digits, '.', '_'"),
    ("name", "..", 'name: ".." is not allowed'),
    ("name", "a" * 65, "at most 64"),
    ("name", "", "name: nothing is written here, allowed is a name"),
    ("name", ["a"], "name: a list stands here, allowed is a name"),
    ("migratoins", [],
     "migratoins: unknown key, allowed are version, name, credentials, instances, settings, windows, "
     'notify, defaults, migrations; did you mean "migrations"?'),
    ("windows", [], "windows: the list is empty, at least one is needed: write [{opens:"),
    ("windows", ["x"], "windows[0]: a text stands here, allowed is a mapping with opens, closes and timezone, or with"),
    ("windows", [WEEKLY | {"opens": "Sax 02:00"}],
     'windows[0].opens: "Sax 02:00" is not allowed, allowed is a day and a time of each week such as "Sat 02:00"; did'),
    ("windows", [WEEKLY | {"timezone": "Asia/Shangai"}],
     'windows[0].timezone: "Asia/Shangai" is no time zone, allowed is the name of a time zone such as Asia/Shanghai; '
     'did you mean "Asia/Shanghai"?'),
    ("windows", [WEEKLY | {"timezone": "../../etc/passwd"}], "is no time zone"),
    ("windows", [WEEKLY | {"from": "2026-03-07T02:00"}],
     "windows[0]: closes, opens and from exclude each other, allowed is a mapping"),
    ("windows", [WEEKLY | {"closes": "Sat 02:00"}],
     'windows[0]: it closes at "Sat 02:00", and opens at "Sat 02:00": it is never open'),
    ("windows", [ONCE | {"to": "2026-03-06T02:00"}], "it is never open"),
    ("windows", [ONCE | {"to": "2026-03-07T06:00+08:00"}], "without an offset: the zone has a key of its own"),
    ("windows", [{"from": "2026-03-07T02:00"}], 'windows[0]: "to" is missing'),
    ("instances.dev.windows", {}, "instances.dev.windows: a mapping stands here, allowed is a list of windows"),
    (f"{M0}.windows", [WEEKLY | {"opens": "02:00"}], 'migrations[0].windows[0].opens: "02:00" is not allowed'),
    (f"{M0}.gate", "import", 'migrations[0].gate: "import" is not allowed, allowed is one of none, imports; did'),
    (f"{M0}.export_ahead", "yes", 'migrations[0].export_ahead: "yes" is not allowed, allowed is true or false'),
    ("settings.gate_timeout", "31d", "settings.gate_timeout: "),
    ("notify", {}, "notify: a mapping stands here, allowed is a list of ways to tell people"),
    ("notify", [{"on": "all"}], "notify[0]: none of these stand here, allowed is a mapping with one of webhook, smn"),
    ("notify", [{"webhook": "https://SESAME"}], "notify[0].webhook: a secret stands here in the open (not shown)"),
    ("notify", [{"heartbeat": "https://SESAME"}], "notify[0].heartbeat: a secret stands here in the open"),
    ("notify", [{"url": "slack://SESAME0123456789abc/x"}], "notify[0].url: an address that holds a password or"),
    ("notify", [{"url": "mailto://me:SESAME@host"}], "notify[0].url: an address that holds a password or a token"),
    ("notify", [{"url": "SESAME"}], "notify[0].url: this is no address"),
    ("notify", [{"webhook": "${env:A}", "on": ["faild"]}], 'notify[0].on[0]: "faild" is not allowed'),
    ("notify", [{"webhook": "${env:A}", "form": "slak"}], 'did you mean "slack"?'),
    ("notify", [{"smn": "cutover", "credentials": "x"}], "notify[0].smn: "),
    ("notify", [{"smn": "urn:smn:r-1:p:t", "credentials": "dev-migratr"}], 'did you mean "dev-migrator"?'),
    ("credentials.e", {"agency": "ec2"}, "credentials.e.agency: "),
    ("credentials.e", {"oidc": {"idp": "x"}}, "credentials.e.oidc: exactly one of token_file and token_env is needed"),
    ("credentials.e", {"assume": {"domain": "d", "agency": "a", "by": "nobody"}}, "assume.by: no credentials have"),
    ("credentials.dev-migrator.sk", "${command:vault 'SESAME}", "sk: a quote is left open in this command"),
    ("credentials.dev-migrator.sk", "${command: }", "sk: this is not a reference to a secret"),
    ("migrations", [], "migrations: the list is empty, at least one is needed"),
    ("migrations", "x", "migrations: a text stands here, allowed is a list of migrations"),
    ("credentials", {}, "credentials: it is empty, allowed is a mapping of credentials by name, at least one"),
    ("instances", [], "instances: a list stands here, allowed is a mapping of instances by name"),
    ("x-creds", {"ak": "SESAME"}, "x-creds.ak: a secret stands here in the open (not shown)"),
    ("credentials.dev-migrator.sk", "SESAME",
     "credentials.dev-migrator.sk: a secret stands here in the open (not shown)"),
    ("credentials.dev-migrator.ak", "SESAME", "credentials.dev-migrator.ak: a secret stands here in the open"),
    ("credentials.prod-migrator.password", "SESAME", "prod-migrator.password: a secret stands here in the open"),
    ("credentials.dev-migrator.sk", "$SESAME", 'sk: this is not a reference to a secret, allowed is "${env:NAME}",'),
    ("credentials.dev-migrator.sk", "${SESAME}", "sk: this is not a reference to a secret"),
    ("credentials.dev-migrator.sk", "env:SESAME", "sk: this is not a reference to a secret"),
    ("credentials.dev-migrator.sk", "x${env:SESAME}", "sk: this is not a reference to a secret"),
    ("credentials.dev-migrator.sk", ["SESAME"], 'sk: a list stands here, allowed is "${env:NAME}"'),
    ("credentials.dev-migrator.sk", GONE, 'credentials.dev-migrator: "sk" is missing: the secret access key'),
    ("credentials.dev-migrator", "SESAME", "credentials.dev-migrator: a text stands here, allowed is a mapping with"),
    ("credentials.dev-migrator.securty_token", "SESAME",
     'securty_token: unknown key, allowed are ak, sk, security_token, user; did you mean "security_token"?'),
    ("credentials.dev-migrator.sk:SESAME", "",
     'credentials.dev-migrator[not shown]: a blank is missing after the colon of "sk"'),
    ("credentials.dev-migrator.SESAME", "", "credentials.dev-migrator[not shown]: unknown key"),
    ("credentials.dev-migrator.password", "${env:X}",
     '"password" does not go with the other keys: write either ak and sk'),
    ("credentials.dev-migrator.user", "migrator",
     "user: what stands here (not shown) is not allowed, allowed is DOMAIN/NAME"),
    ("credentials.prod-migrator.domain", GONE, '"domain" is missing: the IAM domain'),
    ("credentials.prod-migrator.username", "${env:X}", "username: a reference ${...} is for secrets only"),
    ("credentials.third", {"profile": "skd"}, "profile: what stands here (not shown) is not allowed, allowed is sdk"),
    ("credentials.a b", {"profile": "sdk"}, 'credentials["a b"]: what stands here (not shown) is not allowed'),
    ("instances.dev.regoin", "x",
     "instances.dev.regoin: unknown key, allowed are region, endpoint, iam_endpoint, project_id, "
     'instance_id, credentials, ca_file, proxy, windows, group; did you mean "region"?'),
    ("instances.dev.region", GONE, 'instances.dev: "region" or "endpoint" is missing'),
    ("instances.dev.region", "China North",
     'region: "China North" is not allowed, allowed is a region such as cn-north-4'),
    ("instances.dev.project_id", GONE, 'instances.dev: "project_id" is missing'),
    ("instances.dev.instance_id", "a/../b", 'instance_id: "a/../b" is not allowed, allowed is an id of ROMA'),
    ("instances.dev.credentials", "dev-migratr",
     'instances.dev.credentials: no credentials are named "dev-migratr", allowed are dev-migrator, '
     'prod-migrator; did you mean "dev-migrator"?'),
    ("instances.dev.credentials", ["dev-migrator", "nobody"], 'credentials[1]: no credentials are named "nobody"'),
    ("instances.dev.credentials", ["dev-migrator", "dev-migrator"], 'credentials[1]: "dev-migrator" stands here twice'),
    ("instances.dev.credentials", [], "instances.dev.credentials: the list is empty, at least one is needed"),
    ("instances.dev.endpoint", "roma.example.com", ": the scheme is missing (https://), allowed is an address such as"),
    ("instances.dev.endpoint", "http://roma.example.com",
     '"http://roma.example.com" is not allowed: http:// only to this machine, write https://'),
    ("instances.dev.endpoint", "http://127.0.0.1.example.com", "http:// only to this machine"),
    ("instances.dev.endpoint", "ftp://roma.example.com",
     '"ftp://roma.example.com" is not allowed, allowed is an address'),
    ("instances.dev.endpoint", "https://roma.example.com/v2", ": nothing may follow the host and port"),
    ("instances.dev.endpoint", "https://roma.example.com?a=b", ": nothing may follow the host and port"),
    ("instances.dev.endpoint", "https://me:SESAME@roma.example.com",
     "what stands here (not shown) is not allowed: no user and no password may stand in it"),
    ("instances.dev.endpoint", "https://roma.example.com:0", "the port goes from 1 to 65535"),
    ("instances.dev.endpoint", "https://roma.example.com:65536", "the port goes from 1 to 65535"),
    ("instances.dev.endpoint", "${env:ROMA}", "endpoint: a reference ${...} is for secrets only"),
    ("instances.dev.proxy", "http://me:SESAME@proxy:3128",
     "proxy: what stands here (not shown) is not allowed: no user"),
    ("instances.prod",
     {"endpoint": "https://roma.example.com", "project_id": "p", "instance_id": "i", "credentials": "prod-migrator"},
     'instances.prod: "iam_endpoint" is missing: the credentials "prod-migrator" have a password'),
    ("settings.batch_size", "101",
     'settings.batch_size: "101" is not allowed, allowed is a whole number from 1 to 100'),
    ("settings.batch_size", "0", "a whole number from 1 to 100"),
    ("settings.batch_size", "-1", "a whole number from 1 to 100"),
    ("settings.batch_size", "1e2", "a whole number from 1 to 100"),
    ("settings.batch_size", "१००", "a whole number from 1 to 100"),
    ("settings.one_job_per", "users",
     '"users" is not allowed, allowed is one of user, user+type, instance, instance+type, user+instance, '
     'user+instance+type, auto; did you mean "user"?'),
    ("settings.busy_timeout", "2 hours",
     'allowed is a time such as 30s, 5m or 1h30m, from 0s to 30d; did you mean "2h"?'),
    ("settings.busy_timeout", "30", 'did you mean "30s"?'),
    ("settings.busy_timeout", "31d",
     '"31d" is not allowed, allowed is a time such as 30s, 5m or 1h30m, from 0s to 30d'),
    ("settings.job_timeout", "0s", "from 1s to 30d"),
    ("settings.job_timeout", "-5m", '"-5m" is not allowed'),
    ("settings.job_timeout", "5m1h", '"5m1h" is not allowed'),
    ("settings.reads_per_second", "0", '"0" is not allowed, allowed is a number from 0.001 to 10000'),
    ("settings.reads_per_second", "nan", '"nan" is not allowed'),
    ("settings.writes_per_second", "inf", '"inf" is not allowed'),
    ("settings.most_writes_per_second", "201", '"201" is not allowed, allowed is a number from 0.02 to 200'),
    ("settings.keep_packages", "alway",
     'allowed is until-verified, always, or a time such as 30d; did you mean "always"?'),
    ("settings.keep_packages", "0s", "from 1s to 3650d"),
    ("settings.wibble", "1", "settings.wibble: unknown key, allowed are batch_size, one_job_per"),
    ("settings", "fast", "settings: a text stands here, allowed is a mapping with the keys batch_size"),
    ("defaults.name", "x", "defaults.name: each migration has a name of its own, write it there"),
    ("defaults.mode", "Addnew",
     'defaults.mode: "Addnew" is not allowed, allowed is one of AddNew, Merge; did you mean'),
    ("defaults.only_changed", "true", "defaults.only_changed: true is allowed only with mode: Merge"),
    (f"{M0}.backup", "x", 'migrations[0].backup: "x" is not allowed, allowed is true or false'),
    ("settings.keep_backups", "for ever", "settings.keep_backups: "),
    (f"{M0}.group", "x", "migrations[0].group: unknown key, allowed are name, source"),
    ("instances.dev.group", "a b", 'instances.dev.group: "a b" is not allowed, allowed is a name'),
    (f"{M0}.finish", {"datasource": "x"},
     'migrations[0].finish.datasource: unknown key, allowed are dictionaries, datasources, app_secrets, app_codes, '
     'members, apis, policies, topics, products, tasks; did you mean "datasources"?'),
    (f"{M0}.finish.policies", "true", 'policies: "true" is not allowed, allowed is one of none, copy'),
    (f"{M0}.finish.apis", {"publish": "all"},
     'apis.publish: "all" is not allowed, allowed is one of none, as-at-source'),
    (f"{M0}.finish.app_secrets", "true", 'app_secrets: "true" is not allowed, allowed is one of none, keep'),
    (f"{M0}.finish.datasources", ["x"], "migrations[0].finish.datasources: a list stands here, allowed is the path of"),
    (f"{M0}.finish.datasources", {"prud": "x"},
     'migrations[0].finish.datasources.prud: "prud" is no target of this migration, allowed are prod; did you mean'),
    (f"{M0}.name", GONE, 'migrations[0]: "name" is missing: known by it in commands and reports'),
    (f"{M0}.name", "a@b", 'migrations[0].name: "a@b" is not allowed'),
    ("migrations.1.name", "orders",
     'migrations[1].name: "orders" is the name of migrations[0] too: each needs its own'),
    (f"{M0}.source", GONE, 'migrations[0]: "source" is missing'),
    (f"{M0}.source", "dve", 'source: no instance is named "dve", allowed are dev, prod, dr; did you mean "dev"?'),
    (f"{M0}.target", GONE, 'migrations[0]: "target" is missing: write target: INSTANCE, or targets: [INSTANCE, ...]'),
    (f"{M0}.target", "porod",
     'migrations[0].target: no instance is named "porod", allowed are dev, prod, dr; did you mean "prod"?'),
    (f"{M0}.targets", ["dr"], '"target" and "targets" exclude each other, allowed is exactly one'),
    (f"{M0}.target", "dev", 'migrations[0].target: source and target are both "dev": they must differ, or a prefix'),
    (f"{M0}.apps", GONE, '"apps" and "tasks" are both missing, at least one is needed: write apps: "*" for all'),
    (f"{M0}.apps", [], "migrations[0].apps: nothing is selected: both lists are empty"),
    (f"{M0}.apps", "orders-*",
     '"orders-*" is not allowed, allowed is *, or a list of names, globs and ids; for one alone, write it '
     'as a list: ["orders-*"]'),
    (f"{M0}.apps", [{"id": "a", "name": "b"}], "apps[0].name: unknown key, allowed are id"),
    (f"{M0}.apps", [{}], 'apps[0]: "id" is missing'),
    (f"{M0}.apps", [""], "apps[0]: nothing is written here, allowed is a name or a shell glob"),
    (f"{M0}.apps", [["a"]], "apps[0]: a list stands here"),
    (f"{M0}.tasks", "of-app",
     '"of-app" is not allowed, allowed is * or of-apps, or a list of names, globs and ids; did you mean "of-apps"?'),
    (f"{M0}.mode", "merge", '"merge" is not allowed, allowed is one of AddNew, Merge; did you mean "Merge"?'),
    (f"{M0}.prefix", "_x", 'prefix: "_x" is not allowed, allowed is a letter or digit, then letters, digits'),
    (f"{M0}.prefix", "x" * 33, "at most 32"),
    (f"{M0}.datasource_overwrite", "true", "migrations[0].datasource_overwrite: true is allowed only with mode: Merge"),
    (f"{M0}.datasource_overwrite", "yes", '"yes" is not allowed, allowed is true or false; did you mean "true"?'),
    (f"{M0}.datasource_overwrite", "no", 'did you mean "false"?'),
    (f"{M0}.datasource_overwrite", "True", 'did you mean "true"?'),
    ("instances.dev.instance_id", "11111111-2222-3333-4444-55555555", "allowed is an id of ROMA: a whole UUID of 36"),
    (f"{M0}.calls", {"web": ["core"], "core": ["base"], "base": ["web"]},
     'calls: applications that call each other cannot be ordered: "base" calls "web" calls "core" calls "base"'),
    (f"{M0}.owner", "dev-migrator", '"dev-migrator" is not among the credentials of "prod", allowed are prod-migrator'),
    (f"{M0}.after", ["comon"],
     'after[0]: no migration is named "comon", allowed are orders, common; did you mean "common"?'),
    (f"{M0}.after", "common", "after: a text stands here, allowed is a list of names of migrations: write [common]"),
    (f"{M0}.after", ["orders"], "migrations[0].after: the order runs in a circle: orders after orders"),
    (f"{M0}.calls", ["a"], "calls: a list stands here, allowed is a mapping of callers"),
    (f"{M0}.calls", {"a": "b"},
     "calls.a: a text stands here, allowed is a list of called applications: write [billing]"),
    (f"{M0}.calls", {"a": []}, "calls.a: the list is empty"),
    (f"{M0}.on_partial", "asks", 'allowed is one of ask, rest; did you mean "ask"?'),
    (f"{M0}.exclude", {"app": []}, 'exclude.app: unknown key, allowed are apps, tasks; did you mean "apps"?'),
    (f"{M0}.waive", [{"check": "left-out"}], 'waive[0]: "reason" is missing: who agreed, and why'),
    (f"{M0}.waive", [{"check": "left-out", "reason": " "}], "waive[0].reason"),
    (f"{M0}.waive", [{"check": "left_out", "reason": "x"}], 'did you mean "left-out"?'),
    (f"{M0}.waive", [{"check": "credentials", "reason": "x"}],
     "check: nobody can waive credentials: it must be put right"),
    (f"{M0}.waive", [{"check": "same-instance", "reason": "x"}], "nobody can waive same-instance"),
    (f"{M0}.waive", [{"check": "visibility", "reason": "x"}], "nobody can waive visibility"),
    (f"{M0}.waive", [{"check": "dependency-cycle", "reason": "x"}], "nobody can waive dependency-cycle"),
    (f"{M0}.waive", [{"check": "left-out", "reason": "x", "until": "2027-02-30"}],
     '"2027-02-30" is not a day, allowed is'),
    (f"{M0}.waive", [{"check": "left-out", "reason": "x", "until": "01.04.2027"}], "a day such as 2027-04-01"),
]
# fmt: on


@pytest.mark.parametrize(("place", "value", "expected"), REFUSED, ids=[f"{r[0]}-{i}" for i, r in enumerate(REFUSED)])
def test_a_wrong_value_is_refused_with_a_sentence(place: str, value: object, expected: str) -> None:
    problems = problems_of((place, value))
    assert any(expected in problem for problem in problems), problems
    assert "SESAME" not in "\n".join(problems).replace("SESAME is", "")


def test_one_wrong_value_causes_no_further_problems() -> None:
    for place, value, _ in REFUSED:
        assert len(problems_of((place, value))) <= 2, (place, problems_of((place, value)))


def test_calls_that_patterns_make_are_left_to_preflight() -> None:
    for calls in ({"web-*": ["core-*"], "core-*": ["web-*"]}, {"web": ["web", "core"]}):
        assert isinstance(plan_from(changed((f"{M0}.calls", calls))), Plan), calls


def test_an_unknown_owner_is_told_with_the_other_problems() -> None:
    owner = (f"{M0}.owner", "prod-migratr")
    for place, value in (("instances.prod.project_id", GONE), (f"{M0}.mode", "Add"), (f"{M0}.source", "nowhere")):
        problems = problems_of(owner, (place, value))
        assert any('"prod-migratr" is not among the credentials of "prod"' in each for each in problems), problems
        assert len(problems) >= 2


def test_every_problem_is_told_at_once() -> None:
    problems = problems_of(
        ("settings.batch_size", "0"), ("instances.dev.regoin", "x"), (f"{M0}.target", "porod"), (f"{M0}.mode", "merge")
    )
    places = {"instances.dev.regoin", "settings.batch_size", "migrations[0].mode", "migrations[0].target"}
    assert {p.partition(":")[0] for p in problems} == places


def test_a_plan_becomes_values_with_the_documented_defaults() -> None:
    plan = plan_of()
    assert plan.settings == Settings()
    assert plan.credentials["dev-migrator"] == AccessKey(
        "dev-migrator", SecretRef(SecretSource.ENV, "DEV_AK"), SecretRef(SecretSource.ENV, "DEV_SK")
    )
    assert plan.credentials["prod-migrator"] == Password(
        "prod-migrator", "migrator", "acme", SecretRef(SecretSource.FILE, "/run/secrets/prod")
    )
    orders, common = plan.migrations
    assert (orders.apps, orders.tasks) == ((Glob("*"),), OfApps())
    assert common.targets == (Target("prod"),)


def test_a_region_gives_both_endpoints() -> None:
    dev = plan_of().instances["dev"]
    assert dev.endpoint == "https://roma.cn-north-4.myhuaweicloud.com"
    assert dev.iam_endpoint == "https://iam.cn-north-4.myhuaweicloud.com"


def test_an_endpoint_of_the_documented_pattern_gives_the_iam_endpoint() -> None:
    plan = plan_of(
        ("instances.prod.region", GONE), ("instances.prod.endpoint", "https://roma.cn-east-3.myhuaweicloud.com")
    )
    assert plan.instances["prod"].iam_endpoint == "https://iam.cn-east-3.myhuaweicloud.com"
    assert plan.instances["prod"].region == "cn-east-3"


def test_what_is_written_wins_over_what_the_region_gives() -> None:
    dev = plan_of(("instances.dev.endpoint", "https://Roma.Example.com:8443/")).instances["dev"]
    assert (dev.endpoint, dev.region) == ("https://roma.example.com:8443", "cn-north-4")
    assert dev.iam_endpoint == "https://iam.cn-north-4.myhuaweicloud.com"


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8765", "127.1.2.3", "[::1]", "[::1]:80", "emulator.localhost"]
)
def test_plain_http_may_go_to_this_machine(host: str) -> None:
    assert plan_of(("instances.dev.endpoint", f"http://{host}")).instances["dev"].endpoint.startswith("http://")


def test_an_own_iam_endpoint_of_the_credentials_is_enough() -> None:
    data = [
        ("instances.prod.region", GONE),
        ("instances.prod.endpoint", "https://roma.example.com"),
        ("credentials.prod-migrator.iam_endpoint", "https://iam.example.com"),
    ]
    assert plan_of(*data).instances["prod"].iam_endpoint == ""


def test_the_sdk_profile_is_taken_as_credentials() -> None:
    assert plan_of(("credentials.third", {"profile": "sdk"})).credentials["third"] == SdkProfile("third")


def test_every_setting_is_read_with_its_type() -> None:
    plan = plan_of(("settings", {
        "batch_size": "7", "one_job_per": "auto", "busy_timeout": "1h30m", "job_timeout": "2d", "outage_timeout": "0s",
        "settle_quiet": "1s", "settle_wait": "1m30s", "shutdown_grace": "0.5s", "reads_per_second": "200",
        "writes_per_second": "0.5", "keep_packages": "30d",
    }))  # fmt: skip
    assert plan.settings == Settings(
        7, Scope.AUTO, 5400.0, 172800.0, 0.0, 1.0, 90.0, 0.5, 200.0, 0.5, KeepPackages(2592000.0)
    )
    assert plan_of(("settings.keep_packages", "always")).settings.keep_packages == KeepPackages(inf)
    assert plan_of(("settings.keep_packages", "until-verified")).settings.keep_packages == KeepPackages()


def test_every_key_of_a_migration_is_read_with_its_type() -> None:
    migration = plan_of((M0, {
        "name": "orders", "source": "dev", "target": "prod", "apps": ["orders-*", {"id": "b1e6"}],
        "tasks": ["t", "*-x"],
        "exclude": {"apps": ["*-tmp"], "tasks": "*"}, "mode": "Merge", "prefix": "dr_", "datasource_overwrite": "true",
        "calls": {"orders-web": ["billing", "b-*"]}, "after": ["common"], "on_partial": "rest",
        "owner": "prod-migrator",
        "waive": [{"check": "left-out", "assets": ["o-*"], "until": "2027-04-01", "reason": "CHG-1"}],
    })).migrations[0]  # fmt: skip
    assert migration.apps == (Glob("orders-*"), ById("b1e6"))
    assert migration.tasks == (Glob("t"), Glob("*-x"))
    assert (migration.exclude_apps, migration.exclude_tasks) == ((Glob("*-tmp"),), (Glob("*"),))
    assert migration.targets == (Target("prod", Mode.MERGE, "dr_", True, "prod-migrator"),)
    assert migration.calls == (("orders-web", ("billing", "b-*")),)
    assert (migration.after, migration.on_partial) == (("common",), OnPartial.REST)
    assert migration.waive == (Waiver("left-out", ("o-*",), "CHG-1", date(2027, 4, 1)),)


def test_tasks_alone_are_a_selection_and_bring_no_applications() -> None:
    migration = plan_of((f"{M0}.apps", GONE), (f"{M0}.tasks", "*")).migrations[0]
    assert (migration.apps, migration.tasks) == ((), (Glob("*"),))


def test_of_apps_without_applications_is_refused() -> None:
    assert problems_of((f"{M0}.apps", GONE), (f"{M0}.tasks", "of-apps")) == [
        'migrations[0].tasks: of-apps means the tasks of the selected applications, but "apps" selects none'
    ]


def test_a_target_takes_over_what_it_does_not_say_itself() -> None:
    migration = plan_of(
        (f"{M0}.target", GONE),
        (f"{M0}.targets", ["prod", {"instance": "dr", "prefix": "dr_", "mode": "AddNew"}]),
        (f"{M0}.mode", "Merge"),
    ).migrations[0]
    assert migration.targets == (Target("prod", Mode.MERGE), Target("dr", Mode.ADD_NEW, "dr_"))


def test_defaults_hold_for_every_migration_that_does_not_say_otherwise() -> None:
    plan = plan_of(
        ("defaults", {"mode": "Merge", "target": "dr"}), (f"{M0}.target", GONE), ("migrations.1.mode", "AddNew")
    )
    assert [m.targets for m in plan.migrations] == [(Target("dr", Mode.MERGE),), (Target("prod"),)]


def test_a_problem_of_a_default_is_told_once_and_where_it_stands() -> None:
    assert problems_of(("defaults", {"datasource_overwrite": "true"})) == [
        "defaults.datasource_overwrite: true is allowed only with mode: Merge"
    ]


def test_targets_replace_a_target_of_the_defaults() -> None:
    plan = plan_of(("defaults", {"target": "prod"}), (f"{M0}.target", GONE), (f"{M0}.targets", ["dr"]))
    assert plan.migrations[0].targets == (Target("dr"),)


def test_a_prefix_lets_an_instance_be_its_own_target() -> None:
    assert plan_of((f"{M0}.target", "dev"), (f"{M0}.prefix", "copy_")).migrations[0].targets[0].prefix == "copy_"


def test_two_names_of_one_instance_are_one_instance() -> None:
    again = dict(DATA["instances"]["dev"], endpoint="https://ROMA.cn-north-4.myhuaweicloud.com:443/")
    assert problems_of(("instances.again", again), (f"{M0}.target", "again")) == [
        'migrations[0].target: "dev" and "again" are two names of one instance: source and target must differ, or a '
        "prefix is needed"
    ]


def test_one_target_twice_with_one_prefix_is_refused() -> None:
    changes = ((f"{M0}.target", GONE), (f"{M0}.targets", ["prod", {"instance": "prod", "mode": "Merge"}]))
    assert problems_of(*changes) == [
        'migrations[0].targets[1]: "prod" with the prefix "" is the same target as targets[0]: take one out, or '
        "give it another prefix"
    ]


def test_a_circle_of_migrations_is_named() -> None:
    (problem,) = problems_of((f"{M0}.after", ["common"]), ("migrations.1.after", ["orders"]))
    assert "the order runs in a circle: " in problem
    assert "orders after common" in problem
    assert "common after orders" in problem


def test_top_keys_for_anchors_are_left_alone() -> None:
    assert plan_of(("x-common", {"anything": [{"goes": "here"}]})).name == "orders-to-prod"


def test_a_text_in_place_of_a_plan_is_refused_and_not_repeated() -> None:
    empty: dict[str, object] = {}
    for data in ("password: SESAME", ["SESAME"], empty, "", None):
        problems = plan_from(data)
        assert isinstance(problems, tuple)
        assert problems
        assert "SESAME" not in "".join(map(str, problems))


def test_a_file_full_of_mistakes_is_left_before_it_costs_much() -> None:
    problems = problems_of(("settings", {f"batch_siz{n}": "x" for n in range(50_000)}))
    assert len(problems) <= 110


def test_the_json_schema_has_the_types_that_editors_see() -> None:
    schema = json_schema()
    settings = schema["properties"]["settings"]["properties"]
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["required"] == ["version", "name", "credentials", "instances", "migrations"]
    assert settings["batch_size"] == {
        "description": "applications and tasks together in one job", "type": "integer", "minimum": 1, "maximum": 100,
        "default": 100,
    }  # fmt: skip
    assert settings["reads_per_second"]["type"] == "number"
    migration = schema["properties"]["migrations"]["items"]
    assert migration["properties"]["datasource_overwrite"]["type"] == "boolean"
    assert migration["properties"]["mode"]["enum"] == ["AddNew", "Merge"]


def test_every_mapping_of_the_json_schema_refuses_unknown_keys_and_describes_its_own() -> None:
    def walk(part: object) -> None:
        if isinstance(part, dict):
            if "properties" in part:
                assert part["additionalProperties"] is False
                assert all("description" in value for value in part["properties"].values())
            for value in part.values():
                walk(value)
        if isinstance(part, list):
            for value in part:
                walk(value)

    walk(json_schema())
    assert list(json_schema()["patternProperties"]) == ["^x-"]


def test_a_rate_that_is_set_is_not_adapted_too() -> None:
    both = {"writes_per_second": "0.5", "most_writes_per_second": "2"}
    assert problems_of(("settings", both)) == [
        "settings.most_writes_per_second: writes_per_second is set too, and then no rate is adapted; allowed is one of "
        "the two"
    ]
    assert plan_of(("settings.most_writes_per_second", "2")).settings.writes_per_second is None


def test_the_defaults_told_to_editors_are_those_that_hold() -> None:
    settings = json_schema()["properties"]["settings"]["properties"]
    written = {key: str(value["default"]) for key, value in settings.items() if "default" in value}
    assert settings.keys() - written.keys() == {"writes_per_second"}
    assert plan_of(("settings", written)).settings == Settings()


def test_windows_and_gates_are_read_at_each_level() -> None:
    plan = plan_of(
        ("windows", [ONCE]),
        ("instances.prod.windows", [{"timezone": "UTC", "closes": "sun 6:00", "opens": "Sun 02:00"}, WEEKLY]),
        ("defaults.export_ahead", "true"),
        ("migrations.0.gate", "imports"),
        ("migrations.0.windows", [WEEKLY]),
        ("settings.gate_timeout", "2h"),
    )
    saturday = Window("Sat 02:00", "Sat 06:00", "Asia/Shanghai")
    assert plan.windows == (Window("2026-03-07T02:00:00", "2026-03-07T06:00:00", "Asia/Shanghai"),)
    assert plan.instances["prod"].windows == (Window("Sun 02:00", "Sun 06:00", "UTC"), saturday)
    orders, common = plan.migrations
    assert (orders.gate, orders.export_ahead, orders.windows) == (Gate.IMPORTS, True, (saturday,))
    assert (common.gate, common.export_ahead, common.windows) == (Gate.NONE, True, ())
    assert plan.settings.gate_timeout == 7200.0


def test_each_target_has_its_own_file_of_values_and_of_members() -> None:
    alone = plan_of(("migrations.0.finish", {"datasources": "v.yaml", "app_codes": "keep"})).migrations[0].finish
    assert (alone.values_for("prod"), alone.members_for("prod"), alone.app_codes) == ("v.yaml", "", Keep.KEEP)
    several = [
        ("migrations.0.target", GONE), ("migrations.0.targets", ["prod", "dr"]),
    ]  # fmt: skip
    files = {"prod": "prod.yaml", "dr": "dr.yaml"}
    both = plan_of(*several, ("migrations.0.finish", {"datasources": files})).migrations[0].finish
    assert [both.values_for(each) for each in ("prod", "dr")] == ["prod.yaml", "dr.yaml"]
    (told,) = problems_of(*several, ("migrations.0.finish", {"members": "m.csv"}))
    assert told == (
        "migrations[0].finish.members: this migration has several targets, each with a file of its own: write "
        "{prod: FILE, dr: FILE}"
    )
