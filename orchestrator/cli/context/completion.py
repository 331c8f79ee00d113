"""What a shell may complete: runs, plans, instances, migrations, outcomes. Law: reads this disk alone, and never fails.

The words that were typed may be half a plan or no plan at all: whatever cannot be read completes to nothing.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from orchestrator.errors import RomaMigrateError


def runs(incomplete: str) -> list[str]:
    """Ids of the home's runs, the latest first."""
    from orchestrator.storage.home import find_home

    return _fitting(lambda: reversed(find_home(None, os.environ, None, Path.cwd()).run_ids()), incomplete)


def instances(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of a plan's instances."""
    return _fitting(lambda: _plan_names(ctx)[0], incomplete)


def selectors(ctx: typer.Context, incomplete: str) -> list[str]:
    """What `--only` takes of a plan: `orders`, `@prod`, `orders@prod`."""
    return _fitting(lambda: _plan_names(ctx)[1], incomplete)


def outcomes(incomplete: str) -> list[str]:
    """What `resolve --as` takes."""
    from orchestrator.engine.resolutions import OUTCOMES

    return _fitting(lambda: OUTCOMES, incomplete)


def gates(incomplete: str) -> list[str]:
    """What `continue --gate` takes."""
    from orchestrator.core.plan.plan import TASKS, Gate

    return _fitting(lambda: [*(each for each in Gate if each is not Gate.NONE), TASKS], incomplete)


def schedulers(incomplete: str) -> list[str]:
    """What `schedule --as` takes."""
    from orchestrator.cli.context.schedulers import Kind

    return _fitting(lambda: list(Kind), incomplete)


def _plan_names(ctx: typer.Context) -> tuple[list[str], list[str]]:
    from orchestrator.storage.planfile import read_plan

    # An option that still lacks its value keeps the arguments before it from being read.
    words = os.environ.get("COMP_WORDS", "").split()
    typed = next((word for word in words if word.endswith((".yaml", ".yml"))), None)
    path = ctx.params.get("plan") or typed
    if path is None:
        return [], []
    plan = read_plan(Path(path))
    targets = [(m.name, target.instance) for m in plan.migrations for target in m.targets]
    only = [*(m.name for m in plan.migrations), *(f"@{t}" for _, t in targets), *(f"{m}@{t}" for m, t in targets)]
    return list(plan.instances), list(dict.fromkeys(only))


def _fitting(read: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    try:
        return [word for word in read() if word.startswith(incomplete)]
    except (RomaMigrateError, OSError, ValueError):
        return []
