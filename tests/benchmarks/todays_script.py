"""What a user writes today: the official SDK, one batch after another, each job asked after every 5 s.

`python -m tests.benchmarks.todays_script WORKLOAD URL FOLDER` moves everything. Law: it knows nothing of ours but the
names and ids of what is to be moved.
"""

import sys
import time
from pathlib import Path
from typing import Any

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.formdata import FormFile
from huaweicloudsdkroma import v2 as sdk

from orchestrator.emulator.world.world import World
from tests.benchmarks.workload import Workload, user_of

#: seconds between two questions after a job
BEAT = 5.0


def main(workload: Workload, url: str, folder: Path) -> None:
    """Every batch: export, download, import into each of its targets; then the next one."""
    world = workload.world()
    clients = {name: _client(url, world, name) for name in workload.instances}
    for batch, source in workload.sources.items():
        package = folder / "package.zip"
        held = world.instance(source)
        tasks = [task.id for task in held.tasks if task.name.startswith(f"{batch}-")]
        _export(clients[source], held.id, tasks, package)
        for target in workload.targets[batch]:
            _import(clients[target], world.instance(target).id, package)


def _client(url: str, world: World, instance: str) -> Any:
    who = user_of(instance)
    credentials = BasicCredentials(who.ak, who.sk, world.instance(instance).project_id)
    return sdk.RomaClient.new_builder().with_credentials(credentials).with_endpoint(url).build()


def _export(client: Any, instance_id: str, tasks: list[str], package: Path) -> None:
    body = sdk.AssetExportRequest(apps=[], tasks=[sdk.AssetExportRequestTasks(id=one) for one in tasks])
    job = client.export_asset(sdk.ExportAssetRequest(instance_id=instance_id, body=body))
    ended = _ended(client, instance_id, job.job_id)
    request = sdk.DownloadAssetArchiveRequest(instance_id=instance_id, archive_id=ended.archive_id)
    with package.open("wb") as out:
        client.download_asset_archive(request).consume_download_stream(
            lambda stream: [out.write(chunk) for chunk in stream.iter_content(65536)]
        )


def _import(client: Any, instance_id: str, package: Path) -> None:
    with package.open("rb") as stream:
        body = sdk.ImportAssetRequestBody(FormFile(stream))
        job = client.import_asset(sdk.ImportAssetRequest(instance_id=instance_id, body=body))
    _ended(client, instance_id, job.job_id)


def _ended(client: Any, instance_id: str, job_id: str) -> Any:
    """The job once it has succeeded."""
    while True:
        time.sleep(BEAT)
        told = client.check_asset_job_status(sdk.CheckAssetJobStatusRequest(instance_id=instance_id, job_id=job_id))
        if told.status == "SUCCEEDED":
            return told
        if told.status != "RUNNING":
            raise RuntimeError(f"the job {job_id} ended as {told.status}: {told.reasons}")


if __name__ == "__main__":
    main(Workload.read(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]))
