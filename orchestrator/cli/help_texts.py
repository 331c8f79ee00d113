"""What `--help` says beside names and options. Law: text alone, so that help stays quick."""

#: how a paragraph is kept as it is written
_AS_IT_IS = "\b\n"
_TOP = (
    """Examples:
  roma-migrate demo                       see it move a plan, on this machine
  roma-migrate init --region cn-north-4   a first plan from what is there
  roma-migrate preview plan.yaml          what would move; reads only
  roma-migrate run plan.yaml              all of it; again, to go on
  roma-migrate report                     what the latest run did""",
    """Exit codes, the same in every command:
  0   done                        1   ended, but some assets did not make it
  2   plan or command line wrong  3   the service refuses us
  4   preflight found blockers    5   an outcome is unknown: resolve
  6   another process runs it     7   our own memory failed
  8   not finished, start later   9   the service cannot be reached
  10  waits for a person's word   70  a defect of roma-migrate
  129, 130, 143  interrupted: run the same command again""",
    """Environment:
  ROMA_MIGRATE_HOME       where runs are kept, in place of .roma-migrate
  ROMA_MIGRATE_JOURNAL    the database that keeps journals, not the home
  ROMA_MIGRATE_PACKAGES   a folder of all hosts that keeps packages too
  ROMA_MIGRATE_ENGINE     what hands a fleet's components to its workers
  HTTPS_PROXY, NO_PROXY   the way to the service
  NO_COLOR, TERM=dumb     no colours; no board, plain lines
  HUAWEICLOUD_SDK_*       credentials of `profile: sdk`""",
)
_EXAMPLES = {
    "init": ("--region cn-north-4",),
    "inventory": ("plan.yaml dev", "plan.yaml dev --excel > dev.csv"),
    "validate": ("plan.yaml", "--values values/prod.yaml"),
    "preview": ("plan.yaml", "plan.yaml --markdown > ticket.md", "plan.yaml --save ok.json --note CHG-1234",
                "plan.yaml --against ok.json"),
    "run": ("plan.yaml", "plan.yaml --only orders@prod", "plan.yaml --approved ok.json", "plan.yaml --retry",
            "plan.yaml --until 05:00"),
    "status": ("", "--watch", "orders-to-prod --fresh 8d"),
    "runs": ("--json",),
    "pause": ('--note "the database is being restarted"',),
    "continue": ("", 'orders-to-prod --gate imports --note "go, CHG-1234"'),
    "stop": ('--note "rolled back tonight"',),
    "finish": ("--dry-run", "--dry-run --save ok.json", "--approved ok.json", "--template values/prod.yaml"),
    "verify": ("", "--only orders@prod"),
    "resolve": ("", 'orders-to-prod 1a2b3c@prod --as imported --reason "looked myself"'),
    "report": ("", "> report.md"),
    "handover": ("", "--csv > handover.csv", "--check"),
    "schedule": ('plan.yaml --as systemd --at "Sat 02:00" --timezone Asia/Shanghai',),
    "journal": ("upgrade --journal 'postgresql://roma:${env:JOURNAL_PASSWORD}@db:5432/roma'",),
    "submit": ("plan.yaml --journal 'postgresql://...' --engine temporal:7233/migrations",
               "plan.yaml --approved ok.json"),
    "worker": ("--group cn-north --at-once 8", "--group cn-north --metrics-port 0.0.0.0:9464"),
    "workers": ("--json",),
    "forget": ("20270101-020000", "--older-than 90d --yes"),
    "emulator": ("--write-plan local.yaml", "--world world.yaml --port 0"),
    "schema": ("> plan.schema.json", "--values > values.schema.json"),
    "demo": ("", "--keep"),
}  # fmt: skip


def epilog() -> str:
    """Behind the list of commands."""
    return "\n\n".join(_AS_IT_IS + part for part in _TOP)


def epilog_of(name: str) -> str | None:
    """Behind a command's options."""
    told = _EXAMPLES.get(name)
    if told is None:
        return None
    return _AS_IT_IS + "\n".join(["Examples:", *(f"  roma-migrate {name} {words}".rstrip() for words in told)])
