"""Both readings of the prefix, the likeliest first (API 1.3, 2.3)."""

import pytest

from orchestrator.core.model.naming import predicted


@pytest.mark.parametrize(
    ("prefix", "kind", "names"),
    [
        ("", "app", ("orders",)),
        ("", "task", ("orders",)),
        ("x_", "app", ("x_orders", "orders")),
        ("x_", "task", ("orders", "x_orders")),
    ],
)
def test_applications_are_likely_renamed_and_tasks_likely_not(prefix: str, kind: str, names: tuple[str, ...]) -> None:
    assert predicted(prefix, kind, "orders") == names


@pytest.mark.parametrize("kind", ["app", "task"])
@pytest.mark.parametrize(("shown", "name"), [(True, "x_orders"), (False, "orders")])
def test_what_the_service_has_shown_leaves_one_reading(kind: str, shown: bool, name: str) -> None:
    assert predicted("x_", kind, "orders", shown) == (name,)
