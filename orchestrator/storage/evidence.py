"""What proves a run, in one file that anybody can keep: made and checked here. Law: each of its bytes is accounted for.

An evidence file is a ZIP archive of plain, uncompressed entries, so that it can neither hide anything nor grow when it
is read; nothing of it is ever written to a disk. Its first entry, `manifest.json`, names every other with its length
and its SHA-256, and the head of the journal's chain; a seal covers the manifest itself. The frame of the archive
follows from its entries, so that it is made anew and compared: a flipped byte is found wherever it lies.

This proves that the file is whole, not who made it: whoever must know that keeps the head of the chain elsewhere, or
signs the file.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from orchestrator.errors import EvidenceDamaged
from orchestrator.storage.chain import ChainBroken, Head, Row, checked

#: version of the file's form
FORM = 1
MANIFEST, JOURNAL = "manifest.json", "journal.jsonl"
#: bytes of a whole file, and entries in it: more is never looked at
MOST_BYTES, MOST_FILES = 512 * 1024 * 1024, 64
#: 1 January 1980: the file tells the run's times, not when it was packed
_DATE = 0x21
_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
_SIGN, _VERSION = b"PK\x03\x04", 20
#: a plain file that its owner reads and writes, made on Unix
_MADE_BY, _MODE = (3 << 8) | _VERSION, 0o100600 << 16


@dataclass(frozen=True, slots=True)
class Evidence:
    """A file that is whole."""

    run: str
    plan: str
    #: of the program that packed it
    version: str
    head: Head
    #: name -> content, without the manifest
    files: Mapping[str, bytes]
    #: the journal, as it was kept
    rows: Sequence[Row]


# --- to make one ---------------------------------------------------------------------------------------------------


def pack(run: str, plan: str, version: str, rows: Sequence[Row], files: Mapping[str, bytes]) -> bytes:
    """The whole file; `files` are what stands in it beside the journal and the manifest."""
    held = {**files, JOURNAL: journal_lines(rows)}
    last = rows[-1] if rows else None
    manifest: dict[str, object] = {
        "roma_migrate_evidence": FORM, "run": run, "plan": plan, "version": version,
        "entries": last.seq if last else 0, "head": last.chain if last else Head().chain,
        "files": [_listed(name, each) for name, each in held.items()],
    }  # fmt: skip
    manifest["seal"] = _seal(manifest)
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    return _archive({MANIFEST: text.encode(), **held})


def _listed(name: str, content: bytes) -> dict[str, object]:
    return {"name": name, "bytes": len(content), "sha256": sha256(content).hexdigest()}


def journal_lines(rows: Iterable[Row]) -> bytes:
    """One JSON line an entry, with its place in the chain."""
    lines = (
        json.dumps({"seq": r.seq, "at": r.at, "kind": r.kind, "body": r.body, "chain": r.chain}, ensure_ascii=False)
        for r in rows
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _seal(manifest: Mapping[str, object]) -> str:
    held = {key: value for key, value in manifest.items() if key != "seal"}
    return sha256(json.dumps(held, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive in which every byte follows from the names and contents."""
    body, directory = bytearray(), bytearray()
    for name, content in files.items():
        word, place, crc, size = name.encode(), len(body), zlib.crc32(content), len(content)
        body += _LOCAL.pack(_SIGN, _VERSION, 0, 0, 0, _DATE, crc, size, size, len(word), 0) + word + content
        directory += _CENTRAL.pack(
            b"PK\x01\x02", _MADE_BY, _VERSION, 0, 0, 0, _DATE, crc, size, size, len(word), 0, 0, 0, 0, _MODE, place
        ) + word  # fmt: skip
    end = _END.pack(b"PK\x05\x06", 0, 0, len(files), len(files), len(directory), len(body), 0)
    return bytes(body + directory + end)


# --- to check one --------------------------------------------------------------------------------------------------


def check(content: bytes) -> Evidence:
    """Read it back; raises EvidenceDamaged with the entry, or the byte, that is not what was packed."""
    if len(content) > MOST_BYTES:
        raise EvidenceDamaged(f"it has more than {MOST_BYTES:,} bytes and is not looked at")
    whole = dict(_entries(content))
    files = {name: each for name, each in whole.items() if name != MANIFEST}
    manifest = _manifest(whole.get(MANIFEST, b""))
    _must_be_listed(manifest, files)
    _must_be_framed(content, whole)
    rows = _chained(files.get(JOURNAL, b""), manifest.head)
    return Evidence(manifest.run, manifest.plan, manifest.version, manifest.head, files, rows)


