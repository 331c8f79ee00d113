"""The promises, watched after every event and judged at dawn. Law: each names the promise that it guards."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from orchestrator.core.report.outcome import AssetClass, asset_outcomes
from orchestrator.core.state import change_events as c
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from orchestrator.emulator.service.ledger import slot_of
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.operations import Operation
from orchestrator.errors import ExitCode
from tests.emulator.ledgers import twice
from tests.simulation.book import Broken
from tests.simulation.invariants import Journal
from tests.simulation.permitted import Permitted
from tests.simulation.worlds import Scenario

if TYPE_CHECKING:
    from tests.simulation.scenarios import Night


#: events of a night: so many, and so many more for each delivery
MOST_EVENTS, EVENTS_PER_DELIVERY = 3000, 250
#: virtual seconds: an overdue job alone takes hours
LONGEST_NIGHT = 10 * 86400.0
#: and so many times as long where windows and people make it wait
CLOSED = 6

#: kind of a change -> what is asked of the service for it; what an undo removes is deleted
_ASKED = {
    "restore-app": "import", "restore-task": "import", "start-task": Operation.TASK_ACTION.value,
    "stop-task": Operation.TASK_ACTION.value, "create-entry": Operation.DICTIONARY_CREATE.value,
    "remove-entry": Operation.DICTIONARY_DELETE.value, "enter-connection": Operation.DATASOURCE_CHANGE.value,
    "empty-connection": Operation.DATASOURCE_CHANGE.value, "test-connection": Operation.TEST_CONNECT.value,
    "keep-secret": Operation.SECRET_CHANGE.value, "renew-secret": Operation.SECRET_CHANGE.value,
    "create-app-code": Operation.APP_CODE_CREATE.value, "delete-app-code": Operation.APP_CODE_DELETE.value,
    "set-members": Operation.MEMBERS_CHANGE.value, "create-group": Operation.GROUP_CREATE.value,
    "remove-group": Operation.GROUP_DELETE.value, "create-environment": Operation.ENV_CREATE.value,
    "remove-environment": Operation.ENV_DELETE.value, "import-api": Operation.API_IMPORT.value,
    "remove-api": Operation.API_DELETE.value, "publish-api": Operation.API_ACTION.value,
    "take-offline": Operation.API_ACTION.value, "authorise": Operation.AUTHORISE.value,
    "cancel-authorisation": Operation.AUTHORISATION_CANCEL.value, "create-topic": Operation.TOPIC_CREATE.value,
    "remove-topic": Operation.TOPIC_DELETE.value, "allow-on-topic": Operation.TOPIC_ALLOW.value,
    "create-product": Operation.PRODUCT_IMPORT.value, "remove-product": Operation.PRODUCT_DELETE.value,
}  # fmt: skip
#: the same of policies, each kind of which has operations of its own
_OF_POLICIES = {"create-policy": "create", "remove-policy": "delete", "bind-policy": "bind", "unbind-policy": "unbind"}
#: outcomes of what the service has carried out
_CARRIED_OUT = frozenset({"accepted", "started", "stopped", "imported", "published"})


def _asked(change: str) -> str:
    """What is asked of the service for a change, by its id."""
    kind, _, rest = change.partition(":")
    if kind in _OF_POLICIES:
        asked = f"{rest.partition(':')[2].partition(' ')[0]}-{_OF_POLICIES[kind]}"
        return {"plugin-bind": "plugin-attach", "plugin-unbind": "plugin-detach"}.get(asked, asked)
    return _ASKED.get(kind, "delete")


class Watch:
    """Hears every journaled event and compares with what really happened at the service."""

    def __init__(self, scenario: Scenario, service: Service, wall: Callable[[], float]) -> None:
        self.scenario, self.service = scenario, service
        self.permitted = Permitted(scenario.plan, wall)
        self.calls_seen = 0
        #: jobs that the far side accepted from us, by operation
        self.accepted: Counter[str] = Counter()
        #: intents that are in the journal, by operation; for a download by its archive
        self.intents: Counter[str] = Counter()
        #: batch -> its latest archive; a probe's is nobody's
        self.archives: dict[str, str] = {}
        #: job id -> subject, while the journal says that it runs
        self.running: dict[str, str] = {}
        self.events: Counter[str] = Counter()
        self.dusk = 0.0
        self.journal = Journal(scenario.plan, scenario.users)

    def heard(self, entry: Entry) -> None:
        """After every event."""
        self.events[type(entry.event).__name__] += 1
        self._ends_some_time(entry)
        self._jobs(entry)
        self.permitted.heard(entry, self.journal.book)
        self.journal.heard(entry)
        self._requests()
        self._remembered_first()
        self._nothing_twice()

    def _ends_some_time(self, entry: Entry) -> None:
        """Promise 9: every fault ends, so the night must, within a bound that follows from its size."""
        self.dusk = self.dusk or entry.at
        bound = MOST_EVENTS + EVENTS_PER_DELIVERY * self.events["DeliveryScheduled"]
        self._require(self.events.total() <= bound, f"liveness: more than {bound} events")
        longest = LONGEST_NIGHT * (CLOSED if self.permitted.binds else 1)
        self._require(entry.at - self.dusk <= longest, "liveness: the night does not end")

    def next_run(self) -> None:
        """Another run of the plan begins: what one run alone may do is counted anew."""
        self.dusk = 0.0
        self.journal = Journal(self.scenario.plan, self.scenario.users)

    def forget(self, kept: Iterable[Entry]) -> None:
        """After a power cut only what is still in the journal is known."""
        self.running.clear()
        self.intents.clear()
        entries = list(kept)
        for entry in entries:
            self._jobs(entry)
        self.journal.again(entries)
        self.permitted.again(entries)

    def _jobs(self, entry: Entry) -> None:
        match entry.event:
            case e.ExportAccepted(batch=subject, job=job) | e.ImportAccepted(delivery=subject, job=job):
                self.running[job] = subject
            case e.ProbeAccepted(slot=subject, job=job):
                self.running[job] = subject
            case e.ExportRequested() | e.ProbeRequested():
                self.intents["export"] += 1
            case e.ImportRequested():
                self.intents["import"] += 1
            case c.ChangesRequested(changes=changes):
                self.intents[_asked(changes[0])] += 1
            case c.ChangesAccepted(changes=changes, job=job):
                self.running[job] = changes[0]
            case c.ChangesEnded(changes=changes):
                self._ended(changes[0])
            case e.DownloadRequested(batch=subject):
                self.intents[self.archives[subject]] += 1
            case e.Exported(batch=subject, archive=archive):
                self.archives[subject] = archive
                self._ended(subject)
            case e.ExportFailed(batch=subject) | e.ExportVanished(batch=subject):
                self._ended(subject)
            case e.Imported(delivery=subject) | e.ImportFailed(delivery=subject) | e.ImportVanished(delivery=subject):
                self._ended(subject)
            case e.ProbeEnded(slot=subject):
                self._ended(subject)
            case _:
                pass

    def _ended(self, subject: str) -> None:
        for job in [job for job, whose in self.running.items() if whose == subject]:
            del self.running[job]

    def _requests(self) -> None:
        """Promises 1 and 2: at most batch_size assets, none empty, no request beside a known own job."""
        calls = self.service.ledger.calls
        for call in calls[self.calls_seen :]:
            if call.operation in {"export", "import"} and call.asset_ids:
                self._require(
                    len(call.asset_ids) <= self.scenario.plan.settings.batch_size,
                    f"promise 1: {call.operation} of {len(call.asset_ids)} assets",
                )
            self.accepted[call.operation] += call.outcome in _CARRIED_OUT
            if call.outcome == "ROMA.10012" and not call.late and self.journal.book.trial is None:
                self._no_own_job_beside(call.time, call.user, call.instance, call.operation)
        self.calls_seen = len(calls)

    def _no_own_job_beside(self, time: float, user: str, instance: str, kind: str) -> None:
        """In the plan's slot: where the plan's is narrower than the service's, the service may well be busy with us."""
        scope, planned = self.scenario.world.switches.lock_scope, self.journal.book.slot
        slot = slot_of(scope, user, instance, kind)
        for job in self.service.ledger.jobs.values():
            beside = job.slot == slot and not job.foreign and job.begin <= time < job.end
            same = planned(job.user, job.instance, job.type) == planned(user, instance, kind)
            if beside and same and job.id in self.running:
                raise Broken(f"promise 2: asked for a job at {time} while {job.id} ({job.type}) of ours ran in {slot}")

    def _remembered_first(self) -> None:
        """Promise 5: what was asked for has its intent in the journal, whatever a power cut took."""
        ledger = self.service.ledger
        asked = self.accepted + ledger.downloads + ledger.denied_downloads
        bare = {what: count for what, count in asked.items() if count > self.intents[what]}
        self._require(not bare, f"promise 5: asked for without an intent: {dict(list(bare.items())[:2])}")

    def _nothing_twice(self) -> None:
        """Promise 3."""
        for target in {t.instance for m in self.scenario.plan.migrations for t in m.targets}:
            found = twice(self.service.ledger, target)
            self._require(not found, f"promise 3: twice at {target}: {dict(list(found.items())[:3])}")

    def _require(self, holds: bool, what: str) -> None:
        if not holds:
            raise Broken(what)

    # --- at dawn ---------------------------------------------------------------------------------------------------

    def at_dawn(self, night: "Night") -> None:
        """The run has ended: what it says is what is true."""
        self._require(bool(night.codes), "liveness: no command was given")
        self._require(night.codes[-1] in {"0", "1"}, f"liveness: codes {night.codes}")
        assert night.ended is not None
        found = asset_outcomes(night.ended.progress)
        classes: dict[tuple[str, str, str], set[AssetClass]] = defaultdict(set)
        for line in found:
            key = (line.migration, line.target, line.asset)
            self._require(key not in classes, f"promise 11: {line.name} is counted twice at {line.target}")
            classes[key].add(line.kept_as)
        for made in night.ended.progress.selections:
            counted = sum(line.migration == made.migration and line.target == made.target for line in found)
            self._require(counted == made.selected, f"promise 11: selected {made.selected}, counted {counted}")
        there = defaultdict(set)
        for landed in self.service.ledger.landed:
            there[landed.instance].add(landed.source_id)
        for line in found:
            if line.kept_as in {AssetClass.VERIFIED, AssetClass.UNVERIFIED, AssetClass.SKIPPED}:
                self._require(
                    line.asset in there[line.target], f"promise 15: {line.name} is said to be at {line.target}"
                )
            if line.kept_as is AssetClass.NOT_OURS:
                self._require(line.asset not in there[line.target], f"promise 11: {line.name} is ours: {line.why}")
        if night.ended.outcome.code is ExitCode.DONE:
            bad = [
                line
                for line in found
                if line.kept_as not in {AssetClass.VERIFIED, AssetClass.UNVERIFIED, AssetClass.SKIPPED}
            ]
            self._require(not bad, f"code 0 with {bad[:2]}")
        self._poison_only(night)

    def _poison_only(self, night: "Night") -> None:
        """Promise 7: without a breaker and without an operator's word, only poison is set aside."""
        assert night.ended is not None
        progress = night.ended.progress
        stopped = any(failures.stopped for failures in progress.breaker.failures.values())
        decided = self.events["Resolved"]
        for line in asset_outcomes(progress):
            if line.kept_as is AssetClass.QUARANTINED and not stopped and not decided:
                excused = line.name in self.scenario.poison or self._excused(line.why)
                self._require(excused, f"promise 7: {line.name} is quarantined and no poison: {line.why}")

    def _excused(self, why: str) -> bool:
        """What the world itself refuses: bodies too large, downloads that never end well, names that exist."""
        return any(word in why for word in ("APIGW.0201", "lost 3 times", "10010", "times in a row"))
