"""The report's page in a real browser, opened from disk with the network off."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NO_BROWSER, chromium
from tests.browser.large import ASSETS, BATCHES, HOSTILE, SHOWN

if not chromium() and not os.environ.get("CI"):
    pytest.skip(NO_BROWSER, allow_module_level=True)

WIDE, NARROW = 1280, 390


@dataclass(slots=True)
class Opened:
    """A page, and what it said and asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def count(self) -> int:
        """Rows of the table that are shown."""
        return int(self.page.locator("#asset-table tbody tr:not([hidden])").count())


@contextmanager
def opened(browser: Browser, file: Path, width: int = WIDE, scheme: Any = "light", **how: Any) -> Iterator[Opened]:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, reduced_motion="reduce", **how
    )
    made = Opened(context.new_page())
    made.page.on("console", lambda message: made.said.append(f"{message.type}: {message.text}"))
    made.page.on("pageerror", lambda error: made.said.append(str(error)))
    made.page.on("request", lambda request: made.asked.append(request.url))
    made.page.goto(file.as_uri())
    try:
        yield made
    finally:
        context.close()


@pytest.fixture
def seen(browser: Browser, page_file: Path) -> Iterator[Opened]:
    with opened(browser, page_file) as made:
        yield made
        assert made.said == []
        assert made.asked == [page_file.as_uri()]


def test_the_page_is_small_private_and_says_the_verdict_first(page_file: Path, seen: Opened) -> None:
    assert page_file.stat().st_size < 3 * 1024 * 1024
    assert page_file.stat().st_mode & 0o777 == 0o600
    verdict = seen.page.locator(".verdict").first
    expect(verdict).to_contain_text("ended, but some assets did not make it")
    box = verdict.bounding_box()
    assert box is not None
    assert box["y"] < 200
    headings = seen.page.locator("h2").all_inner_texts()
    assert headings[:4] == ["Who must act", "Counts", "Timeline", "Assets"]


def test_a_change_board_sees_at_the_top_what_each_name_stands_for(seen: Opened) -> None:
    facts = seen.page.locator("header dl.facts div").evaluate_all(
        """all => Object.fromEntries(all.map((each) =>
             [each.querySelector("dt").textContent, each.querySelector("dd").textContent]))"""
    )
    assert facts["plan file"] == "/plans/<orders>.yaml (sha256 0123456789abcdef)"
    assert facts["dev"] == (
        "instance i-dev (Entwicklung <b>) of project p-dev at https://roma.example, region cn-north-4, "
        "as dev-migrator (acme/mig)"
    )
    assert facts["prod"].startswith("instance i-prod (\\u202eprod) of project p-prod at https://10.0.0.7:8443, as ")


def test_findings_are_groups_of_three_examples_and_the_rest_opens(seen: Opened) -> None:
    groups = seen.page.locator("#checks ul.groups > li")
    assert groups.count() == 2
    many = groups.first
    expect(many.locator("strong").first).to_have_text("warning left-out")
    expect(many).to_contain_text("40 times")
    shown = many.locator("li").evaluate_all("all => all.filter((each) => each.checkVisibility()).length")
    assert shown == 3
    many.get_by_text("and 37 more").click()
    expect(many.get_by_text("m39@prod")).to_be_visible()
    expect(groups.nth(1)).to_contain_text("@dev: the <clock> could not be read; ask again")


def test_what_was_learned_of_the_service_is_said_as_text(seen: Opened) -> None:
    rows = seen.page.locator("#learned tbody tr").evaluate_all(
        "all => all.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    assert [row[:7] for row in rows] == [
        ["application keys", "prod", "travelled", "600", "0", "0", ""],
        ["topics", "prod", "travelled of 12 assets and not of 3", "12", "3", "0", ""],
        ["products", "prod", "not readable", "0", "0", "9",
         "at prod: SCB.00000000 <script>window.hit = 1</script> \\u202eright"],
        ["increment positions", "prod", "did not travel", "0", "20", "0", ""],
    ]  # fmt: skip
    assert {(row[7][:10], row[8]) for row in rows} == {("2027-04-01", "20270401-020000-abcd")}


