"""Says whether a package is a whole zip file. Law: read only, never extract, and decide the same for the same bytes.

The inner layout of packages is not documented and may be encrypted (API 6), so only what the format itself vouches
for is checked. The standard library's reader is too lax for that: it takes junk before and between entries, ignores
what local headers say, and raises many things on hostile bytes. Here the entries must tile the file: every byte
before the directory belongs to exactly one entry. Memory is bounded, and so are the bytes that are decompressed.
"""

import bz2
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.core.model.counts import count

#: `crc`: every entry's CRC verified; `structure`: the directory is sound, some contents cannot be checked; `suspect`
Verdict = Literal["crc", "structure", "suspect"]

#: no more than this many times its own size is decompressed of one package, but at least EXPANSION_FLOOR bytes
EXPANSION = 200
EXPANSION_FLOOR = 64 * 1024 * 1024
#: entries that are looked at; a package carries 100 assets
MOST_ENTRIES = 100_000

_CHUNK = 64 * 1024
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_MARK, _LOCATOR_MARK, _END64_MARK = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_CENTRAL_MARK, _LOCAL_MARK, _DESCRIPTOR_MARK = b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ENCRYPTED, _DESCRIBED, _PATCHED, _STRONG, _MASKED = 0x0001, 0x0008, 0x0020, 0x0040, 0x2000
_STORED, _DEFLATED, _BZIP2 = 0, 8, 12
# 258 bytes for two bits is the most that deflate can say.
_DEFLATE_LIMIT = 1032


class Source(Protocol):
    """Bytes that can be read at any offset."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Check:
    """What a package is worth, and why."""

    #: see Verdict
    verdict: Verdict
    #: a sentence for people; names of entries are cut and made printable
    reason: str


class _Wrong(Exception):
    """What is wrong with the file, as a sentence."""


@dataclass(frozen=True, slots=True)
class _Directory:
    #: offset of the first entry's record; the entries' data lie before
    start: int
    #: offset after the last one
    end: int
    #: how many entries it says to hold
    count: int


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    flags: int
    method: int
    crc: int
    #: bytes in the file, and bytes when decompressed
    packed: int
    size: int
    #: where its local header starts
    offset: int

    @property
    def shown(self) -> str:
        text = self.name.decode("utf-8", "replace")[:60]
        return f"entry '{''.join(c if c.isprintable() else '?' for c in text)}'"


@dataclass(frozen=True, slots=True)
class _Span:
    #: local header, first byte of the data, and the byte after the entry
    start: int
    data: int
    end: int


def check_zip(source: Source, limit_bytes: int) -> Check:
    """Judge one file; at most `limit_bytes` are decompressed. Raises only what `source.read` raises."""
    try:
        return _checked(source, limit_bytes)
    except _Wrong as wrong:
        return Check("suspect", str(wrong))


def _checked(source: Source, limit_bytes: int) -> Check:
    directory = _directory(source)
    if directory.count > MOST_ENTRIES:
        return Check("structure", f"{directory.count} entries are more than the {MOST_ENTRIES} that are looked at")
    # All places are judged before any content, so that overlapping entries cannot make us read the file many times.
    spans = [_span(source, entry, directory) for entry in _entries(source, directory)]
    _tiled(spans, directory)
    budget = min(limit_bytes, max(EXPANSION_FLOOR, EXPANSION * source.size))
    checked, unchecked = 0, ""
    skipped = 0
    for entry, span in zip(_entries(source, directory), spans, strict=True):
        why = _uncheckable(entry, budget - checked)
        if why:
            skipped, unchecked = skipped + 1, unchecked or f"{entry.shown} {why}"
            continue
        _verify(source, entry, span)
        checked += entry.size
    if skipped:
        return Check(
            "structure", f"directory sound; {skipped} of {count(len(spans), 'entry')} not checked: {unchecked}"
        )
    return Check("crc", f"the CRC of every entry is right: {count(len(spans), 'entry')}, {count(checked, 'byte')}")


def _uncheckable(entry: _Entry, budget: int) -> str:
    """Why this entry's content cannot be checked, or ""."""
    if entry.flags & (_ENCRYPTED | _PATCHED | _STRONG | _MASKED):
        return "is encrypted"
    if entry.method not in {_STORED, _DEFLATED, _BZIP2}:
        return f"is compressed by method {entry.method}, which is unknown here"
    if entry.method == _STORED and entry.packed != entry.size:
        raise _Wrong(f"{entry.shown} is stored as it is, yet its two sizes differ")
    if entry.method == _DEFLATED and entry.size > _DEFLATE_LIMIT * (entry.packed + 1):
        raise _Wrong(f"{entry.shown} claims a size that its data cannot hold")
    return "" if entry.size <= budget else f"has {entry.size} bytes, beyond the bound on checked bytes"


