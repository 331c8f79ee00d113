"""Promises as folds over the journal. Law: read from the contract alone; the program's own decisions are not used.

Each fold hears every entry in its order and raises `Broken` at the first that its promise forbids. It serves simulated
nights (`invariants.Watch`) and directed worlds (`test_promises`) alike.
"""

from collections import Counter
from collections.abc import Iterable

from orchestrator.core.model.failures import Failure
from orchestrator.core.plan.plan import Plan
from orchestrator.core.scheduling.write_rate import LEAST
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Entry
from tests.simulation.book import GONE, LOST, NEVER, Book, Intent, require, subject_of
from tests.simulation.nothing_twice import Settling

#: exports of one batch that may end without a package (promise 4)
MOST_LOSSES = 3
#: failures after which the one GET was certainly not done (promise 4)
SURELY_NOT_HAD = {Failure.NOT_SENT.value, Failure.THROTTLED.value, Failure.EXPIRED.value}
#: packages on their way or stored per target while none of them may land yet
MOST_AHEAD = 12
#: seconds between two polls of a job that is about to be overdue, at most
POLLING = 900.0
#: seconds by which a sum of many moments may be off
SLACK = 0.001
#: seconds that a drop takes: a part that is split off meanwhile finds its package gone, and has it exported again
DROPPING = 1.0


class Slots:
    """Promise 2: no job is asked for in a slot while one of ours runs there, or may still arrive there."""

    def __init__(self, book: Book) -> None:
        self.book = book
        #: subject -> what it asked for, and until when its job may be in the slot
        self.taken: dict[str, tuple[Intent, float]] = {}
        #: widenings that `auto` has tried
        self.tried: set[str] = set()

    def heard(self, entry: Entry) -> None:
        subject = subject_of(entry.event)
        match entry.event:
            case e.ExportRequested() | e.ImportRequested() | e.ProbeRequested() as intent:
                self._asked(subject, intent, entry.at)
            case e.WideningTried(widening=widening):
                require(widening not in self.tried, f"promise 2: {widening} is tried twice")
                self.tried.add(widening)
            case e.RunResumed(settle_quiet=quiet):
                for each, (_, until) in list(self.taken.items()):
                    if each in self.book.open or until < NEVER:  # what the clock says since is not believed
                        self._until(each, entry.at + quiet)
            case event if isinstance(event, LOST):
                self._until(subject, event.quiet_until)
            case event if isinstance(event, GONE):
                self.taken.pop(subject, None)
            case _:
                pass

    def _asked(self, subject: str, intent: Intent, at: float) -> None:
        slot, trial = self.book.slot_of(intent), self.book.trial
        beside = [
            other
            for other, (held, until) in self.taken.items()
            if until > at and other != subject and self.book.slot_of(held) == slot
        ]
        tried = trial is not None and (trial.subject, [trial.beside]) == (subject, beside)
        require(tried or not beside, f"promise 2: {subject} asked for a job in {slot} beside {beside}")
        self.taken[subject] = intent, NEVER

    def _until(self, subject: str, until: float) -> None:
        if subject in self.taken:
            self.taken[subject] = self.taken[subject][0], until


