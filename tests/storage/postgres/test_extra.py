"""Who does not ask for a database imports nothing of it."""

import subprocess
import sys

import pytest

_EXTRA = ("psycopg", "obstore", "temporalio")
_LOADED = f"import sys; print(sorted(name for name in sys.modules if name.split('.')[0] in {_EXTRA}))"
#: as if they were not installed
_WITHOUT = f"import sys; sys.modules |= dict.fromkeys({_EXTRA})\n"


def run(code: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["--help"], ["runs", "--help"], ["runs"], ["validate", "plans/minimal.yaml"]])
def test_no_command_imports_the_extra_unless_it_is_asked_for(words: list[str]) -> None:
    code = f"import atexit\natexit.register(lambda: exec({_LOADED!r}))\nfrom orchestrator.__main__ import main\nmain()"
    assert run(code, *words).stdout.splitlines()[-1:] == ["[]"]


#: the doors to what the extra brings
_DOORS = (
    "orchestrator.storage.postgres", "orchestrator.storage.bucket", "orchestrator.fleet.temporal",
    "orchestrator.fleet.component_workflow", "orchestrator.__m",
)  # fmt: skip


def test_every_module_but_its_doors_loads_without_the_extra() -> None:
    code = f"""{_WITHOUT}
import importlib, pkgutil, orchestrator
for each in pkgutil.walk_packages(orchestrator.__path__, "orchestrator.", onerror=lambda name: None):
    if not each.name.startswith({_DOORS}):
        importlib.import_module(each.name)
"""
    done = run(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("option", [("--journal", "postgresql://u@h/d"), ("--packages", "s3://bucket")])
def test_without_the_extra_the_option_names_it(tmp_path: object, option: tuple[str, str]) -> None:
    code = f"{_WITHOUT}from orchestrator.__main__ import main\nmain()"
    done = run(code, "runs", *option, "--home", str(tmp_path))
    assert done.returncode == 2
    assert "pip install 'roma-migrate[fleet]'" in done.stderr