def test_names_are_text_whatever_they_hold(seen: Opened) -> None:
    names = seen.page.locator("#asset-table tbody th").all_text_contents()
    assert set(SHOWN) <= set(names)
    assert len(names) == ASSETS
    assert seen.page.evaluate("window.hit") is None
    assert seen.page.locator("script").count() == 1
    assert seen.page.locator("#asset-table img, #asset-table b, main script").count() == 0
    text = seen.page.evaluate("document.documentElement.outerHTML")
    assert not re.search("[\x00-\x08\x0b-\x1f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text)
    assert len(SHOWN) == len(HOSTILE)


def test_no_script_but_the_pages_own_may_run(seen: Opened) -> None:
    ran = seen.page.evaluate(
        """() => { const s = document.createElement("script"); s.textContent = "window.hit = 2";
                   document.body.append(s); return window.hit; }"""
    )
    assert ran is None
    assert any("Content Security Policy" in each for each in seen.said)
    seen.said.clear()


def test_the_search_narrows_the_table(seen: Opened) -> None:
    words, found = seen.page.get_by_role("searchbox"), seen.page.locator("#found")
    expect(found).to_have_text("1,100 of 1,100")
    words.fill("load-30")
    expect(found).to_have_text("11 of 1,100")
    assert seen.count() == 11
    words.fill("#10 quarantined")
    expect(found).to_have_text("55 of 1,100")
    words.fill("<SCRIPT>window")
    assert seen.count() == 2
    words.press("Enter")
    assert seen.page.url.endswith("report.html")
    words.fill("")
    seen.page.get_by_label("Outcome").select_option("imported but unverified")
    assert seen.count() == 2
    words.fill("nothing has this name")
    expect(found).to_have_text("0 of 1,100")


def test_the_timeline_shows_every_batch(seen: Opened) -> None:
    bars = seen.page.locator("svg.bar").evaluate_all(
        """all => all.map((bar) => { const box = bar.querySelector("rect").getBoundingClientRect();
             const chart = document.getElementById("chart").getBoundingClientRect();
             return {kind: bar.dataset.kind, title: bar.querySelector("title").textContent,
                     label: bar.querySelector("text")?.textContent,
                     seen: box.width >= 2 && box.left >= chart.left - 2 && box.left <= chart.right}; })"""
    )
    shown = {bar["title"].partition(" (")[0] for bar in bars if bar["seen"]}
    lost = {"import of batch 6"}  # its answer was lost, so that its outcome was unknown instead
    assert {f"{kind} of batch {n}" for kind in ("export", "import") for n in range(1, BATCHES + 1)} - lost <= shown
    too_long = seen.page.locator("svg.bar > text").evaluate_all(
        """all => all.filter((text) => text.textContent && text.getBBox().width + 2 >
             text.parentNode.querySelector("rect").getBoundingClientRect().width + 1).map((text) => text.textContent)"""
    )
    assert too_long == []
    for bar in bars:
        number = bar["title"].split(" ")[3]
        whole = {"", number, f"E{number}", f"I{number}"}
        assert bar["kind"] not in {"export", "import"} or bar["label"] in whole, "a label is whole or not there"
    assert any(bar["label"] == "E20" for bar in bars) or any(bar["label"] == "20" for bar in bars)
    kinds = {bar["kind"] for bar in bars}
    assert kinds == {"export", "import", "download", "verification", "somebody else's job", "unknown outcome"}
    assert seen.page.locator(".band.pause, .band.outage").count() == 2


def test_the_timeline_shows_above_each_bar_when_it_was_predicted(seen: Opened) -> None:
    plans = seen.page.locator("svg.plan").evaluate_all(
        """all => all.map((plan) => ({title: plan.querySelector("title").textContent,
             y: Number(plan.getAttribute("y")), wide: plan.querySelector("rect").getBoundingClientRect().width}))"""
    )
    assert len(plans) == 2 * BATCHES
    assert all(plan["wide"] >= 2 for plan in plans)
    titles = {plan["title"].partition(" (")[0] for plan in plans}
    assert {f"predicted import of batch {n}" for n in range(1, BATCHES + 1)} <= titles
    lowest = min(plan["y"] for plan in plans)
    jobs = seen.page.locator("svg.bar[data-kind=export]").evaluate_all("all => all.map((b) => +b.getAttribute('y'))")
    assert lowest < min(jobs)
    expect(seen.page.locator("#timeline > p").first).to_contain_text("predicted to be over at")


def test_the_timeline_zooms_by_buttons_and_by_keys(seen: Opened) -> None:
    page, drawing = seen.page, seen.page.locator("#chart > svg")

    def width() -> float:
        box = drawing.bounding_box()
        assert box is not None
        return round(box["width"])

    whole = width()
    page.get_by_role("button", name="Zoom in").click()
    assert width() == 2 * whole
    page.locator("#chart").focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert width() == 8 * whole
    expect(page.locator("#zoom-at")).to_have_text("8 ×")
    assert page.locator(".mark.l1").first.is_visible()
    before = page.evaluate("document.getElementById('chart').scrollLeft")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("before => document.getElementById('chart').scrollLeft < before", arg=before)
    page.keyboard.press("0")
    assert width() == whole
    page.keyboard.press("-")
    assert width() == whole


def test_the_keyboard_reaches_everything(seen: Opened) -> None:
    page = seen.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the report"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"chart", "words", "outcome", "SUMMARY", "BUTTON", "A"} <= set(reached)
    summary = page.locator("#timeline-table summary")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#timeline-table table").is_visible()


def test_landmarks_and_headings_are_in_place(seen: Opened) -> None:
    page = seen.page
    for role in ("banner", "navigation", "main", "contentinfo", "search"):
        assert page.get_by_role(role).count() == 1, role
    levels = [int(tag[1]) for tag in page.locator("h1, h2, h3").evaluate_all("all => all.map((e) => e.tagName)")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    links = page.locator("nav a").evaluate_all("all => all.map((e) => e.getAttribute('href'))")
    assert all(page.locator(link).count() == 1 for link in links)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(browser: Browser, page_file: Path, axe: str, scheme: str, width: int) -> None:
    with opened(browser, page_file, width, scheme, bypass_csp=True) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        seen.page.get_by_role("searchbox").fill("#1")
        seen.page.evaluate(axe)
        found = seen.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told = [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found["violations"]]
        assert told == []


def test_a_narrow_screen_is_never_wider_than_itself(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, NARROW) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") == NARROW
        name = seen.page.locator("#asset-table tbody th").nth(100)
        seen.page.locator("#asset-table").evaluate("(table) => { table.parentElement.scrollLeft = 500; }")
        name.scroll_into_view_if_needed()
        box = name.bounding_box()
        assert box is not None
        assert box["x"] >= 0, "the name stays while the rest scrolls"


def test_on_paper_everything_stands_open(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, scheme="dark") as seen:
        seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        seen.page.emulate_media(media="print")
        assert seen.page.locator("details:not([open])").count() == 0
        assert seen.page.locator("nav:visible, .controls:visible").count() == 0
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert seen.page.pdf(format="A4").startswith(b"%PDF")
        seen.page.wait_for_selector("details:not([open])")


def test_without_scripts_everything_can_be_read(browser: Browser, page_file: Path) -> None:
    with opened(browser, page_file, java_script_enabled=False) as seen:
        assert seen.page.locator("#asset-table tbody tr").count() == ASSETS
        assert not seen.page.locator("#search, #zoom").first.is_visible()
        assert seen.page.locator("svg.bar").first.is_visible()
