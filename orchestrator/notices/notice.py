"""What people are told, in words. Law: counts, codes and commands; no name of an asset, and no secret.

Chat rooms have more readers than a plan. Who needs the names finds them in the report.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestrator.core.plan.plan import NoticeKind
from orchestrator.core.report.outcome import Outcome
from orchestrator.core.report.verdict import MEANINGS, verdict
from orchestrator.errors import ExitCode, FarSideError, HeldElsewhere, MemoryFailed, RomaMigrateError

#: characters of a reason
_LONGEST = 300
#: reasons that name hosts and limits, never assets
_NAMELESS = frozenset(
    {ExitCode.REFUSED, ExitCode.UNREACHABLE, ExitCode.NOT_FINISHED, ExitCode.STOPPED, ExitCode.MEMORY}
)
#: codes after which nothing goes on before a person has decided
_NEEDS_A_PERSON = frozenset({ExitCode.UNDECIDED, ExitCode.STOPPED})


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell."""

    kinds: frozenset[NoticeKind]
    plan: str
    sentence: str
    #: epoch seconds
    at: float
    #: where the program runs
    host: str = ""
    #: "" where there is none yet
    run: str = ""
    #: the exit code, None while the run goes on
    code: int | None = None
    #: why, in words without names of assets
    why: str = ""
    who: str = ""
    next_step: str = ""
    #: class of assets -> how many
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"roma-migrate: plan {self.plan} {self.sentence}"

    @property
    def lines(self) -> list[str]:
        """What follows the title, a line each; lines that would be empty are left out."""
        counted = ", ".join(f"{number} {kept_as}" for kept_as, number in self.counts.items() if number)
        told = {"why": self.why, "assets": counted, "who": self.who, "next": self.next_step, "run": self.run}
        at = datetime.fromtimestamp(self.at, UTC).astimezone().isoformat(" ", "seconds")
        return [f"{name}: {text}" for name, text in told.items() if text] + [f"at: {at} on {self.host}"]

    @property
    def text(self) -> str:
        return "\n".join([self.title, *self.lines])


@dataclass(frozen=True, slots=True)
class Teller:
    """What each notice of one command says of itself."""

    plan: str
    #: path of the plan file
    file: str
    host: str

    def started(self, run: str, at: float, resumed: bool) -> Notice:
        sentence = "goes on with its run" if resumed else "has begun"
        return Notice(frozenset({NoticeKind.STARTED}), self.plan, sentence, at, self.host, run)

    def needs_a_person(self, run: str, at: float, undecided: int) -> Notice:
        things = "1 outcome is" if undecided == 1 else f"{undecided} outcomes are"
        return Notice(
            frozenset({NoticeKind.NEEDS_A_PERSON}), self.plan, "goes on, and needs a person", at, self.host, run,
            why=f"{things} unknown and only the operator can decide", who="the operator",
            next_step=f"roma-migrate resolve {run}",
        )  # fmt: skip

    def at_a_gate(self, run: str, at: float, gate: str) -> Notice:
        return Notice(
            frozenset({NoticeKind.NEEDS_A_PERSON}), self.plan, "waits for a person", at, self.host, run,
            why=f"nothing is left to do before the {gate}, and their gate is closed", who="whoever gives the word",
            next_step=f"roma-migrate continue {run} --gate {gate}",
        )  # fmt: skip

    def ended(self, run: str, at: float, outcome: Outcome) -> Notice:
        """How a run left this process."""
        whys = [why.sentence for why in outcome.whys if why.code in _NAMELESS]
        return self._end(
            outcome.code, at, run, verdict(outcome), why="; ".join(whys), who=outcome.who,
            next_step=outcome.next_step, counts=dict(outcome.counts),
        )  # fmt: skip

    def failed(self, at: float, error: BaseException) -> Notice:
        """What kept a command from going on."""
        if not isinstance(error, RomaMigrateError):
            return self._end(ExitCode.DEFECT, at, "", who=RomaMigrateError.who, next_step="see the log on the host")
        told = error.lines[0] if isinstance(error, FarSideError | MemoryFailed | HeldElsewhere) and error.lines else ""
        return self._end(error.exit_code, at, "", why=told, who=error.who, next_step=error.next_step)

    def left(self, code: int, at: float) -> Notice:
        """A command that left with a code and no more words, such as an interrupted one."""
        return self._end(code, at, "", who="nobody", next_step="run the same command again")

    def _end(
        self, code: int, at: float, run: str, meaning: str = "", *, why: str = "", who: str = "",
        next_step: str = "", counts: Mapping[str, int] | None = None,
    ) -> Notice:  # fmt: skip
        known = ExitCode(code) if code in set(ExitCode) else ExitCode.TERMINATED
        kinds = {NoticeKind.DONE} if code == 0 else {NoticeKind.FAILED}
        if known in _NEEDS_A_PERSON:
            kinds.add(NoticeKind.NEEDS_A_PERSON)
        meaning = meaning or MEANINGS[known]
        sentence = f"ended with {int(code)}: {meaning}"
        following = next_step.replace("RUN", run or "RUN").replace("PLAN", self.file)
        return Notice(
            frozenset(kinds), self.plan, sentence, at, self.host, run, int(code), why[:_LONGEST], who,
            following if code else "", counts or {},
        )  # fmt: skip
