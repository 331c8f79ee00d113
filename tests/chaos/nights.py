"""Real processes killed at random instants over a real socket. Law: a seed decides signals, delays and chances.

A night is one plan: the command is given, killed, given again, until its kills are spent; then it is let live. At dawn
each asset is at each target once, and the home holds nothing that nobody refers to.
"""

import json
import random
import re
import signal
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.emulator.world.faults import Kind, Rule
from orchestrator.emulator.world.operations import Operation
from orchestrator.emulator.world.options import Duration, Durations, Switches
from orchestrator.emulator.world.readings import AddNewOnExisting, AppKey, LockScope, PrefixRenames
from tests.e2e.desk import LINES, Desk, PlanText, Said
from tests.e2e.local_roma import LocalRoma, local_roma, small_world
from tests.emulator.ledgers import overlaps

#: how often one command is given before its night counts as endless
MOST_STARTS = 40
#: seconds that an interrupted program may take to leave (Contract 1: requests 10 s, downloads a grace)
LEAVING = 60.0
#: seconds within which a kill falls after the first step: what an undisturbed run takes here
WITHIN = 3.0
#: share of kills that fall into the program's start, before its first step
EARLY = 0.15
TARGETS = ("prod", "dr")
#: what strikes: (kind, operations), each request with a small chance
STRIKES: tuple[tuple[Kind, tuple[Operation, ...]], ...] = (
    (Kind.RESET_BEFORE_SEND, (Operation.EXPORT, Operation.IMPORT, Operation.JOB, Operation.APPS)),
    (Kind.RESET_AFTER_SEND, (Operation.EXPORT, Operation.IMPORT, Operation.JOB)),
    (Kind.RESET_AFTER_SEND_NOT_EXECUTED, (Operation.EXPORT, Operation.IMPORT)),
    (Kind.TRUNCATED_WITH_LENGTH, (Operation.ARCHIVE,)),
    (Kind.TRUNCATED_WITHOUT_LENGTH, (Operation.ARCHIVE,)),
    (Kind.THROTTLED, (Operation.EXPORT, Operation.IMPORT, Operation.JOB, Operation.TASKS)),
    (Kind.UNAVAILABLE, (Operation.JOB, Operation.APPS)),
    (Kind.HTML_502_BEFORE, (Operation.EXPORT, Operation.IMPORT)),
    (Kind.BAD_GATEWAY_AFTER, (Operation.EXPORT, Operation.IMPORT)),
    (Kind.GARBAGE_200, (Operation.EXPORT, Operation.IMPORT, Operation.JOB)),
    (Kind.HALF_JSON, (Operation.EXPORT, Operation.IMPORT, Operation.JOB)),
    (Kind.SLOW_DRIP, (Operation.ARCHIVE,)),
    (Kind.LATE_EXECUTION, (Operation.EXPORT, Operation.IMPORT)),
)
CHANCE = 0.04
#: a repeated import would make second assets, so that it shows
SHOWS_DOUBLES = Switches(add_new_on_existing=AddNewOnExisting.SUFFIX, app_key=AppKey.NEW)
#: what a home may hold once its run is done and verified: no package, no suspect, nothing half written
KEPT = re.compile(
    r"\.gitignore|home\.lock|dialect\.json|slots\.db(-wal|-shm)?|plans/[a-z]+\.(lock|end)"
    r"|runs/[0-9a-f-]+/(journal\.db(-head)?|run\.log|plan|told|brief)"
)


#: a line about a step; what a run says of itself is none
_STEP = re.compile(r'"event": "(?!run-|handover|progress|home|run")([^"]+)"')


#: what a night's plan says of lost answers: longer than a late request of `_rules`, and than any import here
SETTLING: dict[str, object] = {"settle_quiet": "2s", "settle_wait": "3s"}
#: seconds after which the service shows what landed: within a third of `settle_quiet`
LAGS = (0.0, 0.0, 0.3, 0.6)
PREFIXES = ("", "m_")


class Broken(AssertionError):
    """A promise does not hold."""


def switches_of(seed: int) -> Switches:
    """How the service of one night reads what nobody has documented; the plan keeps its defaults."""
    draw = random.Random(f"switches {seed}")
    scope = list(LockScope)[seed % len(LockScope)]
    renames = draw.choice(list(PrefixRenames))
    return replace(SHOWS_DOUBLES, lock_scope=scope, prefix_renames=renames, read_lag_seconds=draw.choice(LAGS))


def expected_at(roma: LocalRoma, prefix: str, renames: PrefixRenames) -> dict[str, int]:
    """What a target holds where each asset of `dev` arrived once."""
    dev = roma.world.instance("dev")
    apps = "" if renames is PrefixRenames.TASKS else prefix
    tasks = "" if renames is PrefixRenames.APPS else prefix
    return {f"app {apps}{x.name}": 1 for x in dev.apps} | {f"task {tasks}{x.name}": 1 for x in dev.tasks}


@dataclass(slots=True)
class Tally:
    """What the nights so far came to."""

    nights: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    #: the last thing that a killed program had said
    hit: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    #: how the service locked -> nights
    scopes: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.nights += other.nights
        self.failed += other.failed
        for mine, theirs in (
            (self.kills, other.kills), (self.hit, other.hit), (self.faults, other.faults), (self.codes, other.codes),
            (self.scopes, other.scopes),
        ):  # fmt: skip
            mine.update(theirs)


