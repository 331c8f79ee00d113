"""Pages that were read before: what comes of them is what reading them anew would give."""

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.model.inventory import App
from orchestrator.roma import shapes
from orchestrator.roma.known import KnownPages
from orchestrator.roma.pages import Listing, read_page
from orchestrator.roma.wire import parse

LISTING = Listing("applications", "apps", 100, shapes.app, lambda x: x.id)

Page = tuple[list[App], int]


def read(value: object) -> Page:
    return read_page(LISTING, value)


def asked(known: KnownPages, body: bytes) -> Page | str:
    return _or_refused(lambda: known.page(LISTING.name, body, read))


def anew(body: bytes) -> Page | str:
    return _or_refused(lambda: read(parse(body)))


def _or_refused(ask: Callable[[], Page]) -> Page | str:
    try:
        return ask()
    except ValueError:
        return "refused"


def body_of(*names: str, total: int | None = None, **more: object) -> bytes:
    apps = [{"id": name, "name": name, "remark": "as before"} for name in names]
    return json.dumps({"total": len(apps) if total is None else total, "apps": apps, **more}).encode()


def test_elements_that_come_back_as_they_were_are_not_read_again() -> None:
    known = KnownPages()
    (first, _), (again, total) = (known.page(LISTING.name, body_of("a", "b", total=n), read) for n in (2, 102))
    assert again[0] is first[0]
    assert total == 102


def test_another_list_with_the_same_text_is_read_by_its_own_rule() -> None:
    known = KnownPages()
    assert asked(known, body_of("a")) == anew(body_of("a"))
    assert known.page("names", body_of("a"), lambda value: (["a name"], 1)) == (["a name"], 1)


@pytest.mark.parametrize(
    "changed",
    [
        body_of("a", "b", "c"), body_of("b", "a"), body_of("a", "c"), body_of("a"), body_of(),
        body_of("a", "b", size=2), body_of("a", "b", inner={"total": 7}), body_of("a", "b").replace(b": 2", b": -2"),
        body_of("a", "b").replace(b": 2", b": 2.0"), body_of("a", "b").replace(b": 2", b': "2"'),
        body_of("a", "b").replace(b'"as before"', b'"\\"total\\": 2,"', 1),
        body_of("a", "b")[:-1], b'{"total": 2, "x": 2}',
    ],
)  # fmt: skip
def test_whatever_changes_is_seen(changed: bytes) -> None:
    known = KnownPages()
    asked(known, body_of("a", "b"))
    assert asked(known, changed) == anew(changed)
    assert asked(known, body_of("a", "b")) == anew(body_of("a", "b"))


_WORDS = st.sampled_from(["total", "apps", "id", "name", '"total": 3,', "a", ""])
_VALUES = st.recursive(
    st.none() | st.integers(-1, 3) | _WORDS | st.floats(0, 3),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(_WORDS, x, max_size=4),
    max_leaves=8,
)
_APPS = st.lists(st.fixed_dictionaries({"id": st.sampled_from("abc"), "name": st.sampled_from("abc")}), max_size=3)
_PAGES = st.fixed_dictionaries({"total": st.integers(0, 12), "apps": _APPS}, optional={"more": _VALUES}) | _VALUES


@given(st.lists(_PAGES, min_size=2, max_size=6))
@example([{"total": 0}, {"total": 3}])
@example([{"apps": [{"id": "a", "name": "a", "total": n}]} for n in (1, 2)])
def test_any_pages_one_after_another_mean_what_each_means_alone(values: list[object]) -> None:
    known = KnownPages()
    for body in (json.dumps(value).encode() for value in values):
        assert asked(known, body) == anew(body)


def test_what_is_kept_is_bounded_and_what_was_asked_for_last_stays() -> None:
    known = KnownPages(most=4)
    first, second, third = (body_of(f"{n}1", f"{n}2") for n in "abc")
    (kept, _), _ = known.page(LISTING.name, first, read), known.page(LISTING.name, second, read)
    known.page(LISTING.name, first, read)
    known.page(LISTING.name, third, read)
    assert known.page(LISTING.name, first, read)[0] is kept
    assert sum(map(len, known._held.values())) <= 4
