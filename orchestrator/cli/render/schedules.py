"""Files that let a scheduler start a plan by itself. Law: every line that decides something says why it is so.

All schedulers share two parts. One *begins* a run at its time. The other, every few minutes and after a boot, goes on
with an unfinished run, and only where `run --resume --if-due` finds that no person is needed and the time has come: so
code 8 is not asked again before its `not_before`, and 2 to 5, 7 and 10 never are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib import resources
from typing import TYPE_CHECKING

from orchestrator.cli.context.schedulers import Kind
from orchestrator.core.plan.plan import Plan, SdkProfile, SecretRef, SecretSource
from orchestrator.errors import RESTARTABLE, ExitCode, OperatorError

if TYPE_CHECKING:
    import jinja2

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WHEN = re.compile(r"(?:(?P<days>[A-Za-z,-]+) )?(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)")
_ALLOWED = 'an hour of some days, such as "Sat 02:00", "Mon-Fri 22:30", "Sat,Sun 01:00" or "daily 02:00"'
#: seconds between the last word of a run that was told to stop and the kill that a service manager sends
_BEYOND_GRACE = 30
#: a request other than a download gets so long (`engine.conductor`); a stop never waits less
_LEAST_GRACE = 10
_VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_PORT = re.compile(r":(\d{1,5})(?:/|$)")
_FINAL = tuple(code for code in ExitCode if code not in RESTARTABLE and code is not ExitCode.DONE)


@dataclass(frozen=True, slots=True)
class When:
    """A time of day on some days of the week, in a named time zone."""

    #: 0 is Monday
    days: tuple[int, ...]
    hour: int
    minute: int
    timezone: str

    @property
    def daily(self) -> bool:
        return len(self.days) == len(DAYS)

    @property
    def words(self) -> str:
        """`Sat 02:00 Asia/Shanghai`."""
        days = "daily" if self.daily else ",".join(DAYS[day] for day in self.days)
        return f"{days} {self.hour:02}:{self.minute:02} {self.timezone}"

    @property
    def calendar(self) -> str:
        """As systemd writes it; the zone is part of it, so that the host's own does not matter."""
        days = "" if self.daily else ",".join(DAYS[day] for day in self.days) + " "
        return f"{days}*-*-* {self.hour:02}:{self.minute:02}:00 {self.timezone}"

    @property
    def cron(self) -> str:
        """Five fields, for a scheduler that knows the time zone."""
        days = "*" if self.daily else ",".join(str((day + 1) % 7) for day in self.days)
        return f"{self.minute} {self.hour} * * {days}"

    @property
    def ticks(self) -> str:
        """Five fields for a scheduler that knows no time zone: each quarter of an hour, of which `stamps` choose."""
        return f"{','.join(str((self.minute + 15 * n) % 60) for n in range(4))} * * * *"

    @property
    def stamps(self) -> tuple[str, ...]:
        """What `date +%u%H%M` prints in the time zone when it is time."""
        return tuple(f"{day + 1}{self.hour:02}{self.minute:02}" for day in self.days)


def read_when(text: str, timezone: str) -> When:
    """Reads `--at` and `--timezone`; raises OperatorError."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(timezone)
    except (OSError, ValueError, KeyError):  # the error of an unknown zone is a KeyError
        raise OperatorError(
            f"--timezone: {timezone!r} is no time zone; name one of the IANA data base, such as Asia/Shanghai or UTC"
        ) from None
    found = _WHEN.fullmatch(text.strip())
    days = _days(found["days"] or "daily") if found else None
    if found is None or days is None:
        raise OperatorError(f"--at: {text!r} is not {_ALLOWED}")
    return When(days, int(found["hour"]), int(found["minute"]), timezone)


def _days(text: str) -> tuple[int, ...] | None:
    if text.lower() == "daily":
        return tuple(range(len(DAYS)))
    chosen: set[int] = set()
    for part in text.split(","):
        ends = [DAYS.index(end.title()) if end.title() in DAYS else None for end in part.split("-")]
        first, last = ends[0], ends[-1]
        if first is None or last is None or len(ends) > 2:
            return None
        chosen |= {(first + n) % 7 for n in range((last - first) % 7 + 1)}
    return tuple(sorted(chosen))


#: at a time that nobody asks for: workers are there always
ALWAYS = When((), 0, 0, "UTC")
#: the group of the workers where a plan names none
_EVERYBODY = "all"
#: seconds that a worker is given at least to leave what it conducts (it asks for nothing new meanwhile)
_DRAINING = 90


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a fleet's workers share, each as its option takes it, with secrets as references."""

    journal: str = "postgresql://roma:${env:JOURNAL_PASSWORD}@postgresql.example.com:5432/roma?sslmode=verify-full"
    engine: str = "temporal.example.com:7233/default"
    packages: str = "s3://BUCKET/PREFIX"

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the secrets that they read as `${env:NAME}`."""
        return tuple(_VARIABLE.findall(f"{self.journal} {self.engine}"))

    @property
    def in_a_bucket(self) -> bool:
        return self.packages.startswith("s3://")

    @property
    def ports(self) -> tuple[int, ...]:
        """Where a worker goes: ROMA, IAM and a bucket, and the two servers of the fleet."""
        servers = ((self.journal.rpartition("@")[2], 5432), (self.engine, 7233))
        found = ((_PORT.search(address), usual) for address, usual in servers)
        return tuple(sorted({443, *(int(port[1]) if port else usual for port, usual in found)}))


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be started, and with what."""

    plan: Plan
    when: When
    #: the plan file as it was named, and where it lies
    file: str
    path: str
    text: str
    #: the installed program
    program: str
    #: where runs are kept, or "" for the usual place of the scheduler
    home: str
    #: the container image
    image: str
    #: where a fleet's workers meet; for them alone
    fleet: Addresses = Addresses()
    #: whether it is for workers
    for_workers: bool = False

    @property
    def unit(self) -> str:
        return f"roma-migrate-{self.plan.name}"

    @property
    def label(self) -> str:
        """The same as Kubernetes allows it: small letters, digits and `-`, at most 44, as CronJobs append to it."""
        return re.sub(r"[^a-z0-9]+", "-", self.unit.lower())[:44].strip("-")

    @property
    def grace(self) -> int:
        """Seconds that a stop may take before it is a kill: more than `shutdown_grace`; workers get more."""
        ours = max(_LEAST_GRACE, int(self.plan.settings.shutdown_grace)) + _BEYOND_GRACE
        return max(_DRAINING, ours) if self.for_workers else ours

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the secrets that the plan reads as `${env:NAME}`, or as the SDK's variables."""
        named = {ref.name for ref in _references(self.plan) if ref.source is SecretSource.ENV}
        sdk = any(isinstance(each, SdkProfile) for each in self.plan.credentials.values())
        named |= set(self.fleet.variables) if self.for_workers else set()
        return tuple(sorted(named | ({"HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"} if sdk else set())))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of workers that the plan's instances name; one of any name where they name none."""
        return tuple(sorted({each.group for each in self.plan.instances.values() if each.group})) or (_EVERYBODY,)

    @property
    def secret_files(self) -> tuple[str, ...]:
        """Files that the plan reads as `${file:PATH}`."""
        return tuple(sorted({ref.name for ref in _references(self.plan) if ref.source is SecretSource.FILE}))

    @property
    def final(self) -> tuple[int, ...]:
        """Codes after which nothing starts it again by itself: they need a person, or there is nothing to do."""
        return tuple(int(code) for code in _FINAL)

    @property
    def later(self) -> int:
        """The code after which it goes on by itself, but not before its `not_before`."""
        return int(ExitCode.NOT_FINISHED)

    @property
    def again(self) -> tuple[int, ...]:
        """Codes after which a restart is safe at once."""
        return (int(ExitCode.UNREACHABLE), int(ExitCode.DEFECT), int(ExitCode.LEASE_LOST))


