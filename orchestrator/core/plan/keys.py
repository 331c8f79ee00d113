"""Every key a plan may hold (Contract 1). Law: the only table; reading, editors' help and "did you mean"
all come from it.
"""

from orchestrator.core.plan.containers import (
    GLOB,
    ID,
    INSTANCE_ID,
    NAME,
    Address,
    Key,
    ListOf,
    MapOf,
    Section,
    Selection,
)
from orchestrator.core.plan.plan import (
    Copy,
    Dictionaries,
    FirstRun,
    Gate,
    Keep,
    Mode,
    NoticeForm,
    NoticeKind,
    OnPartial,
    PublishApis,
    Scope,
    UnpublishedApis,
)
from orchestrator.core.plan.scalars import Choice, Day, Flag, Number, Reference, Text, TimeSpan, Whole
from orchestrator.core.plan.special_values import (
    CheckId,
    CredentialsShape,
    FilesShape,
    KeepShape,
    LibraryAddressShape,
    NotifyShape,
    TargetShape,
    Version,
    WallTime,
    WindowShape,
    ZoneName,
)

_DAY = 86400.0

_USER = Text("[^/]{1,64}/[^/]{1,64}", "DOMAIN/NAME of the IAM user that owns the key")
_WORD = Text(r"(?!.*\$\{)[^\x00-\x1f\x7f]{1,128}", "the name as IAM knows it")
_PATH = Text(r"[^\x00-\x1f\x7f]{1,4096}", "the path of a file")
_PREFIX = Text(
    "[A-Za-z0-9][A-Za-z0-9_.-]{0,31}",
    "a letter or digit, then letters, digits, '_', '.' or '-', at most 32",
    may_be_empty=True,
)
_REGION = Text("[a-z][a-z0-9]{0,15}(-[a-z0-9]{1,20}){1,4}", "a region such as cn-north-4")

ACCESS_KEY = Section(
    {
        "ak": Key(Reference(), 'the access key id: "${env:NAME}" or "${file:PATH}"', required=True),
        "sk": Key(Reference(), 'the secret access key: "${env:NAME}" or "${file:PATH}"', required=True),
        "security_token": Key(Reference(), "of a temporary key: a reference too"),
        "user": Key(_USER, "DOMAIN/NAME of the IAM user that owns the key: tells which credentials are one user"),
    }
)
PASSWORD = Section(
    {
        "username": Key(_WORD, "the IAM user's name", required=True),
        "domain": Key(_WORD, "the IAM domain (the account's name)", required=True),
        "password": Key(Reference(), 'the password: "${env:NAME}" or "${file:PATH}"', required=True),
        "iam_endpoint": Key(Address(), "where tokens are asked for; default: the instance's"),
    }
)
SDK_PROFILE = Section(
    {
        "profile": Key(Text("sdk", "sdk"), "sdk: the official SDK's variables, then its file", required=True),
        "user": Key(_USER, "DOMAIN/NAME of the IAM user that owns the key"),
    }
)
_COUNTS_FOR = Key(_USER, "DOMAIN/NAME of the user that its jobs count for; default: a user of its own")
_IAM = Key(Address(), "where IAM is asked; default: the instance's")
AGENCY = Section(
    {
        "agency": Key(
            Text("ecs", "ecs"), "ecs: the agency of this server, from the metadata service (Finishing 7.1)",
            required=True,
        ),
        "user": _COUNTS_FOR,
    }
)  # fmt: skip
OIDC = Section(
    {
        "oidc": Key(
            Section(
                {
                    "idp": Key(
                        Text("[A-Za-z0-9_-]{1,64}", "the identity provider's id in IAM"), "its id", required=True
                    ),
                    "token_file": Key(_PATH, "the file that holds the id token; read anew for each exchange"),
                    "token_env": Key(
                        Text("[A-Za-z_][A-Za-z0-9_]*", "the name of a variable"), "the variable that holds the id token"
                    ),
                }
            ),
            "an id token, as pipelines get one, exchanged for a temporary key (Finishing 7.2)",
            required=True,
        ),
        "project": Key(_WORD, "the project's name that the exchange is scoped to, such as cn-north-4"),
        "iam_endpoint": _IAM,
        "user": _COUNTS_FOR,
    }
)
ASSUME = Section(
    {
        "assume": Key(
            Section(
                {
                    "domain": Key(_WORD, "the account that gave the agency", required=True),
                    "agency": Key(_WORD, "the agency's name", required=True),
                    "by": Key(NAME, "the credentials that take it on", required=True),
                }
            ),
            "the agency of another account (Finishing 7.3)",
            required=True,
        ),
        "iam_endpoint": _IAM,
        "user": _COUNTS_FOR,
    }
)
CREDENTIALS = CredentialsShape(ACCESS_KEY, PASSWORD, SDK_PROFILE, (AGENCY, OIDC, ASSUME))

