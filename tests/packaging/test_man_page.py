"""The manual page says what `--help` says, and roff reads it without a complaint."""

import re
import shutil
import subprocess

import pytest
import typer
from typer.core import TyperGroup, TyperOption

from orchestrator.cli.app import build
from tests.packaging.man_page import man_page


def test_every_command_and_option_is_told() -> None:
    page = man_page().replace("\\-", "-")
    group = typer.main.get_command(build())
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        assert (f"\n.SS {name}" in page) is not command.hidden
        for param in command.params:
            if isinstance(param, TyperOption) and not command.hidden:
                assert (param.opts[0] in page) or param.hidden


def test_what_is_hidden_is_not_told() -> None:
    page = man_page().replace("\\-", "-")
    assert "--preview\n" not in page.partition(".SS run")[2].partition(".SS ")[0]


def test_roff_has_nothing_to_say() -> None:
    if shutil.which("groff") is None:
        pytest.skip("no groff here")
    said = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-rLL=100n"], input=man_page(), capture_output=True, text=True, check=True
    )
    assert said.stderr == ""
    shown = re.sub(r".\x08|\x1b\[[0-9;]*m", "", said.stdout)
    assert "roma-migrate status orders-to-prod --fresh 8d" in shown
    assert "7   our own memory failed" in shown