class Packages:
    """Promise 4: three losses end a batch's exports, what is needed is not dropped, exports do not run far ahead."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.losses: Counter[str] = Counter()
        #: batches that are asked for, on their way or stored
        self.held: set[str] = set()
        #: deliveries that were asked for
        self.begun: set[str] = set()
        #: batch -> how often its archive may still be asked for, and whether a crash was forgiven
        self.gets: dict[str, int] = {}
        self.cut: set[str] = set()
        #: part -> when it was split off
        self.born: dict[str, float] = {}
        #: whether the run has ended: a later one drops what it kept
        self.over = False

    def heard(self, entry: Entry) -> None:
        match entry.event:
            case e.ExportRequested(batch=batch):
                require(self.losses[batch] < MOST_LOSSES, f"promise 4: {batch} is exported again after three losses")
                self.held.add(batch)
                self._not_far_ahead(batch)
            case e.PackageLost(batch=batch) | e.ExportVanished(batch=batch) | e.PackageDamaged(batch=batch):
                self.losses[batch] += 1
                self.held.discard(batch)
            case e.ExportRefused(batch=batch) | e.ExportFailed(batch=batch) | e.ExportLost(batch=batch):
                self.held.discard(batch)
            case e.Exported(batch=batch):
                self.gets[batch] = 1
                self.cut.discard(batch)
            case e.DownloadRequested(batch=batch):
                require(self.gets[batch] > 0, f"promise 4: the archive of {batch} is asked for again")
                self.gets[batch] -= 1
            case e.DownloadRefused(batch=batch, words=words):
                require(words.kind in SURELY_NOT_HAD, f"promise 4: the GET of {batch} is to be repeated: {words}")
                self.gets[batch] += 1
            case e.DownloadCut(batch=batch):
                self.gets[batch] += batch not in self.cut
                self.cut.add(batch)
            case e.PackageDropped(batch=batch):
                open_ = [name for name in self.book.of_batch(batch) if name not in self.book.settled]
                left = [name for name in open_ if entry.at - self.born.get(name, 0.0) > DROPPING]
                require(self.over or not left, f"promise 4: the package of {batch} is dropped, not final: {left[:2]}")
                self._forgiven(batch)
            case e.PackageStale(batch=batch):
                self._forgiven(batch)
            case e.Resolved(subject=batch) if batch in self.book.batches:
                self._forgiven(batch)
            case e.ImportRequested(delivery=delivery):
                self.begun.add(delivery)
            case e.Split(children=children):
                self.born |= {child.delivery: entry.at for child in children}
            case e.RunBegan() | e.RunResumed() | e.RunEnded():
                self.over = isinstance(entry.event, e.RunEnded)
            case _:
                pass

    def _forgiven(self, batch: str) -> None:
        self.losses[batch] = 0
        self.held.discard(batch)

    def _not_far_ahead(self, batch: str) -> None:
        for target in {self.book.deliveries[name].target for name in self.book.of_batch(batch)}:
            ahead = [
                name
                for each in self.held
                for name in self.book.of_batch(each)
                if self.book.deliveries[name].target == target and name not in self.begun | self.book.settled
            ]
            # One more where nothing that is stored may land yet, and as many as another target has room for.
            require(len(ahead) <= 2 * MOST_AHEAD, f"promise 4: {len(ahead)} packages lie ahead of {target}")


class Deadlines:
    """Promise 9: a job has `job_timeout`, outages not counted; no less before it is overdue, and no more."""

    def __init__(self, book: Book) -> None:
        self.book = book
        #: subject -> when its job was accepted
        self.since: dict[str, float] = {}

    def heard(self, entry: Entry) -> None:
        subject = subject_of(entry.event)
        match entry.event:
            case e.ExportAccepted() | e.ImportAccepted() | e.ProbeAccepted():
                self.since[subject] = self.book.watched(entry.at)
            case e.ExportOverdue() | e.ImportOverdue():
                ran = self._ran(subject, entry.at)
                least = self.book.plan.settings.job_timeout
                require(ran >= least - SLACK, f"promise 9: {subject} is overdue after {ran:.0f} of {least:.0f} s")
            case e.ExportVanished() | e.ImportVanished():
                self.since.pop(subject, None)
            case e.Exported() | e.ExportFailed() | e.Imported() | e.ImportFailed() | e.ProbeEnded():
                if subject in self.since:
                    ran = self._ran(subject, entry.at)
                    del self.since[subject]
                    most = self.book.plan.settings.job_timeout + POLLING
                    require(ran <= most, f"promise 9: {subject} is awaited for {ran:.0f} of {most:.0f} s")
            case _:
                pass

    def _ran(self, subject: str, at: float) -> float:
        now = self.book.watched(at)
        return now - self.since[subject] - self.book.away(self.since[subject], now)


class Order:
    """Promise 8: what an asset needs has landed before its import is asked for; `after` is final."""

    def __init__(self, book: Book) -> None:
        self.book = book
        #: (place, source, asset)
        self.landed: set[tuple[str, str, str]] = set()

    def heard(self, entry: Entry) -> None:
        match entry.event:
            case e.Imported(delivery=delivery) | e.ImportFound(delivery=delivery):
                self.landed |= self._keys(delivery)
            case e.Resolved(subject=subject, outcome="imported") if subject in self.book.deliveries:
                self.landed |= self._keys(subject)
            case e.Split(delivery=delivery, children=children):
                made = self.book.deliveries[delivery]
                source = self.book.batches[made.batch].source
                brought = [each for child in children if child.fate == "landed" for each in child.assets]
                self.landed |= {(made.place, source, each) for each in brought}
            case e.ImportRequested(delivery=delivery):
                self._asked(delivery)
            case _:
                pass

    def _keys(self, delivery: str) -> set[tuple[str, str, str]]:
        made = self.book.deliveries[delivery]
        source = self.book.batches[made.batch].source
        return {(made.place, source, each.id) for each in self.book.assets_of(delivery)}

    def _asked(self, delivery: str) -> None:
        made = self.book.deliveries[delivery]
        source = self.book.batches[made.batch].source
        own = {each.id for each in self.book.assets_of(delivery)}
        carried = {key for name in self.book.deliveries for key in self._keys(name)}
        needs = {(made.place, source, n) for each in self.book.assets_of(delivery) for n in each.needs if n not in own}
        early = (needs & carried) - self.landed
        require(not early, f"promise 8: {delivery} is asked for before what it needs: {sorted(early)[:2]}")
        final = self.book.settled
        left = [n for n, m in self.book.deliveries.items() if m.migration in made.after and n not in final]
        require(not left, f"promise 8: {delivery} is asked for before {left[:2]}, which it is after")


class Identity:
    """Promise 14: an export by one that sees it all, an import by its owner; what is connected has one owner."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def heard(self, entry: Entry) -> None:
        match entry.event:
            case e.ExportRequested(batch=batch, credentials=credentials):
                sees = self.book.batches[batch].exporters
                require(credentials in sees, f"promise 14: {batch} is exported by {credentials}, which does not see it")
            case e.ImportRequested(delivery=delivery, credentials=credentials):
                may = self.book.deliveries[delivery].candidates
                require(credentials in may, f"promise 14: {delivery} is imported by {credentials} and by none of {may}")
                self._one_owner(delivery, credentials)
            case _:
                pass

    def _one_owner(self, delivery: str, owner: str) -> None:
        made = self.book.deliveries[delivery]
        needs = {need for each in self.book.assets_of(delivery) for need in each.needs}
        for name, other in self.book.deliveries.items():
            if other.place == made.place and name != delivery and other.candidates != (owner,):
                apart = needs & {each.id for each in self.book.assets_of(name)}
                told = f"promise 14: {delivery} of {owner} needs {sorted(apart)[:1]} of {other.owner_words}"
                require(not apart, told)