_ZONE = Key(ZoneName(), "the time zone of both, such as Asia/Shanghai", required=True)
WEEKLY = Section(
    {
        "opens": Key(WallTime(weekly=True), "the day and time at which it opens, each week", required=True),
        "closes": Key(WallTime(weekly=True), "the day and time at which it closes", required=True),
        "timezone": _ZONE,
    }
)
ONCE = Section(
    {
        "from": Key(WallTime(weekly=False), "when it opens, in the wall time of its zone", required=True),
        "to": Key(WallTime(weekly=False), "when it closes", required=True),
        "timezone": _ZONE,
    }
)
WINDOWS = ListOf(
    WindowShape(WEEKLY, ONCE), "windows", '[{opens: "Sat 02:00", closes: "Sat 06:00", timezone: Asia/Shanghai}]',
    may_be_empty=False,
)  # fmt: skip

INSTANCE = Section(
    {
        "region": Key(_REGION, "gives endpoint and iam_endpoint (API 5)"),
        "endpoint": Key(Address(), "where ROMA Connect answers; needed where there is no region"),
        "iam_endpoint": Key(Address(), "where IAM answers; needed for password credentials outside known regions"),
        "project_id": Key(ID, "the project the instance lies in", required=True),
        "instance_id": Key(INSTANCE_ID, "the instance's id", required=True),
        "credentials": Key(
            ListOf(NAME, "names of credentials", "[dev-migrator]", may_be_empty=False, or_one=True),
            "a name of credentials, or a list: each further user is one more slot",
            required=True,
        ),
        "ca_file": Key(_PATH, "certificates of a private authority, added to the known ones"),
        "proxy": Key(Address(http_anywhere=True), "overrides HTTPS_PROXY and NO_PROXY"),
        "windows": Key(WINDOWS, "when jobs may be asked for there; default: always"),
        "group": Key(NAME, "the group of a fleet's workers that reach it; default: all do"),
    }
)

SETTINGS = Section(
    {
        "batch_size": Key(Whole(1, 100), "applications and tasks together in one job", default=100),
        "one_job_per": Key(Choice(Scope), "within what only one asset job may run (API 2.1)", default="user"),
        "busy_timeout": Key(TimeSpan(0, 30 * _DAY), "how long to wait for somebody else's job", default="2h"),
        "job_timeout": Key(TimeSpan(1, 30 * _DAY), "how long one of our jobs may run", default="6h"),
        "outage_timeout": Key(TimeSpan(0, 30 * _DAY), "how long a service may be silent in a run", default="30m"),
        "settle_quiet": Key(TimeSpan(0, _DAY), "after a lost answer: nothing is believed before this", default="90s"),
        "settle_wait": Key(TimeSpan(0, 7 * _DAY), "the proof by time, where no other is possible", default="10m"),
        "shutdown_grace": Key(TimeSpan(0, 3600), "how long a download may end after an interrupt", default="60s"),
        "reads_per_second": Key(Number(0.001, 10000), "reading requests, per credentials", default=5),
        "writes_per_second": Key(
            Number(0.001, 10000),
            "writing requests, per credentials, with a burst of 3; default: 0.17 at first, then as many as the service "
            "takes without refusing one as one too many (429), learned for each region",
        ),
        "most_writes_per_second": Key(
            Number(0.02, 200), "how far that rate may rise where writes_per_second is not set (API 4)", default=1
        ),
        "keep_packages": Key(
            KeepShape(), "how long packages stay: until-verified, always or a time", default="until-verified"
        ),
        "keep_backups": Key(
            TimeSpan(0, 3650 * _DAY), "how long backups stay, and so how long undo can restore", default="30d"
        ),
        "gate_timeout": Key(
            TimeSpan(0, 30 * _DAY), "how long a gate or a pause waits for a person's word", default="24h"
        ),
    }
)

