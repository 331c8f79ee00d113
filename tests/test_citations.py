"""What code cites can be opened: promises, contract and facts of the service stand in the READMEs of the rooms."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAP = ROOT / "orchestrator" / "README.md"
#: which page the citations of a word lead to
PAGES = {
    "Promise": MAP,
    "Contract": MAP,
    "API": ROOT / "orchestrator" / "roma" / "README.md",
    "Finishing": ROOT / "orchestrator" / "roma" / "README.md",
}
#: pages that lie outside the repository, where no reader can follow
ELSEWHERE = re.compile(r"(?:product|house|roma-connect-api|roma-finishing-api)\.md|\.\./sh[a]red")

_NUMBER = r"\d+(?:\.\d+)*"
_CITATION = re.compile(
    rf"\b(?P<word>[Pp]romise|Contract|API|Finishing)(?:(?<=romise)s)? (?P<first>Appendix [A-Z]|{_NUMBER}[a-d]?)\b"
    rf"(?P<more>(?:(?:, | and | to |, row | row ){_NUMBER}\b)*)"
)
_HEADING = re.compile(rf"#+ (?P<word>Promise|Contract|API|Finishing) (?P<first>Appendix [A-Z]|{_NUMBER}[a-d]?)\b")
#: a row of a table or a step of a list, which a citation names after its section: "7, 12"
_ENTRY = re.compile(r"(?:\| (\d+) \||(\d+)\. )")
#: where a sentence goes on in the next line of a comment or a docstring
_NEXT_LINE = re.compile(r"\n\s*(?:#:? )?")


def sections(word: str) -> dict[str, set[str]]:
    """Number of each section that `word` can name -> numbers of its rows and steps."""
    found: dict[str, set[str]] = {}
    entries: set[str] = set()
    for line in PAGES[word].read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = _HEADING.match(line)
            entries = found.setdefault(heading["first"], set()) if heading and heading["word"] == word else set()
        elif entry := _ENTRY.match(line):
            entries.add(entry[1] or entry[2])
    return found


SECTIONS = {word: sections(word) for word in PAGES}


def tracked(*patterns: str) -> Iterator[tuple[str, str]]:
    """Path and text of each text file that git knows and that is there."""
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            yield name, content.decode("utf-8", errors="replace")


def unresolved(text: str) -> Iterator[str]:
    """The citations of a text that lead nowhere."""
    for cited in _CITATION.finditer(_NEXT_LINE.sub(" ", text)):
        word = "Promise" if cited["word"] == "promise" else cited["word"]
        first = cited["first"].rstrip("abcd") if word == "Promise" else cited["first"]  # 3b is a part of promise 3
        entries = SECTIONS[word].get(first, set())
        numbers = {first, *(set(re.findall(_NUMBER, cited["more"])) - entries)}
        if not numbers <= set(SECTIONS[word]):
            yield cited[0]


def test_each_citation_leads_to_a_heading() -> None:
    lost = [
        f"{name}: {citation}"
        for name, text in tracked("orchestrator/*.py", "tests/*.py", "*.md", "tests/*.yaml", "plans/*.yaml")
        for citation in unresolved(text)
    ]
    assert lost == []


def test_a_citation_that_leads_nowhere_is_noticed() -> None:
    said = "promise {}, API {}; API {}; Finishing {}; Contract {}"
    assert list(unresolved(said.format("3", "1.12, 4", "1.10, 2.2", "2.1", "1b"))) == []
    assert len(list(unresolved(said.format("99", "7, 99", "7.7", "9.1", "99")))) == 5


def test_the_promises_are_counted_from_1_to_21() -> None:
    assert list(SECTIONS["Promise"]) == [str(number) for number in range(1, 22)]


def test_no_file_refers_to_a_page_outside_the_repository() -> None:
    told = [
        f"{name}:{number}: {line.strip()}"
        for name, text in tracked()
        for number, line in enumerate(text.splitlines(), 1)
        if ELSEWHERE.search(line)
    ]
    assert told == []


def test_the_map_names_only_files_that_exist() -> None:
    rooms = "cli|core|emulator|engine|roma|storage"
    named = set(re.findall(rf"`((?:{rooms})/[\w/]+(?:\.py)?)`", MAP.read_text(encoding="utf-8")))
    assert named
    assert sorted(name for name in named if not (MAP.parent / name).exists()) == []
