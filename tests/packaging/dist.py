"""Makes what a site gets: the wheel, an archive of every wheel with its installer, the bill of materials, the manual.

Law: the lock alone says which wheels; whatever can be the same twice is the same twice.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from orchestrator import __version__
from tests.packaging.bill import bill_of
from tests.packaging.completions import PLACES, completion_script
from tests.packaging.hatch_build import SHARE
from tests.packaging.locked import PROGRAM, REPOSITORY, lock
from tests.packaging.man_page import man_page

HERE = Path(__file__).parent
#: when everything says that it was made, where SOURCE_DATE_EPOCH does not say: 2027-01-01, epoch seconds
EPOCH = 1_798_761_600


def make(out: Path) -> Path:
    """Everything into a folder, which is emptied before; the archive. Only the locked wheels are fetched."""
    shutil.rmtree(out, ignore_errors=True)
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", EPOCH))
    share, house = out / "share", out / "wheelhouse"
    _share(share)
    wheel = build_wheel(out, share, epoch)
    _fill(house, wheel, epoch)
    archive = out / f"{PROGRAM}-{__version__}-{_tag()}.tar.gz"
    pack(house, archive, epoch)
    shutil.copy(house / "bill.cdx.json", out / f"{PROGRAM}-{__version__}.cdx.json")
    return archive


def _share(share: Path) -> None:
    files = {f"man/man1/{PROGRAM}.1": man_page()} | {place: completion_script(each) for each, place in PLACES.items()}
    for place, text in files.items():
        (share / place).parent.mkdir(parents=True, exist_ok=True)
        (share / place).write_text(text, encoding="utf-8")


def build_wheel(out: Path, share: Path, epoch: int) -> Path:
    """The wheel, with what lies in `share`."""
    environment = {**os.environ, SHARE: str(share), "SOURCE_DATE_EPOCH": str(epoch)}
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = out.glob("*.whl")
    return wheel


def _fill(house: Path, wheel: Path, epoch: int) -> None:
    """The wheels, what to install of them with which hashes, and how."""
    wheels = house / "wheels"
    wheels.mkdir(parents=True)
    shutil.copy(wheel, wheels)
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(lock(), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        fetch = ["--only-binary", ":all:", "--require-hashes", "--requirement", str(wanted), "--dest", str(wheels)]
        subprocess.run([*pip, *fetch], check=True)
    own = f"{PROGRAM}=={__version__} \\\n    --hash=sha256:{_digest(wheel)}\n"
    (house / "requirements.txt").write_text(lock() + own, encoding="utf-8")
    (house / "bill.cdx.json").write_text(bill_of(wheels, epoch), encoding="utf-8")
    shutil.copy(HERE / "install.sh", house)
    sums = "".join(f"{_digest(path)}  {path.relative_to(house)}\n" for path in _files(house))
    (house / "SHA256SUMS").write_text(sums, encoding="utf-8")


def pack(house: Path, archive: Path, epoch: int) -> None:
    """A folder as an archive that says nothing of who packed it, or when."""
    inside = archive.name.removesuffix(".tar.gz")

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime, member.mode = epoch, 0o644
        return member

    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=epoch) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path in _files(house):
            tar.add(path, f"{inside}/{path.relative_to(house)}", filter=plain)


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tag() -> str:
    """For which Python and which platform the wheels are."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"cp{sys.version_info.major}{sys.version_info.minor}-{platform}"
