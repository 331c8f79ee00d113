"""Packages are real zip files in every form, and damage is noticed."""

import io
import zipfile

import pytest

from orchestrator.emulator.protocol.errors import Refusal
from orchestrator.emulator.protocol.messages import Body, Filler
from orchestrator.emulator.service.packages import MANIFEST, read_package
from orchestrator.emulator.service.zip_writer import write_zip
from orchestrator.emulator.world.generate import generate
from orchestrator.emulator.world.options import Switches
from orchestrator.emulator.world.readings import PackageKind
from tests.emulator.in_memory_client import SHORT, InMemoryClient


def package(kind: PackageKind, padding: int = 0) -> bytes:
    switches = Switches(package_kind=kind, package_padding=padding)
    return InMemoryClient(generate(4, 6, switches=switches, durations=SHORT)).package(("orders-web",))


@pytest.mark.parametrize("kind", list(PackageKind))
def test_each_kind_is_read_back(kind: PackageKind) -> None:
    manifest = read_package(package(kind, padding=5000))
    assert [app.name for app in manifest.apps] == ["orders-web"]
    assert manifest.apps[0].secret == ""


@pytest.mark.parametrize("kind", list(PackageKind))
def test_a_package_is_read_where_it_lies(kind: PackageKind) -> None:
    data = package(kind, padding=5000)
    runtime = memoryview(b"before" + data + b"after")[6:-5]
    assert read_package(runtime) == read_package(data)
    with pytest.raises(Refusal, match="10011"):
        read_package(runtime[:-1])


@pytest.mark.parametrize("kind", [PackageKind.PLAIN, PackageKind.ZIP64])
def test_sound_kinds_pass_the_zip_library(kind: PackageKind) -> None:
    with zipfile.ZipFile(io.BytesIO(package(kind, padding=5000))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [MANIFEST, "padding.bin"]


def test_encrypted_and_unknown_kinds_have_a_sound_directory_and_cannot_be_read() -> None:
    for kind, error in ((PackageKind.ENCRYPTED, RuntimeError), (PackageKind.UNKNOWN_METHOD, NotImplementedError)):
        with zipfile.ZipFile(io.BytesIO(package(kind))) as archive:
            assert archive.namelist() == [MANIFEST]
            with pytest.raises(error):
                archive.read(MANIFEST)


@pytest.mark.parametrize("kind", list(PackageKind))
def test_a_turned_byte_is_noticed(kind: PackageKind) -> None:
    data = bytearray(package(kind))
    data[200] ^= 0xFF
    with pytest.raises(Refusal, match="10011"):
        read_package(bytes(data))


@pytest.mark.parametrize("data", [b"", b"no zip at all", bytes(write_zip((("other", b"x"),), PackageKind.PLAIN))])
def test_what_is_no_package_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal, match="10011"):
        read_package(data)


def test_the_same_export_gives_the_same_bytes() -> None:
    assert package(PackageKind.PLAIN) == package(PackageKind.PLAIN)


def test_filling_costs_no_memory_and_is_counted() -> None:
    body = Body((b"head", Filler(1 << 40), b"tail"))
    assert len(body) == (1 << 40) + 8
    assert next(iter(body.chunks(2))) == b"he"
