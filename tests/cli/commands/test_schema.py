"""`schema`: documents for editors and programs."""

import json
from collections.abc import Callable

from typer.testing import Result

Invoke = Callable[..., Result]


def test_the_schema_is_json(invoke: Invoke) -> None:
    assert json.loads(invoke("schema").stdout)["type"] == "object"
