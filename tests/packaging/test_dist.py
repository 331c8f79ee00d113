"""What a site gets works there: installed where no registry can be reached, the program migrates its demo plan."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from orchestrator import __version__
from tests.e2e.desk import read_until
from tests.packaging.conftest import nothing_known
from tests.packaging.dist import EPOCH, build_wheel, pack
from tests.packaging.locked import REPOSITORY, blocks, needed

CONTAINERFILE = Path(__file__).with_name("Containerfile")
#: what is built and installed here takes its time
pytestmark = pytest.mark.timeout(400)
#: a user who owns nothing here
STRANGER = 10001


def run(*words: str | Path, env: dict[str, str], cwd: Path, patience: float = 170) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, words)), env=env, cwd=cwd, capture_output=True, text=True, timeout=patience, check=False
    )


def must(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def site() -> Iterator[Path]:
    """A folder that other users may look into; pytest's own are closed to them again and again."""
    with tempfile.TemporaryDirectory(prefix="roma-migrate-site-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def installed(archive: Path, site: Path) -> Path:
    """The program, installed by the archive's one line in a network of its own that leads nowhere."""
    place = site
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="data")
    inside = place / archive.name.removesuffix(".tar.gz")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "UV_"))}
    env = kept | {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull}
    install = ["sh", str(inside / "install.sh"), str(place / "opt"), sys.executable]
    must(run(*[*_without_network(), *install], env=env, cwd=place))
    return place / "opt"


def _without_network() -> list[str]:
    """Before a command: a network namespace without any way out, where this user may have one."""
    alone = ["unshare", "--net"]
    able = (
        shutil.which("unshare") and subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    )
    return alone if able else []


def instructions() -> Iterator[tuple[str, str]]:
    """Each instruction of the container file, its lines joined."""
    text = CONTAINERFILE.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest.strip()


def last(word: str) -> str:
    return [rest for each, rest in instructions() if each == word][-1]


def entry_point(installed: Path) -> list[str]:
    """What the container starts, in the folder that stands for /opt/roma-migrate."""
    return [word.replace("/opt/roma-migrate", str(installed)) for word in json.loads(last("ENTRYPOINT"))]


@pytest.fixture(scope="session")
def plans(site: Path) -> Path:
    """The mounted folder of a plan: the container's user may write there."""
    folder = site / "plans"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, STRANGER, STRANGER)
    return folder


