"""The commands and their arguments (Contract 2). Law: thin; a command's body lives in a module of its own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from orchestrator import __version__
from orchestrator.cli.command import Commands, Group
from orchestrator.cli.context import completion
from orchestrator.cli.context.error_boundary import tell
from orchestrator.cli.help_texts import epilog
from orchestrator.cli.output.terminal import Common, Sheet, Terminal
from orchestrator.errors import NotYet, OperatorError

command = Commands()

PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="The plan file.", show_default=False)]
RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        help="The id of a run or a submission or its beginning, a plan's name, or a plan file; else the latest.",
        autocompletion=completion.runs,
    ),
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="SEL[,SEL]",
        help="MIGRATION, @INSTANCE, MIGRATION@INSTANCE, app:GLOB, task:GLOB.",
        autocompletion=completion.selectors,
    ),
]
ExcelOption = Annotated[bool, typer.Option("--excel", help="The --csv that Excel reads as UTF-8.")]
ApprovedOption = Annotated[
    Path | None, typer.Option("--approved", metavar="FILE", help="Exactly this saved preview, once.")
]
HoldDriftedOption = Annotated[
    bool, typer.Option("--hold-drifted", help="Leave out migrations that are not what was approved.")
]
AcceptChangedOption = Annotated[
    bool, typer.Option("--accept-changed", help="Bring assets whose content has changed since.")
]
MaxAgeOption = Annotated[
    str, typer.Option("--max-age", metavar="TIME", help="Refuse a saved preview that is older (default 7d).")
]
SignersOption = Annotated[
    Path | None,
    typer.Option("--signers", metavar="FILE", help="One of these must have signed the saved preview (see ssh-keygen)."),
]
MetricsPortOption = Annotated[
    str,
    typer.Option(
        "--metrics-port", metavar="[HOST:]PORT", help="Numbers for Prometheus, on loopback by default; 0: a free port."
    ),
]
MetricsFileOption = Annotated[
    Path | None, typer.Option("--metrics-textfile", metavar="FILE.prom", help="The same as a file, kept up to date.")
]
TracesOption = Annotated[
    bool, typer.Option("--traces", help="Spans by OpenTelemetry: the extra otel, and an SDK of yours.")
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", metavar="HOST:PORT/NAMESPACE", help="What hands components to workers (else ROMA_MIGRATE_ENGINE)."
    ),
]
#: `run --preview` could mean either
SPELLINGS = (
    "to look, and send nothing:\nroma-migrate preview PLAN\n"
    "to carry out a preview that was saved and approved:\nroma-migrate run --approved FILE PLAN"
)


def _later(option: str) -> NotYet:
    return NotYet(f"{option}: not yet", next_step="roma-migrate --help shows what does")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"roma-migrate {__version__}")
        raise typer.Exit


@command("init")
def init(
    terminal: Terminal,
    profile: Annotated[str, typer.Option("--profile", metavar="sdk", help="Whose credentials to use.")] = "sdk",
    region: Annotated[str, typer.Option("--region", metavar="R", help="Such as cn-north-4.")] = "",
    endpoint: Annotated[str, typer.Option("--endpoint", metavar="URL", help="In place of a region's address.")] = "",
    iam_endpoint: Annotated[str, typer.Option("--iam-endpoint", metavar="URL", help="Else the same address.")] = "",
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write it.")] = Path("plan.yaml"),
) -> int:
    """Write a first plan from the instances it finds."""
    from orchestrator.cli.commands.init import Wanted
    from orchestrator.cli.commands.init import init as body

    return body(terminal, Wanted(profile, region, out, endpoint, iam_endpoint))


@command("inventory")
def inventory(
    terminal: Terminal,
    plan: PlanArgument,
    instance: Annotated[
        str, typer.Argument(metavar="INSTANCE", help="Its name in the plan.", autocompletion=completion.instances)
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    excel: ExcelOption = False,
) -> int:
    """List an instance's applications and tasks."""
    from orchestrator.cli.commands.inventory import inventory as body

    return body(terminal, plan, instance, Sheet.of(as_csv, excel))


@command("validate")
def validate(
    terminal: Terminal,
    plan: Annotated[Path | None, typer.Argument(metavar="PLAN", help="The plan file.", show_default=False)] = None,
    values: Annotated[Path | None, typer.Option("--values", metavar="FILE", help="A values file alone.")] = None,
) -> int:
    """Check the plan file alone; talks to nobody."""
    from orchestrator.cli.commands.validate import validate as body
    from orchestrator.cli.commands.validate import validate_values

    if plan is not None and values is None:
        return body(terminal, plan)
    if values is not None and plan is None:
        return validate_values(terminal, values)
    raise OperatorError(
        "one of PLAN and --values FILE is needed, and not both",
        next_step="roma-migrate validate PLAN, which reads the files that the plan names too",
    )


