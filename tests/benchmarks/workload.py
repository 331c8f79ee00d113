"""What a benchmark lets the whole program move, and how long each job truly takes. Law: a workload is plain values.

Each batch is a migration of its own, made of tasks without applications whose names begin with the batch's. Each
instance has an IAM user of its own, and a slot takes one job of one user in one instance. The emulator's jobs take
exactly the seconds that the workload gives them, so that `tests.benchmarks.worlds.lower_bound` is known beforehand.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from orchestrator.core.scheduling.forecast import JobDuration, Planned, PlannedExport, PlannedImport
from orchestrator.emulator.service.exports import Chosen
from orchestrator.emulator.service.imports import Options
from orchestrator.emulator.service.jobs import Twist
from orchestrator.emulator.service.packages import read_package
from orchestrator.emulator.service.service import Caller, Service
from orchestrator.emulator.world.generate import empty_instance
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import LockScope
from orchestrator.emulator.world.world import Task, User, World, task_id
from tests.benchmarks.worlds import lower_bound

_UNKNOWN = JobDuration(1.0)
_STRAIGHT = Twist()


@dataclass(frozen=True, slots=True)
class Workload:
    """Batches, where they go, and the truth about each job."""

    #: batch -> its source
    sources: Mapping[str, str]
    #: batch -> how many tasks it carries
    sizes: Mapping[str, int]
    #: batch, or `batch>target` -> seconds of its job
    actual: Mapping[str, float]
    #: bytes of filling in each package
    padding: int = 0
    #: one user works in all instances, instead of one in each
    shared: bool = False

    def user(self, instance: str) -> User:
        """Who works in it."""
        return user_of("every" if self.shared else instance)

    def credentials(self, instance: str) -> str:
        """The name under which the plan knows that user."""
        return "migrator" if self.shared else f"at-{instance}"

    @property
    def targets(self) -> dict[str, list[str]]:
        """Batch -> its targets."""
        found: dict[str, list[str]] = defaultdict(list)
        for subject in self.actual:
            batch, _, target = subject.partition(">")
            if target:
                found[batch].append(target)
        return found

    @property
    def instances(self) -> list[str]:
        """Names of all instances."""
        return sorted({*self.sources.values(), *(target for each in self.targets.values() for target in each)})

    @property
    def bound(self) -> float:
        """Seconds below which no schedule can end."""
        exports = tuple(PlannedExport(batch, (source,), _UNKNOWN) for batch, source in self.sources.items())
        imports = tuple(
            PlannedImport(f"{batch}>{target}", batch, (target,), _UNKNOWN)
            for batch, targets in self.targets.items()
            for target in targets
        )
        return lower_bound(Planned(exports, imports), self.actual)

    def world(self) -> World:
        """What the emulator holds at the start."""
        tasks: dict[str, list[Task]] = defaultdict(list)
        for batch, source in self.sources.items():
            owner = self.user(source).name
            tasks[source] += [_task(source, f"{batch}-{number:03}", owner) for number in range(self.sizes[batch])]
        instances = tuple(replace(empty_instance(name), tasks=tuple(tasks[name])) for name in self.instances)
        switches = Switches(lock_scope=LockScope.USER_INSTANCE_ANY, package_padding=self.padding)
        return World(instances, tuple(dict.fromkeys(map(self.user, self.instances))), switches)

    def plan_text(self, name: str, url: str, settings: Mapping[str, object]) -> str:
        """The plan that moves all of it; secrets are in `environment`."""
        lines = ["version: 1", f"name: {name}", "credentials:"]
        for name, user in {self.credentials(one): self.user(one) for one in self.instances}.items():
            lines += [f'  {name}: {{username: {user.name}, domain: acme, password: "${{env:{variable(user)}}}"}}']
        lines += ["instances:"]
        for held in map(empty_instance, self.instances):
            lines += [
                f"  {held.name}: {{endpoint: {url}, iam_endpoint: {url}, project_id: {held.project_id}, "
                f"instance_id: {held.id}, credentials: {self.credentials(held.name)}}}"
            ]
        lines += [f"settings: {json.dumps({'one_job_per': 'user+instance', **settings})}", "migrations:"]
        for batch, targets in self.targets.items():
            where = f"source: {self.sources[batch]}, targets: [{', '.join(targets)}]"
            lines += [f'  - {{name: {batch}, {where}, tasks: ["{batch}-*"]}}']
        return "\n".join(lines) + "\n"

    def environment(self) -> dict[str, str]:
        """The secrets that the plan refers to."""
        return {variable(user): user.password for user in map(self.user, self.instances)}

    def write(self, path: Path) -> None:
        """As a file, for another process."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Workload":
        """What `write` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def user_of(instance: str) -> User:
    """The user of one instance."""
    return User(f"{instance}-user", "acme", f"AK{instance.upper()}", f"sk-of-{instance}", f"password-of-{instance}")


def variable(user: User) -> str:
    """The environment variable of their password."""
    return f"PASSWORD_{user.name.replace('-', '_').upper()}"


def _task(instance: str, name: str, owner: str) -> Task:
    return Task(task_id(Switches(), instance, "task", name), name, "", "", "", "", owner)


class TimedService(Service):
    """A service whose jobs take what the workload says."""

    def __init__(self, workload: Workload, now: Callable[[], float]) -> None:
        world = workload.world()
        super().__init__(world, now, 1)
        self.workload = workload
        self._batches = {task.id: task.name.rpartition("-")[0] for one in world.instances for task in one.tasks}

    def lasts(self, batch: str, place: str, carried: int) -> float:
        """Seconds of a job that carries so many tasks of that batch; `place` is `>target` or "" for an export."""
        return self.workload.actual[batch + place]

    def export(self, caller: Caller, chosen: Chosen, twist: Twist = _STRAIGHT) -> str:
        runs = self.lasts(self._batches[chosen.ids[0]], "", len(chosen.ids))
        return super().export(caller, chosen, replace(twist, runs=runs))

    def import_(self, caller: Caller, data: bytes | memoryview, options: Options, twist: Twist = _STRAIGHT) -> str:
        carried = read_package(data).asset_ids
        runs = self.lasts(self._batches[carried[0]], f">{caller.instance}", len(carried))
        return super().import_(caller, data, options, replace(twist, runs=runs))
