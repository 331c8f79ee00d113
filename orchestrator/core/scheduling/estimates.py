"""How long a job will take, learned from jobs that ended. Law: pure; one wild job moves an estimate little.

A duration is lognormal about a function of the asset count: T(n) = level * ((1 - share) + share * n / 100). Level,
share and spread are learned per instance and kind, robustly (Huber's weights on log durations), shrunk towards what
other instances show for that kind and, before anything is known, towards a guess. Each prediction carries what it does
not know: the spread from job to job and the doubt about the level.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import exp, log, sqrt
from statistics import NormalDist, median

from orchestrator.core.state import change_events as c
from orchestrator.core.state import events as e
from orchestrator.core.state.slots import JobKind

#: jobs that an estimate remembers, the latest
REMEMBERED = 48
#: below this number of jobs each new one renews the estimate, above it every eighth
EACH = 16
SELDOM = 8
#: what is guessed before any job of a kind has ended anywhere: seconds for 100 assets
GUESS: Mapping[JobKind, float] = {JobKind.EXPORT: 60.0, JobKind.IMPORT: 90.0, JobKind.DELETE: 60.0}
#: doubt about a guess, and about what other instances show, as spread of the logarithm
GUESS_DOUBT = 1.0
KIN_DOUBT = 0.5
#: spread from job to job before it is known, and the number of jobs that this counts for
SPREAD = 0.4
SPREAD_WEIGHT = 2.0
#: shares of a duration that grow with the asset count: what is tried, what is expected, the cost of leaving it
SHARES = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.97)
SHARE = 0.7
SHARE_WEIGHT = 4.0
#: residuals beyond so many spreads count less (Huber)
WILD = 1.5
#: shortest duration that is believed, seconds
SHORTEST = 0.05

_NORMAL = NormalDist()
_P90 = _NORMAL.inv_cdf(0.9)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A duration to come: lognormal."""

    #: seconds that half of such jobs stay under
    p50: float
    #: spread of the logarithm from job to job
    sigma: float
    #: doubt about `p50`, as spread of its logarithm
    doubt: float
    #: jobs of this instance and kind that it rests on
    jobs: int = 0

    @property
    def spread(self) -> float:
        """Of the logarithm, all in all."""
        return sqrt(self.sigma**2 + self.doubt**2)

    @property
    def p90(self) -> float:
        """Seconds that nine in ten such jobs stay under."""
        return self.p50 * exp(_P90 * self.spread)


@dataclass(frozen=True, slots=True)
class Observation:
    """A job that ended well."""

    #: instance in which it ran
    instance: str
    kind: JobKind
    assets: int
    #: from its acceptance to the poll that saw its end
    seconds: float


@dataclass(frozen=True, slots=True)
class _Fit:
    """Logarithm of the level (seconds for 100 assets), share, spread, doubt about the level."""

    level: float
    share: float
    sigma: float
    doubt: float
    jobs: int


@dataclass(slots=True)
class _Memory:
    seen: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    total: int = 0
    fit: _Fit | None = None

    def add(self, assets: int, seconds: float) -> bool:
        """Whether the estimate is to be renewed."""
        self.seen.append((assets, log(max(seconds, SHORTEST))))
        self.total += 1
        renew = self.total <= EACH or self.total % SELDOM == 0
        if renew:
            self.fit = None
        return renew


@dataclass(slots=True)
class Estimates:
    """What has been learned so far; `observe` is the only way in."""

    #: how often an estimate has changed: what was derived from an older one may be renewed
    version: int = 0
    _memories: dict[tuple[str, JobKind], _Memory] = field(default_factory=lambda: defaultdict(_Memory))
    #: what other instances show for a kind: instance -> (log level, share), of those with a fit
    _kin: dict[JobKind, dict[str, tuple[float, float]]] = field(default_factory=lambda: defaultdict(dict))

    #: what was known before the first observation
    _before: dict[tuple[str, JobKind], _Fit] = field(default_factory=dict)

    @classmethod
    def resting_on(cls, known: Iterable[e.DurationPredicted]) -> "Estimates":
        """What a run began with, so that its own jobs go on teaching from there."""
        return cls(_before={(each.instance, JobKind(each.kind)): _known(each) for each in known})

    def observe(self, seen: Observation) -> None:
        """Learn from one job."""
        self.version += self._memories[seen.instance, seen.kind].add(seen.assets, seen.seconds)

    def predict(self, instance: str, kind: JobKind, assets: int) -> Prediction:
        """How long a job of `assets` assets will take there."""
        fit = self._fit(instance, kind)
        return Prediction(exp(fit.level) * _shape(fit.share, assets), fit.sigma, fit.doubt, fit.jobs)

    def alike(self, instance: str, kind: JobKind, assets: int, most: int) -> tuple[float, ...]:
        """Seconds that the latest jobs there took, at most so many, each scaled to `assets` assets."""
        memory = self._memories.get((instance, kind))
        if memory is None:
            return ()
        share = self._fit(instance, kind).share
        latest = islice(reversed(memory.seen), most)
        return tuple(exp(seconds) * _shape(share, assets) / _shape(share, size) for size, seconds in latest)

    def _fit(self, instance: str, kind: JobKind) -> _Fit:
        memory = self._memories.get((instance, kind))
        if memory is None:
            return self._prior(instance, kind)
        if memory.fit is None:
            memory.fit = _fitted(tuple(memory.seen), self._prior(instance, kind))
            self._kin[kind][instance] = (memory.fit.level, memory.fit.share)
        return memory.fit

    def _prior(self, instance: str, kind: JobKind) -> _Fit:
        if (instance, kind) in self._before:
            return self._before[instance, kind]
        latest = islice(reversed(self._kin.get(kind, {}).items()), REMEMBERED + 1)
        kin = [found for name, found in latest if name != instance][:REMEMBERED]
        if not kin:
            return _Fit(log(GUESS[kind]), SHARE, SPREAD, GUESS_DOUBT, 0)
        level, share = median(level for level, _ in kin), median(share for _, share in kin)
        return _Fit(level, share, SPREAD, KIN_DOUBT, 0)