# --- the directory ---------------------------------------------------------------------------------------------------


def _directory(source: Source) -> _Directory:
    position, fields = _end_record(source)
    disk, first_disk, here, count, size, start = fields
    locator = source.read(position - _LOCATOR.size, _LOCATOR.size) if position >= _LOCATOR.size else b""
    if locator.startswith(_LOCATOR_MARK):
        position, wide = _end_record_64(source, position - _LOCATOR.size, locator)
        limits = (_FULL16, _FULL16, _FULL16, _FULL16, _FULL32, _FULL32)
        if any(small not in {large, limit} for small, large, limit in zip(fields, wide, limits, strict=True)):
            raise _Wrong("the two ends of the central directory disagree")
        disk, first_disk, here, count, size, start = wide
    if disk or first_disk or here != count:
        raise _Wrong("it is one part of an archive of several parts")
    if start + size != position:
        raise _Wrong("the central directory is not where its end says: bytes are missing, or others stand before")
    if not count:
        raise _Wrong("it holds no entries")
    if count * _CENTRAL.size > size:
        raise _Wrong("the central directory is too small for its entries")
    return _Directory(start, position, count)


def _end_record(source: Source) -> tuple[int, tuple[int, ...]]:
    """Offset and fields of the end record, which with its comment must be the last thing in the file."""
    length = min(source.size, _END.size + _FULL16)
    base = source.size - length
    tail = source.read(base, length)
    at = tail.rfind(_END_MARK)
    seen = at >= 0
    while at >= 0:
        if len(tail) - at >= _END.size:
            _mark, *fields, comment = _END.unpack_from(tail, at)
            if at + _END.size + comment == len(tail):
                return base + at, tuple(fields)
        at = tail.rfind(_END_MARK, 0, at)
    if seen:
        raise _Wrong("it does not end where its central directory ends: bytes are missing, or others follow")
    raise _Wrong("it has no central directory: not a zip file, or its end is missing")


def _end_record_64(source: Source, end: int, locator: bytes) -> tuple[int, tuple[int, ...]]:
    """Offset and fields of the zip64 end record, which must reach to its locator at `end`."""
    _mark, disk, position, disks = _LOCATOR.unpack(locator)
    raw = source.read(position, _END64.size) if position + _END64.size <= end else b""
    if not raw.startswith(_END64_MARK) or disk or disks > 1:
        raise _Wrong("the zip64 end of its central directory is missing")
    _mark, rest, _made, _needed, *fields = _END64.unpack(raw)
    if position + 12 + rest != end:
        raise _Wrong("the zip64 end of its central directory has a wrong size")
    return position, tuple(fields)


def _entries(source: Source, directory: _Directory) -> Iterator[_Entry]:
    at = directory.start
    for _ in range(directory.count):
        raw = source.read(at, _CENTRAL.size) if at + _CENTRAL.size <= directory.end else b""
        if not raw.startswith(_CENTRAL_MARK) or len(raw) != _CENTRAL.size:
            raise _Wrong("the central directory is damaged")
        (_mark, _made, _needed, flags, method, _time, _date, crc, packed, size, name, extra, comment, disk, _in, _ex,
         offset) = _CENTRAL.unpack(raw)  # fmt: skip
        following = at + _CENTRAL.size + name + extra + comment
        if following > directory.end:
            raise _Wrong("the central directory is damaged")
        text = source.read(at + _CENTRAL.size, name + extra)
        size, packed, offset = _widened(text[name:], (size, packed, offset))
        if disk not in {0, _FULL16}:
            raise _Wrong("it is one part of an archive of several parts")
        yield _Entry(text[:name], flags, method, crc, packed, size, offset)
        at = following
    if at != directory.end:
        raise _Wrong("the central directory holds more than its entries")


def _widened(extra: bytes, values: tuple[int, ...]) -> tuple[int, ...]:
    """The values, those at their limit replaced in order from the zip64 extra field."""
    wide = _zip64(extra)
    result = []
    for value in values:
        if value == _FULL32 and len(wide) >= 8:
            value, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        result.append(value)
    return tuple(result)


def _zip64(extra: bytes) -> bytes:
    # Some writers pad the extra fields with bytes that are no field; only ours matters.
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            return extra[at + 4 : at + 4 + length]
        at += 4 + length
    return b""


# --- places ----------------------------------------------------------------------------------------------------------


