"""What `make dist` makes, made once, and a machine on which no registry can be reached."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.packaging.dist import make

#: what of the environment an installer could find a registry, or wheels beside ours, by
_WAYS = ("PIP_", "UV_", "PIPX_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, beside everything else that is made."""
    try:
        return make(tmp_path_factory.mktemp("made") / "dist")
    except subprocess.CalledProcessError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(
            f"the locked wheels cannot be fetched here: {' '.join(error.cmd[2:4])} ended with {error.returncode}"
        )


def nothing_known(home: Path) -> dict[str, str]:
    """An environment in which the index is an address where nobody listens."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith((*_WAYS, "ROMA_MIGRATE", "PYTHON"))
    }
    dead = "http://127.0.0.1:9/simple"
    return kept | {
        "HOME": str(home), "PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": dead, "PIP_RETRIES": "0",
        "UV_INDEX_URL": dead, "UV_NO_CONFIG": "1", "UV_OFFLINE": "1",
    }  # fmt: skip


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    return nothing_known(tmp_path)
