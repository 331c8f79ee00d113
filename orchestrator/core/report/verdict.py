"""How it ended, in one sentence. Law: screen, report and notices say it in the same words."""

from orchestrator.core.report.outcome import AssetClass, Outcome
from orchestrator.errors import ExitCode

#: what a code means (Contract 2), for whoever knows no more than the code
MEANINGS = {
    ExitCode.DONE: "done: everything is imported and verified",
    ExitCode.INCOMPLETE: "ended, but some assets did not make it",
    ExitCode.USAGE: "the plan or the command line is wrong; nothing was sent",
    ExitCode.REFUSED: "the service refuses us",
    ExitCode.BLOCKED: "blocked before the start; nothing was started",
    ExitCode.UNDECIDED: "an outcome is unknown and only the operator can decide it",
    ExitCode.HELD: "another process has this plan's run",
    ExitCode.MEMORY: "our own memory failed",
    ExitCode.NOT_FINISHED: "not finished, nothing wrong",
    ExitCode.UNREACHABLE: "the service cannot be reached",
    ExitCode.STOPPED: "waiting for a person",
    ExitCode.DEFECT: "a defect of roma-migrate",
    ExitCode.LEASE_LOST: "another process has taken over",
    ExitCode.HANGUP: "interrupted",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "interrupted",
}
#: classes with which a run may end although nothing failed
_GOOD = {AssetClass.HELD, AssetClass.SKIPPED, AssetClass.VERIFIED, AssetClass.UNVERIFIED}


def verdict(outcome: Outcome) -> str:
    """The code in words, as far as the counts tell more of it."""
    if outcome.code is ExitCode.DONE and outcome.counts.get(AssetClass.UNVERIFIED.value):
        return "done: everything is imported, some of it could not be verified"
    if outcome.code is ExitCode.DONE and not any(
        n for kept_as, n in outcome.counts.items() if kept_as != AssetClass.SKIPPED.value
    ):
        return "done: nothing was left to bring"
    if outcome.code is ExitCode.INCOMPLETE and is_held(outcome) and is_only_held(outcome):
        return "ended: what was approved and has not drifted is imported; the rest was held back"
    return MEANINGS[outcome.code]


def is_held(outcome: Outcome) -> bool:
    """Whether drift kept anything back."""
    return bool(outcome.counts.get(AssetClass.HELD.value))


def is_only_held(outcome: Outcome) -> bool:
    """Whether nothing but drift kept anything back."""
    return all(kept_as in _GOOD for kept_as, number in outcome.counts.items() if number)