@command("preview")
def preview(
    terminal: Terminal,
    plan: PlanArgument,
    only: OnlyOption = None,
    everything: Annotated[bool, typer.Option("--all", help="List every asset.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a change ticket.")] = False,
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Keep it, to be approved.")] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FILE", help="Does this saved one still hold?")
    ] = None,
    max_age: MaxAgeOption = "",
    signers: SignersOption = None,
) -> int:
    """Show what a run would move; reads only."""
    from orchestrator.cli.commands.preview import Wanted, preview_plan

    wanted = Wanted(tuple(only or ()), everything, markdown, save, against, max_age, signers)
    return preview_plan(terminal, plan, wanted)


@command("run")
def run(
    terminal: Terminal,
    plan: PlanArgument,
    only: OnlyOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as preview.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Only go on with an unfinished run.")] = False,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="With --resume, for schedulers: only if no person is needed, in its time.")
    ] = False,
    abandon: Annotated[bool, typer.Option("--abandon", help="End the unfinished run first.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Quarantined, blocked and stopped ones once more.")] = False,
    approved: ApprovedOption = None,
    hold_drifted: HoldDriftedOption = False,
    accept_changed: AcceptChangedOption = False,
    max_age: MaxAgeOption = "",
    signers: SignersOption = None,
    metrics_port: MetricsPortOption = "",
    metrics_textfile: MetricsFileOption = None,
    traces: TracesOption = False,
    preview: Annotated[bool, typer.Option("--preview", hidden=True)] = False,
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Ask for no job that ends later: 05:00, or a date and time.")
    ] = "",
    finish: Annotated[
        bool,
        typer.Option("--finish", help="Then what ROMA does not carry, as the plan asks; tasks are a person's act."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", hidden=True)] = False,
) -> int:
    """Migrate; the same command resumes an unfinished run."""
    if preview:
        raise OperatorError("run has no --preview", next_step=SPELLINGS)
    if strict:
        raise _later("--strict")
    if if_due and not resume:
        raise OperatorError("--if-due needs --resume", next_step="roma-migrate run --resume --if-due PLAN")
    if sum((resume, abandon, retry)) > 1:
        raise OperatorError("--resume, --abandon and --retry exclude each other")
    if dry_run:
        from orchestrator.cli.commands.preview import Wanted, preview_plan

        wanted = Wanted(tuple(only or ()), against=approved, max_age=max_age, signers=signers)
        return preview_plan(terminal, plan, wanted)
    from orchestrator.cli.commands.run import Asked, run_plan
    from orchestrator.cli.context.approval_file import Gated
    from orchestrator.cli.context.measuring import Monitoring

    gated = Gated(approved, hold_drifted, accept_changed, max_age, signers)
    monitoring = Monitoring(metrics_port, metrics_textfile, traces)
    asked = (tuple(only or ()), resume, abandon, retry, if_due, gated, monitoring, until, finish)
    return run_plan(terminal, plan, Asked(*asked))


@command("status")
def status(
    terminal: Terminal,
    run: RunArgument = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again and again, until it ends.")] = False,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="It must be over by then: 05:00, or a date and time.")
    ] = None,
    fresh: Annotated[
        str, typer.Option("--fresh", metavar="TIME", help="Code 1 unless the plan's last good end is younger: 8d.")
    ] = "",
) -> int:
    """Tell where a run stands, live or dead."""
    from orchestrator.cli.commands.status import fresh as is_fresh
    from orchestrator.cli.commands.status import status as body

    if fresh and (watch or until):
        raise OperatorError("--fresh goes without --watch and --until", next_step="roma-migrate status PLAN --fresh 8d")
    if fresh:
        return is_fresh(terminal, run, fresh)
    return body(terminal, run, watch, until)


@command("runs")
def runs(terminal: Terminal) -> int:
    """List the home's runs."""
    from orchestrator.cli.commands.runs import list_runs

    return list_runs(terminal)