def _span(source: Source, entry: _Entry, directory: _Directory) -> _Span:
    fits = entry.offset + _LOCAL.size <= directory.start
    raw = source.read(entry.offset, _LOCAL.size) if fits else b""
    if not raw.startswith(_LOCAL_MARK) or len(raw) != _LOCAL.size:
        raise _Wrong(f"{entry.shown} is not where the central directory says")
    _mark, _needed, flags, method, _time, _date, crc, packed, size, name, extra = _LOCAL.unpack(raw)
    data = entry.offset + _LOCAL.size + name + extra
    end = data + entry.packed
    if end > directory.start:
        raise _Wrong(f"{entry.shown} reaches into the central directory")
    if not entry.flags & _MASKED:
        text = source.read(entry.offset + _LOCAL.size, name + extra)
        size, packed = _widened(text[name:], (size, packed))
        later = (0,) if flags & _DESCRIBED else ()
        pairs = ((crc, entry.crc), (packed, entry.packed), (size, entry.size))
        same_kind = method == entry.method and (flags ^ entry.flags) & _ENCRYPTED == 0 and text[:name] == entry.name
        if not same_kind or any(local not in {central, *later} for local, central in pairs):
            raise _Wrong(f"{entry.shown} and the central directory disagree about it")
    return _Span(entry.offset, data, end + (_descriptor(source, entry, end, directory) if flags & _DESCRIBED else 0))


def _descriptor(source: Source, entry: _Entry, at: int, directory: _Directory) -> int:
    """Length of the data descriptor at `at`: with or without its mark, with short or long sizes."""
    raw = source.read(at, min(28, directory.start - at))
    long = struct.pack("<LQQ", entry.crc, entry.packed, entry.size)
    short = struct.pack("<LLL", entry.crc, entry.packed & _FULL32, entry.size & _FULL32)
    for form in (_DESCRIPTOR_MARK + short, _DESCRIPTOR_MARK + long, short, long):
        after = raw[len(form) :]
        # With a size of 0 a short form is also the beginning of a long one: what follows decides.
        if raw.startswith(form) and (after.startswith(_LOCAL_MARK) or at + len(form) == directory.start):
            return len(form)
    raise _Wrong(f"the sizes after {entry.shown} disagree with the central directory")


def _tiled(spans: list[_Span], directory: _Directory) -> None:
    position = 0
    for span in sorted(spans, key=lambda x: x.start):
        if span.start < position:
            raise _Wrong("entries overlap")
        if span.start > position:
            raise _Wrong(f"{span.start - position} bytes at offset {position} belong to no entry")
        position = span.end
    if position != directory.start:
        raise _Wrong(f"{directory.start - position} bytes before the central directory belong to no entry")


# --- contents --------------------------------------------------------------------------------------------------------


def _verify(source: Source, entry: _Entry, span: _Span) -> None:
    crc, size = 0, 0
    for piece in _content(_packed(source, span.data, entry.packed), entry):
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        if size > entry.size:
            break
    if size != entry.size:
        raise _Wrong(f"{entry.shown} does not have the {entry.size} bytes it claims")
    if crc != entry.crc:
        raise _Wrong(f"{entry.shown} has a wrong CRC")


def _packed(source: Source, start: int, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = source.read(start, min(_CHUNK, length))
        if not piece:
            raise _Wrong("the file is shorter than it was a moment ago")
        yield piece
        start, length = start + len(piece), length - len(piece)


def _content(pieces: Iterator[bytes], entry: _Entry) -> Iterator[bytes]:
    match entry.method:
        case 8:
            return _inflated(pieces, entry)
        case 12:
            return _unbzipped(pieces, entry)
        case _:
            return pieces


def _inflated(pieces: Iterator[bytes], entry: _Entry) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in pieces:
            if inflater.eof:
                raise _Wrong(f"{entry.shown} has bytes after its end")
            yield inflater.decompress(piece, _CHUNK)
            while inflater.unconsumed_tail:
                yield inflater.decompress(inflater.unconsumed_tail, _CHUNK)
        yield inflater.flush()
    except zlib.error:
        raise _Wrong(f"{entry.shown} cannot be decompressed") from None
    _ended(inflater.eof, inflater.unused_data, entry)


def _unbzipped(pieces: Iterator[bytes], entry: _Entry) -> Iterator[bytes]:
    reader = bz2.BZ2Decompressor()
    for piece in pieces:
        if reader.eof:
            raise _Wrong(f"{entry.shown} has bytes after its end")
        yield _unbzip(reader, piece, entry)
        while not reader.needs_input and not reader.eof:
            yield _unbzip(reader, b"", entry)
    _ended(reader.eof, reader.unused_data, entry)


def _unbzip(reader: bz2.BZ2Decompressor, piece: bytes, entry: _Entry) -> bytes:
    try:
        return reader.decompress(piece, _CHUNK)
    except (OSError, ValueError, EOFError):
        raise _Wrong(f"{entry.shown} cannot be decompressed") from None


def _ended(eof: bool, unused: bytes, entry: _Entry) -> None:
    if not eof:
        raise _Wrong(f"{entry.shown} ends too early")
    if unused:
        raise _Wrong(f"{entry.shown} has bytes after its end")