class Backups:
    """Promise 17: what an import may overwrite lies in the vault before it is asked for."""

    def __init__(self, book: Book) -> None:
        self.book = book
        #: batches whose package is stored
        self.stored: set[str] = set()
        #: delivery -> the latest look
        self.looks: dict[str, e.Looked] = {}
        #: (target, id there) of what was asked for, and may have been brought or overwritten since
        self.ours: set[tuple[str, str]] = set()

    def heard(self, entry: Entry) -> None:
        match entry.event:
            case e.PackageStored(batch=batch, check=check):
                (self.stored.discard if check == "suspect" else self.stored.add)(batch)
            case e.Resolved(subject=batch, outcome="imported") if batch in self.book.batches:
                self.stored.add(batch)
            case e.PackageDropped(batch=batch) | e.PackageStale(batch=batch) | e.PackageDamaged(batch=batch):
                self.stored.discard(batch)
            case e.Looked(delivery=delivery) as look:
                self.looks[delivery] = look
                if delivery in self.book.asked:
                    self._touched(delivery, look)
            case e.ImportRequested(delivery=delivery) if self.book.deliveries[delivery].backup:
                self._asked(delivery, self.looks[delivery])
                self._touched(delivery, self.looks[delivery])
            case e.Verified(delivery=delivery, ids=ids):
                self.ours |= {(self.book.deliveries[delivery].target, there) for _, there in ids}
            case _:
                pass

    def _asked(self, delivery: str, look: e.Looked) -> None:
        made, times = self.book.deliveries[delivery], dict(look.times)
        own = {each.id for each in self.book.assets_of(delivery)}
        there = {(made.target, one) for asset, ids in look.present if asset in own for one in ids} - self.ours
        kept = {
            (batch.source, asset.id): asset.update_time
            for batch in self.book.batches.values()
            if batch.backup and batch.batch in self.stored
            for asset in batch.assets
        }
        bare = sorted(key for key in there if kept.get(key) != times[key[1]])
        require(not bare, f"promise 17: {delivery} may overwrite {bare[:2]}, which no backup holds as it is")

    def _touched(self, delivery: str, look: e.Looked) -> None:
        own = {each.id for each in self.book.assets_of(delivery)}
        target = self.book.deliveries[delivery].target
        self.ours |= {(target, one) for asset, ids in look.present if asset in own for one in ids}


