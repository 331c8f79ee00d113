"""A real browser without a network. Where none can be had the tests say so in one line, and with CI set they fail."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright
from typer.testing import CliRunner

from orchestrator.cli.app import build
from orchestrator.storage.dialectfile import keep_dialect
from orchestrator.storage.home import Home
from orchestrator.storage.store import HomeStore
from tests.browser.large import LEARNED, PLACES, large_run

#: what `make browser` installs, beside the browser
AXE = Path(__file__).parents[2] / ".venv/browser/axe.min.js"
#: of axe-core 4.14.1, whose licence (MPL 2.0) the package holds
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
NO_BROWSER = "no Chromium on the path nor in ROMA_TEST_CHROMIUM: run `make browser`"
RUN = "20270401-020000-abcd"


def missing(what: str) -> None:
    """One line; a machine that must prove everything does not pass without it."""
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def chromium() -> str:
    named = os.environ.get("ROMA_TEST_CHROMIUM", "")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Lasts for one module: while it lasts an event loop runs in this process, and no other test can run its own."""
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    path = chromium()
    if not path:
        missing(NO_BROWSER)
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    made = playwright.chromium.launch(executable_path=path, args=arguments)
    yield made
    made.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker's script, as it was published."""
    if not AXE.is_file():
        missing("axe-core is not there: run `make browser`")
    content = AXE.read_bytes()
    assert hashlib.sha256(content).hexdigest() == AXE_SHA256, f"{AXE} is not axe-core 4.14.1"
    return content.decode()


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run of 1,100 assets in 20 batches, made by the command."""
    folder = tmp_path_factory.mktemp("report")
    home = Home(folder / "home")
    home.make()
    entries = iter(large_run())
    at = 1_806_544_800.0
    seconds, began = next(entries)
    at += seconds
    store = HomeStore(home)
    store.create(RUN, "orders", [began], at)
    journal = store.journal(RUN, "test")
    for seconds, event in entries:
        at += seconds
        journal.append([event], at)
    journal.close()
    endpoints = {each.name: each.endpoint for each in PLACES}
    assert keep_dialect(home, lambda known: known.with_learned(LEARNED, endpoints, at, RUN)) == ""
    file = folder / "report.html"
    told = CliRunner().invoke(build(), ["report", "--home", str(home.path), "--html", str(file)])
    assert told.exit_code == 0, told.output
    return file