def _known(each: e.DurationPredicted) -> _Fit:
    share = (1.0 - each.one / each.hundred) * 100.0 / 99.0
    return _Fit(log(each.hundred), share, each.sigma, each.doubt, each.jobs)


def duration_of(
    predict: Callable[[str, JobKind, int], Prediction], instance: str, kind: JobKind
) -> e.DurationPredicted:
    """What `predict` knows of jobs of one kind at one instance, to be journaled."""
    one, hundred = predict(instance, kind, 1), predict(instance, kind, 100)
    return e.DurationPredicted(instance, kind.value, one.p50, hundred.p50, hundred.sigma, hundred.doubt, hundred.jobs)


def _shape(share: float, assets: int) -> float:
    return (1.0 - share) + share * max(1, assets) / 100.0


def _fitted(seen: Sequence[tuple[int, float]], prior: _Fit) -> _Fit:
    """The share whose residuals are smallest, with its level and spread."""
    sizes = {assets for assets, _ in seen}
    shares = (prior.share,) if len(sizes) == 1 else (*SHARES, prior.share)
    tried = [_at_share(share, seen, prior) for share in shares]
    return min(tried, key=lambda found: found[0])[1]


def _at_share(share: float, seen: Sequence[tuple[int, float]], prior: _Fit) -> tuple[float, _Fit]:
    """(misfit, the fit) with this share."""
    rests = [seconds - log(_shape(share, assets)) for assets, seconds in seen]
    level, sigma, weight, pull = median(rests), prior.sigma, 0.0, 0.0
    for _ in range(3):
        pull = (sigma / prior.doubt) ** 2
        weights = [min(1.0, WILD * sigma / abs(rest - level)) if rest != level else 1.0 for rest in rests]
        weight = sum(weights)
        level = (pull * prior.level + sum(w * r for w, r in zip(weights, rests, strict=True))) / (pull + weight)
        squares = sum(w * (r - level) ** 2 for w, r in zip(weights, rests, strict=True))
        sigma = sqrt((SPREAD_WEIGHT * prior.sigma**2 + squares) / (SPREAD_WEIGHT + max(len(rests) - 0.5, 0.5)))
    misfit = (len(rests) + SPREAD_WEIGHT) * log(sigma) + SHARE_WEIGHT * (share - prior.share) ** 2
    return misfit, _Fit(level, share, sigma, sigma / sqrt(weight + pull), prior.jobs + len(rests))


@dataclass(slots=True)
class JobTimes:
    """Reads observations out of a journal's entries, live or of an earlier run."""

    _assets: dict[str, int] = field(default_factory=dict)
    _source: dict[str, str] = field(default_factory=dict)
    #: delivery -> (batch, target)
    _where: dict[str, tuple[str, str]] = field(default_factory=dict)
    _began: dict[str, float] = field(default_factory=dict)
    #: change of an undo -> instance
    _removed_from: dict[str, str] = field(default_factory=dict)

    def hear(self, entry: e.Entry) -> Observation | None:
        """The job that this entry ends well, or None."""
        match entry.event:
            case e.BatchScheduled(batch=batch, source=source, assets=assets):
                self._assets[batch], self._source[batch] = len(assets), source
            case e.DeliveryScheduled(delivery=delivery, batch=batch, target=target):
                self._where[delivery] = (batch, target)
            case e.Split(delivery=parent, children=children) if parent in self._where:
                self._where |= {child.delivery: (child.batch, self._where[parent][1]) for child in children}
            case e.ExportAccepted(batch=subject) | e.ImportAccepted(delivery=subject):
                self._began[subject] = entry.at
            case c.ChangesPlanned(changes=changes):
                self._removed_from |= {each.id: each.instance for each in changes if each.by_job}
            case c.ChangesAccepted(changes=changes):
                self._began[changes[0]] = entry.at
            case c.ChangesEnded(changes=changes, failed=False):
                return self._removed(changes, entry.at)
            case e.RunResumed() | c.UndoResumed() | c.FinishResumed():
                # Ends that were seen only after a pause would look like long jobs.
                self._began.clear()
            case e.Exported(batch=batch):
                return self._ended(batch, batch, self._source.get(batch, ""), JobKind.EXPORT, entry.at)
            case e.Imported(delivery=delivery):
                batch, target = self._where.get(delivery, ("", ""))
                return self._ended(delivery, batch, target, JobKind.IMPORT, entry.at)
            case _:
                pass
        return None

    def _removed(self, changes: Sequence[str], at: float) -> Observation | None:
        began, instance = self._began.pop(changes[0], None), self._removed_from.get(changes[0], "")
        if began is None or not instance or at <= began:
            return None
        return Observation(instance, JobKind.DELETE, len(changes), at - began)

    def _ended(self, subject: str, batch: str, instance: str, kind: JobKind, at: float) -> Observation | None:
        began, assets = self._began.pop(subject, None), self._assets.get(batch)
        if began is None or assets is None or not instance or at <= began:
            return None
        return Observation(instance, kind, assets, at - began)
