"""When a run may ask for jobs, all levels of a plan together, and what a person's word must come before.

Law: a job needs an open window at each level that names any. A run journals its hours, so that whoever follows it
knows them without the plan (promises 18 and 19).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.plan.plan import Gate, Plan
from orchestrator.core.plan.windows import Levels, Window


@dataclass(frozen=True, slots=True)
class Hours:
    """What a plan says of the time, and what the command adds to it."""

    plan: tuple[Window, ...] = ()
    #: by instance
    instances: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    #: by migration
    migrations: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    #: migrations whose exports wait for the instance's windows alone
    export_ahead: tuple[str, ...] = ()
    #: migrations whose imports wait for a person's word
    gated: tuple[str, ...] = ()
    #: seconds for which such a word is waited for
    gate_timeout: float = 0.0
    #: epoch seconds from which this process asks for no job any more; 0 where that was not asked
    until: float = 0.0

    @property
    def bind(self) -> bool:
        """Whether any job ever has to wait for them."""
        return bool(self.plan or self.instances or self.migrations or self.gated or self.until)

    def of_import(self, target: str, migration: str) -> Levels:
        """The windows, level by level, that an import needs."""
        return _levels(self.plan, self.instances.get(target, ()), self.migrations.get(migration, ()))

    def of_export(self, source: str, migration: str) -> Levels:
        """The same for an export that is for this migration."""
        if migration in self.export_ahead:
            return _levels(self.instances.get(source, ()))
        return _levels(self.plan, self.instances.get(source, ()), self.migrations.get(migration, ()))

    def of_instance(self, instance: str) -> Levels:
        """The same for a job that is for no migration: one that asks whether a slot is idle, and those of an undo."""
        return _levels(self.plan, self.instances.get(instance, ()))

    @property
    def told(self) -> tuple[str, ...]:
        """All of it for people, a sentence each."""
        named = (("at ", self.instances), ("of ", self.migrations))
        levels = [
            ("", self.plan),
            *((f" {word}{name}", windows) for word, held in named for name, windows in held.items()),
        ]
        lines = [
            f"jobs{where} are asked for from {' and from '.join(map(str, each))}" for where, each in levels if each
        ]
        if self.export_ahead:
            lines.append(f"exports of {', '.join(self.export_ahead)} wait for the windows of their instances alone")
        if self.gated:
            lines.append(f"imports of {', '.join(self.gated)} wait for a person: roma-migrate continue --gate imports")
        return tuple(lines)


def hours_of(plan: Plan, until: float = 0.0) -> Hours:
    """The hours of a plan."""
    return Hours(
        plan.windows,
        {name: each.windows for name, each in plan.instances.items() if each.windows},
        {each.name: each.windows for each in plan.migrations if each.windows},
        tuple(each.name for each in plan.migrations if each.export_ahead),
        tuple(each.name for each in plan.migrations if each.gate is Gate.IMPORTS),
        plan.settings.gate_timeout,
        until,
    )


def _levels(*levels: tuple[Window, ...]) -> Levels:
    return tuple(level for level in levels if level)
