"""Screens that renderers must go on to make: text that was looked at once, compared from then on.

`make screens` (`RENEW=1`) writes them anew, into `tests/cli/data` and into the README; look at the difference before it
is committed.
"""

import os
import re
from pathlib import Path

DATA = Path(__file__).parent / "data"
README = Path(__file__).parents[2] / "README.md"


def must_be_as_captured(name: str, text: str) -> None:
    """Compare with the file of that name."""
    path = DATA / name
    if os.environ.get("RENEW"):
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")


def must_stand_in_readme(text: str) -> None:
    """Compare with the block behind the mark."""
    page = README.read_text(encoding="utf-8")
    block = re.compile(r"(<!-- screen -->\n````text\n)(.*?)(\n````\n)", re.DOTALL)
    if os.environ.get("RENEW"):
        page = block.sub(lambda found: found[1] + text + found[3], page)
        README.write_text(page, encoding="utf-8")
    found = block.search(page)
    assert found is not None, "the README has no place for a screen"
    assert text == found[2]
