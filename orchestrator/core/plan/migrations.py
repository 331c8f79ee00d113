"""What moves: migrations and their targets, with all checks across values. Law: a check whose values could not all be
read says nothing; the problem of those values has been told already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from orchestrator.core.plan.plan import (
    Finish,
    FinishApis,
    Instance,
    Migration,
    Mode,
    OfApps,
    StartTasks,
    Target,
    Waiver,
)
from orchestrator.core.plan.problems import BAD, At, did_you_mean, listed, quoted

Instances = Mapping[str, Instance | None]

_LONGEST_WAY = 12

#: keys of a migration whose values stand in it as they were read
_AS_WRITTEN = ("on_partial", "windows", "export_ahead", "gate")
#: keys of a migration that also say how one target is imported into
_HOW = ("mode", "prefix", "datasource_overwrite", "owner", "backup", "only_changed")


@dataclass(frozen=True, slots=True)
class Draft:
    """One migration as read: its own keys, and those of `defaults` that it does not give."""

    values: Mapping[str, Any]
    #: where each key stands
    places: Mapping[str, At]
    #: where the migration stands
    at: At

    def get(self, key: str, otherwise: Any = None) -> Any:
        """The value, BAD where it was wrong."""
        return self.values.get(key, otherwise)

    def place(self, key: str) -> At:
        return self.places.get(key, self.at)


def read_migrations(read: Mapping[str, Any], instances: Instances, at: At) -> tuple[Migration, ...]:
    """All migrations, without those that are wrong."""
    drafts = list(_drafts(read, at))
    _check_names(drafts)
    _check_after(drafts)
    known = read.get("instances", BAD) is not BAD
    users = _users(read)
    made = (_migration(draft, instances if known else None, users) for draft in drafts)
    return tuple(each for each in made if each is not None)


def _users(read: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Instance -> its credentials, also where something else of it is wrong."""
    instances = read.get("instances", BAD)
    held = {} if instances is BAD else instances
    told = {name: BAD if values is BAD else values.get("credentials", BAD) for name, values in held.items()}
    return {name: users for name, users in told.items() if users is not BAD}


def _drafts(read: Mapping[str, Any], at: At) -> Iterator[Draft]:
    migrations = read.get("migrations", BAD)
    defaults = read.get("defaults", {})
    if migrations is BAD:
        return
    defaults = {} if defaults is BAD else defaults
    for position, own in enumerate(migrations):
        place = at.child("migrations").child(position)
        inherited = dict(defaults)
        if "target" in own or "targets" in own:
            # Where to is one question with two spellings: who answers it answers it whole.
            inherited.pop("target", None)
            inherited.pop("targets", None)
        places = {key: at.child("defaults").child(key) for key in inherited} | {key: place.child(key) for key in own}
        yield Draft({**inherited, **own}, places, place)


def _migration(draft: Draft, instances: Instances | None, users: Mapping[str, tuple[str, ...]]) -> Migration | None:
    if draft.at.full:
        return None
    told = len(draft.at.problems)
    _check_required(draft)
    if instances is not None:
        _check_instance(draft.get("source", BAD), instances, draft.place("source"))
    for values, at in _targets(draft):
        _check_owner(draft, values, at, users)
    targets = [_target(draft, values, at, instances) for values, at in _targets(draft)]
    _check_twice(draft, targets, instances)
    _check_calls(draft)
    _check_files(draft, [target.instance for target in targets if target is not None])
    if len(draft.at.problems) > told or None in targets or has_bad(dict(draft.values)):
        return None
    exclude = draft.get("exclude", {})
    return Migration(
        name=draft.get("name"),
        source=draft.get("source"),
        targets=tuple(target for target in targets if target is not None),
        apps=draft.get("apps", ()),
        tasks=draft.get("tasks", OfApps() if draft.get("apps") else ()),
        exclude_apps=exclude.get("apps", ()),
        exclude_tasks=exclude.get("tasks", ()),
        calls=tuple(draft.get("calls", {}).items()),
        after=tuple(dict.fromkeys(draft.get("after", ()))),
        **{key: draft.get(key) for key in _AS_WRITTEN if key in draft.values},
        waive=tuple(Waiver(**{"assets": (), **waiver}) for waiver in draft.get("waive", ())),
        finish=_finish(draft.get("finish", {})),
    )


