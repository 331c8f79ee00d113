"""What the operator asked for, as frozen values. Law: no secret is ever in here, only references to secrets.

`orchestrator.core.plan.parse` makes a Plan from a mapping, or every problem at once. Times are in seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from orchestrator.core.plan.windows import Window


class Mode(StrEnum):
    """The service's own words (API 1.3)."""

    ADD_NEW = "AddNew"
    MERGE = "Merge"


class Scope(StrEnum):
    """Within what one asset job may run (`one_job_per`; API 2.1 leaves it open)."""

    USER = "user"
    USER_TYPE = "user+type"
    INSTANCE = "instance"
    INSTANCE_TYPE = "instance+type"
    USER_INSTANCE = "user+instance"
    USER_INSTANCE_TYPE = "user+instance+type"
    AUTO = "auto"


class OnPartial(StrEnum):
    """What to do when a lost import turns out half there."""

    ASK = "ask"
    REST = "rest"


class Gate(StrEnum):
    """What waits for a person's word (promise 18)."""

    NONE = "none"
    #: exports go ahead; no import is asked for
    IMPORTS = "imports"


class SecretSource(StrEnum):
    """Where a secret lies."""

    ENV = "env"
    FILE = "file"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class SecretRef:
    """`${env:NAME}`, `${file:PATH}` or `${command:PROGRAM ARGUMENTS}`."""

    source: SecretSource
    name: str

    def __str__(self) -> str:
        # An argument of a command may be a secret of its own.
        name = f"{self.name.split()[0]} ..." if self.source is SecretSource.COMMAND else self.name
        return f"${{{self.source}:{name}}}"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """AK/SK credentials; every part may be a reference, `sk` and `security_token` must be."""

    name: str
    ak: SecretRef
    sk: SecretRef
    security_token: SecretRef | None = None
    #: DOMAIN/NAME of the IAM user that owns the key, or ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Password:
    """IAM password credentials."""

    name: str
    username: str
    domain: str
    password: SecretRef
    #: "" means: the instance's iam_endpoint
    iam_endpoint: str = ""

    @property
    def user(self) -> str:
        return f"{self.domain}/{self.username}"


@dataclass(frozen=True, slots=True)
class SdkProfile:
    """The official SDK's `HUAWEICLOUD_SDK_*` variables, then its credentials file."""

    name: str
    #: DOMAIN/NAME of the IAM user that owns the key, or ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Agency:
    """The agency of the server that this program runs on, from its metadata service (Finishing 7.1)."""

    name: str
    #: DOMAIN/NAME of the user that its jobs count for, or ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Oidc:
    """An id token, as pipelines get one, exchanged at IAM for a temporary key (Finishing 7.2)."""

    name: str
    #: the identity provider's id in IAM
    idp: str
    #: path of the file that holds the token, or ""
    token_file: str = ""
    #: name of the variable that holds it, or ""
    token_env: str = ""
    #: name of the project that the exchange is scoped to, or ""
    project: str = ""
    #: "" means: the instance's iam_endpoint
    iam_endpoint: str = ""
    #: DOMAIN/NAME of the user that its jobs count for, or ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class Assume:
    """The agency of another account, taken on by other credentials of the plan (Finishing 7.3)."""

    name: str
    #: name of the account that gave the agency
    domain: str
    agency: str
    #: name of the credentials that take it on
    by: str
    #: "" means: the instance's iam_endpoint
    iam_endpoint: str = ""
    #: DOMAIN/NAME of the user that its jobs count for, or ""
    user: str = ""


Credentials = AccessKey | Password | SdkProfile | Agency | Oidc | Assume


@dataclass(frozen=True, slots=True)
class Instance:
    """One ROMA Connect instance and how to reach it."""

    name: str
    #: scheme and authority, no trailing slash
    endpoint: str
    #: scheme and authority; "" only where no password credentials use it
    iam_endpoint: str
    project_id: str
    instance_id: str
    #: names of credentials, at least one; each further user is one more slot
    credentials: tuple[str, ...]
    region: str = ""
    #: path of a private authority's certificates, or ""
    ca_file: str = ""
    #: proxy address, or "" for HTTPS_PROXY / NO_PROXY
    proxy: str = ""
    #: when jobs may be asked for there; always, where there are none
    windows: tuple[Window, ...] = ()
    #: the group of a fleet's workers that reach it, or "" where all do
    group: str = ""