def night(seed: int, kills: int) -> Tally:
    """One plan through at most so many kills; what is found wrong stands in the tally."""
    tally = Tally(nights=1)
    durations = Durations(Duration(0.1, 0.0, 0.6), Duration(0.1, 0.0, 0.6), Duration(0.1))
    switches = switches_of(seed)
    tally.scopes[switches.lock_scope.value] += 1
    world = small_world(empty=TARGETS, switches=switches, durations=durations)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, local_roma(world, seed) as roma:
        try:
            _Night(seed, roma, Desk(Path(folder)), tally).live(kills)
        except (Broken, subprocess.TimeoutExpired) as problem:
            tally.failed.append((seed, str(problem)))
        tally.faults.update({kind.value: count for kind, count in roma.api.strikes.counts.items()})
    return tally


class _Night:
    def __init__(self, seed: int, roma: LocalRoma, desk: Desk, tally: Tally) -> None:
        self._draw = random.Random(seed)
        self._roma, self._desk, self._tally = roma, desk, tally
        self._prefix = self._draw.choice(PREFIXES)
        targets = ", ".join(f'{{instance: {name}, prefix: "{self._prefix}"}}' for name in TARGETS)
        moves = f'name: all, source: dev, targets: [{targets}], apps: "*", tasks: "*"'
        desk.ready(roma, PlanText(settings={"batch_size": 10, **SETTLING}, migrations=(moves,)))

    def live(self, kills: int) -> None:
        for rule in _rules():
            self._roma.strike_by(rule)
        while kills and self._killed():
            kills -= 1
        self._roma.ask(lambda api: api.strikes.clear())
        self._finish()
        self._at_dawn()

    def _killed(self) -> bool:
        """Give the command and kill it at some instant; False where it ended before."""
        number = self._draw.choices((signal.SIGKILL, signal.SIGTERM, signal.SIGINT), (6, 2, 2))[0]
        early, delay = self._draw.random() < EARLY, self._draw.uniform(0.0, WITHIN)
        # The interpreter itself does not take a SIGINT well while it starts; that is not what is proved here.
        number = signal.SIGKILL if early and number is signal.SIGINT else number
        with self._desk.start("run", "plan.yaml", *LINES, stderr=subprocess.STDOUT) as program:
            said = "" if early else _at_work(program)
            try:
                said += program.communicate(timeout=delay / 3 if early else delay)[0]
            except subprocess.TimeoutExpired as living:
                program.send_signal(number)
                self._tally.kills[number.name] += 1
                self._tally.hit[_last_event(said + bytes(living.output or b"").decode())] += 1
                said += program.communicate(timeout=LEAVING)[0]
        code = _as_a_shell_sees(program.returncode)
        self._judge(code, said)
        # A signal may fall on a program that has just ended: then its own code counts.
        return code > 128

    def _judge(self, code: int, said: str) -> None:
        self._tally.codes[str(code)] += 1
        if code not in {137, 130, 143, 0, 1, 5, 9} or "Traceback" in said:
            raise Broken(f"code {code}\n{said[-3000:]}")

    def _finish(self) -> None:
        """The service behaves from now on: the same command ends 0, with an operator's help where he is asked."""
        words: tuple[str, ...] = ()
        for _ in range(MOST_STARTS):
            said = self._desk.run("run", *words, "plan.yaml", patience=120.0)
            self._judge(said.code, said.both)
            words = ("--retry",) if said.code == 1 else ()
            if said.code == 0:
                return
            if said.code == 5:
                self._decide()
        raise Broken("liveness: the command was given too often")

    def _decide(self) -> None:
        """Packages that were suspect twice: the service has been mended, so they are exported once more."""
        shown = self._desk.run("resolve", "--json")
        for one in json.loads(shown.out)["undecided"]:
            said = self._desk.run("resolve", "t", one["subject"], "--as", "absent", "--reason", "mended")
            self._require(said.code == 0, said.both)

    def _at_dawn(self) -> None:
        renames = self._roma.world.switches.prefix_renames
        for target in TARGETS:
            held, expected = self._roma.held(target), expected_at(self._roma, self._prefix, renames)
            missing = [name for name in expected if name not in held]
            self._require(not missing, f"lost at {target}: {missing}")
            self._require(held == expected, f"twice at {target}: {sorted(set(held) - set(expected))}")
            self._require(not self._roma.twice(target), f"twice at {target}: {self._roma.twice(target)}")
        ledger = self._roma.ledger
        self._require(not overlaps(ledger, LockScope.USER_ANY), "two jobs of ours ran at once in one slot")
        self._require(
            all(times <= 2 for times in ledger.downloads.values()), "an archive was asked for again and again"
        )
        orphans = [name for name in self._desk.files() if not KEPT.fullmatch(name)]
        self._require(not orphans, f"orphans: {orphans}")
        self._read_back(self._desk.run("status", "t"))

    def _read_back(self, said: Said) -> None:
        self._require(said.code == 0 and "done" in said.out, said.both)

    def _require(self, holds: bool, what: str) -> None:
        if not holds:
            raise Broken(what)


def _rules() -> list[Rule]:
    return [
        Rule(kind, frozenset({operation}), times=0, probability=CHANCE, count=256, seconds=0.2)
        for kind, operations in STRIKES
        for operation in operations
    ]


def _at_work(program: "subprocess.Popen[str]") -> str:
    """What it says up to its first step: a resume may have to wait before that."""
    assert program.stdout is not None
    said = ""
    for line in program.stdout:
        said += line
        if _STEP.search(line):
            break
    return said


def _as_a_shell_sees(code: int) -> int:
    """A program that is killed before it heeds signals shows the same code in a shell."""
    return code if code >= 0 else 128 - code


def _last_event(said: str) -> str:
    """What the program had said last: the event's name, or that it was still starting."""
    found = _STEP.findall(said)
    return str(found[-1]) if found else "no step yet"