class Rates:
    """API 4: no rate above the plan's, none adapted that the plan sets, and each refusal as one too many lowers it."""

    def __init__(self, book: Book) -> None:
        self.settings = book.plan.settings
        #: subject -> (who asked for it last, when)
        self.asked: dict[str, tuple[str, float]] = {}
        #: credentials -> when their rate fell last
        self.fell: dict[str, float] = {}

    def heard(self, entry: Entry) -> None:
        match entry.event:
            case (
                e.ExportRequested(batch=subject, credentials=who) | e.ImportRequested(delivery=subject, credentials=who)
            ):
                self.asked[subject] = who, entry.at
            case e.WriteRateLearned(credentials=who, per_second=now, before=before):
                most = self.settings.most_writes_per_second
                require(self.settings.writes_per_second is None, f"API 4: the rate of {who} is the plan's, and changed")
                require(now <= most, f"API 4: {now} writes a second of {who}, at most {most} are allowed")
                self.fell |= {who: entry.at} if now < before or now == LEAST else {}
            case e.ExportRefused(batch=subject, words=words) | e.ImportRefused(delivery=subject, words=words):
                if words.kind == Failure.THROTTLED.value and not words.message.startswith("no token"):
                    self._one_too_many(subject)
            case _:
                pass

    def _one_too_many(self, subject: str) -> None:
        who, at = self.asked[subject]
        adapted = self.settings.writes_per_second is None
        require(not adapted or self.fell.get(who, 0.0) >= at, f"API 4: {subject} was one too many, and {who} goes on")


class Journal:
    """All of them over one run after another."""

    def __init__(self, plan: Plan, users: dict[str, str]) -> None:
        self.plan, self.users = plan, users
        self._begin()

    def _begin(self) -> None:
        self.book = Book(self.plan, self.users)
        folds = (Slots, Settling, Packages, Deadlines, Order, Identity, Backups, Rates)
        self.folds = [fold(self.book) for fold in folds]

    def heard(self, entry: Entry) -> None:
        """After every event."""
        if isinstance(entry.event, e.RunBegan):
            self._begin()
        for fold in self.folds:
            fold.heard(entry)
        self.book.heard(entry)

    def again(self, entries: Iterable[Entry]) -> None:
        """From the beginning: after a power cut less is known than was heard."""
        self._begin()
        for entry in entries:
            self.heard(entry)