@dataclass(frozen=True, slots=True)
class KeepPackages:
    """`keep_packages`: until verified, always, or for some seconds."""

    #: seconds after the package was stored; 0 = until verified; infinite = always
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`settings`, with the documented defaults."""

    batch_size: int = 100
    one_job_per: Scope = Scope.USER
    busy_timeout: float = 7200.0
    job_timeout: float = 21600.0
    outage_timeout: float = 1800.0
    settle_quiet: float = 90.0
    settle_wait: float = 600.0
    shutdown_grace: float = 60.0
    #: requests a second, per credentials
    reads_per_second: float = 5.0
    #: None: the plan sets none, and it is adapted to what the service takes
    writes_per_second: float | None = None
    keep_packages: KeepPackages = field(default_factory=KeepPackages)
    #: how long backups stay after they were taken
    keep_backups: float = 30 * 86400.0
    #: how long a person's word is waited for
    gate_timeout: float = 86400.0
    #: requests a second up to which the rate of writes is adapted, where the plan sets none
    most_writes_per_second: float = 1.0


@dataclass(frozen=True, slots=True)
class Glob:
    """A shell glob on the name, case-sensitive."""

    pattern: str


@dataclass(frozen=True, slots=True)
class ById:
    """Exactly one asset."""

    id: str


Selector = Glob | ById


@dataclass(frozen=True, slots=True)
class OfApps:
    """`tasks: of-apps`: tasks of the selected applications (Contract 1)."""


@dataclass(frozen=True, slots=True)
class Target:
    """One instance a migration imports into, and how."""

    instance: str
    mode: Mode = Mode.ADD_NEW
    #: put before each application's name
    prefix: str = ""
    #: only with Merge
    datasource_overwrite: bool = False
    #: credentials that own what is imported, or "" for one per connected group, whoever is free first
    owner: str = ""
    #: under Merge, what is there is exported before it is overwritten; AddNew overwrites nothing
    backup: bool = True
    #: only with Merge: what has not changed at the source since it was last imported there stays out
    only_changed: bool = False


@dataclass(frozen=True, slots=True)
class Waiver:
    """An agreed exception to one preflight check."""

    check: str
    #: globs; empty means all
    assets: tuple[str, ...]
    reason: str
    until: date | None = None


class FinishStep(StrEnum):
    """What `finish` can do, in the order in which it is done (Finishing 3); each is a key of `finish:`."""

    #: before the import
    DICTIONARIES = "dictionaries"
    DATASOURCES = "datasources"
    APP_SECRETS = "app_secrets"
    APP_CODES = "app_codes"
    MEMBERS = "members"
    APIS = "apis"
    POLICIES = "policies"
    TOPICS = "topics"
    PRODUCTS = "products"
    #: never but by a person's own word
    TASKS = "tasks"


#: the gate before the step of that name: opened, `finish` does it without being told by name (Contract 6)
TASKS = FinishStep.TASKS.value


class Dictionaries(StrEnum):
    """What becomes of data dictionary entries that a target lacks."""

    NONE = "none"
    CREATE = "create"


class UnpublishedApis(StrEnum):
    """What becomes of APIs that no package carries."""

    NONE = "none"
    #: exported as a file and imported into their group
    IMPORT = "import"


class PublishApis(StrEnum):
    """What becomes of publications."""

    NONE = "none"
    #: what is published at the source is, in the same environments; a draft never
    AS_AT_SOURCE = "as-at-source"


@dataclass(frozen=True, slots=True)
class FinishApis:
    """What becomes of the APIs of moved applications."""

    unpublished: UnpublishedApis = UnpublishedApis.NONE
    publish: PublishApis = PublishApis.NONE


class Copy(StrEnum):
    """What becomes of policies of moved APIs, and of topics and products that did not travel."""

    NONE = "none"
    COPY = "copy"


class FirstRun(StrEnum):
    """What the plan owner says of tasks that would run for the first time (promise 20)."""

    #: each is named, and not started
    ASK = "ask"
    #: they were looked at: each may copy all that its source ever had
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class StartTasks:
    """Which of the tasks that ran at the source are stopped there and started at the target."""

    start: tuple["Selector", ...]
    first_run: FirstRun = FirstRun.ASK


class Keep(StrEnum):
    """Whether something of the source is kept, so that callers change nothing."""

    NONE = "none"
    KEEP = "keep"


#: (name of a target, path of its file); "" stands for the migration's only target
FilePerTarget = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """What is done of that which ROMA does not carry; nothing by default (Contract 6)."""

    dictionaries: Dictionaries = Dictionaries.NONE
    apis: FinishApis = FinishApis()
    #: throttling, access control, signature keys, plugins and authorisations of moved APIs
    policies: Copy = Copy.NONE
    tasks: StartTasks | None = None
    #: connections of each target's data sources
    datasources: FilePerTarget = ()
    app_secrets: Keep = Keep.NONE
    app_codes: Keep = Keep.NONE
    #: who becomes a member at each target
    members: FilePerTarget = ()
    #: topics of moved applications that did not travel
    topics: Copy = Copy.NONE
    #: products of devices of moved applications that did not travel
    products: Copy = Copy.NONE

    def values_for(self, target: str) -> str:
        """Path of that target's values file, "" where the plan names none."""
        return _file_for(self.datasources, target)

    def members_for(self, target: str) -> str:
        """Path of that target's list of members, "" where the plan names none."""
        return _file_for(self.members, target)


