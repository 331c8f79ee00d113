"""Conducts a run in this process, for `run` and `demo`. Law: signals stop it in good order, a lost terminal never."""

import shlex
import signal
from dataclasses import replace

import anyio

from orchestrator.cli.context.error_boundary import code_of, leaves
from orchestrator.cli.context.find_run import make_home, warn_of_strangers
from orchestrator.cli.context.finishing import can_finish
from orchestrator.cli.context.first_signal import FirstSignal
from orchestrator.cli.context.learning import keep_learned
from orchestrator.cli.context.observers import Observer
from orchestrator.cli.context.plan_runs import left_by_plan
from orchestrator.cli.context.signals import answered, told
from orchestrator.cli.context.wiring import Assembled, assemble
from orchestrator.cli.output.logs import Log
from orchestrator.cli.output.progress_bars import Model, Show
from orchestrator.cli.output.terminal import Terminal
from orchestrator.cli.render.finish_text import changes_json, reasons_of
from orchestrator.cli.render.finish_text import closing_text as finish_text
from orchestrator.cli.render.summary import NOTHING_LEFT, Names, closing_json, closing_text, moment
from orchestrator.core.comparison.carried import learned
from orchestrator.core.plan.plan import Plan
from orchestrator.core.report.handover import PlanHandover
from orchestrator.core.report.outcome import outcome
from orchestrator.core.state.events import Entry
from orchestrator.core.state.progress import Progress
from orchestrator.core.state.slots import SlotRule
from orchestrator.engine.change_run import Carried
from orchestrator.engine.comparing import glance
from orchestrator.engine.finish_run import FinishWish, finish_run, prepares
from orchestrator.engine.past_runs import keep_briefs, read_run, runs_of
from orchestrator.engine.runs import Ended, Runs, Wish
from orchestrator.engine.runtime import collect_rarely, utc_now
from orchestrator.errors import PRECEDENCE, ExitCode, MemoryFailed, RomaMigrateError
from orchestrator.storage.home import LastEnd
from orchestrator.storage.store import LocalStore

#: seconds that a run's end waits for what only informs
_GLANCE = 20.0
#: ends of a run behind which its finish follows: what did not arrive is left out there
_FINISHED = frozenset({ExitCode.DONE, ExitCode.INCOMPLETE})
_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


def conduct(
    terminal: Terminal,
    plan: Plan,
    store: LocalStore,
    wish: Wish,
    following: str = "",
    observers: Observer | None = None,
    finish: bool = False,
) -> int:
    """Conduct a plan that is understood; `following` is what to do next where its home will not stay.

    With `finish` it goes on with what ROMA does not carry, once everything that can be imported is.
    """
    home, log = store.home, Log(terminal, lambda: utc_now().timestamp())
    observing = observers or Observer()
    observing.attached(log.say)
    try:
        assembled = assemble(plan, terminal.redactor, log.say)
        wish = replace(wish, note=terminal.redactor.clean(wish.note))
        make_home(terminal, home)
        if kind := home.fleeting():
            terminal.warn(f"the home lies on a {kind}: a restart of this host may forget its runs")
        warn_of_strangers(terminal, store)
        with store.hold(plan.name, assembled.holder):
            home.keep_end(plan.name, None)
            running = _Running(terminal, plan, store, log, assembled, following, observing)
            running.finishes = finish
            end = LastEnd(int(ExitCode.DEFECT))
            try:
                code = running.run(wish)
                end = LastEnd(code, running.not_before)
            except BaseException as error:
                end = LastEnd(int(code_of(error)))
                raise
            finally:
                home.keep_end(plan.name, end)
        observing.left(code)
        return code
    except BaseException as error:
        observing.failed(error)
        raise
    finally:
        observing.close()
        log.close()


