"""How the effect of an import or a delete reaches an instance.

Law: every change is written to the ledger as it lands.
"""

from dataclasses import replace

from orchestrator.emulator.service.imports import Arrival, ImportPlan
from orchestrator.emulator.service.instance_store import Holding
from orchestrator.emulator.service.ledger import Landed, Ledger, Removed
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import FailedImport
from orchestrator.emulator.world.world import App, Group


def what_lands(verdict: ImportPlan, switches: Switches) -> tuple[Arrival, ...]:
    """Which arrivals land, by the fate of the whole import (API 7, 18 and 19)."""
    if not verdict.failed or switches.success_with_reasons:
        return verdict.arrivals
    match switches.failed_import:
        case FailedImport.ATOMIC:
            return ()
        case FailedImport.FIRST_N:
            return verdict.arrivals[: verdict.before_failure]
        case FailedImport.APP_WITHOUT_CONTENT:
            apps = (one for one in verdict.arrivals if isinstance(one.value, App))
            return tuple(replace(one, apis=(), datasources=(), belongings=()) for one in apps)


class Lander:
    """Lands arrivals of one job in one instance."""

    def __init__(self, holding: Holding, ledger: Ledger, job_id: str, package: tuple[str, str], lag: float) -> None:
        self._holding = holding
        self._ledger = ledger
        self._job_id = job_id
        #: archive id and source instance
        self._package_id, self._source = package
        self._lag = lag

    def land(self, arrival: Arrival, now: float) -> None:
        """One asset and what comes along; a name taken meanwhile by another job is left alone."""
        shelf_owner = self._existing(arrival)
        if shelf_owner not in {"", arrival.value.id}:
            return
        shown = now + self._lag if self._lag else 0.0
        made = arrival.value.create_time if arrival.updates else now
        value = replace(arrival.value, create_time=made, update_time=now)
        if isinstance(value, App):
            self._holding.apps.put(value, shown)
            self._content(arrival, value)
        else:
            self._holding.tasks.put(value, shown)
        kind = "app" if isinstance(value, App) else "task"
        self._write(now, kind, (value.id, value.name, arrival.source_id, arrival.wanted), arrival.updates)
        for one in arrival.datasources:
            known = one.id in self._holding.datasources
            self._holding.datasources.put(one, shown)
            self._write(now, "datasource", (one.id, one.name, one.id, one.name), known)

    def _existing(self, arrival: Arrival) -> str:
        name = arrival.value.name
        apps, tasks = self._holding.apps, self._holding.tasks
        existing = apps.named(name) if isinstance(arrival.value, App) else tasks.named(name)
        return existing.id if existing else ""

    def _content(self, arrival: Arrival, app: App) -> None:
        for api in arrival.apis:
            known = self._holding.apis.get(api.id)
            if api.group_id not in self._holding.groups:
                self._holding.groups.put(Group(api.group_id, f"{app.name}-group", app.id))
            self._holding.apis.put(replace(api, publications=known.publications) if known else api)
        if arrival.authorised:
            self._holding.authorise_calls(app.id)
        for one in arrival.belongings:
            self._holding.belongings.put(one)

    def _write(self, now: float, kind: str, names: tuple[str, str, str, str], updates: bool) -> None:
        value_id, name, source_id, wanted = names
        action = "updated" if updates else "created"
        self._ledger.landed.append(
            Landed(
                now, self._holding.instance.name, kind, value_id, name, source_id, self._source, self._package_id,
                self._job_id, action, wanted,
            )
        )  # fmt: skip


def remove(holding: Holding, ledger: Ledger, job_id: str, asset_ids: tuple[str, ...], at: tuple[float, float]) -> None:
    """Removes applications with their APIs, groups and data sources, and tasks; `at` is now and the read lag."""
    now, lag = at
    shown = now + lag if lag else 0.0
    name = holding.instance.name
    for asset_id in asset_ids:
        app, task = holding.apps.get(asset_id), holding.tasks.get(asset_id)
        if task is not None:
            holding.tasks.remove(asset_id, shown)
            ledger.removed.append(Removed(now, name, "task", asset_id, task.name, job_id))
        if app is None:
            continue
        holding.apps.remove(asset_id, shown)
        ledger.removed.append(Removed(now, name, "app", asset_id, app.name, job_id))
        for datasource in [one for one in holding.datasources.all() if one.app_id == asset_id]:
            holding.datasources.remove(datasource.id, shown)
            ledger.removed.append(Removed(now, name, "datasource", datasource.id, datasource.name, job_id))
        for api in [one for one in holding.apis.all() if one.app_id == asset_id]:
            holding.remove_api(api.id)
        for authorised in [one for one in holding.authorisations.all() if one.app_id == asset_id]:
            holding.authorisations.remove(authorised.id)
        for group in [one for one in holding.groups.all() if one.app_id == asset_id]:
            holding.groups.remove(group.id)
        for one in [one for one in holding.belongings.all() if one.app_id == asset_id]:
            holding.belongings.remove(one.id)