_HOW = {
    "mode": Key(Choice(Mode), "the service's own words (API 1.3)", default="AddNew"),
    "prefix": Key(_PREFIX, "put before each application's name", default=""),
    "datasource_overwrite": Key(Flag(), "whether data sources are overwritten; only with Merge", default=False),
    "owner": Key(
        NAME,
        "credentials of the target that own what is imported; default: one per connected group, whoever is free first",
    ),
    "backup": Key(Flag(), "whether Merge exports what is there before it overwrites it", default=True),
    "only_changed": Key(
        Flag(), "only with Merge: whether only what has changed since it was last imported there moves", default=False
    ),
}
TARGET = TargetShape(Section({"instance": Key(NAME, "the instance imported into", required=True), **_HOW}))
_GLOBS = ListOf(GLOB, "names and globs", '["orders-*"]')
WAIVER = Section(
    {
        "check": Key(CheckId(), "the id of a preflight check", required=True),
        "assets": Key(_GLOBS, "which assets it concerns; default: all"),
        "until": Key(Day(), "the last day it holds"),
        "reason": Key(
            Text(r"[^\x00-\x08\x0b-\x1f\x7f]*\S[^\x00-\x08\x0b-\x1f\x7f]*", "a sentence"),
            "who agreed, and why",
            required=True,
        ),
    }
)
_EXCLUDE = Section(
    {
        "apps": Key(Selection(), "applications that stay"),
        "tasks": Key(Selection(), "tasks that stay"),
    }
)
START_TASKS = Section(
    {
        "start": Key(
            Selection(), 'tasks that ran at the source when the run began: names, globs and ids, or "*"', required=True
        ),
        "first_run": Key(
            Choice(FirstRun),
            "reviewed: the plan owner has looked at each first run, which may copy all that its source ever had; "
            "ask: each such task is named and not started",
            default="ask",
        ),
    }
)
APIS = Section(
    {
        "unpublished": Key(
            Choice(UnpublishedApis),
            "import: those that no package carries, as they are not published in RELEASE",
            default="none",
        ),
        "publish": Key(
            Choice(PublishApis),
            "as-at-source: in the environments in which they are published at the source; a draft never",
            default="none",
        ),
    }
)
FINISH = Section(
    {
        "dictionaries": Key(
            Choice(Dictionaries), "create: entries of the data dictionary that the target lacks", default="none"
        ),
        "datasources": Key(
            FilesShape(_PATH, "values files"),
            "the values file of the target, beside the plan: its data sources' connections; {prod: FILE, dr: FILE} for "
            "several targets",
        ),
        "app_secrets": Key(
            Choice(Keep), "keep: applications have the secret that they have at the source", default="none"
        ),
        "app_codes": Key(
            Choice(Keep), "keep: applications have the AppCodes that they have at the source", default="none"
        ),
        "members": Key(
            FilesShape(_PATH, "lists of members"),
            "a CSV of source user,target user, beside the plan: members of applications; {prod: FILE, dr: FILE} for "
            "several targets",
        ),
        "apis": Key(APIS, "APIs of moved applications"),
        "policies": Key(
            Choice(Copy),
            "copy: throttling, access control, signature keys, plugins and authorisations of moved APIs",
            default="none",
        ),
        "topics": Key(
            Choice(Copy),
            "copy: topics of moved applications that did not travel, and who may use them; never their messages",
            default="none",
        ),
        "products": Key(
            Choice(Copy),
            "copy: products of moved applications that did not travel; never devices, their credentials and rules",
            default="none",
        ),
        "tasks": Key(START_TASKS, "tasks that are stopped at the source, then started at the target"),
    }
)
_MOVES = {
    "source": Key(NAME, "the instance exported from"),
    "target": Key(NAME, "the instance imported into; or targets"),
    "targets": Key(
        ListOf(
            TARGET, "instances, each a name or a mapping", "[prod, {instance: dr, prefix: dr_}]", may_be_empty=False
        ),
        "several instances: exported once, imported into each",
    ),
    "apps": Key(Selection(), 'applications: names, globs and ids, or "*" for all'),
    "tasks": Key(
        Selection(of_apps=True),
        'FDI tasks: of-apps (the default where apps is given), names, globs and ids, "*", or []',
    ),
    "exclude": Key(_EXCLUDE, "what is selected above and stays all the same"),
    **_HOW,
    "calls": Key(
        MapOf(GLOB, ListOf(GLOB, "called applications", "[billing]", may_be_empty=False), "callers", may_be_empty=True),
        "which application's scheduled API tasks call which applications' APIs: the called go first",
    ),
    "after": Key(ListOf(NAME, "names of migrations", "[common]"), "migrations whose imports must be final first"),
    "on_partial": Key(Choice(OnPartial), "what to do when a lost import turns out half there", default="ask"),
    "waive": Key(
        ListOf(WAIVER, "waivers", '[{check: instance-features, reason: "agreed, CHG-1234"}]'),
        "agreed exceptions to preflight checks",
    ),
    "windows": Key(WINDOWS, "when its jobs may be asked for; default: always"),
    "export_ahead": Key(
        Flag(), "whether its exports go before the plan's windows and its own open: only imports remain", default=False
    ),
    "gate": Key(Choice(Gate), "imports: no import before `continue RUN --gate imports`", default="none"),
    "finish": Key(FINISH, "what ROMA does not carry and `finish` does; nothing by default"),
}
DEFAULTS = Section(_MOVES, refused={"name": "each migration has a name of its own, write it there"})
MIGRATION = Section({"name": Key(NAME, "known by it in commands and reports", required=True), **_MOVES})