def _file_for(files: FilePerTarget, target: str) -> str:
    held = dict(files)
    return held.get(target, held.get("", ""))


@dataclass(frozen=True, slots=True)
class Migration:
    """What moves from one source to one or more targets."""

    name: str
    source: str
    targets: tuple[Target, ...]
    apps: tuple[Selector, ...] = ()
    tasks: tuple[Selector, ...] | OfApps = ()
    exclude_apps: tuple[Selector, ...] = ()
    exclude_tasks: tuple[Selector, ...] = ()
    #: (glob of the caller's name, globs of the called applications' names)
    calls: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: names of migrations whose imports must be final first
    after: tuple[str, ...] = ()
    on_partial: OnPartial = OnPartial.ASK
    waive: tuple[Waiver, ...] = ()
    #: when jobs may be asked for; always, where there are none
    windows: tuple[Window, ...] = ()
    #: its exports do not wait for the plan's windows and its own
    export_ahead: bool = False
    gate: Gate = Gate.NONE
    finish: Finish = Finish()


class NoticeKind(StrEnum):
    """What a notice tells (`on:`)."""

    #: a run has begun, or goes on
    STARTED = "started"
    #: it cannot go on, or not with everything, before a person decides
    NEEDS_A_PERSON = "needs-a-person"
    #: it ended with any code but 0
    FAILED = "failed"
    #: it ended with 0
    DONE = "done"
    #: all of these
    ALL = "all"


class NoticeForm(StrEnum):
    """How the body of a webhook looks: the words of the service that receives it."""

    JSON = "json"
    SLACK = "slack"
    TEAMS = "teams"
    FEISHU = "feishu"
    DINGTALK = "dingtalk"
    WECOM = "wecom"


