"""The data dictionary is read whole: its list gives one level only (Finishing 2.1)."""

from dataclasses import replace

import pytest

from orchestrator.core.model.failures import RequestFailed
from orchestrator.core.model.inventory import DictionaryEntry
from orchestrator.core.model.secrets import AccessKeySecret
from orchestrator.core.plan.plan import Instance, Settings
from orchestrator.emulator.api.api import Api
from orchestrator.emulator.service.service import Service
from orchestrator.emulator.world.finishing_readings import DictionaryList
from orchestrator.emulator.world.generate import DEV_USER, generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.world import World
from orchestrator.engine.runtime import utc_now
from orchestrator.roma import Reader, Roma
from orchestrator.roma.client import MOST_DICTIONARY
from tests.simulation.wiring import MemoryTransport

ENDPOINT = "http://127.0.0.1:9"
WHOLE = {"COUNTRY": "Country", "COUNTRY/DE": "Germany", "COUNTRY/DE/BY": "Bavaria", "CURRENCY": "Currency"}


def reader_of(world: World) -> Reader:
    api = Api(Service(world, lambda: utc_now().timestamp()))
    instance = world.instance("dev")
    secrets = {"d": AccessKeySecret(DEV_USER.ak, DEV_USER.sk, "")}
    roma = Roma(
        Settings(reads_per_second=1000.0), secrets, wall=utc_now, draw=lambda: 0.5,
        transport=lambda ca_file, proxy: MemoryTransport(api, lambda request: None),
    )  # fmt: skip
    return roma.reader(Instance("dev", ENDPOINT, ENDPOINT, instance.project_id, instance.id, ("d",)), "d")


def world_of(entries: dict[str, str], listed: DictionaryList = DictionaryList.LEVEL) -> World:
    world = generate(1, 0, switches=Switches(dictionary_list=listed))
    return replace(world, instances=tuple(replace(each, dictionaries=entries) for each in world.instances))


@pytest.mark.parametrize("listed", DictionaryList)
async def test_every_level_is_read_however_the_service_lists_them(listed: DictionaryList) -> None:
    found = await reader_of(world_of(WHOLE, listed)).dictionaries()
    assert all(entry.id for entry in found)
    assert {replace(entry, id="") for entry in found} == {
        DictionaryEntry("COUNTRY", "Country"),
        DictionaryEntry("DE", "Germany", "COUNTRY"),
        DictionaryEntry("BY", "Bavaria", "DE"),
        DictionaryEntry("CURRENCY", "Currency"),
    }


async def test_a_dictionary_without_an_end_is_given_up() -> None:
    entries = {f"TOP{number}": "many" for number in range(MOST_DICTIONARY + 2)}
    with pytest.raises(RequestFailed, match="more than"):
        await reader_of(world_of(entries)).dictionaries()
