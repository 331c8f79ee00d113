"""An evidence file: each of its bytes is accounted for, and what is not is named."""

import io
import json
import zipfile
from hashlib import sha256

import pytest

from orchestrator.errors import EvidenceDamaged
from orchestrator.storage.chain import Head, Row
from orchestrator.storage.evidence import JOURNAL, MANIFEST, check, pack

FILES = {"report.html": b"<!doctype html>", "plan.json": '{"name": "订单 \u202e"}'.encode()}


def rows(number: int = 3) -> list[Row]:
    head, made = Head(), []
    for seq in range(1, number + 1):
        at, kind, body = 1_800_000_000.125 + seq, "Exported", json.dumps({"batch": f"b{seq}", "name": "订单\u2028"})
        head = head.after(at, kind, body)
        made.append(Row(head.seq, at, kind, body, head.chain))
    return made


def packed(number: int = 3) -> bytes:
    return pack("run-1", "orders", "0.1.0", rows(number), FILES)


def test_what_was_packed_comes_back() -> None:
    found = check(packed())
    assert (found.run, found.plan, found.version) == ("run-1", "orders", "0.1.0")
    assert found.rows == rows()
    assert found.head == Head(3, rows()[-1].chain)
    assert {name: found.files[name] for name in FILES} == FILES


def test_the_same_run_gives_the_same_bytes_and_any_program_for_zip_files_reads_them() -> None:
    assert packed() == packed()
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [MANIFEST, *FILES, JOURNAL]
        assert all(each.compress_type == zipfile.ZIP_STORED for each in archive.infolist())
        lines = archive.read(JOURNAL).decode().splitlines()
        assert [json.loads(line)["seq"] for line in archive.read(JOURNAL).splitlines()] == [1, 2, 3]
        assert json.loads(archive.read(MANIFEST))["head"] == rows()[-1].chain
        assert lines


def test_every_flipped_byte_is_found() -> None:
    whole = packed()
    for place in range(len(whole)):
        for mask in (0x01, 0x80):
            broken = bytearray(whole)
            broken[place] ^= mask
            with pytest.raises(EvidenceDamaged):
                check(bytes(broken))


def test_a_flipped_byte_is_named_by_the_entry_it_lies_in() -> None:
    whole = packed()
    for name in FILES:
        place = whole.index(FILES[name])
        with pytest.raises(EvidenceDamaged, match=f"^{name} is not what was packed: its SHA-256 is"):
            check(whole[:place] + b"X" + whole[place + 1 :])
    place = whole.index(b'b2\\"')
    with pytest.raises(EvidenceDamaged, match=r"journal\.jsonl is not what was packed \(entry 2 .*the chain is broken"):
        check(whole[:place] + b"X" + whole[place + 1 :])
    place = whole.index(b"orders")
    with pytest.raises(EvidenceDamaged, match=r"^manifest\.json is not what was written: its seal"):
        check(whole[:place] + b"X" + whole[place + 1 :])
    place = whole.rindex(b"PK\x05\x06") + 10
    with pytest.raises(EvidenceDamaged, match=rf"^byte {place:,}, in the frame of the archive"):
        check(whole[:place] + b"X" + whole[place + 1 :])


@pytest.mark.parametrize("cut", [0, 1, 40, 500, -1, -30])
def test_what_was_cut_is_found(cut: int) -> None:
    with pytest.raises(EvidenceDamaged):
        check(packed()[:cut])


def test_what_was_added_is_found() -> None:
    with pytest.raises(EvidenceDamaged, match="in the frame"):
        check(packed() + b"more")
    added = io.BytesIO(packed())
    with zipfile.ZipFile(added, "a") as archive:
        archive.writestr("more.txt", "more")
    with pytest.raises(EvidenceDamaged, match=r"'more\.txt' was not packed"):
        check(added.getvalue())


def test_a_bomb_is_not_unpacked() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MANIFEST, b"0" * 10_000_000)
    with pytest.raises(EvidenceDamaged, match=r"the frame of 'manifest\.json'"):
        check(held.getvalue())


def test_a_journal_that_was_written_anew_is_not_the_one_whose_head_is_known() -> None:
    """Whoever makes a whole new file makes a new head: that is why it is kept elsewhere too."""
    assert check(packed(2)).head != check(packed(3)).head


@pytest.mark.parametrize(
    "change",
    [
        {"files": 7},
        {"entries": "x"},
        {"files": [{"name": "report.html"}]},
        {"roma_migrate_evidence": 2},
        {"entries": 2},
    ],
)
def test_a_manifest_that_was_sealed_anew_is_still_compared(change: dict[str, object]) -> None:
    with zipfile.ZipFile(io.BytesIO(packed())) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = {**json.loads(files[MANIFEST]), **change}
    manifest.pop("seal")
    sealed = json.dumps(manifest, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()
    manifest["seal"] = sha256(sealed).hexdigest()
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in {**files, MANIFEST: json.dumps(manifest).encode()}.items():
            archive.writestr(name, content)
    with pytest.raises(EvidenceDamaged):
        check(held.getvalue())
