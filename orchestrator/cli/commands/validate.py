"""`validate`: the plan file alone. Law: talks to nobody, resolves no secret, makes no home."""

from pathlib import Path

from orchestrator.cli.output.terminal import Terminal
from orchestrator.core.model.counts import count
from orchestrator.errors import ExitCode, PlanInvalid
from orchestrator.storage.finishfiles import files_must_be_sound
from orchestrator.storage.planfile import read_plan
from orchestrator.storage.valuesfile import read_values


def validate(terminal: Terminal, path: Path) -> int:
    """Read the file alone; raises PlanInvalid with every problem."""
    terminal.plan = path
    plan = read_plan(path)
    if plan.notify:
        # Here, not above: what sends notices is slow to load, and most plans have none.
        from orchestrator.cli.context.telling import needs_missing_extra

        if problems := needs_missing_extra(plan, path):
            raise PlanInvalid(problems)
    files_must_be_sound(plan, path)
    targets = sum(len(migration.targets) for migration in plan.migrations)
    told = (
        f"{count(len(plan.migrations), 'migration')}, {count(targets, 'target')}, "
        f"{count(len(plan.instances), 'instance')}"
    )
    if terminal.common.json:
        terminal.document(
            {"plan": plan.name, "plan_file": str(path), "valid": True, "code": 0,
             "migrations": [migration.name for migration in plan.migrations]}
        )  # fmt: skip
    else:
        terminal.result(f"{path}: valid: plan {plan.name}, {told}")
    return int(ExitCode.DONE)


def validate_values(terminal: Terminal, path: Path) -> int:
    """Read a values file alone; raises PlanInvalid with every problem."""
    held = read_values(path).values.connections
    if terminal.common.json:
        names = [each.name for each in held.values()]
        terminal.document({"values_file": str(path), "valid": True, "code": 0, "datasources": names})
    else:
        terminal.result(f"{path}: valid: values of {count(len(held), 'data source')}")
    return int(ExitCode.DONE)
