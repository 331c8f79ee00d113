"""`--only`: a part of a plan.

Law: a selector that fits nothing is an error, so that a typo never means "everything".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from orchestrator.core.plan.plan import Plan
from orchestrator.core.selection.selection import Selection
from orchestrator.errors import OperatorError


@dataclass(frozen=True, slots=True)
class Only:
    """What `--only SEL[,SEL]` lets through (Contract 2); empty lets everything through."""

    #: (migration or "", target instance or "")
    routes: tuple[tuple[str, str], ...] = ()
    #: globs on names
    apps: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    #: as the operator wrote it
    words: tuple[str, ...] = ()

    def allows_lane(self, migration: str, target: str) -> bool:
        return not self.routes or any(m in ("", migration) and t in ("", target) for m, t in self.routes)

    def allows_asset(self, kind: str, name: str) -> bool:
        if not self.apps and not self.tasks:
            return True
        return any(fnmatchcase(name, glob) for glob in (self.apps if kind == "app" else self.tasks))

    def narrow(self, selections: Sequence[Selection]) -> tuple[Selection, ...]:
        """The selections that are let through, each with the assets that are."""
        return tuple(
            replace(
                each,
                apps=tuple(app for app in each.apps if self.allows_asset("app", app.name)),
                tasks=tuple(task for task in each.tasks if self.allows_asset("task", task.name)),
            )
            for each in selections
            if self.allows_lane(each.migration, each.target.instance)
        )


def parse_only(words: Sequence[str], plan: Plan) -> Only:
    """Read `--only`; raises OperatorError for a selector that this plan cannot fit."""
    routes: list[tuple[str, str]] = []
    globs: dict[str, list[str]] = {"app": [], "task": []}
    held = tuple(part.strip() for word in words for part in word.split(",") if part.strip())
    if words and not held:
        raise OperatorError("--only: names nothing", next_step="write MIGRATION, @INSTANCE, app:GLOB or leave it out")
    migrations = {m.name: {t.instance for t in m.targets} for m in plan.migrations}
    for word in held:
        kind, colon, glob = word.partition(":")
        if colon and kind in globs and glob:
            globs[kind].append(glob)
            continue
        migration, _, target = word.partition("@")
        if not migration and not target:
            raise OperatorError(f"--only {word}: names nothing", next_step="write MIGRATION, @INSTANCE or app:GLOB")
        fits = [m for m, targets in migrations.items() if migration in ("", m) and (not target or target in targets)]
        if not fits:
            raise OperatorError(
                f"--only {word}: the plan has no such migration or target; "
                f"it has {', '.join(f'{m}@{t}' for m, targets in migrations.items() for t in sorted(targets))}",
                next_step="write MIGRATION, @INSTANCE, MIGRATION@INSTANCE, app:GLOB or task:GLOB",
            )
        routes.append((migration, target))
    return Only(tuple(routes), tuple(globs["app"]), tuple(globs["task"]), held)
