"""`make dist`: everything for a site into `dist/`."""

import sys
from pathlib import Path

from tests.packaging.dist import make
from tests.packaging.locked import REPOSITORY

if __name__ == "__main__":
    archive = make(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "dist")
    folder = archive.name.removesuffix(".tar.gz")
    print(
        f"{archive}: at a site without registries\n  tar xzf {archive.name} && sh {folder}/install.sh /opt/roma-migrate"
    )
