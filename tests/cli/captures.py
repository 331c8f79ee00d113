"""Screens that renderers must go on to make: text in `tests/cli/data`, looked at once, compared from then on.

`RENEW=1` writes them anew; look at the difference before it is committed.
"""

import os
from pathlib import Path

DATA = Path(__file__).parent / "data"


def must_be_as_captured(name: str, text: str) -> None:
    """Compare with the file of that name."""
    path = DATA / name
    if os.environ.get("RENEW"):
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")