class _Running:
    """One run in this process."""

    def __init__(
        self, terminal: Terminal, plan: Plan, store: LocalStore, log: Log, assembled: Assembled, following: str,
        observing: Observer,
    ) -> None:  # fmt: skip
        self._following, self._observing = following, observing
        self._terminal, self._plan, self._store, self._log = terminal, plan, store, log
        self._home = store.home
        self._roma = assembled.roma
        self._show = Show(terminal, log.say)
        self._runs = Runs(plan, store, assembled.roma, assembled.users, assembled.runtime)
        self._runs.listen = self._listen
        self._runs.announce = self._announce
        self._runs.end_is_told = store.home.end_is_told
        self._begun = False
        self._first = FirstSignal(self._heed)
        self._ended: Ended | None = None
        #: whether the finish follows, and how it left this process
        self.finishes = False
        self._finished: Carried | None = None
        prepares(self._runs)
        can_finish(self._runs, self._home, terminal)

    @property
    def not_before(self) -> float:
        """Code 8: when to start again; else 0."""
        return moment(self._ended.outcome, self._ended.progress.at) if self._ended is not None else 0.0

    def run(self, wish: Wish) -> int:
        collect_rarely()
        # As under nohup: whoever loses the terminal has not asked the run to stop.
        with told(self._first.hear):
            try:
                with self._show:
                    anyio.run(self._conduct, wish)
            except BaseException as error:
                for each in leaves(error):
                    code = each.exit_code if isinstance(each, RomaMigrateError) else ExitCode.DEFECT
                    self._log.closed(int(code), str(each) or type(each).__name__)
                raise
            return self._close()

    async def _conduct(self, wish: Wish) -> None:
        try:
            self._ended = await self._first.heeded(lambda: self._run_and_finish(wish))
            await self._learn()
        finally:
            with anyio.CancelScope(shield=True):
                await self._roma.aclose()

    async def _run_and_finish(self, wish: Wish) -> Ended:
        """The run, or its finish alone where a process before this one has come so far."""
        ended = self._unfinished() if self.finishes else None
        ended = ended or await self._runs.run(wish)
        over = ended.outcome.final and ended.progress.ended is not None
        if self.finishes and over and ended.outcome.code in _FINISHED and not self._runs.signal:
            self._runs.announce = None  # it is this run still
            self._finished = await finish_run(self._runs, ended.run, FinishWish(note=wish.note))
        return ended

    def _unfinished(self) -> Ended | None:
        """The plan's latest run, where it has ended and its finish has not."""
        own = [each for each in runs_of(self._store, self._plan.name) if each.begun]
        if not own or own[-1].unfinished or not own[-1].progress.finishing.unfinished:
            return None
        progress = own[-1].progress
        return Ended(own[-1].run, outcome(progress, {}), progress)

    async def _learn(self) -> None:
        """What lists show of what travelled is kept for the next preview; whatever stands against that is no matter."""
        ended = self._ended
        if ended is None or ended.before or not ended.outcome.final or self._first.came is not None:
            return
        with anyio.move_on_after(_GLANCE):
            try:
                every = learned(await glance(self._plan, ended.progress, self._runs.admission))
            except RomaMigrateError as error:
                self._log.say(
                    "nothing-learned", run=ended.run, text=f"what travelled was not looked at: {error.message}"
                )
                return
            keep_learned(self._terminal, self._home, self._plan, every, ended.run, utc_now().timestamp())

    def _listen(self, progress: Progress, entry: Entry) -> None:
        self._log.entry(entry, progress)
        self._show.take(progress, entry)
        self._observing.heard(progress, entry)

    def _announce(self, run: str, resumed: bool, progress: Progress) -> None:
        self._begun = True
        self._log.open(self._home.log(run))
        word = "goes on with" if resumed else "begins"
        digest = progress.began.digest if progress.began else ""
        self._terminal.say(
            f"plan {self._plan.name} {word} run {run} (digest {digest})",
            event="run", run=run, plan=self._plan.name, resumed=resumed, digest=digest,
        )  # fmt: skip
        self._show.begin(progress, self._model())
        self._observing.started(run, resumed, progress)

    def _model(self) -> Model:
        """The durations that the run itself believes."""
        if self._runs.predict is None:
            raise AssertionError("a run was announced before its durations were known")
        rule = SlotRule(self._plan.settings.one_job_per, dict(self._runs.users))
        return Model(self._plan, rule, self._runs.predict, lambda: utc_now().timestamp())

    def _heed(self, number: signal.Signals, all_of_it: anyio.CancelScope) -> None:
        self._runs.signal = number.name
        live = [each for each in (self._runs.conductor, self._runs.changing) if each is not None]
        for each in live:
            each.stop(number.name)
        if live:
            self._terminal.say(f"{number.name}: nothing new is started; once more to leave at once")
        elif not self._begun:
            all_of_it.cancel()

    def _close(self) -> int:
        ended = self._ended
        if ended is None:
            return self._not_begun()
        self._observing.ended(ended.run, ended.outcome, ended.progress)
        names = Names(ended.run, self._plan.name, self._plan.path, self._home.path, self._store.options)
        log = str(self._home.log(ended.run))
        if ended.before:
            self._terminal.say(
                f"run {ended.run} had ended and nobody was told: this is its end, and nothing was started",
                event="told-again", run=ended.run,
            )  # fmt: skip
        if not ended.outcome.final:
            self._log.closed(int(ended.outcome.code), "; ".join(why.sentence for why in ended.outcome.whys))
        left = self._left(ended.run)
        answered()
        if self._terminal.common.json:
            document = closing_json(ended.progress, ended.outcome, names, log, left)
            self._terminal.document(
                document | ({"next": self._following} if self._following else {}) | self._finish_json(ended)
            )
        else:
            self._terminal.result(closing_text(ended.progress, ended.outcome, names, log, left, self._following))
            if (done := self._finished) is not None:
                self._terminal.result(
                    finish_text(
                        ended.run, done.progress.finishing, reasons_of(done.ends, done.signal), everything=False
                    )
                )
        if ended.outcome.final:
            self._home.tell_end(ended.run)
        return self._code(ended)

    def _code(self, ended: Ended) -> int:
        """The graver one of both, where a finish followed."""
        codes = [ended.outcome.code, *([self._finished.code] if self._finished is not None else [])]
        return int(min(codes, key=lambda code: PRECEDENCE.index(code) if code in PRECEDENCE else -1))

    def _finish_json(self, ended: Ended) -> dict[str, object]:
        if (done := self._finished) is None:
            return {}
        told = {
            **changes_json(done.progress.finishing),
            "code": int(done.code),
            "whys": reasons_of(done.ends, done.signal),
        }
        return {"finish": told, "code": self._code(ended)}

    def _left(self, run: str) -> PlanHandover:
        """What the plan's runs left to people; how this run ended is told even where another one's memory failed."""
        try:
            keep_briefs(self._store, [read_run(self._store, run)])
            return left_by_plan(self._terminal, self._store, self._plan.name)
        except MemoryFailed as error:
            self._terminal.warn(f"what is left to people could not be counted: {error.message}")
            return NOTHING_LEFT

    def _not_begun(self) -> int:
        number = self._first.came or signal.SIGINT
        told = f"interrupted by {number.name} before anything was started"
        again = f"roma-migrate run {shlex.quote(self._plan.path)}"
        if self._terminal.common.json:
            self._terminal.document({"code": int(_CODES[number]), "error": told, "who": "nobody", "next": again})
        self._terminal.say(f"{told}\nwho:  nobody\nnext: {again}", event="interrupted", signal=number.name)
        return int(_CODES[number])
