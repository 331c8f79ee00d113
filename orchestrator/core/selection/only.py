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
    """Read `--only` against a plan; raises OperatorError for a selector that this plan cannot fit."""
    routes = [(m.name, target) for m in plan.migrations for target in sorted(t.instance for t in m.targets)]
    return read_only(words, routes, "the plan")


def only_within(words: Sequence[str], part: Plan) -> tuple[str, ...]:
    """Those of these selectors that fit a part of the plan for which they were given."""
    routes = [(m.name, target.instance) for m in part.migrations for target in m.targets]
    return tuple(word for word in words if _names_assets(word) or _fits(word, routes))


def read_only(words: Sequence[str], routes: Sequence[tuple[str, str]], whose: str) -> Only:
    """Read `--only` against the (migration, target) pairs of a plan or of a run, whose plan file may have changed."""
    held = tuple(part.strip() for word in words for part in word.split(",") if part.strip())
    if words and not held:
        raise OperatorError("--only: names nothing", next_step="write MIGRATION, @INSTANCE, app:GLOB or leave it out")
    chosen: list[tuple[str, str]] = []
    globs: dict[str, list[str]] = {"app": [], "task": []}
    for word in held:
        kind, _, glob = word.partition(":")
        if _names_assets(word):
            globs[kind].append(glob)
        else:
            chosen.append(_route(word, routes, whose))
    return Only(tuple(chosen), tuple(globs["app"]), tuple(globs["task"]), held)


def _route(word: str, routes: Sequence[tuple[str, str]], whose: str) -> tuple[str, str]:
    migration, _, target = word.partition("@")
    if not migration and not target:
        raise OperatorError(f"--only {word}: names nothing", next_step="write MIGRATION, @INSTANCE or app:GLOB")
    if not _fits(word, routes):
        raise OperatorError(
            f"--only {word}: {whose} has no such migration or target; "
            f"it has {', '.join(f'{m}@{t}' for m, t in routes)}",
            next_step="write MIGRATION, @INSTANCE, MIGRATION@INSTANCE, app:GLOB or task:GLOB",
        )
    return migration, target


def _names_assets(word: str) -> bool:
    kind, _, glob = word.partition(":")
    return kind in {"app", "task"} and bool(glob)


def _fits(word: str, routes: Sequence[tuple[str, str]]) -> bool:
    migration, _, target = word.partition("@")
    return any(migration in ("", m) and target in ("", t) for m, t in routes)