def _finish(values: Mapping[str, Any]) -> Finish:
    tasks = values.get("tasks")
    apis = FinishApis(**values.get("apis", {}))
    return Finish(**{**values, "apis": apis, **({"tasks": StartTasks(**tasks)} if tasks is not None else {})})


def _check_files(draft: Draft, targets: list[str]) -> None:
    """Each target has a file of its own, as its data sources and users are its own."""
    finish = draft.get("finish", {})
    if finish is BAD or len(set(targets)) == 0:
        return
    for key in ("datasources", "members"):
        files = finish.get(key, ())
        place = draft.place("finish").child(key)
        if files is BAD:
            continue
        if ("" in dict(files)) and len(set(targets)) > 1:
            told = ", ".join(f"{name}: FILE" for name in dict.fromkeys(targets))
            place.wrong(f"this migration has several targets, each with a file of its own: write {{{told}}}")
        for name in dict(files):
            if name and name not in targets:
                place.child(name).wrong(
                    f"{quoted(name)} is no target of this migration, allowed are {listed(dict.fromkeys(targets))}"
                    f"{did_you_mean(name, targets)}"
                )


def has_bad(value: object) -> bool:
    """Whether anything in it could not be read."""
    match value:
        case dict():
            return any(has_bad(v) for v in value.values())
        case tuple():
            return any(has_bad(v) for v in value)
        case _:
            return value is BAD


def _check_required(draft: Draft) -> None:
    if "source" not in draft.values:
        draft.at.wrong('"source" is missing: write the instance exported from')
    if "target" in draft.values and "targets" in draft.values:
        draft.place("targets").wrong('"target" and "targets" exclude each other, allowed is exactly one')
    if "target" not in draft.values and "targets" not in draft.values:
        draft.at.wrong('"target" is missing: write target: INSTANCE, or targets: [INSTANCE, ...]')
    apps, tasks = draft.get("apps"), draft.get("tasks")
    if apps is None and tasks is None:
        draft.at.wrong('"apps" and "tasks" are both missing, at least one is needed: write apps: "*" for all')
    elif not apps and not tasks:
        draft.place("apps" if apps is not None else "tasks").wrong(
            'nothing is selected: both lists are empty, write apps: "*" for all'
        )
    elif not apps and isinstance(tasks, OfApps):
        draft.place("tasks").wrong('of-apps means the tasks of the selected applications, but "apps" selects none')


def _targets(draft: Draft) -> Iterator[tuple[dict[str, Any], At]]:
    """The targets as read, each with its place."""
    one, many = draft.get("target", BAD), draft.get("targets", BAD)
    if one is not BAD:
        yield {"instance": one}, draft.place("target")
    elif many is not BAD:
        for position, values in enumerate(many):
            yield values, draft.place("targets").child(position)


def _target(draft: Draft, own: Mapping[str, Any], at: At, instances: Instances | None) -> Target | None:
    told = len(at.problems)
    inherited = {key: draft.get(key) for key in _HOW if key in draft.values}
    values = {**inherited, **own}
    if instances is not None:
        name_at = at.child("instance") if "target" not in draft.values and len(own) > 1 else at
        _check_instance(own.get("instance", BAD), instances, name_at)
    if BAD in values.values():
        return None
    target = Target(**values)
    places = {key: at.child(key) if key in own else draft.place(key) for key in values}
    for key in ("datasource_overwrite", "only_changed"):
        if getattr(target, key) and target.mode is not Mode.MERGE:
            places[key].wrong("true is allowed only with mode: Merge")
    if instances is not None:
        _check_apart(draft, target, instances, at)
    return target if len(at.problems) == told else None


def _check_instance(name: Any, instances: Instances, at: At) -> None:
    if name is not BAD and name not in instances:
        at.wrong(f"no instance is named {quoted(name)}, allowed are {listed(instances)}{did_you_mean(name, instances)}")


def _check_apart(draft: Draft, target: Target, instances: Instances, at: At) -> None:
    """Source and target differ, or there is a prefix; two names of one instance do not differ."""
    source = draft.get("source", BAD)
    if source is BAD or source is None or target.prefix or source not in instances:
        return
    if source == target.instance:
        at.wrong(f"source and target are both {quoted(source)}: they must differ, or a prefix is needed")
    elif _same(instances[source], instances.get(target.instance)):
        at.wrong(
            f"{quoted(source)} and {quoted(target.instance)} are two names of one instance: source and target must "
            "differ, or a prefix is needed"
        )


