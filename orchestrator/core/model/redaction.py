"""Takes secrets out of words, in every spelling in which a service may say them back.

Law: whoever cuts a text has redacted it before, for half a secret is not found afterwards.

A service that refuses echoes what was sent: a header as it was, a body with its JSON escapes, an address with its
percent signs, a page with its HTML entities; a gateway puts a header into base64. It also cuts what it says, so the
first characters of a long secret count for the secret.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from orchestrator.core.model.secrets import (
    AccessKeySecret,
    AssumedAgency,
    CommandKey,
    IdToken,
    PasswordSecret,
    Secret,
    ServerAgency,
)

#: told in place of a secret
HIDDEN = "***"
#: a shorter value is no secret worth the name, and would blot out ordinary words
SHORTEST_SECRET = 6
#: so many first characters of a longer secret are the secret
PREFIX = 16
#: shorter pieces of base64 are found in ordinary words
_SHORTEST_BASE64 = 10

#: what a signed request or a token says of itself, whoever's it is
_NAMED = re.compile(
    r"""(?ix) (?: (signature (?:=|%3D|["']?\s*:\s*["']?)) [0-9a-f]{8,}
              | (x-(?:auth|security|subject)-token \\*["']? \s* (?:=|:|%3D|%3A) \s* \\*["']? ) [^\s"'\\<>,;&]{8,} )"""
)


class Redactor:
    """Replaces known secrets wherever they would be said."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._spellings: list[str] = []
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Values that nobody may read."""
        fresh = {each for each in secrets if len(each) >= SHORTEST_SECRET} - self._known
        if fresh:
            self._known |= fresh
            found = {*self._spellings, *(spelling for secret in fresh for spelling in spellings(secret))}
            self._spellings = sorted(found, key=lambda each: (-len(each), each))

    def clean(self, text: str) -> str:
        """The text without any of them."""
        for spelling in self._spellings:
            if spelling[:PREFIX] in text:
                text = _without(text, spelling)
        return _NAMED.sub(_only_named, text)

    def value(self, value: object) -> object:
        """Any JSON-like value, cleaned."""
        match value:
            case str():
                return self.clean(value)
            case dict():
                return {key: self.value(each) for key, each in value.items()}
            case list() | tuple():
                return [self.value(each) for each in value]
            case _:
                return value


def parts_of(secret: Secret) -> tuple[str, ...]:
    """What of a secret nobody may read."""
    match secret:
        case AccessKeySecret(ak=ak, sk=sk, security_token=token):
            return (ak, sk, token)
        case PasswordSecret(password=password):
            return (password,)
        case CommandKey(first=first):
            return parts_of(first)
        case AssumedAgency(by=by):
            return parts_of(by)
        case ServerAgency() | IdToken():
            return ()  # what they lead to is learned when it comes


def spellings(secret: str) -> set[str]:
    """The secret as it stands in a header, in JSON (also within JSON), an address, a page, base64 and hex."""
    once = {secret, *_in_json(secret)}
    twice = {each for spelling in once for each in _in_json(spelling)}
    return {*once, *twice, *_in_addresses(secret), *_in_pages(secret), *_in_base64(secret), secret.encode().hex()}


def _in_json(text: str) -> Iterator[str]:
    for plain in (True, False):
        found = json.dumps(text, ensure_ascii=plain)[1:-1]
        yield found
        yield found.replace("/", "\\/")
        yield re.sub(r"(?<=\\u)[0-9a-f]{4}", lambda digits: digits[0].upper(), found)


def _in_addresses(text: str) -> Iterator[str]:
    for found in (quote(text, safe=""), quote(text), quote_plus(text)):
        yield found
        yield re.sub("%[0-9A-F]{2}", lambda sign: sign[0].lower(), found)


def _in_pages(text: str) -> Iterator[str]:
    yield html.escape(text, quote=False)
    found = html.escape(text)
    yield found
    yield found.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield found.encode("ascii", "xmlcharrefreplace").decode()


def _in_base64(text: str) -> Iterator[str]:
    """Wherever in the encoded bytes it begins: three alignments, without the characters that its neighbours share."""
    data = text.encode()
    for before in range(3):
        bits = (before + len(data)) * 8
        whole = base64.b64encode(b"\0" * before + data).decode()[-(-before * 8 // 6) : bits // 6]
        if len(whole) >= _SHORTEST_BASE64:
            yield whole
            yield whole.replace("+", "-").replace("/", "_")


def _without(text: str, spelling: str) -> str:
    """The text without the spelling, or what is left of it where it was cut behind its first characters."""
    found: list[str] = []
    rest = 0
    begin = text.find(spelling[:PREFIX])
    while begin >= 0:
        end = begin + min(PREFIX, len(spelling))
        while end - begin < len(spelling) and end < len(text) and text[end] == spelling[end - begin]:
            end += 1
        found += [text[rest:begin], HIDDEN]
        rest = end
        begin = text.find(spelling[:PREFIX], rest)
    return "".join([*found, text[rest:]])


def _only_named(match: re.Match[str]) -> str:
    return f"{match[1] or match[2]}{HIDDEN}"