def as_stranger(*words: str | Path, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """As the container's user, where this one may become another."""
    become = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
    return run(*(become if os.geteuid() == 0 else []), *words, env=env, cwd=cwd)


@pytest.fixture(scope="session")
def migrated(installed: Path, plans: Path) -> tuple[Path, str]:
    """The home of a demo that the container's entry point has run, and what that said."""
    home = plans / "home"
    said = as_stranger(*entry_point(installed), "demo", "--keep", "--home", home, env=nothing_known(plans), cwd=plans)
    return home, must(said)


def test_the_entry_point_migrates_the_demo_plan_as_that_user(migrated: tuple[Path, str], plans: Path) -> None:
    home, said = migrated
    assert "everything is imported and verified" in said
    assert os.geteuid() or home.stat().st_uid == STRANGER
    assert not list(plans.glob("*.yaml")), "the demo's plan came with the program"


def test_what_is_not_python_is_in_the_wheel(
    installed: Path, migrated: tuple[Path, str], nowhere: dict[str, str], tmp_path: Path
) -> None:
    """Pages and schedules are made of templates, and plans, manual and completions lie where they are looked for."""
    program = installed / "bin" / "roma-migrate"
    home = shutil.copytree(migrated[0], tmp_path / "home")
    must(run(program, "report", "--home", home, "--html", "page.html", env=nowhere, cwd=tmp_path))
    assert "<svg" in (tmp_path / "page.html").read_text()
    (plan,) = installed.glob("lib/python*/site-packages/orchestrator/plans/reference.yaml")
    must(run(program, "validate", plan, env=nowhere, cwd=tmp_path))
    for kind in ("systemd", "cron", "kubernetes", "gitlab", "github"):
        made: list[str | Path] = [program, "schedule", plan, "--as", kind, "--at", "Sat 02:00", "--timezone", "UTC"]
        assert must(run(*made, "--image", "i:1", env=nowhere, cwd=tmp_path)).strip()
    share = installed / "share"
    there = ["man/man1/roma-migrate.1", "bash-completion/completions/roma-migrate", "zsh/site-functions/_roma-migrate"]
    assert all((share / name).stat().st_size > 100 for name in [*there, "fish/vendor_completions.d/roma-migrate.fish"])


def test_every_file_of_the_package_is_in_the_wheel(archive: Path) -> None:
    (wheel,) = archive.parent.glob("*.whl")
    with ZipFile(wheel) as held:
        names = set(held.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "orchestrator"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(tracked) - names == set()
    assert not [name for name in names if name.startswith(("tests", "dist")) or name.endswith(".pyc")]


def test_uv_installs_it_as_a_tool(archive: Path, nowhere: dict[str, str], tmp_path: Path) -> None:
    wheels = archive.parent / "wheelhouse" / "wheels"
    env = nowhere | {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    env |= {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_PYTHON": sys.executable}
    uv = Path(sys.executable).with_name("uv")
    must(run(uv, "tool", "install", "--no-index", "--find-links", wheels, "roma-migrate", env=env, cwd=tmp_path))
    assert must(run(tmp_path / "bin" / "roma-migrate", "--version", env=env, cwd=tmp_path)).split()[1] == __version__


def test_pipx_installs_it_with_its_manual(archive: Path, nowhere: dict[str, str], tmp_path: Path) -> None:
    wheels = archive.parent / "wheelhouse" / "wheels"
    env = nowhere | {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    env |= {"PIPX_MAN_DIR": str(tmp_path / "man"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    env |= {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels)}  # pipx installs by uv where there is one
    pipx = [sys.executable, "-m", "pipx", "install", "--python", sys.executable, "roma-migrate"]
    must(run(*pipx, env=env, cwd=tmp_path))
    assert must(run(tmp_path / "bin" / "roma-migrate", "--version", env=env, cwd=tmp_path)).split()[1] == __version__
    assert (tmp_path / "man" / "man1" / "roma-migrate.1").exists()


def test_a_wheel_that_was_changed_is_not_installed(archive: Path, nowhere: dict[str, str], tmp_path: Path) -> None:
    house = shutil.copytree(archive.parent / "wheelhouse", tmp_path / "house")
    with (house / "wheels" / next(house.glob("wheels/rich-*.whl")).name).open("ab") as wheel:
        wheel.write(b"x")
    said = run("sh", house / "install.sh", tmp_path / "opt", sys.executable, env=nowhere, cwd=tmp_path)
    assert said.returncode != 0
    assert not (tmp_path / "opt").exists()


def test_the_same_twice_is_the_same_to_the_byte(archive: Path, tmp_path: Path) -> None:
    made = archive.parent
    wheel = build_wheel(tmp_path, made / "share", EPOCH)
    assert wheel.read_bytes() == (made / wheel.name).read_bytes()
    again = tmp_path / archive.name
    pack(made / "wheelhouse", again, EPOCH)
    assert again.read_bytes() == archive.read_bytes()


# --- the bill of materials ------------------------------------------------------------------------------------------


def test_the_bill_is_valid_and_names_every_wheel_with_its_hash(archive: Path) -> None:
    (path,) = archive.parent.glob("*.cdx.json")
    text = path.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    listed = {each["name"]: each for each in bill["components"]}
    assert set(listed) == set(needed()) - {"roma-migrate"}
    assert bill["metadata"]["component"]["name"] == "roma-migrate"
    lock = blocks((REPOSITORY / "requirements.txt").read_text())
    for name, each in listed.items():
        (digest,) = each["hashes"]
        assert f"{name}=={each['version']}" in lock[name].lower()
        assert f"--hash=sha256:{digest['content']}" in lock[name], "the lock knows another one"
        assert each["purl"] == f"pkg:pypi/{name}@{each['version']}"
    below = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    assert any(ref.startswith("aiohttp==") for ref in below[f"roma-migrate=={__version__}"])


# --- the container ---------------------------------------------------------------------------------------------------


def test_the_linter_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint is packaged for x86_64 alone")
    said = run(hadolint, "--failure-threshold", "style", CONTAINERFILE, env=dict(os.environ), cwd=REPOSITORY)
    assert must(said) == ""


def test_it_runs_as_nobody_in_particular_and_hears_signals_itself() -> None:
    assert last("USER") == f"{STRANGER}:{STRANGER}"
    assert last("STOPSIGNAL") == "SIGTERM"
    assert isinstance(json.loads(last("ENTRYPOINT")), list), "a shell would stand between"
    froms = [rest for word, rest in instructions() if word == "FROM"]
    assert all(each.split()[0].endswith("-slim") for each in froms)
    assert "/" not in "".join(each.split()[0] for each in froms), "no registry is named"


def test_what_it_copies_is_what_make_dist_makes(archive: Path) -> None:
    copied = [rest.split()[0] for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")]
    assert copied == ["dist/wheelhouse"]
    assert (archive.parent / "wheelhouse" / "install.sh").exists()
    (install,) = [json.loads(rest) for word, rest in instructions() if word == "RUN" and "install.sh" in rest]
    assert install[:3] == ["sh", "/wheelhouse/install.sh", "/opt/roma-migrate"]


def test_sigterm_reaches_the_program_as_process_1(installed: Path, nowhere: dict[str, str], plans: Path) -> None:
    """Process 1 gets no signal that it does not ask for: a namespace of its own shows whether the program does."""
    first = ["unshare", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*first, "true"], capture_output=True, check=False).returncode:
        first = []
    stay = [*entry_point(installed), "emulator", "--port", "0", "--log-format", "json"]
    with subprocess.Popen([*first, *stay], env=nowhere, cwd=plans, text=True, stdout=subprocess.PIPE) as outer:
        read_until(outer.stdout, "127.0.0.1")
        inner = _child(outer.pid) if first else outer.pid
        os.kill(inner, signal.SIGTERM)
        out, _ = outer.communicate(timeout=60)
    assert outer.returncode in (0, 143), out
    assert "Traceback" not in out


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