def _entries(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The archive's entries from its first byte on; nothing is taken from its directory, which is compared later."""
    place, seen = 0, 0
    while content[place : place + 4] == _SIGN:
        if place + _LOCAL.size > len(content) or seen == MOST_FILES:
            break
        _, _, flags, method, _, _, _, size, whole, length, extra = _LOCAL.unpack_from(content, place)
        began = place + _LOCAL.size + length
        name = content[place + _LOCAL.size : began].decode("ascii", "replace")
        if flags or method or extra or size != whole or began + size > len(content):
            raise EvidenceDamaged(f"the frame of {name!r}, at byte {place:,}, is not what was written")
        yield name, content[began : began + size]
        place, seen = began + size, seen + 1
    if not seen:
        raise EvidenceDamaged("its first bytes are not those of an evidence file")


@dataclass(frozen=True, slots=True)
class _Manifest:
    run: str
    plan: str
    version: str
    head: Head
    #: name -> SHA-256
    digests: Mapping[str, str]


def _manifest(content: bytes) -> _Manifest:
    """The manifest, once its seal has shown that it is what was written."""
    try:
        held = json.loads(content.decode("utf-8"))
        if held["seal"] != _seal(held):
            raise EvidenceDamaged(f"{MANIFEST} is not what was written: its seal is of another content")
        if held["roma_migrate_evidence"] != FORM:
            raise EvidenceDamaged(f"its form is {held['roma_migrate_evidence']!r}, this program reads {FORM}")
        digests = {str(each["name"]): str(each["sha256"]) for each in held["files"]}
        head = Head(int(held["entries"]), str(held["head"]))
        return _Manifest(str(held["run"]), str(held["plan"]), str(held["version"]), head, digests)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise EvidenceDamaged(f"{MANIFEST} is missing or is not what was written") from None


def _must_be_listed(manifest: _Manifest, files: Mapping[str, bytes]) -> None:
    for name in {**manifest.digests, **files}:
        if name not in files:
            raise EvidenceDamaged(f"{name} is missing: the manifest names it")
        if name not in manifest.digests:
            raise EvidenceDamaged(f"{name!r} was not packed: the manifest does not name it")
        found, wanted = sha256(files[name]).hexdigest(), manifest.digests[name]
        if found != wanted:
            where = _place_in_journal(files[name], manifest) if name == JOURNAL else ""
            raise EvidenceDamaged(f"{name} is not what was packed{where}: its SHA-256 is {found}, packed was {wanted}")


def _place_in_journal(content: bytes, manifest: _Manifest) -> str:
    """` (entry 57 ...)`, where the chain tells which."""
    try:
        _chained(content, manifest.head)
    except EvidenceDamaged as error:
        return f" ({error.message.removeprefix(f'{JOURNAL}: ')})"
    return ""


def _must_be_framed(content: bytes, files: Mapping[str, bytes]) -> None:
    """What is not content is compared with what this program writes around that content."""
    wanted = _archive(files)
    if content == wanted:
        return
    pairs = zip(content, wanted, strict=False)
    place = next((at for at, (found, meant) in enumerate(pairs) if found != meant), min(len(content), len(wanted)))
    raise EvidenceDamaged(f"byte {place:,}, in the frame of the archive, is not what was written")


def _chained(content: bytes, head: Head) -> list[Row]:
    try:
        return [row for row, _ in checked(_rows(content), [head])]
    except ChainBroken as error:
        raise EvidenceDamaged(f"{JOURNAL}: {error}") from None
    except ValueError:  # a text that no journal can hold
        raise EvidenceDamaged(f"{JOURNAL}: it holds something that is no text") from None


def _rows(content: bytes) -> Iterator[Row]:
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            held = json.loads(line.decode("utf-8"))
            yield Row(held["seq"], held["at"], held["kind"], held["body"], held["chain"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ChainBroken(number, "it is no entry") from None