def _same(one: Instance | None, other: Instance | None) -> bool:
    return one is not None and other is not None and address(one) == address(other)


def address(instance: Instance) -> tuple[str, str, str]:
    """What an instance is, whatever it is called."""
    return instance.endpoint, instance.project_id, instance.instance_id


def _check_owner(draft: Draft, own: Mapping[str, Any], at: At, users: Mapping[str, tuple[str, ...]]) -> None:
    """Whatever else is wrong with the target or its instance."""
    instance, owner = own.get("instance", BAD), own.get("owner", draft.get("owner", ""))
    allowed = users.get(instance, ()) if isinstance(instance, str) else ()
    if allowed and isinstance(owner, str) and owner and owner not in allowed:
        place = at.child("owner") if "owner" in own else draft.place("owner")
        place.wrong(
            f"{quoted(owner)} is not among the credentials of {quoted(instance)}, allowed are "
            f"{listed(allowed)}{did_you_mean(owner, allowed)}"
        )


def _check_calls(draft: Draft) -> None:
    """A cycle that is written out, name by name; what patterns come to, only preflight can tell."""
    calls = draft.get("calls", {})
    if has_bad(calls):
        return
    called = {
        caller: tuple(name for name in names if name != caller and _is_written_out(name))
        for caller, names in calls.items()
        if _is_written_out(caller)
    }
    for start in called:
        if (cycle := _cycle(start, called)) and start == min(cycle):
            told = " calls ".join(quoted(name) for name in (*cycle, start))
            draft.place("calls").wrong(f"applications that call each other cannot be ordered: {told}: take one out")


def _is_written_out(name: str) -> bool:
    return not any(sign in name for sign in "*?[")


def _cycle(start: str, called: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """A shortest way from a name back to itself; () where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for way in ways:
        for name in called.get(way[-1], ()):
            if name == start:
                return way
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()


def _check_twice(draft: Draft, targets: list[Target | None], instances: Instances | None) -> None:
    """Two targets of one migration that would write the same names into the same instance."""
    seen: dict[object, int] = {}
    for position, target in enumerate(targets):
        if target is None:
            continue
        known = (instances or {}).get(target.instance)
        key = (address(known) if known is not None else target.instance, target.prefix)
        if key in seen:
            draft.place("targets").child(position).wrong(
                f"{quoted(target.instance)} with the prefix {quoted(target.prefix)} is the same target as "
                f"targets[{seen[key]}]: take one out, or give it another prefix"
            )
        seen.setdefault(key, position)


def _check_names(drafts: list[Draft]) -> None:
    first: dict[str, int] = {}
    for position, draft in enumerate(drafts):
        name = draft.get("name", BAD)
        if name is BAD:
            continue
        if name in first:
            draft.place("name").wrong(
                f"{quoted(name)} is the name of migrations[{first[name]}] too: each needs its own"
            )
        first.setdefault(name, position)


def _check_after(drafts: list[Draft]) -> None:
    names: dict[str, Draft] = {}
    for draft in drafts:
        if draft.get("name", BAD) is not BAD:
            names.setdefault(draft.get("name"), draft)
    graph: dict[str, tuple[str, ...]] = {}
    for name, draft in names.items():
        after = draft.get("after", ())
        graph[name] = () if after is BAD else after
        for position, other in enumerate(graph[name]):
            if other not in names and not draft.at.full:
                draft.place("after").child(position).wrong(
                    f"no migration is named {quoted(other)}, allowed are {listed(names)}{did_you_mean(other, names)}"
                )
    if cycle := _cycle_in(graph):
        way = " after ".join(cycle if len(cycle) <= _LONGEST_WAY else [*cycle[:_LONGEST_WAY], "..."])
        names[cycle[0]].place("after").wrong(f"the order runs in a circle: {way}; take one of these out")


def _cycle_in(graph: Mapping[str, tuple[str, ...]]) -> list[str]:
    """One cycle, each after the next, the first repeated at the end; [] where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