def _references(value: object) -> Iterator[SecretRef]:
    if isinstance(value, SecretRef):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from _references(getattr(value, each.name))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _references(each)


@dataclass(frozen=True, slots=True)
class ReadyFile:
    """One file, and where it belongs."""

    place: str
    text: str


def ready_files(kind: Kind, job: Job) -> Sequence[ReadyFile]:
    """All files that this scheduler needs."""
    made = _environment()
    return [ReadyFile(place, made.get_template(name).render(job=job)) for place, name in _places(kind, job)]


def _places(kind: Kind, job: Job) -> list[tuple[str, str]]:
    match kind:
        case Kind.SYSTEMD:
            units = [("", ".service"), ("", ".timer"), ("-resume", ".service"), ("-resume", ".timer")]
            names = {".service": "begin.service", ".timer": "begin.timer"}
            resumed = {".service": "resume.service", ".timer": "resume.timer"}
            return [
                (f"/etc/systemd/system/{job.unit}{part}{end}", f"{(resumed if part else names)[end]}.jinja")
                for part, end in units
            ]
        case Kind.CRON:
            # run-parts and cron skip names with a dot
            return [(f"/etc/cron.d/{job.unit.replace('.', '-')}", "cron.jinja")]
        case Kind.KUBERNETES:
            return [(f"{job.label}.yaml", "kubernetes.yaml.jinja")]
        case Kind.GITLAB:
            return [(".gitlab-ci.yml", "gitlab.yml.jinja")]
        case Kind.GITHUB:
            return [(f".github/workflows/{job.label}.yml", "github.yml.jinja")]
        case Kind.KUBERNETES_FLEET:
            return [(f"{job.label}-workers.yaml", "kubernetes_fleet.yaml.jinja")]
        case Kind.SYSTEMD_FLEET:
            return [("/etc/systemd/system/roma-migrate-worker@.service", "worker.service.jinja")]


def _environment() -> "jinja2.Environment":
    """`[[ ]]` and `[% %]`, as `${{ }}` is GitHub's. What a filter quotes is text of that scheduler, never markup."""
    import json
    import shlex

    import jinja2

    made = jinja2.Environment(
        autoescape=False,  # noqa: S701 - no markup: each place quotes for its own language
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        loader=jinja2.FunctionLoader(_template),
        variable_start_string="[[", variable_end_string="]]", block_start_string="[%", block_end_string="%]",
        comment_start_string="[#", comment_end_string="#]",
    )  # fmt: skip
    made.filters["yaml"] = lambda value: json.dumps(value, ensure_ascii=False)
    made.filters["sh"] = shlex.quote
    made.filters["unit"] = _for_systemd
    made.filters["setting"] = lambda text: _for_systemd(text).replace("$$", "$")
    made.filters["cron"] = lambda command: command.replace("%", r"\%")
    return made


def _for_systemd(text: str) -> str:
    """One word of a unit file: quoted, without specifiers (`%`) and variables (`$`)."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return quoted if re.fullmatch(r"[\w./:@+=,%$-]+", quoted) else f'"{quoted}"'


def _template(name: str) -> str:
    return (resources.files(__package__) / "schedule_files" / name).read_text(encoding="utf-8")