@command("verify")
def verify(
    terminal: Terminal,
    run: RunArgument = None,
    only: OnlyOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Code 1 also for unexpected, unverified and changed assets.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Name every asset.")] = False,
) -> int:
    """Compare source and target now, asset by asset; reads only."""
    from orchestrator.cli.commands.verify import Wanted
    from orchestrator.cli.commands.verify import verify as body

    return body(terminal, run, Wanted(tuple(only or ()), strict, everything))


@command("resolve")
def resolve(
    terminal: Terminal,
    run: RunArgument = None,
    batch: Annotated[
        str | None, typer.Argument(metavar="[BATCH[@TARGET]]", help="Which one, where several are undecided.")
    ] = None,
    outcome: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="OUTCOME",
            help="imported, absent, partial, quarantine or job-ended.",
            autocompletion=completion.outcomes,
        ),
    ] = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the journal.")] = "",
    only: OnlyOption = None,
) -> int:
    """Show, and with --as decide, unknown outcomes."""
    from orchestrator.cli.commands.resolve import resolve as body

    return body(terminal, (run, batch), (outcome, reason), tuple(only or ()))


@command("pause")
def pause(terminal: Terminal, run: RunArgument = None, engine: EngineOption = "") -> int:
    """Ask for no job until continue; what runs is waited for."""
    from orchestrator.cli.commands.pause import pause as body

    return body(terminal, run, engine)


@command("continue")
def continue_run(
    terminal: Terminal,
    run: RunArgument = None,
    gate: Annotated[
        str,
        typer.Option(
            "--gate", metavar="GATE", help="Open this gate: imports or tasks.", autocompletion=completion.gates
        ),
    ] = "",
    engine: EngineOption = "",
) -> int:
    """End a pause or a stop, or open a gate."""
    from orchestrator.cli.commands.continue_ import continue_run as body

    return body(terminal, run, gate, engine)


@command("stop")
def stop(terminal: Terminal, run: RunArgument = None, engine: EngineOption = "") -> int:
    """End the run between jobs, until continue."""
    from orchestrator.cli.commands.stop import stop as body

    return body(terminal, run, engine)


@command("finish")
def finish(
    terminal: Terminal,
    run: RunArgument = None,
    step: Annotated[
        list[str] | None,
        typer.Option("--step", metavar="NAME[,NAME]", help="These steps alone; tasks is done when it is named here."),
    ] = None,
    only: OnlyOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show each change before and after; reads only.")] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="With --dry-run: keep it, to be approved.")
    ] = None,
    approved: Annotated[
        Path | None, typer.Option("--approved", metavar="FILE", help="Exactly this saved finish.")
    ] = None,
    unproved: Annotated[bool, typer.Option("--unproved", help="Do also what no read can prove.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Name every row.")] = False,
    template: Annotated[
        Path | None,
        typer.Option("--template", metavar="FILE", help="Only write a values file with what the source shows."),
    ] = None,
    metrics_port: MetricsPortOption = "",
    metrics_textfile: MetricsFileOption = None,
    traces: TracesOption = False,
) -> int:
    """Do what ROMA does not carry, as the plan asks.

    Of a plan that a fleet was given RUN may be the submission: every component that is done, one after the other, by
    this host, which must reach their instances. What it does not reach is told, and the others go on.
    """
    from orchestrator.cli.commands.finish import Wanted
    from orchestrator.cli.commands.finish import finish as body
    from orchestrator.cli.context.measuring import Monitoring

    monitoring = Monitoring(metrics_port, metrics_textfile, traces)
    asked = (tuple(step or ()), tuple(only or ()), unproved, dry_run, save, approved, everything)
    return body(terminal, run, Wanted(*asked, monitoring, template))


@command("undo")
def undo(
    terminal: Terminal,
    run: RunArgument = None,
    only: OnlyOption = None,
    include: Annotated[
        list[str] | None,
        typer.Option("--include", metavar="SEL[,SEL]", help="app:GLOB, task:GLOB: also if changed since or running."),
    ] = None,
    step: Annotated[
        list[str] | None, typer.Option("--step", metavar="NAME[,NAME]", help="Only what these steps of finish did.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken back; reads only.")] = False,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="With --dry-run: keep it, to be approved.")
    ] = None,
    approved: Annotated[
        Path | None, typer.Option("--approved", metavar="FILE", help="Exactly this saved undo.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where no terminal is.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Name every asset.")] = False,
    metrics_port: MetricsPortOption = "",
    metrics_textfile: MetricsFileOption = None,
    traces: TracesOption = False,
) -> int:
    """Remove what a run created and restore what it overwrote.

    Of a plan that a fleet was given RUN may be the submission: every component, the last one first, by this host, which
    must reach their instances. A component that has not begun is ended, unless only a part is to be taken back.
    """
    from orchestrator.cli.commands.undo import Wanted
    from orchestrator.cli.commands.undo import undo as body
    from orchestrator.cli.context.measuring import Monitoring

    monitoring = Monitoring(metrics_port, metrics_textfile, traces)
    asked = (tuple(only or ()), tuple(include or ()), tuple(step or ()))
    return body(terminal, run, Wanted(*asked, dry_run, save, approved, yes, everything, monitoring))


