"""Writes and reads the zip files of a local ROMA Connect in every form a switch asks for.

Law: equal input, equal bytes.

Python's own zip library cannot write encrypted entries or unknown methods, nor gigabytes without holding them.
"""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache

from orchestrator.emulator.protocol.messages import Body, Filler, Upload
from orchestrator.emulator.world.readings import PackageKind

#: 2026-01-01 00:00:00 as a zip file writes it
_TIME, _DATE = 0, (2026 - 1980) << 9 | 1 << 5 | 1
_METHOD = {PackageKind.UNKNOWN_METHOD: 98}
#: the "cipher" of encrypted packages: 12 bytes of header, then each byte turned by this mask
_HEADER, _MASK = b"ROMA-EMULATO", 0x5A
_TURNED = bytes(byte ^ _MASK for byte in range(256))
#: bytes that are read at a time where an entry is only checked
_CHUNK = 1 << 20
_FULL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    crc: int
    #: bytes before and after "encryption"
    size: int
    stored: int
    offset: int


def write_zip(entries: tuple[tuple[str, bytes | Filler], ...], kind: PackageKind) -> Body:
    """A zip file with these entries, stored uncompressed."""
    parts: list[bytes | Filler] = []
    written: list[_Entry] = []
    offset = 0
    for name, content in entries:
        size, crc = _measure(content)
        data = _disguise(content, kind)
        entry = _Entry(name.encode(), crc, size, len(Body(data)), offset)
        head = _local(entry, kind)
        parts += [head, *data]
        written.append(entry)
        offset += len(head) + entry.stored
    directory = b"".join(_central(entry, kind) for entry in written)
    parts += [directory, _ends(len(written), len(directory), offset, kind)]
    return Body(tuple(parts))


class _View(io.RawIOBase):
    """A package as a file that is read where it lies, since `io.BytesIO` would copy it."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        if start + offset < 0:
            raise ValueError("a negative position")
        self._at = start + offset
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        found = bytes(self._data[self._at : None if size < 0 else self._at + size])
        self._at += len(found)
        return found


def read_entry(data: Upload, name: str) -> bytes:
    """One entry of a file that `write_zip` wrote; ValueError or zipfile.BadZipFile where the file is damaged."""
    with zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else _View(data)) as archive:
        infos = archive.infolist()
        wanted = archive.getinfo(name)
        if any(info.flag_bits & 1 or info.compress_type != zipfile.ZIP_STORED for info in infos):
            return _raw(data, wanted)
        for info in infos:
            if info is not wanted:
                _check(archive, info)
        return archive.read(wanted)


def _check(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Reads an entry to its end, where the zip library compares the checksum."""
    with archive.open(info) as entry:
        while entry.read(_CHUNK):
            pass


def _raw(data: Upload, info: zipfile.ZipInfo) -> bytes:
    start = info.header_offset
    names, extras = struct.unpack_from("<HH", data, start + 26)
    start += 30 + names + extras
    content = bytes(data[start : start + info.compress_size])
    if info.flag_bits & 1:
        content = content[len(_HEADER) :].translate(_TURNED)
    if zlib.crc32(content) != info.CRC:
        raise ValueError("an entry is damaged")
    return content


@lru_cache(maxsize=8)
def _measure(content: bytes | Filler) -> tuple[int, int]:
    """Size and CRC."""
    crc = size = 0
    for chunk in Body((content,)).chunks(_CHUNK):
        crc = zlib.crc32(chunk, crc)
        size += len(chunk)
    return size, crc


def _disguise(content: bytes | Filler, kind: PackageKind) -> tuple[bytes | Filler, ...]:
    if kind is not PackageKind.ENCRYPTED:
        return (content,)
    if isinstance(content, Filler):
        return _HEADER, Filler(content.size, content.byte ^ _MASK)
    return _HEADER, content.translate(_TURNED)


def _common(entry: _Entry, kind: PackageKind) -> tuple[bytes, bytes]:
    """The part that local and central headers share, and the extra field."""
    zip64 = kind is PackageKind.ZIP64
    flags = 1 if kind is PackageKind.ENCRYPTED else 0
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.stored) if zip64 else b""
    stored, size = (_FULL, _FULL) if zip64 else (entry.stored, entry.size)
    head = struct.pack(
        "<HHHHHIIIHH",
        45 if zip64 else 20, flags, _METHOD.get(kind, 0), _TIME, _DATE, entry.crc, stored, size,
        len(entry.name), len(extra),
    )  # fmt: skip
    return head, extra


def _local(entry: _Entry, kind: PackageKind) -> bytes:
    head, extra = _common(entry, kind)
    return b"PK\x03\x04" + head + entry.name + extra


def _central(entry: _Entry, kind: PackageKind) -> bytes:
    head, extra = _common(entry, kind)
    return (
        b"PK\x01\x02"
        + struct.pack("<H", 45)
        + head
        + struct.pack("<HHHII", 0, 0, 0, 0, entry.offset)
        + entry.name
        + extra
    )


def _ends(count: int, size: int, offset: int, kind: PackageKind) -> bytes:
    """The end of the central directory, with its zip64 twin where asked."""
    plain = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, size, min(offset, _FULL), 0)
    if kind is not PackageKind.ZIP64:
        return plain
    big = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, offset + size, 1)
    return big + locator + plain