#: what is told where `on:` says nothing
TOLD = (NoticeKind.STARTED, NoticeKind.NEEDS_A_PERSON, NoticeKind.FAILED)


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that gets a POST."""

    #: the address is a secret: who knows it can write
    address: SecretRef
    on: tuple[NoticeKind, ...] = TOLD
    form: NoticeForm = NoticeForm.JSON


@dataclass(frozen=True, slots=True)
class SmnTopic:
    """A topic of Simple Message Notification (Finishing 6)."""

    urn: str
    #: name of the credentials that publish
    credentials: str
    on: tuple[NoticeKind, ...] = TOLD
    #: "" means: that of the topic's region
    endpoint: str = ""

    @property
    def region(self) -> str:
        return self.urn.split(":")[2]

    @property
    def project_id(self) -> str:
        return self.urn.split(":")[3]


@dataclass(frozen=True, slots=True)
class LibraryAddress:
    """Any address that the notification library understands (extra `notify`)."""

    #: a reference, or the address itself where nothing in it is secret
    address: SecretRef | str
    on: tuple[NoticeKind, ...] = TOLD


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """An address that is called at each good end, for a monitor that misses it."""

    address: SecretRef


NotifyBy = Webhook | SmnTopic | LibraryAddress | Heartbeat


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan file, understood."""

    name: str
    credentials: Mapping[str, Credentials]
    instances: Mapping[str, Instance]
    settings: Settings
    migrations: tuple[Migration, ...]
    #: the file it came from, for messages
    path: str = ""
    #: the beginning of that file's SHA-256, "" where it came from none
    digest: str = field(default="", compare=False)
    #: who is told how a run goes
    notify: tuple[NotifyBy, ...] = ()
    #: when jobs may be asked for; always, where there are none
    windows: tuple[Window, ...] = ()


def what_moves(plan: Plan) -> dict[str, object]:
    """All that decides what moves and how, ready for JSON; what a resume compares (Contract 2, "Which run").

    Not in it, because it may change between a run's start and its resume: credentials, `ca_file`, proxies, rates,
    timeouts, waivers, `on_partial`, retention, windows and gates. Nor the order in which selectors or migrations were
    written.
    """
    used = sorted({name for m in plan.migrations for name in (m.source, *(t.instance for t in m.targets))})
    return {
        "instances": {name: _where(plan.instances[name]) for name in used},
        "settings": {"batch_size": plan.settings.batch_size, "one_job_per": plan.settings.one_job_per.value},
        "migrations": {m.name: _moves(m) for m in sorted(plan.migrations, key=lambda m: m.name)},
    }


def _where(instance: Instance) -> dict[str, object]:
    return {"endpoint": instance.endpoint, "project_id": instance.project_id, "instance_id": instance.instance_id}


def _moves(migration: Migration) -> dict[str, object]:
    targets = sorted(migration.targets, key=lambda t: (t.instance, t.prefix))
    names = [t.instance for t in targets]
    return {
        "source": migration.source,
        # Two targets in one instance differ by their prefix, which then belongs to the name.
        "targets": {
            t.instance if names.count(t.instance) == 1 else f"{t.instance}:{t.prefix}": _how(t) for t in targets
        },
        "apps": _selected(migration.apps),
        "tasks": "of-apps" if isinstance(migration.tasks, OfApps) else _selected(migration.tasks),
        "exclude": {"apps": _selected(migration.exclude_apps), "tasks": _selected(migration.exclude_tasks)},
        "calls": {caller: sorted(set(called)) for caller, called in sorted(migration.calls)},
        "after": sorted(set(migration.after)),
    }


def _how(target: Target) -> dict[str, object]:
    return {
        "mode": target.mode.value,
        "prefix": target.prefix,
        "datasource_overwrite": target.datasource_overwrite,
        "owner": target.owner,
        # Not where it is false: journals of versions that did not know it must agree.
        **({"only_changed": True} if target.only_changed else {}),
    }


def _selected(selectors: tuple[Selector, ...]) -> list[str]:
    return sorted({f"id {s.id}" if isinstance(s, ById) else s.pattern for s in selectors})


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[str, ...]:
    """What differs between two `what_moves`, a line each: `migrations.orders.prefix: was '', is 'x_'`."""
    return tuple(_differences(old, new, ""))


def _differences(old: Mapping[str, object], new: Mapping[str, object], path: str) -> Iterator[str]:
    for key in sorted({*old, *new}):
        here = f"{path}.{key}" if path else key
        if key not in new:
            yield f"{here}: was there, is gone"
        elif key not in old:
            yield f"{here}: is new"
        elif isinstance(before := old[key], Mapping) and isinstance(after := new[key], Mapping):
            if key == "targets" and len(before) == 1 and before.keys() == after.keys():
                # A single target needs no name: its prefix is the migration's.
                (before,), (after,), here = before.values(), after.values(), path
            yield from _differences(before, after, here)
        elif old[key] != new[key]:
            yield f"{here}: was {old[key]!r}, is {new[key]!r}"