@command("report")
def report(
    terminal: Terminal,
    run: RunArgument = None,
    only: OnlyOption = None,
    everything: Annotated[bool, typer.Option("--all", help="List every asset, task and bar.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="One page for a browser, which needs no network.")
    ] = None,
    as_map: Annotated[
        Path | None, typer.Option("--map", metavar="FILE.csv", help="Which id at the source is which at the target.")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option("--evidence", metavar="FILE.zip", help="All of it with the journal, to be checked.")
    ] = None,
) -> int:
    """Tell everything about a run, in Markdown, JSON or HTML."""
    from orchestrator.cli.commands.report import Wanted, report_run

    return report_run(terminal, run, Wanted(tuple(only or ()), everything, html, as_map, evidence))


@command("check-evidence")
def check_evidence(
    terminal: Terminal,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="What report --evidence wrote.", show_default=False)],
    head: Annotated[
        str, typer.Option("--head", metavar="DIGEST", help="The head of the chain, as it was kept elsewhere.")
    ] = "",
) -> int:
    """Prove offline that an evidence file is whole."""
    from orchestrator.cli.commands.check_evidence import check_evidence as body

    return body(terminal, file, head)


@command("handover")
def handover(
    terminal: Terminal,
    run: RunArgument = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values, by owner.")] = False,
    excel: ExcelOption = False,
    check: Annotated[bool, typer.Option("--check", help="Read again, and tick what that proves.")] = False,
    done: Annotated[
        list[str] | None, typer.Option("--done", metavar="ID[,ID]", help="These are done; --note says who says so.")
    ] = None,
) -> int:
    """Tell what people must do by hand, by owner."""
    from orchestrator.cli.commands.handover import Asked
    from orchestrator.cli.commands.handover import handover as body

    asked = Asked(Sheet.of(as_csv, excel), check, tuple(word for each in done or () for word in each.split(",")))
    return body(terminal, run, asked)


@command("schedule")
def schedule(
    terminal: Terminal,
    plan: PlanArgument,
    kind: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="SCHEDULER",
            help="systemd, cron, kubernetes, gitlab, github; kubernetes-fleet, systemd-fleet for workers.",
            autocompletion=completion.schedulers,
            show_default=False,
        ),
    ],
    at: Annotated[str, typer.Option("--at", metavar='"Sat 02:00"', help="When; also Mon-Fri, daily.")] = "",
    timezone: Annotated[
        str, typer.Option("--timezone", metavar="ZONE", help="In which zone, such as Asia/Shanghai.")
    ] = "",
    image: Annotated[str, typer.Option("--image", metavar="NAME", help="The container image, where one is used.")] = "",
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the files there instead.")] = None,
    engine: EngineOption = "",
) -> int:
    """Print files that let a scheduler start a plan."""
    from orchestrator.cli.commands.schedule import Wanted, kind_of
    from orchestrator.cli.commands.schedule import schedule as body

    return body(terminal, plan, Wanted(kind_of(kind), at, timezone, image, out, engine))


@command("forget")
def forget(
    terminal: Terminal,
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="A run that has ended, or a submission.", autocompletion=completion.runs),
    ] = None,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="All that ended so long ago, such as 90d.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; needed where no terminal is.")] = False,
) -> int:
    """Drop what an old run keeps, but not what undo needs."""
    from orchestrator.cli.commands.forget import Wanted
    from orchestrator.cli.commands.forget import forget as body

    return body(terminal, run, Wanted(older_than, yes))


@command("journal")
def journal(
    terminal: Terminal,
    action: Annotated[
        str,
        typer.Argument(
            metavar="ACTION",
            help="upgrade: make or renew its tables. vouch: your word that it has lost nothing.",
            show_default=False,
        ),
    ],
) -> int:
    """Prepare the database that --journal names."""
    from orchestrator.cli.commands.journal import journal as body

    return body(terminal, action)


