"""Puts what lies beside the package into the wheel: the plans, and what `make dist` has generated from the commands.

Law: an editable install takes them from where they lie. The manual page and the completions are there only if they were
made for this build, for a build alone has none of the libraries that the commands need.
"""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: names the folder that becomes the wheel's `share`
SHARE = "ROMA_MIGRATE_SHARE"


class BesideThePackage(BuildHookInterface[Any]):
    """The plans, and what a package manager or pipx puts where a shell and `man` look for it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "standard":
            return
        build_data["force_include"][str(Path(self.root) / "plans")] = "orchestrator/plans"
        share = os.environ.get(SHARE, "")
        if share:
            for file in sorted(path for path in Path(share).rglob("*") if path.is_file()):
                build_data["shared_data"][str(file)] = f"share/{file.relative_to(share)}"