_ON = Key(
    ListOf(Choice(NoticeKind), "what is told", "[needs-a-person, failed]", may_be_empty=False, or_one=True),
    "what is told: started, needs-a-person, failed (every end but 0), done, or all; default: the first three",
)
WEBHOOK = Section(
    {
        "webhook": Key(Reference(), 'the address that gets a POST, a secret: "${env:HOOK}"', required=True),
        "on": _ON,
        "form": Key(Choice(NoticeForm), "how the body looks", default="json"),
    }
)
SMN = Section(
    {
        "smn": Key(
            Text("urn:smn:[a-z0-9-]{1,40}:[A-Za-z0-9]{1,64}:[A-Za-z0-9_-]{1,255}", "urn:smn:REGION:PROJECT:TOPIC"),
            "the topic of Simple Message Notification (Finishing 6)",
            required=True,
        ),
        "credentials": Key(NAME, "the credentials that publish", required=True),
        "on": _ON,
        "endpoint": Key(Address(), "where SMN answers; default: that of the topic's region"),
    }
)
LIBRARY_ADDRESS = Section(
    {
        "url": Key(LibraryAddressShape(), "any address of the notification library (extra notify)", required=True),
        "on": _ON,
    }
)
HEARTBEAT = Section(
    {"heartbeat": Key(Reference(), 'the address that is called at each good end: "${env:DEADMAN}"', required=True)}
)
NOTIFY = NotifyShape((WEBHOOK, SMN, LIBRARY_ADDRESS, HEARTBEAT))

PLAN = Section(
    {
        "version": Key(Version(), "the version of this form: 1", required=True),
        "name": Key(NAME, "the plan is known by it within a home", required=True),
        "credentials": Key(MapOf(NAME, CREDENTIALS, "credentials by name"), "who talks to ROMA", required=True),
        "instances": Key(MapOf(NAME, INSTANCE, "instances by name"), "the ROMA Connect instances", required=True),
        "settings": Key(SETTINGS, "how to go about it"),
        "windows": Key(WINDOWS, "when jobs may be asked for; default: always"),
        "notify": Key(
            ListOf(NOTIFY, "ways to tell people", '[{webhook: "${env:HOOK}", on: [failed], form: slack}]'),
            "who is told how a run goes; a notice that fails never fails or delays a run",
        ),
        "defaults": Key(DEFAULTS, "any key of a migration, for all that do not give it"),
        "migrations": Key(
            ListOf(MIGRATION, "migrations", "[{name: ..., source: ..., target: ..., apps: [...]}]", may_be_empty=False),
            "what moves",
            required=True,
        ),
    },
    extensible=True,
)
