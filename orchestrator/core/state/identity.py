"""What batches and deliveries are called. Law: an id follows from the contents, so that equal contents meet."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Batch:
    """Up to `batch_size` assets of one source that are exported together; made by `batch_of`."""

    #: 12 hex digits, from the contents
    id: str
    #: name of the source instance
    source: str
    #: asset ids, sorted
    apps: tuple[str, ...]
    tasks: tuple[str, ...]

    @property
    def assets(self) -> tuple[str, ...]:
        """Applications, then tasks."""
        return self.apps + self.tasks

    @property
    def size(self) -> int:
        """Applications and tasks together."""
        return len(self.apps) + len(self.tasks)


def batch_of(source: str, apps: Iterable[str], tasks: Iterable[str]) -> Batch:
    """The batch of these asset ids, in whatever order they come."""
    sorted_apps, sorted_tasks = sorted(set(apps)), sorted(set(tasks))
    content = json.dumps([source, sorted_apps, sorted_tasks], separators=(",", ":"))
    return Batch(sha256(content.encode()).hexdigest()[:12], source, tuple(sorted_apps), tuple(sorted_tasks))


def backup_of(instance: str, apps: Iterable[tuple[str, str]], tasks: Iterable[tuple[str, str]]) -> Batch:
    """The backup of these (id, update time) at an instance; after a change of one of them it is another backup."""
    held, used = dict(apps), dict(tasks)
    batch = batch_of(instance, held, used)
    content = json.dumps(["backup", instance, sorted(held.items()), sorted(used.items())], separators=(",", ":"))
    return replace(batch, id=sha256(content.encode()).hexdigest()[:12])


def delivery_id(batch: str, target: str, prefix: str) -> str:
    """`BATCH@TARGET`, with the prefix behind a tilde where there is one: what an operator pastes into `resolve`."""
    return f"{batch}@{target}" + (f"~{prefix}" if prefix else "")
