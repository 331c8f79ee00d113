"""Assets as the service's lists and details write them (API 1.8, 1.10). Law: plain values in, JSON objects out."""

from orchestrator.emulator.protocol.messages import Json
from orchestrator.emulator.service.instance_store import Holding, roles_of
from orchestrator.emulator.service.jobs import iso
from orchestrator.emulator.world.world import Api, App, Group, Instance, Task, User, hex_id

_INSTANCE_NUMBER = {"Running": 6}


def app_json(app: App, user: User, key: str) -> Json:
    """One application, with the caller's roles, and its key as it is told."""
    by = {"user_id": hex_id("user", app.owner), "user_name": app.owner}
    return {
        "id": app.id,
        "name": app.name,
        "remark": "",
        **({"key": key} if key else {}),
        "roles": list(roles_of(app, user)),
        "owner": app.owner == user.name,
        "favorite": False,
        "create_time": iso(app.create_time),
        "update_time": iso(app.update_time),
        "created_user": by,
        "last_updated_user": by,
    }


def task_json(task: Task) -> Json:
    """One task of the list."""
    return {
        "task_id": task.id,
        "task_name": task.name,
        "task_type": task.task_type,
        "status": 1 if task.running else 0,
        "created_date": iso(task.create_time)[:10],
        "version": f"1.{task.revision}",
        "last_modified_time": round(task.update_time * 1000),
        "execute_status": "RUNNING" if task.running or task.draining_until else "UNSTARTED",
        "source_app_id": task.source_app_id,
        "target_app_id": task.target_app_id,
        "enterprise_project_id": "0",
        "task_tag": "",
    }


def task_detail_json(task: Task, holding: Holding, detail: str) -> Json:
    """One task in detail, `detail` as JSON text; `status` is a word here."""
    source, target = holding.apps.get(task.source_app_id), holding.apps.get(task.target_app_id)
    origin = holding.datasources.get(task.source_datasource_id)
    aim = holding.datasources.get(task.target_datasource_id)
    told = task_json(task) | {
        "status": "running" if task.running else "stop",
        "created_date": round(task.create_time * 1000),
        "last_modified_date": round(task.update_time * 1000),
        "source_app_name": source.name if source else "",
        "target_app_name": target.name if target else "",
        "source_datasource_id": task.source_datasource_id,
        "source_datasource_name": origin.name if origin else "",
        "target_datasource_id": task.target_datasource_id,
        "target_datasource_name": aim.name if aim else "",
        "description": "",
    }
    return {"task": told, "task_detail": detail}


def api_json(api: Api, holding: Holding) -> Json:
    """One API of the list; environment fields are empty where it is not published, and tell each where it is."""
    online = [one for one in api.publications if one.online]
    names = [holding.environments.get(one.env_id) for one in online]
    app, group = holding.apps.get(api.app_id), holding.groups.get(api.group_id)
    return {
        "id": api.id,
        "name": api.name,
        "group_id": api.group_id,
        "group_name": group.name if group else "",
        "roma_app_id": api.app_id,
        "roma_app_name": app.name if app else "",
        "req_method": api.method,
        "req_uri": api.path,
        "req_protocol": "HTTPS",
        "match_mode": "NORMAL",
        "auth_type": "APP",
        "backend_type": api.backend_type,
        "remark": api.remark,
        "run_env_id": "|".join(one.env_id for one in online),
        "run_env_name": "|".join(one.name if one else "" for one in names),
        "publish_id": "|".join(one.publish_id for one in online),
        "publish_time": "|".join(iso(one.current.time) for one in online),
    }


def group_json(group: Group, holding: Holding) -> Json:
    """One API group."""
    app = holding.apps.get(group.app_id)
    return {
        "id": group.id,
        "name": group.name,
        "sl_domain": f"{group.id[:8]}.apic.example.test",
        "url_domains": [],
        "version": "V2" if group.app_id else "V1",
        "roma_app_id": group.app_id,
        "roma_app_name": app.name if app else "",
    }


def instance_json(instance: Instance) -> Json:
    """One instance of the instance list."""
    return {
        "id": instance.id,
        "name": instance.name,
        "flavor_id": "roma.emulator",
        "flavor_type": instance.spec.removeprefix("ROMA_").lower(),
        "status": instance.status,
        "vpc_id": hex_id("vpc", instance.name),
        "publicip_address": "",
        "project_id": instance.project_id,
        "enterprise_project_id": "0",
    }


def instance_detail_json(instance: Instance) -> Json:
    """One instance in detail."""
    return {
        "id": instance.id,
        "project_id": instance.project_id,
        "instance_name": instance.name,
        "status": instance.status,
        "instance_status": _INSTANCE_NUMBER.get(instance.status, 0),
        "spec": instance.spec,
        "instance_version": instance.version,
        "supported_features": sorted(instance.features),
        "ingress_ip": "10.0.0.10",
        "eip_address": "",
        "maintain_begin": "22:00:00",
        "maintain_end": "02:00:00",
    }


def feature_json(instance: Instance, name: str, enabled: bool) -> Json:
    """One feature of an instance."""
    config = "on" if enabled else "off"
    return {
        "id": hex_id("feature", instance.name, name),
        "name": name,
        "enable": enabled,
        "config": config,
        "instance_id": instance.id,
        "update_time": "2026-01-01T00:00:00Z",
    }


def config_json(instance: Instance, name: str, value: str) -> Json:
    """One project configuration of an instance."""
    return {
        "config_id": hex_id("config", instance.name, name),
        "config_name": name,
        "config_value": value,
        "used": 0,
        "remark": "",
        "config_time": "2026-01-01T00:00:00Z",
    }