@command("submit")
def submit(
    terminal: Terminal,
    plan: PlanArgument,
    engine: EngineOption = "",
    approved: ApprovedOption = None,
    hold_drifted: HoldDriftedOption = False,
    accept_changed: AcceptChangedOption = False,
    max_age: MaxAgeOption = "",
    signers: SignersOption = None,
    abandon: Annotated[
        bool, typer.Option("--abandon", help="First give up what waits for a person and never began.")
    ] = False,
) -> int:
    """Hand a plan to a fleet's workers, in components."""
    from orchestrator.cli.commands.submit import Wanted
    from orchestrator.cli.commands.submit import submit as body
    from orchestrator.cli.context.approval_file import Gated

    gated = Gated(approved, hold_drifted, accept_changed, max_age, signers)
    return body(terminal, plan, Wanted(engine, gated, abandon))


@command("worker")
def worker(
    terminal: Terminal,
    group: Annotated[
        str, typer.Option("--group", metavar="GROUP", help="Whose instances it reaches: `group` in plans.")
    ],
    at_once: Annotated[
        int, typer.Option("--at-once", metavar="N", min=1, max=1000, help="Components at the same time.")
    ] = 4,
    engine: EngineOption = "",
    metrics_port: MetricsPortOption = "",
    metrics_textfile: MetricsFileOption = None,
) -> int:
    """Conduct what was submitted, until SIGTERM."""
    from orchestrator.cli.commands.worker import Wanted
    from orchestrator.cli.commands.worker import worker as body
    from orchestrator.cli.context.measuring import Monitoring

    return body(terminal, Wanted(group, at_once, engine, Monitoring(metrics_port, metrics_textfile)))


@command("workers")
def workers(
    terminal: Terminal,
    here: Annotated[bool, typer.Option("--here", help="Code 1 unless one of this host lives, for probes.")] = False,
) -> int:
    """List a fleet's workers."""
    from orchestrator.cli.commands.workers import workers as body

    return body(terminal, here)


@command("emulator")
def emulator(
    terminal: Terminal,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8765,
    world: Annotated[Path | None, typer.Option("--world", metavar="FILE.yaml", help="What it holds.")] = None,
    plan: Annotated[
        Path | None, typer.Option("--write-plan", metavar="FILE", help="A whole plan for it, without secrets.")
    ] = None,
) -> int:
    """Serve a local ROMA Connect with seeded instances."""
    from orchestrator.cli.commands.emulator import Asked, emulate

    return emulate(terminal, Asked(host, port, world, plan))


@command("schema")
def schema(
    terminal: Terminal,
    preview: Annotated[bool, typer.Option("--preview", help="Of what preview --json prints.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Of what report --json prints.")] = False,
    world: Annotated[bool, typer.Option("--world", help="Of the emulator's world files.")] = False,
    values: Annotated[bool, typer.Option("--values", help="Of values files.")] = False,
) -> int:
    """Print the JSON Schema of the plan."""
    from orchestrator.cli.commands.schema import Wanted
    from orchestrator.cli.commands.schema import schema as body

    return body(terminal, Wanted(preview, report, world, values))


@command("demo")
def demo(
    terminal: Terminal,
    plan: Annotated[Path | None, typer.Option("--plan", metavar="FILE", help="Else plans/demo.yaml.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the home it ran in.")] = False,
) -> int:
    """Migrate a demo plan between two local instances."""
    from orchestrator.cli.commands.demo import demo as body

    return body(terminal, plan, keep)


#: names that scripts may rely on later (Contract 2)
LATER = (
    "export", "import", "rehearse",
)  # fmt: skip


def _answer_later(name: str) -> Callable[[list[str]], int]:
    def answer(words: list[str]) -> int:
        error = _later(name)
        tell(Terminal(Common(json="--json" in words)), error)
        return int(error.exit_code)

    return answer


for _name in LATER:
    command.reserve(_name, _answer_later(_name))


def build(called: str | None = None) -> typer.Typer:
    """The command line; where it is known which command is called, only that one is built whole."""
    app = typer.Typer(
        cls=Group,
        epilog=epilog(),
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def top(
        version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
        ] = False,
    ) -> None:
        """Moves integration assets between ROMA Connect instances, in batches of at most 100."""

    command.add_to(app, called)
    return app


def called_by(words: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The command that these words call, "" where they call none; None where a shell asks for completions."""
    if "_ROMA_MIGRATE_COMPLETE" in environ:
        return None
    return next((word for word in words if not word.startswith("-")), "")
