"""From YAML text to plain data in which every scalar is text. Law: bounded work, and no guess about types.

PyYAML's parser (in C) gives events; they are composed here rather than by PyYAML, because its composer recurses without
a bound, forgets whether a tag was written, and takes duplicate keys. Values that an alias names are shared while
composing and counted as if copied, so a bomb is refused before it goes off; only then are they spread out.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import yaml

from orchestrator.core.plan.problems import MOST_PROBLEMS, Place, Problem
from orchestrator.storage.yamlslips import Mark, NotYaml, explain, undefined_alias

__all__ = ["Data", "Read", "Unreadable", "read_yaml"]

Data = str | list["Data"] | dict[str, "Data"]

#: levels of lists and mappings within each other; a plan needs 7
DEEPEST = 24
#: values after aliases and merges are spread out: a selection of 60,000 assets by id still fits
MOST_VALUES = 200_000

_TOO_DEEP = f"lists and mappings lie too deep in each other, allowed are {DEEPEST} levels"

_MOST_REPAIRS = 20
_NULLS = ("null", "Null", "NULL", "~")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Read:
    """What a YAML text holds, and what is wrong with it."""

    data: Data
    lines: dict[Place, int]
    #: (line, message)
    problems: tuple[tuple[int, str], ...]


@dataclass(slots=True)
class _Scalar:
    text: str
    line: int
    size: int = 1
    depth: int = 1


@dataclass(slots=True)
class _Sequence:
    line: int
    items: list["_Node"] = field(default_factory=list)
    size: int = 1
    depth: int = 1


@dataclass(slots=True)
class _Mapping:
    line: int
    #: key -> (line of the key, value)
    pairs: dict[str, tuple[int, "_Node"]] = field(default_factory=dict)
    size: int = 1
    depth: int = 1


_Node = _Scalar | _Sequence | _Mapping


class Unreadable(Exception):
    """The text is no YAML that could be read to its end."""

    def __init__(self, problems: Iterable[tuple[int, str]]) -> None:
        super().__init__("not readable as YAML")
        #: (line, message)
        self.problems = tuple(problems)


def read_yaml(text: str) -> Read:
    """The data of one YAML document, or Unreadable. Slips with a sure cure are told and read as they were meant."""
    slips: list[tuple[int, str]] = []
    while True:
        composer = _Composer(text)
        try:
            read = _read_once(text, composer)
        except NotYaml as fault:
            slips.append((fault.line, fault.message))
            if not fault.repaired or len(slips) >= _MOST_REPAIRS:
                raise Unreadable([*slips, *composer.problems]) from None
            text = fault.repaired
        else:
            return replace(read, problems=(*slips, *read.problems))


def _read_once(text: str, composer: "_Composer") -> Read:
    if found := _NOT_TEXT.search(text):
        line = len(re.split("\r\n|[\r\n]", text[: found.start()]))
        raise NotYaml(line, "a control character stands here, allowed is plain text")
    root = composer.document()
    lines: dict[Place, int] = {(): root.line}
    data = _spread(root, (), lines)
    return Read(data, lines, tuple(composer.problems))


def _spread(node: _Node, path: Place, lines: dict[Place, int]) -> Data:
    """Plain data; the depth of the recursion was bounded when the node was composed."""
    match node:
        case _Scalar():
            return node.text
        case _Sequence():
            lines.update({(*path, position): item.line for position, item in enumerate(node.items)})
            return [_spread(item, (*path, position), lines) for position, item in enumerate(node.items)]
        case _Mapping():
            lines.update({(*path, key): line for key, (line, _) in node.pairs.items()})
            return {key: _spread(value, (*path, key), lines) for key, (_, value) in node.pairs.items()}


def _grow(node: _Sequence | _Mapping, part: _Node) -> None:
    node.size += part.size
    node.depth = max(node.depth, part.depth + 1)
    if node.size > MOST_VALUES:
        raise NotYaml(
            node.line, f"this holds more than {MOST_VALUES} values, each alias counted as often as it is used"
        )
    if node.depth > DEEPEST:
        raise NotYaml(node.line, _TOO_DEEP)


class _Composer:
    """Builds nodes from the parser's events."""

    def __init__(self, text: str) -> None:
        #: what is wrong and yet did not stop the reading: (line, message)
        self.problems: list[tuple[int, str]] = []
        self._text = text
        self._events = self._parsed()
        # None stands for a value whose end has not been reached
        self._anchors: dict[str, _Node | None] = {}
        self._merged = 0

    def document(self) -> _Node:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise NotYaml(1, "the file is empty")
        node = self._node(next(self._events), ())
        next(self._events)  # the document's end
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise NotYaml(_line(after), 'a second document begins here ("---"), allowed is one document')
        return node

    def _parsed(self) -> Iterator[yaml.Event]:
        try:
            yield from yaml.parse(self._text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            raise explain(error, self._text) from None

    def _tell(self, line: int, path: Place, message: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append((line, str(Problem(path, message))))

    def _node(self, event: yaml.Event, path: Place) -> _Node:
        if len(path) >= DEEPEST:
            raise NotYaml(_line(event), _TOO_DEEP)
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event)
        tag, anchor = getattr(event, "tag", None), getattr(event, "anchor", None)
        if tag is not None:
            self._tell(
                _line(event), path, "a tag (!) stands here, none is allowed: take it out, or put the text in quotes"
            )
        if anchor is not None:
            self._anchors[anchor] = None
        node = self._composed(event, path)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _composed(self, event: yaml.Event, path: Place) -> _Node:
        match event:
            case yaml.ScalarEvent():
                if not event.style and event.value in _NULLS:
                    self._tell(
                        _line(event), path, 'null stands here: leave the key out, or write a name "null" in quotes'
                    )
                return _Scalar(event.value, _line(event))
            case yaml.SequenceStartEvent():
                return self._sequence(_Sequence(_line(event)), path)
            case _:
                return self._mapping(_Mapping(_line(event)), path)

    def _aliased(self, event: yaml.AliasEvent) -> _Node:
        if event.anchor not in self._anchors:
            raise undefined_alias(self._text, _mark(event))
        node = self._anchors[event.anchor]
        if node is None:
            raise NotYaml(_line(event), "an alias (*) stands inside the very value that it names")
        return node

    def _sequence(self, node: _Sequence, path: Place) -> _Sequence:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = self._node(event, (*path, len(node.items)))
            node.items.append(item)
            _grow(node, item)
        return node

    def _mapping(self, node: _Mapping, path: Place) -> _Mapping:
        merged: list[_Mapping] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            # An alias may stand for a key; then what it names is the key.
            key = self._node(event, (*path, "?"))
            merges = isinstance(event, yaml.ScalarEvent) and not event.style and event.value == "<<"
            name = key.text if isinstance(key, _Scalar) else "?"
            value = self._node(next(self._events), (*path, name))
            if not isinstance(key, _Scalar):
                self._tell(line, path, "a list or mapping stands where a key should, a key is a text")
            elif merges:
                merged += self._to_merge(value, line, path)
            elif name in node.pairs:
                first = node.pairs[name][0]
                self._tell(line, (*path, name), f"this key stands here twice, first on line {first}: keep one of them")
            else:
                node.pairs[name] = (line, value)
                _grow(node, value)
        for mapping in merged:
            self._merge(node, mapping)
        return node

    def _to_merge(self, value: _Node, line: int, path: Place) -> list[_Mapping]:
        values = value.items if isinstance(value, _Sequence) else [value]
        mappings = [v for v in values if isinstance(v, _Mapping)]
        if len(mappings) < len(values) or not values:
            self._tell(line, path, "<< takes in a mapping or a list of mappings: write <<: *name")
        return mappings

    def _merge(self, node: _Mapping, other: _Mapping) -> None:
        """Takes in what the mapping does not have: its own keys win, then those merged first."""
        self._merged += len(other.pairs)
        if self._merged > MOST_VALUES:
            raise NotYaml(node.line, f"<< takes in more than {MOST_VALUES} keys in all")
        for name, (line, value) in other.pairs.items():
            if name not in node.pairs:
                node.pairs[name] = (line, value)
                _grow(node, value)


def _mark(event: yaml.Event) -> Mark:
    mark = event.start_mark
    if mark is None:
        raise NotYaml(1, "the YAML parser does not say where this stands")
    return mark


def _line(event: yaml.Event) -> int:
    return _mark(event).line + 1
