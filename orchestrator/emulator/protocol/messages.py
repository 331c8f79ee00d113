"""Requests and replies as they cross the wire, without a socket.

Law: values only, every way a reply can travel is one type.

A server on a socket and an in-memory transport both realise `Reply.how`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from mmap import mmap

Json = dict[str, object]
#: the body of a request: in memory, or a mapped file where it is too large to hold
Received = bytes | mmap
#: an uploaded package: in memory, or a part of such a file
Upload = bytes | memoryview

#: one for all, since making an encoder costs more than most replies
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Filler:
    """`size` equal bytes, held as two numbers, so that a package of a gigabyte costs nothing."""

    size: int
    #: value of each byte
    byte: int = 0


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a reply: pieces and fillers, in order."""

    parts: tuple[bytes | Filler, ...] = ()

    def __len__(self) -> int:
        return sum(part.size if isinstance(part, Filler) else len(part) for part in self.parts)

    def __bytes__(self) -> bytes:
        return b"".join(self.chunks())

    def chunks(self, size: int = 65536) -> Iterator[bytes]:
        """Its bytes in pieces of at most `size`."""
        for part in self.parts:
            if isinstance(part, Filler):
                full = bytes([part.byte]) * min(size, part.size)
                for start in range(0, part.size, size):
                    yield full[: part.size - start]
            else:
                for start in range(0, len(part), size):
                    yield part[start : start + size]


@dataclass(frozen=True, slots=True)
class Whole:
    """The reply arrives as it is."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The connection is refused: no byte of the request left the caller."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The connection ends after the request was sent and before any byte of the reply."""

    #: the service did what was asked, or will
    executed: bool


@dataclass(frozen=True, slots=True)
class Hang:
    """No byte of the reply ever comes, the connection stays open."""

    #: the service did what was asked, or will
    executed: bool


@dataclass(frozen=True, slots=True)
class Truncated:
    """The body ends after `after` bytes, then the connection closes."""

    #: bytes that still arrive
    after: int
    #: a Content-Length of the whole body was sent; else the end of the connection is the end of the body
    with_length: bool


@dataclass(frozen=True, slots=True)
class WrongLength:
    """The Content-Length is not the body's: a larger one never fills, a smaller one cuts the body."""

    declared: int


@dataclass(frozen=True, slots=True)
class NoLength:
    """The whole body arrives without a Content-Length (chunked)."""


@dataclass(frozen=True, slots=True)
class Drip:
    """The body arrives whole, `chunk` bytes at a time, `interval` seconds apart."""

    chunk: int
    interval: float


@dataclass(frozen=True, slots=True)
class Delayed:
    """The whole reply arrives `seconds` later."""

    seconds: float


How = Whole | Refused | Dropped | Hang | Truncated | WrongLength | NoLength | Drip | Delayed


@dataclass(frozen=True, slots=True)
class Request:
    """One request as received."""

    method: str
    #: as on the wire, percent-encoded, without the query
    path: str
    #: decoded pairs in their order
    query: tuple[tuple[str, str], ...] = ()
    #: names in lower case; secrets stay out of reprs
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Received = field(default=b"", repr=False)
    #: value of the Host header
    host: str = "localhost"

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        for key, value in self.query:
            if key == name:
                return value
        return default


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, and how it travels."""

    status: int
    #: names in lower case; a transport adds Content-Length unless `how` says otherwise
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body = field(default=Body(), repr=False)
    how: How = Whole()

    @property
    def json(self) -> Json:
        """The body read as a JSON object; ValueError where it is none."""
        value = json.loads(bytes(self.body))
        if not isinstance(value, dict):
            raise ValueError("not a JSON object")
        return value


def json_reply(status: int, value: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with a JSON body."""
    return text_reply(status, json_text(value), headers)


def text_reply(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply whose JSON body is written already."""
    told = {"content-type": "application/json"}
    return Reply(status, told | dict(headers) if headers else told, Body((text.encode(),)))


def json_text(value: Mapping[str, object]) -> str:
    """JSON as replies write it."""
    return _ENCODER.encode(value)
